"""Where the logs go: a detailed one (DEBUG, JSON lines), a summary of milestones, and the console at INFO."""

import json
import logging
import sys
import time
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path

DETAILED = "delta_trader_detailed.log"
SUMMARY = "delta_trader_summary.log"
_MAX_BYTES = 20_000_000
_BACKUPS = 4
_QUIET = ("urllib3", "requests", "websocket", "alembic", "sqlalchemy", "asyncio")


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
        if hasattr(record, "run_id"):
            line["run_id"] = record.run_id
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class _OneLine(logging.Formatter):
    """Plain text, UTC, one line per record."""

    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).replace("\r", " ").replace("\n", " ⏎ ").replace("\x1b", "")


def set_up_logging(home: Path, *, console: bool = True) -> None:
    """Attach the handlers to the `trader` loggers. Called once per process; a second call changes nothing."""
    root = logging.getLogger("trader")
    if any(isinstance(h, RotatingFileHandler) for h in root.handlers):
        return
    folder = home / "logs"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    plain = _OneLine("%(asctime)s.%(msecs)03dZ %(levelname)-7s %(message)s", datefmt="%Y-%m-%dT%H:%M:%S")
    root.addHandler(_file(folder / DETAILED, logging.DEBUG, _JsonLines()))
    summary = _file(folder / SUMMARY, logging.INFO, plain)
    summary.addFilter(lambda record: record.name == "trader.milestones" or record.levelno >= logging.ERROR)
    root.addHandler(summary)
    if console:
        stream = logging.StreamHandler(sys.stderr)
        stream.setLevel(logging.INFO)
        stream.setFormatter(plain)
        root.addHandler(stream)
    root.setLevel(logging.DEBUG)
    root.propagate = False
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _file(path: Path, level: int, formatter: logging.Formatter) -> RotatingFileHandler:
    handler = RotatingFileHandler(path, maxBytes=_MAX_BYTES, backupCount=_BACKUPS, encoding="utf-8")
    handler.setLevel(level)
    handler.setFormatter(formatter)
    path.chmod(0o600)
    return handler
