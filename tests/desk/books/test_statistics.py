"""Figures of execution, counted by hand, and the line of the log."""

import logging
from decimal import Decimal as D

import pytest

from tests.desk.books.stages import Written
from tests.engine.scene import OPENING
from tests.engine.tickets.stage import CALL, buy
from trader.desk import Desk
from trader.desk.books.statistics import Spread, read_execution
from trader.domain.errors import ConfigError
from trader.domain.statistics import EndpointStatistics, Statistics
from trader.journal import Journal
from trader.runner.run_log import log_statistics

YEAR = 24 * 366
_ENDPOINT = EndpointStatistics(endpoint="/v2/orders", calls=12, errors=1, p50_ms=20.0, p95_ms=81.4, p99_ms=99.0)
FIGURES = Statistics(
    orders_submitted=12, orders_accepted=10, orders_rejected=1, orders_unknown=1, orders_filled=4,
    edits_submitted=0, cancels_submitted=2, cancels_accepted=2, calls=340, errors={"network": 2}, rate_limited=3,
    quota_left=9_700, clock_offset_secs=0.1, instrument_cache_hit_rate=0.985, instruments_cached=80,
    breaker_opened=1, rows_skipped=0, reconnections={"public": 1, "private": 2}, endpoints=[_ENDPOINT],
)  # fmt: skip


@pytest.fixture
def stage(journal: Journal) -> Written:
    return Written(journal)


def test_nothing_done_is_told_as_not_known_rather_than_as_nought(desk: Desk) -> None:
    found = desk.statistics()
    assert (found.alive, found.client) == (False, None)
    execution = found.execution
    assert (execution.orders, execution.fill_rate, execution.rejection_rate, execution.slippage_pct) == (
        0,
        None,
        None,
        None,
    )
    assert execution.answer_secs == Spread(p50=None, p95=None, p99=None) and execution.by_status == {}


def test_figures_are_those_of_the_orders(stage: Written, desk: Desk) -> None:
    stage.order(buy(quantity=4, limit_price="100020"))
    stage.pass_time(0.5)
    first = stage.take_up()
    stage.pass_time(1.5)
    stage.fill(first.client_order_id, price="100010", commission="0.03")
    stage.moved()
    stage.order(buy(CALL, quantity=6, limit_price="200"))
    stage.pass_time(0.1)
    second = stage.take_up()
    stage.fill(second.client_order_id, 1, price="200", commission="0.01")
    stage.cancel(order=second.client_order_id)
    stage.serve_cancels()
    stage.moved()
    stage.order(buy(quantity=9, limit_price="99000"))
    stage.reject("T", "insufficient_margin")
    stage.order(buy(quantity=9, limit_price="99000.3"))
    stage.write()
    found = read_execution(stage.journal, "paper", OPENING)
    lines = desk.orders().orders
    assert found.whole and found.orders == 3 == len(lines)
    assert found.by_status == {"filled": 1, "cancelled": 1, "rejected": 1}
    assert (found.contracts_sent, found.contracts_filled, found.fill_rate) == (19, 5, 5 / 19)
    assert found.rejection_rate == 1 / 3 and (found.risk_passed, found.risk_failed) == (3, 1)
    assert found.answer_secs.p50 == 0.1 and found.answer_secs.p99 == 0.5 and found.fill_secs.p99 == 2.0
    assert found.fees == D("0.04") and found.fees_missing == 0 and found.fee_currency == "USD"
    assert found.slippage_usd == sum(line.slippage_usd or 0 for line in lines)


@pytest.mark.parametrize("hours", [0, -1, YEAR + 1])
def test_a_span_out_of_bounds_is_refused(desk: Desk, hours: int) -> None:
    with pytest.raises(ConfigError, match=f"hours must be 1 to {YEAR}, was {hours}"):
        desk.statistics(hours)


def test_the_log_has_the_figures_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "trader.milestones"):
        log_statistics(FIGURES)
    assert caplog.messages == [
        "statistics: 12 orders sent (10 accepted, 4 filled at once, 1 rejected, 1 unknown); 340 calls, 2 failed, 3 held back by "
        "the rate; slowest /v2/orders p95 81 ms; 3 reconnections, breaker opened 1 times; weight left 9700, cache hits 98%"
    ]
