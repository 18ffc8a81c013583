"""Delta debugging: the fewest faults and deeds with which a session still breaks the same invariant."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from msgspec.structs import replace

from trader.simulation.plan import draw
from trader.simulation.planned import Plan
from trader.simulation.scenario import Scenario
from trader.simulation.session import run_plan

T = TypeVar("T")

CRASHED = "CRASH"  # the simulation itself failed: nothing to shrink, the seed tells where


def minimal(parts: Sequence[T], fails: Callable[[Sequence[T]], bool]) -> list[T]:
    """The parts without which it no longer fails (Zeller's ddmin, removing complements)."""
    kept, pieces = list(parts), 2
    while len(kept) >= 2:
        size = max(len(kept) // pieces, 1)
        for start in range(0, len(kept), size):
            fewer = kept[:start] + kept[start + size :]
            if fails(fewer):
                kept, pieces = fewer, max(pieces - 1, 2)
                break
        else:
            if size == 1:
                break
            pieces = min(pieces * 2, len(kept))
    return [] if kept and fails([]) else kept


def shrink(seed: int, invariant: str) -> Scenario | None:
    """The smallest scenario of a seed that breaks an invariant; None when the seed does not break it."""
    plan = draw(seed)
    if invariant == CRASHED:
        return None
    result = run_plan(plan)
    text = next((v.text for v in result.violations if v.invariant == invariant), None)
    if text is None:
        return None

    def breaks(plan: Plan, faults: Sequence[tuple[str, int]]) -> bool:
        return any(v.invariant == invariant for v in run_plan(plan, frozenset(faults)).violations)

    faults = minimal(result.happened, lambda fewer: breaks(plan, fewer))
    deeds = minimal(plan.deeds, lambda fewer: breaks(replace(plan, deeds=tuple(fewer)), faults))
    plan = replace(plan, deeds=tuple(deeds))
    return Scenario(plan=plan, faults=tuple(faults), found=invariant, text=text)
