"""kill -9 of the runner's process while it holds: the next one resumes, with the same trail, and never enters again."""

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.rig import await_value, preset
from trader.config.connection import read_announcement
from trader.engine.records import OrderIntended, Phase, Trailed
from trader.exchange.credentials import Credentials
from trader.exchange.delta.gateway import DeltaGateway
from trader.journal.commands import Command
from trader.journal.store import Journal

TREE = Path(__file__).parents[2]


class Processes:
    """Runner processes on one TRADER_HOME, ended by id when the test is over."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._started: list[subprocess.Popen[bytes]] = []

    def run(self) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "TRADER_HOME": str(self.home), "TRADER_VENUE_SPEED": "60"}
        with (self.home.parent / f"run-{len(self._started)}.txt").open("wb") as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "trader", "run"], cwd=TREE, env=environment, stdout=said, stderr=said
            )
        self._started.append(process)
        return process

    def end(self) -> None:
        for process in self._started:
            if process.poll() is None:
                process.terminate()
                process.wait(15)
        announced = read_announcement(self.home)
        if announced is not None and announced.pid is not None:
            os.kill(announced.pid, signal.SIGKILL)


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    home = tmp_path / "home"
    made = Processes(home)
    yield made
    made.end()


def order(journal: Journal, kind: Any, body: dict[str, Any]) -> None:
    journal.submit_command(
        Command(
            command_id=uuid.uuid4().hex,
            account="paper",
            kind=kind,
            issued_at=datetime.now(UTC),
            issued_by="cli",
            body=body,
        )
    )


def await_run(journal: Journal, epoch: int, condition: Any, secs: float, what: str) -> Any:
    def look() -> Any:
        snapshot = journal.snapshot("paper")
        if snapshot is None or snapshot.epoch < epoch or not snapshot.runs:
            return None
        return snapshot.runs[-1] if condition(snapshot.runs[-1]) else None

    return await_value(look, secs, what)


def test_a_killed_runner_resumes_with_the_same_trail_and_exits_to_the_venues_cent(processes: Processes) -> None:
    first = processes.run()
    await_value(lambda: (processes.home / "journal.db").exists() or None, 20, "a journal")
    await_value(lambda: read_announcement(processes.home), 20, "the venue")
    journal = Journal.open(f"sqlite:///{processes.home / 'journal.db'}")
    chosen = preset(strategy={"quantity": 20})
    body = {"config": chosen.model_dump(mode="json"), "config_hash": chosen.config_hash, "now": True, "confirm": None}
    order(journal, "start", body)
    held = await_run(journal, 1, lambda v: v.phase is Phase.HOLDING and v.pnl is not None, 30, "holding")
    tier = Trailed(
        run_id=held.run_id, wall=held.created_at, peak_pnl=Decimal(2), peak_pct=Decimal(41), level_pct=Decimal(-900)
    )
    journal.append([tier], lease=None)

    first.kill()
    first.wait(10)
    processes.run()
    again = await_run(journal, 2, lambda v: v.phase is Phase.HOLDING and v.pnl is not None, 30, "holding again")
    assert (again.run_id, again.exit_at) == (held.run_id, held.exit_at)
    assert (again.peak_pct, again.trailing_level) == (Decimal(41), Decimal(-900))

    order(journal, "stop", {"run_id": None})
    closed = await_run(journal, 2, lambda v: v.phase is Phase.DONE, 20, "flat")
    intents = [r.intent for _, r in journal.records(held.run_id) if isinstance(r, OrderIntended)]
    assert sorted(i.leg for i in intents if i.purpose == "E") == ["C", "P"]
    announced = read_announcement(processes.home)
    assert announced is not None
    keys = Credentials(announced.api_key.get_secret_value(), announced.api_secret.get_secret_value())
    gateway = DeltaGateway(announced.rest_url, keys)
    assert closed.realized_pnl == gateway.wallet().balance - Decimal(10_000)
    assert all(p.quantity == 0 for p in gateway.positions("BTC"))
