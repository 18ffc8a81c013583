"""The small payoff chart of a preview: P&L against spot, bought back now, at the exit time and at expiry."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from trader.desk import Preview
from trader.panel import format as fmt
from trader.panel import parts, words
from trader.panel.charts import LOSS, MUTED, PNL, TRAIL

_HEIGHT = 290


def figure(seen: Preview) -> go.Figure:
    """The three lines with spot and the places where the maximum loss would fire."""
    curve = seen.payoff
    assert curve is not None
    names = (
        "Now, cost to close",
        f"At {words.day_time(seen.exit_at, seen.market)}" if seen.exit_at else "At the exit",
        "At expiry",
    )
    lines = [
        _line(curve.spots, curve.at_expiry, names[2], MUTED, "dot", 1.4),
        _line(curve.spots, curve.at_exit, names[1], TRAIL, "solid", 1.6),
        _line(curve.spots, curve.now, names[0], PNL, "solid", 2.2),
    ]
    stops = [float(stop) for stop in (seen.stop_low, seen.stop_high) if stop is not None]
    levels = [float(np.interp(stop, curve.spots, curve.now)) for stop in stops]
    if stops:
        lines.append(
            {
                "type": "scatter", "mode": "markers", "name": "max loss", "x": stops, "y": levels, "showlegend": False,
                "marker": {"symbol": "x", "size": 9, "color": LOSS},
                "hovertemplate": "max loss at %{x:,.0f}<extra></extra>",
            }
        )  # fmt: skip
    return go.Figure({"data": lines, "layout": _layout(seen, levels)})


def _line(x: tuple[float, ...], y: tuple[float, ...], name: str, color: str, dash: str, width: float) -> dict[str, Any]:
    return {
        "type": "scatter", "mode": "lines", "name": name, "x": x, "y": y,
        "line": {"color": color, "width": width, "dash": dash},
        "hovertemplate": f"%{{y:$,.4~g}}<extra>{name}</extra>",
    }  # fmt: skip


def _layout(seen: Preview, levels: list[float]) -> dict[str, Any]:
    curve = seen.payoff
    assert curve is not None
    top = max(curve.at_expiry)
    low = min(levels, default=-2 * abs(top)) * 1.35
    shapes, said = [], []
    if seen.spot is not None:
        shapes.append(
            {"type": "line", "x0": float(seen.spot), "x1": float(seen.spot), "yref": "paper", "y0": 0, "y1": 1,
             "line": {"color": PNL, "width": 1}}
        )  # fmt: skip
        said.append(
            {"text": f"spot {parts.spot(seen.spot)}", "x": float(seen.spot), "yref": "paper", "y": 1, "xanchor": "center",
             "yanchor": "bottom", "showarrow": False, "font": {"size": 11}}
        )  # fmt: skip
    return {
        "template": "none",
        "height": _HEIGHT,
        "margin": {"l": 4, "r": 4, "t": 4, "b": 4},
        "hovermode": "x unified",
        "dragmode": False,
        "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.1, "x": 0, "font": {"size": 11}},
        "shapes": shapes,
        "annotations": said,
        "xaxis": {
            "tickformat": ",.0f", "showgrid": False, "nticks": 5, "fixedrange": True, "automargin": True,
            # It is drawn more rarely than the figures beside it are.
            "title": {"text": f"as of {fmt.ist_clock(seen.market)} IST", "font": {"size": 11}, "standoff": 8},
        } | _ticks(seen),
        "yaxis": {
            "tickformat": "$,.3~g", "range": [low, top * 1.2], "zeroline": True, "zerolinewidth": 1, "nticks": 6,
            "fixedrange": True, "automargin": True,
        },
    }  # fmt: skip


def _ticks(seen: Preview) -> dict[str, Any]:
    """The axis names what matters on it: where the maximum loss would fire."""
    stops = [stop for stop in (seen.stop_low, seen.stop_high) if stop is not None]
    if not stops:
        return {}
    names = [f"{parts.spot(stop)}<br>max loss" for stop in stops]
    return {"tickvals": [float(stop) for stop in stops], "ticktext": names, "tickangle": 0}


def in_words(seen: Preview) -> str:
    """The chart for a person who cannot see it."""
    decimals = parts.places(seen.premium)
    stops = " and ".join(parts.spot(stop) for stop in (seen.stop_low, seen.stop_high) if stop is not None)
    return (
        f"Payoff: P&L against spot now, at the exit time and at expiry. Closing now {parts.dollars(seen.start_pnl, decimals)}"
        + (f"; maximum loss at {stops}." if stops else ".")
    )
