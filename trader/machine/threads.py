"""Threads that must live: when the work of one ends without having been told to, that is told and the work begins again.

Everything the program does for hours in the background runs in a `LastingThread`. Short work belongs into a pool.
"""

import logging
import threading
from collections.abc import Callable

logger = logging.getLogger(__name__)

AGAIN_SECS = 1.0

Listener = Callable[[str, str], None]
_listeners: list[Listener] = []


def tell_deaths_to(listener: Listener) -> None:
    """From now on `listener` gets the name of each thread of this process whose work ended by itself, and a sentence. It is
    called in that thread and must be quick."""
    _listeners.append(listener)


def tell_deaths_no_more(listener: Listener) -> None:
    if listener in _listeners:
        _listeners.remove(listener)


class LastingThread:
    """Does `work` in a daemon thread until `stopping` is set. `work` returns when it finds that set; if it returns earlier or
    raises, whatever it is, that is told, and after `again_secs` it is called once more."""

    def __init__(
        self, name: str, work: Callable[[], None], stopping: threading.Event, *, again_secs: float = AGAIN_SECS
    ) -> None:
        self._work = work
        self._stopping = stopping
        self._again_secs = again_secs
        self._thread = threading.Thread(target=self._live, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def join(self, timeout_secs: float) -> None:
        """Wait for its end; at once when it was never started, or is the caller itself."""
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout_secs)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def _live(self) -> None:
        while True:
            why = "it returned"
            try:
                self._work()
            except BaseException as error:  # SystemExit too: nothing may end this thread but `stopping`
                logger.exception("thread_died name=%s", self._thread.name)
                why = f"{type(error).__name__}: {error}"
            if self._stopping.is_set():
                return
            self._tell(why)
            if self._stopping.wait(self._again_secs):
                return

    def _tell(self, why: str) -> None:
        name = self._thread.name
        words = f"The thread {name} ended by itself ({why}) and is started again."
        logger.critical("thread_restarted name=%s why=%s", name, why)
        for listener in list(_listeners):
            try:
                listener(name, words)
            except Exception:  # the edge: telling must not keep it from being started again
                logger.exception("thread_death_not_told name=%s", name)
