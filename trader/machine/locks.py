"""A lock between processes. The system itself releases it when the holder dies, however it dies; a stopped process keeps it.

It is SQLite's own lock on an empty file: the same on Linux, macOS and Windows, and no process number that could be reused.
"""

import contextlib
import os
import sqlite3
from pathlib import Path

from trader.domain.errors import ConfigError


class ProcessLock:
    """A lock named by a file. One object per holder; not for several threads at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held: sqlite3.Connection | None = None
        self._inode: int | None = None

    def take(self, wait_secs: float = 0.0) -> bool:
        """Hold it alone; False when others hold it for longer than `wait_secs`.

        Raises:
            ConfigError: The file cannot be used.
        """
        return self._hold("BEGIN EXCLUSIVE", wait_secs)

    def share(self, wait_secs: float = 0.0) -> bool:
        """Hold it together with others who share it; False when another holds it alone for longer than `wait_secs`.

        Raises:
            ConfigError: The file cannot be used.
        """
        return self._hold("BEGIN", wait_secs)

    def release(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None

    def is_free(self) -> bool:
        """Whether it is neither held nor shared at this moment. Not to be asked by a holder.

        Raises:
            ConfigError: The file cannot be used.
        """
        if not self._path.exists():
            return True
        probe = ProcessLock(self._path)
        try:
            return probe.take()
        finally:
            probe.release()

    @property
    def still_there(self) -> bool:
        """Whether the file that was locked still has its name: with its folder removed and made again it is another one."""
        with contextlib.suppress(OSError):
            return self._held is not None and self._path.stat().st_ino == self._inode
        return False

    def _hold(self, begin: str, wait_secs: float) -> bool:
        assert self._held is None, "held already"
        connection = None
        try:
            # An existing file is not opened here: closing it again would end the locks this process has on it.
            with contextlib.suppress(FileExistsError):
                os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            connection = sqlite3.connect(
                self._path, timeout=wait_secs, isolation_level=None, check_same_thread=False, cached_statements=0
            )
            connection.execute(begin)
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # a shared lock is taken by reading
            self._inode = self._path.stat().st_ino
        except (OSError, sqlite3.Error) as error:
            if connection is not None:
                connection.close()
            if isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                return False
            raise ConfigError(f"the lock {self._path} cannot be used: {error}") from None
        self._held = connection
        return True
