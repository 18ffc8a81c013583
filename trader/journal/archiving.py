"""Old runs put away: everything of them into one compressed file, and their P&L series out of the journal.

The series is nearly all that a journal grows by. Records stay: limits of losses, days, books and `verify` are folded from them,
and the indices over them are what keeps a fill or an order from being booked twice.
"""

import gzip
import hashlib
import os
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import msgspec
from sqlalchemy import Connection, bindparam, delete, func, insert, select, text

from trader.config.files import sync_folder
from trader.domain.errors import JournalError
from trader.engine.records import encode_record
from trader.journal import tables as t
from trader.journal.database import READS, in_words, open_engine, where
from trader.journal.lease import read_lease
from trader.journal.tables import instant_text
from trader.journal.views import read_leg_samples, read_records

_COUNT = select(func.count()).select_from(t.samples).where(t.samples.c.run_id == bindparam("run"))


class Archived(msgspec.Struct, frozen=True, kw_only=True):
    """What was written to `file` (`sha256` of it), and how many points of the series left the journal."""

    file: str
    sha256: str
    runs: int
    records: int
    samples: int


def archive(url: str, before: datetime, target: Path, now: datetime) -> Archived:
    """Write all records and series of the runs that ended before an instant (wall clock) to a new gzip file of JSON lines; read it
    back; then delete their series. Run by run in one transaction each: a death in between leaves whole runs.

    Raises:
        JournalError: No journal, a runner alive, nothing to archive, the file is there, or it does not read back. Nothing was deleted.
    """
    engine, place = open_engine(url, create=False, check=True), where(url)
    try:
        with in_words(place):
            with engine.connect().execution_options(**READS) as connection:
                _refuse_a_runner(connection, now)
                runs = _old_runs(connection, before)
                if not runs:
                    raise JournalError(
                        f"No run that ended before {before:%Y-%m-%d} has a series in {place}; nothing was archived."
                    )
                counted = _write(connection, runs, target)
            digest = _verified(target, counted)
            removed = 0
            for run_id in runs:
                with engine.begin() as connection:
                    _refuse_a_runner(connection, now)
                    removed += _remove(connection, run_id, counted[run_id][1])
            if engine.dialect.name == "sqlite":
                with closing(engine.raw_connection()) as raw:
                    raw.cursor().execute("VACUUM")  # in no transaction
    finally:
        engine.dispose()
    return Archived(
        file=str(target), sha256=digest, runs=len(runs), records=sum(n for n, _ in counted.values()), samples=removed
    )  # fmt: skip


def _refuse_a_runner(connection: Connection, now: datetime) -> None:
    lease = read_lease(connection, None)
    if lease is not None and lease.alive(now):
        raise JournalError(f"A runner is alive on account {lease.account}; stop it first. Nothing was archived.")


def _old_runs(connection: Connection, before: datetime) -> list[str]:
    """Runs that ended before an instant and have a series here, oldest first."""
    runs = t.runs.c
    ended = select(runs.run_id).where(runs.kind == "run_finished", runs.wall < instant_text(before)).order_by(runs.seq)
    return [run for run in connection.execute(ended).scalars() if connection.execute(_COUNT, {"run": run}).scalar()]


def _lines(connection: Connection, run_id: str) -> Iterator[str]:
    for seq, record in read_records(connection, run_id, 0):
        yield f'{{"seq":{seq},{encode_record(record)[1:]}'
    for sample in read_leg_samples(connection, run_id):
        yield f'{{"sample":{msgspec.json.encode(sample).decode()}}}'


def _write(connection: Connection, runs: list[str], target: Path) -> dict[str, tuple[int, int]]:
    """The file; how many records and points it has of each run."""
    counted: dict[str, tuple[int, int]] = {}
    try:
        handle = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "wb") as raw, gzip.open(raw, "wt", encoding="utf-8") as file:
            for run_id in runs:
                lines = list(_lines(connection, run_id))
                samples = sum(line.startswith('{"sample"') for line in lines)
                counted[run_id] = (len(lines) - samples, samples)
                file.writelines(f"{line}\n" for line in lines)
        with target.open("rb") as written:
            os.fsync(written.fileno())
        sync_folder(target.parent)
    except OSError as error:
        raise JournalError(
            f"The archive {target} cannot be written ({error.strerror}). Nothing was deleted."
        ) from error
    return counted


class _Line(msgspec.Struct):
    run_id: str | None = None
    sample: "_Line | None" = None


def _verified(target: Path, counted: dict[str, tuple[int, int]]) -> str:
    """The file's digest, once it reads back with as much of each run as was written.

    Raises:
        JournalError: It does not.
    """
    found = {run: [0, 0] for run in counted}
    try:
        with closing(gzip.open(target, "rb")) as file:
            for line in file:
                read = msgspec.json.decode(line, type=_Line)
                run_id = read.run_id if read.sample is None else read.sample.run_id
                found[str(run_id)][read.sample is not None] += 1
        digest = hashlib.sha256(target.read_bytes()).hexdigest()
    except (OSError, EOFError, LookupError, msgspec.MsgspecError) as error:
        raise JournalError(f"The archive {target} does not read back ({error}). Nothing was deleted.") from error
    if {run: tuple(parts) for run, parts in found.items()} != counted:
        raise JournalError(f"The archive {target} does not hold what was written. Nothing was deleted.")
    return digest


def _remove(connection: Connection, run_id: str, expected: int) -> int:
    """Delete a run's series. The guard against deleting is lifted for this one transaction: no other connection ever sees it gone."""
    lift, restore = (f"ALTER TABLE samples {verb} TRIGGER samples_no_rewrite" for verb in ("DISABLE", "ENABLE"))
    if connection.dialect.name == "sqlite":
        lift = "DROP TRIGGER samples_no_delete"
        guard = text("SELECT sql FROM sqlite_master WHERE name = 'samples_no_delete'")
        restore = str(connection.execute(guard).scalar_one())
    connection.exec_driver_sql(lift)
    gone = connection.execute(delete(t.samples).where(t.samples.c.run_id == run_id)).rowcount
    connection.exec_driver_sql(restore)
    if gone != expected:
        raise JournalError(f"The series of run {run_id} changed meanwhile; it was left as it is.")
    connection.execute(insert(t.meta).values(key=f"archived:{run_id}", value=str(gone)))
    return gone
