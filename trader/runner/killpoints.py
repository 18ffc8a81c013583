"""Named points at which a test makes this very process die, to show that dying there loses nothing.

Inert unless the environment names one: `KILLPOINT=name:n` kills the process (SIGKILL) at the n-th pass of a point, and
`KILLPOINTS_LIST=file` writes each pass to a file instead, so that a later run knows what there is to visit. Callers ask
`ARMED` first, a module-level constant, so that an ordinary process pays nothing for them.
"""

import os
import signal
import threading
from pathlib import Path

_target, _, _pass = os.environ.get("KILLPOINT", "").rpartition(":")
_list = os.environ.get("KILLPOINTS_LIST", "")
ARMED = bool(_target or _list)

_lock = threading.Lock()
_passes: dict[str, int] = {}


def reach(name: str) -> None:
    """Pass a point; does not return when it is the one to die at."""
    with _lock:
        count = _passes.get(name, 0) + 1
        _passes[name] = count
        if _list:
            with Path(_list).open("a", encoding="utf-8") as file:
                file.write(f"{name}:{count}\n")
    if name == _target and count == int(_pass):
        os.kill(os.getpid(), signal.SIGKILL)
