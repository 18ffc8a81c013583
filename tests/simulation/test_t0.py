"""The tier that runs with every push: seeded sessions, all faults, the same trace in every process, a sample of the kills.
Marked t1: what needs two thousand sessions (each fault and command in each of its phases) or more deaths."""

import ast
import json
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from trader.cli.app import app
from trader.simulation import campaign as campaigns
from trader.simulation.campaign import Campaign, run_campaign, unless_interrupted
from trader.simulation.catalogue import COMMANDS, ELSEWHERE, LATER, PHASES, REACH, WORDS
from trader.simulation.directed import SESSIONS
from trader.simulation.killing import count_points, run_kills
from trader.simulation.plan import draw
from trader.simulation.scenario import Scenario, load, replay, save
from trader.simulation.session import run_plan
from trader.simulation.shrink import minimal
from trader.simulation.workers import in_order

pytestmark = pytest.mark.timeout(900)  # some of these are minutes of one core by design

ROOT = Path(__file__).parent.parent.parent
SCENARIOS = sorted((Path(__file__).parent / "scenarios").glob("*.json"))
FIRST_SEED, COUNT, LONG_COUNT = 1, 200, 2000
LEAST_FAULTS, LEAST_OF_EACH, LEAST_OF_CELL = 1_700, 10, 2
HASHED_SEED = 40
EVERY_ID = (
    *(f"N{n}" for n in range(1, 18)),
    *(f"X{n}" for n in range(1, 15)),
    *("K1", "K2", "K3", "F1", "F2", "F3", "F4", "V1", "W1", "W2", "W3", "W4", "W5"),
    *("Q1", "Q2", "Q3", "Q4", "H1", "H2", "H3", "H4", "H5", "H6", "H7", "H8"),
)

_HASH = "from trader.simulation.campaign import run_campaign as r; print(r({count}, {seed}).trace_hash)"


@pytest.fixture(scope="module", autouse=True)
def _fresh_processes() -> Iterator[None]:
    """Forked ones would carry the marks of line coverage with them: a third slower, and counted nowhere."""
    usual = multiprocessing.get_start_method()
    multiprocessing.set_start_method("spawn", force=True)
    yield
    multiprocessing.set_start_method(usual, force=True)


# ------------------------------------------------------------ the campaign


@pytest.fixture(scope="module")
def campaign() -> Campaign:
    return run_campaign(COUNT, FIRST_SEED, jobs=2)


@pytest.fixture(scope="module")
def long_campaign() -> Campaign:
    return run_campaign(LONG_COUNT, FIRST_SEED, jobs=2)


def test_no_promise_is_broken_in_hundreds_of_sessions(campaign: Campaign) -> None:
    assert campaign.violations == []
    assert campaign.sessions == COUNT
    assert sum(sum(cells.values()) for cells in campaign.faults.values()) >= LEAST_FAULTS


def test_every_fault_has_struck_and_every_command_was_carried_out(campaign: Campaign) -> None:
    """In each of their phases, and beside more than one run: only the long campaign gets there."""
    assert [name for name in WORDS if not campaign.faults.get(name)] == []
    assert [kind for kind in COMMANDS if not campaign.commands.get(kind)] == []


@pytest.mark.t1
def test_no_promise_is_broken_in_two_thousand_sessions(long_campaign: Campaign) -> None:
    assert long_campaign.violations == []
    assert long_campaign.sessions == LONG_COUNT


@pytest.mark.t1
def test_every_fault_has_struck_often_and_in_every_phase_it_can_reach(long_campaign: Campaign) -> None:
    faults = long_campaign.faults
    few = {name: total for name in WORDS if (total := sum(faults.get(name, {}).values())) < LEAST_OF_EACH}
    assert few == {}
    bare = [
        (name, phase, struck)
        for name in WORDS
        for phase in REACH.get(name, PHASES)
        if (struck := faults.get(name, {}).get(phase, 0)) < LEAST_OF_CELL
    ]
    assert bare == []


@pytest.mark.t1
def test_every_fault_and_every_command_has_met_more_than_one_run(long_campaign: Campaign) -> None:
    met = long_campaign.several
    assert {name: met.get(name, 0) for name in (*WORDS, *COMMANDS) if met.get(name, 0) < LEAST_OF_CELL} == {}


@pytest.mark.t1
def test_every_command_was_carried_out_in_every_phase(long_campaign: Campaign) -> None:
    bare = [
        (kind, phase, count)
        for kind in COMMANDS
        for phase in PHASES
        if (count := long_campaign.commands.get(kind, {}).get(phase, 0)) < LEAST_OF_CELL
    ]
    assert bare == []


def test_every_fault_of_the_specification_has_a_place() -> None:
    """Simulated, struck by a named test elsewhere, or of later priority; never in two of these."""
    places = [WORDS.keys(), ELSEWHERE.keys(), LATER.keys()]
    assert sorted(name for place in places for name in place) == sorted(EVERY_ID)


@pytest.mark.parametrize("name", ELSEWHERE)
def test_what_strikes_elsewhere_has_the_test_it_names(name: str) -> None:
    path, _, function = ELSEWHERE[name].partition("::")
    tree = ast.parse((ROOT / path).read_text())
    assert function in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


# ------------------------------------------------------------ determinism


@pytest.mark.parametrize("count", [15, pytest.param(100, marks=pytest.mark.t1)])
def test_sessions_leave_the_same_trace_in_every_process(count: int) -> None:
    code = _HASH.format(count=count, seed=HASHED_SEED)
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for hash_seed in ("1", "77")
    ]
    hashes = [process.communicate(timeout=300)[0].strip() for process in running]
    assert len(hashes[0]) == 32
    assert hashes[0] == hashes[1]


def test_another_seed_leaves_another_trace() -> None:
    assert run_plan(draw(1)).trace_hash != run_plan(draw(2)).trace_hash


def test_the_number_of_processes_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaigns, "_CHUNK", 4)
    alone, shared = run_campaign(18, 900), run_campaign(18, 900, jobs=2)
    assert (alone.trace_hash, alone.faults) == (shared.trace_hash, shared.faults)


# ------------------------------------------------------------ kill points


LONG_SESSIONS = (  # they hold for minutes near the expiry, with hundreds of points alike
    "exit_near_the_expiry",
    "worthless_to_the_end",
    "offered_again_before_the_end",
    "offered_too_dear_to_be_worth_it",
)


# `make campaign` visits every point.
@pytest.mark.parametrize(
    ("every", "every_of_long", "least"), [(16, 160, 140), pytest.param(3, 25, 500, marks=pytest.mark.t1)]
)
def test_a_death_at_points_of_every_session_breaks_nothing(every: int, every_of_long: int, least: int) -> None:
    steps = dict.fromkeys(SESSIONS, every) | dict.fromkeys(LONG_SESSIONS, every_of_long)
    done = run_kills(double=False, count=1, seed=1, jobs=2, every=steps)
    assert [(f.case, f.violation) for f in done.findings] == []
    assert len(done.points) >= 30
    assert done.cases == sum(len(count_points(name, 1)[::step]) for name, step in steps.items())
    assert done.cases >= least


def test_a_second_death_while_recovering_breaks_nothing() -> None:
    done = run_kills(double=True, count=40, seed=7)
    assert [(f.case, f.violation) for f in done.findings] == []
    assert done.cases == 40
    assert sum(done.points.values()) == 80


# ------------------------------------------------------------ scenarios


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


# ------------------------------------------------------------ the command


def run_command(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["simulate", *arguments])
    return done.exit_code, done.stdout


def test_the_command_prints_the_agreed_keys() -> None:
    code, text = run_command("--sessions", "10", "--seed", "5", "--json")
    document = json.loads(text)
    assert code == 0
    assert {"sessions", "faults", "violations", "sessions_per_s", "trace_hash", "worst_seed"} <= document.keys()
    assert (document["sessions"], document["violations"], document["worst_seed"]) == (10, 0, None)
    assert document["commands_by_phase"]["start"]
    assert document["faults"] == sum(sum(cells.values()) for cells in document["faults_by_phase"].values()) > 0


def test_a_broken_promise_ends_with_1_and_leaves_seed_and_scenario(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TRADER_HOME", str(tmp_path))
    monkeypatch.setattr("trader.simulation.triggers._TRIGGER_SECS", -100.0)
    monkeypatch.setattr("trader.simulation.leaving._TIME_EXIT_SECS", -1e9)  # every run is late
    done = CliRunner().invoke(app, ["simulate", "--sessions", "2", "--seed", "5"])
    assert done.exit_code == 1
    assert "seed 5" in done.output
    assert "CT8" in done.output
    written = list((tmp_path / "scenarios").glob("ct8-*.json"))
    assert len(written) == 1 and str(written[0]) in done.output


def test_a_table_of_faults_and_phases_is_printed() -> None:
    code, text = run_command("--sessions", "10", "--seed", "5")
    assert code == 0
    assert text.splitlines()[0].split() == ["fault", "waiting", "entering", "one", "leg", *PHASES[3:], "several", "all"]
    assert any(line.split()[:1] == ["stop"] for line in text.splitlines())
    assert "10 sessions from seed 5" in text


def test_kills_are_visited_by_command() -> None:
    code, text = run_command("--kills", "double", "--sessions", "3", "--json")
    document = json.loads(text)
    assert code == 0
    assert (document["sessions"], document["violations"]) == (3, 0)
    assert sum(document["points"].values()) == 6


def test_an_interrupt_keeps_what_was_found_until_then() -> None:
    def parts() -> Iterator[int]:
        yield 1
        raise KeyboardInterrupt

    assert list(unless_interrupted(parts())) == [1]


def test_results_come_in_the_order_of_the_work() -> None:
    work = [partial(pow, number, 2) for number in range(40)]
    assert list(in_order(work, 2)) == [number**2 for number in range(40)]
