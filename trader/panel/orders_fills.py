"""Fills of the Indian day (the exchange's time), with what they cost; and the same as CSV."""

from decimal import Decimal

import streamlit as st

from trader.desk import Status
from trader.panel import format as fmt
from trader.panel import orders_books, parts, sheet
from trader.panel import orders_words as say
from trader.panel.markup import Html, join, tag
from trader.panel.orders_books import Books
from trader.report.trades_csv import trades_csv

_SHOWN = 30
_HEAD = ("Fill", "Time (IST)", "Price", "Cash", "Fee", "Role", "Whose")
_NUMBERS = ("Price", "Cash", "Fee")


def table(status: Status | str, books: Books | None) -> Html:
    if books is None or isinstance(books.trades, str):
        return join(
            say.head("Fills of today", "being read" if books is None else str(books.trades), old=books is not None)
        )
    if not books.trades:
        return join(say.head("Fills of today", ""), say.empty("Nothing has been filled today (IST)."))
    fees = [one.fee for one in books.trades]
    known = sum((fee for fee in fees if fee is not None), Decimal(0))
    unknown = sum(fee is None for fee in fees)
    note = f"{len(fees)}, fees {parts.dollars(known, 4)}{f' and {unknown} not told yet' if unknown else ''}"
    if len(fees) > _SHOWN:
        note += f"; the newest {_SHOWN} are shown, the CSV has all"
    rows = [
        (
            tag("span", f"{one.side.capitalize()} {one.quantity:,} {say.contract(one.symbol)}", title=one.symbol),
            fmt.ist_clock(one.at),
            say.price(one.price),
            parts.dollars(one.cash, 4, signed=True),
            "not told yet" if one.fee is None else parts.dollars(one.fee, 4),
            one.role if one.kind == "normal" else f"{one.role}, {one.kind}",
            say.owner(status, one.run_id, is_ticket=one.is_ticket),
        )
        for one in books.trades[:_SHOWN]
    ]
    shown = sheet.table(_HEAD, rows, name="Fills of today", right=_NUMBERS)
    return join(say.head("Fills of today", note), tag("div", shown, class_="or-long"))


def download() -> None:
    """All of them as a file, made when it is asked for."""
    books = orders_books.seen()
    if books is not None and not isinstance(books.trades, str) and books.trades:
        st.download_button("Fills as CSV", data=_file, file_name="fills.csv", mime="text/csv", key="or_csv",
                           icon=":material/download:", on_click="ignore")  # fmt: skip


def _file() -> str:
    books = orders_books.seen()
    return "" if books is None or isinstance(books.trades, str) else trades_csv(books.trades)
