"""The payoff of a position as a chart that changes in place: now, later, at expiry, and where everything that ends it lies."""

import html
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from trader.desk import Fire, HeldLeg, Payoff, Position
from trader.domain.basis import basis_words
from trader.panel import format as fmt
from trader.panel import parts
from trader.panel.echarts import LOSS, MUTED, PNL, PROFIT, TRAIL

_COLORS = {
    "max_loss": LOSS,
    "trailing_stop": TRAIL,
    "max_profit": PROFIT,
    "breakeven": MUTED,
    "liquidation_guard": LOSS,
    "liquidation": LOSS,
}
_CROSS = "path://M2,0L5,3L8,0L10,2L7,5L10,8L8,10L5,7L2,10L0,8L3,5L0,2Z"
_HOVER_POINTS = 25
_LABEL_ROOM = 0.13  # of the width: what a name needs
_NAMES = {"now": "Now, cost to close", "expiry": "At expiry"}


def spec(position: Position, curves: Payoff, marks: Iterable[Fire], sigma: float | None) -> dict[str, Any]:
    """Its y axis counts % of the basis; dollars are read by hovering."""
    marks = tuple(marks)
    later = _later_name(position, curves)
    shown = {_NAMES["now"]: PNL, later: TRAIL, _NAMES["expiry"]: MUTED}
    return {
        "animation": False,
        "dataset": [{"source": _lines(position, curves)}, {"source": _hover_rows(position, curves)}],
        "legend": {"top": 2, "left": 4, "itemHeight": 8, "itemWidth": 16, "itemGap": 10, "data": list(shown)},
        "grid": {"left": 4, "right": 10, "top": 62, "bottom": 24, "containLabel": True},
        "tooltip": {"trigger": "axis", "confine": True, "formatter": _tip(position, later)},
        "xAxis": {
            "type": "value", "min": round(curves.spots[0], 1), "max": round(curves.spots[-1], 1),
            "splitLine": {"show": False},
            "axisLabel": {"hideOverlap": True, "showMinLabel": False, "showMaxLabel": False},
        },
        "yAxis": [_y_axis(position, curves, marks)],
        "series": [
            _line(_NAMES["expiry"], "expiry", MUTED, "dotted", 1.6),
            _line(later, "later", TRAIL, "solid", 1.8),
            _line(_NAMES["now"], "now", PNL, "solid", 2.4) | _levels(position, marks) | _bands(position, sigma),
            _hover(),
            _places(curves, marks),
            _uprights(position, curves, marks),
        ],
    }  # fmt: skip


def in_words(position: Position, marks: Iterable[Fire]) -> str:
    """The chart for a person who cannot see it."""
    said = [f"{one.name} at {_and(one.spots)}" for one in marks if one.spots]
    decimals = parts.places(position.basis.usd)
    now = parts.money(position.pnl, position.pct(float(position.pnl)), decimals)
    return f"Payoff: closing now {now} of {basis_words(position.basis.name)}; {'; '.join(said) or 'no exit within reach of spot'}"


def leg_name(leg: HeldLeg) -> str:
    """``C 80,000``, the space unbreakable."""
    return f"{leg.kind.value[0].upper()}\u00a0{leg.strike.normalize():,f}"


def _and(spots: Sequence[float]) -> str:
    return " and ".join(parts.spot(at) for at in spots)


def _later_name(position: Position, curves: Payoff) -> str:
    if curves.later is None or curves.later >= position.ends:
        return f"At the exit, {fmt.ist_day_time(position.ends)}"
    return f"At {fmt.ist_day_time(curves.later)}"


def _lines(position: Position, curves: Payoff) -> pa.Table:
    columns = {"now": curves.now, "later": curves.at_exit, "expiry": curves.at_expiry}
    scale = 100 / float(position.basis.usd)
    table = {name: pa.array(np.array(values, dtype=np.float32) * np.float32(scale)) for name, values in columns.items()}
    return pa.table({"spot": pa.array(np.array(curves.spots, dtype=np.float32)), **table})


def _hover_rows(position: Position, curves: Payoff) -> list[list[Any]]:
    """What is told by hovering, as many points as a hand can tell apart: where, its height, and everything in words."""
    decimals = parts.places(position.basis.usd)

    def share(usd: float) -> str:
        return parts.percent(position.pct(usd))

    rows = [
        [
            round(spot, 1), 0, parts.spot(spot), _short(parts.money(now, position.pct(now), decimals)),
            _short(share(later)), _short(share(settled)),
        ]
        for spot, now, later, settled in zip(curves.spots, curves.now, curves.at_exit, curves.at_expiry, strict=True)
    ]  # fmt: skip
    return rows[:: -(-len(rows) // _HOVER_POINTS)]


def _short(text: str) -> str:
    """For a tooltip, which breaks no lines: a second's refresh carries them all."""
    return text.replace(parts.JOINER, "").replace("\u00a0", " ")


def _tip(position: Position, later: str) -> str:
    return (
        f"<b>{html.escape(position.underlying)} {{@[2]}}</b><br>Now {{@[3]}}<br>{html.escape(later)} {{@[4]}}"
        "<br>At expiry {@[5]}"
    )


def _hover() -> dict[str, Any]:
    return {
        "type": "line", "datasetIndex": 1, "encode": {"x": 0, "y": 1}, "symbol": "none", "silent": True,
        "lineStyle": {"opacity": 0},
    }  # fmt: skip


def _line(name: str, column: str, color: str, kind: str, width: float) -> dict[str, Any]:
    return {
        "name": name, "type": "line", "datasetIndex": 0, "encode": {"x": "spot", "y": column}, "showSymbol": False,
        "lineStyle": {"width": width, "type": kind}, "itemStyle": {"color": color}, "tooltip": {"show": False},
    }  # fmt: skip


def _y_axis(position: Position, curves: Payoff, marks: Sequence[Fire]) -> dict[str, Any]:
    """From below the maximum loss to above the best; what falls further leaves the chart."""
    best = max(position.pct(max(max(curves.now), max(curves.at_exit), max(curves.at_expiry))), 10.0)
    worst = position.pct(min(min(curves.now), min(curves.at_expiry), min(curves.at_exit)))
    levels = [float(one.level_pct) for one in marks if one.level_pct is not None]
    low = max(worst, min([-50.0, *levels]) * 1.4)
    high = min(best, max([50.0, *levels]) * 2.0)
    room = (high - low) * 0.06
    return {
        "type": "value", "min": round(low - room, 1), "max": round(high + room, 1),
        "axisLabel": {"formatter": "{value} %", "showMinLabel": False, "showMaxLabel": False},
    }  # fmt: skip


def _levels(position: Position, marks: Sequence[Fire]) -> dict[str, Any]:
    """The exits' levels as lines across, each named."""
    data = [
        {
            "yAxis": float(one.level_pct),
            "lineStyle": {"color": _COLORS[one.code], "type": "dashed" if one.armed else "dotted", "width": 1.2},
            "label": {"formatter": f"{one.name} {parts.percent(one.level_pct, 0)}"},
        }
        for one in marks
        if one.level_pct is not None
    ]
    zero = {"yAxis": 0, "lineStyle": {"color": MUTED, "type": "solid", "width": 1}, "label": {"show": False}}
    label = {"position": "insideEndTop", "fontSize": 11}
    return {"markLine": {"symbol": "none", "silent": True, "label": label, "data": [zero, *data]}}


def _bands(position: Position, sigma: float | None) -> dict[str, Any]:
    """Where spot will likely be when the position ends: one deviation, two deviations."""
    if sigma is None:
        return {}
    spot = float(position.spot)
    data = [
        [{"xAxis": spot - many * sigma, "name": f"{many} σ", "itemStyle": {"opacity": 0.09}}, {"xAxis": spot + many * sigma}]
        for many in (2, 1)
    ]  # fmt: skip
    label = {"position": ["1%", "94%"], "fontSize": 10}
    return {"markArea": {"silent": True, "itemStyle": {"color": PNL}, "label": label, "data": data}}


def _places(curves: Payoff, marks: Sequence[Fire]) -> dict[str, Any]:
    """A cross where an exit fires on the line of now, a ring where the payoff at expiry passes zero."""
    data = []
    for one in marks:
        ring = one.code == "breakeven"
        if not ring and one.level_pct is None:
            continue
        height = 0.0 if one.level_pct is None else float(one.level_pct)
        look: dict[str, Any] = {"itemStyle": {"color": _COLORS[one.code]}}
        if ring:
            look |= {"symbol": "emptyCircle"}
        if ring or height < 0:
            look |= {"label": {"position": "bottom"}}
        inside = [at for at in one.spots if curves.spots[0] <= at <= curves.spots[-1]]
        data += [{"value": [at, height, parts.spot(at)], **look} for at in inside]
    return {
        "type": "scatter", "silent": True, "tooltip": {"show": False}, "z": 5, "symbol": _CROSS, "symbolSize": 10,
        "label": {"show": True, "position": "top", "fontSize": 11, "formatter": "{@[2]}"},
        "labelLayout": {"hideOverlap": True}, "data": data,
    }  # fmt: skip


def _uprights(position: Position, curves: Payoff, marks: Sequence[Fire]) -> dict[str, Any]:
    """Spot, strikes and liquidation; a name that has no room in its row takes the next one, or none."""
    strikes: dict[float, list[str]] = {}
    for leg in position.legs:
        strikes.setdefault(float(leg.strike), []).append(f"{'−' if leg.units < 0 else '+'}{leg_name(leg)}")
    lines = [(float(position.spot), f"{position.underlying} {parts.spot(position.spot)}", PNL, "solid", 2.0)]
    lines += [(at, " ".join(names), MUTED, "dashed", 1.0) for at, names in strikes.items()]
    dots = {"liquidation": 1.6, "liquidation_guard": 1.0}
    lines += [(at, one.name, LOSS, "dotted", dots[one.code]) for one in marks if one.code in dots for at in one.spots]
    room = (curves.spots[-1] - curves.spots[0]) * _LABEL_ROOM
    taken: list[tuple[float, int]] = []
    data = []
    for at, name, color, kind, width in lines:
        if not curves.spots[0] <= at <= curves.spots[-1]:
            continue
        row = next((row for row in (0, 1) if all(abs(at - other) > room for other, r in taken if r == row)), None)
        label: dict[str, Any] = {"show": False}
        if row is not None:
            taken.append((at, row))
            label = {"formatter": name, "position": "end", "distance": 3 + 14 * row}
        data.append({"xAxis": at, "lineStyle": {"color": color, "type": kind, "width": width}, "label": label})
    return {
        "type": "line", "data": [], "silent": True, "tooltip": {"show": False},
        "markLine": {"symbol": "none", "silent": True, "label": {"fontSize": 11}, "data": data},
    }  # fmt: skip
