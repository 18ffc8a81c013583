"""The public socket: compact channels, published in batches on the protocol's periods of market time.

Nothing is computed that nobody subscribed to. Within a channel every symbol due is published together with one
timestamp; a symbol's frame is encoded once per batch and handed to all its subscribers.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from trader.domain.instrument import Instrument, index_symbol
from trader.venue.core.events import PublicTrade
from trader.venue.core.exchange import Exchange
from trader.venue.wire import quotes
from trader.venue.wire.catalogue import CONTRACT_TYPES, KINDS, chain_members
from trader.venue.wire.channels import Change, Channel
from trader.venue.wire.connection import Connection
from trader.venue.wire.text import micros

_MARK = "MARK:"


class Rhythm(msgspec.Struct, frozen=True):
    """`period` between batches and `repeat` after which an unchanged symbol is sent again, both market time."""

    period: timedelta
    repeat: timedelta


_RHYTHMS = {
    "ticker": Rhythm(timedelta(seconds=5), timedelta(seconds=5)),
    "mark_price": Rhythm(timedelta(seconds=2), timedelta(seconds=2)),
    "ob_l1": Rhythm(timedelta(milliseconds=100), timedelta(seconds=5)),
    "ob_l2": Rhythm(timedelta(milliseconds=500), timedelta(seconds=10)),
    "spot_price": Rhythm(timedelta(milliseconds=250), timedelta(seconds=5)),
    "spot_30mtwap_price": Rhythm(timedelta(seconds=1), timedelta(seconds=1)),
}
_JITTER = timedelta(milliseconds=10)  # a beat that comes a little early still counts
BATCH_WALL_SECS = 0.05  # a channel is never published more often, however fast the market runs


class _Sent(msgspec.Struct):
    """The last publication of one symbol on one channel."""

    version: object = None
    changed: int = 0
    at: datetime | None = None


class PublicHub:
    """Subscribers of the public channels and what they were last sent."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._topics: dict[tuple[str, str | None], dict[Connection, None]] = {}
        self._last_batch: dict[str, tuple[datetime, float]] = {}
        self._sent: dict[tuple[str, str], _Sent] = {}
        self.connections: set[Connection] = set()
        chained = self._is_contract_or_chain
        self.channels: Mapping[str, Channel] = {
            channel.name: channel
            for channel in (
                Channel(name="ticker", takes=chained),
                Channel(name="ob_l1", takes=chained),
                Channel(name="ob_l2", takes=self._is_contract, symbols_max=100),
                Channel(name="mark_price", takes=self._is_mark_symbol),
                Channel(name="trades", takes=lambda s: chained(s) or s == "all" or s in KINDS),
                Channel(name="spot_price", takes=self._is_index),
                Channel(name="spot_30mtwap_price", takes=self._is_index),
                Channel(name="product_updates"),
                Channel(name="system_status"),
            )
        }

    # the connections' side

    def opened(self, connection: Connection) -> None:
        self.connections.add(connection)

    def closed(self, connection: Connection) -> None:
        self.connections.discard(connection)
        for key in [key for key, members in self._topics.items() if connection in members]:
            self._drop(key, connection)

    def joined(self, connection: Connection, change: Change) -> None:
        """A new subscriber gets the present state at once, then the channel's rhythm."""
        now = self._exchange.now
        for name, symbol in change.added:
            self._topics.setdefault((name, symbol), {})[connection] = None
            if name == "system_status":
                connection.send(self._status_frame())
            elif name in _RHYTHMS and symbol is not None:
                for frame in self._frames(name, symbol, now, changed_only=False):
                    connection.send_text(frame)

    def left(self, connection: Connection, change: Change) -> None:
        for name, symbol in change.removed:
            self._drop((name, symbol), connection)

    def other_frame(self, connection: Connection, kind: str, payload: Any) -> None:
        connection.send({"type": "error", "message": f"{kind} is not supported on the public socket"})

    # publishing

    @property
    def busy(self) -> bool:
        """True while anything is subscribed."""
        return bool(self._topics)

    def publish(self, now: datetime, monotonic: float) -> None:
        """Send every batch that is due at market time `now`."""
        for name, rhythm in _RHYTHMS.items():
            symbols = [symbol for channel, symbol in self._topics if channel == name and symbol is not None]
            if not symbols:
                continue
            last_market, last_wall = self._last_batch.get(name, (None, 0.0))
            early = last_market is not None and now - last_market < rhythm.period - _JITTER
            if early or monotonic - last_wall < BATCH_WALL_SECS * 0.9:
                continue
            self._last_batch[name] = (now, monotonic)
            shared: dict[str, str] = {}
            for symbol in symbols:
                members = self._topics.get((name, symbol), {})
                for frame in self._frames(name, symbol, now, changed_only=True, shared=shared):
                    for connection in members:
                        connection.send_text(frame)

    def publish_trade(self, trade: PublicTrade) -> None:
        """A trade goes out as it happens."""
        instrument = self._exchange.products.find(trade.symbol)
        if instrument is None:
            return
        names: list[str] = [trade.symbol, "all", CONTRACT_TYPES[instrument.kind]]
        if instrument.expiry is not None:
            names.append(f"{instrument.underlying}-{instrument.expiry:%d%m%y}")
        receivers = {c: None for name in names for c in self._topics.get(("trades", name), ())}
        if receivers:
            text = _encode(quotes.trade_frame(trade, micros(self._exchange.now)))
            for connection in receivers:
                connection.send_text(text)

    def _frames(
        self, name: str, symbol: str, now: datetime, *, changed_only: bool, shared: dict[str, str] | None = None
    ) -> list[str]:
        """Encoded frames of one subscription; `shared` keeps what this batch has already encoded."""
        ts = micros(now)
        exchange = self._exchange
        if name == "ticker":
            members = self._contracts(symbol)
            return [_encode(quotes.ticker_frame(exchange, symbol, members, ts))] if members else []
        if name in ("spot_price", "spot_30mtwap_price"):
            return self._index_frames(name, symbol, now, changed_only)
        frames: list[str] = []
        for contract in self._contracts(symbol, marked=name == "mark_price"):
            text = shared.get(contract.symbol) if shared is not None else None
            if text is None:
                text = self._contract_frame(name, contract.symbol, now, changed_only)
                if shared is not None:
                    shared[contract.symbol] = text
            if text:
                frames.append(text)
        return frames

    def _contract_frame(self, name: str, symbol: str, now: datetime, changed_only: bool) -> str:
        """One contract's frame, empty when it has not changed and need not be repeated yet."""
        ts = micros(now)
        if name == "mark_price":
            return _encode(quotes.mark_frame(self._exchange, symbol, ts))
        book = self._exchange.book(symbol)
        sent = self._sent.setdefault((name, symbol), _Sent())
        if sent.version != (id(book), book.revision):
            sent.version, sent.changed = (id(book), book.revision), ts
        elif changed_only and sent.at is not None and now - sent.at < _RHYTHMS[name].repeat:
            return ""
        if changed_only:
            sent.at = now
        build = quotes.l1_frame if name == "ob_l1" else quotes.l2_frame
        return _encode(build(self._exchange, symbol, sent.changed, ts))

    def _index_frames(self, name: str, symbol: str, now: datetime, changed_only: bool) -> list[str]:
        underlying = next(u for u in self._exchange.market.underlyings if index_symbol(u) == symbol)
        if name == "spot_30mtwap_price":
            expiry = self._exchange.average.window_of
            mean = self._exchange.average.mean(underlying, expiry) if expiry is not None else None
            return [_encode(quotes.twap_frame(underlying, mean, now))] if mean is not None else []
        spot = self._exchange.market.spot(underlying)
        sent = self._sent.setdefault((name, symbol), _Sent())
        if changed_only:
            if spot == sent.version and sent.at is not None and now - sent.at < _RHYTHMS[name].repeat:
                return []
            sent.version, sent.at = spot, now
        return [_encode(quotes.spot_frame(self._exchange, underlying, micros(now)))]

    # symbols

    def _contracts(self, symbol: str, *, marked: bool = False) -> list[Instrument]:
        """The live contracts a subscribed symbol stands for. A bare contract on `mark_price` is accepted but silent."""
        live = self._exchange.products.live
        if marked:
            if symbol == "all":
                return list(live.values())
            if symbol in KINDS:
                return [i for i in live.values() if i.kind is KINDS[symbol]]
            if symbol in live:
                return []
            symbol = symbol.removeprefix(_MARK)
        found = live.get(symbol)
        return [found] if found is not None else chain_members(self._exchange, symbol) or []

    def _is_contract(self, symbol: str) -> bool:
        return symbol in self._exchange.products.live

    def _is_contract_or_chain(self, symbol: str) -> bool:
        return self._is_contract(symbol) or chain_members(self._exchange, symbol) is not None

    def _is_mark_symbol(self, symbol: str) -> bool:
        return symbol == "all" or symbol in KINDS or self._is_contract_or_chain(symbol.removeprefix(_MARK))

    def _is_index(self, symbol: str) -> bool:
        return any(index_symbol(u) == symbol for u in self._exchange.market.underlyings)

    def _status_frame(self) -> dict[str, Any]:
        return {
            "type": "system_status",
            "event": "snapshot",
            "status": "live",
            "maintenance_start_time": None,
            "maintenance_finish_time": None,
            "maintenance_announcement_time": None,
            "timestamp": micros(self._exchange.now),
        }

    def _drop(self, key: tuple[str, str | None], connection: Connection) -> None:
        members = self._topics.get(key)
        if members is not None:
            members.pop(connection, None)
            if not members:
                del self._topics[key]


def _encode(frame: dict[str, Any]) -> str:
    return msgspec.json.encode(frame).decode()
