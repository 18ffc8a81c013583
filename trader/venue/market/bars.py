"""Puts observations of a series into the buckets of a candle. Pure; instants are milliseconds since 1970."""

from collections.abc import Iterable, Sequence

from trader.venue.market.base import Bar, Print


def bucket_of(instant_ms: int, width_ms: int, offset_ms: int) -> int:
    """The beginning of the bucket an instant lies in."""
    return (instant_ms - offset_ms) // width_ms * width_ms + offset_ms


def observed(at_ms: int, value: float, *, start_ms: int, volume: float = 0.0) -> Bar:
    """The bar of one observation."""
    return Bar(
        start_ms=start_ms,
        open=value,
        high=value,
        low=value,
        close=value,
        volume=volume,
        first_ms=at_ms,
        last_ms=at_ms,
    )


def bars_of_prints(prints: Iterable[Print], width_ms: int, offset_ms: int) -> list[Bar]:
    """Bars of some trades, oldest first."""
    found: dict[int, Bar] = {}
    for each in prints:
        start = bucket_of(each.ts_ms, width_ms, offset_ms)
        bar = observed(each.ts_ms, float(each.price), start_ms=start, volume=each.size)
        known = found.get(start)
        found[start] = bar if known is None else merge(known, bar)
    return list(found.values())


def merge(left: Bar, right: Bar) -> Bar:
    """One bucket seen by two observers."""
    return Bar(
        start_ms=left.start_ms,
        open=left.open if left.first_ms <= right.first_ms else right.open,
        high=max(left.high, right.high),
        low=min(left.low, right.low),
        close=left.close if left.last_ms > right.last_ms else right.close,
        volume=left.volume + right.volume,
        first_ms=min(left.first_ms, right.first_ms),
        last_ms=max(left.last_ms, right.last_ms),
    )


def merge_bars(left: Sequence[Bar], right: Sequence[Bar]) -> list[Bar]:
    """Two runs of bars of the same buckets as one, ascending."""
    found = {bar.start_ms: bar for bar in left}
    for bar in right:
        known = found.get(bar.start_ms)
        found[bar.start_ms] = bar if known is None else merge(known, bar)
    return [found[start] for start in sorted(found)]
