"""Order endpoints: place, edit, cancel, look up, list."""

from collections.abc import Iterable
from typing import Any

from trader.domain.order import OrderType
from trader.venue.core.fill_names import rest_fill_name
from trader.venue.core.records import FillRow, Order
from trader.venue.core.refusal import Refused, bad_schema
from trader.venue.wire.account_rows import fill_row, order_row
from trader.venue.wire.call import Answer, Call
from trader.venue.wire.csv_text import csv_text
from trader.venue.wire.fields import contract_kinds, flag, integer, needed_integer, text, words
from trader.venue.wire.filters import of_contracts, of_times
from trader.venue.wire.order_body import change_of, product_id_of, request_of, symbol_of
from trader.venue.wire.paging import page
from trader.venue.wire.text import iso, plain

_STOP = {"stop_market": OrderType.MARKET, "stop_limit": OrderType.LIMIT}
_PLAIN = {"market": OrderType.MARKET, "limit": OrderType.LIMIT}
_STATES = ("open", "pending")
_CSV_COLUMNS = (
    "fill_id created_at product_id product_symbol side size price notional role fill_type commission order_id "
    "position_size"
).split()


def place(call: Call) -> Answer:
    """POST /v2/orders."""
    request = request_of(call.body, symbol_of(call))
    return Answer(_row(call, call.exchange.place(call.account, request, call.now)))


def edit(call: Call) -> Answer:
    """PUT /v2/orders: new total size, limit price, trigger."""
    order = call.account.orders.get(needed_integer(call.body, "id"))
    if order is None or order.symbol != symbol_of(call):
        raise Refused("open_order_not_found")
    return Answer(_row(call, call.exchange.edit(call.account, order, change_of(call.body), call.now)))


def cancel(call: Call) -> Answer:
    """DELETE /v2/orders by `id` or else `client_order_id`, with `product_id`."""
    order_id, client_order_id = integer(call.body, "id"), text(call.body, "client_order_id")
    if order_id is None and client_order_id is None:
        raise bad_schema("id", "give id or client_order_id")
    product_id = needed_integer(call.body, "product_id")
    account = call.account
    order = account.orders.get(order_id) if order_id is not None else account.by_client_id(client_order_id or "")
    if order is None or order.product_id != product_id:
        raise Refused("open_order_not_found")
    return Answer(_row(call, call.exchange.cancel(account, order, call.now)))


def cancel_all(call: Call) -> Answer:
    """DELETE /v2/orders/all: a flag left out spares its orders.

    A bare call cancels nothing or everything, as the venue is set (`CoreSettings.bare_cancel_all`).
    """
    body = call.body
    listed = text(body, "contract_types")
    symbol = text(body, "product_symbol")
    product_id = integer(body, "product_id") if symbol is None else product_id_of(call, symbol)
    names = ("cancel_limit_orders", "cancel_stop_orders", "cancel_reduce_only_orders")
    bare = all(body.get(name) is None for name in names)
    default = bare and call.exchange.settings.bare_cancel_all == "everything"
    limit_orders, stop_orders, reduce_only_orders = (flag(body, name, default) for name in names)
    call.exchange.cancel_all(
        call.account,
        call.now,
        product_id=product_id,
        kinds=contract_kinds(listed.split(",") if listed else None),
        limit_orders=limit_orders,
        stop_orders=stop_orders,
        reduce_only_orders=reduce_only_orders,
    )
    return Answer(None)


def by_id(call: Call) -> Answer:
    """GET /v2/orders/{order_id}, in any state."""
    order = call.account.orders.get(call.path["order_id"])
    if order is None:
        raise Refused("order_not_found", status=404)
    return Answer(_row(call, order))


def by_client_id(call: Call) -> Answer:
    """GET /v2/orders/client_order_id/{client_order_id}: the newest order with that id, in any state."""
    order = call.account.by_client_id(call.path["client_order_id"])
    if order is None:
        raise Refused("order_not_found", status=404)
    return Answer(_row(call, order))


def open_orders(call: Call) -> Answer:
    """GET /v2/orders: what rests and what waits for a trigger."""
    states = words(call.query, "states") or list(_STATES)
    if not set(states) <= set(_STATES):
        raise bad_schema("states", f"must be of: {', '.join(_STATES)}")
    rows = _filtered(call, (o for o in call.account.live_orders if o.state in states))
    chosen, meta = page(rows, lambda o: o.id, call.query, default=50, maximum=200)
    return Answer([_row(call, o) for o in chosen], meta)


def history(call: Call) -> Answer:
    """GET /v2/orders/history: closed and cancelled orders."""
    rows = _filtered(call, (o for o in call.account.orders.values() if not o.live))
    chosen, meta = page(rows, lambda o: o.id, call.query, default=50, maximum=50)
    return Answer([_row(call, o) for o in chosen], meta)


def _row(call: Call, order: Order) -> dict[str, Any]:
    return order_row(order, call.exchange.settings)


def fills(call: Call) -> Answer:
    """GET /v2/fills."""
    chosen, meta = page(_fills(call), lambda f: f.seq, call.query, default=50, maximum=50)
    return Answer([fill_row(call.exchange, f) for f in chosen], meta)


def fills_csv(call: Call) -> Answer:
    """GET /v2/fills/history/download/csv: every fill the filters select, newest first."""
    rows = [
        (
            str(rest_fill_name(f.id, call.exchange.settings)),
            iso(f.created_at),
            str(f.product_id),
            f.symbol,
            f.side.value,
            str(f.size),
            plain(f.price),
            plain(f.notional),
            f.role,
            f.kind.value,
            plain(f.commission),
            f.order_id,
            str(f.position_size),
        )
        for f in _fills(call)
    ]
    return Answer(csv_text(_CSV_COLUMNS, rows), csv=True)


def _fills(call: Call) -> list[FillRow]:
    concerned, timely = of_contracts(call), of_times(call)
    return [f for f in reversed(call.account.fills) if concerned(f.product_id) and timely(f.created_at)]


def _filtered(call: Call, orders: Iterable[Order]) -> list[Order]:
    """Newest first, by the filters the order lists share."""
    concerned, types, timely = of_contracts(call), _order_types(call), of_times(call)
    chosen = [
        o
        for o in orders
        if concerned(o.product_id) and (types is None or _type_word(o) in types) and timely(o.created_at)
    ]
    return sorted(chosen, key=lambda o: o.id, reverse=True)


def _order_types(call: Call) -> set[str] | None:
    """The words of `order_types`, which are not those of an order's own type."""
    listed = words(call.query, "order_types")
    if listed is None:
        return None
    if not set(listed) <= {*_PLAIN, *_STOP, "all_stop"}:
        raise bad_schema("order_types", "must be of: market, limit, stop_market, stop_limit, all_stop")
    return {*listed, *(_STOP if "all_stop" in listed else ())}


def _type_word(order: Order) -> str:
    words_of = _PLAIN if order.stop is None else _STOP
    return next(word for word, kind in words_of.items() if kind is order.order_type)
