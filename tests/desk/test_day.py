"""The day: what its limits count, and results that stay in sight, exact to the journal's."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.desk.conftest import RunnersHand, picture
from tests.desk.test_status import view_of
from tests.journal import samples_of_records as s
from trader.config.preset import Preset, Risk
from trader.config.settings import Settings
from trader.desk import Day, Desk
from trader.desk.status_json import status_document
from trader.domain.clock import Now
from trader.domain.fill import Fill
from trader.domain.order import Side
from trader.engine import records as r
from trader.engine.fold import evolve
from trader.engine.gate import daily_loss, runs_today
from trader.engine.state import State
from trader.engine.view import LegView
from trader.journal import Journal
from trader.journal.views import TakenIn

DAY = timedelta(days=1)


def wall() -> datetime:
    return datetime.now(UTC)


def begun(run_id: str, at: datetime, market: datetime | None, **changes: Any) -> r.RunCreated:
    risk = Risk(max_runs_per_day=3, daily_loss_limit_usd=Decimal(500))
    config = Preset(risk=risk).model_dump(mode="json")
    return replace(s.run_created(run_id, market=market), wall=at, config=config, **changes)


def ended(run_id: str, pnl: str, at: datetime, market: datetime | None, reason: str = "time") -> r.RunFinished:
    return replace(s.run_finished(run_id, pnl, market=market), wall=at, exit_reason=reason)


def day_of(desk: Desk) -> Day:
    found = desk.status().day
    assert found is not None
    return found


def test_a_maximum_loss_of_minutes_ago_was_on_screen_for_seconds_and_gone(
    desk: Desk, journal: Journal, runner: RunnersHand
) -> None:
    now = wall()
    leg = replace(s.leg_terms(), quantity=10)
    sold = s.fill_recorded("a", "f1", quantity=10, commission="0.05")
    journal.append(
        [
            begun("a", now - timedelta(hours=3), now - timedelta(hours=3)),
            r.LegsChosen(run_id="a", wall=now, market=now, legs=(leg,), spot=Decimal(35000), exit_at=now),
            sold,
            ended("a", "-13.90", now - timedelta(minutes=50), now - timedelta(minutes=50), "max_loss"),
            begun("b", now, now),
        ],
        lease=None,
    )
    runner.live(view_of("b"))
    (result,) = day_of(desk).results
    premium = Decimal("391.0") * 10 * Decimal("0.001")
    assert (result.run_id, result.reason, result.pnl) == ("a", "max_loss", Decimal("-13.90"))
    assert result.pnl_pct == Decimal("-13.90") / premium * 100
    assert result.at == now - timedelta(minutes=50)
    report = desk.report("a")
    assert (report.summary.realized_pnl, report.view.premium) == (result.pnl, premium)


def test_the_day_is_what_the_gate_counts(desk: Desk, journal: Journal, settings: Settings, runner: RunnersHand) -> None:
    """Runs of several days, underlyings and presets; the limits and the strip may never tell different sums."""
    now, market = wall(), datetime(2026, 6, 1, 18, 25, tzinfo=UTC)  # 23:55 IST
    told: list[r.AnyRecord] = []
    for number, (pnl, minutes, underlying) in enumerate(
        [("-20.5", -1500, "BTC"), ("4.25", -30, "ETH"), ("-7.125", -2, "BTC"), ("-1", 4, "BTC"), ("2", 6, "BTC")]
    ):
        at = market + timedelta(minutes=minutes)
        name, real = f"r{number}", now - timedelta(minutes=10 - number)
        told += [begun(name, real, at, underlying=underlying), ended(name, pnl, real, at + timedelta(minutes=1))]
    told.append(begun("open", now, market + timedelta(minutes=8)))
    journal.append(told, lease=None)
    for offset in (0, 10):
        at = market + timedelta(minutes=offset)
        runner.live()
        journal.publish(replace(picture(wall(), view_of("open")), market=at))
        day = day_of(desk)
        state = State(installation="x", epoch=0, env="paper", account_key="paper")
        for _, record in journal.run_bounds("paper", now - 2 * DAY):
            state = evolve(state, record)
        clock = Now(wall(), at)
        assert max(-day.realised, Decimal(0)) == daily_loss(state, clock)
        assert day.runs_made == runs_today(state, "BTC", clock)
        assert (day.runs_most, day.loss_limit) == (3, Decimal(500))
    assert day.realised == Decimal(1) and day.runs_made == 2  # r3 was made before midnight and ended after it
    assert [result.run_id for result in day.results] == ["r4", "r3", "r2", "r1", "r0"]


def test_results_stay_for_a_day_of_this_clock_although_the_accelerated_market_passed_midnight(
    desk: Desk, journal: Journal, runner: RunnersHand
) -> None:
    now, market = wall(), datetime(2026, 6, 1, 18, 0, tzinfo=UTC)
    journal.append(
        [
            begun("old", now - timedelta(hours=26), market - 26 * timedelta(hours=60)),
            ended("old", "-9", now - timedelta(hours=25), market - 25 * timedelta(hours=60)),
            begun("a", now - timedelta(hours=2), market - timedelta(hours=120)),
            ended("a", "-5", now - timedelta(hours=1), market - timedelta(hours=60)),
        ],
        lease=None,
    )
    runner.live()
    journal.publish(replace(picture(wall()), market=market))
    day = day_of(desk)
    assert [result.run_id for result in day.results] == ["a"]
    assert (day.realised, day.runs_made) == (Decimal(0), 0)
    assert day.runs_most == 3  # of the run shown, the newest finished


def test_a_result_of_the_exchanges_day_stays_however_long_ago_this_clock_saw_it(
    desk: Desk, journal: Journal, runner: RunnersHand
) -> None:
    """A replayed market may have stood still overnight: the loss still counts for its day."""
    now, market = wall(), datetime(2026, 6, 1, 6, 0, tzinfo=UTC)
    then = now - timedelta(hours=30)
    journal.append([begun("a", then, market), ended("a", "-5", then, market)], lease=None)
    runner.live()
    journal.publish(replace(picture(wall()), market=market))
    day = day_of(desk)
    assert [result.run_id for result in day.results] == ["a"] and day.realised == Decimal(-5)


def test_a_run_made_long_ago_counts_for_the_day_it_ended_also_when_it_ends_while_looked_at(
    desk: Desk, journal: Journal
) -> None:
    now = wall()
    journal.append([begun("old", now - 5 * DAY, now - 5 * DAY)], lease=None)
    assert day_of(desk).results == ()
    journal.append([ended("old", "-80", now, now)], lease=None)
    day = day_of(desk)
    assert [result.preset for result in day.results] == ["default"]
    assert (day.realised, day.runs_made) == (Decimal(-80), 0)


def test_what_has_ended_is_read_once(desk: Desk, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    now = wall()
    journal.append([begun("a", now, now), ended("a", "1.5", now, now)], lease=None)
    first = day_of(desk)
    asked: list[Any] = []
    monkeypatch.setattr(Journal, "taken_in", lambda self, ids: asked.append(ids) or {})
    bounds = Journal.run_bounds
    rows: list[int] = []

    def counted(self: Journal, *args: Any) -> Any:
        found = bounds(self, *args)
        rows.append(len(found))
        return found

    monkeypatch.setattr(Journal, "run_bounds", counted)
    assert [day_of(desk), day_of(desk)] == [first, first]
    assert (asked, rows) == ([], [])


def test_an_empty_day_knows_no_limits(desk: Desk) -> None:
    day = day_of(desk)
    assert (day.realised, day.open, day.runs_made, day.results) == (Decimal(0), Decimal(0), 0, ())
    assert (day.runs_most, day.loss_limit) == (None, None)


def test_a_run_that_sold_nothing_has_no_share_of_premium(desk: Desk, journal: Journal) -> None:
    now = wall()
    journal.append([begun("a", now, now), ended("a", "0", now, now, "missed_entry")], lease=None)
    (result,) = day_of(desk).results
    assert (result.pnl, result.pnl_pct, result.reason) == (Decimal(0), None, "missed_entry")


@pytest.mark.parametrize(("filled", "pnl", "expected"), [(0, None, "-1.5"), (3, None, None), (3, "2.25", "0.75")])
def test_what_is_open_is_the_sum_of_all_runs_or_unknown(
    desk: Desk, journal: Journal, runner: RunnersHand, filled: int, pnl: str | None, expected: str | None
) -> None:
    journal.append([s.run_created("a"), s.run_created("b")], lease=None)
    leg = LegView(
        key="C", symbol=s.CALL, side="sell", quantity=3, filled_quantity=filled, open_quantity=filled,
        strike=Decimal(36000), expiry=s.EXPIRY,
    )  # fmt: skip
    other = replace(view_of("b"), pnl=None if pnl is None else Decimal(pnl), legs=(leg,))
    runner.live(view_of("a"), other)
    assert day_of(desk).open == (None if expected is None else Decimal(expected))


def test_one_picture_has_one_time_and_what_records_tell_has_none(
    desk: Desk, journal: Journal, runner: RunnersHand
) -> None:
    assert desk.status().pictured_at is None
    journal.append([s.run_created("a"), s.run_finished("a", "1"), s.run_created("b")], lease=None)
    runner.live(view_of("b"))
    shown = journal.snapshot("paper")
    assert shown is not None
    status = desk.status()
    assert (status.pictured_at, status.market) == (shown.wall, shown.market)
    assert desk.status("a").pictured_at is None  # drawn from its records
    journal.append([s.run_finished("b", "1")], lease=None)
    assert desk.status().pictured_at is None


def test_premiums_are_what_was_sold_for_and_nothing_bought_back(journal: Journal) -> None:
    base = {"run_id": "a", "wall": s.WALL, "market": s.MARKET}
    bought = Fill(
        fill_id="f2", venue_order_id="701", client_order_id="o-2", symbol=s.CALL, product_id=101, side=Side.BUY,
        quantity=10, price=Decimal("200.5"), commission=None,
    )  # fmt: skip
    journal.append(
        [
            s.run_created("a"),
            r.LegsChosen(**base, legs=(s.leg_terms(),), spot=Decimal(35000), exit_at=s.MARKET),
            s.fill_recorded("a", "f1", quantity=4),
            r.FillRecorded(**base, leg="C", fill=bought),
            s.run_created("b"),
        ],
        lease=None,
    )
    premium = Decimal("391.0") * 4 * Decimal("0.001")
    assert journal.taken_in(["a", "b"]) == {"a": TakenIn(premium, premium, "credit")}


def test_the_document_tells_the_day_exactly(desk: Desk, journal: Journal, runner: RunnersHand) -> None:
    now = wall()
    journal.append([begun("a", now, now), ended("a", "-13.900000001", now, now, "max_loss")], lease=None)
    runner.live()
    document = json.loads(json.dumps(status_document(desk.status())))
    day = document["day"]
    assert (day["realised"], day["open"], day["runs_made"], day["loss_limit"]) == ("-13.900000001", "0", 1, "500")
    assert [(one["run_id"], one["pnl"], one["reason"]) for one in day["results"]] == [
        ("a", "-13.900000001", "max_loss")
    ]
    assert document["market"] is not None and day["date"] == str(day_of(desk).date)
