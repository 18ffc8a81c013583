"""When to connect again. Pure: the clock and the randomness are passed in."""

from collections import deque
from collections.abc import Callable

CONNECTS_MAX = 30  # per window; the exchange refuses an address beyond 150
WINDOW_SECS = 300.0


class Backoff:
    """Doubling delays with jitter, and a hard limit on connects per 5 minutes."""

    def __init__(
        self,
        monotonic: Callable[[], float],
        uniform: Callable[[float, float], float],
        *,
        first_secs: float = 0.5,
        longest_secs: float = 30.0,
        stable_secs: float = 30.0,
        connects_max: int = CONNECTS_MAX,
    ) -> None:
        """`uniform(a, b)` draws from a range; a connection that lasted `stable_secs` starts the delays over."""
        self._monotonic = monotonic
        self._uniform = uniform
        self._first_secs = first_secs
        self._longest_secs = longest_secs
        self._stable_secs = stable_secs
        self._connects: deque[float] = deque(maxlen=connects_max)
        self._failures = 0

    def connecting(self) -> None:
        """Note an attempt."""
        self._connects.append(self._monotonic())

    def ended(self, lasted_secs: float) -> None:
        """Note the end of an attempt that was connected for `lasted_secs` (0 = never)."""
        self._failures = 1 if lasted_secs >= self._stable_secs else self._failures + 1

    def delay_secs(self) -> float:
        """Seconds to wait before the next attempt."""
        if self._failures == 0:
            delay = 0.0
        else:
            ceiling = min(self._longest_secs, self._first_secs * 2.0 ** min(self._failures - 1, 16))
            delay = self._uniform(ceiling / 2, ceiling)
        if len(self._connects) == self._connects.maxlen:
            delay = max(delay, self._connects[0] + WINDOW_SECS - self._monotonic())
        return delay
