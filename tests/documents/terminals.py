"""What a reader of the documents has: a fresh checkout with its `.venv`, and terminals to type the printed commands into."""

import contextlib
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.documents.blocks import ROOT

# Commands that go on until they are stopped, and what they have printed once they can be used.
_HOSTS = {
    r"make run": "runner_started",
    r"\S*python -m trader (run|up)": "runner_started",
    r"\S*python -m trader venue": '"rest_url"',
    r"\S*python -m trader record": "Recording",
    r"\S*python -m trader api": "HTTP API",
}
_ASSIGNMENTS = r"(?:\w+=\S* )*"
_READY_SECS, _END_SECS = 60.0, 30.0


def ready_words(command: str) -> str | None:
    """What a host prints when it is ready; None for a command that ends by itself."""
    for pattern, words in _HOSTS.items():
        if re.match(rf"{_ASSIGNMENTS}{pattern}\b", command):
            return words
    return None


@dataclass
class Host:
    process: subprocess.Popen[bytes]
    output: Path

    def said(self) -> str:
        return self.output.read_text(encoding="utf-8", errors="replace")


@dataclass
class Terminals:
    """Runs printed commands in one folder; hosts go on in the background until `end_hosts`."""

    folder: Path
    environ: dict[str, str]
    hosts: list[Host] = field(default_factory=list)

    def run(self, command: str, *, typed: str = "", secs: float = 330.0) -> str:
        """One command to its end, as typed at a terminal; what it printed.

        Raises:
            AssertionError: Its exit code is not 0; with everything that was said.
        """
        ours, theirs = pty.openpty()  # some commands ask a question, and only where somebody can answer
        try:
            os.write(ours, typed.encode())
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=self.folder,
                env=self.environ,
                stdin=theirs,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=secs,
            )
        finally:
            os.close(ours)
            os.close(theirs)
        said = done.stdout.decode(errors="replace")
        hosts = "\n".join(host.said()[-3000:] for host in self.hosts)
        assert done.returncode == 0, f"{command}\nended with {done.returncode}:\n{said}\nThe hosts said:\n{hosts}"
        return said

    def host(self, command: str, secs: float = _READY_SECS) -> Host:
        """Start a command that goes on, and wait until it says that it can be used."""
        words = ready_words(command)
        assert words is not None, command
        output = self.folder / f"host-{len(list(self.folder.glob('host-*')))}.log"
        redirected = re.search(r"> (\S+)$", command)
        if redirected:
            (self.folder / redirected[1]).unlink(
                missing_ok=True
            )  # what an earlier host wrote there says nothing of this one
        with output.open("wb") as file:
            process = subprocess.Popen(
                ["bash", "-c", command],
                cwd=self.folder,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        host = Host(process, self.folder / redirected[1] if redirected else output)
        self.hosts.append(host)
        await_true(
            lambda: process.poll() is not None or (host.output.exists() and words in host.said()),
            secs,
            lambda: f"{command}: {host.said()}",
        )
        assert process.poll() is None, f"{command} ended with {process.returncode}: {host.said()}"
        return host

    def end_hosts(self) -> None:
        """Ctrl+C in each terminal, the newest first."""
        for host in reversed(self.hosts):
            end_group(host.process, signal.SIGINT)
        self.hosts.clear()


def end_group(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    """What a terminal does on Ctrl+C: every process of its job hears it. Whatever stays is killed."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, how)
    try:
        process.wait(_END_SECS)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def await_true(condition: Callable[[], object], secs: float, what: Callable[[], str]) -> None:
    deadline = time.monotonic() + secs
    while not condition():
        assert time.monotonic() < deadline, f"not seen within {secs:g} s: {what()}"
        time.sleep(0.05)


@contextlib.contextmanager
def checkout(folder: Path, **variables: str) -> Iterator[Terminals]:
    """A checkout without any runtime file, with the `.venv` that `make run` would make, and nobody's settings."""
    for path in ROOT.iterdir():
        if path.name in {"trader", "pages", "bench", "tests", "docs", ".streamlit", "streamlit_app.py"}:
            (folder / path.name).symlink_to(path)
        elif path.is_file() and path.name not in {".env", ".git"}:
            shutil.copy2(path, folder)
    _lay_out_venv(folder / ".venv")
    (folder / "person").mkdir()
    environ = {
        "PATH": f"{folder / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder / "person"),
        "PORT": str(free_port()),
        "TRADER_VENUE_SEED": "7",  # the same market in every run of the tests
        "LANG": "C.UTF-8",
        **variables,
    }
    terminals = Terminals(folder, environ)
    try:
        yield terminals
    finally:
        for host in reversed(terminals.hosts):
            with contextlib.suppress(subprocess.TimeoutExpired):
                end_group(host.process, signal.SIGTERM)


def _lay_out_venv(venv: Path) -> None:
    """The tests' own environment under the name the commands use. It is complete already, so make installs nothing."""
    venv.mkdir()
    for path in Path(sys.prefix).iterdir():
        if not path.name.startswith("."):
            (venv / path.name).symlink_to(path)
    for stamp in (".made", ".installed-run", ".installed-test"):
        (venv / stamp).touch()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
