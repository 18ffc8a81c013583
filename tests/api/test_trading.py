"""The routes of single orders, over a desk that answers from a table."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.client import Client, serving
from tests.api.fake_trading import FakeTrading
from tests.api.test_requests import problem
from trader.config.settings import load_settings

LIMIT = {"symbol": "BTCUSD", "side": "buy", "quantity": 3, "limit_price": "90000.5"}


@pytest.fixture(scope="module")
def trading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Client, FakeTrading]]:
    desk = FakeTrading(load_settings(environ={"TRADER_HOME": str(tmp_path_factory.mktemp("home") / "home")}))
    with serving(desk) as client:
        yield client, desk
    desk.close()


@pytest.fixture
def api(trading: tuple[Client, FakeTrading]) -> Client:
    trading[1].rows.clear()
    trading[1].refusal = ""
    return trading[0]


@pytest.fixture
def desk(trading: tuple[Client, FakeTrading]) -> FakeTrading:
    return trading[1]


def test_an_order_reaches_the_desk_as_it_was_asked(api: Client, desk: FakeTrading) -> None:
    answer = api.ask("POST", "/v1/trading/orders", json={"tickets": [LIMIT]})
    assert (answer.status_code, answer.json()["status"]) == (201, "accepted")
    ((kind, body),) = desk.asked()
    (ticket,) = body["tickets"]
    assert (kind, ticket["limit_price"], ticket["quantity"], ticket["side"]) == ("order", "90000.5", 3, "buy")


@pytest.mark.parametrize(
    ("ticket", "field", "words"),
    [
        ({**LIMIT, "quantity": 0}, "tickets[0].quantity", "must be at least 1 contracts, was 0"),
        ({**LIMIT, "quantity": 1.5}, "tickets[0].quantity", "must be a whole number"),
        ({**LIMIT, "quantity": "many"}, "tickets[0].quantity", "must be a whole number"),
        ({**LIMIT, "limit_price": "0"}, "tickets[0].limit_price", "must be above 0 USD"),
        ({**LIMIT, "limit_price": "1e400"}, "tickets[0].limit_price", "must be a number"),
        ({**LIMIT, "limit_price": "NaN"}, "tickets[0].limit_price", "must be a"),
        ({**LIMIT, "limit_price": None}, "tickets[0]", "limit_price is missing"),
        ({**LIMIT, "side": "hold"}, "tickets[0].side", "must be one of"),
        ({**LIMIT, "colour": "red"}, "tickets[0].colour", "is not a setting"),
        ({**LIMIT, "stop_loss": {"price": -1}}, "tickets[0].stop_loss.price", "must be above 0"),
        ({**LIMIT, "symbol": ""}, "tickets[0].symbol", "at least 1 character"),
    ],
)
def test_an_order_that_cannot_be_names_the_field(
    api: Client, desk: FakeTrading, ticket: Any, field: str, words: str
) -> None:
    found = problem(api.ask("POST", "/v1/trading/orders", json={"tickets": [ticket]}), 422, "invalid", field)
    assert words in found["detail"]
    assert desk.asked() == []


def test_more_than_fifty_orders_are_refused(api: Client, desk: FakeTrading) -> None:
    problem(api.ask("POST", "/v1/trading/orders", json={"tickets": [LIMIT] * 51}), 422, "invalid", "tickets")
    assert desk.asked() == []


def test_what_the_runner_refuses_is_a_conflict_with_its_sentence(api: Client, desk: FakeTrading) -> None:
    desk.refusal = "limit_price 90000.5 lies outside the collar"
    found = problem(api.ask("POST", "/v1/trading/orders", json={"tickets": [LIMIT]}), 409, "refused")
    assert found["detail"] == "The runner refused: limit_price 90000.5 lies outside the collar"


def test_the_same_key_is_the_same_order(api: Client, desk: FakeTrading) -> None:
    def place(quantity: int) -> Any:
        return api.ask(
            "POST",
            "/v1/trading/orders",
            json={"tickets": [{**LIMIT, "quantity": quantity}]},
            headers={"Idempotency-Key": "k"},
        )

    assert place(3).json() == place(3).json()
    problem(place(4), 409, "key-reused")
    assert len(desk.asked()) == 1


@pytest.mark.parametrize(
    ("method", "path", "body", "kind", "asked"),
    [
        ("DELETE", "/v1/trading/orders/o1", None, "cancel", {"order": "o1"}),
        (
            "DELETE",
            "/v1/trading/orders?underlying=BTC",
            None,
            "cancel",
            {"symbol": None, "underlying": "BTC", "everything": False},
        ),
        ("DELETE", "/v1/trading/tickets/t1", None, "cancel", {"ticket": "t1"}),
        ("PATCH", "/v1/trading/tickets/t1", {"stop_loss": None}, "amend", {"ticket": "t1", "stop_loss": None}),
        ("POST", "/v1/trading/tickets/t1/close", None, "close", {"ticket": "t1"}),
        ("POST", "/v1/trading/positions/BTCUSD/close", None, "close", {"symbol": "BTCUSD"}),
        ("POST", "/v1/trading/positions/close-all", None, "close_all", {}),
        (
            "POST",
            "/v1/trading/positions/BTCUSD/adopt",
            {"phrase": "adopt 3"},
            "adopt",
            {"symbol": "BTCUSD", "phrase": "adopt 3"},
        ),
    ],
)
def test_each_wish_reaches_the_desk(
    api: Client, desk: FakeTrading, method: str, path: str, body: Any, kind: str, asked: dict[str, Any]
) -> None:
    answer = api.ask(method, path, json=body)
    assert answer.status_code == 202, answer.text
    assert desk.asked() == [(kind, asked)]


@pytest.mark.parametrize("query", ["", "?symbol=BTCUSD&everything=true", "?everything=false"])
def test_cancelling_many_says_which(api: Client, desk: FakeTrading, query: str) -> None:
    problem(api.ask("DELETE", f"/v1/trading/orders{query}"), 422, "invalid")
    assert desk.asked() == []
