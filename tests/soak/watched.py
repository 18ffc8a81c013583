"""`python -m tests.soak.watched FILE`: `python -m trader run` with a stop watch on each decision.

Appends (newest exchange stamp the step knew, wall when it had returned), both µs, as two 64-bit integers per step.
"""

import sys
import time
from array import array
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_KEPT = 1024  # integers before they are written


def watch(file: Path) -> None:
    """Put the stop watch around the runner's `step`."""
    from trader.engine.events import MarketMoved
    from trader.runner import runner

    inner = runner.step
    told = array("q")
    written = time.monotonic()

    def timed(state: Any, event: Any) -> Any:
        nonlocal written
        result = inner(state, event)
        if type(event) is MarketMoved:
            told.extend(((event.newest - _EPOCH) // _MICROSECOND, time.time_ns() // 1000))
            if len(told) >= _KEPT or time.monotonic() - written > 1:
                written = time.monotonic()
                with file.open("ab") as out:
                    told.tofile(out)
                del told[:]
        return result

    runner.step = timed


if __name__ == "__main__":
    from trader.cli.app import main

    watch(Path(sys.argv[1]))
    sys.exit(main(["run"]))
