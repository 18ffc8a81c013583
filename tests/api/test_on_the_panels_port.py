"""The API where the panel serves it: the real panel in a process of its own."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.api.client import Client
from tests.cli.test_a_run import _end_orphaned_venue
from trader.config.tokens import TokenStore


@pytest.fixture
def panel(clean_environment: Path) -> Iterator[tuple[subprocess.Popen[bytes], Client]]:
    """`python -m trader up`, and who asks its API."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "trader", "up", "--port", str(port)], stdout=subprocess.DEVNULL)
    client = Client(port, {}, clean_environment)
    try:
        deadline = time.monotonic() + 60
        while True:
            assert process.poll() is None and time.monotonic() < deadline
            try:
                if client.ask("GET", "/health", None).status_code == 200:
                    break
            except requests.ConnectionError:
                time.sleep(0.1)
        client.tokens["read"] = TokenStore(clean_environment).create("reader", "read")[1]
        yield process, client
    finally:
        client.close()
        process.kill()
        process.wait(20)
        _end_orphaned_venue(clean_environment)


@pytest.mark.slow
def test_the_panels_port_serves_the_api_and_ends_with_a_stream_open(
    panel: tuple[subprocess.Popen[bytes], Client],
) -> None:
    process, client = panel
    assert client.ask("GET", "/v1/status", None).status_code == 401
    assert client.get("/v1/status", "read")["runner"]["host"] == "thread"
    assert client.get("/openapi.json", "read")["servers"] == [{"url": "/api"}]
    assert client.ask("GET", "/v1/status", "read", headers={"Host": "evil.example"}).status_code == 403
    assert client.ask("GET", "", None).status_code == 404
    page = client.session.get(f"http://127.0.0.1:{client.port}/configure", timeout=10)
    assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")

    took = []
    for _ in range(20):
        begun = time.monotonic()
        client.get("/health", None)
        took.append(time.monotonic() - begun)
    assert min(took) < 0.03  # an answer in two parts waited 40 ms for the client's acknowledgement

    with client.ask("GET", "/v1/stream/status", "read", stream=True) as stream:
        lines = stream.iter_lines()
        assert next(line for line in lines if line) == b"retry: 1000"
        process.send_signal(signal.SIGTERM)
        process.wait(20)
