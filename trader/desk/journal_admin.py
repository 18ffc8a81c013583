"""The journal's upkeep for the command line and the panel: verify, export, back up, safe beside a runner; and archive."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from trader.config.settings import Settings
from trader.domain.errors import JournalError
from trader.engine.records import encode_record
from trader.journal.archiving import Archived, archive
from trader.journal.store import Journal
from trader.journal.verifying import Finding, Verification, backup, verify

__all__ = ["Finding", "Verification", "backup_journal", "export_lines", "export_to", "verify_journal"]


def verify_journal(settings: Settings) -> Verification:
    """Every check that can be made from the journal alone.

    Raises:
        JournalError: There is no journal, or it cannot even be opened.
    """
    return verify(settings.journal_url)


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
