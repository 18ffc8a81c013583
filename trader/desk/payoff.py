"""The payoff of a position: P&L against spot now, at a later hour and at expiry, and the spot of everything that ends it. Pure.

Every curve is the engine's own (`trader.engine.spot_curve`): at the spot of now, the first of them is the P&L the page tells.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from math import sqrt

import msgspec
from msgspec.structs import replace

from trader.desk.position import HeldLeg, Position, payoff_legs, standing
from trader.desk.values import Code, Fire, Payoff
from trader.domain.order import Side
from trader.engine.ladder import IN_PORTFOLIO
from trader.engine.liquidation import Limit, source
from trader.engine.shown import money_digits, rounded, spot_digits
from trader.engine.spot_curve import Curve, Standing, shortly_before, spot_of_mark
from trader.pricing.black76 import year_fraction
from trader.pricing.payoff import breakevens, max_loss, max_profit
from trader.pricing.profile import Profile

_POINTS = 80
_MARGIN = 0.25  # of the payoff's width, beyond its outermost marks
_SIGMAS = 2.0  # the payoff shows at least so far
_FARTHEST = 5.0  # and marks no further than this many deviations


class Outcomes(msgspec.Struct, frozen=True, kw_only=True):
    """What a position can come to. USD, fees in; None = without a bound."""

    max_profit: Decimal | None
    max_loss: Decimal | None
    breakevens: tuple[Decimal, ...]


def outcomes(position: Position) -> Outcomes:
    """At expiry, all legs settled at one price."""
    legs = payoff_legs(position)
    return Outcomes(max_profit=max_profit(legs), max_loss=max_loss(legs), breakevens=breakevens(legs))


def deviation(position: Position) -> float | None:
    """One standard deviation of spot until the position ends, USD, at the mean implied volatility of its legs."""
    vol = sum(leg.iv for leg in position.legs) / len(position.legs)
    years = year_fraction(position.market, position.ends)
    return float(position.spot) * vol * sqrt(years) if years > 0 else None


# ------------------------------------------------------------------------------------------------- what ends it


def fires(position: Position) -> tuple[Fire, ...]:
    """Everything that ends the position, with its spots: its exits on the P&L of now, breakevens, liquidation."""
    legs = standing(position)
    profile = Profile(Curve(legs, legs.now), legs.spot, (leg.strike for leg in legs.legs))
    digits = spot_digits(legs.spot)

    def at_level(code: Code, name: str, pct: Decimal, *, armed: bool = True) -> Fire:
        level = float(position.basis.usd * pct / 100)
        spots = tuple(round(spot, digits) for spot in profile.crossings(level))
        return Fire(code=code, name=name, spots=spots, level=level, level_pct=pct, armed=armed)

    exits = position.exits
    found = [at_level("max_loss", "max loss", -exits.max_loss_pct)]
    if position.level_pct is not None:
        found.append(at_level("trailing_stop", "trailing stop", position.level_pct))
    elif exits.arms_pct is not None:
        found.append(at_level("trailing_stop", "trailing arms", exits.arms_pct, armed=False))
    found.append(at_level("max_profit", "max profit", exits.max_profit_pct))
    even = tuple(round(float(at), digits) for at in outcomes(position).breakevens)
    found.append(Fire(code="breakeven", name="breakeven", spots=even, words="at expiry, fees in"))
    return (*found, *_liquidations(position, legs))


def _liquidations(position: Position, whole: Standing) -> list[Fire]:
    """Where a short option is liquidated by its own mark, and the guard that closes everything before that."""
    shorts = [(leg, open_leg) for leg, open_leg in zip(position.legs, whole.legs, strict=True) if leg.side is Side.SELL]
    fire = Fire(code="liquidation", name="liquidation", spots=())
    if not shorts:
        return [replace(fire, words="nothing is short: what was paid is all that can be lost")]
    if any(leg.limit is None for leg, _ in shorts):
        return [replace(fire, words=IN_PORTFOLIO)]
    later = None if position.exit_at is None else shortly_before(position.exit_at, position.market)

    def spots(when: datetime | None, of: Callable[[Limit], Decimal | None]) -> tuple[float, ...]:
        found = []
        for leg, open_leg in shorts:
            mark = None if leg.limit is None else of(leg.limit)
            if when is not None and mark is not None:
                found.append(rounded(spot_of_mark(open_leg, whole, when, float(mark)), spot_digits(whole.spot)))
        return tuple(sorted(spot for spot in found if spot is not None))

    said = [_limit_words(leg, leg.limit) for leg, _ in shorts if leg.limit is not None]
    found = [
        replace(
            fire,
            spots=spots(whole.now, lambda limit: limit.price),
            exit_spots=spots(later, lambda limit: limit.price),
            words=f"isolated margin, volatility as now: {'; '.join(said)}",
        )
    ]
    if any(leg.limit is not None and leg.limit.guard is not None for leg, _ in shorts):
        guard = Fire(
            code="liquidation_guard",
            name="liquidation guard",
            spots=spots(whole.now, lambda limit: limit.guard),
            exit_spots=spots(later, lambda limit: limit.guard),
            words="closes everything when a short leg's mark has gone so far towards its liquidation",
        )
        found.insert(0, guard)
    return found


def _limit_words(leg: HeldLeg, limit: Limit) -> str:
    """``C-BTC-80000-020626 at a mark of 705.0, 500.0 (+244 %) away (estimate)``"""
    away = ""
    if leg.mark:
        gap = limit.price - leg.mark
        away = f", {gap:,.1f} ({gap / leg.mark * 100:+.0f} %) away"
    return f"{leg.symbol} at a mark of {limit.price:,.1f}{away} ({source(limit)})"


# ------------------------------------------------------------------------------------------------- its curves


def payoff(
    position: Position, marks: Iterable[Fire], *, later: datetime | None = None, iv_points: float = 0.0
) -> Payoff:
    """The three curves; `later` defaults to when the position ends."""
    there = position.ends if later is None else min(max(later, position.market), position.ends)
    legs = standing(position)
    shifted = standing(position, iv_points) if iv_points else legs
    spots = axis(position, marks)
    digits = money_digits(float(position.basis.usd))
    now, at_later = Curve(legs, legs.now), Curve(shifted, there)
    return Payoff(
        spots=tuple(spots),
        now=tuple(round(now(spot), digits) for spot in spots),
        at_exit=tuple(round(at_later(spot), digits) for spot in spots),
        at_expiry=tuple(round(legs.settled(spot), digits) for spot in spots),
        later=there,
    )


def axis(position: Position, marks: Iterable[Fire], points: int = _POINTS) -> list[float]:
    """Evenly spaced spots beyond the outermost marks; the strikes, where the payoff bends, and the spot of now among them."""
    spot = float(position.spot)
    strikes = [float(leg.strike) for leg in position.legs]
    low, high = span(spot, strikes, marks, deviation(position))
    step, digits = (high - low) / (points - 1), spot_digits(spot)
    return sorted({spot, *strikes, *(round(low + number * step, digits) for number in range(points))})


def span(spot: float, strikes: Sequence[float], marks: Iterable[Fire], sigma: float | None) -> tuple[float, float]:
    """From where to where spot is shown: strikes, what ends the position, and two deviations; nothing that is out of sight."""
    reach = max((sigma or 0.0) * _FARTHEST, *(abs(strike - spot) * 1.6 for strike in strikes), spot * 0.01)
    shown = [spot, *strikes]
    if sigma is not None:
        shown += [spot - _SIGMAS * sigma, spot + _SIGMAS * sigma]
    for fire in marks:
        if fire.level_pct is not None or fire.code == "breakeven":
            shown += [at for at in fire.spots if abs(at - spot) <= reach]
    low, high = min(shown), max(shown)
    margin = max((high - low) * _MARGIN / 2, spot * 0.001)
    return max(low - margin, spot * 0.01), high + margin
