"""Single orders in plain lines for a terminal. The numbers are the desk's."""

from decimal import Decimal
from typing import TYPE_CHECKING

from trader.cli.output import usd
from trader.domain.margin import counted_words
from trader.domain.wording import clause, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trader.desk import CloseAnswer, OrderAnswer, OrderCheck, OrderCost, TicketAnswer


def answer_lines(answer: "OrderAnswer") -> list[str]:
    """Each ticket of a command: its id, what it is, what became of it."""
    return [_ticket_line(one) for one in answer.tickets]


def _ticket_line(one: "TicketAnswer") -> str:
    head = f"{one.ticket_id}  {one.side} {one.quantity} {one.symbol}"
    if one.status == "refused":
        return f"{head}: refused"
    if one.status == "new":
        return f"{head}: not answered yet"
    if one.ticket is None:
        return f"{head}: accepted, closes what tickets hold"
    done = f", {one.ticket.filled} filled at {_price(one.ticket.avg_px)}" if one.ticket.filled else ""
    return f"{head}: accepted{done}, {clause(one.ticket.words) or one.ticket.status}"


def refused_words(one: "TicketAnswer") -> str:
    """``buy 5 BTCUSD: limit_price: 90000.3 is no multiple of ... (PRICE_OFF_TICK)``"""
    words = ": ".join(part for part in (f"{one.side} {one.quantity} {one.symbol}", one.field, one.sentence) if part)
    return f"{words} ({one.code})"


def check_lines(found: "OrderCheck") -> list[str]:
    """What would be said of each order, and its money."""
    lines = [f"! {one.code}: {one.sentence}" for one in found.problems]
    for one in found.tickets:
        lines.append(f"{one.side} {one.quantity} {one.symbol}")
        lines += [f"  ! {p.code}: {f'{p.field}: ' if p.field else ''}{p.sentence}" for p in one.problems]
        if one.cost is not None:
            lines += [f"  {line}" for line in _cost_lines(one.cost, found.margin_mode)]
    lines.append(f"free balance {usd(found.free, signed=False)}, after these {usd(found.free_after, signed=False)}")
    if found.phrase:
        lines.append(f"needs the phrase {found.phrase}")
    return [*lines, "Nothing was sent." if found.ok else "Nothing was sent; it would be refused."]


def _cost_lines(cost: "OrderCost", mode: str | None) -> "Iterator[str]":
    yield f"at {_price(cost.price)}: notional {usd(cost.notional, signed=False)}, fee {usd(cost.fee, signed=False)} ({cost.role})"
    premium = f"premium {usd(cost.premium)}, " if cost.premium else ""
    yield f"{premium}margin {usd(cost.margin, signed=False)} ({counted_words(mode)})"
    if cost.distance is not None and cost.distance_pct is not None:
        yield f"{_price(cost.distance)} USD ({cost.distance_pct:.2f} %) from the market"
    if cost.liquidation_price is not None:
        yield f"liquidated at about {cost.liquidation_price:,.2f} (estimate, these contracts alone)"


def close_lines(answer: "CloseAnswer") -> list[str]:
    """The runner's sentence, and each closing order."""
    first = f"{answer.detail[:1].upper()}{clause(answer.detail[1:])}." if answer.detail else "Recorded."
    return [first] + [
        f"{one.client_order_id}  {one.side} {one.quantity} {one.symbol}: {one.status}, {one.filled} filled"
        + ("" if one.avg_px is None else f" at {_price(one.avg_px)}")
        for one in answer.orders
    ]


def _price(value: Decimal | None) -> str:
    return "–" if value is None else plain(value)
