"""Market orders meet no price a limit might not: the collar of the last entry attempt, and the widening one of exits."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.engine.scene import CALL, SYMBOL, D, Phase, Scene, entering, exiting, finish, holding, preset, quote
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
    state, run = scene.state, replace(scene.run, orders={}, unsettled=())
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


def fruitless_exits(
    ask: str | None, count: int, *, mark: str = "205", limit_pct: int = 100, **changes: Any
) -> list[tuple[Decimal | None, str]]:
    """Limits (None = market) and times in force of the call's exits while the book asks so much and nothing fills."""
    risk = {"max_orders_per_leg": 20, "exit_limit_pct": limit_pct}
    scene = exiting(preset(orders={"retries": 2}, risk=risk))
    scene.trade("P")
    made: list[tuple[Decimal | None, str]] = []
    first = True
    for _ in range(count):
        for _ in range(40):
            if not first and scene.submits():
                break
            first = False
            scene.pass_time(0.5)
            asked = None if ask is None else D(ask)
            scene.quotes(call(scene, ask=asked, mark=D(mark), **changes), scene.around("P", "205"))
            if scene.cancels():
                scene.confirm_cancel("C")
        if not scene.submits():
            break
        intent = scene.accept("C")
        made.append((intent.limit_price, intent.time_in_force.value))
        if intent.time_in_force is TimeInForce.IOC:
            scene.exchange.cancel(intent.client_order_id)
            scene.read_account()
    return made


def test_an_exit_goes_to_meet_an_offer_that_is_within_the_widened_collar_and_stands_at_the_mark_before() -> None:
    made = fruitless_exits("300", 6)
    assert made[1:3] == [(D("209"), "gtc")] * 2, "one step above the mark: nobody can meet more than that, or need to"
    assert made[3][0] == D("209"), "20, 20, 40 % above the mark do not reach 300"
    limit, force = made[4]
    assert limit is not None and D(300) <= limit <= D(360) and force == "ioc", (
        "80 % do; it takes what is there and ends"
    )
    assert made[5] == (D(410), "ioc"), "and no further than twice the mark"


def test_an_offer_beyond_the_most_that_is_accepted_is_waited_out_at_the_mark() -> None:
    made = fruitless_exits("600", 12)
    assert made[1:] == [(D("209"), "gtc")], "it stands, and is not renewed"


@pytest.mark.parametrize(
    ("ask", "limit_pct", "reached"), [("410", 100, True), ("410.5", 100, False), ("410.5", 101, True)]
)
def test_the_most_that_is_accepted_is_the_presets(ask: str, limit_pct: int, reached: bool) -> None:
    made = fruitless_exits(ask, 8, limit_pct=limit_pct)
    dearest = max(limit for limit, _ in made if limit is not None)
    assert (dearest >= D(ask)) is reached
    assert dearest <= 205 * (1 + D(limit_pct) / 100)


def test_an_offer_outside_the_price_band_is_not_bid_for() -> None:
    made = fruitless_exits("320", 8, band_low=D(50), band_high=D(300))
    assert {limit for limit, _ in made[1:]} == {D("209")}


def test_a_bid_over_an_empty_book_is_not_raised_by_time_alone() -> None:
    """It once rose to four times the mark, and filled there when offers came back."""
    made = fruitless_exits(None, 9)
    assert made[1:] == [(D("209"), "gtc")], "one bid above the mark, however long it stands; never a market order"


@pytest.mark.parametrize("purpose", ["exit", "unwind"])
def test_after_an_empty_book_an_offer_is_met_at_its_price(purpose: str) -> None:
    scene = exiting() if purpose == "exit" else _unwinding()
    scene.trade("P") if purpose == "exit" else None
    key = "C" if purpose == "exit" else "P"
    scene.accept(key)
    for _ in range(60):
        scene.pass_time(0.5)
        scene.quotes(*(replace(scene.around(k, "205"), ask=None) for k in "CP"))
        if any(c for c in scene.cancels()):
            scene.confirm_cancel(key)
        if scene.submits():
            scene.accept(key)
    while not scene.submits():
        scene.prices(after=0.5)
        if scene.cancels():
            scene.confirm_cancel(key)
    (order,) = scene.submits()
    assert order.limit_price is not None and D(210) <= order.limit_price <= D(246), "offered at 210"


def _unwinding() -> Scene:
    scene = entering()
    scene.trade("P")
    scene.reject("C", "insufficient_margin")
    assert scene.run.exit_reason == "unwind"
    return scene


def test_offers_that_are_too_dear_for_long_make_the_next_order_no_dearer() -> None:
    scene = exiting(preset(orders={"retries": 0}, risk={"max_orders_per_leg": 20}))
    scene.trade("P")
    scene.reject("C", "market_disrupted")
    for number in range(120):
        scene.pass_time(0.5)
        scene.quotes(call(scene, ask=D(900), mark=D(205 + number % 40)), scene.around("P", "205"))
        if scene.cancels():
            scene.confirm_cancel("C")
        if scene.submits():
            scene.accept("C")
    assert len(scene.sent(Purpose.EXIT)) > 8 and "unoffered:C" in scene.alerts()
    while not scene.submits():
        scene.prices(after=0.5)
        if scene.cancels():
            scene.confirm_cancel("C")
    assert scene.submits()[0].limit_price == D(214), "asked 210, and one step"


def test_that_nobody_offers_is_told_while_the_bid_stands_and_again_every_five_minutes() -> None:
    scene = exiting()
    scene.trade("P")
    scene.reject("C", "market_disrupted")
    for _ in range(620):
        scene.pass_time(1)
        scene.quotes(call(scene, ask=None), scene.around("P", "205"))
        if scene.submits():
            scene.accept("C")
    assert scene.alerts().count("unoffered:C") == 3


def test_a_bid_follows_the_mark_of_a_moving_market() -> None:
    scene = exiting()
    scene.trade("P")
    bids = []
    for mark in range(200, 400, 4):
        scene.pass_time(1)
        scene.quotes(replace(scene.around("C", str(mark)), ask=None), scene.around("P", "205"))
        if scene.cancels():
            scene.confirm_cancel("C")
        if scene.submits():
            bids.append((scene.accept("C").limit_price, mark))
    assert len(bids) > 8
    assert all(mark <= limit <= D(mark) * D("1.03") for limit, mark in bids[1:] if limit is not None)


@pytest.mark.parametrize(("mark", "goes"), [("102.5", False), ("102", True)])
def test_a_bid_above_what_is_accepted_by_now_goes_at_once(mark: str, goes: bool) -> None:
    scene = exiting(preset(orders={"exit_timeout_secs": 60}))
    scene.trade("P")
    scene.reject("C", "market_disrupted")
    while not scene.submits():
        scene.pass_time(0.5)
        scene.quotes(call(scene, ask=None), scene.around("P", "205"))
    assert scene.accept("C").limit_price == D(209)
    scene.pass_time(1)
    scene.quotes(call(scene, ask=None, mark=D(mark) + 2), scene.around("P", "205"))
    assert bool(scene.cancels()) is goes


def test_refusals_concede_nothing() -> None:
    """An order that never came into the book has found nobody unwilling to meet it."""
    scene = exiting(preset(orders={"retries": 0}, risk={"max_orders_per_leg": 20}))
    scene.trade("P")
    for _ in range(8):
        while not scene.submits():
            scene.prices(after=0.5)
        assert scene.submits()[0].limit_price == D(214)
        scene.reject("C", "market_disrupted")


def test_a_cheap_option_far_asked_is_bought_back_in_a_few_attempts() -> None:
    made = fruitless_exits("10", 6, mark="2", bid=D("0.5"))
    assert [limit for limit, _ in made[1:4]] == [D("2.5"), D("2.5"), D("2.5")]
    assert made[4][0] is not None and made[4][0] >= D(10), "at least 20 ticks above the mark are accepted"


def test_a_stale_mark_is_no_ground_for_the_dearest_order() -> None:
    scene = exiting(preset(orders={"retries": 0}, risk={"max_orders_per_leg": 20}))
    old = scene.market
    assert old is not None
    scene.trade("P")
    made = []
    for _ in range(3):
        intent = scene.accept("C")
        made.append(intent.limit_price)
        if intent.time_in_force is TimeInForce.IOC:
            scene.exchange.cancel(intent.client_order_id)
            scene.read_account()
        for _ in range(40):
            if scene.submits():
                break
            scene.pass_time(1)
            scene.quotes(call(scene, ts_mark=old, ask=D(210)), scene.around("P", "205"))
            if scene.cancels():
                scene.confirm_cancel("C")
    assert made == [D(214), D(287), D(252)], "a mark a few seconds old still is one; then one collar beyond the ask"


def test_widening_counts_orders_that_somebody_could_have_met() -> None:
    scene = exiting()
    leg = scene.run.leg("C")
    assert exit_widening(scene.run, leg) == 1
    assert [exit_widening(replace(scene.run, preset=preset(orders={"retries": n})), leg) for n in (0, 1)] == [2, 1]
    coid = scene.order("C", -1, Purpose.EXIT).intent.client_order_id
    unmet = {**scene.run.orders, coid: replace(scene.run.orders[coid], reference=None)}
    assert exit_widening(replace(scene.run, orders=unmet, preset=preset(orders={"retries": 0})), leg) == 1
    assert {i.purpose for i in scene.sent(Purpose.EXIT)} == {Purpose.EXIT}


def test_a_mark_as_old_as_a_run_may_be_held_blind_held_its_exit_back() -> None:
    scene = holding()
    scene.prices()
    frozen = scene.market
    for _ in range(80):  # bid and ask go on, the mark stands still
        scene.pass_time(1)
        assert scene.market is not None
        scene.quotes(*(quote(SYMBOL[k], scene.market, bid="800", ask="900", mark="205", ts_mark=frozen) for k in "CP"))
        if scene.phase is Phase.EXITING:
            break
    scene.read_account()
    assert scene.phase is Phase.EXITING
    assert {i.limit_price for i in scene.sent(Purpose.EXIT)} == {D(900)}
