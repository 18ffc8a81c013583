"""What the local exchange asks of a market: prices, contracts and depth at an instant of market time.

A source moves only when told (`advance`); it has no clock and no thread of its own. Instants are aware UTC market time.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

import msgspec

from trader.domain.instrument import Instrument
from trader.domain.quote import Greeks

Level = tuple[Decimal, int]  # price in USD per unit of underlying, size in contracts


class Depth(msgspec.Struct, frozen=True, kw_only=True):
    """One side-by-side book, best first, never crossed. `version` changes exactly when the book did; it is not a count."""

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    version: int


class OptionStats(msgspec.Struct, frozen=True, kw_only=True):
    """What the exchange publishes beside the book.

    `mark` and the bands are USD per unit of underlying; implied volatilities are fractions per year; `open_interest` is
    contracts; `volume` is underlying units over 24 h. For a perpetual `mark_iv` is 0 and the greeks are those of the
    underlying itself.
    """

    mark: Decimal
    mark_iv: float
    greeks: Greeks
    bid_iv: float | None
    ask_iv: float | None
    open_interest: Decimal
    volume: float
    band_low: Decimal
    band_high: Decimal


class MarketSource(Protocol):
    """A market the local exchange can list."""

    underlyings: tuple[str, ...]

    def start(self) -> datetime:
        """First market instant; a restored source says where it continues."""
        ...

    def end(self) -> datetime | None:
        """Last instant of a finite recording, None for an endless market."""
        ...

    def advance(self, now: datetime) -> None:
        """Move to market time `now`; may be a big jump.

        Raises:
            ValueError: `now` lies before the instant already reached.
        """
        ...

    def spot(self, underlying: str) -> Decimal:
        """Index price in USD."""
        ...

    def instruments(self) -> Sequence[Instrument]:
        """Every contract listed now, the perpetual included; changes as days list and expire."""
        ...

    def depth(self, symbol: str) -> Depth:
        """The source's own book of a listed contract. Raises KeyError for one that is not listed."""
        ...

    def option_stats(self, symbol: str) -> OptionStats:
        """Mark, greeks and volumes of a listed contract. Raises KeyError for one that is not listed."""
        ...

    def settlement_price(self, underlying: str, expiry: datetime) -> Decimal | None:
        """The official settlement price where the source knows it; None = the exchange averages the index itself."""
        ...

    def state(self) -> dict[str, Any]:
        """JSON-able state from which `restore` continues."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `state()`. Raises ValueError when the state belongs to another market or seed."""
        ...
