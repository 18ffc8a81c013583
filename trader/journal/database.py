"""Opening the journal's database: connections, their settings, checks of the file, migrations, errors in words.

SQLite is the default: write-ahead log, ``synchronous=FULL`` for every transaction that does not say it is `LATER`, transactions begun by
us (``BEGIN IMMEDIATE`` for writes; the driver's own would begin too late), files readable by their owner only. A new database is
built beside its place and put there in one step, so that a file that is empty or half made is always a fault, never a
fresh start. PostgreSQL is used when the URL says so.
"""

import contextlib
import os
import sqlite3
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from trader.config.files import sync_folder
from trader.domain.errors import JournalError
from trader.journal.address import parse_url, place_of
from trader.journal.tables import APPLICATION_ID, KNOWN_REVISIONS, SCHEMA_REVISION

BUSY_TIMEOUT_MS = 5_000
READS = {"sd_reads": True}  # execution option of connections that only read
# Of transactions that need not be on disk when they end: everyone sees them then, and the next one that is flushed (or `flush`)
# takes them along, since SQLite's log is written in order. A server does with them as with every other.
LATER = {"sd_later": True}

# The statement time-out is the server's own: on a link that has died without a word it would never be heard, and a
# runner that waits for the journal sends no exit. Unanswered packets end the connection after 5 s, a silent link after 11 s.
_DEAD_LINK = {"tcp_user_timeout": 5_000, "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3}
_migrating = threading.Lock()  # the migration tool keeps its state in module globals
_MIGRATIONS = Path(__file__).parent / "migrations"
_MIGRATION_LOCK = 0x5344_4A31  # PostgreSQL advisory lock: one migration at a time


def open_engine(url_text: str, *, create: bool, check: bool) -> Engine:
    """An engine on a checked, migrated journal.

    Args:
        url_text: SQLAlchemy URL; ``sqlite:///path`` or ``postgresql://...``.
        create: Make the journal when there is none; otherwise its absence is an error.
        check: Read the whole SQLite file once and refuse it when damaged.

    Raises:
        JournalError: One sentence on why this journal cannot be used. Nothing was created or changed then.
    """
    url = parse_url(url_text)
    if url.get_backend_name() == "sqlite":
        return _open_sqlite(Path(url.database or ""), create=create, check=check)
    return _open_postgresql(url, create=create)


def where(url_text: str) -> str:
    """The journal's place for messages: a path, or the URL without its password."""
    return place_of(parse_url(url_text))


@contextlib.contextmanager
def in_words(place: str, driver: type[Exception] = sqlite3.Error) -> Iterator[None]:
    """Turn SQLAlchemy's and the driver's own errors into a `JournalError` of one sentence."""
    try:
        yield
    except (SQLAlchemyError, driver) as error:
        raise JournalError(sentence(place, error)) from error


def driver_error(engine: Engine) -> type[Exception]:
    """The base of the driver's own errors, for statements run on its cursor."""
    error: type[Exception] = engine.dialect.loaded_dbapi.Error
    return error


def is_conflict(error: BaseException | None) -> bool:
    """Whether the database refused a row because one with the same key is there."""
    if isinstance(error, IntegrityError | sqlite3.IntegrityError):
        return True
    return error is not None and type(error).__name__ == "UniqueViolation"


def connection_lost(error: BaseException | None) -> bool:
    """Whether the connection broke, so that the fate of a commit under way is not known."""
    return isinstance(error, DBAPIError) and error.connection_invalidated


def sentence(place: str, error: Exception) -> str:
    """What went wrong with the database, in one sentence."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    said = " ".join(str(cause).split())
    low = said.lower()
    for needle, words in _WORDS:
        if needle in low:
            return f"The journal {place} {words} ({said})."
    return f"The journal {place} cannot be used: {said}."


_WORDS = (
    ("file is not a database", "is damaged or not a journal; restore a backup"),
    ("malformed", "is damaged; restore a backup"),
    ("readonly", "is read-only"),
    ("read-only", "is read-only"),
    ("disk is full", "cannot grow because the disk is full"),
    ("database is locked", f"was busy for more than {BUSY_TIMEOUT_MS // 1000} seconds"),
    ("unable to open", "cannot be opened"),
    ("disk i/o error", "cannot be read or written by the disk"),
    ("connection refused", "cannot be reached"),
    ("could not translate", "cannot be reached"),
    ("name or service not known", "cannot be reached"),
    ("password authentication", "refused the user or password"),
    ("does not exist", "does not exist"),
)


# ---------------------------------------------------------------- SQLite


def _open_sqlite(path: Path, *, create: bool, check: bool) -> Engine:
    if not path.exists() and not path.is_symlink():
        if not create:
            raise JournalError(f"There is no journal at {path}.")
        _build_sqlite(path)
    check_file(path)
    _check_owner(path)
    engine = _sqlite_engine(path)
    try:
        with in_words(str(path)):
            if check:
                _check_content(engine, path)
            _migrate_if_old(engine, str(path))
    except JournalError:
        engine.dispose()
        raise
    return engine


def check_file(path: Path) -> None:
    """Refuse a journal file that others could read, replace or redirect, or that cannot be written.

    Raises:
        JournalError: Symbolic link, no plain file, empty, read-only, or open to other users.
    """
    try:
        info = path.lstat()
        folder = path.parent.stat()
    except OSError as error:
        raise JournalError(f"The journal {path} cannot be opened ({error.strerror}).") from error
    if stat.S_ISLNK(info.st_mode):
        raise JournalError(f"The journal {path} is a symbolic link; name the file itself.")
    if not stat.S_ISREG(info.st_mode):
        raise JournalError(f"The journal {path} is not a file.")
    if info.st_size == 0:
        raise JournalError(f"The journal {path} is empty, so it has been damaged; restore a backup or move it away.")
    if os.name != "posix":
        return
    if not info.st_mode & stat.S_IWUSR or not os.access(path, os.W_OK):
        raise JournalError(f"The journal {path} is read-only.")
    if info.st_mode & 0o077:
        mode = stat.S_IMODE(info.st_mode)
        raise JournalError(f"The journal {path} is open to other users (mode {mode:04o}); run: chmod 600 {path}")
    if folder.st_mode & 0o022 and not folder.st_mode & stat.S_ISVTX:
        raise JournalError(f"The journal's folder {path.parent} can be written by other users; run: chmod 700 it.")
    if not folder.st_mode & stat.S_IWUSR or not os.access(path.parent, os.W_OK):
        raise JournalError(f"The journal's folder {path.parent} is read-only.")


def _build_sqlite(path: Path) -> None:
    """Make the journal complete under another name, then give it its own, unless another process was faster."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(3).hex()}")
    try:
        _make_folder(path.parent)
        os.close(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError as error:
        raise JournalError(f"The journal {path} cannot be created ({error.strerror}).") from error
    try:
        engine = _sqlite_engine(fresh)
        try:
            with in_words(str(path)):
                _migrate(engine)
        finally:
            engine.dispose()  # the last connection's close folds the write-ahead log into the file
        with contextlib.suppress(FileExistsError):
            os.link(fresh, path)
        sync_folder(path.parent)
    except OSError as error:
        raise JournalError(f"The journal {path} cannot be created ({error.strerror}).") from error
    finally:
        for leftover in (fresh, Path(f"{fresh}-wal"), Path(f"{fresh}-shm")):
            leftover.unlink(missing_ok=True)


def _make_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)


def _sqlite_engine(path: Path) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        pool_size=4,
        max_overflow=16,
        connect_args={"isolation_level": None, "check_same_thread": False, "timeout": BUSY_TIMEOUT_MS / 1000},
    )

    @event.listens_for(engine, "connect")
    def _settings(connection: sqlite3.Connection, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA trusted_schema=OFF")
        cursor.execute("PRAGMA cell_size_check=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        driver: Any = connection.connection.dbapi_connection
        if options.get("sd_reads", False):
            driver.execute("BEGIN")
        else:
            driver.execute(f"PRAGMA synchronous={'NORMAL' if options.get('sd_later', False) else 'FULL'}")
            driver.execute("BEGIN IMMEDIATE")

    return engine


def flush(path: Path) -> None:
    """Have everything on disk that was committed to an SQLite journal, `LATER` or not. Takes no lock: nobody waits for it. (Its log
    holds no locks, so that closing it here drops none.)

    Raises:
        OSError: The disk has not taken it.
    """
    try:
        log = os.open(f"{path}-wal", os.O_RDWR)
    except FileNotFoundError:
        return  # folded into the file, which flushes first
    try:
        os.fsync(log)
    finally:
        os.close(log)


def _check_owner(path: Path) -> None:
    """Whose database it is, asked read-only: opening another program's database for writing would already change it.

    Asked through SQLite and never by opening the file: closing any descriptor of a file drops all locks this process
    holds on it (POSIX), and other processes would fold and delete the write-ahead log under an open journal.
    """
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_TIMEOUT_MS / 1000)
        with contextlib.closing(connection):
            owner = connection.execute("PRAGMA application_id").fetchone()[0]
    except sqlite3.Error as error:
        raise JournalError(sentence(str(path), error)) from error
    if owner != APPLICATION_ID:
        raise JournalError(f"The file {path} is an SQLite database but not a Strangle Desk journal.")


def _check_content(engine: Engine, path: Path) -> None:
    with engine.connect().execution_options(**READS) as connection:
        verdict = str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar())
    if verdict != "ok":
        raise JournalError(f"The journal {path} is damaged; restore a backup ({' '.join(verdict.split())}).")


# ---------------------------------------------------------------- PostgreSQL


def _open_postgresql(url: URL, *, create: bool) -> Engine:
    from trader.journal.answering import expect_answers  # the driver costs a user of SQLite nothing

    place = place_of(url)
    engine = create_engine(
        url,
        pool_size=4,
        max_overflow=16,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": 5,
            **_DEAD_LINK,
            "options": "-c statement_timeout=2000 -c synchronous_commit=on -c timezone=UTC",
        },
    )
    expect_answers(engine)
    try:
        with in_words(place):
            if _revision(engine) is None:
                if not create:
                    raise JournalError(f"There is no journal at {place}.")
                _migrate(engine)
            _migrate_if_old(engine, place)
    except JournalError:
        engine.dispose()
        raise
    return engine


# ---------------------------------------------------------------- schema


def _revision(engine: Engine) -> str | None:
    """The schema's revision, None when there is no schema."""
    with engine.connect().execution_options(**READS) as connection:
        if not engine.dialect.has_table(connection, "alembic_version"):
            return None
        value = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        return None if value is None else str(value)


def _migrate_if_old(engine: Engine, place: str) -> None:
    revision = _revision(engine)
    if revision == SCHEMA_REVISION:
        return
    if revision is None:
        raise JournalError(f"The journal {place} has no schema, so it has been damaged; restore a backup.")
    if revision not in KNOWN_REVISIONS:
        raise JournalError(
            f"The journal {place} was written by a newer version (schema {revision}, this program knows "
            f"{SCHEMA_REVISION}); use that version."
        )
    _migrate(engine)


def _migrate(engine: Engine) -> None:
    # Imported here because a running trader never needs it: it would cost the process 12 MB.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))  # % is syntax there
    with _migrating, engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        else:
            connection.exec_driver_sql(f"PRAGMA application_id={APPLICATION_ID}")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def file_identity(path: Path) -> tuple[int, int] | None:
    """Device and inode of a file, None when it is gone: tells a replaced journal from the one that was opened."""
    try:
        info = path.stat()
    except OSError:
        return None
    return (info.st_dev, info.st_ino)


def sqlite_path(url_text: str) -> Path | None:
    """The file of an SQLite journal, None for a server."""
    url: Any = parse_url(url_text)
    return Path(url.database) if url.get_backend_name() == "sqlite" else None
