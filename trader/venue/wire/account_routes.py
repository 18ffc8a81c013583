"""Wallet and leverage."""

from typing import Any

from trader.domain.instrument import Instrument
from trader.venue.core.records import Transaction
from trader.venue.core.refusal import bad_schema
from trader.venue.wire.account_rows import transaction_row, wallet_fields
from trader.venue.wire.call import Answer, Call
from trader.venue.wire.catalogue import USD_ASSET_ID
from trader.venue.wire.csv_text import csv_text
from trader.venue.wire.fields import decimal, words
from trader.venue.wire.filters import of_times, product_of
from trader.venue.wire.paging import page
from trader.venue.wire.text import iso, plain

_CSV_COLUMNS = "id created_at transaction_type amount balance asset_symbol product_id order_id".split()


def balances(call: Call) -> Answer:
    """GET /v2/wallet/balances, with the equity in `meta`."""
    account = call.account
    row = wallet_fields(account, call.exchange.wallet(account))
    equity = plain(call.exchange.equity(account))
    return Answer([row], {"net_equity": equity, "robo_trading_equity": "0"})


def transactions(call: Call) -> Answer:
    """GET /v2/wallet/transactions."""
    chosen, meta = page(_transactions(call), lambda t: t.id, call.query, default=50, maximum=200)
    return Answer([transaction_row(t, call.exchange.settings) for t in chosen], meta)


def transactions_csv(call: Call) -> Answer:
    """GET /v2/wallet/transactions/download: every entry the filters select, newest first."""
    rows = [
        (
            str(t.id),
            iso(t.created_at),
            t.transaction_type,
            plain(t.amount),
            plain(t.balance),
            "USD",
            str(t.product_id or ""),
            t.order_id or "",
        )
        for t in _transactions(call)
    ]
    return Answer(csv_text(_CSV_COLUMNS, rows), csv=True)


def _transactions(call: Call) -> list[Transaction]:
    assets, kinds = words(call.query, "asset_ids"), words(call.query, "transaction_types")
    timely = of_times(call)
    return [
        t
        for t in reversed(call.account.transactions)
        if (assets is None or str(USD_ASSET_ID) in assets)
        and (kinds is None or t.transaction_type in kinds)
        and timely(t.created_at)
    ]


def get_leverage(call: Call) -> Answer:
    """GET /v2/products/{product_id}/orders/leverage."""
    return Answer(_leverage_row(call, product_of(call, call.path["product_id"])))


def set_leverage(call: Call) -> Answer:
    """POST /v2/products/{product_id}/orders/leverage."""
    instrument = product_of(call, call.path["product_id"])
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
