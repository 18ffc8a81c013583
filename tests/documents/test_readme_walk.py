"""The README as its reader goes through it: every printed command, in order, on a fresh home, typed as it stands.

A command that goes on is ended with Ctrl+C when the next of its kind begins, as a person has one panel open. Dots are filled
with what the local exchange printed, the recording is a small one of the same name, and the port is a free one: nothing else
differs from what is printed.
"""

import json
import re
import shutil
from collections.abc import Iterator

import pytest

from tests.documents import small_recording
from tests.documents.blocks import ROOT, Block, blocks, commands
from tests.documents.terminals import Terminals, await_true, checkout, ready_words

pytestmark = [pytest.mark.slow, pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")]

BLOCKS = blocks(ROOT / "README.md")
# What this machine cannot do, or what would take minutes, and why; everything else in the README is run below.
NOT_RUN = {
    "python3.11 -m venv .venv": "the environment is the tests' own; made afresh by `make t1`",
    ".venv/bin/python -m pip install -r requirements.txt": "downloads for a minute; done by `make t1`",
}
_PANELS = re.compile(r"make run|python -m trader (run|up)\b")
_OPEN_RUN = ("python -m trader run", "python -m trader start --preset default --now --wait 60")


class Reader:
    """Types the README's commands, and does between them what its sentences say."""

    def __init__(self, terminals: Terminals) -> None:
        self.terminals = terminals
        self.printed: dict[str, str] = {}  # the local exchange's one line
        self.at = 0  # the block to be read next

    def do(self, command: str) -> str:
        command = self.filled(command)
        if ready_words(command) is None:
            return self.terminals.run(command, typed="FLATTEN\n" if "trader flatten" in command else "")
        if _PANELS.search(command):
            self.leave(_PANELS)
        said = self.terminals.host(command).said()
        if "trader venue" in command:
            self.printed = json.loads(said)
        return said

    def leave(self, kind: re.Pattern[str]) -> None:
        """Ctrl+C in the terminals where such a command still runs."""
        kept = [host for host in self.terminals.hosts if not kind.search(str(host.process.args))]
        self.terminals.hosts = [host for host in self.terminals.hosts if host not in kept]
        self.terminals.end_hosts()
        self.terminals.hosts = kept

    def filled(self, command: str) -> str:
        """Each variable with dots behind it gets the value that was printed under the same name."""
        names = {"DELTA_TESTNET_API_KEY": "api_key", "DELTA_TESTNET_API_SECRET": "api_secret"}

        def value(match: re.Match[str]) -> str:
            name = match[1]
            return f"{name}={self.printed[names.get(name) or name.removeprefix('DELTA_').lower()]}"

        return re.sub(r"(DELTA_\w+)=\S*…", value, command)

    def await_done(self, secs: float) -> None:
        """Until the runner says that the day is over."""
        runner = self.terminals.hosts[-1]
        await_true(lambda: "FLAT, confirmed" in runner.said(), secs, runner.said)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    data = tmp_path_factory.mktemp("recorded")
    small_recording.make(data, days=2)
    with checkout(tmp_path_factory.mktemp("checkout"), TRADER_DATA=str(data)) as terminals:
        yield Reader(terminals)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("number", range(len(BLOCKS)), ids=[str(block) for block in BLOCKS])
def test_block_of_the_readme_runs_as_printed(number: int, reader: Reader) -> None:
    while reader.at <= number:  # run alone, a block still follows those before it
        reader.at += 1
        read(reader, BLOCKS[reader.at - 1])


def read(reader: Reader, block: Block) -> None:
    if block.language == "powershell":
        return  # for Windows; that its commands exist is checked in test_printed_commands.py
    if block.heading == "When something breaks":  # something to close: both legs are open while the block is run
        reader.leave(re.compile("."))
        for command in _OPEN_RUN:
            reader.do(command)
    said = [reader.do(command) for command in commands(block) if command not in NOT_RUN]
    if block.heading in CHECKS:
        CHECKS[block.heading](block, said, reader)


def first_trade(block: Block, said: list[str], reader: Reader) -> None:
    check, start, status, stop, history, values = said
    assert "FAIL" not in check
    assert "Holding" in start and "Holding" in status
    assert "flat, confirmed by the exchange" in stop
    assert history.count("default") == 1
    assert "strategy.quantity" in values


def replay(block: Block, said: list[str], reader: Reader) -> None:
    if any("trader start" in command for command in commands(block)):
        assert "Holding" in said[0] and "21 Jun" in said[0]
        reader.await_done(60)
    elif "trader history" in commands(block)[-1]:
        assert said[-1].count("max_profit") == 1


def local_exchange(block: Block, said: list[str], reader: Reader) -> None:
    if "TRADER_ENV" in block.text:
        assert "TESTNET" in said[-1] or "testnet" in said[-1]


def broken(block: Block, said: list[str], reader: Reader) -> None:
    status, _, pause, flatten, verify, simulate = said
    assert "Holding" in status
    assert "PAUSED" in pause
    assert "FLAT" in flatten and "NOT FLAT" not in flatten
    assert "FAIL" not in verify
    assert "0 violations" in simulate


CHECKS = {
    "The first paper trade": first_trade,
    "Replaying a recorded market": replay,
    "A local Delta Exchange for other programs": local_exchange,
    "When something breaks": broken,
}
