"""Writes the generated part of docs/orders.md from the one table of an order's life: ``python -m tests.docs_orders``."""

from pathlib import Path

from trader.domain.order import TERMINAL, TRANSITIONS, OrderStatus

PAGE = Path(__file__).parents[1] / "docs" / "orders.md"
BEGIN, END = "<!-- generated: begin -->", "<!-- generated: end -->"

# What puts an order into a state, in words; the states and the arrows come from the table.
CAUSES: dict[OrderStatus, str] = {
    OrderStatus.CREATED: "the intent is recorded; nothing has left",
    OrderStatus.DENIED: "our own gate refused it",
    OrderStatus.IN_FLIGHT: "sent, unanswered",
    OrderStatus.UNKNOWN: "time-out, reset, 408, any 5xx, an unreadable or mismatching answer, a crash",
    OrderStatus.ACCEPTED: "the exchange says `open` or `pending` (a stop that waits), nothing filled",
    OrderStatus.PARTIALLY_FILLED: "`open` with a part filled",
    OrderStatus.FILLED: "nothing is left unfilled, whatever the exchange's word",
    OrderStatus.CANCELLED: "`cancelled`, or `closed` with a remainder (an IOC's)",
    OrderStatus.REJECTED: "refused with a documented code or by the rate limit (429), provably never sent, or proven never accepted",
    OrderStatus.EXPIRED: "the product expired",
}


def generated() -> str:
    """The diagram and the table."""
    lines = [BEGIN, "```mermaid", "stateDiagram-v2", "    [*] --> created"]
    for status in OrderStatus:
        lines += [f"    {status.value} --> {after.value}" for after in _ordered(TRANSITIONS[status])]
    lines += [f"    {status.value} --> [*]" for status in OrderStatus if status in TERMINAL]
    lines += ["```", "", "| state | what puts an order there | may become | ended |", "|---|---|---|---|"]
    for status in OrderStatus:
        becomes = ", ".join(after.value for after in _ordered(TRANSITIONS[status])) or "nothing"
        lines.append(f"| {status.value} | {CAUSES[status]} | {becomes} | {'yes' if status in TERMINAL else 'no'} |")
    return "\n".join([*lines, END])


def _ordered(statuses: frozenset[OrderStatus]) -> list[OrderStatus]:
    return [status for status in OrderStatus if status in statuses]


def page() -> str:
    """The page with its generated part renewed."""
    text = PAGE.read_text()
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{generated()}{tail}"


if __name__ == "__main__":
    PAGE.write_text(page())
