"""Replays a recorded session as a market source: at every instant exactly what had been heard by then, nothing between.

Market time is the session's own. Depth is the recorded one, sizes included; where only best quotes were recorded there is one
level. Whatever speed or step size, the state at an instant is the same.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from trader.domain.errors import ConfigError
from trader.domain.instrument import Instrument
from trader.venue.feed.board import Board
from trader.venue.feed.events import PRODUCT, REST_CHANNELS
from trader.venue.feed.session_file import SessionRow, last_instant, read_info, read_rows, session_files
from trader.venue.market.instants import check_onwards, from_us, to_us

STATE_VERSION = 1
_BEGINNING_US = 10_000_000


class SessionMarket(Board):
    """A recorded session (see `MarketSource` and `HistorySource` in `trader.venue.market.base`).

    Raises:
        ConfigError: The path holds no session, or one nothing can be played of.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files = session_files(path)
        info = read_info(self._files[0])
        super().__init__(info.underlyings)
        self._first_started = info.started
        self._end = max(last_instant(file) for file in self._files)
        self._rows: Iterator[SessionRow] = read_rows(self._files)
        self._next: SessionRow | None = None
        self._now_us = 0
        self._settle_in_advance()
        self._play_beginning()
        self._started = from_us(self._now_us)

    def start(self) -> datetime:
        return self._started

    def end(self) -> datetime | None:
        return max(self._end, self._started)

    def advance(self, now: datetime) -> None:
        check_onwards(from_us(self._now_us), now)
        self._now_us = now_us = to_us(now)
        while self._next is not None and self._next.at_us <= now_us:
            self.apply(self._next.event, self._next.at_us)
            self._next = next(self._rows, None)

    def instruments(self) -> Sequence[Instrument]:
        return self.listed(self._now_us)

    def state(self) -> dict[str, Any]:
        return {
            "source": "session",
            "version": STATE_VERSION,
            "started": self._first_started.isoformat(),
            "underlyings": list(self.underlyings),
            "now": from_us(self._now_us).isoformat(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        ours = self.state()
        differing = [name for name in ours if name != "now" and state.get(name) != ours[name]]
        if differing:
            raise ValueError(f"the saved market is not the session {self._path.name}: {', '.join(differing)} differ")
        self.advance(max(self._started, datetime.fromisoformat(state["now"])))
        self._started = from_us(self._now_us)

    def _settle_in_advance(self) -> None:
        """Settlement prices were heard a while after their expiry; the replay settles at the expiry itself."""
        for row in read_rows(self._files, PRODUCT):
            if row.event.frame.get("state") != "live":
                self.apply(row.event, row.at_us)

    def _play_beginning(self) -> None:
        """What was read over REST before the socket spoke, and the socket's first words until every contract has a price; not
        for longer than the exchange takes to send all tickers once."""
        first_us: int | None = None
        for row in self._rows:
            if row.event.channel not in REST_CHANNELS:
                first_us = row.at_us if first_us is None else first_us
                if self.complete or (self.ready and row.at_us - first_us > _BEGINNING_US):
                    self._next = row
                    break
            self._now_us = max(self._now_us, row.at_us)
            self.apply(row.event, row.at_us)
        if not self.ready:
            raise ConfigError(f"the recorded session {self._path} holds no contract with a price")
