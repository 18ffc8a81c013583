"""Rows of lists that could not be used: counted, kept for whoever shows the account's state, and told once each.

One bad row of a list costs that row. What that means depends on the list: of market data the others simply serve; of
orders, fills and positions a part is never the whole, so such a read ends in `PartialList`, which carries the good rows.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from trader.domain.errors import WireError
from trader.domain.odd_row import OddRow

logger = logging.getLogger(__name__)

SHOWN_SECS = 900.0  # a row not seen again for this long is not shown any more
_KEPT = 500
_LISTED_MOST = 5


class PartialList(WireError):
    """A list of the account of which `odd` could not be read. `rows` are the others; together they are not "all"."""

    def __init__(self, rows: Sequence[Any], odd: Sequence[OddRow]) -> None:
        self.rows = tuple(rows)
        self.odd = tuple(odd)
        super().__init__(f"not the whole list: {in_words(self.odd)}")


class OddFigures(msgspec.Struct, frozen=True, kw_only=True):
    """`times` counts every row left out since the start; `now` are those seen lately, in words, the newest first."""

    times: int = 0
    now: tuple[str, ...] = ()


class _Seen(msgspec.Struct):
    row: OddRow
    at: float


class OddRows:
    """What was left out of any list of one connection. May be used from any thread."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._seen: OrderedDict[tuple[str, str], _Seen] = OrderedDict()
        self._fresh: list[OddRow] = []
        self._times = 0

    def note(self, rows: Iterable[OddRow]) -> None:
        """These were left out just now."""
        at = self._monotonic()
        with self._lock:
            for row in rows:
                self._times += 1
                key = (row.listed, row.name)
                if key not in self._seen:
                    self._fresh.append(row)
                    logger.warning("row_left_out list=%s name=%s reason=%s", row.listed, row.name, row.reason)
                self._seen[key] = _Seen(row, at)
                self._seen.move_to_end(key)
            while len(self._seen) > _KEPT:
                self._seen.popitem(last=False)
            del self._fresh[_KEPT:]

    def fresh(self) -> list[OddRow]:
        """Those nobody has been told of yet; each is given once."""
        with self._lock:
            told, self._fresh = self._fresh, []
        return told

    @property
    def figures(self) -> OddFigures:
        """The count, and what was seen lately."""
        since = self._monotonic() - SHOWN_SECS
        with self._lock:
            now = tuple(seen.row.words for seen in reversed(self._seen.values()) if seen.at >= since)
            return OddFigures(times=self._times, now=now)


def in_words(rows: Sequence[OddRow]) -> str:
    """The first few rows by name and reason, and how many more there are."""
    told = "; ".join(row.words for row in rows[:_LISTED_MOST])
    more = len(rows) - _LISTED_MOST
    return f"{told}; and {more} more" if more > 0 else told
