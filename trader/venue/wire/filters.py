"""What the queries of lists have in common: which contracts, from when to when."""

from collections.abc import Callable
from datetime import datetime

from trader.domain.instrument import Instrument
from trader.venue.core.refusal import Refused
from trader.venue.wire.call import Call
from trader.venue.wire.fields import contract_kinds, instant, product_ids, words


def of_contracts(call: Call) -> Callable[[int], bool]:
    """Whether a product id is among those of `product_ids` and `contract_types`."""
    wanted, kinds = product_ids(call.query), contract_kinds(words(call.query, "contract_types"))
    by_id = call.exchange.products.by_id
    return lambda product: (wanted is None or product in wanted) and (kinds is None or by_id[product].kind in kinds)


def of_times(call: Call) -> Callable[[datetime], bool]:
    """Whether an instant lies between `start_time` and `end_time`, both included."""
    start, end = instant(call.query, "start_time"), instant(call.query, "end_time")
    return lambda at: (start is None or at >= start) and (end is None or at <= end)


def product_of(call: Call, product_id: int) -> Instrument:
    """The contract of an id. Raises Refused (``product_not_found``) for an unknown one."""
    found = call.exchange.products.by_id.get(product_id)
    if found is None:
        raise Refused("product_not_found", status=404)
    return found
