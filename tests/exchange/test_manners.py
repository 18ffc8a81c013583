"""What the exchange asks of its clients: to wait when it says so, and to sign by its clock."""

import time
from collections.abc import Callable
from decimal import Decimal
from email.utils import formatdate
from typing import Any

import pytest
from msgspec.structs import replace

from tests.exchange.scripted_http import Answer, Handler, Request, ScriptedHTTP, success
from tests.exchange.test_order_outcomes import INTENT, ORDER, gateway_of
from trader.domain.errors import AuthError, RateLimited
from trader.domain.order import Purpose
from trader.domain.outcome import Ok, Outcome, Rejected, Unknown
from trader.domain.remedy import Remedy
from trader.exchange.common.clock_offset import ClockOffset, server_time
from trader.exchange.delta.api.order_requests import OrderEdit, OrderRequest
from trader.exchange.delta.gateway import DeltaGateway

Serve = Callable[[Handler], ScriptedHTTP]
EXIT = replace(INTENT, purpose=Purpose.EXIT)
LIMITED = Answer(429, {"success": False, "error": {"code": "rate_limit_exceeded"}}, {"X-RATE-LIMIT-RESET": "60000"})
REQUEST = OrderRequest(
    client_order_id=INTENT.client_order_id,
    product_id=INTENT.product_id,
    side=INTENT.side,
    quantity=INTENT.quantity,
    limit_price=Decimal("391.5"),
)
EDIT = OrderEdit(venue_order_id="700123456", product_id=INTENT.product_id, quantity=5)

# Every way of changing an order, as its one outcome.
CHANGES: dict[str, Callable[[DeltaGateway], Outcome]] = {
    "submit": lambda gateway: gateway.submit(INTENT),
    "exit": lambda gateway: gateway.submit(EXIT),
    "cancel": lambda gateway: gateway.cancel(product_id=INTENT.product_id, client_order_id=INTENT.client_order_id),
    "place": lambda gateway: gateway.orders.place(REQUEST),
    "edit": lambda gateway: gateway.orders.edit(EDIT),
    "batch": lambda gateway: gateway.orders.place_batch(INTENT.product_id, [REQUEST])[0],
    "batch edit": lambda gateway: gateway.orders.edit_batch(INTENT.product_id, [EDIT])[0],
    "batch cancel": lambda gateway: gateway.orders.cancel_batch(INTENT.product_id, ["700123456"])[0],
}
WAITING: dict[str, Callable[[DeltaGateway], Any]] = {
    "positions": lambda gateway: gateway.positions("BTC"),
    "open orders": lambda gateway: gateway.open_orders(),
    "fills": lambda gateway: gateway.fills(None),
    "wallet": lambda gateway: gateway.wallet(),
    "lookup": lambda gateway: gateway.lookup("x"),
    "tickers": lambda gateway: gateway.tickers("BTC"),
}


def answer_of(request: Request) -> Answer:
    if "batch" in request.path:
        return success([ORDER])
    if request.method == "GET":
        return success([])
    return success(ORDER)


# ---------------------------------------------------------------------------------------------------- 429


@pytest.mark.parametrize("what", CHANGES)
def test_a_429_is_a_refusal_that_was_not_processed_and_no_lost_answer(serve: Serve, what: str) -> None:
    server = serve(lambda request: LIMITED)
    outcome = CHANGES[what](gateway_of(server.url))
    assert isinstance(outcome, Rejected), outcome
    assert (outcome.code, outcome.retry_after_secs, outcome.remedy) == ("rate_limit_exceeded", 60.0, Remedy.WAIT)
    assert len(server.requests) == 1


@pytest.mark.parametrize("what", [*WAITING, "submit", "place", "edit", "batch", "batch edit"])
def test_nothing_that_can_wait_is_sent_before_the_reset_of_a_429(serve: Serve, what: str) -> None:
    answers = iter([LIMITED])
    server = serve(lambda request: next(answers, None) or answer_of(request))
    gateway = gateway_of(server.url)
    with pytest.raises(RateLimited):
        gateway.wallet()
    if what in WAITING:
        with pytest.raises(RateLimited):
            WAITING[what](gateway)
    else:
        outcome = CHANGES[what](gateway)
        assert isinstance(outcome, Rejected) and outcome.code == "not_sent"
    assert len(server.requests) == 1


@pytest.mark.parametrize("what", ["exit", "cancel", "batch cancel", "positions", "open orders", "fills", "tickers"])
def test_exits_cancels_and_the_reads_they_need_are_sent_before_the_reset(serve: Serve, what: str) -> None:
    answers = iter([LIMITED])
    server = serve(lambda request: next(answers, None) or answer_of(request))
    gateway = gateway_of(server.url)
    with pytest.raises(RateLimited):
        gateway.wallet()
    done = WAITING[what](gateway.for_exit()) if what in WAITING else CHANGES[what](gateway)
    assert done == [] or isinstance(done, Ok)
    assert len(server.requests) == 2


# ---------------------------------------------------------------------------------------------------- clock

SKEWS = [-12, -7, 7, 12]


def refusal_bodies(request_time: int, now: float) -> dict[str, Any]:
    """The shapes a refused signature is told in, each with the exchange's time."""
    secs, words = int(now), "your signature has expired"
    return {
        "beside the code": {
            "error": "SignatureExpired",
            "message": words,
            "request_time": request_time,
            "server_time": secs,
        },
        "in the context": {
            "success": False,
            "error": {"code": "expired_signature", "context": {"request_time": request_time, "server_time": secs}},
        },
        "as text": {"success": False, "error": {"code": "signature_expired", "server_time": str(secs)}},
        "milliseconds": {"error": "SignatureExpired", "server_time": int(now * 1e3)},
        "microseconds": {"error": "SignatureExpired", "context": {"serverTime": int(now * 1e6)}},
        "iso": {"error": "SignatureExpired", "server_time": formatted(now)},
        "in words": {
            "error": "SignatureExpired",
            "message": f"{words}: request_time {request_time}, server time: {secs}",
        },
    }


def formatted(now: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))


def strict(skew: float, shape: str, *, date: bool = True) -> Handler:
    """An exchange whose clock is off by `skew` and whose Date header is a proxy's: it shows this machine's time."""

    def handle(request: Request) -> Answer:
        now, signed = time.time() + skew, int(request.headers["timestamp"])
        headers = {"Date": formatdate(time.time(), usegmt=True)} if date else {}
        if abs(signed - now) > 5:
            return Answer(401, refusal_bodies(signed, now)[shape], headers)
        return Answer(body=answer_of(request).body, headers=headers)

    return handle


@pytest.mark.parametrize("shape", refusal_bodies(0, 0))
@pytest.mark.parametrize("skew", SKEWS)
def test_the_time_named_in_a_refused_signature_is_learned_and_the_order_signed_once_again(
    serve: Serve, skew: int, shape: str
) -> None:
    server = serve(strict(skew, shape))
    gateway = gateway_of(server.url)
    assert isinstance(gateway.submit(INTENT), Ok)
    assert len(server.requests) == 2
    assert abs(gateway.clock_offset_secs - skew) < 1.5
    assert isinstance(gateway.submit(INTENT), Ok)  # the proxy's Date does not unteach it
    assert len(server.requests) == 3


@pytest.mark.parametrize("what", CHANGES)
def test_every_change_refused_as_expired_is_signed_once_again(serve: Serve, what: str) -> None:
    server = serve(strict(9, "beside the code", date=False))
    assert isinstance(CHANGES[what](gateway_of(server.url)), Ok)
    assert len(server.requests) == 2


def test_only_a_signature_that_stays_refused_halts(serve: Serve) -> None:
    server = serve(lambda request: Answer(401, {"error": "SignatureExpired", "message": "late"}))
    outcome = gateway_of(server.url).submit(INTENT)
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.remedy) == ("SignatureExpired", Remedy.HALT)
    assert len(server.requests) == 2


def test_what_may_not_be_signed_any_more_is_not_signed_again(serve: Serve) -> None:
    server = serve(strict(9, "beside the code"))
    asked: list[float] = []

    def once(at: float) -> str:
        asked.append(at)
        return "overtaken" if len(asked) > 1 else ""

    outcome = gateway_of(server.url).submit(INTENT, may_sign=once)
    assert isinstance(outcome, Rejected)
    assert (outcome.code, len(server.requests)) == ("not_sent", 1)


def test_an_order_lost_on_its_second_way_is_unknown(serve: Serve) -> None:
    answers = iter([Answer(401, {"error": "SignatureExpired"}), Answer(act="close")])
    server = serve(lambda request: next(answers))
    assert isinstance(gateway_of(server.url).submit(INTENT), Unknown)
    assert len(server.requests) == 2


def test_stream_stamps_are_used_where_a_refusal_names_no_time(serve: Serve) -> None:
    def handle(request: Request) -> Answer:
        if abs(int(request.headers["timestamp"]) - time.time() - 9) > 5:
            return Answer(401, {"error": "SignatureExpired"}, {"Date": formatdate(time.time(), usegmt=True)})
        return success(ORDER)

    server = serve(handle)
    gateway = gateway_of(server.url)
    gateway.clock.learn(formatdate(time.time(), usegmt=True), sent_at=time.time(), received_at=time.time())
    for late in (0.3, 0.1, -3000.0, 0.2):
        gateway.clock.learn_stamp(time.time() + 9 - late, time.time())
    assert isinstance(gateway.submit(INTENT), Ok)
    assert len(server.requests) == 2


def test_a_refused_read_still_raises_when_it_stays_refused(serve: Serve) -> None:
    server = serve(lambda request: Answer(401, {"error": "SignatureExpired", "server_time": int(time.time())}))
    with pytest.raises(AuthError):
        gateway_of(server.url).wallet()
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "body",
    [b"", b"server_time", b'{"server_time":null}', b'{"server_time":"soon"}', b'{"request_time":1788000000}',
     b'{"server_time":"2026-99-99T00:00:00Z"}', b'{"server_time":12}', b"\xff\xfe"],
)  # fmt: skip
def test_a_body_that_names_no_time_teaches_nothing(body: bytes) -> None:
    assert server_time(body) is None
    clock = ClockOffset()
    clock.learn_refusal(body, sent_at=1.0, received_at=1.1, expired=True)
    assert clock.secs == 0


def test_stamps_of_another_day_teach_nothing_and_a_header_overrules_those_of_this() -> None:
    clock, now = ClockOffset(), 1_788_000_000.0
    clock.learn_stamp(now + 86_400, now)
    assert clock.secs == 0
    clock.learn_stamp(now + 8, now)
    assert clock.secs == 8
    clock.learn(formatdate(now + 3, usegmt=True), sent_at=now, received_at=now)
    assert abs(clock.secs - 3) < 1
