"""Specifications of the charts that change every second. Plain values in, an ECharts option out; nothing here knows Streamlit.

Times: ECharts is told to count in UTC and given milliseconds of Indian time, so the axis reads the same in every browser.
Colours are mid tones that stand out on both themes; text keeps the theme's own.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from trader.desk import Marker, PnlSeries
from trader.engine.view import Corridor, RunView
from trader.panel import parts

Numbers = npt.NDArray[np.float64]

PNL = "#3b82f6"
PROFIT = "#22a55a"
LOSS = "#e5484d"
TRAIL = "#d97706"
MUTED = "#8a94a3"
_IST_MS = 19_800_000  # India has no summer time
_HOVER_POINTS = 80
_PNL_NAME = "P&L, % of premium"
_LABEL_ROOM = 0.19  # of the width: what a name needs on a phone
_BELOW = 2
_BREAKEVEN = "b/e"
_HATCH = (
    "data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciIHdpZHRoPSI4IiBoZWlnaHQ9IjgiPjxwYXRo"
    "IGQ9Ik0tMiAyTDIgLTJNMCA4TDggME02IDEwTDEwIDYiIHN0cm9rZT0iIzhhOTRhMyIgc3Ryb2tlLW9wYWNpdHk9Ii41NSIvPjwvc3ZnPg=="
)


def axis_ms(instant: datetime) -> int:
    """Milliseconds of naive Indian time, for an axis that counts in UTC."""
    return round(instant.timestamp() * 1000) + _IST_MS


# ------------------------------------------------------------------------------------------------- the corridor


def corridor(run: RunView) -> dict[str, Any]:
    """Where spot is between the stops. P&L there is read by hovering."""
    seen = run.corridor
    if seen is None or len(seen.spots) < 2 or run.spot is None:
        return _empty("The corridor is drawn once both legs are sold and priced.")
    low, high = _span(seen, run)
    return {
        "animation": False,
        "grid": {"left": 14, "right": 14, "top": 36, "bottom": 22},
        "tooltip": {"trigger": "axis", "confine": True, "axisPointer": {"type": "line", "snap": False}},
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
        "dataset": {"source": _pnl_rows(seen, low, high)},
        "series": [
            _hover("P&L there now", 1, "dollar"),
            _hover("of premium", 2, "%.1f %%"),
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


def _pnl_rows(seen: Corridor, low: float, high: float) -> Sequence[tuple[float, float, float]]:
    """P&L by spot for the tooltip, as many points as pixels can tell apart by hand."""
    rows = [
        (round(spot), round(usd, 4), round(pct, 1))
        for spot, usd, pct in zip(seen.spots, seen.pnl, seen.pnl_pct, strict=True)
        if low <= spot <= high
    ]
    return rows[:: max(1, len(rows) // _HOVER_POINTS)]


def _hover(name: str, column: int, tooltip: str) -> dict[str, Any]:
    """An invisible line that the tooltip reads."""
    return {
        "name": name,
        "type": "line",
        "encode": {"x": 0, "y": column},
        "showSymbol": False,
        "silent": True,
        "lineStyle": {"opacity": 0},
        "itemStyle": {"color": PNL},
        "tooltip": {"valueFormatter": tooltip},
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
            "textStyle": {"fontSize": 13, "fontWeight": "normal", "width": 300, "overflow": "break"},
        },
    }


# --------------------------------------------------------------------------------------------------- P&L over time


class Look(NamedTuple):
    """Which part of the run a chart shows: its name, and how many minutes back from now (None: all of it)."""

    name: str
    minutes: int | None


LOOKS = {look.name: look for look in (Look("15 m", 15), Look("1 h", 60), Look("run", None))}
POINTS = 400  # a second's refresh carries them all


def since(run: RunView, look: Look) -> datetime | None:
    """From when on the chart needs points."""
    if look.minutes is None or run.market_at is None:
        return None
    return run.market_at - timedelta(minutes=look.minutes)


def pnl(run: RunView, series: PnlSeries, marks: Iterable[Marker], look: Look) -> dict[str, Any]:
    """P&L in % of premium over time; dollars and spot are read by hovering.

    Its last point is the picture's own: what the page says beside it. Where nobody watched there is no line, but a hatched
    band. Limits are lines that hold until they change.
    """
    at, frame = _columns(run, series)
    if not len(at) or not run.premium or frame["pct"].isna().all():
        return _empty("The line begins with the first price of both legs.")
    start, end = float(at[0]), float(at[-1])
    if look.minutes is not None:
        start = max(start, end - look.minutes * 60_000)
    reach = (start, max(end, start + 1000))
    return {
        "useUTC": True,
        "animation": False,
        "dataset": {"source": frame},
        "legend": {"top": 6, "left": 4, "itemHeight": 8, "itemWidth": 14, "itemGap": 8, "data": [_PNL_NAME, run.underlying]},
        "grid": {"left": 4, "right": 4, "top": 44, "bottom": 26, "containLabel": True},
        "tooltip": {"trigger": "axis", "confine": True, "axisPointer": {"snap": True}},
        "dataZoom": [
            {"id": f"inside {look.name}", "type": "inside", "filterMode": "none"},
            {"id": f"slider {look.name}", "type": "slider", "filterMode": "none", "height": 16, "bottom": 4,
             "showDataShadow": False, "showDetail": False, "brushSelect": False},
        ],
        "xAxis": {"type": "time", "min": reach[0], "max": reach[1], "axisLabel": {"hideOverlap": True}},
        "yAxis": [
            {"type": "value", "axisLabel": {"formatter": "{value} %"}},
            {"type": "value", "scale": True, "splitLine": {"show": False}, "axisLabel": {"hideOverlap": True}},
            {"type": "value", "show": False},
            {"type": "value", "show": False, "min": 0, "max": 1},
        ],
        "series": [_pnl_line(run, series), _line("P&L in USD", "usd", PNL, axis=2, tooltip="dollar", opacity=0.0),
                   _line(run.underlying, "spot", MUTED, axis=1, tooltip="localized", width=1.0),
                   *_limits(run, series, at, reach), *_happened(marks, at, reach)],
    }  # fmt: skip


def pnl_alt(run: RunView) -> str:
    """The chart's last value in words."""
    if run.pnl_pct is None:
        return "P&L over time: not known yet"
    stop = next((rung.at_pct for rung in run.ladder if rung.code == "max_loss"), None)
    limit = "" if stop is None else f", stop at {parts.percent(stop, 0)}"
    return f"P&L over time: now {parts.percent(run.pnl_pct, 0)} of premium{limit}"


def _columns(run: RunView, series: PnlSeries) -> tuple[Numbers, pd.DataFrame]:
    """The series on the chart's clock, with the picture's own point as the last, and a hole in every stretch unwatched."""
    at = [axis_ms(market or wall) for market, wall in zip(series.market, series.wall, strict=True)]
    rows = list(zip(at, series.pnl_pct, series.pnl, series.spot, strict=True))
    if run.market_at is not None:
        last = axis_ms(run.market_at)
        while rows and rows[-1][0] >= last:
            rows.pop()
        rows.append((last, _float(run.pnl_pct), _float(run.pnl), _float(run.spot)))
    rows += [(axis_ms(begin) + 1, None, None, None) for begin, _ in series.gaps]
    rows.sort(key=lambda row: row[0])
    columns = np.array(rows, dtype=np.float64).reshape(len(rows), 4)
    single = np.float32  # halves what is sent; a pixel needs no more
    frame = pd.DataFrame(
        {
            "t": columns[:, 0],
            "pct": columns[:, 1].round(2).astype(single),
            "usd": columns[:, 2].round(4).astype(single),
            "spot": columns[:, 3].round(2).astype(single),
        }
    )
    return columns[:, 0], frame


def _line(
    name: str, column: str, color: str, *, axis: int, tooltip: str, width: float = 2.0, opacity: float = 1.0
) -> dict[str, Any]:
    return {
        "name": name,
        "type": "line",
        "encode": {"x": "t", "y": column},
        "yAxisIndex": axis,
        "showSymbol": False,
        "connectNulls": False,
        "lineStyle": {"color": color, "width": width, "opacity": opacity},
        "itemStyle": {"color": color},
        "tooltip": {"valueFormatter": tooltip},
    }


def _pnl_line(run: RunView, series: PnlSeries) -> dict[str, Any]:
    """The line itself, with the bands of time that nobody watched and the names of the limits."""
    arms = next((rung.arms_at_pct for rung in run.ladder if rung.code == "trailing_stop" and not rung.armed), None)
    named = [
        {
            "yAxis": float(at),
            "lineStyle": {"color": color, "type": "dotted", "width": width},
            "label": {"formatter": name},
        }
        for at, name, color, width in (
            *((rung.at_pct, _NAMES[rung.code], _COLORS[rung.code], 0) for rung in run.ladder if rung.code in _NAMES),
            (arms, "trailing arms", TRAIL, 1.3),
        )
        if at is not None
    ]
    bands = [[{"xAxis": axis_ms(begin), "name": "not watched"}, {"xAxis": axis_ms(end)}] for begin, end in series.gaps]
    return _line(_PNL_NAME, "pct", PNL, axis=0, tooltip="%.1f %%") | {
        "z": 3,
        "markLine": {
            "symbol": "none",
            "silent": True,
            "label": {"position": "insideEndTop", "fontSize": 11},
            "data": named,
        },
        "markArea": {
            "silent": True,
            "itemStyle": {"color": {"image": _HATCH, "repeat": "repeat"}},
            "label": {"position": "insideTop", "fontSize": 11},
            "data": bands,
        },
    }


def _limits(run: RunView, series: PnlSeries, at: Numbers, reach: tuple[float, float]) -> list[dict[str, Any]]:
    """Max profit, trailing level and max loss as steps: only where they change is sent."""
    per_usd = 100 / float(run.premium or 1)
    times = [axis_ms(market or wall) for market, wall in zip(series.market, series.wall, strict=True)]
    found = []
    for code, column in (
        ("max_profit", series.max_profit_usd),
        ("trailing_stop", series.level_usd),
        ("max_loss", series.max_loss_usd),
    ):
        steps = list(_steps(times, column, per_usd, reach))
        if any(value is not None for _, value in steps):
            found.append({
                "name": _NAMES[code], "type": "line", "step": "end", "data": steps, "showSymbol": False, "silent": True,
                "tooltip": {"show": False}, "connectNulls": False, "itemStyle": {"color": _COLORS[code]},
                "lineStyle": {"color": _COLORS[code], "width": 1.3, "type": "solid" if code == "trailing_stop" else "dashed"},
            })  # fmt: skip
    return found


def _steps(
    times: Sequence[int], column: Sequence[float | None], per_usd: float, reach: tuple[float, float]
) -> Iterator[tuple[float, float | None]]:
    """Where a level begins, changes and, at the chart's end, still is."""
    last: float | None = None
    for time, value in zip(times, column, strict=True):
        if value != last:
            yield max(float(time), reach[0]), None if value is None else round(value * per_usd, 2)
            last = value
    if times and last is not None:
        yield reach[1], round(last * per_usd, 2)


def _happened(marks: Iterable[Marker], at: Numbers, reach: tuple[float, float]) -> Iterator[dict[str, Any]]:
    """Sold, decided, bought: each kind at a height of its own, so that none hides another."""
    kinds: dict[str, list[tuple[float, str]]] = {}
    for mark in marks:
        time = float(axis_ms(mark.at))
        if mark.kind in _MARKS and reach[0] <= time <= reach[1]:
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


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


_NAMES = {"max_profit": "max profit", "trailing_stop": "trailing level", "max_loss": "max loss"}
_COLORS = {"max_profit": PROFIT, "trailing_stop": TRAIL, "max_loss": LOSS}
_MARKS = {  # word, symbol, its rotation, colour, height
    "entry": ("sold", "triangle", 180, LOSS, 0.96),
    "decision": ("decision", "diamond", 0, TRAIL, 0.5),
    "exit": ("bought", "triangle", 0, PROFIT, 0.04),
}
