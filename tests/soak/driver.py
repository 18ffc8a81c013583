"""Runs that begin, hold and end again and again, by turns on two underlyings, by Stop and by the clock."""

import time
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from tests.soak.world import SoakWorld, preset
from trader.engine.records import Phase

_IST = ZoneInfo("Asia/Kolkata")
_ENTRY_SECS = 60.0
_EXIT_SECS = 60.0
_LOOK_SECS = 0.05
_CLOCK_FROM_SECS = 120.0  # a soak that is shorter has no time to wait for a full minute
_RUNS_A_DAY = 50  # the preset's highest, per underlying


class Ended:
    """One run as the driver saw it. `stopped` is the wall at which Stop was asked for, None when the clock ended it."""

    def __init__(self, run_id: str, stopped: float | None) -> None:
        self.run_id = run_id
        self.stopped = stopped


class Driver:
    """Makes runs until told to end."""

    def __init__(self, world: SoakWorld, secs: float) -> None:
        self._world = world
        self._every = max(4.0, secs / (2 * _RUNS_A_DAY - 4))
        self._next_at = 0.0
        self._run: str | None = None
        self._entering: str | None = None
        self._since = 0.0
        self._stopped: float | None = None
        self._by_clock = False
        self._clock_ends = secs >= _CLOCK_FROM_SECS
        self._number = 0
        self.ended: list[Ended] = []
        self.troubles: list[str] = []

    @property
    def idle(self) -> bool:
        """No run is under way."""
        return self._run is None and self._entering is None

    def turn(self, *, begin: bool) -> None:
        """Look once and take the next step; with `begin` False no new run is asked for."""
        now = time.monotonic()
        if self._entering is not None:
            self._await_holding(now)
        elif self._run is not None:
            self._await_end(now)
        elif begin and now >= self._next_at:
            self._begin(now)

    def _begin(self, now: float) -> None:
        self._number += 1
        underlying = "BTC" if self._number % 2 else "ETH"
        self._by_clock = self._clock_ends and self._number % 3 == 0
        exit_at = _next_minute(self._world.market_time()) if self._by_clock else "23:00"
        receipt = self._world.desk.start(preset(underlying, exit_at), now=True, issued_by="cli")
        self._entering, self._since, self._stopped = receipt.command_id, now, None
        self._next_at = now + self._every

    def _await_holding(self, now: float) -> None:
        run = self._world.desk.status().run
        if run is not None and run.phase is Phase.HOLDING and run.pnl is not None and run.run_id not in self._known():
            self._run, self._entering, self._since = run.run_id, None, now
        elif run is not None and run.phase is Phase.DONE and run.run_id not in self._known() and now - self._since > 2:
            self._note(run.run_id)  # no entry was possible, or the clock ended it at once
        elif now - self._since > _ENTRY_SECS:
            self.troubles.append(f"run {self._number} did not hold within {_ENTRY_SECS:.0f} s")
            self._world.desk.stop(None, issued_by="cli")
            self._entering = None

    def _await_end(self, now: float) -> None:
        assert self._run is not None
        if self._stopped is None and not self._by_clock and now >= min(self._next_at, self._since + self._every) - 1.5:
            self._stopped = time.time()
            self._world.desk.stop(self._run, issued_by="cli")
            self._since = now
        run = self._world.desk.status(self._run).run
        if run is not None and run.phase is Phase.DONE:
            self._note(self._run)
        elif now - self._since > _EXIT_SECS + (70 if self._by_clock else self._every):
            self.troubles.append(f"run {self._run} did not end")
            self._note(self._run)

    def _note(self, run_id: str) -> None:
        self.ended.append(Ended(run_id, self._stopped))
        self._run = self._entering = None

    def _known(self) -> set[str]:
        return {ended.run_id for ended in self.ended}


def _next_minute(market: datetime) -> str:
    """The next full minute in India that leaves time for an entry."""
    later = market.astimezone(_IST) + timedelta(seconds=75)
    return f"{later:%H:%M}"
