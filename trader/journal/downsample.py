"""Fewer points for a chart without losing what matters: the first, the last, every bucket's lowest and highest. Pure."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")


def keep_extremes(
    points: Sequence[T], value: Callable[[T], float | None], most: int, pinned: Iterable[int] = ()
) -> list[T]:
    """At most `most` of `points`, in their order; and all those at the `pinned` positions besides.

    Equal buckets by position; of each the point of lowest and of highest `value` stays (a bucket without values keeps
    its first point), besides the series' first and last.

    Raises:
        ValueError: `most` is below 4.
    """
    if most < 4:
        raise ValueError(f"expected at least 4 points, was {most}")
    count = len(points)
    if count <= most:
        return list(points)
    buckets = (most - 2) // 2
    kept = {0, count - 1, *pinned}
    for bucket in range(buckets):
        start, end = bucket * count // buckets, (bucket + 1) * count // buckets
        low = high = start
        low_value = high_value = None
        for index in range(start, end):
            v = value(points[index])
            if v is None:
                continue
            if low_value is None or v < low_value:
                low, low_value = index, v
            if high_value is None or v > high_value:
                high, high_value = index, v
        kept.add(low)
        kept.add(high)
    return [points[index] for index in sorted(kept)]
