"""Order endpoints: place, edit, cancel, look up, list."""

from collections.abc import Iterable

from trader.domain.order import OrderType, Side, TimeInForce
from trader.venue.core.order_desk import Change
from trader.venue.core.records import Order, OrderRequest
from trader.venue.core.refusal import Refused, bad_schema
from trader.venue.wire.account_rows import fill_row, order_row
from trader.venue.wire.call import Answer, Call
from trader.venue.wire.fields import (
    choice,
    contract_kinds,
    decimal,
    flag,
    instant,
    integer,
    needed_integer,
    product_ids,
    text,
    words,
)
from trader.venue.wire.paging import page

_NOT_OFFERED = (  # refused in words, never placed as plain orders
    "stop_order_type",
    "stop_price",
    "trail_amount",
    "bracket_stop_loss_price",
    "bracket_stop_loss_limit_price",
    "bracket_take_profit_price",
    "bracket_take_profit_limit_price",
    "bracket_trail_amount",
)
_LISTED_TYPES = {"market": OrderType.MARKET, "limit": OrderType.LIMIT}
_OTHER_TYPES = {"stop_market", "stop_limit", "all_stop"}


def place(call: Call) -> Answer:
    """POST /v2/orders."""
    body = call.body
    for name in _NOT_OFFERED:
        if body.get(name) not in (None, ""):
            raise Refused("unsupported", {"param": name})
    if body.get("mmp") not in (None, "disabled"):
        raise bad_schema("mmp", "market maker protection is not enabled for this account")
    request = OrderRequest(
        symbol=symbol_of(call),
        side=choice(body, "side", Side),
        size=needed_integer(body, "size"),
        order_type=choice(body, "order_type", OrderType),
        limit_price=decimal(body, "limit_price"),
        time_in_force=choice(body, "time_in_force", TimeInForce, TimeInForce.GTC),
        post_only=flag(body, "post_only"),
        reduce_only=flag(body, "reduce_only"),
        client_order_id=text(body, "client_order_id"),
    )
    return Answer(order_row(call.exchange.place(call.account, request, call.now)))


def edit(call: Call) -> Answer:
    """PUT /v2/orders: new total size and limit price."""
    order = call.account.orders.get(needed_integer(call.body, "id"))
    if order is None or order.symbol != symbol_of(call):
        raise Refused("open_order_not_found")
    post_only = flag(call.body, "post_only") if call.body.get("post_only") is not None else None
    change = Change(
        size=integer(call.body, "size"),
        limit_price=decimal(call.body, "limit_price"),
        post_only=post_only,
    )
    changed = call.exchange.edit(call.account, order, change, call.now)
    return Answer(order_row(changed))


def cancel(call: Call) -> Answer:
    """DELETE /v2/orders by `id` or `client_order_id`, with `product_id`."""
    order_id, client_order_id = integer(call.body, "id"), text(call.body, "client_order_id")
    if (order_id is None) == (client_order_id is None):
        raise bad_schema("id", "give exactly one of id and client_order_id")
    product_id = needed_integer(call.body, "product_id")
    account = call.account
    order = account.orders.get(order_id) if order_id is not None else account.by_client_id(client_order_id or "")
    if order is None or order.product_id != product_id:
        raise Refused("open_order_not_found")
    return Answer(order_row(call.exchange.cancel(account, order, call.now)))


def cancel_all(call: Call) -> Answer:
    """DELETE /v2/orders/all: a flag left out spares its orders, so a bare call cancels nothing.

    Stop orders do not exist here, so `cancel_stop_orders` selects none; it is checked all the same.
    """
    listed = text(call.body, "contract_types")
    flag(call.body, "cancel_stop_orders")
    call.exchange.cancel_all(
        call.account,
        call.now,
        product_id=integer(call.body, "product_id"),
        kinds=contract_kinds(listed.split(",") if listed else None),
        limit_orders=flag(call.body, "cancel_limit_orders"),
        reduce_only_orders=flag(call.body, "cancel_reduce_only_orders"),
    )
    return Answer(None)


def by_id(call: Call) -> Answer:
    """GET /v2/orders/{order_id}, in any state."""
    order = call.account.orders.get(call.path["order_id"])
    if order is None:
        raise Refused("order_not_found", status=404)
    return Answer(order_row(order))


def by_client_id(call: Call) -> Answer:
    """GET /v2/orders/client_order_id/{client_order_id}: the newest order with that id, in any state."""
    order = call.account.by_client_id(call.path["client_order_id"])
    if order is None:
        raise Refused("order_not_found", status=404)
    return Answer(order_row(order))


def open_orders(call: Call) -> Answer:
    """GET /v2/orders: what rests."""
    states = set(words(call.query, "states") or ["open", "pending"])
    rows = _filtered(call, (o for o in call.account.open_orders.values() if o.state in states))
    chosen, meta = page(rows, lambda o: o.id, call.query, default=50, maximum=200)
    return Answer([order_row(o) for o in chosen], meta)


def history(call: Call) -> Answer:
    """GET /v2/orders/history: closed and cancelled orders."""
    rows = _filtered(call, (o for o in call.account.orders.values() if o.state != "open"))
    chosen, meta = page(rows, lambda o: o.id, call.query, default=50, maximum=50)
    return Answer([order_row(o) for o in chosen], meta)


def fills(call: Call) -> Answer:
    """GET /v2/fills."""
    wanted, kinds = product_ids(call.query), contract_kinds(words(call.query, "contract_types"))
    start, end = instant(call.query, "start_time"), instant(call.query, "end_time")
    by_id = call.exchange.products.by_id
    rows = [
        f
        for f in reversed(call.account.fills)
        if (wanted is None or f.product_id in wanted)
        and (kinds is None or by_id[f.product_id].kind in kinds)
        and (start is None or f.created_at >= start)
        and (end is None or f.created_at <= end)
    ]
    chosen, meta = page(rows, lambda f: f.seq, call.query, default=50, maximum=50)
    return Answer([fill_row(call.exchange, f) for f in chosen], meta)


def symbol_of(call: Call) -> str:
    """The contract a body names, by exactly one of `product_id` and `product_symbol`."""
    product_id, symbol = integer(call.body, "product_id"), text(call.body, "product_symbol")
    if (product_id is None) == (symbol is None):
        raise bad_schema("product_id", "give exactly one of product_id and product_symbol")
    if symbol is not None:
        return symbol
    assert product_id is not None
    instrument = call.exchange.products.by_id.get(product_id)
    if instrument is None:
        raise Refused("invalid_contract")
    return instrument.symbol


def _filtered(call: Call, orders: Iterable[Order]) -> list[Order]:
    """Newest first, by the filters the order lists share."""
    wanted, kinds = product_ids(call.query), contract_kinds(words(call.query, "contract_types"))
    types = _order_types(call)
    start, end = instant(call.query, "start_time"), instant(call.query, "end_time")
    by_id = call.exchange.products.by_id
    chosen = [
        o
        for o in orders
        if (wanted is None or o.product_id in wanted)
        and (kinds is None or by_id[o.product_id].kind in kinds)
        and (types is None or o.order_type in types)
        and (start is None or o.created_at >= start)
        and (end is None or o.created_at <= end)
    ]
    return sorted(chosen, key=lambda o: o.id, reverse=True)


def _order_types(call: Call) -> set[OrderType] | None:
    listed = words(call.query, "order_types")
    if listed is None:
        return None
    for word in listed:
        if word not in _LISTED_TYPES and word not in _OTHER_TYPES:
            raise bad_schema("order_types", "must be of: market, limit, stop_market, stop_limit, all_stop")
    return {_LISTED_TYPES[word] for word in listed if word in _LISTED_TYPES}
