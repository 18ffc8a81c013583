"""Reads give the whole truth or raise."""

import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from email.utils import formatdate
from typing import Any

import pytest

from tests.exchange.scripted_http import Answer, Handler, Request, ScriptedHTTP, refused, success
from trader.domain.errors import AuthError, ExchangeError, OutcomeUnknown, VenueRefused, WireError
from trader.domain.outcome import Unknown
from trader.exchange.common.credentials import Credentials
from trader.exchange.common.patience import Patience
from trader.exchange.delta.gateway import DeltaGateway
from trader.exchange.delta.http.signing import sign
from trader.exchange.ports import Gateway

Serve = Callable[[Handler], ScriptedHTTP]
SINCE = datetime(2026, 11, 20, 6, 30, tzinfo=UTC)


def gateway_of(server: ScriptedHTTP) -> DeltaGateway:
    return DeltaGateway(server.url, Credentials("key", "secret"))


def order_row(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": number,
        "product_id": 5,
        "product_symbol": "C-BTC-78000-040926",
        "client_order_id": f"c{number}",
        "side": "sell",
        "size": 2,
        "unfilled_size": 2,
        "limit_price": "10",
        "state": "open",
        **changes,
    }


def fill_row(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"f{number}",
        "order_id": str(number),
        "product_id": 5,
        "product_symbol": "C-BTC-78000-040926",
        "side": "sell",
        "size": "2",
        "price": "10.5",
        "role": "maker",
        "fill_type": "normal",
        "commission": "0.07",
        "created_at": "2026-11-20T06:30:00.104211Z",
        **changes,
    }


def paged(rows: list[dict[str, Any]], faults: dict[str, Answer] | None = None) -> Handler:
    """A list endpoint with opaque cursors; `faults` replaces the page asked for with that cursor."""

    def handle(request: Request) -> Answer:
        cursor = request.query.get("after", "p0")
        if faults and cursor in faults:
            return faults[cursor]
        size, start = int(request.query["page_size"]), int(cursor[1:])
        more = f"p{start + size}" if start + size < len(rows) else None
        return success(rows[start : start + size], after=more, before=None)

    return handle


def test_the_client_is_a_gateway() -> None:
    gateway: Gateway = DeltaGateway("http://127.0.0.1:1")
    assert gateway.clock_offset_secs == 0


def test_fills_are_read_to_the_last_page(serve: Serve) -> None:
    server = serve(paged([fill_row(i) for i in range(120)]))
    fills = gateway_of(server).fills(SINCE, [5])
    assert [fill.fill_id for fill in fills] == [f"f{i}" for i in range(120)]
    assert len(server.requests) == 3
    first = server.requests[0]
    assert first.query == {"start_time": "1795156200000000", "product_ids": "5", "page_size": "50"}
    signed = sign("secret", "GET", first.headers["timestamp"], "/v2/fills", "?" + first.target.partition("?")[2])
    assert first.headers["signature"] == signed


def test_a_fill_seen_on_two_pages_counts_once(serve: Serve) -> None:
    rows = [fill_row(i) for i in range(50)] + [fill_row(49), fill_row(50)]
    assert len(gateway_of(serve(paged(rows))).fills(None)) == 51


@pytest.mark.parametrize(
    "fault",
    [
        Answer(status=500, raw=b""),
        Answer(status=200, raw=b"<html>"),
        refused("bad_schema"),
        Answer(act="reset"),
        success(None, after=None),
        success([fill_row(1)], after="p0x"),
    ],
)
def test_failing_page_is_not_a_short_list(serve: Serve, fault: Answer) -> None:
    faults = {"p50": fault, "p0x": success([], after="p0x")}
    server = serve(paged([fill_row(i) for i in range(120)], faults))
    with pytest.raises(ExchangeError):
        gateway_of(server).fills(SINCE)


def test_one_unreadable_row_fails_the_list(serve: Serve) -> None:
    server = serve(paged([fill_row(1), fill_row(2, size="NaN")]))
    with pytest.raises(WireError):
        gateway_of(server).fills(SINCE)


def test_id_lists_are_split_into_tens(serve: Serve) -> None:
    server = serve(paged([]))
    assert gateway_of(server).open_orders(range(1, 24)) == []
    asked = [request.query["product_ids"].split(",") for request in server.requests]
    assert [len(ids) for ids in asked] == [10, 10, 3]
    assert {int(i) for ids in asked for i in ids} == set(range(1, 24))
    assert all(request.query["states"] == "open,pending" for request in server.requests)
    assert "%2C" in server.requests[0].target


def test_no_ids_means_no_request_and_none_means_the_account(serve: Serve) -> None:
    server = serve(paged([order_row(1)]))
    gateway = gateway_of(server)
    assert gateway.open_orders([]) == []
    assert server.requests == []
    assert len(gateway.open_orders()) == 1
    assert "product_ids" not in server.requests[0].query


def test_order_history_asks_from_an_instant(serve: Serve) -> None:
    server = serve(paged([order_row(1, state="closed", unfilled_size=0)]))
    [order] = gateway_of(server).order_history(SINCE)
    assert order.status.value == "filled"
    assert server.requests[0].path == "/v2/orders/history"
    with pytest.raises(ValueError, match="time zone"):
        gateway_of(server).order_history(datetime(2026, 1, 1))  # noqa: DTZ001


def test_lookup_tells_absent_from_unknown(serve: Serve) -> None:
    answers: dict[str, Answer] = {
        "here": success(order_row(1, client_order_id="here")),
        "gone": refused("order_not_found", 404),
        "gone2": refused("open_order_not_found"),
        "wrong": success(order_row(1, client_order_id="other")),
        "html": Answer(status=404, raw=b"<html>not found</html>"),
        "down": Answer(status=503, raw=b""),
        "key": Answer(401, {"error": "InvalidApiKey", "message": "x"}),
        "null": success(None),
        "empty": success({}),
    }
    server = serve(lambda request: answers[request.path.rsplit("/", 1)[1]])
    gateway = gateway_of(server)
    found = gateway.lookup("here")
    assert found is not None
    assert found.client_order_id == "here"
    assert gateway.lookup("gone") is None
    assert gateway.lookup("gone2") is None
    for name, kind in [
        ("wrong", WireError),
        ("html", WireError),
        ("down", OutcomeUnknown),
        ("key", AuthError),
        ("null", WireError),
        ("empty", WireError),
    ]:
        with pytest.raises(kind):
            gateway.lookup(name)
    assert server.requests[0].path == "/v2/orders/client_order_id/here"


def test_lookup_by_id_checks_the_id(serve: Serve) -> None:
    server = serve(lambda request: success(order_row(7)))
    gateway = gateway_of(server)
    assert gateway.lookup_by_id("7") is not None
    with pytest.raises(WireError):
        gateway.lookup_by_id("8")


def test_position_without_size_is_an_error_not_flat(serve: Serve) -> None:
    answers: list[Any] = [{"entry_price": None}, {"size": None}, {"size": ""}, {"size": "x"}, {"size": 1.5}]
    for answer in answers:
        with pytest.raises(ExchangeError):
            gateway_of(serve(lambda request, a=answer: success(a))).position(5)  # type: ignore[misc]
    with pytest.raises(ExchangeError):
        gateway_of(serve(lambda request: success([{"product_id": 5, "entry_price": "1"}]))).positions("BTC")
    with pytest.raises(ExchangeError):
        gateway_of(serve(lambda request: success([{"size": 5}]))).positions("BTC")
    with pytest.raises(ExchangeError):
        gateway_of(serve(lambda request: success(None))).positions("BTC")


@pytest.mark.parametrize(("size", "quantity"), [(0, 0), (-10, -10), ("-10", -10), (-10.0, -10), ("0", 0)])
def test_position_size_in_every_spelling(serve: Serve, size: Any, quantity: int) -> None:
    server = serve(lambda request: success({"size": size, "entry_price": None}))
    position = gateway_of(server).position(5)
    assert (position.product_id, position.quantity, position.entry_price) == (5, quantity, None)
    assert server.requests[0].target == "/v2/positions?product_id=5"


def test_position_of_another_product_is_an_error(serve: Serve) -> None:
    server = serve(lambda request: success({"product_id": 6, "size": 1}))
    with pytest.raises(WireError):
        gateway_of(server).position(5)


def test_wallet_reads_the_dollar_row_and_equity(serve: Serve) -> None:
    rows = [
        {"asset_symbol": "BTC", "balance": "1", "available_balance": "1", "blocked_margin": "0"},
        {"asset_symbol": "USD", "balance": "1003.83", "available_balance": "997.37", "blocked_margin": "6.46"},
    ]
    wallet = gateway_of(serve(lambda request: success(rows, net_equity="1001.5"))).wallet()
    assert (wallet.balance, wallet.available, wallet.blocked_margin, wallet.equity) == (
        Decimal("1003.83"),
        Decimal("997.37"),
        Decimal("6.46"),
        Decimal("1001.5"),
    )
    with pytest.raises(WireError):
        gateway_of(serve(lambda request: success(rows[:1]))).wallet()


def test_who_am_i_gives_the_user_id(serve: Serve) -> None:
    assert gateway_of(serve(lambda request: success({"user_id": 5550001}))).who_am_i() == "5550001"


def product_row(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": number,
        "symbol": "C-BTC-78000-040926",
        "contract_type": "call_options",
        "contract_value": "0.001000000000000000",
        "tick_size": "0.1",
        "taker_commission_rate": "0.0001",
        "maker_commission_rate": "0.0001",
        "initial_margin": "1",
        "maintenance_margin": "0.5",
        "strike_price": "78000",
        "settlement_time": "2026-09-04T12:00:00Z",
        "underlying_asset": {"symbol": "BTC"},
        "product_specs": {"premium_commission_rate": 0.035},
        "state": "live",
        "trading_status": "operational",
        **changes,
    }


def test_instruments_are_cached_and_odd_rows_do_not_hide_the_others(serve: Serve) -> None:
    rows = [
        product_row(1),
        product_row(2, tick_size="0"),
        product_row(3, contract_type="move_options"),
        product_row(4, contract_type="perpetual_futures", symbol="BTCUSD", strike_price=None, settlement_time=None),
        product_row(5, symbol="C-ETH-3000-040926", strike_price="3000", underlying_asset={"symbol": "ETH"}),
    ]
    server = serve(paged(rows))
    gateway = gateway_of(server)
    assert [i.product_id for i in gateway.instruments("BTC")] == [1, 4]
    assert [i.product_id for i in gateway.instruments("ETH")] == [5]
    assert len(server.requests) == 1
    assert "api-key" not in server.requests[0].headers
    option = gateway.instruments("BTC")[0]
    assert option.expiry == datetime(2026, 9, 4, 12, tzinfo=UTC)
    assert option.fee_cap == Decimal("0.035")
    assert (gateway.product_id_of("BTCUSD"), gateway.product_id_of("X")) == (4, None)
    statistics = gateway.statistics()
    assert statistics.rows_skipped == 1
    assert statistics.instrument_cache_hit_rate == pytest.approx(2 / 3)


def test_tickers_ask_for_a_day_in_the_exchanges_spelling(serve: Serve) -> None:
    server = serve(lambda request: success([]))
    gateway_of(server).tickers("BTC", date(2026, 9, 4))
    assert server.requests[0].query["expiry_date"] == "04-09-2026"
    gateway_of(server).tickers("BTC")
    assert "expiry_date" not in server.requests[1].query


def test_spot_comes_from_the_perpetuals_ticker(serve: Serve) -> None:
    server = serve(lambda request: success({"symbol": "BTCUSD", "spot_price": "77636"}))
    assert gateway_of(server).spot("BTC") == Decimal(77636)
    assert server.requests[0].path == "/v2/tickers/BTCUSD"
    with pytest.raises(WireError):
        gateway_of(serve(lambda request: success({"symbol": "BTCUSD", "spot_price": None}))).spot("BTC")


def test_settlement_price_of_zero_is_a_price_and_pending_is_none(serve: Serve) -> None:
    symbol = "C-BTC-78000-040926"
    for told, expected in [("0", Decimal(0)), ("12.5", Decimal("12.5")), (None, None)]:
        server = serve(lambda request, t=told: success(product_row(1, settlement_price=t)))  # type: ignore[misc]
        assert gateway_of(server).settlement_price(symbol) == expected


def test_settlement_price_is_searched_among_expired_products(serve: Serve) -> None:
    listing = paged([product_row(9, symbol="C-BTC-1-040926"), product_row(1, settlement_price="3", state="expired")])

    def handle(request: Request) -> Answer:
        return listing(request) if request.path == "/v2/products" else refused("product_not_found", 404)

    server = serve(handle)
    assert gateway_of(server).settlement_price("C-BTC-78000-040926") == Decimal(3)
    assert server.requests[1].query["states"] == "expired"
    assert gateway_of(serve(handle)).settlement_price("C-BTC-5-040926") is None


def test_read_is_repeated_once_signed_anew_when_no_answer_came(serve: Serve) -> None:
    answers = iter([Answer(act="reset"), success({"user_id": 1})])
    server = serve(lambda request: next(answers))
    assert gateway_of(server).who_am_i() == "1"
    assert len(server.requests) == 2
    always = serve(lambda request: Answer(act="close"))
    with pytest.raises(OutcomeUnknown):
        gateway_of(always).who_am_i()
    assert len(always.requests) == 2


def test_a_read_is_repeated_as_often_as_the_settings_say_with_growing_waits(serve: Serve) -> None:
    server = serve(lambda request: Answer(act="close"))
    patience = Patience(repeats=2, pause_secs=0.05)
    gateway = DeltaGateway(server.url, Credentials("key", "secret"), patience=patience)
    started = time.monotonic()
    with pytest.raises(OutcomeUnknown):
        gateway.who_am_i()
    assert len(server.requests) == 3 and time.monotonic() - started >= 0.15
    short = Patience(read_secs=0.6, repeats=5, pause_secs=0.2)
    hurried = DeltaGateway(server.url, Credentials("key", "secret"), patience=short)
    with pytest.raises(OutcomeUnknown):
        hurried.who_am_i()
    assert len(server.requests) == 4, "no time was left for a repeat"
    change = DeltaGateway(server.url, Credentials("key", "secret"), patience=patience).set_leverage(1, Decimal(5))
    assert isinstance(change, Unknown) and len(server.requests) == 5, "what changes something is sent once"


def test_refused_read_raises_its_code(serve: Serve) -> None:
    with pytest.raises(VenueRefused) as caught:
        gateway_of(serve(lambda request: refused("bad_schema"))).wallet()
    assert caught.value.code == "bad_schema"


def test_signature_uses_the_learned_clock(serve: Serve) -> None:
    ahead = 1_900_000_000
    date_header = {"Date": "Fri, 17 Mar 2030 17:46:40 GMT"}
    server = serve(lambda request: Answer(body={"success": True, "result": {"user_id": 1}}, headers=date_header))
    gateway = gateway_of(server)
    gateway.who_am_i()
    gateway.who_am_i()
    assert abs(int(server.requests[1].headers["timestamp"]) - ahead) <= 2
    assert gateway.clock_offset_secs > 1_000_000


def test_expired_signature_is_signed_anew_with_the_time_just_learned(serve: Serve) -> None:
    exchange_is_ahead = 30

    def strict(request: Request) -> Answer:
        now = time.time() + exchange_is_ahead
        headers = {"Date": formatdate(now, usegmt=True)}
        if abs(int(request.headers["timestamp"]) - now) > 5:
            return Answer(401, {"error": "SignatureExpired", "message": "late"}, headers)
        return Answer(body={"success": True, "result": {"user_id": 1}}, headers=headers)

    server = serve(strict)
    assert gateway_of(server).who_am_i() == "1"
    assert len(server.requests) == 2
    stuck = serve(lambda request: Answer(401, {"error": "SignatureExpired", "message": "late"}))
    with pytest.raises(AuthError):
        gateway_of(stuck).who_am_i()
    assert len(stuck.requests) == 2


def test_date_of_a_cached_answer_teaches_nothing(serve: Serve) -> None:
    headers = {"Date": "Fri, 17 Mar 2030 17:46:40 GMT", "Age": "30"}
    server = serve(lambda request: Answer(body={"success": True, "result": {"user_id": 1}}, headers=headers))
    gateway = gateway_of(server)
    gateway.who_am_i()
    assert gateway.clock_offset_secs == 0


def test_huge_answer_is_refused(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trader.exchange.common.transport.BODY_BYTES_MAX", 1000)
    server = serve(lambda request: success({"user_id": 1, "x": "y" * 5000}))
    with pytest.raises(WireError):
        gateway_of(server).who_am_i()


def test_keys_are_changed_without_a_restart(serve: Serve) -> None:
    server = serve(lambda request: success({"user_id": 1}))
    gateway = gateway_of(server)
    gateway.who_am_i()
    gateway.use_credentials(Credentials("key2", "secret2"))
    gateway.who_am_i()
    assert [request.headers["api-key"] for request in server.requests] == ["key", "key2"]


def test_statistics_count_what_happened(serve: Serve) -> None:
    answers = iter([success({"user_id": 1}), refused("bad_schema")])
    gateway = gateway_of(serve(lambda request: next(answers)))
    gateway.who_am_i()
    with pytest.raises(VenueRefused):
        gateway.who_am_i()
    statistics = gateway.statistics()
    [endpoint] = statistics.endpoints
    assert (endpoint.calls, endpoint.errors, statistics.errors) == (2, 1, {"VenueRefused": 1})
    assert endpoint.p50_ms is not None
    assert statistics.quota_left == 10_000 - 2
