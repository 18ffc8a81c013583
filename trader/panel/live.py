"""The run in detail while something is open: figures, corridor, chart, exits and legs of one picture; orders and log below.

`draw` is the page's live part: a plain function of one `Status`, called by the frame's beat. All its text is one element, so
that what it says in one place and in another is of the same moment in the browser too.
"""

import streamlit as st

from trader.desk import LogLine, PnlSeries, Status
from trader.domain.errors import TraderError
from trader.engine.view import RunView
from trader.panel import echarts, exits, keep_zoom, legs, live_css, markup, runs, service, tables, watch, words
from trader.panel import format as fmt
from trader.panel import hero as top
from trader.panel.echarts import LOOKS, POINTS

_LOOK = "dash_look"
_LOG_LINES = 5
_NO_SERIES = PnlSeries(
    wall=[], market=[], pnl=[], pnl_pct=[], spot=[], level_usd=[], max_loss_usd=[], max_profit_usd=[]
)  # fmt: skip


def draw(status: Status | str) -> None:
    """What lives: the whole board while something is open, the headline else."""
    with st.container(key="live", gap=None):
        markup.draw(figures(status))
        if isinstance(status, str) or status.run is None or watch.stage(status.run) != "open":
            return
        run = status.run
        st.echarts_chart(_inked(echarts.corridor(run)), key="corridor", height=116, alt=echarts.corridor_alt(run))
        st.echarts_chart(_inked(_chart(run)), key="pnl_chart", height=318, alt=echarts.pnl_alt(run))


def figures(status: Status | str) -> markup.Html:
    """All text of the board, of one picture."""
    if isinstance(status, str):
        return top.unreadable(status)
    run, shown = status.run, f"lv-live lv-is-{_board(status)}"
    if run is None or watch.stage(run) != "open":
        return markup.tag("div", runs.table(status), top.headline_only(status), class_=shown)
    old = " old" if top.is_old(status, run) else ""
    return markup.tag(
        "div",
        runs.table(status),
        top.hero(status, run),
        exits.exits(status, run),
        legs.legs(run),
        class_=f"{shown}{old}",
    )


def _board(status: Status | str) -> str:
    return "none" if isinstance(status, str) or status.run is None else watch.stage(status.run)


def made_for(status: Status | str) -> None:
    """For which board the page as a whole was drawn; called last, into a place at the top of the page.

    Between the beat that first sees another board and the end of the page's own run, what stands below is on its way: it is
    hidden (see `live_css`) and comes back in its place, instead of jumping there in steps.
    """
    markup.draw(markup.tag("i", class_=f"lv-page lv-for-{_board(status)}"))


def _inked(spec: dict[str, object]) -> dict[str, object]:
    return echarts.readable(spec, st.context.theme.type)


def _chart(run: RunView) -> dict[str, object]:
    look = LOOKS.get(str(st.session_state.get(_LOOK)), LOOKS["run"])
    try:
        # The newest minutes of a long run are few of its points: more are asked for, and cut to the look.
        series, marks = service.desk().pnl_chart(run.run_id, POINTS if look.minutes is None else POINTS * 5)
    except TraderError:
        series, marks = _NO_SERIES, ()
    return echarts.pnl(run, series, marks, look)


def still(status: Status | str) -> None:
    """What stands in the same grid but does not change every second: styles, the choice of the chart's range, orders, log."""
    markup.stylesheet_here(live_css.CSS)
    if isinstance(status, str) or status.run is None or watch.stage(status.run) != "open":
        return
    run = status.run
    markup.script(keep_zoom.SCRIPT)
    with st.container(key="chart_head"):
        st.segmented_control(
            "Range of the chart", list(LOOKS), default="run", key=_LOOK, required=True, label_visibility="collapsed"
        )
    with st.container(key="orders_place"):
        orders(run.run_id)
    with st.container(key="log_place"):
        log()


@st.fragment(run_every=5)
def orders(run_id: str) -> None:
    """The run's orders, closed until somebody opens them."""
    status = service.status(run_id)
    if isinstance(status, str) or status.run is None:
        return
    with st.expander("Orders of this run", icon=":material/receipt_long:", key="orders_box"):
        st.dataframe(
            tables.orders_table(status.run.orders, wall=_other_clock(status)), hide_index=True, key="orders_table"
        )


@st.fragment(run_every=10)
def log() -> None:
    """The newest log lines, newest first, as plain text."""
    with st.expander("Log", icon=":material/article:", key="log_box"):
        try:
            wall = " wall" if _other_clock(service.status()) else ""
            lines = [_line(line, wall) for line in reversed(service.desk().log_tail(_LOG_LINES))]
        except TraderError as error:
            lines = [fmt.plain(error)]
        st.code("\n".join(lines) or "Nothing logged yet.", language=None, wrap_lines=True)
        st.page_link("pages/logs.py", label="All of the log", icon=":material/article:")


def _other_clock(status: Status | str) -> bool:
    """Does the page show the exchange's time, which is not that of orders and log?"""
    return not isinstance(status, str) and words.pace(status.ops) != 1


def _line(line: LogLine, wall: str) -> str:
    return f"{fmt.ist_clock(line.at)}{wall}  {fmt.plain(line.level, 8):<7}  {fmt.plain(line.text, 300)}"
