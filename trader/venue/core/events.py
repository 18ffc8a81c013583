"""What the exchange tells its streams. Orders and positions are copies: an event keeps what was true when it happened."""

from datetime import datetime
from decimal import Decimal

import msgspec

from trader.domain.order import Side
from trader.venue.core.holding import Holding
from trader.venue.core.records import FillRow, Order


class OrderEvent(msgspec.Struct, frozen=True, kw_only=True):
    """`action` is create, update or delete; `reason` None, fill or another word of the orders channel."""

    user_id: int
    order: Order
    action: str
    reason: str | None
    seq_no: int
    ts: datetime


class TradeEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A fill of an account; `seq_no` counts per symbol."""

    user_id: int
    fill: FillRow
    seq_no: int


class PositionEvent(msgspec.Struct, frozen=True, kw_only=True):
    """`action` is create, update or delete (flat); `reason` None or auto_topup."""

    user_id: int
    holding: Holding
    action: str
    ts: datetime
    reason: str | None = None


class WalletEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something in the account's wallet changed; the reader takes the newest wallet."""

    user_id: int
    ts: datetime


class MmpEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Market maker protection froze a group of orders; `frozen_till` None = until it is reset by hand."""

    user_id: int
    asset: str
    frozen_till: datetime | None


class PublicTrade(msgspec.Struct, frozen=True, kw_only=True):
    """A trade everyone sees. `side` is the aggressor's."""

    symbol: str
    side: Side
    price: Decimal
    size: int
    ts: datetime


Event = OrderEvent | TradeEvent | PositionEvent | WalletEvent | MmpEvent | PublicTrade
