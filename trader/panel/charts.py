"""Figures. Each function takes plain columns and returns a Plotly figure; nothing here knows Streamlit.

Times go to the browser as text of Indian wall time, never as numbers: Plotly reads numbers in the time zone of the browser, and
an Indian one showed 05:44 for 00:14. Text it draws as it stands, wherever it is.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import plotly.graph_objects as go

from trader.domain.expiry import IST
from trader.panel import parts

PNL = "#3b82f6"
PROFIT = "#22a55a"
LOSS = "#e5484d"
TRAIL = "#d97706"
MUTED = "#8a94a3"
_PNL_HEIGHT = 330
_MARKET_HEIGHT = 210
_IVS = ("#8b5cf6", "#0ea5a4", "#d97706", "#22a55a")


class Mark(NamedTuple):
    """Something that happened: where to draw it, what kind it is, what to say on hover."""

    at: datetime
    kind: str
    text: str


class Pnl(NamedTuple):
    """Columns of equal length; money in USD, `pct` the P&L in % of the basis, None where nothing was known. `gaps`: when nobody
    watched, on the clock of `at`."""

    at: Sequence[datetime]
    pnl: Sequence[float | None]
    trailing: Sequence[float | None]
    max_loss: Sequence[float | None]
    max_profit: Sequence[float | None]
    pct: Sequence[float | None] | None = None
    gaps: Sequence[tuple[datetime, datetime]] = ()


_MARKS: dict[str, tuple[str, str, str]] = {
    "entry": ("triangle-down", LOSS, "Sold"),
    "exit": ("triangle-up", PROFIT, "Bought back"),
    "decision": ("diamond", TRAIL, "Decision"),
}


def ist_axis(instants: Iterable[datetime]) -> list[str]:
    """Instants as Plotly draws them unchanged: ``2026-11-21 09:30:00.000``, Indian time."""
    return [f"{instant.astimezone(IST):%Y-%m-%d %H:%M:%S.%f}"[:-3] for instant in instants]


def pnl_figure(series: Pnl, marks: Sequence[Mark] = (), *, revision: str = "", places: int = 2) -> go.Figure:
    """P&L over time with its limits and trailing level as they were at each moment, and what happened.

    Args:
        series: At most a few thousand points.
        marks: Fills and decisions.
        revision: Zoom and pan survive updates while this stays the same (the run's id).
        places: Decimals of every amount: one precision for the whole figure.
    """
    pct = series.pct or [None] * len(series.at)
    at, (pnl, trailing, loss, profit, shares) = _broken(
        series.at, series.gaps, series.pnl, series.trailing, series.max_loss, series.max_profit, pct
    )
    x = ist_axis(at)
    pnl_trace = {
        "type": "scatter",
        "mode": "lines",
        "name": "P&L",
        "x": x,
        "y": pnl,
        "line": {"color": PNL, "width": 2},
        "text": [parts.money(value, share, places) for value, share in zip(pnl, shares, strict=True)],
        "hovertemplate": "%{text}<extra>P&L</extra>",
        "connectgaps": False,
    }
    traces = [
        _limit(x, profit, "Max profit", PROFIT, "dash", places),
        _limit(x, trailing, "Trailing level", TRAIL, "solid", places),
        _limit(x, loss, "Max loss", LOSS, "dash", places),
        pnl_trace,
    ]
    traces = [trace for trace in traces if any(value is not None for value in trace["y"])]
    return go.Figure(
        {"data": traces + _mark_traces(at, pnl, marks), "layout": _layout(revision, places) | _bands(series.gaps)}
    )


def market_figure(
    at: Sequence[datetime],
    underlying: str,
    spot: Sequence[float | None],
    ivs: Mapping[str, Sequence[float | None]],
    gaps: Sequence[tuple[datetime, datetime]],
    *,
    revision: str,
) -> go.Figure:
    """Spot, and on the right the implied volatility of each leg in %, over the same time as the P&L."""
    at, (spots, *volatilities) = _broken(at, gaps, spot, *ivs.values())
    x = ist_axis(at)

    def line(name: str, values: Sequence[float | None], color: str, axis: str, shown: str) -> dict[str, Any]:
        return {
            "type": "scatter", "mode": "lines", "name": name, "x": x, "y": values, "yaxis": axis, "connectgaps": False,
            "line": {"color": color, "width": 1.5}, "hovertemplate": f"{shown}<extra>{hover_text(name)}</extra>",
        }  # fmt: skip

    traces = [line(underlying, spots, MUTED, "y", "%{y:,.2f}")] + [
        line(f"IV {key}", column, _IVS[number % len(_IVS)], "y2", "%{y:.1f} %")
        for number, (key, column) in enumerate(zip(ivs, volatilities, strict=True))
    ]
    layout = _layout(revision, 2) | {
        "height": _MARKET_HEIGHT,
        "yaxis": {"tickformat": ",.6~g", "title": None, "zeroline": False},
        "yaxis2": {"overlaying": "y", "side": "right", "tickformat": ".1f", "ticksuffix": " %", "showgrid": False, "title": None, "zeroline": False},
    }  # fmt: skip
    return go.Figure({"data": traces, "layout": layout | _bands(gaps)})


def waterfall_figure(values: Sequence[float], labels: Sequence[str], *, height: int) -> go.Figure:
    """Steps from 0 to the last value, which is their sum, each under its label."""
    last = values[-1]
    trace: dict[str, Any] = {
        "type": "waterfall",
        "orientation": "h",
        "measure": [*(["relative"] * (len(values) - 1)), "total"],
        "y": [hover_text(label) for label in labels],
        "x": list(values),
        "increasing": {"marker": {"color": PROFIT}},
        "decreasing": {"marker": {"color": LOSS}},
        "totals": {"marker": {"color": PROFIT if last >= 0 else LOSS}},
        "connector": {"line": {"color": MUTED, "width": 1}},
        "hovertemplate": "%{y}<extra></extra>",
    }
    layout = {
        "template": "none",
        "height": height,
        "margin": {"l": 4, "r": 8, "t": 4, "b": 4},
        "dragmode": False,
        "showlegend": False,
        "xaxis": {"visible": False, "fixedrange": True},
        "yaxis": {"autorange": "reversed", "automargin": True, "fixedrange": True, "ticklabelstandoff": 6},
    }
    return go.Figure({"data": [trace], "layout": layout})


def _broken(
    at: Sequence[datetime], gaps: Sequence[tuple[datetime, datetime]], *columns: Sequence[float | None]
) -> tuple[list[datetime], list[list[float | None]]]:
    """The columns with nothing inside each gap, so that no line is drawn across time nobody watched."""
    times, values = list(at), [list(column) for column in columns]
    for begin, end in gaps:
        inside = begin + (end - begin) / 2
        index = bisect_left(times, inside)
        times.insert(index, inside)
        for column in values:
            column.insert(index, None)
    return times, values


def _bands(gaps: Sequence[tuple[datetime, datetime]]) -> dict[str, Any]:
    """A grey band over each gap, named once in the legend."""
    return {
        "shapes": [
            {
                "type": "rect",
                "xref": "x",
                "yref": "paper",
                "x0": x0,
                "x1": x1,
                "y0": 0,
                "y1": 1,
                "fillcolor": MUTED,
                "opacity": 0.25,
                "line": {"width": 0},
                "layer": "below",
                "name": "Not watched",
                "legendgroup": "gaps",
                "showlegend": number == 0,
            }
            for number, (x0, x1) in enumerate(ist_axis(gap) for gap in gaps)
        ]
    }


def _limit(
    x: Sequence[str], values: Sequence[float | None], name: str, color: str, dash: str, places: int
) -> dict[str, Any]:
    """A line that holds until it changes: only the points where it does are sent."""
    last = len(values) - 1
    sent = [i for i in range(len(values)) if i in (0, last) or values[i] != values[i - 1]]
    y = [values[i] for i in sent]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": [x[i] for i in sent],
        "y": y,
        "line": {"color": color, "width": 1.3, "dash": dash, "shape": "hv"},
        "text": [parts.dollars(value, places, signed=True) for value in y],
        "hovertemplate": f"%{{text}}<extra>{name}</extra>",
        "connectgaps": False,
    }


def _mark_traces(at: Sequence[datetime], pnl: Sequence[float | None], marks: Sequence[Mark]) -> list[dict[str, Any]]:
    traces: list[dict[str, Any]] = []
    for kind, (symbol, color, name) in _MARKS.items():
        chosen = [mark for mark in marks if mark.kind == kind]
        if not chosen:
            continue
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": name,
                "x": ist_axis(mark.at for mark in chosen),
                "y": _pnl_at(at, pnl, [mark.at for mark in chosen]),
                "marker": {"symbol": symbol, "size": 10, "color": color, "line": {"width": 1, "color": "white"}},
                "text": [hover_text(mark.text) for mark in chosen],
                "hovertemplate": "%{text}<extra></extra>",
            }
        )
    return traces


def _pnl_at(at: Sequence[datetime], pnl: Sequence[float | None], wanted: Sequence[datetime]) -> list[float]:
    """The last known P&L at or before each instant; 0 before the first, where a run starts."""
    known = [(time, value) for time, value in zip(at, pnl, strict=True) if value is not None]
    times = [time for time, _ in known]
    values = [0.0, *(value for _, value in known)]
    return [values[bisect_right(times, instant)] for instant in wanted]


def hover_text(text: str) -> str:
    """Plotly reads a little HTML in labels; foreign text shows its brackets."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _layout(revision: str, places: int) -> dict[str, Any]:
    return {
        "template": "none",  # the default is copied into every figure; the browser puts its own theme on it anyway
        "height": _PNL_HEIGHT,
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "hovermode": "x unified",
        "uirevision": revision,
        "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0},
        "xaxis": {
            "type": "date",
            "title": None,
            "showgrid": False,
            "tickformatstops": _TICKS,
            "hoverformat": "%d %b %H:%M:%S IST",
        },
        "yaxis": {"tickformat": f"$,.{places}f", "zeroline": True, "zerolinewidth": 1, "title": None},
    }


_TICKS = [
    {"dtickrange": [None, 60_000], "value": "%H:%M:%S"},
    {"dtickrange": [60_000, 86_400_000], "value": "%H:%M"},
    {"dtickrange": [86_400_000, None], "value": "%d %b"},
]
