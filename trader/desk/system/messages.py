"""The channels, who gets which severity and when, and what has become of the messages. Addresses are never part of it."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from trader.config.channels import Channel
from trader.config.settings import Settings
from trader.domain.errors import ConfigError
from trader.domain.severity import SEVERITIES, Severity
from trader.journal import Journal
from trader.journal.outbox import UNDELIVERED, Message, Outbox, OutboxRow

_SHOWN = 20
LATELY = timedelta(days=1)
TEST = ("Strangle Desk: test", "This channel works.")  # title and text


class ChannelRow(msgspec.Struct, frozen=True, kw_only=True):
    """A channel: `called` is its kind and, where that is no secret, its host. Counts are of the last 30 days."""

    name: str
    called: str
    severities: tuple[Severity, ...]
    waiting: int = 0
    sent: int = 0
    undelivered: int = 0
    delivered_at: datetime | None = None


class SeverityRow(msgspec.Struct, frozen=True, kw_only=True):
    """Which channels a severity goes to, and when it waits: ``23:00-07:00`` (IST), empty for never."""

    severity: Severity
    channels: tuple[str, ...]
    quiet: str


class MessagesView(msgspec.Struct, frozen=True, kw_only=True):
    """What is set up and what has been sent. `waiting` and `undelivered`: the newest of them, newest first."""

    channels: tuple[ChannelRow, ...] = ()
    severities: tuple[SeverityRow, ...] = ()
    waiting: tuple[OutboxRow, ...] = ()
    undelivered: tuple[OutboxRow, ...] = ()
    links: str = ""


class MessageDesk:
    """The messages of one account."""

    def __init__(self, settings: Settings, account: str, journal: Callable[[], Journal]) -> None:
        self._settings = settings
        self._account = account
        self._journal = journal

    @property
    def outbox(self) -> Outbox:
        return Outbox(self._journal(), self._account)

    def view(self) -> MessagesView:
        """Everything there is to see.

        Raises:
            JournalError: The outbox cannot be read.
        """
        channels, outbox = self._settings.channels, self.outbox
        counts, last = outbox.count(), outbox.last_sent()
        spans = self._settings.quiet.spans
        return MessagesView(
            channels=tuple(_row(one, counts, last) for one in channels),
            severities=tuple(
                SeverityRow(
                    severity=name,
                    channels=tuple(one.name for one in channels if name in one.severities),
                    quiet=str(spans[name]) if name in spans else "",
                )
                for name in reversed(SEVERITIES)
            ),
            waiting=tuple(outbox.newest(("waiting", "sending"), _SHOWN)),
            undelivered=tuple(outbox.newest(UNDELIVERED, _SHOWN)),
            links=self._settings.public_url or "" if self._settings.reply_links else "",
        )

    def send_test(self, name: str) -> str:
        """Put a test message on its way, whatever the channel's severities and quiet hours; the key to ask for it by.

        Raises:
            ConfigError: There is no such channel.
            JournalError: It could not be put into the outbox.
        """
        if name not in {one.name for one in self._settings.channels}:
            raise ConfigError(f"There is no channel {name}.")
        now = datetime.now(UTC)
        key = f"test:{now.isoformat()}"
        self.outbox.put(
            [Message(key=key, channel=name, severity="info", title=TEST[0], body=TEST[1], made_at=now, next_at=now)]
        )
        return key

    def outcome(self, key: str) -> OutboxRow | None:
        """What has become of a message.

        Raises:
            JournalError: The outbox cannot be read.
        """
        return self.outbox.of_key(key)


def _row(channel: Channel, counts: Mapping[tuple[str, str], int], last: Mapping[str, datetime]) -> ChannelRow:
    def many(*states: str) -> int:
        return sum(counts.get((channel.name, state), 0) for state in states)

    return ChannelRow(
        name=channel.name,
        called=channel.called,
        severities=tuple(one for one in reversed(SEVERITIES) if one in channel.severities),
        waiting=many("waiting", "sending"),
        sent=many("sent"),
        undelivered=many(*UNDELIVERED),
        delivered_at=last.get(channel.name),
    )
