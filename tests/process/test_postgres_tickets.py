"""Single orders with a PostgreSQL journal: a death in the middle, two runners on one account, and the HTTP API on top."""

import contextlib
import json
import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.api.test_streams import events
from tests.e2e.faces import Api, api_of
from tests.e2e.live import PATIENCE_SECS, Live, faulty_venue
from tests.e2e.orders import KINDS, SEND, WAITS, Scene
from tests.e2e.rig import await_value
from tests.e2e.same_books import await_same_books, order_lines, orders_at_venue
from tests.postgres import Server, postgres

pytestmark = [pytest.mark.t1, pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres() as made:
        yield made


@pytest.fixture(scope="module")
def live(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    venue = faulty_venue(speed=2.0)
    made = Live(venue, tmp_path_factory.mktemp("orders") / "home", server.url)
    made.launch()
    assert not (made.home / "journal.db").exists()
    yield made
    made.close()
    venue.stop()


@pytest.fixture(scope="module")
def api(live: Live) -> Iterator[Api]:
    with api_of(live) as made:
        yield made


@pytest.fixture
def scene(live: Live, api: Api) -> Iterator[Scene]:
    yield Scene(live, {"api": api})
    live.faults.clear()


def test_e4_orders_that_are_posted_stand_in_the_books_and_are_told_in_the_stream(scene: Scene, api: Api) -> None:
    tickets = {kind: scene.order(kind, "api") for kind in KINDS if kind != "reduce-only"}
    for kind, ticket in tickets.items():
        scene.await_done(kind, ticket)
    of = {kind: {one.client_order_id for one in scene.lines(kind, ticket)} for kind, ticket in tickets.items()}
    page = api.client.get("/v1/trading/orders", params={"limit": 500})["orders"]
    assert {one["client_order_id"] for one in page} == set.union(*of.values())
    filled, created = set[str](), set[str]()
    with api.client.ask("GET", "/v1/stream/events", "read", headers={"Last-Event-ID": "0"}, stream=True) as answer:
        for told in events(answer.iter_lines(chunk_size=1)):
            for one in json.loads(told["data"]):
                created |= {one["client_order_id"]} if one["kind"] == "order_created" else set()
                filled |= {one["client_order_id"]} if one["kind"] == "order_filled" else set()
            if created == set.union(*of.values()) and all(filled & of[kind] for kind in of if kind not in WAITS):
                break
    scene.assert_once(tickets)


@pytest.mark.parametrize("kind", KINDS)
def test_e4_a_killed_runner_resumes_each_order(scene: Scene, kind: str) -> None:
    """Killed between the intent and the answer."""
    silent = scene.live.faults.add("N2", match=SEND, hang=True)
    tickets = {kind: scene.order(kind, "api")}
    silent.await_happened(secs=PATIENCE_SECS)
    scene.live.kill()
    scene.live.launch()
    scene.assert_once(tickets)


def test_e4_a_second_runner_on_the_account_is_refused_and_the_first_goes_on(scene: Scene) -> None:
    second = scene.live.begin()
    tickets = {kind: scene.order(kind, "api") for kind in ("limit", "bracket")}
    second.join(PATIENCE_SECS)
    assert second.exitcode == 1 and "Another runner is active" in scene.live.said.read_text()
    scene.assert_once(tickets)


def test_e4_of_two_runners_the_one_that_was_stopped_sends_nothing_once_the_other_has_the_account(scene: Scene) -> None:
    """It is stopped with an order on its way, and continued when the other has taken that order up."""
    live = scene.live
    silent = live.faults.add("N2", match=SEND, hang=True)
    tickets = {"bracket": scene.order("bracket", "api")}
    silent.await_happened(secs=PATIENCE_SECS)
    first = live.runner
    assert first is not None and first.pid is not None
    os.kill(first.pid, signal.SIGSTOP)
    try:
        await_value(lambda: _has_run_out(live), PATIENCE_SECS, "the first one's lease run out", 0.1)
        live.launch()
        scene.await_done("bracket", tickets["bracket"])
        before = set(orders_at_venue(live))
    finally:
        os.kill(first.pid, signal.SIGCONT)
    await_value(lambda: "fenced" in live.said.read_text() or None, PATIENCE_SECS, "the first one fenced", 0.1)
    tickets["limit"] = scene.order("limit", "api")
    scene.await_done("limit", tickets["limit"])
    sent = set(orders_at_venue(live)) - before
    assert sent == {one.client_order_id for one in scene.lines("limit", tickets["limit"])}
    scene.assert_once(tickets)
    with contextlib.suppress(ProcessLookupError):
        first.terminate()
        first.join(20)


def _has_run_out(live: Live) -> bool | None:
    lease = live.journal.lease_row("paper")
    return lease is None or not lease.alive(datetime.now(UTC)) or None


def test_e4_in_the_end_the_books_are_the_venues(live: Live) -> None:
    assert len(order_lines(live)) >= len(KINDS)
    await_same_books(live)
