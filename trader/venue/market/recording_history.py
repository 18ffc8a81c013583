"""The past of a replayed recording: its marks and index as candles. A recording of quotes knows of no trades.

Marks are looked at every minute (every five in recordings over ten days) and at the recorded instants; what was looked at
once is kept, since it cannot change.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence

import numpy as np

from trader.venue.market.bar_arrays import bars_of
from trader.venue.market.base import Bar
from trader.venue.market.premium import INTEREST_PCT

_FINE_MS, _COARSE_MS = 60_000, 300_000
_FINE_SPAN_MS = 10 * 86_400_000
FUNDING_PCT = INTEREST_PCT  # the perpetual is made up at the index, so there is no premium to add


class _Looked(list[tuple[int, float]]):
    """Observations of one series in order, and up to when it was looked at."""

    until_ms: int = -1


class RecordingHistory:
    """Observations of a recording's series between `first_ms` and the instant reached."""

    def __init__(self, first_ms: int, last_ms: int) -> None:
        self._first_ms = first_ms
        self._step_ms = _FINE_MS if last_ms - first_ms <= _FINE_SPAN_MS else _COARSE_MS
        self._looked: dict[object, _Looked] = {}

    def observations(
        self, key: object, since_ms: int, now_ms: int, recorded: Sequence[int], value: Callable[[int], float]
    ) -> list[tuple[int, float]]:
        """(instant, value) of a series from `since_ms` to `now_ms`; `recorded` are instants to look at besides."""
        looked = self._looked.get(key)
        if looked is None:
            looked = self._looked[key] = _Looked()
            looked.until_ms = max(since_ms, self._first_ms) - 1
        if now_ms > looked.until_ms:
            first = -(-(looked.until_ms + 1) // self._step_ms) * self._step_ms
            own = recorded[bisect_right(recorded, looked.until_ms) : bisect_right(recorded, now_ms)]
            instants = sorted({*range(first, now_ms + 1, self._step_ms), *own})
            looked.extend((instant, value(instant)) for instant in instants)
            looked.until_ms = now_ms
        return looked


def bars_between(
    observed: Sequence[tuple[int, float]], width_ms: int, offset_ms: int, from_ms: int, until_ms: int
) -> list[Bar]:
    """Bars of the observations from the bucket of `from_ms` on, up to `until_ms`."""
    begin = (from_ms - offset_ms) // width_ms * width_ms + offset_ms
    low, high = bisect_left(observed, (begin, float("-inf"))), bisect_right(observed, (until_ms, float("inf")))
    if low >= high:
        return []
    instants, values = zip(*observed[low:high], strict=True)
    return bars_of(np.array(instants, np.int64), np.array(values), width_ms, offset_ms)
