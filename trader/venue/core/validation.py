"""Checks of an order against its contract, before money is looked at. Each raises the exchange's own refusal."""

from decimal import Decimal

from trader.domain.instrument import Instrument
from trader.domain.order import OrderType, TimeInForce
from trader.domain.rounding import is_on_tick
from trader.venue.core.records import OrderRequest
from trader.venue.core.refusal import Refused, bad_schema
from trader.venue.core.settings import CoreSettings

CLIENT_ORDER_ID_LENGTH_MAX = 32
_NAUGHT = Decimal(0)


def check_form(request: OrderRequest, instrument: Instrument, settings: CoreSettings) -> None:
    """Fields that can be judged by themselves: size, limit price, flags, client order id.

    Raises:
        Refused: ``bad_schema``, ``less_than_order_min_size`` or ``order_max_size_exceeded``.
    """
    check_size(request.size, instrument, settings)
    if request.client_order_id is not None and not 0 < len(request.client_order_id) <= CLIENT_ORDER_ID_LENGTH_MAX:
        raise bad_schema("client_order_id", f"must have 1 to {CLIENT_ORDER_ID_LENGTH_MAX} characters")
    if request.post_only and request.time_in_force is TimeInForce.IOC:
        raise bad_schema("post_only", "an immediate-or-cancel order cannot be post-only")
    if request.order_type is OrderType.MARKET:
        if request.post_only:
            raise bad_schema("post_only", "a market order cannot be post-only")
        if request.limit_price is not None:
            raise bad_schema("limit_price", "a market order has no limit price")
        return
    if request.limit_price is None:
        raise bad_schema("limit_price", "a limit order needs a limit price")
    check_price(request.limit_price, instrument)


def check_size(size: int, instrument: Instrument, settings: CoreSettings) -> None:
    """Whole contracts, at least one, not above the product's limit."""
    if size < 1:
        raise Refused("less_than_order_min_size", {"min_size": 1})
    size_max = instrument.position_size_limit or settings.max_order_size
    if size > size_max:
        raise Refused("order_max_size_exceeded", {"max_size": size_max})


def check_price(price: Decimal, instrument: Instrument) -> None:
    """Positive and a multiple of the tick."""
    if not price.is_finite() or price <= _NAUGHT:
        raise bad_schema("limit_price", "must be greater than 0")
    if not is_on_tick(price, instrument.tick_size):
        raise bad_schema("limit_price", f"must be a multiple of tick size {instrument.tick_size}")


def check_band(price: Decimal, low: Decimal, high: Decimal, settings: CoreSettings) -> None:
    """A limit price lies inside the contract's price band (both ends included)."""
    if not low <= price <= high:
        raise Refused(settings.out_of_band_code, {"lower_limit": str(low), "upper_limit": str(high)})
