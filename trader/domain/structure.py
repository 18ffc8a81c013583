"""What a strategy consists of, before any contract is chosen: legs with a key, a side, a ratio, a rank and a selector.

The engine knows nothing else of a strategy. A short strangle, an iron condor or a single bought put differ only in these values.
"""

import re
from decimal import Decimal
from typing import Literal

import msgspec

from trader.domain.errors import ConfigError
from trader.domain.instrument import Kind
from trader.domain.order import Side

LEG_KEY = re.compile(r"^[A-Z][A-Z0-9]{0,2}$")  # three characters are what a client order id has room for
MOST_LEGS = 8


class ByDelta(msgspec.Struct, frozen=True, tag="delta"):
    """The strike whose |delta| is nearest the middle of the band; outside of it none qualifies."""

    low: Decimal
    high: Decimal


class ByPremium(msgspec.Struct, frozen=True, tag="premium"):
    """The strike whose mid price (USD per unit of the underlying, as quoted) is closest to `usd`; with at_least or at_most
    the closest on that side of it."""

    usd: Decimal
    rule: Literal["closest", "at_least", "at_most"] = "closest"


class ByDistance(msgspec.Struct, frozen=True, tag="distance"):
    """The strike nearest to `pct` percent of spot away from spot, out of the money (calls above, puts below)."""

    pct: Decimal


class BySteps(msgspec.Struct, frozen=True, tag="steps"):
    """`steps` listed strikes out of the money from the one nearest to spot; 0 is that one, negative is in the money."""

    steps: int


class ByDeviations(msgspec.Struct, frozen=True, tag="deviations"):
    """The strike nearest to spot moved by `deviations` standard deviations out of the money: spot × exp(±n σ √t), with σ the
    at-the-money implied volatility of the expiry and t the years until it (log-normal, no drift)."""

    deviations: Decimal


class ByStrike(msgspec.Struct, frozen=True, tag="strike"):
    """Exactly this strike (USD), or none."""

    strike: Decimal


class ByWidth(msgspec.Struct, frozen=True, tag="width"):
    """The strike nearest to `usd` further out of the money than the leg `of`, never that leg's own."""

    usd: Decimal
    of: str


Selector = ByDelta | ByPremium | ByDistance | BySteps | ByDeviations | ByStrike | ByWidth


class LegPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One leg of a strategy: what it is, how much of it, when it is entered and how its strike is found.

    `ratio` is contracts per unit of the preset's quantity. Legs of a lower `rank` are complete before any of a higher one is
    entered; they are left in the reverse order. Protection has the lowest rank.
    """

    key: str
    kind: Kind
    side: Side
    selector: Selector
    ratio: int = 1
    rank: int = 0


class Structure(msgspec.Struct, frozen=True):
    """A named list of legs."""

    name: str
    legs: tuple[LegPlan, ...]

    def __post_init__(self) -> None:
        for flaw in flaws(self.legs):
            raise ConfigError(flaw)

    def leg(self, key: str) -> LegPlan:
        """The leg of that key.

        Raises:
            KeyError: There is none.
        """
        for leg in self.legs:
            if leg.key == key:
                return leg
        raise KeyError(key)

    @property
    def protects(self) -> bool:
        """Whether some short leg has a long one of its kind beside it."""
        return any(one.side is Side.SELL and self.covers_of(one.key) for one in self.legs)

    def covers_of(self, key: str) -> tuple[LegPlan, ...]:
        """The long legs of a short leg's own kind: what they hold of contracts is not naked."""
        short = self.leg(key)
        return tuple(one for one in self.legs if one.side is Side.BUY and one.kind is short.kind)


def flaws(legs: tuple[LegPlan, ...]) -> list[str]:
    """What is wrong with a list of legs before any contract is known, one sentence each."""
    if not 1 <= len(legs) <= MOST_LEGS:
        return [f"legs: a structure has 1 to {MOST_LEGS} legs, was {len(legs)}"]
    keys = [leg.key for leg in legs]
    found = [f"legs: the key {key!r} is used twice" for key in sorted(set(keys)) if keys.count(key) > 1]
    for leg in legs:
        if not LEG_KEY.fullmatch(leg.key):
            found.append(f"legs: the key {leg.key!r} must be 1 to 3 capital letters or digits, beginning with a letter")
        if leg.ratio < 1:
            found.append(f"legs: the ratio of {leg.key} must be at least 1, was {leg.ratio}")
        if isinstance(leg.selector, ByWidth):
            found += _width_flaws(leg, legs)
    return found


def _width_flaws(leg: LegPlan, legs: tuple[LegPlan, ...]) -> list[str]:
    assert isinstance(leg.selector, ByWidth)
    of = next((one for one in legs if one.key == leg.selector.of), None)
    if of is None or of is leg:
        return [f"legs: the width of {leg.key} is measured from {leg.selector.of!r}, which is no other leg"]
    if of.kind is not leg.kind:
        return [f"legs: the width of {leg.key} ({leg.kind}) is measured from {of.key}, which is a {of.kind}"]
    if isinstance(of.selector, ByWidth):
        return [f"legs: the width of {leg.key} is measured from {of.key}, whose strike is itself a width"]
    return [] if leg.selector.usd > 0 else [f"legs: the width of {leg.key} must be above 0, was {leg.selector.usd}"]
