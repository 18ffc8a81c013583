"""What happened and what is so now, in words: pure over what the journal holds."""

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from tests.journal import samples_of_records as s
from trader.desk.situation import alert_counts, alert_groups, happened, situation
from trader.desk.values import RunnerHealth
from trader.engine.records import Level, LevelChanged
from trader.engine.view import Ops
from trader.journal import AlertRow

T0 = datetime(2026, 6, 1, 5, 11, 7, tzinfo=UTC)
ALIVE = RunnerHealth(alive=True, heartbeat_age_s=0.3, host="thread", pid=1)
DEAD = RunnerHealth(alive=False, heartbeat_age_s=9.0, host="thread", pid=1)


def alert(minute: int, text: str, *, level: str = "warning", code: str = "c") -> AlertRow:
    return AlertRow(seq=minute, run_id="", wall=T0 + timedelta(minutes=minute), level=level, code=code, text=text)


def ops(**changes: object) -> Ops:
    fields = {
        "public_socket": "up",
        "private_socket": "up",
        "price_age_s": 0.1,
        "last_reconciled_at": None,
        "quota_left_pct": 90.0,
        "clock_skew_s": 0.0,
        "messages_per_s": 1.0,
    }
    return Ops(**{**fields, **changes})  # type: ignore[arg-type]


def test_the_newest_comes_first_and_the_same_words_are_one_line_with_how_often() -> None:
    told = happened([alert(3, "down"), alert(2, "other"), alert(1, "down")], (), ())
    assert [(line.text, line.alert, line.times) for line in told] == [("down", 3, 2), ("other", 2, 1)]


def test_the_same_sentence_of_several_runs_filled_the_list() -> None:
    rows = [
        replace(alert(n, "Schedule: the position is held overnight.", level="info"), run_id=f"r{n}") for n in (9, 8, 7)
    ]
    (line,) = happened(rows, (), ())
    assert (line.times, line.alerts, line.alert, line.run_id) == (3, (9, 8, 7), 9, "")


def test_a_warning_is_not_hidden_behind_information_of_the_same_words() -> None:
    told = happened([alert(2, "down", level="info"), alert(1, "down")], (), ())
    assert [(line.level, line.times) for line in told] == [("info", 1), ("warning", 1)]


def test_a_group_is_acknowledged_when_all_of_it_is() -> None:
    seen = T0 + timedelta(hours=1)
    new, old = alert(2, "down"), replace(alert(1, "down"), acked_by="asha (cli)", acked_at=seen)
    (line,) = alert_groups([new, old])
    assert (line.acked_at, line.acked_by, line.alerts) == (None, "", (2, 1))
    (line,) = alert_groups([replace(new, acked_by="panel", acked_at=seen), old])
    assert (line.acked_by, line.acked_at) == ("panel", seen)


def test_open_alerts_are_counted_by_level_the_gravest_first() -> None:
    rows = [alert(3, "a"), alert(2, "b", level="error"), alert(1, "a")]
    assert list(alert_counts(rows).items()) == [("error", 1), ("warning", 2)]
    assert alert_counts([]) == {}


def test_the_engines_word_on_a_restart_gives_way_to_the_runners_own() -> None:
    told = happened(
        [alert(1, "Runner restarted", code="recovered"), alert(2, "was killed", code="runner_killed")], (), ()
    )
    assert [line.code for line in told] == ["runner_killed"]


def test_decisions_and_levels_are_told_and_the_list_is_bounded() -> None:
    level = LevelChanged(run_id="", wall=T0 + timedelta(days=900), account="paper", level=Level.PAUSED, reason="lunch")
    told = happened([alert(n, f"t{n}") for n in range(100)], s.one_of_each("r1"), [level], limit=7)
    assert len(told) == 7 and told[0].text == "Trading is PAUSED: lunch"
    codes = {line.code for line in happened((), s.one_of_each("r1"), ())}
    of_runs = {"stop_requested", "exit_decided", "leg_released", "position_adopted", "closing_moved", "run_finished"}
    assert codes == of_runs | {"level_changed", "limits_set", "loss_locked"}


def test_nothing_is_said_while_all_is_well() -> None:
    assert situation(ALIVE, "", None, ops(), ("ACTIVE", ""), ()) == ()


def test_trouble_is_said_most_important_first() -> None:
    lines = situation(
        DEAD, "The runner was killed.", None, None, ("HALTED", "kill (panel)"), [alert(1, "x", level="error")]
    )
    assert lines[0] == "The runner was killed."
    assert lines[1].startswith("Trading is HALTED: kill (panel). No entry") and "1 critical alert waits" in lines[2]


def test_what_is_not_normal_of_a_market_is_said_while_entries_pause_for_it() -> None:
    paused = ops(abnormal="entries pause: the index of BTC has moved 3.10 % within 60 s (index_jump_pct 3)")
    (line,) = situation(ALIVE, "", None, paused, ("ACTIVE", ""), ())
    assert line.startswith("Entries pause: the index of BTC has moved") and line.endswith("Exits and Stop go on.")


def test_a_journal_that_cannot_be_written_is_said() -> None:
    (line,) = situation(ALIVE, "", None, ops(journal_fault="the disk is full."), ("ACTIVE", ""), ())
    assert line.endswith("the disk is full.")


def test_rows_left_out_are_shown_by_name_while_a_runner_is_alive() -> None:
    rows = tuple(f"C-BTC-{n}000-201126 in the product list: tick_size is missing" for n in range(70, 76))
    (line,) = situation(ALIVE, "", None, ops(left_out=rows, left_out_times=12), ("ACTIVE", ""), ())
    assert line.startswith("6 rows of the exchange's lists make no sense and are left out: C-BTC-70000-201126 in")
    assert line.endswith("; and 2 more.")
    (line,) = situation(ALIVE, "", None, ops(left_out=rows[:1]), ("ACTIVE", ""), ())
    assert line.startswith("1 row of the exchange's lists makes no sense and is left out: C-BTC-70000-201126 in")
    assert situation(ALIVE, "", None, ops(), ("ACTIVE", ""), ()) == ()
