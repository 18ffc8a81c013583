"""What a process that runs for weeks asks of the interpreter and the C library, once, after everything is imported."""

import ctypes
import gc
import sys

_M_TRIM_THRESHOLD, _M_ARENA_MAX = -1, -8  # names and numbers of <malloc.h>
_TRIM_BYTES = 64 * 1024
_ARENAS = 2


def settle() -> None:
    """Take what lives for ever out of the garbage collector's sight, and make the allocator give freed memory back.

    Without the first, each full collection walks all imported code with the interpreter held; without the second, a
    thread's arena keeps its high-water mark, and a burst of messages is paid for in memory until the process ends.
    """
    gc.collect()
    gc.freeze()
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # the GNU library has it; others simply go without
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, _ARENAS)
        mallopt(_M_TRIM_THRESHOLD, _TRIM_BYTES)
