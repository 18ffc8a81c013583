"""Reply by link: a link in a critical message that does one thing, once, within an hour: Stop & Exit, or acknowledge.

Anybody who has the link may press it, so it says no more than that and is signed with a secret that only this TRADER_HOME has. That it was
used stands in the journal, as the command it gave: a restart forgets nothing.
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from trader.config.files import private_folder, read_text, write_new
from trader.desk.stopping import stop_words
from trader.desk.values import NotPossible, Status
from trader.domain.errors import ConfigError
from trader.engine.view import RunView, TicketView
from trader.journal import AlertRow
from trader.journal.outbox import OutboxRow

if TYPE_CHECKING:
    from trader.desk.desk import Desk

PATH = "/api/link/"
VALID = timedelta(hours=1)  # a message that nobody acknowledges is repeated, with fresh links
_FILE = "links.key"
_FORM = re.compile(r"([A-Za-z0-9_-]{1,1200})\.([A-Za-z0-9_-]{43})")
_ANSWER_SECS = 3.0
_ALERTS_MOST = 30
_NOT_OURS = "This link was not made here, or it is not whole; nothing was done."


class Link(msgspec.Struct, frozen=True, kw_only=True, array_like=True, forbid_unknown_fields=True):
    """What a link says. `run_id` empty: everything that is open. `until`: seconds since 1970. `channel`: where it was sent."""

    act: Literal["stop", "ack"]
    run_id: str
    alerts: tuple[int, ...]
    channel: str
    until: int
    nonce: str


class Question(msgspec.Struct, frozen=True):
    """What a press would do now, for the page that asks: a title, what it means in lines, and the button's words."""

    title: str
    lines: tuple[str, ...]
    button: str


_links = msgspec.json.Decoder(Link)


class ReplyLinks:
    """The links of one account. Safe from any thread."""

    def __init__(self, desk: "Desk") -> None:
        self._desk = desk
        self._key: bytes | None = None

    @property
    def is_on(self) -> bool:
        return self._desk.settings.reply_links

    def lines(self, rows: Sequence[OutboxRow], channel: str) -> str:
        """What is written below a message that holds these; empty where nothing in it is critical or links are off. A message goes
        without its links rather than not at all."""
        critical = [row for row in rows if row.severity == "critical"]
        if not self.is_on or not critical:
            return ""
        runs = {row.run_id for row in critical}
        run_id = runs.pop() if len(runs) == 1 else ""
        alerts = tuple(sorted({seq for row in rows for seq in row.alerts})[-_ALERTS_MOST:])
        what = "this run" if run_id else "everything"
        try:
            told = [f"Stop & Exit {what}: {self._address('stop', run_id, (), channel)}"]
            if alerts:
                told.append(f"Acknowledge: {self._address('ack', '', alerts, channel)}")
        except ConfigError as error:
            return f"No links: {error}."
        return "\n".join(told)

    def question(self, token: str) -> Question:
        """What a link would do now. Changes nothing: programs look at links, too, before a person does.

        Raises:
            NotPossible: It is forged, expired or used up, or there is nothing left to do; one sentence.
            JournalError, ConfigError: The journal or the secret cannot be read.
        """
        link = self._read(token)
        if link.act == "ack":
            standing = self._standing(link)
            return Question(
                f"Acknowledge {len(standing)} alert{'s' if len(standing) > 1 else ''}?",
                tuple(one.text for one in standing),
                "Acknowledge",
            )
        status = self._desk.status()
        runs, orders = _stoppable(status, link)
        lines = [f"{_called(run)}: {stop_words(run)}" for run in runs]
        lines += [
            f"{one.quantity:,} {one.symbol}, a single order ({one.words}): cancelled and closed." for one in orders
        ]
        if not status.runner.alive:
            lines.append("No runner is alive: it is recorded, and carried out by the next one.")
        return Question(f"Stop & Exit now? ({status.env.upper()})", tuple(lines), "Yes, stop and exit")

    def use(self, token: str) -> str:
        """Do what a link says, once; one sentence about what came of it.

        Raises:
            NotPossible, JournalError, ConfigError: As `question`. Nothing was done.
        """
        link = self._read(token)
        key, desk = _key(link), self._desk
        if link.act == "ack":
            numbers = [one.seq for one in self._standing(link)]
            desk.acknowledge(numbers, issued_by="link", who=link.channel, key=key)
            return f"Acknowledged: {len(numbers)} alert{'s' if len(numbers) > 1 else ''}."
        _stoppable(desk.status(), link)
        receipt = desk.stop(link.run_id or None, issued_by="link", who=link.channel, key=key)
        row = desk.await_command(receipt.command_id, _ANSWER_SECS)
        if row.status == "new":
            return "Stop & Exit is recorded. No runner has answered yet; it is carried out by the first that does."
        return f"Stop & Exit is recorded, and the runner says: {row.detail}."

    # ------------------------------------------------------------ tokens

    def _address(self, act: Literal["stop", "ack"], run_id: str, alerts: tuple[int, ...], channel: str) -> str:
        until = int((datetime.now(UTC) + VALID).timestamp())
        link = Link(act=act, run_id=run_id, alerts=alerts, channel=channel, until=until, nonce=secrets.token_urlsafe(9))
        body = _text(msgspec.json.encode(link))
        return f"{self._desk.settings.public_url}{PATH}{body}.{self._sign(body)}"

    def _read(self, token: str) -> Link:
        form = _FORM.fullmatch(token)
        if form is None or not hmac.compare_digest(form[2], self._sign(form[1])):
            raise NotPossible(_NOT_OURS)
        try:
            link = _links.decode(base64.urlsafe_b64decode(form[1] + "=" * (-len(form[1]) % 4)))
        except (msgspec.MsgspecError, binascii.Error):  # signed by a version that wrote other links
            raise NotPossible(_NOT_OURS) from None
        if datetime.now(UTC).timestamp() >= link.until:
            raise NotPossible("This link has expired: links work for an hour. Nothing was done.")
        if self._desk.was_asked(_key(link)):
            raise NotPossible("This link was used already, and links work once. Nothing was done again.")
        return link

    def _sign(self, body: str) -> str:
        message = f"strangle-desk link 1\n{self._desk.account}\n{body}".encode()
        return _text(hmac.digest(self._secret(), message, hashlib.sha256))

    def _secret(self) -> bytes:
        """Made once, at the first link or the first press; deleting the file makes every link out there void."""
        if self._key is None:
            self._key = read_or_make_secret(self._desk.settings.home)
        return self._key

    def _standing(self, link: Link) -> list[AlertRow]:
        standing = [one for one in self._desk.alerts(1000, open_only=True) if one.seq in link.alerts]
        if not standing:
            raise NotPossible("What this message told was acknowledged already; nothing was done.")
        return standing


def read_or_make_secret(home: Path) -> bytes:
    """The secret that links of this TRADER_HOME are signed with; its file can be read by its owner only.

    Raises:
        ConfigError: It cannot be read or made, or is none.
    """
    private_folder(home, "The home folder")
    path = home / _FILE
    with suppress(FileExistsError):  # another process may make it at the same moment
        write_new(path, secrets.token_hex(32) + "\n", "The secret of links")
    text = (read_text(path, "The secret of links") or "").strip()
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        raise ConfigError(
            f"The secret of links {path} is none: delete it, and another is made; links sent before are void then"
        )
    return bytes.fromhex(text)


def _stoppable(status: Status, link: Link) -> tuple[list[RunView], list[TicketView]]:
    """The runs and single orders that it stops.

    Raises:
        NotPossible: There is nothing (left) to stop.
    """
    runs = [run for run in status.runs if link.run_id in ("", run.run_id)]
    orders = [one for one in status.tickets if link.run_id in ("", one.ticket_id)]
    if runs or orders:
        return runs, orders
    if link.run_id:
        raise NotPossible("The run of this message has ended already; nothing was stopped.")
    raise NotPossible("Nothing is open; nothing was stopped.")


def _called(run: RunView) -> str:
    return f"{run.preset} {run.underlying} ({run.env})"


def _key(link: Link) -> str:
    """Its command's idempotency key: of a link that is pressed twice at once, one command comes."""
    return f"link:{link.nonce}"


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
