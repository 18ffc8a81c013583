"""A wall clock that does not step: the machine's clock once, then the time since boot.

Time-outs and proofs of absence compare instants minutes apart. Were the machine's clock set in between (by NTP, by hand),
an order of a second ago would look an hour old, or never grow old at all. So the runner counts from an anchor on
CLOCK_BOOTTIME, which also runs while the machine sleeps, and moves the anchor only when it is told to: while nothing is
open. A runner that takes up runs goes on from their newest record, so it does not step back across restarts either. What other processes compare (the lease, heartbeats) and what the exchange checks (signatures) uses the machine's clock.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

STEPPED_SECS = 1.0  # a smaller difference is drift, not a clock that was set


def boot_secs() -> float:
    """Seconds since boot, sleep included; where the system has no such clock, its monotonic one."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


class SteadyClock:
    """Call it for the present instant. `offset_secs`: how far the machine's clock is ahead of it by now."""

    def __init__(self, wall: Callable[[], float] = time.time, boot: Callable[[], float] = boot_secs) -> None:
        self._wall = wall
        self._boot = boot
        self._anchor = 0.0
        self.anchor()

    def __call__(self) -> datetime:
        return datetime.fromtimestamp(self._anchor + self._boot(), UTC)

    @property
    def offset_secs(self) -> float:
        return self._wall() - (self._anchor + self._boot())

    @property
    def stepped(self) -> bool:
        """Whether the machine's clock was set since the anchor."""
        return abs(self.offset_secs) > STEPPED_SECS

    def anchor(self) -> None:
        """Take the machine's clock as right from now on."""
        self._anchor = self._wall() - self._boot()

    def not_before(self, at: datetime) -> float:
        """Go on from `at` where that lies ahead; by how many seconds it did."""
        ahead = max(at.timestamp() - (self._anchor + self._boot()), 0.0)
        self._anchor += ahead
        return ahead

    def from_machine(self, at: datetime) -> datetime:
        """An instant just read off the machine's clock, on this one."""
        return at - timedelta(seconds=self.offset_secs)
