"""Figures. Each function takes plain columns and returns a Plotly figure; nothing here knows Streamlit."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

Numbers = npt.NDArray[np.float64]

_IST_SECS = 5.5 * 3600  # India has no summer time

PNL = "#3b82f6"
PROFIT = "#22a55a"
LOSS = "#e5484d"
TRAIL = "#d97706"
MUTED = "#8a94a3"
_PNL_HEIGHT = 330


class Mark(NamedTuple):
    """Something that happened: where to draw it, what kind it is, what to say on hover."""

    at: datetime
    kind: str
    text: str


class Pnl(NamedTuple):
    """Columns of equal length; money in USD, None where nothing was known."""

    at: Sequence[datetime]
    pnl: Sequence[float | None]
    trailing: Sequence[float | None]
    max_loss: Sequence[float | None]
    max_profit: Sequence[float | None]


_MARKS: dict[str, tuple[str, str, str]] = {
    "entry": ("triangle-down", LOSS, "Sold"),
    "exit": ("triangle-up", PROFIT, "Bought back"),
    "decision": ("diamond", TRAIL, "Decision"),
}


def ist_axis(instants: Sequence[datetime]) -> Numbers:
    """Instants as milliseconds of naive Indian time: Plotly draws what it is given and would otherwise show UTC."""
    return np.array([(instant.timestamp() + _IST_SECS) * 1000 for instant in instants], dtype=np.float64)


def pnl_figure(series: Pnl, marks: Sequence[Mark] = (), *, revision: str = "") -> go.Figure:
    """P&L over time with its limits and trailing level as they were at each moment, and what happened.

    Args:
        series: At most a few thousand points.
        marks: Fills and decisions.
        revision: Zoom and pan survive updates while this stays the same (the run's id).
    """
    x = ist_axis(series.at)
    pnl = _column(series.pnl)
    traces = [
        _limit(x, series.max_profit, "Max profit", PROFIT, "dash"),
        _limit(x, series.trailing, "Trailing level", TRAIL, "solid"),
        _limit(x, series.max_loss, "Max loss", LOSS, "dash"),
        {
            "type": "scatter",
            "mode": "lines",
            "name": "P&L",
            "x": x,
            "y": pnl,
            "line": {"color": PNL, "width": 2},
            "hovertemplate": "%{y:$,.2f}<extra>P&L</extra>",
            "connectgaps": False,
        },
    ]
    traces = [trace for trace in traces if not np.isnan(trace["y"]).all()]
    return go.Figure({"data": traces + _mark_traces(x, pnl, marks), "layout": _layout(revision)})


def _column(values: Sequence[float | None]) -> Numbers:
    """None becomes not-a-number, which Plotly leaves out."""
    return np.array(values, dtype=np.float64)


def _limit(x: Numbers, values: Sequence[float | None], name: str, color: str, dash: str) -> dict[str, Any]:
    """A line that holds until it changes: only the points where it does are sent."""
    y = _column(values)
    if len(y):
        changed = np.ones(len(y), dtype=bool)
        changed[1:-1] = ~((y[1:-1] == y[:-2]) | (np.isnan(y[1:-1]) & np.isnan(y[:-2])))
        x, y = x[changed], y[changed]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": x,
        "y": y,
        "line": {"color": color, "width": 1.3, "dash": dash, "shape": "hv"},
        "hovertemplate": f"%{{y:$,.2f}}<extra>{name}</extra>",
        "connectgaps": False,
    }


def _mark_traces(x: Numbers, pnl: Numbers, marks: Sequence[Mark]) -> list[dict[str, Any]]:
    traces: list[dict[str, Any]] = []
    for kind, (symbol, color, name) in _MARKS.items():
        chosen = [mark for mark in marks if mark.kind == kind]
        if not chosen:
            continue
        at = ist_axis([mark.at for mark in chosen])
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": name,
                "x": at,
                "y": _pnl_at(x, pnl, at),
                "marker": {"symbol": symbol, "size": 10, "color": color, "line": {"width": 1, "color": "white"}},
                "text": [_hover(mark.text) for mark in chosen],
                "hovertemplate": "%{text}<extra></extra>",
            }
        )
    return traces


def _pnl_at(x: Numbers, pnl: Numbers, at: Numbers) -> Numbers:
    """The last known P&L at or before each instant; 0 before the first, where a run starts."""
    known = ~np.isnan(pnl)
    times, values = x[known], np.concatenate([[0.0], pnl[known]])
    found: Numbers = values[np.searchsorted(times, at, side="right")]
    return found


def _hover(text: str) -> str:
    """Plotly reads a little HTML in labels; foreign text shows its brackets."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _layout(revision: str) -> dict[str, Any]:
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
        "yaxis": {"tickformat": "$,.6~g", "zeroline": True, "zerolinewidth": 1, "title": None},
    }


_TICKS = [
    {"dtickrange": [None, 60_000], "value": "%H:%M:%S"},
    {"dtickrange": [60_000, 86_400_000], "value": "%H:%M"},
    {"dtickrange": [86_400_000, None], "value": "%d %b"},
]
