"""Moving the bracket of an open position, and the emergency close-all, over the local exchange and with faults."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from tests.conformance.target import Target, open_local
from tests.exchange.scripted_http import Answer, Handler, Request, ScriptedHTTP, refused, success
from trader.domain.order import Side
from trader.domain.outcome import Rejected, Unknown
from trader.exchange.common.credentials import Credentials
from trader.exchange.common.outcomes import Done
from trader.exchange.delta.api.order_requests import Bracket
from trader.exchange.delta.gateway import DeltaGateway

Serve = Callable[[Handler], ScriptedHTTP]


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with open_local() as made:
        yield made


def test_a_positions_bracket_is_moved_and_it_never_has_two(target: Target) -> None:
    target.bought(quantity=2)
    mark = target.quote().mark
    assert mark is not None
    for loss, profit in (("0.5", "2"), ("0.6", "1.9")):
        bracket = Bracket(
            stop_loss=(mark * Decimal(loss)).quantize(Decimal("0.1")),
            take_profit=(mark * Decimal(profit)).quantize(Decimal("0.1")),
        )
        assert target.gateway.move_bracket(target.option.product_id, Side.BUY, bracket) == Done(None)
        legs = target.gateway.orders.open_details(states=("pending",))
        assert {d.stop_price for d in legs} == {bracket.stop_loss, bracket.take_profit}
    target.tidy()


def test_closing_everything_gives_the_closing_orders(target: Target) -> None:
    opened = target.bought(quantity=3).order
    target.bought(target.perpetual)
    outcome = target.gateway.close_everything()
    assert isinstance(outcome, Done)
    assert {(o.symbol, o.side, o.quantity) for o in outcome.value} == {
        (target.option.symbol, Side.SELL, 3), ("BTCUSD", Side.SELL, 1),
    }  # fmt: skip
    assert opened.venue_order_id not in {o.venue_order_id for o in outcome.value}
    target.wait(lambda: not target.gateway.positions("BTC"))
    assert target.gateway.close_everything() == Done([])


LEG: dict[str, Any] = {
    "id": 700, "product_id": 27, "product_symbol": "BTCUSD", "side": "sell", "size": 3, "unfilled_size": 3,
    "state": "pending", "bracket_order": True, "stop_order_type": "stop_loss_order", "stop_price": "60000",
}  # fmt: skip


@pytest.mark.parametrize(
    ("cancelled", "placed", "kind", "words"),
    [
        (refused("open_order_not_found"), success(None), Done, ""),
        (Answer(status=502, raw=b""), success(None), Unknown, "502"),
        (refused("trading_blocked"), success(None), Rejected, "blocked"),
        (success(LEG | {"state": "cancelled"}), refused("no_open_position"), Rejected, "old bracket is cancelled"),
        (success(LEG | {"state": "cancelled"}), Answer(act="reset"), Unknown, "old bracket is cancelled"),
    ],
)
def test_a_step_that_fails_is_told(serve: Serve, cancelled: Answer, placed: Answer, kind: Any, words: str) -> None:
    def handler(request: Request) -> Answer:
        if request.method == "GET":
            return success([LEG], after=None)
        return cancelled if request.method == "DELETE" else placed

    server = serve(handler)
    gateway = DeltaGateway(server.url, Credentials("k", "s"))
    outcome = gateway.move_bracket(27, Side.BUY, Bracket(stop_loss=Decimal(59000)))
    assert isinstance(outcome, kind) and words in str(outcome)
    asked = [request.method for request in server.requests]
    assert ("POST" in asked) == (kind is Done or "old bracket" in words)


def test_an_agreed_close_all_whose_orders_cannot_be_read_is_unknown(serve: Serve) -> None:
    def handler(request: Request) -> Answer:
        if request.path == "/v2/positions/close_all":
            server.handler = lambda later: Answer(status=503, body={})
            return success(None)
        return success({"user_id": 5} if "preferences" in request.path else [])

    server = serve(handler)
    outcome = DeltaGateway(server.url, Credentials("k", "s")).close_everything()
    assert isinstance(outcome, Unknown) and "agreed" in outcome.cause
