"""Order requests of every kind, checked and turned into bodies. Pure; what their ends mean is in `common.outcomes`.

What the exchange would refuse for its form is refused here first, with one sentence: nothing leaves this machine then.

Source: exchange documentation, "Place Order", "Edit Order", "Bracket orders", "Batch orders", "Cancel all open orders";
sign of a trailing amount: the official client.
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from trader.domain.order import OrderIntent, OrderType, Side, TimeInForce
from trader.domain.trigger import Stop, StopKind, Trigger
from trader.exchange.common.outcomes import UnsendableOrder

BATCH_MOST = 50
_CLIENT_ID = re.compile(r"^[A-Za-z0-9_-]{1,32}$")


class Bracket(msgspec.Struct, frozen=True, kw_only=True):
    """Stop loss and take profit of the position an order makes. A leg without limit price is a market order;
    `trail` (> 0) takes the place of `stop_loss`."""

    stop_loss: Decimal | None = None
    stop_loss_limit: Decimal | None = None
    take_profit: Decimal | None = None
    take_profit_limit: Decimal | None = None
    trail: Decimal | None = None
    trigger: Trigger | None = None


class OrderRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One order to place. `quantity` is whole contracts; `mmp` is ``mmp1`` to ``mmp5`` or None."""

    product_id: int
    side: Side
    quantity: int
    client_order_id: str
    order_type: OrderType = OrderType.LIMIT
    limit_price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    reduce_only: bool = False
    stop: Stop | None = None
    bracket: Bracket | None = None
    mmp: str | None = None
    may_cancel_others: bool = False  # let the exchange cancel orders of the product to free margin


class OrderEdit(msgspec.Struct, frozen=True, kw_only=True):
    """Changes to a resting order. `quantity` is the new total, the filled part included; the exchange wants it told even
    when it stays. Type, side, time in force and reduce-only cannot change."""

    venue_order_id: str
    product_id: int
    quantity: int
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail: Decimal | None = None
    side: Side | None = None  # needed with `trail`, whose sign depends on it
    post_only: bool | None = None


class CancelScope(msgspec.Struct, frozen=True, kw_only=True):
    """Which orders to cancel: of one product, of contract types, or of the whole account."""

    product_id: int | None = None
    contract_types: tuple[str, ...] = ()
    limit_orders: bool = True
    stop_orders: bool = True
    reduce_only_orders: bool = True


def request_of(intent: OrderIntent) -> OrderRequest:
    """The request behind an intent. A market order carries no price at all: 0 would be refused."""
    is_limit = intent.order_type is OrderType.LIMIT
    return OrderRequest(
        product_id=intent.product_id,
        side=intent.side,
        quantity=intent.quantity,
        client_order_id=intent.client_order_id,
        order_type=intent.order_type,
        limit_price=intent.limit_price if is_limit else None,
        stop=intent.stop,
        time_in_force=intent.time_in_force,
        post_only=intent.post_only,
        reduce_only=intent.reduce_only,
    )


def build_place(request: OrderRequest) -> dict[str, Any]:
    """The body of a create-order request.

    Raises:
        UnsendableOrder: The request contradicts itself or the exchange's rules of form.
    """
    check_client_order_id(request.client_order_id)
    _quantity(request.quantity)
    if request.post_only and (
        request.order_type is OrderType.MARKET or request.time_in_force is TimeInForce.IOC or request.stop is not None
    ):
        raise UnsendableOrder("a post-only order is a plain limit order that may rest")
    body: dict[str, Any] = {
        "product_id": request.product_id,
        "size": request.quantity,
        "side": request.side.value,
        "order_type": request.order_type.value,
        "time_in_force": request.time_in_force.value,
        "post_only": flag_text(request.post_only),
        "reduce_only": flag_text(request.reduce_only),
        "client_order_id": request.client_order_id,
    }
    if request.order_type is OrderType.LIMIT:
        body["limit_price"] = price_text(request.limit_price, "limit price")
    elif request.limit_price is not None:
        raise UnsendableOrder(f"a market order carries no price, was {request.limit_price}")
    if request.stop is not None:
        body |= stop_fields(request.stop, request.side)
    if request.bracket is not None:
        body |= bracket_fields(request.bracket, request.side)
    if request.mmp is not None:
        body["mmp"] = request.mmp
    if request.may_cancel_others:
        body["cancel_orders_accepted"] = "true"
    return body


def build_edit(edit: OrderEdit) -> dict[str, Any]:
    """The body of an edit.

    Raises:
        UnsendableOrder: An id, quantity or price cannot be used.
    """
    _quantity(edit.quantity)
    body: dict[str, Any] = {"id": number_id(edit.venue_order_id), "product_id": edit.product_id, "size": edit.quantity}
    for name, price in (("limit_price", edit.limit_price), ("stop_price", edit.stop_price)):
        if price is not None:
            body[name] = price_text(price, name)
    if edit.trail is not None:
        if edit.side is None:
            raise UnsendableOrder("the sign of a trailing amount needs the order's side")
        body["trail_amount"] = _trail_text(edit.trail, edit.side)
    if edit.post_only is not None:
        body["post_only"] = flag_text(edit.post_only)
    return body


def build_batch(product_id: int, requests: Sequence[OrderRequest]) -> dict[str, Any]:
    """The body that places up to 50 limit orders of one product.

    Raises:
        UnsendableOrder: Too many or none, another product, a repeated id, or an order batches do not take.
    """
    _batch_length(requests)
    rows: list[dict[str, Any]] = []
    for request in requests:
        if request.product_id != product_id:
            raise UnsendableOrder(f"a batch is for one product: {request.product_id} among orders of {product_id}")
        if request.order_type is not OrderType.LIMIT or request.time_in_force is not TimeInForce.GTC:
            raise UnsendableOrder("a batch takes limit orders that may rest, nothing else")
        if request.stop is not None or request.bracket is not None or request.reduce_only:
            raise UnsendableOrder("a batch takes no stops, brackets or reduce-only orders")
        whole = build_place(request)
        names = ("size", "side", "order_type", "limit_price", "post_only", "mmp", "client_order_id")
        rows.append({name: whole[name] for name in names if name in whole})
    ids = [request.client_order_id for request in requests]
    if len(set(ids)) != len(ids):
        raise UnsendableOrder("two orders of the batch share a client order id")
    return {"product_id": product_id, "orders": rows}


def build_batch_edit(product_id: int, edits: Sequence[OrderEdit]) -> dict[str, Any]:
    """The body that edits up to 50 orders of one product.

    Raises:
        UnsendableOrder: Too many or none, another product, or an edit batches do not take.
    """
    _batch_length(edits)
    rows: list[dict[str, Any]] = []
    for edit in edits:
        if edit.product_id != product_id:
            raise UnsendableOrder(f"a batch is for one product: {edit.product_id} among orders of {product_id}")
        if edit.stop_price is not None or edit.trail is not None:
            raise UnsendableOrder("a batch edit changes size, limit price and post-only, nothing else")
        row = build_edit(edit)
        del row["product_id"]
        rows.append(row)
    return {"product_id": product_id, "orders": rows}


def build_batch_cancel(product_id: int, ids: Sequence[str]) -> dict[str, Any]:
    """The body that cancels up to 50 orders of one product by the exchange's ids.

    Raises:
        UnsendableOrder: Too many or none, or an id that is no number.
    """
    _batch_length(ids)
    return {"product_id": product_id, "orders": [{"id": number_id(order_id)} for order_id in ids]}


def build_cancel(product_id: int, client_order_id: str | None, venue_order_id: str | None) -> dict[str, Any]:
    """The body of a cancel request; the exchange's id is preferred where both are known.

    Raises:
        UnsendableOrder: Neither id was given, or the exchange's is not a number.
    """
    if venue_order_id is not None:
        return {"id": number_id(venue_order_id), "product_id": product_id}
    if client_order_id is None:
        raise UnsendableOrder("a cancel needs the client order id or the exchange's")
    return {"client_order_id": client_order_id, "product_id": product_id}


def build_cancel_scope(scope: CancelScope) -> dict[str, Any]:
    """The body of a cancel-all: every flag is told, because omitted ones may count as false.

    Raises:
        UnsendableOrder: Product and contract types were both given.
    """
    if scope.product_id is not None and scope.contract_types:
        raise UnsendableOrder("cancel by product or by contract types, not both")
    body: dict[str, Any] = {
        "cancel_limit_orders": flag_text(scope.limit_orders),
        "cancel_stop_orders": flag_text(scope.stop_orders),
        "cancel_reduce_only_orders": flag_text(scope.reduce_only_orders),
    }
    if scope.product_id is not None:
        body["product_id"] = scope.product_id
    if scope.contract_types:
        body["contract_types"] = ",".join(scope.contract_types)
    return body


def build_position_bracket(product_id: int, side: Side, bracket: Bracket) -> dict[str, Any]:
    """The body that puts a bracket on an open position; `side` is the side of the position (buy = long).

    Raises:
        UnsendableOrder: The bracket has no leg, or contradicts itself.
    """
    _check_bracket(bracket)
    body: dict[str, Any] = {"product_id": product_id}
    closing = side.opposite
    if bracket.stop_loss is not None:
        body["stop_loss_order"] = _leg(bracket.stop_loss, bracket.stop_loss_limit)
    elif bracket.trail is not None:
        body["stop_loss_order"] = {"order_type": "market_order", "trail_amount": _trail_text(bracket.trail, closing)}
    if bracket.take_profit is not None:
        body["take_profit_order"] = _leg(bracket.take_profit, bracket.take_profit_limit)
    if bracket.trigger is not None:
        body["bracket_stop_trigger_method"] = bracket.trigger.value
    return body


def bracket_fields(bracket: Bracket, side: Side) -> dict[str, Any]:
    """The ``bracket_*`` fields of an entry order of that side, or of an edit of its bracket.

    Raises:
        UnsendableOrder: The bracket has no leg, or contradicts itself.
    """
    _check_bracket(bracket)
    prices = {
        "bracket_stop_loss_price": bracket.stop_loss,
        "bracket_stop_loss_limit_price": bracket.stop_loss_limit,
        "bracket_take_profit_price": bracket.take_profit,
        "bracket_take_profit_limit_price": bracket.take_profit_limit,
    }
    fields: dict[str, Any] = {name: price_text(price, name) for name, price in prices.items() if price is not None}
    if bracket.trail is not None:
        fields["bracket_trail_amount"] = _trail_text(bracket.trail, side.opposite)
    if bracket.trigger is not None:
        fields["bracket_stop_trigger_method"] = bracket.trigger.value
    return fields


def number_id(venue_order_id: str) -> int:
    """The exchange's order id as the number its bodies want.

    Raises:
        UnsendableOrder: It is none.
    """
    if not (venue_order_id.isascii() and venue_order_id.isdigit()):
        raise UnsendableOrder(f"the exchange's order id must be a number, was {venue_order_id!r}")
    return int(venue_order_id)


def price_text(price: Decimal | None, what: str) -> str:
    """A price as the wire wants it.

    Raises:
        UnsendableOrder: Missing, not finite, or not above 0.
    """
    if price is None or not price.is_finite() or price <= 0:
        raise UnsendableOrder(f"{what.replace('_', ' ')}: needs a price above 0, was {price}")
    return f"{price:f}"


def flag_text(value: bool) -> str:
    return "true" if value else "false"


def _quantity(quantity: int) -> None:
    if quantity < 1:
        raise UnsendableOrder(f"an order needs at least 1 contract, was {quantity}")


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


def _batch_length(rows: Sequence[object]) -> None:
    if not 1 <= len(rows) <= BATCH_MOST:
        raise UnsendableOrder(f"a batch has 1 to {BATCH_MOST} orders, was {len(rows)}")


def stop_fields(stop: Stop, side: Side) -> dict[str, Any]:
    """The fields that make an order of that side wait.

    Raises:
        UnsendableOrder: It has no trigger, two of them, or one that cannot be.
    """
    if (stop.price is None) == (stop.trail is None):
        raise UnsendableOrder("a stop has a trigger price or a trailing amount, one of the two")
    fields: dict[str, Any] = {"stop_order_type": stop.kind.value}
    if stop.price is not None:
        fields["stop_price"] = price_text(stop.price, "stop price")
    else:
        if stop.kind is StopKind.TAKE_PROFIT:
            raise UnsendableOrder("a take profit does not trail")
        fields["trail_amount"] = _trail_text(stop.trail, side)
    if stop.trigger is not None:
        fields["stop_trigger_method"] = stop.trigger.value
    return fields


def _trail_text(trail: Decimal | None, side: Side) -> str:
    """The exchange wants the distance signed: above the best price for a buy, below it for a sell."""
    text = price_text(trail, "trailing amount")
    return text if side is Side.BUY else f"-{text}"


def _check_bracket(bracket: Bracket) -> None:
    if bracket.stop_loss is None and bracket.take_profit is None and bracket.trail is None:
        raise UnsendableOrder("a bracket needs a stop loss, a take profit or a trailing amount")
    if bracket.stop_loss is not None and bracket.trail is not None:
        raise UnsendableOrder("a bracket has a stop loss or a trailing amount, not both")
    if bracket.stop_loss_limit is not None and bracket.stop_loss is None:
        raise UnsendableOrder("a stop loss limit price needs a stop loss price")
    if bracket.take_profit_limit is not None and bracket.take_profit is None:
        raise UnsendableOrder("a take profit limit price needs a take profit price")


def _leg(trigger: Decimal, limit: Decimal | None) -> dict[str, Any]:
    leg: dict[str, Any] = {"order_type": "market_order", "stop_price": price_text(trigger, "stop price")}
    if limit is not None:
        leg |= {"order_type": "limit_order", "limit_price": price_text(limit, "limit price")}
    return leg
