"""What is refused, and how it is said; what is asked twice; pages."""

import json
import socket
from typing import Any

import pytest

from tests.api.client import Client
from tests.desk.conftest import RunnersHand
from trader.journal import Journal

PROBLEM = {"type", "title", "status", "detail", "errors"}


def problem(answer: Any, status: int, code: str, *fields: str) -> dict[str, Any]:
    """An answer that must be this problem, naming these fields."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document.keys() == PROBLEM
    assert (document["type"], document["status"]) == (f"urn:strangle-desk:{code}", status)
    assert tuple(one["field"] for one in document["errors"]) == fields
    return document


@pytest.mark.parametrize(
    ("body", "fields", "words"),
    [
        ({"now": "yes"}, ("now",), "now must be true or false, was 'yes'"),
        ({"when": 1}, ("when",), "when is not a setting"),
        ({"preset": 5}, ("preset",), "preset must be text, was 5"),
        ({"preset": "../x"}, ("preset",), "preset must match"),
        (
            {"overrides": {"strategy.quantity": 1e300}},
            ("strategy.quantity",),
            "strategy.quantity must be a whole number",
        ),
        ({"overrides": {"strategy.quantity": 10**30}}, ("strategy.quantity",), "strategy.quantity must be"),
        ({"overrides": {"strategy.quantty": 2}}, (), "strategy.quantty: there is no such setting; did you mean"),
        ({"config": {"name": "x", "strategy": {"quantity": -1}}}, ("config.strategy.quantity",), "must be at least 1"),
        ({"preset": "default", "config": {"name": "x"}}, ("body",), "leave preset and overrides out"),
    ],
)
def test_a_start_that_cannot_be_names_the_field(shared: Client, body: Any, fields: tuple[str, ...], words: str) -> None:
    found = problem(shared.ask("POST", "/v1/runs", json=body), 422, "invalid", *fields)
    assert words in found["detail"]


@pytest.mark.parametrize(
    ("body", "status", "code", "words"),
    [
        (b"{", 400, "not-json", "not valid JSON"),
        (b"[]", 400, "not-json", "must hold a JSON object"),
        (b'{"now": true, "now": false}', 400, "not-json", "'now' stands there twice"),
        (b'{"overrides": {"a": NaN}}', 400, "not-json", "NaN is not a JSON number"),
        (b'{"overrides": {"a": 1' + b"0" * 5000 + b"}}", 400, "not-json", "too many digits"),
        (b'{"confirm": "\\ud800"}', 400, "not-json", "confirm must be text"),
        (b'{"confirm": "a\\u0000"}', 400, "not-json", "without NUL"),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, 400, "not-json", "nested"),
        (b"\xff\xfe", 400, "not-json", "UTF-8"),
        (b'{"a": "' + b"x" * 300_000 + b'"}', 413, "too-large", "262,144 bytes"),
    ],
)
def test_a_body_that_is_no_strict_json_is_refused(
    shared: Client, body: bytes, status: int, code: str, words: str
) -> None:
    answer = shared.ask("POST", "/v1/runs", data=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status and words in answer.json()["detail"]
    assert answer.json()["type"] == f"urn:strangle-desk:{code}"


def test_other_kinds_of_body_are_refused(shared: Client) -> None:
    answer = shared.ask(
        "POST", "/v1/runs", data="now=true", headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    problem(answer, 415, "not-json")


def test_a_body_in_chunks_is_counted_too(shared: Client) -> None:
    chunks = (b"x" * 60_000 for _ in range(10))
    problem(shared.ask("POST", "/v1/runs", data=chunks, headers={"Content-Type": "application/json"}), 413, "too-large")


def test_a_client_that_sends_too_slowly_is_let_go(shared: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trader.api.gate.BODY_SECS", 0.2)
    with socket.create_connection(("127.0.0.1", shared.port), timeout=10) as wire:
        head = f"POST /api/v1/runs HTTP/1.1\r\nHost: 127.0.0.1:{shared.port}\r\nAuthorization: Bearer {shared.tokens['trade']}\r\n"
        wire.sendall(f"{head}Content-Type: application/json\r\nContent-Length: 20\r\n\r\n{{".encode())
        got = b""
        while chunk := wire.recv(4096):
            got += chunk
    assert b" 408 " in got and b"urn:strangle-desk:slow" in got


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not-found"),
        ("GET", "/v1/runs/", 404, "not-found"),
        ("PUT", "/v1/runs", 405, "method"),
        ("GET", "/v1/runs/no.run", 422, "invalid"),
        ("GET", "/v1/runs/norun", 404, "not-found"),
        ("GET", "/v1/runs/norun/report", 404, "not-found"),
        ("POST", "/v1/runs/norun/stop", 404, "not-found"),
        ("GET", "/v1/commands/none", 404, "not-found"),
        ("GET", "/v1/presets/none", 404, "not-found"),
        ("GET", "/v1/chain?run=none", 404, "not-found"),
        ("GET", "/v1/runs?limit=0", 422, "invalid"),
        ("GET", "/v1/runs?limit=NaN", 422, "invalid"),
        ("GET", "/v1/runs?colour=red", 422, "invalid"),
        ("GET", "/v1/alerts?cursor=x", 422, "invalid"),
        ("POST", "/v1/level/halt", 422, "invalid"),
        ("GET", "/v1/chain?expiry=tomorrow", 422, "invalid"),
    ],
)
def test_an_address_that_is_none_is_a_problem_document(
    shared: Client, method: str, path: str, status: int, code: str
) -> None:
    answer = shared.ask(method, path)
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:strangle-desk:{code}"), answer.text


def test_another_host_or_site_is_not_answered(shared: Client) -> None:
    for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
        problem(shared.ask("GET", "/v1/status", headers=headers), 403, "other-host")


def test_nothing_is_started_without_a_runner(api: Client, journal: Journal) -> None:
    found = problem(api.ask("POST", "/v1/runs", json={"preset": "development"}), 409, "not-possible")
    assert "No runner is alive" in found["detail"]
    assert journal.pending_commands("paper") == []


def test_a_start_is_recorded_once_for_a_key(live: Client, journal: Journal) -> None:
    def start(key: str, **body: Any) -> Any:
        return live.ask(
            "POST",
            "/v1/runs",
            params={"wait": 0},
            json={"preset": "development", **body},
            headers={"Idempotency-Key": key},
        )

    first = start("a")
    assert first.status_code == 202 and first.json()["status"] == "new"
    assert start("a").json() == first.json()
    problem(start("a", now=True), 409, "key-reused")
    assert start("b").json()["command_id"] != first.json()["command_id"]
    assert [row.kind for row in journal.pending_commands("paper")] == ["start", "start"]
    stop = live.ask("POST", "/v1/runs/stop-all", params={"wait": 0}, headers={"Idempotency-Key": "a"})
    problem(stop, 409, "key-reused")


def test_a_key_is_the_tokens_own(live: Client, journal: Journal) -> None:
    for scope in ("stop", "trade"):
        live.ask("POST", "/v1/runs/stop-all", scope, params={"wait": 0}, headers={"Idempotency-Key": "a"})
    assert len(journal.pending_commands("paper")) == 2


def test_a_retry_after_the_runner_has_gone_tells_the_same_command(
    live: Client, runner: RunnersHand, journal: Journal
) -> None:
    asked = {"params": {"wait": 0}, "json": {"preset": "development"}, "headers": {"Idempotency-Key": "a"}}
    first = live.ask("POST", "/v1/runs", **asked)
    runner.live(age_secs=100)
    assert live.ask("POST", "/v1/runs", **asked).json() == first.json()


def test_the_name_of_the_token_is_who_lowered_the_level(live: Client, journal: Journal) -> None:
    live.ask("POST", "/v1/level/pause", "stop", params={"wait": 0}, json={"reason": "lunch"})
    (row,) = journal.pending_commands("paper")
    assert (row.kind, row.issued_by, row.body["who"], row.body["reason"]) == ("pause", "api", "stop", "lunch")


def test_health_and_readiness_are_told_to_anybody(api: Client, runner: RunnersHand) -> None:
    assert api.get("/health", None)["status"] == "up"
    assert api.ask("GET", "/ready", None).status_code == 503
    runner.live()
    assert api.get("/ready", None) == {"ready": True, "journal": True, "runner": True}


def test_the_metrics_are_openmetrics(live: Client) -> None:
    answer = live.ask("GET", "/metrics", "read")
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    lines = answer.text.splitlines()
    assert "trader_runner_alive 1.0" in lines and 'trader_level{level="ACTIVE"} 1.0' in lines and lines[-1] == "# EOF"


def test_a_token_is_in_no_log(live: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    live.ask("GET", "/v1/status")
    live.ask("POST", "/v1/runs", json={"preset": "none"})
    assert all(token not in caplog.text for token in live.tokens.values())


def test_no_answer_invites_another_site(live: Client) -> None:
    answer = live.ask("OPTIONS", "/v1/runs", headers={"Access-Control-Request-Method": "POST"})
    assert answer.status_code == 405 and not [
        name for name in answer.headers if name.lower().startswith("access-control")
    ]
    assert json.loads(answer.text)["type"] == "urn:strangle-desk:method"


@pytest.mark.parametrize("path", ["/v1/runs/a%0Ab/stop", "/v1/runs/%0A", "/%0A", "/v1/runs/a%0D%0Ab"])
def test_a_line_end_in_a_path_is_answered_as_any_other_wrong_path(shared: Client, path: str) -> None:
    answer = shared.ask("POST" if path.endswith("stop") else "GET", path)
    assert answer.status_code in (404, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
