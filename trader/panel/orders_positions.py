"""Positions: ours by run and ticket, and what is of none of them; prices of this second, margin as the exchange told it last."""

from collections.abc import Iterable
from decimal import Decimal

from trader.desk import Status
from trader.desk.books.holdings import PositionBook, PositionLine, PositionPart
from trader.desk.books.positions import parts_of
from trader.engine.view import ClosingView, TicketView
from trader.panel import format as fmt
from trader.panel import orders_words as say
from trader.panel import parts, sheet
from trader.panel.markup import Html, join, tag
from trader.panel.orders_books import Books
from trader.panel.orders_request import is_late

_HEAD = (
    "Contract", "Whose", "Quantity", "Average", "Mark", "P&L at mark", "P&L if closed", "Margin", "Liquidated at", "Protection",
)  # fmt: skip
_NUMBERS = ("Quantity", "Average", "Mark", "P&L at mark", "P&L if closed", "Margin", "Liquidated at")


def table(status: Status | str, books: Books | None) -> Html:
    """All positions, or in words why there are none."""
    if isinstance(status, str):
        return join(say.head("Positions", "the desk cannot be read", old=True), say.empty(fmt.plain(status)))
    book = None if books is None or isinstance(books.positions, str) else books.positions
    rows = _rows(status, book)
    note, old = _age(status, books)
    head = say.head("Positions", note, old=old)
    told = [say.empty(sentence) for sentence in _faults(books)]
    if not rows:
        return join(head, *told, say.empty(_nothing(status, book)))
    shown = sheet.table(_HEAD, rows, name="Positions", right=_NUMBERS)
    return join(head, *told, tag("div", shown, class_="or-old" if old else None))


def _rows(status: Status, book: PositionBook | None) -> list[tuple[Html | str, ...]]:
    ours = parts_of(status.runs, status.tickets, {})
    lines = {} if book is None else {line.symbol: line for line in book.positions}
    tickets = {one.ticket_id: one for one in status.tickets}
    rows: list[tuple[Html | str, ...]] = []
    for symbol in sorted({*ours, *lines}):
        line, mine = lines.get(symbol), ours.get(symbol, [])
        for number, part in enumerate(mine):
            rows.append(_ours(status, symbol, line, part, tickets.get(part.run_id), first=number == 0))
        if line is not None and line.foreign:
            rows.append(_foreign(line, alone=not mine))
    return rows


def _ours(
    status: Status,
    symbol: str,
    line: PositionLine | None,
    part: PositionPart,
    ticket: TicketView | None,
    *,
    first: bool,
) -> tuple[Html | str, ...]:
    liquidation = part.liquidation_price or (None if line is None else line.liquidation_price)
    return (
        _contract(symbol),
        say.owner(status, part.run_id, is_ticket=part.is_ticket),
        _quantity(part.quantity, line),
        say.price(part.entry_price),
        say.price(part.mark),
        _money(part.pnl_mark),
        _money(part.pnl),
        _margin(line) if first else "in the row above",
        say.price(liquidation),
        _protection(ticket, liquidation) if part.is_ticket else "its run's exits",
    )


def _foreign(line: PositionLine, *, alone: bool) -> tuple[Html | str, ...]:
    """What no run or ticket explains. The exchange's average and P&L are of the whole position: told where that is all foreign."""
    return (
        _contract(line.symbol),
        tag("span", "⚠ foreign: of no run or ticket", class_="or-foreign or-amber"),
        _quantity(line.foreign or 0, line),
        say.price(line.entry_price) if alone else parts.DASH,
        say.price(line.mark),
        _money(line.unrealised) if alone else parts.DASH,
        parts.DASH,
        _margin(line) if alone else "in the row above",
        say.price(line.liquidation_price) if alone else parts.DASH,
        "none; nothing watches it",
    )


def _contract(symbol: str) -> Html:
    return tag("span", say.contract(symbol), title=symbol)


def _quantity(quantity: int, line: PositionLine | None) -> Html:
    value = None if line is None else line.contract_value
    amount = "" if value is None or line is None else f" × {parts.amount(value)}\u00a0{line.underlying}"
    return tag("span", parts.number(quantity, 0, signed=True), tag("span", amount, class_="or-mute"))


def _money(value: object) -> Html | str:
    if not hasattr(value, "quantize"):
        return parts.DASH
    return tag("span", parts.dollars(value, 2, signed=True), class_=parts.tone(value))  # type: ignore[arg-type]


def _margin(line: PositionLine | None) -> str:
    return parts.DASH if line is None or line.margin is None else parts.dollars(line.margin, 2)


def _protection(ticket: TicketView | None, liquidation: Decimal | None) -> Html | str:
    """``stop loss 120.00 rests; take profit 40.00, not at the exchange yet``, and that the exchange would liquidate before."""
    if ticket is None:
        return parts.DASH
    resting = {one.name: one for one in ticket.closing}
    said = [
        f"{name} {say.price(price)}{_rests(resting.get(letter))}"
        for letter, name, price in (("L", "stop loss", ticket.stop_loss), ("G", "take profit", ticket.take_profit))
        if price is not None
    ]
    reducing = [_reducing(one) for one in ticket.closing if one.ticket_id]
    words = "; ".join((*said, *reducing)) or "none"
    if not is_late(ticket.side, ticket.stop_loss, liquidation):
        return words
    return join(words, tag("span", "; liquidated before that stop loss", class_="or-amber"))


def _rests(one: ClosingView | None) -> str:
    return " rests" if one is not None and one.quantity else ", not at the exchange now"


def _reducing(one: ClosingView) -> str:
    at = one.limit_price or one.stop_price
    return f"closing {one.quantity:,}{'' if at is None else f' at {say.price(at)}'} (ticket {one.ticket_id})"


def _age(status: Status, books: Books | None) -> tuple[str, bool]:
    """How old what is shown is, and whether that is too old."""
    if not status.runner.alive:
        return "the runner is silent: prices and P&L are not watched", True
    if books is None:
        return "the exchange is being asked", False
    if isinstance(books.positions, str):
        return "the books cannot be read", True
    age = max((status.wall - books.positions.read_at).total_seconds(), 0.0)
    if books.is_old or age > 10:
        return f"exchange read {fmt.age(age)} ago: old", True
    return f"exchange read {fmt.age(age)} ago", bool(books.positions.faults)


def _faults(books: Books | None) -> Iterable[str]:
    """What could not be read, and what follows of that."""
    if books is None:
        return ()
    if isinstance(books.positions, str):
        return (f"Positions cannot be read: {books.positions}",)
    faults = books.positions.faults
    if not faults:
        return ()
    return (
        f"{fmt.plain('; '.join(faults), 500)}. Ours stand here by the books; margin and what else there is are not known.",
    )


def _nothing(status: Status, book: PositionBook | None) -> str:
    if book is None:
        return "No position by the books; what the exchange shows is not known yet."
    if book.faults:
        return "No position by the books. Whether the exchange agrees is not known."
    age = max((status.wall - book.read_at).total_seconds(), 0.0)
    return f"No position. The exchange agrees (read {fmt.age(age)} ago)."
