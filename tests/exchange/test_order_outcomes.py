"""Every way an order request can end, and the value it ends in."""

import threading
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from tests.exchange.scripted_http import Answer, Handler, Request, ScriptedHTTP, refused, success
from trader.domain.order import OrderIntent, OrderType, Purpose, Side, TimeInForce
from trader.domain.outcome import Ok, Rejected, Unknown
from trader.exchange.common.credentials import Credentials
from trader.exchange.common.patience import Patience
from trader.exchange.delta.gateway import DeltaGateway
from trader.exchange.delta.http.signing import sign

Serve = Callable[[Handler], ScriptedHTTP]

INTENT = OrderIntent(
    client_order_id="sd0000-11111-cE01-001-abcdefgh",
    run_id="r",
    leg="c",
    purpose=Purpose.ENTRY,
    attempt=1,
    symbol="C-BTC-78000-040926",
    product_id=150576,
    side=Side.SELL,
    quantity=10,
    order_type=OrderType.LIMIT,
    limit_price=Decimal("391.50"),
)
ORDER: dict[str, Any] = {
    "id": 700123456,
    "product_id": 150576,
    "product_symbol": INTENT.symbol,
    "client_order_id": INTENT.client_order_id,
    "side": "sell",
    "size": 10,
    "unfilled_size": 4,
    "limit_price": "391.5",
    "average_fill_price": "391.500000000000000000",
    "state": "open",
}


def gateway_of(url: str) -> DeltaGateway:
    return DeltaGateway(url, Credentials("key", "secret"))


def test_accepted_order_is_a_snapshot_and_exactly_the_signed_bytes_were_sent(serve: Serve) -> None:
    server = serve(lambda request: success(ORDER))
    outcome = gateway_of(server.url).submit(INTENT)
    assert isinstance(outcome, Ok)
    assert (outcome.order.venue_order_id, outcome.order.filled_qty) == ("700123456", 6)
    [request] = server.requests
    headers = request.headers
    expected = sign("secret", "POST", headers["timestamp"], "/v2/orders", "", request.body.decode())
    assert headers["signature"] == expected
    assert headers["api-key"] == "key"
    assert headers["user-agent"]
    assert headers["content-type"] == "application/json"
    assert abs(int(headers["timestamp"]) - time.time()) < 2
    assert request.json() == {
        "product_id": 150576,
        "size": 10,
        "side": "sell",
        "order_type": "limit_order",
        "limit_price": "391.50",
        "time_in_force": "gtc",
        "post_only": "false",
        "reduce_only": "false",
        "client_order_id": INTENT.client_order_id,
    }


def test_market_order_carries_no_price(serve: Serve) -> None:
    server = serve(lambda request: success(ORDER))
    changes = {"order_type": OrderType.MARKET, "limit_price": None, "time_in_force": TimeInForce.IOC}
    gateway_of(server.url).submit(msgspec.structs.replace(INTENT, **changes))
    assert "limit_price" not in server.requests[0].json()


HTML = b"<html><body>502 Bad Gateway</body></html>"

UNKNOWN: list[tuple[str, Answer]] = [
    ("reset", Answer(act="reset")),
    ("closed without an answer", Answer(act="close")),
    ("500 without body", Answer(status=500, raw=b"")),
    ("500 with a business code", refused("insufficient_margin", 500)),
    ("503 maintenance", Answer(status=503, raw=HTML)),
    ("502 html", Answer(status=502, raw=HTML)),
    ("200 html", Answer(raw=HTML)),
    ("403 html", Answer(status=403, raw=HTML)),
    ("408", refused("timeout", 408)),
    ("302", Answer(status=302, raw=b"", headers={"Location": "/v2/elsewhere"})),
    ("307", Answer(status=307, raw=b"", headers={"Location": "/v2/orders"})),
    ("internal_server_error as 400", refused("internal_server_error")),
    ("unavailable as 400", refused("unavailable")),
    ("this very id is open already", refused("duplicate_client_order_id")),
    ("truncated json", Answer(raw=b'{"success":true,"result":{"id":7')),
    ("truncated body", Answer(body={"success": True, "result": ORDER}, cut=30)),
    ("null result", success(None)),
    ("no success flag", Answer(body={"result": ORDER})),
    ("200 with success false", Answer(body={"success": False, "error": {"code": "insufficient_margin"}})),
    ("nan token", Answer(raw=b'{"success":true,"result":{"size":NaN}}')),
    ("other client order id", success({**ORDER, "client_order_id": "other"})),
    ("no client order id", success({**ORDER, "client_order_id": None})),
    ("other product", success({**ORDER, "product_id": 1})),
    ("other side", success({**ORDER, "side": "buy"})),
    ("other size", success({**ORDER, "size": 11})),
    ("filled more than asked", success({**ORDER, "unfilled_size": 11})),
    ("negative remainder", success({**ORDER, "unfilled_size": -1})),
    ("missing remainder", success({k: v for k, v in ORDER.items() if k != "unfilled_size"})),
    ("unknown state", success({**ORDER, "state": "weird"})),
    ("garbage", Answer(raw=bytes(range(256)))),
    ("deep nesting", Answer(raw=b"[" * 100_000)),
    ("bad gzip", Answer(raw=b"not gzip", headers={"Content-Encoding": "gzip"})),
]


@pytest.mark.parametrize("answer", [a for _, a in UNKNOWN], ids=[name for name, _ in UNKNOWN])
def test_doubtful_end_is_unknown_and_the_order_is_sent_once(serve: Serve, answer: Answer) -> None:
    server = serve(lambda request: answer)
    outcome = gateway_of(server.url).submit(INTENT)
    assert isinstance(outcome, Unknown), outcome
    assert outcome.cause
    assert len(server.requests) == 1


REJECTED = [
    ("documented code", refused("insufficient_margin", additional_margin_required="0.1"), "insufficient_margin"),
    ("unlisted code", refused("brand_new_code"), "brand_new_code"),
    ("schema", refused("bad_schema", schema_errors=[{"param": "size"}]), "bad_schema"),
    ("429", refused("rate_limit_exceeded", 429), "rate_limit_exceeded"),
    ("429 without a body", Answer(429, raw=b""), "rate_limit_exceeded"),
    ("429 as the front door's page", Answer(429, raw=HTML), "rate_limit_exceeded"),
    ("too many, as 400", refused("too_many_requests"), "rate_limit_exceeded"),
    ("bad key", Answer(401, {"error": "InvalidApiKey", "message": "no"}), "InvalidApiKey"),
    ("whitelist", refused("ip_not_whitelisted_for_api_key", 401), "ip_not_whitelisted_for_api_key"),
    ("no user agent", Answer(403, {"error": "Forbidden", "message": "CDN"}), "Forbidden"),
]


@pytest.mark.parametrize(("answer", "code"), [(a, c) for _, a, c in REJECTED], ids=[name for name, _, _ in REJECTED])
def test_refusal_in_so_many_words_is_rejected(serve: Serve, answer: Answer, code: str) -> None:
    server = serve(lambda request: answer)
    outcome = gateway_of(server.url).submit(INTENT)
    assert isinstance(outcome, Rejected)
    assert outcome.code == code
    assert outcome.message
    assert len(server.requests) == 1


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://no-such-host.invalid"])
def test_refused_connect_or_unknown_host_is_not_sent(url: str) -> None:
    outcome = gateway_of(url).submit(INTENT)
    assert isinstance(outcome, Rejected)
    assert outcome.code == "not_sent"


def test_failed_tls_handshake_is_not_sent(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trader.exchange.common.transport._CONNECT_SECS_MAX", 0.3)
    server = serve(lambda request: success(ORDER))
    outcome = gateway_of(server.url.replace("http", "https")).submit(INTENT)
    assert isinstance(outcome, Rejected)
    assert outcome.code == "not_sent"


@pytest.mark.parametrize("answer", [Answer(act="hang"), Answer(body={"x": "y" * 200}, drip_secs=0.02)])
def test_deadline_holds_for_the_whole_call(serve: Serve, answer: Answer) -> None:
    server = serve(lambda request: answer)
    started = time.monotonic()
    quick = Patience(change_secs=0.4, repeats=0, pause_secs=0.0)
    outcome = DeltaGateway(server.url, Credentials("key", "secret"), patience=quick).submit(INTENT)
    assert isinstance(outcome, Unknown)
    assert 0.3 < time.monotonic() - started < 1.2
    assert len(server.requests) == 1


def test_reset_of_a_kept_connection_is_unknown_and_not_repeated(serve: Serve) -> None:
    answers = iter([success(ORDER), Answer(act="reset"), success(ORDER)])
    server = serve(lambda request: next(answers))
    gateway = gateway_of(server.url)
    kinds = [type(gateway.submit(INTENT)) for _ in range(3)]
    assert kinds == [Ok, Unknown, Ok]
    assert len(server.requests) == 3


def test_our_own_budget_refuses_entries_unsent_but_not_exits(serve: Serve) -> None:
    server = serve(lambda request: success(ORDER))
    gateway = DeltaGateway(server.url, Credentials("key", "secret"), quota=10)
    assert isinstance(gateway.submit(INTENT), Ok)
    refused_entry = gateway.submit(INTENT)
    assert isinstance(refused_entry, Rejected)
    assert refused_entry.code == "not_sent"
    exit_intent = msgspec.structs.replace(INTENT, purpose=Purpose.EXIT)
    assert isinstance(gateway.submit(exit_intent), Ok)
    assert isinstance(gateway.submit(exit_intent), Ok)
    assert len(server.requests) == 3


def test_after_429_entries_stay_home_and_exits_go(serve: Serve) -> None:
    answers = iter([Answer(429, {}, {"X-RATE-LIMIT-RESET": "60000"}), success(ORDER)])
    server = serve(lambda request: next(answers))
    gateway = gateway_of(server.url)
    turned_away = gateway.submit(INTENT)
    assert isinstance(turned_away, Rejected)
    assert (turned_away.code, turned_away.retry_after_secs) == ("rate_limit_exceeded", 60.0)
    assert gateway.submit(INTENT).code == "not_sent"
    assert isinstance(gateway.submit(msgspec.structs.replace(INTENT, purpose=Purpose.EXIT)), Ok)
    assert gateway.statistics().rate_limited == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"limit_price": None},
        {"limit_price": Decimal(0)},
        {"limit_price": Decimal("NaN")},
        {"limit_price": Decimal("Infinity")},
        {"quantity": 0},
    ],
)
def test_order_that_cannot_be_meant_is_not_sent(serve: Serve, changes: dict[str, Any]) -> None:
    server = serve(lambda request: success(ORDER))
    outcome = gateway_of(server.url).submit(msgspec.structs.replace(INTENT, **changes))
    assert isinstance(outcome, Rejected)
    assert outcome.code == "not_sent"
    assert server.requests == []


def test_no_keys_means_no_request(serve: Serve) -> None:
    server = serve(lambda request: success(ORDER))
    outcome = DeltaGateway(server.url).submit(INTENT)
    assert isinstance(outcome, Rejected)
    assert server.requests == []


@pytest.mark.parametrize("code", ["open_order_not_found", "order_already_filled"])
def test_cancel_of_an_ended_order_comes_back_as_its_code(serve: Serve, code: str) -> None:
    server = serve(lambda request: refused(code))
    outcome = gateway_of(server.url).cancel(product_id=150576, client_order_id="a")
    assert isinstance(outcome, Rejected)
    assert outcome.code == code


def test_cancel_names_one_id_and_checks_the_answer(serve: Serve) -> None:
    server = serve(lambda request: success({**ORDER, "state": "cancelled"}))
    gateway = gateway_of(server.url)
    by_client = gateway.cancel(product_id=150576, client_order_id=INTENT.client_order_id)
    by_venue = gateway.cancel(product_id=150576, client_order_id=INTENT.client_order_id, venue_order_id="700123456")
    other = gateway.cancel(product_id=150576, venue_order_id="8")
    assert [r.json() for r in server.requests] == [
        {"client_order_id": INTENT.client_order_id, "product_id": 150576},
        {"id": 700123456, "product_id": 150576},
        {"id": 8, "product_id": 150576},
    ]
    assert {r.method for r in server.requests} == {"DELETE"}
    assert isinstance(by_client, Ok)
    assert isinstance(by_venue, Ok)
    assert isinstance(other, Unknown)
    assert isinstance(gateway.cancel(product_id=1), Rejected)


def test_cancel_all_sends_all_three_flags(serve: Serve) -> None:
    server = serve(lambda request: Answer(body={"success": True}))
    assert gateway_of(server.url).cancel_all(27) is None
    assert server.requests[0].json() == {
        "product_id": 27,
        "cancel_limit_orders": "true",
        "cancel_stop_orders": "true",
        "cancel_reduce_only_orders": "true",
    }


def test_cancel_all_says_when_it_is_not_known_to_have_worked(serve: Serve) -> None:
    server = serve(lambda request: Answer(status=500, raw=b""))
    assert isinstance(gateway_of(server.url).cancel_all(27), Unknown)


def test_two_legs_leave_at_once(serve: Serve) -> None:
    meet = threading.Barrier(2, timeout=3)

    def both(request: Request) -> Answer:
        meet.wait()
        return success(ORDER)

    gateway = gateway_of(serve(both).url)
    outcomes: list[Any] = []
    threads = [threading.Thread(target=lambda: outcomes.append(gateway.submit(INTENT))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [type(outcome) for outcome in outcomes] == [Ok, Ok]


def test_redirects_cookies_proxies_and_netrc_are_not_followed(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve(lambda request: Answer(body=success(ORDER).body, headers={"Set-Cookie": "a=b"}))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    gateway = gateway_of(server.url)
    gateway.submit(INTENT)
    gateway.submit(INTENT)
    assert "cookie" not in server.requests[1].headers


def test_keys_and_signatures_never_reach_log_or_outcome(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    answers = iter([Answer(act="reset"), refused("brand_new_code"), Answer(raw=HTML), success(ORDER)])
    server = serve(lambda request: next(answers))
    gateway = DeltaGateway(server.url, Credentials("canary-key-1", "canary-secret-1"))
    told = [repr(gateway.submit(INTENT)) for _ in range(4)]
    text = caplog.text + "".join(told) + repr(gateway) + repr(vars(gateway.rest))
    for request in server.requests:
        assert request.headers["signature"] not in text
    assert "canary" not in text
