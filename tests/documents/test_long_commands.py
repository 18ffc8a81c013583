"""The printed commands that take minutes or download, run as they are printed by `make t1`."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.documents import small_recording
from tests.documents.blocks import ROOT, blocks, commands
from tests.documents.tables import LONG
from tests.documents.terminals import Terminals, checkout
from tests.recorded_data import recorded

pytestmark = [pytest.mark.t1, pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")]

README = [
    command for block in blocks(ROOT / "README.md") if block.language != "powershell" for command in commands(block)
]


def printed(words: str) -> str:
    [found] = [command for command in README if words in command]
    return found


@pytest.fixture
def terminals(tmp_path: Path) -> Iterator[Terminals]:
    with checkout(tmp_path) as made:
        yield made


@pytest.mark.timeout(1500)
@pytest.mark.parametrize("market", ["made up", "recorded"])
def test_the_readmes_week_has_seven_runs(market: str, tmp_path: Path, terminals: Terminals) -> None:
    if market == "recorded":
        week = recorded(small_recording.NAME)
        if week is None:
            pytest.skip("the June week is not on this machine (TRADER_DATA)")
        terminals.environ["TRADER_DATA"] = str(week.parents[1])
    else:
        small_recording.make(tmp_path / "data", days=7)
        terminals.environ["TRADER_DATA"] = str(tmp_path / "data")
    terminals.run(printed("import-recording"))
    terminals.host(printed("TRADER_VENUE_MARKET"))
    series = printed("start --preset default --wait 300").replace("--wait 300", "--repeat 7")
    said = terminals.run(series, secs=1400)
    assert said.count("flat, confirmed by the exchange") == 7
    told = json.loads(terminals.run("python -m trader history --json"))
    assert len(told["runs"]) == 7
    sold = [run for run in told["runs"] if run["exit_reason"] != "missed_entry"]
    assert len(sold) >= (7 if market == "made up" else 4), told["runs"]
    assert json.loads(terminals.run("python -m trader status --json"))["trading"]["level"] == "ACTIVE"


@pytest.mark.timeout(900)
@pytest.mark.parametrize("way", ["make", "venv"])
def test_the_program_installs_and_starts_as_the_readme_says(way: str, terminals: Terminals) -> None:
    if way == "venv" and shutil.which("python3.11") is None:
        pytest.skip("python3.11 is not on the PATH")
    shutil.rmtree(terminals.folder / ".venv")
    terminals.environ["HOME"] = os.environ["HOME"]  # where a version manager keeps its Python, and pip its cache
    first, *others = ["make run"] if way == "make" else [c for c in README if ".venv" in c]
    for command in [first, *others][:-1]:
        terminals.run(command, secs=600)
    assert "PAPER" in terminals.host([first, *others][-1], secs=600).said()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("command", sorted(command for command in LONG if "simulate" in command))
def test_printed_campaign_ends_without_a_violation(command: str, terminals: Terminals) -> None:
    terminals.run(command, secs=550)
