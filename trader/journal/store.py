"""The journal's one door: open it, hold the lease, append records, publish, read.

`append` is all or nothing: one transaction that checks the lease, numbers the records, inserts them and marks the
command they answer. When it returns, they are on disk; when it raises, none of them is there.
"""

import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, bindparam, insert, select

from trader.domain.errors import JournalError
from trader.engine.records import (
    AnyRecord,
    DayCompared,
    FillRecorded,
    LevelChanged,
    LimitsSet,
    LossLocked,
    OrderDenied,
    OrderIntended,
    RunCreated,
    WalletCompared,
)
from trader.engine.view import LiveSnapshot
from trader.journal import commands as cmd
from trader.journal import kept_results as kept
from trader.journal import lease as leasing
from trader.journal import listings, views
from trader.journal import tables as t
from trader.journal.appending import Appender, Row, build_rows
from trader.journal.commands import Command, CommandKind, CommandMark, CommandRow
from trader.journal.compiled import question
from trader.journal.database import (
    LATER,
    READS,
    connection_lost,
    driver_error,
    file_identity,
    flush,
    in_words,
    is_conflict,
    open_engine,
    sqlite_path,
    where,
)
from trader.journal.lease import Lease
from trader.journal.listings import Changing, Origin, Wanted
from trader.journal.upsert import insert_into
from trader.journal.views import AlertRow, Booked, FillRow, Newest, OrderRow, RunSummary, Sample

_snapshots = msgspec.json.Decoder(LiveSnapshot)
# Built once, as all that is asked every second: putting a statement together costs more than running it.
_NEWEST_PICTURE = select(t.live.c.body).order_by(t.live.c.wall.desc()).limit(1)
_PICTURE = select(t.live.c.body).where(t.live.c.account == bindparam("account"))
_PICTURED = select(t.live.c.wall).where(t.live.c.account == bindparam("account"))
# A runner that was stopped inside a transaction would keep the lease's row locked, and every other runner out, for as long as it
# stands. PostgreSQL ends such a transaction after so long, before the lease runs out.
_NO_IDLING = "SET LOCAL idle_in_transaction_session_timeout = 6000"


class RecordExists(JournalError):
    """What was to be appended is there already (the same intent, fill or run); nothing was written."""


class CommitUnknown(JournalError):
    """Whether the records were written could not be found out; the journal may hold them."""


class Journal:
    """An open journal. Reads are safe from any thread; records are appended by the lease holder's one thread."""

    def __init__(self, engine: Engine, url: str) -> None:
        self._engine = engine
        self._place = where(url)
        self._path = sqlite_path(url)
        self._identity = None if self._path is None else file_identity(self._path)
        self._looking = threading.local()  # the connection of a thread's `look`, and what was newest in it
        self._write_lock = threading.Lock()  # queue here rather than spin on the database's lock
        self._accounts: dict[str, str] = {}  # run id → account, of runs seen by this object
        self._appender = Appender(engine.dialect)
        self._driver_error = driver_error(engine)
        self._commands = cmd.Questions(engine.dialect)
        self._lease_of = question(leasing.OF_ACCOUNT, engine.dialect)
        self._pictured = question(_PICTURED, engine.dialect)

    @classmethod
    def open(cls, url: str, *, create: bool = True, check: bool = True) -> "Journal":
        """Open, check and where needed create or migrate a journal.

        Raises:
            JournalError: Damaged, empty, read-only, open to other users, of a newer version, unreachable; one sentence.
        """
        return cls(open_engine(url, create=create, check=check), url)

    @property
    def place(self) -> str:
        """Where it is, for messages: a path, or a URL without password."""
        return self._place

    def close(self) -> None:
        self._engine.dispose()

    # ------------------------------------------------------------ transactions

    @contextmanager
    def _write(self, *, later: bool = False) -> Iterator[Connection]:
        """A writing transaction, on disk when it has ended, or `later`."""
        with self._write_lock, in_words(self._place, self._driver_error):
            self._check_file()
            with self._engine.connect() as connection, connection.execution_options(**(LATER if later else {})).begin():
                if self._engine.dialect.name == "postgresql":
                    connection.exec_driver_sql(_NO_IDLING)
                yield connection

    def reading(self) -> AbstractContextManager[Connection]:
        """A transaction that only reads, for the modules of this package that have tables of their own."""
        return self._read()

    def writing(self) -> AbstractContextManager[Connection]:
        """A transaction that writes, for the same."""
        return self._write()

    @contextmanager
    def look(self) -> Iterator[None]:
        """What this thread reads within it is read in one transaction, on SQLite so of one instant, instead of one a read."""
        before = getattr(self._looking, "connection", None)
        with self._read() as connection:
            self._looking.connection = connection
            try:
                yield
            finally:
                self._looking.connection = before
                self._looking.newest = None

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        if (open_already := getattr(self._looking, "connection", None)) is not None:
            yield open_already  # an error ends the look, and is told there
            return
        with in_words(self._place, self._driver_error):
            try:
                with self._engine.connect().execution_options(**READS) as connection:
                    yield connection
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise JournalError(
                    f"The journal {self._place} holds a row this version cannot read: {error}."
                ) from error

    @contextmanager
    def _cursor(self) -> Iterator[Any]:
        """The driver's own cursor, for one of the questions that were compiled once."""
        if (open_already := getattr(self._looking, "connection", None)) is not None:
            yield open_already.connection.cursor()
            return
        with in_words(self._place, self._driver_error):
            raw = self._engine.raw_connection()
            try:
                yield raw.cursor()
            finally:
                raw.close()

    def _check_file(self) -> None:
        """A file that was deleted or replaced would still take our writes, unseen by everybody else."""
        if self._path is not None and file_identity(self._path) != self._identity:
            raise JournalError(f"The journal {self._place} was removed or replaced while it was open.")

    def size_bytes(self) -> int | None:
        """What its files take on this machine's disk; None for a server's database."""
        if self._path is None:
            return None
        files = [self._path, self._path.with_name(f"{self._path.name}-wal")]
        return sum(file.stat().st_size for file in files if file.exists())

    def check_writable(self) -> None:
        """Begin and end a writing transaction without changing anything.

        Raises:
            JournalError: Read-only, full, replaced, or held by another writer for too long.
        """
        with self._write():
            pass

    # ------------------------------------------------------------ lease

    def take_lease(
        self,
        *,
        account: str,
        holder: str,
        host: str,
        pid: int,
        code_hash: str,
        ttl_secs: float = 10.0,
        now: datetime,
        over: Lease | None = None,
    ) -> Lease | None:
        """Take the account's lease; None while another holder's is alive, unless it is the one given as `over` (its
        holder is dead, or is to be fenced). The epoch rises with every taking."""
        wanted = leasing.build_lease(
            account=account, holder=holder, host=host, pid=pid, code_hash=code_hash, ttl_secs=ttl_secs, now=now
        )
        with self._write() as connection:
            return leasing.take(connection, wanted, over)

    def renew_lease(self, lease: Lease, now: datetime) -> bool:
        """Push the expiry forward; False when the lease is lost."""
        with self._write() as connection:
            return leasing.renew(connection, lease, now)

    def release_lease(self, lease: Lease) -> None:
        """Give the lease back; nothing happens when it is already lost."""
        with self._write() as connection:
            leasing.release(connection, lease)

    def lease_row(self, account: str | None = None) -> Lease | None:
        """The account's lease as it stands; the last renewed one of any account when None."""
        if account is not None:
            with self._cursor() as cursor:
                rows = self._lease_of.ask(cursor, {"account": account})
            return leasing.of_row(rows[0]) if rows else None
        with self._read() as connection:
            return leasing.read_lease(connection, account)

    def holds_lease(self, lease: Lease) -> bool:
        """Whether the account's lease is still this one."""
        now = self.lease_row(lease.account)
        return now is not None and (now.holder, now.epoch) == (lease.holder, lease.epoch)

    # ------------------------------------------------------------ the writer's

    def append(
        self,
        records: Sequence[AnyRecord],
        *,
        lease: Lease | None,
        done_command: CommandMark | None = None,
        account: str = "",
    ) -> int:
        """Write records in order, in one transaction, and mark a command with them. Returns the last sequence number.

        Args:
            records: At least one, or none when only a command is to be marked.
            lease: The writer's lease, checked in the same transaction; None only for tools that hold none.
            done_command: The answer to the command that caused the records.
            account: Whose they are where neither lease nor run says so: records written without a lease.

        Raises:
            LeaseLost: Another runner has the account; nothing was written.
            RecordExists: An identical order intent, fill or run is already there; nothing was written.
            CommitUnknown: The connection broke at the commit, and the server cannot be asked.
            JournalError: Nothing was written, and why.
        """
        rows = build_rows(records, self._accounts_of(records, lease, account))
        try:
            with self._write() as connection:
                last = self._appender.append(connection, rows, records, lease)
                if done_command is not None:
                    cmd.mark(connection, done_command)
        except JournalError as error:
            if is_conflict(error.__cause__):
                raise RecordExists(f"The journal already holds one of these records ({error.__cause__}).") from error
            if not (connection_lost(error.__cause__) and rows and self._holds(rows)):
                raise
            last = rows[-1][1]["seq"]  # the server committed and only its answer was lost
        for record in records:
            if isinstance(record, RunCreated):
                self._accounts[record.run_id] = record.account
        return int(last)

    def _holds(self, rows: Sequence[Row]) -> bool:
        """Whether a transaction whose commit went unanswered was made: its last row is there, or none of it is.

        Raises:
            CommitUnknown: The server cannot be asked.
        """
        name, values = rows[-1]
        if "seq" not in values:
            return False  # the connection was lost before anything was numbered
        table = t.metadata.tables[name]
        query = select(table.c.body).where(table.c.seq == values["seq"], table.c.account == values["account"])
        try:
            with self._read() as connection:
                return bool(connection.execute(query).scalar() == values["body"])
        except JournalError as error:
            raise CommitUnknown(f"{error} It is not known whether the last records were written.") from error

    def _accounts_of(self, records: Sequence[AnyRecord], lease: Lease | None, account: str) -> list[str]:
        if lease is not None:
            return [lease.account] * len(records)
        created = {r.run_id: r.account for r in records if isinstance(r, RunCreated)}
        return [created.get(r.run_id) or self._account_of(r.run_id) or account for r in records]

    def _account_of(self, run_id: str) -> str:
        if not run_id:
            return ""  # of the account, not of a run
        if run_id not in self._accounts:
            query = select(t.runs.c.account).where(t.runs.c.run_id == run_id, t.runs.c.kind == "run_created")
            with self._read() as connection:
                self._accounts[run_id] = connection.execute(query).scalar() or ""
        return self._accounts[run_id]

    def publish(self, snapshot: LiveSnapshot) -> None:
        """Replace the account's live picture. One that a power failure takes is no loss, so no disk is waited for."""
        row = {
            "account": snapshot.account,
            "wall": t.instant_text(snapshot.wall),
            "body": msgspec.json.encode(snapshot).decode(),
        }
        statement = insert_into(self._engine.dialect, t.live).values(**row)
        with self._write(later=True) as connection:
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["account"], set_={"wall": row["wall"], "body": row["body"]}
                )
            )

    def sample(self, rows: Sequence[Sample]) -> None:
        """Add points to the P&L series."""
        if not rows:
            return
        with self._write(later=True) as connection:
            connection.execute(insert(t.samples), [views.sample_row(row) for row in rows])

    def pending_commands(self, account: str) -> list[CommandRow]:
        """Commands not answered yet, in the order they came."""
        with self._cursor() as cursor:
            return self._commands.pending(cursor, account)

    def mark_command(self, command_id: str, status: str, detail: str = "") -> None:
        """Answer a command without appending records: ``accepted``, ``refused`` or ``done``.

        Raises:
            JournalError: No such command, or it was already answered otherwise.
        """
        with self._write() as connection:
            cmd.mark(connection, cmd.build_mark(command_id, status, detail))

    # ------------------------------------------------------------ for every process

    def submit_command(self, command: Command) -> None:
        """Insert a command row; the same command again changes nothing. A runner sees it from then on, and what it records of it comes
        behind it on the disk; it outlives a power failure once `flush` has returned."""
        with self._write(later=True) as connection:
            cmd.submit(connection, command)

    def flush(self) -> None:
        """Return when everything written so far is on disk.

        Raises:
            JournalError: The disk has not taken it.
        """
        if self._path is None:
            return  # a server has it on disk at the end of each transaction
        try:
            flush(self._path)
        except OSError as error:
            raise JournalError(f"The journal {self._place} is not known to be on disk ({error.strerror}).") from error

    def command(self, command_id: str) -> CommandRow | None:
        with self._cursor() as cursor:
            return self._commands.of_id(cursor, command_id)

    def commands_of_kind(self, account: str, kind: CommandKind, after_id: int = 0) -> list[tuple[int, CommandRow]]:
        """Commands of one kind that were not refused, in the order they came, with their row numbers."""
        with self._read() as connection:
            return cmd.read_of_kind(connection, account, kind, after_id)

    def newest(self) -> Newest:
        """What was added last; within a look asked once."""
        found: Newest | None = getattr(self._looking, "newest", None)
        if found is None:
            with self._read() as connection:
                found = views.read_newest(connection)
            if getattr(self._looking, "connection", None) is not None:
                self._looking.newest = found
        return found

    def records(self, run_id: str | None = None, after_seq: int = 0) -> list[tuple[int, AnyRecord]]:
        """Records in the order they were written, of one run or of all, with their sequence numbers."""
        with self._read() as connection:
            return views.read_records(connection, run_id, after_seq)

    def run_bounds(self, account: str, since: datetime, after_seq: int = 0) -> list[tuple[int, views.Bound]]:
        """Where an account's runs began, first traded, passed an Indian midnight and ended since an instant (wall clock), in
        order: what its days are folded from, without reading everything between. Only those after `after_seq`."""
        with self._read() as connection:
            return views.read_run_bounds(connection, account, since, after_seq)

    def closed_by_exchange(self, account: str, since: datetime) -> list[tuple[int, FillRecorded]]:
        """Fills that no order of ours has made, booked since an instant (wall clock), in order: each is divided once, also
        among runs that have ended."""
        with self._read() as connection:
            return views.read_closed_by_exchange(connection, account, since)

    def executions(self, account: str, wall: datetime, market: datetime | None) -> list[tuple[int, Booked]]:
        """Fills booked since an instant (of this machine's clock, and where given of the exchange's), their later told costs,
        and the legs of their runs, in order: the cash that the exchange's ledger is held against."""
        with self._read() as connection:
            return views.read_executions(connection, account, wall, market)

    def wallets_compared(self, run_ids: Sequence[str]) -> list[tuple[int, WalletCompared]]:
        """How those of these runs came out that were held against the exchange's ledger."""
        with self._read() as connection:
            return views.read_wallets_compared(connection, run_ids)

    def compared_days(self, account: str, limit: int) -> list[DayCompared]:
        """The newest Indian days that were held against the exchange's ledger, newest first."""
        with self._read() as connection:
            return views.read_compared_days(connection, account, limit)

    def taken_in(self, run_ids: Sequence[str]) -> dict[str, views.TakenIn]:
        """What entering each of these runs has brought; those that entered nothing are left out."""
        with self._read() as connection:
            return views.read_taken_in(connection, run_ids)

    def account_settings(self, account: str) -> list[tuple[int, views.Setting]]:
        """The newest limits of an account, its newest lock, warning and compared day, and how it was last margined, in order."""
        with self._read() as connection:
            return views.read_account_settings(connection, account)

    def account_decisions(self, account: str, limit: int) -> list[LevelChanged | LimitsSet | LossLocked]:
        """What was decided of the account as a whole (level, limits, lock), newest first."""
        with self._read() as connection:
            return views.read_account_decisions(connection, account, limit)

    def level_changes(self, account: str, limit: int = 20) -> list[tuple[int, LevelChanged]]:
        """The account's newest changes of level, newest first."""
        with self._read() as connection:
            return views.read_level_changes(connection, account, limit)

    def unresolved_runs(self, account: str, *, tickets: bool = True) -> list[str]:
        """Runs created and not finished, oldest first; single orders among them unless they are not wanted."""
        with self._read() as connection:
            return views.read_unresolved(connection, account, tickets=tickets)

    def snapshot(self, account: str | None = None) -> LiveSnapshot | None:
        """The live picture an account's runner published last; the newest of any account when None."""
        query = _NEWEST_PICTURE if account is None else _PICTURE
        with self._read() as connection:
            body = connection.execute(query, {"account": account}).scalar()
            return None if body is None else _snapshots.decode(body)

    def pictured_at(self, account: str) -> datetime | None:
        """Of when an account's live picture is; much cheaper than reading it."""
        with self._cursor() as cursor:
            rows = self._pictured.ask(cursor, {"account": account})
        return t.parse_instant(rows[0]["wall"]) if rows else None

    def runs(
        self,
        *,
        limit: int = 50,
        offset: int = 0,
        account: str | None = None,
        finished: bool | None = None,
        underlying: str | None = None,
        before: str | None = None,
        tickets: bool = False,
    ) -> list[RunSummary]:
        """Runs, the one that began last first; of those that are finished the one that ended last. Single orders only where they
        are asked for; `before` a run: those listed after it."""
        with self._read() as connection:
            return views.read_runs(
                connection,
                limit=limit,
                offset=offset,
                account=account,
                finished=finished,
                underlying=underlying,
                before=before,
                tickets=tickets,
            )

    def results(self, account: str, version: int, after_seq: int = 0) -> list[kept.KeptResult]:
        """What is kept of an account's finished runs, in the order they ended, of one version of the arithmetic."""
        with self._read() as connection:
            return kept.read(connection, account, version, after_seq)

    def accounts(self) -> list[str]:
        """Every account that a run or a single order of this journal is of."""
        with self._read() as connection:
            return kept.read_accounts(connection)

    def ended_after(self, account: str, after_seq: int, limit: int) -> tuple[list[tuple[int, str]], int]:
        """The first few runs that ended after a record, each with the number of its end; and how many there are in all."""
        with self._read() as connection:
            return kept.read_ended(connection, account, after_seq, limit)

    def keep_results(self, account: str, rows: Sequence[kept.KeptResult], version: int) -> None:
        """Keep what runs have made; what was kept of them before is replaced."""
        with self._write() as connection:
            kept.write(connection, account, rows, version)

    def run(self, run_id: str) -> RunSummary | None:
        with self._read() as connection:
            found = views.read_runs(connection, limit=1, offset=0, run_id=run_id)
            return found[0] if found else None

    def order_page(self, account: str, wanted: Wanted) -> list[tuple[int, OrderIntended | OrderDenied]]:
        """Orders of all runs and single orders of an account, newest first."""
        with self._read() as connection:
            return listings.read_order_page(connection, account, wanted)

    def order_by_id(self, account: str, order_id: str) -> tuple[int, OrderIntended | OrderDenied] | None:
        """One order by our id or the exchange's; None when this account has none of that id."""
        with self._read() as connection:
            return listings.read_order_by_id(connection, account, order_id)

    def order_news(self, runs: Collection[str], orders: Collection[str]) -> list[tuple[int, AnyRecord]]:
        """What became of orders of some runs, in order: see `listings.read_order_news`."""
        with self._read() as connection:
            return listings.read_order_news(connection, runs, orders)

    def fill_page(self, account: str, wanted: Wanted) -> list[tuple[int, FillRecorded]]:
        """Executions of all runs and single orders of an account, newest first, with what they cost."""
        with self._read() as connection:
            return listings.with_costs(connection, listings.read_fill_page(connection, account, wanted))

    def executions_of(self, runs: Collection[str]) -> list[tuple[int, Changing]]:
        """Every change of what some runs hold, in order."""
        with self._read() as connection:
            return listings.read_executions_of(connection, runs)

    def intents(self, runs: Collection[str], orders: Collection[str]) -> list[OrderIntended]:
        """Orders of some runs as they were meant."""
        with self._read() as connection:
            return listings.read_intents(connection, runs, orders)

    def event_page(self, account: str, kinds: Collection[str], wanted: Wanted) -> list[tuple[int, AnyRecord]]:
        """Records of some kinds of an account, newest first."""
        with self._read() as connection:
            return listings.read_event_page(connection, account, kinds, wanted)

    def origins(self, runs: Collection[str]) -> dict[str, Origin]:
        """Where runs and single orders come from."""
        with self._read() as connection:
            return listings.read_origins(connection, runs)

    def risk_checks(self, account: str, since: datetime) -> tuple[int, int]:
        """How many checks of an account's orders and tickets passed since an instant, and how many failed."""
        with self._read() as connection:
            return listings.read_risk_checks(connection, account, since)

    def issuers(self, command_ids: Collection[str]) -> dict[str, str]:
        """Who asked for each of these commands: ``asha (cli)``."""
        with self._read() as connection:
            return listings.read_issuers(connection, command_ids)

    def fills(self, run_id: str) -> list[FillRow]:
        with self._read() as connection:
            return views.read_fills(connection, run_id)

    def orders(self, run_id: str) -> list[OrderRow]:
        with self._read() as connection:
            return views.read_orders(connection, run_id)

    def alerts(
        self,
        limit: int = 50,
        run_id: str | None = None,
        account: str | None = None,
        levels: Sequence[str] | None = None,
        after_seq: int = 0,
    ) -> list[AlertRow]:
        """The newest alerts (of some levels, after a record), newest first."""
        with self._read() as connection:
            return views.read_alerts(
                connection, limit=limit, run_id=run_id, account=account, levels=levels, after_seq=after_seq
            )

    def events(self, run_id: str) -> list[tuple[int, AnyRecord]]:
        """Everything recorded of one run, in order: the material of its timeline."""
        return self.records(run_id)

    def leg_samples(self, run_id: str, most: int | None = None) -> list[Sample]:
        """A run's series, with prices and greeks of its legs: the whole, or at most so many that keep the extremes of P&L."""
        with self._read() as connection:
            return views.read_leg_samples(connection, run_id, most)

    def samples(self, run_id: str, max_points: int | None = 2000, after_id: int = 0) -> list[tuple[int, Sample]]:
        """A run's P&L series, each point with its row id; thinned to `max_points` (None = all), keeping extremes."""
        with self._read() as connection:
            return views.read_samples(connection, run_id, max_points=max_points, after_id=after_id)

    def installation(self) -> str:
        """Four characters made once per journal; they stand in every client order id."""
        with self._read() as connection:
            return str(connection.execute(select(t.meta.c.value).where(t.meta.c.key == "installation")).scalar_one())
