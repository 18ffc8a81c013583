"""Charts of the Chain & payoff page that change seldom: P&L over time and spot, and the volatility smile."""

from typing import Any

from trader.desk import Chain, Position, SpotMap
from trader.domain.expiry import IST
from trader.panel import parts
from trader.panel.echarts import MUTED, PNL, TRAIL

KEYS = (
    ("#b4232b", "max loss fires"),
    ("#e98a5b", "loss, more than half of it"),
    ("#f5d6a8", "loss"),
    ("#bfe3c6", "profit"),
    ("#63b77c", "profit, more than half of the target"),
    ("#12733a", "max profit fires"),
)


def map_spec(position: Position, seen: SpotMap) -> dict[str, Any]:
    """A square for each time and spot, coloured by what would have happened there: the exits' levels are the borders."""
    loss, gain = -float(position.exits.max_loss_pct), float(position.exits.max_profit_pct)
    borders = [None, loss, loss / 2, 0.0, gain / 2, gain, None]
    pieces = [
        {"color": color} | ({} if low is None else {"gte": low}) | ({} if high is None else {"lt": high})
        for low, high, (color, _) in zip(borders, borders[1:], KEYS, strict=False)
    ]
    times = [f"{at.astimezone(IST):%H:%M}" for at in seen.times]
    days = len({at.astimezone(IST).date() for at in seen.times}) > 1
    if days:
        times = [f"{at.astimezone(IST):%d %b %H:%M}" for at in seen.times]
    spots = [parts.spot(at) for at in seen.spots]
    cells = [[column, row, value] for column, values in enumerate(seen.pct) for row, value in enumerate(values)]
    return {
        "animation": False,
        "tooltip": {"confine": True, "formatter": f"{position.underlying} {{@[1]}}<br>P&amp;L {{@[2]}} %"},
        "grid": {"left": 4, "right": 8, "top": 8, "bottom": 4, "containLabel": True},
        "xAxis": {"type": "category", "data": times, "axisTick": {"show": False},
                  "axisLabel": {"interval": max(len(times) // (3 if days else 5), 1) - 1 or 1, "hideOverlap": True,
                                "alignMaxLabel": "right"}},
        "yAxis": [{"type": "category", "data": spots, "axisTick": {"show": False},
                   "axisLabel": {"interval": 9, "hideOverlap": True}}],
        "visualMap": {"type": "piecewise", "pieces": pieces, "show": False, "dimension": 2, "seriesIndex": 0},
        "series": [
            {"type": "heatmap", "data": cells, "progressive": 0, "emphasis": {"disabled": True},
             "markLine": _now_line(seen, position)},
        ],
    }  # fmt: skip


def _now_line(seen: SpotMap, position: Position) -> dict[str, Any]:
    label = {"formatter": f"{position.underlying} {parts.spot(position.spot)}", "position": "insideEndTop", "fontSize": 11,
             "color": "#1f2733"}  # fmt: skip
    return {
        "symbol": "none", "silent": True, "label": label, "lineStyle": {"color": PNL, "width": 2, "type": "solid"},
        "data": [{"yAxis": seen.here}],
    }  # fmt: skip


def map_words(position: Position, seen: SpotMap) -> str:
    """The map for a person who cannot see it."""
    still = seen.pct[-1][seen.here]
    low, high = parts.spot(seen.spots[0]), parts.spot(seen.spots[-1])
    return (
        f"P&L over time and spot, {position.underlying} {low} to {high}: now {parts.percent(seen.pct[0][seen.here])}, "
        f"at the end {parts.percent(still)} if spot stands still"
    )


def smile_spec(chain: Chain) -> dict[str, Any]:
    """Implied volatility by strike, calls and puts, what is picked marked."""
    sides = {
        "Calls": [(row.strike, row.call) for row in chain.rows],
        "Puts": [(row.strike, row.put) for row in chain.rows],
    }
    colors = {"Calls": PNL, "Puts": TRAIL}
    series: list[dict[str, Any]] = []
    for name, found in sides.items():
        known = [(float(strike), side) for strike, side in found if side is not None and side.iv is not None]
        series.append(
            {
                "name": name, "type": "line", "showSymbol": False, "itemStyle": {"color": colors[name]},
                "lineStyle": {"width": 2}, "tooltip": {"valueFormatter": "%.1f %%"},
                "data": [[strike, round(side.iv * 100, 2)] for strike, side in known if side.iv is not None],
            }
        )  # fmt: skip
        picked = [
            [strike, round(side.iv * 100, 2), side.picked]
            for strike, side in known
            if side.picked and side.iv is not None
        ]
        if picked:
            series.append(
                {
                    "name": f"{name} picked", "type": "scatter", "symbolSize": 11, "z": 5, "silent": True,
                    "itemStyle": {"color": colors[name]}, "tooltip": {"show": False},
                    "dimensions": ["strike", "iv", {"name": "what", "type": "ordinal"}],
                    "encode": {"x": "strike", "y": "iv"},
                    "label": {"show": True, "position": "top", "fontSize": 11, "formatter": "{@[2]}"},
                    "data": picked,
                }
            )  # fmt: skip
    if chain.spot is not None and series:
        series[0]["markLine"] = {
            "symbol": "none", "silent": True, "lineStyle": {"color": MUTED, "type": "solid", "width": 1},
            "label": {"formatter": f"{chain.underlying} {parts.spot(chain.spot)}", "fontSize": 11},
            "data": [{"xAxis": float(chain.spot)}],
        }  # fmt: skip
    return {
        "animation": False,
        "legend": {"top": 0, "left": 4, "itemHeight": 8, "itemWidth": 16, "data": list(sides)},
        "grid": {"left": 4, "right": 12, "top": 44, "bottom": 6, "containLabel": True},
        "tooltip": {"trigger": "axis", "confine": True},
        "xAxis": {"type": "value", "scale": True, "splitLine": {"show": False},
                  "axisLabel": {"hideOverlap": True, "alignMaxLabel": "right"}},
        "yAxis": [{"type": "value", "scale": True, "axisLabel": {"formatter": "{value} %"}}],
        "series": series,
    }  # fmt: skip


def smile_words(chain: Chain) -> str:
    """The smile for a person who cannot see it."""
    at = parts.percent(None if chain.atm_iv is None else chain.atm_iv * 100, signed=False)
    ivs = [side.iv * 100 for row in chain.rows for side in (row.call, row.put) if side and side.iv is not None]
    if not ivs:
        return "Implied volatility by strike: not known"
    return (
        f"Implied volatility by strike: {at} at the money, from {parts.percent(min(ivs), signed=False)} to "
        f"{parts.percent(max(ivs), signed=False)}"
    )
