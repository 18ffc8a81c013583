"""Seeded sessions without a broken promise, the same in every process; stored scenarios stay cured."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from trader.simulation.campaign import run_campaign, run_seeds
from trader.simulation.catalogue import WORDS
from trader.simulation.plan import draw
from trader.simulation.scenario import Scenario, load, replay, save
from trader.simulation.session import run_plan
from trader.simulation.shrink import minimal

ROOT = Path(__file__).parent.parent.parent
SCENARIOS = sorted((Path(__file__).parent / "scenarios").glob("*.json"))
SEEDS = range(1, 301)
_RARE = {"X4": 1, "X5": 1, "X6": 1}  # how often a fault must at least have happened; everything else: more often

_HASH = "from trader.simulation.campaign import run_campaign as r; print(r(12, {seed}).trace_hash)"


@pytest.fixture(scope="module")
def part() -> object:
    return run_seeds(SEEDS.start, len(SEEDS))


def test_no_promise_is_broken_in_some_hundred_sessions(part: object) -> None:
    assert part.violations == []  # type: ignore[attr-defined]


def test_every_fault_of_the_catalogue_has_happened(part: object) -> None:
    happened: dict[str, int] = {}
    for (name, _), count in part.counts.items():  # type: ignore[attr-defined]
        happened[name] = happened.get(name, 0) + count
    lacking = {name: happened.get(name, 0) for name in WORDS if happened.get(name, 0) < _RARE.get(name, 3)}
    assert lacking == {}


def test_a_session_leaves_the_same_trace_in_every_process() -> None:
    hashes = set()
    for hash_seed in ("1", "77"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", _HASH.format(seed=40)], env=environment, capture_output=True, text=True, check=True
        )
        hashes.add(done.stdout.strip().splitlines()[-1])
    assert hashes == {run_campaign(12, 40).trace_hash}


def test_another_seed_leaves_another_trace() -> None:
    assert run_plan(draw(1)).trace_hash != run_plan(draw(2)).trace_hash


def test_a_replayed_session_is_the_session(tmp_path: Path) -> None:
    first = run_plan(draw(12))
    path = save(Scenario(plan=draw(12), faults=tuple(first.happened)), tmp_path)
    assert replay(load(path)).trace_hash == first.trace_hash


def test_shrinking_keeps_only_what_is_needed() -> None:
    assert minimal(list(range(40)), lambda parts: {7, 23} <= set(parts)) == [7, 23]
    assert minimal([1, 2, 3], lambda _: True) == []


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_a_scenario_that_once_broke_something_breaks_nothing(path: Path) -> None:
    assert replay(load(path)).violations == []
