"""What an account's history is made of: orders, fills, wallet transactions, and the requests that start them."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import msgspec

from trader.domain.fill import FillKind
from trader.domain.order import OrderType, Side, TimeInForce


class StopKind(StrEnum):
    """What a stop order is for; the last is the exchange's own and cannot be asked for."""

    STOP_LOSS = "stop_loss_order"
    TAKE_PROFIT = "take_profit_order"
    LIQUIDATION = "liquidation_order"


class TriggerMethod(StrEnum):
    """The price a stop watches."""

    MARK = "mark_price"
    LAST = "last_traded_price"
    SPOT = "spot_price"


class StopTerms(msgspec.Struct, frozen=True, kw_only=True):
    """When an order wakes up. Prices are USD per unit of underlying.

    `price` is the trigger as it stands (it follows a trailing stop), `trail` the distance as it was sent (its sign says
    nothing), `extreme` the best price a trailing stop has seen.
    """

    kind: StopKind
    price: Decimal | None = None
    trail: Decimal | None = None
    method: TriggerMethod = TriggerMethod.MARK
    extreme: Decimal | None = None


class BracketTerms(msgspec.Struct, frozen=True, kw_only=True):
    """Stop loss and take profit that an entry order or a position carries. A leg without limit is a market order."""

    stop_loss_price: Decimal | None = None
    stop_loss_limit_price: Decimal | None = None
    take_profit_price: Decimal | None = None
    take_profit_limit_price: Decimal | None = None
    trail_amount: Decimal | None = None
    method: TriggerMethod = TriggerMethod.MARK


BRACKET_PRICES = tuple(name for name in BracketTerms.__struct_fields__ if name != "method")
NO_MMP = "disabled"


class OrderRequest(msgspec.Struct, frozen=True, kw_only=True):
    """An order as asked for. `size` is whole contracts, `limit_price` USD per unit of underlying.

    `mmp` is the market maker protection group; `may_cancel_others` lets the exchange cancel the account's resting orders
    of the contract when the margin would not do otherwise.
    """

    symbol: str
    side: Side
    size: int
    order_type: OrderType
    limit_price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    reduce_only: bool = False
    client_order_id: str | None = None
    stop: StopTerms | None = None
    bracket: BracketTerms | None = None
    mmp: str = NO_MMP
    may_cancel_others: bool = False


class Order(msgspec.Struct, kw_only=True):
    """An order as the exchange keeps it.

    `state` is open, pending (a stop not triggered yet), closed (completely filled) or cancelled. `filled_value` is Σ price × contracts, so that the average
    price is exact. `unit_margin` and `unit_commission` are USD blocked per unfilled contract that opens a position.
    `bracket` is what its fills will be protected with; `bracket_order` marks a leg of a bracket, and `parent_id` the
    entry order the leg belongs to (None: the whole position).
    """

    id: int
    user_id: int
    product_id: int
    symbol: str
    client_order_id: str | None = None
    side: Side
    order_type: OrderType
    size: int
    unfilled_size: int
    limit_price: Decimal | None
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    reduce_only: bool = False
    state: str = "open"
    cancellation_reason: str | None = None
    filled_value: Decimal = Decimal(0)
    paid_commission: Decimal = Decimal(0)
    unit_margin: Decimal = Decimal(0)
    unit_commission: Decimal = Decimal(0)
    priority: int = 0  # place in the queue at one price: lower trades first
    stop: StopTerms | None = None
    bracket: BracketTerms | None = None
    bracket_order: bool = False
    parent_id: int | None = None
    mmp: str = NO_MMP
    created_at: datetime
    updated_at: datetime

    @property
    def live(self) -> bool:
        """True while it may still trade."""
        return self.state in ("open", "pending")

    @property
    def filled_size(self) -> int:
        return self.size - self.unfilled_size

    @property
    def average_fill_price(self) -> Decimal | None:
        return self.filled_value / self.filled_size if self.filled_size else None


class FillRow(msgspec.Struct, frozen=True, kw_only=True):
    """One execution of one account. `commission` is USD paid, tax included; `position_size` is signed, after the fill.

    `mark` and `spot` are the prices at that instant; `entry_price` is the position's, None when the fill closed it. The
    realised figures are the position's since it was opened.
    """

    id: str
    seq: int  # running number over all fills of the account, for paging
    user_id: int
    order_id: str
    client_order_id: str | None = None
    product_id: int
    symbol: str
    side: Side
    size: int
    price: Decimal
    role: str
    kind: FillKind
    commission: Decimal = Decimal(0)
    notional: Decimal
    commission_rate: Decimal = Decimal(0)
    on_notional: bool = True
    order_price: Decimal | None = None
    order_size: int
    order_type: str
    order_unfilled_size: int
    mark: Decimal | None = None
    spot: Decimal | None
    position_size: int
    entry_price: Decimal | None = None
    margin: Decimal = Decimal(0)
    created_at: datetime
    position_commission: Decimal = Decimal(0)  # blocked for closing what is left
    total_commission: Decimal = Decimal(0)  # paid since the position was opened
    realized_pnl: Decimal = Decimal(0)
    realized_cashflow: Decimal = Decimal(0)
    realized_funding: Decimal = Decimal(0)
    liquidation_fee: Decimal = Decimal(0)


class Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """One change of an account's cash: `amount` signed USD, `balance` after it."""

    id: int
    user_id: int
    amount: Decimal
    balance: Decimal
    transaction_type: str  # cashflow, commission, settlement, funding, liquidation_fee, deposit, sub_account_transfer
    product_id: int | None
    order_id: str | None
    fill_id: str | None
    created_at: datetime
