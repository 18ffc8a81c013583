"""Finished runs: the table with its pages, and the report of one run."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st

from trader.desk import FillRow, RunReport, RunSummary, TimelineEvent
from trader.panel import charts, service, tables, words
from trader.panel import format as fmt

PAGE = 15
_OFFSET = "hist_offset"
_FORMULA = re.compile(r"^\s*[=+\-@\t\r]")


def runs_table() -> str | None:
    """The newest runs first, fifteen to a page; returns the run picked (by its row, or by `?run=` in the address)."""
    offset = int(st.session_state.get(_OFFSET, 0))
    found = service.desk().history(PAGE + 1, offset)
    if not found and offset == 0:
        _teach()
        return None
    shown = found[:PAGE]
    event = st.dataframe(
        summary_table(shown), hide_index=True, key=f"hist_runs_{offset}", height="content", on_select="rerun", selection_mode="single-row",
        column_config={
            "P&L": st.column_config.NumberColumn("P&L", format="dollar", help="Realised: all cash flows, fees included."),
            "Fees": st.column_config.NumberColumn("Fees", format="dollar"),
        },
    )  # fmt: skip
    _paging(offset, more=len(found) > PAGE)
    rows = event["selection"]["rows"]
    if rows:
        st.query_params["run"] = shown[rows[0]].run_id
    asked = st.query_params.get("run")
    if asked is None:
        st.caption("Select a row to see the run.")
    return asked


def summary_table(runs: list[RunSummary]) -> pd.DataFrame:
    """One row per run, numbers as numbers so that columns sort."""
    rows = [
        {
            "Started (IST)": fmt.ist_full(run.created_market or run.created_at).removesuffix(" IST"),
            "Underlying": run.underlying,
            "Preset": run.preset,
            "P&L": tables.as_float(run.realized_pnl),
            "Fees": tables.as_float(run.fees),
            "Ended by": words.exit_reason(run.exit_reason),
            "Fills": run.fill_count,
            "Env": words.environment(run.env).label,
            "Run": run.run_id,
        }
        for run in runs
    ]
    return pd.DataFrame(rows)


def _paging(offset: int, *, more: bool) -> None:
    if offset == 0 and not more:
        return
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.button(
            "Newer",
            key="hist_newer",
            icon=":material/chevron_left:",
            disabled=offset == 0,
            on_click=_turn,
            args=(-PAGE,),
        )
        st.button(
            "Older", key="hist_older", icon=":material/chevron_right:", disabled=not more, on_click=_turn, args=(PAGE,)
        )
        st.caption(fmt.safe(f"Runs {offset + 1} and on"))


def _turn(by: int) -> None:
    st.session_state[_OFFSET] = max(0, int(st.session_state.get(_OFFSET, 0)) + by)


def _teach() -> None:
    st.info("No run has finished yet.", icon=":material/school:")
    st.markdown(
        "Your first paper trade takes a minute and no account:\n"
        "1. Open **Dashboard** and leave the preset on *default*.\n"
        "2. Look at **What it would sell now**: both strikes, premium and margin.\n"
        "3. Choose **Now** and press **Start**; both legs are sold on the local exchange.\n"
        "4. Watch P&L, then press **Stop & Exit** and confirm. When it says FLAT, the run appears here."
    )


def one_run(report: RunReport) -> None:
    """Everything of one run: result, chart, legs, fills, orders, timeline."""
    summary = report.summary
    st.divider()
    st.subheader(
        fmt.safe(f"{summary.underlying} {fmt.ist_day_time(summary.created_market or summary.created_at)}"),
        anchor=False,
        help=fmt.safe(summary.run_id),
    )
    with st.container(horizontal=True, gap="medium"):
        for label, value in (
            ("Realised P&L", fmt.usd(summary.realized_pnl, signed=True)),
            ("Fees", fmt.usd(summary.fees)),
            ("Ended by", words.exit_reason(summary.exit_reason)),
            ("Fills", f"{summary.fill_count}"),
        ):
            st.metric(label, value, width="content")
    if any(value is not None for value in report.series.pnl):
        figure = charts.pnl_figure(
            service.pnl_columns(report.series), service.chart_marks(report.markers), revision=summary.run_id
        )
        st.plotly_chart(figure, key="hist_chart", config={"displayModeBar": False})
    if report.legs:
        st.markdown("**Legs**")
        st.table(tables.legs_table(report.legs), border="horizontal", hide_index=True)
    _details(report)


def _details(report: RunReport) -> None:
    fills, orders, timeline, config = st.tabs(["Fills", "Orders", "Timeline", "Configuration"], key="hist_tabs")
    with fills:
        frame = fills_table(report.fills)
        st.dataframe(frame, hide_index=True, key="hist_fills")
        name = f"fills_{re.sub('[^A-Za-z0-9_-]', '_', report.summary.run_id)}.csv"
        st.download_button(
            "Fills as CSV",
            csv_text(frame),
            name,
            "text/csv",
            key="hist_csv",
            icon=":material/download:",
            on_click="ignore",
        )
    with orders:
        st.dataframe(tables.orders_table(report.orders), hide_index=True, key="hist_orders")
    with timeline:
        st.dataframe(timeline_table(report.timeline), hide_index=True, key="hist_timeline")
    with config:
        st.code(report.config.model_dump_json(indent=2), language="json", height=320)


def fills_table(fills: Iterable[FillRow]) -> pd.DataFrame:
    """Every execution; prices and fees exact, as text."""
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


def timeline_table(events: Iterable[TimelineEvent]) -> pd.DataFrame:
    rows = [
        {
            "Time (IST)": fmt.ist_full(event.at).removesuffix(" IST"),
            "What": fmt.plain(event.kind, 40).replace("_", " "),
            "By": fmt.plain(event.cause, 20),
            "Detail": fmt.plain(event.text, 300),
        }
        for event in events
    ]
    return pd.DataFrame(rows)


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
