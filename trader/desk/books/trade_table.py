"""Executions as a table for other programs: to the last digit, what is not known empty."""

import csv
import io
import re
from collections.abc import Iterable
from decimal import Decimal

from trader.desk.books.lines import Trade

COLUMNS = (
    "seq", "at", "symbol", "side", "quantity", "price", "cash", "fee", "fee_currency", "role", "kind", "algorithm", "run_id",
    "preset", "leg", "client_order_id", "venue_order_id", "fill_id",
)  # fmt: skip
_FORMULA = re.compile(r"^\s*[=+\-@\t\r]")


def trades_csv(trades: Iterable[Trade], *, head: bool = True) -> str:
    """Lines that end in a newline; instants ISO-8601 in UTC, money USD. No text in it starts a formula in a spreadsheet."""
    text = io.StringIO()
    write = csv.writer(text, lineterminator="\n")
    if head:
        write.writerow(COLUMNS)
    write.writerows([_cell(getattr(one, name)) for name in COLUMNS] for one in trades)
    return text.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:f}"
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else str(value)
