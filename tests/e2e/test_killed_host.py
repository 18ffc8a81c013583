"""kill -9 of the runner's process while it holds: the next one resumes, with the same trail, and never enters again."""

import json
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
from tests.report.stage import Page, read_sections
from trader.config.connection import read_announcement
from trader.config.settings import load_settings
from trader.desk import Desk
from trader.engine.fold import fold
from trader.engine.records import OrderIntended, Phase, Trailed
from trader.engine.state import State
from trader.exchange.common.credentials import Credentials
from trader.exchange.delta.gateway import DeltaGateway
from trader.journal.commands import Command
from trader.journal.store import Journal
from trader.report.run_csv import run_csv
from trader.report.run_html import run_html

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


def entries(journal: Journal, run_id: str) -> list[tuple[str, str]]:
    """Leg and id of every order that was to enter; more than one of a leg where the first had timed out."""
    intents = [record.intent for _, record in journal.records(run_id) if isinstance(record, OrderIntended)]
    return [(intent.leg, intent.client_order_id) for intent in intents if intent.purpose == "E"]


def test_a_killed_runner_resumes_with_the_same_trail_and_exits_to_the_venues_cent(processes: Processes) -> None:
    first = processes.run()
    await_value(lambda: (processes.home / "journal.db").exists() or None, 40, "a journal")
    await_value(lambda: read_announcement(processes.home), 40, "the venue")
    journal = Journal.open(f"sqlite:///{processes.home / 'journal.db'}")
    chosen = preset(strategy={"quantity": 20})
    body = {"config": chosen.model_dump(mode="json"), "config_hash": chosen.config_hash, "now": True, "confirm": None}
    order(journal, "start", body)
    held = await_run(journal, 1, lambda v: v.phase is Phase.HOLDING and v.pnl is not None, 40, "holding")
    entered = entries(journal, held.run_id)
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
    closed = await_run(journal, 2, lambda v: v.phase is Phase.DONE, 40, "flat")
    assert {leg for leg, _ in entered} == {"C", "P"}
    assert entries(journal, held.run_id) == entered
    announced = read_announcement(processes.home)
    assert announced is not None
    keys = Credentials(announced.api_key.get_secret_value(), announced.api_secret.get_secret_value())
    gateway = DeltaGateway(announced.rest_url, keys)
    earned = gateway.wallet().balance - Decimal(10_000)
    assert closed.realized_pnl == earned
    assert all(p.quantity == 0 for p in gateway.positions("BTC"))
    assert_every_face_tells_the_same_money(processes.home, held.run_id, earned)
    assert_the_death_is_told(processes.home, held.run_id, first.pid)


def ask(home: Path, *arguments: str) -> Any:
    """One command of the command line as its own process, its JSON."""
    environment = {**os.environ, "TRADER_HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-m", "trader", *arguments],
        cwd=TREE,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    return [json.loads(line) for line in lines] if arguments[0] == "journal" else json.loads(done.stdout)


def assert_every_face_tells_the_same_money(home: Path, run_id: str, earned: Decimal) -> None:
    """The exchange's cash, the fold, the panel's source, the command line and the export agree to the last digit."""
    journal = Journal.open(f"sqlite:///{home / 'journal.db'}")
    records = [record for _, record in journal.records(run_id)]
    folded = fold(State(installation="", epoch=0, env="paper", account_key="paper"), records).runs[run_id]
    desk = Desk(load_settings(environ={"TRADER_HOME": str(home)}))
    report = desk.report(run_id)
    exported = [row for row in ask(home, "journal", "export") if row["kind"] == "run_finished"]
    told = {
        "fold": folded.cash_flow - folded.fees,
        "history row": next(row.realized_pnl for row in desk.history() if row.run_id == run_id),
        "report": report.view.realized_pnl,
        "report's summary": report.summary.realized_pnl,
        "status": desk.status(run_id).run.realized_pnl,  # type: ignore[union-attr]
        "status --json": Decimal(ask(home, "status", "--json")["realized_pnl"]),
        "history --json": Decimal(ask(home, "history", "--json")["runs"][0]["realized_pnl"]),
        "export": Decimal(exported[0]["realized_pnl"]),
        "report's CSV": csv_money(run_csv(report)),
        "report's HTML": Page(run_html(report, datetime.now(UTC))).amount("Realised P&L"),
        "report --json": Decimal(ask(home, "report", "run", "last", "--json")["attribution"]["pnl"]),
    }
    assert len(exported) == 1 and {name: value for name, value in told.items() if value != earned} == {}
    desk.close()
    journal.close()


def csv_money(text: str) -> Decimal:
    """What the executions in a report's CSV add up to: cash flows less fees (USD)."""
    rows = read_sections(text)["fills"]
    return sum((Decimal(row["cash"]) - Decimal(row["fee"]) for row in rows), Decimal(0))


def assert_the_death_is_told(home: Path, run_id: str, pid: int) -> None:
    """The same sentences for every face: how the runner ended, what was found, what goes on."""
    desk = Desk(load_settings(environ={"TRADER_HOME": str(home)}))
    told = {one.code: one.text for one in desk.status(run_id).happened}
    assert f"pid {pid}) was killed" in told["runner_killed"] and "while holding BTC" in told["runner_killed"]
    assert told["found_on_exchange"].count("short 20 (as recorded)") == 2
    assert "Trailing stop at -900.0 % kept" in told["found_on_exchange"]
    assert {"code": "runner_killed", "text": told["runner_killed"]}.items() <= next(
        row for row in ask(home, "status", "--json")["happened"] if row["code"] == "runner_killed"
    ).items()
    desk.close()
