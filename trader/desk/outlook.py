"""What a sale that could be made now would stand on: its stops in spot, its exit time, its payoff; by the engine's own curves.

Pure. The run that is then made shows the same figures: both ask `trader.engine.spot_curve`.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from trader.config.preset import Preset
from trader.desk.costing import units
from trader.desk.values import Payoff, Preview
from trader.domain.instrument import Kind
from trader.engine.records import LegTerms
from trader.engine.shown import money_digits, rounded, spot_digits
from trader.engine.spot_curve import Curve, OpenLeg, Standing

_POINTS = 110
_MARGIN = 0.25  # of the payoff's width, beyond its outermost marks


def with_outlook(seen: Preview, preset: Preset, terms: Sequence[LegTerms]) -> Preview:
    """The preview of a sale with its costs, and what comes of it; as it was where a leg has no implied volatility."""
    standing = _standing(seen, terms)
    if standing is None or not seen.premium:
        return seen
    premium, spot = float(seen.premium), standing.spot
    now = Curve(standing, standing.now)
    at_exit = None if seen.exit_at is None else Curve(standing, seen.exit_at)
    low, high = now.range_above(-premium * float(preset.exits.max_loss_pct) / 100)
    digits = spot_digits(spot)
    still = None if at_exit is None else at_exit(spot)
    best = None if at_exit is None or still is None else max(at_exit.peak[1], still)
    return replace(
        seen,
        stop_low=rounded(low, digits),
        stop_high=rounded(high, digits),
        still_pct=None if still is None else round(still / premium * 100, 2),
        best_pct=None if best is None else round(best / premium * 100, 2),
        payoff=None
        if at_exit is None
        else _payoff(standing, now, at_exit, _axis(seen, standing, (low, high)), premium),
    )


def _standing(seen: Preview, terms: Sequence[LegTerms]) -> Standing | None:
    if seen.spot is None or seen.market is None or seen.premium is None or seen.fees is None:
        return None
    legs = []
    for t, leg in zip(terms, seen.legs, strict=True):
        if leg.iv is None or leg.closing_px is None or t.has_expired(seen.market):
            return None
        legs.append(
            OpenLeg(
                kind=t.kind,
                strike=float(t.strike),
                expiry=t.expiry,
                vol=leg.iv,
                size=float(units(t)),
                closing=float(leg.closing_px),
                fee_rate=float(t.fee_rate),
                fee_cap=None if t.fee_cap is None else float(t.fee_cap),
            )
        )
    banked = float(seen.premium - seen.fees)
    return Standing(legs=tuple(legs), spot=float(seen.spot), banked=banked, now=seen.market)


def _payoff(standing: Standing, now: Curve, at_exit: Curve, spots: Sequence[float], premium: float) -> Payoff:
    digits = money_digits(premium)
    return Payoff(
        spots=tuple(spots),
        now=tuple(round(now(spot), digits) for spot in spots),
        at_exit=tuple(round(at_exit(spot), digits) for spot in spots),
        at_expiry=tuple(round(_settled(standing, spot), digits) for spot in spots),
    )


def _settled(standing: Standing, spot: float) -> float:
    """P&L when everything is settled at `spot`, for which the exchange charges nothing."""
    owed = (
        leg.size * max(0.0, spot - leg.strike if leg.kind is Kind.CALL else leg.strike - spot) for leg in standing.legs
    )
    return standing.banked - sum(owed)


def _axis(seen: Preview, standing: Standing, stops: tuple[float | None, float | None]) -> list[float]:
    """Evenly spaced spots beyond the outermost marks; the strikes, where the payoff bends, and the spot of now among them."""
    strikes = [leg.strike for leg in standing.legs]
    marks = [standing.spot, *strikes, *(float(at) for at in seen.breakevens_after_fees)]
    marks += [stop for stop in stops if stop is not None]
    low, high = min(marks), max(marks)
    margin = max((high - low) * _MARGIN, standing.spot * 0.001)
    low, high = max(low - margin, standing.spot * 0.01), high + margin
    step, digits = (high - low) / (_POINTS - 1), spot_digits(standing.spot)
    even = (round(low + number * step, digits) for number in range(_POINTS))
    return sorted({standing.spot, *strikes, *even})
