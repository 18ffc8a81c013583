"""Reconciliation: what a read of the account over REST proves.

A member that could not be read proves nothing: an error is never flat, a partial list is never "all".
"""

from datetime import datetime

from trader.domain.fill import Fill, FillKind
from trader.domain.order import OrderIntent, OrderSnapshot, OrderType, Purpose
from trader.domain.wording import clause
from trader.engine import records as rec
from trader.engine.absence import resolve_absent
from trader.engine.account.allocation import Shares
from trader.engine.account.margin import see_mode
from trader.engine.account.positions import compare_positions, see_liquidation
from trader.engine.account.read import begun, error_of
from trader.engine.account.settlement import divide, settle
from trader.engine.beside import is_of_unfinished, see_foreign
from trader.engine.doubts import doubts
from trader.engine.events import AccountRead
from trader.engine.ids import OrderName, is_ours, parse_client_order_id
from trader.engine.isolation import apart
from trader.engine.levels import see_installation
from trader.engine.orders import adopt, find_order, on_fill
from trader.engine.records import Phase
from trader.engine.state import seconds_since
from trader.engine.tickets.listing import see_shown, see_unlisted
from trader.engine.turn import Turn

PARTLY_UNREADABLE = "account_partly_unreadable"
STOP_LOSS = "stop_loss_order"  # the exchange's word
_LOST_SECS = 60.0  # after a restart an unreadable row of ended orders is asked for again for so long


def on_account_read(turn: Turn, event: AccountRead) -> None:
    """Book what the read proves, for every run it was made for: fills first, then orders, then absences, then positions."""
    covered = [turn.run(run_id) for run_id in event.runs if run_id in turn.state.watches and run_id in turn.state.runs]
    for run in covered:
        turn.set_watch(run.run_id, account_pending=False)
    if not covered:
        return
    turn.slow_down(event.retry_after_secs)
    see_mode(turn, event.margin_mode)
    named: dict[str, list[tuple[OrderName, OrderSnapshot]]] = {}
    for listed in [*(event.history or ()), *(event.open_orders or ())]:
        if (name := parse_client_order_id(listed.client_order_id)) is not None:
            named.setdefault(name.run, []).append((name, listed))
    for run in covered:
        for name, listed in named.get(run.run_id[:5], ()):
            _take_in(turn, run.run_id, name, listed)
    _see_installations(turn, event, min(begun(turn, run) for run in covered))
    created = [run.created_market for run in covered]
    since = min(at for at in created if at is not None) if None not in created else None
    for fill in sorted(event.fills or (), key=_by_time):
        _book(turn, fill, since)
    for snapshot in [*(event.history or ()), *(event.open_orders or ()), *event.lookups.values()]:
        if snapshot is None:
            continue
        found = find_order(turn, snapshot.client_order_id, snapshot.venue_order_id)
        if found is not None:
            adopt(turn, *found, snapshot, cause="recovery")
    see_liquidation(turn, event.positions or ())
    see_shown(turn, covered, event)
    strange = tuple(listed for listed in event.open_orders or () if not is_of_unfinished(turn, listed))
    shares = Shares()
    for run in covered:
        apart(turn, run.run_id, _reconcile, run.run_id, event, strange, shares)


def _reconcile(turn: Turn, run_id: str, event: AccountRead, strange: tuple[OrderSnapshot, ...], shares: Shares) -> None:
    """What a read proves of one run, once all fills and orders in it are booked. `strange`: orders of no unfinished run."""
    resolve_absent(turn, run_id, event)
    if turn.run(run_id).phase is Phase.DONE:
        return  # asked for before the end, or for the sake of an order that may yet appear
    settle(turn, run_id, event)
    compare_positions(turn, run_id, event, shares)
    see_foreign(turn, run_id, event)
    _see_stops(turn, run_id, event)
    if error := error_of(turn.run(run_id), event):
        turn.set_watch(run_id, account_wanted=True)
        turn.alert(run_id, "warning", "account_unreadable", f"The account could not be read: {clause(error)}.")
        return
    turn.rearm(run_id, "account_unreadable")
    unread = _tell_doubts(turn, run_id, event)
    if event.open_orders is not None:
        symbols = {leg.symbol for leg in turn.run(run_id).legs}
        foreign = tuple(f"{o.symbol} {o.side} {o.leaves_qty}" for o in strange if o.symbol in symbols)
        turn.set_watch(run_id, foreign_orders=foreign)
        if turn.run(run_id).ticket is not None:
            see_unlisted(turn, run_id, event)
    if _lists_ended_order(turn, run_id, event) or _may_hide_lost_order(turn, run_id, event):
        turn.set_watch(run_id, account_wanted=True)
    elif is_complete(event) and not unread:
        turn.set_watch(run_id, account_read=event.asked, available_usd=event.available_usd)


def _see_installations(turn: Turn, event: AccountRead, since: datetime) -> None:
    """Another installation's orders: those that rest, and those that have traded while a run was on (our own fills bear no
    name)."""
    if event.whole and event.open_orders is not None:
        turn.set(orders_read=event.asked)
    for listed in event.open_orders or ():
        see_installation(turn, listed.client_order_id)
    for listed in event.history or ():
        if listed.filled_qty > 0 and not _is_before(listed.created_at, since):
            see_installation(turn, listed.client_order_id)


def _see_stops(turn: Turn, run_id: str, event: AccountRead) -> None:
    """Keep how many stop-loss orders the exchange lists on this run's contracts; a row that makes no sense may be one."""
    run = turn.run(run_id)
    if event.open_orders is None or not run.legs:
        return
    closing = {leg.symbol: leg.side.opposite for leg in run.legs}
    stops = sum(o.stop_kind == STOP_LOSS and o.side is closing.get(o.symbol) for o in event.open_orders)
    is_whole = not any(event.odd_of("open_orders", leg.symbol, leg.product_id) for leg in run.legs)
    turn.set_watch(run_id, stops=stops if is_whole else None, stops_read=event.asked if is_whole else None)


def _may_hide_lost_order(turn: Turn, run_id: str, event: AccountRead) -> bool:
    """After a restart an ended order that cannot be read may be one that the journal has lost: read again, for a while."""
    watch = turn.watch(run_id)
    if not watch.recovered or watch.account_read is not None or seconds_since(watch.since, turn.wall) > _LOST_SECS:
        return False
    return any(event.odd_of("history", leg.symbol, leg.product_id) for leg in turn.run(run_id).legs)


def _tell_doubts(turn: Turn, run_id: str, event: AccountRead) -> str:
    """What of this run's contracts could not be read, in words, empty when all was; a person is told once."""
    rows = doubts(turn.state, turn.run(run_id), event)
    words = "; ".join(row.words for row in rows)
    turn.set_watch(run_id, unread=words)
    if not words:
        turn.rearm(run_id, PARTLY_UNREADABLE)
        return ""
    text = (
        f"Part of the account could not be read, so nothing is taken for complete or flat: {words}. "
        "Exits go on; look at the exchange's own page."
    )
    turn.alert(run_id, "error", PARTLY_UNREADABLE, text)
    return words


def _take_in(turn: Turn, run_id: str, name: OrderName, snapshot: OrderSnapshot) -> None:
    """An order of this run that the journal does not know: sent while nothing could be written, or recorded in a journal
    that an older copy has replaced. Its id says what it was for, the exchange everything else."""
    run = turn.run(run_id)
    if snapshot.client_order_id is None or not is_ours(snapshot.client_order_id, turn.state.installation):
        return
    if not run.legs:
        turn.set_watch(run_id, taken_over=True)  # its contract has to be known first
    leg = next((leg for leg in run.legs if leg.symbol == snapshot.symbol), None)
    if leg is None or name.leg != leg.key:
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
    turn.set_watch(run_id, taken_over=True)
    if turn.run(run_id).phase is Phase.WAITING and not run.adopts:
        turn.phase(run_id, Phase.ENTERING, "orders of this entry were found at the exchange")
    if name.purpose not in (Purpose.ENTRY, Purpose.CLOSE) and turn.run(run_id).exit_reason is None:
        # Nobody closes what he means to sell: the decision was lost with the record of this order.
        turn.decide_exit(run_id, "resumed_exit", "an order that closes this run was found; its reason is lost")


def is_complete(event: AccountRead) -> bool:
    """True when positions, open orders and fills were all read to their end."""
    return None not in (event.positions, event.open_orders, event.fills)


def _lists_ended_order(turn: Turn, run_id: str, event: AccountRead) -> bool:
    """True when the exchange still lists an order of this run that had ended by our books before the read was asked for."""
    ended = [o for o in turn.run(run_id).orders.values() if o.ended_at is not None and o.ended_at < event.asked]
    return any(
        order.intent.client_order_id == listed.client_order_id or order.is_called(listed.venue_order_id)
        for order in ended
        for listed in event.open_orders or ()
    )


def _by_time(fill: Fill) -> tuple[float, bool]:
    """As it happened, lists being newest first: what the exchange closes by itself is ours as far as we have sold by then."""
    at = fill.ts_event.timestamp() if fill.ts_event is not None else float("inf")
    return at, fill.kind is not FillKind.NORMAL


def _book(turn: Turn, fill: Fill, since: datetime | None) -> None:
    """A fill as the list tells it. The list reaches behind the runs that were asked about, begun at `since` at the earliest."""
    ours = find_order(turn, fill.client_order_id, fill.venue_order_id) is not None
    if fill.kind is FillKind.NORMAL and not ours and fill.is_older(since):
        return  # whose it was is no news
    if fill.kind is FillKind.NORMAL or ours:
        on_fill(turn, fill)
    else:
        divide(turn, fill)


def _is_before(at: datetime | None, then: datetime | None) -> bool:
    """True unless it is known that this happened later."""
    return at is None or then is None or at < then
