"""The watchdog's process, started, watched over and ended by the panel.

It has a session of its own: a panel that is killed leaves it behind, and that is what it is for. It ends by itself once its panel
is gone and either nothing is open or another runner is alive, so that the next panel's can take over.
"""

import logging
import os
import subprocess
import sys
import threading

from trader.config.settings import Settings
from trader.machine.threads import LastingThread
from trader.runner.venue_process import end_process

_LOOK_SECS = 0.5
_AGAIN_SECS = 5.0
logger = logging.getLogger(__name__)


class WatchProcess:
    """None is started where TRADER_NOTIFY_URLS names no channel."""

    def __init__(self, settings: Settings) -> None:
        self._wanted = settings.notify_urls is not None
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = LastingThread("watchdog's process", self._watch, self._stopping)

    def start(self) -> None:
        """Returns at once; whether it has begun stands in its log."""
        if self._wanted:
            self._thread.start()

    def stop(self) -> None:
        """End it; what waits in the outbox is sent after the next start."""
        self._stopping.set()
        if self._wanted:
            self._thread.join(5)
        if self._process is not None:
            end_process(self._process)

    def _watch(self) -> None:
        while not self._stopping.is_set():
            if self._process is None or self._process.poll() is not None:
                if self._process is not None:
                    logger.warning("watch_process_ended code=%s; another one follows", self._process.returncode)
                    if self._stopping.wait(_AGAIN_SECS):
                        return
                self._process = _launch()
            self._stopping.wait(_LOOK_SECS)


def _launch() -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "trader", "watch", "--beside", str(os.getpid())]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603
