"""What is done to open positions in several steps: moving their stop loss and take profit, and closing all at once.

Each step ends by the outcome rule; the first that does not succeed ends the whole, and the result says what is known.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from trader.domain.errors import ExchangeError
from trader.domain.order import OrderSnapshot, Side
from trader.domain.outcome import Rejected, Unknown
from trader.exchange.common.odd_rows import PartialList
from trader.exchange.common.outcomes import Done
from trader.exchange.delta.api.account import AccountAPI
from trader.exchange.delta.api.order_requests import Bracket
from trader.exchange.delta.api.orders import OrderAPI
from trader.exchange.delta.http.errors import normalise
from trader.exchange.delta.wire.values import OrderDetails

_GONE = frozenset(normalise(code) for code in ("open_order_not_found", "order_already_filled"))
_CLOCKS_APART = timedelta(seconds=2)


def move_bracket(
    orders: OrderAPI, product_id: int, position: Side, bracket: Bracket
) -> Done[None] | Rejected | Unknown:
    """Give an open position a new stop loss and take profit in place of those it has; `position` is its side.

    The exchange cannot edit the bracket of a filled entry: the old legs are cancelled, and a new bracket is placed. Between
    the two the position has none; where the second step fails, the answer says so.

    Raises:
        ExchangeError: The legs could not be listed; nothing was changed.
    """
    legs = [d.order for d in orders.open_details(product_ids=[product_id], states=("pending",)) if d.is_bracket_leg]
    for leg in legs:
        ended = orders.cancel(product_id=product_id, venue_order_id=leg.venue_order_id)
        # A leg's sibling goes with it: what is gone already is what was wanted.
        if isinstance(ended, Unknown) or (isinstance(ended, Rejected) and normalise(ended.code) not in _GONE):
            return ended
    placed = orders.place_bracket(product_id, position, bracket)
    if legs and isinstance(placed, Rejected):
        return Rejected(placed.code, f"the old bracket is cancelled and the new one refused: {placed.message}")
    if legs and isinstance(placed, Unknown):
        return Unknown(f"the old bracket is cancelled and the new one in doubt: {placed.cause}")
    return placed


def close_everything(
    orders: OrderAPI, account: AccountAPI, *, user_id: str, now: Callable[[], datetime]
) -> Done[list[OrderSnapshot]] | Rejected | Unknown:
    """Have the exchange close every position of the account at market, and tell the orders it closed them with.

    They are found by what they are: reduce-only or without an id of ours, created since. `now` is the exchange's time.
    An empty list after `Done` means that there was nothing to close, or that it has not shown it yet: read the positions.
    """
    since = now() - _CLOCKS_APART
    known = {details.order.venue_order_id for details in _ended(orders, since)}
    closed = account.close_all(user_id)
    if not isinstance(closed, Done):
        return closed
    try:
        found = _ended(orders, since) + _readable(orders.open_details)
    except ExchangeError as error:
        return Unknown(f"the exchange agreed, but its orders cannot be read: {error}")
    fresh = {d.order.venue_order_id: d.order for d in found if d.order.venue_order_id not in known}
    return Done([order for order in fresh.values() if order.client_order_id is None or order.reduce_only])


def _ended(orders: OrderAPI, since: datetime) -> list[OrderDetails]:
    return _readable(lambda: orders.history(since=since))


def _readable(read: Callable[[], list[OrderDetails]]) -> list[OrderDetails]:
    """The rows that make sense: one that does not must not keep everything from being closed."""
    try:
        return read()
    except PartialList as partial:
        return list(partial.rows)
