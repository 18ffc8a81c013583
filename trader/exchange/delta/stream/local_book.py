"""A whole order book kept up to date from increments, and the proof that it is right. Pure.

Each increment must carry the next number, and after it the checksum of the best ten levels must agree; otherwise the book
is worth nothing and a new snapshot is needed.

Source: exchange documentation, "ob_updates": CRC-32 of ``asks|bids``, levels ``price:size`` joined by commas in the exact
text received, asks rising, bids falling.
"""

import zlib
from decimal import Decimal

from trader.domain.errors import WireError
from trader.exchange.delta.wire import numbers as n
from trader.exchange.delta.wire.feeds import BookUpdate
from trader.exchange.delta.wire.values import BookLevel, OrderBook

_CHECKED_LEVELS = 10


class BookBroken(Exception):
    """The book can no longer be trusted; the message says why. A new snapshot is needed."""


class LocalBook:
    """The book of one contract."""

    def __init__(self, symbol: str) -> None:
        self._symbol = symbol
        self._asks: dict[Decimal, tuple[str, str]] = {}
        self._bids: dict[Decimal, tuple[str, str]] = {}
        self._seq: int | None = None
        self._ts: int | None = None

    def apply(self, update: BookUpdate) -> None:
        """Take in a snapshot or an increment.

        Raises:
            BookBroken: A number is missing, the checksum differs, a level is unreadable, or the exchange says so.
        """
        if update.action == "error":
            raise BookBroken(update.msg or "the exchange cannot give the book")
        if update.action == "snapshot":
            self._asks.clear()
            self._bids.clear()
        elif self._seq is None:
            raise BookBroken("an increment came before the snapshot")
        elif update.seq != self._seq + 1:
            raise BookBroken(f"increment {self._seq + 1} is missing, got {update.seq}")
        try:
            self._merge(self._asks, update.a)
            self._merge(self._bids, update.b)
        except WireError as error:
            raise BookBroken(str(error)) from None
        self._seq, self._ts = update.seq, update.ts
        if update.cs is not None and update.cs != self.checksum():
            raise BookBroken(f"the checksum is {self.checksum()}, the exchange's {update.cs}")

    def checksum(self) -> int:
        """CRC-32 of the best ten levels of both sides."""
        asks = ",".join(f"{price}:{size}" for price, size in self._sorted(self._asks)[:_CHECKED_LEVELS])
        bids = ",".join(f"{price}:{size}" for price, size in self._sorted(self._bids, falling=True)[:_CHECKED_LEVELS])
        return zlib.crc32(f"{asks}|{bids}".encode())

    def view(self) -> OrderBook:
        """The book of this moment, best first."""
        return OrderBook(
            symbol=self._symbol,
            bids=tuple(_level(row) for row in self._sorted(self._bids, falling=True)),
            asks=tuple(_level(row) for row in self._sorted(self._asks)),
            ts_event=n.instant_or_none(self._ts),
        )

    @staticmethod
    def _sorted(side: dict[Decimal, tuple[str, str]], *, falling: bool = False) -> list[tuple[str, str]]:
        return [side[price] for price in sorted(side, reverse=falling)]

    @staticmethod
    def _merge(side: dict[Decimal, tuple[str, str]], levels: list[list[str]]) -> None:
        for level in levels:
            if len(level) != 2:
                raise WireError(f"a level has a price and a size, got {len(level)} values")
            price, size = n.positive(level[0], "price"), n.count(level[1], "size")
            if size == 0:
                side.pop(price, None)
            else:
                side[price] = (level[0], level[1])


def _level(row: tuple[str, str]) -> BookLevel:
    return BookLevel(n.positive(row[0], "price"), n.count(row[1], "size"))
