"""A figure as a function of spot, of any shape: where it passes a level, and its best and worst. Floats, pure."""

from collections.abc import Callable, Iterable
from math import exp, log

_FARTHEST = 0.5  # spot is searched within half and one and a half times its present price
_STEP = 0.005  # of spot, between two looks; strikes are looked at besides, because that is where a payoff bends
_FINE = 1e-8  # of spot: how exactly a crossing is searched for
_MOST_STEPS = 60


class Profile:
    """A function of spot, looked at once on a grid around the spot of now.

    Two crossings that lie between the same two points of the grid are not seen; the grid is finer than what an hour moves spot.
    """

    def __init__(self, f: Callable[[float], float], spot: float, marks: Iterable[float] = ()) -> None:
        low, high = spot * (1 - _FARTHEST), spot * (1 + _FARTHEST)
        count = round(log(high / low) / _STEP)
        even = (low * exp(log(high / low) * number / count) for number in range(count + 1))
        self._f = f
        self._fine = spot * _FINE
        self.spots = tuple(sorted({spot, *even, *(mark for mark in marks if low < mark < high)}))
        self.values = tuple(f(at) for at in self.spots)

    def crossings(self, level: float) -> tuple[float, ...]:
        """Spots, ascending, at which the figure passes `level`."""
        found = []
        for left, right, before, after in zip(self.spots, self.spots[1:], self.values, self.values[1:], strict=False):
            if (before >= level) != (after >= level):
                found.append(_root(self._f, level, (left, before), (right, after), self._fine))
        return tuple(found)


def _root(
    f: Callable[[float], float], level: float, left: tuple[float, float], right: tuple[float, float], fine: float
) -> float:
    """Where `f` is `level` between two points on either side of it: regula falsi with the Illinois rule."""
    (a, at_a), (b, at_b) = (left[0], left[1] - level), (right[0], right[1] - level)
    if at_a == 0:
        return a
    moved = 0
    at = a
    for _ in range(_MOST_STEPS):
        last, at = at, (a * at_b - b * at_a) / (at_b - at_a)
        value = f(at) - level
        if value == 0 or abs(at - last) <= fine:
            break
        if (value > 0) == (at_a > 0):
            a, at_a = at, value
            at_b = at_b / 2 if moved > 0 else at_b
            moved = 1
        else:
            b, at_b = at, value
            at_a = at_a / 2 if moved < 0 else at_a
            moved = -1
    return at
