"""What a glance shows: alive or dead, which run, and the journal's word where the live picture is old."""

import json
import os
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from tests.desk.conftest import RunnersHand, picture
from tests.journal import samples_of_records as s
from trader.cli.words import run_lines
from trader.desk import Desk
from trader.desk.status import runner_health
from trader.desk.status_json import status_document
from trader.domain.errors import OutcomeUnknown
from trader.engine import records as r
from trader.engine.view import LegView, RunView
from trader.exchange.common.statistics import CacheFigures, CallStatistics
from trader.journal import Journal, Lease
from trader.runner.process import identity

NOW = datetime(2026, 6, 1, 9, 30, tzinfo=UTC)


def view_of(run_id: str, phase: r.Phase = r.Phase.HOLDING, flat: str = "false") -> RunView:
    return RunView(
        run_id=run_id,
        env="paper",
        phase=phase,
        words="as the runner said",
        preset="default",
        config_hash="0123456789abcdef",
        underlying="BTC",
        created_at=s.WALL,
        stop_requested=False,
        flat=flat,
        pnl=Decimal("-1.5"),
    )


def lease_at(renewed: datetime, holder: str = "hand") -> Lease:
    return Lease(
        account="paper",
        holder=holder,
        host="thread",
        pid=1,
        epoch=1,
        code_hash="",
        schema_revision="0001",
        ttl_secs=10,
        taken_at=renewed,
        renewed_at=renewed,
        expires_at=renewed + timedelta(seconds=10),
    )


@pytest.mark.parametrize(
    ("lease_age", "picture_age", "alive"),
    [
        (0, 0, True),
        (9.9, 4.0, True),
        (1, 4.1, False),
        (10, 0, False),
        (1, None, False),
        (None, 0, False),
        (1, -4, True),
        (1, -3600, False),
    ],
)
def test_runner_is_alive_while_its_lease_holds_and_its_heart_beats(
    lease_age: float | None, picture_age: float | None, alive: bool
) -> None:
    lease = None if lease_age is None else lease_at(NOW - timedelta(seconds=lease_age))
    seen = None if picture_age is None else NOW - timedelta(seconds=picture_age)
    assert runner_health(lease, seen, NOW).alive is alive


def test_released_lease_is_a_dead_runner() -> None:
    assert not runner_health(lease_at(NOW, holder=""), NOW, NOW).alive


def test_nothing_yet_is_shown_as_nothing(desk: Desk) -> None:
    status = desk.status()
    assert (status.run, status.runs, status.ops, status.alerts) == (None, (), None, ())
    assert (status.env, status.account) == ("paper", "paper")
    assert (status.runner.alive, status.runner.heartbeat_age_s) == (False, None)


def test_living_runners_picture_is_shown_as_it_is(desk: Desk, journal: Journal, runner: RunnersHand) -> None:
    journal.append([s.run_created("a")], lease=None)
    runner.live(view_of("a"))
    status = desk.status()
    assert status.runner.alive and status.runner.host == "thread"
    assert status.run == view_of("a") and status.runs == (view_of("a"),)
    assert status.ops is not None and status.ops.public_socket == "up"


def test_newest_unresolved_run_comes_first_and_all_are_listed(
    desk: Desk, journal: Journal, runner: RunnersHand
) -> None:
    for name in ("a", "b", "c"):
        journal.append([s.run_created(name)], lease=None)
    journal.append([s.run_finished("c", "1")], lease=None)
    runner.live(view_of("a"), view_of("b"))
    status = desk.status()
    assert status.run is not None and status.run.run_id == "b"
    assert [run.run_id for run in status.runs] == ["a", "b"]
    asked = desk.status("a").run
    assert asked is not None and asked.run_id == "a"


def test_the_run_that_ended_last_when_none_is_open(desk: Desk, journal: Journal) -> None:
    journal.append(s.one_of_each("a"), lease=None)
    journal.append([s.run_created("b"), s.run_finished("b", "2.5")], lease=None)
    status = desk.status()
    assert status.run is not None
    assert (status.run.run_id, status.run.phase, status.run.flat) == ("b", "done", "true")
    assert status.runs == ()


def test_of_two_runs_the_one_that_ended_last_is_shown(desk: Desk, journal: Journal) -> None:
    """It began first; the other is what began last, and was shown in its place."""
    journal.append([s.run_created("a"), s.run_created("b")], lease=None)
    journal.append([s.run_finished("b", "2.5")], lease=None)
    journal.append([s.run_finished("a", "1")], lease=None)
    run = desk.status().run
    assert run is not None and run.run_id == "a"
    assert [one.run_id for one in desk.history()] == ["a", "b"], "History begins with what the status shows"


def test_run_nobody_has_pictured_yet_is_told_from_the_journal(
    desk: Desk, journal: Journal, runner: RunnersHand
) -> None:
    runner.live()
    journal.append([s.run_created("a")], lease=None)
    status = desk.status()
    assert status.run is not None and (status.run.run_id, status.run.phase) == ("a", "waiting")


def test_dead_runners_old_picture_gives_way_to_later_records(desk: Desk, journal: Journal, runner: RunnersHand) -> None:
    journal.append([s.run_created("a")], lease=None)
    runner.live(view_of("a", r.Phase.WAITING), age_secs=30, lease_age_secs=30)
    assert not desk.status().runner.alive
    later = replace(s.phase("a", r.Phase.EXITING), wall=datetime.now(UTC))
    journal.append([later], lease=None)
    run = desk.status().run
    assert run is not None and run.phase is r.Phase.EXITING


def test_dead_runners_picture_stays_while_nothing_later_is_known(
    desk: Desk, journal: Journal, runner: RunnersHand
) -> None:
    journal.append([s.run_created("a")], lease=None)
    runner.live(view_of("a"), age_secs=30, lease_age_secs=30)
    assert desk.status().run == view_of("a")


def test_finished_run_is_done_even_if_the_picture_lags(desk: Desk, journal: Journal, runner: RunnersHand) -> None:
    journal.append([s.run_created("a"), s.run_finished("a", "1.25")], lease=None)
    runner.live(view_of("a", r.Phase.EXITING, "unknown"))
    run = desk.status("a").run
    assert run is not None and (run.phase, run.flat) == ("done", "true")


def test_a_run_that_ended_before_the_runner_began_keeps_its_reason_and_its_legs(
    desk: Desk, journal: Journal, runner: RunnersHand
) -> None:
    """After a flatten the next runner knows no more of the run than that it ended."""
    journal.append(s.one_of_each("a"), lease=None)
    runner.live(replace(view_of("a", r.Phase.DONE, "true"), exit_reason=None))
    run = desk.status().run
    assert run is not None and run.phase == "done"
    assert run.exit_reason is not None and run.legs and "()" not in run.words


def test_run_there_is_not_is_none(desk: Desk, journal: Journal) -> None:
    journal.append([s.run_created("a")], lease=None)
    assert desk.status("nope").run is None


# ---------------------------------------------------------------- the document

ASKED_FOR = {
    "run_id", "env", "runner", "phase", "preset", "underlying", "spot", "entry_at", "exit_at", "premium", "pnl",
    "pnl_pct", "peak_pnl", "trailing_level", "exit_reason", "legs", "realized_pnl", "fees", "flat", "alerts",
}  # fmt: skip
ASKED_OF_A_LEG = {
    "symbol", "side", "quantity", "filled_quantity", "avg_px", "mark", "bid", "ask", "delta", "pnl",
}  # fmt: skip


def test_document_without_a_run_knows_nothing(desk: Desk) -> None:
    document = json.loads(json.dumps(status_document(desk.status())))
    assert document.keys() >= ASKED_FOR
    assert (document["run_id"], document["flat"], document["legs"]) == (None, "unknown", [])
    assert document["runner"]["alive"] is False and document["runner"]["heartbeat_age_s"] is None


def test_the_runners_connection_is_told_in_the_document_and_in_short(desk: Desk, runner: RunnersHand) -> None:
    counters = CallStatistics()
    counters.record_call("GET /v2/positions", 0.02, None)
    counters.record_call("GET /v2/positions", 0.5, OutcomeUnknown("reset"))
    counters.reconnected("public")
    cache = CacheFigures(size=0, hits=0, misses=0)
    figures = counters.snapshot(quota_left=9_990, clock_offset_secs=0.0, cache=cache, breaker_opened=0)
    runner.live()
    seen = picture(datetime.now(UTC))
    runner.journal.publish(replace(seen, ops=replace(seen.ops, client=figures)))
    told = json.loads(json.dumps(status_document(desk.status())))["client"]
    assert (told["calls"], told["errors"], told["reconnections"]) == (
        2,
        {"OutcomeUnknown": 1},
        {"public": 1, "private": 0},
    )
    assert told["endpoints"][0]["endpoint"] == "GET /v2/positions" and told["endpoints"][0]["p95_ms"] == 20
    assert (
        "exchange: 2 calls, 1 failed, 0 told to slow down, slowest endpoint p95 20 ms; 1 reconnections; "
        "9,990 weight units left"
    ) in run_lines(desk.status())


@pytest.mark.parametrize(("flat", "said"), [("true", True), ("false", False), ("unknown", "unknown")])
def test_document_holds_money_as_text_and_times_in_utc(
    desk: Desk, journal: Journal, runner: RunnersHand, flat: str, said: bool | str
) -> None:
    journal.append([s.run_created("a"), s.alert("a", "spot moved")], lease=None)
    leg = LegView(
        key="C",
        symbol=s.CALL,
        side="sell",
        quantity=10,
        filled_quantity=10,
        open_quantity=10,
        strike=Decimal(36000),
        expiry=s.EXPIRY,
        avg_px=Decimal("391.10"),
        mark=Decimal("1E+2"),
        delta=0.125,
    )
    view = replace(
        view_of("a", flat=flat), exit_at=s.MARKET, pnl=Decimal("-1.50"), pnl_pct=Decimal(100) / 3, legs=(leg,)
    )
    runner.live(view)
    document = json.loads(json.dumps(status_document(desk.status())))
    assert document.keys() >= ASKED_FOR and document["legs"][0].keys() >= ASKED_OF_A_LEG
    assert (document["pnl"], document["pnl_pct"], document["exit_at"]) == (
        "-1.50",
        "33.3333",
        "2021-06-21T04:00:00.000Z",
    )
    assert (document["legs"][0]["avg_px"], document["legs"][0]["mark"], document["legs"][0]["delta"]) == (
        "391.10",
        "100",
        0.125,
    )
    assert document["flat"] == said and document["phase"] == "holding"
    assert document["alerts"][0]["text"] == "spot moved"


def test_a_runner_whose_process_is_gone_is_not_alive_although_its_last_heartbeat_is_fresh() -> None:
    """It used to be called alive for four seconds after it was killed."""
    mine = identity(os.getpid())
    if not mine:
        pytest.skip("processes are told apart by /proc")
    boot, namespace, number, began = mine.split("/")
    elsewhere = f"another-boot/{namespace}/{number}/{began}"
    for process, alive in (
        (mine, True),
        (f"{boot}/{namespace}/{number}/1", False),  # its number is another process by now
        (f"{boot}/{namespace}/4194999/{began}", False),
        (elsewhere, True),  # another machine's or container's cannot be seen from here: the heartbeat counts
        ("", True),
    ):
        assert runner_health(lease_at(NOW, holder=f"hand@{process}"), NOW, NOW).alive is alive, process
