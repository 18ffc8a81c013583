"""How answers are printed: one JSON document, or plain lines for people."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
import typer

from trader.domain.expiry import IST
from trader.domain.wording import usd_words

if TYPE_CHECKING:
    from trader.desk import Status


def emit_json(document: Any) -> None:
    """Print one JSON document: money as strings, instants ISO-8601 in UTC."""
    typer.echo(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())


def status_document(status: "Status") -> dict[str, Any]:
    """The desk's document of a status. The desk is imported here: it takes longer than all else a command does."""
    from trader.desk.status_json import status_document as build

    return build(status)


def emit_lines(lines: Iterable[str]) -> None:
    for line in lines:
        typer.echo(line)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as aligned columns under their head; only the head when there are none."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in [head, *rows]
    ]


def usd(amount: Decimal | None, *, signed: bool = True) -> str:
    """Money for people: cents, four places for less than a dollar, as the panel shows it; with a sign where it is a
    result; a dash where it is unknown."""
    return usd_words(amount, signed=signed)


def ist(instant: datetime | None) -> str:
    """An instant for people, in Indian time; a dash where it is unknown."""
    return "–" if instant is None else f"{instant.astimezone(IST):%a %d %b %H:%M:%S} IST"
