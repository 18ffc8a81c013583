"""Orders, fills, positions and money as the exchange publishes them, on REST and on the private socket."""

from datetime import datetime
from typing import Any

from trader.domain.fill import FillKind
from trader.domain.instrument import Instrument, index_symbol
from trader.pricing.portfolio import PortfolioMargin
from trader.venue.core.account import Account, Wallet
from trader.venue.core.events import MmpEvent, OrderEvent, PositionEvent, TradeEvent
from trader.venue.core.exchange import Exchange
from trader.venue.core.fill_names import rest_fill_name, stream_fill_name
from trader.venue.core.holding import Holding
from trader.venue.core.margin import liquidation_prices
from trader.venue.core.portfolio import portfolio_margin
from trader.venue.core.records import BRACKET_PRICES, FillRow, Order, Transaction
from trader.venue.core.settings import CoreSettings
from trader.venue.market.instants import to_us
from trader.venue.wire.catalogue import USD_ASSET_ID, product_row, trimmed_product
from trader.venue.wire.text import iso, plain, plain_or_none

_FLAG = {True: "true", False: "false"}


def order_row(order: Order, settings: CoreSettings) -> dict[str, Any]:
    """An order as REST and the snapshot of the orders channel give it."""
    time = iso if settings.order_times == "iso" else _digits
    return {
        "id": order.id,
        "user_id": order.user_id,
        "product_id": order.product_id,
        "product_symbol": order.symbol,
        "client_order_id": order.client_order_id,
        "side": order.side.value,
        "order_type": order.order_type.value,
        "limit_price": plain_or_none(order.limit_price),
        "size": order.size,
        "unfilled_size": order.unfilled_size,
        "average_fill_price": plain_or_none(order.average_fill_price),
        "state": order.state,
        "cancellation_reason": order.cancellation_reason,
        "time_in_force": order.time_in_force.value,
        "post_only": _FLAG[order.post_only],
        "reduce_only": _FLAG[order.reduce_only],
        "close_on_trigger": "false",
        **_stop_fields(order),
        "bracket_order": order.bracket_order or None,
        **_bracket_fields(order),
        "mmp": order.mmp,
        "paid_commission": plain(order.paid_commission),
        "commission": plain(
            order.unit_commission * order.unfilled_size if order.state == "open" else 0 * order.unit_commission
        ),
        "meta_data": {"source": "api"},
        "created_at": time(order.created_at),
        "updated_at": time(order.updated_at),
    }


def _digits(instant: datetime) -> str:
    return str(to_us(instant))


def _stop_fields(order: Order) -> dict[str, Any]:
    stop = order.stop
    return {
        "stop_order_type": stop.kind.value if stop is not None else None,
        "stop_price": plain_or_none(stop.price) if stop is not None else None,
        "trail_amount": plain_or_none(stop.trail) if stop is not None else None,
        "stop_trigger_method": stop.method.value if stop is not None else None,
    }


def _bracket_fields(order: Order) -> dict[str, Any]:
    """What an entry order's fills will be protected with."""
    bracket = order.bracket
    return {
        f"bracket_{name}": plain_or_none(getattr(bracket, name)) if bracket is not None else None
        for name in BRACKET_PRICES
    }


def order_frame(event: OrderEvent) -> dict[str, Any]:
    """An update of the orders channel; its key is `order_id`."""
    order = event.order
    return {
        "type": "orders",
        "action": event.action,
        "reason": event.reason,
        "symbol": order.symbol,
        "product_id": order.product_id,
        "order_id": order.id,
        "user_id": order.user_id,
        "client_order_id": order.client_order_id,
        "side": order.side.value,
        "order_type": order.order_type.value,
        "size": order.size,
        "unfilled_size": order.unfilled_size,
        "limit_price": plain_or_none(order.limit_price),
        "average_fill_price": plain_or_none(order.average_fill_price),
        "state": order.state,
        "cancellation_reason": order.cancellation_reason,
        "reduce_only": _FLAG[order.reduce_only],
        "time_in_force": order.time_in_force.value,
        "post_only": _FLAG[order.post_only],
        **_stop_fields(order),
        "trigger_price_max_or_min": plain_or_none(order.stop.extreme) if order.stop is not None else None,
        "bracket_order": order.bracket_order,
        **_bracket_fields(order),
        "mmp": order.mmp,
        "paid_commission": plain(order.paid_commission),
        "seq_no": event.seq_no,
        "timestamp": to_us(event.ts),
    }


def fill_row(exchange: Exchange, fill: FillRow) -> dict[str, Any]:
    """A row of GET /v2/fills. It carries no client order id, as at the exchange."""
    instrument = exchange.products.by_id[fill.product_id]
    settings = exchange.settings
    return {
        "id": rest_fill_name(fill.id, settings),
        "order_id": fill.order_id,
        "product_id": fill.product_id,
        "product_symbol": fill.symbol,
        "product": trimmed_product(instrument),
        "side": fill.side.value,
        "size": fill.size if settings.fill_form == "numbers" else str(fill.size),
        "price": plain(fill.price),
        "notional": plain(fill.notional),
        "role": fill.role,
        "fill_type": fill.kind.value,
        "commission": plain(fill.commission),
        "settling_asset_id": USD_ASSET_ID,
        "settling_asset_symbol": "USD",
        "created_at": iso(fill.created_at),
        "meta_data": _fill_meta(fill, instrument, settings),
    }


def _fill_meta(fill: FillRow, instrument: Instrument, settings: CoreSettings) -> dict[str, Any]:
    ordered = {
        "order_size": str(fill.order_size),
        "order_type": fill.order_type,
        "order_unfilled_size": str(fill.order_unfilled_size),
    }
    if fill.kind is FillKind.SETTLEMENT:
        return ordered | {"new_position": {"size": fill.position_size, "commission": "0"}}
    return ordered | {
        "order_price": plain_or_none(fill.order_price),
        "effective_commission_rate": plain(fill.commission_rate),
        "is_commission_on_notional": fill.on_notional,
        "total_commission_in_settling_asset": plain(fill.commission),
        "tfc_used_for_commission": "0",
        "tfc_used_for_liquidation_fee": "0",
        "commission_deto": "0",
        "commission_deto_in_settling_asset": "0",
        "liquidation_fee_deto": "0",
        "liquidation_fee_deto_in_settling_asset": "0",
        "total_liquidation_fee_in_settling_asset": plain(fill.liquidation_fee),
        "rack_commision": "0",
        "mark": plain_or_none(fill.mark),
        "spot": plain_or_none(fill.spot),
        "source": "api",
        "ip": "127.0.0.1",
        "new_position": _new_position(fill, instrument, settings),
    }


def _new_position(fill: FillRow, instrument: Instrument, settings: CoreSettings) -> dict[str, Any]:
    """The position after a fill; what only an open one has is absent, not null, once it is flat."""
    row: dict[str, Any] = {
        "size": fill.position_size,
        "margin": plain(fill.margin),
        "commission": plain(fill.position_commission),
        "realized_pnl": plain(fill.realized_pnl),
        "realized_cashflow": plain(fill.realized_cashflow),
        "realized_funding": plain(fill.realized_funding),
        "liquidation_price": None,
        "bankruptcy_price": None,
    }
    if fill.entry_price is None or fill.spot is None:
        return row
    bounds = liquidation_prices(instrument, fill.position_size, fill.entry_price, fill.margin, fill.spot)
    return row | {
        "liquidation_price": plain_or_none(bounds.liquidation),
        "bankruptcy_price": plain_or_none(bounds.bankruptcy),
        "entry_price": plain(fill.entry_price),
        "total_commission_paid": plain(fill.total_commission),
        "last_fill_uuid": str(rest_fill_name(fill.id, settings)),
    }


def trade_frame(event: TradeEvent, settings: CoreSettings) -> dict[str, Any]:
    """A `v2/user_trades` frame."""
    fill = event.fill
    return {
        "type": "v2/user_trades",
        "sy": fill.symbol,
        "f": stream_fill_name(fill.id, settings),
        "R": fill.kind.value,
        "u": fill.user_id,
        "o": int(fill.order_id),
        "S": fill.side.value,
        "s": fill.size,
        "p": plain(fill.price),
        "po": fill.position_size,
        "r": fill.role,
        "c": fill.client_order_id,
        "t": to_us(fill.created_at),
        "se": event.seq_no,
    }


def slow_trade_frame(event: TradeEvent, settings: CoreSettings) -> dict[str, Any]:
    """A frame of the older `user_trades` channel; the only one that carries the commission."""
    fill = event.fill
    return {
        "type": "user_trades",
        "symbol": fill.symbol,
        "product_id": fill.product_id,
        "user_id": fill.user_id,
        "order_id": int(fill.order_id),
        "client_order_id": fill.client_order_id,
        "fill_id": stream_fill_name(fill.id, settings),
        "side": fill.side.value,
        "size": fill.size,
        "price": plain(fill.price),
        "role": fill.role,
        "reason": fill.kind.value,
        "commission": plain(fill.commission),
        "timestamp": to_us(fill.created_at),
        "seq_no": event.seq_no,
    }


def position_row(exchange: Exchange, account: Account, holding: Holding, now: datetime) -> dict[str, Any]:
    """A row of GET /v2/positions/margined."""
    instrument = exchange.products.find(holding.symbol)
    row = position_snapshot_row(exchange, account, holding)
    del row["symbol"]  # the socket's second name for it; the list has `product_symbol` alone
    live = holding.symbol in exchange.products.live
    mark = exchange.stats(holding.symbol).mark if live else None
    entry = holding.entry_price
    unrealized = None
    if mark is not None and entry is not None and instrument is not None:
        unrealized = (mark - entry) * holding.size * instrument.contract_value
    row.update(
        {
            "product": product_row(exchange, instrument) if instrument is not None else None,
            "mark_price": plain_or_none(mark),
            "unrealized_pnl": plain_or_none(unrealized),
            "unrealized_cashflow": plain_or_none(
                mark * holding.size * instrument.contract_value if mark is not None and instrument is not None else None
            ),
            "realized_cashflow": plain(holding.realized_cashflow),
            "realized_holding_cost": "0",
            "margin_mode": account.margin_mode,
        }
    )
    return row


def position_snapshot_row(exchange: Exchange, account: Account, holding: Holding) -> dict[str, Any]:
    """A row of the positions channel's snapshot."""
    bounds = exchange.liquidation(account, holding.symbol)
    return {
        "user_id": holding.user_id,
        "product_id": holding.product_id,
        "product_symbol": holding.symbol,
        "symbol": holding.symbol,
        "size": holding.size,
        "entry_price": plain_or_none(holding.entry_price),
        "margin": plain(holding.margin),
        "liquidation_price": plain_or_none(bounds.liquidation),
        "bankruptcy_price": plain_or_none(bounds.bankruptcy),
        "commission": plain(holding.commission),
        "adl_level": None,
        "auto_topup": holding.auto_topup,
        "realized_pnl": plain(holding.realized_pnl),
        "realized_funding": plain(holding.realized_funding),
        "created_at": iso(holding.created_at),
        "updated_at": iso(holding.updated_at),
    }


def position_frame(exchange: Exchange, account: Account, event: PositionEvent) -> dict[str, Any]:
    """An update of the positions channel."""
    held = event.holding
    bounds = exchange.liquidation(account, held.symbol)
    return {
        "type": "positions",
        "action": event.action,
        "reason": event.reason,
        "symbol": held.symbol,
        "product_id": held.product_id,
        "user_id": held.user_id,
        "size": held.size,
        "margin": plain(held.margin),
        "entry_price": plain_or_none(held.entry_price),
        "liquidation_price": plain_or_none(bounds.liquidation),
        "bankruptcy_price": plain_or_none(bounds.bankruptcy),
        "commission": plain(held.commission),
        "timestamp": to_us(event.ts),
    }


def wallet_fields(account: Account, wallet: Wallet) -> dict[str, Any]:
    """The USD wallet of an account; cross margin is not offered and stays zero."""
    return {
        "id": account.user_id,
        "user_id": account.user_id,
        "asset_id": USD_ASSET_ID,
        "asset_symbol": "USD",
        "balance": plain(wallet.balance),
        "available_balance": plain(wallet.available_balance),
        "available_balance_for_robo": plain(wallet.available_balance),
        "blocked_margin": plain(wallet.blocked_margin),
        "order_margin": plain(wallet.order_margin),
        "position_margin": plain(wallet.position_margin),
        "commission": plain(wallet.commission),
        "cross_order_margin": "0",
        "cross_position_margin": "0",
        "cross_commission": "0",
        "cross_locked_collateral": "0",
        "cross_asset_liability": "0",
        "portfolio_margin": plain(wallet.portfolio_margin),
        "interest_credit": "0",
        "trading_fee_credit": "0",
        "pending_trading_fee_credit": "0",
        "pending_referral_bonus": "0",
        "unvested_amount": "0",
    }


def margins_frame(exchange: Exchange, account: Account, ts: datetime) -> dict[str, Any]:
    """A frame of the margins channel: the wallet as it is now."""
    fields = wallet_fields(account, exchange.wallet(account))
    return {"type": "margins", "action": "update", **fields, "robo_trading_equity": "0", "timestamp": to_us(ts)}


def portfolio_frame(exchange: Exchange, account: Account, underlying: str) -> dict[str, Any]:
    """A frame of the portfolio_margins channel for one index."""
    margin = portfolio_margin(exchange.market, exchange.products.live, account, exchange.now, index=underlying)
    frame = {
        "type": "portfolio_margins",
        "user_id": account.user_id,
        "asset_id": USD_ASSET_ID,
        "index_symbol": index_symbol(underlying),
        "liquidation_risk": margin.at_risk,
        "under_liquidation": margin.under_liquidation,
        "blocked_margin": plain(margin.blocked),
        "im_w_ucf": plain(margin.im_with_ucf),
        "im_wo_ucf": plain(margin.im_without_ucf),
        "mm_w_ucf": plain(margin.mm_with_ucf),
        "mm_wo_ucf": plain(margin.mm_without_ucf),
        "positions_upl": plain(margin.ucf),
        "risk_margin": plain(margin.risk_margin),
        "margin_floor": plain(margin.floor),
        "futures_margin_floor": plain(margin.futures_floor),
        "short_options_margin_floor": plain(margin.short_options_floor),
        "long_options_margin_floor": plain(margin.long_options_floor),
        "commission": plain(margin.commission),
        "risk_matrix": _risk_matrix(margin),
        "timestamp": to_us(exchange.now),
    }
    if margin.at_risk:
        frame["margin_shortfall"] = plain(margin.required - margin.blocked)
    return frame


def _risk_matrix(margin: PortfolioMargin) -> dict[str, list[dict[str, Any]]]:
    """Every scenario under its volatility, by rising price shock (percent)."""
    worst = min((s.pnl for s in margin.scenarios), default=0.0)
    matrix: dict[str, list[dict[str, Any]]] = {"down": [], "unchanged": [], "up": []}
    for scenario in sorted(margin.scenarios, key=lambda s: s.price_shock):
        row = {
            "is_worst": scenario.pnl == worst,
            "pnl": f"{scenario.pnl:.8f}",
            "price_shock": f"{scenario.price_shock * 100:.4f}",
        }
        matrix[scenario.volatility].append(row)
    return matrix


def mmp_frame(event: MmpEvent) -> dict[str, Any]:
    """A frame of the mmp_trigger channel; -1 = frozen until it is reset by hand."""
    return {
        "type": "mmp_trigger",
        "user_id": event.user_id,
        "asset": event.asset,
        "frozen_till": to_us(event.frozen_till) if event.frozen_till is not None else -1,
    }


def transaction_row(transaction: Transaction, settings: CoreSettings) -> dict[str, Any]:
    """A row of GET /v2/wallet/transactions."""
    fill_id = transaction.fill_id
    return {
        "id": transaction.id,
        "uuid": f"{transaction.id:032x}",
        "amount": plain(transaction.amount),
        "balance": plain(transaction.balance),
        "transaction_type": transaction.transaction_type,
        "meta_data": {
            "order_id": transaction.order_id,
            "fill_id": None if fill_id is None else str(rest_fill_name(fill_id, settings)),
        },
        "product_id": transaction.product_id,
        "asset_id": USD_ASSET_ID,
        "asset_symbol": "USD",
        "user_id": transaction.user_id,
        "created_at": iso(transaction.created_at),
    }
