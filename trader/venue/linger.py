"""When a venue that serves one program may end by itself: that program is gone and nobody else is connected."""

import os
import time
from collections.abc import Callable
from pathlib import Path


def process_identity(pid: int) -> str | None:
    """Something that names a living process and no later one with the same number; None when it is gone or a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return None
        return _signalled(pid)
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()  # the name in parentheses may hold spaces
    return None if fields[0] in "ZX" else fields[19]


def _signalled(pid: int) -> str | None:
    """Where there is no /proc: the process exists when it can be signalled."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return str(pid)


class Linger:
    """Says when to stop: the parent is gone and for `linger_secs` no socket client was connected."""

    def __init__(
        self,
        parent_pid: int,
        linger_secs: float,
        *,
        identity: Callable[[int], str | None] = process_identity,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._parent_pid = parent_pid
        self._linger_secs = linger_secs
        self._identity = identity
        self._monotonic = monotonic
        self._parent = identity(parent_pid)
        self._alone_since: float | None = None

    def __call__(self, socket_clients: int) -> bool:
        """True once the venue should stop; to be asked about every second."""
        parent_alive = self._parent is not None and self._identity(self._parent_pid) == self._parent
        if parent_alive or socket_clients > 0:
            self._alone_since = None
            return False
        if self._alone_since is None:
            self._alone_since = self._monotonic()
        return self._monotonic() - self._alone_since >= self._linger_secs
