"""The rig of the kill points, with the runner in the hand of a test: launched with an environment, signalled, awaited.

Each story has an exchange of its own: a runner takes another installation's orders on its account seriously.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from tests.e2e.rig import await_value
from tests.killpoints.rig import PRESET, TREE, Case, Venue, _body, venue
from trader.config.preset import Preset
from trader.domain.errors import JournalError
from trader.engine.records import Phase

_IST = ZoneInfo("Asia/Kolkata")
PATIENCE_SECS = 90.0  # for conditions; a machine that does other things too starts a process in tens of seconds
_SHIM = Path(__file__).parent / "shim.c"


class Story(Case):
    """One run of one account and whatever happens to its runner."""

    def __init__(self, exchange: Venue, home: Path) -> None:
        super().__init__(exchange, home, ())
        self.balance = exchange.gateway.wallet().balance
        self.runner: subprocess.Popen[bytes] | None = None
        self.said = home.parent / f"{home.name}.txt"

    def launch(self, *arguments: str, wait: bool = True, **environment: str) -> "subprocess.Popen[bytes]":
        """`python -m trader run`, or another command; `wait` until it manages the account."""
        began = datetime.now(UTC)
        with self.said.open("ab") as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "trader", *(arguments or ("run",))],
                cwd=TREE,
                env={**self.environment(), **environment},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )
        if not arguments:
            self.runner = process
        if wait:
            await_value(lambda: self._published_since(began), PATIENCE_SECS, "a runner that manages the account")
        return process

    def environment(self) -> dict[str, str]:
        return {**os.environ, **self.venue.environment, "TRADER_HOME": str(self.home), **self.extra}

    def command(self, *arguments: str, secs: float = 90) -> "subprocess.CompletedProcess[str]":
        """Any other command of the program, to its end."""
        line = [sys.executable, "-m", "trader", *arguments]
        return subprocess.run(line, cwd=TREE, env=self.environment(), capture_output=True, text=True, timeout=secs)

    def _published_since(self, began: datetime) -> bool | None:
        with contextlib.suppress(JournalError):
            snapshot = self.journal.snapshot("paper")
            return (snapshot is not None and snapshot.wall > began) or None
        return None

    def hold(self, chosen: Preset = PRESET) -> None:
        """Ask for a run and wait until both legs are sold."""
        self._command("start", {**_body(chosen), "now": True, "confirm": None})
        self.await_phase(Phase.HOLDING)

    def await_phase(self, phase: Phase, secs: float = PATIENCE_SECS) -> None:
        await_value(lambda: self.phase() is phase or None, secs, f"{phase}, last seen {self.phase()}")

    def await_flat(self, secs: float = PATIENCE_SECS) -> None:
        gateway = self.venue.gateway

        def look() -> bool | None:
            return (not any(p.quantity for p in gateway.positions("BTC")) and not gateway.open_orders()) or None

        await_value(look, secs, "flat at the exchange")

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        assert self.runner is not None
        self.runner.kill()
        self.runner.wait(15)

    def end(self, number: int = signal.SIGTERM, *, again: bool = False) -> int:
        """A signal (twice with `again`), and the exit code; ten seconds are what a container's stop grants."""
        assert self.runner is not None
        self.runner.send_signal(number)
        if again:
            self.runner.send_signal(number)
        return self.runner.wait(10)

    def market_now(self) -> datetime:
        return max(q.ts_mark for q in self.venue.gateway.tickers("BTC") if q.ts_mark is not None)

    def ending_in(self, wall_secs: float, speed: float = 30.0) -> Preset:
        """The rig's preset with an exit time about so many wall seconds ahead."""
        at = (self.market_now() + timedelta(seconds=wall_secs * speed)).astimezone(_IST)
        return PRESET.model_copy(
            update={"schedule": PRESET.schedule.model_copy(update={"exit_time_ist": f"{at:%H:%M}"})}
        )

    def right(self) -> list[str]:
        """Everything that is wrong in the books of exchange and journal; empty when all is well."""
        self.result.violations.clear()
        self.check(self.balance)
        return self.result.violations

    def words(self) -> str:
        """What every process of the story has said."""
        return self.said.read_text(errors="replace")


@contextlib.contextmanager
def story(folder: Path, home: Path | None = None, *, seed: int = 11) -> Iterator[Story]:
    """An exchange and a story on it; whatever still runs at the end is ended."""
    with venue(seed=seed) as exchange:
        made = Story(exchange, home or folder / "home")
        try:
            yield made
        finally:
            runner = made.runner
            if runner is not None and runner.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(runner.pid, signal.SIGCONT)
                runner.terminate()
                try:
                    runner.wait(15)
                except subprocess.TimeoutExpired:
                    runner.kill()
                    runner.wait()
            made.journal.close()


@contextlib.contextmanager
def small_disk(place: Path, megabytes: int) -> Iterator[Path]:
    """A file system of its own of that size.

    Raises:
        OSError: This process may not mount one.
    """
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "tmpfs", str(place)], capture_output=True
    )
    if done.returncode != 0:
        raise OSError(done.stderr.decode().strip())
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=False)


def fill(disk: Path) -> Path:
    """A file that takes all the room there is."""
    junk = disk / "junk"
    with junk.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"\0" * 4096)
    return junk


def built_shim(folder: Path) -> Path | None:
    """The shared object laid under the runner, None where there is no compiler for it."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or not sys.platform.startswith("linux"):
        return None
    out = folder / f"shim{sysconfig.get_config_var('SHLIB_SUFFIX') or '.so'}"
    done = subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", "-o", str(out), str(_SHIM), "-ldl"], capture_output=True
    )
    return out if done.returncode == 0 else None
