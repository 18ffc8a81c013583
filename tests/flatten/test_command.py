"""`python -m trader flatten` as a person uses it: the runner's process killed, with and without its journal; then resume."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.rig import await_value
from trader.config.connection import read_announcement
from trader.config.halt import is_halted


def trader(*arguments: str, typed: str | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "trader", *arguments],
        capture_output=True,
        text=True,
        timeout=90,
        env={**os.environ, **environment},
        input=typed,
    )


@pytest.fixture
def runner(clean_environment: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    monkeypatch.setenv("TRADER_VENUE_SPEED", "60")
    monkeypatch.setenv("TRADER_VENUE_SEED", "3")
    said = clean_environment.parent / "runner.txt"
    with said.open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "trader", "run"], stdout=subprocess.DEVNULL, stderr=log)
    await_value(lambda: "runner_started" in said.read_text() or None, 40, "a runner")
    deadline = time.monotonic() + 30
    while trader("status", "--json").stdout.find('"alive": true') < 0 and time.monotonic() < deadline:
        time.sleep(0.1)
    yield process
    if process.poll() is None:
        process.kill()
        process.wait()
    announced = read_announcement(clean_environment)
    if announced is not None and announced.pid is not None:
        os.kill(announced.pid, signal.SIGKILL)


@pytest.mark.slow
def test_a_killed_runners_position_is_closed_with_and_without_the_journal(
    runner: subprocess.Popen[bytes], clean_environment: Path
) -> None:
    wide = (
        "--set",
        "exits.max_loss_pct=500",
        "--set",
        "exits.max_profit_pct=100",
        "--set",
        "exits.trailing_enabled=false",
    )
    started = trader("start", "--preset", "development", "--now", "--wait", "40", *wide)
    assert started.returncode == 0, started.stderr
    runner.kill()
    runner.wait()
    unasked = trader("flatten")
    assert unasked.returncode == 1 and "--yes" in unasked.stderr
    for leftover in clean_environment.glob("journal.db*"):
        leftover.unlink()
    done = trader("flatten", "--yes", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["flat"] is True and report["halted"] is True and len(report["closed"]) == 2
    assert "Closing: buy" in done.stderr  # the steps, beside the one document
    assert is_halted(clean_environment)

    refused = trader("start", "--preset", "development", "--now")
    assert refused.returncode == 1 and "resume" in refused.stderr and refused.stderr.count("\n") == 1
    assert trader("resume").returncode == 1
    assert trader("resume", "--confirm", "yes").returncode == 1
    assert is_halted(clean_environment)
    assert trader("resume", "--confirm", "RESUME").returncode == 0
    assert not is_halted(clean_environment)


def test_an_exchange_that_is_down_is_one_sentence_and_not_flat(clean_environment: Path) -> None:
    urls = {
        "DELTA_REST_URL": "http://127.0.0.1:9",
        "DELTA_WS_PUBLIC_URL": "ws://127.0.0.1:9",
        "DELTA_WS_PRIVATE_URL": "ws://127.0.0.1:9",
        "DELTA_PAPER_API_KEY": "k0123456789",
        "DELTA_PAPER_API_SECRET": "s0123456789",
    }
    done = trader("flatten", "--yes", "--wait", "1", **urls)
    assert done.returncode == 1
    assert "NOT FLAT" in done.stderr and "cannot be read" in done.stderr and "Traceback" not in done.stderr
