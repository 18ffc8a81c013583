"""Records another exchange's public market data as it is heard, into the files of a session.

The feed's threads only append to a bounded queue; one writer empties it, rotates files by age and size, and completes the
last one when it is stopped. What does not fit into the queue is counted, never silently lost.
"""

import queue
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from trader.domain.errors import ConfigError
from trader.venue.feed.events import PRODUCT, FeedEvent, row_event
from trader.venue.feed.public_feed import FeedOptions, PublicFeed
from trader.venue.feed.session_file import FORMAT_VERSION, SUFFIX, SessionInfo, SessionRow, SessionWriter

_QUEUE_MAX = 200_000
_GROUP_ROWS = 20_000
_MEGABYTE = 1_000_000


class RecordOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Where to and for how long: what was heard is written every `flush_secs`, a file is completed after `rotate_secs` or at
    about `rotate_mb`; `secs` None = until stopped."""

    feed: FeedOptions
    folder: Path
    rotate_secs: float = 900.0
    rotate_mb: float = 64.0
    flush_secs: float = 5.0
    secs: float | None = None


class RecordFigures(msgspec.Struct, frozen=True, kw_only=True):
    """How a recording is doing. `dropped` events came faster than they could be written."""

    rows: int
    dropped: int
    files: tuple[Path, ...]
    mb: float
    connected: bool
    connects: int
    silent_secs: float | None


class Recorder:
    """One recording session."""

    def __init__(self, options: RecordOptions) -> None:
        """Nothing is connected before `run`.

        Raises:
            ConfigError: An option cannot be used.
        """
        if options.rotate_secs <= 0 or options.rotate_mb <= 0:
            raise ConfigError("a file needs a length above 0 s and a size above 0 MB")
        if options.secs is not None and options.secs <= 0:
            raise ConfigError(f"the recording's length must be above 0 s, was {options.secs:g}")
        self._options = options
        self._queue: queue.Queue[FeedEvent] = queue.Queue(_QUEUE_MAX)
        self._feed = PublicFeed(options.feed, self._hear)
        self._stopping = threading.Event()
        self._dropped = self._rows = 0
        self._at_us = 0
        self._files: list[Path] = []
        self._finished_bytes = 0
        self._writer: SessionWriter | None = None
        self._started = datetime.now(UTC)
        self._opened = 0.0
        self._header_rows = 0

    def stop(self) -> None:
        """End the recording; `run` completes the last file and returns. Safe from a signal handler."""
        self._stopping.set()

    def run(self, report: Callable[[RecordFigures], None] | None = None, *, report_secs: float = 10.0) -> RecordFigures:
        """Record until `stop` or the end of the time.

        Raises:
            ConfigError: The exchange does not answer, or the folder cannot be written.
        """
        self._started = datetime.now(UTC)
        rows: list[SessionRow] = []
        try:
            self._open()
            self._feed.start()
            began = time.monotonic()
            ends = None if self._options.secs is None else began + self._options.secs
            next_report, next_flush = began + report_secs, began + self._options.flush_secs
            while not self._stopping.is_set() and (ends is None or time.monotonic() < ends):
                self._take(rows)
                now = time.monotonic()
                if len(rows) >= _GROUP_ROWS or now >= next_flush:
                    self._flush(rows)
                    next_flush = now + self._options.flush_secs
                if report is not None and now >= next_report:
                    report(self.figures)
                    next_report = now + report_secs
        except OSError as error:
            raise ConfigError(f"the recording cannot be written to {self._options.folder}: {error}") from None
        finally:
            self._feed.stop()
            while not self._queue.empty():
                rows.append(self._row(self._queue.get_nowait()))
            self._finish(rows)
        return self.figures

    @property
    def figures(self) -> RecordFigures:
        """Counters of this moment."""
        stream = self._feed.figures
        open_bytes = 0 if self._writer is None else self._writer.bytes_written
        return RecordFigures(
            rows=self._rows,
            dropped=self._dropped,
            files=tuple(self._files),
            mb=(self._finished_bytes + open_bytes) / _MEGABYTE,
            connected=stream.connected,
            connects=stream.connects,
            silent_secs=stream.last_message_age_secs,
        )

    def _hear(self, event: FeedEvent) -> None:
        try:
            self._queue.put_nowait(event)
        except queue.Full:
            self._dropped += 1

    def _take(self, rows: list[SessionRow]) -> None:
        """Wait a moment for events, then take what is there."""
        try:
            rows.append(self._row(self._queue.get(timeout=0.1)))
        except queue.Empty:
            return
        while len(rows) < _GROUP_ROWS and not self._queue.empty():
            rows.append(self._row(self._queue.get_nowait()))

    def _row(self, event: FeedEvent) -> SessionRow:
        """An event with its place in the session's time: the exchange's stamp, never before an earlier row's. What has no
        stamp happened when the last one did; our own clock may be quite another."""
        self._at_us = max(self._at_us, event.exchange_us or 0)
        return SessionRow(at_us=self._at_us, event=event)

    # files

    def _open(self) -> None:
        feed = self._options.feed
        part = len(self._files) + 1
        name = f"{self._started:%Y%m%dT%H%M%SZ}-{part:04d}{SUFFIX}"
        info = SessionInfo(
            version=FORMAT_VERSION,
            rest_url=feed.rest_url,
            ws_url=feed.ws_url,
            underlyings=feed.underlyings,
            started=self._started,
            part=part,
        )
        self._writer = SessionWriter(self._options.folder / name, info)
        self._opened = time.monotonic()
        self._header_rows = 0
        self._files.append(self._writer.path)

    def _flush(self, rows: list[SessionRow]) -> None:
        assert self._writer is not None
        self._writer.write(rows)
        self._rows += len(rows)
        rows.clear()
        old = time.monotonic() - self._opened >= self._options.rotate_secs
        large = self._writer.bytes_written >= self._options.rotate_mb * _MEGABYTE
        if self._writer.rows and (old or large):
            self._close()
            self._open()
            received_us = time.time_ns() // 1000
            self._writer.write([self._row(row_event(PRODUCT, row, received_us)) for row in self._feed.products()])
            self._header_rows = self._writer.rows

    def _finish(self, rows: list[SessionRow]) -> None:
        if self._writer is None:
            return
        self._writer.write(rows)
        self._rows += len(rows)
        rows.clear()
        self._close()

    def _close(self) -> None:
        assert self._writer is not None
        if self._writer.rows <= self._header_rows:  # nothing was heard since it was begun
            self._files.remove(self._writer.path)
            self._writer.discard()
        else:
            self._finished_bytes += self._writer.bytes_written
            self._writer.close()
        self._writer = None
