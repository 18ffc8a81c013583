"""One finished run in full: result, chart, legs, fills, orders, timeline, configuration. All times are the exchange's."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import streamlit as st

from trader.desk import PnlSeries, RunReport, RunSummary, TimelineEvent
from trader.desk.books.lines import OrderLine, Trade
from trader.domain.expiry import ist_date
from trader.engine.view import LegView, OrderView
from trader.panel import charts, parts, past, service, sheet, tables, words
from trader.panel import format as fmt
from trader.panel.markup import Html, tag
from trader.report.csv_text import table_csv
from trader.report.day_html import day_html
from trader.report.run_csv import run_csv
from trader.report.run_html import attribution_rows, difference_words, residual_words, run_html

_CONFIG_HEIGHT = 320


def draw(report: RunReport) -> None:
    """Everything of one run."""
    summary = report.summary
    places = parts.places(summary.premium)
    st.divider()
    st.subheader(fmt.safe(f"{summary.underlying} {fmt.ist_day_time(past.started(summary))}"), anchor=False)
    st.markdown(fmt.safe(report.verdict, 800))
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
    _downloads(report)
    _chart(report, places)
    _attribution(report, places)
    if report.legs:
        st.markdown("**Legs**")
        sheet.draw(*legs_rows(report.legs, places, report.iv_out), name="Legs", right=_LEG_NUMBERS)
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
    at, spot, ivs = market_columns(report)
    if any(value is not None for column in (spot, *ivs.values()) for value in column):
        market = charts.market_figure(
            at, report.summary.underlying, spot, ivs, columns.gaps, revision=report.summary.run_id
        )
        st.plotly_chart(
            market,
            key="hist_market",
            config={"displayModeBar": False},
            alt="Spot and implied volatility of each leg over the same time",
        )


def market_columns(
    report: RunReport,
) -> tuple[list[datetime], list[float | None], dict[str, list[float | None]]]:
    """Spot and each leg's volatility in % at the instants of the chart."""
    series = report.series
    known = _known(series)

    def hundredfold(column: list[float | None]) -> list[float | None]:
        return [None if value is None else value * 100 for value in (column[i] for i in known)]

    ivs = {key: hundredfold(column) for key, column in report.ivs.items()}
    return [series.market[i] or series.wall[i] for i in known], [series.spot[i] for i in known], ivs


def _known(series: PnlSeries) -> list[int]:
    return [i for i, market in enumerate(series.market) if market is not None] or list(range(len(series.wall)))


def _attribution(report: RunReport, places: int) -> None:
    if report.told is None:
        return
    st.markdown("**Where the P&L came from**")
    found = report.told.parts
    rows = [*attribution_rows(found), ("Result", found.pnl)]
    shown = [f"{name} {parts.dollars(value, places, signed=True)}" for name, value in rows]
    st.plotly_chart(
        charts.waterfall_figure([float(value) for _, value in rows], shown, height=40 + 26 * len(rows)),
        key="hist_attribution",
        config={"displayModeBar": False},
        alt=", ".join(shown),
    )
    st.markdown(fmt.safe(residual_words(found)))


def chart_columns(series: PnlSeries) -> charts.Pnl:
    """The series on the exchange's clock. Points from before it was known are left out, unless it never was."""
    known = _known(series)
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

_LEG_HEAD = ("Leg", "Contracts", "Entry", "Exit", "P&L", "Fees", "IV in", "IV out")
_LEG_NUMBERS = _LEG_HEAD[1:]


def legs_rows(
    legs: Iterable[LegView], places: int, iv_out: Mapping[str, float]
) -> tuple[tuple[str, ...], list[list[str]]]:
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
            _volatility(leg.iv_at_entry),
            _volatility(iv_out.get(leg.key)),
        ]
        for leg in legs
    ]
    return _LEG_HEAD, rows


def _volatility(value: float | None) -> str:
    return parts.percent(None if value is None else value * 100, signed=False)


def _toned(value: Any, places: int) -> Html:
    return tag("span", parts.dollars(value, places, signed=True), class_=parts.tone(value))


def _downloads(report: RunReport) -> None:
    name = re.sub("[^A-Za-z0-9_-]", "_", report.summary.run_id)
    made: tuple[tuple[str, str, str, Callable[[], str]], ...] = (
        ("Report as HTML", f"report_{name}.html", "text/html", lambda: run_html(report, datetime.now(UTC))),
        ("Report as CSV", f"report_{name}.csv", "text/csv", lambda: run_csv(report)),
        ("Report of its day as HTML", f"day_{name}.html", "text/html", lambda: _day_html(report.summary)),
        ("Recorded prices and greeks as CSV", f"samples_{name}.csv", "text/csv", lambda: _recorded_csv(report.summary.run_id)),
    )  # fmt: skip
    with st.container(horizontal=True, gap="small"):
        for label, file, mime, data in made:
            st.download_button(
                label, data, file, mime, key=f"hist_{file.partition('_')[0]}_{mime[5:]}", icon=":material/download:",
                on_click="ignore",
            )  # fmt: skip


def _details(report: RunReport) -> None:
    fills, orders, timeline, config = st.tabs(["Fills", "Orders", "Timeline", "Configuration"], key="hist_tabs")
    with fills:
        sheet.draw(*fills_rows(report.trades), name="Fills", right=("Contracts", "Price", "Fee"))
    with orders:
        sheet.draw(
            *orders_rows(report.lines, report.orders), name="Orders", right=("Filled", "Limit", "Average", "Secs")
        )
    with timeline:
        sheet.draw(*timeline_rows(report.timeline), name="Timeline")
    with config:
        st.markdown(fmt.safe(difference_words(report)))
        if report.changed:
            rows = [[one.title, one.field, one.before, one.after] for one in report.changed]
            sheet.draw(("Field", "Name", "Preset", "This run"), rows, name="What differed from the preset")
        if report.entry_checks:
            st.markdown("**Checked before the first order**")
            checks = [[code.replace("_", " ").lower(), numbers] for code, numbers in report.entry_checks.items()]
            sheet.draw(("Check", "Numbers"), checks, name="What the gate compared")
        with st.expander("In full", key="hist_config"):
            st.code(report.config.model_dump_json(indent=2), language="json", height=_CONFIG_HEIGHT, wrap_lines=True)


def fills_rows(trades: Iterable[Trade]) -> tuple[tuple[str, ...], list[list[str]]]:
    """Every execution; the exchange's ids on hover, and in the CSV."""
    head = ("Time (IST)", "Side", "Contracts", "Contract", "Price", "Fee", "Role", "Kind", "Algorithm")
    trades = list(trades)
    places = parts.price_places([one.price for one in trades])
    rows = [
        [
            _time(one.at),
            one.side,
            f"{one.quantity:,}",
            one.symbol,
            parts.price(one.price, places),
            parts.dollars(one.fee, 4),
            one.role or fmt.DASH,
            one.kind,
            tag(
                "span",
                one.algorithm or fmt.DASH,
                title=f"order {one.venue_order_id}, trade {one.fill_id}, fee in {one.fee_currency}",
            ),
        ]
        for one in trades
    ]
    return head, rows


def _time(at: datetime) -> Html:
    return tag("span", fmt.ist_full(at).removesuffix(" IST"), title=fmt.utc_hint(at))


def orders_rows(lines: Iterable[OrderLine], orders: Iterable[OrderView]) -> tuple[tuple[str, ...], list[list[str]]]:
    """Oldest first: the way of the run. What the gate compared is on hover."""
    lines = list(lines)
    passed = {order.client_order_id: order.passed for order in orders}
    places = parts.price_places([price for line in lines for price in (line.limit_price, line.avg_px)])
    head = ("Time (IST)", "Purpose", "Side", "Filled", "Limit", "Average", "Secs", "Leg", "Algorithm", "Status", "Message", "Order id")  # fmt: skip
    rows = [
        [
            _time(line.created_at),
            tables.PURPOSES.get(line.purpose, line.purpose),
            line.side,
            f"{line.filled:,} of {line.quantity:,}",
            "market" if line.limit_price is None else parts.price(line.limit_price, places),
            parts.price(line.avg_px, places),
            fmt.DASH if line.fill_secs is None else f"{line.fill_secs:.1f}",
            line.leg,
            line.algorithm or fmt.DASH,
            line.status.replace("_", " "),
            line.message or fmt.DASH,
            tag("span", line.client_order_id, title=gate_words(passed.get(line.client_order_id, {})) or None),
        ]
        for line in lines
    ]
    return head, rows


def gate_words(passed: Mapping[str, str]) -> str:
    """What the gate compared before it let an order out, one check after the other."""
    return "; ".join(f"{code.replace('_', ' ').lower()}: {numbers}" for code, numbers in passed.items())


def timeline_rows(events: Iterable[TimelineEvent]) -> tuple[tuple[str, ...], list[list[str]]]:
    head = ("Time (IST)", "What", "By", "Detail")
    return head, [[_time(event.at), event.kind.replace("_", " "), event.cause, event.text] for event in events]


def _day_html(summary: RunSummary) -> str:
    """The Indian day on which it ended, or began while it is on; the exchange is read for it."""
    return day_html(service.desk().day_report(ist_date(past.ended(summary) or past.started(summary))))


def _recorded_csv(run_id: str) -> str:
    head, rows = service.desk().recorded(run_id)
    return table_csv(head, rows)
