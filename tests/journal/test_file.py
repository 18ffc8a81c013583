"""The journal's file: made whole or not at all, private, and refused with one sentence when it cannot be trusted."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.journal import samples_of_records as s
from trader.domain.errors import JournalError
from trader.engine.records import AlertRaised
from trader.journal import Journal
from trader.journal import tables as t


def path_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def closed_journal(url: str, records: int = 0) -> Path:
    journal = Journal.open(url)
    for i in range(records):
        journal.append([s.alert("", f"alert {i} " + "x" * 500)], lease=None)
    journal.close()
    return path_of(url)


def refusal(url: str, **options: bool) -> str:
    """The one sentence with which opening is refused; the file stays as it was."""
    path = path_of(url)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(JournalError) as caught:
        Journal.open(url, **options)
    assert (path.read_bytes() if path.is_file() else None) == before
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_file_is_private_whatever_the_umask(sqlite_url: str) -> None:
    old = os.umask(0)
    try:
        journal = Journal.open(sqlite_url)
        journal.append([s.run_created("a")], lease=None)
        folder = path_of(sqlite_url).parent
        modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in folder.iterdir()}
        assert set(modes) == {"journal.db", "journal.db-wal", "journal.db-shm"}
        assert set(modes.values()) == {0o600}
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        journal.close()
    finally:
        os.umask(old)


def test_every_connection_writes_ahead_and_syncs_fully(sqlite_url: str) -> None:
    journal = Journal.open(sqlite_url)
    with journal._engine.connect() as one, journal._engine.connect().execution_options(sd_reads=True) as two:
        for connection in (one, two):
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
            assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 5000
    journal.close()


def test_only_pictures_and_commands_wait_for_the_next_flush(sqlite_url: str) -> None:
    journal = Journal.open(sqlite_url)
    found = []
    for later in (True, False, True, False):  # of one connection of the pool
        with journal._write(later=later) as connection:
            found.append(connection.exec_driver_sql("PRAGMA synchronous").scalar())
    assert found == [1, 2, 1, 2]
    journal.flush()
    journal.close()
    path_of(sqlite_url).with_name(f"{path_of(sqlite_url).name}-wal").unlink(missing_ok=True)
    journal.flush()  # folded into the file: there is nothing to wait for


def test_absent_journal_when_not_to_be_created_is_an_error(sqlite_url: str) -> None:
    assert "There is no journal" in refusal(sqlite_url, create=False)
    assert not path_of(sqlite_url).parent.exists()


def test_empty_file_is_refused_and_not_taken_for_a_new_journal(sqlite_url: str) -> None:
    path = closed_journal(sqlite_url)
    path.write_bytes(b"")
    assert "is empty" in refusal(sqlite_url)


def test_file_that_is_no_database_is_refused(sqlite_url: str) -> None:
    path = closed_journal(sqlite_url)
    path.write_bytes(b"not a database at all" * 400)
    assert "damaged or not a journal" in refusal(sqlite_url)


def test_another_programs_database_is_refused(sqlite_url: str, tmp_path: Path) -> None:
    path = path_of(sqlite_url)
    path.parent.mkdir(mode=0o700)
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE mine (x)")
    other.close()
    path.chmod(0o600)
    assert "not a Strangle Desk journal" in refusal(sqlite_url)


@pytest.mark.parametrize("page", [1, 3, 10])
def test_flipped_bytes_inside_are_refused(sqlite_url: str, page: int) -> None:
    path = closed_journal(sqlite_url, records=60)
    content = bytearray(path.read_bytes())
    start = page * 4096
    content[start : start + 64] = b"\xff" * 64
    path.write_bytes(content)
    assert "damaged" in refusal(sqlite_url)


def test_truncated_file_is_refused(sqlite_url: str) -> None:
    path = closed_journal(sqlite_url, records=60)
    path.write_bytes(path.read_bytes()[:-40_960])
    assert "damaged" in refusal(sqlite_url)


def test_newer_schema_is_refused(sqlite_url: str) -> None:
    path = closed_journal(sqlite_url)
    with sqlite3.connect(path) as other:
        other.execute("UPDATE alembic_version SET version_num = '0099'")
    other.close()
    assert "newer version (schema 0099" in refusal(sqlite_url)


def test_read_only_file_is_refused(sqlite_url: str) -> None:
    path = closed_journal(sqlite_url)
    path.chmod(0o400)
    assert "read-only" in refusal(sqlite_url)


def test_read_only_folder_is_refused(sqlite_url: str) -> None:
    path = closed_journal(sqlite_url)
    path.parent.chmod(0o500)
    try:
        assert "read-only" in refusal(sqlite_url)
    finally:
        path.parent.chmod(0o700)


def test_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert "cannot be created" in refusal(f"sqlite:///{tmp_path}/file/journal.db")


def test_file_open_to_others_is_refused(sqlite_url: str) -> None:
    path = closed_journal(sqlite_url)
    path.chmod(0o640)
    assert "open to other users (mode 0640); run: chmod 600" in refusal(sqlite_url)


def test_folder_others_can_write_to_is_refused(sqlite_url: str) -> None:
    path = closed_journal(sqlite_url)
    path.parent.chmod(0o770)
    assert "folder" in refusal(sqlite_url)


def test_symbolic_link_is_refused(sqlite_url: str) -> None:
    path = closed_journal(sqlite_url)
    real = path.with_name("real.db")
    path.rename(real)
    path.symlink_to(real)
    assert "symbolic link" in refusal(sqlite_url)


def test_dangling_link_is_refused_and_not_followed(sqlite_url: str) -> None:
    path = path_of(sqlite_url)
    path.parent.mkdir(mode=0o700)
    path.symlink_to(path.with_name("elsewhere.db"))
    assert "symbolic link" in refusal(sqlite_url)
    assert not path.with_name("elsewhere.db").exists()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nonsense", "DATABASE_URL must look like"),
        ("mysql://root@localhost/x", "sqlite or postgresql"),
        ("sqlite://", "must be a file"),
        ("sqlite:///:memory:", "must be a file"),
        ("postgresql://trader:hunter2@127.0.0.1:1/journal", "cannot be reached"),
    ],
)
def test_url_that_cannot_be_used_is_refused_in_words_without_the_password(url: str, words: str) -> None:
    with pytest.raises(JournalError, match=words) as caught:
        Journal.open(url)
    assert "hunter2" not in str(caught.value)


def test_file_replaced_while_open_stops_the_writer(sqlite_url: str) -> None:
    journal = Journal.open(sqlite_url)
    path_of(sqlite_url).unlink()
    with pytest.raises(JournalError, match="removed or replaced"):
        journal.append([s.run_created("a")], lease=None)
    assert not path_of(sqlite_url).exists()
    journal.close()


def test_processes_that_create_it_at_once_get_one_journal(sqlite_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        journals = list(pool.map(lambda _: Journal.open(sqlite_url), range(4)))
    assert len({journal.installation() for journal in journals}) == 1
    assert {p.name.split("-")[0] for p in path_of(sqlite_url).parent.iterdir()} == {"journal.db"}
    for journal in journals:
        journal.close()


def test_readers_and_writers_of_many_threads_do_not_disturb_each_other(sqlite_url: str) -> None:
    journal = Journal.open(sqlite_url)

    def write(i: int) -> int:
        return journal.append([s.alert("", f"alert {i}")], lease=None)

    def read(_: int) -> bool:
        seqs = [seq for seq, _ in journal.records()]
        return seqs == list(range(1, len(seqs) + 1))

    with ThreadPoolExecutor(6) as pool:
        numbers = list(pool.map(write, range(60)))
        assert all(pool.map(read, range(20)))
    assert sorted(numbers) == list(range(1, 61))
    journal.close()


def test_full_disk_is_told_and_costs_no_sequence_number(sqlite_url: str) -> None:
    journal = Journal.open(sqlite_url)
    journal.append([s.run_created("a")], lease=None)

    def limit(connection: sqlite3.Connection, _: object) -> None:
        connection.execute("PRAGMA max_page_count=1")  # means: no more pages than there are

    sa.event.listen(journal._engine, "connect", limit)
    journal._engine.dispose()
    with pytest.raises(JournalError, match="disk is full"):
        journal.append([s.alert("a", "x" * 50_000)], lease=None)
    assert len(journal.records()) == 1
    sa.event.remove(journal._engine, "connect", limit)
    journal._engine.dispose()
    assert journal.append([s.alert("a", "x" * 50_000)], lease=None) == 2
    journal.close()


def test_writer_that_waits_too_long_for_another_says_so(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trader.journal.database.BUSY_TIMEOUT_MS", 50)
    journal = Journal.open(sqlite_url)
    other = sqlite3.connect(path_of(sqlite_url), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(JournalError, match="was busy"):
        journal.append([s.run_created("a")], lease=None)
    assert journal.records() == []  # reading goes on
    other.execute("ROLLBACK")
    other.close()
    journal.append([s.run_created("a")], lease=None)
    journal.close()


KILLED = """
import os, signal, sys
from trader.journal import Journal
from tests.journal import samples_of_records as s
journal = Journal.open(sys.argv[1])
where = sys.argv[2]
n = 0
for i in range(40):
    if i == 25 and where == "before_commit":
        import sqlalchemy
        sqlalchemy.event.listen(journal._engine, "commit", lambda c: os.kill(os.getpid(), signal.SIGKILL))
    journal.append([s.alert("", f"{i} first"), s.alert("", f"{i} second")], lease=None)
    os.write(1, f"{i}\\n".encode())
    if i == 25 and where == "after_commit":
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize(("where", "survive"), [("before_commit", 25), ("after_commit", 26)])
def test_killed_writer_leaves_whole_transactions_and_all_that_returned(
    sqlite_url: str, where: str, survive: int
) -> None:
    child = subprocess.run(
        [sys.executable, "-c", KILLED, sqlite_url, where],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert child.returncode == -signal.SIGKILL, child.stderr.decode()
    returned = len(child.stdout.split())
    journal = Journal.open(sqlite_url)
    found = [record.text for _, record in journal.records() if isinstance(record, AlertRaised)]
    assert len(found) == 2 * survive
    assert found == [f"{i} {part}" for i in range(survive) for part in ("first", "second")]
    assert returned in (survive, survive - 1)
    assert [seq for seq, _ in journal.records()] == list(range(1, len(found) + 1))
    journal.close()


def test_revision_known_to_the_program_is_the_newest_migration() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(t.__file__).parent / "migrations"))
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_current_head() == t.SCHEMA_REVISION
    assert {script.revision for script in scripts.walk_revisions()} == set(t.KNOWN_REVISIONS)


def test_migrations_make_exactly_the_tables_the_program_uses(sqlite_url: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    journal = Journal.open(sqlite_url)
    with journal._engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), t.metadata)
        names = set(sa.inspect(connection).get_table_names())
    assert differences == []
    assert names == {*t.metadata.tables, "alembic_version"}
    journal.close()


def test_opening_an_existing_journal_does_not_load_the_migration_tool(sqlite_url: str) -> None:
    closed_journal(sqlite_url)
    code = (
        "import sys; from trader.journal import Journal; Journal.open(sys.argv[1]); "
        "print([m for m in ('alembic', 'pandas', 'numpy', 'psycopg') if m in sys.modules])"
    )
    child = subprocess.run(
        [sys.executable, "-c", code, sqlite_url],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert child.stdout.decode().strip() == "[]"
