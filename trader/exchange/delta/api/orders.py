"""Orders of every kind over REST, typed: one method per endpoint of the documentation.

Whatever changes an order is sent once and ends in a value: `Ok` with the order, `Rejected` with proof, or `Unknown`
(`common.outcomes` holds the rule). Reads return the whole truth or raise `ExchangeError`; `PartialList` carries the rows that could
be read.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from trader.domain.errors import WireError
from trader.domain.fill import Fill
from trader.domain.order import OrderSnapshot, Side
from trader.domain.outcome import Ok, Outcome, Rejected, Unknown
from trader.exchange.common.budget import Priority
from trader.exchange.common.outcomes import Done, check_match, outcome_of
from trader.exchange.common.rows import sift
from trader.exchange.delta.api.order_requests import (
    Bracket,
    CancelScope,
    OrderEdit,
    OrderRequest,
    bracket_fields,
    build_batch,
    build_batch_cancel,
    build_batch_edit,
    build_cancel,
    build_cancel_scope,
    build_edit,
    build_place,
    build_position_bracket,
    number_id,
)
from trader.exchange.delta.http import endpoints as at
from trader.exchange.delta.http.queries import filters, span
from trader.exchange.delta.http.rest import Endpoint, RestClient, Text
from trader.exchange.delta.wire import account as wire_account
from trader.exchange.delta.wire import core as wire
from trader.exchange.delta.wire.listing import Rows
from trader.exchange.delta.wire.parse import parse_fill, parse_order
from trader.exchange.delta.wire.parse_account import parse_order_details
from trader.exchange.delta.wire.values import OrderDetails
from trader.exchange.ports import MaySign

PAGE = 50  # fills and history are clipped to this, silently
NOT_IN_ANSWER = "the batch's answer does not mention it: refused, or lost"


class OrderAPI:
    """Everything about the account's orders at one deployment."""

    def __init__(self, rest: RestClient) -> None:
        self._rest = rest

    # ----------------------------------------------------------------------------------------------- one order

    def place(
        self, request: OrderRequest, *, priority: Priority | None = None, may_sign: MaySign | None = None
    ) -> Outcome:
        """Send one order of any type, once. What shrinks a position goes before everything else unless told otherwise."""
        urgency = priority or (Priority.EXIT if request.reduce_only else Priority.MARKET)

        def send() -> Ok:
            order = self._change(at.PLACE_ORDER, build_place(request), urgency, may_sign)
            _check_placed(order, request)
            return Ok(order)

        self._rest.statistics.record("orders_submitted")
        outcome = outcome_of(send, request.client_order_id)
        self._rest.statistics.record_order(outcome)
        return outcome

    def edit(self, edit: OrderEdit, *, priority: Priority = Priority.MARKET) -> Outcome:
        """Change a resting order. Its place in the queue counts as lost unless only the size shrinks. The `priority` of a
        closing order is `EXIT`."""

        def send() -> Ok:
            order = self._change(at.EDIT_ORDER, build_edit(edit), priority)
            check_match(order, product_id=edit.product_id, venue_order_id=edit.venue_order_id)
            return Ok(order)

        self._rest.statistics.record("edits_submitted")
        return outcome_of(send, f"edit {edit.venue_order_id}")

    def cancel(
        self,
        *,
        product_id: int,
        client_order_id: str | None = None,
        venue_order_id: str | None = None,
        may_sign: MaySign | None = None,
    ) -> Outcome:
        """Cancel one order by either id. `open_order_not_found` is no failure: read the order then."""

        def send() -> Ok:
            body = build_cancel(product_id, client_order_id, venue_order_id)
            order = self._change(at.CANCEL_ORDER, body, Priority.EXIT, may_sign)
            check_match(order, product_id=product_id, client_order_id=client_order_id, venue_order_id=venue_order_id)
            return Ok(order)

        self._rest.statistics.record("cancels_submitted")
        outcome = outcome_of(send, f"cancel {client_order_id or venue_order_id}")
        if isinstance(outcome, Ok):
            self._rest.statistics.record("cancels_accepted")
        return outcome

    def cancel_all(self, scope: CancelScope) -> Done[None] | Rejected | Unknown:
        """Ask the exchange to cancel whatever the scope names. It says only that it agreed: verify with `open_orders`."""

        def send() -> Done[None]:
            self._rest.change(Any, at.CANCEL_ALL, build_cancel_scope(scope), priority=Priority.EXIT)
            return Done(None)

        return outcome_of(send, f"cancel_all {scope.product_id or ','.join(scope.contract_types) or 'account'}")

    # ------------------------------------------------------------------------------------------------- batches

    def place_batch(self, product_id: int, requests: Sequence[OrderRequest]) -> list[Outcome]:
        """Place up to 50 resting limit orders of one product; one outcome per order, in their sequence.

        The exchange leaves refused rows out of its answer, so an order that is not mentioned is UNKNOWN, not refused.
        """

        def send() -> dict[str, OrderSnapshot]:
            orders = self._batch(at.PLACE_BATCH, build_batch(product_id, requests), Priority.MARKET)
            return {order.client_order_id: order for order in orders if order.client_order_id}

        def checked(request: OrderRequest, order: OrderSnapshot) -> Outcome:
            try:
                _check_placed(order, request)
            except WireError as error:
                return Unknown(str(error))
            return Ok(order)

        self._rest.statistics.record("orders_submitted", len(requests))
        found = outcome_of(send, f"batch of {len(requests)}")
        outcomes: list[Outcome] = []
        for request in requests:
            if not isinstance(found, dict):
                outcomes.append(found)
            else:
                order = found.get(request.client_order_id)
                outcomes.append(Unknown(NOT_IN_ANSWER) if order is None else checked(request, order))
            self._rest.statistics.record_order(outcomes[-1])
        return outcomes

    def edit_batch(
        self, product_id: int, edits: Sequence[OrderEdit], *, priority: Priority = Priority.MARKET
    ) -> list[Outcome]:
        """Edit up to 50 orders of one product; one outcome per edit, in their sequence."""
        body_ids = [edit.venue_order_id for edit in edits]
        return self._by_id(at.EDIT_BATCH, lambda: build_batch_edit(product_id, edits), product_id, body_ids, priority)

    def cancel_batch(self, product_id: int, venue_order_ids: Sequence[str]) -> list[Outcome]:
        """Cancel up to 50 orders of one product by the exchange's ids; one outcome per id, in their sequence."""
        return self._by_id(
            at.CANCEL_BATCH,
            lambda: build_batch_cancel(product_id, venue_order_ids),
            product_id,
            venue_order_ids,
            Priority.EXIT,
        )

    # ------------------------------------------------------------------------------------------------ brackets

    def place_bracket(self, product_id: int, position: Side, bracket: Bracket) -> Done[None] | Rejected | Unknown:
        """Put stop loss and take profit on an open position; `position` is its side (buy = long). The legs' ids are not
        told: `open_details` shows them as pending."""

        def send() -> Done[None]:
            body = build_position_bracket(product_id, position, bracket)
            self._rest.change(Any, at.PLACE_BRACKET, body, priority=Priority.EXIT)
            return Done(None)

        return outcome_of(send, f"bracket {product_id}")

    def edit_bracket(
        self, *, entry_order_id: str, product_id: int, side: Side, bracket: Bracket
    ) -> Done[None] | Rejected | Unknown:
        """Change the bracket an entry order carries. `entry_order_id` is the entry's, not a leg's; an entry that has
        filled is "not found": cancel the legs and bracket the position then."""

        def send() -> Done[None]:
            body = {"id": number_id(entry_order_id), "product_id": product_id, **bracket_fields(bracket, side)}
            self._rest.change(Any, at.EDIT_BRACKET, body, priority=Priority.EXIT)
            return Done(None)

        return outcome_of(send, f"bracket of order {entry_order_id}")

    # --------------------------------------------------------------------------------------------------- reads

    def by_id(self, venue_order_id: str) -> OrderDetails | None:
        """The order with the exchange's id, in any state; None when the exchange does not know it."""
        details = self._one(at.ORDER_BY_ID, venue_order_id)
        if details is not None and details.order.venue_order_id != venue_order_id:
            raise WireError(f"mismatch: asked about order {venue_order_id}, answered {details.order.venue_order_id}")
        return details

    def by_client_id(self, client_order_id: str) -> OrderDetails | None:
        """The newest order with our id, in any state; None when the exchange does not know it."""
        details = self._one(at.ORDER_BY_CLIENT_ID, client_order_id)
        if details is not None and details.order.client_order_id != client_order_id:
            raise WireError(f"mismatch: asked about order {client_order_id}, answered {details.order.client_order_id}")
        return details

    def open_details(
        self,
        *,
        product_ids: Sequence[int] | None = None,
        states: Sequence[str] = ("open", "pending"),
        contract_types: Sequence[str] = (),
        order_types: Sequence[str] = (),
    ) -> list[OrderDetails]:
        """Every open and pending order by any filter. `order_types` are market, limit, stop_market, stop_limit,
        all_stop: other words than on placing."""
        query = [("states", ",".join(states)), *filters(contract_types=contract_types, order_types=order_types)]
        return self._details(at.OPEN_ORDERS, query, product_ids)

    def history(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        product_ids: Sequence[int] | None = None,
        contract_types: Sequence[str] = (),
        order_types: Sequence[str] = (),
    ) -> list[OrderDetails]:
        """Every ended order created in a span, to the end of the list."""
        query = [*span(since, until), *filters(contract_types=contract_types, order_types=order_types)]
        return self._details(at.ORDER_HISTORY, query, product_ids)

    def fills(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        product_ids: Sequence[int] | None = None,
        contract_types: Sequence[str] = (),
    ) -> list[Fill]:
        """Every fill in a span (without `since` about 90 days), to the end of the list."""
        query = [*span(since, until), *filters(contract_types=contract_types)]
        rows = self._rest.read_of(product_ids, wire.FillRow, at.FILLS, query=query, page_size=PAGE)
        # Rows that arrive while pages are read shift the pages: the same fill may be seen twice.
        return self._rest.whole("the fills", rows, parse_fill, once=lambda fill: fill.key)

    def fills_csv(self, *, since: datetime | None = None, until: datetime | None = None) -> str:
        """The exchange's own download of fills."""
        text: str = self._rest.fetch(Text, at.FILLS_CSV, query=span(since, until))
        return text

    # ------------------------------------------------------------------------------------------------- helpers

    def _change(
        self, endpoint: Endpoint, body: dict[str, Any], priority: Priority, may_sign: MaySign | None = None
    ) -> OrderSnapshot:
        return parse_order(self._rest.change(wire.OrderRow, endpoint, body, priority=priority, may_sign=may_sign))

    def _batch(self, endpoint: Endpoint, body: dict[str, Any], priority: Priority) -> list[OrderSnapshot]:
        rows = self._rest.change(Rows(wire.OrderRow), endpoint, body, priority=priority)
        orders, odd = sift("a batch's answer", rows, parse_order)
        self._rest.leave_out(odd)  # what became of those is unknown, as of every order the answer does not mention
        return orders

    def _by_id(
        self, endpoint: Endpoint, build: Any, product_id: int, ids: Sequence[str], priority: Priority
    ) -> list[Outcome]:
        def send() -> dict[str, OrderSnapshot]:
            return {order.venue_order_id: order for order in self._batch(endpoint, build(), priority)}

        found = outcome_of(send, f"batch of {len(ids)}")
        outcomes: list[Outcome] = []
        for order_id in ids:
            order = found.get(order_id) if isinstance(found, dict) else None
            if not isinstance(found, dict):
                outcomes.append(found)
            elif order is None or order.product_id != product_id:
                outcomes.append(Unknown(NOT_IN_ANSWER))
            else:
                outcomes.append(Ok(order))
        return outcomes

    def _one(self, endpoint: Endpoint, tail: str) -> OrderDetails | None:
        row = self._rest.find(wire_account.FullOrderRow, endpoint, tail)
        return None if row is None else parse_order_details(row)

    def _details(
        self, endpoint: Endpoint, query: list[tuple[str, str]], product_ids: Sequence[int] | None
    ) -> list[OrderDetails]:
        rows = self._rest.read_of(product_ids, wire_account.FullOrderRow, endpoint, query=query, page_size=PAGE)
        return self._rest.whole("the orders", rows, parse_order_details, once=lambda one: one.order.venue_order_id)


def _check_placed(order: OrderSnapshot, request: OrderRequest) -> None:
    """See that the accepted order is the one that was meant."""
    asked = {name: getattr(request, name) for name in ("product_id", "client_order_id", "side", "quantity")}
    check_match(order, **asked)
