"""The control port: only when asked for, only for programs of this machine, and as documented."""

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.venue.venue_client import Rest
from tests.venue_faults.conftest import serving
from trader.venue.faults.catalogue import KINDS
from trader.venue.faults.helper import VenueFaults, VenueProcess
from trader.venue.launch import VenueOptions, build_venue
from trader.venue.server import VenueServer

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "venue-faults.md").read_text(encoding="utf-8")


def ask(url: str, headers: dict[str, str], data: bytes | None = None) -> int:
    request = urllib.request.Request(url, data, headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def test_browsers_are_refused(venue: VenueServer) -> None:
    url = f"{venue.addresses.control_url}/faults"
    assert ask(url, {}) == 200
    assert ask(url, {"Host": "evil.example"}) == 403
    assert ask(url, {"Origin": "http://127.0.0.1:8501"}) == 403
    assert ask(url, {"Content-Type": "text/plain"}, b'{"fault": "N1"}') == 415
    assert ask(url, {"Content-Type": "application/json"}, b"{") == 400
    assert ask(url, {"Content-Type": "application/json"}, b"[" + b" " * 2_000_000 + b"]") == 413


def test_all_rules_of_a_list_or_none(venue: VenueServer, faults: VenueFaults) -> None:
    url = f"{venue.addresses.control_url}/faults"
    body = json.dumps([{"fault": "N1"}, {"fault": "nonsense"}]).encode()
    assert ask(url, {"Content-Type": "application/json"}, body) == 400
    assert faults.rules() == []


def test_rules_are_listed_and_removed(rest: Rest, faults: VenueFaults) -> None:
    first, second = faults.add("N4", times=2), faults.add("N14", secs=1)
    assert [row["id"] for row in faults.rules()] == [first.id, second.id]
    assert rest.call("GET", "/v2/assets").status_code == 500
    told = faults.rules()[0]
    assert (told["seen"], told["happened"], told["times"], told["spent"]) == (1, 1, 2, False)
    assert faults.remove(first.id) and not faults.remove(first.id)
    faults.clear()
    assert faults.rules() == []
    assert {(row["fault"], row["kind"]) for row in faults.catalogue()} == set(KINDS)


def test_without_a_control_port_nothing_of_it_is_there() -> None:
    server, announced = build_venue(VenueOptions(seed=1))
    try:
        assert announced.control_url is None
        assert server.faults is None
    finally:
        server.start()
        server.stop()
    program = "import sys, trader.venue.server, trader.venue.launch; print([m for m in sys.modules if 'faults' in m])"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: f"{kind.fault}-{kind.kind}")
def test_every_fault_is_documented_with_its_arguments(kind: Any) -> None:
    rows = [line for line in GUIDE.splitlines() if line.startswith(f"| {kind.fault} | `{kind.kind}` |")]
    assert len(rows) == 1
    assert all(f"`{name}` {json.dumps(value)}" in rows[0] for name, value in kind.args.items())
    assert rows[0].endswith("| until cleared |" if kind.lasting else "| once |")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_guides_curl_lines_work(market: Any) -> None:
    examples = blocks("sh")
    assert len(examples) == 4
    with serving(market) as server:
        assert server.addresses.control_url is not None
        environ = {
            "PATH": os.environ["PATH"],
            "CONTROL": server.addresses.control_url,
            "REST": server.addresses.rest_url,
        }
        said = [
            subprocess.run(
                ["bash", "-ec", text], env=environ, capture_output=True, text=True, check=True, timeout=20
            ).stdout
            for text in examples
        ]
        assert not any('"error"' in text for text in said), said
        assert said[1].splitlines()[-1][-3:] in ("200", "502")
        assert VenueFaults(server.addresses.control_url).rules() == []
        assert '"cleared":6' in said[-1]


def test_the_guides_test_works() -> None:
    [example] = blocks("python")
    exec(compile(example, "docs/venue-faults.md", "exec"), {})  # the guide's own words


def test_a_venue_that_cannot_start_says_so() -> None:
    with pytest.raises(RuntimeError, match="exit code"), VenueProcess(speed=-1):
        pass
