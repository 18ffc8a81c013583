"""A market source that relays another exchange's public data as it comes: live quotes under paper accounts.

Orders meet the relayed books inside this venue and never leave it. When the feed is silent or disconnected its prices are
not trusted any more: books are empty and contracts cancel-only until it speaks again.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from trader.domain.errors import ConfigError
from trader.domain.instrument import Instrument
from trader.venue.feed.board import Board
from trader.venue.feed.events import REST_CHANNELS, FeedEvent
from trader.venue.feed.public_feed import FeedOptions, PublicFeed
from trader.venue.market.base import Health
from trader.venue.market.instants import check_onwards

FIRST_DATA_SECS = 20.0
STALE_SECS = 15.0  # the exchange publishes something every few seconds; books repeat within ten
_BACKLOG_MAX = 200_000


class RelayMarket(Board):
    """Another exchange's market (see `MarketSource`, `HistorySource` and `HealthSource` in `trader.venue.market.base`)."""

    def __init__(
        self,
        options: FeedOptions,
        *,
        stale_secs: float = STALE_SECS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Connects, and waits for the first prices.

        Raises:
            ConfigError: The exchange does not answer or publishes nothing.
        """
        super().__init__(options.underlyings)
        self._stale_secs = stale_secs
        self._monotonic = monotonic
        self._heard: deque[FeedEvent] = deque(maxlen=_BACKLOG_MAX)
        self._last_heard = monotonic()
        self._down: str | None = "not connected yet"
        self._first = threading.Event()
        self._feed = PublicFeed(options, self._hear, self._state_changed)
        self._now = datetime.now(UTC)
        self._feed.start()
        self._await_first_prices(options)

    def close(self) -> None:
        """Disconnect from the exchange."""
        self._feed.stop()

    # in the feed's threads

    def _hear(self, event: FeedEvent) -> None:
        self._heard.append(event)
        if event.channel not in REST_CHANNELS:
            self._last_heard = self._monotonic()
            self._first.set()

    def _state_changed(self, up: bool, why: str) -> None:
        if up:
            self._last_heard = self._monotonic()
        self._down = None if up else why

    # the market

    def start(self) -> datetime:
        return self._now

    def end(self) -> datetime | None:
        return None

    def advance(self, now: datetime) -> None:
        check_onwards(self._now, now)
        self._now = now
        now_us = int(now.timestamp() * 1_000_000)
        while self._heard:
            self.apply(self._heard.popleft(), now_us)
        self.set_live(self.health().live)

    def health(self) -> Health:
        if self._down is not None:
            return Health(live=False, reason=f"the feed is disconnected: {self._down}")
        silent = self._monotonic() - self._last_heard
        if silent > self._stale_secs:
            return Health(live=False, reason=f"the feed has been silent for {silent:.0f} s")
        return Health(live=True)

    def instruments(self) -> Sequence[Instrument]:
        return self.listed(int(self._now.timestamp() * 1_000_000))

    def state(self) -> dict[str, Any]:
        return {"source": "relay", "underlyings": list(self.underlyings), "now": self._now.isoformat()}

    def restore(self, state: dict[str, Any]) -> None:
        if state.get("source") != "relay":
            raise ValueError(f"the saved market is {state.get('source')!r}, not a relay")
        if set(state.get("underlyings", ())) - set(self.underlyings):
            raise ValueError(f"the saved market has {state['underlyings']}, this relay {list(self.underlyings)}")

    def _await_first_prices(self, options: FeedOptions) -> None:
        deadline = time.monotonic() + FIRST_DATA_SECS
        while time.monotonic() < deadline:
            if self._first.wait(0.05):
                self.advance(max(self._now, datetime.now(UTC)))
                if self.ready:
                    return
                time.sleep(0.02)
        self._feed.stop()
        raise ConfigError(f"no prices from {options.ws_url} within {FIRST_DATA_SECS:.0f} s")
