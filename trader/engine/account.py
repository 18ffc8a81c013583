"""Reconciliation: what a read of the account over REST proves, and when the next one is due.

A member that could not be read proves nothing: an error is never flat, a partial list is never "all".
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from msgspec.structs import replace

from trader.domain.fill import Fill, FillKind
from trader.domain.order import OrderIntent, OrderSnapshot, OrderStatus, OrderType, Purpose
from trader.engine import records as rec
from trader.engine.effects import ReadAccount
from trader.engine.events import AccountRead
from trader.engine.ids import is_ours, parse_client_order_id
from trader.engine.levels import see_installation
from trader.engine.orders import (
    PROVEN_ABSENT,
    VANISHED,
    WATCH_SECS,
    adopt,
    find_order,
    mark_never_accepted,
    mark_unknown,
    on_fill,
)
from trader.engine.records import LegTerms, Phase
from trader.engine.state import Order, Run, Watch, seconds_since
from trader.engine.turn import Turn

SIGNATURE_SECS = 7.0  # the exchange refuses signatures older than 5 s; 2 s of slack
ENTRY_HORIZON_SECS = SIGNATURE_SECS + 10.0  # queueing behind its gateway is not bounded, and entries are never urgent
_ROUTINE_SECS = 5.0
_URGENT_SECS = 0.25
_PATIENT_SECS = 2.0  # what has not come clear soon after a phase began is asked for at this pace
_SOON_SECS = 10.0
_AFTERWARDS_SECS = 20.0  # between looks for an order of a finished run that may yet appear
_ANSWER_SECS = 10.0  # after this a read that never answered is asked again
_POSITION_LAG_SECS = 4.0  # real-time positions may lag a fill by this much
FOREIGN_SECS = 10.0
_LOOKBACK = timedelta(minutes=10)


def want_read(turn: Turn, run_id: str) -> None:
    """Ask for a read when one is due: at once when something must be resolved, else every few seconds."""
    run, watch = turn.run(run_id), turn.watch(run_id)
    waited = seconds_since(watch.account_asked, turn.wall)
    if watch.account_pending and waited < _ANSWER_SECS:
        return
    if waited < _read_interval(run, watch, turn.wall):
        return
    turn.look(run_id, account_asked=turn.wall, account_pending=True, account_wanted=False)
    turn.do(
        ReadAccount(
            run_id=run_id,
            underlying=run.underlying,
            product_ids=tuple(leg.product_id for leg in run.legs),
            since=_begun(turn, run) - _LOOKBACK,
            lookups=tuple(o.intent.client_order_id for o in run.live_orders() if _needs_lookup(o, turn.wall)),
            known_order_ids=tuple(o.venue_order_id for o in run.orders.values() if o.venue_order_id is not None),
            settled_symbols=tuple(leg.symbol for leg in run.legs if _is_expired(leg, turn)),
            history=(watch.recovered and watch.account_read is None)
            or watch.mismatch_since is not None
            or run.phase is Phase.DONE,
        )
    )


def _begun(turn: Turn, run: Run) -> datetime:
    """No order or fill of the run is older, in exchange time: a run may have been made before that time was known."""
    known = [t for t in (run.created_market, run.entry_at, turn.now.market) if t is not None]
    return min(known, default=turn.wall)


def _read_interval(run: Run, watch: Watch, wall: datetime) -> float:
    """Seconds between reads. Urgency is spent: a trouble that lasts must not eat the budget that exits need."""
    if run.phase is Phase.DONE:
        return _AFTERWARDS_SECS
    if not watch.account_wanted and run.phase is not Phase.EXITING:
        return _ROUTINE_SECS
    return _URGENT_SECS if seconds_since(run.phase_since, wall) < _SOON_SECS else _PATIENT_SECS


def watch_absent(turn: Turn, run: Run) -> list[Order]:
    """After the end: orders taken as absent are looked for ten minutes more. Returns those that have appeared."""
    doubtful = [o for o in run.orders.values() if o.code in PROVEN_ABSENT]
    if any(o.status.live or seconds_since(o.ended_at, turn.wall) < WATCH_SECS for o in doubtful):
        want_read(turn, run.run_id)
    return [o for o in doubtful if o.status.live]


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
    turn.slow_down(event.retry_after_secs)
    for listed in [*(event.history or ()), *(event.open_orders or ())]:
        _take_in(turn, run_id, listed)
    for listed in event.open_orders or ():
        see_installation(turn, listed.client_order_id)
    for listed in event.history or ():
        if listed.filled_qty > 0 and not _is_before(listed.created_at, _begun(turn, turn.run(run_id))):
            see_installation(turn, listed.client_order_id)  # traded while this run was on; our own fills bear no name
    for fill in sorted(event.fills or (), key=_by_time):
        _book(turn, run_id, fill)
    for snapshot in [*(event.history or ()), *(event.open_orders or ()), *event.lookups.values()]:
        if snapshot is None:
            continue
        found = find_order(turn, snapshot.client_order_id, snapshot.venue_order_id)
        if found is not None:
            adopt(turn, *found, snapshot, cause="recovery")
    _resolve_absent(turn, event)
    if turn.run(run_id).phase is Phase.DONE:
        return  # asked for before the end, or for the sake of an order that may yet appear
    _settle(turn, event)
    _compare_positions(turn, event)
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
            if o.symbol in symbols and not _is_of(turn, run_id, o)
        )
        turn.look(run_id, foreign_orders=foreign)
    if _lists_ended_order(turn, event):
        turn.look(run_id, account_wanted=True)
    elif is_complete(event):
        turn.look(run_id, account_read=event.asked, available_usd=event.available_usd)


def _is_of(turn: Turn, run_id: str, snapshot: OrderSnapshot) -> bool:
    """True for an order of this very run: another run's that came back to life is as foreign to it as anybody's."""
    found = find_order(turn, snapshot.client_order_id, snapshot.venue_order_id)
    return found is not None and found[0].run_id == run_id


def _take_in(turn: Turn, run_id: str, snapshot: OrderSnapshot) -> None:
    """An order of this run that the journal does not know: sent while nothing could be written, or recorded in a journal
    that an older copy has replaced. Its id says what it was for, the exchange everything else."""
    name = parse_client_order_id(snapshot.client_order_id)
    run = turn.run(run_id)
    leg = next((leg for leg in run.legs if leg.symbol == snapshot.symbol), None)
    if name is None or leg is None or (name.leg, name.run) != (leg.key, run_id[:5]):
        return
    if snapshot.client_order_id is None or not is_ours(snapshot.client_order_id, turn.state.installation):
        return
    if find_order(turn, snapshot.client_order_id, snapshot.venue_order_id) is not None:
        return
    intent = OrderIntent(
        client_order_id=snapshot.client_order_id,
        run_id=run_id,
        leg=leg.key,
        purpose=name.purpose,
        attempt=len(run.leg_orders(leg.key, name.purpose)),
        symbol=snapshot.symbol,
        product_id=snapshot.product_id,
        side=snapshot.side,
        quantity=snapshot.quantity,
        order_type=OrderType.MARKET if snapshot.limit_price is None else OrderType.LIMIT,
        limit_price=snapshot.limit_price,
        reduce_only=snapshot.reduce_only,
    )
    turn.write(rec.OrderIntended, run_id, cause="recovery", intent=intent, reference=None)
    text = f"{snapshot.client_order_id} is an order of this run that the journal did not know; taken over from the exchange."
    turn.alert(run_id, "error", f"taken_over:{snapshot.client_order_id}", text)
    if turn.run(run_id).phase is Phase.WAITING:
        turn.phase(run_id, Phase.ENTERING, "orders of this entry were found at the exchange")
    if name.purpose is not Purpose.ENTRY and turn.run(run_id).exit_reason is None:
        # Nobody closes what he means to sell: the decision was lost with the record of this order.
        turn.decide_exit(run_id, "resumed_exit", "an order that closes this run was found; its reason is lost")


def is_complete(event: AccountRead) -> bool:
    """True when positions, open orders and fills were all read to their end."""
    return not event.error and None not in (event.positions, event.open_orders, event.fills)


def _lists_ended_order(turn: Turn, event: AccountRead) -> bool:
    """True when the exchange still lists an order that had ended by our books before the read was asked for."""
    for snapshot in event.open_orders or ():
        found = find_order(turn, snapshot.client_order_id, snapshot.venue_order_id)
        if found is not None and found[1].ended_at is not None and found[1].ended_at < event.asked:
            return True
    return False


def _by_time(fill: Fill) -> tuple[float, bool]:
    """As it happened, lists being newest first: what the exchange closes by itself is ours as far as we have sold by then."""
    at = fill.ts_event.timestamp() if fill.ts_event is not None else float("inf")
    return at, fill.kind is not FillKind.NORMAL


def _book(turn: Turn, run_id: str, fill: Fill) -> None:
    ours = find_order(turn, fill.client_order_id, fill.venue_order_id) is not None
    if fill.kind is FillKind.NORMAL and not ours and _is_older(fill, turn.run(run_id).created_market):
        return  # the lookback reaches behind this run: whose it was is no news
    if fill.kind is FillKind.NORMAL or ours:
        on_fill(turn, fill)
        return
    # Settlement, liquidation and deleveraging carry order ids that are not ours; the contract tells whose they are.
    run = turn.run(run_id)
    if fill.fill_id in run.fills:
        on_fill(turn, fill)
        return
    leg = next((leg for leg in run.legs if leg.symbol == fill.symbol), None)
    if leg is None or run.open_quantity(leg.key) <= 0 or _is_older(fill, _sold_at(run, leg.key)):
        return
    fill = _our_share(turn, run, fill, run.open_quantity(leg.key))
    turn.write(rec.FillRecorded, run_id, cause="exchange", leg=leg.key, fill=fill)
    if fill.kind is not FillKind.SETTLEMENT:
        text = f"The exchange closed {fill.quantity} of {fill.symbol} itself ({fill.kind})."
        turn.alert(run_id, "error", f"{fill.kind}:{fill.fill_id}", text)


def _our_share(turn: Turn, run: Run, fill: Fill, open_quantity: int) -> Fill:
    """What the exchange closes by itself it closes for the whole account: only our part of it is booked, and of its
    commission; the rest is somebody else's."""
    if fill.quantity <= open_quantity:
        return fill
    text = f"The exchange closed {fill.quantity} of {fill.symbol} ({fill.kind}), ours are {open_quantity} of them."
    turn.alert(run.run_id, "warning", f"foreign_share:{fill.fill_id}", text)
    commission = fill.commission
    if commission is not None:
        commission = commission * open_quantity / fill.quantity
    return replace(fill, quantity=open_quantity, commission=commission)


def _sold_at(run: Run, key: str) -> datetime | None:
    """When the leg's first contract traded, in exchange time; what happened to the contract before was another run's."""
    known = [b.fill.ts_event for b in run.fills.values() if b.leg == key and b.fill.ts_event is not None]
    return min(known, default=run.created_market)


def _is_before(at: datetime | None, then: datetime | None) -> bool:
    """True unless it is known that this happened later."""
    return at is None or then is None or at < then


def _is_older(fill: Fill, than: datetime | None) -> bool:
    return fill.ts_event is not None and than is not None and fill.ts_event < than


def _resolve_absent(turn: Turn, event: AccountRead) -> None:
    """Absent in every source, past the horizon, twice at least a second apart, and the position explained by the fills we
    hold: never accepted."""
    if event.error or event.positions is None or None in (event.open_orders, event.history, event.fills):
        return
    held = {p.symbol: p.quantity for p in event.positions}
    run = turn.run(event.run_id)
    for order in run.live_orders():
        coid = order.intent.client_order_id
        if event.lookups.get(coid, order) is not None:
            continue
        if order.status in (OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED):
            _miss(turn, event, order)
            continue
        if order.status is not OrderStatus.UNKNOWN:
            continue
        unexplained = held.get(order.intent.symbol, 0) - _signed(run, order.intent.leg)
        theirs = _by_others(run, order.intent.symbol, event.fills or ())
        if min(rest * order.intent.side.sign for rest in (unexplained, unexplained - theirs)) > 0:
            continue  # a position moved its way and explained by nobody may be this order's doing
        if seconds_since(_last_doubt(turn, event.run_id, order), event.asked) < _horizon(order) + 1.0:
            continue
        if order.venue_order_id is not None and seconds_since(order.unknown_at, event.asked) < SIGNATURE_SECS:
            continue  # it may have filled just now: history, fills and positions lag
        if _absent_again(turn, event, coid):
            mark_never_accepted(turn, turn.run(event.run_id), order)


def _last_doubt(turn: Turn, run_id: str, order: Order) -> datetime:
    """From when on an order's absence is timed: its intent, or the restart since. Over a restart the clock may have been
    set, and an order of a second ago would look an hour old."""
    watch = turn.watch(run_id)
    return max(order.intended_at, watch.since) if watch.recovered else order.intended_at


def _horizon(order: Order) -> float:
    """Seconds after its intent during which an order's absence proves nothing."""
    return ENTRY_HORIZON_SECS if order.intent.purpose is Purpose.ENTRY else SIGNATURE_SECS


def _absent_again(turn: Turn, event: AccountRead, coid: str) -> bool:
    """Note that a read did not find an order; True at the second such read at least a second after the first."""
    watch = turn.watch(event.run_id)
    times, last = watch.absent.get(coid, (0, None))
    if last is not None and seconds_since(last, event.asked) < 1.0:
        turn.look(event.run_id, account_wanted=True)
        return False
    absent = {key: seen for key, seen in watch.absent.items() if key != coid}
    if times >= 1:
        turn.look(event.run_id, absent=absent)
        return True
    turn.look(event.run_id, absent={**absent, coid: (times + 1, event.asked)}, account_wanted=True)
    return False


def _miss(turn: Turn, event: AccountRead, order: Order) -> None:
    """An order that rests by our books and is neither found by its id nor listed anywhere: unknown, until proof."""
    coid, number = order.intent.client_order_id, order.venue_order_id
    listed = [*(event.history or ()), *(event.open_orders or ())]
    if any(o.client_order_id == coid or o.venue_order_id == number for o in listed):
        return
    since = _last_doubt(turn, event.run_id, order)
    if seconds_since(since, event.asked) < SIGNATURE_SECS or not _absent_again(turn, event, coid):
        return
    mark_unknown(
        turn, turn.run(event.run_id), order, code=VANISHED, message="it rested, and is listed nowhere any more"
    )
    text = f"{coid} rested at the exchange, which does not know it any more; looking for what became of it."
    turn.alert(event.run_id, "warning", f"vanished:{coid}", text)


def _by_others(run: Run, symbol: str, fills: Iterable[Fill]) -> int:
    """Signed contracts that others have traded in a contract of ours since the run began, by the account's own fills.

    Fills of an order of ours that was lost are not among them: such orders are looked up by their id and booked.
    """
    begun = [t for t in (run.created_market, run.entry_at) if t is not None]
    return sum(
        f.side.sign * f.quantity
        for f in fills
        if f.symbol == symbol and f.fill_id not in run.fills and f.ts_event and begun and f.ts_event >= max(begun)
    )


def _settle(turn: Turn, event: AccountRead) -> None:
    """Worthless options may vanish without a settlement fill: the expired product's price then closes the books."""
    if event.positions is None or event.fills is None:
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
        if any(o.fills_missing for o in run.leg_orders(leg.key)):
            continue  # how many contracts were left to be settled is not known yet
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
        ours = _signed(run, leg.key)
        if seen != ours:
            differs = True
            last_fill = run.last_fill_at(leg.key)
            if last_fill is not None and seconds_since(last_fill, event.asked) < _POSITION_LAG_SECS:
                continue  # the read may lag the fill
        if run.positions.get(leg.symbol) != seen:
            turn.write(rec.PositionObserved, run.run_id, cause="exchange", symbol=leg.symbol, quantity=seen)
    since = turn.watch(run.run_id).mismatch_since
    if not differs:
        turn.look(run.run_id, mismatch_since=None, mismatch_seen=None)
    else:
        lasting = since is not None and seconds_since(since, event.asked) > FOREIGN_SECS
        turn.look(run.run_id, mismatch_since=since or event.asked, mismatch_seen=event.asked)
        if not lasting:
            turn.look(run.run_id, account_wanted=True)
        else:
            turn.alert(run.run_id, "error", "foreign_activity", _difference(run, held))


def differs_lastingly(watch: Watch) -> bool:
    """True when the exchange's positions have differed from our fills for longer than any lag: by reads that far apart.
    One odd read and then none that succeeds proves nothing, however long ago it was."""
    since, seen = watch.mismatch_since, watch.mismatch_seen
    return since is not None and seen is not None and seconds_since(since, seen) > FOREIGN_SECS


def _signed(run: Run, key: str) -> int:
    """The position our own fills make on a leg, negative = short."""
    return run.open_quantity(key) * run.leg(key).side.sign


def _difference(run: Run, held: dict[str, int]) -> str:
    parts = [f"{leg.symbol}: exchange {held.get(leg.symbol, 0)}, ours {_signed(run, leg.key)}" for leg in run.legs]
    return f"Positions differ from our own fills; somebody else traded ({'; '.join(parts)})."


def foreign_remainder(run: Run) -> str:
    """What the exchange still shows in our contracts once nothing of it is ours to close; empty when nothing."""
    held = [(leg.symbol, run.positions.get(leg.symbol, 0)) for leg in run.legs]
    return ", ".join(f"{symbol} {quantity:+d}" for symbol, quantity in held if quantity != 0)
