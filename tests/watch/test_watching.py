"""What the watchdog tells of what was recorded, of what is dangerous, and of what nobody acknowledged."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from pydantic import SecretStr

from tests.desk.conftest import RunnersHand
from tests.engine.scene import holding
from tests.journal import samples_of_records as s
from trader.config.channels import Channel
from trader.config.quiet_hours import read_quiet
from trader.desk import Desk
from trader.desk.system.health import DISK_LEAST_BYTES
from trader.domain.errors import JournalError
from trader.domain.severity import SEVERITIES
from trader.engine import records as rec
from trader.journal import Journal
from trader.journal.outbox import Message, Outbox, OutboxRow
from trader.watch.watching import AGAIN, Watch

PHONE = Channel("tgram-1", SecretStr("tgram://x"), frozenset({"critical", "notice"}))
MAIL = Channel("mailto-2", SecretStr("mailto://x"), frozenset(SEVERITIES))


class Scene:
    def __init__(self, desk: Desk, journal: Journal) -> None:
        self.desk, self.journal = desk, journal
        self.shift = timedelta(0)
        self.free = 10 * DISK_LEAST_BYTES
        self.direct: list[Message] = []
        self.watch = self.made()
        self.watch.step()  # what was there before is no news

    def made(self, quiet: str = "") -> Watch:
        return Watch(
            self.desk,
            self.journal,
            (PHONE, MAIL),
            read_quiet(quiet),
            lambda: datetime.now(UTC) + self.shift,
            lambda channel, message: self.direct.append(message),
            lambda _: self.free,
        )

    def told(self, channel: str = MAIL.name) -> list[OutboxRow]:
        rows = Outbox(self.journal, self.desk.account).newest(limit=500)
        return [row for row in reversed(rows) if row.channel == channel]

    def titles(self, channel: str = MAIL.name) -> list[str]:
        return [row.title for row in self.told(channel)]

    def alert(self, text: str, level: str = "error") -> None:
        now = datetime.now(UTC) + self.shift
        self.journal.append(
            [rec.AlertRaised(run_id="", wall=now, level=level, code="naked_leg", text=text)],
            lease=None,
            account="paper",
        )


@pytest.fixture
def scene(desk: Desk, journal: Journal) -> Scene:
    return Scene(desk, journal)


def test_an_alert_goes_once_to_the_channels_that_want_it(scene: Scene) -> None:
    scene.alert("one")
    scene.alert("two", level="warning")
    scene.watch.step()
    scene.watch.step()
    assert [row.body for row in scene.told()] == ["one", "two"] and [row.body for row in scene.told(PHONE.name)] == [
        "one"
    ]


def test_a_watchdog_that_starts_again_goes_on_where_the_last_one_was(scene: Scene) -> None:
    scene.alert("while it was down")
    scene.watch = scene.made()
    scene.watch.step()
    assert [row.body for row in scene.told()] == ["while it was down"]


def test_what_happened_before_the_first_start_is_no_news(desk: Desk, journal: Journal) -> None:
    journal.append(s.one_of_each("a"), lease=None)
    assert Scene(desk, journal).told() == []


def test_quiet_hours_hold_back_all_but_what_is_critical(scene: Scene) -> None:
    scene.watch = scene.made(quiet="00:00-23:59")
    scene.alert("grave")
    scene.alert("less", level="warning")
    scene.watch.step()
    now = datetime.now(UTC)
    assert [row.body for row in scene.told() if row.next_at <= now] == ["grave"]


def test_a_critical_alert_that_nobody_acknowledges_is_told_again_every_ten_minutes(scene: Scene, desk: Desk) -> None:
    scene.alert("look at it")
    scene.watch.step()
    scene.shift = AGAIN + timedelta(seconds=1)
    scene.watch.step()
    scene.watch.step()
    assert scene.titles() == ["Naked leg", "A critical alert is not acknowledged"]
    scene.shift = 2 * AGAIN + timedelta(seconds=5)
    scene.watch.step()
    assert len(scene.titles()) == 3
    desk.acknowledge(None, issued_by="cli", who="asha")
    scene.shift = 4 * AGAIN
    scene.watch.step()
    assert len(scene.titles()) == 3


def test_a_runner_that_is_gone_while_a_run_is_open_is_told_and_its_return_too(
    scene: Scene, journal: Journal, runner: RunnersHand
) -> None:
    held = holding()
    run = held.view
    runner.live()
    scene.watch.step()
    journal.append(
        [replace(one, account="paper") if isinstance(one, rec.RunCreated) else one for one in held.records],
        lease=None,
        account="paper",
    )
    scene.watch.step()
    before = len(scene.titles())
    runner.live(run)
    scene.watch.step()
    assert len(scene.titles()) == before
    scene.shift = timedelta(seconds=40)
    runner.live(run, age_secs=30, lease_age_secs=30)
    scene.watch.step()
    scene.watch.step()
    (row,) = scene.told()[before:]
    assert row.title == "No runner is alive and 1 run is open" and row.severity == "critical"
    scene.shift = timedelta(0)
    runner.live(run)
    scene.watch.step()
    assert scene.titles()[before + 1] == "Over: No runner is alive and 1 run is open"


def test_a_full_disk_is_a_warning_while_nothing_is_open(scene: Scene) -> None:
    scene.free = DISK_LEAST_BYTES - 1
    scene.watch.step()
    (row,) = scene.told()
    assert (row.severity, row.title, row.body) == ("warning", "The disk is nearly full", "199 MB are left.")


def test_a_danger_that_lasts_is_told_again_and_one_that_is_over_is_told_once(scene: Scene) -> None:
    scene.free = 0
    for minutes in (0, 5, 10, 15, 20):
        scene.shift = timedelta(minutes=minutes, seconds=minutes)
        scene.watch.step()
    scene.free = 10 * DISK_LEAST_BYTES
    scene.watch.step()
    scene.watch.step()
    assert scene.titles() == ["The disk is nearly full"] * 3 + ["Over: The disk is nearly full"]


def test_a_journal_that_takes_nothing_is_told_past_it(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: Any, **__: Any) -> Any:
        raise JournalError("The journal was removed.")

    monkeypatch.setattr(scene.desk, "status", gone)
    monkeypatch.setattr(scene.journal, "writing", gone)
    scene.watch.step()
    scene.watch.step()
    assert [(one.channel, one.title) for one in scene.direct] == [
        (PHONE.name, "The journal cannot be read"),
        (MAIL.name, "The journal cannot be read"),
    ]


def test_what_could_not_be_written_is_written_as_soon_as_it_can_be(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> Any:
        raise JournalError("The disk is full.")

    scene.alert("less", level="warning")
    with monkeypatch.context() as patched:
        patched.setattr(scene.journal, "writing", full)
        scene.watch.step()
    scene.watch.step()
    assert [row.body for row in scene.told()] == ["less"] and scene.direct == []
