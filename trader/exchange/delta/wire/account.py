"""Shapes of the account beyond orders and fills: full orders, margined positions, money, preferences, protection.

As in `wire`: only what is used, numbers as they came, everything optional that some edition leaves out.
"""

import msgspec

from trader.exchange.delta.wire.core import Flag, Number, OrderRow, WalletRow


class FullOrderRow(OrderRow):
    """An order with what makes it wait, and with what hangs on it."""

    order_type: str | None = None
    time_in_force: str | None = None
    post_only: Flag = None
    stop_price: Number = None
    trail_amount: Number = None
    stop_trigger_method: str | None = None
    bracket_order: Flag = None
    bracket_stop_loss_price: Number = None
    bracket_stop_loss_limit_price: Number = None
    bracket_take_profit_price: Number = None
    bracket_take_profit_limit_price: Number = None
    bracket_trail_amount: Number = None
    mmp: str | None = None
    commission: Number = None


class MarginedPositionRow(msgspec.Struct):
    product_id: Number = None
    product_symbol: str | None = None
    size: Number = None
    entry_price: Number = None
    mark_price: Number = None
    margin: Number = None
    liquidation_price: Number = None
    bankruptcy_price: Number = None
    adl_level: Number = None
    commission: Number = None
    realized_pnl: Number = None
    realized_funding: Number = None
    realized_cashflow: Number = None
    margin_mode: str | None = None
    auto_topup: Flag = None
    created_at: Number = None


class LeverageRow(msgspec.Struct):
    leverage: Number = None
    order_margin: Number = None
    product_id: Number = None


class FullWalletRow(WalletRow):
    asset_id: Number = None


class TransactionRow(msgspec.Struct):
    id: Number
    amount: Number = None
    balance: Number = None
    transaction_type: str | None = None
    product_id: Number = None
    asset_symbol: str | None = None
    created_at: Number = None


class FullPreferencesRow(msgspec.Struct):
    user_id: Number = None
    default_auto_topup: Flag = None
    vip_level: Number = None
    vip_discount_factor: Number = None
    volume_30d: Number = None
    mmp_config: object = None
    enabled_portfolios: dict[str, object] | None = None


class UserRow(msgspec.Struct):
    id: Number = None
    account_name: str | None = None
    email: str | None = None
    margin_mode: str | None = None
    is_sub_account: Flag = None


class MarginModeRow(msgspec.Struct):
    id: Number = None
    margin_mode: str | None = None


class StatsRow(msgspec.Struct):
    last_30_days_volume: Number = None
    last_7_days_volume: Number = None
    total_volume: Number = None


class HeartbeatCreatedRow(msgspec.Struct):
    heartbeat_id: str | None = None
    status: str | None = None


class HeartbeatAckRow(msgspec.Struct):
    heartbeat_timestamp: Number = None
    process_enabled: Flag = None


class HeartbeatRow(msgspec.Struct):
    heartbeat_id: str
    status: str | None = None
    impact: str | None = None
    last_ack: Number = None
    next_ack_required_by: Number = None
