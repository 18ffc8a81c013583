"""Why a strike was not picked, strike by strike, in a few words. Pure.

What a leg wants is said by its selector, what makes a contract too thin to trade by the engine's own rule. Nothing here
chooses: the picked legs are the engine's.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from trader.config.preset import Preset
from trader.domain.instrument import Instrument
from trader.domain.quote import Quote
from trader.domain.structure import (
    ByDelta,
    ByDeviations,
    ByDistance,
    ByPremium,
    BySteps,
    ByStrike,
    LegPlan,
)
from trader.engine.records import LegTerms
from trader.engine.selection import liquidity_flaw


def why_not(
    preset: Preset, contracts: Iterable[Instrument], quotes: Mapping[str, Quote], picked: Sequence[LegTerms]
) -> dict[str, str]:
    """By symbol, of contracts of one expiry: why no leg of the preset took it; picked ones are left out."""
    taken = {leg.symbol for leg in picked}
    plans = preset.structure.legs
    return {
        one.symbol: _reason(preset, one, quotes.get(one.symbol), [leg for leg in plans if leg.kind is one.kind], picked)
        for one in contracts
        if one.symbol not in taken
    }


def _reason(
    preset: Preset, contract: Instrument, quote: Quote | None, plans: list[LegPlan], picked: Sequence[LegTerms]
) -> str:
    if not plans:
        return f"the preset has no {contract.kind}"
    if not contract.tradable:
        return "not open for trading"
    if quote is None or quote.greeks is None:
        return "no quote"
    said = [(plan.key, _of_plan(preset, contract, quote, plan, picked)) for plan in plans]
    if len({why for _, why in said}) == 1:
        return said[0][1]
    return "; ".join(f"{key}: {why}" for key, why in said)


def _of_plan(preset: Preset, contract: Instrument, quote: Quote, plan: LegPlan, picked: Sequence[LegTerms]) -> str:
    """Why this one leg did not take it."""
    why = _outside(plan, contract, quote) or liquidity_flaw(preset.strategy, quote, plan.side, contract.tick_size)
    rival = next((leg for leg in picked if leg.key == plan.key), None)
    if why or rival is None:
        return why or "would do; another leg found none"
    return f"{rival.strike.normalize():,f} {_nearer(plan)}"


def _outside(plan: LegPlan, contract: Instrument, quote: Quote) -> str:
    """What keeps a contract out of what the leg wants at all; empty where nothing does, or only a comparison can say."""
    wants = plan.selector
    if isinstance(wants, ByDelta):
        assert quote.greeks is not None
        size = abs(quote.greeks.delta)
        if size < float(wants.low):
            return f"|Δ| {size:.3f} below {_plain(wants.low)}"
        if size > float(wants.high):
            return f"|Δ| {size:.3f} above {_plain(wants.high)}"
    if isinstance(wants, ByPremium) and quote.mid is not None:
        if wants.rule == "at_least" and quote.mid < wants.usd:
            return f"mid {_plain(quote.mid)} below {_plain(wants.usd)}"
        if wants.rule == "at_most" and quote.mid > wants.usd:
            return f"mid {_plain(quote.mid)} above {_plain(wants.usd)}"
    if isinstance(wants, ByStrike) and contract.strike != wants.strike:
        return f"{plan.key} wants {wants.strike.normalize():,f} exactly"
    return ""


def _nearer(plan: LegPlan) -> str:
    """What the picked strike is nearer to."""
    wants = plan.selector
    if isinstance(wants, ByDelta):
        return f"is nearer |Δ| {_plain((wants.low + wants.high) / 2)}"
    if isinstance(wants, ByPremium):
        return f"is nearer {_plain(wants.usd)} USD"
    if isinstance(wants, ByDistance):
        return f"is nearer {_plain(wants.pct)} % away"
    if isinstance(wants, BySteps):
        return "is at the money" if wants.steps == 0 else f"is {wants.steps} steps away"
    if isinstance(wants, ByDeviations):
        return f"is nearer {_plain(wants.deviations)} σ away"
    if isinstance(wants, ByStrike):
        return "is the one named"
    return f"is nearer {_plain(wants.usd)} USD from {wants.of}"


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"
