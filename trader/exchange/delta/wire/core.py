"""Shapes of the wire: REST rows and stream messages, only the fields that are used.

Numbers stay as they came (`Number`); `parse` turns them into domain values and refuses nonsense. Unknown fields are
ignored, optional ones may be missing or null, because the exchange's own editions differ.
"""

from typing import Any, Generic, TypeVar

import msgspec

Number = str | int | float | None
Flag = bool | str | None

T = TypeVar("T")


class Meta(msgspec.Struct):
    after: str | None = None
    before: str | None = None
    net_equity: Number = None


class Envelope(msgspec.Struct, Generic[T]):
    """Success envelope. `result` null or missing is for the caller to judge."""

    success: bool
    result: T | None = None
    meta: Meta | None = None


# ---------------------------------------------------------------------------------------------------- REST rows


class AssetRow(msgspec.Struct):
    symbol: str


class ProductSpecs(msgspec.Struct):
    premium_commission_rate: Number = None
    only_reduce_only_orders_allowed: bool | None = None


class ProductRow(msgspec.Struct):
    id: Number
    symbol: str
    contract_type: str
    contract_value: Number
    tick_size: Number
    taker_commission_rate: Number = None
    maker_commission_rate: Number = None
    initial_margin: Number = None
    maintenance_margin: Number = None
    strike_price: Number = None
    settlement_time: str | None = None
    settlement_price: Number = None
    position_size_limit: Number = None
    state: str | None = None
    trading_status: str | None = None
    notional_type: str | None = None
    is_quanto: Flag = None
    contract_unit_currency: str | None = None
    underlying_asset: AssetRow | None = None
    quoting_asset: AssetRow | None = None
    settling_asset: AssetRow | None = None
    product_specs: ProductSpecs | None = None


class QuotesRow(msgspec.Struct):
    best_bid: Number = None
    best_ask: Number = None
    bid_size: Number = None
    ask_size: Number = None
    bid_iv: Number = None
    ask_iv: Number = None
    mark_iv: Number = None


class GreeksRow(msgspec.Struct):
    delta: Number = None
    gamma: Number = None
    theta: Number = None
    vega: Number = None
    rho: Number = None


class BandRow(msgspec.Struct):
    lower_limit: Number = None
    upper_limit: Number = None


class TickerRow(msgspec.Struct):
    symbol: str
    contract_type: str | None = None
    mark_price: Number = None
    mark_vol: Number = None
    spot_price: Number = None
    greeks: GreeksRow | None = None
    quotes: QuotesRow | None = None
    price_band: BandRow | None = None
    oi_contracts: Number = None
    volume: Number = None
    timestamp: Number = None


class OrderRow(msgspec.Struct):
    """An order of REST or of a stream snapshot (`id`, `product_symbol`) or of a stream update (`order_id`, `symbol`)."""

    id: Number = None
    order_id: Number = None
    client_order_id: str | None = None
    product_id: Number = None
    product_symbol: str | None = None
    symbol: str | None = None
    side: str | None = None
    size: Number = None
    unfilled_size: Number = None
    limit_price: Number = None
    average_fill_price: Number = None
    state: str | None = None
    reduce_only: Flag = None
    cancellation_reason: str | None = None
    paid_commission: Number = None
    stop_order_type: str | None = None
    stop_price: Number = None
    trail_amount: Number = None
    created_at: Number = None
    updated_at: Number = None
    timestamp: Number = None


class FillRow(msgspec.Struct):
    id: Number
    order_id: Number
    product_id: Number
    product_symbol: str
    side: str
    size: Number
    price: Number
    role: str | None = None
    fill_type: str | None = None
    commission: Number = None
    created_at: Number = None
    meta_data: Any = (
        None  # read where the exchange closed the position by itself; of any shape, so that no row fails for it
    )


class PositionRow(msgspec.Struct):
    size: Number = None
    entry_price: Number = None
    liquidation_price: Number = None
    product_id: Number = None
    product_symbol: str | None = None
    symbol: str | None = None


class WalletRow(msgspec.Struct):
    asset_symbol: str | None = None
    balance: Number = None
    available_balance: Number = None
    blocked_margin: Number = None
    order_margin: Number = None
    position_margin: Number = None
    portfolio_margin: Number = None
    commission: Number = None
    timestamp: Number = None


class PreferencesRow(msgspec.Struct):
    user_id: Number = None


# ------------------------------------------------------------------------------------------------ stream: common


class ChannelState(msgspec.Struct):
    name: str
    error: str | None = None


class Subscriptions(msgspec.Struct, tag_field="type", tag="subscriptions"):
    channels: list[ChannelState] = []


class Heartbeat(msgspec.Struct, tag_field="type", tag="heartbeat"):
    pass


class Pong(msgspec.Struct, tag_field="type", tag="pong"):
    pass


# ------------------------------------------------------------------------------------------------ stream: public


class TickerItem(msgspec.Struct, gc=False):
    """One contract of a compact `ticker`. `q` = [ask, ask size, bid, bid size, impact mid], `qiv` = [ask, bid, mark],
    `g` = [delta, gamma, rho, theta, vega], `oi` = [contracts, 6 h change], `pb` = [lower, upper]."""

    s: str
    i: Number = None
    m: Number = None
    q: list[Number] | None = None
    qiv: list[Number] | None = None
    g: list[Number] | None = None
    oi: list[Number] | None = None
    pb: list[Number] | None = None


class Ticker(msgspec.Struct, tag_field="type", tag="ticker", gc=False):
    d: list[TickerItem]
    ts: int
    sp: Number = None


class BestQuote(msgspec.Struct, tag_field="type", tag="ob_l1", gc=False):
    sy: str
    ts: int
    ap: Number = None
    ask_size: Number = msgspec.field(default=None, name="as")
    bp: Number = None
    bs: Number = None


class MarkPrice(msgspec.Struct, tag_field="type", tag="mark_price", gc=False):
    """`sy` carries the ``MARK:`` prefix."""

    sy: str
    ts: int
    p: Number = None


class SpotPrice(msgspec.Struct, tag_field="type", tag="spot_price", gc=False):
    """`sy` is the index symbol."""

    sy: str
    p: Number = None
    ts: int | None = None


class ProductRef(msgspec.Struct):
    id: Number = None
    symbol: str = ""
    trading_status: str = ""


class ProductUpdate(msgspec.Struct, tag_field="type", tag="product_updates"):
    product: ProductRef
    event: str | None = None


class SystemStatus(msgspec.Struct, tag_field="type", tag="system_status"):
    event: str = ""
    status: str | None = None


MarketMessage = Ticker | BestQuote | MarkPrice | SpotPrice
PublicMessage = MarketMessage | ProductUpdate | SystemStatus | Subscriptions | Heartbeat | Pong


# ----------------------------------------------------------------------------------------------- stream: private


class KeyAuth(msgspec.Struct, tag_field="type", tag="key-auth"):
    success: bool = False
    status_code: int | None = None
    status: str = ""
    message: str = ""


class SnapshotMeta(msgspec.Struct):
    seq_no: int | None = None
    timestamp: Number = None


class Orders(OrderRow, tag_field="type", tag="orders"):
    """Update (fields of one order) or snapshot (`action` = snapshot, orders in `result`)."""

    action: str | None = None
    result: list[OrderRow] | None = None
    meta: SnapshotMeta | None = None
    seq_no: int | None = None


class UserTrade(msgspec.Struct, tag_field="type", tag="v2/user_trades"):
    """A fill, short names: `f` fill id, `R` kind, `o` order id, `S` side, `s` size, `p` price, `r` role, `t` time."""

    sy: str
    f: Number
    o: Number
    S: str
    s: Number
    p: Number
    R: str | None = None
    r: str | None = None
    c: str | None = None
    t: Number = None
    se: int | None = None
    product_id: Number = None
    pid: Number = None


class Positions(PositionRow, tag_field="type", tag="positions"):
    action: str | None = None
    result: list[PositionRow] | None = None


class Margins(WalletRow, tag_field="type", tag="margins"):
    action: str | None = None


AccountMessage = Orders | UserTrade | Positions | Margins
PrivateWire = AccountMessage | KeyAuth | SystemStatus | Subscriptions | Heartbeat | Pong
