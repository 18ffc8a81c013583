"""Cursor paging: newest first, opaque cursors, null when there is no further page."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from trader.venue.core.refusal import Refused, bad_schema

T = TypeVar("T")
_PREFIX = "row:"


def page(
    rows: Sequence[T], key: Callable[[T], int], query: Mapping[str, str], *, default: int, maximum: int, note: str = ""
) -> tuple[list[T], dict[str, Any]]:
    """Cut one page out of `rows`, which are sorted by falling `key`; gives the page and its meta.

    Sizes above `maximum` are clipped, as at the exchange. The cursors carry `note`, which `noted` finds again: what the
    order of the rows depends on besides the rows, so that the next page continues the same order.

    Raises:
        Refused: ``bad_schema`` for a size or cursor that cannot be read.
    """
    size = _size(query.get("page_size"), default, maximum)
    if (after := query.get("after")) is not None:
        bound = _decode("after", after)
        rows = [r for r in rows if key(r) < bound]
        newer = True
        chosen, older = list(rows[:size]), len(rows) > size
    elif (before := query.get("before")) is not None:
        bound = _decode("before", before)
        rows = [r for r in rows if key(r) > bound]
        chosen, newer, older = list(rows[-size:]), len(rows) > size, True
    else:
        chosen, newer, older = list(rows[:size]), False, len(rows) > size
    meta = {
        "after": _encode(key(chosen[-1]), note) if chosen and older else None,
        "before": _encode(key(chosen[0]), note) if chosen and newer else None,
    }
    return chosen, meta


def noted(query: Mapping[str, str]) -> str:
    """The note in the query's cursor; empty without one.

    Raises:
        Refused: ``bad_schema`` for a cursor that cannot be read.
    """
    name = "after" if "after" in query else "before"
    return _open(name, query[name])[1] if name in query else ""


def _size(text: str | None, default: int, maximum: int) -> int:
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise bad_schema("page_size", "must be a whole number above 0")
    return min(int(text), maximum)


def _encode(value: int, note: str) -> str:
    return base64.urlsafe_b64encode(f"{_PREFIX}{value}:{note}".encode()).decode()


def _decode(name: str, cursor: str) -> int:
    return _open(name, cursor)[0]


def _open(name: str, cursor: str) -> tuple[int, str]:
    refusal: Refused = bad_schema(name, "is not a cursor of this exchange")
    try:
        text = base64.urlsafe_b64decode(cursor.encode()).decode()
        if not text.startswith(_PREFIX):
            raise refusal
        value, _, note = text.removeprefix(_PREFIX).partition(":")
        return int(value), note
    except (binascii.Error, UnicodeError, ValueError):
        raise refusal from None
