"""What spot, volatility and time have done to one contract between two samples, per unit of underlying held long.

Samples that lie close together and have greeks are read by the trapezoidal rule over those greeks. Farther apart the greeks at the
ends tell too little of what lies between: there the option is priced by Black-76 along the straight line from one sample
to the other, in spot, volatility and time. The sum of all parts is then what the model says of the ends; how it is divided
between gamma and theta rests on the straight line, since the way the market took was not seen.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from trader.domain.instrument import Kind
from trader.pricing.black76 import greeks, year_fraction
from trader.pricing.implied_vol import credible_vol, implied_vol

APART = timedelta(seconds=90)  # samples of a run are taken at most a minute apart, unless something was missing
_POINTS, _FEW = 32, 2  # at which an option is priced between two samples that lie farther apart, and that do not
_DAY = timedelta(days=1)


class Greeks(msgspec.Struct, frozen=True):
    """Of one unit of underlying held long, USD: for 1 USD of spot (delta), a day (theta), a point of volatility (vega)."""

    delta: float
    theta: float
    vega: float


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A leg at an instant: spot and mark in USD, `iv` a fraction per year, greeks where they were known."""

    at: datetime
    spot: float
    mark: float
    iv: float | None
    greeks: Greeks | None


class Option(msgspec.Struct, frozen=True):
    """What prices a contract, beside the market."""

    kind: Kind
    strike: float
    expiry: datetime


class Parts(NamedTuple):
    """USD per unit. `priced`: by Black-76 along the way, else by the greeks of the samples."""

    delta: float
    gamma: float
    theta: float
    vega: float
    priced: bool


def explain(before: Seen, after: Seen, option: Option | None) -> Parts | None:
    """The parts of the change of mark. None where neither greeks nor a volatility were known."""
    first, last, span = before.greeks, after.greeks, after.at - before.at
    if option is not None and (first is None or last is None or before.iv is None or after.iv is None or span > APART):
        found = _along(before, after, option)
        if found is not None:
            return found
    first, last = first or last, last or first
    if first is None or last is None:
        return None
    move = after.spot - before.spot
    return Parts(
        first.delta * move,
        (last.delta - first.delta) / 2 * move,
        (first.theta + last.theta) / 2 * (span / _DAY),
        0.0 if before.iv is None or after.iv is None else (first.vega + last.vega) * 50 * (after.iv - before.iv),
        False,
    )


def _along(before: Seen, after: Seen, option: Option) -> Parts | None:
    """Midpoint rule along the straight line; None where no volatility prices either end."""
    first, last = _vol(before, option), _vol(after, option)
    first, last = first or last, last or first
    if first is None or last is None or min(before.spot, after.spot) <= 0:
        return None
    years = year_fraction(before.at, option.expiry)
    passed = years - year_fraction(after.at, option.expiry)
    move, change = after.spot - before.spot, last - first
    points = _POINTS if after.at - before.at > APART else _FEW
    delta = theta = vega = 0.0
    for number in range(points):
        share = (number + 0.5) / points
        here = greeks(
            before.spot + share * move, option.strike, first + share * change, years - share * passed, option.kind
        )
        delta, theta, vega = delta + here.delta, theta + here.theta, vega + here.vega
    start = greeks(before.spot, option.strike, first, years, option.kind).delta * move
    return Parts(
        delta=start,
        gamma=delta / points * move - start,
        theta=theta / points * passed * 365,
        vega=vega / points * change * 100,
        priced=True,
    )


def _vol(seen: Seen, option: Option) -> float | None:
    """As it was told, else that which gives the mark."""
    return credible_vol(seen.iv) or implied_vol(
        seen.mark, seen.spot, option.strike, year_fraction(seen.at, option.expiry), option.kind
    )
