"""Defects of losses that count what is open: a share that bars nothing, a midnight without a mark, a day that is not what it has made."""

from pathlib import Path
from typing import Any

from msgspec.structs import replace

from tests.mutants.limiting import limited
from tests.mutants.mutant import Mutant, named, sessions
from tests.mutants.plans import Plans, held
from tests.mutants.tools import Patch, everywhere
from trader.engine import records as rec
from trader.engine.account import losses, marking, wallet_days
from trader.engine.state import HUNDRED, Account
from trader.engine.turn import Turn
from trader.simulation.directed import overnight
from trader.simulation.planned import Deed, Plan
from trader.simulation.scenario import load, replay

_UNTOLD = Path(__file__).parents[1] / "simulation" / "scenarios" / "or1-entered-before-the-exits-cost-was-told.json"

_START = Deed(secs=0.3, kind="start")
_SET = Deed(secs=0.1, kind="limits")
_NEAR = {"daily_loss_usd": "5", "weekly_loss_usd": "9", "loss_warn_pct": 5, "loss_bars_pct": 10}


def _nights(*deeds: Deed) -> Plans:
    """Held over an Indian midnight."""

    def plan(seed: int) -> Plan:
        quiet = overnight(seed)
        return replace(quiet, deeds=(*quiet.deeds, *deeds))

    return lambda: [plan(seed) for seed in range(2)]


def the_share_bars_nothing(patch: Patch) -> None:
    real = losses.Loss.reaches

    def reaches(self: losses.Loss, share: Any) -> bool:
        return real(self, HUNDRED if share == 10 else share)

    patch.setattr(losses.Loss, "reaches", reaches)


def midnight_passes_unmarked(patch: Patch) -> None:
    everywhere(patch, marking.mark_midnight, lambda turn: None)


def the_day_of_the_end_has_made_it_all(patch: Patch) -> None:
    patch.setattr(Account, "carried", lambda self, run_id: losses.ZERO)


def nobody_is_warned(patch: Patch) -> None:
    everywhere(patch, losses._warn, lambda turn, loss: None)


def a_day_is_what_the_ledger_says(patch: Patch) -> None:
    """The difference is looked for where none can be."""
    real = wallet_days._sum

    def _sum(lines: Any, products: Any) -> Any:
        return real([line for line in lines if line.kind in ("cashflow", "commission", "settlement")], products)

    everywhere(patch, real, _sum)


def open_is_nothing_at_midnight(patch: Patch) -> None:
    real = Turn.write

    def write(self: Turn, kind: Any, run_id: str, **fields: Any) -> None:
        if kind is rec.DayMarked:
            fields["pnl"] = losses.ZERO
        real(self, kind, run_id, **fields)

    patch.setattr(Turn, "write", write)


def what_has_ended_is_not_told(patch: Patch) -> None:
    real = losses._warns
    everywhere(patch, real, lambda turn, loss: bool(turn.state.unresolved) and real(turn, loss))


def what_is_not_told_costs_nothing(patch: Patch) -> None:
    patch.setattr(losses, "untold_fees", lambda *_: losses.ZERO)


def nothing_enters_before_the_costs_are_told() -> None:
    assert [one.text for one in replay(load(_UNTOLD)).violations] == []


def _limits_after_a_loss() -> list[Plan]:
    """A run is stopped at once, which costs the spread and fees; then limits are set that this nears."""
    stop, late = Deed(secs=4.0, kind="stop", phase="holding"), Deed(secs=40.0, kind="ack", size=1)
    deeds = (_START, stop, Deed(secs=15.0, kind="limits"), late)
    limits = {**_NEAR, "loss_warn_pct": 1, "daily_loss_usd": "2", "weekly_loss_usd": "2"}
    return [replace(held(seed), deeds=deeds, limits=(limits,)) for seed in range(2)]


MUTANTS = [
    Mutant(
        name="O01",
        defect="Entries go on until the limit itself is reached, whatever share of it bars them",
        patched="`reaches` takes the barring share for the whole",
        patch=the_share_bars_nothing,
        check=sessions("OR1", limited(_NEAR, _SET, _START, Deed(secs=20.0, kind="start_other", phase="holding"))),
    ),
    Mutant(
        name="O02",
        defect="A position that is held over midnight makes everything on the day of its end",
        patched="`mark_midnight` does nothing",
        patch=midnight_passes_unmarked,
        check=sessions("OR2", _nights()),
    ),
    Mutant(
        name="O03",
        defect="What earlier days have made of a run counts once more on its last day",
        patched="`carried` is 0",
        patch=the_day_of_the_end_has_made_it_all,
        check=sessions("OR2", _nights()),
    ),
    Mutant(
        name="O04",
        defect="At midnight what is open counts as nothing",
        patched="`DayMarked` is written with 0",
        patch=open_is_nothing_at_midnight,
        check=sessions("OR2", _nights()),
    ),
    Mutant(
        name="O05",
        defect="Nobody is told of a loss before its limit is reached",
        patched="`_warn` does nothing",
        patch=nobody_is_warned,
        check=sessions("OR3", limited(_NEAR)),
    ),
    Mutant(
        name="O06",
        defect="A charge that no fill tells is no difference of its day",
        patched="`_sum` adds cash flows, commissions and settlements alone",
        patch=a_day_is_what_the_ledger_says,
        check=sessions("OR4", _nights(Deed(secs=6.0, kind="charge", size=37, phase="holding"))),
    ),
    Mutant(
        name="O07",
        defect="A loss that nears its limit is told only while something is open",
        patched="`_warns` finds nothing while no run is open",
        patch=what_has_ended_is_not_told,
        check=sessions("OR3", _limits_after_a_loss),
    ),
    Mutant(
        name="O08",
        defect="A loss shrinks in the moment in which it is taken, since what closing has cost is not told yet",
        patched="`value_other` knows of no costs that are not told",
        patch=what_is_not_told_costs_nothing,
        check=named("OR1", nothing_enters_before_the_costs_are_told),
    ),
]
