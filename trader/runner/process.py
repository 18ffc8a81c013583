"""Questions about processes of this machine."""

import os
from functools import lru_cache
from pathlib import Path


def is_running(pid: int) -> bool:
    """Whether a process with this id exists and has not ended. Where there is no harmless way to ask (Windows), it is
    taken to."""
    if os.name != "posix":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return True
    return not fields or fields[0] not in "ZX"  # ended, but nobody has asked for its exit code yet


def identity(pid: int) -> str:
    """Names one process and no other, ever: this boot of the machine, the namespace its number counts in, the number, and
    when it began. Empty where the system does not tell (no /proc), or when there is no such process."""
    try:
        here = _here()
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()  # the name may hold blanks
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else f"{here}/{pid}/{fields[19]}"


@lru_cache  # of this process, and asked each second by every page
def _here() -> str:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}/{Path('/proc/self/ns/pid').readlink().name}"


def is_provably_dead(told: str) -> bool:
    """Whether the process that once had this `identity` is gone, beyond doubt.

    A machine booted since, another machine or another container proves nothing: their processes cannot be seen from here.
    """
    where, _, number = told.rpartition("/")[0].rpartition("/")
    try:
        return number.isdigit() and where == _here() and identity(int(number)) != told
    except OSError:
        return False
