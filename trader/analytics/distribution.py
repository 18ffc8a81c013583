"""How values lie: quartiles, histograms with round edges, the interval of a mean. Floats, for the eye."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

import msgspec

from trader.analytics.ratios import Z95, mean_and_spread, percentile

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
    ordered = sorted(values)
    least, largest = ordered[0], ordered[-1]
    width = _width((largest - least) / (most - 1) or abs(largest) / 10 or 1.0)
    first, last = math.floor(least / width), math.floor(largest / width) + 1
    first -= first * width > least  # a quotient that was rounded
    last += last * width <= largest
    edges = [number * width for number in range(first, last + 1)]
    below = [bisect_left(ordered, edge) for edge in edges]
    counts = (after - before for before, after in pairwise(below))
    return tuple(Bin(low, high, count) for (low, high), count in zip(pairwise(edges), counts, strict=True))


def mean_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """The 95 % interval of a mean by its standard error (normal); None for fewer than two values."""
    if len(values) < 2:
        return None
    mean, spread = mean_and_spread(values)
    reach = Z95 * spread / math.sqrt(len(values))
    return mean - reach, mean + reach


def _width(least: float) -> float:
    """The next of 1, 2 and 5 times a power of ten that is not smaller."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= least * (1 - 1e-9))
