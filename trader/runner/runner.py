"""The runner: holds the lease, folds the journal, feeds the engine one event at a time and performs what it asks.

One thread alone calls `step` and writes the journal. Streams and workers only put events into the inbox; market data is
conflated to the newest per symbol, order and fill events never are. An exception in one turn of the loop is reported and
the loop goes on; several in a row are an alert.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec.structs import replace

from trader.domain.clock import Now
from trader.domain.errors import JournalError
from trader.engine import events as ev
from trader.engine.effects import AckCommand, Cancel, Effect, ReadAccount, ReadChain, Submit, Subscribe, Tell
from trader.engine.fold import evolve
from trader.engine.records import AnyRecord, Record
from trader.engine.release import check_release
from trader.engine.state import State
from trader.engine.step import step
from trader.exchange.gateway import Gateway
from trader.journal.commands import CommandMark, CommandRow
from trader.journal.lease import Lease, LeaseLost
from trader.journal.store import Journal, RecordExists
from trader.runner import killpoints
from trader.runner.dispatcher import Dispatcher
from trader.runner.feed import Feed
from trader.runner.market_clock import MarketClock, wall_now
from trader.runner.milestones import log_line, log_records
from trader.runner.publishing import Publisher
from trader.runner.reading import newest_mark
from trader.runner.writing import Writer

logger = logging.getLogger(__name__)

TICK_SECS = 0.1
COMMANDS_SECS = 0.1
RENEW_SECS = 2.0
PUBLISH_SECS = 0.5
_ESCALATE_AFTER = 5  # failing turns in a row
_HISTORY = timedelta(days=2)  # how far back finished runs may still count for today's limits


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
        halted: Callable[[], str] = lambda: "",
    ) -> None:
        """`halted` says why no entry may leave and no run may start, empty when they may."""
        self._journal = journal
        self._lease = lease
        self._env = env
        self._gateway = gateway
        self._feed = feed
        self._wall = wall
        self._clock = MarketClock()
        self._clock_lock = threading.Lock()
        self._inbox: deque[ev.AnyEvent] = deque()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._fenced = False
        self._failures = 0
        self._halted = halted
        self._writer = Writer(journal, lease)
        self._dispatcher = Dispatcher(
            gateway,
            self._post,
            self._now,
            lambda: not self._fenced,
            lambda: self._writer.fault or halted(),
            self._holds_lease,
            self._refused,
        )
        self._publisher = Publisher(journal, gateway, feed, lease, env, host, halted)
        self._state = State(installation=journal.installation(), epoch=lease.epoch, env=env, account_key=lease.account)
        self._due = dict.fromkeys(("tick", "commands", "renew", "publish"), 0.0)
        self.ready = threading.Event()

    # ------------------------------------------------------------ life

    def run(self) -> None:
        """Recover, then loop until `stop` or until the lease is lost."""
        self._recover()
        self._publisher.start()
        self._feed.start(self._post_stream, self._wake.set)
        self.ready.set()
        while not self._stopping.is_set() and not self._fenced:
            self._wake.wait(TICK_SECS)
            self._wake.clear()
            self._turn()
        self._feed.stop()
        self._dispatcher.close()
        self._publisher.close()
        if not self._fenced:
            self._quietly(lambda: self._journal.release_lease(self._lease))

    def stop(self) -> None:
        """End the loop; positions stay as they are and are taken up again at the next start."""
        self._stopping.set()
        self._wake.set()

    @property
    def lost_lease(self) -> bool:
        return self._fenced

    def _recover(self) -> None:
        """State = fold of the journal: unresolved runs whole, finished ones of the last days for the daily limits."""
        account = self._lease.account
        unresolved = self._journal.unresolved_runs(account)
        rows = {seq: record for run_id in unresolved for seq, record in self._journal.records(run_id)}
        rows |= dict(self._journal.run_bounds(account, self._wall() - _HISTORY))
        state = self._state
        for seq in sorted(rows):
            state = evolve(state, rows[seq])
        self._state = state
        if killpoints.ARMED:
            killpoints.reach("recovery.folded")
        if unresolved:
            logger.info("recovered runs=%s", ",".join(unresolved))
        self._apply(ev.Booted(at=self._now()))
        if killpoints.ARMED:
            killpoints.reach("recovery.booted")

    # ------------------------------------------------------------ the loop

    def _turn(self) -> None:
        # The edge of the loop that must live: whatever one turn throws, the next one still watches the position.
        try:
            self._once()
            self._failures = 0
        except LeaseLost as error:
            self._fence(str(error))
        except RecordExists as error:
            logger.critical("folding_anew: %s", error)
            self.stop()  # the host begins a new instance, which folds the journal and reconciles
        except JournalError as error:
            self._failed(f"the journal cannot be used: {error}")
        except Exception as error:
            logger.exception("turn_failed")
            self._failed(f"{type(error).__name__}: {error}")

    def _once(self) -> None:
        while self._inbox:
            self._apply(self._inbox.popleft())
        self._market()
        now = time.monotonic()
        if self._writer.fault and self._writer.recovered(self._wall()):
            self._apply(ev.JournalChanged(at=self._now(), fault=""))
        if self._is_due("commands", now, COMMANDS_SECS):
            self._commands()
        if self._is_due("tick", now, TICK_SECS):
            self._apply(ev.ClockTicked(at=self._now()))
        if self._is_due("renew", now, RENEW_SECS) and not self._writer.fault and not self._renew():
            self._fence("another runner has taken the lease")
            return
        if self._is_due("publish", now, PUBLISH_SECS):
            self._publish()

    def _commands(self) -> None:
        try:
            waiting = self._journal.pending_commands(self._lease.account)
        except JournalError as error:
            self._degrade(error)
            return
        for command in waiting:
            if not self._writer.answered(command.command_id):
                self._command(command)

    def _renew(self) -> bool:
        """False when another runner holds the account."""
        if killpoints.ARMED:
            killpoints.reach("lease.renew.before")
        try:
            return self._journal.renew_lease(self._lease, self._wall())
        except JournalError as error:
            self._degrade(error)
            return True

    def _publish(self) -> None:
        try:
            self._publisher.publish(self._state, self._now())
        except JournalError as error:
            self._degrade(error)

    def _is_due(self, what: str, now: float, every: float) -> bool:
        if now < self._due[what]:
            return False
        self._due[what] = now + every
        return True

    def _failed(self, words: str) -> None:
        self._failures += 1
        logger.error("turn_failed count=%d error=%s", self._failures, words)
        if self._failures == _ESCALATE_AFTER:
            logger.critical("runner_unwell: %d turns failed in a row: %s", self._failures, words)
        self._stopping.wait(min(0.1 * self._failures, 1.0))

    def _fence(self, why: str) -> None:
        """Another runner has the account: send nothing more, end."""
        self._fenced = True
        logger.critical("fenced: %s; this runner sends nothing more", why)

    def _market(self) -> None:
        batch = self._feed.take()
        if batch is None:
            return
        with self._clock_lock:
            self._clock.observe(batch.newest, batch.heard)
        self._apply(ev.MarketMoved(at=self._now(), quotes=batch.quotes, spots=batch.spots, newest=batch.newest))

    def _command(self, row: CommandRow) -> None:
        event: ev.AnyEvent
        halted = self._halted() if row.kind == "start" else ""
        if halted:
            self._writer.commit((), CommandMark(command_id=row.command_id, status="refused", detail=f"{halted}."))
            return
        if row.kind == "start":
            event = ev.StartCommand(
                at=self._now(),
                command_id=row.command_id,
                config=row.body["config"],
                config_hash=row.body["config_hash"],
                start_now=bool(row.body.get("now", False)),
                issued_by=row.issued_by,
                confirm=row.body.get("confirm"),
            )
        else:
            event = ev.StopCommand(
                at=self._now(), command_id=row.command_id, run_id=row.body.get("run_id"), issued_by=row.issued_by
            )
        self._apply(event)

    # ------------------------------------------------------------ one step

    def _apply(self, event: ev.AnyEvent) -> None:
        """Step, commit the records, adopt the state, then perform: a send never precedes its intent on disk.

        When they cannot be committed, the engine is told first and decides anew: it takes no new risk then, and what it
        decides is performed while its records wait.
        """
        state, effects = step(self._state, event)
        records: list[AnyRecord] = [e for e in effects if isinstance(e, Record)]
        acks = [e for e in effects if isinstance(e, AckCommand)]
        committed = self._writer.commit(records, _mark(acks[0]) if acks else None)
        if not committed and not state.journal_fault:
            self._apply(ev.JournalChanged(at=event.at, fault=self._writer.fault))
            if not isinstance(event, ev.JournalChanged):
                self._apply(event)
            return
        self._state = state
        for effect in effects:
            self._perform(effect)
        if records:
            log_records(records, self._state)
            self._due["publish"] = 0.0

    def _degrade(self, error: JournalError) -> None:
        """The journal failed outside a step: the engine is told all the same, once."""
        self._writer.fail(error)
        if not self._state.journal_fault:
            self._apply(ev.JournalChanged(at=self._now(), fault=self._writer.fault))

    def _perform(self, effect: Effect) -> None:
        match effect:
            case Submit() | Cancel() | ReadChain() | ReadAccount():
                self._dispatcher.perform(effect)
            case Subscribe(symbols=symbols, underlyings=underlyings):
                self._feed.want(symbols, underlyings)
            case Tell():
                log_line(effect, self._state)

    # ------------------------------------------------------------ other threads

    def _refused(self, effect: Submit) -> str:
        """Why an order that was decided a moment ago may not leave any more; empty when it may."""
        denied = check_release(self._state, effect.intent)
        return denied.code if denied is not None else ""

    def _holds_lease(self, effect: Submit | Cancel) -> bool:
        """What the journal says of our lease. Where it cannot be asked, nothing but exits may go on."""
        try:
            lease = self._journal.lease_row(self._lease.account)
        except JournalError:
            return isinstance(effect, Cancel) or effect.intent.reduce_only
        return lease is not None and (lease.holder, lease.epoch) == (self._lease.holder, self._lease.epoch)

    def _now(self) -> Now:
        with self._clock_lock:
            return self._clock.now(self._wall())

    def _post(self, event: ev.AnyEvent) -> None:
        if isinstance(event, ev.ChainRead):
            event = self._with_time(event)
        self._inbox.append(event)
        self._wake.set()

    def _with_time(self, event: ev.ChainRead) -> ev.ChainRead:
        """A chain tells the exchange's time too: after a restart with a silent stream nothing else does."""
        newest = newest_mark(event)
        if newest is None:
            return event
        with self._clock_lock:
            self._clock.observe(newest, self._wall())
        return replace(event, at=self._now())

    def _post_stream(self, build: Callable[[Now], ev.AnyEvent]) -> None:
        self._post(build(self._now()))

    def _quietly(self, work: Callable[[], None]) -> None:
        try:
            work()
        except JournalError as error:
            logger.warning("at_exit: %s", error)


def _mark(ack: AckCommand) -> CommandMark:
    return CommandMark(command_id=ack.command_id, status=ack.status, detail=ack.detail)  # type: ignore[arg-type]
