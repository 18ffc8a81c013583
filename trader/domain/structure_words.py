"""A structure in a sentence, as one trader would say it to another."""

from decimal import Decimal
from itertools import groupby

from trader.domain.basis import CREDIT, MAX_LOSS, basis_words
from trader.domain.order import Side
from trader.domain.structure import (
    ByDelta,
    ByDeviations,
    ByDistance,
    ByPremium,
    BySteps,
    ByStrike,
    ByWidth,
    LegPlan,
    Structure,
)


def title(structure: Structure) -> str:
    """``iron condor``."""
    return structure.name.replace("_", " ")


def verb(structure: Structure) -> str:
    """What entering it is called: ``sell``, ``buy``, or ``trade`` where both are done."""
    sides = {leg.side for leg in structure.legs}
    return "trade" if len(sides) > 1 else sides.pop().value


def in_words(structure: Structure, quantity: int) -> str:
    """``sells 1 call and 1 put at |delta| 0.10-0.15, buys 1 call and 1 put 1,000 USD further out, first in and last out``."""
    shorts = _trades(structure, [leg for leg in structure.legs if leg.side is Side.SELL], quantity)
    longs = _trades(structure, [leg for leg in structure.legs if leg.side is Side.BUY], quantity)
    first = ", first in and last out" if structure.protects else ""
    return ", ".join([*([f"sells {shorts}"] if shorts else []), *([f"buys {longs}{first}"] if longs else [])])


def percentages_of(structure: Structure) -> str:
    """What percentages of profit and loss are of, once the legs are filled."""
    sides = {leg.side for leg in structure.legs}
    if sides == {Side.BUY}:
        return f"{basis_words(MAX_LOSS)}: the premium paid"
    if sides == {Side.SELL} or structure.name != "custom":
        return basis_words(CREDIT)
    return f"{basis_words(CREDIT)}, or of {basis_words(MAX_LOSS)} at expiry where the legs cost more than they bring"


def _trades(structure: Structure, legs: list[LegPlan], quantity: int) -> str:
    grouped = [
        (where, [_contracts(leg, quantity) for leg in group])
        for where, group in groupby(legs, key=lambda leg: _where(structure, leg))
    ]
    return " and ".join(f"{' and '.join(contracts)} {where}" for where, contracts in grouped)


def _contracts(leg: LegPlan, quantity: int) -> str:
    count = quantity * leg.ratio
    return f"{count:,} {leg.kind}{'' if count == 1 else 's'}"


def _where(structure: Structure, leg: LegPlan) -> str:
    match leg.selector:
        case ByDelta(low=low, high=high):
            return f"at |delta| {low:f}-{high:f}"
        case ByPremium(usd=usd, rule=rule):
            return {
                "closest": f"quoted closest to {_plain(usd)} USD",
                "at_least": f"quoted at {_plain(usd)} USD or more",
                "at_most": f"quoted at {_plain(usd)} USD or less",
            }[rule]
        case ByDistance(pct=pct):
            return f"{_plain(pct)} % of spot out of the money"
        case BySteps(steps=0):
            return "at the strike nearest to spot"
        case BySteps(steps=steps):
            strikes = "strike" if abs(steps) == 1 else "strikes"
            return f"{abs(steps)} {strikes} {'out of' if steps > 0 else 'in'} the money"
        case ByDeviations(deviations=deviations):
            return f"{_plain(deviations)} standard deviations out of the money"
        case ByStrike(strike=strike):
            return f"at {_plain(strike)}"
        case ByWidth(usd=usd, of=of):
            siblings = [one for one in structure.legs if one.kind is leg.kind and one is not leg]
            return f"{_plain(usd)} USD further out" + ("" if len(siblings) == 1 else f" than {of}")


def _plain(value: Decimal) -> str:
    return f"{value.normalize():,f}"
