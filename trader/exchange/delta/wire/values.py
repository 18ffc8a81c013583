"""What the exchange tells beyond quotes, orders and fills, as values. Money and prices are Decimal, times aware UTC.

Absent is None, never 0. Prices are USD per unit of underlying, sizes contracts, unless a field says otherwise.
"""

from datetime import datetime
from decimal import Decimal

import msgspec

from trader.domain.order import OrderSnapshot, OrderType, TimeInForce
from trader.domain.quote import Quote


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    asset_id: int
    symbol: str
    name: str
    precision: int | None


class Index(msgspec.Struct, frozen=True, kw_only=True):
    """A spot index; `constituents` are exchange names with their weights."""

    index_id: int
    symbol: str
    constituents: tuple[tuple[str, Decimal | None], ...]
    tick_size: Decimal | None


class DayTicker(msgspec.Struct, frozen=True, kw_only=True):
    """A contract's quote with its 24 hours. The four prices are None while it has never traded. `funding_rate` is percent
    per interval, perpetuals only; `turnover_usd` counts underlying notional."""

    quote: Quote
    product_id: int | None
    contract_type: str
    open: Decimal | None
    high: Decimal | None
    low: Decimal | None
    close: Decimal | None
    mark_change_pct: Decimal | None
    turnover_usd: Decimal | None
    funding_rate: Decimal | None
    open_interest_usd: Decimal | None


class BookLevel(msgspec.Struct, frozen=True):
    price: Decimal
    size: int


class OrderBook(msgspec.Struct, frozen=True, kw_only=True):
    """Resting orders by price, best first on both sides; an empty side is empty."""

    symbol: str
    bids: tuple[BookLevel, ...]
    asks: tuple[BookLevel, ...]
    ts_event: datetime | None


class PublicTrade(msgspec.Struct, frozen=True, kw_only=True):
    """A trade of anybody's. `buyer_is_aggressor` None where the exchange has not said."""

    symbol: str
    price: Decimal
    quantity: int
    buyer_is_aggressor: bool | None
    ts_event: datetime | None


class Candle(msgspec.Struct, frozen=True, kw_only=True):
    """One bucket; `start` is its first instant. `volume` None for mark, open-interest and funding series."""

    start: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal | None


class Quota(msgspec.Struct, frozen=True, kw_only=True):
    """Weight spent in the exchange's running window, and the seconds until it starts over."""

    spent: int
    resets_in_secs: float


class ServerStatus(msgspec.Struct, frozen=True, kw_only=True):
    time: datetime
    under_maintenance: bool


class OrderDetails(msgspec.Struct, frozen=True, kw_only=True):
    """An order with what makes it wait and what hangs on it. `blocked_commission` is USD held for the unfilled part."""

    order: OrderSnapshot
    order_type: OrderType | None
    time_in_force: TimeInForce | None
    post_only: bool
    stop_kind: str | None
    stop_price: Decimal | None
    trail_amount: Decimal | None
    trigger: str | None
    is_bracket_leg: bool
    bracket_stop_loss: Decimal | None
    bracket_stop_loss_limit: Decimal | None
    bracket_take_profit: Decimal | None
    bracket_take_profit_limit: Decimal | None
    bracket_trail: Decimal | None
    mmp: str | None
    blocked_commission: Decimal | None


class Leverage(msgspec.Struct, frozen=True, kw_only=True):
    """Leverage of a product's orders, and the margin its open orders block (USD)."""

    product_id: int
    leverage: Decimal
    order_margin: Decimal | None


class AssetBalance(msgspec.Struct, frozen=True, kw_only=True):
    """Money in one asset. `available` = `balance` - `blocked_margin`."""

    asset: str
    balance: Decimal
    available: Decimal
    blocked_margin: Decimal
    order_margin: Decimal | None
    position_margin: Decimal | None
    commission: Decimal | None
    portfolio_margin: Decimal | None


class Balances(msgspec.Struct, frozen=True, kw_only=True):
    """`unreadable` tells of assets whose row made no sense: what is held of them is not known."""

    assets: tuple[AssetBalance, ...]
    net_equity: Decimal | None
    unreadable: tuple[str, ...] = ()


class Preferences(msgspec.Struct, frozen=True, kw_only=True):
    """`portfolios`: the indices that portfolio margin is on for; None where the exchange tells none on or off."""

    user_id: str
    default_auto_topup: bool | None
    portfolios: tuple[str, ...] | None
    vip_level: int | None
    volume_30d: Decimal | None
    mmp_config: object


class User(msgspec.Struct, frozen=True, kw_only=True):
    user_id: str
    name: str
    margin_mode: str | None
    is_sub_account: bool


class TradingStats(msgspec.Struct, frozen=True, kw_only=True):
    """Turnover in USD over 30 days, 7 days and 24 hours; the exchange does not say whose."""

    volume_30d: Decimal
    volume_7d: Decimal
    volume_24h: Decimal


class HeartbeatState(msgspec.Struct, frozen=True, kw_only=True):
    """A dead-man switch: it cancels orders when its acknowledgements stay out, never positions."""

    heartbeat_id: str
    status: str | None
    impact: str | None
