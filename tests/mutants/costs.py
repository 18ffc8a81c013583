"""Defects of what an entry may cost: not asked, half of it, measured against the wrong thing."""

from pathlib import Path
from typing import Any

from msgspec.structs import replace

from tests.mutants.mutant import Mutant, named, sessions
from tests.mutants.plans import Plans, held
from tests.mutants.tools import Patch, everywhere
from trader.engine import entry_cost
from trader.engine.state import ZERO
from trader.simulation.planned import Plan
from trader.simulation.scenario import load, replay

_TWO_INSTANTS = Path(__file__).parents[1] / "simulation" / "scenarios" / "ec1-a-spread-priced-at-two-instants.json"


def _limited(half_spread_pct: float, max_loss_pct: str, **limits: Any) -> Plans:
    """Quiet sessions that these limits keep from entering."""

    def plan(seed: int) -> Plan:
        quiet = held(seed, exits={"max_loss_pct": max_loss_pct}, exit_time="10:32")
        market = replace(quiet.market, iv=0.5, half_spread_pct=half_spread_pct)
        return replace(quiet, market=market, preset={**quiet.preset, "risk": {**quiet.preset["risk"], **limits}})

    return lambda: [plan(seed) for seed in range(3)]


def nothing_is_nonsense(patch: Patch) -> None:
    everywhere(patch, entry_cost.nonsense, lambda preset, legs, cost: [])


def fees_of_one_way(patch: Patch) -> None:
    real = entry_cost.nonsense
    everywhere(patch, real, lambda preset, legs, cost: real(preset, legs, replace(cost, closing_fees=ZERO)))


def measured_against_the_premium(patch: Patch) -> None:
    real = entry_cost.nonsense

    def nonsense(preset: Any, legs: Any, cost: Any) -> list[str]:
        exits = preset.exits.model_copy(update={"max_loss_pct": 100})
        return real(preset.model_copy(update={"exits": exits}), legs, cost)

    everywhere(patch, real, nonsense)


def everything_may_earn(patch: Patch) -> None:
    everywhere(patch, entry_cost.most_earned, lambda legs, premium: None)


def a_spread_priced_at_two_instants() -> None:
    assert [one.text for one in replay(load(_TWO_INSTANTS)).violations] == []


MUTANTS = [
    Mutant(
        name="C01",
        defect="What is at its maximum loss in the same breath is sold",
        patched="`nonsense` finds nothing",
        patch=nothing_is_nonsense,
        check=sessions("EC1", _limited(4.0, "100", max_start_loss_pct="8")),
    ),
    Mutant(
        name="C02",
        defect="Fees are those of one way",
        patched="`nonsense` is told no fees of closing",
        patch=fees_of_one_way,
        check=sessions("EC1", _limited(0.5, "100", max_fee_share_pct="6")),
    ),
    Mutant(
        name="C03",
        defect="The loss of the first second is measured against the premium, whatever the stop is",
        patched="`nonsense` takes the maximum loss for 100 %",
        patch=measured_against_the_premium,
        check=sessions("EC1", _limited(0.5, "20", max_start_loss_pct="30")),
    ),
    Mutant(
        name="C04",
        defect="A credit spread is entered for a debit: it earns nothing wherever spot goes",
        patched="`most_earned` knows no bound",
        patch=everything_may_earn,
        check=named("EC1", a_spread_priced_at_two_instants),
    ),
]
