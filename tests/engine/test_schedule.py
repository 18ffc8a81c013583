"""Indian times of day become instants: windows, weekdays, midnights, and the exit that must really come."""

from datetime import UTC, date, datetime, timedelta

import pytest

from tests.engine.scene import EXPIRY, OPENING, Phase, Scene, holding, option, preset, quote, secs, waiting
from trader.config.preset import Schedule
from trader.config.strategy import Strategy
from trader.domain.expiry import IST
from trader.domain.instrument import Kind
from trader.engine.schedule import Window, entry_window, exit_before_expiry, fix_instants
from trader.engine.selection import choose_expiry


def ist(day: int, clock: str, *, month: int = 1, year: int = 2025) -> datetime:
    hour, minute = clock.split(":")
    return datetime(year, month, day, int(hour), int(minute), tzinfo=IST).astimezone(UTC)


def schedule(entry: str, out: str, **changes: object) -> Schedule:
    return Schedule.model_validate({"entry_time_ist": entry, "exit_time_ist": out, **changes})


# 15 January 2025 is a Wednesday.
@pytest.mark.parametrize(
    ("plan", "at", "entry_at", "exit_at"),
    [
        pytest.param(schedule("09:30", "16:30"), ist(15, "08:00"), ist(15, "09:30"), ist(15, "16:30"), id="before"),
        pytest.param(
            schedule("09:30", "16:30"), ist(15, "09:30"), ist(15, "09:30"), ist(15, "16:30"), id="at the minute"
        ),
        pytest.param(
            schedule("09:30", "16:30"), ist(15, "10:00"), ist(15, "09:30"), ist(15, "16:30"), id="last minute"
        ),
        pytest.param(
            schedule("09:30", "16:30"), ist(15, "10:01"), ist(16, "09:30"), ist(16, "16:30"), id="just missed"
        ),
        pytest.param(
            schedule("09:30", "16:30", weekdays=["fri"]),
            ist(15, "09:30"),
            ist(17, "09:30"),
            ist(17, "16:30"),
            id="friday",
        ),
        pytest.param(
            schedule("09:30", "16:30", weekdays=["wed"]),
            ist(15, "12:00"),
            ist(22, "09:30"),
            ist(22, "16:30"),
            id="a week",
        ),
        pytest.param(schedule("22:00", "06:00"), ist(15, "12:00"), ist(15, "22:00"), ist(16, "06:00"), id="overnight"),
        pytest.param(
            schedule("23:50", "06:00"), ist(16, "00:10"), ist(15, "23:50"), ist(16, "06:00"), id="window over midnight"
        ),
        pytest.param(
            schedule("23:50", "06:00", weekdays=["wed"]),
            ist(16, "00:10"),
            ist(15, "23:50"),
            ist(16, "06:00"),
            id="window over midnight belongs to its own weekday",
        ),
        pytest.param(
            schedule("16:20", "16:30"),
            ist(15, "16:29"),
            ist(15, "16:20"),
            ist(15, "16:30"),
            id="minute before the exit",
        ),
        pytest.param(
            schedule("16:20", "16:30"),
            ist(15, "16:30"),
            ist(16, "16:20"),
            ist(16, "16:30"),
            id="window closed by the exit",
        ),
        pytest.param(
            schedule("09:30", "16:30", entry_window_mins=1440),
            ist(16, "09:00"),
            ist(16, "09:30"),
            ist(16, "16:30"),
            id="yesterday's long window has an exit in the past",
        ),
        pytest.param(
            schedule("09:30", "16:30"),
            ist(31, "23:59", month=12, year=2024),
            ist(1, "09:30"),
            ist(1, "16:30"),
            id="new year",
        ),
    ],
)
def test_times_of_day_become_instants(plan: Schedule, at: datetime, entry_at: datetime, exit_at: datetime) -> None:
    instants = fix_instants(plan, at, start_now=False)
    assert (instants.entry_at, instants.exit_at) == (entry_at, exit_at)


def test_a_start_now_enters_now_and_leaves_at_the_next_exit_time() -> None:
    instants = fix_instants(schedule("09:30", "16:30"), ist(15, "18:00"), start_now=True)
    assert (instants.entry_at, instants.exit_at) == (ist(15, "18:00"), ist(16, "16:30"))


@pytest.mark.parametrize(
    ("entry", "out", "words"),
    [
        ("09:00", "17:30", ""),
        ("08:59", "17:30", "entry 08:59"),
        ("09:00", "17:31", "exit 17:31"),
        ("08:59", "17:31", "entry 08:59 and exit 17:31"),
        ("16:00", "10:00", "overnight"),
    ],
)
def test_a_schedule_outside_the_day_session_is_warned_of(entry: str, out: str, words: str) -> None:
    warning = fix_instants(schedule(entry, out), ist(15, "00:00"), start_now=False).warning
    assert (warning == "") if words == "" else (words in warning)


def test_the_warning_reaches_the_person_as_an_alert_once() -> None:
    scene = waiting(preset(schedule={"entry_time_ist": "10:00", "exit_time_ist": "18:00"}))
    scene.tick(1)
    assert scene.alerts() == ["schedule"]
    assert "exit 18:00" in scene.run.schedule_warning


@pytest.mark.parametrize(
    ("at", "window"),
    [
        (ist(15, "09:29"), Window.EARLY),
        (ist(15, "09:30"), Window.OPEN),
        (ist(15, "10:00"), Window.OPEN),
        (ist(15, "10:00") + secs(1), Window.MISSED),
    ],
)
def test_entry_window_both_sides_of_its_boundaries(at: datetime, window: Window) -> None:
    plan = schedule("09:30", "16:30")
    assert entry_window(plan, ist(15, "09:30"), ist(15, "16:30"), at) is window


def test_expiry_moves_the_exit_ahead_and_never_later() -> None:
    plan = schedule("09:30", "16:30", exit_before_expiry_mins=45)
    expiry = ist(15, "17:30")
    assert exit_before_expiry(plan, ist(15, "16:30"), expiry) == ist(15, "16:30")
    assert exit_before_expiry(plan, ist(15, "17:00"), expiry) == ist(15, "16:45")


def test_the_exit_moves_ahead_of_the_expiry_when_strikes_are_picked() -> None:
    scene = waiting(
        preset(schedule={"entry_time_ist": "10:00", "exit_time_ist": "09:00", "exit_before_expiry_mins": 600})
    )
    assert scene.run.exit_at == ist(16, "09:00")
    scene.pass_time((ist(15, "10:00") - scene.wall).total_seconds())
    scene.prices(after=0)
    scene.read_chain()
    assert scene.run.exit_at == EXPIRY - timedelta(minutes=600)


def test_no_strikes_are_picked_when_the_exit_before_expiry_is_past() -> None:
    scene = Scene()
    scene.start(preset(strategy={"expiry": "nearest"}, schedule={"exit_before_expiry_mins": 1440}))
    soon = OPENING + timedelta(hours=20)
    scene.chain = [
        (option(Kind.CALL, 104_000, expiry=soon), quote("C-BTC-104000-160125", OPENING)),
        (option(Kind.PUT, 96_000, expiry=soon), quote("P-BTC-96000-160125", OPENING, delta=-0.12)),
    ]
    scene.read_chain()
    assert scene.run.legs == ()
    assert any("is past already" in why for why in scene.watch.why_not)


def test_a_missed_window_ends_the_run_without_an_order_and_says_why() -> None:
    scene = waiting()
    scene.tick(61 * 60)
    assert scene.phase is Phase.EXITING
    assert scene.run.exit_reason == "missed_entry"
    scene.serve()
    scene.tick(1)
    scene.serve()
    assert scene.phase is Phase.DONE
    assert scene.sent() == []
    assert scene.run.finished is not None and scene.run.finished.realized_pnl == 0


def test_an_entry_is_never_begun_from_the_exit_time_on() -> None:
    scene = waiting(preset(schedule={"entry_time_ist": "10:00", "exit_time_ist": "10:10", "entry_window_mins": 30}))
    scene.pass_time(40 * 60)
    scene.prices(after=0)
    scene.serve()
    assert scene.run.exit_reason == "missed_entry"
    assert scene.sent() == []


def test_the_boot_buffer_holds_a_scheduled_entry_back_and_not_a_person() -> None:
    scene = Scene(market=OPENING)
    scene.start(preset(schedule={"boot_buffer_secs": 30}), now=False)
    scene.prices(after=1)
    scene.serve()
    assert scene.phase is Phase.WAITING
    assert "just started: 29 s of buffer left" in scene.watch.why_not
    for _ in range(29):
        assert scene.phase is Phase.WAITING
        scene.prices(after=1)
        scene.serve()
    assert scene.phase is not Phase.WAITING

    hurried = Scene()
    hurried.start(preset(schedule={"boot_buffer_secs": 30}), now=True)
    hurried.prices()
    hurried.serve()
    hurried.prices()
    assert hurried.phase is not Phase.WAITING


@pytest.mark.parametrize("restart_at", ["23:59", "00:01", None])
def test_time_exit_fires_once_across_midnight_and_restart(restart_at: str | None) -> None:
    config = preset(schedule={"exit_time_ist": "00:30", "exit_before_expiry_mins": 45})
    scene = holding(config)
    exit_at = ist(16, "00:30")
    assert scene.run.exit_at == exit_at
    if restart_at is not None:
        moment = ist(15 if restart_at > "12" else 16, restart_at)
        scene.pass_time((moment - scene.wall).total_seconds())
        scene.restart()
        assert scene.phase is Phase.HOLDING
        assert scene.run.exit_at == exit_at
    scene.pass_time((exit_at - scene.wall).total_seconds() - 1)
    scene.prices(after=0)
    assert scene.phase is Phase.HOLDING
    scene.tick(1)
    assert scene.phase is Phase.EXITING
    assert scene.run.exit_reason == "time"
    assert sum(type(r).__name__ == "ExitDecided" for r in scene.records) == 1


def test_an_exit_that_came_due_while_down_begins_at_boot() -> None:
    scene = holding()
    scene.restart(down_secs=10 * 3600)
    assert scene.phase is Phase.EXITING
    assert scene.run.exit_reason == "time"
    assert {i.leg for i in scene.submits()} == {"C", "P"}


WEDNESDAY = ist(15, "09:30")
LISTED = [
    ist(15, "17:30"),
    ist(16, "17:30"),
    ist(17, "17:30"),
    ist(24, "17:30"),
    ist(31, "17:30"),
    ist(28, "17:30", month=2),
]


@pytest.mark.parametrize(
    ("rule", "at", "chosen"),
    [
        ("today", WEDNESDAY, date(2025, 1, 15)),
        ("next_day", WEDNESDAY, date(2025, 1, 16)),
        ("next_day", ist(15, "23:59"), date(2025, 1, 16)),
        ("next_day", ist(16, "00:00"), date(2025, 1, 17)),
        ("nearest", WEDNESDAY, date(2025, 1, 15)),
        ("nearest", ist(15, "15:30"), date(2025, 1, 15)),
        ("nearest", ist(15, "15:31"), date(2025, 1, 16)),
        ("today", ist(15, "15:31"), None),
        ("weekly", WEDNESDAY, date(2025, 1, 17)),
        ("weekly", ist(17, "16:00"), date(2025, 1, 24)),
        ("monthly", WEDNESDAY, date(2025, 1, 31)),
        ("monthly", ist(31, "16:00"), date(2025, 2, 28)),
        ("2025-01-24", WEDNESDAY, date(2025, 1, 24)),
        ("2025-01-25", WEDNESDAY, None),
    ],
)
def test_expiry_rules(rule: str, at: datetime, chosen: date | None) -> None:
    expiry, why = choose_expiry(Strategy(expiry=rule), LISTED, at)
    assert (expiry.astimezone(IST).date() if expiry else None) == chosen
    assert (why == "") is (chosen is not None)


def test_an_expiry_that_is_not_listed_is_refused_with_what_is() -> None:
    _, why = choose_expiry(Strategy(expiry="2025-01-25"), LISTED[:2], WEDNESDAY)
    assert "2025-01-25" in why and "15 Jan, 16 Jan" in why
    assert choose_expiry(Strategy(expiry="today"), [], WEDNESDAY)[1].endswith("(listed: none)")


def test_a_chain_read_before_the_entry_time_binds_no_strikes() -> None:
    """It may be read for the exchange's time alone; strikes of today would end a run of tomorrow at today's expiry."""
    scene = waiting()
    exit_at = scene.run.exit_at
    scene.read_chain()
    assert scene.run.legs == () and scene.run.exit_at == exit_at
