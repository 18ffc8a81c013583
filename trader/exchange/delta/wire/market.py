"""Shapes of public market data beyond quotes: assets, indices, full tickers, books, trades, candles, status.

As in `wire`: only what is used, numbers as they came, everything optional that some edition leaves out.
"""

import msgspec

from trader.exchange.delta.wire.core import Flag, Number, TickerRow


class AssetInfoRow(msgspec.Struct):
    id: Number
    symbol: str
    name: str | None = None
    precision: Number = None
    minimum_precision: Number = None
    deposit_status: str | None = None
    withdrawal_status: str | None = None


class ConstituentRow(msgspec.Struct):
    name: str | None = None
    exchange: str | None = None
    weight: Number = None


class IndexRow(msgspec.Struct):
    id: Number
    symbol: str
    constituent_exchanges: list[ConstituentRow] | None = None
    tick_size: Number = None
    index_type: str | None = None


class FullTickerRow(TickerRow):
    """A ticker with its 24 hours. `open` ... `close` are missing for a contract that never traded."""

    product_id: Number = None
    open: Number = None
    high: Number = None
    low: Number = None
    close: Number = None
    mark_change_24h: Number = None
    turnover_usd: Number = None
    funding_rate: Number = None
    oi: Number = None
    oi_value_usd: Number = None


class BookLevelRow(msgspec.Struct):
    price: Number = None
    size: Number = None
    limit_price: Number = None  # the legacy socket's name


class BookRow(msgspec.Struct):
    symbol: str = ""
    buy: list[BookLevelRow] = []
    sell: list[BookLevelRow] = []
    last_updated_at: Number = None


class TradeRow(msgspec.Struct):
    price: Number = None
    size: Number = None
    side: str | None = None
    buyer_role: str | None = None
    seller_role: str | None = None
    timestamp: Number = None


class CandleRow(msgspec.Struct):
    time: Number
    open: Number = None
    high: Number = None
    low: Number = None
    close: Number = None
    volume: Number = None


class QuotaRow(msgspec.Struct):
    current_quota: Number = None
    remaining_time_in_milliseconds: Number = None


class SettingsRow(msgspec.Struct):
    server_time: Number = None
    under_maintenance: Flag = None
