"""Stops, brackets, batches, margin, protection and account calls over the real wire, with what the streams say of them."""

import csv
import io
import time
from decimal import Decimal as D
from typing import Any

import pytest

from tests.venue.venue_client import KEY, SECRET, USER_ID, Rest, Socket, signature
from tests.venue.venue_market import CALL, PERPETUAL, HandMarket
from trader.venue.server import VenueServer
from trader.venue.settings import VenueSettings
from trader.venue.wire.auth import Credential


def follow(socket: Socket, *names: str, symbol: str = CALL) -> None:
    assert socket.login()["success"] is True
    for name in names:
        socket.subscribe(name, symbol)


def pending(rest: Rest) -> list[dict[str, Any]]:
    return list(rest.ok("GET", "/v2/orders?states=pending"))


# stops and brackets


def test_stop_order_waits_fires_and_is_told(rest: Rest, private: Socket, market: HandMarket) -> None:
    follow(private, "orders", "user_trades")
    order = rest.ok(
        "POST",
        "/v2/orders",
        {
            "product_id": 101,
            "size": 5,
            "side": "buy",
            "order_type": "market_order",
            "stop_order_type": "stop_loss_order",
            "stop_price": "450",
            "client_order_id": "guard",
        },
    )
    fields = ("state", "stop_order_type", "stop_price", "stop_trigger_method", "trail_amount", "bracket_order")
    assert [order[name] for name in fields] == ["pending", "stop_loss_order", "450", "mark_price", None, None]
    created = private.expect("orders", lambda f: f["action"] == "create")
    assert (created["state"], created["stop_price"], created["seq_no"]) == ("pending", "450", 1)
    market.marks[CALL] = D(450)
    assert private.expect("orders")["reason"] == "stop_trigger"
    done = private.expect("orders")
    assert (done["action"], done["reason"], done["state"], done["seq_no"]) == ("delete", "fill", "closed", 3)
    trade = next((f for f in private.frames if f["type"] == "user_trades"), None) or private.expect("user_trades")
    assert (trade["order_id"], trade["size"], trade["client_order_id"]) == (order["id"], 5, "guard")
    assert D(trade["commission"]) > 0


def test_trailing_stop_in_the_official_clients_form(rest: Rest) -> None:
    body = {"product_id": 101, "size": 5, "side": "sell", "order_type": "market_order", "trail_amount": "-50"}
    order = rest.ok("POST", "/v2/orders", body | {"stop_order_type": "stop_loss_order"})
    assert (order["state"], order["trail_amount"], D(order["stop_price"])) == ("pending", "-50", 350)
    changed = rest.ok("PUT", "/v2/orders", {"id": order["id"], "product_id": 101, "size": 4, "stop_price": "300"})
    assert (changed["size"], changed["stop_price"], changed["trail_amount"]) == (4, "300", None)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"stop_order_type": "liquidation_order", "stop_price": "450"}, "bad_schema"),
        ({"stop_order_type": "stop_loss_order"}, "bad_schema"),
        ({"stop_order_type": "stop_loss_order", "stop_price": "390"}, "immediate_execution_stop_order"),
        ({"stop_order_type": "stop_loss_order", "stop_price": "450", "stop_trigger_method": "moon"}, "bad_schema"),
        ({"bracket_stop_loss_price": "380", "bracket_trail_amount": "5"}, "bad_schema"),
        ({"mmp": "mmp3"}, "bad_schema"),
        ({"time_in_force": "fok"}, "bad_schema"),
    ],
)
def test_refused_forms_of_an_order(rest: Rest, change: dict[str, str], code: str) -> None:
    body = {"product_id": 101, "size": 1, "side": "buy", "order_type": "market_order"}
    assert rest.refusal("POST", "/v2/orders", body | change) == code
    assert rest.ok("GET", "/v2/orders") == []


def test_order_types_filter_uses_its_own_words(rest: Rest) -> None:
    limit = rest.order(product_id=101, size=1, side="buy", limit_price="390")["id"]
    stop = {"stop_order_type": "stop_loss_order", "stop_price": "450", "size": 1, "side": "buy", "product_id": 101}
    stop_market = rest.ok("POST", "/v2/orders", stop | {"order_type": "market_order"})["id"]
    stop_limit = rest.order(**stop, limit_price="455")["id"]
    expected = {
        "limit": [limit],
        "stop_market": [stop_market],
        "stop_limit": [stop_limit],
        "all_stop": [stop_limit, stop_market],
        "market": [],
        "limit,all_stop": [stop_limit, stop_market, limit],
    }
    for words, ids in expected.items():
        assert [o["id"] for o in rest.ok("GET", f"/v2/orders?order_types={words}")] == ids, words
    assert rest.call("GET", "/v2/orders?order_types=limit_order").status_code == 400
    assert rest.call("GET", "/v2/orders?states=closed").status_code == 400
    for flags, left in ((["cancel_limit_orders"], 2), (["cancel_stop_orders"], 0)):
        rest.ok("DELETE", "/v2/orders/all", {"product_id": 101} | dict.fromkeys(flags, "true"))
        assert len(rest.ok("GET", "/v2/orders")) == left


def test_entry_with_bracket_is_protected_and_the_profit_leg_ends_the_other(
    rest: Rest, private: Socket, market: HandMarket
) -> None:
    follow(private, "orders")
    entry = rest.order(
        product_id=101,
        size=20,
        side="sell",
        limit_price="399",
        bracket_stop_loss_price="450",
        bracket_stop_loss_limit_price="460",
        bracket_take_profit_price="300",
    )
    assert (entry["state"], entry["bracket_stop_loss_price"], entry["bracket_order"]) == ("closed", "450", None)
    legs = {leg["stop_order_type"]: leg for leg in pending(rest)}
    loss, profit = legs["stop_loss_order"], legs["take_profit_order"]
    assert (loss["bracket_order"], loss["reduce_only"], loss["limit_price"], loss["size"]) == (True, "true", "460", 20)
    assert (profit["order_type"], profit["stop_price"]) == ("market_order", "300")
    edit = {"id": entry["id"], "product_id": 101, "bracket_stop_loss_price": "470"}
    assert rest.refusal("PUT", "/v2/orders/bracket", edit) == "open_order_not_found", "its parent is filled"
    market.marks[CALL] = D(300)
    assert private.expect("orders", lambda f: f.get("order_id") == profit["id"] and f["state"] == "closed")
    gone = private.expect("orders", lambda f: f.get("order_id") == loss["id"] and f["action"] == "delete")
    assert (gone["state"], gone["reason"], gone["bracket_order"]) == ("cancelled", "stop_cancel", True)
    assert rest.ok("GET", "/v2/positions?product_id=101")["size"] == 0


def test_bracket_on_a_position_and_of_a_resting_entry(rest: Rest) -> None:
    loss = {"order_type": "market_order", "stop_price": "450"}
    profit = {"order_type": "limit_order", "stop_price": "300", "limit_price": "305"}
    body = {"product_symbol": CALL, "stop_loss_order": loss, "take_profit_order": profit}
    assert rest.refusal("POST", "/v2/orders/bracket", body) == "no_open_position"
    rest.order(product_id=101, size=5, side="sell", limit_price="399")
    assert rest.refusal("POST", "/v2/orders/bracket", {"product_id": 101}) == "bad_schema"
    assert (
        rest.refusal("POST", "/v2/orders/bracket", body | {"stop_loss_order": {"order_type": "limit_order"}})
        == "bad_schema"
    )
    assert rest.ok("POST", "/v2/orders/bracket", body | {"bracket_stop_trigger_method": "last_traded_price"}) is None
    assert {(leg["stop_trigger_method"], leg["size"]) for leg in pending(rest)} == {("last_traded_price", 5)}
    assert rest.refusal("POST", "/v2/orders/bracket", body) == "position_bracket_exist_or_invalid_data"
    rest.ok("DELETE", "/v2/orders/all", {"cancel_stop_orders": True})
    resting = rest.order(product_id=102, size=5, side="sell", limit_price="410", bracket_trail_amount="30")
    edit = {
        "id": resting["id"],
        "product_id": 102,
        "bracket_stop_loss_price": "470",
        "bracket_take_profit_price": "200",
    }
    assert rest.ok("PUT", "/v2/orders/bracket", edit) is None
    seen = rest.ok("GET", f"/v2/orders/{resting['id']}")
    assert [seen[f"bracket_{n}"] for n in ("stop_loss_price", "take_profit_price", "trail_amount")] == [
        "470",
        "200",
        None,
    ]
    assert rest.refusal("PUT", "/v2/orders/bracket", edit | {"id": 1}) == "open_order_not_found"


# batches


def test_batch_creates_edits_and_cancels_and_drops_refused_rows(rest: Rest) -> None:
    def row(price: str, **fields: Any) -> dict[str, Any]:
        return {"size": 1, "side": "buy", "order_type": "limit_order", "limit_price": price, **fields}

    rows = [row("390", client_order_id="a"), row("5000", client_order_id="b"), row("391", time_in_force="ioc")]
    made = rest.ok("POST", "/v2/orders/batch", {"product_id": 101, "orders": rows})
    assert [(o["client_order_id"], o["limit_price"], o["time_in_force"]) for o in made] == [
        ("a", "390", "gtc"),
        (None, "391", "gtc"),
    ], "the row outside the band is missing; the time in force is ignored"
    edits = [{"id": made[0]["id"], "size": 3, "limit_price": "389"}, {"id": 1, "size": 1}]
    changed = rest.ok("PUT", "/v2/orders/batch", {"product_symbol": CALL, "orders": edits})
    assert [(o["id"], o["size"], o["limit_price"]) for o in changed] == [(made[0]["id"], 3, "389")]
    gone = rest.ok(
        "DELETE",
        "/v2/orders/batch",
        {"product_id": 101, "orders": [{"client_order_id": "a"}, {"id": made[1]["id"]}, {"id": 5}]},
    )
    assert [o["state"] for o in gone] == ["cancelled", "cancelled"]


@pytest.mark.parametrize(
    ("orders", "code"),
    [
        ([], "no_orders"),
        ([{"size": 1, "side": "buy", "limit_price": "390"}] * 51, "bad_schema"),
        ([{"size": 1, "side": "buy", "order_type": "market_order"}], "bad_schema"),
        ([{"size": 1, "side": "buy", "limit_price": "390", "stop_price": "450"}], "bad_schema"),
        ([{"side": "buy", "limit_price": "390"}], "bad_schema"),
        ("x", "bad_schema"),
    ],
)
def test_malformed_batch_is_refused_whole(rest: Rest, orders: Any, code: str) -> None:
    assert rest.refusal("POST", "/v2/orders/batch", {"product_id": 101, "orders": orders}) == code


def test_batch_of_fifty_counts_fifty_operations_and_weight_25(rest: Rest) -> None:
    rows = [{"size": 1, "side": "buy", "order_type": "limit_order", "limit_price": "390"}] * 50
    answers = [rest.call("POST", "/v2/orders/batch", {"product_id": 102, "orders": rows}) for _ in range(2)]
    assert [len(a.json()["result"]) for a in answers] == [50, 50]
    used = rest.call("GET", "/v2/rate_limits/quota").json()["current_quota"]
    assert used == 2 * 25 + 1


# positions and account


def test_margin_top_up_and_close_all(rest: Rest, private: Socket) -> None:
    follow(private, "positions")
    rest.order(product_id=101, size=10, side="sell", limit_price="399")
    opened = private.expect("positions", lambda f: f["action"] == "create")
    assert (D(opened["liquidation_price"]), D(opened["bankruptcy_price"])) == (729, 1059)
    row = rest.ok("POST", "/v2/positions/change_margin", {"product_id": 101, "delta_margin": "3.3"})
    assert D(row["liquidation_price"]) == 1059 and row["margin_mode"] == "isolated"
    assert D(private.expect("positions")["margin"]) == D(opened["margin"]) + D("3.3")
    assert rest.refusal("POST", "/v2/positions/change_margin", {"product_id": 101, "delta_margin": "0"}) == "bad_schema"
    row = rest.ok("PUT", "/v2/positions/auto_topup", {"product_id": 101, "auto_topup": True})
    assert row["auto_topup"] is True
    assert rest.refusal("PUT", "/v2/positions/auto_topup", {"product_id": 101}) == "bad_schema"
    flags = {"close_all_portfolio": True, "close_all_isolated": False, "user_id": USER_ID}
    rest.ok("POST", "/v2/positions/close_all", flags)
    assert len(rest.ok("GET", "/v2/positions/margined")) == 1, "the account is in the other mode"
    assert rest.call("POST", "/v2/positions/close_all", flags | {"user_id": 1}).status_code == 401
    rest.ok("POST", "/v2/positions/close_all", flags | {"close_all_isolated": True})
    assert rest.ok("GET", "/v2/positions/margined") == []
    assert private.expect("positions", lambda f: f["action"] == "delete")["size"] == 0


def test_portfolio_mode_shows_in_wallet_positions_and_its_own_channel(rest: Rest, private: Socket) -> None:
    answer = rest.ok("PUT", "/v2/users/margin_mode", {"margin_mode": "portfolio"})
    assert answer == {"id": str(USER_ID), "margin_mode": "portfolio"}
    rest.order(product_id=101, size=10, side="sell", limit_price="399")
    wallet = rest.ok("GET", "/v2/wallet/balances")[0]
    assert D(wallet["portfolio_margin"]) == D(wallet["blocked_margin"]) > 0 and wallet["position_margin"] == "0"
    (row,) = rest.ok("GET", "/v2/positions/margined")
    assert (row["margin_mode"], row["liquidation_price"]) == ("portfolio", None)
    private.login()
    private.subscribe("portfolio_margins", ".DEXBTUSD")
    frame = private.expect("portfolio_margins")
    assert D(frame["im_w_ucf"]) == D(frame["im_wo_ucf"]) - D(frame["positions_upl"])
    assert {name: len(rows) for name, rows in frame["risk_matrix"].items()} == {"down": 9, "unchanged": 11, "up": 9}
    assert sum(r["is_worst"] for rows in frame["risk_matrix"].values() for r in rows) == 1
    assert frame["liquidation_risk"] is False and "margin_shortfall" not in frame
    assert rest.refusal("PUT", "/v2/users/margin_mode", {"margin_mode": "cross"}) == "bad_schema"
    assert rest.refusal("PUT", "/v2/users/margin_mode", {}) == "bad_schema"


def test_protection_is_configured_triggers_is_told_and_reset(rest: Rest, private: Socket) -> None:
    follow(private, "orders")
    private.subscribe("mmp_trigger")
    config = {"asset": "BTC", "mmp": "mmp2", "window_interval": 60, "freeze_interval": 0, "trade_limit": "0.004"}
    stored = rest.ok("PUT", "/v2/users/update_mmp", config)["mmp_config"]
    assert stored == config | {"delta_limit": None, "vega_limit": None}
    quote = rest.order(product_id=101, size=1, side="buy", limit_price="390", mmp="mmp2")
    rest.order(product_id=101, size=5, side="sell", limit_price="399", mmp="mmp2")
    event = private.expect("mmp_trigger")
    assert (event["asset"], event["frozen_till"], event["user_id"]) == ("BTC", -1, USER_ID)
    assert rest.ok("GET", f"/v2/orders/{quote['id']}")["cancellation_reason"] == "mmp_triggered"
    frozen = {"product_id": 101, "size": 1, "side": "buy", "order_type": "limit_order", "limit_price": "390"}
    assert rest.refusal("POST", "/v2/orders", frozen | {"mmp": "mmp2"}) == "trading_blocked"
    rest.ok("PUT", "/v2/users/reset_mmp", {"asset": "BTC", "mmp": "mmp2"})
    assert rest.order(**frozen, mmp="mmp2")["mmp"] == "mmp2"
    assert rest.refusal("PUT", "/v2/users/update_mmp", config | {"asset": "DOGE"}) == "bad_schema"
    assert rest.refusal("PUT", "/v2/users/reset_mmp", {"asset": "BTC", "mmp": "mmp5"}) == "bad_schema"


def test_heartbeat_that_stops_cancels_the_orders(rest: Rest, private: Socket) -> None:
    follow(private, "orders")
    body = {
        "heartbeat_id": "desk",
        "impact": "contracts",
        "contract_types": ["call_options"],
        "config": [{"action": "cancel_orders", "unhealthy_count": 1}],
    }
    assert rest.ok("POST", "/v2/heartbeat/create", body)["heartbeat_id"] == "desk"
    order = rest.order(product_id=101, size=1, side="buy", limit_price="390")
    answer = rest.ok("POST", "/v2/heartbeat", {"heartbeat_id": "desk", "ttl": 60_000})
    assert answer["process_enabled"] == "true" and int(answer["heartbeat_timestamp"]) > 10**12
    (row,) = rest.ok("GET", "/v2/heartbeat?heartbeat_id=desk")
    assert (row["status"], row["config"][0]["action"], row["user_id"]) == ("healthy", "cancel_orders", USER_ID)
    rest.ok("POST", "/v2/heartbeat", {"heartbeat_id": "desk", "ttl": "50"})
    gone = private.expect("orders", lambda f: f["action"] == "delete")
    assert (gone["order_id"], gone["cancellation_reason"]) == (order["id"], "heartbeat_missed")
    assert rest.ok("GET", "/v2/heartbeat")[0]["status"] == "unhealthy"
    assert rest.ok("POST", "/v2/heartbeat", {"heartbeat_id": "desk", "ttl": 0})["process_enabled"] == "false"
    assert rest.call("POST", "/v2/heartbeat", {"heartbeat_id": "other", "ttl": 5}).status_code == 404
    for wrong in ({"impact": "moon"}, {"contract_types": []}, {"config": [{"action": "sell"}]}, {"heartbeat_id": ""}):
        assert rest.refusal("POST", "/v2/heartbeat/create", body | wrong) == "bad_schema"


def test_preferences_turnover_and_the_refused_profile(rest: Rest) -> None:
    changed = rest.ok(
        "PUT",
        "/v2/users/trading_preferences",
        {"default_auto_topup": True, "email_preferences": {"order_fill": True, "unknown": True}},
    )
    assert changed["default_auto_topup"] is True
    assert changed["email_preferences"]["order_fill"] is True and "unknown" not in changed["email_preferences"]
    rest.order(product_id=101, size=10, side="sell", limit_price="399")
    assert rest.ok("GET", "/v2/positions/margined")[0]["auto_topup"] is True
    stats = rest.ok("GET", "/v2/stats", signed=False)  # the exchange's, so nobody needs a key for it
    assert rest.ok("GET", "/v2/stats") == stats
    assert set(stats) == {"last_30_days_volume", "last_7_days_volume", "total_volume"}
    assert stats["total_volume"] == pytest.approx(3.99)
    answer = rest.call("GET", "/v2/profile")
    assert (answer.status_code, answer.json()["error"]) == (401, "UnauthorizedApiAccess")


def test_cash_moves_between_a_venues_accounts(rest: Rest, venue: VenueServer) -> None:
    other = venue.exchange.open_account(USER_ID + 7)
    (row,) = rest.ok("GET", "/v2/sub_accounts")
    assert (row["id"], row["is_sub_account"]) == (str(other.user_id), True)
    body = {
        "transferrer_user_id": USER_ID,
        "transferee_user_id": other.user_id,
        "asset_symbol": "USD",
        "amount": "100.5",
    }
    rest.ok("POST", "/v2/wallets/sub_account_balance_transfer", body)
    assert other.balance == D("10100.5")
    log = rest.ok("GET", f"/v2/wallets/sub_accounts_transfer_history?subaccount_user_id={other.user_id}")
    assert [entry["amount"] for entry in log] == ["100.5"]
    too_much = body | {"amount": "20000"}
    assert rest.refusal("POST", "/v2/wallets/sub_account_balance_transfer", too_much) == "insufficient_margin"
    kinds = rest.ok("GET", "/v2/wallet/transactions?transaction_types=sub_account_transfer")
    assert [t["amount"] for t in kinds] == ["-100.5"]


def test_downloads_are_csv_of_everything_selected(rest: Rest) -> None:
    rest.order(product_id=101, size=50, side="sell", limit_price="398")
    rest.order(product_id=102, size=1, side="sell", limit_price="399")
    answer = rest.call("GET", "/v2/fills/history/download/csv?product_ids=101")
    assert answer.headers["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(r["product_symbol"], r["size"], r["price"]) for r in rows] == [
        (CALL, "30", "398.0"),
        (CALL, "20", "399.0"),
    ]
    money = list(csv.DictReader(io.StringIO(rest.call("GET", "/v2/wallet/transactions/download").text)))
    assert {r["transaction_type"] for r in money} == {"cashflow", "commission"}
    assert D(money[0]["balance"]) == D(rest.ok("GET", "/v2/wallet/balances")[0]["balance"])


@pytest.mark.parametrize("path", ["/v2/fills/history/download/csv", "/v2/wallet/transactions/download"])
def test_a_download_without_rows_had_no_header_line_either(rest: Rest, path: str) -> None:
    empty = rest.call("GET", path).text
    rest.order(product_id=101, size=1, side="sell", limit_price="398")
    full = rest.call("GET", path).text
    assert empty.splitlines() == full.splitlines()[:1] and len(full.splitlines()) >= 2


def test_the_download_of_fills_lacked_the_product_id_that_the_exchanges_profit_calculator_reads(rest: Rest) -> None:
    rest.order(product_id=101, size=3, side="sell", limit_price="398")
    (row,) = csv.DictReader(io.StringIO(rest.call("GET", "/v2/fills/history/download/csv").text))
    (fill,) = rest.ok("GET", "/v2/fills")
    read = ("product_id", "product_symbol", "size", "side", "price", "commission", "created_at", "role")
    assert [row[name] for name in read] == [str(fill[name]) for name in read]


def test_a_bare_cancel_all_cancelled_nothing(rest: Rest) -> None:
    for product_id in (101, 102):
        rest.order(product_id=product_id, size=5, side="buy", limit_price="200")
    stop = {"stop_order_type": "stop_loss_order", "stop_price": "450"}
    rest.order(product_id=101, size=5, side="buy", order_type="market_order", **stop)
    rest.ok("DELETE", "/v2/orders/all", {"product_id": 102})
    assert {row["product_id"] for row in rest.ok("GET", "/v2/orders")} == {101}
    rest.ok("DELETE", "/v2/orders/all", {"cancel_limit_orders": "false"})  # a flag was given: nothing is asked for
    assert len(rest.ok("GET", "/v2/orders")) == 2
    rest.ok("DELETE", "/v2/orders/all")
    assert rest.ok("GET", "/v2/orders") == []


def test_a_body_that_named_one_contract_by_id_and_symbol_was_refused(rest: Rest) -> None:
    both = {"product_id": 101, "product_symbol": CALL}
    rest.order(**both, size=5, side="sell", limit_price="399")
    legs = {"stop_loss_order": {"order_type": "market_order", "stop_price": "500"}}
    assert rest.refusal("POST", "/v2/orders/bracket", legs | both | {"product_symbol": PERPETUAL}) == "bad_schema"
    assert rest.ok("POST", "/v2/orders/bracket", legs | both) is None
    assert [leg["product_id"] for leg in pending(rest)] == [101]


def test_the_margins_channel_told_no_id_of_the_wallet(rest: Rest, private: Socket) -> None:
    private.login()
    private.subscribe("margins")
    rest.order(product_id=101, size=5, side="sell", limit_price="399")
    assert private.expect("margins")["id"] == rest.ok("GET", "/v2/wallet/balances")[0]["id"]


def test_perpetual_position_is_funded_and_told(rest: Rest, private: Socket, venue: VenueServer) -> None:
    follow(private, "positions", symbol=PERPETUAL)
    rest.order(product_id=27, size=10, side="buy", limit_price="66005")
    venue.exchange.ledger.fund(
        venue.exchange.accounts[USER_ID], venue.exchange.products.live[PERPETUAL], D("-0.066"), venue.exchange.now
    )
    assert private.expect("positions", lambda f: f["action"] == "update")["size"] == 10
    (row,) = rest.ok("GET", "/v2/positions/margined")
    assert row["realized_funding"] == "-0.066"
    (entry,) = rest.ok("GET", "/v2/wallet/transactions?transaction_types=funding")
    assert (entry["amount"], entry["product_id"]) == ("-0.066", 27)


# fills and streams


def test_fill_shows_the_position_it_made_and_leaves_out_what_a_flat_one_has_not(rest: Rest) -> None:
    rest.order(product_id=101, size=10, side="sell", limit_price="399")
    rest.order(product_id=101, size=10, side="buy", limit_price="401")
    closing, opening = rest.ok("GET", "/v2/fills")
    position = opening["meta_data"]["new_position"]
    assert (position["size"], D(position["entry_price"]), position["last_fill_uuid"]) == (-10, 399, opening["id"])
    assert D(position["liquidation_price"]) == 729 and D(position["realized_cashflow"]) == D("3.99")
    assert D(position["total_commission_paid"]) == D(opening["commission"])
    flat = closing["meta_data"]["new_position"]
    assert flat["size"] == 0 and not {"entry_price", "total_commission_paid", "last_fill_uuid"} & flat.keys()
    assert D(flat["realized_pnl"]) == D("-0.02")


def test_fills_page_both_ways(rest: Rest) -> None:
    for _ in range(5):
        rest.order(product_id=102, size=1, side="buy", limit_price="401")
    first = rest.call("GET", "/v2/fills?page_size=2").json()
    second = rest.call("GET", f"/v2/fills?page_size=2&after={first['meta']['after']}").json()
    third = rest.call("GET", f"/v2/fills?page_size=2&after={second['meta']['after']}").json()
    assert len(third["result"]) == 1 and third["meta"]["after"] is None and first["meta"]["before"] is None
    back = rest.call("GET", f"/v2/fills?page_size=2&before={second['meta']['before']}").json()
    assert [f["id"] for f in back["result"]] == [f["id"] for f in first["result"]]
    assert len(rest.ok("GET", "/v2/fills?page_size=500")) == 5
    assert rest.call("GET", f"/v2/fills?product_ids={','.join(map(str, range(11)))}").status_code == 400


def test_snapshot_holds_waiting_stops_and_the_sequence_goes_on_from_it(rest: Rest, private: Socket) -> None:
    stop = {"stop_order_type": "take_profit_order", "stop_price": "300", "side": "buy", "size": 1}
    waiting = rest.ok("POST", "/v2/orders", stop | {"product_id": 101, "order_type": "market_order"})
    resting = rest.order(product_id=101, size=1, side="buy", limit_price="390")
    private.login()
    private.subscribe("orders", CALL)
    snapshot = private.expect("orders")
    assert snapshot["action"] == "snapshot"
    assert [row["id"] for row in snapshot["result"]] == [waiting["id"], resting["id"]]
    rest.ok("DELETE", "/v2/orders", {"id": resting["id"], "product_id": 101})
    assert private.expect("orders")["seq_no"] == snapshot["meta"]["seq_no"] + 1


def test_old_login_is_refused_unless_the_venue_is_set_to_take_it(private: Socket, market: HandMarket) -> None:
    private.send({"type": "auth", "payload": {"api-key": KEY, "signature": "x", "timestamp": "1"}})
    assert private.expect("error")["message"] == "auth is not supported"
    refused = private.subscribe("orders", CALL)["channels"]
    assert refused == [{"name": "orders", "error": "subscription forbidden on orders. Unauthorized user"}]
    credential = Credential(api_key=KEY, api_secret=SECRET, user_id=USER_ID)
    server = VenueServer(market, VenueSettings(credentials=(credential,), old_socket_login=True))
    socket = Socket(server.start().ws_private_url)
    try:
        stamp = str(int(time.time()))
        payload = {"api-key": KEY, "signature": signature(SECRET, f"GET{stamp}/live"), "timestamp": stamp}
        socket.send({"type": "auth", "payload": payload | {"signature": "x"}})
        assert socket.expect("error")["message"] == "invalid signature"
        socket.send({"type": "auth", "payload": payload})
        assert socket.expect("success")["message"] == "Authenticated"
        assert socket.subscribe("orders", CALL)["channels"] == [{"name": "orders", "symbols": [CALL]}]
    finally:
        socket.close()
        server.stop()
