"""Execution events: what happened to orders and positions, who and why. Each is read off a record of the journal, so none can be
there without its fact, and no fact without its event."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, get_args

from trader.desk.books.lines import EventKind, EventLine, EventPage
from trader.desk.books.pages import before, length
from trader.desk.books.reasons import who_did, why_order
from trader.domain.errors import ConfigError
from trader.domain.fill import FillKind
from trader.domain.order import OrderStatus, Purpose, Side
from trader.domain.wording import plain, refusal_words
from trader.engine import records as rec
from trader.engine.record_kinds import kind_of, sentence
from trader.journal import Journal
from trader.journal.listings import Changing, Origin, Wanted

KINDS: tuple[EventKind, ...] = get_args(EventKind)
_LOOKED_AT = 200

# Which records tell which events.
_TOLD_BY: Mapping[type[rec.Record], tuple[EventKind, ...]] = {
    rec.OrderIntended: ("risk_passed", "order_created"),
    rec.OrderDenied: ("risk_failed",),
    rec.OrderResolved: ("order_status", "order_cancelled", "order_rejected"),
    rec.CancelIntended: ("order_cancel_asked",),
    rec.FillRecorded: ("order_filled", "position_opened", "position_updated", "position_closed"),
    rec.PositionAdopted: ("position_opened",),
    rec.ClosingMoved: ("position_opened", "position_updated", "position_closed"),
    rec.TicketRefused: ("risk_failed",),
    rec.TicketAmended: ("order_modified",),
    rec.ClosingSet: ("order_modified",),
    rec.ClosingDropped: ("order_modified",),
    rec.CancelRequested: ("order_cancel_asked",),
}
_ENDED: Mapping[OrderStatus, EventKind] = {
    OrderStatus.CANCELLED: "order_cancelled",
    OrderStatus.REJECTED: "order_rejected",
}
_BY_EXCHANGE = {
    FillKind.LIQUIDATION: "liquidated by the exchange",
    FillKind.ADL: "closed by the exchange (ADL)",
    FillKind.SETTLEMENT: "settled at its expiry",
}


class _Told(NamedTuple):
    """What an event says beyond its record."""

    kind: EventKind
    why: str
    symbol: str
    order: str | None = None
    text: str = ""  # in place of the record's own sentence
    quantity: int | None = None
    price: Any = None
    position: int | None = None


class _Around(NamedTuple):
    """What the records of a page are understood by."""

    origins: Mapping[str, Origin]
    issuers: Mapping[str, str]
    orders: Mapping[str, rec.OrderIntended]
    held: Mapping[int, tuple[int, int]]  # by a fill's number: what its run held of the contract before and after


def read_events(
    journal: Journal,
    account: str,
    *,
    kinds: Collection[str] | None,
    symbol: str | None,
    run_id: str | None,
    since: datetime | None,
    until: datetime | None,
    cursor: str | None,
    limit: int,
) -> EventPage:
    """A page of events, newest first.

    Raises:
        ConfigError: No such kind, no such cursor, or a limit out of bounds.
        JournalError: The journal cannot be read.
    """
    chosen = frozenset(KINDS if kinds is None else kinds)
    if unknown := sorted(chosen.difference(KINDS)):
        raise ConfigError(f"kind must be one of {', '.join(KINDS)}, was {unknown[0][:40]!r}")
    limit, end, found = length(limit), before(cursor), list[EventLine]()
    names = [str(of.__struct_config__.tag) for of, told in _TOLD_BY.items() if chosen.intersection(told)]
    while True:
        wanted = Wanted(before=end, limit=_LOOKED_AT, symbol=symbol, run_id=run_id, since=since, until=until)
        rows = journal.event_page(account, names, wanted)
        around = _around(journal, rows)
        for seq, record in rows:
            events = [one for one in _events(seq, record, around) if one.kind in chosen]
            if found and len(found) + len(events) > limit:  # what one record tells stays on one page
                return EventPage(events=tuple(found), next=str(found[-1].seq))
            found += reversed(events)
        if len(rows) < _LOOKED_AT:
            return EventPage(events=tuple(found), next=None)
        end = rows[-1][0]


def _around(journal: Journal, rows: Sequence[tuple[int, rec.AnyRecord]]) -> _Around:
    records = [record for _, record in rows]
    origins = journal.origins({record.run_id for record in records if record.run_id})
    commands = {one for one in (getattr(record, "command_id", "") for record in records) if one}
    named = {_order_id(record) for record in records} - {""}
    traded = {record.run_id for record in records if isinstance(record, Changing)}
    return _Around(
        origins=origins,
        issuers=journal.issuers(commands),
        orders={one.intent.client_order_id: one for one in journal.intents(set(origins), named)},
        held={one.seq: (one.had, one.holds) for one in positions_through(journal.executions_of(traded), origins)},
    )


class Execution(NamedTuple):
    """What a run held of a contract before and after one of its executions, signed contracts."""

    seq: int
    record: Changing
    symbol: str
    had: int
    holds: int


def positions_through(executions: Sequence[tuple[int, Changing]], origins: Mapping[str, Origin]) -> list[Execution]:
    """The holdings of some runs, execution by execution."""
    held: dict[tuple[str, str], int] = {}
    found = []
    for seq, record in executions:
        if isinstance(record, rec.FillRecorded):
            symbol, moved = record.fill.symbol, record.fill.side.sign * record.fill.quantity
        elif isinstance(record, rec.ClosingMoved):
            symbol, moved = record.symbol, record.side.sign * record.quantity
        else:
            symbol = record.symbol
            moved = Side(origins[record.run_id].created.ticket.get("side", Side.BUY)).sign * record.quantity
        had = held.get((record.run_id, symbol), 0)
        held[record.run_id, symbol] = had + moved
        found.append(Execution(seq, record, symbol, had, had + moved))
    return found


def _order_id(record: rec.AnyRecord) -> str:
    match record:
        case rec.OrderResolved() | rec.CancelIntended():
            return record.client_order_id
        case rec.FillRecorded():
            return record.fill.client_order_id or ""
        case _:
            return ""


def _events(seq: int, record: rec.AnyRecord, around: _Around) -> Iterator[EventLine]:
    """What a record tells, in the order it happened."""
    origin = around.origins.get(record.run_id)
    issuer = around.issuers.get(getattr(record, "command_id", ""), "")
    is_entry = isinstance(record, rec.OrderIntended | rec.OrderDenied) and record.intent.purpose is Purpose.ENTRY
    if not issuer and origin is not None and (is_entry or isinstance(record, rec.TicketRefused)):
        issuer = origin.who
    for told in _TELL[type(record)](seq, record, around):
        yield EventLine(
            seq=seq,
            at=record.market or record.wall,
            wall=record.wall,
            kind=told.kind,
            run_id=record.run_id,
            is_ticket=origin is not None and bool(origin.created.ticket),
            symbol=told.symbol,
            client_order_id=told.order,
            who=who_did(record, origin, issuer),
            why=told.why,
            text=told.text or sentence(record),
            quantity=told.quantity,
            price=told.price,
            position=told.position,
        )


def _intended(_seq: int, record: rec.OrderIntended, around: _Around) -> Iterator[_Told]:
    intent = record.intent
    why = why_order(intent, around.origins[record.run_id])
    if record.passed:
        checks = f"passed {len(record.passed)} checks"
        yield _Told("risk_passed", ", ".join(record.passed), intent.symbol, intent.client_order_id, checks)
    yield _Told(
        "order_created", why, intent.symbol, intent.client_order_id, quantity=intent.quantity, price=intent.limit_price
    )


def _denied(_seq: int, record: rec.OrderDenied, _around: _Around) -> Iterator[_Told]:
    intent = record.intent
    yield _Told(
        "risk_failed", f"{record.code}: {record.detail}", intent.symbol, intent.client_order_id,
        quantity=intent.quantity, price=intent.limit_price,
    )  # fmt: skip


def _refused(_seq: int, record: rec.TicketRefused, around: _Around) -> Iterator[_Told]:
    if not around.origins[record.run_id].is_denied:  # else its order has told it
        yield _Told("risk_failed", f"{record.code}: {record.detail}", record.symbol)


def _resolved(_seq: int, record: rec.OrderResolved, around: _Around) -> Iterator[_Told]:
    why = refusal_words(record.code, record.message) or record.status.value
    symbol = _symbol(record.client_order_id, around)
    yield _Told(
        _ENDED.get(record.status, "order_status"), why, symbol, record.client_order_id,
        quantity=record.filled_qty, price=record.avg_px,
    )  # fmt: skip


def _cancel_sent(_seq: int, record: rec.CancelIntended, around: _Around) -> Iterator[_Told]:
    yield _Told("order_cancel_asked", record.reason, _symbol(record.client_order_id, around), record.client_order_id)


def _filled(seq: int, record: rec.FillRecorded, around: _Around) -> Iterator[_Told]:
    fill = record.fill
    intended = around.orders.get(fill.client_order_id or "")
    if intended is not None:
        why = why_order(intended.intent, around.origins[record.run_id])
    else:
        why = _BY_EXCHANGE.get(fill.kind, "closed outside of this program")
    told = _Told("order_filled", why, fill.symbol, fill.client_order_id, quantity=fill.quantity, price=fill.price)
    had, holds = around.held[seq]
    if fill.client_order_id is not None:
        yield told._replace(position=holds)
    yield _moved(told, had, holds)


def _adopted(seq: int, record: rec.PositionAdopted, around: _Around) -> Iterator[_Told]:
    told = _Told("position_opened", "adopted", record.symbol, quantity=abs(record.quantity), price=record.price)
    yield _moved(told, *around.held[seq])


def _closing_moved(seq: int, record: rec.ClosingMoved, around: _Around) -> Iterator[_Told]:
    told = _Told("position_updated", sentence(record), record.symbol, quantity=abs(record.quantity), price=record.price)
    yield _moved(told, *around.held[seq])


def _moved(told: _Told, had: int, holds: int) -> _Told:
    """The position's side of an execution."""
    kind: EventKind = "position_closed" if not holds else "position_updated" if had else "position_opened"
    text = f"{told.symbol} {signed(had)} → {signed(holds)} at {plain(told.price)}"
    return told._replace(kind=kind, text=text, position=holds)


def signed(contracts: int) -> str:
    """``+2``, ``-3``, ``0``."""
    return f"{contracts:+d}" if contracts else "0"


def _changed(
    _seq: int, record: rec.TicketAmended | rec.ClosingSet | rec.ClosingDropped | rec.CancelRequested, around: _Around
) -> Iterator[_Told]:
    kind = _TOLD_BY[type(record)][0]
    why = getattr(record, "reason", "") or kind_of(record).name.replace("_", " ")
    yield _Told(kind, why, str(around.origins[record.run_id].created.ticket.get("symbol", "")))


def _symbol(order: str, around: _Around) -> str:
    found = around.orders.get(order)
    return "" if found is None else found.intent.symbol


_TELL: Mapping[type[rec.Record], Callable[[int, Any, _Around], Iterator[_Told]]] = {
    rec.OrderIntended: _intended,
    rec.OrderDenied: _denied,
    rec.OrderResolved: _resolved,
    rec.CancelIntended: _cancel_sent,
    rec.FillRecorded: _filled,
    rec.PositionAdopted: _adopted,
    rec.ClosingMoved: _closing_moved,
    rec.TicketRefused: _refused,
    rec.TicketAmended: _changed,
    rec.ClosingSet: _changed,
    rec.ClosingDropped: _changed,
    rec.CancelRequested: _changed,
}
