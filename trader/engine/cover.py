"""What belongs together: which contracts of a short leg are covered by long ones, and which stand without what they belong with.

Cover is of one's own kind: a long call bounds what a short call can lose, whatever its strike. What a structure means to leave
uncovered (both legs of a strangle) is no flaw of it, as long as its short legs are open in their ratio.
"""

from collections.abc import Mapping, Sequence
from math import lcm

from trader.domain.instrument import Kind
from trader.domain.order import Side
from trader.engine.records import LegTerms

Sizes = Mapping[str, int]  # contracts by the key of their leg
_NONE: Sizes = {}


def shorts(legs: Sequence[LegTerms]) -> list[LegTerms]:
    return [leg for leg in legs if leg.side is Side.SELL]


def covers(legs: Sequence[LegTerms], leg: LegTerms) -> bool:
    """Whether a leg is a long one that some short one has beside it."""
    return leg.side is Side.BUY and any(short.kind is leg.kind for short in shorts(legs))


def uncovered(legs: Sequence[LegTerms], sizes: Sizes, kind: Kind) -> int:
    """Contracts of the short legs of a kind beyond those of its long ones."""
    bare = 0
    for leg in legs:
        if leg.kind is kind:
            bare -= leg.side.sign * sizes.get(leg.key, 0)
    return max(bare, 0)


def beyond_cover(legs: Sequence[LegTerms], sizes: Sizes, kind: Kind) -> int:
    """Contracts of a kind that are less covered than its structure means them to be; none where it covers none."""
    if not any(leg.side is Side.BUY and leg.kind is kind for leg in legs):
        return 0
    meant = uncovered(legs, {leg.key: leg.quantity for leg in legs}, kind)
    return max(uncovered(legs, sizes, kind) - meant, 0)


def astray(legs: Sequence[LegTerms], sizes: Sizes, leads: Sizes = _NONE) -> dict[str, int]:
    """Contracts of each short leg that stand without what they belong with: without the cover that the structure gives them,
    or uncovered and beyond their ratio to the other short legs by more than a leg may lead (worked in slices, it may by one).
    Legs of which there are none are left out."""
    sold = shorts(legs)
    if not any(sizes.get(leg.key) for leg in sold):
        return {}
    parts = lcm(*(leg.ratio for leg in sold))  # of one of each ratio: in these, shares are whole numbers
    least = min(sizes.get(leg.key, 0) * (parts // leg.ratio) for leg in sold)
    found = {}
    for leg in sold:
        size, bare = sizes.get(leg.key, 0), uncovered(legs, sizes, leg.kind)
        in_ratio = -(-least * leg.ratio // parts)  # rounded up
        beyond_ratio = size - in_ratio - leads.get(leg.key, 0)
        alone = min(max(beyond_cover(legs, sizes, leg.kind), beyond_ratio), bare, size)
        if alone > 0:
            found[leg.key] = alone
    return found


def behind(legs: Sequence[LegTerms], sizes: Sizes) -> set[str]:
    """The short legs that lack contracts to be in their ratio to the fullest one."""
    sold = shorts(legs)
    parts = lcm(*(leg.ratio for leg in sold))
    most = max((sizes.get(leg.key, 0) * (parts // leg.ratio) for leg in sold), default=0)
    return {leg.key for leg in sold if sizes.get(leg.key, 0) < most * leg.ratio // parts}


def needed(legs: Sequence[LegTerms], leg: LegTerms, open_shorts: Sizes) -> int:
    """Contracts of a long leg that are to stay while so many of the short ones are open."""
    return sum(open_shorts.get(short.key, 0) for short in shorts(legs) if short.kind is leg.kind)


def in_ranks(legs: Sequence[LegTerms]) -> list[list[LegTerms]]:
    """The legs by rank, the one that is entered first at the front."""
    return [[leg for leg in legs if leg.rank == rank] for rank in sorted({leg.rank for leg in legs})]
