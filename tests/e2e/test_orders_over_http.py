"""Single orders over the HTTP API, with the real runner and the real wire: every number told is the exchange's own."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.api.client import Client, serving
from tests.e2e.rig import START, Rig, await_value
from tests.e2e.test_books import PERP, desk, index, rig  # noqa: F401
from trader.desk import Desk

D = Decimal


@pytest.fixture
def api(rig: Rig, desk: Desk) -> Iterator[Client]:  # noqa: F811
    rig.lease_secs = 20.0  # faces ask whether its holder lives
    rig.boot()
    with serving(desk) as client:
        await_value(lambda: client.ask("GET", "/ready", None).status_code == 200 or None, 30, "a runner")
        yield client


def place(api: Client, key: str, **ticket: Any) -> Any:
    """The one ticket's answer."""
    answer = api.ask(
        "POST",
        "/v1/trading/orders",
        json={"tickets": [{"symbol": PERP, "side": "buy", **ticket}]},
        headers={"Idempotency-Key": key},
        params={"wait": 20},
    )
    assert answer.status_code == 201, answer.text
    [told] = answer.json()["tickets"]
    assert told["status"] == "accepted", told
    return told


def same_as_exchange(rig: Rig, line: dict[str, Any]) -> None:  # noqa: F811
    """An order as it is told, against the exchange's row."""
    rows = [*rig.gateway.open_orders(), *rig.gateway.order_history(START - timedelta(hours=1))]
    row = next(one for one in rows if one.venue_order_id == line["venue_order_id"])
    assert (row.client_order_id, row.symbol, row.side.value) == (line["client_order_id"], line["symbol"], line["side"])
    assert (row.status.value, row.filled_qty) == (line["status"], line["filled"])
    assert line["limit_price"] is None or row.limit_price == D(line["limit_price"])
    if line["filled"]:
        assert (row.avg_px, row.paid_commission) == (D(line["avg_px"]), D(line["fees"]))


@pytest.mark.slow
def test_orders_are_placed_watched_cancelled_filled_protected_and_closed(api: Client, rig: Rig) -> None:  # noqa: F811
    product = next(one for one in rig.gateway.instruments("BTC") if one.symbol == PERP)
    low = str((index(rig) * D("0.985")).quantize(D(1)))

    # A limit order rests, the same key is the same order, and it is cancelled.
    wish = {"quantity": 3, "order_type": "limit", "limit_price": low}
    ticket = {"symbol": PERP, "side": "buy", **wish}
    checked = api.ask("POST", "/v1/trading/orders/check", "read", json={"tickets": [ticket]}).json()
    assert checked["ok"] and D(checked["tickets"][0]["cost"]["price"]) == D(low), checked
    resting = place(api, "one", **wish)
    assert place(api, "one", **wish)["ticket_id"] == resting["ticket_id"]

    def active() -> Any:
        return api.get("/v1/trading/orders/active", "read")["orders"]

    [line] = await_value(lambda: [one for one in active() if one["status"] == "accepted"] or None, 30, "active")
    assert (line["run_id"], line["left"], D(line["limit_price"])) == (resting["ticket_id"], 3, D(low))
    same_as_exchange(rig, line)
    assert [one.venue_order_id for one in rig.gateway.open_orders()] == [line["venue_order_id"]]
    assert api.ask("DELETE", f"/v1/trading/orders/{line['venue_order_id']}", params={"wait": 20}).status_code == 202
    await_value(lambda: not active() or None, 30, "no active order")
    detail = api.get(f"/v1/trading/orders/{line['client_order_id']}")
    assert detail["status"] == "cancelled" and detail["timeline"][-1]["what"] == "cancelled"
    assert rig.gateway.open_orders() == []

    # A market order fills, its stop loss rests.
    bought = place(api, "two", quantity=10, order_type="market", stop_loss={"price": low})["ticket_id"]
    [stop] = await_value(lambda: [one for one in active() if one["status"] == "accepted"] or None, 30, "a stop loss")
    assert (stop["closing"], stop["reduce_only"], D(stop["stop_price"])) == ("L", True, D(low))
    [row] = rig.gateway.open_orders()
    assert (row.venue_order_id, row.stop_price) == (stop["venue_order_id"], D(low))

    def position() -> Any:
        answer = api.ask("GET", f"/v1/trading/positions/{PERP}", "read")
        if answer.status_code == 404:
            return None  # the exchange was asked a moment before the fill
        told = answer.json()
        row = next((one for one in rig.gateway.margin_terms().positions if one.symbol == PERP), None)
        same = (
            row is not None
            and (told["net"], told["ours"], told["foreign"]) == (row.quantity, 10, 0)
            and all(
                told[name] is not None and D(told[name]) == value
                for name, value in (
                    ("entry_price", row.entry_price),
                    ("mark", row.mark),
                    ("margin", row.margin),
                    ("liquidation_price", row.liquidation_price),
                )
            )
        )
        return told if same else None

    held = await_value(position, 30, "the exchange's own position")
    assert held["stop_loss"] == [f"{D(low)}"] and [part["run_id"] for part in held["parts"]] == [bought]
    assert api.ask("POST", "/v1/trading/positions/sync", "read").json()["in_step"]

    # Closed by the contract: the stop loss goes, nothing is left, and the money is the exchange's.
    closed = api.ask("POST", f"/v1/trading/positions/{PERP}/close", "stop", params={"wait": 20})
    assert closed.status_code == 202, closed.text
    done = await_value(
        lambda: ((one := api.get(f"/v1/trading/tickets/{bought}"))["status"] == "done" and one) or None, 40, "closed"
    )
    assert D(done["realized_pnl"]) == rig.ledger_change()
    assert rig.gateway.open_orders() == [] and active() == []
    assert rig.gateway.position(product.product_id).quantity == 0
    lines = await_value(
        lambda: (
            (
                (page := api.get("/v1/trading/orders")["orders"])
                and all(one["fees"] is not None for one in page)
                and page
            )
            or None
        ),
        30,
        "every fee",
    )
    taken = [one for one in lines if one["status"] != "rejected"]  # a closing order may miss the exchange's moving band
    assert sorted(one["status"] for one in taken) == ["cancelled", "cancelled", "filled", "filled"]
    for one in taken:
        same_as_exchange(rig, one)
    trades = api.get("/v1/trading/trades")["trades"]
    assert sorted((one["quantity"], D(one["price"]), D(one["fee"])) for one in trades) == sorted(
        (one.quantity, one.price, one.commission) for one in rig.gateway.fills(None)
    )
    kinds = [one["kind"] for one in api.get("/v1/events", params={"limit": 500})["events"]]
    assert kinds.count("position_opened") == kinds.count("position_closed") == 1
    assert kinds.count("order_filled") == len(trades)
