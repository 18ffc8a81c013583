"""A market the tests move by hand: two expiries of BTC options and the perpetual, with books set level by level."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from trader.domain.instrument import Instrument, Kind, build_option_symbol
from trader.domain.quote import Greeks
from trader.venue.core.exchange import Exchange
from trader.venue.market.base import Depth, Level, OptionStats

START = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
EXPIRY = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
NEXT_EXPIRY = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
CALL = "C-BTC-68000-201126"
PUT = "P-BTC-64000-201126"
LATER_CALL = "C-BTC-68000-211126"
PERPETUAL = "BTCUSD"

D = Decimal
GREEKS = Greeks(delta=0.12, gamma=0.0001, theta=-80.0, vega=12.0, rho=0.4)


def option(kind: Kind, strike: int, expiry: datetime, product_id: int) -> Instrument:
    return Instrument(
        symbol=build_option_symbol(kind, "BTC", D(strike), expiry),
        product_id=product_id,
        underlying="BTC",
        kind=kind,
        strike=D(strike),
        expiry=expiry,
        contract_value=D("0.001"),
        tick_size=D("0.1"),
        taker_rate=D("0.0001"),
        maker_rate=D("0.0001"),
        fee_cap=D("0.035"),
        initial_margin_pct=D(1),
        maintenance_margin_pct=D("0.5"),
    )


def perpetual() -> Instrument:
    return Instrument(
        symbol=PERPETUAL,
        product_id=27,
        underlying="BTC",
        kind=Kind.PERPETUAL,
        strike=None,
        expiry=None,
        contract_value=D("0.001"),
        tick_size=D("0.5"),
        taker_rate=D("0.0005"),
        maker_rate=D("0.0002"),
        fee_cap=None,
        initial_margin_pct=D("0.5"),
        maintenance_margin_pct=D("0.25"),
    )


class HandMarket:
    """Depth, index and marks stand still until a test changes them."""

    underlyings: tuple[str, ...] = ("BTC",)

    def __init__(self, start: datetime = START) -> None:
        self.now = start
        self.index = D(66000)
        self.listed = [
            option(Kind.CALL, 68000, EXPIRY, 101),
            option(Kind.PUT, 64000, EXPIRY, 102),
            option(Kind.CALL, 68000, NEXT_EXPIRY, 103),
            perpetual(),
        ]
        self.versions: dict[str, int] = {}
        self.books: dict[str, tuple[tuple[Level, ...], tuple[Level, ...]]] = {}
        self.marks: dict[str, Decimal] = {}
        for instrument in self.listed:
            middle = D(66000) if instrument.kind is Kind.PERPETUAL else D(400)
            self.marks[instrument.symbol] = middle
            tick = instrument.tick_size
            self.set_book(
                instrument.symbol,
                bids=[(middle - tick * 10 * n, 20 * n) for n in (1, 2, 3)],
                asks=[(middle + tick * 10 * n, 20 * n) for n in (1, 2, 3)],
            )
        self._seen: tuple[Instrument, ...] = ()
        self.official: dict[datetime, Decimal] = {}

    def set_book(self, symbol: str, *, bids: Sequence[Level], asks: Sequence[Level]) -> None:
        self.books[symbol] = (tuple(bids), tuple(asks))
        self.versions[symbol] = self.versions.get(symbol, 0) + 1

    def start(self) -> datetime:
        return self.now

    def end(self) -> datetime | None:
        return None

    def advance(self, now: datetime) -> None:
        if now < self.now:
            raise ValueError(f"market time runs backwards: {now} after {self.now}")
        self.now = now

    def spot(self, underlying: str) -> Decimal:
        return self.index

    def instruments(self) -> Sequence[Instrument]:
        live = tuple(i for i in self.listed if i.expiry is None or i.expiry > self.now)
        if live != self._seen:
            self._seen = live
        return self._seen

    def depth(self, symbol: str) -> Depth:
        bids, asks = self.books[symbol]
        return Depth(bids=bids, asks=asks, version=self.versions[symbol])

    def option_stats(self, symbol: str) -> OptionStats:
        mark = self.marks[symbol]
        return OptionStats(
            mark=mark,
            mark_iv=0.5,
            greeks=GREEKS,
            bid_iv=0.49,
            ask_iv=0.51,
            open_interest=D(5000),
            volume=12.5,
            band_low=D("0.1"),
            band_high=mark * 3,
        )

    def settlement_price(self, underlying: str, expiry: datetime) -> Decimal | None:
        return self.official.get(expiry)

    def state(self) -> dict[str, Any]:
        return {"now": self.now.isoformat(), "index": str(self.index)}

    def restore(self, state: dict[str, Any]) -> None:
        self.now = max(self.now, datetime.fromisoformat(state["now"]))


def later(**delta: float) -> datetime:
    return START + timedelta(**delta)


class Clock:
    """Moves an exchange over a hand market second by second, with a new mark or index."""

    def __init__(self, exchange: Exchange, market: HandMarket) -> None:
        self.exchange, self.market = exchange, market

    def tick(self, *, mark: str | None = None, index: str | None = None, symbol: str = CALL) -> None:
        if mark is not None:
            self.market.marks[symbol] = D(mark)
        if index is not None:
            self.market.index = D(index)
        self.exchange.advance(self.exchange.now + timedelta(seconds=1))
