"""From a preset's strategy to the structure it names: one builder of legs for each.

Keys: sold legs are C and P, bought ones LC and LP. Protection has rank 0 and what it covers rank 1; where there is none,
every leg has rank 0.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from trader.config.leg_rows import selector_of
from trader.domain.instrument import Kind
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
    Selector,
    Structure,
)

if TYPE_CHECKING:
    from trader.config.strategy import LegRow, Strategy

_KINDS = (Kind.CALL, Kind.PUT)


def build(strategy: "Strategy") -> Structure:
    """The structure of a strategy.

    Raises:
        ConfigError: Its legs contradict each other; one sentence.
    """
    return Structure(name=strategy.structure, legs=_BUILDERS[strategy.structure](strategy))


def _short_strangle(strategy: "Strategy") -> tuple[LegPlan, ...]:
    return tuple(_short(kind, _by_strategy(strategy, kind)) for kind in _KINDS)


def _short_straddle(strategy: "Strategy") -> tuple[LegPlan, ...]:
    return tuple(_short(kind, BySteps(0)) for kind in _KINDS)


def _iron_condor(strategy: "Strategy") -> tuple[LegPlan, ...]:
    return _winged(strategy, lambda kind: _by_strategy(strategy, kind))


def _iron_fly(strategy: "Strategy") -> tuple[LegPlan, ...]:
    return _winged(strategy, lambda kind: BySteps(0))


def _ratio_strangle(strategy: "Strategy") -> tuple[LegPlan, ...]:
    ratios = {Kind.CALL: strategy.call_ratio, Kind.PUT: strategy.put_ratio}
    return tuple(_short(kind, _by_strategy(strategy, kind), ratio=ratios[kind]) for kind in _KINDS)


def _one_leg(strategy: "Strategy") -> tuple[LegPlan, ...]:
    kind, side = Kind(strategy.leg_kind), Side(strategy.leg_side)
    return (LegPlan(key=_key(kind, side), kind=kind, side=side, selector=_by_strategy(strategy, kind)),)


def custom_legs(rows: "tuple[LegRow, ...]") -> tuple[LegPlan, ...]:
    """The legs of a custom structure. A bought leg that covers a sold one of its kind is protection."""
    sold = {row.kind for row in rows if row.side == "sell"}
    covers = [row.side == "buy" and row.kind in sold for row in rows]
    return tuple(
        LegPlan(
            key=row.key,
            kind=Kind(row.kind),
            side=Side(row.side),
            ratio=row.ratio,
            rank=0 if covering or not any(covers) else 1,
            selector=selector_of(row.by, row.value),
        )
        for row, covering in zip(rows, covers, strict=True)
    )


_BUILDERS: "dict[str, Callable[[Strategy], tuple[LegPlan, ...]]]" = {
    "short_strangle": _short_strangle,
    "short_straddle": _short_straddle,
    "iron_condor": _iron_condor,
    "iron_fly": _iron_fly,
    "ratio_strangle": _ratio_strangle,
    "one_leg": _one_leg,
    "custom": lambda strategy: custom_legs(strategy.legs),
}


def _key(kind: Kind, side: Side) -> str:
    return ("" if side is Side.SELL else "L") + ("C" if kind is Kind.CALL else "P")


def _short(kind: Kind, selector: Selector, *, ratio: int = 1, rank: int = 0) -> LegPlan:
    return LegPlan(key=_key(kind, Side.SELL), kind=kind, side=Side.SELL, selector=selector, ratio=ratio, rank=rank)


def _winged(strategy: "Strategy", shorts: Callable[[Kind], Selector]) -> tuple[LegPlan, ...]:
    wings = (
        LegPlan(key=_key(kind, Side.BUY), kind=kind, side=Side.BUY, selector=_wing(strategy, kind)) for kind in _KINDS
    )
    return (*wings, *(_short(kind, shorts(kind), rank=1) for kind in _KINDS))


def _wing(strategy: "Strategy", kind: Kind) -> Selector:
    if strategy.wings_by == "width":
        return ByWidth(usd=strategy.wing_width_usd, of=_key(kind, Side.SELL))
    if strategy.wings_by == "premium":
        return ByPremium(strategy.wing_premium_usd)
    return ByDelta(strategy.wing_delta_min, strategy.wing_delta_max)


def _by_strategy(strategy: "Strategy", kind: Kind) -> Selector:
    match strategy.strikes_by:
        case "delta":
            return ByDelta(strategy.delta_min, strategy.delta_max)
        case "premium":
            return ByPremium(strategy.premium_usd, strategy.premium_rule)
        case "distance":
            return ByDistance(strategy.distance_pct)
        case "steps":
            return BySteps(strategy.steps)
        case "deviations":
            return ByDeviations(strategy.deviations)
        case "strike":
            return ByStrike(strategy.call_strike if kind is Kind.CALL else strategy.put_strike)


def repeats(legs: tuple[LegPlan, ...]) -> list[str]:
    """Legs that would be found in one and the same contract, one sentence each pair."""
    return [
        f"{one.key} and {other.key} would be the same contract: both are a {one.kind} found in the same way"
        for place, one in enumerate(legs)
        for other in legs[place + 1 :]
        if one.kind is other.kind and one.selector == other.selector
    ]


def may_pay(structure: Structure) -> bool:
    """Whether entering may cost more than it brings, so that percentages are of the most that can be lost."""
    return structure.name in ("one_leg", "custom") and any(leg.side is Side.BUY for leg in structure.legs)
