"""A PostgreSQL server of a test's own, of the programs that the system has installed."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

_PLACES = ("/usr/lib/postgresql/*/bin", "/usr/local/pgsql/bin", "/opt/homebrew/opt/postgresql*/bin")


def programs() -> Path | None:
    """The folder of `initdb` and `pg_ctl`; None where no PostgreSQL server is installed."""
    found = shutil.which("initdb")
    if found is not None and shutil.which("pg_ctl") is not None:
        return Path(found).resolve().parent
    root = Path("/")
    folders = [folder for place in _PLACES for folder in root.glob(place.lstrip("/")) if (folder / "initdb").exists()]
    return max(folders, default=None)


class Server:
    """A cluster of its own on loopback, run by an unprivileged user where we are root (it refuses to be root)."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self._binaries = binaries
        self.data = folder / "data"
        self._log = folder / "server.log"
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port: int = listener.getsockname()[1]
        self._as = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if self._as:
            shutil.chown(folder, "postgres")
        self._run("initdb", "-D", str(self.data), "-U", "postgres", "--auth=trust", "--no-sync")
        self.start()

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
        self._run("pg_ctl", "-D", str(self.data), "-l", str(self._log), "-w", "-o", options, "start")

    def stop(self) -> None:
        """As a crash would: connections break, nothing is said."""
        self._run("pg_ctl", "-D", str(self.data), "-m", "immediate", "-w", "stop")

    def freeze(self, *, thaw: bool = False) -> None:
        """Every process of the server is stopped where it stands, or continued: connections stay, nothing is answered."""
        postmaster = int((self.data / "postmaster.pid").read_text().split()[0])
        children = subprocess.run(["pgrep", "-P", str(postmaster)], capture_output=True, text=True, check=False)
        for pid in (postmaster, *map(int, children.stdout.split())):
            os.kill(pid, signal.SIGCONT if thaw else signal.SIGSTOP)

    def _run(self, name: str, *arguments: str) -> None:
        # No pipes: the server inherits them, and a reader would wait for its end.
        line = [*self._as, str(self._binaries / name), *arguments]
        subprocess.run(line, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60, cwd="/")


@contextlib.contextmanager
def postgres() -> Iterator[Server]:
    """A running server; the test is skipped where there is none to run.

    Its files are not among those of the test: each session of pytest closes the folder above them to other users.
    """
    binaries = programs()
    if binaries is None:
        pytest.skip("no PostgreSQL server is installed")
    if os.geteuid() == 0 and shutil.which("runuser") is None:
        pytest.skip("PostgreSQL refuses to run as root, and there is no runuser")
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        made = Server(binaries, Path(folder))
        try:
            yield made
        finally:
            with contextlib.suppress(subprocess.CalledProcessError):
                made.stop()
