"""The run in detail, refreshed every second: chart, exits, legs, orders, safety net, log."""

import streamlit as st

from trader.desk import LogLine, Status
from trader.engine.records import Phase
from trader.engine.view import RunView
from trader.panel import charts, service, tables
from trader.panel import format as fmt

_LOG_LINES = 40


def draw(run_id: str | None) -> None:
    """All live parts of one run (None = the one the desk names)."""
    detail(run_id)
    log()


@st.fragment(run_every=1)
def detail(run_id: str | None) -> None:
    status = service.status(run_id)
    if isinstance(status, str) or status.run is None:
        return
    run = status.run
    if run.phase is Phase.WAITING:
        with st.container(border=True, key="why_not_box", gap="small"):
            _why_not(run)
    elif run.phase is Phase.DONE:
        with st.container(border=True, key="done_chart_box", gap="small"):
            _chart(run)
    else:
        left, right = st.columns([1.75, 1], gap="small")
        with left, st.container(border=True, key="chart_box", gap="small"):
            _chart(run)
        with right, st.container(border=True, key="exits_box", height="stretch", gap="small"):
            _exits(run)
    if run.legs:
        st.markdown("**Legs**")
        st.table(tables.legs_table(run.legs), border="horizontal", hide_index=True)
    if run.phase is not Phase.DONE:
        _safety_net(status, run)
    if run.orders:
        with st.expander("Orders of this run", icon=":material/receipt_long:", key="orders_box"):
            st.dataframe(tables.orders_table(run.orders), hide_index=True, key="orders_table")


def _chart(run: RunView) -> None:
    st.markdown("**P&L, cost to close**", help="USD, fees and tax included; times are IST.")
    series = service.desk().pnl_series(run.run_id, 1000)
    if not any(value is not None for value in series.pnl):
        st.caption("The line begins with the first fill.")
        return
    figure = charts.pnl_figure(service.pnl_columns(series), service.marks(run.run_id), revision=run.run_id)
    st.plotly_chart(figure, key="pnl_chart", config={"displayModeBar": False, "scrollZoom": False})


def _why_not(run: RunView) -> None:
    st.markdown("**Why not yet**", help="What still keeps the entry from being made.")
    if run.why_not:
        st.text("\n".join(f"• {fmt.plain(reason, 160)}" for reason in run.why_not))
    else:
        st.caption("Nothing stands in the way.")


def _exits(run: RunView) -> None:
    """The exit ladder while there is something to exit."""
    if run.ladder:
        st.markdown(
            "**Exit ladder**", help="Every exit, where it fires, how far that is, and where spot would have to be."
        )
        st.table(tables.ladder_table(run.ladder), border="horizontal", hide_index=True)
    else:
        st.markdown("**Exits**")
        st.caption("Shown once both legs are sold.")


def _safety_net(status: Status, run: RunView) -> None:
    watched = "on" if status.runner.alive and run.phase is not Phase.DONE else "off"
    parts = [f"app stop {watched}", "exchange stop not placed", "dead-man switch not used"]
    st.caption(fmt.safe("Safety net: " + " · ".join(parts)))


@st.fragment(run_every=2)
def log() -> None:
    """The newest log lines, newest first, as plain text."""
    with st.expander("Log", icon=":material/article:", expanded=True, key="log_box"):
        lines = [_line(line) for line in reversed(service.desk().log_tail(_LOG_LINES))]
        st.code("\n".join(lines) or "Nothing logged yet.", language=None, height=180, wrap_lines=True)


def _line(line: LogLine) -> str:
    return f"{fmt.ist_clock(line.at)}  {fmt.plain(line.level, 8):<7}  {fmt.plain(line.text, 300)}"
