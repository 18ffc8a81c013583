"""P&L of a position over time and spot, implied volatility of each leg held as it is now. Pure."""

from datetime import datetime

import msgspec

from trader.desk.payoff import deviation, span
from trader.desk.position import Position, standing
from trader.engine.spot_curve import Curve

COLUMNS, ROWS = 49, 61
_SIGMAS = 3.0


class SpotMap(msgspec.Struct, frozen=True, kw_only=True):
    """`pct[column][row]`: P&L in % of the basis, cost to close, at `times[column]` and `spots[row]`. The first time is now, the
    last when the position ends."""

    times: tuple[datetime, ...]
    spots: tuple[float, ...]
    pct: tuple[tuple[float, ...], ...]
    here: int  # the row of the spot of now


def spot_map(position: Position, columns: int = COLUMNS, rows: int = ROWS) -> SpotMap:
    """Evenly spaced times and spots, the spot of now in the middle row."""
    legs = standing(position)
    sigma = deviation(position)
    low, high = span(legs.spot, [leg.strike for leg in legs.legs], (), sigma)
    reach = max(legs.spot - low, high - legs.spot, (sigma or 0.0) * _SIGMAS * 0.7)
    reach = min(reach, legs.spot * 0.9)
    half = rows // 2
    spots = [legs.spot + reach * (row - half) / half for row in range(2 * half + 1)]
    length = position.ends - position.market
    times = [position.market + length * column / (columns - 1) for column in range(columns)]
    table = []
    for when in times:
        curve = Curve(legs, when)
        table.append(tuple(round(position.pct(curve(spot)), 1) for spot in spots))
    return SpotMap(times=tuple(times), spots=tuple(spots), pct=tuple(table), here=half)
