"""The journal's part in a flatten: the fence, the intents before they leave, the books afterwards.

Every step may fail without keeping a position from being closed: then a HALT file is the fence, the intents go to stderr,
and the next start of the runner repairs the books from the exchange.
"""

import os
import secrets
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from trader import __version__
from trader.config.halt import halt, halt_path
from trader.domain.clock import Now
from trader.domain.errors import ConfigError, InvariantViolated, JournalError
from trader.domain.order import OrderIntent, OrderStatus
from trader.domain.outcome import Ok, Outcome, Rejected, Unknown
from trader.engine import records as rec
from trader.engine.effects import Cancel, ReadAccount
from trader.engine.events import AnyEvent, CancelAnswered, ClockTicked
from trader.engine.records import AnyRecord, Phase, Record
from trader.engine.state import State
from trader.exchange.ports import Trading
from trader.journal.commands import CommandMark
from trader.journal.lease import Lease
from trader.journal.store import Journal
from trader.runner.kernel import Kernel, Request
from trader.runner.reading import read_account

Say = Callable[[str], None]

_RENEW_SECS = 2.0
_ACTIVE_SECS = 15.0  # a holder that has not renewed for this long has nothing left on the wire
_RUNS_KNOWN = 1000


class _Straight:
    """Writes at once or raises. An order of the engine is not recorded, and so not sent: `flatten` sends its own."""

    fault = ""

    def __init__(self, journal: Journal, lease: Lease) -> None:
        self._journal = journal
        self._lease = lease
        self.settling = False
        self.finished: list[rec.RunFinished] = []

    def commit(self, records: Sequence[AnyRecord], mark: CommandMark | None) -> bool:
        """Write.

        Raises:
            JournalError: Nothing was written.
            InvariantViolated: The engine wants to send an order.
        """
        if self.settling and any(isinstance(r, rec.OrderIntended) and r.cause != "recovery" for r in records):
            raise InvariantViolated("by the records something is still open")
        self._journal.append(records, lease=self._lease, done_command=mark)
        self.finished += [record for record in records if isinstance(record, rec.RunFinished)]
        return True


class Books:
    """The journal while it can be used; `usable` False from the first failure on."""

    def __init__(self, journal_url: str, home: Path, account: str, env: str, say: Say) -> None:
        self._home = home
        self._account = account
        self._env = env
        self._say = say
        self._journal: Journal | None = None
        self._lease: Lease | None = None
        self._run_ids: dict[str, str] = {}
        self._kernel: Kernel | None = None
        self._recorder: _Straight | None = None
        self._asked: list[Request] = []  # what the engine wants while the books are settled
        self._renewed = 0.0
        self.market: datetime | None = None  # exchange time, once quotes have told it
        self.runner_active = True  # until the lease says otherwise
        self.halted = False
        self.problem = ""
        try:
            self._journal = Journal.open(journal_url, create=False)
            self._fence(self._journal)
        except JournalError as error:
            self.lost(error)

    @property
    def usable(self) -> bool:
        return self._lease is not None

    @property
    def installation(self) -> str | None:
        return None if self._kernel is None or not self.usable else self._kernel.state.installation

    @property
    def epoch(self) -> int | None:
        return None if self._lease is None else self._lease.epoch

    def now(self) -> Now:
        return Now(datetime.now(UTC), self.market)

    def lost(self, why: JournalError) -> None:
        """Go on without the journal, behind a HALT file."""
        self._lease = None
        self.problem = str(why)
        self._say(f"The journal cannot be used: {why}")
        try:
            halt(self._home, f"python -m trader flatten at {datetime.now(UTC).isoformat()}: {why}")
        except ConfigError as error:
            self._say(f"The fence could not be set up: {error}. End every runner of this account by hand.")
            return
        self.halted = True
        self._say(f"Entries are halted by {halt_path(self._home)} until `python -m trader resume`.")

    def _fence(self, journal: Journal) -> None:
        """Take the lease from its holder: from now on that runner can record, and so send, nothing."""
        before = journal.lease_row(self._account)
        while self._lease is None:
            self._lease = journal.take_lease(
                account=self._account,
                holder=f"flatten-{secrets.token_hex(8)}",
                host="flatten",
                pid=os.getpid(),
                code_hash=__version__,
                now=datetime.now(UTC),
                over=before,
            )
            if self._lease is None:
                before = journal.lease_row(self._account)
        self._renewed = time.monotonic()
        recent = timedelta(seconds=_ACTIVE_SECS)
        self.runner_active = before is not None and datetime.now(UTC) - before.renewed_at < recent
        self._say(
            f"The journal is usable; its lease is taken (epoch {self._lease.epoch}), no runner can enter any more."
        )
        self._run_ids = {
            run.run_id[:5]: run.run_id for run in journal.runs(limit=_RUNS_KNOWN, account=self._account, tickets=True)
        }
        state = State(
            installation=journal.installation(), epoch=self._lease.epoch, env=self._env, account_key=self._account
        )
        rows = [row for run_id in journal.unresolved_runs(self._account) for row in journal.records(run_id)]
        self._recorder = _Straight(journal, self._lease)
        self._kernel = Kernel(state, self._recorder, self._asked.append)
        self._kernel.fold(record for _, record in sorted(rows, key=lambda row: row[0]))

    # ------------------------------------------------------------ before and after each request

    def stop_runs(self) -> None:
        """Every unresolved run is closing from now on, for every process that folds this journal."""
        if self._kernel is None:
            return
        for run in self._kernel.state.unresolved:
            command_id = f"flatten-{secrets.token_hex(6)}"
            if run.stop_command is None:
                self._write(rec.StopRequested, run.run_id, cause="user", command_id=command_id)
            if run.exit_reason is None:
                detail = "closed by `python -m trader flatten`"
                self._write(rec.ExitDecided, run.run_id, cause="user", reason="flatten", detail=detail)
            if run.phase is not Phase.EXITING:
                self._write(rec.PhaseChanged, run.run_id, cause="user", phase=Phase.EXITING, reason="flatten")

    def run_id_of(self, short: str) -> str:
        """The run whose id begins so; the five characters themselves where the journal does not know it."""
        return self._run_ids.get(short, short)

    def intend(self, intent: OrderIntent) -> None:
        """Record an order before it leaves."""
        self._write(rec.OrderIntended, intent.run_id, cause="user", intent=intent, reference=None)

    def intend_cancel(self, run_id: str, client_order_id: str) -> None:
        """Record a cancel before it leaves."""
        self._write(rec.CancelIntended, run_id, cause="user", client_order_id=client_order_id, reason="flatten")

    def resolve(self, run_id: str, client_order_id: str, outcome: Outcome) -> None:
        """Record what became of an order or a cancel."""
        told: dict[str, Any]
        match outcome:
            case Ok(order=order):
                told = {
                    "status": order.status,
                    "venue_order_id": order.venue_order_id,
                    "filled_qty": order.filled_qty,
                    "avg_px": order.avg_px,
                    "code": order.cancellation_reason or "",
                }
            case Rejected(code=code, message=message):
                told = {"status": OrderStatus.REJECTED, "code": code, "message": message}
            case Unknown(cause=cause):
                told = {"status": OrderStatus.UNKNOWN, "code": "outcome_unknown", "message": cause}
        self._write(rec.OrderResolved, run_id, cause="exchange", client_order_id=client_order_id, **told)

    def _write(self, kind: type[Record], run_id: str, *, cause: str, **fields: Any) -> None:
        now = self.now()
        record: Any = kind(run_id=run_id, wall=now.wall, market=now.market, cause=cause, **fields)
        if self.usable and len(run_id) > 5:
            assert self._kernel is not None
            try:
                self._kernel.write(record, now)
            except JournalError as error:
                self.lost(error)
            else:
                return
        # The only copy there will be: repairing the books by hand needs it.
        print(rec.encode_record(record), file=sys.stderr)  # noqa: T201

    def renew(self) -> None:
        """Keep the lease while the work lasts."""
        if self._lease is None or self._journal is None or time.monotonic() - self._renewed < _RENEW_SECS:
            return
        self._renewed = time.monotonic()
        try:
            if not self._journal.renew_lease(self._lease, datetime.now(UTC)):
                raise JournalError("another program has taken the lease")
        except JournalError as error:
            self.lost(error)

    # ------------------------------------------------------------ afterwards

    def settle(self, gateway: Trading, deadline: float) -> tuple[rec.RunFinished, ...]:
        """Let the engine book the fills and finish the runs, as a runner would at its next start; what it finished.

        Nothing is sent: should the engine want another order, the books are left to the runner.
        """
        if not self.usable or self._kernel is None or self._recorder is None or not self._kernel.state.unresolved:
            return ()
        self._recorder.settling = True
        try:
            self._settle(self._kernel, gateway, deadline)
        except (JournalError, InvariantViolated) as error:
            self._say(f"The books are left to the next start of the runner: {error}")
        return tuple(self._recorder.finished)

    def _settle(self, kernel: Kernel, gateway: Trading, deadline: float) -> None:
        events: list[AnyEvent] = [ClockTicked(at=self.now())]
        while kernel.state.unresolved and time.monotonic() < deadline:
            kernel.apply(events.pop(0) if events else ClockTicked(at=self.now()))
            asked, self._asked[:] = list(self._asked), []
            answers = [self._answer(gateway, request) for request in asked]
            events += [answer for answer in answers if answer is not None]
            self.renew()
            if not events:
                time.sleep(0.1)

    def _answer(self, gateway: Trading, request: Request) -> AnyEvent | None:
        match request:
            case ReadAccount():
                return read_account(gateway, request, self.now().wall, self.now)
            case Cancel(client_order_id=coid, venue_order_id=venue_id, product_id=product_id):
                ours = coid if venue_id is None else None
                outcome = gateway.cancel(product_id=product_id, client_order_id=ours, venue_order_id=venue_id)
                return CancelAnswered(at=self.now(), client_order_id=coid, outcome=outcome)
            case _:
                return None

    @property
    def open_runs(self) -> tuple[str, ...]:
        """Runs whose books are not finished yet."""
        return () if self._kernel is None else tuple(run.run_id for run in self._kernel.state.unresolved)

    def close(self) -> None:
        """Give the lease back."""
        if self._journal is None:
            return
        if self._lease is not None:
            try:
                self._journal.release_lease(self._lease)
            except JournalError as error:
                self._say(f"The lease could not be given back: {error}")
        self._journal.close()
