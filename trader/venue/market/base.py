"""What the local exchange asks of a market: prices, contracts and depth at an instant of market time.

A source moves only when told (`advance`); it has no clock and no thread of its own. Instants are aware UTC market time.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

import msgspec

from trader.domain.instrument import Instrument
from trader.domain.order import Side
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


class Series(StrEnum):
    """What a candle is made of. Prices are USD per unit of underlying, open interest contracts, funding percent."""

    TRADES = "trades"
    MARK = "mark"
    OPEN_INTEREST = "open_interest"
    FUNDING = "funding"
    INDEX = "index"


class Print(msgspec.Struct, frozen=True, kw_only=True):
    """A trade of the source's own participants. `side` is the aggressor's, `size` contracts, `ts_ms` since 1970."""

    ts_ms: int
    price: Decimal
    size: int
    side: Side


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """What a series did in one bucket. `volume` is contracts traded, 0 where nothing trades; `first_ms` and `last_ms`
    are the instants of `open` and `close`."""

    start_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    first_ms: int
    last_ms: int


@runtime_checkable
class HistorySource(Protocol):
    """A source that can tell what happened before now, before its own start included. Instants are ms since 1970.
    `tells_trades` False: it knows of no trades (a recording of quotes)."""

    tells_trades: bool

    def prints(self, instrument: Instrument, after_ms: int, until_ms: int) -> Sequence[Print]:
        """Trades in (after, until], oldest first; nothing later than now."""
        ...

    def bars(
        self, series: Series, instrument: Instrument, width_ms: int, offset_ms: int, from_ms: int, until_ms: int
    ) -> Sequence[Bar]:
        """Bars of buckets that begin at `offset_ms` plus multiples of `width_ms`, from the bucket of `from_ms` to that of
        `until_ms`, oldest first, empty buckets left out. The index is asked for with the underlying's perpetual."""
        ...

    def marks(self, instrument: Instrument, instants: Sequence[int]) -> Sequence[float | None]:
        """The marks of some instants, ascending; None where there was none yet."""
        ...

    def listed_since(self, instrument: Instrument) -> datetime:
        """When the contract was first listed."""
        ...


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a source's prices can be trusted. `live` False: they are old or missing, `reason` says why."""

    live: bool
    reason: str = ""


@runtime_checkable
class HealthSource(Protocol):
    """A source that may lose its prices, such as a relay."""

    def health(self) -> Health:
        """How the source is doing now."""
        ...

    def close(self) -> None:
        """Let go of what the prices come from."""
        ...
