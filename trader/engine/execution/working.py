"""What entry and exit of a leg have in common: an order through the gate, its cancel, what has become of it."""

from datetime import timedelta
from decimal import Decimal

from trader.domain.order import OrderIntent, OrderStatus, OrderType, Purpose, TimeInForce
from trader.domain.trigger import Stop
from trader.engine import records as rec
from trader.engine.effects import Cancel, Submit
from trader.engine.gate import TOO_MANY_ORDERS, check_order
from trader.engine.ids import client_order_id
from trader.engine.levels import trip
from trader.engine.orders import PROVEN_ABSENT, mark_unknown
from trader.engine.records import LegTerms
from trader.engine.state import Order, Run, seconds_since
from trader.engine.turn import Turn
from trader.engine.verdict import Denied, Passed

CANCEL_REPEAT_SECS = 2.0
RETRY_SECS = 1.0
_NO_ANSWER_SECS = 15.0  # a submit has a total deadline of 5 s; beyond this the answer is lost
_UNRESOLVED_SECS = 30.0  # an order whose fate is unknown for longer than this is alerted


def place(
    turn: Turn,
    run_id: str,
    leg: LegTerms,
    purpose: Purpose,
    quantity: int,
    limit_price: Decimal | None,
    reference: Decimal | None,
    time_in_force: TimeInForce = TimeInForce.GTC,
    *,
    algo: str,
    post_only: bool = False,
    stop: Stop | None = None,
    closing: str = "",
) -> Denied | None:
    """Put one order through the gate; passed orders are recorded, then sent. No limit price means a market order: what the book
    has at once, or once its stop is set off. `algo` is for the record alone."""
    run = turn.run(run_id)
    entry = purpose is Purpose.ENTRY
    attempt = len(run.leg_orders(leg.key, purpose))
    state = turn.state
    intent = OrderIntent(
        client_order_id=client_order_id(
            installation=state.installation,
            epoch=state.epoch,
            run_id=run_id,
            leg=leg.key,
            purpose=purpose,
            attempt=attempt,
            holder=state.holder,
        ),
        run_id=run_id,
        leg=leg.key,
        purpose=purpose,
        attempt=attempt,
        symbol=leg.symbol,
        product_id=leg.product_id,
        side=leg.side if entry else leg.side.opposite,
        quantity=quantity,
        order_type=OrderType.MARKET if limit_price is None else OrderType.LIMIT,
        limit_price=limit_price,
        time_in_force=time_in_force
        if limit_price is not None
        else TimeInForce.IOC
        if stop is None
        else TimeInForce.GTC,
        reduce_only=not entry,
        post_only=post_only,
        stop=stop,
        closing=closing,
    )
    passed: Passed = {}
    denied = check_order(state, run, intent, turn.now, passed)
    if denied is None:
        turn.write(rec.OrderIntended, run_id, intent=intent, reference=reference, passed=passed, algo=algo)
        turn.do(Submit(intent))
        return None
    wait = 0.25 if denied.code == "ORDER_RATE_EXCEEDED" else RETRY_SECS
    pause(turn, run_id, leg.key, wait)
    if denied.code == TOO_MANY_ORDERS:
        trip(turn, "order_throttle", f"{leg.symbol}: {denied.detail}")
    if denied.code != "ORDER_RATE_EXCEEDED":
        turn.write(rec.OrderDenied, run_id, intent=intent, code=denied.code, detail=denied.detail)
    return denied


def pause(turn: Turn, run_id: str, key: str, secs: float) -> None:
    """Leave a leg alone for a while (wall clock)."""
    watch = turn.watch(run_id)
    turn.set_watch(run_id, retry_after={**watch.retry_after, key: turn.wall + timedelta(seconds=secs)})


def paused(turn: Turn, run_id: str, key: str) -> bool:
    until = turn.watch(run_id).retry_after.get(key)
    return until is not None and turn.wall < until


def ask_cancel(turn: Turn, run_id: str, order: Order, reason: str) -> None:
    """Ask for a cancel, and again every two seconds until the exchange has ended the order."""
    if order.cancel_asked_at is not None and seconds_since(order.cancel_asked_at, turn.wall) < CANCEL_REPEAT_SECS:
        return
    intent = order.intent
    turn.write(rec.CancelIntended, run_id, client_order_id=intent.client_order_id, reason=reason)
    turn.do(
        Cancel(
            client_order_id=intent.client_order_id,
            # Told by several ids, it is named by the one that is ours: which of them a cancel would take is not known.
            venue_order_id=None if order.other_ids else order.venue_order_id,
            product_id=intent.product_id,
        )
    )
    if order.cancel_asked_at is not None:
        turn.set_watch(run_id, account_wanted=True)  # the first cancel has not ended it: read the order


def await_order(turn: Turn, run: Run, order: Order, timeout_secs: float) -> None:
    """A live order: cancel it when its time is up; find out what became of it when nobody has said."""
    if not is_resting(order):
        ask_fate(turn, run, order)
    elif order.code in PROVEN_ABSENT:
        ask_cancel(turn, run.run_id, order, "resurrected")
    elif seconds_since(order.intended_at, turn.wall) >= timeout_secs:
        ask_cancel(turn, run.run_id, order, "timeout")


def ask_fate(turn: Turn, run: Run, order: Order) -> None:
    """An order that neither rests nor has ended: past the deadline of its answer it is unknown, and is looked for."""
    age = seconds_since(order.intended_at, turn.wall)
    if order.status is not OrderStatus.UNKNOWN:
        if age <= _NO_ANSWER_SECS:
            return
        mark_unknown(turn, run, order, code="no_answer", message="nothing was heard of it within its deadline")
    turn.set_watch(run.run_id, account_wanted=True)
    if age > _UNRESOLVED_SECS:
        coid = order.intent.client_order_id
        text = f"{coid} ({order.intent.symbol}) may or may not exist at the exchange; still looking for proof."
        turn.alert(run.run_id, "error", f"unresolved:{coid}", text)


def is_resting(order: Order) -> bool:
    return order.status in (OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED)
