"""Proxies: what goes to this machine never takes one; what goes to an exchange takes the one in TRADER_PROXY and no other."""

import ast
import json
import os
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import websocket
from websockets.datastructures import Headers
from websockets.http11 import Response
from websockets.sync.server import ServerConnection, serve

from tests.e2e.rig import await_value
from tests.exchange.scripted_http import Answer, ScriptedHTTP
from tests.exchange.scripted_ws import ScriptedWS
from tests.security.recording_proxy import VARIABLES, RecordingProxy, recording_proxy
from trader.config.announced import who_answers
from trader.config.connection import resolve_connection
from trader.config.settings import Settings, load_settings
from trader.domain.errors import ConfigError, NotSent
from trader.exchange.common.stream_socket import StreamSocket
from trader.exchange.common.transport import Transport
from trader.venue.faults.helper import VenueFaults

TREE = Path(__file__).parents[2]
ELSEWHERE = "exchange.invalid"
NO_PROXY = ({}, {"no_proxy": "example.com", "NO_PROXY": "example.com"}, {"no_proxy": "", "NO_PROXY": ""})


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[RecordingProxy]:
    """Named in every variable of the environment that a library might read."""
    with recording_proxy() as started:
        for name, value in started.environment().items():
            monkeypatch.setenv(name, value)
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        yield started


@pytest.fixture
def server() -> Iterator[ScriptedHTTP]:
    scripted = ScriptedHTTP(lambda request: Answer(body={"success": True, "result": {}}))
    yield scripted
    scripted.close()


def _by_transport(server: ScriptedHTTP, proxy: str | None = None) -> None:
    transport = Transport(proxy=proxy)
    assert transport.send("GET", f"{server.url}/v2/settings", {}, "", time.monotonic() + 5).status == 200
    transport.close()


def _by_finder(server: ScriptedHTTP) -> None:
    assert who_answers(server.url) is not None


def _by_fault_helper(server: ScriptedHTTP) -> None:
    assert VenueFaults(server.url).catalogue()


@pytest.mark.parametrize("no_proxy", NO_PROXY, ids=["none", "of another host", "empty"])
@pytest.mark.parametrize("ask", [_by_transport, _by_finder, _by_fault_helper])
def test_a_proxy_of_the_environment_was_asked_for_this_machine(
    ask: Callable[[ScriptedHTTP], None],
    no_proxy: dict[str, str],
    proxy: RecordingProxy,
    server: ScriptedHTTP,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in no_proxy.items():
        monkeypatch.setenv(name, value)
    ask(server)
    assert proxy.heads == [] and server.requests


@pytest.mark.parametrize("named", [False, True], ids=["in the environment", "in TRADER_PROXY"])
def test_a_socket_to_this_machine_went_through_the_proxy(named: bool, proxy: RecordingProxy) -> None:
    scripted = ScriptedWS()
    try:
        socket = StreamSocket()
        socket.open(scripted.url, timeout_secs=5, user_agent="test", proxy=proxy.url if named else None)
        socket.close()
    finally:
        scripted.close()
    assert proxy.heads == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.8.9.10"])
def test_trader_proxy_never_carries_what_is_meant_for_this_machine(
    host: str, proxy: RecordingProxy, server: ScriptedHTTP
) -> None:
    transport = Transport(proxy=proxy.url)
    port = server.url.rpartition(":")[2]
    try:
        transport.send("GET", f"http://{host}:{port}/v2/settings", {}, "", time.monotonic() + 5)
    except NotSent:
        assert host == "127.8.9.10"  # where nothing listens; the proxy was not asked all the same
    assert proxy.heads == []


def test_an_exchange_is_reached_through_trader_proxy_and_through_no_other(proxy: RecordingProxy) -> None:
    with recording_proxy() as ours:
        named = f"http://desk:p%40ss@127.0.0.1:{ours.port}"
        with pytest.raises(NotSent):  # refused by the proxy: the request itself was never sent
            Transport(proxy=named).send("GET", f"https://{ELSEWHERE}/v2/settings", {}, "", time.monotonic() + 5)
        with pytest.raises((websocket.WebSocketException, OSError)):
            StreamSocket().open(f"wss://{ELSEWHERE}", timeout_secs=5, user_agent="test", proxy=named)
        assert [head.split()[:2] for head in ours.heads] == [["CONNECT", f"{ELSEWHERE}:443"]] * 2
        assert all("Basic ZGVzazpwQHNz" in head for head in ours.heads)  # desk:p@ss
    assert proxy.heads == []


def test_without_trader_proxy_an_exchange_is_asked_directly(proxy: RecordingProxy) -> None:
    with pytest.raises(NotSent):
        Transport().send("GET", f"https://{ELSEWHERE}/v2/settings", {}, "", time.monotonic() + 5)
    with pytest.raises((websocket.WebSocketException, OSError)):
        StreamSocket().open(f"wss://{ELSEWHERE}", timeout_secs=5, user_agent="test")
    assert proxy.heads == []


def test_ccxt_goes_through_trader_proxy_and_no_other(proxy: RecordingProxy) -> None:
    pytest.importorskip("ccxt")
    from trader.domain.errors import ExchangeError
    from trader.exchange.ccxt.delta import CcxtDeltaGateway
    from trader.exchange.common.credentials import Credentials

    with recording_proxy() as ours:
        gateway = CcxtDeltaGateway(f"https://{ELSEWHERE}", Credentials("key", "secret"), proxy=ours.url)
        with pytest.raises(ExchangeError):
            gateway.wallet()
        assert ours.heads and all(head.startswith(f"CONNECT {ELSEWHERE}:443") for head in ours.heads)
    assert proxy.heads == []


def test_requests_and_sockets_work_through_the_tunnel(
    tmp_path: Path, proxy: RecordingProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, authority = _certificate(ELSEWHERE, tmp_path)
    monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", str(authority))
    monkeypatch.setenv("WEBSOCKET_CLIENT_CA_BUNDLE", str(authority))
    served: list[str] = []

    def echo(connection: ServerConnection) -> None:
        connection.send("hello")

    def answer(_: ServerConnection, request: Any) -> Any:
        served.append(request.path)
        return None if "Upgrade" in request.headers else Response(200, "OK", Headers({"Content-Length": "2"}), b"{}")

    with serve(echo, "127.0.0.1", 0, ssl=context, process_request=answer) as inner:
        threading.Thread(target=inner.serve_forever, daemon=True).start()
        with recording_proxy(tunnel_to=inner.socket.getsockname()) as ours:
            reply = Transport(proxy=ours.url).send(
                "GET", f"https://{ELSEWHERE}/v2/settings", {}, "", time.monotonic() + 10
            )
            socket = StreamSocket()
            socket.open(f"wss://{ELSEWHERE}/stream", timeout_secs=10, user_agent="test", proxy=ours.url)
            heard = socket.receive()
            socket.close()
    assert (reply.status, reply.body, heard) == (200, b"{}", b"hello")
    assert served == ["/v2/settings", "/stream"] and proxy.heads == []


def _certificate(host: str, folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's context and the file of the authority that vouches for it: itself."""
    pytest.importorskip("cryptography")
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "public.pem", folder / "private.pem"
    public.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return context, public


# ------------------------------------------------------------------ the setting


def settings_with(**variables: str) -> Settings:
    return load_settings(environ={"TRADER_HOME": os.environ["TRADER_HOME"], **variables})


@pytest.mark.parametrize(
    "value",
    ["socks5://h:1080", "h:3128", "http://h", "http://canary@pw@h:1", "http://h:99999", "http://h:1/path", "https://h:1", "http://[::1"],
)  # fmt: skip
def test_a_proxy_that_is_none_is_refused_without_repeating_it(value: str) -> None:
    with pytest.raises(ConfigError, match="TRADER_PROXY must look like http://host:port") as caught:
        settings_with(TRADER_PROXY=value)
    assert "canary" not in str(caught.value)


def test_the_proxy_reaches_the_connection_of_an_exchange_and_shows_nowhere() -> None:
    keys = {"DELTA_TESTNET_API_KEY": "k3yk3y", "DELTA_TESTNET_API_SECRET": "s3cr3t"}
    connection = resolve_connection(settings_with(TRADER_ENV="testnet", TRADER_PROXY="http://u:canary@h:1", **keys))
    assert connection.proxy_url == "http://u:canary@h:1"
    assert "canary" not in f"{connection!r}{connection}{connection.model_dump_json()}"


@pytest.mark.parametrize("name", VARIABLES[:6])
def test_a_proxy_of_the_environment_that_does_not_count_is_told_off_paper(name: str) -> None:
    assert settings_with(TRADER_ENV="testnet", **{name: "http://h:1"}).warnings == (
        f"{name} is not used for the exchange; TRADER_PROXY is",
    )
    assert settings_with(**{name: "http://h:1"}).warnings == ()


# ------------------------------------------------------------------ the whole program


@pytest.mark.t1  # the whole program once more; what it is made of is asked above
def test_run_check_and_flatten_failed_with_proxies_set(tmp_path: Path) -> None:
    """A recording proxy stands in every variable: a paper run, asked and closed by other processes, never meets it."""
    with recording_proxy() as proxy:
        environment = {**os.environ, **proxy.environment(no_proxy="example.com", NO_PROXY="example.com")}

        def command(*words: str) -> subprocess.CompletedProcess[str]:
            line = [sys.executable, "-m", "trader", *words]
            return subprocess.run(line, cwd=TREE, env=environment, capture_output=True, text=True, timeout=120)

        host = subprocess.Popen(
            [sys.executable, "-m", "trader", "run"],
            cwd=TREE,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            await_value(lambda: command("check").returncode == 0 or None, 90, "a board without a failure")
            assert json.loads(command("status", "--json").stdout)["runner"]["alive"]
        finally:
            host.terminate()
            host.wait(30)
        closed = command("flatten", "--yes", "--json")
        assert closed.returncode == 0, closed.stderr
        assert proxy.heads == []


# ------------------------------------------------------------------ the kind


_FORBIDDEN = {
    "requests": {"get", "post", "put", "delete", "patch", "head", "request", "Session"},
    "urllib.request": {"urlopen", "urlretrieve"},
    "websocket": {"create_connection", "WebSocketApp"},
    "httpx": {"get", "post", "Client", "AsyncClient"},
    "websockets": {"connect"},
}


def _bare_calls(path: Path) -> Iterator[str]:
    source = path.read_text()
    if not any(f"{owner}." in source for owner in _FORBIDDEN):
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = ast.unparse(node.func.value)
            if node.func.attr in _FORBIDDEN.get(owner, ()):
                yield f"{path.relative_to(TREE)}:{node.lineno} {owner}.{node.func.attr}"


def test_nothing_connects_except_through_what_knows_about_proxies() -> None:
    found = [call for path in sorted((TREE / "trader").rglob("*.py")) for call in _bare_calls(path)]
    home = "trader/exchange/common/transport.py"
    assert [call for call in found if not call.startswith(home)] == []
    assert len(found) == 1  # `bare_session`
