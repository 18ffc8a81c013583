"""The books over HTTP: the desk's own answers, filtered and paged as asked, and told as they happen."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from tests.api.client import Client
from tests.api.test_requests import problem
from tests.api.test_streams import events
from tests.desk.books.stages import Written
from tests.desk.conftest import picture
from tests.engine.scene import OPENING
from tests.engine.tickets.stage import PERP, buy
from trader.desk import Desk
from trader.journal import Journal


@pytest.fixture
def stage(journal: Journal) -> Written:
    """One ticket that has bought 5 in two fills, and one whose order rests."""
    found = Written(journal)
    found.order(buy(quantity=5, limit_price="100020", reason="breakout"))
    intent = found.take_up()
    found.fill(intent.client_order_id, 2, price="100010", commission="0.03")
    found.fill(intent.client_order_id, 3, price="100020", commission="0.05")
    found.order(buy(quantity=1, limit_price="99000"))
    found.take_up()
    found.write()
    return found


def plain(value: Any) -> Any:
    return json.loads(msgspec.json.encode(value))


def test_every_list_is_the_desks_own(api: Client, desk: Desk, stage: Written) -> None:
    for path, wanted in (
        ("/v1/trading/orders", desk.orders()),
        ("/v1/trading/orders?state=ended&symbol=BTCUSD", desk.orders(state="ended", symbol=PERP)),
        ("/v1/trading/orders?status=filled", desk.orders(status="filled")),
        ("/v1/trading/orders/active", desk.orders(state="working")),
        ("/v1/trading/trades", desk.trades()),
        ("/v1/events", desk.events()),
        ("/v1/events?kind=order_filled&kind=position_opened", desk.events(kinds=["order_filled", "position_opened"])),
    ):
        assert api.get(path, "read") == plain(wanted), path
    filled, resting = desk.orders(status="filled").orders[0], desk.orders(state="working").orders[0]
    assert (filled.filled, resting.filled) == (5, 0)
    for name in (filled.client_order_id, filled.venue_order_id):
        assert api.get(f"/v1/trading/orders/{name}") == plain(desk.order_line(str(name)))
    only = api.get("/v1/trading/orders", params={"run_id": resting.run_id})["orders"]
    assert [one["client_order_id"] for one in only] == [resting.client_order_id]
    assert api.get("/v1/trading/trades", params={"until": "2020-01-01T00:00:00Z"}) == {"trades": [], "next": None}


def test_pages_join_to_the_whole(api: Client, stage: Written) -> None:
    for path, name in (("/v1/trading/orders", "orders"), ("/v1/trading/trades", "trades"), ("/v1/events", "events")):
        found, cursor = [], ""
        while cursor is not None:
            page = api.get(path, params={"limit": 1, "cursor": cursor})
            found += page[name]
            cursor = page["next"]
        assert found == api.get(path)[name] and len(found) >= 2, path


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/v1/trading/orders?state=dead", "state must be one of"),
        ("/v1/trading/orders?status=dead", "status must be one of"),
        ("/v1/trading/orders?cursor=x", "cursor must be `next` of the page before"),
        ("/v1/trading/orders?limit=501", "limit must be at most 500"),
        ("/v1/trading/trades?since=yesterday", "since must be"),
        ("/v1/trading/trades?since=2026-03-03T05:00:00", "since must"),
        ("/v1/trading/positions/BTCUSD?price=0", "price must be above 0"),
        ("/v1/trading/statistics?hours=0", "hours must be at least 1"),
        ("/v1/events?kind=birthday", "kind[0] must be one of"),
    ],
)
def test_what_cannot_be_asked_names_the_parameter(shared: Client, path: str, words: str) -> None:
    assert words in problem_words(shared, path)


def problem_words(client: Client, path: str) -> str:
    answer = client.ask("GET", path)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:strangle-desk:invalid"), answer.text
    return str(answer.json()["detail"])


@pytest.mark.parametrize("path", ["/orders/o2", "/positions/ETHUSD"])
def test_what_is_not_there_is_not_found(shared: Client, path: str) -> None:
    problem(shared.ask("GET", f"/v1/trading{path}"), 404, "not-found")


def test_without_an_exchange_ours_are_told_and_why_there_is_no_more(api: Client, desk: Desk, stage: Written) -> None:
    book = api.get("/v1/trading/positions", "read")
    assert [(one["symbol"], one["ours"], one["net"]) for one in book["positions"]] == [(PERP, 5, None)]
    assert book["faults"] == list(desk.positions().faults) != []
    assert api.get(f"/v1/trading/positions/{PERP}")["ours"] == 5
    for method, path in (("GET", "/v1/trading/balances"), ("POST", "/v1/trading/positions/sync")):
        answer = api.ask(method, path, "read")
        assert answer.status_code >= 400 and answer.json()["detail"] == book["faults"][0]


def test_statistics_and_metrics_tell_how_orders_were_carried_out(
    api: Client, desk: Desk, stage: Written, journal: Journal
) -> None:
    journal.publish(msgspec.structs.replace(picture(datetime.now(UTC)), market=OPENING))
    told = api.get("/v1/trading/statistics", "read")
    assert told == plain(desk.statistics())
    execution = told["execution"]
    assert (execution["orders"], execution["fill_rate"], execution["fees"]) == (2, 1.0, "0.08")
    lines = api.ask("GET", "/metrics").text.splitlines()
    for line in (
        'trader_day_orders{status="filled"} 1.0',
        'trader_day_orders{status="accepted"} 1.0',
        'trader_day_risk_checks{result="passed"} 2.0',
        'trader_day_risk_checks{result="failed"} 0.0',
        "trader_day_fill_ratio 1.0",
        "trader_day_rejection_ratio 0.0",
        f"trader_day_slippage_usd {float(execution['slippage_usd'])}",
        "trader_day_fees_usd 0.08",
        f'trader_day_execution_seconds{{quantile="0.5",until="fill"}} {execution["fill_secs"]["p50"]}',
        f"trader_open_tickets {len(desk.status().tickets)}.0",
    ):
        assert line in lines, line


def test_events_are_streamed_those_of_a_record_together(api: Client, desk: Desk, stage: Written) -> None:
    resting = desk.orders(state="working").orders[0].client_order_id
    before = api.get("/v1/events", params={"limit": 1})["events"][0]["seq"]
    with api.ask("GET", "/v1/stream/events", headers={"Last-Event-ID": str(before)}, stream=True) as answer:
        stage.fill(resting, 1, price="99000")
        stage.write()
        told = next(events(answer.iter_lines(chunk_size=1)))
    lines = json.loads(told["data"])
    assert [one["kind"] for one in lines] == ["order_filled", "position_opened"]
    assert told["event"] == "events" and {one["seq"] for one in lines} == {int(told["id"])} and int(told["id"]) > before
    newest = api.get("/v1/events", params={"limit": 10})["events"]
    assert [one for one in newest if one["seq"] == lines[0]["seq"]] == lines[::-1]
