"""The life of an order as the orders channel tells it: one table, which the documentation and the tests are held against.

Each row is what may be told of an order that stands in `before` (None: nothing was told yet). What is not listed never
happens; after ``closed`` and ``cancelled`` nothing is told any more.
"""

import msgspec


class Step(msgspec.Struct, frozen=True):
    """One message: `action` and `reason` of the orders channel, and the state the order is in afterwards."""

    before: str | None
    action: str
    reason: str | None
    after: str
    when: str


STEPS = (
    Step(None, "create", None, "open", "rests in the book"),
    Step(None, "create", "fill", "open", "a part was taken at once, the remainder rests"),
    Step(None, "delete", "fill", "closed", "filled at once"),
    Step(None, "delete", "fill", "cancelled", "the remainder of an IOC or market order is cancelled"),
    Step(None, "delete", None, "cancelled", "an IOC order found nothing; a crossing post-only order, where chosen so"),
    Step(None, "create", None, "pending", "waits for its trigger"),
    Step(None, "create", "liquidation", "open", "the exchange closes a position"),
    Step("pending", "update", "stop_update", "pending", "trigger, trail, limit or size changed"),
    Step("pending", "update", None, "pending", "its bracket was changed"),
    Step("pending", "update", "stop_trigger", "open", "its trigger was reached"),
    Step(
        "pending",
        "delete",
        "stop_cancel",
        "cancelled",
        "would be refused at its trigger; its position or bracket is gone",
    ),
    Step(
        "pending",
        "delete",
        None,
        "cancelled",
        "cancelled by the user, cancel-all, heartbeat, protection, close-all, expiry",
    ),
    Step("pending", "delete", "liquidation", "cancelled", "its position is liquidated"),
    Step("open", "update", "fill", "open", "a part was filled"),
    Step("open", "update", None, "open", "edited, margined with another leverage, its bracket changed"),
    Step("open", "delete", "fill", "closed", "filled"),
    Step("open", "delete", "fill", "cancelled", "the remainder of a triggered IOC or market order is cancelled"),
    Step(
        "open",
        "delete",
        None,
        "cancelled",
        "cancelled by the user, cancel-all, heartbeat, protection, close-all, expiry",
    ),
    Step("open", "delete", "stop_cancel", "cancelled", "a triggered leg whose bracket was ended or changed"),
    Step("open", "delete", "self_trade", "cancelled", "stood in the way of an own stop that woke up"),
    Step("open", "delete", "liquidation", "cancelled", "its position is liquidated"),
    Step("open", "delete", "liquidation", "closed", "the exchange closed a position"),
)
TOLD = frozenset((step.before, step.action, step.reason, step.after) for step in STEPS)


def table() -> str:
    """The table in Markdown, as the documentation shows it."""
    lines = ["| before | action | reason | after | when |", "|---|---|---|---|---|"]
    for step in STEPS:
        cells = (
            step.before or "–",
            f"`{step.action}`",
            f"`{step.reason}`" if step.reason else "null",
            step.after,
            step.when,
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
