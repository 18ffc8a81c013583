"""Defects of what an entry needs of the account: other people's things on the underlying, and an account that is not read."""

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from tests.mutants.mutant import Mutant, sessions
from tests.mutants.plans import Plans, plain
from tests.mutants.tools import Patch, everywhere
from trader.engine import prerequisites, waiting
from trader.runner import reading
from trader.simulation.planned import Deed, Plan

_START = Deed(secs=0.3, kind="start")


def _beside(*deeds: Deed, waits: bool = False) -> Plans:
    """Quiet sessions in which somebody else has things on other contracts, `waits`: half a minute before the entry."""

    def plan(seed: int) -> Plan:
        quiet = plain(seed, deeds=deeds, start_now=not waits)
        instants = {"entry_time_ist": "10:31" if waits else "10:30", "exit_time_ist": "10:33", "boot_buffer_secs": 0}
        preset = {**quiet.preset, "schedule": {**quiet.preset["schedule"], **instants}}
        return replace(quiet, preset=preset)

    return lambda: [plan(seed) for seed in range(4)]


def _position(secs: float) -> Deed:
    return Deed(secs=secs, kind="strange_position", size=1)


def only_the_legs_contracts_count(patch: Patch) -> None:
    everywhere(patch, prerequisites.unconfirmed, lambda foreign, confirmed: ())


def orders_of_the_legs_alone_are_read(patch: Patch) -> None:
    real = reading._read_members

    def read_members(gateway: Any, effect: Any, read: Any) -> Any:
        return replace(real(gateway, replace(effect, whole=False), read), whole=effect.whole)

    everywhere(patch, real, read_members)


def a_confirmation_is_for_the_contract(patch: Patch) -> None:
    def unconfirmed(foreign: Sequence[Any], confirmed: Sequence[Any]) -> tuple[Any, ...]:
        known = {thing.symbol for thing in confirmed}
        return tuple(thing for thing in foreign if thing.symbol not in known)

    everywhere(patch, prerequisites.unconfirmed, unconfirmed)


def unread_is_clean(patch: Patch) -> None:
    real = waiting._facts

    def facts(*given: Any) -> Any:
        found = real(*given)
        unread = isinstance(found.foreign, prerequisites.Unread)
        return replace(found, foreign=(), margin_needed=None) if unread else found

    everywhere(patch, real, facts)
    # The gate and the last look before signing would not let it out.
    for module in ("gate", "release", "execution.entry"):
        patch.setattr(f"trader.engine.{module}.bars_beginning", lambda *given: "")


MUTANTS = [
    Mutant(
        name="M56b",
        defect="Only the contracts to be sold are looked at before an entry; what stands on others of the underlying is not",
        patched="`unconfirmed` finds nothing",
        patch=only_the_legs_contracts_count,
        check=sessions("E3", _beside(_position(0.05), _START)),
    ),
    Mutant(
        name="M56c",
        defect="Open orders are read of the contracts to be sold alone, and taken for all of the account's",
        patched="a whole read asks for the legs' products",
        patch=orders_of_the_legs_alone_are_read,
        check=sessions("E3", _beside(Deed(secs=0.05, kind="strange_order", size=1), _START)),
    ),
    Mutant(
        name="M56d",
        defect="What a person has confirmed is confirmed for good, whatever it becomes",
        patched="`unconfirmed` compares contracts, not what stands in them",
        patch=a_confirmation_is_for_the_contract,
        check=sessions(
            "E3", _beside(_position(0.05), replace(_START, kind="start_beside"), _position(12.0), waits=True)
        ),
    ),
    Mutant(
        name="M56e",
        defect="An account that could not be read counts as a clean one",
        patched="what is unread is an empty list with margin enough, for the gate too",
        patch=unread_is_clean,
        check=sessions("E3", _beside(_START)),
    ),
]
