"""Executions as a table for other programs: to the last digit, what is not known empty."""

from collections.abc import Iterable

from trader.desk.books.lines import Trade
from trader.report.csv_text import table_csv

COLUMNS = (
    "seq", "at", "symbol", "product_id", "side", "quantity", "price", "cash", "fee", "fee_currency", "role", "kind", "algorithm",
    "run_id", "preset", "leg", "client_order_id", "venue_order_id", "fill_id",
)  # fmt: skip


def trades_csv(trades: Iterable[Trade], *, head: bool = True) -> str:
    """Lines that end in a newline; instants ISO-8601 in UTC, money USD. No text in it starts a formula in a spreadsheet."""
    text = table_csv(COLUMNS, ([getattr(one, name) for name in COLUMNS] for one in trades))
    return text if head else text.partition("\n")[2]
