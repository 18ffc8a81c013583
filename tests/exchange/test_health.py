"""The health check and its words: each thing that goes wrong with a key, an address or a clock says what to do."""

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import formatdate
from time import time
from typing import Any

import pytest

from tests.exchange.scripted_http import Answer, Handler, Request, ScriptedHTTP, refused, success
from trader.domain.errors import ExchangeError, NotSent
from trader.domain.instrument import Instrument
from trader.exchange.common.credentials import Credentials
from trader.exchange.common.instruments import REMEMBERED_MOST, InstrumentCache
from trader.exchange.delta.api.health import PROBE_ID, explain_failure
from trader.exchange.delta.gateway import DeltaGateway
from trader.venue.market.synthetic import SyntheticMarket, SyntheticSettings
from trader.venue.server import VenueServer
from trader.venue.settings import VenueSettings
from trader.venue.wire.auth import Credential

Serve = Callable[[Handler], ScriptedHTTP]
TICKER = {"symbol": "BTCUSD", "spot_price": "65000.5"}
PRODUCT = {
    "id": 27, "symbol": "BTCUSD", "contract_type": "perpetual_futures", "contract_value": "0.001", "tick_size": "0.5",
    "taker_commission_rate": "0.0005", "maker_commission_rate": "0.0002", "initial_margin": "0.5",
    "maintenance_margin": "0.25", "underlying_asset": {"symbol": "BTC"},
}  # fmt: skip


def gateway(serve: Serve, signed: Answer, **headers: str) -> DeltaGateway:
    """On a server whose public side works and whose signed side gives this answer."""

    def handler(request: Request) -> Answer:
        if "signature" in request.headers:
            return signed
        answer = success([PRODUCT] if request.path == "/v2/products" else TICKER)
        answer.headers |= headers
        return answer

    return DeltaGateway(serve(handler).url, Credentials("canary-key", "canary-secret"))


def gate(error: str, message: str, status: int = 401) -> Answer:
    return Answer(status=status, body={"error": error, "message": message})


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (gate("InvalidApiKey", "Api Key not found"), "does not know this API key: mistyped, deleted, or of another environment"),
        (refused("invalid_api_key", 401), "this is paper: the local exchange draws a key at each start"),
        (gate("SignatureExpired", "your signature has expired"), "set this machine's clock"),
        (refused("signature_expired", 401), "set this machine's clock"),
        (refused("expired_signature", 401), "set this machine's clock"),
        (gate("UnauthorizedApiAccess", "Api Key not authorised"), "lacks the permission"),
        (refused("ip_not_whitelisted_for_api_key", 403, client_ip="203.0.113.9"), "the address 203.0.113.9 is not on"),
        (refused("ip_not_whitelisted_for_api_key", 403, ip="2001:db8:0:1:0:0:0:7"), "2001:db8:0:1:0:0:0:7 is not on"),
        (refused("ip_not_whitelisted_for_api_key", 403), "this machine's address is not on"),
        (refused("Signature Mismatch", 401), "the API secret does not belong to the key"),
        (gate("Forbidden", "Request blocked by CDN", 403), "front door"),
        (refused("rate_limit_exceeded", 429), "too many requests"),
        (Answer(status=503, raw=b"<html>maintenance</html>"), "maintenance"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_key_is_said_in_words(serve: Serve, answer: Answer, words: str) -> None:
    health = gateway(serve, answer).health()
    signed = next(check for check in health.checks if check.name == "signed API")
    assert not health.ok and not signed.ok and words in signed.words
    assert "canary" not in signed.words
    assert health.reasons[0].startswith("signed API: ")


def test_a_healthy_exchange_has_no_reasons(serve: Serve) -> None:
    health = gateway(serve, success({"user_id": 7})).health()
    assert health.ok and health.reasons == []
    assert [check.name for check in health.checks] == [
        "public API", "signed API", "clock", "request budget", "connection",
    ]  # fmt: skip


def test_a_skewed_clock_is_a_reason(serve: Serve) -> None:
    date = formatdate(time() + 60, usegmt=True)
    signed = success({"user_id": 7})
    signed.headers["Date"] = date
    health = gateway(serve, signed, Date=date).health()
    assert not health.ok and "s ahead of this machine's; set this machine's clock" in health.reasons[0]


def test_an_unreachable_exchange_is_told_from_a_refusing_one() -> None:
    health = DeltaGateway("http://127.0.0.1:1", Credentials("k", "s")).health()
    public = health.checks[0]
    assert not public.ok and "is the address right" in public.words
    assert "is the address right" in explain_failure(NotSent("no route"), rest_url="http://127.0.0.1:1")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (refused("open_order_not_found"), ""),
        (refused("bad_schema"), ""),
        (gate("UnauthorizedApiAccess", "not authorised"), "may read but not trade"),
        (refused("ip_not_whitelisted_for_api_key", 403), "whitelist"),
    ],
)
def test_the_right_to_trade_is_asked_for_without_trading(serve: Serve, answer: Answer, words: str) -> None:
    asked: list[Any] = []

    def handler(request: Request) -> Answer:
        if request.method != "GET":
            asked.append((request.method, request.target, request.json()))
            return answer
        return success([PRODUCT])

    why_not = DeltaGateway(serve(handler).url, Credentials("k", "s")).trading_refusal()
    assert words in why_not and bool(words) == bool(why_not)
    assert asked == [("DELETE", "/v2/orders", {"client_order_id": PROBE_ID, "product_id": 27})]


def test_an_unclear_answer_about_the_right_to_trade_is_an_error(serve: Serve) -> None:
    with pytest.raises(ExchangeError):
        gateway(serve, Answer(status=500, body={})).trading_refusal()


def test_reconnecting_asks_only_after_a_failure(serve: Serve) -> None:
    sick = True
    server = serve(lambda request: Answer(act="reset") if sick else success([]))
    client = DeltaGateway(server.url)
    assert client.reconnect_if_needed() and server.requests == []
    with pytest.raises(ExchangeError):
        client.market.assets()
    assert not client.reconnect_if_needed()
    sick = False
    assert client.reconnect_if_needed() and client.rest.breaker.failures_in_a_row == 0


def test_contracts_no_longer_listed_are_remembered_the_least_asked_forgotten_first(instrument: Instrument) -> None:
    def contract(number: int) -> Instrument:
        fields = {name: getattr(instrument, name) for name in instrument.__struct_fields__}
        return Instrument(**(fields | {"product_id": number, "symbol": f"S{number}"}))

    listed = [contract(number) for number in range(REMEMBERED_MOST + 2)]
    cache = InstrumentCache(lambda: listed, lambda: 0.0, ttl_secs=0.0)
    assert len(cache.of("BTC")) == REMEMBERED_MOST + 2
    listed = [contract(0)]
    cache.of("BTC")
    assert cache.figures.size == REMEMBERED_MOST + 1
    assert cache.by_id(1) is None or cache.by_id(2) is not None
    assert cache.by_id(2) == contract(2)  # now the last to be forgotten
    listed = [contract(0), contract(9_999)]
    cache.of("BTC")
    listed = [contract(0)]
    cache.of("BTC")
    assert cache.by_id(2) is not None and cache.by_id(3) is None and cache.id_of("S3") is None
    assert cache.figures.hits == 0 and cache.figures.hit_rate == 0.0


def test_the_local_exchange_tells_a_reading_key_from_a_trading_one() -> None:
    keys = (
        Credential(api_key="reads", api_secret="s1", user_id=5_550_001, can_trade=False),
        Credential(api_key="trades", api_secret="s2", user_id=5_550_001),
    )
    market = SyntheticMarket(SyntheticSettings(seed=3, start=datetime.now(UTC), start_prices={"BTC": 77_000.0}))
    server = VenueServer(market, VenueSettings(credentials=keys, realtime=True))
    server.start()
    try:
        url = server.addresses.rest_url
        assert "may read but not trade" in DeltaGateway(url, Credentials("reads", "s1")).trading_refusal()
        assert DeltaGateway(url, Credentials("trades", "s2")).trading_refusal() == ""
        assert DeltaGateway(url, Credentials("reads", "s1")).health().ok
        assert not DeltaGateway(url, Credentials("trades", "s1")).health().ok
    finally:
        server.stop()
