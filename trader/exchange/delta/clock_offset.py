"""How far the exchange's clock is ahead of ours, learned from the ``Date`` header of ordinary replies.

The header has whole seconds, so one reply only bounds the offset: the exchange's clock stood between ``date`` and
``date + 1`` at some moment between sending and receiving. Bounds of several replies are intersected, which narrows the
offset far below a second within a few calls.
"""

import threading
from datetime import UTC
from email.utils import parsedate_to_datetime

_BOUNDS_AGE_SECS_MAX = 300.0  # older bounds are forgotten: clocks drift and are corrected
_ROUND_TRIP_SECS_MAX = 5.0  # a slower reply says too little


class ClockOffset:
    """Offset of the exchange's clock in seconds, positive when it is ahead. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._low = 0.0
        self._high = 0.0
        self._learned_at: float | None = None

    def learn(self, date_header: str | None, *, sent_at: float, received_at: float) -> None:
        """Take in one reply; `sent_at` and `received_at` are Unix seconds of our wall clock. Unreadable headers,
        slow replies and a wall clock that stepped back meanwhile teach nothing."""
        if not date_header or not 0 <= received_at - sent_at <= _ROUND_TRIP_SECS_MAX:
            return
        try:
            parsed = parsedate_to_datetime(date_header)
        except (ValueError, TypeError, OverflowError):
            return
        date = (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
        low, high = date - received_at, date + 1.0 - sent_at
        with self._lock:
            age = None if self._learned_at is None else received_at - self._learned_at
            fresh = age is not None and 0 <= age < _BOUNDS_AGE_SECS_MAX
            if fresh and max(low, self._low) <= min(high, self._high):
                self._low, self._high = max(low, self._low), min(high, self._high)
                return
            # First reply, old bounds, or a contradiction: one of the clocks was set.
            self._low, self._high, self._learned_at = low, high, received_at

    @property
    def secs(self) -> float:
        """The best estimate; 0 until something was learned."""
        with self._lock:
            return 0.0 if self._learned_at is None else (self._low + self._high) / 2

    @property
    def uncertainty_secs(self) -> float | None:
        """Half the width of the bounds; None until something was learned."""
        with self._lock:
            return None if self._learned_at is None else (self._high - self._low) / 2
