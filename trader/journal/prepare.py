"""Makes a new journal in a short-lived process, so that the one that then trades never loads the migrations' machinery."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

from trader.domain.errors import JournalError
from trader.journal.database import sqlite_path
from trader.journal.store import Journal

_ROOT = Path(__file__).parents[2]
_SECS = 60.0


def prepare(url: str) -> None:
    """Create a SQLite journal that is not there yet. Whatever goes wrong is left for `Journal.open`, which says it better."""
    path = sqlite_path(url)
    if path is None or path.exists() or path.is_symlink():
        return
    search = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
    # The URL goes through a pipe: an argument list can be read by every user of the machine.
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(
            [sys.executable, "-m", "trader.journal.prepare"],
            input=url.encode(),
            env={**os.environ, "PYTHONPATH": search},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_SECS,
            check=False,
        )


if __name__ == "__main__":
    try:
        Journal.open(sys.stdin.buffer.read().decode()).close()
    except JournalError:
        sys.exit(1)
