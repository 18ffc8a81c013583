"""Finished runs: the list with its pages, and which of them is asked for."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st

from trader.desk import RunSummary, wallet_of_day
from trader.domain.instrument import parse_option_symbol
from trader.panel import format as fmt
from trader.panel import parts, service, sheet, tables, words

PAGE = 15
_OFFSET = "hist_offset"
_RUN = "run"


def runs_table() -> str | None:
    """The run that ended last first, fifteen to a page: a table on a desk, a button each on a phone. Returns the run picked there, or
    named by `?run=` in the address."""
    offset = int(st.session_state.get(_OFFSET, 0))
    found = service.desk().history(PAGE + 1, offset)
    if not found and offset == 0:
        _teach()
        return st.query_params.get(_RUN)
    shown = found[:PAGE]
    with st.container(key="wide_runs"):
        _wide(shown, offset)
    asked = st.query_params.get(_RUN)
    with st.container(key="narrow_runs", gap="xsmall"):
        if asked is None:
            for run in shown:
                st.button(
                    fmt.safe(_line(run)),
                    key=f"hist_open_{run.run_id}",
                    on_click=_open,
                    args=(run.run_id,),
                    width="stretch",
                )
        else:
            st.button(
                "All runs",
                key="hist_all",
                icon=":material/chevron_left:",
                on_click=_open,
                args=(None,),
                width="stretch",
            )
    with st.container(key="wide_paging" if asked is not None else "hist_paging"):
        _paging(offset, len(shown), more=len(found) > PAGE)
    return asked


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


def _wide(shown: Sequence[RunSummary], offset: int) -> None:
    event = st.dataframe(
        summary_table(shown).style.format(_formats(shown), na_rep=fmt.DASH),
        hide_index=True,
        key=f"hist_runs_{offset}",
        height="content",
        on_select="rerun",
        selection_mode="single-row",
        placeholder=fmt.DASH,
        alt="Finished runs, the one that ended last first",
        column_config={
            "P&L": st.column_config.NumberColumn("P&L", help="P&L realised: all cash flows, fees included."),
            "P&L %": st.column_config.NumberColumn(
                "P&L %",
                help="The same P&L in % of the net credit, or of the most that can be lost where there is none.",
            ),
            "Fees": st.column_config.NumberColumn("Fees"),
        },
    )
    rows = event["selection"]["rows"]
    if rows and rows[0] < len(shown):
        st.query_params[_RUN] = shown[rows[0]].run_id
    st.markdown("Select a row to see the run; times are the exchange's, in IST.")


def _open(run_id: str | None) -> None:
    if run_id is not None:
        st.query_params[_RUN] = run_id
    elif _RUN in st.query_params:
        del st.query_params[_RUN]


def _line(run: RunSummary) -> str:
    result = parts.money(run.realized_pnl, run.pnl_pct, parts.places(run.premium))
    return f"{fmt.ist_day_time(started(run)).removesuffix(' IST')} · {run.preset} · {result}"


def summary_table(runs: Sequence[RunSummary]) -> pd.DataFrame:
    """One row per run, numbers as numbers so that columns sort."""
    rows = [
        {
            "Start (IST)": fmt.ist_full(started(run)).removesuffix(" IST"),
            "End (IST)": fmt.ist_full(ended(run)).removesuffix(" IST"),
            "Preset": run.preset,
            "Underlying": run.underlying,
            "Strikes": strikes(run),
            "P&L": tables.as_float(run.realized_pnl),
            "P&L %": tables.as_float(run.pnl_pct),
            "Fees": tables.as_float(run.fees),
            "Ended by": words.ended_by(run.exit_reason),
            "Fills": run.fill_count,
            "Env": words.environment(run.env).label,
            "Run": run.run_id,
        }
        for run in runs
    ]
    return pd.DataFrame(rows)


def _formats(runs: Sequence[RunSummary]) -> dict[Any, str | Callable[[Any], str] | None]:
    """How the numbers are written: one precision for both columns of dollars, that of the smallest premium on the page."""
    places = max((parts.places(run.premium) for run in runs), default=2)
    return {
        "P&L": lambda value: parts.dollars(value, places, signed=True),
        "P&L %": lambda value: parts.percent(value),
        "Fees": lambda value: parts.dollars(value, places),
    }


def started(run: RunSummary) -> datetime:
    """When it began, by the exchange's time; by this machine's clock only for a run that never knew the other."""
    return run.created_market or run.created_at


def ended(run: RunSummary) -> datetime | None:
    """When it ended, on the same clock as `started`."""
    return run.finished_at if run.created_market is None else run.finished_market


def strikes(run: RunSummary) -> str:
    """``95,000 / 86,500``: call and put."""
    try:
        return " / ".join(f"{parse_option_symbol(symbol).strike.normalize():,f}" for symbol in run.legs) or fmt.DASH
    except ValueError:
        return " / ".join(run.legs)


def _paging(offset: int, count: int, *, more: bool) -> None:
    if offset == 0 and not more:
        return
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.button("Newer", key="hist_newer", icon=":material/chevron_left:", disabled=offset == 0, on_click=_turn,
                  args=(-PAGE,))  # fmt: skip
        st.button(
            "Older", key="hist_older", icon=":material/chevron_right:", disabled=not more, on_click=_turn, args=(PAGE,)
        )
        st.markdown(fmt.safe(f"Runs {offset + 1} to {offset + count}"))


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
    st.page_link("pages/dashboard.py", label="Start a paper trade now", icon=":material/play_arrow:")
