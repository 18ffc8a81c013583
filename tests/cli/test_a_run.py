"""A paper run from the command line, with the real runner and the local exchange in processes of their own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.rig import await_value

FIELDS = {
    *("run_id", "env", "runner", "phase", "preset", "underlying", "spot", "entry_at", "exit_at", "premium", "pnl"),
    *("pnl_pct", "peak_pnl", "trailing_level", "exit_reason", "legs", "realized_pnl", "fees", "flat", "alerts"),
}
LEG_FIELDS = {"symbol", "side", "quantity", "filled_quantity", "avg_px", "mark", "bid", "ask", "delta", "pnl"}


def trader(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "trader", *argv], capture_output=True, text=True, timeout=90)


def answer(*argv: str, code: int = 0) -> dict[str, Any]:
    """The one JSON document of a command."""
    done = trader(*argv, "--json")
    assert done.returncode == code, done.stderr
    document = json.loads(done.stdout)
    assert isinstance(document, dict)
    return document


def is_money(text: object) -> bool:
    return isinstance(text, str) and Decimal(text).is_finite()


@pytest.fixture
def runner(clean_environment: Path) -> Iterator[subprocess.Popen[str]]:
    """`python -m trader run`, once it is alive."""
    said = clean_environment.parent / "runner.txt"
    with said.open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "trader", "run"], stderr=log, text=True)
    try:
        # Asking each time would take the runner's core from it.
        await_value(lambda: "runner_started" in said.read_text() or process.poll() is not None or None, 40, "a runner")
        deadline = time.monotonic() + 40
        while not answer("status")["runner"]["alive"]:
            assert process.poll() is None, said.read_text()
            assert time.monotonic() < deadline, "the runner did not come up"
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)
        _end_orphaned_venue(clean_environment)


def _end_orphaned_venue(home: Path) -> None:
    """The local exchange outlives a killed runner, as it should; not this test, though."""
    announced = home / "venue.json"
    if announced.exists():
        os.kill(json.loads(announced.read_text())["pid"], signal.SIGTERM)


@pytest.mark.t1  # the walk through the README starts, watches and stops one with every push
def test_a_paper_run_is_started_watched_and_stopped(runner: subprocess.Popen[str]) -> None:
    done = trader("check", "--preset", "development")  # it is made in any market
    assert done.returncode == 0, done.stdout

    started = answer("start", "--preset", "development", "--set", "strategy.quantity=20", "--now", "--wait", "40")
    assert started.keys() >= FIELDS | {"command_id"}
    assert started["phase"] == "holding"
    assert started["flat"] is False

    now = answer("status")
    assert now["run_id"] == started["run_id"]
    assert now["env"] == "paper"
    assert now["runner"]["alive"] is True
    assert is_money(now["premium"])
    assert now["entry_at"].endswith("Z")
    assert [leg["filled_quantity"] for leg in now["legs"]] == [20, 20]
    assert all(leg.keys() >= LEG_FIELDS and is_money(leg["avg_px"]) for leg in now["legs"])

    answer("limits", "set", "open_runs=1", "open_runs_per_underlying=1")
    again = trader("start", "--preset", "development", "--set", "strategy.quantity=20", "--now")
    assert again.returncode == 1
    assert "1 runs are open on this account, open_runs is 1" in again.stderr
    assert again.stderr.count("\n") == 1

    second = trader("run")
    assert second.returncode == 1
    assert "Another runner is active" in second.stderr
    assert "Traceback" not in second.stderr

    stopped = answer("stop", "--wait", "30")
    assert stopped["flat"] is True
    assert stopped["phase"] == "done"
    assert stopped["exit_reason"] == "manual"
    assert is_money(stopped["realized_pnl"])
    assert is_money(stopped["fees"])

    runs = answer("history")["runs"]
    assert [run["run_id"] for run in runs] == [started["run_id"]]
    assert runs[0]["realized_pnl"] == stopped["realized_pnl"]

    assert started["run_id"] in trader("history").stdout

    assert answer("stop")["flat"] is True  # once more changes nothing


@pytest.mark.slow
def test_stop_after_the_runner_died_says_not_flat(runner: subprocess.Popen[str]) -> None:
    answer("start", "--preset", "development", "--now", "--wait", "40")
    runner.kill()
    runner.wait()
    done = trader("stop", "--wait", "1", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["flat"] is not True
    assert "NOT FLAT" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.t1  # in one process: tests/desk/test_foreign.py, tests/engine/test_beside.py
def test_a_start_at_once_sold_on_an_account_that_held_a_foreign_short(
    runner: subprocess.Popen[str], clean_environment: Path
) -> None:
    """From the command line through the real runner to the exchange: refused, told with its phrase, sold once confirmed."""
    from trader.domain.order import OrderType, Side
    from trader.exchange.common.credentials import Credentials
    from trader.exchange.delta.api.order_requests import OrderRequest
    from trader.exchange.delta.gateway import DeltaGateway

    at = json.loads((clean_environment / "venue.json").read_text())
    gateway = DeltaGateway(at["rest_url"], Credentials(at["api_key"], at["api_secret"]))
    perpetual = next(i for i in gateway.instruments("BTC") if i.expiry is None)
    order = OrderRequest(
        product_id=perpetual.product_id,
        side=Side.SELL,
        quantity=3,
        client_order_id="by-hand",
        order_type=OrderType.MARKET,
    )
    gateway.orders.place(order)
    gateway.close()

    failed = {row["name"] for row in answer("check", "--preset", "development", code=1)["checks"] if not row["ok"]}
    assert failed == {"nothing foreign"}
    refused = trader("start", "--preset", "development", "--now")
    assert refused.returncode == 1 and "a position of -3 in BTCUSD" in refused.stderr
    phrase = refused.stderr.split('"')[1]
    assert answer("status")["run_id"] is None

    started = answer("start", "--preset", "development", "--now", "--beside", phrase, "--wait", "40")
    assert started["phase"] == "holding"
    assert answer("stop", "--wait", "30")["flat"] is True
