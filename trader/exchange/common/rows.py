"""Lists off the wire, row by row: the whole list at once where it is sound, each row by itself where it is not.

The second way also reads what is no JSON but is sent as such: NaN and infinities, numbers without end, broken text.
"""

import json
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, TypeVar

import msgspec

from trader.domain.errors import WireError
from trader.domain.odd_row import OddRow, is_symbol
from trader.exchange.common.decoding import convert

T = TypeVar("T")

UNREADABLE = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)
_INT_LENGTH_MAX = 30  # longer than any number of the exchange
_TEXT_MOST = 64
_BROKEN = "\ufffd".encode()
_SYMBOLS = ("product_symbol", "symbol", "sy", "asset_symbol")


def read_loosely(raw: bytes) -> Any:
    """The document behind a text that is nearly JSON; None where there is none."""
    try:
        return json.loads(bytes(raw).decode(errors="replace"), parse_int=_whole)
    except (ValueError, RecursionError):
        return None


def convert_rows(listed: Iterable[Any], row: Any, what: str) -> list[Any]:
    """Each item as a `row`, or as the `OddRow` that tells why it is none."""
    return [_converted(item, row, what, place) for place, item in enumerate(listed, 1)]


def _converted(item: Any, row: Any, what: str, place: int) -> Any:
    try:
        read = convert(item, row)
        return odd_row(what, place, item, "its text is broken") if _BROKEN in msgspec.json.encode(read) else read
    except (msgspec.MsgspecError, RecursionError, UnicodeEncodeError, OverflowError) as error:
        return odd_row(what, place, item, in_plain_words(error))


def in_plain_words(error: Exception) -> str:
    if isinstance(error, UnicodeEncodeError):
        return "its text is broken"
    return str(error).replace("`", "").replace(" - at $.", " at ")[:200]


def sift(what: str, rows: Sequence[Any], parse: Callable[[Any], T | None]) -> tuple[list[T], list[OddRow]]:
    """The values of the good rows (those `parse` has no use for left out), and what is wrong with the others."""
    good: list[T] = []
    odd: list[OddRow] = []
    for place, row in enumerate(rows, 1):
        if isinstance(row, OddRow):
            odd.append(msgspec.structs.replace(row, place=place, listed=what))
            continue
        try:
            value = parse(row)
        except WireError as error:
            odd.append(odd_row(what, place, row, str(error)))
        else:
            if value is not None:
                good.append(value)
    return good, odd


def agreeing(what: str, values: Sequence[T], *keys: Callable[[T], Hashable]) -> tuple[list[T], list[OddRow]]:
    """Each value once; those of one key that differ from one another are left out, because nothing says which is right."""
    if all(len({key(value) for value in values}) == len(values) for key in keys):
        return list(values), []
    found = list(dict.fromkeys(values))
    counts = [Counter(key(value) for value in found) for key in keys]
    good: list[T] = []
    odd: list[OddRow] = []
    for place, value in enumerate(found, 1):
        if all(count[key(value)] == 1 for count, key in zip(counts, keys, strict=True)):
            good.append(value)
        else:
            odd.append(odd_row(what, place, value, "it is listed more than once, and differently"))
    return good, odd


def odd_row(what: str, place: int, row: Any, reason: str) -> OddRow:
    """What can be told of a row that cannot be used, a struct or as it came."""

    def read(name: str) -> Any:
        return row.get(name) if isinstance(row, dict) else getattr(row, name, None)

    symbol = next((text for name in _SYMBOLS if (text := _text(read(name)))), "")
    short = _text(read("s"))  # a chain's item; elsewhere it is a size
    product = read("product")
    if not symbol and isinstance(product, dict):
        symbol = _text(product.get("symbol"))
    if not symbol and is_symbol(short):
        symbol = short
    has_client_id = "client_order_id" in row if isinstance(row, dict) else hasattr(row, "client_order_id")
    client_id = read("client_order_id")
    return OddRow(
        listed=what,
        place=place,
        reason=reason,
        symbol=symbol,
        product_id=_number(read("product_id")),
        order_id=_id(read("order_id")) or _id(read("o")),
        client_order_id=client_id or "" if has_client_id and isinstance(client_id, str | None) else None,
    )


def _text(value: Any) -> str:
    """A name that may be shown, empty for anything else."""
    if not isinstance(value, str) or not 0 < len(value) <= _TEXT_MOST or not value.isprintable() or "\ufffd" in value:
        return ""
    return value


def _number(value: Any) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _INT_LENGTH_MAX:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _id(value: Any) -> str:
    number = _number(value)
    return str(number) if number is not None else _text(value)


def _whole(text: str) -> Any:
    return int(text) if len(text) <= _INT_LENGTH_MAX else text
