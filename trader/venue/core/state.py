"""Saving and restoring an exchange: a small header that changes often, and rows that are written once or rarely."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from trader.domain.instrument import Instrument
from trader.venue.core.deadman import Heartbeat
from trader.venue.core.exchange import Exchange
from trader.venue.core.holding import Holding
from trader.venue.core.ledger import Counters
from trader.venue.core.mmp import MmpState
from trader.venue.core.products import ExpiredProduct
from trader.venue.core.records import FillRow, Order, Transaction


class AccountHeader(msgspec.Struct, kw_only=True):
    """An account without its growing lists."""

    user_id: int
    initial_balance: Decimal
    balance: Decimal
    holdings: list[Holding]
    leverage: dict[int, Decimal]
    order_seq: dict[str, int]
    trade_seq: dict[str, int]
    margin_mode: str = "isolated"
    default_auto_topup: bool = False
    mmp: list[MmpState] = []
    heartbeats: list[Heartbeat] = []
    preferences: dict[str, Any] = {}


class Header(msgspec.Struct, kw_only=True):
    """Everything small: the market time reached, counters, accounts, the running index average."""

    now: datetime
    seed: int
    counters: Counters
    accounts: list[AccountHeader]
    average: dict[str, Any]


class Rows(msgspec.Struct, kw_only=True):
    """The growing lists, in the order they were made."""

    instruments: list[Instrument]
    expired: list[ExpiredProduct]
    orders: list[Order]
    fills: list[FillRow]
    transactions: list[Transaction]


def header_of(exchange: Exchange) -> Header:
    """The header of an exchange as it stands."""
    return Header(
        now=exchange.now,
        seed=exchange.settings.seed,
        counters=exchange.counters,
        average=exchange.average.state(),
        accounts=[
            AccountHeader(
                user_id=account.user_id,
                initial_balance=account.initial_balance,
                balance=account.balance,
                holdings=list(account.holdings.values()),
                leverage=dict(account.leverage),
                order_seq=dict(account.order_seq),
                trade_seq=dict(account.trade_seq),
                margin_mode=account.margin_mode,
                default_auto_topup=account.default_auto_topup,
                mmp=list(account.mmp.values()),
                heartbeats=list(account.heartbeats.values()),
                preferences=dict(account.preferences),
            )
            for account in exchange.accounts.values()
        ],
    )


def restore(exchange: Exchange, header: Header, rows: Rows) -> None:
    """Bring a fresh exchange to a saved state; contracts that expired meanwhile settle at the index of now.

    The market source must have been restored before the exchange was made.

    Raises:
        ValueError: The market does not list a contract the accounts hold.
    """
    for name in Counters.__struct_fields__:
        setattr(exchange.counters, name, getattr(header.counters, name))
    exchange.average.restore(header.average)
    by_symbol = {i.symbol: i for i in rows.instruments}
    for instrument in rows.instruments:
        exchange.products.by_id.setdefault(instrument.product_id, instrument)
        exchange.products.traded.add(instrument.product_id)
    for product in rows.expired:
        exchange.products.expire(product)
    for saved in header.accounts:
        _restore_account(exchange, saved)
    _restore_rows(exchange, rows)
    for symbol in _interesting(exchange):
        if symbol not in exchange.products.live and symbol not in exchange.products.expired:
            instrument = by_symbol[symbol]
            if instrument.expiry is None or instrument.expiry > exchange.now:
                raise ValueError(f"the market does not list {symbol}, in which the saved account has an interest")
            exchange.settle_contract(instrument, exchange.market.spot(instrument.underlying))
    exchange.rest_restored_orders()


def _restore_account(exchange: Exchange, saved: AccountHeader) -> None:
    account = exchange.open_account(saved.user_id, initial_balance=saved.initial_balance)
    account.initial_balance, account.balance = saved.initial_balance, saved.balance
    account.leverage.update(saved.leverage)
    account.order_seq.update(saved.order_seq)
    account.trade_seq.update(saved.trade_seq)
    account.margin_mode, account.default_auto_topup = saved.margin_mode, saved.default_auto_topup
    account.mmp.update(((state.config.asset, state.config.mmp), state) for state in saved.mmp)
    account.heartbeats.update((heartbeat.heartbeat_id, heartbeat) for heartbeat in saved.heartbeats)
    account.preferences.update(saved.preferences)
    for holding in saved.holdings:
        account.holdings[holding.symbol] = holding
        account.remember_position(holding.symbol, holding, holding.updated_at)


def _restore_rows(exchange: Exchange, rows: Rows) -> None:
    for order in rows.orders:
        exchange.accounts[order.user_id].add_order(order)
    for fill in rows.fills:
        exchange.accounts[fill.user_id].fills.append(fill)
    for transaction in rows.transactions:
        exchange.accounts[transaction.user_id].transactions.append(transaction)
    for account in exchange.accounts.values():
        account.changed_orders.clear()


def _interesting(exchange: Exchange) -> Iterable[str]:
    """Symbols somebody holds or has an order in, in a fixed order."""
    found: set[str] = set()
    for account in exchange.accounts.values():
        found.update(account.holdings)
        found.update(o.symbol for o in account.live_orders)
    return sorted(found)
