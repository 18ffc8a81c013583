"""The history and a run's timeline are on one clock, the exchange's, from their first line on."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from msgspec.structs import replace

from tests.desk.conftest import RunnersHand
from tests.journal import samples_of_records as s
from trader.desk import Desk
from trader.engine import records as r
from trader.journal import Journal

WALL = datetime(2026, 11, 30, 18, 47, tzinfo=UTC)  # 00:17 in India
MARKET = datetime(2026, 11, 30, 1, 43, tzinfo=UTC)  # 07:13 there, by the exchange's own clock
MINUTE = timedelta(minutes=1)


def run_that_began_before_the_exchange_was_heard() -> list[r.AnyRecord]:
    leg = replace(s.leg_terms(), quantity=10)
    return [
        replace(s.run_created("a", market=None), wall=WALL),
        r.LegsChosen(
            run_id="a", wall=WALL, market=MARKET, legs=(leg,), spot=Decimal(35000), exit_at=MARKET + 60 * MINUTE
        ),
        replace(s.fill_recorded("a", "f1", quantity=10, commission="0.05"), wall=WALL, market=MARKET + MINUTE),
        replace(s.run_finished("a", "-0.0355", market=MARKET + 30 * MINUTE), wall=WALL + MINUTE),
    ]


def test_the_first_run_of_a_session_started_by_this_machines_clock(
    desk: Desk, journal: Journal, runner: RunnersHand
) -> None:
    records = run_that_began_before_the_exchange_was_heard()
    journal.append(records, lease=runner.lease)
    [run] = desk.history()
    assert (run.created_at, run.created_market, run.finished_market) == (WALL, MARKET, MARKET + 30 * MINUTE)
    sold = records[2]
    assert isinstance(sold, r.FillRecorded)
    assert run.premium == sold.fill.price * 10 * s.leg_terms().contract_value
    assert run.pnl_pct == Decimal("-0.0355") / run.premium * 100


def test_a_timeline_began_hours_away_from_its_own_second_line(
    desk: Desk, journal: Journal, runner: RunnersHand
) -> None:
    journal.append(run_that_began_before_the_exchange_was_heard(), lease=runner.lease)
    report = desk.report("a")
    assert [event.at for event in report.timeline] == [MARKET, MARKET, MARKET + MINUTE, MARKET + 30 * MINUTE]
    assert report.timeline[0].wall == WALL


def test_a_run_that_never_knew_the_exchanges_time_stays_on_this_machines(
    desk: Desk, journal: Journal, runner: RunnersHand
) -> None:
    journal.append(
        [replace(record, market=None) for record in run_that_began_before_the_exchange_was_heard()], lease=runner.lease
    )
    assert [event.at for event in desk.report("a").timeline] == [WALL, WALL, WALL, WALL + MINUTE]
    [run] = desk.history()
    assert run.created_market is None and run.finished_market is None
