"""The ticket form's fields: which count for an order, and the request that they make. What is at fault is told by field."""

from decimal import Decimal
from typing import Any, get_args

import streamlit as st
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from trader.config.messages import causes, sentence
from trader.config.orders import Orders
from trader.config.ticket import OrderKind, Protection, TicketList, TicketRequest
from trader.panel import form, parts

KINDS = {
    "market": "Market",
    "limit": "Limit",
    "stop_market": "Stop market",
    "stop_limit": "Stop limit",
    "take_profit_market": "Take profit market",
    "take_profit_limit": "Take profit limit",
    "trailing_stop": "Trailing stop",
}
WORKS = {"once": "One order", "chase": "Chase", "twap": "TWAP", "iceberg": "Iceberg"}
assert set(KINDS) == set(get_args(OrderKind))
_LIMITS = ("limit", "stop_limit", "take_profit_limit")
_STOPS = ("stop_market", "stop_limit", "take_profit_market", "take_profit_limit")
_TERMS = {
    "chase": ("retries", "slippage_pct", "timeout_secs"),
    "twap": ("entry_slices", "entry_duration_secs"),
    "iceberg": ("entry_visible_pct", "entry_refresh_secs"),
}
GUARDS = ("stop_loss", "take_profit")


def key(name: str) -> str:
    """The session's key of a field, by its path in the request."""
    return f"or_ticket.{name}"


def typed(name: str, default: Any = None) -> Any:
    return st.session_state.get(key(name), default)


def described(name: str) -> FieldInfo:
    """The field of the models by its path."""
    first, _, rest = name.partition(".")
    if not rest:
        return TicketRequest.model_fields[first]
    return (Orders if first == "orders" else Protection).model_fields[rest]


# ------------------------------------------------------------------------------------------------- which fields count


def price_fields(kind: str) -> tuple[str, ...]:
    """The prices an order of this kind has."""
    return (
        *(("limit_price",) if kind in _LIMITS else ()),
        *(("stop_price",) if kind in _STOPS else ()),
        *(("trail_usd",) if kind == "trailing_stop" else ()),
    )


def waits(kind: str) -> bool:
    """Does it wait for a price at the exchange?"""
    return kind in _STOPS or kind == "trailing_stop"


def work_terms(work: str) -> tuple[str, ...]:
    return tuple(f"orders.{name}" for name in _TERMS.get(work, ()))


# ------------------------------------------------------------------------------------------------- the request


def request(symbol: str) -> tuple[TicketList | None, dict[str, str]]:
    """What the fields say now: the order, or by field what is at fault with it; under an empty name what is of no field."""
    try:
        return TicketList.model_validate({"tickets": [_document(symbol)]}), {}
    except ValidationError as error:
        return None, _faults(error)


def _document(symbol: str) -> dict[str, Any]:
    kind, reduce_only = typed("order_type", "limit"), bool(typed("reduce_only"))
    work = typed("work", "once") if kind == "market" and not reduce_only else "once"
    found: dict[str, Any] = {
        "symbol": symbol,
        "side": typed("side", "buy"),
        "quantity": typed("quantity"),
        "order_type": kind,
        "reduce_only": reduce_only,
        "work": work,
        "reason": typed("reason") or "",
        "leverage": _number("leverage"),
        **{name: _number(name) for name in price_fields(kind)},
    }
    if waits(kind):
        found["trigger_by"] = typed("trigger_by", "mark")
    if kind in ("limit", "market") and work == "once":
        found["time_in_force"] = typed("time_in_force", "gtc")
    if kind == "limit" and found["time_in_force"] == "gtc":
        found["post_only"] = bool(typed("post_only"))
    if work != "once":
        found["orders"] = {
            name.partition(".")[2]: _number(name) for name in work_terms(work) if typed(name) is not None
        }
    for guard in () if reduce_only else GUARDS:
        if typed(f"{guard}.price") is not None:
            found[guard] = {"price": _number(f"{guard}.price"), "limit_price": _number(f"{guard}.limit_price")}
    return found


def _number(name: str) -> Decimal | int | None:
    """To the digits that were typed."""
    value = typed(name)
    if value is None or isinstance(value, int):
        return value
    text = form.number_text(float(value))
    return int(text) if text.isdecimal() else Decimal(text)


def _faults(error: ValidationError) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in causes(error.errors(include_url=False)):
        path = [str(part) for part in one["loc"] if part not in ("tickets", 0)]
        name, words = ".".join(path), sentence(one, TicketList)
        if not name:  # the fields contradict each other: the sentence begins with the one that is at fault
            words = str(one.get("ctx", {}).get("error", words))
            name = next((field for field in TicketRequest.model_fields if words.startswith(f"{field} ")), "")
        found.setdefault(name, in_words(name, words))
    return found


def in_words(name: str, words: str) -> str:
    """A sentence that begins with the field's title instead of its name."""
    for path in (f"tickets[0].{name}", name):
        if name and words.startswith(path):
            words = f"{described(name).title}{words.removeprefix(path)}"
    return f"{words[:1].upper()}{words[1:]}".rstrip(".") + "."


def problem(name: str, words: str) -> str:
    """What the check says of a field, as a sentence that names it."""
    title = "" if not name or name == "symbol" else f"{described(name).title}: "
    return f"{title}{words}." if title else in_words("", words)


def late_stop(ticket: TicketRequest, liquidation: Decimal | None) -> str:
    """That the exchange would liquidate before the stop loss is set off; empty where it would not, or is not known."""
    guard = ticket.stop_loss
    if guard is None or liquidation is None or (liquidation - guard.price) * ticket.side.sign < 0:
        return ""
    return (
        f"The exchange liquidates it at a mark of {parts.price(liquidation)}, before its stop loss at {parts.price(guard.price)} is "
        "set off: a lower leverage moves that away."
    )
