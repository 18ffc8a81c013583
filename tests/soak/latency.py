"""From a message's sending to the decision that knew it, over any length of time in constant memory."""

import bisect
from array import array
from pathlib import Path

_BIN_US = 100
_BINS = 100_000  # 10 s; what took longer is counted there


class Latencies:
    """A histogram fed window by window from the flood's stamps and the watched runner's file."""

    def __init__(self, file: Path, ahead_us: int) -> None:
        self._file = file
        self._ahead_us = ahead_us
        self._read_to = 0
        self._bins = [0] * (_BINS + 1)
        self._stamps: list[int] = []
        self.count = 0
        self.longest_us = 0

    def feed(self, stamps: list[int]) -> None:
        """Stamps sent since the last call; matched with the steps written since."""
        self._stamps += stamps
        decisions = self._decisions()
        if not decisions:
            return
        newest = [stamp for stamp, _ in decisions]
        left: list[int] = []
        for stamp in self._stamps:
            at = bisect.bisect_left(newest, stamp)
            if at == len(decisions):
                left.append(stamp)
            elif stamp > newest[0]:
                self._note(decisions[at][1] - (stamp - self._ahead_us))
        self._stamps = left

    def _decisions(self) -> list[tuple[int, int]]:
        if not self._file.exists():
            return []
        with self._file.open("rb") as file:
            file.seek(self._read_to)
            raw = file.read()
        raw = raw[: len(raw) // 16 * 16]
        self._read_to += len(raw)
        numbers = array("q", raw)
        return list(zip(numbers[::2], numbers[1::2], strict=True))

    def _note(self, lasted_us: int) -> None:
        self.count += 1
        self.longest_us = max(self.longest_us, lasted_us)
        self._bins[min(_BINS, max(0, lasted_us) // _BIN_US)] += 1

    def percentile_ms(self, share: float) -> float:
        """The upper edge of the bin that at least `share` of all do not exceed, ms."""
        left = share * self.count
        for place, count in enumerate(self._bins):
            left -= count
            if left <= 0:
                return (place + 1) * _BIN_US / 1000
        return float("inf")
