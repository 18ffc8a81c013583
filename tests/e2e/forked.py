"""`python -m trader run` as a process that begins at once: a copy of one that has all its modules, for tests in which it dies often."""

import os
import sys
from pathlib import Path

# What a runner needs, read once; its copies begin with it.
import trader.cli.app
import trader.cli.hosts
import trader.desk
import trader.exchange.delta.gateway
import trader.exchange.delta.stream.feeds
import trader.journal.store
import trader.runner.host


def run(environment: dict[str, str], said: Path) -> None:
    """The command, in this process, with that environment and its words in that file."""
    os.environ.clear()
    os.environ.update(environment)
    with said.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.exit(trader.cli.app.main(["run"]))
