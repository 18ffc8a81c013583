"""Public market data over REST, typed: one method per endpoint of the documentation.

Reads return the truth or raise `ExchangeError`; an empty list means that there is nothing, and a row that makes no sense is
left out and told. Answers may come out of a cache up to a minute old: the sockets are for prices, this is for everything
else.
"""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from trader.domain.errors import WireError
from trader.domain.instrument import Instrument
from trader.exchange.common.budget import Priority
from trader.exchange.common.rows import convert_rows, sift
from trader.exchange.delta.http import endpoints as at
from trader.exchange.delta.http.queries import Query, filters
from trader.exchange.delta.http.rest import Bare, Endpoint, RestClient
from trader.exchange.delta.wire import core as wire
from trader.exchange.delta.wire import market as wire_market
from trader.exchange.delta.wire import numbers as n
from trader.exchange.delta.wire.listing import Rows
from trader.exchange.delta.wire.parse import parse_instrument
from trader.exchange.delta.wire.parse_market import (
    parse_asset,
    parse_book,
    parse_candle,
    parse_day_ticker,
    parse_index,
    parse_quota,
    parse_settings,
    parse_trade,
)
from trader.exchange.delta.wire.values import (
    Asset,
    Candle,
    DayTicker,
    Index,
    OrderBook,
    PublicTrade,
    Quota,
    ServerStatus,
)

RESOLUTIONS = ("1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "1d", "1w")
SYMBOLS_PER_CALL = 10
PRODUCTS_PAGE = 500
CANDLES_PER_CALL = 2000
_SECS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}


class MarketAPI:
    """Everything public at one deployment."""

    def __init__(self, rest: RestClient) -> None:
        self._rest = rest

    def assets(self) -> list[Asset]:
        return self._rest.usable("the assets", self._read(Rows(wire_market.AssetInfoRow), at.ASSETS), parse_asset)

    def indices(self) -> list[Index]:
        return self._rest.usable("the indices", self._read(Rows(wire_market.IndexRow), at.INDICES), parse_index)

    def products(
        self,
        *,
        contract_types: Sequence[str] = (),
        states: Sequence[str] = ("live",),
        expiry: date | None = None,
    ) -> list[Instrument]:
        """Contracts of the kinds this program knows (options, perpetuals), to the end of the list."""
        query = filters(contract_types=contract_types, states=states)
        if expiry is not None:
            query.append(("expiry", expiry.isoformat()))
        rows = self._rest.read_pages(
            wire.ProductRow, at.PRODUCTS, query=query, page_size=PRODUCTS_PAGE, priority=Priority.MARKET
        )
        return self._rest.usable("the product list", rows, parse_instrument)

    def product(self, symbol: str) -> Instrument | None:
        """One contract; None when the exchange does not know it, or this program not its kind."""
        row = self._rest.find(wire.ProductRow, at.PRODUCTS, symbol, priority=Priority.MARKET)
        return None if row is None else parse_instrument(row)

    def tickers(
        self, *, contract_types: Sequence[str] = (), underlyings: Sequence[str] = (), expiry: date | None = None
    ) -> list[DayTicker]:
        """Tickers by any filter; an option chain is both option types, one underlying and an expiry."""
        query = filters(contract_types=contract_types, underlying_asset_symbols=underlyings)
        if expiry is not None:
            query.append(("expiry_date", f"{expiry:%d-%m-%Y}"))
        rows = self._read(Rows(wire_market.FullTickerRow), at.TICKERS, query=query)
        return self._rest.usable("the tickers", rows, parse_day_ticker)

    def ticker(self, symbol: str) -> DayTicker:
        return parse_day_ticker(self._read(wire_market.FullTickerRow, at.TICKERS, tail=symbol))

    def order_book(self, symbol: str, depth: int | None = None) -> OrderBook:
        """The book; `depth` is levels per side, None all of it."""
        query = [("depth", str(depth))] if depth is not None else []
        row = self._read(wire_market.BookRow, at.BOOK, query=query, tail=symbol)
        if row.symbol and row.symbol != symbol:
            raise WireError(f"mismatch: asked for the book of {symbol}, got {row.symbol}")
        return parse_book(row)

    def trades(self, symbol: str) -> list[PublicTrade]:
        """The last trades, about 50, newest first."""
        rows = self._read(Rows(wire_market.TradeRow, within="trades"), at.TRADES, tail=symbol)
        return self._rest.usable(f"the trades of {symbol}", rows, lambda row: parse_trade(row, symbol))

    def candles(self, symbol: str, resolution: str, start: datetime, end: datetime) -> list[Candle]:
        """Candles whose buckets begin in ``[start, end]``, oldest first, however many calls that takes.

        `symbol` may carry ``MARK:``, ``OI:`` or ``FUNDING:``, or be an index. The exchange fills empty buckets with the
        previous close and volume 0, even behind a contract's expiry and ahead of now.

        Raises:
            ValueError: The resolution is none of `RESOLUTIONS`, or an instant lacks its zone.
        """
        if resolution not in RESOLUTIONS:
            raise ValueError(f"resolution must be one of {', '.join(RESOLUTIONS)}, was {resolution!r}")
        if start.tzinfo is None or end.tzinfo is None:
            raise ValueError("an instant needs its time zone")
        first, last = int(start.timestamp()), int(end.timestamp())
        span = (CANDLES_PER_CALL - 1) * int(resolution[:-1]) * _SECS[resolution[-1]]
        found: dict[datetime, Candle] = {}
        while last >= first:
            low = max(first, last - span)
            query = [("symbol", symbol), ("resolution", resolution), ("start", str(low)), ("end", str(last))]
            rows = self._read(Rows(wire_market.CandleRow), at.CANDLES, query=query)
            for candle in self._rest.usable(f"the candles of {symbol}", rows, parse_candle):
                if start <= candle.start <= end:
                    found[candle.start] = candle
            last = low - 1
        return [found[instant] for instant in sorted(found)]

    def sparklines(self, symbols: Sequence[str]) -> dict[str, list[tuple[datetime, Decimal]]]:
        """A short line of closes per symbol."""
        lines: dict[str, list[tuple[datetime, Decimal]]] = {}
        for begin in range(0, len(symbols), SYMBOLS_PER_CALL):
            query = [("symbols", ",".join(symbols[begin : begin + SYMBOLS_PER_CALL]))]
            found: dict[str, Any] = self._read(dict[str, Any], at.SPARKLINES, query=query)
            for symbol, points in found.items():
                what = f"the line of {symbol}"
                rows = convert_rows(points if isinstance(points, list) else [points], list[wire.Number], what)
                good, odd = sift(what, rows, _point)
                self._rest.leave_out(odd)
                if good or not odd:
                    lines[symbol] = good
        return lines

    def quota(self) -> Quota:
        """Weight this address has spent in the exchange's running window."""
        return parse_quota(self._read(Bare(wire_market.QuotaRow), at.QUOTA))

    def status(self) -> ServerStatus:
        """The exchange's clock and whether it is under maintenance (not a documented endpoint)."""
        return parse_settings(self._read(wire_market.SettingsRow, at.SETTINGS))

    def _read(self, row: Any, endpoint: Endpoint, *, query: Query = (), tail: str = "") -> Any:
        return self._rest.fetch(row, endpoint, query=query, tail=tail, priority=Priority.MARKET)


def _point(point: list[wire.Number]) -> tuple[datetime, Decimal]:
    if len(point) != 2:
        raise WireError(f"a point of a line has a time and a value, got {len(point)} numbers")
    instant = n.instant_of(point[0], "time")
    if instant is None:
        raise WireError("a point of a line has no time")
    return instant, n.required(point[1], "value")
