"""What a channel sends: the present state to a new subscriber, then what changed, on the channel's rhythm of market time.

A feed knows symbols and frames, no connection. Books are told apart by their revision; a frame that has not changed is
repeated only after the channel's longest silence.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, Protocol

import msgspec

from trader.domain.instrument import Instrument, Kind, index_symbol
from trader.venue.core.exchange import Exchange
from trader.venue.market.instants import to_us
from trader.venue.wire.catalogue import KINDS, chain_members

MARK = "MARK:"
Frame = dict[str, Any]
Shared = dict[str, list[str]]  # what this batch has already encoded, by contract


class Rhythm(msgspec.Struct, frozen=True):
    """`period` between batches and `repeat` after which an unchanged symbol is sent again, both market time."""

    period: timedelta
    repeat: timedelta


class Feed(Protocol):
    """One channel's content."""

    rhythm: Rhythm

    def first(self, symbol: str, now: datetime) -> Iterable[str]:
        """Encoded frames for a new subscriber."""
        ...

    def due(self, symbol: str, now: datetime, shared: Shared) -> Iterable[str]:
        """Encoded frames for everybody, at most once a period."""
        ...

    def forget(self, symbol: str) -> None:
        """Nobody follows the symbol any more."""
        ...


def encode(frame: Frame) -> str:
    """A frame as it goes out."""
    return msgspec.json.encode(frame).decode()


def secs(period: float, repeat: float | None = None) -> Rhythm:
    """A rhythm in seconds; without `repeat` everything is sent every period."""
    return Rhythm(timedelta(seconds=period), timedelta(seconds=period if repeat is None else repeat))


class Symbols:
    """Which live contracts a subscribed symbol stands for, and which symbols a channel takes."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def contracts(self, symbol: str) -> list[Instrument]:
        """A contract, a chain, a category or ``all``; empty when none of it is live (any more)."""
        live = self._exchange.products.live
        found = live.get(symbol)
        if found is not None:
            return [found]
        if symbol == "all":
            return list(live.values())
        if symbol in KINDS:
            return [i for i in live.values() if i.kind is KINDS[symbol]]
        return chain_members(self._exchange, symbol) or []

    def names_of(self, instrument: Instrument) -> list[str]:
        """Every symbol under which a contract can be followed."""
        names = [instrument.symbol, "all", next(name for name, kind in KINDS.items() if kind is instrument.kind)]
        if instrument.expiry is not None:
            names.append(f"{instrument.underlying}-{instrument.expiry:%d%m%y}")
        return names

    def underlying_of(self, symbol: str) -> str | None:
        """The underlying of an index symbol."""
        return next((u for u in self._exchange.market.underlyings if index_symbol(u) == symbol), None)

    def is_contract(self, symbol: str) -> bool:
        return symbol in self._exchange.products.live

    def is_contract_or_chain(self, symbol: str) -> bool:
        return self.is_contract(symbol) or chain_members(self._exchange, symbol) is not None

    def is_group(self, symbol: str) -> bool:
        """``all`` or a category: no snapshot is sent for it."""
        return symbol == "all" or symbol in KINDS

    def is_anything(self, symbol: str) -> bool:
        """A contract, a chain or a group."""
        return self.is_group(symbol) or self.is_contract_or_chain(symbol)

    def is_contract_or_group(self, symbol: str) -> bool:
        return self.is_group(symbol) or self.is_contract(symbol)

    def is_mark(self, symbol: str) -> bool:
        """Anything, single contracts with or without the prefix of marks."""
        return self.is_anything(symbol.removeprefix(MARK))

    def is_funded(self, symbol: str) -> bool:
        """A perpetual or a group."""
        found = self._exchange.products.live.get(symbol)
        return self.is_group(symbol) or (found is not None and found.kind is Kind.PERPETUAL)

    def is_index_or_all(self, symbol: str) -> bool:
        """An index; ``all`` is taken and stays silent."""
        return symbol == "all" or self.underlying_of(symbol) is not None


class _Sent(msgspec.Struct):
    """The last publication of one contract: which book, since when, and when it was sent."""

    version: object = None
    changed: int = 0
    at: datetime | None = None


class BookFeed:
    """Best quotes or levels: sent when the book changed, repeated when it stands still for long.

    `build` makes a frame from (exchange, contract, since when the book is so, now), both in microseconds.
    """

    def __init__(
        self,
        exchange: Exchange,
        symbols: Symbols,
        rhythm: Rhythm,
        build: Callable[[Exchange, Instrument, int, int], Frame],
    ) -> None:
        self.rhythm = rhythm
        self._exchange = exchange
        self._symbols = symbols
        self._build = build
        self._sent: dict[str, _Sent] = {}

    def first(self, symbol: str, now: datetime) -> Iterable[str]:
        if self._symbols.is_group(symbol):
            return []
        return [text for each in self._symbols.contracts(symbol) for text in self._frame(each, now, changed_only=False)]

    def due(self, symbol: str, now: datetime, shared: Shared) -> Iterable[str]:
        for instrument in self._symbols.contracts(symbol):
            known = shared.get(instrument.symbol)
            if known is None:
                known = shared[instrument.symbol] = self._frame(instrument, now, changed_only=True)
            yield from known

    def forget(self, symbol: str) -> None:
        self._sent.pop(symbol, None)

    def _frame(self, instrument: Instrument, now: datetime, *, changed_only: bool) -> list[str]:
        ts = to_us(now)
        book = self._exchange.book(instrument.symbol)
        sent = self._sent.get(instrument.symbol)
        if sent is None:
            sent = self._sent[instrument.symbol] = _Sent()
        if sent.version != (id(book), book.revision):
            sent.version, sent.changed = (id(book), book.revision), ts
        elif changed_only and sent.at is not None and now - sent.at < self.rhythm.repeat:
            return []
        if changed_only:
            sent.at = now
        return [encode(self._build(self._exchange, instrument, sent.changed, ts))]


class EachFeed:
    """Every contract's frame, every period: marks, legacy tickers, funding."""

    def __init__(
        self,
        symbols: Symbols,
        rhythm: Rhythm,
        build: Callable[[Instrument, int], Frame],
        *,
        prefix: str = "",
        kind: Kind | None = None,
    ) -> None:
        """`prefix` must stand before a single contract, which otherwise stays silent; `kind` None = contracts of any."""
        self.rhythm = rhythm
        self._symbols = symbols
        self._build = build
        self._prefix = prefix
        self._kind = kind

    def first(self, symbol: str, now: datetime) -> Iterable[str]:
        return [] if self._symbols.is_group(symbol) else self.due(symbol, now, {})

    def due(self, symbol: str, now: datetime, shared: Shared) -> Iterable[str]:
        ts = to_us(now)
        name = symbol
        if self._prefix:
            if self._symbols.is_contract(symbol):
                return
            name = symbol.removeprefix(self._prefix)
        for instrument in self._symbols.contracts(name):
            if self._kind is not None and instrument.kind is not self._kind:
                continue
            known = shared.get(instrument.symbol)
            if known is None:
                known = shared[instrument.symbol] = [encode(self._build(instrument, ts))]
            yield from known

    def forget(self, symbol: str) -> None:
        """Keeps nothing."""


class ChainFeed:
    """One frame for all contracts of a symbol, every period: the compact ticker."""

    def __init__(self, symbols: Symbols, rhythm: Rhythm, build: Callable[[str, list[Instrument], int], Frame]) -> None:
        self.rhythm = rhythm
        self._symbols = symbols
        self._build = build

    def first(self, symbol: str, now: datetime) -> Iterable[str]:
        return self.due(symbol, now, {})

    def due(self, symbol: str, now: datetime, shared: Shared) -> Iterable[str]:
        members = self._symbols.contracts(symbol)
        return [encode(self._build(symbol, members, to_us(now)))] if members else []

    def forget(self, symbol: str) -> None:
        """Keeps nothing."""


class IndexFeed:
    """An index's frame when its value changed or after a while; `value` None = nothing to say now."""

    def __init__(
        self,
        symbols: Symbols,
        rhythm: Rhythm,
        value: Callable[[str], Any],
        build: Callable[[str, Any, datetime], Frame],
    ) -> None:
        self.rhythm = rhythm
        self._symbols = symbols
        self._value = value
        self._build = build
        self._sent: dict[str, tuple[Any, datetime]] = {}

    def first(self, symbol: str, now: datetime) -> Iterable[str]:
        underlying = self._symbols.underlying_of(symbol)
        value = None if underlying is None else self._value(underlying)
        return [] if underlying is None or value is None else [encode(self._build(underlying, value, now))]

    def due(self, symbol: str, now: datetime, shared: Shared) -> Iterable[str]:
        underlying = self._symbols.underlying_of(symbol)
        value = None if underlying is None else self._value(underlying)
        if underlying is None or value is None:
            return []
        known = self._sent.get(symbol)
        if known is not None and known[0] == value and now - known[1] < self.rhythm.repeat:
            return []
        self._sent[symbol] = (value, now)
        return [encode(self._build(underlying, value, now))]

    def forget(self, symbol: str) -> None:
        self._sent.pop(symbol, None)
