"""Another stop loss for what a ticket holds, and then none."""

from decimal import Decimal
from typing import Any

from examples.api.connect import ask, close, mark, send, until, whole


def main() -> None:
    about = mark()
    first, second = (whole(about * Decimal(share)) for share in ("0.96", "0.97"))
    order = {"symbol": "BTCUSD", "side": "buy", "quantity": 2, "order_type": "market", "stop_loss": {"price": first}}
    (ticket,) = send(order)
    _show(until(ticket, lambda one: _rests(one, first)))
    print(ask("PATCH", f"/v1/trading/tickets/{ticket}?wait=20", {"stop_loss": {"price": second}})["detail"])
    _show(until(ticket, lambda one: _rests(one, second)))
    print(ask("PATCH", f"/v1/trading/tickets/{ticket}?wait=20", {"stop_loss": None})["detail"])
    _show(until(ticket, lambda one: not one["closing"]))
    close(ticket)


def _rests(ticket: dict[str, Any], price: str) -> bool:
    return [(one["stop_price"], one["status"]) for one in ticket["closing"]] == [(price, "accepted")]


def _show(ticket: dict[str, Any]) -> None:
    print("stop losses:", [(one["stop_price"], one["status"]) for one in ticket["closing"]])


if __name__ == "__main__":
    main()
