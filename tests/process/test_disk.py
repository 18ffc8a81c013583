"""The disk under a real runner: full, failing, damaged, an older copy (F1, F2; DU2, DU3)."""

import json
import os
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.rig import await_value
from tests.process.rig import PATIENCE_SECS, Story, built_shim, fill, small_disk, story
from trader.engine.records import Phase, RunFinished
from trader.journal.store import Journal

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB, the smallest that the journal's write-ahead log leaves room in."""
    try:
        made = small_disk(tmp_path / "disk", 4)
        place = made.__enter__()
    except OSError as error:
        pytest.skip(f"no file system can be mounted here: {error}")
    yield place
    made.__exit__(None, None, None)


def finished(tale: Story) -> bool:
    return any(isinstance(record, RunFinished) for _, record in tale.journal.records())


def test_f1_a_full_disk_keeps_no_exit_back_and_the_books_are_repaired(tmp_path: Path, disk: Path) -> None:
    with story(tmp_path, disk / "home") as tale:
        tale.said = tmp_path / "said.txt"
        tale.launch()
        tale.hold(tale.ending_in(16))
        junk = fill(disk)
        tale.await_flat()  # the clock's exit, with nothing recorded
        told = [json.loads(line) for line in tale.words().splitlines() if line.startswith('{"kind"')]
        assert {row["intent"]["purpose"] for row in told if row["kind"] == "order_intended"} == {"X"}
        stop = tale.command("stop")
        assert stop.returncode == 1 and "flatten" in stop.stderr  # CT2: what cannot be recorded says what works
        junk.unlink()
        await_value(lambda: finished(tale) or None, PATIENCE_SECS, "the run's end in the journal")
        assert tale.end() == 0
        assert tale.right() == []


def test_f1_flatten_works_on_a_full_disk_with_the_runner_dead(tmp_path: Path, disk: Path) -> None:
    with story(tmp_path, disk / "home") as tale:
        tale.said = tmp_path / "said.txt"
        tale.launch()
        tale.hold()
        tale.kill()
        junk = fill(disk)
        done = tale.command("flatten", "--yes")
        assert done.returncode == 0, done.stderr
        assert "FLAT" in done.stdout
        tale.await_flat(5)
        junk.unlink()
        tale.launch()
        await_value(lambda: finished(tale) or None, PATIENCE_SECS, "the books closed by the next runner")
        assert tale.end() == 0
        assert [
            wrong for wrong in tale.right() if not wrong.startswith("I4")
        ] == []  # flatten's own orders had no journal


@pytest.mark.t1
def test_f1_a_journal_that_cannot_be_written_from_the_start_is_refused(tmp_path: Path, disk: Path) -> None:
    with story(tmp_path, disk / "home") as tale:
        tale.said = tmp_path / "said.txt"
        tale.journal.close()
        junk = fill(disk)
        refused = tale.command("run")
        assert refused.returncode == 1
        assert "disk" in refused.stderr and "flatten" in refused.stderr
        junk.unlink()
        tale.journal = Journal.open(f"sqlite:///{tale.home / 'journal.db'}")


@pytest.mark.t1
def test_f1_io_errors_of_the_journals_files_keep_no_exit_back(tmp_path: Path) -> None:
    shim = built_shim(tmp_path)
    if shim is None:
        pytest.skip("no C compiler for the failing file layer")
    trigger = tmp_path / "broken"
    with story(tmp_path) as tale:
        tale.extra = {"LD_PRELOAD": str(shim), "SHIM_FAIL": str(trigger), "SHIM_FAIL_PATH": "journal.db"}
        tale.launch()
        tale.hold(tale.ending_in(14))
        trigger.touch()
        tale.await_flat()
        trigger.unlink()
        await_value(lambda: finished(tale) or None, PATIENCE_SECS, "the run's end in the journal")
        assert tale.end() == 0
        assert tale.right() == []


def test_f2_a_torn_log_is_recovered_and_the_exchange_fills_the_gap(tmp_path: Path) -> None:
    with story(tmp_path) as tale:
        tale.launch()
        tale.hold()
        os.kill(tale.runner.pid, signal.SIGSTOP) if tale.runner else None
        tale.journal.close()  # else its end would write the log into the file
        tale.kill()
        log = tale.home / "journal.db-wal"
        torn = log.stat().st_size * 3 // 4 + 17
        with log.open("r+b") as file:
            file.truncate(torn)
        tale.journal = Journal.open(f"sqlite:///{tale.home / 'journal.db'}")
        tale.launch()
        tale.ask_to_stop()
        tale.await_phase(Phase.DONE)
        assert tale.end() == 0
        assert tale.right() == []


@pytest.mark.t1
def test_f2_a_damaged_journal_is_refused_and_never_taken_for_a_new_one(tmp_path: Path) -> None:
    with story(tmp_path) as tale:
        tale.launch()
        tale.hold()
        assert tale.end() == 0
        tale.journal.close()
        path = tale.home / "journal.db"
        database = sqlite3.connect(path)
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.close()
        whole = path.read_bytes()
        for hurt in (
            whole[:4096] + bytes(byte ^ 0x5A for byte in whole[4096:12288]) + whole[12288:],
            b"not a database at all " * 400,
            b"",
            whole[: len(whole) // 2],
        ):
            path.write_bytes(hurt)
            refused = tale.command("run")
            assert refused.returncode == 1
            assert "journal" in refused.stderr.lower() and "flatten" in refused.stderr
            assert path.read_bytes() == hurt  # kept as it is, for whoever looks into it
            assert tale.command("journal", "verify").returncode == 1
        done = tale.command("flatten", "--yes")
        assert done.returncode == 0, done.stderr
        tale.await_flat(5)
        path.write_bytes(whole)
        tale.journal = Journal.open(f"sqlite:///{path}")


@pytest.mark.t1
def test_f2_an_older_copy_is_held_against_the_exchange_and_not_trusted(tmp_path: Path) -> None:
    with story(tmp_path) as tale:
        tale.launch()
        tale.hold()
        copy = tmp_path / "copy.db"
        assert tale.command("journal", "backup", str(copy)).returncode == 0
        tale.ask_to_stop()
        tale.await_phase(Phase.DONE)
        tale.kill()
        tale.journal.close()
        for name in ("journal.db", "journal.db-wal", "journal.db-shm"):
            (tale.home / name).unlink(missing_ok=True)
        shutil.copy(copy, tale.home / "journal.db")
        tale.journal = Journal.open(f"sqlite:///{tale.home / 'journal.db'}")
        assert tale.phase() is Phase.HOLDING  # what the copy believes
        tale.launch()
        tale.await_phase(Phase.DONE)
        assert tale.end() == 0
        assert tale.right() == []
