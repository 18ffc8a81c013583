"""What every REST request passes: user agent, key, signature, window, quota, envelope, paging, schema."""

import time
from collections.abc import Iterator
from contextlib import closing
from email.utils import parsedate_to_datetime

import pytest

from tests.venue.venue_client import KEY, SECRET, USER_ID, Rest, signature
from tests.venue.venue_market import CALL, LATER_CALL, PUT, HandMarket
from trader.venue.server import VenueServer
from trader.venue.settings import VenueSettings
from trader.venue.wire.auth import Credential, in_window, sign


@pytest.mark.parametrize(
    ("method", "path", "query", "body", "expected"),
    [
        (
            "GET",
            "/v2/orders",
            "?product_ids=27&states=open",
            b"",
            "acde3128c19aa1a34caae8250ada6470c5cd061c6e5719a8413c78d51be5488d",
        ),
        (
            "DELETE",
            "/v2/orders",
            "",
            b'{"id":13452112,"product_id":27}',
            "20890dcd733f2afff8dee1f3bd5809725db7afc3009a6e49cbf2475abcce27f9",
        ),
        ("GET", "/live", "", b"", "f2f00d65fbdc6f38a7921869c75973d8ea98287e2a5134a6e20a22b56dbdca63"),
    ],
)
def test_signature_matches_the_published_vectors(
    method: str, path: str, query: str, body: bytes, expected: str
) -> None:
    assert sign("paper-secret", method, "1700000000", path, query, body) == expected


@pytest.mark.parametrize(
    ("stamp", "fits"),
    [("1000", True), ("995", True), ("994", False), ("1005", True), ("1006", False), ("1e3", False), ("", False)],
)
def test_timestamp_window_is_five_seconds_either_way(stamp: str, fits: bool) -> None:
    assert in_window(stamp, 1000.4) is fits


def test_request_without_user_agent_is_blocked(rest: Rest) -> None:
    answer = rest.call("GET", "/v2/products", signed=False, headers={"User-Agent": ""})
    assert (answer.status_code, answer.json()["error"]) == (403, "Forbidden")


def test_late_and_early_signatures_are_refused(rest: Rest) -> None:
    for offset in (-7, 7):
        answer = rest.call("GET", "/v2/orders", at=int(time.time()) + offset)
        error = answer.json()["error"]
        assert (answer.status_code, answer.json()["success"], error["code"]) == (401, False, "signature_expired")
        assert error["context"]["server_time"] - error["context"]["request_time"] == pytest.approx(-offset, abs=1)


def test_unknown_key_is_refused(venue: VenueServer) -> None:
    with closing(Rest(venue.addresses.rest_url, key="other")) as client:
        for signed in (True, False):
            answer = client.call("GET", "/v2/orders", signed=signed)
            assert (answer.status_code, answer.text) == (401, '{"error":{"code":"invalid_api_key"},"success":false}')


def test_wrong_secret_is_a_signature_mismatch(venue: VenueServer) -> None:
    with closing(Rest(venue.addresses.rest_url, secret="other")) as client:
        answer = client.call("GET", "/v2/orders")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "Signature Mismatch")


def test_signature_covers_the_exact_bytes_of_query_and_body(rest: Rest) -> None:
    assert rest.ok("GET", "/v2/orders?contract_types=call_options%2Cput_options") == []
    stamp = str(int(time.time()))
    signed_for_other_body = signature(SECRET, f"POST{stamp}/v2/orders" + '{"a":1}')
    headers = {"api-key": KEY, "timestamp": stamp, "signature": signed_for_other_body}
    answer = rest.call("POST", "/v2/orders", {"a": 2}, signed=False, headers=dict(headers))
    assert answer.json()["error"]["code"] == "Signature Mismatch"


def test_unknown_route_and_wrong_method_answer_in_the_exchanges_shape(rest: Rest) -> None:
    assert rest.call("GET", "/v2/nothing").status_code == 404
    answer = rest.call("PUT", "/v2/products", signed=False)
    assert (answer.status_code, answer.json()["success"]) == (405, False)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"product_id": 101, "product_symbol": CALL, "size": 1, "side": "buy"},
        {"product_id": "x", "size": 1, "side": "buy", "order_type": "limit_order"},
        {"product_id": 101, "size": 1.5, "side": "buy", "order_type": "limit_order", "limit_price": "390"},
        {"product_id": 101, "size": 1, "side": "hold", "order_type": "limit_order", "limit_price": "390"},
        {"product_id": 101, "size": 1, "side": "buy", "order_type": "limit_order", "limit_price": "NaN"},
        {"product_id": 101, "size": 1, "side": "buy", "order_type": "limit_order", "limit_price": "1e999999"},
        {"product_id": 101, "size": 1, "side": "buy", "order_type": "limit_order", "limit_price": []},
        {"product_id": 101, "size": 1, "side": "buy", "order_type": "limit_order"},
        {"product_id": 101, "size": 1, "side": "buy", "order_type": "market_order", "limit_price": "0"},
        {"product_id": 101, "size": 1, "side": "buy", "order_type": "market_order", "post_only": "perhaps"},
    ],
)
def test_malformed_order_is_bad_schema(rest: Rest, body: dict[str, object]) -> None:
    assert rest.refusal("POST", "/v2/orders", body) == "bad_schema"
    assert rest.ok("GET", "/v2/orders") == []


def test_stop_price_without_a_kind_is_refused_and_never_placed_as_a_plain_order(rest: Rest) -> None:
    body = {"product_id": 101, "size": 1, "side": "buy", "order_type": "market_order", "stop_price": "500"}
    assert rest.refusal("POST", "/v2/orders", body) == "bad_schema"
    assert rest.ok("GET", "/v2/positions?product_id=101")["size"] == 0


@pytest.mark.parametrize("path", ["/v2/products?expiry=", "/v2/products?page_size=0", "/v2/products?after=%25%25"])
def test_query_that_cannot_be_read_is_refused(rest: Rest, path: str) -> None:
    assert rest.call("GET", path, signed=False).status_code == 400


def test_broken_json_is_refused(rest: Rest) -> None:
    stamp = str(int(time.time()))
    headers = {
        "User-Agent": "tests",
        "api-key": KEY,
        "timestamp": stamp,
        "signature": signature(SECRET, f"POST{stamp}/v2/orders" + "{"),
    }
    answer = rest.session.post(rest.url + "/v2/orders", data="{", headers=headers, timeout=5)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_schema")


def test_cursors_walk_the_whole_history_once_and_back(rest: Rest) -> None:
    for _ in range(5):
        order = rest.order(product_id=102, size=1, side="buy", limit_price="200")
        rest.ok("DELETE", "/v2/orders", {"id": order["id"], "product_id": 102})
    seen: list[int] = []
    path = "/v2/orders/history?page_size=2"
    while True:
        page = rest.call("GET", path).json()
        seen += [row["id"] for row in page["result"]]
        if page["meta"]["after"] is None:
            break
        path = f"/v2/orders/history?page_size=2&after={page['meta']['after']}"
    assert seen == sorted(set(seen), reverse=True) and len(seen) == 5
    back = rest.call("GET", f"/v2/orders/history?page_size=2&before={page['meta']['before']}").json()
    assert [row["id"] for row in back["result"]] == seen[2:4]


def test_chain_filters_select_one_expiry(rest: Rest) -> None:
    path = "/v2/tickers?contract_types=call_options,put_options&underlying_asset_symbols=BTC&expiry_date="
    rows = rest.ok("GET", path + "20-11-2026", signed=False)
    assert {row["symbol"] for row in rows} == {CALL, PUT}
    assert rows[0]["greeks"]["delta"] == "0.12000000" and rows[0]["quotes"]["best_bid"] == "399"
    assert rows[0]["mark_vol"] == "0.50000000" and rows[0]["strike_price"] in ("68000", "64000")
    products = rest.ok("GET", "/v2/products?contract_types=call_options&expiry=2026-11-21", signed=False)
    assert [p["symbol"] for p in products] == [LATER_CALL]
    assert products[0]["settlement_time"] == "2026-11-21T12:00:00Z"
    assert products[0]["product_specs"]["premium_commission_rate"] == 0.035


def test_every_public_endpoint_answers(rest: Rest) -> None:
    for path in (
        "/v2/assets",
        "/v2/indices",
        f"/v2/products/{CALL}",
        f"/v2/tickers/{CALL}",
        f"/v2/tickers/{CALL},{PUT}",
        f"/v2/l2orderbook/{CALL}?depth=2",
        f"/v2/trades/{CALL}",
        "/v2/settings",
    ):
        assert rest.ok("GET", path, signed=False) is not None
    book = rest.ok("GET", f"/v2/l2orderbook/{CALL}", signed=False)
    assert [(row["size"], row["depth"]) for row in book["buy"]] == [(20, "20"), (40, "60"), (60, "120")]
    assert rest.call("GET", "/v2/products/C-BTC-1-201126", signed=False).status_code == 404


def test_account_endpoints_answer(rest: Rest) -> None:
    assert rest.ok("GET", "/v2/users/trading_preferences")["user_id"] == USER_ID
    assert rest.ok("POST", "/v2/products/101/orders/leverage", {"leverage": "10"})["leverage"] == "10"
    assert rest.ok("GET", "/v2/products/101/orders/leverage")["leverage"] == "10"
    rest.order(product_id=101, size=10, side="sell", limit_price="399")
    (row,) = rest.ok("GET", "/v2/positions/margined")
    assert (row["size"], row["entry_price"], row["product"]["symbol"]) == (-10, "399.0", CALL)
    (held,) = rest.ok("GET", "/v2/positions?underlying_asset_symbol=BTC")
    assert (held["product_id"], held["size"]) == (101, -10)
    (fill,) = rest.ok("GET", "/v2/fills?product_ids=101")
    assert (fill["size"], fill["price"], fill["role"], fill["fill_type"]) == ("10", "399.0", "taker", "normal")
    assert "client_order_id" not in fill
    kinds = [t["transaction_type"] for t in rest.ok("GET", "/v2/wallet/transactions")]
    assert kinds == ["commission", "cashflow"]


@pytest.fixture
def poor_rest(market: HandMarket) -> Iterator[Rest]:
    """A venue whose quota is ten units."""
    credential = Credential(api_key=KEY, api_secret=SECRET, user_id=USER_ID)
    server = VenueServer(market, VenueSettings(credentials=(credential,), quota_units=10))
    client = Rest(server.start().rest_url)
    yield client
    client.close()
    server.stop()


def test_quota_is_spent_by_weight_and_answered_with_429(poor_rest: Rest) -> None:
    for used in (3, 6, 9):
        assert poor_rest.call("GET", "/v2/orders").status_code == 200
        assert poor_rest.call("GET", "/v2/rate_limits/quota", signed=False).json()["current_quota"] <= used
    answer = poor_rest.call("GET", "/v2/orders")
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "rate_limit_exceeded")
    assert 0 < int(answer.headers["X-RATE-LIMIT-RESET"]) <= 300_000
    assert poor_rest.call("GET", "/v2/assets", signed=False).status_code == 200, "the address has its own quota"


def test_the_date_header_is_the_present_second(rest: Rest) -> None:
    for _ in range(3):
        before = int(time.time())
        answer = rest.call("GET", "/v2/settings", signed=False)
        stamped = parsedate_to_datetime(answer.headers["Date"]).timestamp()
        assert before <= stamped <= time.time()
