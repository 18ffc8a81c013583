"""The gateway verbs over ccxt's Delta class, against the local exchange, with faults in between."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, getcontext, localcontext
from typing import Any

import pytest
import requests

from tests.exchange.scripted_http import Answer, Request, ScriptedHTTP, refused, wait_for
from tests.official_clients.conftest import Venue
from trader.domain.errors import AuthError, ConfigError, ExchangeError, OutcomeUnknown, RateLimited
from trader.domain.instrument import Instrument, Kind
from trader.domain.order import OrderIntent, OrderStatus, OrderType, Purpose, Side, TimeInForce
from trader.domain.outcome import Ok, Rejected, Unknown
from trader.domain.trigger import Stop, StopKind, Trigger
from trader.exchange.ccxt.delta import CcxtDeltaGateway
from trader.exchange.common.credentials import Credentials
from trader.exchange.common.odd_rows import PartialList
from trader.exchange.delta.gateway import DeltaGateway
from trader.exchange.ports import Gateway

pytest.importorskip("ccxt", reason="ccxt is optional: see requirements-ccxt.txt")


class Between:
    """Passes requests on to the venue, unless a fault is waiting for one of its method and path."""

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self.fault: tuple[str, str, Callable[[Request], Answer]] | None = None
        self.passed: list[str] = []
        self.session = requests.Session()
        self.server = ScriptedHTTP(self.handle)

    def handle(self, request: Request) -> Answer:
        if self.fault is not None and (request.method, request.path) == self.fault[:2]:
            return self.fault[2](request)
        return self.forward(request)

    def forward(self, request: Request) -> Answer:
        self.passed.append(f"{request.method} {request.path}")
        headers = {name: value for name, value in request.headers.items() if name not in ("host", "connection")}
        answer = requests.request(
            request.method, self.venue.url + request.target, headers=headers, data=request.body, timeout=5
        )
        return Answer(status=answer.status_code, raw=answer.content, headers={"Content-Type": "application/json"})


class Bench:
    def __init__(self, venue: Venue) -> None:
        self.between = Between(venue)
        credentials = Credentials(venue.key, venue.secret)
        self.gateway = CcxtDeltaGateway(self.between.server.url, credentials)
        self.own = DeltaGateway(venue.url, credentials)
        listed = [i for i in self.gateway.instruments("BTC") if i.kind is Kind.CALL and i.expiry is not None]
        later = sorted({i.expiry for i in listed if i.expiry})[1]
        spot = self.gateway.spot("BTC")
        self.option: Instrument = min(
            (i for i in listed if i.expiry == later), key=lambda i: abs((i.strike or Decimal(0)) - spot)
        )
        self.count = 0

    def intent(self, **changes: Any) -> OrderIntent:
        self.count += 1
        fields: dict[str, Any] = {
            "client_order_id": f"cg-{self.count}", "run_id": "r", "leg": "c", "purpose": Purpose.ENTRY, "attempt": 1,
            "symbol": self.option.symbol, "product_id": self.option.product_id, "side": Side.BUY, "quantity": 2,
            "order_type": OrderType.LIMIT, "limit_price": self.low(),
        }  # fmt: skip
        return OrderIntent(**(fields | changes))

    def low(self) -> Decimal:
        bid = self.own.market.ticker(self.option.symbol).quote.bid
        assert bid is not None
        return (bid * Decimal("0.7")).quantize(Decimal(1))

    def market_order(self, **changes: Any) -> OrderIntent:
        return self.intent(**{"order_type": OrderType.MARKET, "limit_price": None} | changes)


@pytest.fixture(scope="module")
def made(venue: Venue) -> Iterator[Bench]:
    bench = Bench(venue)
    yield bench
    bench.between.server.close()
    bench.own.close()


@pytest.fixture
def bench(made: Bench) -> Iterator[Bench]:
    yield made
    made.between.fault = None
    made.gateway.cancel_all(made.option.product_id)
    made.gateway.close_position(made.option.product_id, f"tidy-{time.monotonic_ns()}")
    wait_for(lambda: not made.own.open_orders() and made.own.position(made.option.product_id).quantity == 0)


def test_it_is_a_gateway(made: Bench) -> None:
    gateway: Gateway = made.gateway
    assert gateway.who_am_i() == made.own.who_am_i()


def test_the_urgent_side_of_a_gateway_that_has_read_nothing_yet_knew_no_markets(made: Bench) -> None:
    urgent = CcxtDeltaGateway(made.between.server.url, Credentials(made.between.venue.key, made.between.venue.secret))
    urgent = urgent.for_exit()
    order = made.intent()
    assert isinstance(urgent.submit(order), Ok)
    cancelled = urgent.cancel(product_id=order.product_id, client_order_id=order.client_order_id)
    assert isinstance(cancelled, Ok), cancelled


def test_contracts_quotes_and_money_are_those_of_the_own_client(made: Bench) -> None:
    for underlying in ("BTC", "ETH"):
        theirs = {i.symbol: i for i in made.gateway.instruments(underlying)}
        assert theirs == {i.symbol: i for i in made.own.instruments(underlying)}
    assert made.option.expiry is not None
    quotes = made.gateway.tickers("BTC", made.option.expiry.date())
    assert quotes and all(quote.symbol.endswith(f"{made.option.expiry:%d%m%y}") for quote in quotes)
    assert any(quote.greeks is not None and quote.bid is not None for quote in quotes)
    theirs_money, ours = made.gateway.wallet(), made.own.wallet()
    assert (theirs_money.balance, theirs_money.available, theirs_money.asset) == (ours.balance, ours.available, "USD")
    assert abs(made.gateway.clock_offset_secs) < 2


def test_the_index_of_the_last_hours_is_that_of_the_own_client(made: Bench) -> None:
    now = made.own.market.ticker(made.option.symbol).quote.ts_mark
    assert now is not None
    theirs = made.gateway.index_closes("BTC", now - timedelta(hours=6), now)
    assert theirs and theirs == made.own.index_closes("BTC", now - timedelta(hours=6), now)


def test_limit_order_rests_is_found_and_cancelled_by_either_id(bench: Bench) -> None:
    for by in ("client_order_id", "venue_order_id"):
        intent = bench.intent()
        outcome = bench.gateway.submit(intent)
        assert isinstance(outcome, Ok) and outcome.order.status is OrderStatus.ACCEPTED, outcome
        found = bench.gateway.lookup(intent.client_order_id)
        assert found is not None and found.venue_order_id == outcome.order.venue_order_id
        assert bench.gateway.lookup_by_id(found.venue_order_id) == found
        assert [o.venue_order_id for o in bench.gateway.open_orders([intent.product_id])] == [found.venue_order_id]
        ended = bench.gateway.cancel(product_id=intent.product_id, **{by: getattr(found, by)})
        assert isinstance(ended, Ok) and ended.order.status is OrderStatus.CANCELLED
        again = bench.gateway.cancel(product_id=intent.product_id, **{by: getattr(found, by)})
        assert isinstance(again, Rejected) and again.code == "open_order_not_found"
        history = bench.gateway.order_history(datetime.now(UTC) - timedelta(hours=1))
        assert found.venue_order_id in {order.venue_order_id for order in history}
    assert bench.gateway.lookup("never-sent") is None


def test_market_order_fills_and_the_position_is_closed_with_the_same_books(bench: Bench) -> None:
    outcome = bench.gateway.submit(bench.market_order())
    assert isinstance(outcome, Ok) and outcome.order.status is OrderStatus.FILLED
    wait_for(lambda: bench.gateway.position(bench.option.product_id).quantity == 2)
    assert [(p.symbol, p.quantity) for p in bench.gateway.positions("BTC")] == [(bench.option.symbol, 2)]
    closed = bench.gateway.close_position(bench.option.product_id, f"close-{time.monotonic_ns()}")
    assert isinstance(closed, Ok) and closed.order.side is Side.SELL and closed.order.reduce_only
    wait_for(lambda: bench.gateway.position(bench.option.product_id).quantity == 0)
    assert bench.gateway.close_position(bench.option.product_id, "nothing-held") is None
    since = datetime.now(UTC) - timedelta(hours=1)
    assert {f.fill_id: f for f in bench.gateway.fills(since)} == {f.fill_id: f for f in bench.own.fills(since)}


def test_an_order_changed_how_the_caller_rounds(bench: Bench) -> None:
    """Its own rounding of the price set the whole thread to half-up."""
    with localcontext():
        assert isinstance(bench.gateway.submit(bench.intent()), Ok)
        assert getcontext().rounding == ROUND_HALF_EVEN and f"{Decimal('0.005'):.2f}" == "0.00"


STOPS = [
    ("a stop loss at market", Side.BUY, {"price": 3}, None, "stop_loss_order"),
    ("a stop loss with a limit", Side.BUY, {"price": 3, "trigger": Trigger.LAST}, 4, "stop_loss_order"),
    ("a take profit", Side.BUY, {"price": Decimal("0.3"), "kind": StopKind.TAKE_PROFIT}, None, "take_profit_order"),
    ("one that trails a buy", Side.BUY, {"trail": Decimal("0.5")}, None, "stop_loss_order"),
    ("one that trails a sell", Side.SELL, {"trail": Decimal("0.5")}, None, "stop_loss_order"),
]


@pytest.mark.parametrize(("what", "side", "stop", "limit", "kind"), STOPS, ids=[row[0] for row in STOPS])
def test_a_stop_waits_for_its_trigger_and_both_clients_tell_the_same_of_it(
    bench: Bench, what: str, side: Side, stop: dict[str, Any], limit: int | None, kind: str
) -> None:
    mark = bench.own.market.ticker(bench.option.symbol).quote.mark
    assert mark is not None
    fields = {name: _tick(mark * value) if name in ("price", "trail") else value for name, value in stop.items()}
    wanted = Stop(**fields)
    order = bench.market_order(side=side, stop=wanted)
    if limit is not None:
        order = bench.intent(side=side, stop=wanted, limit_price=_tick(mark * limit))
    outcome = bench.gateway.submit(order)
    assert isinstance(outcome, Ok) and outcome.order.venue_state == "pending", outcome
    assert (outcome.order.status, outcome.order.stop_kind) == (OrderStatus.ACCEPTED, kind)
    assert outcome.order.trail == wanted.trail and outcome.order.stop_price is not None
    assert wanted.price is None or outcome.order.stop_price == wanted.price
    assert bench.own.lookup(order.client_order_id) == bench.gateway.lookup(order.client_order_id)
    assert order.client_order_id in {o.client_order_id for o in bench.gateway.open_orders([order.product_id])}
    details = bench.own.orders.by_id(outcome.order.venue_order_id)
    assert details is not None and details.trigger == (wanted.trigger or Trigger.MARK)


@pytest.mark.parametrize("client", ["own", "ccxt"])
def test_a_stop_whose_answer_is_lost_is_unknown_and_found_by_its_id(bench: Bench, client: str) -> None:
    venue = bench.between.venue
    own = DeltaGateway(bench.between.server.url, Credentials(venue.key, venue.secret))
    gateway: Gateway = own if client == "own" else bench.gateway
    mark = bench.own.market.ticker(bench.option.symbol).quote.mark
    assert mark is not None

    def lost(request: Request) -> Answer:
        bench.between.forward(request)
        return Answer(act="reset")

    bench.between.fault = ("POST", "/v2/orders", lost)
    order = bench.market_order(stop=Stop(price=_tick(mark * 3)))
    assert isinstance(gateway.submit(order), Unknown)
    bench.between.fault = None
    found = gateway.lookup(order.client_order_id)
    assert found is not None and (found.venue_state, found.stop_price) == ("pending", _tick(mark * 3))
    assert isinstance(gateway.cancel(product_id=order.product_id, client_order_id=order.client_order_id), Ok)
    bench.between.fault = ("POST", f"/v2/products/{order.product_id}/orders/leverage", lost)
    assert isinstance(gateway.set_leverage(order.product_id, Decimal(7)), Unknown)
    bench.between.fault = None
    assert gateway.leverage(order.product_id) == 7
    own.close()


@pytest.mark.parametrize(
    ("stop", "words"),
    [
        (Stop(), "a trigger price or a trailing amount"),
        (Stop(price=Decimal(0)), "price above 0"),
        (Stop(trail=Decimal(5), kind=StopKind.TAKE_PROFIT), "does not trail"),
        (Stop(price=Decimal("100.05")), "no multiple of 0.1"),
    ],
)
def test_a_stop_that_cannot_be_is_not_sent(bench: Bench, stop: Stop, words: str) -> None:
    before = len(bench.between.passed)
    outcome = bench.gateway.submit(bench.market_order(stop=stop))
    assert isinstance(outcome, Rejected) and outcome.code == "not_sent" and words in outcome.message
    assert len(bench.between.passed) == before


def test_leverage_is_set_and_read_and_refused_above_the_exchanges_most(bench: Bench) -> None:
    product = bench.option.product_id
    first = bench.gateway.leverage(product)
    assert bench.gateway.set_leverage(product, Decimal("12.5")) is None
    assert bench.gateway.leverage(product) == bench.own.leverage(product) == Decimal("12.5")
    refused_ = bench.gateway.set_leverage(product, Decimal(5000))
    assert isinstance(refused_, Rejected) and refused_.code == "max_leverage_exceeded"
    assert bench.own.set_leverage(product, first) is None and bench.own.leverage(product) == first
    before = len(bench.between.passed)
    assert isinstance(bench.gateway.set_leverage(product, Decimal(0)), Rejected)
    assert isinstance(bench.gateway.set_leverage(1, Decimal(5)), Rejected)
    assert len(bench.between.passed) == before


def _tick(price: Decimal) -> Decimal:
    return price.quantize(Decimal("0.1"))


def test_immediate_or_cancel_post_only_and_reduce_only_reach_the_exchange(bench: Bench) -> None:
    ioc = bench.gateway.submit(bench.intent(time_in_force=TimeInForce.IOC))
    assert isinstance(ioc, Ok) and ioc.order.status is OrderStatus.CANCELLED
    ask = bench.own.market.ticker(bench.option.symbol).quote.ask
    assert ask is not None
    maker = bench.gateway.submit(bench.intent(post_only=True, limit_price=ask + 1))
    assert isinstance(maker, Rejected) and maker.code == "immediate_execution_post_only"
    lone = bench.gateway.submit(bench.market_order(side=Side.SELL, reduce_only=True))
    assert isinstance(lone, Rejected) and lone.code == "no_position_for_reduce_only"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"quantity": 0}, "at least 1 contract"),
        ({"quantity": 10**9}, "above the exchange's maximum"),
        ({"limit_price": Decimal("100.05")}, "no multiple of 0.1"),
        ({"client_order_id": "x" * 33}, "1 to 32"),
        ({"product_id": 1}, "no product 1"),
    ],
)
def test_what_the_exchange_could_not_take_is_not_sent(bench: Bench, changes: dict[str, Any], words: str) -> None:
    before = len(bench.between.passed)
    outcome = bench.gateway.submit(bench.intent(**changes))
    assert isinstance(outcome, Rejected) and outcome.code == "not_sent" and words in outcome.message
    assert len(bench.between.passed) == before


def test_more_orders_than_a_page_are_read_to_the_end(bench: Bench) -> None:
    low = bench.low()
    for _ in range(3):
        rows = [
            {
                "size": 1, "side": "buy", "order_type": "limit_order", "limit_price": f"{low:f}",
                "client_order_id": f"many-{time.monotonic_ns()}-{n}",
            }
            for n in range(40)
        ]  # fmt: skip
        bench.gateway.wire.exchange.privatePostOrdersBatch({"product_id": bench.option.product_id, "orders": rows})
    assert len(bench.gateway.open_orders()) == 120


# ---------------------------------------------------------------------------------------------------------- faults


@pytest.mark.parametrize(
    "fault",
    [
        Answer(act="reset"),
        Answer(act="close"),
        Answer(status=500, body={"success": False, "error": {"code": "internal_server_error"}}),
        Answer(status=502, raw=b"<html>bad gateway</html>"),
        Answer(status=503, body={"success": False, "error": {"code": "insufficient_margin"}}),
        Answer(status=408, body={}),
        Answer(status=200, raw=b'{"success": true, "result": {'),
        Answer(status=200, raw=b"null"),
        Answer(status=200, body={"success": True, "result": {"id": 1}}),
        refused("unavailable"),
        Answer(status=302, body={}, headers={"Location": "/v2/elsewhere"}),
    ],
)
def test_a_doubtful_end_is_unknown_and_the_order_is_sent_once(bench: Bench, fault: Answer) -> None:
    sent: list[Request] = []

    def fail(request: Request) -> Answer:
        sent.append(request)
        return fault

    bench.between.fault = ("POST", "/v2/orders", fail)
    outcome = bench.gateway.submit(bench.intent(purpose=Purpose.EXIT))
    assert isinstance(outcome, Unknown), outcome
    assert len(sent) == 1


@pytest.mark.parametrize("skew", [-12, 7])
def test_an_order_refused_as_expired_is_signed_once_again_by_the_time_the_refusal_names(
    made: Bench, venue: Venue, skew: int
) -> None:
    """The exchange's clock is off; what passes the strict door is forwarded with the answer of one that is not."""
    gateway = CcxtDeltaGateway(made.between.server.url, Credentials(venue.key, venue.secret))
    gateway.instruments("BTC")
    sent: list[Request] = []

    def strict(request: Request) -> Answer:
        sent.append(request)
        now = int(time.time()) + skew
        if abs(int(request.headers["timestamp"]) - now) > 5:
            return Answer(401, {"error": "SignatureExpired", "message": "late", "server_time": now})
        return refused("insufficient_margin")

    made.between.fault = ("POST", "/v2/orders", strict)
    try:
        outcome = gateway.submit(made.intent())
    finally:
        made.between.fault = None
    assert isinstance(outcome, Rejected) and outcome.code == "insufficient_margin", outcome
    assert len(sent) == 2 and abs(gateway.clock_offset_secs - skew) < 1.5


def test_a_429_is_a_refusal_and_nothing_that_can_wait_is_sent_before_its_reset(made: Bench, venue: Venue) -> None:
    gateway = CcxtDeltaGateway(made.between.server.url, Credentials(venue.key, venue.secret))
    gateway.instruments("BTC")
    limited = Answer(429, {"error": {"code": "rate_limit_exceeded"}}, {"X-RATE-LIMIT-RESET": "60000"})
    made.between.fault = ("POST", "/v2/orders", lambda request: limited)
    try:
        outcome = gateway.submit(made.intent())
        assert isinstance(outcome, Rejected) and outcome.retry_after_secs is not None, outcome
        assert (outcome.code, 59 < outcome.retry_after_secs <= 60) == ("rate_limit_exceeded", True)
        passed = len(made.between.passed)
        with pytest.raises(RateLimited):
            gateway.wallet()
        assert len(made.between.passed) == passed
        assert gateway.for_exit().wallet().balance > 0
    finally:
        made.between.fault = None


def test_an_answer_lost_after_acceptance_is_found_by_our_id(bench: Bench) -> None:
    def lose(request: Request) -> Answer:
        bench.between.forward(request)
        return Answer(act="reset")

    bench.between.fault = ("POST", "/v2/orders", lose)
    intent = bench.intent()
    assert isinstance(bench.gateway.submit(intent), Unknown)
    found = bench.gateway.lookup(intent.client_order_id)
    assert found is not None and found.status is OrderStatus.ACCEPTED


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (refused("insufficient_margin"), "insufficient_margin"),
        (refused("a_code_nobody_listed"), "a_code_nobody_listed"),
        (refused("ip_not_whitelisted_for_api_key", 403), "ip_not_whitelisted_for_api_key"),
        (Answer(status=401, body={"error": "InvalidApiKey", "message": "Api Key not found"}), "InvalidApiKey"),
        (Answer(status=401, body={"error": {"code": "invalid_api_key"}, "success": False}), "invalid_api_key"),
        (Answer(status=401, body={"error": {"code": "signature_expired"}, "success": False}), "signature_expired"),
    ],
)
def test_a_refusal_in_so_many_words_is_rejected_with_its_code(bench: Bench, answer: Answer, code: str) -> None:
    bench.between.fault = ("POST", "/v2/orders", lambda request: answer)
    outcome = bench.gateway.submit(bench.intent())
    assert isinstance(outcome, Rejected) and outcome.code == code


def test_an_order_that_may_not_be_signed_any_more_does_not_leave(bench: Bench) -> None:
    before = len(bench.between.passed)
    asked: list[float] = []

    def may_sign(at: float) -> str:
        asked.append(at)
        return "somebody else holds the lease"

    outcome = bench.gateway.submit(bench.intent(), may_sign=may_sign)
    assert isinstance(outcome, Rejected) and outcome.code == "not_sent" and "lease" in outcome.message
    assert len(asked) == 1 and abs(asked[0] - time.time()) < 5
    assert not any(line.startswith("POST") for line in bench.between.passed[before:])


def test_nobody_there_is_not_sent(venue: Venue, made: Bench) -> None:
    lonely = CcxtDeltaGateway("http://127.0.0.1:1", Credentials(venue.key, venue.secret))
    lonely.wire.set_markets(list(made.gateway.wire.exchange.markets.values()), {})
    lonely._symbols, lonely._ids = made.gateway._symbols, made.gateway._ids
    outcome = lonely.submit(made.intent())
    assert isinstance(outcome, Rejected) and outcome.code == "not_sent", outcome


@pytest.mark.parametrize(
    "fault", [Answer(act="reset"), Answer(status=503, raw=b""), refused("rate_limit_exceeded", 429)]
)
def test_reads_are_repeated_on_network_exchange_and_rate_limit_errors(bench: Bench, fault: Answer) -> None:
    left = [fault, fault]

    def fail_twice(request: Request) -> Answer:
        return left.pop() if left else bench.between.forward(request)

    bench.between.fault = ("GET", "/v2/wallet/balances", fail_twice)
    if fault.status == 429:
        fault.headers["X-RATE-LIMIT-RESET"] = "20"
    assert bench.gateway.wallet().balance > 0
    assert left == []
    bench.between.fault = ("GET", "/v2/wallet/balances", lambda request: Answer(status=500, raw=b""))
    with pytest.raises(OutcomeUnknown):
        bench.gateway.wallet()


@pytest.mark.parametrize(
    "body",
    [
        {"success": True, "result": None},
        {"success": True, "result": [{"size": None, "product_id": 1}]},
        {"success": True, "result": [{"size": "x", "product_id": 1}]},
        {"success": True},
        [],
        "text",
    ],
)
def test_an_unreadable_position_is_an_error_never_flat(bench: Bench, body: Any) -> None:
    bench.between.fault = ("GET", "/v2/positions", lambda request: Answer(body=body))
    with pytest.raises(ExchangeError):
        bench.gateway.positions("BTC")


def test_a_wrong_key_is_an_authentication_error_and_never_shown(venue: Venue) -> None:
    wrong = CcxtDeltaGateway(venue.url, Credentials("canary-key", "canary-secret"))
    with pytest.raises(AuthError) as told:
        wrong.wallet()
    assert "canary" not in str(told.value)


def test_calls_are_counted_with_their_latencies(bench: Bench) -> None:
    bench.gateway.submit(bench.intent())
    figures = bench.gateway.statistics()
    assert figures.orders_submitted >= 1 and figures.orders_accepted >= 1
    row = next(row for row in figures.endpoints if row.endpoint == "create_order")
    assert row.calls >= 1 and row.p50_ms is not None and figures.instruments_cached > 100
    assert bench.gateway.quota_left() < 10_000


def test_without_the_library_one_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ccxt", None)
    with pytest.raises(ConfigError, match=r"requirements-ccxt\.txt"):
        CcxtDeltaGateway("http://127.0.0.1:1", Credentials("key", "secret"))


# ------------------------------------------------------------ rows that make no sense


def spoil(bench: Bench, path: str, change: Callable[[list[Any]], list[Any]]) -> None:
    """Change the rows of what the venue answers at a path."""

    def changed(request: Request) -> Answer:
        answer = bench.between.forward(request)
        body = json.loads(answer.raw or b"{}")
        body["result"] = change(body["result"])
        return Answer(raw=json.dumps(body).encode(), headers={"Content-Type": "application/json"})

    bench.between.fault = ("GET", path, changed)


ODD_PRODUCTS: dict[str, Any] = {
    "no object": lambda row: 5,
    "symbol null": lambda row: {**row, "symbol": None},
    "strike null": lambda row: {**row, "strike_price": None},
    "tick a list": lambda row: {**row, "tick_size": ["0.1"]},
    "strike against the symbol": lambda row: {**row, "strike_price": "1"},
    "expiry a list": lambda row: {**row, "settlement_time": []},
    "no asset": lambda row: {**row, "underlying_asset": "BTC"},
}


@pytest.mark.parametrize("odd", ODD_PRODUCTS.values(), ids=ODD_PRODUCTS)
def test_one_odd_product_hid_every_market_of_ccxt(venue: Venue, bench: Bench, odd: Any) -> None:
    fresh = CcxtDeltaGateway(bench.between.server.url, Credentials(venue.key, venue.secret))
    whole = len(bench.own.instruments("BTC"))
    spoil(
        bench,
        "/v2/products",
        lambda rows: [odd(row) if row["symbol"] == bench.option.symbol else row for row in rows],
    )
    assert len(fresh.instruments("BTC")) == whole - 1
    assert len(fresh.odd_rows.fresh()) == 1 and fresh.statistics().rows_skipped == 1


@pytest.mark.parametrize(
    "odd",
    [lambda row: 5, lambda row: {**row, "symbol": None}, lambda row: {**row, "greeks": "NaN"}],
    ids=["no object", "symbol null", "greeks a text"],
)
def test_one_odd_ticker_hid_every_quote_of_ccxt(bench: Bench, odd: Any) -> None:
    whole = len(bench.gateway.tickers("BTC"))
    spoil(bench, "/v2/tickers", lambda rows: [odd(rows[0]), *rows[1:]])
    assert len(bench.gateway.tickers("BTC")) == whole - 1
    assert bench.gateway.odd_rows.fresh()


@pytest.mark.parametrize("odd", [5, {}, {"size": "NaN"}, {"created_at": []}, {"side": 5}], ids=str)
def test_odd_orders_fills_and_positions_over_ccxt_are_no_whole_list(bench: Bench, odd: Any) -> None:
    assert isinstance(bench.gateway.submit(bench.intent()), Ok)  # rests
    assert isinstance(bench.gateway.submit(bench.market_order()), Ok)
    product, since = bench.option.product_id, datetime(2020, 1, 1, tzinfo=UTC)
    reads: list[tuple[str, Callable[[], Any]]] = [
        ("/v2/orders", lambda: bench.gateway.open_orders([product])),
        ("/v2/fills", lambda: bench.gateway.fills(since, [product])),
        ("/v2/positions", lambda: bench.gateway.positions("BTC")),
    ]
    for path, read in reads:
        whole = read()
        assert whole
        if odd in ({"created_at": []}, {"side": 5}) and path == "/v2/positions":
            continue  # a position tells neither
        spoil(
            bench,
            path,
            lambda rows: [*rows, {**rows[0], **odd} if odd else odd] if isinstance(odd, dict) else [odd, *rows],
        )
        with pytest.raises(PartialList) as caught:
            read()
        assert len(caught.value.rows) == len(whole), path
        bench.between.fault = None
