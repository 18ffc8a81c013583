"""Where the logs go: a detailed one (everything, as JSON lines), a summary of milestones, and the console at INFO.

A call that logs only hands the line over. Files and console are written by threads of their own, so that a full disk or a
terminal that is not read blocks nothing. What they cannot take is lost, never waited for.
"""

import atexit
import contextlib
import copy
import errno
import logging
import os
import queue
import re
import sys
import time
from datetime import UTC, datetime
from logging.handlers import QueueHandler, QueueListener, RotatingFileHandler
from pathlib import Path

import msgspec

DETAILED = "delta_trader_detailed.log"
SUMMARY = "delta_trader_summary.log"
_MAX_BYTES = 20_000_000
_BACKUPS = 4
_LINES_WAITING_MAX = 20_000
_LAST_SECS = 2.0  # for what still waits when the process ends
_LIBRARIES = ("urllib3", "requests", "websocket")  # their own lines stand in the detailed log, and nowhere else
_QUIET = ("alembic", "sqlalchemy", "asyncio")

# Nothing that logs is given a secret. Should a library or an exception carry one all the same, it ends here.
_MARKS = ("api", "secret", "signature", "password")  # a line with none of them has nothing to look through
_SECRET = re.compile(
    r"""(?i)((?:api[-_ ]?key|api[-_ ]?secret|secret|signature|password)\\?["']?\s*[:=]\s*\\?["']?)[^"'\s,;&}\\]+"""
)


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
    return _SECRET.sub(r"\1***", text) if any(mark in folded for mark in _MARKS) else text


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


def set_up_logging(home: Path, *, console: bool = True, detail: str = "debug", console_level: str = "info") -> None:
    """Attach the handlers to the `trader` loggers. `detail` is what the detailed log takes, `console_level` what the console
    shows. Called once per process; a second call changes nothing."""
    root = logging.getLogger("trader")
    if any(isinstance(h, _HandOver) for h in root.handlers):
        return
    folder = home / "logs"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    plain = _OneLine("%(asctime)s.%(msecs)03dZ %(levelname)-7s %(message)s", datefmt="%Y-%m-%dT%H:%M:%S")
    summary = _file(folder / SUMMARY, logging.INFO, plain)
    summary.addFilter(lambda record: record.name == "trader.milestones" or record.levelno >= logging.ERROR)
    files = _hand_over(_file(folder / DETAILED, _level(detail), _JsonLines()), summary)
    root.addHandler(files)
    if console and sys.__stderr__ is not None:  # closed from the start, its descriptor may be another file's by now
        stream = _Console(sys.__stderr__.fileno())
        stream.setFormatter(plain)
        stream.setLevel(_level(console_level))
        root.addHandler(_hand_over(stream))
    for logger in (root, *(logging.getLogger(name) for name in _LIBRARIES)):
        logger.setLevel(logging.DEBUG)
        logger.propagate = False
        if logger is not root:
            logger.addHandler(files)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.raiseExceptions = (
        False  # a line that cannot be written is lost; a traceback for each would go to the console
    )


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


def _file(path: Path, level: int, formatter: logging.Formatter) -> RotatingFileHandler:
    if path.exists() and not path.is_file():  # opening a pipe would wait for a reader
        raise FileExistsError(errno.EEXIST, "it is not a file", str(path))
    handler = RotatingFileHandler(path, maxBytes=_MAX_BYTES, backupCount=_BACKUPS, encoding="utf-8")
    handler.setLevel(level)
    handler.setFormatter(formatter)
    path.chmod(0o600)
    return handler
