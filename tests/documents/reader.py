"""A person who types the commands of a document in order, with one panel or runner open at a time."""

import json
import re

from tests.documents.blocks import Block, bare, commands
from tests.documents.tables import LONG, NOT_RUN, OURS
from tests.documents.terminals import Terminals, await_true, free_port, ready_words

# What a person answers to the commands that ask; the others do not look.
_TYPED = {"trader flatten": "FLATTEN\n", "trader kill": "KILL\n", "trader resume": "RESUME\n"}
_PANELS = re.compile(r"make run|python -m trader (run|up)\b")
_VENUES = re.compile(r"python -m trader venue\b")
_NAMES = {"DELTA_TESTNET_API_KEY": "api_key", "DELTA_TESTNET_API_SECRET": "api_secret"}


def is_run(command: str) -> bool:
    return bare(command) not in LONG and bare(command) not in NOT_RUN and not re.match(OURS, command)


class Reader:
    """Types commands; between them does what the sentences around them say."""

    def __init__(self, terminals: Terminals) -> None:
        self.terminals = terminals
        self.printed: dict[str, str] = {}  # the local exchange's one line
        self.at = 0  # the block to be read next
        self.api_port = free_port()

    def read(self, block: Block) -> list[str]:
        """What each command of a block printed."""
        if block.language == "python":
            return [self.example(block.text)]
        return [self.do(command) for command in commands(block) if is_run(command)]

    def do(self, command: str) -> str:
        command = self._filled(command)
        if ready_words(command) is None:
            typed = "".join(words for name, words in _TYPED.items() if name in command)
            return self.terminals.run(command, typed=typed)
        for kind in (_PANELS, _VENUES):
            if kind.search(command):
                self.leave(kind)
        said = self.terminals.host(command).said()
        if _VENUES.search(command):
            self.printed = json.loads(said)
        return said

    def example(self, text: str) -> str:
        """A Python example, as a file of the reader's."""
        (self.terminals.folder / "example.py").write_text(text, encoding="utf-8")
        return self.terminals.run("python example.py")

    def leave(self, kind: re.Pattern[str]) -> None:
        """Ctrl+C in the terminals where such a command still runs."""
        others = [host for host in self.terminals.hosts if not kind.search(str(host.process.args))]
        self.terminals.hosts = [host for host in self.terminals.hosts if host not in others]
        self.terminals.end_hosts()
        self.terminals.hosts = others

    def await_done(self, secs: float) -> None:
        """Until the runner says that the day is over."""
        runner = self.terminals.hosts[-1]
        await_true(lambda: "FLAT, confirmed" in runner.said(), secs, runner.said)

    def _filled(self, command: str) -> str:
        """Each variable with dots behind it gets the value that the exchange printed under the same name; the API a free port."""

        def value(match: re.Match[str]) -> str:
            name = match[1]
            return f"{name}={self.printed[_NAMES.get(name) or name.removeprefix('DELTA_').lower()]}"

        command = command.replace("127.0.0.1:8502", f"127.0.0.1:{self.api_port}")
        command = re.sub(r"trader api\b", f"trader api --port {self.api_port}", command)
        return re.sub(r"(DELTA_\w+)=\S*…", value, command)
