"""Faults of the exchange itself: thin moments, cancels of its own, halts, settlement, liquidation, repeated ids, lag, terms."""

import time
from typing import Any

import pytest

from tests.venue.venue_client import USER_ID, Rest, Socket
from tests.venue.venue_market import CALL, PUT
from trader.venue.faults.helper import VenueFaults
from trader.venue.server import VenueServer


def order(**fields: Any) -> dict[str, Any]:
    return {"product_symbol": CALL, "side": "sell", "size": 3, "limit_price": "390", **fields}


def position(rest: Rest, symbol: str = CALL) -> Any:
    held = {row["product_symbol"]: row for row in rest.ok("GET", "/v2/positions?underlying_asset_symbol=BTC")}
    return held[symbol]["size"] if symbol in held else 0


def await_state(rest: Rest, order_id: int, state: str) -> Any:
    deadline = time.monotonic() + 30
    while (told := rest.ok("GET", f"/v2/orders/{order_id}"))["state"] != state:
        assert time.monotonic() < deadline, told
        time.sleep(0.02)
    return told


def test_an_order_is_filled_in_part(rest: Rest, faults: VenueFaults) -> None:
    faults.add("X1", contracts=2)
    partly = rest.order(**order(time_in_force="ioc"))
    assert (partly["state"], partly["unfilled_size"]) == ("cancelled", 1)
    faults.add("X1", contracts=0)
    assert rest.order(**order(time_in_force="ioc"))["unfilled_size"] == 3
    assert rest.order(**order())["unfilled_size"] == 0


def test_a_fill_overtakes_the_cancel(rest: Rest, faults: VenueFaults) -> None:
    resting = rest.order(**order(limit_price="450"))
    faults.add("X1", "before_cancel", contracts=2)
    body = {"id": resting["id"], "product_id": resting["product_id"]}
    assert rest.ok("DELETE", "/v2/orders", body)["unfilled_size"] == 1
    assert position(rest) == -2
    resting = rest.order(**order(limit_price="450"))
    faults.add("X1", "before_cancel", contracts=3)
    body = {"id": resting["id"], "product_id": resting["product_id"]}
    assert rest.refusal("DELETE", "/v2/orders", body) == "open_order_not_found"


def test_the_exchange_cancels_by_itself(rest: Rest, private: Socket, faults: VenueFaults) -> None:
    private.login()
    private.subscribe("orders", "all")
    faults.add("X3", "cancels", secs=0.1, reason="self_trade")
    resting = rest.order(**order(limit_price="450"))
    assert resting["state"] == "open"
    assert await_state(rest, resting["id"], "cancelled")["cancellation_reason"] == "self_trade"
    private.expect("orders", lambda frame: frame["state"] == "cancelled")
    others = [rest.order(**order(limit_price="450", product_symbol=symbol)) for symbol in (CALL, PUT)]
    assert faults.add("X3", "cancels_all", match={"symbol": "C-*"}).row["happened"] == 1
    assert [rest.ok("GET", f"/v2/orders/{o['id']}")["state"] for o in others] == ["cancelled", "open"]


def test_a_halted_contract_takes_cancels_only(rest: Rest, public: Socket, faults: VenueFaults) -> None:
    public.subscribe("product_updates")
    resting = rest.order(**order(limit_price="450"))
    with faults.fault("X4", match={"symbol": CALL}):
        assert public.expect("product_updates")["product"]["trading_status"] == "disrupted_cancel_only"
        assert rest.refusal("POST", "/v2/orders", {"order_type": "limit_order", **order()}) == "invalid_contract"
        assert rest.ok("GET", f"/v2/products/{CALL}")["trading_status"] == "disrupted_cancel_only"
        assert rest.order(**order(product_symbol=PUT))["state"] == "closed"
        body = {"id": resting["id"], "product_id": resting["product_id"]}
        assert rest.ok("DELETE", "/v2/orders", body)["state"] == "cancelled"
    assert public.expect("product_updates")["product"]["trading_status"] == "operational"
    assert rest.order(**order())["state"] == "closed"


def test_settlement_at_once_and_its_price_later(rest: Rest, venue: VenueServer, faults: VenueFaults) -> None:
    sold = rest.order(**order())
    balance = venue.exchange.accounts[USER_ID].balance
    with faults.fault("X5", "price_late"):
        assert faults.add("X5", "settle_now", match={"symbol": CALL}, index="68100").row["happened"] == 1
        assert rest.ok("GET", f"/v2/products/{CALL}")["settlement_price"] is None
    assert rest.ok("GET", f"/v2/products/{CALL}")["settlement_price"] == "100"
    assert position(rest) == 0
    assert rest.ok("GET", "/v2/fills")[0]["fill_type"] == "settlement"
    assert venue.exchange.accounts[USER_ID].balance != balance
    assert sold["state"] == "closed"


def test_worthless_options_vanish_without_a_fill(rest: Rest, venue: VenueServer, faults: VenueFaults) -> None:
    rest.order(**order())
    before = len(rest.ok("GET", "/v2/fills"))
    with faults.fault("X5", "no_fill") as rule:
        faults.add("X5", "settle_now", match={"symbol": CALL}, index="60000")
        assert rule.happened == 1
    assert position(rest) == 0
    assert len(rest.ok("GET", "/v2/fills")) == before
    account = venue.exchange.accounts[USER_ID]
    assert account.balance == account.initial_balance + sum(t.amount for t in account.transactions)


@pytest.mark.parametrize("told", [True, False])
def test_part_of_a_position_is_liquidated(rest: Rest, private: Socket, faults: VenueFaults, told: bool) -> None:
    private.login()
    private.subscribe("v2/user_trades", "all")
    rest.order(**order(client_order_id="mine"))
    assert faults.add("X6", contracts=2, told=told).row["happened"] == 2
    assert position(rest) == -1
    assert rest.ok("GET", "/v2/fills")[0]["fill_type"] == "liquidation"
    rest.order(**order(size=1, client_order_id="after"))
    private.expect("v2/user_trades", lambda frame: frame["c"] == "after")
    assert ("liquidation" in {frame.get("R") for frame in private.frames}) is told


def test_maintenance_and_cancel_only(rest: Rest, public: Socket, faults: VenueFaults) -> None:
    public.subscribe("system_status")
    resting = rest.order(**order(limit_price="450"))
    with faults.fault("X7", "maintenance"):
        assert public.expect("system_status", lambda f: f["status"] == "maintenance")
        assert rest.call("GET", "/v2/orders").status_code == 503
    assert public.expect("system_status", lambda f: f["status"] == "live")
    with faults.fault("X7", "cancel_only"):
        for symbol in (CALL, PUT):
            body = {"order_type": "limit_order", **order(product_symbol=symbol)}
            assert rest.refusal("POST", "/v2/orders", body) == "invalid_contract"
        body = {"id": resting["id"], "product_id": resting["product_id"]}
        assert rest.ok("DELETE", "/v2/orders", body)["state"] == "cancelled"


def test_reduce_only_is_refused_right_after_the_opening_fill(rest: Rest, faults: VenueFaults) -> None:
    buy = {"order_type": "limit_order", **order(side="buy", limit_price="450", reduce_only="true")}
    with faults.fault("X9", secs=60):
        rest.order(**order())
        assert rest.refusal("POST", "/v2/orders", buy) == "no_position_for_reduce_only"
    assert rest.ok("POST", "/v2/orders", buy)["state"] == "closed"


@pytest.mark.parametrize(
    ("mode", "while_open", "after"),
    [
        ("refused", "duplicate_client_order_id", "duplicate_client_order_id"),
        ("accepted", "new", "new"),
        ("existing", "same", "same"),
        ("open_only", "duplicate_client_order_id", "new"),
    ],
)
def test_the_four_ways_with_a_repeated_client_order_id(
    rest: Rest, faults: VenueFaults, mode: str, while_open: str, after: str
) -> None:
    def place(coid: str, price: str) -> tuple[str, int]:
        body = {"order_type": "limit_order", **order(client_order_id=coid, limit_price=price)}
        answer = rest.call("POST", "/v2/orders", body).json()
        return (answer["error"]["code"], 0) if "error" in answer else ("", answer["result"]["id"])

    faults.add("X10", mode)
    for coid, price, expected in (("open", "450", while_open), ("done", "390", after)):
        _, first = place(coid, price)
        code, second = place(coid, price)
        assert expected == (code or ("same" if second == first else "new"))


def test_positions_lag_and_come_in_other_forms(rest: Rest, faults: VenueFaults) -> None:
    with faults.fault("X11", "lag", secs=30):
        rest.order(**order())
        assert position(rest) == 0
        product_id = rest.ok("GET", f"/v2/products/{CALL}")["id"]
        assert rest.ok("GET", f"/v2/positions?product_id={product_id}")["size"] == 0
    assert position(rest) == -3
    for form, told in (("string", "-3"), ("float", -3.0), ("empty", "")):
        with faults.fault("X11", "size_as", **{"as": form}):
            assert position(rest) == told
            assert isinstance(position(rest), type(told))
    with faults.fault("X11", "size_as", **{"as": "missing"}):
        assert "size" not in rest.ok("GET", "/v2/positions?underlying_asset_symbol=BTC")[0]


def test_terms_change(rest: Rest, faults: VenueFaults) -> None:
    with faults.fault("X12", match={"symbol": CALL}, tick_size="5"):
        assert rest.ok("GET", f"/v2/products/{CALL}")["tick_size"] == "5"
        assert (
            rest.refusal("POST", "/v2/orders", {"order_type": "limit_order", **order(limit_price="391")})
            == "bad_schema"
        )
    assert rest.order(**order(limit_price="391.5"))["limit_price"] == "391.5"
