"""Market data of one contract, merged from the exchange's channels. Absent is None, never 0."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import median_low

import msgspec

_LEAP = timedelta(seconds=60)


class Greeks(msgspec.Struct, frozen=True):
    """Per 1 unit of underlying: delta and gamma plain, theta USD per day, vega and rho per 1 point (0.01)."""

    delta: float
    gamma: float
    theta: float
    vega: float
    rho: float


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """The newest known prices of one contract.

    Prices are USD per unit of underlying; sizes are contracts; implied volatilities are fractions per year (0.52 = 52 %).
    `ts_mark`, `ts_quote`, `ts_greeks` are the exchange's instants (UTC) of mark, bid/ask and greeks, which are published
    apart. None means the exchange has not said.
    """

    symbol: str
    mark: Decimal | None = None
    bid: Decimal | None = None
    ask: Decimal | None = None
    bid_size: int | None = None
    ask_size: int | None = None
    greeks: Greeks | None = None
    mark_iv: float | None = None
    bid_iv: float | None = None
    ask_iv: float | None = None
    spot: Decimal | None = None
    open_interest: Decimal | None = None  # contracts
    volume: Decimal | None = None  # underlying units, 24 h
    band_low: Decimal | None = None
    band_high: Decimal | None = None
    ts_mark: datetime | None = None
    ts_quote: datetime | None = None
    ts_greeks: datetime | None = None

    @property
    def mid(self) -> Decimal | None:
        """Mean of bid and ask where both exist and are not crossed."""
        if self.bid is None or self.ask is None or self.bid > self.ask:
            return None
        return (self.bid + self.ask) / 2


def credible_newest(stamps: Iterable[datetime | None]) -> datetime | None:
    """The youngest of many instants of the exchange; one far ahead of every other is not believed."""
    known = sorted(stamp for stamp in stamps if stamp is not None)
    while len(known) > 1 and known[-1] - known[-2] > _LEAP:
        known.pop()
    return known[-1] if known else None


def usual_spot(quotes: Iterable[Quote]) -> Decimal | None:
    """The index price most rows of a chain agree on; one absurd row does not speak for all."""
    told = [quote.spot for quote in quotes if quote.spot is not None]
    return median_low(told) if told else None
