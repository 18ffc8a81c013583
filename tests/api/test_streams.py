"""Server-sent events: what changes, to as many as may listen."""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.api.client import Client
from tests.api.test_requests import problem
from tests.desk.conftest import RunnersHand
from trader.api.streams import Shared, news
from trader.engine.records import AlertRaised
from trader.journal import Journal


def events(lines: Iterator[bytes]) -> Iterator[dict[str, str]]:
    found: dict[str, str] = {}
    for raw in lines:
        line = raw.decode()
        if line.startswith(("data: ", "event: ", "id: ")):
            name, _, value = line.partition(": ")
            found[name] = value
        elif not line and found:
            yield found
            found = {}


def test_each_new_picture_is_told_once(live: Client, runner: RunnersHand) -> None:
    with live.ask("GET", "/v1/stream/status", "read", stream=True) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        told = events(answer.iter_lines(chunk_size=1))
        first = next(told)
        assert (first["event"], json.loads(first["data"])["runner"]["alive"]) == ("status", True)
        runner.live()
        second = next(told)
        assert second["id"] > first["id"]


def test_a_quiet_stream_beats(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trader.api.streams.HEARTBEAT_SECS", 0.1)
    monkeypatch.setattr("trader.api.routes.stream._status", lambda desk: ("same", b"{}"))
    with api.ask("GET", "/v1/stream/status", stream=True) as answer:
        lines = answer.iter_lines(chunk_size=1)
        assert next(line for line in lines if line.startswith(b":")) == b": heartbeat"


def test_alerts_are_told_once_each_and_go_on_after_the_last(api: Client, runner: RunnersHand, journal: Journal) -> None:
    runner.live()
    assert runner.lease is not None

    def raise_alert(text: str) -> None:
        alert = AlertRaised(run_id="", wall=datetime.now(UTC), market=None, level="warning", code="test", text=text)
        journal.append([alert], lease=runner.lease, account="paper")

    def listen(after: str, count: int) -> list[dict[str, str]]:
        headers = {"Last-Event-ID": after}
        with api.ask("GET", "/v1/stream/alerts", headers=headers, stream=True) as answer:
            told = events(answer.iter_lines(chunk_size=1))
            first = next(told)
            raise_alert("while it listens")
            return [first, *(next(told) for _ in range(count - 1))]

    raise_alert("before")
    found = listen("0", 2)
    assert [json.loads(one["data"])["text"] for one in found] == ["before", "while it listens"]
    again = listen(found[0]["id"], 2)
    assert again[0] == found[1] and again[1]["id"] > found[1]["id"]


def test_without_a_last_one_only_what_comes_is_told() -> None:
    things: list[tuple[int, bytes]] = [(7, b"old")]

    async def told() -> list[bytes]:
        stream = news(Shared(lambda: tuple(things), ()), "alert", None)
        first = await anext(stream)
        things.append((9, b"new"))
        return [first, await _next_told(stream)]

    assert asyncio.run(told()) == [b"", b"event: alert\nid: 9\ndata: new\n\n"]


async def _next_told(stream: Any) -> bytes:
    async for one in stream:
        if one:
            return bytes(one)
    raise AssertionError


def test_only_so_many_may_listen_and_leaving_makes_room(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trader.api.streams.MOST_CLIENTS", 2)
    with ExitStack() as listening:
        kept = []  # an iterator that is let go closes its connection
        for _ in range(2):
            answer = listening.enter_context(api.ask("GET", "/v1/stream/status", stream=True))
            kept.append(answer.iter_content(1))
            next(kept[-1])
        problem(listening.enter_context(api.ask("GET", "/v1/stream/status", stream=True)), 503, "streams")

    def listens() -> Any:
        with api.ask("GET", "/v1/stream/status", stream=True) as answer:
            return answer.status_code

    deadline = time.monotonic() + 10
    while listens() != 200:
        assert time.monotonic() < deadline
