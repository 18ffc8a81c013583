"""Minute bars of series that are observed as they happen and cannot be computed again."""

from collections import deque
from collections.abc import Sequence

from msgspec.structs import replace

from trader.venue.market.bars import bucket_of, merge, observed
from trader.venue.market.base import Bar

MINUTE_MS = 60_000


class BarStore:
    """The newest minutes of any number of series."""

    def __init__(self) -> None:
        self._bars: dict[object, deque[Bar]] = {}

    def observe(self, key: object, at_ms: int, value: float, *, volume: float = 0.0, kept: int) -> None:
        """A value of a series at an instant not before the last one; `kept` minutes are remembered."""
        start = bucket_of(at_ms, MINUTE_MS, 0)
        bars = self._bars.get(key)
        if bars is None:
            bars = self._bars[key] = deque(maxlen=kept)
        last = bars[-1] if bars else None
        bar = observed(at_ms, value, start_ms=start, volume=volume)
        if last is None or start > last.start_ms:
            bars.append(bar)
        elif start == last.start_ms:
            bars[-1] = merge(last, bar)

    def bars(self, key: object, width_ms: int, offset_ms: int, from_ms: int, until_ms: int) -> list[Bar]:
        """Bars of wider buckets. A minute belongs to the bucket it begins in, so none is narrower than a minute."""
        begin = bucket_of(from_ms, width_ms, offset_ms)
        found: dict[int, Bar] = {}
        for bar in self._bars.get(key, ()):
            if bar.last_ms < begin or bar.first_ms > until_ms:
                continue
            start = bucket_of(max(bar.start_ms, begin), width_ms, offset_ms)
            known, wider = found.get(start), replace(bar, start_ms=start)
            found[start] = wider if known is None else merge(known, wider)
        return list(found.values())

    def values(self, key: object, instants: Sequence[int]) -> list[float | None]:
        """The series at some ascending instants, to the minute; None before its first observation."""
        bars = list(self._bars.get(key, ()))
        found: list[float | None] = []
        at = 0
        for instant in instants:
            while at < len(bars) and bars[at].first_ms <= instant:
                at += 1
            found.append(bars[at - 1].close if at else None)
        return found

    def forget(self, key: object) -> None:
        """Drop a series."""
        self._bars.pop(key, None)
