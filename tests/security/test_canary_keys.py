"""Canary keys: a whole run with recognisable secrets, then everything it left behind is searched for them."""

import base64
import json
import os
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.rig import USER, await_value
from trader.venue.market.synthetic import SyntheticMarket, SyntheticSettings
from trader.venue.server import VenueServer
from trader.venue.settings import VenueSettings
from trader.venue.wire.auth import Credential

TREE = Path(__file__).parents[2]
KEY = "canaryTestnetKey7Qz"
SECRET = "canaryTestnetSecret/9+Xw=Vb"
LIVE_KEY = "canaryLiveKey4Rt"
LIVE_SECRET = "canaryLiveSecret&8Yp"


def spellings(secret: str) -> list[bytes]:
    """The forms a secret might leak in."""
    return [
        form.encode()
        for form in {
            secret,
            urllib.parse.quote(secret, safe=""),
            json.dumps(secret)[1:-1],
            base64.b64encode(secret.encode()).decode().rstrip("="),
        }
    ]


@pytest.fixture
def venue() -> Iterator[VenueServer]:
    from tests.e2e.rig import START

    market = SyntheticMarket(SyntheticSettings(seed=3, start=START))
    credential = Credential(api_key=KEY, api_secret=SECRET, user_id=USER)
    server = VenueServer(market, VenueSettings(credentials=(credential,), speed=60.0))
    server.start()
    yield server
    server.stop()


class Desk:
    """`python -m trader` in a folder of its own, with the canaries in its environment; keeps all it ever printed."""

    def __init__(self, venue: VenueServer, folder: Path) -> None:
        addresses = venue.addresses
        self.folder = folder
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(TREE),
            "TRADER_HOME": str(folder / "home"),
            "TRADER_ENV": "testnet",
            "DELTA_REST_URL": addresses.rest_url,
            "DELTA_WS_PUBLIC_URL": addresses.ws_public_url,
            "DELTA_WS_PRIVATE_URL": addresses.ws_private_url,
            "DELTA_TESTNET_API_KEY": KEY,
            "DELTA_TESTNET_API_SECRET": SECRET,
            "DELTA_API_KEY": LIVE_KEY,
            "DELTA_API_SECRET": LIVE_SECRET,
        }

    def spawn(self, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.folder / "said.txt").open("ab") as said:
            return subprocess.Popen(
                [sys.executable, "-m", "trader", *arguments],
                cwd=self.folder,
                env=self.environment,
                stdout=said,
                stderr=said,
            )

    def call(self, *arguments: str) -> int:
        return self.spawn(*arguments).wait(60)

    def runner_alive(self) -> bool:
        said = subprocess.run(
            [sys.executable, "-m", "trader", "status", "--json"],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            timeout=60,
            check=False,
        )
        with (self.folder / "said.txt").open("ab") as kept:
            kept.write(said.stdout + said.stderr)
        return said.returncode == 0 and json.loads(said.stdout)["runner"]["alive"] is True


def command_lines() -> bytes:
    """What every user of the machine can read of running processes."""
    lines = b""
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines += entry.read_bytes()
        except OSError:
            continue
    return lines


def test_no_file_no_output_and_no_process_list_holds_a_key_after_a_whole_run(
    venue: VenueServer, tmp_path: Path
) -> None:
    desk = Desk(venue, tmp_path)
    runner = desk.spawn("run")
    seen = b""
    try:
        await_value(lambda: "runner_started" in (tmp_path / "said.txt").read_text() or None, 30, "a runner")
        await_value(lambda: desk.runner_alive() or None, 30, "a runner to ask")
        assert desk.call("start", "--preset", "default", "--now", "--wait", "20", "--json") == 0
        seen += command_lines()
        for arguments in (("check",), ("config", "show"), ("status", "--json"), ("history", "--json")):
            desk.call(*arguments)
        assert desk.call("stop", "--wait", "20", "--json") == 0
        seen += command_lines()
    finally:
        runner.terminate()
        runner.wait(15)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.suffix == ".db" for path in files) and any(path.suffix == ".log" for path in files)
    haystack = seen + b"".join(path.read_bytes() for path in files)
    for secret in (KEY, SECRET, LIVE_KEY, LIVE_SECRET):
        for form in spellings(secret):
            assert form not in haystack, f"{secret[:12]}... leaked as {form[:12]!r}"


def test_a_wrong_secret_is_one_sentence_without_the_secret(venue: VenueServer, tmp_path: Path) -> None:
    desk = Desk(venue, tmp_path)
    desk.environment["DELTA_TESTNET_API_SECRET"] = "canaryWrongSecret55"
    assert desk.call("check") != 0
    said = (tmp_path / "said.txt").read_text()
    assert "canary" not in said
    assert "Traceback" not in said
