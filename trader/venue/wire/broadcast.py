"""Delivers feeds to the connections that follow them, in batches on each channel's rhythm of market time.

Nothing is computed that nobody subscribed to; a frame is encoded once per batch and handed to all its subscribers.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from trader.venue.core.events import PublicTrade
from trader.venue.core.exchange import Exchange
from trader.venue.market.base import Print
from trader.venue.market.instants import to_ms
from trader.venue.tape import Tape
from trader.venue.wire.book_updates import UpdatesFeed
from trader.venue.wire.channels import Change, Channel
from trader.venue.wire.connection import Connection
from trader.venue.wire.feeds import Shared, Symbols, encode
from trader.venue.wire.trade_feed import TradeFeed

_JITTER = timedelta(milliseconds=10)  # a beat that comes a little early still counts
BATCH_WALL_SECS = 0.05  # a channel is never published more often, however fast the market runs
_DAYS_WALL_SECS = 0.02  # what a batch may spend on figures of the day that nobody asked for before


class Broadcast:
    """One set of public channels: who follows what, and when it was last sent."""

    def __init__(
        self,
        exchange: Exchange,
        tape: Tape,
        symbols: Symbols,
        channels: Sequence[Channel],
    ) -> None:
        self._exchange = exchange
        self._tape = tape
        self._symbols = symbols
        self.channels = {channel.name: channel for channel in channels}
        self._feeds = {channel.name: channel.feed for channel in channels}
        self._topics: dict[str, dict[str | None, dict[Connection, None]]] = {}
        self._last_batch: dict[str, tuple[datetime, float]] = {}
        self._last_now: datetime | None = None
        self.status: dict[str, Any] = {"event": "snapshot", "status": "live"}

    @property
    def busy(self) -> bool:
        """True while anything is subscribed."""
        return bool(self._topics)

    # the connections' side

    def closed(self, connection: Connection) -> None:
        """A connection is gone."""
        for name in list(self._topics):
            for symbol in [symbol for symbol, members in self._topics[name].items() if connection in members]:
                self._drop(name, symbol, connection)

    def joined(self, connection: Connection, change: Change) -> None:
        """A new subscriber gets the present state at once, then the channel's rhythm."""
        now = self._exchange.now
        self._tape.begin_batch(_DAYS_WALL_SECS)
        for name, symbol in change.added:
            if name not in self.channels:
                continue
            feed = self._feeds.get(name)
            if isinstance(feed, UpdatesFeed) and symbol is not None:
                self._send(name, symbol, list(feed.catch_up(symbol, now)))
            self._topics.setdefault(name, {}).setdefault(symbol, {})[connection] = None
            if name == "system_status":
                connection.send_text(encode(self._status_frame("snapshot")))
            elif feed is not None and symbol is not None:
                for text in feed.first(symbol, now):
                    connection.send_text(text)

    def left(self, connection: Connection, change: Change) -> None:
        """Subscriptions were dropped."""
        for name, symbol in change.removed:
            self._drop(name, symbol, connection)

    # publishing

    def publish(self, now: datetime, monotonic: float) -> None:
        """Send every batch that is due at market time `now`."""
        self._tape.begin_batch(_DAYS_WALL_SECS)
        # A clock that stands still (the end of a recording) brings no next period: what is new is told now, once.
        ended, self._last_now = now == self._last_now, now
        for name, topics in list(self._topics.items()):
            feed = self._feeds.get(name)
            if feed is None:
                continue
            last_market, last_wall = self._last_batch.get(name, (None, 0.0))
            early = last_market is not None and now - last_market < feed.rhythm.period - _JITTER
            if ended and last_market != now:
                early = False
            if early or monotonic - last_wall < BATCH_WALL_SECS * 0.9:
                continue
            self._last_batch[name] = (now, monotonic)
            shared: Shared = {}
            for symbol, members in list(topics.items()):
                if symbol is None:
                    continue
                for text in feed.due(symbol, now, shared):
                    for connection in members:
                        connection.send_text(text)

    def publish_trade(self, trade: PublicTrade) -> None:
        """A user's trade goes out as it happens, once to each connection that follows it under any name."""
        instrument = self._exchange.products.find(trade.symbol)
        if instrument is None:
            return
        printed = Print(ts_ms=to_ms(trade.ts), price=trade.price, size=trade.size, side=trade.side)
        for name, topics in self._topics.items():
            feed = self._feeds.get(name)
            if not isinstance(feed, TradeFeed):
                continue
            receivers = {c: None for each in self._symbols.names_of(instrument) for c in topics.get(each, ())}
            if receivers:
                text = feed.frame(instrument, printed, self._exchange.now)
                for connection in receivers:
                    connection.send_text(text)

    def tell(self, name: str, frame: dict[str, Any]) -> None:
        """Send an event to everybody on a channel without symbols."""
        text = encode(frame)
        for connection in self._topics.get(name, {}).get(None, {}):
            connection.send_text(text)

    def tell_status(self, event: str, status: str) -> None:
        """The exchange's state changed; new subscribers learn it from their snapshot."""
        self.status = {"event": event, "status": status}
        self.tell("system_status", self._status_frame(event))

    def _status_frame(self, event: str) -> dict[str, Any]:
        return {
            "type": "system_status",
            "event": event,
            "status": self.status["status"],
            "maintenance_start_time": None,
            "maintenance_finish_time": None,
            "maintenance_announcement_time": None,
            "timestamp": to_ms(self._exchange.now) * 1000,
        }

    def _send(self, name: str, symbol: str, texts: list[str]) -> None:
        for connection in self._topics.get(name, {}).get(symbol, {}):
            for text in texts:
                connection.send_text(text)

    def _drop(self, name: str, symbol: str | None, connection: Connection) -> None:
        topics = self._topics.get(name, {})
        members = topics.get(symbol)
        if members is None:
            return
        members.pop(connection, None)
        if members:
            return
        del topics[symbol]
        feed = self._feeds.get(name)
        if feed is not None and symbol is not None:
            feed.forget(symbol)
        if not topics:
            del self._topics[name]


class BroadcastHub:
    """The connections of one host, with the public channels it carries."""

    def __init__(self, broadcast: Broadcast) -> None:
        self.broadcast = broadcast
        self.channels: Mapping[str, Channel] = broadcast.channels
        self.connections: set[Connection] = set()

    def opened(self, connection: Connection) -> None:
        self.connections.add(connection)

    def closed(self, connection: Connection) -> None:
        self.connections.discard(connection)
        self.broadcast.closed(connection)

    def joined(self, connection: Connection, change: Change) -> None:
        self.broadcast.joined(connection, change)

    def left(self, connection: Connection, change: Change) -> None:
        self.broadcast.left(connection, change)
