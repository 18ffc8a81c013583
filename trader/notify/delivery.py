"""One channel's messages on their way: gathered, sent, tried again, and what became of them written down before and after."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from trader.config.channels import Channel
from trader.domain.errors import ConfigError
from trader.domain.severity import SEVERITIES
from trader.journal.outbox import Outbox, OutboxRow
from trader.notify.sending import Answer, Send

APART = timedelta(seconds=3)  # between two sendings on a channel: twenty a minute is what the strictest services take
AGAIN_MOST = timedelta(minutes=1)
GIVEN_UP_AFTER = timedelta(hours=24)
_FIRST_AGAIN_SECS = 5
_GATHERED_MOST = 50
_LETTERS_MOST = 3_000  # a Telegram message has at most 4,096, of which links may take a thousand

Links = Callable[[Sequence[OutboxRow]], str]  # what is written below a message that holds these


class Courier:
    """Brings the messages of one channel. One thread only; another process may do the same, and each message goes by one of them."""

    def __init__(
        self,
        outbox: Outbox,
        channel: Channel,
        send: Send,
        clock: Callable[[], datetime],
        links: Links = lambda rows: "",
    ) -> None:
        self._outbox = outbox
        self._channel = channel
        self._send = send
        self._clock = clock
        self._links = links  # written when it is sent: what lies in the outbox holds none
        self._free_at: datetime | None = None  # when the channel may be used again

    def step(self) -> int:
        """Send what waits, as one message; how many of the outbox it held. 0: nothing waits, or it is too early.

        Raises:
            JournalError: What waits cannot be read or marked. What was sent and could not be marked is uncertain from the next start on.
        """
        now = self._clock()
        if self._free_at is not None and now < self._free_at:
            return 0
        rows = _fitting(self._outbox.due(self._channel.name, now, _GATHERED_MOST))
        ids = [row.id for row in rows]
        if not rows or not self._outbox.begin(ids, now):
            return 0
        title, body = compose(rows)
        try:
            below = self._links(rows)
            answer = self._send(
                self._channel.url, rows[0].severity, title, "\n\n".join(part for part in (body, below) if part)
            )
        except ConfigError as error:
            answer = None
            self._outbox.finish(ids, "failed", self._clock(), str(error))
        after = self._clock()
        self._free_at = after + APART
        if answer is not None:
            self._settle(rows, answer, after)
        return len(rows)

    def _settle(self, rows: Sequence[OutboxRow], answer: Answer, now: datetime) -> None:
        if answer.outcome != "refused":
            self._outbox.finish([row.id for row in rows], answer.outcome, now, answer.why)
            return
        old = [row.id for row in rows if now - row.made_at >= GIVEN_UP_AFTER]
        young = [row for row in rows if now - row.made_at < GIVEN_UP_AFTER]
        if old:
            self._outbox.finish(
                old, "failed", now, f"not taken for {GIVEN_UP_AFTER // timedelta(hours=1)} hours: {answer.why}"
            )
        if young:
            pause = min(_FIRST_AGAIN_SECS * 2 ** min(row.tries for row in young), AGAIN_MOST.total_seconds())
            again = now + timedelta(seconds=pause)
            self._outbox.finish([row.id for row in young], "waiting", now, answer.why, again)
            self._free_at = again  # what is new waits, too: the channel is down


def compose(rows: Sequence[OutboxRow]) -> tuple[str, str]:
    """Title and text of a message that holds these, the gravest first."""
    if len(rows) == 1:
        return rows[0].title, rows[0].body
    counts = {name: sum(row.severity == name for row in rows) for name in reversed(SEVERITIES)}
    told = ", ".join(f"{many} {name}" for name, many in counts.items() if many)
    return f"{len(rows)} messages: {told}", "\n\n".join(_entry(row) for row in rows)


def _entry(row: OutboxRow) -> str:
    return f"{row.title}\n{row.body}" if row.body else row.title


def _fitting(rows: Sequence[OutboxRow]) -> list[OutboxRow]:
    """As many as one message holds, at least one."""
    found: list[OutboxRow] = []
    letters = 0
    for row in rows:
        letters += len(_entry(row)) + 2
        if found and letters > _LETTERS_MOST:
            break
        found.append(row)
    return found
