"""Single orders through the real runner over the real wire: what the program books is what the exchange shows."""

import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.rig import Rig, await_value, start_venue
from trader.engine.ids import ticket_id_for
from trader.engine.view import TicketView

D = Decimal


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    server = start_venue(speed=1.0)
    made = Rig(server, tmp_path)
    made.boot()
    yield made
    made.halt()
    server.stop()


class Tickets:
    """Sends orders and looks at what became of them."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.perp = next(i for i in rig.gateway.instruments("BTC") if i.symbol == "BTCUSD")
        self.mark = D(str(rig.gateway.spot("BTC")))

    def at(self, share: str) -> str:
        """A price so far from the index, on tick."""
        tick = self.perp.tick_size
        return f"{(self.mark * D(share) / tick).to_integral_value() * tick:f}"

    def send(self, kind: str, body: dict[str, Any]) -> str:
        command_id = uuid.uuid4().hex
        self.rig._command(command_id, kind, body)
        return command_id

    def answer(self, command_id: str) -> tuple[str, str]:
        def look() -> tuple[str, str] | None:
            row = self.rig.journal.command(command_id)
            return (row.status, row.detail) if row is not None and row.status != "new" else None

        found: tuple[str, str] = await_value(look, 20, f"an answer to {command_id}")
        return found

    def order(self, *tickets: dict[str, Any], **fields: Any) -> list[str]:
        """Send, and wait for the answer; the tickets' ids."""
        command_id = self.send("order", {"tickets": list(tickets), **fields})
        assert self.answer(command_id)[0] == "accepted", self.answer(command_id)
        return [ticket_id_for(command_id, number) for number in range(len(tickets))]

    def await_ticket(self, ticket_id: str, condition: Callable[[TicketView], object], what: str) -> TicketView:
        last: list[TicketView] = []

        def look() -> TicketView | None:
            snapshot = self.rig.journal.snapshot("paper")
            if snapshot is None or self.rig.lease is None or snapshot.epoch != self.rig.lease.epoch:
                return None
            view = next((one for one in snapshot.tickets if one.ticket_id == ticket_id), None)
            last[:] = [] if view is None else [view]
            return view if view is not None and condition(view) else None

        found: TicketView = await_value(look, 40, f"{what}; last {last}")
        return found

    def position(self) -> int:
        return self.rig.gateway.position(self.perp.product_id).quantity

    def resting(self) -> list[str]:
        """What rests at the exchange, by kind of stop."""
        return sorted(order.stop_kind for order in self.rig.gateway.open_orders([self.perp.product_id]))


def test_a_bracket_lives_through_a_restart_and_its_books_are_the_exchanges(rig: Rig) -> None:
    desk = Tickets(rig)
    guards = {"stop_loss": {"price": desk.at("0.95")}, "take_profit": {"price": desk.at("1.05")}}
    (name,) = desk.order({"symbol": "BTCUSD", "side": "buy", "quantity": 20, "order_type": "market", **guards})
    held = desk.await_ticket(
        name, lambda v: v.status == "holding" and all(one.quantity == 20 for one in v.closing), "held and protected"
    )
    assert (held.open_quantity, desk.position(), len(held.closing)) == (20, 20, 2)
    assert desk.resting() == ["stop_loss_order", "take_profit_order"]

    rig.halt()
    rig.boot()
    again = desk.await_ticket(name, lambda v: v.status == "holding" and v.fresh, "held again")
    assert (again.avg_px, again.open_quantity) == (held.avg_px, 20)
    assert desk.resting() == ["stop_loss_order", "take_profit_order"]

    status, detail = desk.answer(desk.send("close", {"ticket": name}))
    assert status == "accepted" and name in detail
    done = desk.await_ticket(name, lambda v: v.status == "done", "closed")
    assert desk.position() == 0 and desk.resting() == []
    assert done.realized_pnl is not None and done.realized_pnl == rig.ledger_change()


def test_a_list_tells_of_each_and_a_reduce_only_order_closes(rig: Rig) -> None:
    desk = Tickets(rig)
    command = desk.send(
        "order",
        {
            "tickets": [
                {"symbol": "BTCUSD", "side": "buy", "quantity": 5, "order_type": "market"},
                {"symbol": "BTCUSD", "side": "buy", "quantity": 5, "order_type": "limit", "limit_price": "1.23"},
                {"symbol": "C-BTC-1-010126", "side": "buy", "quantity": 1, "order_type": "market"},
            ]
        },
    )
    status, detail = desk.answer(command)
    assert status == "accepted" and detail.count("refused") == 1
    assert "PRICE_" in detail and "UNKNOWN_CONTRACT: symbol: " in detail
    desk.await_ticket(ticket_id_for(command, 0), lambda v: v.status == "holding", "held")
    desk.order({"symbol": "BTCUSD", "side": "sell", "quantity": 5, "order_type": "market", "reduce_only": True})
    done = desk.await_ticket(ticket_id_for(command, 0), lambda v: v.status == "done", "reduced")
    assert done.exit_reason == "reduced" and desk.position() == 0


def test_a_resting_order_is_amended_and_cancelled(rig: Rig) -> None:
    desk = Tickets(rig)
    low, lower = desk.at("0.99"), desk.at("0.985")
    (name,) = desk.order(
        {"symbol": "BTCUSD", "side": "buy", "quantity": 5, "limit_price": low, "post_only": True, "order_type": "limit"}
    )
    desk.await_ticket(name, lambda v: v.orders and v.orders[0].status == "accepted", "resting")
    assert desk.answer(desk.send("amend", {"ticket": name, "limit_price": lower}))[0] == "accepted"
    changed = desk.await_ticket(
        name, lambda v: v.orders[0].limit_price == D(lower) and v.orders[0].status == "accepted", "changed"
    )
    assert [order.status for order in changed.orders] == ["accepted", "cancelled"]
    assert desk.answer(desk.send("cancel", {"symbol": "BTCUSD"}))[0] == "accepted"
    desk.await_ticket(name, lambda v: v.status == "cancelled", "cancelled")
    assert desk.resting() == [] and rig.ledger_change() == 0
