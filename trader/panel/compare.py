"""Two finished runs beside each other: their P&L on one clock, and their figures in pairs."""

from collections.abc import Sequence
from typing import NamedTuple

import streamlit as st

from trader.analytics.result import RunResult
from trader.desk import NotPossible
from trader.desk.analytics.beside import course
from trader.desk.analytics.results import Told
from trader.panel import analytics_charts, parts, past, service, sheet, words
from trader.panel import format as fmt


class _Run(NamedTuple):
    name: str
    told: Told


def draw(first: str, second: str) -> None:
    """Both runs.

    Raises:
        NotPossible: One of them is none that has ended and traded.
        JournalError: The journal cannot be read.
    """
    runs = [_run(run_id) for run_id in (first, second)]
    st.divider()
    st.subheader("Two runs compared", anchor=False)
    st.markdown(
        "**P&L since the entry**, cost to close, fees included, in % of the net credit or of the most that can be lost"
    )
    courses = [(run.name, course(service.desk().pnl_chart(run.told.result.run_id)[0])) for run in runs]
    st.plotly_chart(
        analytics_charts.courses(courses),
        key="compare_chart",
        config={"displayModeBar": False},
        alt=f"P&L of {runs[0].name} and of {runs[1].name} by hours since the entry",
    )
    sheet.draw(*rows([run.told.result for run in runs], [run.name for run in runs]), name="Figures of both runs")


def _run(run_id: str) -> _Run:
    told = service.desk().analytics.told(run_id, st.query_params.get("account"))
    if told is None:
        raise NotPossible(f"There is no run {run_id} that has ended and traded.")
    one = told.result
    return _Run(past.name(one), told)


def rows(runs: Sequence[RunResult], names: Sequence[str]) -> tuple[tuple[str, ...], list[list[str]]]:
    """A line for each figure, a column for each run."""
    places = max(parts.places(one.premium) for one in runs)
    lines = [
        ("P&L", [parts.money(one.pnl, one.pnl_pct, places) for one in runs]),
        ("Ended by", [words.ended_by(one.exit_reason) for one in runs]),
        ("Held", [fmt.duration(one.held) for one in runs]),
        ("Strikes", [past.strikes(one.legs) for one in runs]),
        ("Contracts of a leg", [f"{one.held_contracts:,}" for one in runs]),
        ("Premium", [parts.dollars(one.premium, places) for one in runs]),
        ("Best on the way", [parts.percent(one.peak_pct) for one in runs]),
        ("Worst on the way", [parts.percent(one.worst_pct) for one in runs]),
        ("Past the stop", [parts.percent(one.past_stop_pct) for one in runs]),
        ("Fees", [f"{parts.dollars(one.fees, places)} · {parts.percent(one.fees_pct, signed=False)}" for one in runs]),
        ("Slippage", [parts.dollars(one.slippage_usd, max(places, 2), signed=True) for one in runs]),
        ("Volatility at entry", [_share(one.iv_at_entry) for one in runs]),
        ("Spot moved", [parts.percent(one.realised_move_pct, 2, signed=False) for one in runs]),
        ("One leg alone", [f"{one.naked_secs:,.1f} s" for one in runs]),
        ("Configuration", [one.config_hash[:8] for one in runs]),
    ]
    return ("", *names), [[label, *values] for label, values in lines]


def _share(value: float | None) -> str:
    return parts.percent(None if value is None else value * 100, signed=False)
