"""The journal in memory: encoded records, command rows and the lease. What was not committed is lost in a crash.

The disk under it can refuse for a while (F1), break at the moment of a commit that may have happened (F4), and come back
without its newest rows (F2).
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

import msgspec

from trader.domain.errors import JournalError
from trader.engine.records import (
    AnyRecord,
    FillRecorded,
    LegsChosen,
    OrderIntended,
    RunCreated,
    RunFinished,
    decode_record,
    encode_record,
)
from trader.journal.commands import CommandMark
from trader.journal.lease import Lease, LeaseLost
from trader.journal.store import CommitUnknown, RecordExists
from trader.simulation.agenda import Agenda
from trader.simulation.faults import Faults

LEASE_SECS = 10.0
_MOST_LOST = 40  # rows that an older copy may lack


class CommandRow(msgspec.Struct):
    """What a person asked for, and the answer once there is one."""

    command_id: str
    kind: str
    body: dict[str, Any]
    issued: float
    issued_at: datetime  # by the host's clock
    issued_by: str = "person"
    status: str = "new"
    detail: str = ""
    answered: float | None = None
    phase: str = ""  # of the desk, when it was pressed
    several: bool = False  # whether more than one run was unfinished then


class MemoryJournal:
    """Shared by every runner of the account, as the file is."""

    def __init__(self, agenda: Agenda, faults: Faults) -> None:
        self.rows: list[bytes] = []
        self.stamps: list[tuple[int, float]] = []  # epoch and instant of each row
        self._ends: list[int] = []  # how many rows there were after each transaction
        self.commands: dict[str, CommandRow] = {}
        self.epoch = 0
        self.lease_until: datetime | None = None
        self.hash = blake2b(digest_size=16)
        self.on_append: Callable[[Sequence[AnyRecord], int], None] = lambda records, epoch: None
        self.on_answer: Callable[[CommandRow, Sequence[AnyRecord]], None] = lambda row, records: None
        self._agenda = agenda
        self._faults = faults
        self._broken_until = 0.0
        self._unreachable_until = 0.0
        self._keys: set[tuple[str, str]] = set()

    @property
    def broken(self) -> bool:
        """Whether nothing can be written now."""
        return self._agenda.secs < self._broken_until

    def mend(self) -> None:
        """The disk works again."""
        self._broken_until = self._unreachable_until = 0.0

    def break_until(self, secs: float) -> None:
        """Nothing can be written before this instant."""
        self._broken_until = max(self._broken_until, secs)

    # ------------------------------------------------------------ the lease

    def take_lease(self, now: datetime) -> int | None:
        """The raised epoch; None while another holder's lease is alive on this wall clock, or nothing can be written."""
        until, ttl = self.lease_until, timedelta(seconds=LEASE_SECS)
        if self.broken:
            return None
        if until is not None and until - 2 * ttl <= now < until:  # as `Lease.alive`: not from the future, not expired
            return None
        self.epoch += 1
        self.lease_until = now + ttl
        return self.epoch

    def renew(self, epoch: int, now: datetime) -> bool:
        """The holder's own renewal; False when it is not the holder any more."""
        if epoch != self.epoch:
            return False
        if not self.broken:
            self.lease_until = now + timedelta(seconds=LEASE_SECS)
        return True

    def renew_lease(self, lease: Lease, now: datetime) -> bool:
        """As the real journal.

        Raises:
            JournalError: Nothing can be written.
        """
        if lease.epoch != self.epoch and self._agenda.secs >= self._unreachable_until:
            return False  # a full disk can still be read: that the lease is another's is found without writing
        self._check_writable()
        return self.renew(lease.epoch, now)

    # ------------------------------------------------------------ records

    def append(
        self, records: Sequence[AnyRecord], *, lease: Lease | None, done_command: CommandMark | None = None
    ) -> int:
        """All or nothing: lease check, uniqueness, records, the command they answer.

        Raises:
            LeaseLost: The epoch has been raised by another runner.
            RecordExists: A record of that key is there already.
            JournalError: Nothing was written; or, when the disk broke at the very commit (F4), perhaps it was.
        """
        assert lease is not None
        if lease.epoch != self.epoch:
            raise LeaseLost(f"epoch {lease.epoch} is not {self.epoch}")
        if self._faults.hit("F1"):
            self.break_until(self._agenda.secs + self._faults.details("F1").choice((0.0, 0.0, 0.5, 3.0, 20.0)))
            raise JournalError("disk full")
        self._check_writable()
        keys = [key for record in records if (key := _key(record)) is not None]
        if not self._keys.isdisjoint(keys) or len(set(keys)) != len(keys):
            raise RecordExists(f"the journal already holds one of {keys}")
        self._keys.update(keys)
        at = self._agenda.secs
        for text in (encode_record(record).encode() for record in records):
            self.rows.append(text)
            self.stamps.append((lease.epoch, at))
            self.hash.update(text)
        self._ends.append(len(self.rows))
        if done_command is not None:
            self._mark(done_command.command_id, done_command.status, done_command.detail)
        self.on_append(records, lease.epoch)
        if done_command is not None:
            self.on_answer(self.commands[done_command.command_id], records)
        if records and self._faults.hit("F4"):
            self._unreachable_until = at + self._faults.details("F4").choice((0.0, 0.5, 4.0))
            self.break_until(self._unreachable_until)
            raise CommitUnknown("the connection was lost at COMMIT; it is not known whether the records were written")
        return len(self.rows)

    def mark_command(self, command_id: str, status: str, detail: str = "") -> None:
        """Answer a command that caused no record.

        Raises:
            JournalError: Nothing can be written.
        """
        self._check_writable()
        self._mark(command_id, status, detail)
        self.on_answer(self.commands[command_id], ())

    def _mark(self, command_id: str, status: str, detail: str) -> None:
        row = self.commands[command_id]
        row.status, row.detail, row.answered = status, detail, self._agenda.secs
        self.hash.update(f"{command_id}:{status}:{detail}".encode())

    def _check_writable(self) -> None:
        if self.broken:
            raise JournalError("disk full")

    def submit(self, row: CommandRow) -> bool:
        """A person's row; the same id again changes nothing. False when it cannot be written, which the person is told."""
        if self.broken:
            return False
        self.commands.setdefault(row.command_id, row)
        return True

    def pending(self) -> list[CommandRow]:
        return [row for row in self.commands.values() if row.status == "new"]

    def commands_of_kind(self, account: str, kind: str, after_id: int = 0) -> list[tuple[int, Any]]:
        """As the real journal."""
        rows = enumerate(self.commands.values(), start=1)
        return [(n, row) for n, row in rows if n > after_id and row.kind == kind and row.status != "refused"]

    def read(self) -> list[AnyRecord]:
        """Every record as it would be read after a restart."""
        return [decode_record(row) for row in self.rows]

    def records(self, run_id: str | None = None, after_seq: int = 0) -> list[tuple[int, AnyRecord]]:
        """As the real journal.

        Raises:
            JournalError: The database cannot be reached.
        """
        self._check_writable()
        told = enumerate((decode_record(row) for row in self.rows[after_seq:]), start=after_seq + 1)
        return [(seq, record) for seq, record in told if run_id is None or record.run_id == run_id]

    def lose_newest(self, most: int) -> int:
        """An older copy was put back (F2): at least so many of the newest rows are gone, whole transactions of them. How
        many it was; never so many that the contracts of the newest run are lost with them, which no journal could tell."""
        wanted = max(len(self.rows) - min(most, _MOST_LOST), 0)
        records = self.read()
        chosen = [n for n, record in enumerate(records) if isinstance(record, LegsChosen)]
        created = [n for n, record in enumerate(records) if isinstance(record, RunCreated)]
        least = max([0, *(n + 1 for n in chosen[-1:]), *(n + 1 for n in created[-1:])])
        whole = [end for end in (0, *self._ends) if end >= least]
        kept = max([end for end in whole if end <= wanted], default=min(whole, default=len(self.rows)))
        lost = len(self.rows) - kept
        if not lost:
            return 0
        for row in self.commands.values():  # the answers stood in the same file
            if row.answered is not None and row.answered >= self.stamps[kept][1]:
                row.status, row.detail, row.answered = "new", "", None
        del self.rows[kept:], self.stamps[kept:]
        self.epoch = self.stamps[-1][0] if self.stamps else 0
        self._ends = [end for end in self._ends if end <= kept]
        self._keys = {key for record in records[:kept] if (key := _key(record)) is not None}
        self.hash.update(b"lost %d" % lost)
        return lost


def _key(record: AnyRecord) -> tuple[str, str] | None:
    match record:
        case OrderIntended(intent=intent):
            return ("order", intent.client_order_id)
        case FillRecorded(fill=fill):
            return ("fill", fill.key)
        case RunCreated(run_id=run_id):
            return ("created", run_id)
        case RunFinished(run_id=run_id):
            return ("finished", run_id)
    return None
