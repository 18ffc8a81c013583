"""How values lie: quartiles, histograms with round edges, the interval of a mean. Floats, for the eye."""

import math
from collections.abc import Sequence

import msgspec

from trader.analytics.ratios import percentile

_Z95 = 1.959963984540054
_MOST_BINS = 30


class Bin(msgspec.Struct, frozen=True, array_like=True):
    """So many values from `low` up to, and without, `high`."""

    low: float
    high: float
    count: int


class Quartiles(msgspec.Struct, frozen=True):
    """Nearest rank."""

    low: float
    q1: float
    median: float
    q3: float
    high: float


def quartiles(values: Sequence[float]) -> Quartiles | None:
    """Of values in any order; None where there is none."""
    ordered = sorted(values)
    found = [percentile(ordered, share) for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
    known = [one for one in found if one is not None]
    return Quartiles(*known) if known else None


def histogram(values: Sequence[float], most: int = _MOST_BINS) -> tuple[Bin, ...]:
    """At most so many bins whose edges are multiples of a round width, so that 0 is an edge. The empty ones between are told too."""
    if not values:
        return ()
    low, high = min(values), max(values)
    width = _width((high - low) / (most - 1) or abs(high) / 10 or 1.0)
    first, last = math.floor(low / width), math.floor(high / width)
    counts = [0] * (last - first + 1)
    for one in values:
        counts[math.floor(one / width) - first] += 1
    return tuple(Bin((first + n) * width, (first + n + 1) * width, count) for n, count in enumerate(counts))


def mean_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """The 95 % interval of a mean by its standard error (normal); None for fewer than two values."""
    if len(values) < 2:
        return None
    mean = math.fsum(values) / len(values)
    spread = math.sqrt(math.fsum((one - mean) ** 2 for one in values) / (len(values) - 1))
    reach = _Z95 * spread / math.sqrt(len(values))
    return mean - reach, mean + reach


def _width(least: float) -> float:
    """The next of 1, 2 and 5 times a power of ten that is not smaller."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= least * (1 - 1e-9))
