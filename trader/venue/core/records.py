"""What an account's history is made of: orders, fills, wallet transactions, and the requests that start them."""

from datetime import datetime
from decimal import Decimal

import msgspec

from trader.domain.fill import FillKind
from trader.domain.order import OrderType, Side, TimeInForce


class OrderRequest(msgspec.Struct, frozen=True, kw_only=True):
    """An order as asked for. `size` is whole contracts, `limit_price` USD per unit of underlying."""

    symbol: str
    side: Side
    size: int
    order_type: OrderType
    limit_price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    reduce_only: bool = False
    client_order_id: str | None = None


class Order(msgspec.Struct, kw_only=True):
    """An order as the exchange keeps it.

    `state` is open, closed (completely filled) or cancelled. `filled_value` is Σ price × contracts, so that the average
    price is exact. `unit_margin` and `unit_commission` are USD blocked per unfilled contract that opens a position.
    """

    id: int
    user_id: int
    product_id: int
    symbol: str
    client_order_id: str | None
    side: Side
    order_type: OrderType
    size: int
    unfilled_size: int
    limit_price: Decimal | None
    time_in_force: TimeInForce
    post_only: bool
    reduce_only: bool
    state: str = "open"
    cancellation_reason: str | None = None
    filled_value: Decimal = Decimal(0)
    paid_commission: Decimal = Decimal(0)
    unit_margin: Decimal = Decimal(0)
    unit_commission: Decimal = Decimal(0)
    priority: int = 0  # place in the queue at one price: lower trades first
    created_at: datetime
    updated_at: datetime

    @property
    def filled_size(self) -> int:
        return self.size - self.unfilled_size

    @property
    def average_fill_price(self) -> Decimal | None:
        return self.filled_value / self.filled_size if self.filled_size else None


class FillRow(msgspec.Struct, frozen=True, kw_only=True):
    """One execution of one account. `commission` is USD paid, tax included; `position_size` is signed, after the fill.

    `mark` and `spot` are the prices at that instant; `entry_price` is the position's, None when the fill closed it.
    """

    id: str
    seq: int  # running number over all fills of the account, for paging
    user_id: int
    order_id: str
    client_order_id: str | None
    product_id: int
    symbol: str
    side: Side
    size: int
    price: Decimal
    role: str
    kind: FillKind
    commission: Decimal
    notional: Decimal
    commission_rate: Decimal
    on_notional: bool
    order_price: Decimal | None
    order_size: int
    order_type: str
    order_unfilled_size: int
    mark: Decimal | None
    spot: Decimal | None
    position_size: int
    entry_price: Decimal | None
    margin: Decimal
    created_at: datetime


class Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """One change of an account's cash: `amount` signed USD, `balance` after it."""

    id: int
    user_id: int
    amount: Decimal
    balance: Decimal
    transaction_type: str  # cashflow, commission, settlement, deposit
    product_id: int | None
    order_id: str | None
    fill_id: str | None
    created_at: datetime
