"""The request budget: how much of the exchange's quota is spent, and who may still spend.

Pure: the clock is passed in. The exchange counts weights over a fixed 5-minute window whose edges we do not know, so we
count over a sliding one: then no window of theirs, wherever it starts, carries more than our limit.

Source: exchange documentation, "Rate Limits" (quota 10,000 or 20,000 by edition: the smaller is the default here).
"""

import threading
from collections import deque
from collections.abc import Callable
from enum import IntEnum

from trader.domain.errors import RateLimited

WINDOW_SECS = 300.0
DEFAULT_QUOTA = 10_000
RETRY_AFTER_SECS_MAX = 300.0
_RETRY_AFTER_SECS_DEFAULT = 10.0  # a 429 without a readable header
_BUCKET_SECS = 5.0


class Priority(IntEnum):
    """Who is asking."""

    MARKET = 0  # entries and market-data reads: up to 60 % of the window
    OWN = 1  # reads of own orders, fills and positions: up to 90 %
    EXIT = 2  # cancels, exits and the reads they need: never refused by us; only the exchange may


_SHARE = {Priority.MARKET: 0.60, Priority.OWN: 0.90}


class BudgetRefused(RateLimited):
    """Refused by our own budget: nothing left this machine."""


class RateBudget:
    """Weighted request budget, safe to use from any thread."""

    def __init__(self, monotonic: Callable[[], float], *, quota: int = DEFAULT_QUOTA) -> None:
        """`monotonic` gives seconds; `quota` is weight units per 5 minutes."""
        if quota <= 0:
            raise ValueError(f"quota must be positive, was {quota}")
        self._monotonic = monotonic
        self._quota = quota
        self._lock = threading.Lock()
        self._buckets: deque[tuple[float, int]] = deque()  # start of bucket, weight spent in it
        self._spent = 0
        self._blocked_until = float("-inf")

    def spend(self, weight: int, priority: Priority) -> None:
        """Take `weight` units or refuse.

        Raises:
            BudgetRefused: The share of this priority is used up, or a 429 of the exchange is still in force, before whose
                reset nothing that can wait is sent.
        """
        with self._lock:
            now = self._monotonic()
            self._expire(now)
            if priority is not Priority.EXIT:
                self._check(weight, priority, now)
            start = now - now % _BUCKET_SECS
            if self._buckets and self._buckets[-1][0] == start:
                self._buckets[-1] = (start, self._buckets[-1][1] + weight)
            else:
                self._buckets.append((start, weight))
            self._spent += weight

    def observe_429(self, reset_header: str | None) -> float:
        """Note a 429; `reset_header` is ``X-RATE-LIMIT-RESET`` in milliseconds. Returns the seconds to stay away.

        Absurd headers are clamped to 0..300 s, missing or unreadable ones count as 10 s.
        """
        secs = _retry_after_secs(reset_header)
        with self._lock:
            self._blocked_until = max(self._blocked_until, self._monotonic() + secs)
        return secs

    def left(self) -> int:
        """Units of the quota not spent in the last 5 minutes; never below 0."""
        with self._lock:
            self._expire(self._monotonic())
            return max(0, self._quota - self._spent)

    @property
    def blocked_secs(self) -> float:
        """How long everything but exits stays refused after a 429; 0 when nothing is."""
        with self._lock:
            return max(0.0, self._blocked_until - self._monotonic())

    def _check(self, weight: int, priority: Priority, now: float) -> None:
        blocked = self._blocked_until - now
        if blocked > 0:
            raise BudgetRefused("the exchange asked us to slow down (429)", retry_after_secs=blocked)
        limit = int(self._quota * _SHARE[priority])
        if self._spent + weight > limit:
            wait = self._buckets[0][0] + _BUCKET_SECS + WINDOW_SECS - now if self._buckets else WINDOW_SECS
            raise BudgetRefused(
                f"request budget: {self._spent} of {self._quota} units spent in 5 minutes, "
                f"{priority.name.lower()} requests stop at {limit}",
                retry_after_secs=wait,
            )

    def _expire(self, now: float) -> None:
        # A bucket counts until its youngest possible request is 5 minutes old.
        while self._buckets and self._buckets[0][0] + _BUCKET_SECS + WINDOW_SECS <= now:
            self._spent -= self._buckets.popleft()[1]


def _retry_after_secs(header: str | None) -> float:
    text = (header or "").strip()
    digits = text[1:] if text.startswith("-") else text
    if not (digits.isascii() and digits.isdigit()):
        return _RETRY_AFTER_SECS_DEFAULT
    if len(digits) > 9:  # longer than any sensible wait; no need to convert it
        return 0.0 if text.startswith("-") else RETRY_AFTER_SECS_MAX
    return min(max(int(text) / 1000, 0.0), RETRY_AFTER_SECS_MAX)
