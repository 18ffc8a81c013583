"""The runner's two clocks as one thing: the machine's, made steady, and the exchange's, learned from its messages."""

import threading
from datetime import datetime

from msgspec.structs import replace

from trader.domain.clock import Now
from trader.engine.events import ChainRead
from trader.runner.market_clock import MarketClock
from trader.runner.reading import newest_mark
from trader.runner.steady_clock import STEPPED_SECS, SteadyClock


class Clocks:
    """Read and taught from any thread."""

    def __init__(self, steady: SteadyClock) -> None:
        self._steady = steady
        self._market = MarketClock()
        self._taught = steady()
        self._lock = threading.Lock()

    def now(self) -> Now:
        with self._lock:
            return self._market.now(self._steady())

    def observe(self, newest: datetime, heard: datetime | None = None) -> None:
        """Learn of an instant of the exchange: heard now, or then by the machine's clock.

        What was heard just before that clock was set is an hour old or an hour ahead by what it shows now, and would move the
        market's time by as much. But it was heard since the last observation, and not after this instant.
        """
        with self._lock:
            now = self._steady()
            wall = now if heard is None else min(max(self._steady.from_machine(heard), self._taught), now)
            self._taught = wall
            self._market.observe(newest, wall)

    def dated(self, read: ChainRead) -> ChainRead:
        """A chain tells the exchange's time too: after a restart with a silent stream nothing else does."""
        if (newest := newest_mark(read)) is None:
            return read
        self.observe(newest)
        return replace(read, at=self.now())

    def go_on_from(self, newest: datetime) -> float:
        """Time goes on from the newest record of a run that is open: were this machine's clock behind it, the run's orders
        would seem to be sent in the future, and no time-out of theirs would pass. By how many seconds, where that matters."""
        ahead = self._steady.not_before(newest)
        return ahead if ahead > STEPPED_SECS else 0.0

    @property
    def stepped(self) -> bool:
        """Whether the machine's clock was set."""
        return self._steady.stepped

    def believe_machine(self) -> float:
        """Follow the machine's clock from now on; by how many seconds it was set."""
        by = self._steady.offset_secs
        with self._lock:
            self._steady.anchor()
            self._market = MarketClock()
            self._taught = self._steady()
        return by
