"""Where the logs go: a detailed one (everything, as JSON lines), a summary of milestones, and the console at INFO.

A call that logs only hands the line over. Files and console are written by threads of their own, so that a full disk or a
terminal that is not read blocks nothing. What they cannot take is lost, never waited for.
"""

import atexit
import contextlib
import copy
import logging
import os
import queue
import re
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from logging.handlers import QueueHandler, QueueListener
from pathlib import Path

import msgspec

from trader.runner.log_file import DETAILED_LOG, SUMMARY_LOG, SharedLogFile

_LINES_WAITING_MAX = 20_000
_LAST_SECS = 2.0  # for what still waits when the process ends

# Nothing that logs is given a secret. Should a library or an exception carry one all the same, it ends here: by what stands
# before it, and by what the settings hold.
_MARKS = ("api", "secret", "signature", "password")  # a line with none of them has nothing to look through
_SECRET = re.compile(
    r"""(?i)((?:api[-_ ]?key|api[-_ ]?secret|secret|signature|password)\\?["']?\s*[:=]\s*\\?["']?)[^"'\s,;&}\\]+"""
)
_known: set[str] = set()


class _JsonLines(logging.Formatter):
    """One JSON object per record; a newline in a message cannot make a second record."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "thread": record.threadName,
            "text": record.getMessage(),
        }
        for extra in ("run_id", "data"):
            if hasattr(record, extra):
                line[extra] = getattr(record, extra)
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return _redacted(msgspec.json.encode(line, enc_hook=str).decode())


class _OneLine(logging.Formatter):
    """Plain text, UTC, one line per record."""

    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        return _redacted(super().format(record)).replace("\r", " ").replace("\n", " ⏎ ").replace("\x1b", "")


def _redacted(text: str) -> str:
    folded = text.casefold()
    if any(mark in folded for mark in _MARKS):
        text = _SECRET.sub(r"\1***", text)
    for word in _known:
        if word in text:
            text = text.replace(word, "***")
    return text


class _Console(logging.Handler):
    """Writes to the file descriptor itself and has no lock: only one thread uses it, and should that wait for ever on a
    terminal that nobody reads, the end of the process does not wait with it."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(logging.INFO)
        self._descriptor = descriptor

    def createLock(self) -> None:
        self.lock = None

    def emit(self, record: logging.LogRecord) -> None:
        rest = f"{self.format(record)}\n".encode(errors="replace")
        with contextlib.suppress(OSError):
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]


class _HandOver(QueueHandler):
    """Gives each record, its words made, to the thread that writes."""

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        made = copy.copy(record)
        made.msg, made.args = record.getMessage(), None
        return made

    def enqueue(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(queue.Full):
            self.queue.put_nowait(record)


class _Writer(QueueListener):
    def stop(self) -> None:
        """Write what waits, as long as that takes no longer than it should: a terminal that nobody reads keeps no process."""
        with contextlib.suppress(queue.Full):
            self.enqueue_sentinel()
        if self._thread is not None:
            self._thread.join(_LAST_SECS)


def set_up_logging(
    home: Path, *, console: bool = True, detail: str = "debug", console_level: str = "info", secrets: Iterable[str] = ()
) -> None:
    """Attach the handlers to the `trader` loggers. `detail` is what the detailed log takes, `console_level` what the console
    shows; `secrets` are shown by none. Of libraries only warnings are kept, in the detailed log: what is asked of an exchange
    has one of our lines. Called once per process; a second call changes nothing."""
    ours = logging.getLogger("trader")
    if any(isinstance(h, _HandOver) for h in ours.handlers):
        return
    _known.update(secrets)
    folder = home / "logs"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    plain = _OneLine("%(asctime)s.%(msecs)03dZ %(levelname)-7s %(message)s", datefmt="%Y-%m-%dT%H:%M:%S")
    summary = SharedLogFile(folder / SUMMARY_LOG, logging.INFO, plain)
    summary.addFilter(_is_milestone)
    files = _hand_over(SharedLogFile(folder / DETAILED_LOG, _level(detail), _JsonLines()), summary)
    ours.addHandler(files)
    if console and sys.__stderr__ is not None:  # closed from the start, its descriptor may be another file's by now
        stream = _Console(sys.__stderr__.fileno())
        stream.setFormatter(plain)
        stream.setLevel(_level(console_level))
        ours.addHandler(_hand_over(stream))
    ours.setLevel(logging.DEBUG)
    ours.propagate = False
    libraries = _HandOver(files.queue)
    libraries.setLevel(logging.WARNING)
    logging.getLogger().addHandler(libraries)
    logging.raiseExceptions = (
        False  # a line that cannot be written is lost; a traceback for each would go to the console
    )


def _is_milestone(record: logging.LogRecord) -> bool:
    return record.name == "trader.milestones" or (record.levelno >= logging.ERROR and record.name.startswith("trader."))


def _level(name: str) -> int:
    return int(getattr(logging, name.upper()))


def write_what_waits() -> None:
    """Give the writing threads a moment for what they still have: a process that ends by a signal ends without asking them."""
    for waiting in _waiting:
        with waiting.all_tasks_done:
            waiting.all_tasks_done.wait_for(lambda: not waiting.unfinished_tasks, _LAST_SECS)  # noqa: B023


_waiting: list[queue.Queue[logging.LogRecord]] = []


def _hand_over(*handlers: logging.Handler) -> _HandOver:
    """A handler that leaves these to a thread; what waits at the end of the process is still written."""
    waiting: queue.Queue[logging.LogRecord] = queue.Queue(_LINES_WAITING_MAX)
    _waiting.append(waiting)
    writer = _Writer(waiting, *handlers, respect_handler_level=True)
    writer.start()
    atexit.register(writer.stop)
    made = _HandOver(waiting)
    made.setLevel(min(handler.level for handler in handlers))
    return made
