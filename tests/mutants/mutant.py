"""A mutant: a known defect, how it is put into the program, and the check that must see it."""

import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import Protocol

import msgspec
import pytest

from tests.mutants.tools import Patch
from trader.simulation.planned import Plan
from trader.simulation.session import run_plan


class Finding(msgspec.Struct, frozen=True):
    """What a check saw of a defect. `session` is the one in which it was seen, where it was a session."""

    words: str
    session: Plan | None = None


class Check(Protocol):
    """Looks for a defect. Without one it finds nothing."""

    @property
    def words(self) -> str:
        """What is looked at, for the table."""

    def look(self) -> Finding | None:
        """What is wrong now, None when nothing is."""

    def clean(self, finding: Finding | None) -> list[str]:
        """What is wrong in the same place without any defect: nothing, or the check is worth nothing."""


class Sessions(msgspec.Struct, frozen=True):
    """Simulated sessions of which one must break one of these promises. The plans are tried in order."""

    invariants: frozenset[str]
    plans: Callable[[], Sequence[Plan]]

    @property
    def words(self) -> str:
        return f"simulated sessions: {', '.join(sorted(self.invariants))}"

    def look(self) -> Finding | None:
        for plan in self.plans():
            for violation in run_plan(plan).violations:
                if violation.invariant in self.invariants:
                    return Finding(f"{violation.invariant}: {violation.text}", plan)
        return None

    def clean(self, finding: Finding | None) -> list[str]:
        if finding is None or finding.session is None:
            return []
        return _broken_in(msgspec.json.encode(finding.session))


@cache
def _broken_in(body: bytes) -> list[str]:
    found = run_plan(msgspec.json.decode(body, type=Plan)).violations
    return [f"{violation.invariant}: {violation.text}" for violation in found]


class Named(msgspec.Struct, frozen=True):
    """A function that asserts something about the real program."""

    invariants: frozenset[str]
    function: Callable[[], None]

    @property
    def words(self) -> str:
        return f"{self.function.__name__}: {', '.join(sorted(self.invariants))}"

    def look(self) -> Finding | None:
        try:
            self.function()
        except AssertionError as error:
            return Finding(str(error).splitlines()[0] if str(error) else self.function.__name__)
        return None

    def clean(self, finding: Finding | None) -> list[str]:
        return _broken_by(self.function)


@cache
def _broken_by(function: Callable[[], None]) -> list[str]:
    try:
        function()
    except AssertionError as error:
        return [str(error) or function.__name__]
    return []


def sessions(invariants: str, plans: Callable[[], Sequence[Plan]]) -> Sessions:
    """The promises as one text, as in `I1 I2`."""
    return Sessions(frozenset(invariants.split()), plans)


def named(invariants: str, function: Callable[[], None]) -> Named:
    """The promises as one text, as in `S5 S7`."""
    return Named(frozenset(invariants.split()), function)


class Mutant(msgspec.Struct, frozen=True, kw_only=True):
    """`name` is the row of docs/mutants.md, with a letter behind it where one row has several defects."""

    name: str
    defect: str
    patched: str
    patch: Callable[[Patch], None]
    check: Check


class Verdict(msgspec.Struct, frozen=True):
    """What became of a mutant. `unclean` is what the check finds without the defect, which must be nothing."""

    name: str
    killed_by: str
    unclean: list[str]

    @property
    def killed(self) -> bool:
        return bool(self.killed_by) and not self.unclean


def examine(mutant: Mutant) -> Verdict:
    """The check with the defect in the program, and in the same place without it."""
    if isinstance(mutant.check, Named) and (unclean := mutant.check.clean(None)):
        return Verdict(mutant.name, "", unclean)
    known = _modules()
    with pytest.MonkeyPatch.context() as patch:
        mutant.patch(patch)
        finding = mutant.check.look()
    late = _modules() - known
    assert not late, f"{mutant.name}: {sorted(late)} were imported with the defect in place and would keep it"
    return Verdict(mutant.name, finding.words if finding is not None else "", mutant.check.clean(finding))


def _modules() -> set[str]:
    return {name for name in sys.modules if name.startswith("trader.")}
