"""Specifications of the charts that change every second. Plain values in, an ECharts option out; nothing here knows Streamlit.

Times: ECharts is told to count in UTC and given milliseconds of Indian time, so the axis reads the same in every browser.
Colours are mid tones that stand out on both themes. Text has its colour from `readable`: the light theme's own grey is too
pale (3.6 : 1).
"""

import html
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from trader.desk import Marker, PnlSeries
from trader.desk.remembered import Remembered
from trader.domain.basis import basis_short
from trader.engine.view import Corridor, RunView
from trader.panel import parts

Numbers = npt.NDArray[np.float64]

PNL = "#3b82f6"
PROFIT = "#22a55a"
LOSS = "#e5484d"
TRAIL = "#d97706"
MUTED = "#8a94a3"
_INK, _INK_DARK = "#4d5866", "#c3ccd6"
_IST_MS = 19_800_000  # India has no summer time
_HOVER_POINTS = 40
_LABEL_ROOM = 0.19  # of the width: what a name needs on a phone
_BELOW = 2
_HIDDEN: dict[str, Any] = {"show": False, "axisLabel": {"show": False}}  # hidden labels would take room
_BREAKEVEN = "b/e"
_HATCH = (
    "data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciIHdpZHRoPSI4IiBoZWlnaHQ9IjgiPjxwYXRo"
    "IGQ9Ik0tMiAyTDIgLTJNMCA4TDggME02IDEwTDEwIDYiIHN0cm9rZT0iIzhhOTRhMyIgc3Ryb2tlLW9wYWNpdHk9Ii41NSIvPjwvc3ZnPg=="
)


def readable(spec: dict[str, Any], theme: str | None) -> dict[str, Any]:
    """The specification with its words and axes in an ink that is read on the theme: "dark", or any other for light."""
    ink = {"color": _INK_DARK if theme == "dark" else _INK}
    named = ("legend", "title")
    inked = {name: spec[name] | {"textStyle": spec[name].get("textStyle", {}) | ink} for name in named if name in spec}
    if "xAxis" in spec:
        inked |= {
            "xAxis": _inked(spec["xAxis"], ink),
            "yAxis": [_inked(axis, ink) for axis in spec["yAxis"]],
            "series": [_banded(one, ink) for one in spec["series"]],
        }
    return spec | inked


def _banded(series: dict[str, Any], ink: dict[str, str]) -> dict[str, Any]:
    """The name of a hatched band would have the band's own colour."""
    area = series.get("markArea", {})
    return series | {"markArea": area | {"label": area["label"] | ink}} if "label" in area else series


def _inked(axis: dict[str, Any], ink: dict[str, str]) -> dict[str, Any]:
    # "primary": the bold ones of a time axis, full minutes and hours
    return axis | {"axisLabel": axis.get("axisLabel", {}) | ink | {"rich": {"primary": ink | {"fontWeight": "bold"}}}}


def axis_ms(instant: datetime) -> int:
    """Milliseconds of naive Indian time, for an axis that counts in UTC."""
    return round(instant.timestamp() * 1000) + _IST_MS


# ------------------------------------------------------------------------------------------------- the corridor


def corridor(run: RunView) -> dict[str, Any]:
    """Where spot is between the stops. P&L there is read by hovering, in the words and decimals of the page."""
    seen = run.corridor
    if seen is None or len(seen.spots) < 2 or run.spot is None:
        return _empty("Drawn once all legs are filled and priced.")
    low, high = _span(seen, run)
    return {
        "animation": False,
        "grid": {"left": 14, "right": 14, "top": 36, "bottom": 22},
        "tooltip": {"trigger": "axis", "confine": True, "formatter": _there(run)},
        "xAxis": {
            "type": "value",
            "min": low,
            "max": high,
            "splitLine": {"show": False},
            "axisLine": {"show": False},
            "axisTick": {"show": False},
            "axisLabel": {"show": False},
        },
        "yAxis": [{"type": "value", "show": False}, {"type": "value", "min": 0, "max": 1, "show": False}],
        "dataset": {"source": _pnl_rows(seen, low, high, parts.places(run.premium))},
        "series": [
            _HOVER,
            _zones(seen, low, high),
            _tail(run),
            _corridor_marks(seen, run),
        ],
    }


def corridor_alt(run: RunView) -> str:
    """The corridor's last value in words, for who does not see it."""
    if run.corridor is None or run.spot is None:
        return "Corridor: not known yet"
    stops = [parts.spot(value) for value in (run.corridor.stop_low, run.corridor.stop_high) if value is not None]
    between = " and ".join(stops) or "no stop within reach of spot"
    return f"{run.underlying} {parts.spot(run.spot)}; stops at {between}"


def _span(seen: Corridor, run: RunView) -> tuple[float, float]:
    """What the axis shows: all marks, and no more of what lies beyond the outermost."""
    marks = [value for value, *_ in _positions(seen, run)]
    margin = (max(marks) - min(marks)) * 0.06 or max(marks) * 0.01
    return round(min(marks) - margin), round(max(marks) + margin)


def _positions(seen: Corridor, run: RunView) -> list[tuple[float, str, str, str]]:
    """Spot, stops, strikes and breakevens: where, what, colour, kind of line."""
    found: list[tuple[float | None, str, str, str]] = [
        (float(run.spot) if run.spot is not None else None, run.underlying, PNL, "solid"),
        (seen.stop_low, "stop", LOSS, "solid"),
        (seen.stop_high, "stop", LOSS, "solid"),
        *((float(leg.strike), leg.key, MUTED, "dashed") for leg in run.legs if leg.open_quantity),
        (seen.breakeven_low, _BREAKEVEN, MUTED, "dotted"),
        (seen.breakeven_high, _BREAKEVEN, MUTED, "dotted"),
    ]
    return [(at, name, color, kind) for at, name, color, kind in found if at is not None]


def _there(run: RunView) -> str:
    return f"{html.escape(run.underlying)} {{@[2]}}<br>P&amp;L there now {{@[3]}}"


def _pnl_rows(seen: Corridor, low: float, high: float, decimals: int) -> Sequence[tuple[float, int, str, str]]:
    """P&L by spot for the tooltip, as many points as pixels can tell apart by hand: where, its height in the chart (any), and
    both in words."""
    shown = [row for row in zip(seen.spots, seen.pnl, seen.pnl_pct, strict=True) if low <= row[0] <= high]
    return [
        (round(spot), 0, parts.spot(spot), parts.money(usd, pct, decimals))
        for spot, usd, pct in shown[:: -(-len(shown) // _HOVER_POINTS)]
    ]


# An invisible line that the tooltip reads.
_HOVER: dict[str, Any] = {
    "type": "line",
    "encode": {"x": 0, "y": 1},  # two columns: with one for both nothing is told
    "symbol": "none",
    "silent": True,
    "lineStyle": {"opacity": 0},
}


def _zones(seen: Corridor, low: float, high: float) -> dict[str, Any]:
    """Red outside the stops, amber where half of the loss is reached, green between."""
    stop_low, stop_high = seen.stop_low or low, seen.stop_high or high
    half_low = max(seen.half_low or stop_low, stop_low)
    half_high = min(seen.half_high or stop_high, stop_high)
    bands = [
        (low, stop_low, LOSS, 0.28),
        (stop_low, half_low, TRAIL, 0.2),
        (half_low, half_high, PROFIT, 0.2),
        (half_high, stop_high, TRAIL, 0.2),
        (stop_high, high, LOSS, 0.28),
    ]
    return {
        "type": "line",
        "yAxisIndex": 1,
        "data": [],
        "silent": True,
        "tooltip": {"show": False},
        "markArea": {
            "silent": True,
            "data": [
                [{"xAxis": left, "itemStyle": {"color": color, "opacity": opacity}}, {"xAxis": right}]
                for left, right, color, opacity in bands
                if right > left
            ],
        },
    }


def _tail(run: RunView) -> dict[str, Any]:
    """How far spot has come since the entry: a thin line at the foot of the bar."""
    way = (
        []
        if run.spot is None or run.spot_at_entry is None
        else [[float(run.spot_at_entry), 0.08], [float(run.spot), 0.08]]
    )
    return {
        "type": "line",
        "yAxisIndex": 1,
        "data": way,
        "showSymbol": False,
        "silent": True,
        "tooltip": {"show": False},
        "lineStyle": {"color": PNL, "width": 3, "opacity": 0.75},
        "itemStyle": {"color": PNL},
    }


def _corridor_marks(seen: Corridor, run: RunView) -> dict[str, Any]:
    """Spot and stops are named right above the bar, strikes above them, breakevens below; a name that has no room in its row
    takes the other one above, or none."""
    low, high = _span(seen, run)
    room = (high - low) * _LABEL_ROOM
    taken: list[tuple[float, int]] = []
    lines = []
    for at, name, color, kind in _positions(seen, run):
        rows = (_BELOW,) if name == _BREAKEVEN else (1, 0) if kind == "dashed" else (0, 1)
        row = next((row for row in rows if all(abs(at - other) > room for other, r in taken if r == row)), None)
        label: dict[str, Any] = {"show": False}
        if row is not None:
            taken.append((at, row))
            below = row == _BELOW
            label = {
                "formatter": f"{name} {parts.spot(at)}",
                "position": "start" if below else "end",
                "distance": 4 if below else 3 + 14 * row,
            }
        style = {"color": color, "type": kind, "width": 4 if color == PNL else 1.5}
        lines.append({"xAxis": at, "lineStyle": style, "label": label})
    return {
        "type": "line",
        "yAxisIndex": 1,
        "data": [],
        "silent": True,
        "tooltip": {"show": False},
        "markLine": {"symbol": "none", "silent": True, "label": {"fontSize": 11}, "data": lines},
    }


def _empty(words: str) -> dict[str, Any]:
    return {
        "animation": False,
        "title": {
            "text": words,
            "left": "center",
            "top": "middle",
            "textStyle": {"fontSize": 13, "fontWeight": "normal"},
        },
    }


# --------------------------------------------------------------------------------------------------- P&L over time


class Look(NamedTuple):
    """Which part of the run a chart shows: its name, and how many minutes back from now (None: all of it)."""

    name: str
    minutes: int | None


LOOKS = {look.name: look for look in (Look("15 m", 15), Look("1 h", 60), Look("run", None))}
POINTS = 300  # a second's refresh carries them all


def pnl(run: RunView, series: PnlSeries, marks: Iterable[Marker], look: Look) -> dict[str, Any]:
    """P&L in % of the basis over time; dollars and spot are read by hovering.

    Its last point is the picture's own: what the page says beside it. Where nobody watched there is no line, but a hatched
    band. Limits are lines that hold until they change.
    """
    points = _points(series)
    frame = _columns(run, series, points, look)
    if frame is None or not run.premium:
        return _empty("The line begins with the first price of all legs.")
    times: Numbers = frame["t"].to_numpy()
    start = times[-1] - look.minutes * 60_000 if look.minutes is not None else times[0]
    reach = (float(max(start, times[0])), float(max(times[-1], times[0] + 1000)))
    return {
        "useUTC": True,
        "animation": False,
        "dataset": {"source": frame},
        "legend": {"top": 6, "left": 4, "itemHeight": 8, "itemWidth": 14, "itemGap": 8, "data": [_pnl_name(run), run.underlying]},
        "grid": {"left": 4, "right": 4, "top": 52, "bottom": 26, "containLabel": True},
        "tooltip": {"trigger": "axis", "confine": True},
        "dataZoom": [
            {"id": f"inside {look.name}", "type": "inside", "filterMode": "none"},
            {"id": f"slider {look.name}", "type": "slider", "filterMode": "none", "height": 16, "bottom": 4,
             "showDataShadow": False, "showDetail": False, "brushSelect": False},
        ],
        "xAxis": {"type": "time", "min": reach[0], "max": reach[1], "axisLabel": {"hideOverlap": True}},
        "yAxis": [
            {"axisLabel": {"formatter": "{value} %"}},
            {"scale": True, "splitLine": {"show": False}, "axisLabel": {"hideOverlap": True}},
            _HIDDEN,
            _HIDDEN | {"min": 0, "max": 1},
        ],
        "series": [
            _line(_pnl_name(run), "pct", PNL, tooltip="%.1f %%") | _named(run) | _unwatched(series),
            _line("P&L in USD", "usd", PNL, axis=2, tooltip=f"%,.{parts.places(run.premium)}f", width=0.0) | {"symbol": "none"},
            _line(run.underlying, "spot", MUTED, axis=1, tooltip=f"%,.{_spot_places(run)}f", width=1.0),
            *_limits(run, points, reach),
            *_happened(marks, times, reach, whole=look.minutes is None),
        ],
    }  # fmt: skip


def _pnl_name(run: RunView) -> str:
    return f"P&L, % of {basis_short(run.basis_name)}"


def pnl_alt(run: RunView) -> str:
    """The chart's last value in words."""
    if run.pnl_pct is None:
        return "P&L over time: not known yet"
    stop = next((rung.at_pct for rung in run.ladder if rung.code == "max_loss"), None)
    limit = "" if stop is None else f", stop at {parts.percent(stop, 0)}"
    return f"P&L over time: now {parts.percent(run.pnl_pct, 0)} of {basis_short(run.basis_name)}{limit}"


def _spot_places(run: RunView) -> int:
    """As many decimals as the page gives this underlying."""
    return len(parts.spot(run.spot).partition(".")[2])


class _Points(NamedTuple):
    """A series as numbers: instants on the chart's clock; P&L in %, in USD and spot; the levels in USD."""

    at: Numbers
    columns: Numbers
    levels: dict[str, Numbers]


def _numbers(series: PnlSeries) -> _Points:
    seconds = [(market or wall).timestamp() for market, wall in zip(series.market, series.wall, strict=True)]
    levels = {"max_profit": series.max_profit_usd, "trailing_stop": series.level_usd, "max_loss": series.max_loss_usd}
    return _Points(
        np.rint(np.array(seconds, dtype=np.float64) * 1000) + _IST_MS,
        np.array([series.pnl_pct, series.pnl, series.spot], dtype=np.float64),
        {code: np.array(level, dtype=np.float64) for code, level in levels.items()},
    )


_points = Remembered(_numbers)


def _columns(run: RunView, series: PnlSeries, points: _Points, look: Look) -> pa.Table | None:
    """The series on the chart's clock, with the picture's own point as the last, and a hole in every stretch unwatched.

    None while no P&L is known.
    """
    at, columns, _ = points
    if run.market_at is not None:
        now = axis_ms(run.market_at)
        before = at < now
        own = np.array([[_nan(run.pnl_pct)], [_nan(run.pnl)], [_nan(run.spot)]])
        at, columns = np.append(at[before], now), np.append(columns[:, before], own, axis=1)
    if not len(at) or np.isnan(columns[0]).all():
        return None
    if look.minutes is not None:
        kept = at >= at[-1] - look.minutes * 60_000
        kept[:-1] |= kept[1:]  # the point before, so that the line comes from the chart's edge
        at, columns = at[kept], columns[:, kept]
    if series.gaps:
        holes = np.array([axis_ms(begin) + 1 for begin, _ in series.gaps], dtype=np.float64)
        places = np.searchsorted(at, holes)
        at, columns = np.insert(at, places, holes), np.insert(columns, places, np.nan, axis=1)
    single = columns.astype(np.float32)  # half of what is sent; a pixel needs no more
    # As Streamlit sends it: from a pandas frame it would be turned into this each second, at twenty times the cost.
    named = {"t": at, "pct": single[0], "usd": single[1], "spot": single[2]}
    return pa.table({name: pa.array(column, from_pandas=True) for name, column in named.items()})


def _line(name: str, column: str, color: str, *, axis: int = 0, tooltip: str, width: float = 2.0) -> dict[str, Any]:
    return {
        "name": name,
        "type": "line",
        "encode": {"x": "t", "y": column},
        "yAxisIndex": axis,
        "showSymbol": False,
        "lineStyle": {"width": width},
        "itemStyle": {"color": color},
        "tooltip": {"valueFormatter": tooltip},
    }


def _named(run: RunView) -> dict[str, Any]:
    """The limits' names at the right edge, and where trailing would arm."""
    levels = [(rung.at_pct, _NAMES[rung.code], _COLORS[rung.code], 0.0) for rung in run.ladder if rung.code in _NAMES]
    levels += [(rung.arms_at_pct, "trailing arms", TRAIL, 1.3) for rung in run.ladder if rung.code == "trailing_stop"]
    data = [
        {
            "yAxis": float(at),
            "lineStyle": {"color": color, "type": "dotted", "width": width},
            "label": {"formatter": name},
        }
        for at, name, color, width in levels
        if at is not None
    ]
    label = {"position": "insideEndTop", "fontSize": 11}
    return {"z": 3, "markLine": {"symbol": "none", "silent": True, "label": label, "data": data}}


def _unwatched(series: PnlSeries) -> dict[str, Any]:
    """Hatched bands where nobody watched."""
    if not series.gaps:
        return {}
    bands = [[{"xAxis": axis_ms(begin), "name": "not watched"}, {"xAxis": axis_ms(end)}] for begin, end in series.gaps]
    return {
        "markArea": {
            "silent": True,
            "itemStyle": {"color": {"image": _HATCH, "repeat": "repeat"}},
            "label": {"position": "insideTop", "fontSize": 11},
            "data": bands,
        }
    }


def _limits(run: RunView, points: _Points, reach: tuple[float, float]) -> Iterator[dict[str, Any]]:
    """Max profit, trailing level and max loss as steps: only where they change is sent."""
    per_usd = 100 / float(run.basis or run.premium or 1)
    for code, level in points.levels.items():
        steps = _steps(points.at, level * per_usd, reach)
        if steps:
            yield {
                "name": _NAMES[code], "type": "line", "step": "end", "data": steps, "showSymbol": False, "silent": True,
                "tooltip": {"show": False}, "itemStyle": {"color": _COLORS[code]},
                "lineStyle": {"width": 1.3, "type": "solid" if code == "trailing_stop" else "dashed"},
            }  # fmt: skip


def _steps(at: Numbers, level: Numbers, reach: tuple[float, float]) -> list[tuple[float, float | None]]:
    """Where a level begins, changes and, at the chart's end, still is; nothing where it never was."""
    if not len(at) or np.isnan(level).all():
        return []
    same = (np.abs(np.diff(level)) < 0.005) | (np.isnan(level[1:]) & np.isnan(level[:-1]))
    changes = np.flatnonzero(np.append(True, ~same))
    steps = [(max(float(at[i]), reach[0]), None if np.isnan(level[i]) else round(float(level[i]), 2)) for i in changes]
    return [*steps, (reach[1], steps[-1][1])]


def _happened(
    marks: Iterable[Marker], at: Numbers, reach: tuple[float, float], *, whole: bool
) -> Iterator[dict[str, Any]]:
    """Sold, decided, bought: each kind at a height of its own, so that none hides another. A run is sold before the first
    price of all legs is drawn: on a chart of the whole run that stands at its beginning."""
    kinds: dict[str, list[tuple[float, str]]] = {}
    for mark in marks:
        time = float(axis_ms(mark.at))
        if mark.kind in _MARKS and time <= reach[1] and (whole or time >= reach[0]):
            # On the line's own points, or hovering would show one or the other.
            kinds.setdefault(mark.kind, []).append((float(at[np.abs(at - time).argmin()]), mark.text))
    for kind, found in kinds.items():
        word, symbol, rotate, color, height = _MARKS[kind]
        together: dict[float, list[str]] = {}
        for time, text in found:
            together.setdefault(time, []).append(text)
        yield {
            "name": word, "type": "scatter", "yAxisIndex": 3, "symbol": symbol, "symbolRotate": rotate, "symbolSize": 11,
            "itemStyle": {"color": color}, "z": 4, "dimensions": ["t", "height", {"name": "what", "type": "ordinal"}],
            "encode": {"x": "t", "y": "height", "tooltip": ["what"]},
            "label": {"show": True, "position": "right", "formatter": word, "fontSize": 11},
            "labelLayout": {"hideOverlap": True},
            "data": [[time, height, "; ".join(texts)] for time, texts in together.items()],
        }  # fmt: skip


def _nan(value: Decimal | None) -> float:
    return float("nan") if value is None else float(value)


_NAMES = {"max_profit": "max profit", "trailing_stop": "trailing level", "max_loss": "max loss"}
_COLORS = {"max_profit": PROFIT, "trailing_stop": TRAIL, "max_loss": LOSS}
_MARKS = {  # word, symbol, its rotation, colour, height
    "entry": ("sold", "triangle", 180, LOSS, 0.96),
    "decision": ("decision", "diamond", 0, TRAIL, 0.5),
    "exit": ("bought", "triangle", 0, PROFIT, 0.04),
}
