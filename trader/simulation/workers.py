"""Work spread over processes, its results in the order of the work whatever the number of processes."""

import gc
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from typing import TypeVar

T = TypeVar("T")

_AHEAD = 4  # pieces handed out per process beyond what is awaited: enough to keep it busy, few enough to hold no memory


def in_order(work: Iterable[Callable[[], T]], jobs: int) -> Iterator[T]:
    """The result of each piece, in order. With one job everything happens here; pieces must pickle otherwise.

    An interrupt (Ctrl-C) reaches the caller alone: what the processes have in hand is finished and dropped.
    """
    if jobs <= 1:
        for piece in work:
            yield piece()
        return
    pool = ProcessPoolExecutor(jobs, initializer=_begin)
    waiting: deque[Future[T]] = deque()
    try:
        for piece in work:
            waiting.append(pool.submit(piece))
            if len(waiting) > jobs * _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _begin() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()
