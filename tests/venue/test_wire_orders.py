"""Orders over the real wire: place, match, edit, cancel, look up, and what the private socket says of it."""

from decimal import Decimal

from tests.venue.venue_client import Rest, Socket
from tests.venue.venue_market import CALL, PUT


def test_order_that_crosses_fills_at_once_and_is_told_on_every_private_channel(rest: Rest, private: Socket) -> None:
    assert private.login()["success"] is True
    for name in ("orders", "positions", "v2/user_trades"):
        private.subscribe(name, CALL)
    private.subscribe("margins")
    order = rest.order(product_symbol=CALL, size=10, side="sell", limit_price="399", client_order_id="leg-c-1")
    assert order["state"] == "closed" and order["unfilled_size"] == 0
    assert Decimal(order["average_fill_price"]) == 399
    frame = private.expect("orders", lambda f: f["action"] == "delete")
    assert frame["order_id"] == order["id"] and frame["reason"] == "fill"
    kinds = {f["type"] for f in private.frames}
    assert {"v2/user_trades", "positions"} <= kinds or private.expect("v2/user_trades")
    margins = private.expect("margins")
    wallet = rest.ok("GET", "/v2/wallet/balances")[0]
    assert margins["balance"] == wallet["balance"]
    assert Decimal(wallet["balance"]) == Decimal(10000) + Decimal("3.99") - Decimal(order["paid_commission"])


def test_resting_order_is_listed_edited_found_and_cancelled(rest: Rest) -> None:
    order = rest.order(product_symbol=PUT, size=5, side="buy", limit_price="200", client_order_id="rest-1")
    assert order["state"] == "open"
    assert [o["id"] for o in rest.ok("GET", "/v2/orders?states=open")] == [order["id"]]
    changed = rest.ok("PUT", "/v2/orders", {"id": order["id"], "product_id": 102, "size": 7, "limit_price": "201"})
    assert (changed["size"], changed["limit_price"]) == (7, "201")
    assert rest.ok("GET", f"/v2/orders/{order['id']}")["size"] == 7
    assert rest.ok("GET", "/v2/orders/client_order_id/rest-1")["id"] == order["id"]
    gone = rest.ok("DELETE", "/v2/orders", {"client_order_id": "rest-1", "product_id": 102})
    assert (gone["state"], gone["unfilled_size"]) == ("cancelled", 7)
    assert rest.refusal("DELETE", "/v2/orders", {"id": order["id"], "product_id": 102}) == "open_order_not_found"
    assert [o["id"] for o in rest.ok("GET", "/v2/orders/history")] == [order["id"]]
