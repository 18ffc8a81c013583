"""Answers whose result is a list, read row by row where the whole cannot be read at once."""

from typing import Any

import msgspec

from trader.exchange.common.decoding import convert, decoder_of
from trader.exchange.common.rows import UNREADABLE, convert_rows, read_loosely
from trader.exchange.delta.wire.core import Envelope, Meta


class Rows(msgspec.Struct, frozen=True):
    """In place of a result type: the answer is a list of `row`, and an unreadable one is an `OddRow` in its place.
    `within` names the field that holds the list in the editions that wrap it."""

    row: Any
    within: str = ""


def _listing(row: Any) -> msgspec.json.Decoder[Any]:
    return decoder_of(Envelope[list[row]])


def decode_rows(body: bytes, rows: Rows, what: str) -> Envelope[Any]:
    """An answer whose result is a list.

    Raises:
        DecodeError, RecursionError, UnicodeDecodeError: It is not readable as such an answer.
    """
    try:
        envelope: Envelope[Any] = _listing(rows.row).decode(body)
        return envelope
    except UNREADABLE as error:
        document = read_loosely(body)
        if not isinstance(document, dict) or document.get("success") is not True:
            raise error
        result = document.get("result")
        if rows.within and isinstance(result, dict):
            result = result.get(rows.within)
        if not isinstance(result, list):
            raise error
        meta = convert(document.get("meta"), Meta | None)
        return Envelope(success=True, result=convert_rows(result, rows.row, what), meta=meta)
