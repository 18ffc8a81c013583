"""Which strike a leg gets: each selector's own way to find it among what one expiry lists, with the reason in words."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from math import exp, isfinite, sqrt

import msgspec

from trader.domain.instrument import Instrument, Kind
from trader.domain.quote import Quote
from trader.domain.structure import (
    ByDelta,
    ByDeviations,
    ByDistance,
    ByPremium,
    BySteps,
    ByStrike,
    ByWidth,
    LegPlan,
)
from trader.pricing.black76 import year_fraction
from trader.pricing.smile import Smile, fit_smile

_HUNDRED = Decimal(100)


class Listed(msgspec.Struct, frozen=True):
    """One contract of the expiry and its quote, where there is one."""

    contract: Instrument
    quote: Quote | None

    @property
    def strike(self) -> Decimal:
        assert self.contract.strike is not None
        return self.contract.strike

    @property
    def delta(self) -> float | None:
        """|delta|, where it is a number."""
        greeks = None if self.quote is None else self.quote.greeks
        return abs(greeks.delta) if greeks is not None and isfinite(greeks.delta) else None

    @property
    def mid(self) -> Decimal | None:
        return None if self.quote is None else self.quote.mid


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """What one expiry offers at `market` (exchange time)."""

    listed: tuple[Listed, ...]
    spot: Decimal | None
    market: datetime
    expiry: datetime

    def of(self, kind: Kind) -> list[Listed]:
        return sorted((one for one in self.listed if one.contract.kind is kind), key=lambda one: one.strike)

    def at_money(self) -> Decimal | None:
        """The strike nearest to spot, of those listed for calls and puts alike where there are any."""
        calls, puts = ({one.strike for one in self.of(kind)} for kind in (Kind.CALL, Kind.PUT))
        strikes = calls & puts or calls | puts
        return None if self.spot is None or not strikes else _nearest(strikes, self.spot)

    def vol(self) -> float | None:
        """The implied volatility at the money (fraction per year): the mean of call and put, as far as they are told."""
        strike = self.at_money()
        told = [one.quote.mark_iv for one in self.listed if one.strike == strike and one.quote is not None]
        vols = [vol for vol in told if vol is not None and isfinite(vol) and vol > 0]
        return sum(vols) / len(vols) if vols else None

    def smile(self) -> Smile | None:
        """The shape of the volatilities, by the side of each strike that is out of the money."""
        if self.spot is None:
            return None
        points = []
        for one in self.listed:
            vol = None if one.quote is None else one.quote.mark_iv
            if (
                vol is not None
                and isfinite(vol)
                and vol > 0
                and (one.strike >= self.spot) == (one.contract.kind is Kind.CALL)
            ):
                points.append((float(one.strike), vol))
        return fit_smile(points, float(self.spot), year_fraction(self.market, self.expiry))


Found = list[tuple[Listed, str]] | str  # strikes, the best first, each with its reason; or why there is none


def _nearest(strikes: set[Decimal], price: Decimal) -> Decimal:
    return min(strikes, key=lambda strike: (abs(strike - price), strike))


def find(chain: Chain, plan: LegPlan, chosen: Mapping[str, Decimal]) -> Found:
    """The strikes that a leg may have. `chosen`: the strikes of the legs picked before it."""
    candidates = chain.of(plan.kind)
    match plan.selector:
        case ByDelta():
            return _by_delta(plan.selector, plan.kind, candidates)
        case ByPremium():
            return _by_premium(plan.selector, plan.kind, candidates)
        case ByStrike(strike=strike):
            exact = [(one, "the strike asked for") for one in candidates if one.strike == strike]
            return exact or f"no {plan.kind} has the strike {_plain(strike)}"
        case ByWidth():
            return _by_width(plan.selector, plan.kind, candidates, chosen)
    if chain.spot is None:
        return "no index price"
    match plan.selector:
        case ByDistance(pct=pct):
            target = chain.spot * (1 + _out(plan.kind) * pct / _HUNDRED)
            return _beyond_spot(chain.spot, plan.kind, candidates, target, f"{pct:f} % of spot away")
        case ByDeviations():
            return _by_deviations(chain, plan.selector, plan.kind, candidates)
        case BySteps(steps=steps):
            return _by_steps(chain, steps, plan.kind, candidates)


def _out(kind: Kind) -> int:
    """The direction out of the money: up for calls."""
    return 1 if kind is Kind.CALL else -1


def _plain(number: Decimal) -> str:
    return f"{number.normalize():,f}"


def _by_delta(rule: ByDelta, kind: Kind, candidates: list[Listed]) -> Found:
    low, high = float(rule.low), float(rule.high)
    middle, band = (low + high) / 2, f"|delta| {rule.low}-{rule.high}"
    inside = [(one, size) for one in candidates if (size := one.delta) is not None and low <= size <= high]
    if not inside:
        return f"no {kind} has {band} ({len(candidates)} strikes looked at)"
    inside.sort(key=lambda row: (abs(row[1] - middle), row[1]))
    return [(one, f"|delta| {size:.3f}, nearest to {middle:.4g} in {rule.low}-{rule.high}") for one, size in inside]


def _by_premium(rule: ByPremium, kind: Kind, candidates: list[Listed]) -> Found:
    words = {"closest": "close to", "at_least": "of at least", "at_most": "of at most"}[rule.rule]
    priced = [(one, mid) for one in candidates if (mid := one.mid) is not None and mid > 0]
    fitting = [
        (one, mid)
        for one, mid in priced
        if rule.rule == "closest" or (mid >= rule.usd if rule.rule == "at_least" else mid <= rule.usd)
    ]
    if not fitting:
        return f"no {kind} has a mid price {words} {_plain(rule.usd)} USD ({len(priced)} priced strikes looked at)"
    fitting.sort(key=lambda row: (abs(row[1] - rule.usd), row[1]))
    return [(one, f"mid price {_plain(mid)} USD, the closest to {_plain(rule.usd)}") for one, mid in fitting]


def _by_width(rule: ByWidth, kind: Kind, candidates: list[Listed], chosen: Mapping[str, Decimal]) -> Found:
    of = chosen.get(rule.of)
    if of is None:
        return f"its width is measured from {rule.of}, which has no strike"
    out = _out(kind)
    beyond = {one.strike for one in candidates if (one.strike - of) * out > 0}
    if not beyond:
        return f"no {kind} is listed beyond {_plain(of)}, the strike of {rule.of}"
    strike = _nearest(beyond, of + out * rule.usd)
    why = f"{_plain(abs(strike - of))} USD beyond {rule.of}, the nearest to {_plain(rule.usd)}"
    return [(one, why) for one in candidates if one.strike == strike]


def _beyond_spot(spot: Decimal, kind: Kind, candidates: list[Listed], target: Decimal, words: str) -> Found:
    """The out-of-the-money strike that is nearest to a price."""
    outside = {one.strike for one in candidates if (one.strike - spot) * _out(kind) > 0}
    if not outside:
        return f"no {kind} is listed out of the money (spot {_plain(spot)})"
    strike = _nearest(outside, target)
    away = abs(strike - spot) / spot * _HUNDRED
    return [(one, f"{away:.2f} % from spot, nearest to {words}") for one in candidates if one.strike == strike]


def _by_deviations(chain: Chain, rule: ByDeviations, kind: Kind, candidates: list[Listed]) -> Found:
    vol = chain.vol()
    if chain.spot is None or vol is None:
        return "the strike at the money has no implied volatility"
    move = float(rule.deviations) * vol * sqrt(year_fraction(chain.market, chain.expiry))
    target = Decimal(repr(float(chain.spot) * exp(_out(kind) * move)))
    words = f"{target:,.0f}, {rule.deviations:f} standard deviations away at {vol * 100:.1f} % a year"
    return _beyond_spot(chain.spot, kind, candidates, target, words)


def _by_steps(chain: Chain, steps: int, kind: Kind, candidates: list[Listed]) -> Found:
    strikes, middle = [one.strike for one in candidates], chain.at_money()
    if middle not in strikes:
        return f"no {kind} is listed at the money"
    place = strikes.index(middle) + _out(kind) * steps
    if not 0 <= place < len(strikes):
        return f"no {kind} is listed {abs(steps)} strikes from the one at the money ({_plain(middle)})"
    where = (
        f"{abs(steps)} strikes {'out of' if steps > 0 else 'in'} the money" if steps else "the strike nearest to spot"
    )
    return [(candidates[place], where)]
