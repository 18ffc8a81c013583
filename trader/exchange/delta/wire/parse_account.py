"""Account rows beyond orders and fills to values. Pure and strict: a guess here costs money."""

from enum import StrEnum
from typing import TypeVar

from trader.domain.errors import WireError
from trader.domain.margin import MarginedPosition
from trader.domain.order import OrderType, TimeInForce
from trader.domain.wallet import Transaction
from trader.exchange.delta.wire import numbers as n
from trader.exchange.delta.wire.account import (
    FullOrderRow,
    FullPreferencesRow,
    FullWalletRow,
    HeartbeatRow,
    LeverageRow,
    MarginedPositionRow,
    StatsRow,
    TransactionRow,
    UserRow,
)
from trader.exchange.delta.wire.parse import parse_order, parse_wallet
from trader.exchange.delta.wire.values import (
    AssetBalance,
    HeartbeatState,
    Leverage,
    OrderDetails,
    Preferences,
    TradingStats,
    User,
)

_Word = TypeVar("_Word", bound=StrEnum)


def parse_order_details(row: FullOrderRow) -> OrderDetails:
    """An order with its terms.

    Raises:
        WireError: As `parse_order`, or a price among the terms makes no sense.
    """
    return OrderDetails(
        order=parse_order(row),
        order_type=_word(OrderType, row.order_type),
        time_in_force=_word(TimeInForce, row.time_in_force),
        post_only=n.flag(row.post_only),
        stop_kind=row.stop_order_type,
        stop_price=n.price_of(row.stop_price, "stop_price"),
        trail_amount=n.decimal_of(row.trail_amount, "trail_amount"),
        trigger=row.stop_trigger_method,
        is_bracket_leg=n.flag(row.bracket_order),
        bracket_stop_loss=n.price_of(row.bracket_stop_loss_price, "bracket_stop_loss_price"),
        bracket_stop_loss_limit=n.price_of(row.bracket_stop_loss_limit_price, "bracket_stop_loss_limit_price"),
        bracket_take_profit=n.price_of(row.bracket_take_profit_price, "bracket_take_profit_price"),
        bracket_take_profit_limit=n.price_of(row.bracket_take_profit_limit_price, "bracket_take_profit_limit_price"),
        bracket_trail=n.decimal_of(row.bracket_trail_amount, "bracket_trail_amount"),
        mmp=None if row.mmp in (None, "", "disabled") else row.mmp,
        blocked_commission=n.decimal_of(row.commission, "commission"),
    )


def parse_margined(row: MarginedPositionRow) -> MarginedPosition:
    """A position with its margin.

    Raises:
        WireError: Size, product or margin is missing or nonsense.
    """
    return MarginedPosition(
        symbol=row.product_symbol or "",
        product_id=n.count(row.product_id, "product_id"),
        quantity=n.whole(row.size, "position size"),
        entry_price=n.price_of(row.entry_price, "entry_price"),
        mark=n.price_of(row.mark_price, "mark_price"),
        margin=n.required(row.margin, "margin"),
        liquidation_price=n.price_or_none(row.liquidation_price),
        bankruptcy_price=n.price_or_none(row.bankruptcy_price),
        blocked_commission=n.decimal_of(row.commission, "commission"),
        realized_pnl=n.decimal_of(row.realized_pnl, "realized_pnl"),
        realized_funding=n.decimal_of(row.realized_funding, "realized_funding"),
        realized_cashflow=n.decimal_of(row.realized_cashflow, "realized_cashflow"),
        margin_mode=row.margin_mode,
        auto_topup=n.flag(row.auto_topup),
        created_at=n.instant_of(row.created_at, "created_at"),
    )


def parse_leverage(row: LeverageRow, product_id: int) -> Leverage:
    """Leverage of one product.

    Raises:
        WireError: The leverage is missing or not above 0, or the answer is about another product.
    """
    told = n.count(row.product_id, "product_id") if row.product_id is not None else product_id
    if told != product_id:
        raise WireError(f"mismatch: asked about product {product_id}, answered {told}")
    return Leverage(
        product_id=product_id,
        leverage=n.positive(row.leverage, "leverage"),
        order_margin=n.decimal_of(row.order_margin, "order_margin"),
    )


def parse_balance(row: FullWalletRow) -> AssetBalance:
    """One asset of the wallet.

    Raises:
        WireError: The asset or a balance is missing.
    """
    if not row.asset_symbol:
        raise WireError("a wallet row names no asset")
    money = parse_wallet(row)
    return AssetBalance(
        asset=row.asset_symbol,
        balance=money.balance,
        available=money.available,
        blocked_margin=money.blocked_margin,
        order_margin=n.decimal_of(row.order_margin, "order_margin"),
        position_margin=n.decimal_of(row.position_margin, "position_margin"),
        commission=n.decimal_of(row.commission, "commission"),
        portfolio_margin=n.decimal_of(row.portfolio_margin, "portfolio_margin"),
    )


def parse_transaction(row: TransactionRow) -> Transaction:
    """One line of the ledger.

    Raises:
        WireError: Id, kind, amount or balance is missing.
    """
    if not row.transaction_type:
        raise WireError("a transaction without a type")
    return Transaction(
        transaction_id=n.id_of(row.id, "transaction id"),
        kind=row.transaction_type,
        amount=n.required(row.amount, "amount"),
        balance=n.required(row.balance, "balance"),
        asset=row.asset_symbol,
        product_id=n.count(row.product_id, "product_id") if row.product_id is not None else None,
        created_at=n.instant_of(row.created_at, "created_at"),
    )


def parse_preferences(row: FullPreferencesRow) -> Preferences:
    """Raises: WireError: The user id is missing."""
    return Preferences(
        user_id=n.id_of(row.user_id, "user_id"),
        default_auto_topup=None if row.default_auto_topup is None else n.flag(row.default_auto_topup),
        portfolios=tuple(name for name, on in row.enabled_portfolios.items() if on is True)
        if row.enabled_portfolios
        else None,
        vip_level=n.count_or_none(row.vip_level),
        volume_30d=n.decimal_or_none(row.volume_30d),
        mmp_config=row.mmp_config,
    )


def parse_user(row: UserRow) -> User:
    """Raises: WireError: The id is missing."""
    return User(
        user_id=n.id_of(row.id, "user id"),
        name=row.account_name or row.email or "",
        margin_mode=row.margin_mode,
        is_sub_account=n.flag(row.is_sub_account),
    )


def parse_stats(row: StatsRow) -> TradingStats:
    """Raises: WireError: A volume is missing."""
    return TradingStats(
        volume_30d=n.required(row.last_30_days_volume, "last_30_days_volume"),
        volume_7d=n.required(row.last_7_days_volume, "last_7_days_volume"),
        volume_24h=n.required(row.total_volume, "total_volume"),
    )


def parse_heartbeat(row: HeartbeatRow) -> HeartbeatState:
    return HeartbeatState(heartbeat_id=row.heartbeat_id, status=row.status, impact=row.impact)


def _word(kind: type[_Word], text: str | None) -> _Word | None:
    """A word of a known list; None for one the exchange may add one day."""
    try:
        return kind(text or "")
    except ValueError:
        return None
