"""One finished run in full: result, chart, legs, fills, orders, timeline, configuration. All times are the exchange's."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import streamlit as st

from trader.desk import FillRow, PnlSeries, RunReport, TimelineEvent
from trader.engine.view import LegView, OrderView
from trader.panel import charts, parts, past, service, sheet, tables, words
from trader.panel import format as fmt
from trader.panel.markup import Html, tag

_FORMULA = re.compile(r"^\s*[=+\-@\t\r]")
_CONFIG_HEIGHT = 320


def draw(report: RunReport) -> None:
    """Everything of one run."""
    summary = report.summary
    places = parts.places(summary.premium)
    st.divider()
    st.subheader(fmt.safe(f"{summary.underlying} {fmt.ist_day_time(past.started(summary))}"), anchor=False)
    with st.container(horizontal=True, gap="medium", key="hist_figures"):
        for label, value in (
            ("Realised P&L", parts.money(summary.realized_pnl, summary.pnl_pct, places)),
            ("Premium", parts.dollars(summary.premium, places)),
            ("Fees", parts.dollars(summary.fees, places)),
            ("Wallet", wallet_words(summary.wallet_difference, places)),
            ("Ended by", words.ended_by(summary.exit_reason)),
            ("Ended", fmt.ist_day_time(past.ended(summary))),
        ):
            st.metric(label, value, width="content")
    view = report.view
    if view.quantity is not None:
        size = parts.size(view.quantity, view.contract_value, view.underlying, view.notional)
        st.text(fmt.plain(f"{size} · run {summary.run_id}"))
    _chart(report, places)
    if report.legs:
        st.markdown("**Legs**")
        sheet.draw(*legs_rows(report.legs, places), name="Legs", right=_LEG_NUMBERS)
    _details(report)


def wallet_words(difference: Decimal | None, places: int) -> str:
    """Whether the exchange's ledger shows what the run has told."""
    if difference is None:
        return "not compared"
    return f"differs by {parts.dollars(difference, max(places, 4), signed=True)}" if difference else "agrees"


def _chart(report: RunReport, places: int) -> None:
    columns = chart_columns(report.series)
    if not any(value is not None for value in columns.pnl):
        return
    st.markdown(
        "**P&L, cost to close**, fees included, in USD and % of the net credit (without one, of the most that can be lost); times are IST"
    )
    figure = charts.pnl_figure(
        columns, service.chart_marks(report.markers), revision=report.summary.run_id, places=places
    )
    st.plotly_chart(figure, key="hist_chart", config={"displayModeBar": False}, alt=chart_words(columns, places))


def chart_columns(series: PnlSeries) -> charts.Pnl:
    """The series on the exchange's clock. Points from before it was known are left out, unless it never was."""
    known = [i for i, market in enumerate(series.market) if market is not None] or range(len(series.wall))
    at = [series.market[i] or series.wall[i] for i in known]

    def only(column: list[float | None]) -> list[float | None]:
        return [column[i] for i in known]

    return charts.Pnl(
        at=at,
        pnl=only(series.pnl),
        trailing=only(series.level_usd),
        max_loss=only(series.max_loss_usd),
        max_profit=only(series.max_profit_usd),
        pct=only(series.pnl_pct),
        gaps=[gap for gap in series.gaps if at and at[0] <= gap[0] and gap[1] <= at[-1]],
    )


def chart_words(columns: charts.Pnl, places: int) -> str:
    """The chart in a sentence, for those who do not see it."""
    known = [i for i, value in enumerate(columns.pnl) if value is not None]
    last = known[-1]
    share = None if columns.pct is None else columns.pct[last]
    count = len(columns.gaps)
    unwatched = f"; not watched for {count} stretch{'es' if count > 1 else ''}" if count else ""
    return (
        f"P&L over time, {fmt.ist_day_time(columns.at[known[0]])} to {fmt.ist_day_time(columns.at[last])}: "
        f"last {parts.money(columns.pnl[last], share, places)}{unwatched}"
    )


# ---------------------------------------------------------------- tables

_LEG_HEAD = ("Leg", "Contracts", "Sold at", "Bought at", "P&L", "Fees", "IV sold at")
_LEG_NUMBERS = _LEG_HEAD[1:]


def legs_rows(legs: Iterable[LegView], places: int) -> tuple[tuple[str, ...], list[list[str]]]:
    """What is still of interest of a leg when it is over."""
    legs = list(legs)
    prices = parts.price_places([price for leg in legs for price in (leg.avg_px, leg.exit_px)])
    rows: list[list[str]] = [
        [
            tag("span", f"{leg.key} {leg.strike.normalize():,f}", title=leg.symbol),
            f"{leg.quantity:,}",
            parts.price(leg.avg_px, prices),
            parts.price(leg.exit_px, prices),
            _toned(leg.pnl, places),
            parts.dollars(leg.fees_paid, places),
            parts.percent(None if leg.iv_at_entry is None else leg.iv_at_entry * 100, signed=False),
        ]
        for leg in legs
    ]
    return _LEG_HEAD, rows


def _toned(value: Any, places: int) -> Html:
    return tag("span", parts.dollars(value, places, signed=True), class_=parts.tone(value))


def _details(report: RunReport) -> None:
    fills, orders, timeline, config = st.tabs(["Fills", "Orders", "Timeline", "Configuration"], key="hist_tabs")
    with fills:
        sheet.draw(*fills_rows(report.fills), name="Fills", right=("Quantity", "Price", "Fee"))
        st.download_button(
            "Fills as CSV",
            csv_text(fills_table(report.fills)),
            f"fills_{re.sub('[^A-Za-z0-9_-]', '_', report.summary.run_id)}.csv",
            "text/csv",
            key="hist_csv",
            icon=":material/download:",
            on_click="ignore",
        )
        st.download_button(
            "Recorded prices and greeks as CSV",
            lambda: _recorded_csv(report.summary.run_id),
            f"samples_{re.sub('[^A-Za-z0-9_-]', '_', report.summary.run_id)}.csv",
            "text/csv",
            key="hist_samples",
            icon=":material/download:",
            on_click="ignore",
        )
    with orders:
        sheet.draw(*orders_rows(report.orders, report.timeline), name="Orders", right=("Filled", "Limit"))
    with timeline:
        sheet.draw(*timeline_rows(report.timeline), name="Timeline")
    with config:
        st.code(report.config.model_dump_json(indent=2), language="json", height=_CONFIG_HEIGHT, wrap_lines=True)


def fills_rows(fills: Iterable[FillRow]) -> tuple[tuple[str, ...], list[list[str]]]:
    """Every execution, in short; the whole of each is in the CSV."""
    head = ("Time (IST)", "Side", "Quantity", "Symbol", "Price", "Fee", "Role", "Kind")
    fills = list(fills)
    places = parts.price_places([row.fill.price for row in fills])
    rows = [
        [
            _time(_fill_at(row)),
            row.fill.side.value,
            f"{row.fill.quantity:,}",
            row.fill.symbol,
            parts.price(row.fill.price, places),
            parts.dollars(row.fill.commission, 4),
            row.fill.role or fmt.DASH,
            row.fill.kind.value,
        ]
        for row in fills
    ]
    return head, rows


def _time(at: datetime) -> Html:
    return tag("span", fmt.ist_full(at).removesuffix(" IST"), title=fmt.utc_hint(at))


def fills_table(fills: Iterable[FillRow]) -> pd.DataFrame:
    """Every execution for the CSV; prices and fees exact, as text."""
    rows = [
        {
            "Time (IST)": fmt.ist_full(_fill_at(row)).removesuffix(" IST"),
            "Time (UTC)": fmt.utc_hint(_fill_at(row)).removesuffix(" UTC"),
            "Leg": row.leg,
            "Symbol": row.fill.symbol,
            "Side": row.fill.side.value,
            "Quantity": row.fill.quantity,
            "Price": f"{row.fill.price:f}",
            "Fee": fmt.DASH if row.fill.commission is None else f"{row.fill.commission:f}",
            "Role": row.fill.role,
            "Kind": row.fill.kind.value,
            "Client order id": row.fill.client_order_id or fmt.DASH,
            "Fill id": row.fill.fill_id,
        }
        for row in fills
    ]
    return pd.DataFrame(rows)


def _fill_at(row: FillRow) -> datetime:
    """The exchange's instant where it is known, else when we wrote the fill down."""
    at: datetime = row.fill.ts_event or row.market or row.wall
    return at


def orders_rows(
    orders: Iterable[OrderView], timeline: Iterable[TimelineEvent]
) -> tuple[tuple[str, ...], list[list[str]]]:
    """Newest first. An order's record says when it was intended by both clocks; the exchange's is shown, as everywhere."""
    orders = list(orders)
    places = parts.price_places([order.limit_price for order in orders])
    market = {event.wall: event.at for event in timeline}
    head = ("Time (IST)", "Purpose", "Side", "Filled", "Limit", "Leg", "Status", "Message", "Client order id")
    rows = [
        [
            _time(market.get(order.wall, order.wall)),
            tables.PURPOSES.get(order.purpose, order.purpose),
            order.side,
            f"{order.filled_quantity:,} of {order.quantity:,}",
            "market" if order.limit_price is None else parts.price(order.limit_price, places),
            order.leg,
            order.status.replace("_", " "),
            order.message or fmt.DASH,
            tag("span", order.client_order_id, title=gate_words(order.passed) or None),
        ]
        for order in sorted(orders, key=lambda order: order.wall, reverse=True)
    ]
    return head, rows


def gate_words(passed: Mapping[str, str]) -> str:
    """What the gate compared before it let an order out, one check after the other."""
    return "; ".join(f"{code.replace('_', ' ').lower()}: {numbers}" for code, numbers in passed.items())


def timeline_rows(events: Iterable[TimelineEvent]) -> tuple[tuple[str, ...], list[list[str]]]:
    head = ("Time (IST)", "What", "By", "Detail")
    return head, [[_time(event.at), event.kind.replace("_", " "), event.cause, event.text] for event in events]


def _recorded_csv(run_id: str) -> str:
    head, rows = service.desk().recorded(run_id)
    return csv_text(pd.DataFrame(rows, columns=head))


def csv_text(frame: pd.DataFrame) -> str:
    """CSV in which no cell can start a formula in a spreadsheet (negative numbers aside)."""

    def quoted(value: Any) -> Any:
        if isinstance(value, str) and _FORMULA.match(value) and not _is_number(value):
            return f"'{value}"
        return value

    text: str = frame.map(quoted).to_csv(index=False)
    return text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
