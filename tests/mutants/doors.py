"""Defects of what listens: addresses, Host and Origin, signatures. Seen on the panel's guard and the local exchange."""

import os
import socket
import tempfile
import time
import tomllib
from contextlib import redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from tests.mutants.mutant import Mutant, named
from tests.mutants.tools import Patch, everywhere
from trader.cli import hosts
from trader.panel import guard
from trader.venue import server
from trader.venue.settings import VenueSettings
from trader.venue.wire import auth
from trader.venue.wire.problem import GatewayError

ROOT = Path(__file__).parents[2]
PORT = 8501
_HERE = "127.0.0.1"


class _Executed(Exception):
    """Instead of becoming another program."""


# ---------------------------------------------------------------- checks


def only_this_machine_is_listened_on() -> None:
    """The panel as it is started and as it is configured, and every listener of the local exchange: loopback."""
    configured = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["server"]["address"]
    assert configured == _HERE, f"the panel is configured for {configured}"
    commands: list[list[str]] = []

    def execv(_program: str, command: list[str]) -> None:
        commands.append(command)
        raise _Executed

    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch, suppress(_Executed):
        patch.setenv("TRADER_HOME", folder)
        patch.chdir(folder)
        patch.setattr(os, "execv", execv)
        patch.setattr(os, "name", "posix")
        with socket.create_server((_HERE, 0)) as probe:
            free = probe.getsockname()[1]
        with redirect_stdout(StringIO()):
            hosts.up(free)
    assert f"--server.address={_HERE}" in commands[0], f"the panel is started with {commands[0]}"
    sockets = server._bind(VenueSettings(credentials=()))
    bound = {listener.getsockname()[0] for listener in sockets}
    for listener in sockets:
        listener.close()
    assert bound == {_HERE}, f"the local exchange listens on {bound}"


def only_our_own_pages_are_answered() -> None:
    """Host and Origin must be ours, whatever a header says that a proxy might have written, or an attacker."""

    def answered(websocket: bool, **headers: str) -> bool:
        told = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        return guard.refusal(told, port=PORT, websocket=websocket) is None

    ours, foreign = f"127.0.0.1:{PORT}", "evil.example"
    forwarded = {"x_forwarded_host": ours, "x_forwarded_for": "127.0.0.1", "forwarded": f"host={ours}"}
    for websocket in (True, False):
        assert answered(websocket, host=ours, origin=f"http://{ours}")
        assert not answered(websocket, host=ours, origin=f"http://{foreign}"), "a foreign page was answered"
        assert not answered(websocket, host=ours, origin="null"), "a page without an origin was answered"
        assert not answered(websocket, host=foreign, origin=f"http://{ours}", **forwarded), (
            "a forwarded host was believed"
        )
        assert not answered(websocket, host=foreign, origin=f"http://{foreign}"), "a rebound name was answered"
    assert not answered(True, host=ours), "a web socket from nowhere was answered"
    names = {name.lower() for name, _ in guard.SECURITY_HEADERS}
    assert b"access-control-allow-origin" not in names, "other sites may read the answers"


def nothing_changes_without_a_signature() -> None:
    """An order at the local exchange without a key, with somebody's key but another's signature, or signed too long ago."""
    known = auth.Credential(api_key="key", api_secret="secret", user_id=1)
    ring, now, body = auth.KeyRing((known,)), int(time.time()), b"{}"

    def headers(key: str, secret: str, at: int) -> dict[str, str]:
        signature = auth.sign(secret, "POST", str(at), "/v2/orders", "", body)
        return {"api-key": key, "timestamp": str(at), "signature": signature}

    def passes(told: dict[str, str]) -> bool:
        try:
            ring.check_request(told, method="POST", path="/v2/orders", query="", body=body, wall_secs=now)
        except GatewayError:
            return False
        return True

    assert passes(headers("key", "secret", now))
    for what, told in (
        ("no key", {}),
        ("a key alone", {"api-key": "key"}),
        ("another's signature", headers("key", "guessed", now)),
        ("an unknown key", headers("nobody", "secret", now)),
        ("an old signature", headers("key", "secret", now - 60)),
    ):
        assert not passes(told), f"an order with {what} was taken"


# ---------------------------------------------------------------- defects


def listens_everywhere(patch: Patch) -> None:
    patch.setattr(server, "LOOPBACK", "0.0.0.0")
    patch.setattr(hosts, "LOOPBACK", "0.0.0.0")


def forwarded_host_is_believed(patch: Patch) -> None:
    real = guard.refusal

    def refusal(headers: Any, **options: Any) -> str | None:
        told = list(headers)
        forwarded = [(b"host", value) for name, value in told if name == b"x-forwarded-host"]
        return real(forwarded + [h for h in told if h[0] != b"host"] if forwarded else told, **options)

    everywhere(patch, real, refusal)


def any_origin_will_do(patch: Patch) -> None:
    real = guard.refusal

    def refusal(headers: Any, *, port: int, websocket: bool) -> str | None:
        return real([h for h in headers if h[0] != b"origin"], port=port, websocket=False)

    everywhere(patch, real, refusal)


def unsigned_orders_are_taken(patch: Patch) -> None:
    def check_request(self: auth.KeyRing, headers: Any, **_: Any) -> auth.Credential:
        return self.find(headers.get("api-key", "")) or next(iter(self._by_key.values()))

    patch.setattr(auth.KeyRing, "check_request", check_request)


MUTANTS = [
    Mutant(
        name="M67b",
        defect="Unauthenticated state change",
        patched="`KeyRing.check_request` looks at no signature",
        patch=unsigned_orders_are_taken,
        check=named("S10", nothing_changes_without_a_signature),
    ),
    Mutant(
        name="M68",
        defect="Listens on all interfaces",
        patched="`LOOPBACK` of panel and local exchange is 0.0.0.0",
        patch=listens_everywhere,
        check=named("S5", only_this_machine_is_listened_on),
    ),
    Mutant(
        name="M68b",
        defect="Wildcard CORS: any origin will do",
        patched="the guard does not look at Origin",
        patch=any_origin_will_do,
        check=named("S7 S11", only_our_own_pages_are_answered),
    ),
    Mutant(
        name="M68c",
        defect="Forwarded headers trusted from anyone",
        patched="the guard takes `X-Forwarded-Host` for the host",
        patch=forwarded_host_is_believed,
        check=named("S7 S11", only_our_own_pages_are_answered),
    ),
]
