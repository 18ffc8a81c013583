"""Positions, wallet, leverage and preferences."""

from typing import Any

from trader.domain.instrument import Instrument
from trader.venue.core.refusal import Refused, bad_schema
from trader.venue.wire.account_rows import position_row, transaction_row, wallet_fields
from trader.venue.wire.call import Answer, Call
from trader.venue.wire.catalogue import USD_ASSET_ID
from trader.venue.wire.fields import contract_kinds, decimal, instant, integer, product_ids, words
from trader.venue.wire.paging import page
from trader.venue.wire.text import micros, plain, plain_or_none


def positions(call: Call) -> Answer:
    """GET /v2/positions, real time: one object by product id, an array by underlying."""
    product_id = integer(call.query, "product_id")
    underlying = call.query.get("underlying_asset_symbol")
    if (product_id is None) == (underlying is None):
        raise bad_schema("product_id", "give exactly one of product_id and underlying_asset_symbol")
    by_id = call.exchange.products.by_id
    if product_id is not None:
        instrument = by_id.get(product_id)
        if instrument is None:
            raise Refused("product_not_found", status=404)
        return Answer(_brief(call, instrument))
    held = [by_id[h.product_id] for h in call.account.holdings.values()]
    return Answer([_brief(call, i) for i in held if i.underlying == underlying])


def _brief(call: Call, instrument: Instrument) -> dict[str, Any]:
    held = call.account.holdings.get(instrument.symbol)
    return {
        "product_id": instrument.product_id,
        "product_symbol": instrument.symbol,
        "size": held.size if held else 0,
        "entry_price": plain_or_none(held.entry_price) if held else None,
        "timestamp": micros(call.now),
    }


def margined(call: Call) -> Answer:
    """GET /v2/positions/margined: open positions, as they were a moment ago."""
    wanted, kinds = product_ids(call.query), contract_kinds(words(call.query, "contract_types"))
    by_id = call.exchange.products.by_id
    seen = call.account.positions_as_of(call.now, call.exchange.settings.margined_lag_secs)
    return Answer(
        [
            position_row(call.exchange, call.account, held, call.now)
            for held in seen
            if (wanted is None or held.product_id in wanted) and (kinds is None or by_id[held.product_id].kind in kinds)
        ]
    )


def balances(call: Call) -> Answer:
    """GET /v2/wallet/balances, with the equity in `meta`."""
    account = call.account
    row = {"id": account.user_id, **wallet_fields(account, call.exchange.wallet(account))}
    equity = plain(call.exchange.equity(account))
    return Answer([row], {"net_equity": equity, "robo_trading_equity": "0"})


def transactions(call: Call) -> Answer:
    """GET /v2/wallet/transactions."""
    assets, kinds = words(call.query, "asset_ids"), words(call.query, "transaction_types")
    start, end = instant(call.query, "start_time"), instant(call.query, "end_time")
    rows = [
        t
        for t in reversed(call.account.transactions)
        if (assets is None or str(USD_ASSET_ID) in assets)
        and (kinds is None or t.transaction_type in kinds)
        and (start is None or t.created_at >= start)
        and (end is None or t.created_at <= end)
    ]
    chosen, meta = page(rows, lambda t: t.id, call.query, default=50, maximum=200)
    return Answer([transaction_row(t) for t in chosen], meta)


def get_leverage(call: Call) -> Answer:
    """GET /v2/products/{product_id}/orders/leverage."""
    return Answer(_leverage_row(call, _product(call)))


def set_leverage(call: Call) -> Answer:
    """POST /v2/products/{product_id}/orders/leverage."""
    instrument = _product(call)
    leverage = decimal(call.body, "leverage")
    if leverage is None:
        raise bad_schema("leverage", "is required")
    call.exchange.set_leverage(call.account, instrument, leverage, call.now)
    return Answer(_leverage_row(call, instrument))


def _leverage_row(call: Call, instrument: Instrument) -> dict[str, Any]:
    blocked = sum(
        o.unit_margin * o.unfilled_size
        for o in call.account.open_orders.values()
        if o.symbol == instrument.symbol and not o.reduce_only
    )
    leverage = call.exchange.leverage(call.account, instrument)
    return {"leverage": plain(leverage), "order_margin": f"{blocked:f}", "product_id": instrument.product_id}


def _product(call: Call) -> Instrument:
    found = call.exchange.products.by_id.get(call.path["product_id"])
    if found is None:
        raise Refused("product_not_found", status=404)
    return found


def preferences(call: Call) -> Answer:
    """GET /v2/users/trading_preferences: the keyed "who am I"."""
    return Answer(
        {
            "user_id": call.account.user_id,
            "default_auto_topup": False,
            "mmp_config": None,
            "deto_for_commission": False,
            "vip_level": 0,
            "vip_discount_factor": "0",
            "volume_30d": plain(_volume(call)),
            "email_preferences": {},
            "notification_preferences": {},
            "price_alert_assets": [],
            "enabled_portfolios": {},
            "interest_credit": False,
        }
    )


def _volume(call: Call) -> Any:
    return sum((f.notional for f in call.account.fills), start=call.account.balance * 0)
