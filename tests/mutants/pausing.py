"""Defects of the breaker of entries: who asks it, what it compares, for how long it bars."""

from typing import Any

from msgspec.structs import replace

from tests.mutants.limiting import limited
from tests.mutants.mutant import Mutant, sessions
from tests.mutants.plans import Plans
from tests.mutants.tools import Patch, everywhere
from trader.engine.account import abnormal
from trader.engine.account.sight import Span
from trader.simulation.planned import Deed, Plan

_SOON = {"index_jump_pct": "0.5", "index_jump_secs": 20, "calm_secs": 20}
_DEEDS = (Deed(secs=0.05, kind="limits"), Deed(secs=0.3, kind="start"), Deed(secs=8.0, kind="start_other"))


def jumping(*jumps: tuple[float, float]) -> Plans:
    """A second run is started a moment after the index has moved by these (seconds, log return)."""

    def moved(plan: Plan) -> Plan:
        return replace(plan, market=replace(plan.market, jumps=jumps, iv_moves=()))

    return lambda: [moved(plan) for plan in limited(_SOON, *_DEEDS)()]


def no_one_asks(patch: Patch) -> None:
    everywhere(patch, abnormal.bars, lambda state, run: None)
    everywhere(patch, abnormal.bars_words, lambda state, run: "")


def each_price_is_held_against_the_one_before(patch: Patch) -> None:
    def _with(spans: Any, spot: Any, now: Any, secs: int) -> Any:
        return (*spans[-1:], Span(now, spot, spot))

    everywhere(patch, abnormal._with, _with)


def it_lets_go_at_once(patch: Patch) -> None:
    real = abnormal._kept

    def _kept(turn: Any, name: str, before: Any, found: Any, now: Any, limits: Any) -> Any:
        return real(turn, name, before, found, now, limits.model_copy(update={"calm_secs": 0}))

    everywhere(patch, real, _kept)


MUTANTS = [
    Mutant(
        name="E01",
        defect="An entry begins right after the index has jumped",
        patched="`bars` finds nothing",
        patch=no_one_asks,
        check=sessions("AB1", jumping((7.0, 0.01))),
    ),
    Mutant(
        name="E02",
        defect="An index that falls step by step within the time is no jump",
        patched="`_with` keeps the last two prices alone",
        patch=each_price_is_held_against_the_one_before,
        check=sessions("AB1", jumping((3.0, -0.003), (5.0, -0.003), (7.0, -0.003))),
    ),
    Mutant(
        name="E03",
        defect="Entries are let out the moment the jump is out of its window",
        patched="`calm_secs` is taken for 0",
        patch=it_lets_go_at_once,
        check=sessions("AB1", jumping((7.0, 0.01))),
    ),
]
