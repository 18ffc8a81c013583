"""The README as its reader goes through it: every printed command, in order, on a fresh home, typed as it stands.

A command that goes on is ended with Ctrl+C when the next of its kind begins, as a person has one panel open. Dots are filled
with what the local exchange printed, the recording is a small one of the same name, the port is a free one and the market's seed
a fixed one: nothing else differs from what is printed.
"""

import re
import shutil
from collections.abc import Callable, Iterator

import pytest

from tests.documents import small_recording
from tests.documents.blocks import ROOT, blocks
from tests.documents.reader import Reader
from tests.documents.terminals import checkout

pytestmark = [pytest.mark.slow, pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")]

BLOCKS = blocks(ROOT / "README.md")
# Before the section on what breaks: something to close, both legs open while its block is run.
OPEN_RUN = ("python -m trader run", "python -m trader start --preset default --now --wait 60")


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    data = tmp_path_factory.mktemp("recorded data")
    small_recording.make(data, days=2)
    with checkout(tmp_path_factory.mktemp("a checkout"), TRADER_DATA=str(data)) as terminals:
        yield Reader(terminals)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", range(len(BLOCKS)), ids=[str(block) for block in BLOCKS])
def test_block_of_the_readme_runs_as_printed(number: int, reader: Reader) -> None:
    while reader.at <= number:  # run alone, a block still follows those before it
        block = BLOCKS[reader.at]
        reader.at += 1
        if block.heading == "When something breaks":
            reader.leave(re.compile("."))
            for command in OPEN_RUN:
                reader.do(command)
        said = reader.read(block)
        for words, check in CHECKS.items():
            if re.search(words, block.text):
                check(said, reader)


def first_trade(said: list[str], reader: Reader) -> None:
    check, start, status, stop, history, values = said
    assert "FAIL" not in check
    assert "Holding" in start and "Holding" in status
    assert "flat, confirmed by the exchange" in stop
    assert history.count("Stop & Exit") == 1
    assert "strategy.quantity" in values


def recorded_day(said: list[str], reader: Reader) -> None:
    assert "Holding" in said[0] and "21 Jun" in said[0]
    reader.await_done(120)


def recorded_days_history(said: list[str], reader: Reader) -> None:
    assert said[0].count("max profit") == 1


def broken(said: list[str], reader: Reader) -> None:
    status, _, log, pause, flatten, positions, orders, verify, simulate = said
    assert "Holding" in status
    assert "status reported: premium" in log
    assert "PAUSED" in pause
    assert "FLAT" in flatten and "NOT FLAT" not in flatten
    assert "No position" in positions and "C-BTC-" in orders
    assert "FAIL" not in verify
    assert "0 violations" in simulate


# What else must be so once the block with these words was run.
CHECKS: dict[str, Callable[[list[str], Reader], None]] = {
    r"trader check\b": first_trade,
    r"--wait 300\b": recorded_day,
    r"\Apython -m trader history\n\Z": recorded_days_history,
    r"trader flatten\b": broken,
}


def test_the_checks_belong_to_blocks_that_exist() -> None:
    assert all(any(re.search(words, block.text) for block in BLOCKS) for words in CHECKS)
