"""Minute bars of series that are observed as they happen and cannot be computed again."""

from collections import deque
from collections.abc import Sequence

from trader.venue.market.bars import bucket_of, merge
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
        if last is None or last.start_ms != start:
            if last is not None and start < last.start_ms:
                return
            bars.append(
                Bar(
                    start_ms=start,
                    open=value,
                    high=value,
                    low=value,
                    close=value,
                    volume=volume,
                    first_ms=at_ms,
                    last_ms=at_ms,
                )
            )
            return
        bars[-1] = Bar(
            start_ms=start,
            open=last.open,
            high=max(last.high, value),
            low=min(last.low, value),
            close=value,
            volume=last.volume + volume,
            first_ms=last.first_ms,
            last_ms=at_ms,
        )

    def bars(self, key: object, width_ms: int, offset_ms: int, from_ms: int, until_ms: int) -> list[Bar]:
        """Bars of wider buckets. A minute belongs to the bucket it begins in, so none is narrower than a minute."""
        begin = bucket_of(from_ms, width_ms, offset_ms)
        found: dict[int, Bar] = {}
        for bar in self._bars.get(key, ()):
            if bar.last_ms < begin or bar.first_ms > until_ms:
                continue
            start = bucket_of(max(bar.start_ms, begin), width_ms, offset_ms)
            known = found.get(start)
            found[start] = _starting(bar, start) if known is None else merge(known, _starting(bar, start))
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


def _starting(bar: Bar, start_ms: int) -> Bar:
    return Bar(
        start_ms=start_ms,
        open=bar.open,
        high=bar.high,
        low=bar.low,
        close=bar.close,
        volume=bar.volume,
        first_ms=bar.first_ms,
        last_ms=bar.last_ms,
    )
