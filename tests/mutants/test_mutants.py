"""A green suite is evidence only if it turns red on known bugs: each of them must be caught, and only because it is there."""

from pathlib import Path

import pytest

from tests.mutants import random_ones
from tests.mutants.fresh import first_caught
from tests.mutants.mutant import examine
from tests.mutants.registry import MUTANTS, NOT_APPLICABLE, ROWS
from tests.mutants.table import PAGE, page
from trader.config.preset import Exits
from trader.engine import exits

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", MUTANTS)
def test_a_known_defect_is_caught_and_nothing_is_wrong_without_it(name: str) -> None:
    verdict = examine(MUTANTS[name])
    assert verdict.unclean == []
    assert verdict.killed_by, f"{name} survived: {MUTANTS[name].check.words} saw nothing of it"


def test_every_row_has_its_mutant() -> None:
    assert sorted({name[:3] for name in MUTANTS}) == list(ROWS)
    assert set(NOT_APPLICABLE) <= set(ROWS)


def test_fresh_sessions_find_an_exit_that_may_open() -> None:
    caught = first_caught(MUTANTS["M27"], seed=1, most=10)
    assert caught is not None and caught.seed == caught.number and caught.words.startswith("I7")


def test_a_random_change_is_put_in_and_taken_out_again() -> None:
    every = random_ones.changes()
    edge = next(c for c in every if c.function == "triggered" and "LtE → Lt in pct <= -exits.max_loss_pct" in c.words)
    rules, at_the_limit = Exits(), -Exits().max_loss_pct
    with pytest.MonkeyPatch.context() as patch:
        random_ones.apply(patch, edge)
        assert list(exits.triggered(rules, None, at_the_limit)) == []
    assert list(exits.triggered(rules, None, at_the_limit)) == ["max_loss"]
    assert len(every) > 500


def test_the_page_is_made_from_the_registry() -> None:
    assert (ROOT / PAGE).read_text(encoding="utf-8") == page(), f"run: python -m tests.mutants --table > {PAGE}"
