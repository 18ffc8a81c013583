"""A book as snapshot and increments, numbered and checksummed: `ob_updates` and its legacy twin `l2_updates`.

Numbers rise by one per contract, with or without subscribers; a snapshot carries the number of the last increment. Source: exchange
documentation, "ob_updates".
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from zlib import crc32

import msgspec

from trader.domain.order import Side
from trader.venue.core.exchange import Exchange
from trader.venue.market.base import Level
from trader.venue.market.instants import to_us
from trader.venue.wire.feeds import Frame, Rhythm, Shared, Symbols, encode
from trader.venue.wire.text import plain

CHECKED_LEVELS = 10
Levels = list[list[str]]  # [price, size], best first


class BookChange(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot (all levels) or an update (levels that changed, size ``"0"`` = gone) after which the book is numbered `seq`
    and its best levels have the checksum `checksum`."""

    symbol: str
    action: str
    asks: Levels
    bids: Levels
    seq: int
    checksum: int
    ts: int


class _Told(msgspec.Struct):
    """What subscribers of a contract know."""

    version: object
    asks: dict[str, str]
    bids: dict[str, str]


def checksum(asks: Levels, bids: Levels) -> int:
    """CRC-32 of the ten best levels of each side, as text: ``price:size,…|price:size,…``, asks first."""
    sides = (",".join(f"{price}:{size}" for price, size in side[:CHECKED_LEVELS]) for side in (asks, bids))
    return crc32("|".join(sides).encode())


class UpdatesFeed:
    """Snapshot and increments of contracts' books; `build` makes the frame of a change."""

    def __init__(
        self, exchange: Exchange, symbols: Symbols, rhythm: Rhythm, build: Callable[[BookChange], Frame]
    ) -> None:
        self.rhythm = rhythm
        self._exchange = exchange
        self._symbols = symbols
        self._build = build
        self._told: dict[str, _Told] = {}
        self._seq: dict[str, int] = {}

    def catch_up(self, symbol: str, now: datetime) -> Iterable[str]:
        """What earlier subscribers must know before a snapshot with a newer number goes to another one."""
        return self.due(symbol, now, {}) if symbol in self._told else []

    def first(self, symbol: str, now: datetime) -> Iterable[str]:
        if not self._symbols.is_contract(symbol):
            return []
        book = self._exchange.book(symbol)
        asks, bids = _texts(book.levels(Side.SELL)), _texts(book.levels(Side.BUY))
        self._told[symbol] = _Told((id(book), book.revision), dict(_pairs(asks)), dict(_pairs(bids)))
        seq = self._seq.setdefault(symbol, 0)
        return [self._frame(symbol, "snapshot", asks, bids, seq, checksum(asks, bids), now)]

    def due(self, symbol: str, now: datetime, shared: Shared) -> Iterable[str]:
        told = self._told.get(symbol)
        if told is None or not self._symbols.is_contract(symbol):
            return []
        book = self._exchange.book(symbol)
        if told.version == (id(book), book.revision):
            return []
        told.version = (id(book), book.revision)
        asks, bids = _texts(book.levels(Side.SELL)), _texts(book.levels(Side.BUY))
        now_asks, now_bids = dict(_pairs(asks)), dict(_pairs(bids))
        changed_asks, changed_bids = _changes(told.asks, now_asks), _changes(told.bids, now_bids)
        if not changed_asks and not changed_bids:
            return []
        told.asks, told.bids = now_asks, now_bids
        self._seq[symbol] += 1
        return [self._frame(symbol, "update", changed_asks, changed_bids, self._seq[symbol], checksum(asks, bids), now)]

    def forget(self, symbol: str) -> None:
        self._told.pop(symbol, None)

    def _frame(
        self, symbol: str, action: str, asks: Levels, bids: Levels, seq: int, checked: int, now: datetime
    ) -> str:
        change = BookChange(
            symbol=symbol, action=action, asks=asks, bids=bids, seq=seq, checksum=checked, ts=to_us(now)
        )
        return encode(self._build(change))


def _texts(levels: list[Level]) -> Levels:
    return [[plain(price), str(size)] for price, size in levels]


def _pairs(levels: Levels) -> Iterable[tuple[str, str]]:
    return ((price, size) for price, size in levels)


def _changes(before: dict[str, str], now: dict[str, str]) -> Levels:
    changed = [[price, size] for price, size in now.items() if before.get(price) != size]
    return changed + [[price, "0"] for price in before if price not in now]
