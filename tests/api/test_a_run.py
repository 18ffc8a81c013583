"""A paper run over the API, with the real runner and the local exchange in processes of their own."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.client import Client, serving
from tests.cli.test_a_run import answer, runner  # noqa: F401
from trader.config.settings import load_settings
from trader.desk import Desk

# What differs from one look to the next, whoever looks.
MOVING = {"at", "runner", "client", "market", "market_at", "pictured_at"}


@pytest.fixture
def api(runner: subprocess.Popen[str]) -> Iterator[Client]:  # noqa: F811
    desk = Desk(load_settings())
    with serving(desk) as client:
        yield client
    desk.close()


def await_true(look: Callable[[], Any], secs: float = 40) -> Any:
    deadline = time.monotonic() + secs
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found


@pytest.mark.slow
def test_a_run_is_planned_started_watched_and_stopped_over_http(api: Client) -> None:
    assert api.get("/ready", None)["ready"]
    plan = api.get("/v1/presets/development/plan", "read")
    assert plan["reasons"] == [] and len(plan["legs"]) == 2
    assert all(check["words"] for check in api.get("/v1/presets/development/checks")["checks"])

    wish = {"preset": "development", "overrides": {"strategy.quantity": 20}, "now": True}
    started = api.ask("POST", "/v1/runs", json=wish, headers={"Idempotency-Key": "one"}, params={"wait": 20})
    assert started.status_code == 201, started.text
    run_id = started.json()["run_id"]
    assert started.headers["location"] == f"/api/v1/runs/{run_id}"
    assert api.ask("POST", "/v1/runs", json=wish, headers={"Idempotency-Key": "one"}).json() == started.json()

    held = await_true(lambda: (now := api.get(f"/v1/runs/{run_id}"))["run"]["phase"] == "holding" and now)
    assert [leg["filled_quantity"] for leg in held["run"]["legs"]] == [20, 20]
    chain = api.get("/v1/chain", params={"run": run_id})
    picked = {side["symbol"] for row in chain["rows"] for side in (row["call"], row["put"]) if side and side["picked"]}
    assert picked == {leg["symbol"] for leg in held["run"]["legs"]}
    assert [one["run_id"] for one in api.get("/v1/runs", params={"state": "open"})["runs"]] == [run_id]

    with api.ask("GET", "/v1/stream/status", stream=True) as stream:
        lines = stream.iter_lines()
        picture = json.loads(next(line for line in lines if line.startswith(b"data: "))[6:])
    assert picture["run_id"] == run_id and picture.keys() == answer("status").keys()
    assert f'run_id="{run_id}"' in api.ask("GET", "/metrics").text

    assert api.ask("POST", f"/v1/runs/{run_id}/stop", "stop").status_code == 202
    await_true(lambda: api.get(f"/v1/runs/{run_id}")["run"]["flat"] is True)
    over, told = api.get("/v1/status"), answer("status")
    assert {k: v for k, v in over.items() if k not in MOVING} == {k: v for k, v in told.items() if k not in MOVING}
    report = api.get(f"/v1/runs/{run_id}/report")
    assert report["summary"]["realized_pnl"] == over["realized_pnl"]
    assert {order["status"] for order in report["orders"]} >= {"filled"} and len(report["fills"]) >= 4
    assert api.get(f"/v1/runs/{run_id}/series")["series"]["wall"]
    assert api.get("/v1/trading/performance")["today"]["results"][0]["run_id"] == run_id
    refused = api.ask("POST", f"/v1/runs/{run_id}/stop", "read")
    assert refused.status_code == 403


def test_the_panel_starts_without_what_the_api_needs(tmp_path: Path) -> None:
    """FastAPI takes a third of a second to import; the first request to `/api` pays for it."""
    code = "import sys, trader.panel.boot; print(*(m for m in ('fastapi', 'prometheus_client') if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout.split(), done.returncode) == ([], 0), done.stderr
