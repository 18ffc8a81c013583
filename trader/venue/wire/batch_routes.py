"""Batches: up to fifty orders of one product in a call.

A row that cannot be read refuses the whole batch; a row the exchange refuses is missing from the answer, as reported of
the live system, so a client matches rows by their client order id.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from trader.venue.core.order_desk import Change
from trader.venue.core.records import Order
from trader.venue.core.refusal import Refused, bad_schema
from trader.venue.wire.account_rows import order_row
from trader.venue.wire.call import Answer, Call
from trader.venue.wire.fields import integer, needed_integer, objects, text
from trader.venue.wire.order_body import batch_row_of, change_of, symbol_of

ROWS_MAX = 50


def create(call: Call) -> Answer:
    """POST /v2/orders/batch."""
    symbol = symbol_of(call)
    requests = [batch_row_of(row, symbol) for row in _rows(call)]
    return _answer(call, [partial(call.exchange.place, call.account, request, call.now) for request in requests])


def edit(call: Call) -> Answer:
    """PUT /v2/orders/batch: `size` of a row is the new total."""
    symbol = symbol_of(call)
    changes = [(needed_integer(row, "id"), change_of(row)) for row in _rows(call)]
    return _answer(call, [partial(_edit_one, call, symbol, order_id, change) for order_id, change in changes])


def cancel(call: Call) -> Answer:
    """DELETE /v2/orders/batch: rows name an order by `id` or `client_order_id`."""
    symbol = symbol_of(call)
    named = [(integer(row, "id"), text(row, "client_order_id")) for row in _rows(call)]
    if any(number is None and name is None for number, name in named):
        raise bad_schema("id", "give id or client_order_id")
    return _answer(call, [partial(_cancel_one, call, symbol, number, name) for number, name in named])


def _edit_one(call: Call, symbol: str, order_id: int, change: Change) -> Order:
    return call.exchange.edit(call.account, _find(call, symbol, order_id, None), change, call.now)


def _cancel_one(call: Call, symbol: str, order_id: int | None, client_order_id: str | None) -> Order:
    return call.exchange.cancel(call.account, _find(call, symbol, order_id, client_order_id), call.now)


def _rows(call: Call) -> list[dict[str, Any]]:
    rows = objects(call.body, "orders")
    if not rows:
        raise Refused("no_orders")
    if len(rows) > ROWS_MAX:
        raise bad_schema("orders", f"at most {ROWS_MAX} orders")
    return rows


def _find(call: Call, symbol: str, order_id: int | None, client_order_id: str | None) -> Order:
    account = call.account
    order = account.orders.get(order_id) if order_id is not None else account.by_client_id(client_order_id or "")
    if order is None or order.symbol != symbol:
        raise Refused("open_order_not_found")
    return order


def _answer(call: Call, steps: list[Callable[[], Order]]) -> Answer:
    done: list[dict[str, Any]] = []
    for step in steps:
        try:
            done.append(order_row(step(), call.exchange.settings))
        except Refused:
            continue
    return Answer(done)
