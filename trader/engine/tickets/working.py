"""ENTERING, for a ticket: its order works until it has filled, ended or been cancelled; what has filled by then is held."""

from trader.domain.order import OrderIntent, OrderStatus, Purpose
from trader.domain.wording import refusal_words
from trader.engine import records as rec
from trader.engine.beside import is_begun
from trader.engine.execution.entry import Work, work_entry
from trader.engine.execution.working import ask_cancel, ask_fate, is_resting, paused
from trader.engine.gate import TOO_FAST
from trader.engine.levels import bars_entry, level_words
from trader.engine.orders import PROVEN_ABSENT
from trader.engine.records import Phase
from trader.engine.state import Order, Run
from trader.engine.tickets.protecting import protect
from trader.engine.tickets.refusal import Refusal, finish, of_denied, refuse
from trader.engine.tickets.terms import KEY, shape_of
from trader.engine.tickets.waiting import place_entry
from trader.engine.turn import Turn
from trader.engine.verdict import Denied


def enter_ticket(turn: Turn, run_id: str) -> None:
    """Advance an ENTERING ticket."""
    run = turn.run(run_id)
    _cancel_other(turn, run)
    if run.leg(KEY).has_expired(turn.now.market):
        turn.decide_exit(run_id, "expiry", "the contract has expired; what was held is waiting for its settlement")
        return
    if bars_entry(turn.state, run) and not run.cancelled:
        turn.write(rec.CancelRequested, run_id, reason=level_words(turn.state))
        run = turn.run(run_id)
    assert run.ticket is not None
    if run.ticket.work != "once" and not run.cancelled:
        has_ended = work_entry(turn, run_id, run.leg(KEY)) is not Work.WORKING
    else:
        has_ended = _work_once(turn, run)
    protect(turn, run_id)
    if has_ended:
        _end(turn, run_id)


def _cancel_other(turn: Turn, run: Run) -> None:
    """Of two tickets of which one cancels the other, the first that fills does."""
    other = turn.state.runs.get(run.linked)
    has_traded = bool(run.fills) or any(order.done_qty for order in run.leg_orders(KEY, Purpose.ENTRY))
    if other is not None and has_traded and other.phase in (Phase.WAITING, Phase.ENTERING) and not other.cancelled:
        turn.write(rec.CancelRequested, other.run_id, reason=f"ticket {run.run_id} of the pair has filled")


def _work_once(turn: Turn, run: Run) -> bool:
    """Watch over the one order; True when it has ended and nothing is to follow it."""
    orders = run.leg_orders(KEY, Purpose.ENTRY)
    live = [order for order in orders if order.status.live]
    for order in live:
        if why := _why_cancel(run, order):
            ask_cancel(turn, run.run_id, order, why)
            turn.set_watch(run.run_id, account_wanted=True)
        if not is_resting(order):
            ask_fate(turn, run, order)
    if live:
        return False
    if any(order.fills_missing for order in orders):
        turn.set_watch(run.run_id, account_wanted=True)
        return False
    if not _is_to_follow(run, orders):
        return True
    if paused(turn, run.run_id, KEY) or (turn.state.account_stream_fault and not is_begun(run)):
        return False  # it would not leave
    denied = place_entry(turn, run.run_id)
    if denied is None or denied.code in TOO_FAST:
        return False
    refusal = of_denied(denied)
    turn.write(rec.CancelRequested, run.run_id, reason=f"the changed order was refused: {refusal.sentence}")
    text = f"{run.leg(KEY).symbol}: the order was cancelled for a change, and the changed one was refused: {refusal.sentence}."
    turn.alert(run.run_id, "error", f"amend_refused:{len(orders)}", text)
    return True


def _why_cancel(run: Run, order: Order) -> str:
    """Why a live entry order is taken back; empty while it stands as it is asked for."""
    if run.cancelled:
        return run.cancelled
    if order.code in PROVEN_ABSENT:
        return "resurrected"
    return "" if _is_as_asked(run, order.intent) else "changed"


def _is_as_asked(run: Run, intent: OrderIntent) -> bool:
    """Whether an order is the one that the ticket asks for now."""
    assert run.ticket is not None
    if run.ticket.work != "once":
        return True
    shape = shape_of(run.ticket)
    before = sum(o.done_qty for o in run.leg_orders(KEY, Purpose.ENTRY) if o.intent.attempt < intent.attempt)
    wanted = run.leg(KEY).quantity - before
    return (intent.limit_price, intent.stop, intent.quantity) == (shape.limit_price, shape.stop, wanted)


def _is_to_follow(run: Run, orders: list[Order]) -> bool:
    """Whether another order takes the place of one that was cancelled for a change."""
    if run.cancelled or not orders or sum(order.done_qty for order in orders) >= run.leg(KEY).quantity:
        return False
    last = orders[-1]
    if last.status is OrderStatus.DENIED:
        return last.code in TOO_FAST
    return (
        last.status is OrderStatus.CANCELLED and last.cancel_asked_at is not None and not _is_as_asked(run, last.intent)
    )


def _end(turn: Turn, run_id: str) -> None:
    """No entry order works any more: what was bought or sold is held; where that is nothing, the exchange has to agree first."""
    run = turn.run(run_id)
    orders = run.leg_orders(KEY, Purpose.ENTRY)
    if run.fills:
        turn.phase(run_id, Phase.HOLDING, f"{run.entered(KEY)} of {run.leg(KEY).quantity} filled")
        turn.set_watch(run_id, account_wanted=True)
        return
    ended = [
        order.ended_at for order in orders if order.ended_at is not None and order.status is not OrderStatus.DENIED
    ]
    read = turn.watch(run_id).account_read
    if ended and (read is None or read <= max(ended)):
        turn.set_watch(run_id, account_wanted=True)
        return
    if refusal := _refused(orders[-1] if orders else None):
        refuse(turn, run_id, refusal)
        return
    if not run.cancelled and orders and orders[-1].code:
        text = f"The exchange ended the order unfilled: {refusal_words(orders[-1].code, orders[-1].message)}."
        turn.alert(run_id, "warning", "ended_by_exchange", text)
    finish(turn, run_id, "cancelled")


def _refused(last: Order | None) -> Refusal | None:
    """Why the last order never rested, where it was refused."""
    if last is None or last.status not in (OrderStatus.REJECTED, OrderStatus.DENIED):
        return None
    if last.status is OrderStatus.DENIED:
        return of_denied(Denied(last.code, last.message))
    words = refusal_words(last.code, last.message)
    if last.code in PROVEN_ABSENT:
        return Refusal("NEVER_ACCEPTED", "", f"the order never reached the exchange; send it again ({words})")
    return Refusal("EXCHANGE_REFUSED", "", f"the exchange refused it: {words}")
