"""The real runner as a process, killed at named points, over a local exchange that is a process too.

One case: a run is asked for, held, stopped; the runner dies (SIGKILL) at each point of the case in turn and is launched
again; in the end the exchange's own record and a fresh fold of the journal are held against what must never happen.
"""

import json
import os
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from trader.config.preset import Preset
from trader.domain.fill import Fill
from trader.domain.order import Purpose
from trader.engine.records import OrderIntended, Phase, PhaseChanged, RunCreated, RunFinished, StopRequested
from trader.exchange.common.credentials import Credentials
from trader.exchange.delta.gateway import DeltaGateway
from trader.journal.commands import Command
from trader.journal.store import Journal
from trader.journal.verifying import verify

TREE = Path(__file__).parents[2]
EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)
QUANTITY = 5
MANAGING_SECS = 10.0
CASE_SECS = 75.0
ANOTHER_DEATH_SECS = 20.0  # more for each death of a case after its first
PATIENCE = float(os.environ.get("KILLPOINTS_PATIENCE", "1"))  # times the limits: for a machine that others use too
PRESET = Preset.model_validate(
    {
        "strategy": {"quantity": QUANTITY, "expiry": "nearest", "max_spread_pct": 80},
        "schedule": {"boot_buffer_secs": 0},
        "orders": {"timeout_secs": 1, "exit_timeout_secs": 1},
        "risk": {"max_runs_per_day": 50, "daily_loss_limit_usd": 100_000, "liquidation": "warn"},
        "exits": {"max_loss_pct": 1000, "trailing_enabled": False, "liquidation_guard_pct": 0},
    }
)


def executions(fills: Iterable[Fill]) -> Counter[tuple[str, int, Decimal]]:
    """What was executed: order, contracts and price, and how often. Ids say nothing: each channel has its own."""
    return Counter((fill.venue_order_id, fill.quantity, fill.price) for fill in fills)


def last_words(said: Path) -> str:
    """The last line a runner wrote to its terminal."""
    return next(reversed(said.read_text().splitlines()), "")


# How `run` says that the exchange gave no answer in time, to a request or to its connection.
_SILENT = ("no usable answer: ", "is this machine online?", "came too late for its signature")


def was_refused(words: str) -> bool:
    """Whether a runner with nothing open was not begun because the exchange was silent: on a busy machine it is, and nothing
    was sent. For no other reason may a runner end by itself."""
    return words.startswith("Error: The runner was not started, ") and any(phrase in words for phrase in _SILENT)


class Venue:
    """One exchange process. Each case has its own: a runner takes another installation's orders on its account seriously."""

    def __init__(self, seed: int) -> None:
        command = [sys.executable, "-m", "trader", "venue", "--speed", "30", "--seed", str(seed)]
        command += ["--start", "2026-03-03T05:00:00Z", "--balance", "1000000"]
        self.process = subprocess.Popen(command, cwd=TREE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert self.process.stdout is not None
        told = json.loads(self.process.stdout.readline())
        self.environment = {
            "TRADER_ENV": "paper",
            "DELTA_REST_URL": told["rest_url"],
            "DELTA_WS_PUBLIC_URL": told["ws_public_url"],
            "DELTA_WS_PRIVATE_URL": told["ws_private_url"],
            "DELTA_PAPER_API_KEY": told["api_key"],
            "DELTA_PAPER_API_SECRET": told["api_secret"],
        }
        self.gateway = DeltaGateway(told["rest_url"], Credentials(told["api_key"], told["api_secret"]))

    def close(self) -> None:
        self.gateway.close()
        self.process.terminate()
        self.process.wait(15)
        assert self.process.stdout is not None
        self.process.stdout.close()


@contextmanager
def venue(seed: int) -> Iterator[Venue]:
    made = Venue(seed)
    try:
        yield made
    finally:
        made.close()


@dataclass
class Result:
    """What became of one case. `managing_secs`: from each relaunch until the runner managed the account again."""

    points: tuple[str, ...]
    kills: int = 0
    managing_secs: list[float] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    secs: float = 0.0


class Case:
    """One run on a fresh journal, with the deaths of its runner."""

    def __init__(
        self,
        venue: Venue,
        home: Path,
        points: tuple[str, ...],
        list_file: Path | None = None,
        managing_secs: float = MANAGING_SECS,
        faces: bool = False,
    ) -> None:
        """`managing_secs`: how long after a launch the runner may take to manage the account again (a busy machine needs
        longer to start a process). `faces`: ask the command line, too, what was earned."""
        self.faces = faces
        self._managing_secs = managing_secs * PATIENCE
        self._limit_secs = (CASE_SECS + ANOTHER_DEATH_SECS * max(len(points) - 1, 0)) * PATIENCE
        self.venue = venue
        self.home = home
        self.result = Result(points)
        self._left = list(points)
        self._point = ""
        self._refusals_left = 5
        self._list_file = list_file
        self._start_id = ""
        home.mkdir(mode=0o700)
        self._said = home.parent / f"{home.name}.txt"
        self.url = f"sqlite:///{home / 'journal.db'}"
        self.journal = Journal.open(self.url)
        self.extra: dict[str, str] = {}  # environment beside the venue's
        self._runner: subprocess.Popen[bytes] | None = None
        self._launched: datetime | None = None

    def run(self) -> Result:
        began = time.monotonic()
        balance = self.venue.gateway.wallet().balance
        try:
            self._drive(began + self._limit_secs)
        finally:
            self._end()
        self.check(balance)
        self.journal.close()
        self.result.secs = time.monotonic() - began
        return self.result

    # ------------------------------------------------------------ the story

    def _drive(self, deadline: float) -> None:
        self.ask_to_start()
        self._launch()
        stopped = False
        while time.monotonic() < deadline:
            assert self._runner is not None
            if self._runner.poll() is not None:
                if self._runner.returncode != -9:
                    last = last_words(self._said)
                    if self._runner.returncode == 1 and was_refused(last) and self._refusals_left > 0:
                        self._refusals_left -= (
                            1  # begun again, as a supervisor or a person would; its wait is not the case's
                        )
                        deadline += (datetime.now(UTC) - self._launched).total_seconds() if self._launched else 0
                        self._launch(again=True)
                        continue
                    self.result.violations.append(f"the runner ended by itself with {self._runner.returncode}: {last}")
                    return
                self.result.kills += 1
                self._launch()
            self._note_managing()
            phase = self.phase()
            if phase is None and self._came_too_late():
                self.ask_to_start()
            if phase is Phase.HOLDING and not stopped:
                stopped = True
                self.ask_to_stop()
            if phase is Phase.DONE and self._launched is None:
                return
            time.sleep(0.02)
        self.result.violations.append(f"LV1: not finished within {self._limit_secs:.0f} s, phase {self.phase()}")

    def _launch(self, *, again: bool = False) -> None:
        """Start the runner, to die at the next point of the case; `again` at the same one, which it did not come to."""
        environment = {**os.environ, **self.venue.environment, "TRADER_HOME": str(self.home)}
        if not again:
            self._point = self._left.pop(0) if self._left else ""
        if self._point:
            environment["KILLPOINT"] = self._point
        if self._list_file is not None:
            environment["KILLPOINTS_LIST"] = str(self._list_file)
        with self._said.open("ab") as said:
            self._runner = subprocess.Popen(
                [sys.executable, "-m", "trader", "run"],
                cwd=TREE,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )
        self._launched = datetime.now(UTC)

    def _note_managing(self) -> None:
        """The first picture a launched runner publishes shows that it has folded, reconciles and manages again."""
        if self._launched is None:
            return
        snapshot = self.journal.snapshot("paper")
        if snapshot is not None and snapshot.wall > self._launched:
            if self.result.kills:
                self.result.managing_secs.append((snapshot.wall - self._launched).total_seconds())
            self._launched = None

    def phase(self) -> Phase | None:
        phase: Phase | None = None
        for _, record in self.journal.records():
            if isinstance(record, RunCreated):
                phase = Phase.WAITING
            elif isinstance(record, PhaseChanged):
                phase = record.phase
            elif isinstance(record, RunFinished):
                phase = Phase.DONE
        return phase

    def ask_to_start(self) -> None:
        self._start_id = self._command("start", {**_body(PRESET), "now": True, "confirm": None})

    def _came_too_late(self) -> bool:
        """The start was refused because launches and deaths before it was taken up took too long: a person asks again."""
        row = self.journal.command(self._start_id)
        return row is not None and row.status == "refused" and "start it again" in row.detail

    def ask_to_stop(self) -> None:
        self._command("stop", {"run_id": None})

    def lease_alive(self, now: datetime) -> bool:
        lease = self.journal.lease_row("paper")
        return lease is not None and lease.alive(now)

    def _command(self, kind: Any, body: dict[str, Any]) -> str:
        command_id = uuid.uuid4().hex
        self.journal.submit_command(
            Command(
                command_id=command_id,
                account="paper",
                kind=kind,
                issued_at=datetime.now(UTC),
                issued_by="cli",
                body=body,
            )
        )
        return command_id

    def _end(self) -> None:
        assert self._runner is not None
        if self._runner.poll() is None:
            self._runner.terminate()
            try:
                self._runner.wait(15)
            except subprocess.TimeoutExpired:
                self.result.violations.append("the runner did not end on SIGTERM")
                self._runner.kill()
                self._runner.wait()

    # ------------------------------------------------------------ the oracle

    def check(self, balance: Decimal) -> None:
        gateway, wrong = self.venue.gateway, self.result.violations
        prefix = f"sd{self.journal.installation()}-"
        listed = [*gateway.open_orders(), *gateway.order_history(EARLIEST)]
        orders = [o for o in listed if (o.client_order_id or "").startswith(prefix)]
        ids = {o.venue_order_id for o in orders}
        fills = [f for f in gateway.fills(None) if f.venue_order_id in ids]
        records = [record for _, record in self.journal.records()]
        intents = {r.intent.client_order_id: r.intent for r in records if isinstance(r, OrderIntended)}

        for order in orders:
            intent = intents.get(order.client_order_id or "")
            if intent is None:
                wrong.append(f"I4: {order.client_order_id} at the exchange without an intent in the journal")
            elif (intent.symbol, intent.side, intent.quantity) != (order.symbol, order.side, order.quantity):
                wrong.append(f"I4: {order.client_order_id} differs from its intent")
            elif intent.purpose is not Purpose.ENTRY and not order.reduce_only:
                wrong.append(f"I7: {order.client_order_id} closes without reduce_only")
        coids = [o.client_order_id for o in orders]
        wrong += [f"I3: {coid} was accepted twice" for coid in set(coids) if coids.count(coid) > 1]

        held: dict[str, int] = {}
        for fill in sorted(fills, key=lambda f: (f.ts_event or EARLIEST, f.side.value != "sell")):
            held[fill.symbol] = held.get(fill.symbol, 0) + fill.side.sign * fill.quantity
            if not -QUANTITY <= held[fill.symbol] <= 0:
                wrong.append(f"I1: {fill.symbol} stood at {held[fill.symbol]}")
        entered = {f.symbol: 0 for f in fills}
        for fill in fills:
            if fill.side.value == "sell":
                entered[fill.symbol] += fill.quantity
        if len(entered) > 2 or any(quantity > QUANTITY for quantity in entered.values()):
            wrong.append(f"entered again: {entered}")
        stops = [i for i, r in enumerate(records) if isinstance(r, StopRequested)]
        # What an older journal had lost is taken over from the exchange whenever it is found: that is no decision.
        late = (
            [r for r in records[stops[0] :] if isinstance(r, OrderIntended) and r.cause != "recovery"] if stops else []
        )
        wrong += [f"I8: entry {r.intent.client_order_id} after Stop" for r in late if r.intent.purpose is Purpose.ENTRY]

        runs = [r for r in records if isinstance(r, RunCreated)]
        finished = [r for r in records if isinstance(r, RunFinished)]
        if len(runs) != 1 or len(finished) != 1:
            wrong.append(f"CT3: {len(runs)} runs, {len(finished)} finished")
        booked = executions(row.fill for run in runs for row in self.journal.fills(run.run_id))
        if booked != executions(fills):
            wrong.append(f"BK1: {booked.total()} fills booked, {len(fills)} at the exchange")
        moved = gateway.wallet().balance - balance
        if finished and finished[0].realized_pnl != moved:
            wrong.append(f"BK2: booked {finished[0].realized_pnl}, the exchange's cash moved by {moved}")
        left = {p.symbol: p.quantity for p in gateway.positions("BTC") if p.quantity}
        if left or gateway.open_orders():
            wrong.append(f"BK3/CT1: the exchange shows {left} and {len(gateway.open_orders())} open orders")
        wrong += [
            f"DU1: {secs:.1f} s until managing again"
            for secs in self.result.managing_secs
            if secs > self._managing_secs
        ]
        if self.faces:
            wrong += self._check_faces(finished, moved)
        found = verify(self.url)
        wrong += [f"journal {item.check}: {item.words}" for item in found.findings if not item.ok]

    def _check_faces(self, finished: list[RunFinished], moved: Decimal) -> list[str]:
        """BK4: `status --json` and `history --json` tell the exchange's cash flow to the last digit."""
        if len(finished) != 1:
            return []  # said already
        wrong: list[str] = []
        run_id = finished[0].run_id
        for words in (("status", "--json"), ("history", "--json")):
            done = subprocess.run(
                [sys.executable, "-m", "trader", *words],
                cwd=TREE,
                env={**os.environ, **self.venue.environment, "TRADER_HOME": str(self.home), **self.extra},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=60,
            )
            told = json.loads(done.stdout) if done.returncode == 0 else {}
            rows = [told, *told.get("runs", [])]  # a status is of the run that ended last; what it lists are open ones
            mine = [row for row in rows if row.get("run_id") == run_id]
            if len(mine) != 1 or Decimal(mine[0]["realized_pnl"] or "NaN") != moved:
                wrong.append(
                    f"BK4: `{' '.join(words)}` tells {mine or done.stderr}, the exchange's cash moved by {moved}"
                )
        return wrong


def _body(preset: Preset) -> dict[str, Any]:
    return {"config": preset.model_dump(mode="json"), "config_hash": preset.config_hash}


def list_points(venue: Venue, folder: Path) -> list[str]:
    """Every pass of every point in one undisturbed case, in the order they were passed."""
    file = folder / "points.txt"
    result = Case(venue, folder / "listing", (), file).run()
    if result.violations:
        raise AssertionError(f"the undisturbed case went wrong: {result.violations}")
    return file.read_text().split()
