"""Watches the runner of one process: when it hangs or ends without being told to, it is fenced and a new one begins.

The runner's thread shows that it lives by a beat at every turn. A thread cannot be ended from outside, so a hanging one is
fenced (nothing of it may leave any more, its epoch is overtaken) and left behind; where it hangs is written to the log.
"""

import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable
from types import FrameType
from typing import Protocol

logger = logging.getLogger(__name__)

HUNG_SECS = 4.0  # with a look every quarter of a second it is noticed within 5 s
DISK_SECS = 30.0  # so long a write may take before a new runner is tried: it would wait for the same disk
LOOK_SECS = 0.25
_FRAMES = 12


class Supervised(Protocol):
    """What the supervisor needs of a runner."""

    def run(self) -> None: ...

    def stop(self) -> None: ...

    def abandon(self, why: str) -> None: ...

    @property
    def quiet_secs(self) -> float: ...

    @property
    def waits_for_disk(self) -> bool: ...


def hangs(quiet_secs: float, *, folded: bool) -> bool:
    """Whether a runner that has been quiet for so long hangs; it may take longer as long as it folds the journal."""
    return quiet_secs >= (HUNG_SECS if folded else DISK_SECS)


class Ended:
    """How a runner ended: `why` is empty when it was told to, or when it lost its lease."""

    def __init__(self) -> None:
        self.why = ""


def watch_over(
    runner: Supervised, stopping: threading.Event, *, monotonic: Callable[[], float] = time.monotonic
) -> str:
    """Run a runner in a thread of its own until it ends; why it has to be replaced, empty when it ended by itself.

    Returns while a hanging thread still exists; that one is abandoned.
    """
    ended = Ended()
    thread = threading.Thread(target=_run, args=(runner, ended), name="runner", daemon=True)
    thread.start()
    told = False
    while thread.is_alive():
        thread.join(LOOK_SECS)
        if stopping.is_set():
            runner.stop()
            continue
        quiet = runner.quiet_secs
        if quiet < HUNG_SECS:
            told = False
            continue
        if not told:
            told = True
            what = "waits for the journal" if runner.waits_for_disk else "hangs"
            logger.critical("runner_hung: it %s for %.1f s at %s", what, quiet, _where(thread))
        if not runner.waits_for_disk or quiet >= DISK_SECS:
            why = f"its thread hung for {quiet:.0f} s"
            runner.abandon(why)
            return why
    return ended.why


def _run(runner: Supervised, ended: Ended) -> None:
    try:
        runner.run()
    except BaseException as error:
        # The edge of a thread that must not vanish unheard; the supervisor begins a new one.
        logger.exception("runner_ended_on_error")
        ended.why = f"it ended on an error ({type(error).__name__}: {error})"


def _where(thread: threading.Thread) -> str:
    """The innermost lines a thread is at, innermost last."""
    frame: FrameType | None = sys._current_frames().get(thread.ident or 0)
    if frame is None:
        return "nowhere"
    lines = traceback.extract_stack(frame)[-_FRAMES:]
    return " > ".join(f"{line.name}:{line.lineno}" for line in lines)
