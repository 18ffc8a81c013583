"""A green campaign is evidence only if it turns red on known bugs: each of them must be caught."""

import pytest

from tests.simulation.mutants import MUTANTS
from trader.simulation.session import run_plan


@pytest.mark.parametrize("name", MUTANTS)
def test_a_known_defect_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    patch, invariants, plans = MUTANTS[name]
    patch(monkeypatch)
    found: set[str] = set()
    for plan in plans():
        found |= {v.invariant for v in run_plan(plan).violations}
        if found & invariants:
            return
    pytest.fail(f"{name} survived; other findings: {sorted(found)}")


@pytest.mark.parametrize("name", ["M04", "M42", "M46", "M52"])
def test_the_sessions_made_for_a_defect_are_clean_without_it(name: str) -> None:
    for plan in MUTANTS[name][2]()[:6]:
        assert run_plan(plan).violations == []
