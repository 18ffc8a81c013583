"""The runner: folds the journal, feeds the engine one event at a time and performs what it asks.

One thread alone calls `step` and writes records. Streams, workers and errands (new commands, the lease's renewal) only put
something into its inbox; market data is conflated to the newest per symbol, order and fill events never are. An exception in
one part of a turn is reported and everything else of the turn is done all the same; turns that keep failing halt entries.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from msgspec.structs import replace

from trader.domain.clock import Now
from trader.domain.errors import ConfigError, JournalError
from trader.domain.foreign import parse_foreign
from trader.domain.wording import clause
from trader.engine import events as ev
from trader.engine.effects import AckCommand, Cancel, Effect, ReadAccount, ReadChain, Submit, Subscribe, Tell
from trader.engine.fold import evolve
from trader.engine.records import AlertRaised, AnyRecord, Level, LevelChanged, OperatorLevel, Phase, Record
from trader.engine.release import check_release
from trader.engine.state import State
from trader.engine.step import step
from trader.exchange.ports import Gateway
from trader.journal.alerts import LOUD, who
from trader.journal.commands import CommandMark, CommandRow
from trader.journal.lease import Lease, LeaseLost
from trader.journal.store import Journal, RecordExists
from trader.journal.views import AlertRow
from trader.runner import killpoints, recounting
from trader.runner.dispatcher import Dispatcher
from trader.runner.errands import COMMANDS_SECS, RENEW_SECS, CommandPoll, Errand, LeaseKeeper
from trader.runner.feed import Feed
from trader.runner.market_clock import MarketClock, wall_now
from trader.runner.milestones import log_effect, log_line, log_note, log_records
from trader.runner.nagging import Nagger
from trader.runner.notes import Note, NoteGate
from trader.runner.odd_notes import odd_notes
from trader.runner.publishing import Publisher
from trader.runner.reading import newest_mark
from trader.runner.steady_clock import STEPPED_SECS, SteadyClock
from trader.runner.supervising import DISK_SECS, HUNG_SECS
from trader.runner.writing import Writer

logger = logging.getLogger(__name__)

TICK_SECS = 0.1
PUBLISH_SECS = 0.5
NAG_SECS = 30.0
_ESCALATE_AFTER = 5  # failing turns in a row
_COMMAND_TRIES = 3
_COMMANDS_REMEMBERED = 256
_START_SECS = 60.0  # a start older than this is refused: it must not begin hours after a person pressed it
_HISTORY = timedelta(days=2)  # how far back finished runs may still count for today's limits
_ALERTS_REMEMBERED = 200

Item = ev.AnyEvent | Note | CommandRow | JournalError


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
    ) -> None:
        """`wall` is the machine's clock, `steady` one that does not step. `halted` says why no entry may leave and no run
        may start, empty when they may; `halt` forbids both until a person allows them again. `hello` tells how this runner
        came to be here. Unacknowledged critical alerts are repeated every `nag_secs`."""
        self._journal = journal
        self._lease = lease
        self._env = env
        self._gateway = gateway
        self._feed = feed
        self._wall = wall
        self._steady = steady or SteadyClock()
        self._clock = MarketClock()
        self._clock_lock = threading.Lock()
        self._inbox: deque[Item] = deque()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._fenced = False
        self._failures = 0
        self._halted = halted
        self._halt = halt
        self._hello = hello
        self._writer = Writer(journal, lease, written=self._on_written)
        self._dispatcher = Dispatcher(
            gateway,
            self._post,
            self._now,
            lambda: not self._fenced,
            lambda: self._writer.fault or halted(),
            self._holds_lease,
            self._refused,
            self.note,
        )
        self._publisher = Publisher(journal, gateway, feed, lease, env, host, halted, wall)
        self._state = State(
            installation=journal.installation(),
            epoch=lease.epoch,
            env=env,
            account_key=lease.account,
            holder=lease.holder,
        )
        self._due = dict.fromkeys(("tick", "publish", "odd", "nag"), 0.0)
        self._gate = NoteGate()
        self._nagger = Nagger(nag_secs)
        self._tries: dict[str, int] = {}  # command → how often carrying it out has failed
        self._obeyed: deque[str] = deque(maxlen=_COMMANDS_REMEMBERED)  # the poll may have handed one over twice
        self._to_find: set[str] = set()  # runs taken up again whose first complete read is still to be told
        self._down: dict[str, datetime] = {}  # stream → since when (machine's clock)
        self._beat = time.monotonic()
        poll = CommandPoll(journal, lease.account, self._post, self._post)
        keeper = LeaseKeeper(journal, lease, wall, wanted=self._wants_lease, lost=self._lose_lease, failed=self._post)
        self._errands = (
            Errand("commands", COMMANDS_SECS, poll.look),
            Errand("lease", RENEW_SECS, keeper.renew),
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
            self._feed.start(self._post_stream, self._wake.set, self.note)
            self.ready.set()
            while not self._stopping.is_set() and not self._fenced:
                self._wake.wait(TICK_SECS)
                self._wake.clear()
                self._turn()
        finally:
            self._end()

    def _end(self) -> None:
        self._feed.stop()
        self._dispatcher.close()
        for errand in self._errands:
            errand.stop()
        self._publisher.close()
        if not self._fenced:
            self._quietly(lambda: self._journal.release_lease(self._lease))

    def stop(self) -> None:
        """End the loop; positions stay as they are and are taken up again at the next start."""
        self._stopping.set()
        self._wake.set()

    def abandon(self, why: str) -> None:
        """From another thread: this runner hangs. Nothing of it leaves any more, and it ends as soon as it can."""
        self._lose_lease(why)
        self._stopping.set()
        self._feed.stop()
        self._dispatcher.close()
        for errand in self._errands:
            errand.stop()

    @property
    def lost_lease(self) -> bool:
        return self._fenced

    @property
    def quiet_secs(self) -> float:
        """How long ago the last turn began."""
        return time.monotonic() - self._beat

    @property
    def waits_for_disk(self) -> bool:
        """Whether the runner's thread is inside a write of the journal, or still folding it."""
        return self._writer.busy or not self.ready.is_set()

    def _recover(self) -> None:
        """State = fold of the journal: unresolved runs whole, finished ones of the last days for the daily limits."""
        account = self._lease.account
        unresolved = self._journal.unresolved_runs(account)
        rows = {seq: record for run_id in unresolved for seq, record in self._journal.records(run_id)}
        self._go_on_from(rows.values())
        rows |= dict(self._journal.run_bounds(account, self._wall() - _HISTORY))
        rows |= dict(self._journal.level_changes(account, limit=1))
        state = self._state
        for seq in sorted(rows):
            state = evolve(state, rows[seq])
        self._state = state
        if killpoints.ARMED:
            killpoints.reach("recovery.folded")
        if unresolved:
            logger.info("recovered runs=%s", ",".join(unresolved))
        self._remember_alerts()
        if self._hello is not None:
            self._record(self._hello)
        self._to_find = {run.run_id for run in state.unresolved if run.orders or run.phase is not Phase.WAITING}
        self._apply(ev.Booted(at=self._now()))
        if killpoints.ARMED:
            killpoints.reach("recovery.booted")

    def _go_on_from(self, records: Iterable[AnyRecord]) -> None:
        """Time goes on from what runs taken up again have recorded last: were this machine's clock behind it, their orders
        would seem to be sent in the future, and no time-out of theirs would pass until it has caught up."""
        newest = max((record.wall for record in records), default=None)
        if newest is None or (ahead := self._steady.not_before(newest)) <= STEPPED_SECS:
            return
        text = (
            f"This machine's clock is {ahead:.0f} s behind the newest record of a run that is open; the times of its records "
            "go on from there. Check the clock."
        )
        self._inbox.append(Note("warning", "clock_behind", text))

    def _remember_alerts(self) -> None:
        """What earlier runners raised and nobody has acknowledged goes on being repeated."""
        account = self._lease.account
        for row_id, command in self._journal.commands_of_kind(account, "ack"):
            self._nagger.acknowledged(row_id, command)
        for alert in reversed(self._journal.alerts(_ALERTS_REMEMBERED, account=account, levels=LOUD)):
            self._nagger.raised(alert)

    # ------------------------------------------------------------ the loop

    def _turn(self) -> None:
        """Everything there is to do now. Each part is done whatever became of the others: one event that cannot be
        handled must not keep the clock, and with it every exit, from being heard."""
        self._beat = time.monotonic()
        failed = [self._guarded(self._take, self._inbox.popleft()) for _ in range(len(self._inbox))]
        failed += [self._guarded(self._market), self._guarded(self._chores)]
        if words := next(filter(None, failed), ""):
            self._failed(words)
        else:
            self._failures = 0

    def _guarded(self, part: Callable[..., None], *given: Item) -> str:
        """What went wrong in a part of a turn, empty when nothing. The edge of the loop that must live."""
        if self._fenced:
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

    def _take(self, item: Item) -> None:
        match item:
            case Note():
                self._record(item)
            case CommandRow():
                self._command(item)
            case JournalError():
                self._degrade(item)
            case ev.StreamChanged():
                self._apply(item)
                self._tell_stream(item)
            case ev.AccountRead():
                self._apply(item)
                self._tell_found(item)
            case _:
                self._apply(item)

    def _chores(self) -> None:
        now = time.monotonic()
        if self._writer.fault and self._writer.recovered(self._wall()):
            self._apply(ev.JournalChanged(at=self._now(), fault=""))
        if self._is_due("tick", now, TICK_SECS):
            self._set_clock()
            self._apply(ev.ClockTicked(at=self._now()))
        if self._is_due("publish", now, PUBLISH_SECS):
            self._publish()
        if self._is_due("odd", now, 1.0):
            for note in odd_notes(self._gateway.odd_rows.fresh()):
                self._record(note)
        if self._is_due("nag", now, 1.0) and (line := self._nagger.due()):
            log_note(Note("error", "unacknowledged", line))

    def _set_clock(self) -> None:
        """The machine's clock was set: it is believed only while no order or deadline could be misjudged by it."""
        if not self._steady.stepped or self._state.unresolved:
            return
        by = self._steady.offset_secs
        with self._clock_lock:
            self._steady.anchor()
            self._clock = MarketClock()
        self._record(
            Note("info", "clock_set", f"This machine's clock was set by {by:+.0f} s; it is followed from now on.")
        )

    def _publish(self) -> None:
        try:
            self._publisher.publish(self._state, self._now(), down=dict(self._down))
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
            self._escalate(words)
        self._stopping.wait(min(0.05 * self._failures, 0.25))

    def _escalate(self, words: str) -> None:
        """Turn after turn fails: no new risk until a person has looked. Exits and cancels go on."""
        logger.critical("runner_unwell: %d turns failed in a row: %s", self._failures, words)
        text = f"{self._failures} turns failed in a row ({words}). Entries are halted; exits go on. Lift it with `python -m trader resume`."
        try:
            self._halt(f"the runner failed {self._failures} times in a row: {words}")
        except Exception:
            # Whatever keeps the halt from being written must not keep the alert from being raised.
            logger.exception("halt_not_written")
        self._inbox.append(Note("error", "runner_unwell", text))

    def _lose_lease(self, why: str) -> None:
        """Another runner has the account: send nothing more, end. May be called from any thread."""
        if self._fenced:
            return
        self._fenced = True
        self._wake.set()
        logger.critical("fenced: %s; this runner sends nothing more", why)

    def _wants_lease(self) -> bool:
        """A runner that hangs lets its lease run out, so that a host that stands by can take over."""
        hangs = self.quiet_secs >= (HUNG_SECS if self.ready.is_set() else DISK_SECS)
        return not self._writer.fault and not self._fenced and not hangs

    def _market(self) -> None:
        batch = self._feed.take()
        if batch is None:
            return
        with self._clock_lock:
            self._clock.observe(batch.newest, self._steady.from_machine(batch.heard))
        self._apply(ev.MarketMoved(at=self._now(), quotes=batch.quotes, spots=batch.spots, newest=batch.newest))

    # ------------------------------------------------------------ commands

    def _command(self, row: CommandRow) -> None:
        """Carry out a command. One that fails again and again is refused, except Stop: that is tried for ever."""
        if self._writer.answered(row.command_id) or row.command_id in self._obeyed:
            return
        try:
            self._obey(row)
        except (LeaseLost, RecordExists, JournalError):
            raise
        except Exception as error:
            tries = self._tries[row.command_id] = self._tries.get(row.command_id, 0) + 1
            if tries >= _COMMAND_TRIES and row.kind not in ("stop", "kill"):
                self._refuse(row, f"It cannot be carried out: {type(error).__name__}: {clause(str(error))}.")
                self._obeyed.append(row.command_id)
            raise
        self._tries.pop(row.command_id, None)
        self._obeyed.append(row.command_id)

    def _obey(self, row: CommandRow) -> None:
        if row.kind == "start" and (why_not := self._halted() or self._too_late(row)):
            self._refuse(row, f"{clause(why_not)}.")
            return
        match str(row.kind):  # a newer face may know more of them
            case "start":
                self._apply(
                    ev.StartCommand(
                        at=self._now(),
                        command_id=row.command_id,
                        config=row.body["config"],
                        config_hash=row.body["config_hash"],
                        start_now=bool(row.body.get("now", False)),
                        issued_by=row.issued_by,
                        confirm=row.body.get("confirm"),
                        foreign=parse_foreign(row.body.get("foreign", [])),
                        beside=str(row.body.get("beside") or ""),
                    )
                )
            case "beside":
                self._apply(
                    ev.BesideCommand(
                        at=self._now(),
                        command_id=row.command_id,
                        run_id=str(row.body.get("run_id", "")),
                        foreign=parse_foreign(row.body.get("foreign", [])),
                        phrase=str(row.body.get("phrase", "")),
                        issued_by=row.issued_by,
                    )
                )
            case "stop":
                self._apply(
                    ev.StopCommand(
                        at=self._now(),
                        command_id=row.command_id,
                        run_id=row.body.get("run_id"),
                        issued_by=row.issued_by,
                    )
                )
            case "pause" | "reduce" | "kill" | "resume":
                self._apply(
                    ev.LevelCommand(
                        at=self._now(),
                        command_id=row.command_id,
                        level=OperatorLevel(row.kind),
                        issued_by=who(row.issued_by, row.body),
                        reason=str(row.body.get("reason", "")),
                    )
                )
            case "ack":
                self._acknowledge(row)
            case _:
                self._refuse(row, f"This version of the runner does not know the command {row.kind!r}.")

    def _too_late(self, row: CommandRow) -> str:
        """Why a start is not taken up any more: whoever asked for it has long gone by its not having begun."""
        age = (self._wall() - row.issued_at).total_seconds()
        if age <= _START_SECS:
            return ""
        return f"It was asked for {age:.0f} s ago and no runner was there to take it up; nothing was started, start it anew"

    def _refuse(self, row: CommandRow, why: str) -> None:
        self._writer.commit((), CommandMark(command_id=row.command_id, status="refused", detail=why))

    def _acknowledge(self, row: CommandRow) -> None:
        for row_id, command in self._journal.commands_of_kind(self._lease.account, "ack", self._nagger.last_ack_id):
            self._nagger.acknowledged(row_id, command)
        self._writer.commit((), CommandMark(command_id=row.command_id, status="done", detail="acknowledged"))

    # ------------------------------------------------------------ what is told

    def note(self, note: Note) -> None:
        """From any thread: have something recorded as an alert."""
        self._inbox.append(note)
        self._wake.set()

    def _record(self, note: Note) -> None:
        """Put a note on record. What the journal cannot take now waits there like every other record."""
        if not self._gate.passes(note):
            return
        now = self._now()
        alert = AlertRaised(
            run_id=note.run_id,
            wall=now.wall,
            market=now.market,
            cause="recovery",
            level=note.level,
            code=note.code,
            text=note.text,
        )
        log_note(note)
        if not self._writer.commit([alert], None) and not self._state.journal_fault:
            self._apply(ev.JournalChanged(at=now, fault=self._writer.fault))
            self._writer.commit([alert], None)

    def _on_written(self, seq: int, record: AnyRecord) -> None:
        """A record is on disk: critical alerts are repeated until somebody acknowledges them."""
        if isinstance(record, AlertRaised):
            self._nagger.raised(
                AlertRow(
                    seq=seq,
                    run_id=record.run_id,
                    wall=record.wall,
                    level=record.level,
                    code=record.code,
                    text=record.text,
                )
            )

    def _tell_stream(self, event: ev.StreamChanged) -> None:
        if not event.up:
            self._down.setdefault(event.stream, self._wall())
        elif not event.gap and (since := self._down.pop(event.stream, None)) is not None and self._state.unresolved:
            self._record(recounting.stream_back(event.stream, since, self._wall()))

    def _tell_found(self, read: ev.AccountRead) -> None:
        """The first complete read after a restart: what the exchange shows of a run that was taken up again."""
        run = self._state.runs.get(read.run_id)
        if read.run_id not in self._to_find or run is None:
            return
        if read.error or read.positions is None or read.open_orders is None:
            return
        self._to_find.discard(read.run_id)
        self._record(recounting.found(run, read))

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
        if self._writer.fault:
            self._keep_halt(records)
        for effect in effects:
            self._perform(effect)
        if records:
            log_records(records, self._state)
            self._due["publish"] = 0.0
        if (
            self._writer.fault and not self._state.journal_fault
        ):  # it may be written, or not: no new risk until it is known
            self._apply(ev.JournalChanged(at=event.at, fault=self._writer.fault))

    def _keep_halt(self, records: Iterable[AnyRecord]) -> None:
        """A halt that cannot be recorded is kept in the HALT file: a restart must not lift it."""
        reasons = [r.reason for r in records if isinstance(r, LevelChanged) and r.level is Level.HALTED]
        if not reasons:
            return
        try:
            self._halt(reasons[-1])
        except ConfigError as error:
            logger.critical("halt_not_written: %s", error)

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
        log_effect(effect, self._state)  # after it: nothing stands between a decision and its request

    # ------------------------------------------------------------ other threads

    def _refused(self, effect: Submit) -> str:
        """Why an order that was decided a moment ago may not leave any more; empty when it may."""
        denied = check_release(self._state, effect.intent, self._now())
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
            return self._clock.now(self._steady())

    def _post(self, item: Item) -> None:
        if isinstance(item, ev.ChainRead):
            item = self._with_time(item)
        self._inbox.append(item)
        self._wake.set()

    def _with_time(self, event: ev.ChainRead) -> ev.ChainRead:
        """A chain tells the exchange's time too: after a restart with a silent stream nothing else does."""
        newest = newest_mark(event)
        if newest is None:
            return event
        with self._clock_lock:
            self._clock.observe(newest, self._steady())
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
