"""Single orders: placing, changing, cancelling, closing."""

from collections.abc import Callable
from typing import Annotated, Any

from anyio import to_thread
from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from trader.api.problems import Problem, not_found
from trader.api.routes.account import ReasonRequest
from trader.api.routes.books import ID, Instrument, OrderId, Symbol
from trader.api.routing import ADesk, Key, Receipt, Routes, Wait, Who, answer, answered, require, settled
from trader.config.ticket import TicketChanges, TicketList
from trader.desk import CloseAnswer, CommandReceipt, Desk, OrderAnswer, OrderCheck
from trader.engine.view import TicketView

routes = Routes("trading")
TicketId = Annotated[str, Path(pattern=ID, description="The ticket's id: its run_id.")]


class OrderRequest(TicketList):
    """Up to 50 orders. `confirm`: production only, the phrase that arms them."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"tickets": [{"symbol": "BTCUSD", "side": "buy", "quantity": 10, "limit_price": "90000"}]},
                {
                    "tickets": [
                        {
                            "symbol": "BTCUSD",
                            "side": "buy",
                            "quantity": 10,
                            "order_type": "market",
                            "stop_loss": {"price": "88000"},
                            "take_profit": {"price": "95000"},
                        }
                    ]
                },
            ]
        }
    )

    confirm: str | None = Field(None, max_length=200)


class AmendRequest(TicketChanges):
    """What is to be other than it is; null takes a stop loss or take profit away."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"limit_price": "90500"}]})

    def changes(self) -> dict[str, Any]:
        """Only what the request names."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class AdoptRequest(BaseModel):
    """The typed phrase that names what is taken over."""

    model_config = ConfigDict(extra="forbid")

    phrase: str = Field(min_length=1, max_length=200)


@routes.add("POST", "/v1/trading/orders", "trade", OrderAnswer, status=201)
async def place_orders(desk: ADesk, body: OrderRequest, key: Key, who: Who, wait: Wait = 5) -> Response:
    """Place orders. 201 once the runner has decided on each, 202 where it has not answered yet; their fate stands in the orders.
    A list of which some are refused is accepted: each has its own status."""

    def ask() -> CommandReceipt:
        tickets = TicketList(tickets=body.tickets, link=body.link)
        return desk.order(tickets, issued_by="api", confirm=body.confirm, key=key, who=who)

    receipt = await to_thread.run_sync(ask)
    found = await to_thread.run_sync(desk.order_answer, await settled(desk, receipt, wait))
    if found.status == "refused":
        at_fault = [
            (f"tickets[{number}]{one.field and '.'}{one.field}", one.sentence)
            for number, one in enumerate(found.tickets)
            if one.code
        ]
        raise Problem(409, "refused", f"The runner refused: {found.detail}", at_fault)
    return answer(found, 202 if found.status == "new" else 201)


@routes.add("POST", "/v1/trading/orders/check", "read", OrderCheck)
def check_orders(desk: ADesk, body: TicketList) -> Response:
    """What would be said of these orders now, each problem with code, field and sentence, and what they would cost."""
    return answer(desk.check_order(body))


@routes.add("DELETE", "/v1/trading/orders", "trade", Receipt, status=202)
async def cancel_orders(
    desk: ADesk,
    who: Who,
    symbol: Symbol = None,
    underlying: Annotated[str | None, Query(pattern=r"^[A-Z0-9]{1,20}$")] = None,
    everything: Annotated[bool, Query(description="All of the account.")] = False,
    wait: Wait = 2,
) -> Response:
    """Cancel all orders of a contract, of an underlying, or of the account. What closes and protects is placed again."""
    if (symbol is not None) + (underlying is not None) + everything != 1:
        raise Problem(422, "invalid", "Say one of symbol, underlying, or everything=true; nothing was cancelled.")

    def ask() -> CommandReceipt:
        return desk.cancel(symbol=symbol, underlying=underlying, everything=everything, issued_by="api", who=who)

    return answer(await answered(desk, await to_thread.run_sync(ask), wait), 202)


@routes.add("DELETE", "/v1/trading/orders/{order_id}", "trade", Receipt, status=202)
async def cancel_order(desk: ADesk, order_id: OrderId, who: Who, wait: Wait = 2) -> Response:
    """Cancel one order; whether it was cancelled or filled before stands in its status."""

    def ask() -> CommandReceipt:
        found = desk.order_line(order_id)
        if found is None:
            raise not_found(f"order {order_id}")
        return desk.cancel(order=found.client_order_id, issued_by="api", who=who)

    return answer(await answered(desk, await to_thread.run_sync(ask), wait), 202)


@routes.add("PATCH", "/v1/trading/tickets/{ticket_id}", "trade", Receipt, status=202)
async def amend_ticket(desk: ADesk, ticket_id: TicketId, body: AmendRequest, who: Who, wait: Wait = 2) -> Response:
    """Other prices, quantity or protection for a ticket: its order is cancelled and, that confirmed, placed again."""

    def ask() -> CommandReceipt:
        return desk.amend(ticket_id, **body.changes(), issued_by="api", who=who)

    return answer(await answered(desk, await to_thread.run_sync(ask), wait), 202)


@routes.add("DELETE", "/v1/trading/tickets/{ticket_id}", "trade", Receipt, status=202)
async def cancel_ticket(desk: ADesk, ticket_id: TicketId, who: Who, wait: Wait = 2) -> Response:
    """Cancel what a ticket has working."""

    def ask() -> CommandReceipt:
        return desk.cancel(ticket=ticket_id, issued_by="api", who=who)

    return answer(await answered(desk, await to_thread.run_sync(ask), wait), 202)


@routes.add("GET", "/v1/trading/tickets/{ticket_id}", "read", TicketView)
def get_ticket(desk: ADesk, ticket_id: TicketId) -> Response:
    """One ticket, at the runner's newest picture."""
    found = desk.ticket(ticket_id)
    require(found, f"ticket {ticket_id}")
    return answer(found)


@routes.add("POST", "/v1/trading/tickets/{ticket_id}/close", "stop", CloseAnswer, status=202)
async def close_ticket(desk: ADesk, ticket_id: TicketId, key: Key, who: Who, wait: Wait = 2) -> Response:
    """Close what a ticket holds."""

    def ask() -> CommandReceipt:
        return desk.close_position(ticket=ticket_id, issued_by="api", who=who, key=key)

    return await _closed(desk, ask, wait)


@routes.add("POST", "/v1/trading/positions/close-all", "stop", CloseAnswer, status=202)
async def close_all(desk: ADesk, key: Key, who: Who, body: ReasonRequest = ReasonRequest(), wait: Wait = 5) -> Response:
    """Close every ticket and run. Needs no phrase, in no environment."""

    def ask() -> CommandReceipt:
        return desk.close_all(issued_by="api", who=who, reason=body.reason, key=key)

    return await _closed(desk, ask, wait)


@routes.add("POST", "/v1/trading/positions/{instrument}/close", "stop", CloseAnswer, status=202)
async def close_position(desk: ADesk, instrument: Instrument, key: Key, who: Who, wait: Wait = 2) -> Response:
    """Close what tickets hold in one contract."""

    def ask() -> CommandReceipt:
        return desk.close_position(symbol=instrument, issued_by="api", who=who, key=key)

    return await _closed(desk, ask, wait)


async def _closed(desk: Desk, ask: Callable[[], CommandReceipt], wait: float) -> Response:
    """The runner's answer to a close, with the closing orders that have gone out by then and what is still open."""
    receipt = await answered(desk, await to_thread.run_sync(ask), wait)
    return answer(await to_thread.run_sync(desk.await_closed, receipt.command_id, 0.0), 202)


@routes.add("POST", "/v1/trading/positions/{instrument}/adopt", "trade", Receipt, status=202)
async def adopt_position(
    desk: ADesk, instrument: Instrument, body: AdoptRequest, key: Key, who: Who, wait: Wait = 5
) -> Response:
    """Take over a position that no run explains, as a ticket that only manages and exits."""

    def ask() -> CommandReceipt:
        return desk.adopt(instrument, body.phrase, issued_by="api", who=who, key=key)

    return answer(await answered(desk, await to_thread.run_sync(ask), wait), 202)
