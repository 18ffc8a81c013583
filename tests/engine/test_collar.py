"""Market orders meet no price a limit might not: the collar of the last entry attempt, and the widening one of exits."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.engine.scene import CALL, D, Phase, Scene, entering, exiting, finish, holding, preset, quote
from trader.domain.order import OrderType, Purpose, Side, TimeInForce
from trader.domain.quote import Quote
from trader.engine.gate import check_order, exit_widening, within_collar


def call(scene: Scene, **changes: Any) -> Quote:
    """The call's quote now, changed."""
    assert scene.market is not None
    return replace(quote(CALL, scene.market), **changes)


# -- entries -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bid", "kind", "limit"),
    [
        ("200", OrderType.MARKET, None),
        ("164", OrderType.MARKET, None),  # mark 205 less 20 %
        ("163.5", OrderType.LIMIT, "164"),
        ("20", OrderType.LIMIT, "164"),
    ],
)
def test_the_last_entry_attempt_is_a_market_order_only_near_the_mark(
    bid: str, kind: OrderType, limit: str | None
) -> None:
    scene = entering(preset(orders={"retries": 0}))
    scene.trade("P")
    scene.reject("C", "limit_price_out_of_price_band")
    scene.read_account()
    scene.pass_time(1.5)
    scene.quotes(call(scene, bid=D(bid), ask=D(210)), scene.around("P", "205"))
    (last,) = scene.submits()
    assert (last.order_type, last.time_in_force) == (kind, TimeInForce.IOC)
    assert last.limit_price == (None if limit is None else D(limit))


def test_the_collars_edge_gets_what_it_can_and_the_rest_is_unwound() -> None:
    scene = entering(preset(orders={"retries": 0}))
    scene.trade("P")
    scene.reject("C", "limit_price_out_of_price_band")
    scene.read_account()
    scene.pass_time(1.5)
    scene.quotes(call(scene, bid=D(20)), scene.around("P", "205"))
    order = scene.accept("C")
    scene.exchange.cancel(order.client_order_id)  # an IOC that meets nobody
    scene.prices(after=5)
    scene.read_account()
    assert scene.run.exit_reason == "unwind"
    finish(scene)
    assert (scene.phase, scene.view.flat) == (Phase.DONE, "true")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, ""),
        ({"bid": D("163.5")}, "MARKET_OUTSIDE_COLLAR"),
        ({"bid": None}, "MARKET_OUTSIDE_COLLAR"),
        ({"bid": D(0)}, "MARKET_OUTSIDE_COLLAR"),
        ({"mark": None}, "NO_FRESH_MARK"),
        ({"ts_mark": None}, "NO_FRESH_MARK"),
    ],
    ids=str,
)
def test_the_gate_judges_a_market_entry_by_the_price_it_would_meet(changes: dict[str, Any], code: str) -> None:
    scene = entering()
    intent = replace(scene.submits()[0], order_type=OrderType.MARKET, limit_price=None, client_order_id="sd-unused")
    state, run = scene.state, replace(scene.run, orders={})
    quotes = {**state.market.quotes, CALL: call(scene, **changes)}
    state = replace(state, market=replace(state.market, quotes=quotes))
    denied = check_order(state, run, intent, scene.now)
    assert ("" if denied is None else denied.code) == code


def test_a_market_exit_is_never_held_back() -> None:
    scene = exiting()
    intent = replace(scene.submits()[0], order_type=OrderType.MARKET, limit_price=None, client_order_id="sd-unused")
    market = replace(scene.state.market, quotes={})
    assert check_order(replace(scene.state, market=market), scene.run, intent, scene.now) is None


@pytest.mark.parametrize(
    ("side", "changes", "near"),
    [
        (Side.BUY, {"ask": D(246)}, True),
        (Side.BUY, {"ask": D("246.5")}, False),
        (Side.BUY, {"ask": None}, False),
        (Side.SELL, {"bid": D(164)}, True),
        (Side.SELL, {"bid": D(0)}, False),
        (Side.SELL, {"mark": None}, False),
    ],
    ids=str,
)
def test_within_the_collar_on_both_sides(side: Side, changes: dict[str, Any], near: bool) -> None:
    scene = holding()
    assert within_collar(scene.run.leg("C"), call(scene, **changes), side, D(20)) is near
    assert not within_collar(scene.run.leg("C"), None, side, D(20))


# -- exits -------------------------------------------------------------------------------------------------------------


def fruitless_exits(ask: str | None, count: int, *, mark: str = "205", **changes: Any) -> list[Decimal | None]:
    """Limits of the call's exits (None = market) while the book asks so much and nothing fills."""
    scene = exiting(preset(orders={"retries": 2}, risk={"max_orders_per_leg": 20}))
    scene.trade("P")
    limits: list[Decimal | None] = []
    first = True
    for _ in range(count):
        while first or not scene.submits():
            first = False
            scene.pass_time(0.5)
            asked = None if ask is None else D(ask)
            scene.quotes(call(scene, ask=asked, mark=D(mark), **changes), scene.around("P", "205"))
            if scene.cancels():
                scene.confirm_cancel("C")
        intent = scene.accept("C")
        limits.append(intent.limit_price)
        if intent.limit_price is None:
            scene.exchange.cancel(intent.client_order_id)
            scene.read_account()
    return limits


def test_an_exit_beyond_the_collar_stands_at_its_edge_and_the_edge_moves_out() -> None:
    limits = fruitless_exits("600", 6)
    assert limits[1:] == [D(246), D(246), D(287), D(369), D(533)]  # 20, 20, 40, 80, 160 % above the mark of 205


def test_an_exit_reaches_any_ask_after_some_attempts_and_no_further_beyond_it_than_the_collar_is_wide() -> None:
    limits = fruitless_exits("300", 6)
    assert limits[1:4] == [D(246), D(246), D(287)]
    assert limits[4] is not None and D(300) <= limits[4] <= D(360)
    assert limits[5] is None, "what is asked lies within the widened collar: market and limit take turns"


def test_the_widening_ends_at_the_price_band() -> None:
    limits = fruitless_exits("600", 6, band_low=D(50), band_high=D(300))
    assert limits[1:] == [D(246), D(246), D(287), D(300), D(300)]


def test_without_an_ask_an_exit_bids_and_never_sends_a_market_order_into_an_empty_book() -> None:
    limits = fruitless_exits(None, 7)
    assert None not in limits
    bids = [limit for limit in limits[1:] if limit is not None]
    assert bids == sorted(bids) and bids[0] < D(215) and bids[-1] > D(300), "it bids more with each attempt"


def test_a_cheap_option_far_asked_is_bought_back_in_a_few_attempts() -> None:
    limits = fruitless_exits("10", 6, mark="2", bid=D("0.5"))
    assert limits[1:4] == [D("4.5"), D("4.5"), D(7)]
    assert limits[4] is not None and limits[4] >= D(10)


def test_a_stale_mark_is_no_ground_for_a_market_order() -> None:
    scene = exiting(preset(orders={"retries": 0}, risk={"max_orders_per_leg": 20}))
    old = scene.market
    assert old is not None
    scene.trade("P")
    limits = []
    for _ in range(3):
        limits.append(scene.accept("C").limit_price)
        while not scene.submits():
            scene.pass_time(1)
            scene.quotes(call(scene, ts_mark=old, ask=D(210)), scene.around("P", "205"))
            if scene.cancels():
                scene.confirm_cancel("C")
    assert limits[0] is not None and limits[2] is not None
    assert limits[1] is None, "a mark a few seconds old still is one"


def test_widening_counts_orders_that_were_sent() -> None:
    scene = exiting()
    leg = scene.run.leg("C")
    assert exit_widening(scene.run, leg) == 1
    assert [exit_widening(replace(scene.run, preset=preset(orders={"retries": n})), leg) for n in (0, 1)] == [2, 1]
    assert {i.purpose for i in scene.sent(Purpose.EXIT)} == {Purpose.EXIT}
