"""The shape of an expiry's implied volatilities over its strikes, and what becomes of an option's when the shape moves with spot.

Strikes count by their distance from spot in deviations of time, ``z = ln(strike / spot) / sqrt(years)``, so that the shape fits a
shorter time as well as it did the longer one (sticky moneyness, which for one smile is the same as sticky delta).
"""

from collections.abc import Iterable, Sequence
from math import log, sqrt

import msgspec

_LEAST_POINTS = 5
_SHARE = 0.2  # of its volatility an option always keeps


class Smile(msgspec.Struct, frozen=True, kw_only=True):
    """Volatility (fraction per year) is ``level + skew * z + convexity * z²`` between `low` and `high`, and flat beyond. The level is
    not kept: each option has its own of the moment."""

    skew: float
    convexity: float
    low: float
    high: float

    def moved(self, vol: float, strike: float, spot: float, there: float, years: float) -> float:
        """The volatility at `there` of an option that has `vol` at `spot`, with the smile carried along."""
        if years <= 0:
            return vol
        change = self._at(strike, there, years) - self._at(strike, spot, years)
        return max(vol + change, vol * _SHARE)

    def _at(self, strike: float, spot: float, years: float) -> float:
        z = min(max(log(strike / spot) / sqrt(years), self.low), self.high)
        return z * (self.skew + z * self.convexity)


def fit_smile(points: Iterable[tuple[float, float]], spot: float, years: float) -> Smile | None:
    """Least squares over strikes and their volatilities; None of too few. Strikes further out than three deviations, where a
    volatility is more of the tick than of the market, are left out."""
    if years <= 0 or spot <= 0:
        return None
    all_of = [(log(strike / spot) / sqrt(years), vol) for strike, vol in points if strike > 0]
    if not all_of:
        return None
    _, level = min((abs(z), vol) for z, vol in all_of)
    near = sorted((z, vol) for z, vol in all_of if abs(z) <= 3 * level)
    if len({z for z, _ in near}) < _LEAST_POINTS:
        return None
    found = _solved([[sum(z ** (row + column) for z, _ in near) for column in range(3)]
                     + [sum(vol * z**row for z, vol in near)] for row in range(3)])  # fmt: skip
    return None if found is None else Smile(skew=found[1], convexity=found[2], low=near[0][0], high=near[-1][0])


def _solved(rows: list[list[float]]) -> Sequence[float] | None:
    """The unknowns of as many linear equations; None where they do not tell them apart."""
    size = len(rows)
    for place in range(size):
        best = max(range(place, size), key=lambda row: abs(rows[row][place]))
        rows[place], rows[best] = rows[best], rows[place]
        if abs(rows[place][place]) < 1e-12:
            return None
        for row in range(size):
            if row != place:
                share = rows[row][place] / rows[place][place]
                rows[row] = [one - share * other for one, other in zip(rows[row], rows[place], strict=True)]
    return [rows[place][size] / rows[place][place] for place in range(size)]
