"""Defects of several runs on one account: whose contracts are whose, what keeps an exit out, limits that are the account's."""

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from tests.engine import test_several_runs as tried
from tests.mutants.mutant import Mutant, named, sessions
from tests.mutants.plans import Plans, plain
from tests.mutants.tools import Patch, everywhere
from trader.engine import gate, prerequisites
from trader.engine.account import allocation, crossing, settlement
from trader.engine.execution import exit as leaving
from trader.engine.records import LegTerms
from trader.engine.state import Run
from trader.simulation.planned import Deed, Plan

_START = Deed(secs=0.3, kind="start")
_SECOND = Deed(secs=4.0, kind="start_other", phase="holding")


def _several(
    *deeds: Deed,
    others: int = 1,
    quantity: int = 2,
    level_size: int = 20,
    strategy: dict[str, Any] | None = None,
    orders: dict[str, Any] | None = None,
) -> Plans:
    """Quiet sessions of two runs or more in the same contracts; `strategy` and `orders` are the further runs' own."""

    def plan(seed: int) -> Plan:
        quiet = plain(seed)
        calm = {
            "entry_reference": "touch",
            "retries": 4,
            "market_fallback": True,
            "slippage_pct": "0",
            "exit_timeout_secs": 3,
        }
        preset = {
            **quiet.preset,
            "strategy": {**quiet.preset["strategy"], "quantity": quantity},
            "schedule": {**quiet.preset["schedule"], "exit_time_ist": "10:36", "boot_buffer_secs": 0},
            "orders": {**quiet.preset["orders"], **calm},
            "risk": {**quiet.preset["risk"], "max_runs_per_day": 9},
        }
        more = tuple(
            {
                **preset,
                "strategy": {**preset["strategy"], **(strategy or {})},
                "orders": {**preset["orders"], **(orders or {})},
                "exits": {**preset["exits"], "blind_exit_secs": 61 + number},
            }
            for number in range(others)
        )
        market = replace(quiet.market, level_size=level_size)
        return replace(quiet, preset=preset, others=more, deeds=(_START, *deeds), market=market)

    return lambda: [plan(seed) for seed in range(4)]


def _shared(closed: int) -> Plans:
    """Somebody sells three of a leg beside the run's two, and the exchange closes so many of the five."""
    sold = Deed(secs=8.0, kind="sell_more", size=3, leg=0, phase="holding")
    plans = _several(sold, Deed(secs=14.0, kind="liquidate", size=closed, leg=0), others=0)
    return lambda: [replace(plan, faults_end=16.0) for plan in plans()]


def every_run_closes_what_it_has_made(patch: Patch) -> None:
    everywhere(patch, gate.closable, lambda run, leg: max(run.open_quantity(leg.key), 0))


def a_restart_knows_of_every_exit(patch: Patch) -> None:
    everywhere(patch, leaving._must_read_first, lambda *given: False)


def every_run_gives_way(patch: Patch) -> None:
    everywhere(patch, allocation.shares, lambda seen, held: [seen - sum(held) + own for own in held])


def each_run_books_the_whole(patch: Patch) -> None:
    def split(quantity: int, open_: Sequence[int]) -> list[int]:
        return [min(quantity, size) for size in open_]

    everywhere(patch, allocation.split, split)


def exits_on_their_way_do_not_matter(patch: Patch) -> None:
    def whole(quantity: int, found: Sequence[tuple[Run, LegTerms]]) -> list[int]:
        return allocation.split(quantity, [run.open_quantity(leg.key) for run, leg in found])

    everywhere(patch, settlement.free_first, whole)


def somebody_elses_part_is_a_runs(patch: Patch) -> None:
    def split(quantity: int, found: Sequence[Any]) -> list[int]:
        return [quantity if row == 0 else 0 for row in range(len(found))]

    everywhere(patch, settlement.free_first, split)


def nothing_is_a_runs(patch: Patch) -> None:
    everywhere(patch, settlement.free_first, lambda quantity, found: [0] * len(found))


def runs_are_counted_one_by_one(patch: Patch) -> None:
    real = prerequisites._open_runs
    table = tuple(
        (code, (lambda facts: real(replace(facts, open_runs=0, open_here=0))) if judge is real else judge)
        for code, judge in prerequisites._LIST
    )
    patch.setattr(prerequisites, "_LIST", table)


def other_runs_do_not_matter(patch: Patch) -> None:
    everywhere(patch, crossing.crossing, lambda *given: None)


def only_own_entries_are_cancelled(patch: Patch) -> None:
    everywhere(patch, crossing.in_the_way, lambda *given: [])


def an_exit_that_is_in_no_journal_is_not_sent_again() -> None:
    scene = tried.restarted_after_unrecorded_exits()
    assert scene.submits() == [], "I1: what is closed already is closed again"


def an_exit_on_its_way_comes_last() -> None:
    """Asked of the engine: a session ends the same, since what one run has closed too much is moved to the other, with an alert that
    says what has not happened."""
    tried.test_what_an_exit_on_its_way_will_close_is_the_last_to_be_counted_as_liquidated(1, 2, 1)


MUTANTS = [
    Mutant(
        name="R01",
        defect="A run closes what its own fills have made, although somebody has closed part of it and the rest is another run's",
        patched="`closable` does not look at the share",
        patch=every_run_closes_what_it_has_made,
        check=sessions(
            "AL3",
            _several(
                _SECOND,
                Deed(secs=12.0, kind="buy_back", size=1, leg=0),
                Deed(secs=36.0, kind="stop_one", size=1),
                Deed(secs=50.0, kind="stop"),
            ),
        ),
    ),
    Mutant(
        name="R01b",
        defect="After a restart an exit closes again what one has closed that is in no journal; what it meets is another run's",
        patched="`_must_read_first` never waits for a read",
        patch=a_restart_knows_of_every_exit,
        check=named("I1", an_exit_that_is_in_no_journal_is_not_sent_again),
    ),
    Mutant(
        name="R02",
        defect="What the exchange closed of two runs at once is booked by each of them in full",
        patched="`split` gives each run what it has open",
        patch=each_run_books_the_whole,
        check=sessions("AL1", _several(_SECOND, Deed(secs=12.0, kind="liquidate", size=3, leg=0))),
    ),
    Mutant(
        name="R03",
        defect="A limit of the account is held against each run by itself",
        patched="`open runs` counts none but the one that starts",
        patch=runs_are_counted_one_by_one,
        check=sessions(
            "AL6",
            _several(*(Deed(secs=4.0 + 4 * n, kind="start_other", size=n) for n in range(3)), others=3),
        ),
    ),
    Mutant(
        name="R04",
        defect="A run sells what another is just buying back",
        patched="`crossing` sees no other run",
        patch=other_runs_do_not_matter,
        check=sessions(
            "AL4",
            _several(
                Deed(secs=20.0, kind="stop_one", phase="holding"),
                Deed(secs=20.5, kind="start_other", phase="exiting"),
                quantity=5,
                level_size=1,
                strategy={"quantity": 1},
            ),
        ),
    ),
    Mutant(
        name="R05",
        defect="A run buys the contract that another has sold: the account nets them",
        patched="`crossing` sees no other run",
        patch=other_runs_do_not_matter,
        check=sessions(
            "AL4", _several(_SECOND, strategy={"structure": "one_leg", "leg_kind": "call", "leg_side": "buy"})
        ),
    ),
    Mutant(
        name="R06",
        defect="An exit waits behind another run's entry, which nobody takes away",
        patched="`in_the_way` finds no entries of other runs",
        patch=only_own_entries_are_cancelled,
        check=sessions(
            "AL5",
            _several(
                Deed(secs=5.0, kind="start_other"),
                Deed(secs=8.0, kind="stop_one"),
                orders={"timeout_secs": 30, "entry_reference": "mark"},
            ),
        ),
    ),
    Mutant(
        name="R07",
        defect="Somebody has bought part back: every run leaves it to the others, and it stays open",
        patched="`shares` is what is seen less what the others have",
        patch=every_run_gives_way,
        check=sessions(
            "CT1 AL2",
            _several(_SECOND, Deed(secs=12.0, kind="buy_back", size=1, leg=0), Deed(secs=36.0, kind="stop")),
        ),
    ),
    Mutant(
        name="R14",
        defect="What the exchange closed is booked to the youngest run, whose exit is closing the same contracts",
        patched="`settlement.free_first` looks at no orders",
        patch=exits_on_their_way_do_not_matter,
        check=named("AL1", an_exit_on_its_way_comes_last),
    ),
    Mutant(
        name="R15",
        defect="What the exchange closed of somebody else's contracts is booked to a run as well",
        patched="`settlement.free_first` gives the first run all of it",
        patch=somebody_elses_part_is_a_runs,
        check=sessions("AL1", _shared(4)),
    ),
    Mutant(
        name="R15b",
        defect="What the exchange closed is taken for somebody else's, as soon as he has traded the contract",
        patched="`settlement.free_first` gives no run any of it",
        patch=nothing_is_a_runs,
        check=sessions("AL2", _shared(5)),
    ),
]
