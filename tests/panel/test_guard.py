"""Only this server's own address, asked from its own pages, is answered."""

import asyncio
from typing import Any

import pytest

from trader.machine.loopback import refusal
from trader.panel.guard import HostGuard
from trader.panel.paths import KnownPaths

PORT = 8501
GOOD_HOSTS = ["127.0.0.1:8501", "localhost:8501", "[::1]:8501", "LOCALHOST:8501"]
BAD_HOSTS = [
    "evil.example",
    "127.0.0.1",
    "127.0.0.1:9999",
    "127.0.0.1.nip.io:8501",
    "localhost.:8501",
    "",
    "a@127.0.0.1:8501",
]
GOOD_ORIGINS = ["http://127.0.0.1:8501", "http://localhost:8501", "http://[::1]:8501"]
BAD_ORIGINS = [
    "null",
    "http://localhost:9999",
    "https://127.0.0.1:8501",
    "http://evil.example",
    "http://127.0.0.1:8501.evil.example",
    "",
]


def headers(host: str | None, origin: str | None) -> list[tuple[bytes, bytes]]:
    found = [] if host is None else [(b"host", host.encode())]
    return found + ([] if origin is None else [(b"origin", origin.encode())])


@pytest.mark.parametrize("host", [*GOOD_HOSTS, *BAD_HOSTS, None])
@pytest.mark.parametrize("origin", [*GOOD_ORIGINS, *BAD_ORIGINS, None])
@pytest.mark.parametrize("websocket", [True, False])
def test_only_configured_pairs_pass(host: str | None, origin: str | None, websocket: bool) -> None:
    allowed = host in GOOD_HOSTS and (origin in GOOD_ORIGINS or (origin is None and not websocket))
    assert (refusal(headers(host, origin), port=PORT, websocket=websocket) is None) is allowed


def test_two_hosts_or_two_origins_are_refused() -> None:
    good = headers(GOOD_HOSTS[0], GOOD_ORIGINS[0])
    assert refusal(good, port=PORT, websocket=True) is None
    assert refusal([*good, (b"host", b"evil.example")], port=PORT, websocket=True) is not None
    assert refusal([*good, (b"origin", b"http://evil.example")], port=PORT, websocket=True) is not None


def test_port_is_asked_at_each_request() -> None:
    assert refusal(headers("127.0.0.1:9000", None), port=9000, websocket=False) is None
    assert refusal(headers("127.0.0.1:8501", None), port=9000, websocket=False) is not None
    assert refusal(headers("127.0.0.1", None), port=80, websocket=False) is None


def call(kind: str, host: str) -> tuple[list[Any], list[str]]:
    sent: list[Any] = []
    reached: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope["type"])
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": kind, "headers": headers(host, "http://127.0.0.1:8501")}
    asyncio.run(HostGuard(app, port=lambda: PORT)(scope, receive, send))
    return sent, reached


def test_foreign_host_never_reaches_the_application() -> None:
    sent, reached = call("http", "evil.example:8501")
    assert reached == [] and sent[0]["status"] == 403
    sent, reached = call("websocket", "evil.example:8501")
    assert reached == [] and sent[0]["type"] == "websocket.close"


def test_answers_forbid_framing_and_foreign_resources() -> None:
    sent, reached = call("http", "127.0.0.1:8501")
    found = dict(sent[0]["headers"])
    assert reached == ["http"] and found[b"x-frame-options"] == b"DENY"
    assert b"frame-ancestors 'none'" in found[b"content-security-policy"]
    assert b"http" not in found[b"content-security-policy"]


def asked(path: str, *, page: bool) -> int:
    """The status of an answer; `page` = Streamlit would answer with its page."""
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        kind = b"text/html; charset=utf-8" if page else b"text/css"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
        await send({"type": "http.response.body", "body": b"x"})

    async def receive() -> Any:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(KnownPaths(app, pages=["configure"])({"type": "http", "path": path}, receive, send))
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    return int(sent[0]["status"])


@pytest.mark.parametrize(
    ("path", "page", "status"),
    [
        ("/", True, 200),
        ("/configure", True, 200),
        ("/configure/", True, 200),
        ("/component/a.b/index.html", True, 200),
        ("/_stcore/health", False, 200),
        ("/static/css/index.css", False, 200),
        ("/favicon.png", False, 200),
        ("/api/v1/runs", True, 200),  # the API answers for itself
        ("/api", True, 404),
        ("/apis", True, 404),
        ("/metrics", True, 404),
        ("/metrics/", True, 404),
        ("/healthz", True, 404),
        ("/anything/else", True, 404),
        ("/configure/api", True, 404),
        ("/_stcore/nothing", True, 404),
        ("/static/nothing.js", True, 404),
    ],
)
def test_paths_that_are_not_here_were_answered_with_the_page_and_status_200(path: str, page: bool, status: int) -> None:
    assert asked(path, page=page) == status


def test_lifespan_passes_untouched() -> None:
    assert call("lifespan", "evil.example")[1] == ["lifespan"]


@pytest.mark.parametrize(
    ("path", "host", "origin", "reached"),
    [
        ("/api/link/x.y", "desk.example.org", None, True),
        ("/api/link/x.y", "desk.example.org", "null", True),
        ("/api/link/x.y", "desk.example.org", "https://desk.example.org", True),
        ("/api/link/x.y", "127.0.0.1:8501", "null", True),  # a proxy that names the address it asks
        ("/api/link/x.y", "evil.example", None, False),
        ("/api/link/x.y", "", None, False),
        ("/api/v1/status", "desk.example.org", None, False),
        ("/", "desk.example.org", None, False),
        ("/api/link", "desk.example.org", None, False),
        ("/_stcore/stream", "desk.example.org", "https://desk.example.org", False),
    ],
)
def test_the_public_host_reaches_the_pages_of_links_alone(
    path: str, host: str, origin: str | None, reached: bool
) -> None:
    told: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        told.append(scope["path"])

    async def nothing(*_: Any) -> Any:
        return None

    for public, expected in (("desk.example.org", reached), ("", reached and host.startswith("127."))):
        told.clear()
        scope = {"type": "http", "path": path, "headers": headers(host, origin)}
        asyncio.run(HostGuard(app, port=lambda: PORT, public=lambda at=public: at)(scope, nothing, nothing))  # type: ignore[misc]
        assert bool(told) is expected


def test_a_web_socket_never_comes_by_the_public_host() -> None:
    reached: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope["type"])

    async def nothing(*_: Any) -> Any:
        return None

    scope = {
        "type": "websocket",
        "path": "/api/link/x",
        "headers": headers("desk.example.org", "https://desk.example.org"),
    }
    asyncio.run(HostGuard(app, port=lambda: PORT, public=lambda: "desk.example.org")(scope, nothing, nothing))
    assert reached == []
