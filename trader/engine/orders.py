"""The order machine's ears: answers, stream news and fills become records, each fact once."""

from msgspec.structs import replace

from trader.domain.fill import Fill
from trader.domain.order import OrderSnapshot, OrderStatus, next_status
from trader.domain.outcome import Ok, Rejected, Unknown
from trader.domain.remedy import Remedy
from trader.domain.wording import refusal_words
from trader.engine import records as rec
from trader.engine.events import CancelAnswered, SubmitAnswered
from trader.engine.executions import cost_again, is_taken_in, take_in
from trader.engine.levels import see_installation, trip
from trader.engine.records import Phase
from trader.engine.state import Order, Run
from trader.engine.turn import Turn

NEVER_ACCEPTED = "never_accepted"  # the code of an order proven never to have reached the book
VANISHED = "vanished"  # it rested, and the exchange lists it nowhere any more: unknown until proof
GONE = "gone"  # the same, proven
PROVEN_ABSENT = (NEVER_ACCEPTED, GONE)
WATCH_SECS = 600.0  # how long an order that is proven absent is still looked for


def find_order(turn: Turn, client_order_id: str | None, venue_order_id: str | None) -> tuple[Run, Order] | None:
    """Our order by either id, in any run held. By the exchange's id all orders are asked, so ours comes first."""
    runs = turn.state.runs.values()
    if client_order_id:
        for run in runs:
            order = run.orders.get(client_order_id)
            if order is not None:
                return run, order
    if venue_order_id is not None:
        for run in runs:
            for order in run.orders.values():
                if order.is_called(venue_order_id):
                    return run, order
    return None


def _hear_refusal(turn: Turn, order: Order, outcome: Rejected | Unknown) -> None:
    """What a refusal says beyond its own order: wait a while, or that key, account or program is at fault."""
    if isinstance(outcome, Unknown):
        return
    turn.slow_down(outcome.retry_after_secs)
    if outcome.remedy is Remedy.HALT:
        coid = order.intent.client_order_id
        words = refusal_words(outcome.code, outcome.message)
        trip(turn, f"refused:{outcome.code}", f"the exchange refused {coid}: {words}")


def on_submit_answered(turn: Turn, event: SubmitAnswered) -> None:
    """OK adopts the snapshot, REJECTED ends the order, UNKNOWN stays open until proof (never resent)."""
    found = find_order(turn, event.client_order_id, None)
    if found is None:
        return
    run, order = found
    if not isinstance(event.outcome, Ok):
        _hear_refusal(turn, order, event.outcome)
    match event.outcome:
        case Ok(order=snapshot):
            adopt(turn, run, order, snapshot)
        case Rejected(code=code, message=message, remedy=remedy):
            _resolve(turn, run, order, OrderStatus.REJECTED, code=code, message=message, remedy=remedy)
        case Unknown() if order.status not in (OrderStatus.CREATED, OrderStatus.IN_FLIGHT):
            pass  # the stream has told its fate already
        case Unknown(cause=cause):
            _resolve(turn, run, order, OrderStatus.UNKNOWN, code="outcome_unknown", message=cause)
            turn.set_watch(run.run_id, account_wanted=True)
            turn.alert(
                run.run_id,
                "warning",
                f"unknown:{order.intent.client_order_id}",
                f"The answer to {order.intent.client_order_id} was lost ({cause}); looking for it at the exchange.",
            )


def on_cancel_answered(turn: Turn, event: CancelAnswered) -> None:
    """A confirmed cancel ends the order; "not found" or no answer means: read the order again."""
    found = find_order(turn, event.client_order_id, None)
    if found is None:
        return
    run, order = found
    if isinstance(event.outcome, Ok):
        adopt(turn, run, order, event.outcome.order)
    else:
        _hear_refusal(turn, order, event.outcome)
        turn.set_watch(run.run_id, account_wanted=True)


def adopt(turn: Turn, run: Run, order: Order, snapshot: OrderSnapshot, *, cause: str = "exchange") -> None:
    """Take the exchange's word on an order where it is news; stale snapshots change nothing."""
    moved = next_status(order.status, snapshot.status) is not order.status
    filled_more = snapshot.filled_qty > order.reported_filled
    if not (moved or filled_more or snapshot.venue_order_id not in order.venue_ids):
        return
    if order.status is OrderStatus.REJECTED and order.code in PROVEN_ABSENT:
        turn.alert(
            run.run_id,
            "error",
            f"resurrected:{order.intent.client_order_id}",
            f"{order.intent.client_order_id} was taken as absent, but the exchange has it; cancelling it.",
        )
    reason = snapshot.cancellation_reason or ""
    _resolve(
        turn,
        run,
        order,
        snapshot.status,
        cause=cause,
        venue_order_id=snapshot.venue_order_id,
        filled_qty=snapshot.filled_qty,
        avg_px=snapshot.avg_px,
        code=reason,
    )
    if snapshot.filled_qty > order.filled_qty:
        turn.set_watch(run.run_id, account_wanted=True)


def _resolve(
    turn: Turn, run: Run, order: Order, status: OrderStatus, *, cause: str = "exchange", **fields: object
) -> None:
    turn.write(
        rec.OrderResolved,
        run.run_id,
        cause=cause,
        client_order_id=order.intent.client_order_id,
        status=status,
        **fields,
    )


def mark_never_accepted(turn: Turn, run: Run, order: Order) -> None:
    """Proof found: past the signature horizon, absent in every source, twice. What has filled of it stays booked."""
    code, message = NEVER_ACCEPTED, "absent from orders, history and fills after its signature had expired"
    if order.venue_order_id is not None:
        code, message = GONE, "it rested, and is absent from orders, history and fills"
    _resolve(turn, run, order, OrderStatus.REJECTED, cause="recovery", code=code, message=message, remedy=Remedy.RETRY)


def mark_unknown(turn: Turn, run: Run, order: Order, *, code: str, message: str) -> None:
    """An intent without an answer may or may not have reached the exchange."""
    _resolve(turn, run, order, OrderStatus.UNKNOWN, cause="recovery", code=code, message=message)


def on_order_seen(turn: Turn, snapshot: OrderSnapshot) -> None:
    found = find_order(turn, snapshot.client_order_id, snapshot.venue_order_id)
    if found is not None:
        adopt(turn, *found, snapshot)
    elif snapshot.status.live:
        see_installation(turn, snapshot.client_order_id)


def on_fill(turn: Turn, fill: Fill) -> None:
    """Book an execution of our orders once, whichever channel tells it first; the other brings its commission. Other people's
    fills pass by."""
    for run in turn.state.runs.values():
        if is_taken_in(run, fill):
            cost_again(turn, run, fill)
            return
    found = find_order(turn, fill.client_order_id, fill.venue_order_id)
    if found is None:
        see_installation(turn, fill.client_order_id)
        return
    run, order = found
    # The fast stream names no product and REST no client order id: the order knows both.
    fill = replace(fill, client_order_id=order.intent.client_order_id, product_id=order.intent.product_id)
    booked = take_in(turn, run, order, fill)
    if booked == 0:
        return
    turn.set_watch(run.run_id, account_wanted=True)
    if run.phase is Phase.DONE:
        turn.alert(
            run.run_id,
            "error",
            f"late_fill:{fill.key}",
            f"{fill.side} {booked} {fill.symbol} was filled after the run had ended; look at the position.",
        )
