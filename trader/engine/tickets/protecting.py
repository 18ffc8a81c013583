"""The closing orders of a ticket that rest at the exchange: stop loss, take profit, and what reduce-only tickets became.

They are kept in step with what is held by our fills. More of it gets another order, so that what stands is never taken down for
growing; less of it, and the newest orders go until no more is left than there is to close.
"""

from trader.domain.exit_reason import ExitReason
from trader.domain.order import OrderIntent, OrderStatus, Purpose
from trader.domain.trigger import Trigger
from trader.domain.wording import plain, refusal_words
from trader.engine import records as rec
from trader.engine.execution.working import ask_cancel, ask_fate, is_resting, pause, paused, place
from trader.engine.gate import TOO_FAST, closable, is_fresh_mark
from trader.engine.orders import PROVEN_ABSENT
from trader.engine.records import ClosingOrder, Phase
from trader.engine.state import Order, Run
from trader.engine.tickets.gate import is_met
from trader.engine.tickets.terms import KEY, STOP_LOSS, TAKE_PROFIT, protection_of
from trader.engine.turn import Turn

_MET: dict[str, ExitReason] = {STOP_LOSS: "stop_loss", TAKE_PROFIT: "take_profit"}
_UNPROTECTED_SECS = 60.0  # between alerts while the exchange refuses a protection
_LONGEST_PAUSE_SECS = 30.0
_REFUSED = (OrderStatus.REJECTED, OrderStatus.DENIED)


def protect(turn: Turn, run_id: str) -> None:
    """Keep a ticket's closing orders in step with what it holds."""
    run = turn.run(run_id)
    if run.ticket is None or not run.legs:
        return
    wanted = {one.name: one for one in (*protection_of(run.ticket), *run.closing)}
    for order in resting(run):
        if not is_resting(order):
            ask_fate(turn, run, order)
        elif order.intent.closing not in wanted or order.code in PROVEN_ABSENT:
            _take_back(turn, run_id, order, "it is wanted no more")
    for one in wanted.values():
        if turn.run(run_id).phase in (Phase.ENTERING, Phase.HOLDING):
            _keep(turn, run_id, one)


def give_way(turn: Turn, run_id: str) -> None:
    """Take every closing order back that rests: the program closes by itself now."""
    for order in resting(turn.run(run_id)):
        _take_back(turn, run_id, order, "the ticket is being closed")
        if not is_resting(order):
            ask_fate(turn, turn.run(run_id), order)


def resting(run: Run) -> list[Order]:
    """Closing orders that may trade yet."""
    return [order for order in run.live_orders() if order.intent.purpose is Purpose.CLOSE]


def _take_back(turn: Turn, run_id: str, order: Order, why: str) -> None:
    ask_cancel(turn, run_id, order, why)
    turn.set_watch(run_id, account_wanted=True)


def _keep(turn: Turn, run_id: str, one: ClosingOrder) -> None:
    """As much of one closing order as there is to close, and no more."""
    run = turn.run(run_id)
    orders = [order for order in run.leg_orders(KEY, Purpose.CLOSE) if order.intent.closing == one.name]
    if any(order.fills_missing for order in orders):
        turn.set_watch(run_id, account_wanted=True)
        return
    size = max(run.open_quantity(KEY), 0)
    if one.quantity is not None:
        size = min(one.quantity - sum(order.done_qty for order in orders), size)
        if _has_ended(turn, run_id, one, orders, size):
            return
    live = [order for order in orders if order.status.live]
    others = [order for order in live if not _is_as_asked(one, order.intent)]
    for order in others:
        _take_back(turn, run_id, order, "changed")
    standing = sum(order.leaves_qty for order in live)
    excess = standing - size
    for order in reversed(live):
        if excess <= 0:
            break
        _take_back(turn, run_id, order, "less is held")
        excess -= order.leaves_qty
    most = closable(run, run.leg(KEY))  # less than our fills where somebody else has closed a part
    if size and not most:
        turn.set_watch(run_id, account_wanted=True)  # all of it was closed, or the read lags behind
    if others or standing >= min(size, most) or run.fills_missing or paused(turn, run_id, one.name):
        return
    if reached := _reached(turn, run, one):
        turn.decide_exit(run_id, _MET[one.name], reached)
    elif not _is_refused_lately(turn, run_id, one, orders):
        _place(turn, run_id, one, min(size, most) - standing)


def _place(turn: Turn, run_id: str, one: ClosingOrder, quantity: int) -> None:
    leg = turn.run(run_id).leg(KEY)
    denied = place(
        turn,
        run_id,
        leg,
        Purpose.CLOSE,
        quantity,
        one.limit_price,
        None,
        one.time_in_force,
        algo="once",
        post_only=one.post_only,
        stop=one.stop,
        closing=one.name,
    )
    if denied is not None:
        pause(turn, run_id, one.name, 1.0)


def _is_as_asked(one: ClosingOrder, intent: OrderIntent) -> bool:
    return (intent.limit_price, intent.stop) == (one.limit_price, one.stop)


def _has_ended(turn: Turn, run_id: str, one: ClosingOrder, orders: list[Order], size: int) -> bool:
    """A reduce-only ticket is done when it has filled, or its order ended without our asking; it is sent once."""
    done = one.quantity is not None and sum(order.done_qty for order in orders) >= one.quantity
    last = orders[-1] if orders else None
    by_itself = (
        last is not None
        and not any(order.status.live for order in orders)
        and last.status is not OrderStatus.FILLED
        and last.cancel_asked_at is None
    )
    if last is not None and last.status is OrderStatus.DENIED and last.code in TOO_FAST:
        by_itself = False
    if not done and not by_itself:
        return size <= 0 and last is None
    why = "it has filled" if done else "its order has ended"
    if last is not None and last.status in _REFUSED:
        words = refusal_words(last.code, last.message)
        why = f"it was refused: {words}"
        text = f"The reduce-only order {one.name[1:]} on {last.intent.symbol} was refused: {words}."
        turn.alert(run_id, "error", f"reduce_refused:{one.name}", text)
    turn.write(rec.ClosingDropped, run_id, name=one.name, reason=why)
    return True


def _reached(turn: Turn, run: Run, one: ClosingOrder) -> str:
    """What a protection waits for has come before it stood (again): then the ticket is closed at once. In words, else empty."""
    if one.name not in _MET or one.stop is None:
        return ""
    leg, market = run.leg(KEY), turn.state.market
    quote = market.quotes.get(leg.symbol)
    if quote is None or quote.mark is None or not is_fresh_mark(turn.state, quote, turn.now):
        return ""
    price = market.spots.get(run.underlying) if one.stop.trigger is Trigger.SPOT else quote.mark
    if price is None or not is_met(one.stop, leg.side.opposite, price):
        return ""
    return f"{plain(price)} has reached {plain(one.stop.price or price)} while no order stood there"


def _is_refused_lately(turn: Turn, run_id: str, one: ClosingOrder, orders: list[Order]) -> bool:
    """A protection that the exchange or our own gate refuses is tried again, ever more slowly, and a person is called: the ticket is
    bare."""
    refused = 0
    for order in reversed(orders):
        if order.status not in _REFUSED or order.code in TOO_FAST:
            break
        refused += 1
    if not refused:
        return False
    last = orders[-1]
    by = "our own check" if last.status is OrderStatus.DENIED else "the exchange"
    why = f"{by} refuses it: {refusal_words(last.code, last.message)}"
    text = f"NOT PROTECTED: the {_word(one)} of {last.intent.symbol} does not stand ({why}); it is tried again."
    turn.alert_again(run_id, "error", f"unprotected:{one.name}", text, every_secs=_UNPROTECTED_SECS)
    ended = last.ended_at or last.intended_at
    return (turn.wall - ended).total_seconds() < min(2.0 ** (refused - 1), _LONGEST_PAUSE_SECS)


def _word(one: ClosingOrder) -> str:
    return {STOP_LOSS: "stop loss", TAKE_PROFIT: "take profit"}.get(one.name, "reduce-only order")
