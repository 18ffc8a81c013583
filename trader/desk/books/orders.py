"""Orders of all runs and tickets, from the journal alone: each one folded by the engine's own fold."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from msgspec.structs import asdict, replace

from trader.desk.books.lines import SETTLED_IN, STATES, OrderDetail, OrderLine, OrderPage, OrderStep, State
from trader.desk.books.pages import before, length
from trader.desk.books.reasons import why_order
from trader.domain.errors import ConfigError
from trader.domain.fill import Fill
from trader.domain.order import OrderStatus
from trader.domain.wording import refusal_words
from trader.engine import records as rec
from trader.engine.order_fold import begun, executed, resolved
from trader.engine.record_kinds import sentence
from trader.engine.state import HUNDRED, ZERO, Order
from trader.journal import Journal
from trader.journal.listings import Origin, Wanted

_News = Sequence[tuple[int, rec.AnyRecord]]
_LOOKED_AT = 200  # orders of one read
_STATIONS = {
    OrderStatus.ACCEPTED: "accepted",
    OrderStatus.PARTIALLY_FILLED: "partial",
    OrderStatus.REJECTED: "rejected",
}


def read_orders(
    journal: Journal,
    account: str,
    *,
    state: State,
    status: str | None,
    symbol: str | None,
    run_id: str | None,
    cursor: str | None,
    limit: int,
) -> OrderPage:
    """A page of orders, newest first.

    Raises:
        ConfigError: No such state or status, no such cursor, or a limit out of bounds.
        JournalError: The journal cannot be read.
    """
    if state not in STATES:
        raise ConfigError(f"state must be one of {', '.join(STATES)}, was {str(state)[:40]!r}")
    if status is not None and status not in list(OrderStatus):
        raise ConfigError(f"status must be one of {', '.join(OrderStatus)}, was {status[:40]!r}")
    limit, end, found = length(limit), before(cursor), list[OrderLine]()
    # An order that may still trade is of a run that has not ended.
    runs = tuple(journal.unresolved_runs(account)) if state == "working" else None
    while True:
        wanted = Wanted(before=end, limit=_LOOKED_AT, symbol=symbol, run_id=run_id, runs=runs)
        rows = journal.order_page(account, wanted)
        for line in _lines(journal, rows):
            is_live = OrderStatus(line.status).live
            if (state == "all" or is_live is (state == "working")) and status in (None, line.status):
                if len(found) == limit:
                    return OrderPage(orders=tuple(found), next=str(found[-1].seq))
                found.append(line)
        if len(rows) < _LOOKED_AT:
            return OrderPage(orders=tuple(found), next=None)
        end = rows[-1][0]


def newest_lines(journal: Journal, account: str, wanted: Wanted, most: int) -> list[OrderLine]:
    """The newest orders of those wanted, newest first.

    Raises:
        JournalError: The journal cannot be read.
    """
    found: list[OrderLine] = []
    while len(found) < most:
        rows = journal.order_page(account, replace(wanted, limit=_LOOKED_AT))
        found += _lines(journal, rows)
        if len(rows) < _LOOKED_AT:
            break
        wanted = replace(wanted, before=rows[-1][0])
    return found[:most]


def read_order(journal: Journal, account: str, order_id: str) -> OrderDetail | None:
    """One order with its timeline, by our id or the exchange's; None when there is none of that id.

    Raises:
        JournalError: The journal cannot be read.
    """
    found = journal.order_by_id(account, order_id)
    if found is None:
        return None
    seq, first = found
    coid = first.intent.client_order_id
    news = [] if isinstance(first, rec.OrderDenied) else journal.order_news([first.run_id], [coid])
    origin = journal.origins([first.run_id])[first.run_id]
    order, _ = _folded(first, news)
    return OrderDetail(
        **asdict(_line(seq, first, news, origin)),
        other_ids=order.other_ids,
        passed={} if isinstance(first, rec.OrderDenied) else first.passed,
        timeline=_timeline(first, news),
    )


def _lines(journal: Journal, rows: Sequence[tuple[int, rec.OrderIntended | rec.OrderDenied]]) -> list[OrderLine]:
    runs = {first.run_id for _, first in rows}
    names = {first.intent.client_order_id for _, first in rows if isinstance(first, rec.OrderIntended)}
    told: dict[str, list[tuple[int, rec.AnyRecord]]] = {}
    for seq, record in journal.order_news(runs, names):
        told.setdefault(_order_of(record), []).append((seq, record))
    origins = journal.origins(runs)
    return [
        _line(
            seq,
            first,
            told.get(first.intent.client_order_id, ()) if isinstance(first, rec.OrderIntended) else (),
            origins[first.run_id],
        )
        for seq, first in rows
    ]


def _order_of(record: rec.AnyRecord) -> str:
    if isinstance(record, rec.FillRecorded):
        return record.fill.client_order_id or ""
    assert isinstance(record, rec.OrderResolved | rec.CancelIntended)
    return record.client_order_id


def _folded(first: rec.OrderIntended | rec.OrderDenied, news: _News) -> tuple[Order, list[Fill]]:
    order, fills = begun(first), list[Fill]()
    for _, record in news:
        if isinstance(record, rec.OrderResolved):
            order = resolved(order, record)
        elif isinstance(record, rec.FillRecorded):
            order = executed(order, record)
            fills.append(record.fill)
    return order, fills


def _line(seq: int, first: rec.OrderIntended | rec.OrderDenied, news: _News, origin: Origin) -> OrderLine:
    order, fills = _folded(first, news)
    intent, created = order.intent, origin.created
    average = _average(order, fills)
    worse = None if average is None or order.reference is None else intent.side.sign * (average - order.reference)
    terms = origin.legs.get(intent.leg)
    return OrderLine(
        seq=seq,
        client_order_id=intent.client_order_id,
        venue_order_id=order.venue_order_id,
        run_id=first.run_id,
        is_ticket=bool(created.ticket),
        preset=created.preset,
        leg=intent.leg,
        purpose=intent.purpose.name.lower(),
        algorithm=first.algo if isinstance(first, rec.OrderIntended) else "",
        closing=intent.closing,
        symbol=intent.symbol,
        side=intent.side.value,
        quantity=intent.quantity,
        filled=order.done_qty,
        left=order.leaves_qty,
        order_type=intent.order_type.value,
        limit_price=intent.limit_price,
        stop_price=None if intent.stop is None else intent.stop.price,
        trail=None if intent.stop is None else intent.stop.trail,
        time_in_force=intent.time_in_force.value,
        post_only=intent.post_only,
        reduce_only=intent.reduce_only,
        status=order.status.value,
        reference=order.reference,
        avg_px=average,
        slippage=worse,
        slippage_pct=None if worse is None or not order.reference else worse / order.reference * HUNDRED,
        slippage_usd=None if worse is None or terms is None else worse * order.done_qty * terms.contract_value,
        fees=_fees(order, fills),
        fee_currency=SETTLED_IN,
        created_at=first.market or first.wall,
        wall=first.wall,
        ended_wall=order.ended_at,
        answer_secs=_since(first, [one.wall for _, one in news if isinstance(one, rec.OrderResolved)][:1]),
        fill_secs=_since(first, [one.wall for _, one in news if isinstance(one, rec.FillRecorded)][-1:]),
        code=order.code,
        message=refusal_words(order.code, order.message),
        who=origin.who,
        reason=why_order(intent, origin),
    )


def _average(order: Order, fills: Sequence[Fill]) -> Decimal | None:
    """Of the fills that are booked; the exchange's own average where it has told of more than those."""
    if order.fills_missing or not fills:
        return order.avg_px if order.done_qty else None
    return sum((fill.price * fill.quantity for fill in fills), ZERO) / sum(fill.quantity for fill in fills)


def _fees(order: Order, fills: Sequence[Fill]) -> Decimal | None:
    """None while one of them is not told."""
    told = [fill.commission for fill in fills if fill.commission is not None]
    return None if order.fills_missing or len(told) < len(fills) else sum(told, ZERO)


def _since(first: rec.Record, walls: Sequence[datetime]) -> float | None:
    return (walls[0] - first.wall).total_seconds() if walls else None


def _timeline(first: rec.OrderIntended | rec.OrderDenied, news: _News) -> tuple[OrderStep, ...]:
    """intended → accepted → partial → filled; a denied one ends at our gate."""
    order, steps = begun(first), list[OrderStep]()

    def add(record: rec.AnyRecord, what: str) -> None:
        steps.append(
            OrderStep(
                at=record.market or record.wall,
                wall=record.wall,
                after_secs=(record.wall - first.wall).total_seconds(),
                what=what,
                filled=order.done_qty,
                text=sentence(record),
            )
        )

    add(first, "denied" if isinstance(first, rec.OrderDenied) else "intended")
    for _, record in news:
        if isinstance(record, rec.OrderResolved):
            before_it, order = order, resolved(order, record)
            is_news = (before_it.status, before_it.done_qty) != (order.status, order.done_qty)
            add(record, _STATIONS.get(record.status, record.status.value) if is_news else "confirmed")
        elif isinstance(record, rec.FillRecorded):
            order = executed(order, record)
            add(record, "filled" if order.status is OrderStatus.FILLED else "partial")
        else:
            add(record, "cancel sent")
    return tuple(steps)
