"""Delta's two streams as the feeds of `trader.exchange.ports`: which channels are followed, and what is taken off them."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from trader.domain.horizon import Horizon
from trader.domain.instrument import index_symbol
from trader.exchange.common.clock_offset import ClockOffset
from trader.exchange.common.credentials import Credentials
from trader.exchange.common.events import PrivateMessage, StreamEvent
from trader.exchange.common.odd_rows import OddRows
from trader.exchange.delta.stream.conflate import Conflator
from trader.exchange.delta.stream.connection import Timings
from trader.exchange.delta.stream.lookout import Lookout
from trader.exchange.delta.stream.streams import PrivateStream, PublicStream
from trader.exchange.delta.wire.core import MarketMessage
from trader.exchange.ports import Batch

_MARK = "mark_price"
_SPOT = "spot_price"


class DeltaMarketFeed:
    """The public stream, conflated. Implements `MarketFeed`."""

    def __init__(
        self,
        url: str,
        *,
        clock: ClockOffset,
        proxy: str | None = None,
        odd: OddRows | None = None,
        timings: Timings = Timings(),  # noqa: B008 - a frozen value
    ) -> None:
        """`clock` learns from the stamps of messages; `odd` takes what was left out of them."""
        self._clock = clock
        self._wake: Callable[[], None] = lambda: None
        self._hear: Callable[[StreamEvent], None] = lambda event: None
        self._failed: Callable[[Exception], None] = lambda error: None
        self._lookout = Lookout()
        self._conflator = Conflator(lambda: self._wake(), matters=self._lookout.matters)
        self._stream = PublicStream(url, self._on_message, self._on_event, timings=timings, proxy=proxy, odd=odd)
        self._wanted: set[tuple[str, str]] = set()  # channel and name
        self._taken: datetime | None = None

    def start(
        self, wake: Callable[[], None], hear: Callable[[StreamEvent], None], failed: Callable[[Exception], None]
    ) -> None:
        self._wake, self._hear, self._failed = wake, hear, failed
        self._stream.start()

    def stop(self) -> None:
        self._stream.stop()

    def want(self, symbols: tuple[str, ...], underlyings: tuple[str, ...]) -> None:
        wanted = {(_SPOT, index_symbol(underlying)) for underlying in underlyings}
        for symbol in symbols:
            wanted |= {("ticker", symbol), ("ob_l1", symbol), (_MARK, f"MARK:{symbol}")}
        for channel, names in _by_channel(self._wanted - wanted):
            self._stream.unsubscribe(channel, names)
        for channel, names in _by_channel(wanted - self._wanted):
            self._stream.subscribe(channel, names)
        self._wanted = wanted

    def take(self) -> Batch | None:
        heard = self._conflator.arrived_at
        if heard is None or heard == self._taken:
            return None
        quotes = self._conflator.take()
        newest = self._conflator.market_time
        if newest is None:
            return None
        self._taken = heard
        self._clock.learn_stamp(newest.timestamp(), heard.timestamp())
        return Batch(tuple(quotes), tuple(self._conflator.spots.items()), newest, heard)

    def look_beyond(self, horizon: Horizon | None) -> None:
        if horizon != self._lookout.horizon:
            self._lookout.horizon = horizon
            self._conflator.judge_again()

    @property
    def heard(self) -> datetime | None:
        return self._conflator.arrived_at

    @property
    def messages(self) -> int:
        return self._stream.figures.messages

    # An exception in a stream's callback would be swallowed by it or end it: it is told, and the stream lives on.

    def _on_message(self, message: MarketMessage) -> None:
        try:
            self._conflator.offer(message)
        except Exception as error:  # noqa: BLE001 - see above
            self._failed(error)

    def _on_event(self, event: StreamEvent) -> None:
        try:
            self._conflator.on_event(event)
        except Exception as error:  # noqa: BLE001 - see above
            self._failed(error)
        self._hear(event)


class DeltaAccountFeed:
    """The private stream. Implements `AccountFeed`."""

    def __init__(self, url: str, credentials: Credentials, **options: Any) -> None:
        """`options` are those of `PrivateStream`."""
        self._hear: Callable[[PrivateMessage], None] = lambda message: None
        self._stream = PrivateStream(url, credentials, lambda message: self._hear(message), **options)

    def start(self, hear: Callable[[PrivateMessage], None]) -> None:
        self._hear = hear
        self._stream.start()

    def stop(self) -> None:
        self._stream.stop()

    @property
    def messages(self) -> int:
        return self._stream.figures.messages


def _by_channel(names: set[tuple[str, str]]) -> list[tuple[str, set[str]]]:
    return [(channel, {name for c, name in names if c == channel}) for channel in sorted({c for c, _ in names})]
