"""One order as a fold over its records: part of the fold of its run, and of every list of orders."""

from datetime import datetime

from msgspec.structs import replace

from trader.domain.fill import price_key, told_key
from trader.domain.order import OrderStatus, next_status
from trader.engine import records as rec
from trader.engine.state import Order


def begun(record: rec.OrderIntended | rec.OrderDenied) -> Order:
    """An order as it was meant, or as our gate has denied it."""
    order = Order(intent=record.intent, reference=None, intended_at=record.wall, intended_market=record.market)
    if isinstance(record, rec.OrderIntended):
        return replace(order, reference=record.reference)
    return replace(order, status=OrderStatus.DENIED, ended_at=record.wall, code=record.code, message=record.detail)


def resolved(order: Order, record: rec.OrderResolved) -> Order:
    """The order after news of it."""
    reported = order.reported_filled
    if record.filled_qty is not None:
        reported = max(reported, min(record.filled_qty, order.intent.quantity))
    status = next_status(order.status, record.status)
    return replace(
        _named(order, record.venue_order_id),
        status=status,
        reported_filled=reported,
        avg_px=record.avg_px if record.avg_px is not None else order.avg_px,
        code=record.code or order.code,
        message=record.message or order.message,
        remedy=record.remedy if record.code else order.remedy,
        ended_at=_ended_at(order, status, record.wall),
        unknown_at=record.wall if status is OrderStatus.UNKNOWN is not order.status else order.unknown_at,
    )


def executed(order: Order, record: rec.FillRecorded) -> Order:
    """The order after one more of its fills."""
    filled = order.filled_qty + record.fill.quantity
    seen = OrderStatus.FILLED if filled >= order.intent.quantity else OrderStatus.PARTIALLY_FILLED
    status = next_status(order.status, seen)
    told = told_more(
        _named(order, record.fill.venue_order_id),
        told_key(record.fill.channel, record.fill.price),
        record.fill.quantity,
    )
    price = price_key(record.fill.price)
    return replace(
        told,
        booked={**order.booked, price: order.booked.get(price, 0) + record.fill.quantity},
        filled_qty=filled,
        status=status,
        ended_at=_ended_at(order, status, record.wall),
    )


def told_more(order: Order, key: str, quantity: int) -> Order:
    """The order after a channel has told so many contracts of it, at a price."""
    return replace(order, told={**order.told, key: order.told.get(key, 0) + quantity})


def _ended_at(order: Order, status: OrderStatus, wall: datetime) -> datetime | None:
    """When an order ended for the last time: one that came back to life has not."""
    if not status.terminal:
        return None
    return order.ended_at if status is order.status else wall


def _named(order: Order, venue_order_id: str | None) -> Order:
    """The order with one more id of the exchange's; what each channel calls it may differ."""
    if venue_order_id is None or order.is_called(venue_order_id):
        return order
    if order.venue_order_id is None:
        return replace(order, venue_order_id=venue_order_id)
    return replace(order, other_ids=(*order.other_ids, venue_order_id))
