"""The circuit breaker: entries and market reads pause while nothing answers; exits and own reads never do."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from tests.exchange.scripted_http import Answer, Handler, Request, ScriptedHTTP, success
from trader.domain.errors import ExchangeError
from trader.domain.order import Side
from trader.domain.outcome import Rejected, Unknown
from trader.exchange.common.breaker import BreakerOpen, BreakerState, CircuitBreaker
from trader.exchange.common.budget import Priority
from trader.exchange.common.credentials import Credentials
from trader.exchange.delta.api.order_requests import OrderRequest
from trader.exchange.delta.gateway import DeltaGateway


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def opened(clock: Clock, failures: int = 3) -> CircuitBreaker:
    breaker = CircuitBreaker(clock, failures_to_open=3)
    for _ in range(failures):
        breaker.failed("time-out")
    return breaker


def test_opens_after_failures_in_a_row_only() -> None:
    breaker = CircuitBreaker(Clock(), failures_to_open=3)
    for _ in range(5):
        breaker.failed("a")
        breaker.failed("b")
        breaker.answered()
    assert breaker.state is BreakerState.CLOSED
    breaker.admit(Priority.MARKET)


def test_open_refuses_what_can_wait_and_nothing_else() -> None:
    breaker = opened(Clock())
    with pytest.raises(BreakerOpen, match=r"3 calls in a row \(time-out\)"):
        breaker.admit(Priority.MARKET)
    breaker.admit(Priority.OWN)
    breaker.admit(Priority.EXIT)
    assert breaker.opened == 1


def test_one_probe_at_a_time_and_its_answer_closes() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 1.0
    breaker.admit(Priority.MARKET)
    assert breaker.state is BreakerState.PROBING
    with pytest.raises(BreakerOpen, match="call that is out"):
        breaker.admit(Priority.MARKET)
    breaker.answered()
    breaker.admit(Priority.MARKET)
    assert breaker.state is BreakerState.CLOSED


def test_failed_probes_double_the_pause_up_to_a_limit() -> None:
    clock = Clock()
    breaker = opened(clock)
    for pause in (1, 2, 4, 5, 5):
        clock.now += pause - 0.01
        with pytest.raises(BreakerOpen):
            breaker.admit(Priority.MARKET)
        clock.now += 0.01
        breaker.admit(Priority.MARKET)
        breaker.failed("again")
    assert breaker.opened == 1


def test_a_probe_that_never_left_frees_its_place() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 1
    breaker.admit(Priority.MARKET)
    breaker.abandoned()
    breaker.admit(Priority.MARKET)


def test_over_the_wire_an_exit_goes_out_while_entries_are_refused(
    serve: Callable[[Handler], ScriptedHTTP],
) -> None:
    sick = True

    def handler(request: Request) -> Answer:
        return Answer(status=503, body={}) if sick else success([])

    server = serve(handler)
    gateway = DeltaGateway(server.url, Credentials("key", "secret"))
    for _ in range(8):
        with pytest.raises(ExchangeError):
            gateway.market.indices()
    asked = len(server.requests)
    entry = OrderRequest(
        product_id=5, side=Side.SELL, quantity=1, client_order_id="c", limit_price=Decimal(1), reduce_only=False
    )
    refused = gateway.orders.place(entry)
    assert isinstance(refused, Rejected) and refused.code == "not_sent" and "did not answer" in refused.message
    assert len(server.requests) == asked
    assert isinstance(gateway.cancel(product_id=5, client_order_id="c"), Unknown)
    assert len(server.requests) == asked + 1
    sick = False
    assert gateway.open_orders() == []
    assert gateway.market.indices() == []
