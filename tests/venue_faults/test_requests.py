"""Faults of REST requests: lost, answered wrongly, late, limited, refused, unreadable, cut short."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.venue.venue_client import Rest
from tests.venue.venue_market import CALL, PUT, HandMarket
from tests.venue_faults.conftest import serving
from trader.venue.faults.helper import FaultRefused, VenueFaults
from trader.venue.server import VenueServer

ORDERS = {"method": "POST", "path": "/v2/orders"}


@pytest.fixture(scope="module")
def market() -> HandMarket:
    return HandMarket()


@pytest.fixture(scope="module")
def venue(market: HandMarket) -> Iterator[VenueServer]:
    """One for the whole file: no test here depends on what another traded."""
    with serving(market) as server:
        yield server


def sell(**fields: Any) -> dict[str, Any]:
    return {
        "product_symbol": CALL,
        "side": "sell",
        "size": 1,
        "order_type": "limit_order",
        "limit_price": "390",
        **fields,
    }


def known(rest: Rest, coid: str) -> bool:
    return rest.call("GET", f"/v2/orders/client_order_id/{coid}").status_code == 200


def test_a_lost_request_never_arrives(rest: Rest, faults: VenueFaults) -> None:
    rule = faults.add("N1", match=ORDERS)
    with pytest.raises(requests.ConnectionError):
        rest.call("POST", "/v2/orders", sell(client_order_id="lost"))
    assert rule.happened == 1
    assert not known(rest, "lost")
    assert rest.order(**sell(client_order_id="next"))["state"] == "closed"  # it strikes once


def test_a_lost_reply_leaves_the_order(rest: Rest, faults: VenueFaults) -> None:
    faults.add("N2", match=ORDERS)
    with pytest.raises(requests.ConnectionError):
        rest.call("POST", "/v2/orders", sell(client_order_id="there"))
    assert known(rest, "there")


def test_a_hanging_reply_ends_with_the_callers_patience(rest: Rest, faults: VenueFaults) -> None:
    faults.add("N2", match=ORDERS, hang=True)
    rest.session.mount("http://", _Impatient())
    with pytest.raises(requests.ReadTimeout):
        rest.call("POST", "/v2/orders", sell(client_order_id="silent"))
    assert known(rest, "silent")


class _Impatient(requests.adapters.HTTPAdapter):
    def send(self, request: Any, **options: Any) -> Any:
        return super().send(request, **{**options, "timeout": 0.3})


def test_a_late_request_arrives_after_its_caller_gave_up(rest: Rest, faults: VenueFaults) -> None:
    faults.add("N3", match=ORDERS, secs=1.0)
    with pytest.raises(requests.ConnectionError):
        rest.call("POST", "/v2/orders", sell(client_order_id="late"))
    assert not known(rest, "late")
    deadline = time.monotonic() + 30
    while not known(rest, "late"):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_one_later_than_its_signature_is_refused(rest: Rest, faults: VenueFaults) -> None:
    faults.add("N3", match=ORDERS, secs=0.1)
    old = int(time.time()) - 5
    with pytest.raises(requests.ConnectionError):
        rest.call("POST", "/v2/orders", sell(client_order_id="stale"), at=old - 1)
    deadline = time.monotonic() + 30
    while faults.requests()[-1].get("status") is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert faults.requests()[-1]["status"] == 401
    assert not known(rest, "stale")


@pytest.mark.parametrize("effect", [False, True])
@pytest.mark.parametrize(("kind", "status"), [("code", 500), ("html", 502), ("maintenance", 503)])
def test_5xx_with_and_without_effect(rest: Rest, faults: VenueFaults, kind: str, status: int, effect: bool) -> None:
    faults.add("N4", kind, match=ORDERS, effect=effect)
    coid = f"{kind}-{effect}"
    answer = rest.call("POST", "/v2/orders", sell(client_order_id=coid))
    assert answer.status_code == status
    assert answer.text.startswith("<html>") is (kind == "html")
    assert known(rest, coid) is effect


@pytest.mark.parametrize("header", ["1500", "0", "-1", "1000000000000", "abc", None])
def test_429_with_any_header(rest: Rest, faults: VenueFaults, header: str | None) -> None:
    faults.add("N5", header=header)
    answer = rest.call("GET", "/v2/wallet/balances")
    assert answer.status_code == 429
    assert answer.headers.get("X-RATE-LIMIT-RESET") == header


@pytest.mark.parametrize(
    ("kind", "status", "word"),
    [
        ("cdn", 403, "Forbidden"),
        ("ip", 401, "ip_not_whitelisted_for_api_key"),
        ("key", 401, "invalid_api_key"),
        ("expired", 401, "signature_expired"),
        ("forbidden", 401, "UnauthorizedApiAccess"),
    ],
)
def test_refused_keys_and_addresses(rest: Rest, faults: VenueFaults, kind: str, status: int, word: str) -> None:
    faults.add("N6", kind)
    answer = rest.call("GET", "/v2/orders")
    assert answer.status_code == status
    assert word in answer.text


def test_answers_that_cannot_be_read(rest: Rest, faults: VenueFaults) -> None:
    def struck(kind: str, **args: Any) -> requests.Response:
        faults.add("N7", kind, **args)
        return rest.call("GET", "/v2/tickers")

    for kind in ("truncated", "malformed", "empty"):
        with pytest.raises(requests.JSONDecodeError):
            struck(kind).json()
    assert struck("null_result").json()["result"] is None
    garbled = struck("nan").text
    assert '"product_id":NaN' in garbled and '"mark_price":"NaN"' in garbled
    assert isinstance(struck("wrong_types").json()["result"][0]["symbol"], dict)
    assert "symbol" not in struck("missing_keys").json()["result"][0]
    assert "not_documented" in struck("extra_keys").json()["result"][0]
    assert len(struck("huge", megabytes=3).content) > 3_000_000
    bomb = struck("gzip_bomb", megabytes=5)
    assert int(bomb.headers["Content-Length"]) < 100_000
    assert len(bomb.content) > 5_000_000


def test_pages_that_fail_repeat_or_end_early(rest: Rest, faults: VenueFaults) -> None:
    for number in range(4):
        rest.order(**sell(client_order_id=f"o{number}"))
    first = rest.call("GET", "/v2/fills?page_size=2").json()
    following = f"/v2/fills?page_size=2&after={first['meta']['after']}"
    faults.add("N8", "page_fails", match={"path": "/v2/fills"})
    assert rest.call("GET", "/v2/fills?page_size=2").status_code == 200
    assert rest.call("GET", following).status_code == 500
    assert rest.call("GET", following).status_code == 200
    faults.add("N8", "cursor_repeats", match={"path": "/v2/fills"}, times=2)
    assert rest.call("GET", "/v2/fills?page_size=2").json()["meta"] == first["meta"]
    assert rest.call("GET", following).json()["meta"]["after"] == first["meta"]["after"]
    faults.add("N8", "cut", match={"path": "/v2/fills"})
    assert rest.call("GET", "/v2/fills?page_size=2").json()["meta"]["after"] is None


def test_slow_and_broken_connections(rest: Rest, faults: VenueFaults) -> None:
    faults.add("N12", "latency", secs=0.3)
    began = time.monotonic()
    rest.ok("GET", "/v2/wallet/balances")
    assert time.monotonic() - began >= 0.3
    faults.add("N12", "drip", bytes_per_sec=2000)
    began = time.monotonic()
    body = rest.call("GET", "/v2/wallet/balances").content
    assert time.monotonic() - began >= len(body) / 2000 * 0.8
    faults.add("N12", "reset_mid_body")
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        _ = rest.call("GET", "/v2/products").content


def test_a_clock_that_is_off(rest: Rest, faults: VenueFaults) -> None:
    from email.utils import parsedate_to_datetime

    with faults.fault("N15", secs=-7):
        told = parsedate_to_datetime(rest.call("GET", "/v2/products").headers["Date"])
    assert -9 < told.timestamp() - time.time() < -6


def test_a_refusal_of_any_code(rest: Rest, faults: VenueFaults) -> None:
    faults.add("X2", match={**ORDERS, "symbol": "C-*"}, code="insufficient_margin", context={"needed": "1"})
    assert rest.call("POST", "/v2/orders", sell(product_symbol=PUT)).status_code == 200
    answer = rest.call("POST", "/v2/orders", sell())
    assert answer.status_code == 400
    assert answer.json()["error"] == {"code": "insufficient_margin", "context": {"needed": "1"}}


def test_which_requests_a_rule_looks_at(rest: Rest, faults: VenueFaults) -> None:
    faults.add("X2", match={**ORDERS, "side": "buy", "nth": 2}, code="b")
    faults.add("X2", match={**ORDERS, "client_order_id": "mine-*"}, code="c")
    faults.add("X2", match={**ORDERS, "reduce_only": True}, code="r")
    buy = {"side": "buy", "limit_price": "410"}
    assert rest.call("POST", "/v2/orders", sell(**buy)).status_code == 200
    assert rest.refusal("POST", "/v2/orders", sell(**buy)) == "b"
    assert rest.call("POST", "/v2/orders", sell(**buy)).status_code == 200
    assert rest.refusal("POST", "/v2/orders", sell(client_order_id="mine-1")) == "c"
    assert rest.refusal("POST", "/v2/orders", sell(reduce_only="true")) == "r"


def test_probability_is_drawn_from_the_seed(rest: Rest, faults: VenueFaults) -> None:
    def pattern() -> list[int]:
        match = {"path": "/v2/assets", "probability": 0.5, "seed": 3}
        with faults.fault("N4", match=match, times=1000) as rule:
            told = [rest.call("GET", "/v2/assets").status_code for _ in range(20)]
            assert rule.happened == told.count(500)
        return told

    first = pattern()
    assert pattern() == first
    assert 3 < first.count(500) < 17


def test_a_rule_ends_after_its_time(rest: Rest, faults: VenueFaults) -> None:
    faults.add("N4", times=1000, for_secs=0.5)
    assert rest.call("GET", "/v2/assets").status_code == 500
    deadline = time.monotonic() + 30
    while faults.rules():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert rest.call("GET", "/v2/assets").status_code == 200


def test_requests_are_noted_as_they_arrived(rest: Rest, faults: VenueFaults) -> None:
    faults.add("N2", match=ORDERS)
    before = len(faults.requests())
    with pytest.raises(requests.ConnectionError):
        rest.call("POST", "/v2/orders", sell(client_order_id="n1"))
    rest.call("GET", "/v2/orders")
    told = faults.requests(after=before)
    assert [(row["method"], row["path"]) for row in told] == [("POST", "/v2/orders"), ("GET", "/v2/orders")]
    assert told[0]["body"]["client_order_id"] == "n1"
    assert (told[0]["status"], told[0]["fault"]) == (200, "N2 reply_lost")
    assert [row["seq"] for row in told] == [before + 1, before + 2]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"fault": "N99"}, "no fault 'N99'"),
        ({"fault": "N4", "kind": "teapot"}, "N4 has the kinds code, html, maintenance"),
        ({"fault": "N1", "seconds": 2}, "has no argument 'seconds'"),
        ({"fault": "N3", "secs": "soon"}, "must be a number"),
        ({"fault": "N2", "hang": 1}, "must be true or false"),
        ({"fault": "N1", "match": {"probability": 2}}, "probability must be 0 to 1"),
        ({"fault": "N1", "match": {"path_": "x"}}, "unknown field"),
        ({"fault": "N1", "times": 0}, "times must be 1 or more"),
        ({"fault": "N1", "for_secs": -1}, "for_secs must be above 0"),
    ],
)
def test_a_rule_that_would_do_nothing_is_refused(faults: VenueFaults, spec: dict[str, Any], words: str) -> None:
    with pytest.raises(FaultRefused, match=words):
        faults.add(**spec)
    assert faults.rules() == []
