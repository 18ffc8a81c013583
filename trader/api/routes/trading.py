"""Single orders: placing, changing, cancelling, closing."""

from typing import Annotated, Any, Protocol, cast

from anyio import to_thread
from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from trader.api.problems import Problem
from trader.api.routes.books import ID, Instrument, OrderId, Symbol
from trader.api.routing import ADesk, Key, Receipt, Routes, Wait, answer, answered, require
from trader.config.ticket import TicketChanges, TicketList
from trader.desk import CommandReceipt, Desk

routes = Routes("trading")
TicketId = Annotated[str, Path(pattern=ID, description="The ticket's id: its run_id.")]


class Trading(Protocol):
    """What these routes ask of the desk."""

    def order(self, tickets: TicketList, *, issued_by: str, confirm: str | None, key: str) -> CommandReceipt: ...
    def check_order(self, tickets: TicketList) -> Any: ...
    def amend(self, ticket_id: str, *, issued_by: str, **changes: Any) -> CommandReceipt: ...
    def cancel(self, *, issued_by: str, **which: Any) -> CommandReceipt: ...
    def close_position(self, *, issued_by: str, **which: Any) -> CommandReceipt: ...
    def close_all(self, *, issued_by: str) -> CommandReceipt: ...
    def adopt(self, symbol: str, phrase: str, *, issued_by: str) -> CommandReceipt: ...


def stands(desk: Desk) -> bool:
    """Whether this desk trades single orders."""
    return hasattr(desk, "order")


def _of(desk: Desk) -> Trading:
    return cast(Trading, desk)


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


@routes.add("POST", "/v1/trading/orders", "trade", Receipt, status=201)
async def place_orders(desk: ADesk, body: OrderRequest, key: Key, wait: Wait = 5) -> Response:
    """Place orders. 201 once the runner has taken them, 202 where it has not answered yet; their fate stands in the orders."""

    def ask() -> CommandReceipt:
        tickets = TicketList(tickets=body.tickets, link=body.link)
        return _of(desk).order(tickets, issued_by="api", confirm=body.confirm, key=key)

    receipt = await answered(desk, await to_thread.run_sync(ask), wait)
    return answer(receipt, 202 if receipt.status == "new" else 201)


@routes.add("POST", "/v1/trading/orders/check", "read", dict[str, Any])
def check_orders(desk: ADesk, body: TicketList) -> Response:
    """What would be said of these orders now, each problem with code, field and sentence, and what they would cost."""
    return answer(_of(desk).check_order(body))


@routes.add("DELETE", "/v1/trading/orders", "trade", Receipt, status=202)
async def cancel_orders(
    desk: ADesk,
    symbol: Symbol = None,
    underlying: Annotated[str | None, Query(pattern=r"^[A-Z0-9]{1,20}$")] = None,
    everything: Annotated[bool, Query(description="All of the account.")] = False,
    wait: Wait = 2,
) -> Response:
    """Cancel all orders of a contract, of an underlying, or of the account. What closes and protects is placed again."""
    if (symbol is not None) + (underlying is not None) + everything != 1:
        raise Problem(422, "invalid", "Say one of symbol, underlying, or everything=true; nothing was cancelled.")

    def ask() -> CommandReceipt:
        return _of(desk).cancel(symbol=symbol, underlying=underlying, everything=everything, issued_by="api")

    return answer(await answered(desk, await to_thread.run_sync(ask), wait), 202)


@routes.add("DELETE", "/v1/trading/orders/{order_id}", "trade", Receipt, status=202)
async def cancel_order(desk: ADesk, order_id: OrderId, wait: Wait = 2) -> Response:
    """Cancel one order; whether it was cancelled or filled before stands in its status."""

    def ask() -> CommandReceipt:
        require(desk.order_line(order_id), f"order {order_id}")
        return _of(desk).cancel(order=order_id, issued_by="api")

    return answer(await answered(desk, await to_thread.run_sync(ask), wait), 202)


@routes.add("PATCH", "/v1/trading/tickets/{ticket_id}", "trade", Receipt, status=202)
async def amend_ticket(desk: ADesk, ticket_id: TicketId, body: AmendRequest, wait: Wait = 2) -> Response:
    """Other prices, quantity or protection for a ticket: its order is cancelled and, that confirmed, placed again."""

    def ask() -> CommandReceipt:
        return _of(desk).amend(ticket_id, **body.changes(), issued_by="api")

    return answer(await answered(desk, await to_thread.run_sync(ask), wait), 202)


@routes.add("DELETE", "/v1/trading/tickets/{ticket_id}", "trade", Receipt, status=202)
async def cancel_ticket(desk: ADesk, ticket_id: TicketId, wait: Wait = 2) -> Response:
    """Cancel what a ticket has working."""

    def ask() -> CommandReceipt:
        return _of(desk).cancel(ticket=ticket_id, issued_by="api")

    return answer(await answered(desk, await to_thread.run_sync(ask), wait), 202)


@routes.add("POST", "/v1/trading/tickets/{ticket_id}/close", "stop", Receipt, status=202)
async def close_ticket(desk: ADesk, ticket_id: TicketId, wait: Wait = 2) -> Response:
    """Close what a ticket holds."""

    def ask() -> CommandReceipt:
        return _of(desk).close_position(ticket=ticket_id, issued_by="api")

    return answer(await answered(desk, await to_thread.run_sync(ask), wait), 202)


@routes.add("POST", "/v1/trading/positions/close-all", "stop", Receipt, status=202)
async def close_all(desk: ADesk, wait: Wait = 5) -> Response:
    """Close every ticket and run; the receipt's detail lists the closing orders."""

    def ask() -> CommandReceipt:
        return _of(desk).close_all(issued_by="api")

    return answer(await answered(desk, await to_thread.run_sync(ask), wait), 202)


@routes.add("POST", "/v1/trading/positions/{instrument}/close", "stop", Receipt, status=202)
async def close_position(desk: ADesk, instrument: Instrument, wait: Wait = 2) -> Response:
    """Close what tickets hold in one contract."""

    def ask() -> CommandReceipt:
        return _of(desk).close_position(symbol=instrument, issued_by="api")

    return answer(await answered(desk, await to_thread.run_sync(ask), wait), 202)


@routes.add("POST", "/v1/trading/positions/{instrument}/adopt", "trade", Receipt, status=202)
async def adopt_position(desk: ADesk, instrument: Instrument, body: AdoptRequest, wait: Wait = 5) -> Response:
    """Take over a position that no run explains, as a ticket that only manages and exits."""

    def ask() -> CommandReceipt:
        return _of(desk).adopt(instrument, body.phrase, issued_by="api")

    return answer(await answered(desk, await to_thread.run_sync(ask), wait), 202)
