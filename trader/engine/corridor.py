"""Where spot may go: P&L by spot now and at the exit time, the stops on that axis, and the nearest of them."""

from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from math import sqrt

import msgspec

from trader.domain.clock import Now
from trader.engine.records import Phase
from trader.engine.shown import money_digits, rounded, spot_digits
from trader.engine.spot_curve import Curve, OpenLeg, Standing, shortly_before
from trader.engine.state import HUNDRED, Run
from trader.engine.valuation import Valuation
from trader.engine.view import Corridor, LegView, NearestStop
from trader.pricing.black76 import year_fraction
from trader.pricing.implied_vol import credible_vol

_POINTS = 60
_MARGIN = 0.05  # of the corridor's width, beyond its outermost marks


class Curves(msgspec.Struct, frozen=True, kw_only=True):
    """P&L against spot now, shortly before the exit time and at it; the latter None while there is no exit time. `basis`: USD
    that percentages are of; `keys`: of the standing's legs. `moved_*`: where the smile moves with spot, None where its shape is
    not known."""

    standing: Standing
    keys: tuple[str, ...]
    basis: Decimal
    now: Curve
    before: datetime | None
    before_exit: Curve | None
    at_exit: Curve | None
    moved_now: Curve | None
    moved_before_exit: Curve | None


def curves_of(
    run: Run, legs: tuple[LegView, ...], spot: Decimal | None, basis: Decimal, now: Now, valuation: Valuation | None
) -> Curves | None:
    """None while P&L is unknown, or an open leg has no implied volatility or has expired."""
    if valuation is None or now.market is None or not spot or run.phase is Phase.DONE:
        return None
    held: dict[str, OpenLeg] = {}
    banked = valuation.pnl
    for terms, leg in zip(run.legs, legs, strict=True):
        if leg.open_quantity <= 0:
            continue
        vol = credible_vol(leg.iv)
        if vol is None or leg.closing_px is None or leg.fee_to_close is None or terms.has_expired(now.market):
            return None
        size = -terms.side.sign * leg.open_quantity * terms.contract_value
        banked += leg.closing_px * size + leg.fee_to_close
        held[leg.key] = OpenLeg(
            kind=terms.kind,
            strike=float(terms.strike),
            expiry=terms.expiry,
            vol=vol,
            size=float(size),
            closing=float(leg.closing_px),
            fee_rate=float(terms.fee_rate),
            fee_cap=None if terms.fee_cap is None else float(terms.fee_cap),
            mark=None if leg.mark is None else float(leg.mark),
        )
    if not held:
        return None
    smile = run.smile
    standing = Standing(legs=tuple(held.values()), spot=float(spot), banked=float(banked), now=now.market, smile=smile)
    out = None if run.exit_at is None else max(run.exit_at, now.market)
    before = None if out is None else shortly_before(out, now.market)
    return Curves(
        standing=standing,
        keys=tuple(held),
        basis=basis,
        now=Curve(standing, now.market),
        before=before,
        before_exit=None if before is None else Curve(standing, before),
        at_exit=None if out is None else Curve(standing, out),
        moved_now=None if smile is None else Curve(standing, now.market, smile),
        moved_before_exit=None if smile is None or before is None else Curve(standing, before, smile),
    )


def losing_levels(run: Run, basis: Decimal) -> list[tuple[str, float]]:
    """The exits that fire when P&L falls to them, by name and USD: the maximum loss, the trailing stop once it is armed."""
    levels = [("max loss", -run.preset.exits.max_loss_pct)]
    if run.level_pct is not None:
        levels.append(("trailing stop", run.level_pct))
    return [(name, float(basis * pct / HUNDRED)) for name, pct in levels]


def nearest_stop(run: Run, curves: Curves | None) -> NearestStop | None:
    """The losing exit that spot is closest to; its own spot where it is reached already. None where none is in reach."""
    if curves is None:
        return None
    spot = curves.standing.spot
    found: list[tuple[float, str, float]] = []
    for name, level in losing_levels(run, curves.basis):
        if curves.now(spot) <= level:
            found.append((0.0, name, spot))
        else:
            ends = [end for end in curves.now.range_above(level) if end is not None]
            found += [(abs(end - spot), name, end) for end in ends]
    if not found:
        return None
    _, name, at = min(found)
    move = at - spot
    return NearestStop(
        name=name,
        spot=round(at, spot_digits(spot)),
        move=round(move, spot_digits(spot)),
        move_pct=round(move / spot * 100, 3),
        sigmas=_sigmas(run, curves, move),
    )


def _sigmas(run: Run, curves: Curves, move: float) -> float | None:
    """A move of spot in its standard deviations until the exit time, at the mean implied volatility of what is open."""
    standing = curves.standing
    years = 0.0 if run.exit_at is None else year_fraction(standing.now, run.exit_at)
    vol = sum(leg.vol for leg in standing.legs) / len(standing.legs)
    return round(abs(move) / (standing.spot * vol * sqrt(years)), 2) if years > 0 else None


def corridor(run: Run, curves: Curves | None) -> Corridor | None:
    """P&L against spot now with the marks on that axis."""
    if curves is None:
        return None
    standing, curve, basis = curves.standing, curves.now, float(curves.basis)
    stop = curve.range_above(max(level for _, level in losing_levels(run, curves.basis)))
    half = curve.range_above(-basis * float(run.preset.exits.max_loss_pct) / 200)
    breakeven = _breakevens(standing)
    spots = _axis(standing, [*stop, *half, *breakeven, float(run.spot_at_entry) if run.spot_at_entry else None])
    digits, places = money_digits(basis), spot_digits(standing.spot)
    pnl = [curve(at) for at in spots]
    return Corridor(
        spots=tuple(spots),
        pnl=tuple(round(value, digits) for value in pnl),
        pnl_pct=tuple(round(value / basis * 100, 2) for value in pnl),
        stop_low=rounded(stop[0], places),
        stop_high=rounded(stop[1], places),
        half_low=rounded(half[0], places),
        half_high=rounded(half[1], places),
        breakeven_low=rounded(breakeven[0], places),
        breakeven_high=rounded(breakeven[1], places),
    )


def _axis(standing: Standing, marks: list[float | None]) -> list[float]:
    """Evenly spaced spots a little beyond the outermost marks, and the spot of now itself."""
    known = [mark for mark in marks if mark is not None]
    known += [standing.spot, *(leg.strike for leg in standing.legs)]
    low, high = min(known), max(known)
    margin = max((high - low) * _MARGIN, standing.spot * 0.001)
    low, high = max(low - margin, standing.spot * 0.01), high + margin
    step, digits = (high - low) / (_POINTS - 1), spot_digits(standing.spot)
    return sorted({standing.spot, *(round(low + number * step, digits) for number in range(_POINTS))})


def _breakevens(standing: Standing) -> tuple[float | None, float | None]:
    """Spots at which what is open, settled, leaves nothing of what was taken in; fees paid are in. Of one alone the end of the
    profit that it is; of several the outermost."""
    knots = [0.0, *sorted({leg.strike for leg in standing.legs})]
    knots.append(10 * (knots[-1] + standing.spot))  # beyond the last strike it is one straight line
    settled = [standing.settled(at) for at in knots]
    rising: list[float] = []
    falling: list[float] = []
    for (left, here), (right, there) in pairwise(zip(knots, settled, strict=True)):
        if here * there < 0 or (there == 0 != here):
            (rising if there > here else falling).append(left + (right - left) * here / (here - there))
    found = sorted(rising + falling)
    if len(found) > 1:
        return found[0], found[-1]
    return next(iter(rising), None), next(iter(falling), None)
