"""What the System page asks: the facts gathered, each question for itself."""

import os
import re
import shutil
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from trader import __version__
from trader.config.settings import Settings
from trader.desk import journal_admin
from trader.desk.system import health
from trader.desk.system.connection import Call, try_connection
from trader.desk.system.health import Health, Look, Memory
from trader.desk.system.messages import LATELY, MessageDesk
from trader.desk.system.settings_shown import (
    KeyRow,
    SettingRow,
    configuration_shown,
    keys_shown,
    settings_shown,
)
from trader.desk.values import Status
from trader.domain.errors import JournalError
from trader.exchange.ports import Gateway
from trader.journal import AlertRow, Journal, Lease
from trader.journal.outbox import UNDELIVERED
from trader.journal.verifying import Verification
from trader.journal.watchers import newest as newest_watcher
from trader.runner.process import identity, is_running

_STANDS_BY = re.compile(r"\(pid (\d+)\) stands by")


class SystemDesk:
    """The machinery of one account. Safe from any thread."""

    def __init__(
        self,
        settings: Settings,
        account: str,
        *,
        journal: Callable[[], Journal],
        gateway: Callable[[], Gateway],
        alerts: Callable[[], Sequence[AlertRow]],
    ) -> None:
        self.messages = MessageDesk(settings, account, journal)
        self._settings = settings
        self._account = account
        self._journal = journal
        self._gateway = gateway
        self._alerts = alerts
        self._began = datetime.now(UTC)
        self._since = health.Since()
        self._told: tuple[Status, tuple[Health, ...]] | None = None
        self._lock = threading.Lock()

    def health(self, status: Status | str) -> tuple[Health, ...]:
        """Every part of the machinery, as it is with this picture; a sentence in its place is why there is none."""
        if isinstance(status, str):
            return (Health(name="Journal", ok=False, words=status),)
        with self._lock:
            if self._told is None or self._told[0] is not status:  # all tabs of a moment have one picture
                try:
                    found = list(health.rows(self._look(status)))
                except JournalError as error:
                    return (Health(name="Journal", ok=False, words=str(error)),)
                self._told = status, tuple(self._since.completed(row, status.wall) for row in found)
            return self._told[1]

    def connection(self) -> tuple[Call, ...]:
        """Ask the exchange in public and with the key; takes as long as that takes. Raises nothing."""
        return try_connection(self._settings, self._gateway)

    def key_rows(self) -> tuple[KeyRow, ...]:
        return keys_shown(self._settings)

    def settings(self) -> tuple[SettingRow, ...]:
        return settings_shown(self._settings)

    def configuration(self) -> tuple[SettingRow, ...] | str:
        return configuration_shown(self._settings)

    def verify(self) -> Verification:
        """Check the whole journal, and remember what was found.

        Raises:
            JournalError: It cannot be opened.
        """
        return journal_admin.verify_journal(self._settings)

    def backup(self) -> tuple[Path, int]:
        """A copy of the journal in TRADER_HOME/backups; its place and size in bytes.

        Raises:
            JournalError: PostgreSQL, or it cannot be written.
        """
        return journal_admin.backup_beside(self._settings)

    # ------------------------------------------------------------ what is so

    def _look(self, status: Status) -> Look:
        journal, alerts = self._journal(), self._alerts()
        lease = journal.lease_row(self._account)
        outbox = self.messages.outbox
        counts = outbox.count()
        lately = [row for row in outbox.newest(UNDELIVERED) if status.wall - row.changed_at < LATELY]
        here = _is_here(lease)
        return Look(
            status=status,
            lease=lease,
            alerts=alerts,
            watcher=newest_watcher(journal, self._account),
            channels=len(self._settings.channels),
            waiting=sum(many for (_, state), many in counts.items() if state in ("waiting", "sending")),
            undelivered=lately,
            delivered_at=max(outbox.last_sent().values(), default=None),
            journal_bytes=journal.size_bytes(),
            journal_fault=_journal_fault(journal, status),
            verified=journal_admin.last_verified(self._settings),
            disk_free=_free(self._settings.home),
            memory=_memory(lease, here),
            version=__version__,
            began=self._began,
            own_pid=os.getpid(),
            runner_here=here,
            standby_runs=_standby_runs(alerts, here),
        )


def _journal_fault(journal: Journal, status: Status) -> str:
    """As the living runner says; without one the journal itself is asked."""
    if status.runner.alive and status.ops is not None:
        return status.ops.journal_fault
    try:
        journal.check_writable()
    except JournalError as error:
        return str(error)
    return ""


def _is_here(lease: Lease | None) -> bool:
    """Whether the lease's process is seen on this machine; a dead one of it cannot be told from another's."""
    return lease is not None and bool(lease.process) and identity(lease.pid) == lease.process


def _standby_runs(alerts: Sequence[AlertRow], here: bool) -> bool | None:
    told = next((one for one in alerts if one.code == "standing_by"), None)
    named = None if told is None else _STANDS_BY.search(told.text)
    return is_running(int(named[1])) if named is not None and here else None


def _free(home: Path) -> int | None:
    try:
        return shutil.disk_usage(home).free
    except OSError:
        return None


def _memory(lease: Lease | None, here: bool) -> Memory:
    other = lease.pid if lease is not None and here and lease.pid != os.getpid() else None
    return Memory(here=_resident(os.getpid()), runner=None if other is None else _resident(other), free=_available())


def _resident(pid: int) -> int | None:
    """Bytes of a process in memory, where the system tells (/proc)."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None


def _available() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    told = next((line.split() for line in lines if line.startswith("MemAvailable:")), None)
    return None if told is None else int(told[1]) * 1024
