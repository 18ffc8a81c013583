"""The machinery of the desk in memory: a board, two channels, a few settings."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec.structs import replace

from trader.desk import Call, ChannelRow, Health, KeyRow, MessagesView, OutboxRow, SettingRow, SeverityRow, Status
from trader.domain.errors import ConfigError, JournalError
from trader.domain.severity import SEVERITIES
from trader.journal.verifying import Finding, Verification

T0 = datetime(2026, 11, 21, 5, 11, 7, tzinfo=UTC)
PHONE = ChannelRow(name="tgram-1a2b", called="Telegram", severities=("critical", "warning"), sent=12, delivered_at=T0)
HOOK = ChannelRow(name="json-3c4d", called="Webhook at 10.0.0.5:8080", severities=SEVERITIES, waiting=1, undelivered=1)


def message(key: str, state: str, why: str = "") -> OutboxRow:
    return OutboxRow(
        id=1, key=key, channel=HOOK.name, severity="critical", title="Runner dead", body="2 legs are open", made_at=T0,
        next_at=T0, state=state, tries=2, changed_at=T0 + timedelta(seconds=1.5), why=why,
    )  # fmt: skip


class FakeMessages:
    def __init__(self, asked: list[tuple[str, object]]) -> None:
        self.asked = asked
        self.fault = ""
        self.seen = MessagesView(
            channels=(PHONE, HOOK),
            severities=tuple(
                SeverityRow(
                    severity=name,
                    channels=tuple(one.name for one in (PHONE, HOOK) if name in one.severities),
                    quiet="" if name == "critical" else "23:00-07:00",
                )
                for name in reversed(SEVERITIES)
            ),
            waiting=(message("a", "waiting", "connection refused"),),
            undelivered=(message("b", "uncertain", "no answer"),),
        )
        self.became: OutboxRow | None = message("test", "waiting")

    def view(self) -> MessagesView:
        if self.fault:
            raise JournalError(self.fault)
        return self.seen

    def send_test(self, name: str) -> str:
        if self.fault:
            raise ConfigError(self.fault)
        self.asked.append(("test", name))
        return "test"

    def outcome(self, key: str) -> OutboxRow | None:
        return self.became


class FakeSystem:
    def __init__(self, asked: list[tuple[str, object]]) -> None:
        self.asked = asked
        self.messages = FakeMessages(asked)
        self.rows = (
            Health(name="Runner", ok=True, words="alive: in a panel, process 4711 on this machine, epoch 3", since=T0),
            Health(name="Standby", ok=None, words="none has told of itself"),
            Health(
                name="Market stream", ok=False, words="down", since=T0, fault="The public stream is down.", fault_at=T0
            ),
        )
        self.whole = True

    def health(self, status: Status | str) -> tuple[Health, ...]:
        if isinstance(status, str):
            return (Health(name="Journal", ok=False, words=status),)
        return self.rows

    def connection(self) -> tuple[Call, ...]:
        self.asked.append(("connection", None))
        return (
            Call(name="Public", ok=True, words="127.0.0.1:9000 answers; BTC is at 91234", ms=3.4),
            Call(name="Signed", ok=False, words="The exchange does not know this key."),
        )

    def key_rows(self) -> tuple[KeyRow, ...]:
        return (
            KeyRow(name="DELTA_PAPER_API_KEY", present=True, used=True, source="announced by the local exchange"),
            KeyRow(name="DELTA_API_KEY", present=True, used=False, source="/home/asha/desk/.env"),
            KeyRow(name="DELTA_TESTNET_API_KEY", present=False, used=False, source=""),
        )

    def settings(self) -> tuple[SettingRow, ...]:
        return (
            SettingRow(
                name="TRADER_NOTIFY_URLS", value="set, not shown", source="environment", about="Where messages go."
            ),
            SettingRow(name="PORT", value="8501", source="default", about="Port of the panel."),
        )

    def configuration(self) -> tuple[SettingRow, ...] | str:
        return (SettingRow(name="strategy.quantity", value="2", source="environment (TRADER__STRATEGY__QUANTITY)"),)

    def verify(self) -> Verification:
        self.asked.append(("verify", None))
        finding = Finding(check="fills", ok=self.whole, words="twice booked: 7")
        return Verification(place="journal.db", records=1_234, runs=5, findings=(finding,))

    def backup(self) -> tuple[Path, int]:
        self.asked.append(("backup", None))
        if not self.whole:
            raise JournalError("A PostgreSQL journal is backed up with pg_dump.")
        return Path("/home/asha/desk/var/backups/journal-20261121-051107.db"), 2_500_000

    def without_channels(self) -> None:
        self.messages.seen = replace(self.messages.seen, channels=(), severities=(), waiting=(), undelivered=())
