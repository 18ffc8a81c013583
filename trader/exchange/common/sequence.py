"""Numbered messages: which are news, which are repeats, and where one is missing. Pure.

Private messages carry a number per channel and symbol (`seq_no`, `se`) that grows by one and restarts at 1 when the
exchange does. A snapshot carries the number it includes.
"""

from enum import Enum

import msgspec


class Verdict(Enum):
    """What a number says about its message."""

    NEWS = "news"
    REPEAT = "repeat"  # seen before, or contained in the snapshot
    GAP = "gap"  # it is news, and something before it was lost


class Numbered(msgspec.Struct, frozen=True):
    """The verdict on a number, and which one was expected."""

    verdict: Verdict
    expected: int


class SequenceTracker:
    """Last number seen per channel and symbol on one connection."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], int] = {}
        self._snapshot: dict[tuple[str, str], int] = {}

    def snapshot(self, channel: str, symbol: str, number: int) -> None:
        """A snapshot that includes everything up to `number`."""
        self._last[channel, symbol] = self._snapshot[channel, symbol] = number

    def observe(self, channel: str, symbol: str, number: int) -> Numbered:
        """Judge the next number. The first of a symbol is news: what came before it is read over REST."""
        key = (channel, symbol)
        last = self._last.get(key)
        if last is None or number == last + 1:
            self._last[key] = number
            return Numbered(Verdict.NEWS, number)
        expected = last + 1
        restarted = number == 1 and last > 1
        if not restarted and (number == last or number <= self._snapshot.get(key, -1)):
            return Numbered(Verdict.REPEAT, expected)
        # Ahead: something was lost. Behind: numbering restarted, or messages overtook each other. Either way the
        # account has to be read anew, and this message is passed on.
        self._last[key] = number
        if restarted:
            self._snapshot.pop(key, None)
        return Numbered(Verdict.GAP, expected)

    def reset(self) -> None:
        """A new connection numbers anew."""
        self._last.clear()
        self._snapshot.clear()
