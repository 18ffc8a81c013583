"""A green suite is evidence only if it turns red on known bugs: each of them must be caught, and only because it is there."""

from pathlib import Path

import pytest

from tests.mutants.mutant import examine
from tests.mutants.registry import MUTANTS, NOT_APPLICABLE, ROWS
from tests.mutants.table import PAGE, page

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", MUTANTS)
def test_a_known_defect_is_caught_and_nothing_is_wrong_without_it(name: str) -> None:
    verdict = examine(MUTANTS[name])
    assert verdict.unclean == []
    assert verdict.killed_by, f"{name} survived: {MUTANTS[name].check.words} saw nothing of it"


def test_every_row_has_its_mutant() -> None:
    assert sorted({name[:3] for name in MUTANTS}) == list(ROWS)
    assert set(NOT_APPLICABLE) <= set(ROWS)


def test_the_page_is_made_from_the_registry() -> None:
    assert (ROOT / PAGE).read_text(encoding="utf-8") == page(), f"run: python -m tests.mutants --table > {PAGE}"
