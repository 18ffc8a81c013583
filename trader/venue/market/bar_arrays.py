"""`trader.venue.market.bars` for arrays of observations: years of them in one go."""

import numpy as np
from numpy.typing import NDArray

from trader.venue.market.base import Bar

Floats = NDArray[np.float64]
Instants = NDArray[np.int64]


def bars_of(
    instants: Instants, values: Floats, width_ms: int, offset_ms: int, volumes: Floats | None = None
) -> list[Bar]:
    """Bars of observations in ascending order of time; buckets without one are left out."""
    if len(instants) == 0:
        return []
    buckets = (instants - offset_ms) // width_ms
    firsts = np.flatnonzero(np.diff(buckets, prepend=buckets[0] - 1))
    lasts = np.append(firsts[1:], len(instants)) - 1
    highs, lows = np.maximum.reduceat(values, firsts), np.minimum.reduceat(values, firsts)
    sums = np.zeros(len(firsts)) if volumes is None else np.add.reduceat(volumes, firsts)
    columns = (
        buckets[firsts] * width_ms + offset_ms,
        values[firsts],
        highs,
        lows,
        values[lasts],
        sums,
        instants[firsts],
        instants[lasts],
    )
    return [
        Bar(start_ms=start, open=o, high=h, low=low, close=c, volume=v, first_ms=first, last_ms=last)
        for start, o, h, low, c, v, first, last in zip(*(column.tolist() for column in columns), strict=True)
    ]
