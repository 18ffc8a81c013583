"""The routes of single orders: what reaches the runner, and what is refused before it does."""

from typing import Any

import pytest

from tests.api.client import Client
from tests.api.test_requests import problem
from tests.desk.books.stages import Written
from tests.engine.tickets.stage import PERP, buy
from trader.desk import Desk
from trader.journal import Journal

LIMIT = {"symbol": "BTCUSD", "side": "buy", "quantity": 3, "limit_price": "90000.5"}


def place(api: Client, *tickets: Any, key: str = "k", wait: float = 0) -> Any:
    return api.ask(
        "POST",
        "/v1/trading/orders",
        json={"tickets": list(tickets)},
        params={"wait": wait},
        headers={"Idempotency-Key": key},
    )


def test_an_order_reaches_the_runner_as_it_was_asked(live: Client, journal: Journal) -> None:
    answer = place(live, LIMIT)
    assert (answer.status_code, answer.json()["status"]) == (202, "new")
    (row,) = journal.pending_commands("paper")
    (ticket,) = row.body["tickets"]
    assert (row.kind, row.issued_by, row.body["who"]) == ("order", "api", "trade")
    assert (ticket["limit_price"], ticket["quantity"], ticket["side"]) == ("90000.5", 3, "buy")
    (told,) = answer.json()["tickets"]
    assert (told["status"], told["quantity"], told["ticket"]) == ("new", 3, None) and told["ticket_id"]


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
def test_an_order_that_cannot_be_names_the_field(shared: Client, ticket: Any, field: str, words: str) -> None:
    for path in ("/v1/trading/orders", "/v1/trading/orders/check"):
        found = problem(shared.ask("POST", path, json={"tickets": [ticket]}), 422, "invalid", field)
        assert words in found["detail"]


def test_more_than_fifty_orders_are_refused(shared: Client) -> None:
    problem(shared.ask("POST", "/v1/trading/orders", json={"tickets": [LIMIT] * 51}), 422, "invalid", "tickets")


def test_without_a_runner_nothing_is_recorded_but_what_closes_and_cancels(api: Client, journal: Journal) -> None:
    for method, path, body in (
        ("POST", "/v1/trading/orders", {"tickets": [LIMIT]}),
        ("PATCH", "/v1/trading/tickets/t1", {"quantity": 2}),
        ("POST", "/v1/trading/positions/BTCUSD/adopt", {"phrase": "ADOPT BTCUSD +3"}),
    ):
        assert "No runner is alive" in problem(api.ask(method, path, json=body), 409, "not-possible")["detail"]
    assert journal.pending_commands("paper") == []
    assert api.ask("DELETE", "/v1/trading/orders?everything=true&wait=0").status_code == 202
    assert api.ask("POST", "/v1/trading/positions/close-all?wait=0", "stop").status_code == 202
    assert [row.kind for row in journal.pending_commands("paper")] == ["cancel", "close_all"]


def test_what_the_runner_refuses_is_a_conflict_with_its_sentence(live: Client, journal: Journal) -> None:
    place(live, LIMIT)
    (row,) = journal.pending_commands("paper")
    journal.mark_command(row.command_id, "refused", "limit_price 90000.5 lies outside the collar")
    found = problem(place(live, LIMIT), 409, "refused", "tickets[0]")
    assert found["detail"] == "The runner refused: limit_price 90000.5 lies outside the collar"


def test_the_same_key_is_the_same_order(live: Client, journal: Journal) -> None:
    assert place(live, LIMIT).json() == place(live, LIMIT).json()
    problem(place(live, {**LIMIT, "quantity": 4}), 409, "key-reused")
    assert len(journal.pending_commands("paper")) == 1


@pytest.mark.parametrize(
    ("method", "path", "body", "kind", "asked"),
    [
        ("DELETE", "/v1/trading/orders?underlying=BTC", None, "cancel", {"underlying": "BTC"}),
        ("DELETE", "/v1/trading/orders?everything=true", None, "cancel", {"everything": True}),
        ("DELETE", "/v1/trading/tickets/t1", None, "cancel", {"ticket": "t1"}),
        ("PATCH", "/v1/trading/tickets/t1", {"stop_loss": None}, "amend", {"ticket": "t1", "stop_loss": None}),
        ("PATCH", "/v1/trading/tickets/t1", {"limit_price": "5.5"}, "amend", {"ticket": "t1", "limit_price": "5.5"}),
        ("POST", "/v1/trading/tickets/t1/close", None, "close", {"ticket": "t1"}),
        ("POST", "/v1/trading/positions/BTCUSD/close", None, "close", {"symbol": "BTCUSD"}),
        ("POST", "/v1/trading/positions/close-all", {"reason": "news"}, "close_all", {"reason": "news"}),
        (
            "POST",
            "/v1/trading/positions/BTCUSD/adopt",
            {"phrase": "ADOPT BTCUSD +3"},
            "adopt",
            {"symbol": "BTCUSD", "quantity": 3, "phrase": "ADOPT BTCUSD +3"},
        ),
    ],
)
def test_each_wish_reaches_the_runner(
    live: Client, journal: Journal, method: str, path: str, body: Any, kind: str, asked: dict[str, Any]
) -> None:
    for _ in range(2):
        answer = live.ask(method, path, json=body, params={"wait": 0}, headers={"Idempotency-Key": "k"})
        assert answer.status_code == 202, answer.text
    rows = journal.pending_commands("paper")
    assert all((row.kind, row.body) == (kind, {**asked, "who": "trade"}) for row in rows)
    assert len(rows) == (1 if method == "POST" else 2)  # a key is for what is asked of the runner by POST


def test_an_order_is_cancelled_by_either_id(live: Client, desk: Desk, journal: Journal) -> None:
    stage = Written(journal)
    stage.order(buy(quantity=5, limit_price="99000"))
    ours = stage.take_up().client_order_id
    stage.write()
    for row in journal.pending_commands("paper"):
        journal.mark_command(row.command_id, "accepted")
    theirs = desk.orders().orders[0].venue_order_id
    for name in (ours, theirs):
        assert live.ask("DELETE", f"/v1/trading/orders/{name}?wait=0").status_code == 202
    assert [row.body["order"] for row in journal.pending_commands("paper")] == [ours, ours]
    problem(live.ask("DELETE", "/v1/trading/orders/nope"), 404, "not-found")
    ticket = live.get("/v1/trading/tickets/" + desk.orders().orders[0].run_id, "read")
    assert (ticket["symbol"], ticket["status"]) == (PERP, "working")
    problem(live.ask("GET", "/v1/trading/tickets/nope"), 404, "not-found")


@pytest.mark.parametrize("query", ["", "?symbol=BTCUSD&everything=true", "?everything=false"])
def test_cancelling_many_says_which(shared: Client, query: str) -> None:
    problem(shared.ask("DELETE", f"/v1/trading/orders{query}"), 422, "invalid")


@pytest.mark.parametrize("body", [{}, {"quantity": 0}, {"limit_price": "-1"}, {"colour": "red"}, {"quantity": None}])
def test_a_change_that_is_none_is_refused(live: Client, journal: Journal, body: Any) -> None:
    assert live.ask("PATCH", "/v1/trading/tickets/t1", json=body).status_code == 422
    assert journal.pending_commands("paper") == []


def test_another_phrase_takes_nothing_over(live: Client, journal: Journal) -> None:
    answer = live.ask("POST", "/v1/trading/positions/BTCUSD/adopt", json={"phrase": "adopt 3"})
    assert "Nothing was taken over" in problem(answer, 422, "invalid")["detail"]
    assert journal.pending_commands("paper") == []
