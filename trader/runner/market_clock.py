"""The exchange's time, learned from its message timestamps and carried on between them.

A local venue may run sixty times as fast as the wall clock or replay a week of 2021; schedule and expiry must follow it. So
the pace (market seconds per wall second) is learned too. Real exchanges run at pace 1, where this clock differs from the
wall clock only by the skew between the two machines.
"""

from collections import deque
from datetime import UTC, datetime, timedelta

from trader.domain.clock import Now

_WINDOW_SECS = 8.0  # over which the pace is measured
_MIN_SPAN_SECS = 0.5  # shorter spans say nothing about it
_NEAR_ONE = 0.05  # network jitter; a pace this close to 1 is 1
_FASTEST = 1000.0


class MarketClock:
    """Feed it observations (exchange time, wall time of arrival); ask it what time it is on both clocks."""

    def __init__(self) -> None:
        self._seen: deque[tuple[datetime, datetime]] = deque()
        self._newest: datetime | None = None
        self._newest_wall: datetime | None = None
        self._told: datetime | None = None
        self._rate = 1.0

    @property
    def newest(self) -> datetime | None:
        """The youngest exchange time observed."""
        return self._newest

    @property
    def rate(self) -> float:
        """Market seconds per wall second, as measured."""
        return self._rate

    def observe(self, market: datetime, wall: datetime) -> None:
        """Learn from a message stamped `market` that arrived at `wall`. Older stamps than the newest teach nothing."""
        if self._newest is not None and market <= self._newest:
            return
        self._newest, self._newest_wall = market, wall
        if self._seen and (wall - self._seen[-1][1]).total_seconds() < 0.05:
            return
        self._seen.append((market, wall))
        while (wall - self._seen[0][1]).total_seconds() > _WINDOW_SECS:
            self._seen.popleft()
        self._measure()

    def _measure(self) -> None:
        (first_market, first_wall), (last_market, last_wall) = self._seen[0], self._seen[-1]
        span = (last_wall - first_wall).total_seconds()
        if span < _MIN_SPAN_SECS:
            return
        rate = (last_market - first_market).total_seconds() / span
        self._rate = 1.0 if abs(rate - 1.0) < _NEAR_ONE else min(max(rate, 0.0), _FASTEST)

    def now(self, wall: datetime) -> Now:
        """Both clocks at `wall`. Market time never steps back; it is None until a message has taught it."""
        if self._newest is None or self._newest_wall is None:
            return Now(wall, None)
        elapsed = max((wall - self._newest_wall).total_seconds(), 0.0)
        market = self._newest + timedelta(seconds=elapsed * self._rate)
        if self._told is not None and market < self._told:
            market = self._told
        self._told = market
        return Now(wall, market, self._rate)


def wall_now() -> datetime:
    """This machine's clock, aware UTC."""
    return datetime.now(UTC)
