"""Reconciliation: what a read of the account over REST proves, and when the next one is due.

A member that could not be read proves nothing: an error is never flat, a partial list is never "all".
"""

from datetime import datetime, timedelta
from decimal import Decimal

from trader.domain.fill import Fill, FillKind
from trader.domain.order import OrderStatus, Purpose
from trader.engine import records as rec
from trader.engine.effects import ReadAccount
from trader.engine.events import AccountRead
from trader.engine.orders import adopt, find_order, mark_never_accepted, on_fill
from trader.engine.records import LegTerms, Phase
from trader.engine.state import Order, Run, seconds_since
from trader.engine.turn import Turn

SIGNATURE_SECS = 7.0  # the exchange refuses signatures older than 5 s; 2 s of slack
ENTRY_HORIZON_SECS = SIGNATURE_SECS + 10.0  # queueing behind its gateway is not bounded, and entries are never urgent
_ROUTINE_SECS = 5.0
_URGENT_SECS = 0.25
_ANSWER_SECS = 20.0  # after this a read that never answered is asked again
_POSITION_LAG_SECS = 4.0  # real-time positions may lag a fill by this much
FOREIGN_SECS = 10.0
_LOOKBACK = timedelta(minutes=10)


def want_read(turn: Turn, run_id: str) -> None:
    """Ask for a read when one is due: at once when something must be resolved, else every few seconds."""
    run, watch = turn.run(run_id), turn.watch(run_id)
    waited = seconds_since(watch.account_asked, turn.wall)
    if watch.account_pending and waited < _ANSWER_SECS:
        return
    urgent = watch.account_wanted or run.phase is Phase.EXITING
    if waited < (_URGENT_SECS if urgent else _ROUTINE_SECS):
        return
    turn.look(run_id, account_asked=turn.wall, account_pending=True, account_wanted=False)
    turn.do(
        ReadAccount(
            run_id=run_id,
            underlying=run.underlying,
            product_ids=tuple(leg.product_id for leg in run.legs),
            since=(run.created_market or turn.now.market or turn.wall) - _LOOKBACK,
            lookups=tuple(o.intent.client_order_id for o in run.live_orders() if _needs_lookup(o, turn.wall)),
            known_order_ids=tuple(o.venue_order_id for o in run.orders.values() if o.venue_order_id is not None),
            settled_symbols=tuple(leg.symbol for leg in run.legs if _is_expired(leg, turn)),
        )
    )


def _needs_lookup(order: Order, wall: datetime) -> bool:
    if order.status in (OrderStatus.UNKNOWN, OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED):
        return True
    return seconds_since(order.intended_at, wall) > SIGNATURE_SECS


def _is_expired(leg: LegTerms, turn: Turn) -> bool:
    return turn.now.market is not None and turn.now.market >= leg.expiry


def on_account_read(turn: Turn, event: AccountRead) -> None:
    """Book what the read proves: fills first, then orders, then absences, then positions."""
    if event.run_id not in turn.state.watches or event.run_id not in turn.state.runs:
        return
    run_id = event.run_id
    turn.look(run_id, account_pending=False)
    for fill in event.fills or ():
        _book(turn, run_id, fill)
    for snapshot in [*(event.history or ()), *(event.open_orders or ()), *event.lookups.values()]:
        if snapshot is None:
            continue
        found = find_order(turn, snapshot.client_order_id, snapshot.venue_order_id)
        if found is not None:
            adopt(turn, *found, snapshot, cause="recovery")
    _resolve_absent(turn, event)
    _settle(turn, event)
    _compare_positions(turn, event)
    if turn.run(run_id).phase is Phase.DONE:
        return  # a read asked for before the end may answer after it
    if event.error:
        turn.look(run_id, account_wanted=True)
        turn.alert(run_id, "warning", "account_unreadable", f"The account could not be read: {event.error}")
        return
    turn.rearm(run_id, "account_unreadable")
    if event.open_orders is not None:
        symbols = {leg.symbol for leg in turn.run(run_id).legs}
        foreign = tuple(
            f"{o.symbol} {o.side} {o.leaves_qty}"
            for o in event.open_orders
            if o.symbol in symbols and find_order(turn, o.client_order_id, o.venue_order_id) is None
        )
        turn.look(run_id, foreign_orders=foreign)
    if is_complete(event):
        turn.look(run_id, account_read=event.asked, available_usd=event.available_usd)


def is_complete(event: AccountRead) -> bool:
    """True when positions, open orders and fills were all read to their end."""
    return not event.error and None not in (event.positions, event.open_orders, event.fills)


def _book(turn: Turn, run_id: str, fill: Fill) -> None:
    if fill.kind is FillKind.NORMAL or find_order(turn, fill.client_order_id, fill.venue_order_id) is not None:
        on_fill(turn, fill)
        return
    # Settlement, liquidation and deleveraging carry order ids that are not ours; the contract tells whose they are.
    run = turn.run(run_id)
    if fill.fill_id in run.fills:
        on_fill(turn, fill)
        return
    leg = next((leg for leg in run.legs if leg.symbol == fill.symbol), None)
    entered_at = run.entry_at or run.created_market
    if leg is None or run.open_quantity(leg.key) <= 0:
        return
    if fill.ts_event is not None and entered_at is not None and fill.ts_event < entered_at:
        return
    turn.write(rec.FillRecorded, run_id, cause="exchange", leg=leg.key, fill=fill)
    if fill.kind is not FillKind.SETTLEMENT:
        text = f"The exchange closed {fill.quantity} of {fill.symbol} itself ({fill.kind})."
        turn.alert(run_id, "error", f"{fill.kind}:{fill.fill_id}", text)


def _resolve_absent(turn: Turn, event: AccountRead) -> None:
    """Absent in every source, past the horizon, twice at least a second apart: never accepted."""
    if event.error or None in (event.open_orders, event.history, event.fills):
        return
    for order in turn.run(event.run_id).live_orders():
        coid = order.intent.client_order_id
        if order.status is not OrderStatus.UNKNOWN or event.lookups.get(coid, order) is not None:
            continue
        horizon = ENTRY_HORIZON_SECS if order.intent.purpose is Purpose.ENTRY else SIGNATURE_SECS
        if seconds_since(order.intended_at, event.asked) < horizon + 1.0:
            continue
        watch = turn.watch(event.run_id)
        times, last = watch.absent.get(coid, (0, None))
        if last is not None and seconds_since(last, event.asked) < 1.0:
            continue
        if times + 1 >= 2:
            mark_never_accepted(turn, turn.run(event.run_id), order)
        else:
            turn.look(event.run_id, absent={**watch.absent, coid: (times + 1, event.asked)}, account_wanted=True)


def _settle(turn: Turn, event: AccountRead) -> None:
    """Worthless options may vanish without a settlement fill: the expired product's price then closes the books."""
    if event.positions is None:
        return
    run = turn.run(event.run_id)
    held = {p.symbol: p.quantity for p in event.positions}
    for leg in run.legs:
        open_quantity = run.open_quantity(leg.key)
        price = event.settlements.get(leg.symbol)
        if open_quantity <= 0 or price is None or not _is_expired(leg, turn) or held.get(leg.symbol, 0) != 0:
            continue
        if seconds_since(leg.expiry, turn.now.market or leg.expiry) < 60:
            continue  # give a real settlement fill its minute
        fill = Fill(
            fill_id=f"settled-{run.run_id}-{leg.symbol}",
            venue_order_id="settlement",
            client_order_id=None,
            symbol=leg.symbol,
            product_id=leg.product_id,
            side=leg.side.opposite,
            quantity=open_quantity,
            price=price,
            commission=Decimal(0),
            kind=FillKind.SETTLEMENT,
            ts_event=leg.expiry,
        )
        turn.write(rec.FillRecorded, run.run_id, cause="recovery", leg=leg.key, fill=fill)


def _compare_positions(turn: Turn, event: AccountRead) -> None:
    """Hold the exchange's positions against our fills; a difference that lasts is somebody else's doing."""
    if event.positions is None:
        return
    run = turn.run(event.run_id)
    held = {p.symbol: p.quantity for p in event.positions}
    differs = False
    for leg in run.legs:
        seen = held.get(leg.symbol, 0)
        ours = run.open_quantity(leg.key) * leg.side.sign
        if seen != ours:
            differs = True
            last_fill = run.last_fill_at(leg.key)
            if last_fill is not None and seconds_since(last_fill, event.asked) < _POSITION_LAG_SECS:
                continue  # the read may lag the fill
        if run.positions.get(leg.symbol) != seen:
            turn.write(rec.PositionObserved, run.run_id, cause="exchange", symbol=leg.symbol, quantity=seen)
    since = turn.watch(run.run_id).mismatch_since
    if not differs:
        turn.look(run.run_id, mismatch_since=None)
    else:
        turn.look(run.run_id, mismatch_since=since or event.asked, account_wanted=True)
        if since is not None and seconds_since(since, event.asked) > FOREIGN_SECS:
            turn.alert(run.run_id, "error", "foreign_activity", _difference(run, held))


def _difference(run: Run, held: dict[str, int]) -> str:
    parts = [
        f"{leg.symbol}: exchange {held.get(leg.symbol, 0)}, ours {run.open_quantity(leg.key) * leg.side.sign}"
        for leg in run.legs
    ]
    return f"Positions differ from our own fills; somebody else traded ({'; '.join(parts)})."


def foreign_remainder(run: Run) -> str:
    """What the exchange still shows in our contracts beyond our own fills, in words; empty when nothing."""
    parts = []
    for leg in run.legs:
        extra = run.positions.get(leg.symbol, 0) - run.open_quantity(leg.key) * leg.side.sign
        if extra != 0:
            parts.append(f"{leg.symbol} {extra:+d}")
    return ", ".join(parts)
