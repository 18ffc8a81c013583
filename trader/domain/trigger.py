"""What makes an order wait at the exchange for a price, instead of going into the book at once."""

from decimal import Decimal
from enum import StrEnum

import msgspec


class StopKind(StrEnum):
    """On which side of the market the trigger lies: a stop loss waits for a worse price, a take profit for a better one."""

    STOP_LOSS = "stop_loss_order"
    TAKE_PROFIT = "take_profit_order"


class Trigger(StrEnum):
    """Which price sets a stop off. Last-traded on thin strikes misfires or never fires."""

    MARK = "mark_price"
    LAST = "last_traded_price"
    SPOT = "spot_price"


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    """Makes an order wait for a price: `price` is the trigger, or `trail` the distance it follows the best price at
    (both USD per unit of underlying, above 0; one of the two)."""

    kind: StopKind = StopKind.STOP_LOSS
    price: Decimal | None = None
    trail: Decimal | None = None
    trigger: Trigger | None = None  # None: the exchange's default, the mark
