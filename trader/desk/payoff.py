"""The payoff of a position: P&L against spot now, at a later hour and at expiry, and the spot of everything that ends it. Pure.

Every curve is the engine's own (`trader.engine.spot_curve`): at the spot of now, the first of them is the P&L the page tells.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from math import sqrt

import msgspec

from trader.desk.position import HeldLeg, Position, payoff_legs, standing
from trader.desk.values import Code, Fire, Payoff
from trader.domain.order import Side
from trader.engine.shown import money_digits, spot_digits
from trader.engine.spot_curve import Curve
from trader.pricing.black76 import price, year_fraction
from trader.pricing.margin import short_option_liquidation
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
    found.append(_liquidation(position, digits))
    return tuple(found)


def _liquidation(position: Position, digits: int) -> Fire:
    """An estimate: isolated margin, every short option by itself, topped up by nobody."""
    shorts = [leg for leg in position.legs if leg.side is Side.SELL]
    fire = Fire(code="liquidation", name="liquidation", spots=())
    if not shorts:
        return msgspec.structs.replace(fire, words="nothing is short: what was paid is all that can be lost")
    if any(leg.maintenance_pct is None for leg in shorts):
        return msgspec.structs.replace(fire, words="not known: the contract's maintenance margin has not been read")
    at = [_liquidated_at(leg, position) for leg in shorts]
    known = sorted({round(spot, digits) for spot in at if spot is not None})
    words = "estimate: isolated margin of each short option, volatility as now"
    return msgspec.structs.replace(fire, spots=tuple(known), words=words)


def _liquidated_at(leg: HeldLeg, position: Position) -> float | None:
    """The spot at which a short option's mark reaches its liquidation price; None where no spot within reach brings it there."""
    assert leg.maintenance_pct is not None
    if leg.maintenance_pct > leg.margin_pct:
        return None
    limit = short_option_liquidation(
        entry_price=leg.price,
        spot=position.margin_spot or position.spot,
        initial_margin_pct=leg.margin_pct,
        maintenance_margin_pct=leg.maintenance_pct,
    ).liquidation_price
    years = year_fraction(position.market, leg.expiry)
    worth = Profile(
        lambda spot: price(spot, float(leg.strike), leg.iv, years, leg.kind), float(position.spot), (float(leg.strike),)
    )
    return next(iter(worth.crossings(float(limit))), None)


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
        if fire.code != "liquidation":
            shown += [at for at in fire.spots if abs(at - spot) <= reach]
    low, high = min(shown), max(shown)
    margin = max((high - low) * _MARGIN / 2, spot * 0.001)
    return max(low - margin, spot * 0.01), high + margin
