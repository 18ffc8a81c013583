"""The ticket form's fields: which count for an order, and the request that they make. What is at fault is told by field."""

import re
from decimal import Decimal
from typing import Any, get_args

import streamlit as st
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from trader.config.messages import causes, sentence
from trader.config.orders import Orders
from trader.config.ticket import OrderKind, Protection, TicketList, TicketRequest
from trader.domain.order import Side
from trader.panel import form, orders_contract, parts
from trader.panel import orders_words as say

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
_PRICED = "or_priced"  # the contract that the prices in the form are of


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


def forget_prices(symbol: str) -> None:
    """Another contract than the one they were typed for: a price of one is none of another."""
    if st.session_state.get(_PRICED, symbol) != symbol:
        guards = (f"{guard}.{part}" for guard in GUARDS for part in ("price", "limit_price"))
        for name in ("limit_price", "stop_price", "trail_usd", *guards):
            st.session_state[key(name)] = None
    st.session_state[_PRICED] = symbol


def fill(ticket: TicketRequest) -> None:
    """The form as it would hold this order: the contract's pickers and every field that counts.

    Raises:
        TraderError: The contracts cannot be read.
    """
    orders_contract.choose(ticket.symbol)
    st.session_state[_PRICED] = ticket.symbol
    plain = (
        "side",
        "quantity",
        "order_type",
        "trigger_by",
        "time_in_force",
        "post_only",
        "reduce_only",
        "work",
        "reason",
    )
    values: dict[str, Any] = {name: getattr(ticket, name) for name in plain} | {"side": ticket.side.value}
    numbers: dict[str, Any] = {name: getattr(ticket, name) for name in (*price_fields(ticket.order_type), "leverage")}
    numbers |= {name: getattr(ticket.orders, name.partition(".")[2]) for name in work_terms(ticket.work)}
    for guard in GUARDS:
        one = getattr(ticket, guard)
        numbers[f"{guard}.price"] = None if one is None else one.price
        numbers[f"{guard}.limit_price"] = None if one is None else one.limit_price
    values |= {name: None if value is None else float(value) for name, value in numbers.items()}
    for name, value in values.items():
        st.session_state[key(name)] = value


def guards_words(ticket: TicketRequest) -> str:
    """``stop loss 120.00, take profit 40.00``"""
    named = (("stop loss", ticket.stop_loss), ("take profit", ticket.take_profit))
    return ", ".join(f"{name} {parts.price(one.price)}" for name, one in named if one is not None)


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
    for kind, said in KINDS.items():
        words = words.replace(f" {kind} order", f" {said.lower()} order")
    return f"{words[:1].upper()}{words[1:]}".rstrip(".") + "."


def problem(name: str, words: str) -> str:
    """What the check says of a field, as a sentence that names it."""
    words = say.numbers_in_words(words)
    title = "" if not name or name == "symbol" else f"{described(name).title}: "
    return f"{title}{words}." if title else in_words("", words)


_CODED = re.compile(r"(?:[A-Z_]+: )?(?P<field>[a-z_]+(?:\.[a-z_]+)?): (?P<words>.+)", re.DOTALL)


def refused(detail: str) -> str:
    """The runner's ``CODE: field: sentence`` as a sentence that names the field; any other text as it is."""
    found = _CODED.fullmatch(detail)
    if found is None or found["field"].partition(".")[0] not in TicketRequest.model_fields:
        return detail if detail.endswith(".") else f"{detail}."
    return problem(found["field"], found["words"].rstrip("."))


def is_late(side: str, stop: Decimal | None, liquidation: Decimal | None) -> bool:
    """Would the exchange liquidate before a stop loss is set off?"""
    return stop is not None and liquidation is not None and (liquidation - stop) * Side(side).sign >= 0


def late_stop(ticket: TicketRequest, liquidation: Decimal | None) -> str:
    """That the exchange would liquidate before the stop loss is set off; empty where it would not, or is not known."""
    guard = ticket.stop_loss
    if guard is None or not is_late(ticket.side, guard.price, liquidation):
        return ""
    return (
        f"The exchange liquidates it at a mark of {parts.price(liquidation)}, before its stop loss at {parts.price(guard.price)} is "
        "set off: a lower leverage moves that away."
    )
