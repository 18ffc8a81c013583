"""Defects of journal and logs, seen on a real journal on disk and on real log files."""

import logging
import os
import sqlite3
import sys
import tempfile
import tracemalloc
from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from tests.engine import scene as stage
from tests.mutants.mutant import Mutant, named
from tests.mutants.tools import Patch, everywhere
from trader.desk import log_tail
from trader.desk.day import DayBook
from trader.desk.logs.lines import of_summary
from trader.desk.runs import RunBook
from trader.domain.errors import JournalError
from trader.engine import records as rec
from trader.journal import Journal, database
from trader.journal.views import Sample
from trader.runner import log_file


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def _url(folder: Path) -> str:
    return f"sqlite:///{folder}/home/journal.db"


# ---------------------------------------------------------------- checks


def every_view_tells_the_same_money() -> None:
    """Realised P&L of a finished run: the sum over its fills, in every place that shows it."""
    scene = stage.done()
    finished = next(r for r in scene.records if isinstance(r, rec.RunFinished))
    fills = [r.fill for r in scene.records if isinstance(r, rec.FillRecorded)]
    truth = sum((f.cash_flow(Decimal("0.001")) - (f.commission or 0) for f in fills), Decimal(0))
    with _folder() as folder, closing(Journal.open(_url(folder))) as journal:
        journal.append(scene.records, lease=None)
        at, run_id = finished.wall, finished.run_id
        journal.sample([Sample(run_id=run_id, wall=at, market=at, pnl=Decimal(n)) for n in range(5)])
        summary, view = journal.run(run_id), RunBook(journal).view(run_id, at)
        assert summary is not None and view is not None
        day = DayBook(journal, summary.account).day(at, at, runs=(), shown=None, risk=None)
    told = {
        "journal": finished.realized_pnl,
        "history": summary.realized_pnl,
        "page": view.realized_pnl,
        "day": day.realised,
    }
    assert set(told.values()) == {truth}, f"fills make {truth}, told was {told}"


def a_start_changes_no_row() -> None:
    """A journal closed with a run open is, opened again, what it was; and no row of it can be changed or deleted."""
    scene = stage.entering()
    with _folder() as folder:
        with closing(Journal.open(_url(folder))) as journal:
            journal.append(scene.records, lease=None)
            before = journal.records()
        with closing(Journal.open(_url(folder))) as journal:
            assert journal.records() == before, "rows were changed by a start"
            assert journal.unresolved_runs(scene.run.account) == [scene.run.run_id], "a start closed a run"
        with closing(sqlite3.connect(folder / "home" / "journal.db")) as connection:
            for statement in ("DELETE FROM orders", "UPDATE orders SET body = ''"):
                try:
                    connection.execute(statement)
                except sqlite3.DatabaseError:
                    continue
                raise AssertionError(f"the journal allowed {statement}")


def the_end_of_a_log_costs_as_much_as_its_end() -> None:
    """Forty lines of a log of 48 MB are read without reading the log."""
    with _folder() as folder:
        path = folder / "logs" / log_file.SUMMARY_LOG
        path.parent.mkdir()
        with path.open("wb") as file:
            file.truncate(48_000_000)
            file.seek(0, os.SEEK_END)
            file.write(b"\n")
            file.writelines(b"2026-03-03T05:00:00.000Z INFO    line %d\n" % n for n in range(50))
        tracemalloc.start()
        try:
            lines = log_tail.read_tail(folder, 40)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert [line.text for line in lines] == [f"line {n}" for n in range(10, 50)]
    assert peak < 4_000_000, f"{peak} bytes for the end of a log"


def logs_do_not_grow_for_ever() -> None:
    """A file of 25 MB is put aside before the next line, and only so many of them are kept."""
    line = logging.LogRecord("trader", logging.INFO, "", 0, "a line", None, None)
    with _folder() as folder:
        for _ in range(8):
            handler = log_file.SharedLogFile(folder / log_file.DETAILED_LOG, logging.DEBUG, logging.Formatter())
            os.truncate(folder / log_file.DETAILED_LOG, 25_000_000)
            handler.emit(line)
            handler.close()
        sizes = [path.stat().st_size for path in folder.glob(f"{log_file.DETAILED_LOG}*")]
        assert (folder / log_file.DETAILED_LOG).stat().st_size < 100, "a full file was not put aside"
    assert sum(sizes) * 2 <= 250_000_000, f"logs may grow to {sizes} bytes"


def a_newer_journal_is_refused() -> None:
    """A program of an older version does not go on beside a newer one on its journal."""
    with _folder() as folder:
        Journal.open(_url(folder)).close()
        with closing(sqlite3.connect(folder / "home" / "journal.db")) as connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999'")
            connection.commit()
        try:
            Journal.open(_url(folder)).close()
        except JournalError as error:
            assert "newer version" in str(error)
        else:
            raise AssertionError("a journal of schema 9999 was opened")


# ---------------------------------------------------------------- defects


def total_is_a_sum_of_snapshots(patch: Patch) -> None:
    real = DayBook.day

    def day(book: Any, *arguments: Any, **named: Any) -> Any:
        told = real(book, *arguments, **named)
        points = [sample.pnl for end in book._ended.values() for _, sample in book._journal.samples(end.run_id)]
        return replace(told, realised=sum((pnl for pnl in points if pnl is not None), Decimal(0)))

    patch.setattr(DayBook, "day", day)


def start_cleans_up(patch: Patch) -> None:
    real = database.open_engine

    def open_engine(*arguments: Any, **options: Any) -> Any:
        engine = real(*arguments, **options)
        with engine.begin() as connection:
            names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars().all()
            for name in names:
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
            connection.exec_driver_sql(
                "DELETE FROM orders WHERE client_order_id NOT IN (SELECT client_order_id FROM fills)"
            )
        return engine

    everywhere(patch, real, open_engine)


def whole_log_is_read(patch: Patch) -> None:
    def read_tail(home: Path, lines: int) -> list[Any]:
        rows = (home / "logs" / log_file.SUMMARY_LOG).read_bytes().split(b"\n")
        found = [line for row in rows[-200:] if (line := of_summary(row)).at is not None]
        return found[-lines:]

    everywhere(patch, log_tail.read_tail, read_tail)


def logs_without_end(patch: Patch) -> None:
    patch.setattr(log_file, "MAX_BYTES", sys.maxsize)


def any_version_will_do(patch: Patch) -> None:
    everywhere(patch, database._migrate_if_old, lambda *_: None)


MUTANTS = [
    Mutant(
        name="M22",
        defect="The total is the sum of periodic P&L snapshots",
        patched="`DayBook.day` adds up the samples of the chart",
        patch=total_is_a_sum_of_snapshots,
        check=named("BK4", every_view_tells_the_same_money),
    ),
    Mutant(
        name="M63",
        defect="Start-up clean-up deletes rows without an order",
        patched="`open_engine` drops the triggers and deletes orders without fills",
        patch=start_cleans_up,
        check=named("DU5 BK3", a_start_changes_no_row),
    ),
    Mutant(
        name="M69",
        defect="Logs are re-read whole at each refresh",
        patched="`read_tail` reads the file from its beginning",
        patch=whole_log_is_read,
        check=named("DU4", the_end_of_a_log_costs_as_much_as_its_end),
    ),
    Mutant(
        name="M69b",
        defect="Unbounded logs",
        patched="log files have no largest size",
        patch=logs_without_end,
        check=named("DU4", logs_do_not_grow_for_ever),
    ),
    Mutant(
        name="M70",
        defect="Mixed versions side by side on one account",
        patched="a journal of any schema is opened",
        patch=any_version_will_do,
        check=named("I9", a_newer_journal_is_refused),
    ),
]
