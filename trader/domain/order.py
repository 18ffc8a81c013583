"""Orders: what we ask for, what the exchange says of it, and the one table of its life."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import msgspec

from trader.domain.trigger import Stop


class Side(StrEnum):
    opposite: "Side"
    sign: int  # of the position it makes: +1 for a buy, -1 for a sell

    BUY = "buy"
    SELL = "sell"


# Members know these by themselves: they are asked many times a step.
for _side in Side:
    _side.opposite = Side.SELL if _side is Side.BUY else Side.BUY
    _side.sign = 1 if _side is Side.BUY else -1


class OrderType(StrEnum):
    LIMIT = "limit_order"
    MARKET = "market_order"


class TimeInForce(StrEnum):
    GTC = "gtc"
    IOC = "ioc"


class Purpose(StrEnum):
    """Why an order exists; the letter stands in the client order id."""

    ENTRY = "E"
    EXIT = "X"
    UNWIND = "R"
    FLATTEN = "F"
    CLOSE = "C"  # rests at the exchange and closes by itself: a stop loss, a take profit, a reduce-only ticket


class OrderStatus(StrEnum):
    """Where one order is in its life. `TRANSITIONS` below says what may follow what."""

    terminal: bool
    live: bool  # may still trade: everything between intent and end, UNKNOWN included

    CREATED = "created"  # intent recorded, not on the wire yet
    DENIED = "denied"  # refused by our own gate
    IN_FLIGHT = "in_flight"  # sent, no answer yet
    UNKNOWN = "unknown"  # may or may not exist at the exchange
    ACCEPTED = "accepted"  # rests in the book
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"  # refused by the exchange, or proven never accepted
    EXPIRED = "expired"  # ended by the product's expiry


TERMINAL = frozenset(
    {OrderStatus.DENIED, OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.EXPIRED}
)
for _status in OrderStatus:
    _status.terminal = _status in TERMINAL
    _status.live = not _status.terminal

_ENDS = frozenset({OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.EXPIRED})
_RESTS = frozenset({OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED})

# What may follow what. A fill can arrive before the reply (IN_FLIGHT → FILLED), and after a cancel was acknowledged
# (CANCELLED → FILLED): fills are facts and win. Whatever is not listed is refused.
TRANSITIONS: dict[OrderStatus, frozenset[OrderStatus]] = {
    OrderStatus.CREATED: frozenset(
        {OrderStatus.DENIED, OrderStatus.IN_FLIGHT, OrderStatus.UNKNOWN, OrderStatus.REJECTED} | _RESTS | _ENDS
    ),
    OrderStatus.IN_FLIGHT: frozenset({OrderStatus.UNKNOWN, OrderStatus.REJECTED} | _RESTS | _ENDS),
    OrderStatus.UNKNOWN: frozenset({OrderStatus.REJECTED} | _RESTS | _ENDS),
    # A resting order the exchange no longer knows is unknown again, until proof.
    OrderStatus.ACCEPTED: frozenset({OrderStatus.PARTIALLY_FILLED, OrderStatus.UNKNOWN} | _ENDS),
    OrderStatus.PARTIALLY_FILLED: frozenset({OrderStatus.UNKNOWN} | _ENDS),
    OrderStatus.CANCELLED: frozenset({OrderStatus.FILLED}),
    OrderStatus.EXPIRED: frozenset({OrderStatus.FILLED}),
    OrderStatus.FILLED: frozenset(),
    OrderStatus.DENIED: frozenset(),
    OrderStatus.REJECTED: _RESTS | _ENDS,  # "proven never accepted" and yet it appears: the fact wins, with an alert
}


class OrderIntent(msgspec.Struct, frozen=True, kw_only=True):
    """One order we mean to send, recorded before it leaves. `quantity` is whole contracts."""

    client_order_id: str
    run_id: str
    leg: str
    purpose: Purpose
    attempt: int
    symbol: str
    product_id: int
    side: Side
    quantity: int
    order_type: OrderType
    limit_price: Decimal | None
    time_in_force: TimeInForce = TimeInForce.GTC
    reduce_only: bool = False
    post_only: bool = False
    stop: Stop | None = None  # it waits at the exchange for this price first
    closing: str = ""  # which closing order of its ticket this is (`trader.engine.records.ClosingOrder.name`)


class OrderSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What the exchange says of one order.

    `venue_state` is the exchange's word (open, pending, closed, cancelled). How much is filled is `quantity - leaves_qty`,
    never the state: a partly filled IOC may read closed.
    """

    venue_order_id: str
    client_order_id: str | None
    symbol: str
    product_id: int
    side: Side
    quantity: int
    leaves_qty: int
    limit_price: Decimal | None
    avg_px: Decimal | None
    venue_state: str
    reduce_only: bool = False
    cancellation_reason: str | None = None
    paid_commission: Decimal | None = None
    stop_kind: str = ""  # of an order that waits for a trigger: stop_loss_order, take_profit_order
    stop_price: Decimal | None = None  # its trigger; a trailing stop's as it stands
    trail: Decimal | None = None  # how far a trailing stop's trigger follows behind, above 0
    created_at: datetime | None = None
    ts_event: datetime | None = None

    @property
    def filled_qty(self) -> int:
        return self.quantity - self.leaves_qty

    @property
    def status(self) -> OrderStatus:
        """Our word for it, decided by quantities first."""
        if self.leaves_qty == 0:
            return OrderStatus.FILLED
        if self.venue_state in ("closed", "cancelled"):
            return OrderStatus.CANCELLED
        return OrderStatus.PARTIALLY_FILLED if self.filled_qty > 0 else OrderStatus.ACCEPTED


def next_status(current: OrderStatus, new: OrderStatus) -> OrderStatus:
    """The status after hearing `new` while in `current`; stale or repeated news leave it as it is."""
    return new if new in TRANSITIONS[current] else current
