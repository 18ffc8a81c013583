"""Who and why, in words: of an order, and of what happened to it. Pure."""

from trader.domain.exit_reason import exit_label
from trader.domain.order import OrderIntent, Purpose
from trader.engine.records import Record
from trader.journal.listings import Origin

_CAUSES = {"rule": "engine", "recovery": "engine (recovery)"}
_CLOSING = {"L": "stop loss", "G": "take profit"}


def why_order(intent: OrderIntent, origin: Origin) -> str:
    """What an order is for: what the ticket or preset says, or why the run is closed."""
    ticket = origin.created.ticket
    if intent.purpose is Purpose.CLOSE:
        return _CLOSING.get(intent.closing, f"reduce-only ticket {intent.closing.removeprefix('R')}")
    if intent.purpose is Purpose.ENTRY:
        return str(ticket.get("reason") or "ticket") if ticket else f"entry of preset {origin.created.preset}"
    if intent.purpose is Purpose.UNWIND:
        return exit_label("unwind")
    return f"exit: {exit_label(origin.exits[-1].reason)}" if origin.exits else intent.purpose.name.lower()


def who_did(record: Record, origin: Origin | None, issuer: str = "") -> str:
    """``asha (cli)`` where a person asked for it; else what decided: the engine, the exchange."""
    if issuer:
        return issuer
    if record.cause == "user" and origin is not None and origin.who:
        return origin.who
    return _CAUSES.get(record.cause, record.cause)
