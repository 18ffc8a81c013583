"""Stop orders in the core: which way each fires, on which price, how trailing ones follow, and how they end."""

from decimal import Decimal as D
from typing import Any

import pytest

from tests.venue.test_core_orders import Trader
from tests.venue.venue_market import CALL, EXPIRY, PUT, Clock, HandMarket
from trader.domain.order import TimeInForce
from trader.venue.core.events import OrderEvent
from trader.venue.core.exchange import Exchange
from trader.venue.core.order_desk import Change
from trader.venue.core.records import Order, StopKind, StopTerms, TriggerMethod
from trader.venue.core.refusal import Refused

LOSS, PROFIT = StopKind.STOP_LOSS, StopKind.TAKE_PROFIT


def stop(price: str | None = None, *, kind: StopKind = LOSS, trail: str | None = None, **fields: Any) -> StopTerms:
    return StopTerms(kind=kind, price=D(price) if price else None, trail=D(trail) if trail else None, **fields)


def news(exchange: Exchange, order: Order) -> list[tuple[str, str | None, str]]:
    return [
        (e.action, e.reason, e.order.state)
        for e in exchange.drain_events()
        if isinstance(e, OrderEvent) and e.order.id == order.id
    ]


# The mark stands at 400. A stop loss that sells and a take profit that buys fire at or below, the others at or above.
@pytest.mark.parametrize(
    ("kind", "side", "trigger", "before", "fires"),
    [
        (LOSS, "buy", "450", "449.9", "450"),
        (LOSS, "sell", "350", "350.1", "350"),
        (PROFIT, "buy", "350", "350.1", "350"),
        (PROFIT, "sell", "450", "449.9", "450"),
    ],
)
def test_stop_fires_exactly_at_its_trigger(
    trader: Trader, clock: Clock, kind: StopKind, side: str, trigger: str, before: str, fires: str
) -> None:
    order = trader.place(side, 5, None, stop=stop(trigger, kind=kind))
    assert (order.state, order.unfilled_size) == ("pending", 5)
    clock.tick(mark=before)
    assert order.state == "pending"
    clock.tick(mark=fires)
    assert (order.state, order.unfilled_size) == ("closed", 0)
    assert order.id not in trader.account.pending_orders


@pytest.mark.parametrize(
    ("kind", "side", "trigger"),
    [(LOSS, "buy", "400"), (LOSS, "sell", "400"), (PROFIT, "buy", "450"), (PROFIT, "sell", "350")],
)
def test_stop_whose_trigger_is_met_already_is_refused(trader: Trader, kind: StopKind, side: str, trigger: str) -> None:
    assert trader.refused(side, 5, None, stop=stop(trigger, kind=kind)) == "immediate_execution_stop_order"


# The band reaches to three times the mark: to 1200 when the stop is placed, to 1350 when it wakes up.
@pytest.mark.parametrize(("limit", "ends"), [("1350", "open"), ("1350.1", "cancelled")])
def test_limit_of_a_stop_was_judged_by_the_band_when_it_was_placed_and_not_when_it_triggers(
    trader: Trader, clock: Clock, exchange: Exchange, market: HandMarket, limit: str, ends: str
) -> None:
    market.set_book(CALL, bids=[], asks=[])
    order = trader.place("buy", 5, limit, stop=stop("450"))
    exchange.edit(trader.account, order, Change(size=6, limit_price=D(limit)), exchange.now)
    assert order.state == "pending"
    clock.tick(mark="450")
    assert order.state == ends
    if ends == "cancelled":
        assert order.cancellation_reason == "limit_price_out_of_price_band"


def test_stop_on_the_index_ignores_mark_and_fires_on_spot(trader: Trader, clock: Clock) -> None:
    order = trader.place("buy", 5, None, stop=stop("67000", method=TriggerMethod.SPOT))
    clock.tick(mark="900", index="66999.9")
    assert order.state == "pending"
    clock.tick(mark="400", index="67000")
    assert order.state == "closed"


def test_stop_on_the_last_trade_waits_for_a_trade_however_far_the_mark_goes(
    exchange: Exchange, trader: Trader, clock: Clock
) -> None:
    order = trader.place("buy", 5, None, stop=stop("402", method=TriggerMethod.LAST))
    clock.tick(mark="900")
    assert order.state == "pending"
    clock.tick(mark="400")
    other = Trader(exchange)
    other.place("buy", 20, "401")
    assert order.state == "pending"
    other.place("buy", 1, "402")  # prints 402: the waiting stop fires in the same instant
    assert (order.state, order.average_fill_price) == ("closed", D(402))


def test_stop_limit_rests_once_triggered_and_keeps_its_price(trader: Trader, clock: Clock, exchange: Exchange) -> None:
    order = trader.place("buy", 5, "399.5", stop=stop("420"))
    assert trader.account.wallet().order_margin == 0, "a waiting stop blocks no margin"
    exchange.drain_events()
    clock.tick(mark="420")
    assert (order.state, order.unfilled_size, order.limit_price) == ("open", 5, D("399.5"))
    assert news(exchange, order) == [("update", "stop_trigger", "open")]
    assert trader.account.wallet().order_margin > 0
    assert order in exchange.book(CALL).resting(order.side)


def test_stop_limit_ioc_ends_cancelled_when_nothing_is_there(trader: Trader, clock: Clock) -> None:
    order = trader.place("buy", 5, "399.5", stop=stop("420"), time_in_force=TimeInForce.IOC)
    clock.tick(mark="420")
    assert (order.state, order.unfilled_size) == ("cancelled", 5)


# Trailing stops: (marks, then expected trigger). Sells trail below the best mark, buys above it; signs of trail say nothing.
@pytest.mark.parametrize(
    ("side", "trail", "marks", "trigger"),
    [
        ("sell", "-50", [], "350"),
        ("sell", "-50", ["430"], "380"),
        ("sell", "-50", ["430", "390"], "380"),
        ("sell", "50", ["430", "440", "410"], "390"),
        ("buy", "50", [], "450"),
        ("buy", "50", ["370"], "420"),
        ("buy", "50", ["370", "400"], "420"),
    ],
)
def test_trailing_stop_follows_the_best_price_and_never_goes_back(
    trader: Trader, clock: Clock, side: str, trail: str, marks: list[str], trigger: str
) -> None:
    order = trader.place(side, 5, None, stop=stop(trail=trail))
    for mark in marks:
        clock.tick(mark=mark)
    assert order.stop is not None and order.state == "pending"
    assert order.stop.price == D(trigger)
    best = max if side == "sell" else min
    assert order.stop.extreme == best([D(400), *map(D, marks)])


def test_trailing_stop_tells_each_move_and_then_fires(trader: Trader, clock: Clock, exchange: Exchange) -> None:
    order = trader.place("sell", 5, None, stop=stop(trail="-50"))
    for mark in ("410", "405", "420", "370"):
        clock.tick(mark=mark)
    assert news(exchange, order) == [
        ("create", None, "pending"),
        ("update", "stop_update", "pending"),
        ("update", "stop_update", "pending"),
        ("update", "stop_trigger", "open"),
        ("delete", "fill", "closed"),
    ]


@pytest.mark.parametrize(
    ("terms", "fields", "code"),
    [
        (stop(), {}, "bad_schema"),
        (stop("450", trail="10"), {}, "bad_schema"),
        (stop("450.05"), {}, "bad_schema"),
        (stop("-1"), {}, "bad_schema"),
        (stop("450", kind=StopKind.LIQUIDATION), {}, "bad_schema"),
        (stop(trail="10", kind=PROFIT), {}, "bad_schema"),
        (stop("450"), {"reduce_only": True}, "no_position_for_reduce_only"),
    ],
)
def test_stop_that_makes_no_sense_is_refused_and_leaves_nothing(
    trader: Trader, terms: StopTerms, fields: dict[str, Any], code: str
) -> None:
    assert trader.refused("buy", 5, None, stop=terms, **fields) == code
    assert not trader.account.orders


def test_stop_without_the_money_at_its_trigger_is_cancelled(exchange: Exchange, clock: Clock) -> None:
    poor = exchange.open_account(77, initial_balance=D(1))
    trader = Trader(exchange, poor.user_id)
    order = trader.place("sell", 500, None, stop=stop("350"))
    exchange.drain_events()
    clock.tick(mark="350")
    assert (order.state, order.cancellation_reason) == ("cancelled", "insufficient_margin")
    assert news(exchange, order) == [("delete", "stop_cancel", "cancelled")]
    assert not poor.fills


def test_reduce_only_stop_closes_no_more_than_the_position_and_goes_with_it(trader: Trader, clock: Clock) -> None:
    trader.place("sell", 20, "399")
    loss = trader.place("buy", 20, None, stop=stop("450"), reduce_only=True)
    profit = trader.place("buy", 20, None, stop=stop("300", kind=PROFIT), reduce_only=True)
    trader.place("buy", 8, "401")
    clock.tick(mark="450")
    assert (loss.state, loss.filled_size) == ("closed", 12)
    assert (profit.state, profit.cancellation_reason) == ("cancelled", "no_position_left_for_reduce_only")
    assert trader.account.position_size(CALL) == 0


def test_edit_moves_a_trigger_and_refuses_one_that_is_met(trader: Trader, clock: Clock, exchange: Exchange) -> None:
    order = trader.place("buy", 5, None, stop=stop("450"))
    exchange.edit(trader.account, order, Change(stop_price=D(430), size=7), exchange.now)
    assert (order.size, order.stop and order.stop.price) == (7, D(430))
    with pytest.raises(Refused, match="immediate_execution_stop_order"):
        exchange.edit(trader.account, order, Change(stop_price=D(390)), exchange.now)
    exchange.edit(trader.account, order, Change(trail_amount=D(10)), exchange.now)
    assert order.stop is not None and (order.stop.price, order.stop.extreme) == (D(410), D(400))
    clock.tick(mark="430")
    assert (order.state, order.filled_size) == ("closed", 7)


def test_cancel_and_cancel_all_reach_waiting_stops(trader: Trader, exchange: Exchange) -> None:
    first = trader.place("buy", 5, None, stop=stop("450"), client_order_id="mine")
    assert trader.refused("buy", 1, "390", client_order_id="mine") == "duplicate_client_order_id"
    exchange.cancel(trader.account, first, exchange.now)
    second = trader.place("buy", 5, None, stop=stop("450"), symbol=PUT)
    resting = trader.place("buy", 1, "390")
    assert exchange.cancel_all(trader.account, exchange.now, limit_orders=True) == [resting]
    assert exchange.cancel_all(trader.account, exchange.now, stop_orders=True) == [second]
    assert not trader.account.live_orders and not exchange.pending
    assert not exchange.has_resting_orders


def test_waiting_stop_of_an_expired_contract_is_cancelled(trader: Trader, exchange: Exchange) -> None:
    order = trader.place("buy", 5, None, stop=stop("450"))
    exchange.advance(EXPIRY)
    assert (order.state, order.cancellation_reason) == ("cancelled", "product_expired")
    assert not exchange.pending


def test_market_stop_on_an_empty_book_is_cancelled_not_lost(trader: Trader, clock: Clock, market: HandMarket) -> None:
    order = trader.place("buy", 5, None, stop=stop("450"))
    market.set_book(CALL, bids=[(D(399), 20)], asks=[])
    clock.tick(mark="450")
    assert (order.state, order.cancellation_reason) == ("cancelled", "no_liquidity_for_market_order")


def test_one_stops_trade_wakes_the_next(exchange: Exchange, clock: Clock) -> None:
    """Stops on the last trade fire in a chain, each by the print of the one before."""
    first, second = Trader(exchange), Trader(exchange)
    Trader(exchange).place("buy", 1, "401")
    chained = second.place("buy", 1, None, stop=stop("403", method=TriggerMethod.LAST))
    first.place("buy", 70, None, stop=stop("410"))  # sweeps 401, 402 and into 403
    clock.tick(mark="410")
    assert (chained.state, chained.average_fill_price) == ("closed", D(403))


def test_own_order_in_a_stops_way_is_cancelled_rather_than_the_stop(
    trader: Trader, clock: Clock, exchange: Exchange
) -> None:
    resting = trader.place("sell", 5, "410")
    further = trader.place("sell", 5, "1000")
    order = trader.place("buy", 3, "410", stop=stop("450"))
    exchange.drain_events()
    clock.tick(mark="450")
    assert (order.state, resting.state, further.state) == ("closed", "cancelled", "open")
    assert news(exchange, resting) == [("delete", "self_trade", "cancelled")]
