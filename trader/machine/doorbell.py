"""Wakes a waiting thread, of this process or another one of this machine, at once.

Nothing depends on a ring: what it announces stands in the journal, and the one who waits looks there from time to time anyway.
A ring is one datagram to a port on loopback that a file names; it carries nothing.
"""

import contextlib
import os
import socket
from pathlib import Path

_LOOPBACK = "127.0.0.1"


class Doorbell:
    """One who waits. `place` is the file that tells others where to ring."""

    def __init__(self, place: Path) -> None:
        """Raises:
        OSError: No port, or the file cannot be written.
        """
        self._place = place
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.bind((_LOOPBACK, 0))
            self._port = str(self._socket.getsockname()[1])
            fresh = place.with_name(f"{place.name}.{self._port}")
            with open(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:  # noqa: PTH123
                file.write(self._port)
            fresh.replace(place)
        except BaseException:
            self._socket.close()
            raise

    def wait(self, secs: float) -> None:
        """Return when somebody rings, `secs` later at the latest."""
        with contextlib.suppress(OSError):  # nobody rang, or it was closed
            self._socket.settimeout(secs)
            self._socket.recv(1)
            self._socket.settimeout(0)
            while self._socket.recv(1):
                pass

    def close(self) -> None:
        self._socket.close()
        with contextlib.suppress(OSError):
            if self._place.read_text() == self._port:  # another may have its bell there by now
                self._place.unlink()


def open_doorbell(place: Path) -> Doorbell | None:
    """A bell, or None where there can be none: then one looks from time to time only."""
    try:
        return Doorbell(place)
    except OSError:
        return None


def ring(place: Path) -> None:
    """Wake whoever waits there; nothing happens where nobody does."""
    with contextlib.suppress(OSError, ValueError, OverflowError):
        port = int(place.read_text())
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            sender.sendto(b"!", (_LOOPBACK, port))
