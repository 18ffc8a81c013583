"""Finished runs: the list of those a filter leaves, with its pages, and which of them are asked for."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import pandas as pd
import streamlit as st

from trader.analytics.performance import Performance
from trader.analytics.result import RunResult
from trader.desk import RunSummary, wallet_of_day
from trader.desk.analytics.figures import RunPage
from trader.domain.instrument import parse_option_symbol
from trader.domain.wording import counted
from trader.panel import format as fmt
from trader.panel import parts, run_filter, service, sheet, tables, to_come, words

PAGE = 15
_IST = "\u00a0IST"
RUN, BESIDE = "run", "with"
SORTS: Mapping[str, str] = {
    "ended": "End",
    "entered": "Start",
    "pnl": "P&L",
    "pnl_pct": "P&L %",
    "premium": "Premium",
    "peak": "Peak %",
    "worst": "Worst %",
    "past_stop": "Past the stop",
    "fees": "Fees",
    "fees_pct": "Fees %",
    "held": "Time held",
    "naked": "Time naked",
}
ORDERS = {"desc": "Highest, latest first", "asc": "Lowest, earliest first"}


class Picked(NamedTuple):
    """Runs asked for by the address: one to report, or two to compare."""

    run: str | None
    beside: str | None


def runs_table() -> Picked:
    """The filter, what the runs it leaves have made in all, and fifteen of them to a page: a table on a desk, a button each on a phone.
    Returns what is picked there, or named by `?run=` and `?with=` in the address."""
    asked = run_filter.ask(untraded=True)
    if asked.kind == "untraded":
        _untraded(asked.account)
        return _picked()
    sort, ascending = _order()
    page = run_filter.number(run_filter.PAGE, 10**6)
    analytics = service.desk().analytics

    def read(number: int) -> RunPage:
        return analytics.runs(
            asked.wanted, sort=sort, ascending=ascending, offset=(number - 1) * PAGE, limit=PAGE, account=asked.account
        )

    found = read(page)
    pages = max(1, -(-found.total // PAGE))
    if page > pages:
        page, found = pages, read(pages)
    to_come.draw(found.missing, asked.account)
    if not found.total:
        _nothing(asked)
        return _picked()
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom", gap="small", key="hist_order"
    ):
        st.markdown(fmt.strong(totals(found.figures)), width="content")
        with st.container(horizontal=True, gap="small", width="content"):
            _order_fields(sort, ascending)
    shown = [one.result for one in found.runs]
    _list(summary_table(shown), _formats(shown), [(one.run_id, _line(one)) for one in shown])
    _pages(page, pages)
    return _picked()


def _list(table: pd.DataFrame, formats: dict[Any, Any], lines: Sequence[tuple[str, str]]) -> None:
    """The same runs twice: for a wide screen and for a narrow one."""
    asked = st.query_params.get(RUN)
    names = [run_id for run_id, _ in lines]
    with st.container(key="wide_runs"):
        event = st.dataframe(
            table.style.format(formats, na_rep=fmt.DASH),
            hide_index=True,
            key=f"hist_runs_{'_'.join(names[:1])}",
            height="content",
            on_select="rerun",
            selection_mode="multi-row",
            placeholder=fmt.DASH,
            alt="Finished runs",
            column_config=_COLUMNS,
        )
        _pick([names[row] for row in event["selection"]["rows"] if row < len(names)])
        st.markdown(
            "Select a row to see the run, two to compare them; a column's head sorts this page. Times are the exchange's, in IST."
        )
    with st.container(key="narrow_runs", gap="xsmall"):
        if asked is None:
            for run_id, line in lines:
                st.button(fmt.safe(line), key=f"hist_open_{run_id}", on_click=_open, args=(run_id,), width="stretch")
        else:
            st.button(
                "All runs",
                key="hist_all",
                icon=":material/chevron_left:",
                on_click=_open,
                args=(None,),
                width="stretch",
            )


_COLUMNS = {
    "P&L": st.column_config.NumberColumn("P&L", help="P&L realised: all cash flows, fees included."),
    "P&L %": st.column_config.NumberColumn(
        "P&L %", help="In % of the net credit, or of the most that can be lost where there is none."
    ),
    "Past stop": st.column_config.NumberColumn(
        "Past stop",
        help="How much further than its stop the run ended, in % of the same; of runs that a stop has ended.",
    ),
    "Fees %": st.column_config.NumberColumn(
        "Fees %", help="In % of the net credit, or of the most that can be lost where there is none."
    ),
    "Naked": st.column_config.NumberColumn("Naked", help="Seconds in which a short leg stood without the other."),
}


def _pick(rows: Sequence[str]) -> None:
    """What is selected in the table goes into the address; nothing selected leaves there what one came with."""
    if not rows:
        return
    if len(rows) > 2:
        st.warning("Two runs at a time can be compared: the first two are.", icon=":material/info:")
    st.query_params[RUN] = rows[0]
    run_filter.put(BESIDE, rows[1] if len(rows) > 1 else None)


def _picked() -> Picked:
    return Picked(st.query_params.get(RUN), st.query_params.get(BESIDE))


def _open(run_id: str | None) -> None:
    run_filter.put(RUN, run_id)
    run_filter.put(BESIDE, None)


def _order() -> tuple[str, bool]:
    """What the list is sorted by, and whether the smallest comes first."""
    sort, way = st.query_params.get("sort", "ended"), st.query_params.get("order", "desc")
    if sort not in SORTS or way not in ORDERS:
        st.warning(
            fmt.safe(
                f"The list cannot be sorted by {fmt.plain(sort, 30)} {fmt.plain(way, 30)}: the run that ended last is first."
            ),
            icon=":material/link_off:",
        )
        return "ended", False
    return sort, way == "asc"


def _order_fields(sort: str, ascending: bool) -> None:
    st.session_state["hist_sort"], st.session_state["hist_way"] = sort, "asc" if ascending else "desc"
    st.selectbox("Sort by", list(SORTS), key="hist_sort", format_func=SORTS.__getitem__, on_change=_sorted, width=165)
    st.selectbox("Order", list(ORDERS), key="hist_way", format_func=ORDERS.__getitem__, on_change=_sorted, width=165)


def _sorted() -> None:
    sort, way = st.session_state["hist_sort"], st.session_state["hist_way"]
    run_filter.put("sort", None if sort == "ended" else sort)
    run_filter.put("order", None if way == "desc" else way)
    run_filter.put(run_filter.PAGE, None)


def _pages(page: int, pages: int) -> None:
    if pages > 1:
        st.session_state["hist_page"] = page
        with st.container(key="wide_paging" if st.query_params.get(RUN) is not None else "hist_paging"):
            st.pagination(pages, key="hist_page", max_visible_pages=7, on_change=_turn)


def _turn() -> None:
    page = st.session_state["hist_page"]
    run_filter.put(run_filter.PAGE, None if page == 1 else page)


def totals(figures: Performance) -> str:
    """``38 runs · 71 % won · +$412.00 · mean +9.0 % · worst −$31.20 · fees $61.02``."""
    places = parts.places(figures.premium / figures.runs) if figures.runs else 2
    share = None if figures.win_rate is None else figures.win_rate * 100
    return " · ".join(
        (
            counted(figures.runs, "run"),
            f"{parts.percent(share, 0, signed=False)} won",
            parts.dollars(figures.total, max(places, 2), signed=True),
            f"mean {parts.percent(figures.expectancy_pct)}",
            f"worst {parts.dollars(figures.worst, places, signed=True)}",
            f"fees {parts.dollars(figures.fees, max(places, 2))}",
        )
    )


def _nothing(asked: run_filter.Asked) -> None:
    """No run: because of the filter, or because there is none yet."""
    found = service.desk().analytics.results(asked.account)
    if found.runs:
        st.info("No finished run matches the filter.", icon=":material/filter_list_off:")
        st.button("Show all runs", key="hist_clear", on_click=st.query_params.clear)
        return
    _teach()
    if found.untraded:
        st.button(
            f"Show {len(found.untraded):,} that ended without a trade",
            key="hist_untraded",
            on_click=run_filter.put,
            args=("kind", "untraded"),
        )


def _untraded(account: str | None) -> None:
    """Runs that ended before anything was traded."""
    page = run_filter.number(run_filter.PAGE, 10**6)
    found, total = service.desk().analytics.untraded(offset=(page - 1) * PAGE, limit=PAGE, account=account)
    st.markdown(fmt.strong(f"{counted(total, 'run')} ended without a trade"))
    if found:
        _list(untraded_table(found), {}, [(run.run_id, _untraded_line(run)) for run in found])
    _pages(page, max(1, -(-total // PAGE)))


def untraded_table(runs: Sequence[RunSummary]) -> pd.DataFrame:
    """One row per run."""
    return pd.DataFrame(
        [
            {
                "Start (IST)": _seconds(started(run)),
                "End (IST)": _seconds(ended(run)),
                "Preset": run.preset,
                "Underlying": run.underlying,
                "Ended by": words.ended_by(run.exit_reason),
                "Run": run.run_id,
            }
            for run in runs
        ]
    )


def _untraded_line(run: RunSummary) -> str:
    return f"{fmt.ist_day_time(started(run)).removesuffix(_IST)} · {run.preset} · {words.ended_by(run.exit_reason)}"


def _seconds(at: datetime | None) -> str:
    return fmt.ist_full(at).removesuffix(" IST")


def days_table() -> None:
    """What each Indian day has made, the newest first, and whether the wallet agrees: nothing until there is one."""
    rows = service.desk().days(14)
    if not rows:
        return
    with st.expander(
        fmt.safe(f"Days: {rows[0].date:%d %b} {parts.dollars(rows[0].made, 2, signed=True)}"), key="hist_days"
    ):
        sheet.draw(
            ("Day (IST)", "Made", "Runs sold", "Wallet"),
            [
                (f"{row.date:%a %d %b}", parts.dollars(row.made, 2, signed=True), str(row.runs), wallet_of_day(row))
                for row in rows
            ],
            name="Indian days, newest first",
            right=("Made", "Runs sold"),
        )
        st.markdown(
            "Made: realised, and what open positions gained or lost until midnight (IST). Wallet: whether the exchange's own "
            "ledger shows what the runs booked on that day; deposits and other contracts are named besides."
        )


def _line(run: RunResult) -> str:
    result = parts.money(run.pnl, run.pnl_pct, parts.places(run.premium))
    return f"{name(run)} · {result}"


def name(run: RunResult) -> str:
    """``20 Nov 09:30 · default``"""
    return f"{fmt.ist_day_time(run.entered_at).removesuffix(_IST)} · {run.preset}"


def summary_table(runs: Sequence[RunResult]) -> pd.DataFrame:
    """One row per run, numbers as numbers so that columns sort."""
    rows = [
        {
            "Start (IST)": _seconds(run.entered_at),
            "Held": fmt.duration(run.held),
            "Preset": run.preset,
            "Strikes": strikes(run.legs),
            "Contracts": run.held_contracts,
            "Premium": tables.as_float(run.premium),
            "P&L": tables.as_float(run.pnl),
            "P&L %": tables.as_float(run.pnl_pct),
            "Peak %": tables.as_float(run.peak_pct),
            "Worst %": tables.as_float(run.worst_pct),
            "Ended by": words.ended_by(run.exit_reason),
            "Past stop": tables.as_float(run.past_stop_pct),
            "Fees %": tables.as_float(run.fees_pct),
            "Naked": run.naked_secs,
            "Run": run.run_id,
        }
        for run in runs
    ]
    return pd.DataFrame(rows)


def _formats(runs: Sequence[RunResult]) -> dict[Any, str | Callable[[Any], str] | None]:
    """How the numbers are written: one precision for both columns of dollars, that of the smallest premium on the page."""
    places = max((parts.places(run.premium) for run in runs), default=2)

    def share(value: Any) -> str:
        return parts.percent(value)

    return {
        "Contracts": "{:,}",
        "Premium": lambda value: parts.dollars(value, places),
        "P&L": lambda value: parts.dollars(value, places, signed=True),
        **dict.fromkeys(("P&L %", "Peak %", "Worst %", "Past stop"), share),
        "Fees %": lambda value: parts.percent(value, signed=False),
        "Naked": "{:,.1f} s",
    }


def started(run: RunSummary) -> datetime:
    """When it began, by the exchange's time; by this machine's clock only for a run that never knew the other."""
    return run.created_market or run.created_at


def ended(run: RunSummary) -> datetime | None:
    """When it ended, on the same clock as `started`."""
    return run.finished_at if run.created_market is None else run.finished_market


def strikes(legs: Sequence[str]) -> str:
    """``95,000 / 86,500``: call and put."""
    try:
        return " / ".join(f"{parse_option_symbol(symbol).strike.normalize():,f}" for symbol in legs) or fmt.DASH
    except ValueError:
        return " / ".join(legs)


def _teach() -> None:
    st.info("No run has finished yet.", icon=":material/school:")
    st.markdown(
        "Your first paper trade takes a minute and no account:\n"
        "1. Open **Dashboard** and leave the preset on *default*.\n"
        "2. Look at **What it would sell now**: both strikes, premium and margin.\n"
        "3. Choose **Now** and press **Start**; both legs are sold on the local exchange.\n"
        "4. Watch P&L, then press **Stop & Exit** and confirm. When it says FLAT, the run appears here."
    )
    st.page_link("pages/dashboard.py", label="Start a paper trade now", icon=":material/play_arrow:")
