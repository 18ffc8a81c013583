"""Virtual time: what happens next. Things due at one instant happen in the order they were asked for."""

import heapq
from collections.abc import Callable
from datetime import datetime, timedelta
from math import ceil
from typing import Any

MICRO = 1_000_000


class Agenda:
    """A heap of (instant, sequence, call). Instants are whole microseconds since the session's start."""

    def __init__(self, start: datetime) -> None:
        self.start = start
        self.micros = 0
        self.secs = 0.0  # seconds since the start
        self._sequence = 0
        self._heap: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._now = (0, start)

    @property
    def now(self) -> datetime:
        """The exchange's true time."""
        if self._now[0] != self.micros:
            self._now = (self.micros, self.start + timedelta(microseconds=self.micros))
        return self._now[1]

    def at(self, secs: float, call: Callable[..., None], *arguments: Any) -> None:
        """Do something at an instant (seconds since the start); the past means now."""
        self._push(max(ceil(secs * MICRO), self.micros), call, arguments)

    def after(self, secs: float, call: Callable[..., None], *arguments: Any) -> None:
        """Do something `secs` from now."""
        self._push(self.micros + int(secs * MICRO), call, arguments)

    def _push(self, micros: int, call: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        self._sequence += 1
        heapq.heappush(self._heap, (micros, self._sequence, call, arguments))

    def step(self, until_micros: int) -> bool:
        """Let the next thing happen, if it is due by then; False when nothing is."""
        if not self._heap or self._heap[0][0] > until_micros:
            return False
        self.micros, _, call, arguments = heapq.heappop(self._heap)
        self.secs = self.micros / MICRO
        call(*arguments)
        return True
