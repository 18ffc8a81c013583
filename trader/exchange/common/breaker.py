"""A circuit breaker over the REST connection: while nothing answers, nothing that can wait is asked. Pure: the clock is
passed in.

It never stands in the way of cancels, exits and reads of the own account: those are what an outage must not prevent, and
their success is what closes it again.
"""

import threading
from collections.abc import Callable
from enum import StrEnum

from trader.domain.errors import NotSent
from trader.exchange.common.budget import Priority

FAILURES_TO_OPEN = 8
FIRST_PAUSE_SECS = 1.0
LONGEST_PAUSE_SECS = 5.0


class BreakerOpen(NotSent):
    """Refused by the breaker: nothing left this machine."""


class BreakerState(StrEnum):
    CLOSED = "closed"  # calls pass
    OPEN = "open"  # market reads and entries are refused until the pause is over
    PROBING = "probing"  # one such call is out; its end decides


class CircuitBreaker:
    """Opens after so many calls in a row without an answer, for pauses that double. Safe to use from any thread."""

    def __init__(self, monotonic: Callable[[], float], *, failures_to_open: int = FAILURES_TO_OPEN) -> None:
        self._monotonic = monotonic
        self._failures_to_open = failures_to_open
        self._lock = threading.Lock()
        self._failures = 0
        self._pause_secs = FIRST_PAUSE_SECS
        self._open_until: float | None = None
        self._probing = False
        self._opened = 0
        self._last_failure = ""

    def admit(self, priority: Priority) -> None:
        """Ask before a call.

        Raises:
            BreakerOpen: The connection has been silent too often, and the call can wait.
        """
        with self._lock:
            if self._open_until is None or priority is not Priority.MARKET:
                return
            left = self._open_until - self._monotonic()
            if left > 0 or self._probing:
                wait = f"for {left:.1f} s more" if left > 0 else "until the call that is out has ended"
                raise BreakerOpen(
                    f"the exchange did not answer {self._failures} calls in a row ({self._last_failure}); "
                    f"market reads and entries pause {wait}"
                )
            self._probing = True

    def answered(self) -> None:
        """A call got an answer, were it a refusal."""
        with self._lock:
            self._failures = 0
            self._pause_secs = FIRST_PAUSE_SECS
            self._open_until = None
            self._probing = False

    def abandoned(self) -> None:
        """An admitted call did not go out after all."""
        with self._lock:
            self._probing = False

    def failed(self, why: str) -> None:
        """A call got no usable answer."""
        with self._lock:
            self._failures += 1
            self._probing = False
            self._last_failure = why[:120]
            if self._failures < self._failures_to_open:
                return
            if self._open_until is None:
                self._opened += 1
            self._open_until = self._monotonic() + self._pause_secs
            self._pause_secs = min(2 * self._pause_secs, LONGEST_PAUSE_SECS)

    @property
    def state(self) -> BreakerState:
        with self._lock:
            if self._open_until is None:
                return BreakerState.CLOSED
            return BreakerState.PROBING if self._probing else BreakerState.OPEN

    @property
    def last_failure(self) -> str:
        """Why the newest failed call failed; empty before the first."""
        with self._lock:
            return self._last_failure

    @property
    def failures_in_a_row(self) -> int:
        with self._lock:
            return self._failures

    @property
    def opened(self) -> int:
        """How often it has opened."""
        with self._lock:
            return self._opened
