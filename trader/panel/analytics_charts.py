"""The figures of Analytics and of two runs compared. Each function takes what the desk has made and returns a Plotly figure; nothing
is computed here but where a mark stands. Days go to the browser as text, so that its time zone changes nothing."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import plotly.graph_objects as go

from trader.analytics.board import PARTS, Board, HourCell, Point, Slice
from trader.analytics.choosing import WEEKDAYS
from trader.analytics.distribution import Bin
from trader.desk.analytics.beside import Course
from trader.panel import parts, words
from trader.panel.charts import LOSS, MUTED, PNL, PROFIT, TRAIL, hover_text

HEIGHT = 300
_DOTS_MOST = 500  # days; more of them would hide the line
_CALENDAR_WEEKS = 53
# Towards loss, nothing, towards profit: told apart by people who see red and green alike, and in both themes.
_SCALE = [[0.0, "#d55e5e"], [0.5, "#8a94a333"], [1.0, "#2f9e68"]]
_PART_COLORS: Mapping[str, str] = {
    "theta": "#22a55a", "delta": "#3b82f6", "gamma": "#8b5cf6", "vega": "#06a3b7", "spread": "#d97706", "slippage": "#e5855f",
    "exchange": "#b08968", "funding": "#a3a948", "fees": "#e5484d", "residual": "#8a94a3",
}  # fmt: skip
PART_WORDS: Mapping[str, str] = {"exchange": "settled by the exchange", "residual": "not explained"}


def equity(board: Board, capital: bool, places: int) -> go.Figure:
    """What was made over time, or the equity, with the days on which runs ended, and under it the fall below the highest."""
    days = [one.day.isoformat() for one in board.days]
    line = _line(days, [float(one.equity) for one in board.days], "Equity" if capital else "Made", PNL, places)
    fall = _line(days, [float(one.drawdown) for one in board.days], "Below the highest", LOSS, places)
    fall |= {"yaxis": "y2", "fill": "tozeroy", "line": {"color": LOSS, "width": 1}}
    traces = [line, fall]
    if len(board.cells) <= _DOTS_MOST:
        at = {one.day: float(one.equity) for one in board.days}
        for name, color, chosen in (
            ("Day made", PROFIT, [one for one in board.cells if one.made >= 0]),
            ("Day lost", LOSS, [one for one in board.cells if one.made < 0]),
        ):
            traces.append(
                {
                    "type": "scatter", "mode": "markers", "name": name, "x": [one.day.isoformat() for one in chosen],
                    "y": [at[one.day] for one in chosen], "marker": {"color": color, "size": 6},
                    "text": [
                        f"{parts.dollars(one.made, places, signed=True)} · " + _ends(one.reasons) for one in chosen
                    ],
                    "hovertemplate": "%{text}<extra></extra>",
                }
            )  # fmt: skip
    layout = _layout(360, hovermode="x") | {
        "xaxis": {"type": "date", "anchor": "y2", "showgrid": False, "hoverformat": "%a %d %b %Y"},
        "yaxis": _dollars(places) | {"domain": [0.36, 1]},
        "yaxis2": _dollars(places) | {"domain": [0, 0.28], "nticks": 4},
        "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0},
    }
    return go.Figure({"data": traces, "layout": layout})


def _ends(reasons: Sequence[tuple[str, int]]) -> str:
    return hover_text(
        ", ".join(words.ended_by(reason) + ("" if count == 1 else f" × {count}") for reason, count in reasons)
    )


def calendar(board: Board, *, in_percent: bool, places: int) -> go.Figure:
    """A year of days at most, the newest: a column a week, Monday on top."""
    shown = {one.day: one for one in board.cells}
    last = max(shown, default=date(1970, 1, 1))
    monday = last - timedelta(days=last.weekday())
    first = max(min(shown, default=last), monday - timedelta(weeks=_CALENDAR_WEEKS - 1))
    first -= timedelta(days=first.weekday())
    weeks = [first + timedelta(weeks=number) for number in range((monday - first).days // 7 + 1)]
    values: list[list[float | None]] = []
    texts: list[list[str]] = []
    for weekday in range(7):
        days = [week + timedelta(days=weekday) for week in weeks]
        cells = [shown.get(day) for day in days]
        values.append([None if one is None else one.pct if in_percent else float(one.made) for one in cells])
        texts.append(
            [
                f"{day:%a %d %b %Y}"
                + ("" if one is None else f"<br>{parts.money(one.made, one.pct, places)}<br>{_ends(one.reasons)}")
                for day, one in zip(days, cells, strict=True)
            ]
        )
    heat = _heat(values, [week.isoformat() for week in weeks], list(WEEKDAYS))
    heat |= {"text": texts, "hovertemplate": "%{text}<extra></extra>"}
    heat["colorbar"] |= {"ticksuffix": " %"} if in_percent else {"tickformat": f"$,.{places}f"}
    layout = _layout(250) | {
        "xaxis": {"type": "date", "showgrid": False, "tickformat": "%d %b<br>%Y", "nticks": 8},
        "yaxis": {"autorange": "reversed", "showgrid": False},
    }
    return go.Figure({"data": [heat], "layout": layout})


def hours(cells: Sequence[HourCell], places: int) -> go.Figure:
    """Weekday by hour of the entry: mean P&L in % of the basis as colour, how many runs in the cell."""
    first, last = min((one.hour for one in cells), default=0), max((one.hour for one in cells), default=0)
    span = list(range(first, last + 1))
    found = {(one.weekday, one.hour): one for one in cells}
    rows = [[found.get((weekday, hour)) for hour in span] for weekday in WEEKDAYS]
    heat = _heat(
        [[None if one is None else one.average_pct for one in row] for row in rows],
        [f"{hour:02}:00" for hour in span],
        list(WEEKDAYS),
    )
    heat["colorbar"] |= {"ticksuffix": " %"}
    heat |= {
        "text": [["" if one is None else f"{one.runs:,}" for one in row] for row in rows],
        "texttemplate": "%{text}",
        "customdata": [
            [
                ""
                if one is None
                else f"{one.runs:,} runs: {parts.dollars(one.total, places, signed=True)}, mean {parts.percent(one.average_pct)}"
                for one in row
            ]
            for row in rows
        ],
        "hovertemplate": "%{y} %{x}<br>%{customdata}<extra></extra>",
    }
    layout = _layout(HEIGHT) | {
        "xaxis": {"type": "category", "showgrid": False},
        "yaxis": {"autorange": "reversed", "showgrid": False},
    }
    return go.Figure({"data": [heat], "layout": layout})


def boxes(slices: Sequence[Slice], names: Sequence[str]) -> go.Figure:
    """How the P&L in % of the basis lies in each: least, quartiles, most; how many beside the name."""
    shown = [(one, name) for one, name in zip(slices, names, strict=True) if one.spread is not None]
    labels = [hover_text(f"{name} ({one.runs:,})") for one, name in shown]
    spreads = [one.spread for one, _ in shown if one.spread is not None]
    trace = {
        "type": "box", "orientation": "h", "y": labels, "q1": [one.q1 for one in spreads],
        "median": [one.median for one in spreads], "q3": [one.q3 for one in spreads],
        "lowerfence": [one.low for one in spreads], "upperfence": [one.high for one in spreads],
        "line": {"color": PNL, "width": 1.5}, "fillcolor": "rgba(59,130,246,.25)", "name": "",
    }  # fmt: skip
    layout = _layout(max(HEIGHT, 60 + 36 * len(labels))) | {
        "xaxis": _percent("P&L, % of the premium"),
        "yaxis": {"type": "category", "autorange": "reversed", "automargin": True},
    }
    return go.Figure({"data": [trace], "layout": layout})


def bars(slices: Sequence[Slice], places: int) -> go.Figure:
    """Mean P&L in % of the basis of each, how many above the bar."""
    values = [one.average_pct for one in slices]
    trace = {
        "type": "bar", "x": [hover_text(one.label) for one in slices], "y": values, "textposition": "outside", "cliponaxis": False,
        "text": [f"n {one.runs:,}" for one in slices], "marker": {"color": [_side(value) for value in values]},
        "customdata": [
            f"{one.won:,} of {one.runs:,} won, {parts.dollars(one.total, places, signed=True)}" for one in slices
        ],
        "hovertemplate": "%{x}: mean %{y:+.1f} %<br>%{customdata}<extra></extra>",
    }  # fmt: skip
    layout = _layout(HEIGHT) | {
        "xaxis": {"type": "category", "automargin": True},
        "yaxis": _percent("Mean P&L, % of the premium"),
    }
    return go.Figure({"data": [trace], "layout": layout})


def histogram(
    bins: Sequence[Bin],
    unit: str,
    *,
    levels: Sequence[tuple[str, float]] = (),
    toned: bool = True,
    of: str = "runs",
) -> go.Figure:
    """How often each; `levels` are drawn as lines with their names. `unit`: $ before, or what stands behind the number."""
    before, behind = ("$", "") if unit == "$" else ("", f" {unit}")
    middles = [(one.low + one.high) / 2 for one in bins]
    trace = {
        "type": "bar", "x": middles, "y": [one.count for one in bins], "width": [one.high - one.low for one in bins],
        "marker": {"color": [_side(value) if toned else PNL for value in middles], "line": {"width": 0.5, "color": "rgba(127,127,127,.4)"}},
        "customdata": [f"{before}{one.low:,.6g} to {before}{one.high:,.6g}{behind}" for one in bins],
        "hovertemplate": "%{customdata}: %{y}<extra></extra>",
    }  # fmt: skip
    layout = _layout(HEIGHT) | {
        "bargap": 0,
        "xaxis": {"tickformat": "$,~r" if before else None, "ticksuffix": behind, "zeroline": True},
        "yaxis": {"title": {"text": of}, "rangemode": "tozero"},
        "shapes": [
            {"type": "line", "x0": at, "x1": at, "y0": 0, "y1": 1, "yref": "paper", "line": {"color": TRAIL, "dash": "dash", "width": 1.5}}
            for _, at in levels
        ],
        "annotations": [
            {"x": at, "y": 1, "yref": "paper", "yanchor": "bottom", "showarrow": False, "text": f"{name} {at:+g} %", "font": {"size": 11}}
            for name, at in levels
        ],
    }  # fmt: skip
    return go.Figure({"data": [trace], "layout": layout})


def scatter(points: Sequence[Point], x: str, y: str, *, diagonal: bool = False) -> go.Figure:
    """One dot a run, won or not; `diagonal` is where both are equal."""
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter", "mode": "markers", "name": name, "x": [one.x for one in chosen], "y": [one.y for one in chosen],
            "marker": {"color": color, "size": 6, "opacity": 0.65, "symbol": symbol},
            "hovertemplate": f"{x} %{{x:.1f}} %<br>{y} %{{y:.1f}} %<extra>{name}</extra>",
        }
        for name, color, symbol, chosen in (
            ("Won", PROFIT, "circle", [one for one in points if one.won]),
            ("Lost", LOSS, "x", [one for one in points if not one.won]),
        )
    ]  # fmt: skip
    if diagonal and points:
        most = max(max(one.x, one.y) for one in points)
        traces.append(
            {"type": "scatter", "mode": "lines", "name": "As implied", "x": [0, most], "y": [0, most], "line": {"color": MUTED, "dash": "dot"}, "hoverinfo": "skip"}
        )  # fmt: skip
    layout = _layout(HEIGHT, hovermode="closest") | {
        "xaxis": {"title": {"text": f"{x}, %"}, "ticksuffix": " %"},
        "yaxis": {"title": {"text": f"{y}, %"}, "ticksuffix": " %", "zeroline": True},
        "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0},
    }
    return go.Figure({"data": traces, "layout": layout})


def attribution(board: Board, places: int) -> go.Figure:
    """Where the P&L of each week or month came from, in bars that add up to it, and the P&L as a line."""
    x = [one.first.isoformat() for one in board.spans]
    traces: list[dict[str, Any]] = [
        {
            "type": "bar", "name": PART_WORDS.get(name, name), "x": x, "y": values, "marker": {"color": _PART_COLORS[name]},
            "text": [parts.dollars(value, places, signed=True) for value in values], "textposition": "none",
            "hovertemplate": f"{PART_WORDS.get(name, name)} %{{text}}<extra></extra>",
        }
        for name in PARTS
        if any(values := [one.parts[name] for one in board.spans])
    ]  # fmt: skip
    pnl = [float(one.pnl) for one in board.spans]
    traces.append(
        {
            "type": "scatter", "mode": "lines+markers", "name": "P&L", "x": x, "y": pnl, "line": {"color": MUTED, "width": 2},
            "text": [parts.dollars(value, places, signed=True) for value in pnl], "hovertemplate": "P&L %{text}<extra></extra>",
        }
    )  # fmt: skip
    layout = _layout(340, hovermode="closest") | {
        "barmode": "relative",
        "xaxis": {"type": "date", "tickformat": "%d %b<br>%Y" if board.per == "week" else "%b<br>%Y", "nticks": 12},
        "yaxis": _dollars(places),
        "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0},
    }
    return go.Figure({"data": traces, "layout": layout})


def courses(runs: Sequence[tuple[str, Course]]) -> go.Figure:
    """P&L of runs in % of their basis, by hours since each began."""
    traces = [
        {
            "type": "scatter", "mode": "lines", "name": hover_text(name), "x": course.hours, "y": course.pct, "connectgaps": False,
            "line": {"color": color, "width": 2, "dash": dash}, "hovertemplate": "%{x:.2f} h: %{y:+.1f} %<extra>%{fullData.name}</extra>",
        }
        for (name, course), color, dash in zip(runs, (PNL, TRAIL), ("solid", "dash"), strict=False)
    ]  # fmt: skip
    layout = _layout(330, hovermode="closest") | {
        "xaxis": {"title": {"text": "hours since the entry"}, "rangemode": "tozero"},
        "yaxis": _percent("P&L, % of the premium"),
        "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0},
    }
    return go.Figure({"data": traces, "layout": layout})


def marked_sample(figure: go.Figure) -> go.Figure:
    """The same with SAMPLE across it: such a picture may leave the page."""
    figure.add_annotation(
        text="SAMPLE", x=0.5, y=0.5, xref="paper", yref="paper", showarrow=False, textangle=-18, opacity=0.28,
        font={"size": 54, "color": MUTED},
    )  # fmt: skip
    return figure


def _line(x: Sequence[str], y: Sequence[float], name: str, color: str, places: int) -> dict[str, Any]:
    return {
        "type": "scatter", "mode": "lines", "name": name, "x": x, "y": y, "line": {"color": color, "width": 2, "shape": "hv"},
        "text": [parts.dollars(value, places, signed=True) for value in y],
        "hovertemplate": f"%{{text}}<extra>{name}</extra>",
    }  # fmt: skip


def _heat(values: Sequence[Sequence[float | None]], x: Sequence[str], y: Sequence[str]) -> dict[str, Any]:
    most = max((abs(value) for row in values for value in row if value is not None), default=1) or 1
    return {
        "type": "heatmap", "z": values, "x": x, "y": y, "zmin": -most, "zmax": most, "colorscale": _SCALE, "xgap": 2, "ygap": 2,
        "hoverongaps": False, "colorbar": {"thickness": 10, "outlinewidth": 0, "nticks": 5},
    }  # fmt: skip


def _side(value: float | None) -> str:
    return MUTED if not value else PROFIT if value > 0 else LOSS


def _percent(title: str) -> dict[str, Any]:
    return {"title": {"text": title}, "ticksuffix": " %", "zeroline": True, "zerolinewidth": 1}


def _dollars(places: int) -> dict[str, Any]:
    return {"tickformat": f"$,.{places}f", "zeroline": True, "zerolinewidth": 1}


def _layout(height: int, *, hovermode: str = "closest") -> dict[str, Any]:
    return {
        "template": "none",
        "height": height,
        "margin": {"l": 8, "r": 8, "t": 24, "b": 8},
        "hovermode": hovermode,
        "showlegend": True if hovermode == "x" else None,
    }
