"""Getting out: reduce-only, no larger than what is open, again and again, and DONE only on the exchange's word."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.engine.scene import (
    CALL,
    EXPIRY,
    PUT,
    UNREAD,
    D,
    Phase,
    Scene,
    entering,
    exiting,
    finish,
    holding,
    preset,
    quote,
    settlement,
)
from trader.domain.fill import Position
from trader.domain.order import OrderStatus, OrderType, Purpose, Side, TimeInForce
from trader.domain.outcome import Rejected
from trader.engine import effects as ef
from trader.engine import events as ev
from trader.engine.records import RunFinished


def sold_out(commission: str | None = "0.01") -> Scene:
    """Both legs bought back by fills the stream told; the exchange has not been read since."""
    scene = exiting()
    scene.trade("C", price="210", commission=commission)
    scene.trade("P", price="210", commission=commission)
    assert scene.phase is Phase.EXITING
    return scene


# -- what an exit order is ---------------------------------------------------------------------------------------------


def test_exits_of_both_legs_are_reduce_only_buys_that_reach_across_the_book() -> None:
    scene = exiting()
    for intent in scene.submits():
        assert (intent.side, intent.quantity, intent.reduce_only) == (Side.BUY, 2, True)
        assert intent.purpose is Purpose.EXIT
        assert intent.limit_price == D(214)  # ask 210 and one concession of 2 %, on tick


def test_an_exit_without_any_price_is_a_market_order() -> None:
    scene = holding()
    scene.restart()
    scene.stop()
    assert [(i.order_type, i.reduce_only) for i in scene.submits()] == [(OrderType.MARKET, True)] * 2


def test_an_exit_goes_out_on_stale_prices() -> None:
    scene = holding()
    scene.tick(40)
    scene.stop()
    assert {i.leg for i in scene.submits()} == {"C", "P"}


def test_a_partly_closed_leg_sends_only_the_rest() -> None:
    scene = exiting()
    scene.trade("P")
    first = scene.accept("C")
    scene.fill(first.client_order_id, 1)
    scene.prices(after=3.0)
    scene.confirm_cancel("C")
    (second,) = scene.submits()
    assert (second.quantity, second.reduce_only, second.attempt) == (1, True, 1)


def test_an_exit_is_no_larger_than_the_position_last_read() -> None:
    scene = holding()
    scene.exchange.foreign[CALL] = 1  # a person bought one back
    scene.tick(5)
    scene.read_account()
    assert scene.run.positions[CALL] == -1
    scene.stop()
    assert {i.leg: i.quantity for i in scene.submits()} == {"C": 1, "P": 2}


def test_an_exit_is_no_larger_than_our_own_fills() -> None:
    scene = holding()
    scene.exchange.foreign[CALL] = -5  # a person sold more
    scene.tick(5)
    scene.read_account()
    assert scene.run.positions[CALL] == -7
    scene.stop()
    assert {i.leg: i.quantity for i in scene.submits()} == {"C": 2, "P": 2}


def test_exits_chase_and_then_take_what_the_book_has_at_once() -> None:
    scene = exiting(preset(orders={"retries": 2}, risk={"max_orders_per_leg": 20}))
    scene.trade("P")
    kinds = []
    for _ in range(8):
        while not scene.submits():
            scene.prices(after=0.5)
        intent = scene.accept("C")
        kinds.append(intent.time_in_force.value)
        if intent.time_in_force is TimeInForce.IOC:
            scene.exchange.cancel(intent.client_order_id)  # the offer was gone
            scene.prices(after=0.1)
            scene.read_account()
        else:
            for _ in range(3):
                scene.prices(after=1.0)
            scene.confirm_cancel("C")
    assert kinds == ["gtc"] * 3 + ["ioc"] * 5
    assert all(i.reduce_only and i.limit_price is not None for i in scene.sent(Purpose.EXIT))


# -- refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["no_position_for_reduce_only", "insufficient_margin", "code_nobody_documented"])
def test_a_refused_exit_is_tried_again_with_the_flag_and_never_later_than_five_seconds(code: str) -> None:
    scene = exiting()
    scene.trade("P")
    for attempt, pause in enumerate((1, 2, 4, 5, 5, 5)):
        assert [(i.attempt, i.reduce_only) for i in scene.submits()] == [(attempt, True)]
        scene.reject("C", code)
        scene.prices(after=pause - 0.1)
        assert scene.submits() == []
        scene.prices(after=0.1)
    assert f"exit_refused:{code}" in scene.alerts()
    assert scene.phase is Phase.EXITING


def test_an_exit_that_another_order_of_the_account_bars_names_it() -> None:
    scene = exiting()
    scene.trade("P")
    theirs = replace(scene.order("C").intent, client_order_id="by-hand", purpose=Purpose.ENTRY, side=Side.SELL)
    scene.exchange.accept(replace(theirs, reduce_only=False))
    scene.read_account()
    scene.reject("C", "overlapping_buy_sell_orders")
    scene.prices(after=1.5)
    text = next(r.text for r in scene.records if getattr(r, "code", "") == "exit_refused:overlapping_buy_sell_orders")
    assert f"rests on the other side: {CALL} sell 2; cancel it." in text
    assert [i.reduce_only for i in scene.submits()] == [True]


@pytest.mark.parametrize(
    ("ask", "band_high", "limits"),
    [("3.5", None, ["3.5"] * 3), ("3.5", "3.5", ["3.5"] * 3), ("4", "3.5", [None] * 3), (None, None, [None] * 3)],
)
def test_an_exit_without_a_mark_takes_what_is_asked_within_the_band_and_else_the_market(
    ask: str | None, band_high: str | None, limits: list[str | None]
) -> None:
    scene = holding()
    scene.pass_time(1)
    shown = quote(CALL, scene.wall, bid=None, ask=ask, mark=None)
    scene.quotes(replace(shown, band_high=None if band_high is None else D(band_high)), scene.around("P", "205"))
    scene.stop()
    scene.trade("P")
    for limit in limits:
        (intent,) = scene.submits()
        assert intent.limit_price == (None if limit is None else D(limit))
        scene.reject("C", "no_liquidity_for_market_order")
        scene.pass_time(5)
        scene.tick()


def test_one_leg_refused_does_not_keep_the_other_from_closing() -> None:
    scene = exiting()
    scene.reject("C", "market_disrupted")
    scene.trade("P")
    assert (scene.run.open_quantity("C"), scene.run.open_quantity("P")) == (2, 0)


def test_a_lost_cancel_of_an_entry_holds_the_exit_for_two_seconds_at_most() -> None:
    scene = entering()
    scene.trade("P")
    call = scene.accept("C")
    scene.fill(call.client_order_id, 1)
    scene.stop()
    assert {i.leg for i in scene.submits()} == {"P"}
    scene.feed(ev.CancelAnswered, client_order_id=call.client_order_id, outcome=Rejected("bad_gateway"))
    scene.prices(after=1.9)
    assert {i.leg for i in scene.submits()} == {"P"}
    scene.prices(after=0.1)
    assert {i.leg: i.quantity for i in scene.submits()} == {"P": 2, "C": 1}


# -- flat is the exchange's word ---------------------------------------------------------------------------------------


def test_done_after_a_complete_read_asked_for_after_the_last_fill() -> None:
    scene = sold_out()
    asked = scene.wall
    scene.pass_time(0.1)
    scene.read_account(asked=asked)  # left in the instant of the fill: proves nothing
    assert scene.phase is Phase.EXITING
    scene.tick(0.3)
    scene.read_account()
    assert scene.phase is Phase.DONE
    assert scene.view.flat == "true"


@pytest.mark.parametrize(
    "members",
    [
        pytest.param({"positions": UNREAD}, id="positions unread"),
        pytest.param({"open_orders": UNREAD}, id="open orders unread"),
        pytest.param({"fills": UNREAD}, id="fills unread"),
        pytest.param({"error": "HTTP 502"}, id="an error"),
        pytest.param(
            {"positions": UNREAD, "open_orders": UNREAD, "history": UNREAD, "fills": UNREAD, "error": "refused"},
            id="all",
        ),
    ],
)
def test_an_error_or_a_partial_read_is_never_flat(members: dict[str, Any]) -> None:
    scene = sold_out()
    for _ in range(20):
        scene.tick(1)
        scene.read_account(**members)
    assert scene.phase is Phase.EXITING
    assert scene.view.flat == "unknown"
    finish(scene)
    assert scene.phase is Phase.DONE


def test_a_position_the_exchange_still_shows_is_not_flat_until_the_difference_is_known_to_be_foreign() -> None:
    scene = sold_out()
    scene.exchange.foreign[CALL] = -3
    for _ in range(9):
        scene.tick(1)
        scene.read_account()
        assert scene.phase is Phase.EXITING
    finish(scene)
    assert scene.run.finished is not None
    assert scene.run.finished.foreign == f"{CALL} -3"
    assert scene.view.flat == "false"
    assert f"NOT FLAT: {CALL} -3" in scene.view.words
    assert "foreign_remainder" in scene.alerts()
    assert scene.sent(Purpose.EXIT)[-1].quantity == 2  # never traded away


def test_an_old_difference_never_lets_a_lagging_position_pass_as_flat() -> None:
    """A foreign short has lasted for long when our exit fills: the position read before the fill says nothing any more."""
    scene = holding()
    scene.exchange.foreign[CALL] = -3
    for _ in range(20):
        scene.prices()
        scene.serve(fill=False)
    scene.stop()
    scene.trade("C")
    scene.trade("P")
    lagging = {CALL: -5, PUT: -2}
    for _ in range(6):
        scene.prices(after=0.5)
        scene.read_account(positions=tuple(replace(p, quantity=lagging[p.symbol]) for p in positions(lagging)))
        assert scene.phase is Phase.EXITING
    finish(scene)
    assert scene.run.finished is not None and scene.run.finished.foreign == f"{CALL} -3"


def positions(held: dict[str, int]) -> list[Position]:
    return [Position(symbol=symbol, product_id=1, quantity=quantity) for symbol, quantity in held.items()]


def test_an_order_the_exchange_still_lists_is_not_flat() -> None:
    scene = sold_out()
    listed = scene.exchange.snapshot(scene.order("C").intent.client_order_id)
    ghost = replace(listed, venue_state="open", leaves_qty=1)
    for _ in range(5):
        scene.tick(1)
        scene.read_account(open_orders=(ghost,))
    assert scene.phase is Phase.EXITING
    scene.tick(1)
    scene.read_account(open_orders=())
    assert scene.phase is Phase.DONE


def test_done_waits_for_every_commission() -> None:
    scene = exiting()
    scene.trade("C", commission=None)
    scene.trade("P", commission=None)
    for _ in range(10):
        scene.tick(1)
        scene.read_account()
    assert scene.phase is Phase.EXITING
    scene.exchange.fills = [
        replace(f, commission=D("0.0123456")) if f.commission is None else f for f in scene.exchange.fills
    ]
    finish(scene)
    assert scene.phase is Phase.DONE
    assert scene.run.fees == D("0.02") + 2 * D("0.0123456")


def test_done_waits_for_fills_the_order_reports_and_nobody_has_told() -> None:
    scene = exiting()
    scene.trade("P")
    intent = scene.accept("C")
    scene.fill(intent.client_order_id, told=False)
    hidden = list(scene.exchange.fills)
    scene.feed(ev.OrderSeen, order=scene.exchange.snapshot(intent.client_order_id))
    for _ in range(5):
        scene.tick(1)
        scene.read_account(fills=tuple(hidden[:-1]))
    assert scene.phase is Phase.EXITING
    assert len([i for i in scene.sent(Purpose.EXIT) if i.leg == "C"]) == 1  # it is filled: nothing more to buy
    finish(scene)
    assert scene.phase is Phase.DONE


def test_realised_pnl_is_cash_flows_minus_commissions_exactly() -> None:
    scene = holding(price="200.5")
    scene.stop()
    scene.trade("C", price="0.5", commission="0.00000001")
    first = scene.accept("P")
    scene.fill(first.client_order_id, 1, price="333.5", commission="0.0393530")
    scene.fill(first.client_order_id, 1, price="334", commission="-0.001")
    finish(scene)
    sold = 4 * D("0.001") * D("200.5")
    bought = D("0.001") * (2 * D("0.5") + D("333.5") + D(334))
    fees = D("0.02") + D("0.00000001") + D("0.0393530") - D("0.001")
    assert scene.run.finished is not None
    assert scene.run.finished.realized_pnl == sold - bought - fees
    assert scene.run.finished.fees == fees
    assert scene.view.realized_pnl == scene.run.finished.realized_pnl
    day = scene.state.account.made_by_day
    assert sum(day.values(), Decimal(0)) == scene.run.finished.realized_pnl


def test_exit_reads_soon_at_first_and_patiently_later() -> None:
    scene = exiting()
    reads: list[int] = []
    for _ in range(60):
        before = sum(isinstance(e, ef.ReadAccount) for e in scene.all_effects)
        for _ in range(4):
            scene.prices(after=0.25)
            if any(isinstance(e, ef.ReadAccount) for e in scene.due):
                scene.read_account(error="refused")
        reads.append(sum(isinstance(e, ef.ReadAccount) for e in scene.all_effects) - before)
    assert sum(reads[:5]) >= 10
    assert sum(reads[20:40]) <= 11


# -- restarts ----------------------------------------------------------------------------------------------------------


def test_a_restart_does_not_close_again_what_an_exit_without_an_answer_has_closed() -> None:
    scene = exiting()
    scene.trade("P")
    lost = scene.take("C")
    scene.exchange.accept(lost)
    scene.fill(lost.client_order_id, told=False)
    scene.restart(down_secs=60)
    scene.tick(0.5)
    scene.read_account()
    scene.tick(3)
    assert scene.submits() == []
    assert scene.order("C").status is OrderStatus.FILLED


def test_restart_while_exiting_goes_on_closing() -> None:
    scene = exiting()
    scene.accept("P")
    lost = scene.take("C")
    scene.restart(down_secs=3)
    assert scene.phase is Phase.EXITING
    assert scene.run.exit_reason == "manual"
    assert scene.submits() == []  # the put's order rests; what has become of the call's is read first
    scene.tick(2.1)
    assert {i.leg for i in scene.submits()} == {"C"}, "if it can be"
    assert lost.client_order_id not in {i.client_order_id for i in scene.submits()}
    for intent in scene.submits():
        assert intent.reduce_only
    finish(scene)
    assert (scene.phase, scene.view.flat) == (Phase.DONE, "true")


@pytest.mark.parametrize(("make", "reason"), [(holding, "expiry"), (exiting, "manual")])
def test_after_a_restart_one_settled_leg_tells_that_the_others_of_its_expiry_have_expired(
    make: Callable[[], Scene], reason: str
) -> None:
    """The exchange's time is not heard yet, and the positions that were read lag behind the settlement."""
    scene = make()
    scene.pass_time((EXPIRY - scene.wall).total_seconds() - 5)
    scene.market = None
    scene.restart(down_secs=6)
    lagging = scene.exchange.read(())["positions"]
    scene.exchange.fills.append(settlement("P", 2, "28"))
    scene.read_account(positions=lagging)
    assert (scene.phase, scene.run.exit_reason) == (Phase.EXITING, reason)
    for _ in range(3):
        scene.tick(2.5)
    assert scene.submits() == [], "nothing of it can be bought any more"


def test_stop_survives_a_kill_right_after_its_record() -> None:
    scene = holding()
    scene.stop()
    cut = next(i for i, r in enumerate(scene.records) if type(r).__name__ == "StopRequested") + 3
    scene.records = scene.records[:cut]  # the exits' intents were never committed
    scene.restart()
    assert scene.phase is Phase.EXITING
    assert {i.leg for i in scene.submits()} == {"C", "P"}
    finish(scene)
    assert scene.phase is Phase.DONE


def test_restart_while_entering_resumes_without_a_second_order_for_the_unanswered() -> None:
    scene = entering()
    scene.trade("P")
    intent = scene.take("C")
    scene.exchange.accept(intent)  # accepted, and then the engine died
    scene.restart()
    assert scene.phase is Phase.ENTERING
    assert scene.submits() == []
    for _ in range(10):
        scene.prices()
        scene.serve(fill=False)
    assert len([i for i in scene.sent() if i.leg == "C"]) == 1
    scene.fill(intent.client_order_id)
    assert scene.phase is Phase.HOLDING


def test_restart_between_attempts_waits_for_the_account_and_prices_then_goes_on() -> None:
    scene = entering()
    scene.trade("P")
    scene.accept("C")
    for _ in range(30):
        scene.prices()
    coid = scene.order("C").intent.client_order_id
    scene.exchange.cancel(coid)
    state = scene.exchange.snapshot(coid)
    scene.state = replace(scene.state, market=replace(scene.state.market, quotes={}))
    scene.feed(ev.OrderSeen, order=state)
    assert scene.submits() == []
    scene.restart(down_secs=60)
    assert scene.phase is Phase.ENTERING  # not unwound for want of prices
    scene.prices()
    assert scene.submits() == []  # the account has not been read yet
    scene.read_account()
    (second,) = scene.submits()
    assert (second.leg, second.attempt, second.limit_price) == ("C", 1, D(196))
    assert "-002-" in second.client_order_id  # the new lease's epoch


def test_restart_hours_later_with_nothing_sold_does_not_enter() -> None:
    scene = entering()
    scene.take("C"), scene.take("P")  # neither ever left
    scene.restart(down_secs=3 * 3600)
    for _ in range(30):
        scene.prices()
        scene.serve()
    assert scene.phase is Phase.DONE
    assert scene.run.exit_reason == "missed_entry"
    assert scene.exchange.orders == {}


def test_a_run_that_ended_stays_ended_after_a_restart() -> None:
    scene = sold_out()
    finish(scene)
    finished = scene.run.finished
    scene.restart()
    for _ in range(10):
        scene.prices()
    assert scene.phase is Phase.DONE
    assert scene.run.finished == finished
    assert scene.submits() == []
    assert sum(isinstance(r, RunFinished) for r in scene.records) == 1


def test_a_fill_after_the_end_is_booked_and_alerted() -> None:
    scene = sold_out()
    finish(scene)
    late = replace(scene.exchange.fills[0], fill_id="late", quantity=1)
    scene.feed(ev.FillSeen, fill=late)
    assert "late_fill:late" in scene.alerts()


# -- one odd read ------------------------------------------------------------------------------------------------------


def test_one_read_without_positions_and_then_none_that_succeeds_ends_no_run() -> None:
    scene = exiting()
    for key in ("C", "P"):
        scene.reject(key, "trading_blocked")
    scene.tick(5)
    scene.read_account(positions=())  # the exchange answers, and lies
    assert scene.run.open_quantity("C") == 2
    for _ in range(60):
        scene.tick(1)
        scene.read_account(positions=UNREAD, error="HTTP 503")
    assert scene.phase is Phase.EXITING
    assert scene.view.flat == "false"


def test_reads_without_positions_ten_seconds_apart_are_believed() -> None:
    scene = exiting()
    for key in ("C", "P"):
        scene.reject(key, "no_position_for_reduce_only")
    for _ in range(20):
        scene.tick(1)
        for intent in scene.submits():
            scene.reject(intent.leg, "no_position_for_reduce_only")
        scene.read_account(positions=())
    assert scene.phase is Phase.DONE
