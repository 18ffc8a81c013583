"""Bodies of the requests that place and cancel orders. Pure; what their ends mean is in `common.outcomes`."""

import re
from typing import Any

from trader.domain.errors import WireError
from trader.domain.order import OrderIntent, OrderType
from trader.exchange.common.outcomes import UnsendableOrder
from trader.exchange.delta.wire.core import OrderRow

_CLIENT_ID = re.compile(r"^[A-Za-z0-9_-]{1,32}$")


def build_order(intent: OrderIntent) -> dict[str, Any]:
    """The body of a create-order request. A market order carries no price at all: 0 would be refused.

    Raises:
        UnsendableOrder: A limit order without a usable price, a quantity below 1, or a client order id the exchange
            would not take.
    """
    check_client_order_id(intent.client_order_id)
    if intent.quantity < 1:
        raise UnsendableOrder(f"an order needs at least 1 contract, was {intent.quantity}")
    body: dict[str, Any] = {
        "product_id": intent.product_id,
        "size": intent.quantity,
        "side": intent.side.value,
        "order_type": intent.order_type.value,
        "time_in_force": intent.time_in_force.value,
        "post_only": _flag(intent.post_only),
        "reduce_only": _flag(intent.reduce_only),
        "client_order_id": intent.client_order_id,
    }
    if intent.order_type is OrderType.LIMIT:
        price = intent.limit_price
        if price is None or not price.is_finite() or price <= 0:
            raise UnsendableOrder(f"a limit order needs a price above 0, was {price}")
        body["limit_price"] = f"{price:f}"
    return body


def build_cancel(product_id: int, client_order_id: str | None, venue_order_id: str | None) -> dict[str, Any]:
    """The body of a cancel request; the exchange's id is preferred where both are known.

    Raises:
        UnsendableOrder: Neither id was given, or the exchange's is not a number.
    """
    if venue_order_id is not None:
        if not venue_order_id.isdigit():
            raise UnsendableOrder(f"the exchange's order id must be a number, was {venue_order_id!r}")
        return {"id": int(venue_order_id), "product_id": product_id}
    if client_order_id is None:
        raise UnsendableOrder("a cancel needs the client order id or the exchange's")
    return {"client_order_id": client_order_id, "product_id": product_id}


def build_cancel_all(product_id: int) -> dict[str, Any]:
    """The body that cancels every order of a product. All three flags: omitted ones count as false."""
    flags = dict.fromkeys(("cancel_limit_orders", "cancel_stop_orders", "cancel_reduce_only_orders"), "true")
    return {"product_id": product_id, **flags}


def check_client_order_id(client_order_id: str) -> None:
    """The exchange takes at most 32 characters; we use only those that need no encoding anywhere.

    Raises:
        UnsendableOrder: The id is empty, too long, or has other characters.
    """
    if not _CLIENT_ID.match(client_order_id):
        raise UnsendableOrder(
            f"a client order id has 1 to 32 letters, digits, '-' or '_', was {client_order_id[:40]!r} "
            f"({len(client_order_id)} characters)"
        )


def row_of(result: OrderRow | None) -> OrderRow:
    """The order row of a success answer.

    Raises:
        WireError: The answer has no result.
    """
    if result is None:
        raise WireError("the answer has no order in it")
    return result


def _flag(value: bool) -> str:
    return "true" if value else "false"
