"""Defects of legs worked in slices: too large, too early, not in step, not all of it, and not given up where all has to go."""

from typing import Any

from msgspec.structs import replace

from tests.engine import scene as stage
from tests.mutants.mutant import Mutant, named, sessions
from tests.mutants.plans import Plans
from tests.mutants.tools import Patch, everywhere
from trader.domain.order import Purpose
from trader.engine.execution import algo, iceberg, twap
from trader.engine.execution import exit as leaving
from trader.simulation.directed import quiet
from trader.simulation.planned import Deed

_TWAP = {"entry_algo": "twap", "entry_slices": 4, "entry_duration_secs": 12}
_TWAP_OUT = {"exit_algo": "twap", "exit_slices": 4, "exit_duration_secs": 12}
_ICEBERG = {"entry_algo": "iceberg", "entry_visible_pct": "25", "entry_refresh_secs": 1}


def _sliced(*deeds: Deed, rates: dict[str, float] | None = None, **orders: Any) -> Plans:
    """Sessions of twelve contracts with these algorithms and faults, out at the exit time after half a minute."""
    sizes, times = {"quantity": 12}, {"exit_time_ist": "10:31"}
    return lambda: [
        quiet(seed, *deeds, strategy=sizes, schedule=times, orders=orders, rates=rates or {}) for seed in range(6)
    ]


def slices_sum_to_the_leg() -> None:
    """What a TWAP and an iceberg ask for makes the leg, to the last contract, before the time is over."""
    for terms in (algo.Terms(algo="twap", duration_secs=100, slices=7), algo.Terms(algo="iceberg", visible_pct=15)):
        context = algo.Context(terms=terms, size=200, most_tries=6, elapsed=99.0)
        for _ in range(20):
            answer = algo.next_child(context)
            if isinstance(answer, algo.Child):
                context = replace(context, done=context.done + answer.quantity)
        assert context.done == 200, f"{terms.algo}: {context.done} of 200 contracts in slices"


def a_loss_ends_the_slices() -> None:
    """Bought back in slices at the exit time, the position reaches its maximum loss: the rest goes at once."""
    scene = stage.holding(stage.preset(strategy={"quantity": 10}, orders=_TWAP_OUT))
    assert scene.run.exit_at is not None and scene.market is not None
    scene.pass_time((scene.run.exit_at - scene.market).total_seconds())
    scene.prices(after=0)
    scene.serve()
    for _ in range(3):
        scene.prices("480", "480", after=0.5)
        scene.serve()
    left = [scene.run.open_quantity(leg.key) for leg in scene.run.legs]
    assert left == [0, 0], f"{left} are open beyond the maximum loss"
    assert len(scene.sent(Purpose.EXIT)) == 4, "slices went on beyond the maximum loss"


def slices_of_double_size(patch: Patch) -> None:
    real = twap.Twap.edge
    patch.setattr(twap.Twap, "edge", lambda self, context, size, number: real(self, context, size, 2 * number))


def remainder_is_lost(patch: Patch) -> None:
    def edge(self: Any, context: Any, size: int, number: int) -> int:
        return size // context.terms.slices * min(number, context.terms.slices)

    patch.setattr(twap.Twap, "edge", edge)


def slices_wait_for_nothing(patch: Patch) -> None:
    patch.setattr(twap.Twap, "opens_in", lambda self, context, number: float("-inf"))


def legs_are_not_in_step(patch: Patch) -> None:
    everywhere(patch, algo._slowest, lambda algorithm, context: float("inf"))


def iceberg_shows_double(patch: Patch) -> None:
    real = iceberg.Iceberg.lead
    patch.setattr(iceberg.Iceberg, "lead", lambda self, terms, size: 2 * real(self, terms, size))


def stop_takes_slices(patch: Patch) -> None:
    everywhere(patch, algo.is_patient, lambda run: True)


def loss_takes_slices(patch: Patch) -> None:
    everywhere(patch, leaving.why_at_once, lambda state, run, now: "" if algo.is_patient(run) else "stopped")


MUTANTS = [
    Mutant(
        name="A01",
        defect="A TWAP sends two slices as one",
        patched="`Twap.edge` counts each slice twice",
        patch=slices_of_double_size,
        check=sessions("SL1 SL2", _sliced(**_TWAP)),
    ),
    Mutant(
        name="A02",
        defect="A TWAP's slices leave a remainder of the leg until its time is over",
        patched="`Twap.edge` cuts slices of equal whole contracts and forgets the rest",
        patch=remainder_is_lost,
        check=named("SL2", slices_sum_to_the_leg),
    ),
    Mutant(
        name="A03",
        defect="A TWAP keeps no pace: the next slice follows the last at once",
        patched="`Twap.opens_in` never waits",
        patch=slices_wait_for_nothing,
        check=sessions("SL2", _sliced(**_TWAP)),
    ),
    Mutant(
        name="A04",
        defect="One leg is worked slice by slice while the other fills nothing",
        patched="`_slowest` looks at no other leg",
        patch=legs_are_not_in_step,
        check=sessions("SL3", _sliced(rates={"N1": 0.3}, **_ICEBERG)),
    ),
    Mutant(
        name="A05",
        defect="An iceberg shows twice the share that the preset says",
        patched="`Iceberg.lead` doubles it",
        patch=iceberg_shows_double,
        check=sessions("SL1", _sliced(**_ICEBERG)),
    ),
    Mutant(
        name="A06",
        defect="Stop & Exit in the middle of a slice closes in slices",
        patched="`is_patient` holds for whatever ended the run",
        patch=stop_takes_slices,
        check=sessions("SL4", _sliced(Deed(secs=16.0, kind="stop", phase="holding"), **_TWAP, **_TWAP_OUT)),
    ),
    Mutant(
        name="A07",
        defect="An exit in slices goes on in slices while the loss grows beyond its maximum",
        patched="`why_at_once` looks at no prices",
        patch=loss_takes_slices,
        check=named("SL4", a_loss_ends_the_slices),
    ),
]
