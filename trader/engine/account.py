"""Reconciliation: what a read of the account over REST proves, and when the next one is due.

A member that could not be read proves nothing: an error is never flat, a partial list is never "all".
"""

from datetime import datetime, timedelta

from msgspec.structs import replace

from trader.domain.fill import Fill, FillKind
from trader.domain.order import OrderIntent, OrderSnapshot, OrderStatus, OrderType, Purpose
from trader.domain.wording import clause
from trader.engine import records as rec
from trader.engine.absence import SIGNATURE_SECS, resolve_absent
from trader.engine.beside import reads_whole, see_foreign
from trader.engine.doubts import doubts
from trader.engine.effects import ReadAccount
from trader.engine.events import AccountRead
from trader.engine.executions import is_booked
from trader.engine.gate import slowed
from trader.engine.ids import is_ours, parse_client_order_id
from trader.engine.imbalance import alone_since
from trader.engine.levels import see_installation
from trader.engine.orders import PROVEN_ABSENT, WATCH_SECS, adopt, find_order, on_fill
from trader.engine.positions import compare_positions, settle
from trader.engine.records import Phase
from trader.engine.state import Order, Run, Watch, seconds_since
from trader.engine.turn import Turn

PARTLY_UNREADABLE = "account_partly_unreadable"
STOP_LOSS = "stop_loss_order"  # the exchange's word
_ROUTINE_SECS = 5.0
_IDLE_SECS = 10.0  # while a run waits and no strikes are picked: the account is read to tell what would bar its entry
_URGENT_SECS = 0.25
_PATIENT_SECS = 2.0  # what has not come clear soon after a phase began is asked for at this pace
_SOON_SECS = 10.0
_AFTERWARDS_SECS = 20.0  # between looks for an order of a finished run that may yet appear
_ANSWER_SECS = 10.0  # after this a read that never answered is asked again
_LOST_SECS = 60.0  # after a restart an unreadable row of ended orders is asked for again for so long
_COST_SECS = 5.0  # commissions are usually listed within a second or two of the fill
_LOOKBACK = timedelta(minutes=10)


def want_read(turn: Turn, run_id: str) -> None:
    """Ask for a read when one is due: at once when something must be resolved, else every few seconds."""
    run, watch = turn.run(run_id), turn.watch(run_id)
    waited = seconds_since(watch.account_asked, turn.wall)
    if watch.account_pending and waited < _ANSWER_SECS:
        return
    if waited < _read_interval(run, watch, turn.wall, is_slowed=False):
        return
    is_slowed, for_exit = bool(slowed(turn.state, turn.now)), _serves_exit(run)
    if waited < _read_interval(run, watch, turn.wall, is_slowed=is_slowed) or (is_slowed and not for_exit):
        return
    if _is_idle(run) and seconds_since(watch.since, turn.wall) < _IDLE_SECS:
        return
    turn.look(run_id, account_asked=turn.wall, account_pending=True, account_wanted=False)
    turn.do(
        ReadAccount(
            run_id=run_id,
            underlying=run.underlying,
            product_ids=tuple(leg.product_id for leg in run.legs),
            since=_begun(turn, run) - _LOOKBACK,
            lookups=_lookups(run, turn.wall),
            known_order_ids=tuple(number for o in run.orders.values() for number in o.venue_ids),
            settled_symbols=tuple(leg.symbol for leg in run.legs if leg.has_expired(turn.now.market)),
            history=(watch.recovered and watch.account_read is None)
            or watch.mismatch_since is not None
            or run.phase is Phase.DONE,
            for_exit=for_exit,
            whole=reads_whole(run),
        )
    )


def _serves_exit(run: Run) -> bool:
    """Whether an exit or a cancel needs what a read of the account tells; every other read waits for the reset of a 429."""
    if run.phase is Phase.EXITING or (run.phase is not Phase.DONE and alone_since(run) is not None):
        return True
    return any(order.cancel_asked_at is not None for order in run.live_orders())


def _is_idle(run: Run) -> bool:
    """Whether a run has nothing to sell yet: the account is read for a person's sake only."""
    return run.phase is Phase.WAITING and not run.legs


def _begun(turn: Turn, run: Run) -> datetime:
    """No order or fill of the run is older, in exchange time: a run may have been made before that time was known."""
    known = [t for t in (run.created_market, run.entry_at, turn.now.market) if t is not None]
    return min(known, default=turn.wall)


def _read_interval(run: Run, watch: Watch, wall: datetime, *, is_slowed: bool) -> float:
    """Seconds between reads. Urgency is spent: a trouble that lasts must not eat the budget that exits need, nor an exit
    press on an exchange that has asked for less."""
    if run.phase is Phase.DONE:
        return _AFTERWARDS_SECS
    if _is_idle(run):
        return _IDLE_SECS
    if not watch.account_wanted and (run.phase is not Phase.EXITING or run.is_kept):
        return _ROUTINE_SECS
    if is_slowed:
        return _PATIENT_SECS
    return _URGENT_SECS if seconds_since(run.phase_since, wall) < _SOON_SECS else _PATIENT_SECS


def watch_absent(turn: Turn, run: Run) -> list[Order]:
    """After the end: orders taken as absent are looked for ten minutes more. Returns those that have appeared."""
    doubtful = [o for o in run.orders.values() if o.code in PROVEN_ABSENT]
    if any(o.status.live or seconds_since(o.ended_at, turn.wall) < WATCH_SECS for o in doubtful):
        want_read(turn, run.run_id)
    return [o for o in doubtful if o.status.live]


def _lookups(run: Run, wall: datetime) -> tuple[str, ...]:
    """Orders to be asked for by our id: those of open fate, and those whose fills are not costed long after they were heard.
    The list of fills names the order by the exchange's id, which may be one that no channel has told us of this order."""
    doubtful = [o.intent.client_order_id for o in run.live_orders() if _needs_lookup(o, wall)]
    uncosted = [
        b.fill.client_order_id
        for b in run.fills.values()
        if b.fill.commission is None and b.fill.client_order_id and seconds_since(b.wall, wall) > _COST_SECS
    ]
    return tuple(dict.fromkeys([*doubtful, *uncosted]))


def _needs_lookup(order: Order, wall: datetime) -> bool:
    if order.status in (OrderStatus.UNKNOWN, OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED):
        return True
    return seconds_since(order.intended_at, wall) > SIGNATURE_SECS


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
    resolve_absent(turn, event)
    if turn.run(run_id).phase is Phase.DONE:
        return  # asked for before the end, or for the sake of an order that may yet appear
    settle(turn, event)
    compare_positions(turn, event)
    see_foreign(turn, event)
    _see_stops(turn, event)
    if event.error:
        turn.look(run_id, account_wanted=True)
        turn.alert(run_id, "warning", "account_unreadable", f"The account could not be read: {clause(event.error)}.")
        return
    turn.rearm(run_id, "account_unreadable")
    unread = _tell_doubts(turn, event)
    if event.open_orders is not None:
        symbols = {leg.symbol for leg in turn.run(run_id).legs}
        foreign = tuple(
            f"{o.symbol} {o.side} {o.leaves_qty}"
            for o in event.open_orders
            if o.symbol in symbols and not _is_of(turn, run_id, o)
        )
        turn.look(run_id, foreign_orders=foreign)
    if _lists_ended_order(turn, event) or _may_hide_lost_order(turn, event):
        turn.look(run_id, account_wanted=True)
    elif is_complete(event) and not unread:
        turn.look(run_id, account_read=event.asked, available_usd=event.available_usd)


def _see_stops(turn: Turn, event: AccountRead) -> None:
    """Keep how many stop-loss orders the exchange lists on this run's contracts; a row that makes no sense may be one."""
    run = turn.run(event.run_id)
    if event.open_orders is None or not run.legs:
        return
    closing = {leg.symbol: leg.side.opposite for leg in run.legs}
    stops = sum(o.stop_kind == STOP_LOSS and o.side is closing.get(o.symbol) for o in event.open_orders)
    is_whole = not any(event.odd_of("open_orders", leg.symbol, leg.product_id) for leg in run.legs)
    turn.look(event.run_id, stops=stops if is_whole else None, stops_read=event.asked if is_whole else None)


def _may_hide_lost_order(turn: Turn, event: AccountRead) -> bool:
    """After a restart an ended order that cannot be read may be one that the journal has lost: read again, for a while."""
    watch = turn.watch(event.run_id)
    if not watch.recovered or watch.account_read is not None or seconds_since(watch.since, turn.wall) > _LOST_SECS:
        return False
    return any(event.odd_of("history", leg.symbol, leg.product_id) for leg in turn.run(event.run_id).legs)


def _tell_doubts(turn: Turn, event: AccountRead) -> str:
    """What of this run's contracts could not be read, in words, empty when all was; a person is told once."""
    rows = doubts(turn.run(event.run_id), event)
    words = "; ".join(row.words for row in rows)
    turn.look(event.run_id, unread=words)
    if not words:
        turn.rearm(event.run_id, PARTLY_UNREADABLE)
        return ""
    text = (
        f"Part of the account could not be read, so nothing is taken for complete or flat: {words}. "
        "Exits go on; look at the exchange's own page."
    )
    turn.alert(event.run_id, "error", PARTLY_UNREADABLE, text)
    return words


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
    turn.look(run_id, taken_over=True)
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
    if is_booked(run, fill):
        on_fill(turn, fill)
        return
    leg = next((leg for leg in run.legs if leg.symbol == fill.symbol), None)
    if leg is None or run.open_quantity(leg.key) <= 0 or _is_older(fill, run.sold_at(leg.key) or run.created_market):
        return
    fill = _our_share(turn, run, fill, run.open_quantity(leg.key))
    turn.write(rec.FillRecorded, run_id, cause="exchange", leg=leg.key, fill=fill)
    if fill.kind is not FillKind.SETTLEMENT:
        text = f"The exchange closed {fill.quantity} of {fill.symbol} itself ({fill.kind})."
        turn.alert(run_id, "error", f"{fill.kind}:{fill.key}", text)


def _our_share(turn: Turn, run: Run, fill: Fill, open_quantity: int) -> Fill:
    """What the exchange closes by itself it closes for the whole account: only our part of it is booked, and of its
    commission; the rest is somebody else's."""
    if fill.quantity <= open_quantity:
        return fill
    text = f"The exchange closed {fill.quantity} of {fill.symbol} ({fill.kind}), ours are {open_quantity} of them."
    turn.alert(run.run_id, "warning", f"foreign_share:{fill.key}", text)
    commission = fill.commission
    if commission is not None:
        commission = commission * open_quantity / fill.quantity
    return replace(fill, quantity=open_quantity, commission=commission)


def _is_before(at: datetime | None, then: datetime | None) -> bool:
    """True unless it is known that this happened later."""
    return at is None or then is None or at < then


def _is_older(fill: Fill, than: datetime | None) -> bool:
    return fill.ts_event is not None and than is not None and fill.ts_event < than
