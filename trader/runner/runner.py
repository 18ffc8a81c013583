"""The runner: feeds the engine's kernel one event at a time, live, and starts what it asks for.

One thread alone applies events and writes records. Streams, workers and errands (new commands, the lease's renewal) only put
something into its inbox; market data is conflated to the newest per symbol, order and fill events never are. An exception in
one part of a turn is reported and everything else of the turn is done all the same; turns that keep failing halt entries.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import islice

from trader.domain.errors import JournalError
from trader.engine import events as ev
from trader.engine.effects import Subscribe
from trader.engine.horizon import horizon
from trader.engine.records import AnyRecord
from trader.engine.state import State
from trader.exchange.ports import Gateway
from trader.journal.commands import CommandRow
from trader.journal.lease import Lease, LeaseLost
from trader.journal.store import Journal, RecordExists
from trader.machine.doorbell import Doorbell
from trader.runner import recovery, restart_notes
from trader.runner.clocks import Clocks
from trader.runner.commands import Commands
from trader.runner.dispatcher import Dispatcher
from trader.runner.failing import FailingTurns
from trader.runner.feed import Feed
from trader.runner.kernel import Kernel, Request
from trader.runner.market_clock import wall_now
from trader.runner.notices import Note
from trader.runner.odd_notes import odd_notes
from trader.runner.periodic import Due, errands
from trader.runner.publishing import PUBLISH_SECS, Publisher
from trader.runner.release import Release
from trader.runner.reminders import NAG_SECS, Nagger
from trader.runner.run_log import log_effect, log_records
from trader.runner.steady_clock import SteadyClock
from trader.runner.supervising import hangs
from trader.runner.telling import Telling
from trader.runner.writing import Writer

logger = logging.getLogger(__name__)

TICK_SECS = 0.1
_TOLD_SECS = (
    0.05  # what was recorded is in a picture then: one that was made at once would hold up the request it led to
)

_TOGETHER = 16  # events of orders in one commit

Item = ev.AnyEvent | Note | CommandRow | JournalError


def _of_orders(items: Iterable[Item]) -> list[ev.AnyEvent]:
    """What is told of orders, as far as nothing else stands between."""
    told: list[ev.AnyEvent] = []
    for item in islice(items, _TOGETHER):
        if not isinstance(item, ev.SubmitAnswered | ev.CancelAnswered | ev.OrderSeen | ev.FillSeen | ev.PositionSeen):
            break
        told.append(item)
    return told


class Runner:
    """One account's engine, live. Built with a lease already taken; `run` blocks until `stop`."""

    def __init__(
        self,
        *,
        journal: Journal,
        lease: Lease,
        env: str,
        gateway: Gateway,
        feed: Feed,
        host: str,
        wall: Callable[[], datetime] = wall_now,
        steady: SteadyClock | None = None,
        halted: Callable[[], str] = lambda: "",
        halt: Callable[[str], None] = lambda _: None,
        hello: Note | None = None,
        nag_secs: float = NAG_SECS,
        bell: Doorbell | None = None,
    ) -> None:
        """`wall` is the machine's clock, `steady` one that does not step. `halted` says why no entry may leave and no run
        may start, empty when they may; `halt` forbids both until a person allows them again. `hello` tells how this runner
        came to be here. Unacknowledged critical alerts are repeated every `nag_secs`. `bell` rings when a command was recorded."""
        self._journal = journal
        self._lease = lease
        self._gateway = gateway
        self._feed = feed
        self._wall = wall
        self._steady = steady or SteadyClock()
        self._clocks = Clocks(self._steady)
        self._inbox: deque[Item] = deque()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._halt = halt
        self._hello = hello
        self._due = Due()
        self._failing = FailingTurns(lambda reason: self._halt(reason), self._inbox.append)
        self._beat = time.monotonic()
        nagger = Nagger(nag_secs)
        self._writer = Writer(journal, lease, written=nagger.written)
        self._release = Release(
            state=lambda: self._kernel.state,
            now=self._clocks.now,
            halted=lambda: self._writer.fault or halted(),
            holds=lambda: journal.holds_lease(lease),
        )
        self._dispatcher = Dispatcher(gateway, self._post, self._clocks.now, self._release, self.note)
        state = recovery.empty_state(journal, lease, env)
        self._kernel = Kernel(state, self._writer, self._perform, keep_halt=self._failing.keep, recorded=self._recorded)
        self._telling = Telling(self._kernel, self._clocks.now, wall, nagger)
        self._commands = Commands(
            self._kernel.apply,
            self._writer,
            now=self._clocks.now,
            wall=wall,
            halted=halted,
            acknowledge=lambda: nagger.catch_up(journal, lease.account),
        )
        self._publisher = Publisher(journal, gateway, feed, lease, env, host, halted, wall)
        self._errands = errands(
            journal, lease, wall, self._post, wanted=self._wants_lease, lost=self._lose_lease, bell=bell
        )
        self.ready = threading.Event()

    # ------------------------------------------------------------ life

    def run(self) -> None:
        """Recover, then loop until `stop` or until the lease is lost."""
        self._beat = time.monotonic()
        for errand in self._errands:
            errand.start()
        try:
            self._recover()
            self._publisher.start()
            self._feed.start(lambda build: self._post(build(self._clocks.now())), self._wake.set, self.note)
            self.ready.set()
            while not self._stopping.is_set() and not self._release.fenced:
                self._wake.wait(TICK_SECS)
                self._wake.clear()
                self._turn()
        finally:
            self._end()

    def _close(self) -> None:
        self._feed.stop()
        self._dispatcher.close()
        for errand in self._errands:
            errand.stop()

    def _end(self) -> None:
        self._close()
        self._publisher.close()
        if not self._release.fenced:
            try:
                self._journal.release_lease(self._lease)
            except JournalError as error:
                logger.warning("at_exit: %s", error)

    def stop(self) -> None:
        """End the loop; positions stay as they are and are taken up again at the next start."""
        self._stopping.set()
        self._wake.set()

    def abandon(self, why: str) -> None:
        """From another thread: this runner hangs. Nothing of it leaves any more, and it ends as soon as it can."""
        self._lose_lease(why)
        self._stopping.set()
        self._close()

    @property
    def lost_lease(self) -> bool:
        return self._release.fenced

    @property
    def quiet_secs(self) -> float:
        """How long ago the last turn began."""
        return time.monotonic() - self._beat

    @property
    def waits_for_disk(self) -> bool:
        """Whether the runner's thread is inside a write of the journal, or still folding it."""
        return self._writer.busy or not self.ready.is_set()

    def _recover(self) -> None:
        account, wall = self._lease.account, self._wall()
        recovery.recover(self._journal, account, wall, self._kernel, self._clocks, self._telling, self._hello)

    # ------------------------------------------------------------ the loop

    def _turn(self) -> None:
        """Everything there is to do now. Each part is done whatever became of the others: one event that cannot be
        handled must not keep the clock, and with it every exit, from being heard."""
        self._beat = time.monotonic()
        items, failed = deque(self._inbox.popleft() for _ in range(len(self._inbox))), []
        while items and not self._release.fenced:
            failed.append(self._guarded(self._take, items))
        failed += [self._guarded(self._market), self._guarded(self._chores), self._guarded(self._look_ahead)]
        if words := next(filter(None, failed), ""):
            self._failed(words)
        else:
            self._failing.none()

    def _guarded(self, part: Callable[..., None], *given: deque[Item]) -> str:
        """What went wrong in a part of a turn, empty when nothing. The edge of the loop that must live."""
        if self._release.fenced:
            return ""
        self._beat = time.monotonic()  # many slow parts are no hang
        try:
            part(*given)
        except LeaseLost as error:
            self._lose_lease(str(error))
        except RecordExists as error:
            logger.critical("folding_anew: %s", error)
            self.stop()  # the host begins a new instance, which folds the journal and reconciles
        except JournalError as error:
            return f"the journal cannot be used: {error}"
        except Exception as error:
            logger.exception("turn_failed part=%s", part.__name__)
            return f"{type(error).__name__}: {error}"
        return ""

    def _take(self, items: deque[Item]) -> None:
        """The first of these, and what is told of orders behind it: fifty answers to a list are not fifty waits for the disk."""
        item, count = items[0], 1
        try:
            match item:
                case Note():
                    self._telling.record(item)
                case CommandRow():
                    self._commands.carry_out(item)
                case JournalError():
                    self._degrade(item)
                case _ if told := _of_orders(items):
                    count = self._kernel.apply_some(told)
                case _:
                    self._kernel.apply(item)
                    self._telling.heard(item)
        finally:
            for _ in range(count):
                items.popleft()

    def _market(self) -> None:
        batch = self._feed.take()
        if batch is None:
            return
        self._clocks.observe(batch.newest, batch.heard)
        self._kernel.apply(
            ev.MarketMoved(at=self._clocks.now(), quotes=batch.quotes, spots=batch.spots, newest=batch.newest)
        )

    def _look_ahead(self) -> None:
        """Until the next tick only prices that may make a difference wake this thread."""
        seen = None
        try:
            seen = horizon(self._kernel.state, self._clocks.now())
        finally:
            self._feed.look_beyond(seen)

    def _chores(self) -> None:
        if self._writer.fault and self._writer.recovered(self._wall()):
            self._kernel.journal_changed(self._clocks.now())
        if self._due.is_due("tick", TICK_SECS):
            # A clock that was set is believed only while no order or deadline could be misjudged by it.
            if self._clocks.stepped and not self._kernel.state.unresolved:
                self._telling.record(restart_notes.clock_set(self._clocks.believe_machine()))
            self._kernel.apply(ev.ClockTicked(at=self._clocks.now()))
        if self._due.is_due("publish", PUBLISH_SECS):
            self._publish()
        if self._due.is_due("odd", 1.0):
            for note in odd_notes(self._gateway.odd_rows.fresh()):
                self._telling.record(note)
        if self._due.is_due("nag", 1.0):
            self._telling.repeat()

    def _publish(self) -> None:
        try:
            self._publisher.publish(self._kernel.state, self._clocks.now(), down=dict(self._telling.down))
        except JournalError as error:
            self._degrade(error)

    def _failed(self, words: str) -> None:
        self._stopping.wait(self._failing.another(words))

    def _lose_lease(self, why: str) -> None:
        """Another runner has the account: send nothing more, end. May be called from any thread."""
        self._release.fence(why)
        self._wake.set()

    def _wants_lease(self) -> bool:
        """A runner that hangs lets its lease run out, so that a host that stands by can take over."""
        return not (self._writer.fault or self._release.fenced or hangs(self.quiet_secs, folded=self.ready.is_set()))

    def _perform(self, request: Request) -> None:
        match request:
            case Subscribe(symbols=symbols, underlyings=underlyings):
                self._feed.want(symbols, underlyings)
            case _:
                self._dispatcher.perform(request)
        log_effect(request, self._kernel.state)  # after it: nothing stands between a decision and its request

    def _recorded(self, records: Sequence[AnyRecord], state: State) -> None:
        log_records(records, state)
        self._due.soon("publish", _TOLD_SECS)

    def _degrade(self, error: JournalError) -> None:
        """The journal failed outside a step: the engine is told all the same, once."""
        self._writer.fail(error)
        if not self._kernel.state.journal_fault:
            self._kernel.journal_changed(self._clocks.now())

    # ------------------------------------------------------------ other threads

    def note(self, note: Note) -> None:
        """From any thread: have something recorded as an alert."""
        self._post(note)

    def _post(self, item: Item) -> None:
        self._inbox.append(self._clocks.dated(item) if isinstance(item, ev.ChainRead) else item)
        self._wake.set()
