"""Defects of the spread guard: profits that no one offers, a stop that never fires, one that fires at a single print, one kept to itself."""

from typing import Any

from msgspec.structs import replace

from tests.mutants.mutant import Mutant, sessions
from tests.mutants.plans import Plans, held
from tests.mutants.tools import Patch, everywhere
from trader.engine import holding, spread_guard
from trader.engine.turn import Turn
from trader.simulation.planned import Plan


def _wide(since: float, until: float, factor: float, *, iv_moves: Any = (), **exits: Any) -> Plans:
    """Sessions held in a market whose spread is that many times as wide for a while."""

    def plan(seed: int) -> Plan:
        far = {"max_loss_pct": "1000", "max_profit_pct": "100", "spread_guard_pct": "10", "spread_guard_secs": 8}
        quiet = held(seed, exits={**far, **exits}, exit_time="10:32", iv_moves=iv_moves)
        return replace(quiet, market=replace(quiet.market, half_spread_pct=1.0, wide=((since, until, factor),)))

    return lambda: [plan(seed) for seed in range(3)]


def profit_past_the_spread(patch: Patch) -> None:
    real = holding.value

    def value(run: Any, market: Any, guarded: Any = ()) -> Any:
        return real(run, market, [leg.key for leg in run.held])

    patch.setattr(holding, "value", value)


def it_never_ends(patch: Patch) -> None:
    def guarded(run: Any, watch: Any, market: Any, now: Any) -> dict[str, float]:
        return dict.fromkeys(watch.wide or (), 60.0)

    everywhere(patch, spread_guard.guarded, guarded)


def it_never_binds(patch: Patch) -> None:
    everywhere(patch, spread_guard.guarded, lambda run, watch, market, now: {})


def it_is_kept_to_itself(patch: Patch) -> None:
    real = Turn.write

    def write(self: Turn, kind: Any, run_id: str, **fields: Any) -> None:
        if kind.__name__ != "SpreadGuarded":
            real(self, kind, run_id, **fields)

    patch.setattr(Turn, "write", write)


MUTANTS = [
    Mutant(
        name="G01",
        defect="A profit that only the mark shows is taken and arms the stop",
        patched="`hold` values every leg no further from the mark than the guard",
        patch=profit_past_the_spread,
        check=sessions("SG1", _wide(6, 40, 60.0, iv_moves=((12, 0.55),), max_profit_pct="40")),
    ),
    Mutant(
        name="G02",
        defect="A spread that stays wide never counts: the stop does not fire",
        patched="`guarded` holds as long as the spread is wide",
        patch=it_never_ends,
        check=sessions("CT7", _wide(8, 80, 60.0, max_loss_pct="40")),
    ),
    Mutant(
        name="G03",
        defect="One absurd print fires the stop",
        patched="`guarded` finds nothing",
        patch=it_never_binds,
        check=sessions("SG2", _wide(36, 44, 60.0, max_loss_pct="40", spread_guard_secs=20)),
    ),
    Mutant(
        name="G04",
        defect="A stop is held back and nobody is told",
        patched="`SpreadGuarded` is not written",
        patch=it_is_kept_to_itself,
        check=sessions("SG3", _wide(8, 60, 60.0, max_loss_pct="40", spread_guard_secs=40)),
    ),
]
