"""Assets, indices and products as the exchange publishes them."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from trader.domain.instrument import Instrument, Kind, index_symbol
from trader.venue.core.commission import rates_of
from trader.venue.core.exchange import Exchange
from trader.venue.market.surface import VOL_MAX, VOL_MIN
from trader.venue.wire.text import iso, plain

CONTRACT_TYPES = {Kind.CALL: "call_options", Kind.PUT: "put_options", Kind.PERPETUAL: "perpetual_futures"}
KINDS = {name: kind for kind, name in CONTRACT_TYPES.items()}
USD_ASSET_ID = 14
_ASSET_IDS = {"BTC": 2, "ETH": 1}
_NAMES = {"BTC": "Bitcoin", "ETH": "Ethereum", "USD": "US Dollar"}
_FIRST_OTHER_ASSET_ID = 100
_SOURCE = "local market source"
_IMPACT_SIZE = {True: 300, False: 30_000}  # options, others: contracts, as recorded product rows have them
_CLUBBING = (1, 2, 10, 20, 100, 1000)  # of the tick
_VOLATILITY_SPECS = {
    "vol_calculation_method": "orderbook",
    "min_volatility": VOL_MIN,
    "max_volatility": VOL_MAX,
    "max_deviation_from_external_vol": 0.25,
    "vol_expiry_time": 31_536_000,
    "backup_vol_expiry_time": 31_536_000,
}


def asset_id(symbol: str, underlyings: tuple[str, ...]) -> int:
    """The exchange's number of an asset; assets it does not fix are numbered in the source's order."""
    if symbol == "USD":
        return USD_ASSET_ID
    return _ASSET_IDS.get(symbol, _FIRST_OTHER_ASSET_ID + underlyings.index(symbol))


def asset_row(symbol: str, underlyings: tuple[str, ...]) -> dict[str, Any]:
    """One asset."""
    return {
        "id": asset_id(symbol, underlyings),
        "symbol": symbol,
        "name": _NAMES.get(symbol, symbol),
        "precision": 8,
        "minimum_precision": 2 if symbol == "USD" else 4,
        "deposit_status": "disabled",
        "withdrawal_status": "disabled",
        "base_withdrawal_fee": "0",
        "min_withdrawal_amount": "0",
        "variable_withdrawal_fee": "0",
        "interest_credit": False,
        "interest_slabs": None,
        "networks": [],
        "sort_priority": 1,
    }


def index_row(underlying: str, underlyings: tuple[str, ...]) -> dict[str, Any]:
    """The spot index of an underlying."""
    return {
        "id": asset_id(underlying, underlyings),
        "symbol": index_symbol(underlying),
        "description": f"{underlying} spot index",
        "constituent_exchanges": [
            {"name": _SOURCE, "exchange": _SOURCE, "health_interval": 60, "health_priority": 1, "weight": 1}
        ],
        "impact_size": "10.000000000000000000",
        "underlying_asset_id": asset_id(underlying, underlyings),
        "quoting_asset_id": USD_ASSET_ID,
        "tick_size": "0.1",
        "index_type": "spot_pair",
        "is_composite": False,
        "price_method": "ltp",
        "health_interval": 300,
        "config": {"underlying_asset": underlying, "quoting_asset": "USD", "service_id": 1},
    }


def product_row(exchange: Exchange, instrument: Instrument, listed_since: datetime | None = None) -> dict[str, Any]:
    """One contract, live or expired, with its terms; `listed_since` None takes when this exchange first saw it."""
    underlyings = exchange.market.underlyings
    gone = exchange.products.expired.get(instrument.symbol)
    option = instrument.kind is not Kind.PERPETUAL
    listed = listed_since or exchange.products.listed_at.get(instrument.symbol, exchange.now)
    leverage = exchange.settings.option_leverage if option else exchange.settings.perpetual_leverage
    usd = asset_row("USD", underlyings)
    rates = rates_of(instrument, exchange.settings)
    row: dict[str, Any] = {
        "id": instrument.product_id,
        "symbol": instrument.symbol,
        "description": _description(instrument),
        "short_description": f"{instrument.underlying} {instrument.kind.value}",
        "contract_type": CONTRACT_TYPES[instrument.kind],
        "state": "expired" if gone else instrument.state,
        "trading_status": instrument.trading_status,
        "disruption_reason": None,
        "notional_type": "vanilla",
        "created_at": iso(listed),
        "updated_at": iso(listed),
        "launch_time": iso(listed),
        "settlement_time": iso(instrument.expiry) if instrument.expiry else None,
        "settlement_price": plain(gone.settlement_price) if gone else None,
        "strike_price": plain(instrument.strike) if instrument.strike is not None else None,
        "barrier_price": None,
        "contract_value": plain(instrument.contract_value),
        "contract_unit_currency": instrument.underlying,
        "tick_size": plain(instrument.tick_size),
        "initial_margin": plain(instrument.initial_margin_pct),
        "maintenance_margin": plain(instrument.maintenance_margin_pct),
        "initial_margin_scaling_factor": "0",
        "maintenance_margin_scaling_factor": "0",
        "max_leverage_notional": "0",
        "default_leverage": plain(leverage),
        "position_size_limit": instrument.position_size_limit or exchange.settings.max_order_size,
        "position_notional_limit": None,
        "impact_notional": None,
        "impact_size": _IMPACT_SIZE[option],
        "taker_commission_rate": plain(rates.taker),
        "maker_commission_rate": plain(rates.maker),
        "liquidation_penalty_factor": "0",
        "basis_factor_max_limit": "0",
        "annualized_funding": "0",
        "insurance_fund_margin_contribution": "0",
        "funding_method": "mark_price",
        "is_quanto": False,
        "price_band": plain(exchange.settings.perpetual_band_pct),
        "auction_start_time": None,
        "auction_finish_time": None,
        "product_specs": _specs(exchange, instrument, gone.index_price if gone else None),
        "underlying_asset": asset_row(instrument.underlying, underlyings),
        "quoting_asset": usd,
        "settling_asset": usd,
        "spot_index": index_row(instrument.underlying, underlyings),
        "ui_config": {
            "default_trading_view_candle": "15",
            "leverage_slider_values": [1, 5, 10, 25, 50, 100, int(exchange.settings.max_leverage)],
            "price_clubbing_values": [float(instrument.tick_size * step) for step in _CLUBBING],
            "show_bracket_orders": True,
            "sort_priority": 1,
            "tags": [],
        },
    }
    return row


def _specs(exchange: Exchange, instrument: Instrument, settlement_index: Decimal | None) -> dict[str, Any]:
    specs: dict[str, Any] = {"only_reduce_only_orders_allowed": False, "tags": []}
    if instrument.fee_cap is not None:
        # Capped at its own rate of the premium, a fee reckoned by the exchange's rule is the simple model's.
        rates = rates_of(instrument, exchange.settings)
        specs["premium_commission_rate"] = float(rates.taker if rates.cap is None else rates.cap)
        specs |= _VOLATILITY_SPECS
    if instrument.kind is Kind.PERPETUAL:
        specs["funding_clamp_value"] = float(exchange.settings.funding_clamp_pct)
        specs["rate_exchange_interval"] = exchange.settings.funding_interval_secs
    if settlement_index is not None:
        specs["settlement_index_price"] = plain(settlement_index)
    return specs


def _description(instrument: Instrument) -> str:
    if instrument.expiry is None:
        return f"{instrument.underlying} perpetual future quoted, settled and margined in USD"
    return f"{instrument.underlying} {instrument.kind.value} option expiring on {instrument.expiry:%d-%m-%Y}"


def trimmed_product(instrument: Instrument) -> dict[str, Any]:
    """The short product object inside fills."""
    usd = {"minimum_precision": 2, "precision": 8, "symbol": "USD"}
    return {
        "id": instrument.product_id,
        "symbol": instrument.symbol,
        "contract_type": CONTRACT_TYPES[instrument.kind],
        "tick_size": plain(instrument.tick_size),
        "contract_value": plain(instrument.contract_value),
        "contract_unit_currency": instrument.underlying,
        "notional_type": "vanilla",
        "quoting_asset": usd,
        "settling_asset": usd,
        "underlying_asset": {"minimum_precision": 4, "precision": 8, "symbol": instrument.underlying},
        "spot_index": {"symbol": index_symbol(instrument.underlying)},
    }


def chain_members(exchange: Exchange, chain: str) -> list[Instrument] | None:
    """The live options of a chain symbol such as ``BTC-310326``; None when it names none."""
    underlying, _, day = chain.partition("-")
    if underlying not in exchange.market.underlyings or len(day) != 6 or not day.isdigit():
        return None
    members = [
        i
        for i in exchange.products.live.values()
        if i.underlying == underlying and i.expiry is not None and _day(i.expiry) == day
    ]
    return members or None


def _day(expiry: datetime) -> str:
    return f"{expiry:%d%m%y}"
