"""What is done at an interval. New commands and the lease's renewal have threads of their own.

Both wait for the disk, so neither is done by the runner's thread; they only put what they found into its inbox. Losing the
lease is the exception: it fences at once, whatever the runner's thread is doing.
"""

import threading
import time
from collections.abc import Callable
from datetime import datetime

from trader.domain.errors import JournalError
from trader.journal.commands import CommandRow
from trader.journal.lease import Lease
from trader.journal.store import Journal
from trader.machine.doorbell import Doorbell
from trader.machine.threads import LastingThread
from trader.runner import killpoints

COMMANDS_SECS = 0.1
RENEW_SECS = 2.0
_AGAIN_SECS = 1.0  # a command that is still unanswered then is handed over once more
_JOIN_SECS = 2.0


class Errand:
    """A small thread that does one thing at an interval until `stop`, and whenever its bell rings, where it has one. When that
    fails it is told and tried again."""

    def __init__(self, name: str, every_secs: float, work: Callable[[], None], bell: Doorbell | None = None) -> None:
        self._every = every_secs
        self._work = work
        self._bell = bell
        self._stopping = threading.Event()
        self._thread = LastingThread(name, self._loop, self._stopping)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()

    def join(self) -> None:
        self._thread.join(_JOIN_SECS)

    @property
    def alive(self) -> bool:
        return self._thread.alive

    def _loop(self) -> None:
        pause = self._stopping.wait if self._bell is None else self._bell.wait
        while True:
            pause(self._every)
            if self._stopping.is_set():
                break
            self._work()
        if self._bell is not None:
            self._bell.close()


class Due:
    """When each thing that the runner's own thread does at an interval is to be done again."""

    def __init__(self) -> None:
        self._next: dict[str, float] = {}

    def is_due(self, what: str, every: float) -> bool:
        """Whether it is time; then the next time is `every` seconds from now."""
        now = time.monotonic()
        if now < self._next.get(what, 0.0):
            return False
        self._next[what] = now + every
        return True

    def soon(self, what: str, secs: float) -> None:
        """Within so many seconds, if it is not due before."""
        self._next[what] = min(self._next.get(what, 0.0), time.monotonic() + secs)


class CommandPoll:
    """Finds commands nobody has answered yet and hands each over once."""

    def __init__(
        self,
        journal: Journal,
        account: str,
        post: Callable[[CommandRow], None],
        failed: Callable[[JournalError], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._journal = journal
        self._account = account
        self._post = post
        self._failed = failed
        self._monotonic = monotonic
        self._handed: dict[str, float] = {}

    def look(self) -> None:
        try:
            waiting = self._journal.pending_commands(self._account)
        except JournalError as error:
            self._failed(error)
            return
        if not waiting:
            self._handed.clear()
            return
        now = self._monotonic()
        for command in waiting:
            if now - self._handed.get(command.command_id, -_AGAIN_SECS) >= _AGAIN_SECS:
                self._handed[command.command_id] = now
                self._post(command)


class LeaseKeeper:
    """Renews the lease while the runner's thread is alive and the journal can be written."""

    def __init__(
        self,
        journal: Journal,
        lease: Lease,
        wall: Callable[[], datetime],
        *,
        wanted: Callable[[], bool],
        lost: Callable[[str], None],
        failed: Callable[[JournalError], None],
    ) -> None:
        """`wanted` False leaves the lease to run out: the runner hangs, or renews it itself while its journal is broken."""
        self._journal = journal
        self._lease = lease
        self._wall = wall
        self._wanted = wanted
        self._lost = lost
        self._failed = failed

    def renew(self) -> None:
        if not self._wanted():
            return
        if killpoints.ARMED:
            killpoints.reach("lease.renew.before")
        try:
            if not self._journal.renew_lease(self._lease, self._wall()):
                self._lost("another runner has taken the lease")
        except JournalError as error:
            self._failed(error)


def errands(
    journal: Journal,
    lease: Lease,
    wall: Callable[[], datetime],
    post: Callable[[CommandRow | JournalError], None],
    *,
    wanted: Callable[[], bool],
    lost: Callable[[str], None],
    bell: Doorbell | None,
) -> tuple[Errand, ...]:
    """Those of a runner; `wanted` and `lost` as of `LeaseKeeper`. `bell` rings when a command was recorded."""
    poll = CommandPoll(journal, lease.account, post, post)
    keeper = LeaseKeeper(journal, lease, wall, wanted=wanted, lost=lost, failed=post)
    return Errand("commands", COMMANDS_SECS, poll.look, bell), Errand("lease", RENEW_SECS, keeper.renew)
