"""Which lines are asked for. Most lines are judged by their bytes alone; only what may be shown is read as a value."""

from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec

from trader.desk.logs.lines import LEVELS, component_of
from trader.desk.values import LogLine

Level = Literal["debug", "info", "warning", "error"]
Which = Literal["detailed", "summary"]
_ASTRAY = timedelta(
    minutes=1
)  # lines of several processes, and of a clock that was set back, are a little out of order
_AT = b'{"at":"2'
_LEVEL = b'"level":"'
_TEXT = b'"text":"'
_LOGGER = b'"logger":"'
_HEAD = 200  # bytes in which time, level and logger stand


class LogQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`level`: this and worse. Empty is all of them. A line counts to a run where it names it, or one of its orders."""

    which: Which = "detailed"
    level: Level = "info"
    runs: tuple[str, ...] = ()
    components: tuple[str, ...] = ()
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None


class Judge:
    """Says of a raw line why it is not shown: ``later``, ``earlier``, ``level``, ``component``, ``run``, ``text``; empty where it
    may be. What cannot be told from the bytes alone is left to `shows`."""

    def __init__(self, query: LogQuery) -> None:
        self._query = query
        self._json = query.which == "detailed"
        self._since, self._until = _stamp(query.since, ceil=False), _stamp(query.until, ceil=True)
        self._early = _stamp(None if query.since is None else query.since - _ASTRAY, ceil=False)
        self._late = _stamp(None if query.until is None else query.until + _ASTRAY, ceil=True)
        self._low = {name.upper()[:1].encode() for name in LEVELS[: LEVELS.index(query.level)]}
        self._components = frozenset(query.components)
        self._known: dict[bytes, bool] = {}
        self._runs = [
            mark.encode() for run in query.runs for mark in (f'"{run}"', f"-{run[:5]}-", f"[{run[:5]} ", f"[{run[:5]}]")
        ]
        needle = msgspec.json.encode(query.text).decode()[1:-1] if self._json else query.text
        self._text = needle.casefold() if needle.isascii() else ""
        self._needle = self._text.encode()
        self._folded = "" if needle.isascii() else needle.casefold()
        self.is_over = False  # what follows is older than asked for

    def begins_later(self, head: bytes) -> bool:
        """Whether all of a file that begins so was told after what is asked for."""
        return bool(self._until) and self._time(head) > self._late

    def why_not(self, raw: bytes) -> str:
        head = raw[:_HEAD]
        at = self._time(head)
        if at:
            if self._until and at > self._until:
                return "later"
            if self._since and at < self._since:
                self.is_over = at < self._early
                return "earlier"
        elif self._since or self._until:
            return "earlier"  # it has no time
        if self._low and self._level(head) in self._low:
            return "level"
        if self._components and self._json and not self._is_of(head):
            return "component"
        if self._runs and not any(mark in raw for mark in self._runs):
            return "run"
        return "" if self._says(raw) else "text"

    def _says(self, raw: bytes) -> bool:
        if not self._needle and not self._folded:
            return True
        told = (
            raw[max(raw.find(_TEXT, 0, 2 * _HEAD), 0) :] if self._json else raw
        )  # not in names of threads and loggers
        if self._needle:
            return self._needle in told.lower()
        return self._folded in told.decode("utf-8", errors="replace").casefold()

    def shows(self, line: LogLine) -> str:
        """The same of a line that was read, for what its bytes do not tell."""
        if LEVELS.index(line.level) < LEVELS.index(self._query.level):
            return "level"
        if self._components and line.component not in self._components:
            return "component"
        return ""

    def _time(self, head: bytes) -> bytes:
        if self._json:
            return head[7:30] if head.startswith(_AT) else b""
        return head[:23] if head[23:25] == b"Z " else b""

    def _level(self, head: bytes) -> bytes:
        if not self._json:
            return head[25:26] if head[23:25] == b"Z " else b""
        found = head.find(_LEVEL)
        return b"" if found < 0 else head[found + len(_LEVEL) : found + len(_LEVEL) + 1]

    def _is_of(self, head: bytes) -> bool:
        begin = head.find(_LOGGER) + len(_LOGGER)
        logger = head[begin : head.find(b'"', begin)]
        if logger not in self._known:
            if len(self._known) > 1000:
                self._known.clear()
            self._known[logger] = component_of(logger.decode(errors="replace")) in self._components
        return self._known[logger]


def _stamp(at: datetime | None, *, ceil: bool) -> bytes:
    """As the lines begin; they compare as text."""
    if at is None:
        return b""
    text = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{999 if ceil else at.microsecond // 1000:03d}".encode()
