"""Is the journal whole? Every check that can be made from the journal alone, each with its finding in words."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import msgspec
from sqlalchemy import Connection, Engine, func, select, union_all

from trader.domain.errors import JournalError, TraderError
from trader.engine.fold import evolve
from trader.engine.record_kinds import kind_of
from trader.engine.records import AnyRecord, DayCompared, DayMarked, RunCreated, RunFinished, WalletCompared
from trader.engine.state import Run, State
from trader.journal import tables as t
from trader.journal.database import READS, driver_error, in_words, open_engine, sqlite_path, where
from trader.journal.old_records import decode_record

_NAMED = 3  # examples named in a finding


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One check: `words` says what was looked at when all is well, and what is wrong when it is not."""

    check: str
    ok: bool
    words: str


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """All checks of one journal, and its size."""

    place: str
    records: int
    runs: int
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        return all(finding.ok for finding in self.findings)


def verify(url: str) -> Verification:
    """Check the database, the sequence, every record, every run's fold, and that no fill is booked twice.

    Raises:
        JournalError: There is no journal, or it cannot be read at all.
    """
    engine, place = open_engine(url, create=False, check=False), where(url)
    try:
        with (
            in_words(place, driver_error(engine)),
            engine.connect().execution_options(**READS) as connection,
        ):
            return _verify(engine, connection, place)
    finally:
        engine.dispose()


def _verify(engine: Engine, connection: Connection, place: str) -> Verification:
    rows = _rows(connection)
    decoded: list[tuple[int, AnyRecord]] = []
    findings = [
        _finding("database", lambda: _integrity(engine, connection)),
        _finding("sequence", lambda: _sequence(connection, [seq for seq, _, _ in rows])),
        _finding("records", lambda: _decode(rows, decoded)),
        _finding("runs", lambda: _fold(decoded)),
        _finding("fills", lambda: _fills(connection)),
        _finding("orders", lambda: _orders(connection)),
        _finding("wallet", lambda: _wallet(decoded)),
        _finding("days", lambda: _days(decoded)),
    ]
    runs = sum(1 for _, record in decoded if isinstance(record, RunCreated))
    return Verification(place=place, records=len(rows), runs=runs, findings=tuple(findings))


class _Wrong(TraderError):
    """What a check found; never leaves this module."""


def _finding(check: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(check=check, ok=True, words=look())
    except _Wrong as error:
        return Finding(check=check, ok=False, words=str(error))


def _rows(connection: Connection) -> list[tuple[int, str, str]]:
    """Sequence number, table and text of every record, in order."""
    parts = [select(table.c.seq, func.lower(table.name).label("place"), table.c.body) for table in t.RECORD_TABLES]
    merged = union_all(*parts).subquery()
    query = select(merged.c.seq, merged.c.place, merged.c.body).order_by(merged.c.seq)
    return [(int(seq), str(place), str(body)) for seq, place, body in connection.execute(query)]


def _integrity(engine: Engine, connection: Connection) -> str:
    if engine.dialect.name != "sqlite":
        return "the server keeps its own files whole"
    verdicts = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check(5)")]
    if verdicts != ["ok"]:
        raise _Wrong("; ".join(" ".join(verdict.split()) for verdict in verdicts))
    return "SQLite finds every page and index in order"


def _sequence(connection: Connection, numbers: list[int]) -> str:
    last = int(connection.execute(select(t.sequence.c.last_seq)).scalar() or 0)
    expected = set(range(1, last + 1))
    missing = sorted(expected - set(numbers))
    if missing:
        raise _Wrong(f"{len(missing)} numbers are missing, first {missing[:_NAMED]}")
    if len(numbers) != last:
        raise _Wrong(f"{len(numbers)} records, but the counter stands at {last}")
    return f"1 to {last} without a gap"


def _decode(rows: list[tuple[int, str, str]], decoded: list[tuple[int, AnyRecord]]) -> str:
    bad: list[str] = []
    for seq, place, body in rows:
        try:
            record = decode_record(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            bad.append(f"{seq} ({place}): {error}")
            continue
        if kind_of(record).table != place:
            bad.append(f"{seq}: a {type(record).__name__} in table {place}")
            continue
        decoded.append((seq, record))
    if bad:
        raise _Wrong(f"{len(bad)} cannot be read: {'; '.join(bad[:_NAMED])}")
    return f"all {len(rows)} can be read"


def _fold(decoded: list[tuple[int, AnyRecord]]) -> str:
    runs: dict[str, list[tuple[int, AnyRecord]]] = {}
    for seq, record in decoded:
        if record.run_id:  # what has none is the account's
            runs.setdefault(record.run_id, []).append((seq, record))
    bad: list[str] = []
    for run_id, records in runs.items():
        first = records[0][1]
        if not isinstance(first, RunCreated):
            bad.append(f"{run_id}: does not begin with its creation")
            continue
        state = State(installation="", epoch=0, env=first.env, account_key=first.account)
        at = records[0][0]
        try:
            for seq, record in records:
                at = seq
                state = evolve(state, record)
            bad += _wrong_money(state.runs[run_id])
            bad += _wrong_executions(state.runs[run_id])
        except (ArithmeticError, LookupError, StopIteration, TypeError, ValueError) as error:
            bad.append(f"{run_id}: record {at} cannot be folded ({type(error).__name__}: {error})")
    if bad:
        raise _Wrong(f"{len(bad)} of {len(runs)} are wrong: {'; '.join(bad[:_NAMED])}")
    return f"all {len(runs)} fold; results are what their fills make, and fills what the orders executed"


def _wrong_money(run: Run) -> list[str]:
    """A finished run's result against its fills."""
    if run.finished is None:
        return []
    made = run.cash_flow - run.fees - run.finished.estimated_fees
    if run.finished.realized_pnl == made:
        return []
    return [f"{run.run_id}: finished with {run.finished.realized_pnl}, its fills make {made}"]


def _wrong_executions(run: Run) -> list[str]:
    """What is booked of each order against what the exchange said it has executed (size less unfilled size)."""
    wrong = []
    for coid, order in run.orders.items():
        told, booked = order.reported_filled, order.filled_qty
        ended = told and (booked != told if run.finished is not None else order.status.terminal and booked > told)
        if booked > order.intent.quantity or ended:
            said = f"the exchange executed {told}" if told else f"the order was for {order.intent.quantity}"
            wrong.append(f"{run.run_id}: {booked} of {coid} are booked, {said}")
    return wrong


def _wallet(decoded: list[tuple[int, AnyRecord]]) -> str:
    """Runs and Indian days whose result is not what the exchange's ledger shows."""
    runs = [record for _, record in decoded if isinstance(record, WalletCompared)]
    days = [record for _, record in decoded if isinstance(record, DayCompared) and record.difference is not None]
    differ = [f"{record.run_id}: {record.difference:+f} USD" for record in runs if record.difference]
    differ += [f"{record.day:%d %b}: {record.difference:+f} USD" for record in days if record.difference]
    if differ:
        raise _Wrong(f"the exchange's ledger shows more or less than was told: {'; '.join(differ[:_NAMED])}")
    if not runs and not days:
        return "no run and no day was compared yet"
    also = f", and {len(days)} days" if days else ""
    return f"{len(runs)} runs were compared with the exchange's ledger{also}, all agree"


def _days(decoded: list[tuple[int, AnyRecord]]) -> str:
    """What a run's days have made must add up to its result: each mark carries what the one before told."""
    carried: dict[str, Decimal] = {}
    marks, bad = 0, []
    for seq, record in decoded:
        if not isinstance(record, DayMarked | RunFinished):
            continue
        if record.carried != carried.pop(record.run_id, 0):
            bad.append(f"{record.run_id}: record {seq}")
        if isinstance(record, DayMarked):
            carried[record.run_id], marks = record.pnl, marks + 1
    if bad:
        raise _Wrong(f"the days of {len(bad)} do not add up: {'; '.join(bad[:_NAMED])}")
    return f"{marks} marks at midnight; every run's days add up to its result"


def _fills(connection: Connection) -> str:
    total = int(connection.execute(select(func.count()).select_from(t.fills)).scalar() or 0)
    query = (
        select(t.fills.c.account, t.fills.c.fill_id)
        .group_by(t.fills.c.account, t.fills.c.fill_id)
        .having(func.count() > 1)
    )
    twice = [f"{account} {fill_id}" for account, fill_id in connection.execute(query)]
    if twice:
        raise _Wrong(f"booked twice: {', '.join(twice[:_NAMED])}")
    return f"{total}, none twice"


def _orders(connection: Connection) -> str:
    intended = select(t.orders.c.client_order_id).where(t.orders.c.kind == "order_intended")
    total = int(connection.execute(select(func.count()).select_from(intended.subquery())).scalar() or 0)
    query = intended.group_by(t.orders.c.client_order_id).having(func.count() > 1)
    twice = [str(coid) for coid in connection.execute(query).scalars()]
    if twice:
        raise _Wrong(f"the same client order id twice: {', '.join(twice[:_NAMED])}")
    return f"{total} intents, every client order id once"


def backup(url: str, target: Path) -> None:
    """Copy an SQLite journal to a new file (mode 0600) by SQLite's own backup: consistent also while a runner writes.

    Raises:
        JournalError: A server's journal (its own tools copy it), the file is there already, or cannot be written.
    """
    source = sqlite_path(url)
    if source is None:
        raise JournalError(f"The journal {where(url)} is a PostgreSQL database; back it up with pg_dump.")
    open_engine(url, create=False, check=True).dispose()
    try:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError as error:
        raise JournalError(f"The backup {target} cannot be made ({error.strerror}).") from error
    try:
        with (
            in_words(str(target)),
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as live,
            closing(sqlite3.connect(target)) as copy,
        ):
            live.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file: a copy has no write-ahead log beside it
    except JournalError:
        target.unlink(missing_ok=True)
        raise
