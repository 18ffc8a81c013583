"""The lease: at most one runner per account acts. Its epoch, raised by compare-and-set at every taking, is the fence.

Safety rests on the epoch alone: the transaction that appends records checks it. The expiry only says when another
runner may try; a clock that steps back far enough to make a lease look renewed in the future frees it too.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from trader.domain.errors import JournalError
from trader.journal.tables import SCHEMA_REVISION, instant_text, leases, parse_instant

RELEASED = ""  # holder of a lease that was given back


class LeaseLost(JournalError):
    """Another runner has taken the account. This one may not record, and so not send, anything more."""


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """One account's lease. `host` says how its holder is hosted (thread, process).

    `holder` is a random id per runner instance; behind an ``@`` stands the identity of its process, where it is known.
    """

    account: str
    holder: str
    host: str
    pid: int
    epoch: int
    code_hash: str
    schema_revision: str
    ttl_secs: float
    taken_at: datetime
    renewed_at: datetime
    expires_at: datetime

    @property
    def process(self) -> str:
        """The identity of its holder's process; empty where it is not known."""
        return self.holder.partition("@")[2]

    def alive(self, now: datetime) -> bool:
        """Whether its holder may still be acting at `now` (wall clock, aware UTC)."""
        not_from_the_future = self.renewed_at - timedelta(seconds=self.ttl_secs) <= now
        return self.holder != RELEASED and not_from_the_future and now < self.expires_at


_NEWEST = select(leases).order_by(leases.c.renewed_at.desc()).limit(1)
OF_ACCOUNT = select(leases).where(leases.c.account == bindparam("account"))


def read_lease(connection: Connection, account: str | None, *, for_update: bool = False) -> Lease | None:
    """The lease of an account; of the most recently renewed one when `account` is None."""
    query = _NEWEST if account is None else OF_ACCOUNT
    if for_update:
        query = query.with_for_update()  # PostgreSQL; SQLite's BEGIN IMMEDIATE already excludes others
    row = connection.execute(query, {"account": account}).mappings().first()
    return None if row is None else of_row(row)


def take(connection: Connection, wanted: Lease, over: Lease | None = None) -> Lease | None:
    """Take the lease when it is free, expired or already the holder's own; None when another's is alive.

    `wanted.epoch` is ignored: the epoch becomes one more than any before. `over` is a lease whose holder is known to be
    dead, or is to be fenced: it is taken even while it looks alive, as long as it is still that holder's and epoch's.
    """
    current = read_lease(connection, wanted.account, for_update=True)
    if current is None:
        taken = msgspec.structs.replace(wanted, epoch=1)
        try:
            with connection.begin_nested():
                connection.execute(insert(leases).values(**_row(taken)))
        except IntegrityError:
            return None  # another runner was first in the same instant
        return taken
    given_over = over is not None and (current.holder, current.epoch) == (over.holder, over.epoch)
    if current.alive(wanted.renewed_at) and current.holder != wanted.holder and not given_over:
        return None
    taken = msgspec.structs.replace(wanted, epoch=current.epoch + 1)
    changed = connection.execute(
        update(leases).where(leases.c.account == wanted.account, leases.c.epoch == current.epoch).values(**_row(taken))
    )
    return taken if changed.rowcount == 1 else None


def renew(connection: Connection, lease: Lease, now: datetime) -> bool:
    """Push the expiry forward; False when another runner holds the account."""
    changed = connection.execute(
        update(leases)
        .where(
            leases.c.account == lease.account,
            leases.c.epoch == lease.epoch,
            leases.c.holder == lease.holder,
        )
        .values(renewed_at=instant_text(now), expires_at=instant_text(now + timedelta(seconds=lease.ttl_secs)))
    )
    return changed.rowcount == 1


def release(connection: Connection, lease: Lease) -> None:
    """Give the lease back, so that the next runner need not wait. Nothing happens when it is already lost."""
    connection.execute(
        update(leases)
        .where(
            leases.c.account == lease.account,
            leases.c.epoch == lease.epoch,
            leases.c.holder == lease.holder,
        )
        .values(holder=RELEASED, expires_at=leases.c.renewed_at)
    )


def build_lease(
    *, account: str, holder: str, host: str, pid: int, code_hash: str, ttl_secs: float, now: datetime
) -> Lease:
    """A lease as its taker wants it, epoch not given yet."""
    if not account or not holder:
        raise JournalError("A lease needs an account and a holder.")
    return Lease(
        account=account,
        holder=holder,
        host=host,
        pid=pid,
        epoch=0,
        code_hash=code_hash,
        schema_revision=SCHEMA_REVISION,
        ttl_secs=ttl_secs,
        taken_at=now,
        renewed_at=now,
        expires_at=now + timedelta(seconds=ttl_secs),
    )


def _row(lease: Lease) -> dict[str, Any]:
    row: dict[str, Any] = msgspec.structs.asdict(lease)
    row["ttl_secs"] = repr(lease.ttl_secs)
    for name in ("taken_at", "renewed_at", "expires_at"):
        row[name] = instant_text(row[name])
    return row


def of_row(row: Mapping[Any, Any]) -> Lease:
    values = dict(row)
    values["ttl_secs"] = float(values["ttl_secs"])
    for name in ("taken_at", "renewed_at", "expires_at"):
        values[name] = parse_instant(values[name])
    return Lease(**values)
