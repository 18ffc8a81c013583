"""What the lists of the books answer with. Money is USD, prices USD per unit of underlying, instants aware UTC, None not known."""

from datetime import datetime
from decimal import Decimal
from typing import Literal

import msgspec

State = Literal["working", "ended", "all"]
EventKind = Literal[
    "order_created",
    "order_status",
    "order_modified",
    "order_filled",
    "order_cancel_asked",
    "order_cancelled",
    "order_rejected",
    "position_opened",
    "position_updated",
    "position_closed",
    "risk_passed",
    "risk_failed",
]
STATES: tuple[State, ...] = ("working", "ended", "all")
SETTLED_IN = "USD"  # what every contract is settled and charged in: instruments of another asset are not read at all
LONGEST_PAGE = 500


class OrderLine(msgspec.Struct, frozen=True, kw_only=True):
    """One order, of a run (`preset` names it) or a ticket. `filled` are contracts known to be filled, `left` what may still
    trade. `limit_price` None: at market. `slippage` is how much worse than `reference` it has filled, per unit, `slippage_usd` for
    all that has; below 0: better. `algorithm`: how it was worked (chase, market, twap, iceberg, once), empty where that was not recorded.
    Seconds are this machine's: from the intent to the exchange's first answer, and to the newest
    fill. `fees` None: not all are told yet. `status` denied: refused by our own gate, `code` and `message` say why."""

    seq: int
    client_order_id: str
    venue_order_id: str | None
    run_id: str
    is_ticket: bool
    preset: str
    leg: str
    purpose: str
    algorithm: str
    closing: str
    symbol: str
    side: str
    quantity: int
    filled: int
    left: int
    order_type: str
    limit_price: Decimal | None
    stop_price: Decimal | None
    trail: Decimal | None
    time_in_force: str
    post_only: bool
    reduce_only: bool
    status: str
    reference: Decimal | None
    avg_px: Decimal | None
    slippage: Decimal | None
    slippage_pct: Decimal | None
    slippage_usd: Decimal | None
    fees: Decimal | None
    fee_currency: str
    created_at: datetime  # exchange's time, this machine's where that was not known; `wall` is always this machine's
    wall: datetime
    ended_wall: datetime | None
    answer_secs: float | None
    fill_secs: float | None
    code: str
    message: str
    who: str
    reason: str


class OrderStep(msgspec.Struct, frozen=True, kw_only=True):
    """One station of an order. `after_secs`: since its intent, this machine's clock. `filled`: in all by then."""

    at: datetime
    wall: datetime
    after_secs: float
    what: str
    filled: int
    text: str


class OrderDetail(OrderLine, frozen=True, kw_only=True):
    """An order with its timeline. `passed`: what the gate compared before it let it out, by code. `other_ids`: what else the
    exchange called it."""

    other_ids: tuple[str, ...]
    passed: dict[str, str]
    timeline: tuple[OrderStep, ...]


class Trade(msgspec.Struct, frozen=True, kw_only=True):
    """One execution. `fee` None: not told yet; below 0: a rebate. `kind`: normal, liquidation, adl, settlement, otc. `cash` is what
    came in (a purchase is negative), before the fee. `client_order_id` None: the exchange closed it by itself. `preset` is empty for a
    ticket. `algorithm`: how its order was worked (chase, market, twap, iceberg, once); empty: the exchange's own doing, or a journal of
    before this was recorded."""

    seq: int
    fill_id: str
    venue_order_id: str
    client_order_id: str | None
    run_id: str
    is_ticket: bool
    preset: str
    leg: str
    algorithm: str
    symbol: str
    product_id: int
    side: str
    quantity: int
    price: Decimal
    fee: Decimal | None
    fee_currency: str
    role: str
    kind: str
    cash: Decimal | None
    at: datetime
    wall: datetime


class EventLine(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened to one of our orders or positions. `seq` is the record's that tells it (one may tell two things).
    `position` is what the run or ticket holds after it, signed. `who`: a person with the face used, else engine or exchange."""

    seq: int
    at: datetime
    wall: datetime
    kind: EventKind
    run_id: str
    is_ticket: bool
    symbol: str
    client_order_id: str | None
    who: str
    why: str
    text: str
    quantity: int | None = None
    price: Decimal | None = None
    position: int | None = None


class OrderPage(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first. `next`: the cursor of the following page, None on the last."""

    orders: tuple[OrderLine, ...]
    next: str | None


class TradePage(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first. `next`: the cursor of the following page, None on the last."""

    trades: tuple[Trade, ...]
    next: str | None


class EventPage(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first. `next`: the cursor of the following page, None on the last."""

    events: tuple[EventLine, ...]
    next: str | None
