"""CSV in sections: each a table of its own whose first column names it, an empty line between them.

Numbers are exact and never changed. Text in which a spreadsheet would see a formula is led in by an apostrophe.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

_FORMULA = re.compile(r"^[\s\x00]*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]")

Section = tuple[str, Sequence[str], Iterable[Sequence[object]]]


def sections_csv(sections: Iterable[Section]) -> str:
    """Name, head and rows of each section; those without rows are left out."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    first = True
    for name, head, rows in sections:
        lines = [[name, *map(cell, row)] for row in rows]
        if not lines:
            continue
        if not first:
            writer.writerow(())
        first = False
        writer.writerow(("section", *head))
        writer.writerows(lines)
    return out.getvalue()


def table_csv(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """One table."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(map(cell, row) for row in rows)
    return out.getvalue()


def cell(value: object) -> str:
    """One cell; empty where nothing is known. Instants are ISO-8601 UTC, spans seconds."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case Decimal():
            return f"{value:f}"
        case datetime():
            return value.astimezone(UTC).isoformat()
        case timedelta():
            return f"{value.total_seconds():g}"
        case int() | float():
            return repr(value)
    return guarded(str(value))


def guarded(text: str) -> str:
    """Text that no spreadsheet takes for a formula; a number stays what it is."""
    return f"'{text}" if _FORMULA.match(text) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        Decimal(text)
    except InvalidOperation:
        return False
    return True
