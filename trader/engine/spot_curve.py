"""P&L of what is open against spot, at one instant: every option by Black-76 at its implied volatility of the moment.

What buying back costs above the model today (half a spread, an ask that is off) is kept while spot moves, and shrinks with the
option's own value while time passes. Fees are in. With short options only, P&L has one peak and falls away on both sides; with
long ones it may do anything, so it is looked at step by step.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from math import isfinite

import msgspec

from trader.domain.instrument import Kind
from trader.pricing.black76 import price, price_by_forward, year_fraction
from trader.pricing.fees import GST
from trader.pricing.smile import Smile

_SHORTLY_BEFORE = timedelta(minutes=30)
_FARTHEST = 0.5  # spot is searched within half and one and a half times its present price
_GOLDEN = 0.6180339887498949
_FINE = 1e-6  # of spot: how exactly a spot is searched for
_PEAK_FINE = 1e-4  # P&L is flat at its peak
_MOST_STEPS = 60
_WALK = 100  # steps from one end within reach to the other
_WITH_TAX = 1 + float(GST)


def shortly_before(exit_at: datetime, now: datetime) -> datetime:
    """Half an hour before the exit, or the exit itself where that is nearer: the last hour that is worth a look ahead."""
    out = max(exit_at, now)
    return before if (before := out - _SHORTLY_BEFORE) > now else out


class OpenLeg(msgspec.Struct, frozen=True, kw_only=True):
    """What is open of one option, in floats. `size` is units of the underlying, negative for what is long; `closing` the USD
    per unit that a P&L counts closing at now; `vol` a fraction per year; fee rate and cap as in `trader.pricing.fees`."""

    kind: Kind
    strike: float
    expiry: datetime
    vol: float
    size: float
    closing: float
    fee_rate: float
    fee_cap: float | None
    mark: float | None = None  # where it is not what the model says, the difference is kept like that of `closing`


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """All that is open, and what it stands on. `banked`: USD taken in so far, less fees paid. `smile`: the shape of the expiry's
    volatilities, where it is known."""

    legs: tuple[OpenLeg, ...]
    spot: float
    banked: float
    now: datetime
    smile: Smile | None = None

    @property
    def has_no_best(self) -> bool:
        """Whether more is long than short of a kind: then P&L grows as long as spot moves that way."""
        return any(sum(leg.size for leg in self.legs if leg.kind is kind) < 0 for kind in Kind)

    def settled(self, spot: float) -> float:
        """USD left of all when what is open is settled at `spot`, without a fee for it."""
        total = self.banked
        for leg in self.legs:
            inside = spot - leg.strike if leg.kind is Kind.CALL else leg.strike - spot
            total -= leg.size * max(inside, 0.0)
        return total


class Curve:
    """P&L (USD, cost to close) of a `Standing` against spot at `when`; at its own instant and spot it is the P&L of now. Each
    option keeps its volatility or, with a `smile`, gets the one that moves with spot."""

    def __init__(self, standing: Standing, when: datetime, smile: Smile | None = None) -> None:
        self._banked = standing.banked
        self._spot = standing.spot
        self._legs = [_terms(leg, standing, when, smile) for leg in standing.legs]
        self._is_hill = all(leg.size >= 0 for leg in standing.legs)
        self._peak: tuple[float, float] | None = None
        self._walked: list[tuple[float, float]] = []

    def __call__(self, spot: float) -> float:
        cost = 0.0
        for worth, above, size, rate, cap in self._legs:
            closing = max(worth(spot) + above, 0.0)
            fee = rate * spot if cap is None else min(rate * spot, cap * closing)
            cost += size * closing + abs(size) * fee
        return self._banked - cost

    @property
    def peak(self) -> tuple[float, float]:
        """The spot within reach at which P&L is best, and that P&L."""
        if self._peak is None:
            here = (self(self._spot), self._spot)
            best, at = max(here, self._top())
            self._peak = (at, best)
        return self._peak

    def _top(self) -> tuple[float, float]:
        """The best P&L within reach and its spot."""
        low, high = self._spot * (1 - _FARTHEST), self._spot * (1 + _FARTHEST)
        if not self._is_hill:
            places = [at for _, at in self._walk]
            place = max(range(len(places)), key=lambda number: self._walk[number])
            low, high = places[max(place - 1, 0)], places[min(place + 1, len(places) - 1)]
        top = _maximum(self, low, high, self._spot * _PEAK_FINE)
        best = [(self(top), top)]
        return max(best if self._is_hill else [*best, *self._walk])

    @property
    def _walk(self) -> list[tuple[float, float]]:
        """P&L at spots from one end within reach to the other."""
        if not self._walked:
            step = 2 * _FARTHEST / _WALK
            spots = [self._spot * (1 - _FARTHEST + number * step) for number in range(_WALK + 1)]
            self._walked = [(self(at), at) for at in spots]
        return self._walked

    def range_above(self, level: float) -> tuple[float | None, float | None]:
        """The lowest and the highest spot between which P&L is at least `level`; None for an end that lies out of reach, both
        where no spot brings that much. Of several such stretches the one that spot is in, else that of the peak."""
        at, best = self.peak
        if best < level:
            return None, None
        if not self._is_hill and self(self._spot) >= level:
            at = self._spot
        return self._end(level, at, -1), self._end(level, at, 1)

    def _end(self, level: float, at: float, way: int) -> float | None:
        """Where P&L falls below `level` on the way from `at` downwards (-1) or upwards."""
        outside = self._spot * (1 + way * _FARTHEST)
        if not self._is_hill:
            for value, spot in self._walk[::way]:
                if (spot - at) * way > 0:
                    if value < level:
                        outside = spot
                        break
                    at = spot
        return _crossing(self, level, at, outside, self._spot * _FINE)


_Terms = tuple[Callable[[float], float], float, float, float, float | None]


def spot_of_mark(
    leg: OpenLeg, standing: Standing, when: datetime, mark: float, smile: Smile | None = None
) -> float | None:
    """The spot at which an option's mark rises to `mark` at `when`; None where no spot within reach brings it there."""
    worth = _worth(leg, standing, when, smile)
    above = 0.0 if leg.mark is None else _kept_above(leg.mark, leg, standing, when, worth)
    way = 1 if leg.kind is Kind.CALL else -1
    near, far = (standing.spot * (1 - side * way * _FARTHEST) for side in (1, -1))
    return _crossing(lambda spot: -worth(spot) - above, -mark, near, far, standing.spot * _FINE)


def _worth(leg: OpenLeg, standing: Standing, when: datetime, smile: Smile | None) -> Callable[[float], float]:
    """What an option is worth by spot at `when`."""
    years = year_fraction(when, leg.expiry)
    if smile is None:
        return price_by_forward(leg.strike, leg.vol, years, leg.kind)
    return lambda spot: price(
        spot, leg.strike, smile.moved(leg.vol, leg.strike, standing.spot, spot, years), years, leg.kind
    )


def _kept_above(
    paid: float, leg: OpenLeg, standing: Standing, when: datetime, worth: Callable[[float], float]
) -> float:
    """By how much a price of today stands above the model's; it shrinks with the option's value while time passes."""
    today = price(standing.spot, leg.strike, leg.vol, year_fraction(standing.now, leg.expiry), leg.kind)
    above = paid - today
    return above * min(worth(standing.spot) / today, 1.0) if when > standing.now and today > 0 else above


def _terms(leg: OpenLeg, standing: Standing, when: datetime, smile: Smile | None) -> _Terms:
    """A leg at `when`: its worth by spot, what closing costs above that, its size, fee rate and fee cap with tax."""
    worth = _worth(leg, standing, when, smile)
    above = _kept_above(leg.closing, leg, standing, when, worth)
    cap = None if leg.fee_cap is None else leg.fee_cap * _WITH_TAX
    return worth, above, leg.size, leg.fee_rate * _WITH_TAX, cap


def _maximum(f: Callable[[float], float], low: float, high: float, fine: float) -> float:
    """Where a function with one peak has it, by golden section."""
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = f(left), f(right)
    while high - low > fine:
        if at_left >= at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = f(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = f(right)
    return (low + high) / 2


def _crossing(f: Callable[[float], float], level: float, inside: float, outside: float, fine: float) -> float | None:
    """Where a function falls below `level` on the way from `inside` to `outside`: at `inside` where it is below there already, None
    where it never is. Regula falsi, with the Illinois rule: an end that has stayed twice weighs half."""
    above, below = f(inside) - level, f(outside) - level
    if not (below < 0 and isfinite(above - below)):
        return None
    if above < 0:
        return inside
    moved = 0
    middle = inside
    for _ in range(_MOST_STEPS):
        last, middle = middle, (inside * below - outside * above) / (below - above)
        value = f(middle) - level
        if abs(middle - last) <= fine or value == 0:
            break
        if value > 0:
            inside, above = middle, value
            below = below / 2 if moved > 0 else below
            moved = 1
        else:
            outside, below = middle, value
            above = above / 2 if moved < 0 else above
            moved = -1
    return middle
