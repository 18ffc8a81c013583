"""Reading request fields, strict about meaning and lenient about spelling where the exchange is (text or number)."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from trader.domain.instrument import Kind
from trader.venue.core.refusal import bad_schema
from trader.venue.market.instants import from_us
from trader.venue.wire.catalogue import KINDS

_IDS_MAX = 10
E = TypeVar("E", bound=StrEnum)


def json_object(raw: bytes) -> dict[str, Any]:
    """A request body; empty means no fields. Raises Refused (``bad_schema``) for anything but an object."""
    if not raw:
        return {}
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeError):
        raise bad_schema("body", "is not valid JSON") from None
    if not isinstance(body, dict):
        raise bad_schema("body", "must be a JSON object")
    return body


def integer(body: Mapping[str, Any], name: str) -> int | None:
    """A whole number; digits in a string are taken too. None when absent or null."""
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.isascii() and value.removeprefix("-").isdigit() and len(value) < 20:
        return int(value)
    raise bad_schema(name, "must be a whole number")


def needed_integer(body: Mapping[str, Any], name: str) -> int:
    """A whole number that must be there."""
    value = integer(body, name)
    if value is None:
        raise bad_schema(name, "is required")
    return value


def decimal(body: Mapping[str, Any], name: str) -> Decimal | None:
    """A decimal, as string or number; None when absent or null."""
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise bad_schema(name, "must be a decimal number in a string")
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise bad_schema(name, "must be a decimal number in a string") from None
    if not number.is_finite() or abs(number.adjusted()) > 15 or len(number.as_tuple().digits) > 24:
        raise bad_schema(name, "is out of range")
    return number


def flag(body: Mapping[str, Any], name: str, default: bool = False) -> bool:
    """A boolean, as JSON boolean or as ``"true"``/``"false"``."""
    value = body.get(name)
    if value is None:
        return default
    if value is True or value == "true":
        return True
    if value is False or value == "false":
        return False
    raise bad_schema(name, 'must be true, false, "true" or "false"')


def text(body: Mapping[str, Any], name: str) -> str | None:
    """A string; None when absent or null."""
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise bad_schema(name, "must be a string")
    return value


def choice(body: Mapping[str, Any], name: str, kind: type[E], default: E | None = None) -> E:
    """One of an enumeration's words."""
    value = body.get(name)
    if value is None and default is not None:
        return default
    try:
        return kind(str(value))
    except ValueError:
        words = ", ".join(word.value for word in kind)
        raise bad_schema(name, f"must be one of: {words}") from None


def words(query: Mapping[str, str], name: str) -> list[str] | None:
    """A comma-separated list. An empty parameter is refused, as at the exchange."""
    value = query.get(name)
    if value is None:
        return None
    parts = value.split(",")
    if not all(parts):
        raise bad_schema(name, "must not be empty")
    return parts


def product_ids(query: Mapping[str, str]) -> set[int] | None:
    """At most ten product ids."""
    parts = words(query, "product_ids")
    if parts is None:
        return None
    if len(parts) > _IDS_MAX:
        raise bad_schema("product_ids", f"at most {_IDS_MAX} ids")
    if not all(p.isascii() and p.isdigit() for p in parts):
        raise bad_schema("product_ids", "must be whole numbers")
    return {int(p) for p in parts}


def contract_kinds(listed: list[str] | None) -> frozenset[Kind] | None:
    """The kinds behind contract types; types this exchange does not list select nothing."""
    return None if listed is None else frozenset(KINDS[word] for word in listed if word in KINDS)


def instant(query: Mapping[str, str], name: str) -> datetime | None:
    """A time given in microseconds."""
    value = integer(query, name)
    if value is None:
        return None
    try:
        return from_us(value)
    except OverflowError:
        raise bad_schema(name, "is out of range") from None


def strings(body: Mapping[str, Any], name: str) -> list[str]:
    """A list of strings; empty when absent or null."""
    value = body.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise bad_schema(name, "must be a list of strings")
    return value


def objects(body: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """A list of JSON objects; empty when absent or null."""
    value = body.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise bad_schema(name, "must be a list of objects")
    return value


def nested(body: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    """A JSON object inside the body; None when absent or null."""
    value = body.get(name)
    if value is not None and not isinstance(value, dict):
        raise bad_schema(name, "must be an object")
    return value


def real_flag(body: Mapping[str, Any], name: str) -> bool:
    """A boolean that has to be there, in either spelling."""
    if body.get(name) is None:
        raise bad_schema(name, "is required")
    return flag(body, name)
