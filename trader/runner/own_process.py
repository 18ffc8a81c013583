"""The runner in a process of its own beside the panel's (`RUNNER=process`): started, watched over and ended by the panel.

It takes the lease, and is reached through the journal, as any `python -m trader run`. It has a session of its own, so Ctrl+C in
the terminal ends the panel, which ends it last; should the panel die, it goes on, and the next panel finds it.
"""

import logging
import subprocess
import sys
import threading

from trader.config.files import private_folder
from trader.config.secret_words import secret_words
from trader.config.settings import Settings
from trader.domain.errors import ConfigError, JournalError
from trader.journal.lease import Lease
from trader.journal.store import Journal
from trader.machine.threads import LastingThread
from trader.runner.account_owner import connected
from trader.runner.logs import set_up_logging
from trader.runner.market_clock import wall_now
from trader.runner.process import is_provably_dead, is_running
from trader.runner.venue_process import end_process

logger = logging.getLogger(__name__)

_LOOK_SECS = 0.2
_AGAIN_SECS = 1.0


class RunnerProcess:
    """Has what the panel asks of a host: `start`, `stop`, `stopping`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._account = "paper"
        self._stopping = threading.Event()
        self._journal: Journal | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = LastingThread("runner's process", self._watch, self._stopping)

    def start(self) -> None:
        """Start it and wait until a runner has the account.

        Raises:
            ConfigError, JournalError: The settings or the journal cannot be used, or the process ended and has said why.
        """
        if self._settings.env != "paper":
            self._account = connected(self._settings).account
        self._journal = open_home(self._settings)
        self._process = _launch()
        while not self._is_held():
            if self._process.poll() is not None and not self._is_held():
                raise ConfigError(f"The runner's process ended with {self._process.returncode}; why is said above")
            self._stopping.wait(_LOOK_SECS)
        self._thread.start()

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    def stop(self) -> None:
        """End it; positions stay as they are."""
        self._stopping.set()
        self._thread.join(10)
        if self._process is not None:
            end_process(self._process)
        if self._journal is not None:
            self._journal.close()

    def _watch(self) -> None:
        """When it has ended without being told to, and no other runner has the account, the next one is started."""
        assert self._process is not None
        while not self._stopping.wait(_LOOK_SECS):
            if self._process.poll() is None:
                continue
            if not self._is_held():
                logger.error("runner_process_ended code=%s; another one follows", self._process.returncode)
                self._process = _launch()
            self._stopping.wait(_AGAIN_SECS)

    def _is_held(self) -> bool:
        """Whether a living runner has the account: ours, or one that was there already."""
        assert self._journal is not None
        lease = self._journal.lease_row(self._account)
        return lease is not None and lease.alive(wall_now()) and may_live(lease)


def open_home(settings: Settings) -> Journal:
    """The journal of an installation, once its folder and logs are there.

    Raises:
        ConfigError, JournalError: They cannot be used; one sentence.
    """
    private_folder(settings.home, "The folder TRADER_HOME")
    try:
        set_up_logging(
            settings.home,
            detail=settings.log_level,
            console_level=settings.console_level,
            secrets=secret_words(settings),
        )
    except OSError as error:
        raise ConfigError(f"The logs in {settings.home} cannot be written ({error.strerror})") from error
    try:
        return Journal.open(settings.journal_url)
    except JournalError as error:
        raise JournalError(f"{error} If a position is open, close it with `python -m trader flatten`.") from error


def may_live(lease: Lease) -> bool:
    """Whether the process that took a lease may still be there: its number alone may be another's by now."""
    return not is_provably_dead(lease.process) if lease.process else is_running(lease.pid)


def _launch() -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "trader", "run"]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603
