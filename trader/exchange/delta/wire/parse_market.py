"""Market rows beyond quotes to values. Pure. Lenient where a field is context, strict where it is the point of the row."""

from decimal import Decimal

from trader.domain.errors import WireError
from trader.exchange.delta.wire import numbers as n
from trader.exchange.delta.wire.core import Number
from trader.exchange.delta.wire.market import (
    AssetInfoRow,
    BookLevelRow,
    BookRow,
    CandleRow,
    FullTickerRow,
    IndexRow,
    QuotaRow,
    SettingsRow,
    TradeRow,
)
from trader.exchange.delta.wire.parse import parse_ticker
from trader.exchange.delta.wire.values import (
    Asset,
    BookLevel,
    Candle,
    DayTicker,
    Index,
    OrderBook,
    PublicTrade,
    Quota,
    ServerStatus,
)


def parse_asset(row: AssetInfoRow) -> Asset:
    """Raises: WireError: No id."""
    return Asset(
        asset_id=n.count(row.id, "asset id"),
        symbol=row.symbol,
        name=row.name or row.symbol,
        precision=n.count_or_none(row.precision),
    )


def parse_index(row: IndexRow) -> Index:
    """Raises: WireError: No id."""
    return Index(
        index_id=n.count(row.id, "index id"),
        symbol=row.symbol,
        constituents=tuple(
            (part.name or part.exchange or "", n.decimal_or_none(part.weight))
            for part in row.constituent_exchanges or ()
        ),
        tick_size=n.price_or_none(row.tick_size),
    )


def parse_day_ticker(row: FullTickerRow) -> DayTicker:
    """A ticker with its 24 hours; what makes no sense is absent."""
    return DayTicker(
        quote=parse_ticker(row),
        product_id=n.count_or_none(row.product_id),
        contract_type=row.contract_type or "",
        open=n.price_or_none(row.open),
        high=n.price_or_none(row.high),
        low=n.price_or_none(row.low),
        close=n.price_or_none(row.close),
        mark_change_pct=n.signed_or_none(row.mark_change_24h),
        turnover_usd=n.decimal_or_none(row.turnover_usd),
        funding_rate=n.signed_or_none(row.funding_rate),
        open_interest_usd=n.decimal_or_none(row.oi_value_usd),
    )


def parse_book(row: BookRow) -> OrderBook:
    """A book, best first.

    Raises:
        WireError: A level without price or size, or a side that is not in order: part of a book is no book.
    """
    bids, asks = _levels(row.buy), _levels(row.sell)
    if any(worse.price >= better.price for better, worse in zip(bids, bids[1:], strict=False)):
        raise WireError(f"the bids of {row.symbol} are not in order")
    if any(worse.price <= better.price for better, worse in zip(asks, asks[1:], strict=False)):
        raise WireError(f"the asks of {row.symbol} are not in order")
    return OrderBook(symbol=row.symbol, bids=bids, asks=asks, ts_event=n.instant_or_none(row.last_updated_at))


def _levels(rows: list[BookLevelRow]) -> tuple[BookLevel, ...]:
    return tuple(
        BookLevel(
            n.positive(row.price if row.price is not None else row.limit_price, "price"), n.count(row.size, "size")
        )
        for row in rows
    )


def parse_trade(row: TradeRow, symbol: str) -> PublicTrade:
    """One public trade, in either of its two documented forms.

    Raises:
        WireError: No price or size.
    """
    buyer: bool | None = None
    if row.side in ("buy", "sell"):
        buyer = row.side == "buy"
    elif row.buyer_role in ("taker", "maker"):
        buyer = row.buyer_role == "taker"
    return PublicTrade(
        symbol=symbol,
        price=n.positive(row.price, "trade price"),
        quantity=n.count(row.size, "trade size"),
        buyer_is_aggressor=buyer,
        ts_event=n.instant_or_none(row.timestamp),
    )


def parse_candle(row: CandleRow) -> Candle:
    """One bucket.

    Raises:
        WireError: Its time or one of its four numbers is missing, or the high lies below the low.
    """
    start = n.needed_instant(row.time, "candle time")
    low, high = _finite(row.low, "low"), _finite(row.high, "high")
    if high < low:
        raise WireError(f"candle of {start}: high {high} below low {low}")
    return Candle(
        start=start,
        open=_finite(row.open, "open"),
        high=high,
        low=low,
        close=_finite(row.close, "close"),
        volume=n.decimal_or_none(row.volume),
    )


def _finite(value: Number, what: str) -> Decimal:
    return n.required(value, f"candle {what}")  # funding series go below 0


def parse_quota(row: QuotaRow) -> Quota:
    """Raises: WireError: A number is missing or negative."""
    return Quota(
        spent=n.count(row.current_quota, "current_quota"),
        resets_in_secs=n.count(row.remaining_time_in_milliseconds, "remaining_time_in_milliseconds") / 1000,
    )


def parse_settings(row: SettingsRow) -> ServerStatus:
    """Raises: WireError: The server's time is missing."""
    return ServerStatus(
        time=n.needed_instant(row.server_time, "server_time"), under_maintenance=n.flag(row.under_maintenance)
    )
