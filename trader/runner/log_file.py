"""A log file that several processes append to (the runner's, the panel's, the watchdog's), put aside when it is full."""

import contextlib
import errno
import logging
import os
from pathlib import Path

from trader.domain.errors import ConfigError
from trader.machine.locks import ProcessLock

DETAILED_LOG = "delta_trader_detailed.log"
SUMMARY_LOG = "delta_trader_summary.log"
MAX_BYTES = 20_000_000
BACKUPS = 4
_TRY_AGAIN_BYTES = (
    1_000_000  # where it cannot be put aside (Windows, while another process has it open), it grows by this
)


class SharedLogFile(logging.Handler):
    """Each line is one write at the file's end, so lines of two processes never mix. One of them puts the full file aside; the
    others see that its name is another file's now, and go on there. Used by one thread."""

    def __init__(self, path: Path, level: int, formatter: logging.Formatter) -> None:
        if path.exists() and not path.is_file():  # opening a pipe would wait for a reader
            raise FileExistsError(errno.EEXIST, "it is not a file", str(path))
        super().__init__(level)
        self.setFormatter(formatter)
        self._path = path
        self._turning = ProcessLock(path.parent / "turning.lock")
        self._limit = MAX_BYTES
        self._descriptor = -1
        self._torn = False  # the last line has no end yet
        self._open()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = f"{self.format(record)}\n".encode(errors="replace")
            if self._size() + len(line) > self._limit:
                self._put_aside(len(line))
            written = os.write(self._descriptor, b"\n" + line if self._torn else line)
            self._torn = written < len(line) + self._torn
        except Exception:  # noqa: BLE001  a line that cannot be written is lost, and the thread that writes goes on
            self._torn = True

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        super().close()

    def _open(self) -> None:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
        self._descriptor = os.open(self._path, flags, 0o600)
        self._path.chmod(0o600)
        size = os.fstat(self._descriptor).st_size
        self._torn = size > 0  # what a process that died left of its last line is ended first
        if size:
            os.lseek(self._descriptor, -1, os.SEEK_END)
            self._torn = os.read(self._descriptor, 1) != b"\n"

    def _size(self) -> int:
        """Of the file that has the name now, opened again where that is another one."""
        if self._descriptor >= 0:
            own = os.fstat(self._descriptor)
            with contextlib.suppress(FileNotFoundError):
                there = self._path.stat()
                if (there.st_ino, there.st_dev) == (own.st_ino, own.st_dev):
                    return own.st_size
            os.close(self._descriptor)
            self._descriptor = -1
        self._open()
        self._limit = MAX_BYTES
        return os.fstat(self._descriptor).st_size

    def _put_aside(self, more: int) -> None:
        """Give the full file the next name and begin a new one; not, where another process is at it, or has just done it."""
        try:
            if not self._turning.take():
                return
            try:
                if self._size() + more > self._limit:
                    os.close(self._descriptor)
                    self._descriptor = -1
                    self._turn()
            finally:
                self._turning.release()
        except (OSError, ConfigError):
            self._limit += _TRY_AGAIN_BYTES
        if self._descriptor < 0:
            self._open()

    def _turn(self) -> None:
        for number in range(BACKUPS, 0, -1):
            newer = self._path.with_name(f"{self._path.name}.{number - 1}") if number > 1 else self._path
            with contextlib.suppress(FileNotFoundError):
                newer.replace(self._path.with_name(f"{self._path.name}.{number}"))
        self._limit = MAX_BYTES
