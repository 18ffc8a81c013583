"""A PostgreSQL journal that is not there, or goes away and comes back, under a real runner (F4; DU2)."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.rig import await_value
from tests.process.rig import PATIENCE_SECS, Story, story
from trader.engine.records import Phase, RunFinished
from trader.journal.store import Journal

pytestmark = [pytest.mark.t1, pytest.mark.slow, pytest.mark.timeout(400)]

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
            for parent in folder.parents:  # the way to it must be passable for that user
                with contextlib.suppress(PermissionError):
                    parent.chmod(parent.stat().st_mode | 0o011)
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


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    binaries = programs()
    if binaries is None:
        pytest.skip("no PostgreSQL server is installed")
    if os.geteuid() == 0 and shutil.which("runuser") is None:
        pytest.skip("PostgreSQL refuses to run as root, and there is no runuser")
    folder = tmp_path / "postgres"
    folder.mkdir()
    made = Server(binaries, folder)
    yield made
    with contextlib.suppress(subprocess.CalledProcessError):
        made.stop()


@contextlib.contextmanager
def on_postgres(tmp_path: Path, server: Server) -> Iterator[Story]:
    with story(tmp_path) as tale:
        tale.journal.close()
        tale.extra = {"DATABASE_URL": server.url}
        tale.url = server.url
        tale.journal = Journal.open(server.url)
        yield tale


def test_f4_a_database_that_is_absent_at_start_is_said_and_nothing_else_is_used(tmp_path: Path, server: Server) -> None:
    with on_postgres(tmp_path, server) as tale:
        server.stop()
        refused = tale.command("run")
        assert refused.returncode == 1
        assert "journal" in refused.stderr.lower()
        assert "flatten" in refused.stderr
        server.start()


def test_f4_a_run_from_start_to_stop(tmp_path: Path, server: Server) -> None:
    with on_postgres(tmp_path, server) as tale:
        tale.launch()
        tale.hold()
        tale.kill()
        tale.launch()
        tale.ask_to_stop()
        tale.await_phase(Phase.DONE)
        assert tale.end() == 0
        assert tale.right() == []


def test_f4_a_database_that_goes_away_keeps_no_exit_back(tmp_path: Path, server: Server) -> None:
    with on_postgres(tmp_path, server) as tale:
        tale.launch()
        tale.hold(tale.ending_in(16))
        server.stop()
        tale.await_flat()
        server.start()

        def finished() -> bool | None:
            return any(isinstance(record, RunFinished) for _, record in tale.journal.records()) or None

        await_value(finished, PATIENCE_SECS, "the run's end in the journal")
        assert tale.end() == 0
        assert tale.right() == []


def test_f4_a_database_that_freezes_keeps_no_exit_back(tmp_path: Path, server: Server) -> None:
    with on_postgres(tmp_path, server) as tale:
        tale.launch()
        tale.hold(tale.ending_in(16))
        server.freeze()
        try:
            tale.await_flat()
        finally:
            server.freeze(thaw=True)
        tale.await_phase(Phase.DONE)
        assert tale.end() == 0
        assert tale.right() == []


def test_f4_a_database_that_comes_and_goes_during_the_entry(tmp_path: Path, server: Server) -> None:
    with on_postgres(tmp_path, server) as tale:
        tale.launch()
        tale.ask_to_start()
        tale.await_phase(Phase.ENTERING)
        server.stop()
        server.start()
        await_value(lambda: tale.phase() in (Phase.HOLDING, Phase.DONE) or None, PATIENCE_SECS, "held or given up")
        if tale.phase() is Phase.HOLDING:
            tale.ask_to_stop()
        tale.await_phase(Phase.DONE)
        assert tale.end() == 0
        assert [wrong for wrong in tale.right() if not wrong.startswith("CT3")] == []


def test_f4_a_link_that_dies_without_a_word_is_given_up_within_seconds(server: Server) -> None:
    journal = Journal.open(server.url)
    try:
        raw = journal._engine.raw_connection()
        told = raw.driver_connection.info.get_parameters()  # type: ignore[union-attr]
        raw.close()
    finally:
        journal.close()
    assert told["tcp_user_timeout"] == "5000"
    assert int(told["keepalives_idle"]) + int(told["keepalives_interval"]) * int(told["keepalives_count"]) <= 15
