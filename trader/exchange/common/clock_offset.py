"""How far the exchange's clock is ahead of ours, learned from everything it says about the time.

Three sources, the later overruling the earlier where they contradict:

1. the time stamps of its streams: always a little old, and on a market that is replayed not of this day at all;
2. the ``Date`` header of ordinary replies: may be a proxy's;
3. the time a refusal of a signature names: that of the very clock which judges signatures.

A reply only bounds the offset: the exchange's clock stood between ``date`` and ``date + 1`` (the header has whole seconds)
at some moment between sending and receiving. Bounds of several replies are intersected, which narrows the offset far
below a second within a few calls.
"""

import re
import statistics
import threading
from collections import deque
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_BOUNDS_AGE_SECS_MAX = 300.0  # older bounds are forgotten: clocks drift and are corrected
_ROUND_TRIP_SECS_MAX = 5.0  # a slower reply says too little
_STAMPS = 15  # of the streams; the middle one is believed, so that one absurd stamp decides nothing
_STAMP_OFFSET_SECS_MAX = 60.0  # further off, the streams' time is not that of this day
_STAMPS_DIFFER_SECS = 2.0  # stamps are late by less

# Error bodies name their time in several places and forms: find it wherever it stands.
_SERVER_TIME = re.compile(
    r"(?:server|current)[\s_-]*time(?:stamp)?\W{0,6}(\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:?\d\d)?|\d{10,19}(?:\.\d+)?)",
    re.IGNORECASE,
)
_BODY_CHARS_MAX = 4000
_UNITS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))  # from so large a number on: nano-, micro-, milliseconds


class ClockOffset:
    """Offset of the exchange's clock in seconds, positive when it is ahead. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._low = 0.0
        self._high = 0.0
        self._learned_at: float | None = None
        self._judged = False  # learned from the clock that judges signatures
        self._stamps: deque[float] = deque(maxlen=_STAMPS)

    def learn(self, date_header: str | None, *, sent_at: float, received_at: float) -> None:
        """Take in one reply; `sent_at` and `received_at` are Unix seconds of our wall clock. Unreadable headers,
        slow replies and a wall clock that stepped back meanwhile teach nothing."""
        if not date_header:
            return
        try:
            parsed = parsedate_to_datetime(date_header)
        except (ValueError, TypeError, OverflowError):
            return
        date = (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
        self._bound(date, 1.0, sent_at, received_at, judged=False)

    def learn_refusal(self, body: bytes | str, *, sent_at: float, received_at: float, expired: bool) -> None:
        """Take in a refusal; `expired` when it was the signature's time that was refused. Then what was believed is wrong,
        or the request was slow: the time the refusal names is believed, else that of the streams where it differs."""
        named = server_time(body)
        if named is not None:
            self._bound(*named, sent_at, received_at, judged=expired)
        elif expired:
            with self._lock:
                self._judged = False  # a Date header may teach again
                stamped = self._stamped()
                if stamped is not None and abs(stamped - (self._low + self._high) / 2) > _STAMPS_DIFFER_SECS:
                    self._low, self._high, self._learned_at, self._judged = stamped, stamped, received_at, True

    def learn_stamp(self, stamp: float, heard_at: float) -> None:
        """Take in a time stamp of a stream (Unix seconds) and our wall clock when it was heard. Used while nothing better is
        known, and when a signature made by what was thought better is refused."""
        if abs(stamp - heard_at) <= _STAMP_OFFSET_SECS_MAX:
            with self._lock:
                self._stamps.append(stamp - heard_at)

    def _bound(self, instant: float, width: float, sent_at: float, received_at: float, *, judged: bool) -> None:
        """The exchange's clock stood within `width` seconds from `instant` on, at some moment of a call."""
        if not 0 <= received_at - sent_at <= _ROUND_TRIP_SECS_MAX:
            return
        low, high = instant - received_at, instant + width - sent_at
        with self._lock:
            age = None if self._learned_at is None else received_at - self._learned_at
            fresh = age is not None and 0 <= age < _BOUNDS_AGE_SECS_MAX
            if fresh and max(low, self._low) <= min(high, self._high):
                self._low, self._high = max(low, self._low), min(high, self._high)
                self._judged |= judged
            elif not (fresh and self._judged and not judged):
                # First reply, old bounds, or a contradiction: one of the clocks was set.
                self._low, self._high, self._learned_at, self._judged = low, high, received_at, judged

    def _stamped(self) -> float | None:
        return statistics.median(self._stamps) if self._stamps else None

    @property
    def secs(self) -> float:
        """The best estimate; 0 until something was learned."""
        with self._lock:
            if self._learned_at is None:
                return self._stamped() or 0.0
            return (self._low + self._high) / 2

    @property
    def uncertainty_secs(self) -> float | None:
        """Half the width of the bounds; None until something was learned."""
        with self._lock:
            return None if self._learned_at is None else (self._high - self._low) / 2


def server_time(body: bytes | str) -> tuple[float, float] | None:
    """The exchange's time an error body names: Unix seconds, and how many seconds from there on are meant by it; None where
    it names none."""
    text = body if isinstance(body, str) else body.decode(errors="replace")
    found = _SERVER_TIME.search(text[:_BODY_CHARS_MAX])
    if found is None:
        return None
    written = found[1]
    try:
        if "T" in written:
            instant = datetime.fromisoformat(written)
            stamp = (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp()
            return stamp, 0.001 if "." in written else 1.0
        number = float(written)
    except ValueError:
        return None
    unit = next((unit for least, unit in _UNITS if number >= least), 1.0)
    return number / unit, 1.0 if unit == 1.0 and "." not in written else 0.001
