"""Mutants against sessions nobody chose for them: would a campaign have met the defect?"""

import msgspec
import pytest

from tests.mutants.mutant import Mutant, Sessions
from trader.simulation.plan import draw
from trader.simulation.session import run_plan


class Caught(msgspec.Struct, frozen=True):
    """The session that broke one of the mutant's promises: the how manieth, its seed, what broke."""

    number: int
    seed: int
    words: str


def first_caught(mutant: Mutant, seed: int, most: int) -> Caught | None:
    """The first session from `seed` on that catches a mutant of sessions; None when none of `most` does."""
    assert isinstance(mutant.check, Sessions)
    with pytest.MonkeyPatch.context() as patch:
        mutant.patch(patch)
        for number in range(1, most + 1):
            for violation in run_plan(draw(seed + number - 1)).violations:
                if violation.invariant in mutant.check.invariants:
                    return Caught(number, seed + number - 1, f"{violation.invariant}: {violation.text}")
    return None
