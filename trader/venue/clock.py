"""Market time from wall time: the one place where the venue's two clocks meet."""

import time
from datetime import UTC, datetime, timedelta


class MarketClock:
    """Market time that starts at `start` and runs at `speed` times the wall clock, up to `end`.

    With `realtime` market time is the wall clock itself, whatever `start` says. With `held` it stands at `start` until
    `release`.
    """

    def __init__(
        self,
        start: datetime,
        *,
        speed: float,
        end: datetime | None = None,
        realtime: bool = False,
        held: bool = False,
    ) -> None:
        self._start = start
        self._speed = speed
        self._end = end
        self._realtime = realtime
        self._began = None if held else time.monotonic()

    def release(self) -> None:
        """Let a held clock run from now on; a running one goes on as it is."""
        if self._began is None:
            self._began = time.monotonic()

    def now(self) -> datetime:
        """The market instant now; a finished recording stands still at its end."""
        if self._realtime:
            return datetime.now(UTC)
        if self._began is None:
            return self._start
        now = self._start + timedelta(seconds=(time.monotonic() - self._began) * self._speed)
        return now if self._end is None or now < self._end else self._end
