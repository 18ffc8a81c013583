"""Messages of the further channels to values. Pure."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from trader.domain.errors import WireError
from trader.domain.fill import Fill, FillKind
from trader.exchange.delta.wire import feeds as feeds
from trader.exchange.delta.wire import numbers as n
from trader.exchange.delta.wire.core import Number, UserTrade
from trader.exchange.delta.wire.market import BookLevelRow, BookRow, CandleRow
from trader.exchange.delta.wire.parse import parse_user_trade
from trader.exchange.delta.wire.parse_market import parse_book, parse_candle
from trader.exchange.delta.wire.values import Candle, OrderBook, PublicTrade

_SECS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_MONDAY_SECS = 4 * 86_400  # 1970 began on a Thursday; weekly candles begin on Mondays


class LiveCandle(msgspec.Struct, frozen=True, kw_only=True):
    """A candle that may still change."""

    symbol: str
    resolution: str
    candle: Candle


class SettlementPrice(msgspec.Struct, frozen=True, kw_only=True):
    """The average the options of an index would settle at now."""

    index: str
    price: Decimal
    ts_event: datetime | None


class FundingRate(msgspec.Struct, frozen=True, kw_only=True):
    """Percent per interval; positive = longs pay."""

    symbol: str
    rate_pct: Decimal
    interval_secs: int | None
    next_at: datetime | None


class PortfolioMargin(msgspec.Struct, frozen=True, kw_only=True):
    """Portfolio margin on one index, USD. Initial and maintenance margin count unrealised cash flows."""

    index: str
    blocked: Decimal
    initial: Decimal
    maintenance: Decimal
    shortfall: Decimal | None
    at_risk: bool
    under_liquidation: bool
    ts_event: datetime | None


class ProtectionTriggered(msgspec.Struct, frozen=True, kw_only=True):
    """Market-maker protection cancelled its orders; `frozen_until` None = until reset by hand."""

    asset: str
    frozen_until: datetime | None


Feed = OrderBook | PublicTrade | LiveCandle | SettlementPrice | FundingRate


def parse_book_top(message: feeds.BookTop) -> OrderBook:
    """The best levels.

    Raises:
        WireError: A level is unreadable, or a side is not in order.
    """
    return parse_book(
        BookRow(
            symbol=message.sy, buy=_rows(message.b), sell=_rows(message.a), last_updated_at=message.lts or message.ts
        )
    )


def _rows(levels: list[list[Number]]) -> list[BookLevelRow]:
    if any(len(level) != 2 for level in levels):
        raise WireError("a level has a price and a size")
    return [BookLevelRow(price=level[0], size=level[1]) for level in levels]


def parse_trade_frame(message: feeds.Trade) -> PublicTrade:
    """Raises: WireError: No price or size."""
    return PublicTrade(
        symbol=message.sy,
        price=n.positive(message.p, "trade price"),
        quantity=n.count(message.s, "trade size"),
        buyer_is_aggressor={"t": True, "m": False}.get(message.r or ""),
        ts_event=n.instant_or_none(message.t),
    )


def parse_candle_frame(message: feeds.CandleFields, resolution: str) -> LiveCandle:
    """A running candle; its start is the beginning of the bucket its stamp falls into.

    Raises:
        WireError: A number is missing or nonsense.
    """
    at = n.needed_instant(message.ts, "candle time")
    row = CandleRow(
        time=int(candle_start(at, resolution).timestamp()),
        open=message.o,
        high=message.h,
        low=message.l,
        close=message.c,
        volume=message.v,
    )
    return LiveCandle(symbol=message.sy, resolution=resolution, candle=parse_candle(row))


def candle_start(at: datetime, resolution: str) -> datetime:
    """The first instant of the bucket `at` falls into."""
    secs = int(resolution[:-1]) * _SECS[resolution[-1]]
    anchor = _MONDAY_SECS if resolution.endswith("w") else 0
    return datetime.fromtimestamp((int(at.timestamp()) - anchor) // secs * secs + anchor, UTC)


def parse_settlement_average(message: feeds.SettlementAverage) -> SettlementPrice:
    """Raises: WireError: No price."""
    return SettlementPrice(
        index=message.symbol,
        price=n.positive(message.price, "settlement price"),
        ts_event=n.instant_or_none(message.timestamp),
    )


def parse_funding(message: feeds.Funding) -> FundingRate:
    """Raises: WireError: No rate."""
    return FundingRate(
        symbol=message.sy,
        rate_pct=n.required(message.fr, "funding rate"),
        interval_secs=n.count_or_none(message.fi),
        next_at=n.instant_or_none(message.nfr),
    )


def parse_portfolio_margins(message: feeds.PortfolioMargins) -> PortfolioMargin:
    """Raises: WireError: A margin is missing."""
    return PortfolioMargin(
        index=message.index_symbol,
        blocked=n.required(message.blocked_margin, "blocked_margin"),
        initial=n.required(message.im_w_ucf, "im_w_ucf"),
        maintenance=n.required(message.mm_w_ucf, "mm_w_ucf"),
        shortfall=n.decimal_of(message.margin_shortfall, "margin_shortfall"),
        at_risk=n.flag(message.liquidation_risk),
        under_liquidation=n.flag(message.under_liquidation),
        ts_event=n.instant_or_none(message.timestamp),
    )


def parse_mmp_trigger(message: feeds.MmpTrigger) -> ProtectionTriggered:
    until = message.frozen_till
    return ProtectionTriggered(
        asset=message.asset, frozen_until=None if until in (-1, "-1") else n.instant_or_none(until)
    )


def parse_long_user_trade(message: feeds.LongUserTrade) -> Fill:
    """A fill in the slow channel's spelling.

    Raises:
        WireError: Id, side, size or price is missing or nonsense.
    """
    short = UserTrade(
        sy=message.symbol,
        f=message.fill_id,
        o=message.order_id,
        S=message.side,
        s=message.size,
        p=message.price,
        R=message.reason,
        r=message.role,
        c=message.client_order_id,
        t=message.timestamp,
    )
    fill = parse_user_trade(short, n.count_or_none(message.product_id) or 0)
    commission = n.decimal_of(message.commission, "commission")
    if (
        commission is None or fill.kind is FillKind.LIQUIDATION
    ):  # that has a fee of its own, which only the list of fills tells
        return fill
    return msgspec.structs.replace(fill, commission=commission)


def parse_feed(message: Any) -> Feed:
    """Any message of the public further channels but book increments.

    Raises:
        WireError: It makes no sense.
    """
    if isinstance(message, feeds.BookTop):
        return parse_book_top(message)
    if isinstance(message, feeds.Trade):
        return parse_trade_frame(message)
    if isinstance(message, feeds.SettlementAverage):
        return parse_settlement_average(message)
    if isinstance(message, feeds.Funding):
        return parse_funding(message)
    if isinstance(message, feeds.CandleFields):
        return parse_candle_frame(message, resolution_of(message))
    raise TypeError(f"not a feed message: {type(message).__name__}")


def resolution_of(message: feeds.CandleFields) -> str:
    """The resolution a candle's channel is named for."""
    tag = message.__struct_config__.tag
    return str(tag).removeprefix("candlestick_")
