"""Hosts a runner: as a background thread of the panel, or as a process of its own. Both are the same class.

A host that finds the account's lease held stands by and takes over when it falls free. A runner that ends or hangs, for
whatever reason but our own stop, is replaced by a new instance with a new epoch.
"""

import logging
import os
import secrets
import sys
import threading
from collections import deque

from trader import __version__
from trader.config.connection import Connection, doorbell_path, resolve_connection
from trader.config.halt import halt, halt_words
from trader.config.settings import Settings
from trader.domain.errors import ConfigError, JournalError, TraderError
from trader.engine.records import AlertRaised
from trader.exchange.factory import build_feeds, build_gateway
from trader.journal.lease import Lease
from trader.journal.prepare import prepare as prepare_journal
from trader.journal.store import Journal
from trader.machine.doorbell import open_doorbell
from trader.machine.signals import on_end
from trader.machine.threads import LastingThread, tell_deaths_no_more, tell_deaths_to
from trader.runner import killpoints, restart_notes
from trader.runner.account_owner import connected
from trader.runner.feed import Feed
from trader.runner.local_venue import LocalVenue
from trader.runner.logs import write_what_waits
from trader.runner.market_clock import wall_now
from trader.runner.notices import Note
from trader.runner.own_process import RunnerProcess, may_live, open_home
from trader.runner.process import identity, is_provably_dead
from trader.runner.process_memory import settle
from trader.runner.runner import Runner
from trader.runner.supervising import watch_over

logger = logging.getLogger(__name__)

LEASE_SECS = 10.0
# How long a thread that computes may keep the interpreter while another waits for it: Python's 5 ms would pass from the
# stream's thread to the runner's three times before a decision.
_SWITCH_SECS = 0.0005
_STANDBY_SECS = 0.5
_AGAIN_SECS = 1.0
_UNHEARD = 100


class Host:
    """Runs one account's runner until `stop`. `kind` is thread or process."""

    def __init__(self, settings: Settings, kind: str) -> None:
        self._settings = settings
        self._kind = kind
        self._stopping = threading.Event()
        self._runner: Runner | None = None
        self._thread = LastingThread("supervisor", self._supervise, self._stopping)
        self._venue = (
            LocalVenue(settings, self._note, self._venue_moved, self._end_runner)
            if settings.env == "paper" and settings.rest_url is None
            else None
        )
        self._journal: Journal | None = None
        self._connection: Connection | None = None
        self._own: str | None = None  # holder of the lease our last runner had
        self._stands_by_for: str | None = None
        # What there was to tell while no runner was there to record it.
        self._unheard: deque[Note] = deque(maxlen=_UNHEARD)
        self._elsewhere = threading.Event()  # the local exchange has moved since its address was read

    def start(self) -> None:
        """Bring up what is needed and start the supervising thread.

        Raises:
            ConfigError, JournalError: The settings, the local venue or the journal cannot be used; one sentence.
        """
        self._journal = open_home(self._settings)
        tell_deaths_to(self._thread_died)
        if self._venue is not None:
            self._venue.start()
        try:
            connection = connected(self._settings)  # what cannot be used is said before a runner is begun
        except TraderError:
            self.stop()
            raise
        self._connection = connection
        sys.setswitchinterval(_SWITCH_SECS)
        self._thread.start()

    def ask_to_stop(self, why: str) -> None:
        """From any thread or a signal's handler: `wait` returns, and what `start` waits for is given up."""
        logger.info("host_stopping host=%s reason=%s", self._kind, why)
        self._stopping.set()
        if self._venue is not None:
            self._venue.give_up()

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    def stop(self) -> None:
        """Stop the runner (positions stay as they are), then the venue unless another host uses it."""
        self._stopping.set()
        if self._runner is not None:
            self._runner.stop()
        self._thread.join(10)
        tell_deaths_no_more(self._thread_died)
        if self._venue is not None:
            self._venue.stop()
        if self._journal is not None:
            self._journal.close()
        if self._connection is not None:
            logger.info("host_stopped host=%s", self._kind)
        write_what_waits()

    def wait(self) -> None:
        """Block until `stop` was called."""
        while not self._stopping.wait(0.5):
            pass

    def refuse_if_held(self) -> None:
        """For a process somebody started by hand: say at once that another living runner has the account.

        Raises:
            JournalError: A runner of a living process holds the lease.
        """
        assert self._journal is not None and self._connection is not None
        lease = self._journal.lease_row(self._connection.account)
        if lease is not None and lease.alive(wall_now()) and lease.pid != os.getpid() and may_live(lease):
            raise JournalError(
                f"Another runner is active for account {lease.account} (hosted in a {lease.host}, process {lease.pid}); "
                "stop it first, or use it: `python -m trader start` reaches it"
            )

    # ------------------------------------------------------------ the supervising thread

    def _supervise(self) -> None:
        """Take the lease, run, and begin again when a runner ended or hung without being told to. This loop must live."""
        why = ""
        if self._runner is not None:  # this loop itself died while it watched that one
            why = "the thread that watches it died"
            self._runner.abandon(why)
            self._runner = None
        while not self._stopping.is_set():
            try:
                assert self._journal is not None and self._connection is not None
                if self._venue is not None and self._venue.is_lost:
                    self._stopping.wait(_STANDBY_SECS)
                    continue
                self._look_up_venue()
                before = self._journal.lease_row(self._connection.account)
                lease = self._take_lease(before)
                if lease is None:
                    self._stand_by(before)
                    self._stopping.wait(_STANDBY_SECS)
                    continue
                self._own, self._stands_by_for = lease.holder, None
                account = self._connection.account
                picture = self._journal.snapshot(account)
                runs = self._journal.runs(account=account, finished=False)
                hello = restart_notes.started(before, picture, runs, lease, why)
                runner = self._runner = self._build(lease, hello)
                while self._unheard:
                    runner.note(self._unheard.popleft())
                logger.info("runner_started account=%s epoch=%d host=%s", lease.account, lease.epoch, self._kind)
                if self._elsewhere.is_set() or (self._venue is not None and self._venue.is_lost):  # since the look
                    runner.stop()
                why = "" if self._stopping.is_set() else watch_over(runner, self._stopping)
                self._runner = None
                if runner.lost_lease and not why:
                    self._tell(restart_notes.fenced(lease, "another program has taken it"))
            except Exception as error:
                logger.exception("supervisor_failed; a new runner follows")
                why = f"it could not be begun ({type(error).__name__}: {error})"
            if not self._stopping.is_set():
                self._stopping.wait(_AGAIN_SECS)

    def _take_lease(self, before: Lease | None) -> Lease | None:
        """The lease, or None while another runner has it: one that lives, or that cannot be known to be dead yet."""
        assert self._journal is not None and self._connection is not None
        if killpoints.ARMED:
            killpoints.reach("lease.take.before")
        free = before is not None and (
            before.holder == self._own or is_provably_dead(before.process)
        )  # our own last runner ended, or was fenced
        return self._journal.take_lease(
            over=before if free else None,
            account=self._connection.account,
            holder=f"{secrets.token_hex(8)}@{identity(os.getpid())}",
            host=self._kind,
            pid=os.getpid(),
            code_hash=__version__,
            ttl_secs=LEASE_SECS,
            now=wall_now(),
        )

    def _stand_by(self, before: Lease | None) -> None:
        """Say once, where every face can read it, that somebody else has the account."""
        if before is None or before.holder == self._stands_by_for:
            return
        self._stands_by_for = before.holder
        logger.info("standing_by account=%s holder_pid=%d host=%s", before.account, before.pid, before.host)
        self._tell(restart_notes.standing_by(before, self._kind, os.getpid()))

    def _tell(self, note: Note) -> None:
        """Record something although this host holds no lease: alerts decide nothing, and nobody's epoch is touched."""
        assert self._journal is not None and self._connection is not None
        alert = AlertRaised(
            run_id="", wall=wall_now(), cause="recovery", level=note.level, code=note.code, text=note.text
        )
        try:
            self._journal.append([alert], lease=None, account=self._connection.account)
        except JournalError as error:
            logger.warning("not_recorded: %s (%s)", note.text, error)

    def _note(self, note: Note) -> None:
        """From any thread: something for the record, told by the runner that is there, or by the next."""
        runner = self._runner
        if runner is not None and not runner.lost_lease:
            runner.note(note)
        else:
            self._unheard.append(note)

    def _thread_died(self, name: str, words: str) -> None:
        self._note(Note("error", f"thread_died:{name}", words))

    def _venue_moved(self, note: Note) -> None:
        """The local exchange is elsewhere, or has other keys: the next runner connects to it there."""
        self._unheard.append(note)
        self._elsewhere.set()
        self._end_runner()

    def _end_runner(self) -> None:
        """The supervising thread begins another one, once there is an exchange for it."""
        runner = self._runner
        if runner is not None:
            runner.stop()

    def _look_up_venue(self) -> None:
        """Where the local exchange is now. While it is not announced it stays where it was: it is being brought back."""
        if self._venue is None:
            return
        self._elsewhere.clear()
        try:
            self._connection = resolve_connection(self._settings)
        except ConfigError as error:
            logger.warning("venue_not_announced: %s", error)

    def _build(self, lease: Lease, hello: Note) -> Runner:
        connection, journal = self._connection, self._journal
        assert connection is not None and journal is not None
        gateway = build_gateway(self._settings, connection)
        feed = Feed(*build_feeds(self._settings, connection, gateway), gateway.counters)
        return Runner(
            journal=journal,
            lease=lease,
            env=connection.env,
            gateway=gateway,
            feed=feed,
            host=self._kind,
            halted=lambda: halt_words(self._settings.home),
            halt=lambda why: halt(self._settings.home, why),
            hello=hello,
            nag_secs=self._settings.alert_repeat_secs,
            bell=open_doorbell(doorbell_path(self._settings.home, lease.account)),
        )


_lock = threading.Lock()
_host: Host | RunnerProcess | None = None


def ensure_host(settings: Settings) -> Host | RunnerProcess:
    """The one host of the panel's process, started on the first call. A host that was stopped is not handed out again.

    Raises:
        ConfigError, JournalError: It cannot start; one sentence.
    """
    global _host
    with _lock:
        if _host is None or _host.stopping:
            host = RunnerProcess(settings) if settings.runner == "process" else Host(settings, "thread")
            host.start()
            _host = host
        return _host


def prepare(settings: Settings) -> None:
    """Before a process of its own touches the journal: make a new one elsewhere, to stay small."""
    prepare_journal(settings.journal_url)


def run_process(settings: Settings) -> int:
    """Host the runner in this process until it is asked to end, also by the closing of its terminal; the exit code.

    Raises:
        ConfigError, JournalError: It cannot start, or another runner is active; one sentence.
    """
    host = Host(settings, "process")
    on_end(host.ask_to_stop)
    try:
        host.start()
        host.refuse_if_held()
        settle()
        host.wait()
    except TraderError:
        if not host.stopping:  # otherwise it was asked to end while it was starting
            raise
    finally:
        host.stop()
    return 0
