"""The journal's upkeep for the command line and the panel: verify, export, back up, safe beside a runner; and archive."""

import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from trader.config.files import private_folder, read_text, write_text
from trader.config.settings import Settings
from trader.domain.errors import ConfigError, JournalError
from trader.engine.records import encode_record
from trader.journal.archiving import Archived, archive
from trader.journal.database import where
from trader.journal.store import Journal
from trader.journal.verifying import Finding, Verification, backup, verify

__all__ = ["Finding", "Verification", "backup_journal", "export_lines", "export_to", "verify_journal"]

_VERIFIED = "journal-verified.json"
_WORDS_MOST = 300


class _Verified(msgspec.Struct, frozen=True, kw_only=True):
    at: datetime
    place: str
    ok: bool
    words: str


def verify_journal(settings: Settings) -> Verification:
    """Every check that can be made from the journal alone. What was found is remembered, for the health board.

    Raises:
        JournalError: There is no journal, or it cannot even be opened.
    """
    found = verify(settings.journal_url)
    broken = "; ".join(f"{one.check}: {one.words}" for one in found.findings if not one.ok)
    told = _Verified(at=datetime.now(UTC), place=found.place, ok=found.ok, words=broken[:_WORDS_MOST])
    with suppress(ConfigError):  # a disk that takes nothing must not hide what was found
        write_text(settings.home / _VERIFIED, msgspec.json.encode(told).decode(), "The file")
    return found


def last_verified(settings: Settings) -> tuple[datetime, bool, str] | None:
    """When this journal was verified last, whether it was whole, and what was not; None where it never was."""
    try:
        text = read_text(settings.home / _VERIFIED, "The file")
        told = None if text is None else msgspec.json.decode(text, type=_Verified)
    except (ConfigError, msgspec.MsgspecError):
        return None
    return (told.at, told.ok, told.words) if told is not None and told.place == where(settings.journal_url) else None


def export_lines(settings: Settings) -> Iterator[str]:
    """Every record as one line of JSON, in order, its sequence number first.

    Raises:
        JournalError: It cannot be read to its end.
    """
    journal = Journal.open(settings.journal_url, create=False)
    try:
        for seq, record in journal.records():
            yield f'{{"seq":{seq},{encode_record(record)[1:]}'
    finally:
        journal.close()


def export_to(settings: Settings, path: Path) -> int:
    """Write the export to a new file, readable by its owner only; how many records.

    Raises:
        JournalError: It cannot be read, or the file is there already or cannot be written.
    """
    lines = list(export_lines(settings))
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise JournalError(f"The export {path} cannot be written ({error.strerror}).") from error
    return len(lines)


def archive_journal(settings: Settings, before: datetime, path: Path) -> Archived:
    """Put away the runs that ended before an instant: see `trader.journal.archiving`.

    Raises:
        JournalError: Nothing was deleted, and why.
    """
    return archive(settings.journal_url, before, path, datetime.now(UTC))


def backup_journal(settings: Settings, path: Path) -> int:
    """A consistent copy of the journal, also while a runner writes; its size in bytes.

    Raises:
        JournalError: PostgreSQL, a file that is there already, or a journal or place that cannot be used.
    """
    backup(settings.journal_url, path)
    return path.stat().st_size


def backup_beside(settings: Settings) -> tuple[Path, int]:
    """A copy in TRADER_HOME/backups, named after this second; its place and size in bytes.

    Raises:
        JournalError: As `backup_journal`.
    """
    folder = settings.home / "backups"
    try:
        private_folder(folder, "The folder")
    except ConfigError as error:
        raise JournalError(f"{error}.") from error
    path = folder / f"journal-{datetime.now(UTC):%Y%m%d-%H%M%S}.db"
    return path, backup_journal(settings, path)
