"""What proves that an order of ours does not exist: a lost answer alone never does."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from trader.domain.fill import Fill
from trader.domain.order import OrderStatus, Purpose
from trader.engine.account.allocation import explained
from trader.engine.events import AccountRead
from trader.engine.executions import is_booked
from trader.engine.orders import (
    VANISHED,
    mark_never_accepted,
    mark_unknown,
)
from trader.engine.state import POSITION_LAG_SECS, Order, Run, seconds_since
from trader.engine.turn import Turn

SIGNATURE_SECS = 7.0  # the exchange refuses signatures older than 5 s; 2 s of slack
ENTRY_HORIZON_SECS = SIGNATURE_SECS + 10.0  # queueing behind its gateway is not bounded, and entries are never urgent


def resolve_absent(turn: Turn, run_id: str, event: AccountRead) -> None:
    """Absent in every source, past the horizon, twice at least a second apart, and the position explained by the fills we
    hold: never accepted."""
    if event.error or event.positions is None or None in (event.open_orders, event.history, event.fills):
        return
    run = turn.run(run_id)
    for order in run.live_orders():
        coid = order.intent.client_order_id
        if event.lookups.get(coid, order) is not None:
            continue
        contract = (order.intent.symbol, order.intent.product_id)
        held = event.held(*contract)
        if held is None or any(event.odd_of(member, *contract) for member in ("open_orders", "history", "fills")):
            continue  # a row that could not be read may be this very order, or its doing
        if order.status in (OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED):
            _miss(turn, run_id, event, order)
            continue
        if order.status is not OrderStatus.UNKNOWN:
            continue
        unexplained = held - explained(turn.state, order.intent.symbol)
        theirs = _by_others(turn, run, order.intent.symbol, event.fills or ())
        if min(rest * order.intent.side.sign for rest in (unexplained, unexplained - theirs)) > 0:
            continue  # a position moved its way and explained by nobody may be this order's doing
        if seconds_since(_last_doubt(turn, run_id, order), event.asked) < _horizon(order) + 1.0:
            continue
        if order.venue_order_id is not None and seconds_since(order.unknown_at, event.asked) < SIGNATURE_SECS:
            continue  # it may have filled just now: history, fills and positions lag
        if _absent_again(turn, run_id, event, coid):
            mark_never_accepted(turn, turn.run(run_id), order)


def _last_doubt(turn: Turn, run_id: str, order: Order) -> datetime:
    """From when on an order's absence is timed: its intent, or the restart since. Over a restart the clock may have been
    set, and an order of a second ago would look an hour old."""
    watch = turn.watch(run_id)
    return max(order.intended_at, watch.since) if watch.recovered else order.intended_at


def _horizon(order: Order) -> float:
    """Seconds after its intent during which an order's absence proves nothing."""
    return ENTRY_HORIZON_SECS if order.intent.purpose is Purpose.ENTRY else SIGNATURE_SECS


def _absent_again(turn: Turn, run_id: str, event: AccountRead, coid: str) -> bool:
    """Note that a read did not find an order; True at the second such read at least a second after the first."""
    watch = turn.watch(run_id)
    times, last = watch.absent.get(coid, (0, None))
    if last is not None and seconds_since(last, event.asked) < 1.0:
        turn.set_watch(run_id, account_wanted=True)
        return False
    absent = {key: seen for key, seen in watch.absent.items() if key != coid}
    if times >= 1:
        turn.set_watch(run_id, absent=absent)
        return True
    turn.set_watch(run_id, absent={**absent, coid: (times + 1, event.asked)}, account_wanted=True)
    return False


def _miss(turn: Turn, run_id: str, event: AccountRead, order: Order) -> None:
    """An order that rests by our books and is neither found by its id nor listed anywhere: unknown, until proof."""
    coid = order.intent.client_order_id
    listed = [*(event.history or ()), *(event.open_orders or ())]
    if any(o.client_order_id == coid or o.venue_order_id in order.venue_ids for o in listed):
        return
    since = _last_doubt(turn, run_id, order)
    if seconds_since(since, event.asked) < SIGNATURE_SECS or not _absent_again(turn, run_id, event, coid):
        return
    mark_unknown(turn, turn.run(run_id), order, code=VANISHED, message="it rested, and is listed nowhere any more")
    text = f"{coid} rested at the exchange, which does not know it any more; looking for what became of it."
    turn.alert(run_id, "warning", f"vanished:{coid}", text)


def _by_others(turn: Turn, run: Run, symbol: str, fills: Iterable[Fill]) -> int:
    """Signed contracts that no run has traded in a contract of this run since this one began, by the account's own fills; what was traded
    just before, too, as the position that it began on may have been read without.

    Fills of an order of ours that was lost are not among them: such orders are looked up by their id and booked.
    """
    begun = [t for t in (run.created_market, run.entry_at) if t is not None]
    lag = timedelta(seconds=POSITION_LAG_SECS * turn.now.rate)
    return sum(
        f.side.sign * f.quantity
        for f in fills
        if f.symbol == symbol
        and f.ts_event
        and begun
        and f.ts_event >= max(begun) - lag
        and not any(is_booked(other, f) for other in turn.state.runs.values())
    )
