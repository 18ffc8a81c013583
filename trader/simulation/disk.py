"""The journal in memory: encoded records, command rows and the lease. What was not committed is lost in a crash."""

from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

import msgspec

from trader.domain.errors import JournalError
from trader.engine.effects import AckCommand
from trader.engine.records import (
    AnyRecord,
    FillRecorded,
    OrderIntended,
    RunCreated,
    RunFinished,
    decode_record,
    encode_record,
)
from trader.journal.lease import LeaseLost

LEASE_SECS = 10.0


class CommandRow(msgspec.Struct):
    """What a person asked for, and the answer once there is one."""

    command_id: str
    kind: str
    body: dict[str, Any]
    issued: float
    status: str = "new"
    detail: str = ""
    answered: float | None = None


class MemoryJournal:
    """Shared by every runner of the account, as the file is."""

    def __init__(self) -> None:
        self.rows: list[bytes] = []
        self.epochs: list[int] = []
        self.commands: dict[str, CommandRow] = {}
        self.epoch = 0
        self.lease_until: datetime | None = None
        self.hash = blake2b(digest_size=16)
        self._keys: set[tuple[str, str]] = set()

    def take_lease(self, now: datetime) -> int | None:
        """The raised epoch; None while another holder's lease is alive on this wall clock."""
        until, ttl = self.lease_until, timedelta(seconds=LEASE_SECS)
        if until is not None and until - 2 * ttl <= now < until:  # as `Lease.alive`: not from the future, not expired
            return None
        self.epoch += 1
        self.lease_until = now + timedelta(seconds=LEASE_SECS)
        return self.epoch

    def renew(self, epoch: int, now: datetime) -> bool:
        if epoch != self.epoch:
            return False
        self.lease_until = now + timedelta(seconds=LEASE_SECS)
        return True

    def append(self, epoch: int, records: list[AnyRecord], acks: list[AckCommand], at: float) -> None:
        """All or nothing: lease check, uniqueness, records, the command they answer.

        Raises:
            LeaseLost: The epoch has been raised by another runner.
            JournalError: A record of that key is there already.
        """
        if epoch != self.epoch:
            raise LeaseLost(f"epoch {epoch} is not {self.epoch}")
        keys = [key for record in records if (key := _key(record)) is not None]
        if not self._keys.isdisjoint(keys) or len(set(keys)) != len(keys):
            raise JournalError(f"the journal already holds one of {keys}")
        self._keys.update(keys)
        for record in records:
            text = encode_record(record).encode()
            self.rows.append(text)
            self.epochs.append(epoch)
            self.hash.update(text)
        for ack in acks:
            row = self.commands[ack.command_id]
            row.status, row.detail, row.answered = ack.status, ack.detail, at
            self.hash.update(f"{ack.command_id}:{ack.status}:{ack.detail}".encode())

    def submit(self, row: CommandRow) -> None:
        """A person's row; the same id again changes nothing."""
        self.commands.setdefault(row.command_id, row)

    def pending(self) -> list[CommandRow]:
        return [row for row in self.commands.values() if row.status == "new"]

    def read(self) -> list[AnyRecord]:
        """Every record as it would be read after a restart."""
        return [decode_record(row) for row in self.rows]


def _key(record: AnyRecord) -> tuple[str, str] | None:
    match record:
        case OrderIntended(intent=intent):
            return ("order", intent.client_order_id)
        case FillRecorded(fill=fill):
            return ("fill", fill.fill_id)
        case RunCreated(run_id=run_id):
            return ("created", run_id)
        case RunFinished(run_id=run_id):
            return ("finished", run_id)
    return None
