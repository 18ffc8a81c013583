"""Selling both legs: at once, chasing within limits, never more than configured, and out again when one leg fails."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.engine.scene import (
    CALL,
    OPENING,
    SPOT,
    D,
    Phase,
    Scene,
    entering,
    finish,
    greeks,
    holding,
    preset,
    quote,
    rejected,
    secs,
)
from trader.config.preset import Preset
from trader.domain.order import OrderStatus, OrderType, Purpose, Side, TimeInForce
from trader.engine import effects as ef
from trader.engine.execution.chase import chase_price, entry_reference
from trader.engine.records import LegTerms, OrderDenied, OrderIntended


def leg(tick: str = "0.5") -> LegTerms:
    return replace(entering().run.leg("C"), tick_size=D(tick))


def price(
    side: Side, concession: int, *, reference: str = "200", tick: str = "0.5", slippage: str = "2", **changes: Any
) -> Decimal:
    config = preset(orders={"slippage_pct": slippage})
    at = replace(quote(CALL, OPENING), **changes)
    return chase_price(config, leg(tick), side, at, D(reference), concession)


def give_time(scene: Scene, seconds: float) -> None:
    """Let time pass with prices every second, nobody answering."""
    for _ in range(int(seconds)):
        scene.prices(after=1.0)


# -- the index price ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spot", ["1", "79000", "126000", "1e308"])
def test_nothing_is_sold_on_an_index_price_far_from_the_one_the_strikes_were_chosen_at(spot: str) -> None:
    """Margin, cost and liquidation are reckoned from it: of 1 USD hardly any margin is needed, at 1e308 nothing is liquidated."""
    scene = Scene()
    scene.start()
    scene.read_chain()
    scene.pass_time(1.0)
    legs = [scene.around(key, "205") for key in ("C", "P")]
    scene.quotes(*legs, spot=D(spot))
    scene.read_account()
    assert scene.phase is Phase.WAITING and not scene.submits()
    (why,) = [why for why in scene.watch.why_not if "index price" in why]
    assert "not credible, the strikes were chosen at 100000" in why
    scene.state = replace(scene.state, sights={})  # that it jumped bars entries for a while, which is another rule
    scene.prices()
    assert scene.phase is Phase.ENTERING


# -- the chase's prices ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("concession", "sell", "buy"), [(0, "200", "200"), (1, "196", "204"), (4, "184", "216")])
def test_a_sell_steps_down_and_a_buy_steps_up(concession: int, sell: str, buy: str) -> None:
    assert price(Side.SELL, concession) == D(sell)
    assert price(Side.BUY, concession) == D(buy)


def test_an_absurd_mark_does_not_raise_a_bid_to_its_collar() -> None:
    """Seen where a mark a hundred times too high was also too old for the gate to judge by."""
    assert price(Side.BUY, 1, mark=D(21_000), band_high=D(800)) == D(204)
    assert price(Side.BUY, 1, mark=D(1), band_high=D(800)) == D("3.5")  # five ticks above: the other bound still holds


def test_a_sell_rounds_up_to_the_tick_and_a_buy_down() -> None:
    assert price(Side.SELL, 1, reference="201", tick="0.5") == D("197")  # 196.98
    assert price(Side.BUY, 1, reference="201", tick="0.5") == D("205")  # 205.02
    assert price(Side.SELL, 1, reference="201", tick="5") == D("200")
    assert price(Side.BUY, 1, reference="201", tick="5") == D("205")


def test_a_step_smaller_than_a_tick_still_concedes_one_tick_each_time() -> None:
    cheap = {"mark": D("1.0"), "bid": D("1.0"), "ask": D("1.4")}
    sells = [price(Side.SELL, n, reference="1.0", tick="0.1", **cheap) for n in range(3)]
    assert sells == [D("1.0"), D("0.9"), D("0.8")]
    assert price(Side.SELL, 2, reference="1.0", tick="0.1", slippage="0", **cheap) == D("1.0")


def test_the_chase_stops_at_the_collar_on_both_sides() -> None:
    assert price(Side.SELL, 4, slippage="10") == D("164")  # mark 205 - 20 %, not 120
    assert price(Side.BUY, 4, slippage="10") == D("246")


def test_a_cheap_option_has_a_collar_of_at_least_five_ticks() -> None:
    cheap = {"mark": D(2), "bid": D("1.5"), "ask": D("2.5")}
    assert price(Side.BUY, 4, reference="4", slippage="10", **cheap) == D("4.5")
    assert price(Side.SELL, 4, reference="1.5", slippage="20", **cheap) == D("0.5")  # never below one tick


def test_the_chase_stays_inside_the_exchanges_price_band() -> None:
    band = {"band_low": D("190.2"), "band_high": D("219.8")}
    assert price(Side.SELL, 4, slippage="5", **band) == D("190.5")
    assert price(Side.BUY, 4, slippage="5", **band) == D("219.5")


@pytest.mark.parametrize(("reference", "sell"), [("touch", "200"), ("mid", "205"), ("mark", "206")])
def test_the_first_limit_stands_where_the_preset_says(reference: str, sell: str) -> None:
    config = preset(orders={"entry_reference": reference})
    assert entry_reference(config, Side.SELL, replace(quote(CALL, OPENING), mark=D(206))) == D(sell)


# -- both legs ---------------------------------------------------------------------------------------------------------


def test_both_legs_leave_in_the_same_step_after_their_intents() -> None:
    scene = entering()
    order = [type(e).__name__ for e in scene.effects if type(e).__name__ in ("OrderIntended", "Submit")]
    assert order == ["OrderIntended", "Submit", "OrderIntended", "Submit"]
    for intent in scene.submits():
        assert (intent.side, intent.quantity, intent.reduce_only) == (Side.SELL, 2, False)
        assert (intent.order_type, intent.time_in_force, intent.limit_price) == (
            OrderType.LIMIT,
            TimeInForce.GTC,
            D(200),
        )


def test_both_filled_means_holding() -> None:
    scene = entering()
    scene.trade("P")
    assert scene.phase is Phase.ENTERING
    scene.trade("C")
    assert scene.phase is Phase.HOLDING
    assert scene.run.premium == D("0.8")  # 2 legs x 2 contracts x 0.001 x 200


def test_no_entry_while_the_account_holds_something_in_the_contract() -> None:
    scene = Scene()
    scene.exchange.foreign[CALL] = -3
    scene.start()
    scene.read_chain()
    scene.prices()
    scene.read_account()
    scene.prices()
    assert scene.phase is Phase.WAITING
    assert f"{CALL}: a position of -3 contracts exists already, in a contract to be traded" in scene.watch.why_not


def test_no_entry_while_somebody_elses_order_stands_in_the_contract() -> None:
    scene = Scene()
    scene.start()
    scene.read_chain()
    scene.prices()
    foreign = entering().take("C")
    other = Scene()
    snapshot = replace(other.exchange.accept(foreign), client_order_id="by-hand")
    scene.read_account(open_orders=(snapshot,))
    scene.prices()
    assert scene.phase is Phase.WAITING
    assert any("open order exists already" in why for why in scene.watch.why_not)


def test_no_entry_when_margin_does_not_suffice_and_entry_when_it_just_does() -> None:
    needed = D("4.82")  # per leg (1 % of 100,000 + 205) x 2 x 0.001
    for available, phase in ((needed - D("0.01"), Phase.WAITING), (needed, Phase.ENTERING)):
        scene = Scene()
        scene.exchange.available = available
        scene.start()
        scene.read_chain()
        scene.prices()
        scene.read_account()
        assert scene.phase is phase, scene.watch.why_not


def test_no_entry_on_an_account_read_from_before_the_strikes_were_picked() -> None:
    scene = Scene()
    scene.start()
    scene.prices()
    scene.read_chain()
    scene.prices(after=0.5)
    early = scene.wall
    scene.read_account(asked=early - (early - OPENING))
    assert scene.phase is Phase.WAITING
    assert "waiting for positions and open orders to be read" in scene.watch.why_not


def picked_and_read(**call: Any) -> Scene:
    """Strikes picked 13 seconds ago, the account read just now; the call's newest quote is changed by `call`."""
    scene = Scene()
    scene.start()
    scene.read_chain()
    scene.pass_time(13)
    scene.quotes(replace(scene.around("C", "205"), **call), scene.around("P", "205"))
    scene.read_account(asked=scene.wall)
    return scene


def test_entry_follows_once_everything_is_fresh() -> None:
    assert picked_and_read().phase is Phase.ENTERING


@pytest.mark.parametrize(
    ("stamp", "age", "words"),
    [("ts_mark", 5.3, "mark is 5 s old"), ("ts_quote", 8.3, "bid and ask are stale"), ("ts_greeks", 12.3, "greeks")],
)
def test_no_entry_on_stale_prices(stamp: str, age: float, words: str) -> None:
    at = OPENING + secs(13)
    assert picked_and_read(**{stamp: at - secs(age - 0.1)}).phase is Phase.ENTERING
    scene = picked_and_read(**{stamp: at - secs(age)})
    assert scene.phase is Phase.WAITING
    assert any(words in why for why in scene.watch.why_not), scene.watch.why_not


def test_a_strike_that_has_left_the_band_is_picked_again() -> None:
    assert picked_and_read(greeks=greeks(0.175)).phase is Phase.ENTERING
    scene = picked_and_read(greeks=greeks(0.176))
    assert scene.phase is Phase.WAITING
    assert any("has left the band" in why for why in scene.watch.why_not)


def test_a_chain_without_a_better_strike_is_not_read_in_a_loop() -> None:
    """Each answer leaves the strike where it was: the next read comes two seconds later."""
    scene = picked_and_read(greeks=greeks(0.176))
    reads = 0
    for _ in range(30):
        reads += any(isinstance(effect, ef.ReadChain) for effect in scene.due)
        scene.read_chain(instruments=(), quotes=())
        scene.tick(0.1)
    assert reads == 2, "in three seconds"


# -- retries -----------------------------------------------------------------------------------------------------------


def test_timeout_cancel_confirm_next_attempt() -> None:
    scene = entering()
    scene.trade("P")
    first = scene.accept("C")
    give_time(scene, 28)
    assert scene.cancels() == []
    give_time(scene, 2)
    assert [c.client_order_id for c in scene.cancels()] == [first.client_order_id]
    assert scene.submits() == []  # not before the cancel is confirmed
    give_time(scene, 1)
    scene.confirm_cancel("C")
    (second,) = scene.submits()
    assert (second.attempt, second.limit_price, second.quantity) == (1, D(196), 2)
    assert second.client_order_id != first.client_order_id


def test_an_unanswered_cancel_is_asked_again_every_two_seconds_and_nothing_overtakes_it() -> None:
    scene = entering()
    scene.trade("P")
    scene.accept("C")
    give_time(scene, 30)
    asked = len(scene.cancels())
    give_time(scene, 6)
    assert len(scene.cancels()) == asked + 3
    assert scene.submits() == []


def chase_to_the_end(config: Preset) -> Scene:
    """The put is sold; every order for the call rests, times out and is cancelled."""
    scene = entering(config)
    scene.trade("P")
    for _ in range(20):
        if scene.phase is not Phase.ENTERING or not scene.submits():
            break
        scene.accept("C")
        give_time(scene, 30)
        if scene.cancels():
            scene.confirm_cancel("C")
    return scene


def test_retries_then_market_then_unwind_of_the_other_leg() -> None:
    scene = chase_to_the_end(preset(orders={"retries": 2}))
    tries = [i for i in scene.sent(Purpose.ENTRY) if i.leg == "C"]
    assert [i.limit_price for i in tries] == [D(200), D(196), D(192), None]
    assert (tries[-1].order_type, tries[-1].time_in_force) == (OrderType.MARKET, TimeInForce.IOC)


def test_without_market_fallback_the_leg_fails_after_its_limits() -> None:
    scene = chase_to_the_end(preset(orders={"retries": 1, "market_fallback": False}))
    assert [i.limit_price for i in scene.sent(Purpose.ENTRY) if i.leg == "C"] == [D(200), D(196)]
    assert scene.phase is Phase.EXITING
    assert scene.run.exit_reason == "unwind"
    assert "leg_failed:C" in scene.alerts()
    (unwind,) = scene.sent(Purpose.UNWIND)
    assert (unwind.leg, unwind.side, unwind.quantity, unwind.reduce_only) == ("P", Side.BUY, 2, True)
    finish(scene)
    assert scene.phase is Phase.DONE
    assert scene.view.flat == "true"


def test_a_market_order_that_fills_nothing_unwinds_the_other_leg() -> None:
    scene = entering(preset(orders={"retries": 0}))
    scene.trade("P")
    scene.accept("C")
    give_time(scene, 30)
    scene.confirm_cancel("C")
    market = scene.accept("C")
    assert market.order_type is OrderType.MARKET
    scene.exchange.cancel(market.client_order_id)
    scene.read_account()
    assert scene.run.exit_reason == "unwind"


def test_a_partial_fill_leaves_only_the_remainder_for_the_next_attempt() -> None:
    scene = entering()
    scene.trade("P")
    first = scene.accept("C")
    scene.fill(first.client_order_id, 1)
    give_time(scene, 30)
    scene.confirm_cancel("C")
    (second,) = scene.submits()
    assert second.quantity == 1


def test_a_partial_fill_only_the_order_tells_of_holds_the_next_attempt_until_its_fill_is_booked() -> None:
    scene = entering()
    scene.trade("P")
    first = scene.accept("C")
    scene.fill(first.client_order_id, 1, told=False)
    give_time(scene, 30)
    scene.confirm_cancel("C")  # its snapshot says one is filled
    assert scene.order("C").status is OrderStatus.CANCELLED
    assert scene.submits() == []
    scene.read_account()
    (second,) = scene.submits()
    assert second.quantity == 1


def test_a_fill_between_the_cancel_and_the_next_attempt_is_not_sold_again() -> None:
    scene = entering()
    scene.trade("P")
    first = scene.accept("C")
    give_time(scene, 30)
    scene.fill(first.client_order_id, told=False)
    scene.confirm_cancel("C")  # too late: it reads filled
    assert scene.submits() == []
    scene.read_account()
    assert scene.phase is Phase.HOLDING
    assert len(scene.sent()) == 2


def test_a_fill_after_the_confirmed_cancel_counts_once_and_is_bought_back() -> None:
    scene = entering()
    scene.trade("P")
    first = scene.accept("C")
    give_time(scene, 30)
    scene.confirm_cancel("C")
    scene.trade("C")
    assert scene.phase is Phase.HOLDING
    scene.fill(first.client_order_id)  # the cancel had been acknowledged, and yet
    assert scene.run.open_quantity("C") == 4
    scene.stop()
    assert {i.leg: i.quantity for i in scene.submits()} == {"C": 4, "P": 2}
    finish(scene)
    assert scene.view.flat == "true"


# -- partly filled entries ---------------------------------------------------------------------------------------------


def partly(policy: str, share: int, filled: int) -> Scene:
    """The put is complete; `filled` of four calls are sold when the chase ends."""
    config = preset(
        strategy={"quantity": 4},
        orders={"retries": 0, "market_fallback": False, "partial_policy": policy, "min_fill_pct": share},
    )
    scene = entering(config)
    scene.trade("P")
    order = scene.accept("C")
    if filled:
        scene.fill(order.client_order_id, filled)
    give_time(scene, 30)
    scene.confirm_cancel("C")
    return scene


@pytest.mark.parametrize(
    ("policy", "share", "filled", "phase"),
    [
        ("accept", 50, 2, Phase.HOLDING),
        ("accept", 50, 1, Phase.EXITING),
        ("accept", 25, 1, Phase.HOLDING),
        ("accept", 1, 0, Phase.EXITING),
        ("unwind", 50, 3, Phase.EXITING),
    ],
)
def test_partial_policy(policy: str, share: int, filled: int, phase: Phase) -> None:
    scene = partly(policy, share, filled)
    assert scene.phase is phase
    if phase is Phase.EXITING:
        assert {i.leg: i.quantity for i in scene.sent(Purpose.UNWIND)} == {"P": 4} | ({"C": filled} if filled else {})


# -- refusals ----------------------------------------------------------------------------------------------------------


def test_a_final_refusal_unwinds_and_cancels_the_other_leg_at_once() -> None:
    scene = entering()
    put = scene.accept("P")
    scene.reject("C", "insufficient_margin", "available 0")
    assert scene.phase is Phase.EXITING
    assert "insufficient_margin" in scene.run.exit_detail
    assert [c.client_order_id for c in scene.cancels()] == [put.client_order_id]
    finish(scene)
    assert (scene.phase, scene.view.flat) == (Phase.DONE, "true")
    assert scene.sent(Purpose.UNWIND) == []  # nothing had been sold


def test_an_unlisted_refusal_is_not_retried() -> None:
    scene = entering()
    scene.reject("C", "some_code_nobody_documented")
    assert scene.run.exit_reason == "unwind"


def test_a_retryable_refusal_is_tried_again_a_second_later() -> None:
    scene = entering()
    scene.trade("P")
    scene.reject("C", "limit_price_out_of_price_band")
    give_time(scene, 0)
    assert scene.submits() == []
    scene.read_account()
    scene.prices(after=0.9)
    assert scene.submits() == []
    scene.prices(after=0.2)
    (second,) = scene.submits()
    assert (second.attempt, second.limit_price) == (1, D(196))


def test_a_refusal_is_no_leave_to_send_another_before_the_account_was_read() -> None:
    """The request arrived twice: taken once, refused once, and only the refusal came back."""
    scene = entering()
    scene.trade("P")
    first = scene.take("C")
    scene.exchange.accept(first)
    scene.answer(first.client_order_id, rejected("order_size_exceed_available", ""))
    scene.prices(after=1.5)
    assert scene.submits() == []
    scene.read_account()
    assert scene.order("C").status is OrderStatus.ACCEPTED
    scene.prices(after=1.5)
    assert scene.submits() == []
    scene.fill(first.client_order_id)
    assert scene.phase is Phase.HOLDING


def test_an_account_that_cannot_be_read_after_a_refusal_ends_the_leg_in_time() -> None:
    scene = entering(preset(orders={"timeout_secs": 5}))
    scene.trade("P")
    scene.reject("C", "limit_price_out_of_price_band")
    give_time(scene, 10)
    assert (scene.phase, scene.run.exit_reason) == (Phase.EXITING, "unwind")
    assert len(scene.run.leg_orders("C", Purpose.ENTRY)) == 1


def test_refusals_count_as_attempts_so_they_end() -> None:
    scene = entering()
    scene.trade("P")
    for _ in range(30):
        if scene.submits():
            scene.reject("C", "not_sent", "connection refused")
        scene.prices(after=1.1)
        if scene.phase is Phase.EXITING:
            break
    assert scene.phase is Phase.EXITING
    assert len([i for i in scene.sent(Purpose.ENTRY) if i.leg == "C"]) == 6


def test_our_gate_refusing_a_leg_unwinds_the_other_and_is_recorded() -> None:
    scene = entering()
    scene.trade("P")
    first = scene.accept("C")
    give_time(scene, 30)
    run = scene.run
    wide = replace(run, legs=tuple(replace(x, tick_size=D("0.3")) if x.key == "C" else x for x in run.legs))
    scene.state = replace(scene.state, runs={run.run_id: wide})
    scene.pass_time(1)
    banded = replace(scene.around("C", "205"), band_low=D(300), band_high=D(310))
    scene.quotes(banded, scene.around("P", "205"))
    scene.confirm_cancel("C")
    assert scene.exchange.orders[first.client_order_id].state == "cancelled"
    (denied,) = [r for r in scene.records if isinstance(r, OrderDenied)]
    assert denied.code == "PRICE_OUTSIDE_BAND"
    scene.tick(1.1)
    assert scene.run.exit_reason == "unwind"
    assert len([r for r in scene.records if isinstance(r, OrderIntended) and r.intent.purpose is Purpose.ENTRY]) == 2


# -- missing prices, time ----------------------------------------------------------------------------------------------


def test_a_retry_waits_for_fresh_prices_and_gives_up_after_the_timeout() -> None:
    scene = entering()
    scene.trade("P")
    scene.accept("C")
    give_time(scene, 30)
    scene.tick(9)  # the stream has gone silent
    scene.confirm_cancel("C")
    assert scene.submits() == []
    scene.tick(29)
    assert scene.phase is Phase.ENTERING
    scene.tick(2)
    assert scene.phase is Phase.EXITING
    assert "silent" in scene.run.exit_detail


def test_a_retry_goes_out_as_soon_as_prices_are_back() -> None:
    scene = entering()
    scene.trade("P")
    scene.accept("C")
    give_time(scene, 30)
    scene.tick(9)
    scene.confirm_cancel("C")
    scene.prices()
    assert [i.leg for i in scene.submits()] == ["C"]


def test_the_exit_time_ends_an_entry_before_another_order_is_sent() -> None:
    scene = entering(preset(orders={"partial_policy": "accept", "timeout_secs": 600}))
    scene.reject("C", "insufficient_margin")
    assert scene.phase is Phase.ENTERING  # the other leg may finish
    scene.accept("P")
    assert scene.run.exit_at is not None
    scene.pass_time((scene.run.exit_at - scene.wall).total_seconds())
    scene.tick()
    assert (scene.phase, scene.run.exit_reason) == (Phase.EXITING, "time")


def test_stop_during_entry_cancels_and_buys_back_what_was_sold() -> None:
    scene = entering()
    scene.trade("P")
    call = scene.accept("C")
    scene.fill(call.client_order_id, 1)
    scene.stop()
    assert scene.phase is Phase.EXITING
    assert [c.client_order_id for c in scene.cancels()] == [call.client_order_id]
    assert [(i.leg, i.quantity) for i in scene.submits()] == [("P", 2)]  # the call waits for its cancel
    scene.confirm_cancel("C")
    assert [(i.leg, i.quantity) for i in scene.submits()] == [("P", 2), ("C", 1)]
    finish(scene)
    assert scene.view.flat == "true"
    assert len(scene.sent(Purpose.ENTRY)) == 2


def test_no_entry_is_ever_intended_after_stop() -> None:
    scene = entering()
    scene.accept("C")
    scene.stop()
    scene.reject("P", "not_sent")
    finish(scene)
    kinds = [type(r).__name__ for r in scene.records]
    late = scene.records[kinds.index("StopRequested") :]
    assert not [r for r in late if isinstance(r, OrderIntended) and r.intent.purpose is Purpose.ENTRY]
    assert scene.phase is Phase.DONE


def test_holding_never_sells_again_whatever_prices_do() -> None:
    scene = holding()
    for mark in ("150", "260", "205"):
        scene.prices(mark, mark)
        scene.serve()
    assert len(scene.sent(Purpose.ENTRY)) == 2
    assert scene.view.spot == SPOT
