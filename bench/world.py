"""A whole desk for measuring: the local venue in a process, market messages from another, the runner in a third.

The venue's market begins at a fixed instant with a fixed seed. With a flood the runner hears its market data from
`bench.flood` instead of the venue; orders, fills and account reads always go to the venue over the real wire.
"""

import json
import multiprocessing
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from bench import flood, probe
from bench.held import PRESET
from bench.measuring import ROOT
from trader.config.settings import load_settings
from trader.desk import Desk
from trader.engine.records import Phase
from trader.exchange.delta.gateway import DeltaGateway
from trader.journal import Journal

try:
    from trader.exchange.common.credentials import Credentials
except ModuleNotFoundError:  # a commit that is measured beside this one may be older than this package
    from trader.exchange.credentials import Credentials  # type: ignore[import-not-found,no-redef]

T = TypeVar("T")
_VENUE = {"market": "synthetic", "seed": 7, "start": "2026-03-03T05:00:00Z", "quota_units": 1_000_000_000}
_spawn = multiprocessing.get_context("spawn")


class Child:
    """A process of ours and the pipe to it."""

    def __init__(self, target: Callable[..., None], *arguments: Any) -> None:
        self._pipe, theirs = _spawn.Pipe()
        self.process = _spawn.Process(target=target, args=(theirs, *arguments), daemon=True)
        self.process.start()
        theirs.close()

    @property
    def pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid

    def ask(self, message: Any = None) -> Any:
        """Send a message (None = only listen) and wait for the answer."""
        if message is not None:
            self._pipe.send(message)
        if not self._pipe.poll(30):
            raise TimeoutError(f"no answer to {message!r}")
        return self._pipe.recv()

    def end(self) -> None:
        self.process.terminate()
        self.process.join(15)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


class World:
    """Use as a context manager; everything it started ends with it."""

    def __init__(
        self,
        *,
        flooded: bool = False,
        flood_serve: Callable[..., None] = flood.serve,
        venue: Mapping[str, Any] | None = None,
        database: str = "",
    ) -> None:
        """`flood_serve` is what the flood's process runs; `venue` are options beside or instead of the usual ones; `database` is the
        URL of the journal, empty for a file of its own."""
        self._flooded = flooded
        self._flood_serve = flood_serve
        self._venue_options = {**_VENUE, **(venue or {})}
        self._database = database
        self._ends: list[Callable[[], object]] = []
        self.flood: Child | None = None
        self.ahead_us = 0
        self._journal: Journal | None = None

    def __enter__(self) -> "World":
        try:
            self._start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _start(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True)
        self._ends.append(folder.cleanup)
        self.home = Path(folder.name)
        self._venue = subprocess.Popen(
            [sys.executable, "-m", "trader.venue"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
        )
        self._ends.append(lambda: _end_process(self._venue))
        assert self._venue.stdin is not None and self._venue.stdout is not None
        with self._venue.stdin as pipe:
            pipe.write(json.dumps(self._venue_options).encode())
        self.venue: dict[str, Any] = json.loads(self._venue.stdout.readline())
        self._ends.append(self._venue.stdout.close)
        ws_public = self.venue["ws_public_url"]
        if self._flooded:
            self.ahead_us = self._venue_time_us() - time.time_ns() // 1000
            self.flood = Child(self._flood_serve, self.venue["rest_url"], self.ahead_us)
            self._ends.append(self.flood.end)
            ws_public = f"ws://127.0.0.1:{self.flood.ask()}"
        self.ws_public = ws_public
        self.environ = {
            "TRADER_ENV": "paper",
            "TRADER_HOME": str(self.home),
            "TRADER_SNAPSHOT": str(self.home / "snapshot.json"),
            "DELTA_REST_URL": self.venue["rest_url"],
            "DELTA_WS_PUBLIC_URL": ws_public,
            "DELTA_WS_PRIVATE_URL": self.venue["ws_private_url"],
            "DELTA_PAPER_API_KEY": self.venue["api_key"],
            "DELTA_PAPER_API_SECRET": self.venue["api_secret"],
        }
        if self._database:
            self.environ["DATABASE_URL"] = self._database
        self.settings = load_settings(environ=self.environ, env_file=self.home / "no.env")
        self.desk = Desk(self.settings)
        self._ends.append(self.desk.close)

    def _end(self) -> None:
        while self._ends:
            self._ends.pop()()

    def gateway(self) -> DeltaGateway:
        """A client of the venue with a budget that never refuses."""
        credentials = Credentials(self.venue["api_key"], self.venue["api_secret"])
        return DeltaGateway(self.venue["rest_url"], credentials, quota=1_000_000_000)

    def _venue_time_us(self) -> int:
        quotes = [quote for quote in self.gateway().tickers("BTC") if quote.ts_mark is not None]
        newest = max(quote.ts_mark for quote in quotes if quote.ts_mark is not None)
        return int(newest.timestamp() * 1_000_000)

    # ------------------------------------------------------------ the runner

    def run_probed(self) -> Child:
        """The runner as a process of its own, with a probe."""
        return self._alive(Child(probe.process_host, self.environ))

    def run_panel(self, port: int) -> Child:
        """The panel with the runner in a thread, with a probe."""
        return self._alive(Child(probe.panel_host, self.environ, port))

    def run_plain(self) -> "subprocess.Popen[bytes]":
        """`python -m trader run`, exactly."""
        environ = {**os.environ, **self.environ}
        command = [sys.executable, "-m", "trader", "run"]
        nowhere = subprocess.DEVNULL  # it keeps its own log
        process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=nowhere, stderr=nowhere)
        self._ends.append(lambda: _end_process(process))
        return process

    def _alive(self, child: Child) -> Child:
        self._ends.append(child.end)
        self.await_runner()
        return child

    def await_runner(self, secs: float = 60) -> None:
        """Until the runner's picture is fresh; never opens the journal before the runner has made it."""
        made = (self.home / "journal.db").exists
        await_value(lambda: True if self._database or made() else None, secs, "a journal")
        await_value(lambda: True if self.desk.status().runner.alive else None, secs, "a living runner")

    def hold(self) -> str:
        """Start a run and wait until it holds both legs with a P&L; its id."""
        self.desk.start(PRESET, now=True, issued_by="cli")

        def holding() -> str | None:
            run = self.desk.status().run
            return run.run_id if run is not None and run.phase is Phase.HOLDING and run.pnl is not None else None

        return await_value(holding, 40, "a held strangle")

    def await_flat(self) -> None:
        """Until a reader of the journal finds no unresolved run."""
        journal, account = self.journal(), self.desk.account
        await_value(lambda: None if journal.unresolved_runs(account) else True, 60, "flat", every_secs=0.002)

    def journal(self) -> Journal:
        """The runner's journal, opened here too."""
        if self._journal is None:
            self._journal = Journal.open(self.settings.journal_url, create=False)
            self._ends.append(self._journal.close)
        return self._journal


def _end_process(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def await_value(look: Callable[[], T | None], secs: float, what: str, every_secs: float = 0.02) -> T:
    """Poll until `look` gives something.

    Raises:
        TimeoutError: It never did; says what was awaited.
    """
    deadline = time.monotonic() + secs
    while time.monotonic() < deadline:
        value = look()
        if value is not None:
            return value
        time.sleep(every_secs)
    raise TimeoutError(f"not seen within {secs:g} s: {what}")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
