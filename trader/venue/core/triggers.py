"""Stop orders that wait: when they are taken, how trailing ones follow the price, and when they wake up.

A stop loss that sells (and a take profit that buys) fires at or below its trigger, the others at or above it. Waiting
stops block no margin. Source: exchange user guide; a stop whose trigger is met already is refused at placement.
"""

from datetime import datetime
from decimal import Decimal

import msgspec

from trader.domain.instrument import Instrument
from trader.domain.order import Side
from trader.domain.rounding import is_on_tick
from trader.venue.core.floor import TradingFloor
from trader.venue.core.records import Order, StopKind, StopTerms
from trader.venue.core.refusal import Refused, bad_schema


def fires_below(kind: StopKind, side: Side) -> bool:
    """True when such a stop fires at or below its trigger."""
    return (kind is StopKind.STOP_LOSS) == (side is Side.SELL)


def is_met(stop: StopTerms, side: Side, reference: Decimal) -> bool:
    """Has the reference price reached the trigger (both ends included)?"""
    if stop.price is None:
        return False
    return reference <= stop.price if fires_below(stop.kind, side) else reference >= stop.price


def check_stop(stop: StopTerms, instrument: Instrument) -> None:
    """Judge stop fields by themselves.

    Raises:
        Refused: ``bad_schema``.
    """
    if stop.kind is StopKind.LIQUIDATION:
        raise bad_schema("stop_order_type", "must be one of: stop_loss_order, take_profit_order")
    if (stop.price is None) == (stop.trail is None):
        raise bad_schema("stop_price", "give exactly one of stop_price and trail_amount")
    if stop.price is not None:
        check_trigger_price("stop_price", stop.price, instrument)
    if stop.trail is not None:
        if stop.kind is not StopKind.STOP_LOSS:
            raise bad_schema("trail_amount", "only a stop loss can trail")
        check_trigger_price("trail_amount", abs(stop.trail), instrument)


def check_trigger_price(name: str, price: Decimal, instrument: Instrument) -> None:
    """Above 0 and a multiple of the tick."""
    if not price.is_finite() or price <= 0:
        raise bad_schema(name, "must be greater than 0")
    if not is_on_tick(price, instrument.tick_size):
        raise bad_schema(name, f"must be a multiple of tick size {instrument.tick_size}")


def follow(stop: StopTerms, side: Side, reference: Decimal) -> StopTerms:
    """A trailing stop after seeing a reference price: its trigger only ever comes closer to the market."""
    if stop.trail is None:
        return stop
    best = stop.extreme
    if best is None or (reference > best if side is Side.SELL else reference < best):
        best = reference
    elif stop.price is not None:
        return stop
    distance = abs(stop.trail)
    price = best - distance if side is Side.SELL else best + distance
    return msgspec.structs.replace(stop, extreme=best, price=max(price, Decimal(0)))


class Triggers:
    """The stops of a floor that wait."""

    def __init__(self, floor: TradingFloor) -> None:
        self._floor = floor

    def arm(self, stop: StopTerms, side: Side, instrument: Instrument) -> StopTerms:
        """The terms as they start out: a trailing stop gets its first trigger.

        Raises:
            Refused: ``immediate_execution_stop_order`` when the trigger is met already.
        """
        reference = self._floor.reference(instrument, stop.method)
        if reference is None:
            return stop
        armed = follow(stop, side, reference)
        if is_met(armed, side, reference):
            raise Refused("immediate_execution_stop_order")
        return armed

    def wait(self, order: Order) -> None:
        """Put a pending order among those that wait."""
        self._floor.pending.setdefault(order.symbol, {})[order.id] = order

    def due(self, symbol: str, now: datetime) -> Order | None:
        """The oldest waiting stop of a contract that fires now, taken out of the wait; trailing ones move on the way."""
        floor = self._floor
        waiting = floor.pending.get(symbol)
        instrument = floor.products.live.get(symbol)
        if not waiting or instrument is None or not instrument.tradable:
            return None  # while trading is disrupted they go on waiting
        for order in list(waiting.values()):
            assert order.stop is not None, "only stops wait"
            reference = floor.reference(instrument, order.stop.method)
            if reference is None:
                continue
            moved = follow(order.stop, order.side, reference)
            if moved is not order.stop:
                order.stop, order.updated_at = moved, now
                floor.ledger.tell_order(floor.accounts[order.user_id], order, "update", "stop_update", now)
            if is_met(moved, order.side, reference):
                del waiting[order.id]
                if not waiting:
                    del floor.pending[symbol]
                return order
        return None
