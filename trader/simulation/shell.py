"""The runner on virtual time: does what `trader.runner.runner` does, and can be killed, paused and replaced.

Step, commit, adopt the state, then perform; what cannot be committed waits in the real `trader.runner.writing`; a lost
lease fences. Reads go through the real `trader.runner.reading`, prices through the real market clock.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

from msgspec.structs import replace

from trader.domain.clock import Now
from trader.domain.foreign import parse_foreign
from trader.domain.order import OrderIntent, Purpose
from trader.domain.outcome import Outcome, Rejected, Unknown, not_sent
from trader.domain.quote import Quote
from trader.engine import events as ev
from trader.engine.apart import RULES_FAILED
from trader.engine.effects import AckCommand, Cancel, Effect, ReadAccount, ReadChain, Submit, Subscribe
from trader.engine.fold import evolve
from trader.engine.records import AlertRaised, AnyRecord, Phase, Record
from trader.engine.release import check_release
from trader.engine.state import State
from trader.engine.step import step
from trader.journal.commands import CommandMark
from trader.journal.lease import Lease, LeaseLost
from trader.journal.store import RecordExists
from trader.runner.dispatcher import ENTRY_SECS, ZOMBIE_SECS
from trader.runner.market_clock import MarketClock
from trader.runner.reading import newest_mark, read_account, read_chain
from trader.runner.writing import Writer
from trader.simulation.agenda import MICRO, Agenda
from trader.simulation.disk import LEASE_SECS, CommandRow, MemoryJournal
from trader.simulation.faults import Faults
from trader.simulation.gateway import Conversation, Later, SimGateway
from trader.simulation.wire import Wire

INSTALLATION = "simu"
ACCOUNT = "simulated"
_WORKER_SECS = 0.001  # from the commit to a worker's hands
_BUSY_TICK = 600_000  # microseconds
_PATIENT_TICK = 1_200_000
_CALM_TICK = 2_200_000
_BUSY_SECS = 8.0
_RENEW = 2 * MICRO  # how often the lease is renewed
_BETWEEN_FACTOR = 8.0  # stopped between commit and send: the instant at which it matters most

Build = Callable[[Now], ev.AnyEvent]


class Killed(BaseException):
    """SIGKILL at this very point."""


class Surroundings(Protocol):
    """What a runner notices the world by, and the world it."""

    interleaved: bool
    latency: float

    def killed(self, shell: "Shell") -> None: ...

    def interrupt(self) -> None: ...

    def folds_anew(self, shell: "Shell") -> None: ...

    def engine_raised(self, error: Exception) -> None: ...

    def chain_spoiled(self, event: ev.ChainRead) -> ev.ChainRead: ...

    def chain_heard(self, shell: "Shell", event: ev.ChainRead) -> None: ...


class Shell:
    """One runner instance: from its lease to its end."""

    def __init__(
        self,
        *,
        epoch: int,
        wall: datetime,
        journal: MemoryJournal,
        gateway: SimGateway,
        wire: Wire,
        agenda: Agenda,
        faults: Faults,
        world: Surroundings,
    ) -> None:
        self.epoch = epoch
        self.alive = True
        self.paused = False
        self.fenced = False
        self.booted_at = agenda.secs
        self.mended_at = -1.0  # when the journal could be written again
        self._degraded_from = -1.0
        self._renew_at = 0
        self.subscribed: tuple[str, ...] = ()
        self.state = State(
            installation=INSTALLATION, epoch=epoch, env="paper", account_key=ACCOUNT, holder=f"runner {agenda.micros}"
        )
        self.gateway = gateway
        self.steps = 0
        self.orders_heard = 0.0  # when open orders were last heard of: a read is told whole, after its last member
        self.holdings_heard: dict[
            str, float
        ] = {}  # run → when the newest read was begun that told positions and orders
        self.account_heard: dict[str, float] = {}  # the same of reads that told everything
        self.fully_read = 0.0  # when what a complete account read has told was read, and heard
        self._journal = journal
        self._writer = Writer(journal, _lease_of(epoch, wall), lambda: agenda.secs, lambda line: None)
        self._wire = wire
        self._agenda = agenda
        self._faults = faults
        self._world = world
        self._clock = MarketClock()
        self._wall_then = wall
        self._micros_then = agenda.micros
        self._held_back: list[Callable[[], None]] = []
        self._tick_at = -1  # when the next look at time alone is planned
        self._stepped_at = 0
        self._now: tuple[int, Now] | None = None

    # ------------------------------------------------------------ life

    def recover(self) -> None:
        """Fold the journal, say Booted. A kill may strike in the middle of it."""
        if self._faults.hit("K3") or self._dies("recovery.begins"):
            self.die()
            return
        state = self.state
        records = self._journal.read()
        if records:
            # The clock the engine measures with never steps back, not across restarts either.
            self._wall_then = max(self._wall_then, records[-1].wall)
        for record in records:
            state = evolve(state, record)
        self.state = state
        if self._dies("recovery.folded"):
            self.die()
            return
        self.receive(lambda now: ev.Booted(at=now))
        if self.alive and (self._faults.hit("K3") or self._dies("recovery.booted")):
            self.die()

    def die(self) -> None:
        """The process is gone; what it had put on the wire is not."""
        self.alive = False
        self._held_back.clear()
        self._world.killed(self)

    def pause(self) -> None:
        """SIGSTOP."""
        self.paused = True

    def resume(self) -> None:
        """SIGCONT: everything that has piled up is worked off."""
        self.paused = False
        waiting, self._held_back = self._held_back, []
        for work in waiting:
            if self.paused:
                self._held_back.append(work)
            elif self.alive:
                work()
        if self.alive and not self._journal.renew(self.epoch, self.now().wall):
            self._fence()
        self._plan_tick()

    def _fence(self) -> None:
        self.fenced = True
        self.alive = False

    def now(self) -> Now:
        """Both clocks; worked out once per instant and observation."""
        micros = self._agenda.micros
        if self._now is None or self._now[0] != micros:
            wall = self._wall_then + timedelta(microseconds=micros - self._micros_then)
            self._now = (micros, self._clock.now(wall))
        return self._now[1]

    def _observe(self, newest: datetime) -> None:
        self._clock.observe(newest, self.now().wall)
        self._now = None

    # ------------------------------------------------------------ events in

    def receive(self, build: Build) -> None:
        """An event for the inbox; worked off at once unless the process is stopped."""
        if self.paused:
            self._held_back.append(lambda: self.receive(build))
        elif self.alive:
            if self._agenda.micros >= self._renew_at and not self._writer.fault:
                self._renew()
            if self.alive:
                self._turn(self._take, build)
            if self._writer.fault and self.alive:
                self._turn(self._try_journal)
            self._plan_tick()

    def _renew(self) -> None:
        self._renew_at = self._agenda.micros + _RENEW
        if self._journal.epoch != self.epoch:
            self._fence()

    def _take(self, build: Build) -> None:
        event = build(self.now())
        if not self._faults.counts_points:
            self._point("")
        elif not isinstance(event, ev.ClockTicked | ev.MarketMoved):
            self._point(f"receive.{type(event).__name__}")
        self._apply(event)

    def _turn(self, work: Callable[..., None], *arguments: Any) -> None:
        """The edge of the runner's loop."""
        try:
            work(*arguments)
        except Killed:
            self.die()
        except LeaseLost:
            self._fence()
        except RecordExists:
            self.alive = False
            self._world.folds_anew(self)
        except Exception as error:  # noqa: BLE001 - the runner's loop lives on; here it is a finding
            self._world.engine_raised(error)

    def market(self, quotes: tuple[Quote, ...], spots: tuple[tuple[str, Decimal], ...], newest: datetime) -> None:
        """A batch of market messages."""
        if self.alive and not self.paused:
            self._observe(newest)
            self.receive(lambda now: ev.MarketMoved(at=now, quotes=quotes, spots=spots, newest=newest))

    def command(self, row: CommandRow) -> None:
        """A command row found by polling."""
        if self._writer.answered(row.command_id):
            return
        if row.kind == "stop":
            self.receive(
                lambda now: ev.StopCommand(
                    at=now, command_id=row.command_id, run_id=row.body.get("run_id"), issued_by="person"
                )
            )
            return
        if row.kind == "beside":
            self.receive(
                lambda now: ev.BesideCommand(
                    at=now,
                    command_id=row.command_id,
                    run_id=row.body["run_id"],
                    foreign=parse_foreign(row.body["foreign"]),
                    phrase=row.body["phrase"],
                    issued_by="person",
                )
            )
            return
        self.receive(
            lambda now: ev.StartCommand(
                at=now,
                command_id=row.command_id,
                config=row.body["config"],
                config_hash=row.body["config_hash"],
                start_now=row.body["now"],
                issued_by="person",
                foreign=parse_foreign(row.body.get("foreign", [])),
                beside=row.body.get("beside", ""),
            )
        )

    def _plan_tick(self) -> None:
        """Plan the next moment at which time alone may matter: some while after the last step, as every step looks at it."""
        if not self.alive or self.paused or not (self.state.unresolved or self._writer.fault):
            return
        due = self._agenda.micros + self._tick_micros()
        if not self._agenda.micros < self._tick_at <= due:
            self._tick_at = due
            self._agenda.at(due / MICRO, self._tick, due)

    def _tick_micros(self) -> int:
        """How long a runner may go without a step: short where time-outs run, longer than the market's rhythm elsewhere."""
        if self._writer.fault:
            return _BUSY_TICK
        wall, wait = self.now().wall, _CALM_TICK
        for run in self.state.unresolved:
            if run.phase is Phase.ENTERING or run.phase is Phase.EXITING:
                young = (wall - (run.phase_since or run.created_at)).total_seconds() <= _BUSY_SECS
                wait = min(wait, _BUSY_TICK if young else _PATIENT_TICK)
        return wait

    def _tick(self, due: int) -> None:
        if due != self._tick_at or not self.alive or self.paused:
            return
        self._tick_at = -1
        if (later := self._stepped_at + self._tick_micros()) > due:
            self._tick_at = later  # something else was stepped meanwhile
            self._agenda.at(later / MICRO, self._tick, later)
            return
        for row in self._journal.pending():
            self.command(row)
        self.receive(lambda now: ev.ClockTicked(at=now))

    def _try_journal(self) -> None:
        """What waited goes to disk once it can; the engine hears of it."""
        if self._writer.recovered(self.now().wall):
            self.mended_at = self._agenda.secs
            self._apply(ev.JournalChanged(at=self.now(), fault=""))

    @property
    def degraded(self) -> bool:
        """Whether records wait because the journal cannot be written."""
        return bool(self._writer.fault)

    def was_degraded(self, secs: float) -> bool:
        """Whether the journal could not be written at that instant of this life."""
        return self._degraded_from <= secs and (self.degraded or secs <= self.mended_at)

    # ------------------------------------------------------------ one step

    def _point(self, name: str) -> None:
        if self._faults.point(name):
            raise Killed

    def _dies(self, name: str) -> bool:
        """A point that is only visited, never drawn."""
        return self._faults.counts_points and self._faults.point(name)

    def _apply(self, event: ev.AnyEvent) -> None:
        """Step, commit the records, adopt the state, then perform: a send never precedes its intent on disk.

        What cannot be committed makes the engine decide anew, knowing the fault; as `Runner._apply` does.
        """
        self.steps += 1
        self._stepped_at = self._agenda.micros
        state, effects = step(self.state, event)
        records: list[AnyRecord] = [e for e in effects if isinstance(e, Record)]
        for record in records:
            if isinstance(record, AlertRaised) and record.code == RULES_FAILED:
                raise AssertionError(record.text)  # survived in production; here it is a defect to be found
        acks = [e for e in effects if isinstance(e, AckCommand)]
        if (records or acks) and not self._commit(records, acks) and not state.journal_fault:
            self._apply(ev.JournalChanged(at=event.at, fault=self._writer.fault))
            if not isinstance(event, ev.JournalChanged):
                self._apply(event)
            return
        self.state = state
        for effect in effects:
            self.perform(effect)
        if self._writer.fault and not state.journal_fault:
            self._apply(ev.JournalChanged(at=event.at, fault=self._writer.fault))

    def _commit(self, records: list[AnyRecord], acks: list[AckCommand]) -> bool:
        what = type(records[-1]).__name__ if records else "mark"
        self._point(f"commit.{what}.before")
        done = self._writer.commit(records, _mark(acks[0]) if acks else None)
        if self._writer.fault and not (self._degraded_from > self.mended_at):
            self._degraded_from = self._agenda.secs
        self._point(f"commit.{what}.after")
        return done

    def perform(self, effect: Effect) -> None:
        """Start one effect; its answer arrives as an event."""
        match effect:
            case Submit(intent=intent):
                self._point("submit.before")
                self._agenda.after(_WORKER_SECS, self._submit, intent, self._agenda.secs)
                if self._faults.hit("K2", _BETWEEN_FACTOR):
                    self._world.interrupt()
            case Cancel():
                self._point("cancel.before")
                self._agenda.after(_WORKER_SECS, self._cancel, effect, self._agenda.secs)
            case ReadChain():
                self._agenda.after(0.01, self._read_chain, effect, Conversation())
            case ReadAccount():
                self._agenda.after(0.01, self._read_account, effect, Conversation(self._agenda.secs), self.now().wall)
            case Subscribe(symbols=symbols):
                self.subscribed = symbols

    def _submit(self, intent: OrderIntent, committed: float) -> None:
        """A worker signs and sends, after a last look at whether the order may still leave."""
        if self.paused:
            self._held_back.insert(0, lambda: self._submit(intent, committed))  # workers wake beside the loop
            return
        if not self.alive:
            return
        denied = check_release(self.state, intent, self.now())

        def answer(outcome: Outcome) -> None:
            self.receive(lambda now: ev.SubmitAnswered(at=now, client_order_id=intent.client_order_id, outcome=outcome))

        if not self._may_still(committed) or denied is not None:
            answer(not_sent("the account is another's" if denied is None else denied.code))
        elif intent.purpose is Purpose.ENTRY and self._agenda.secs - committed > ENTRY_SECS:
            answer(not_sent("it was decided too long ago"))
        elif self._writer.fault and intent.purpose is Purpose.ENTRY:
            answer(Rejected("halted", self._writer.fault))
        elif self._faults.hit("W1"):
            self._submit_badly(intent, answer)
        else:
            self._wire.send_order(intent, self.epoch, self.gateway.budget, answer)
            if self._dies("submit.sent"):
                self.die()

    def _submit_badly(self, intent: OrderIntent, answer: Callable[[Outcome], None]) -> None:
        """W1: the worker dies, before it has sent the order or after; nobody can say which."""
        if self._faults.details("W1").random() < 0.5:
            self._wire.send_order(intent, self.epoch, self.gateway.budget, lambda outcome: None)
        answer(Unknown("worker failed"))

    def _may_still(self, released: float) -> bool:
        """As the dispatcher: what waited longer than a second asks the journal for the lease."""
        return self._agenda.secs - released <= ZOMBIE_SECS or self._journal.epoch == self.epoch

    def _cancel(self, effect: Cancel, asked: float) -> None:
        if self.paused:
            self._held_back.insert(0, lambda: self._cancel(effect, asked))
            return
        if not self.alive:
            return

        def answer(outcome: Outcome) -> None:
            self.receive(lambda now: ev.CancelAnswered(at=now, client_order_id=effect.client_order_id, outcome=outcome))

        if not self._may_still(asked):
            answer(not_sent("the account is another's"))
            return
        self._wire.send_cancel(effect, self.epoch, self.gateway.budget, answer)
        if self._dies("cancel.sent"):
            self.die()

    def _read_chain(self, effect: ReadChain, talk: Conversation) -> None:
        if not self.alive:
            return
        if self._dies("read.chain.before"):
            self.die()
            return
        self.gateway.converse(talk, 8)
        event = self._world.chain_spoiled(read_chain(self.gateway, effect, self.now))
        if self._faults.hit("W1", 0.5):
            if self._reader_is_stuck():
                return
            event = ev.ChainRead(at=self.now(), run_id=effect.run_id, error="the reader failed")
        self._agenda.after(talk.delay, self._hand_chain, event)

    def _hand_chain(self, event: ev.ChainRead) -> None:
        if self.alive and not self.paused:
            self._world.chain_heard(self, event)
            newest = newest_mark(event)
            if newest is not None:
                self._observe(newest)
        self.receive(lambda now: replace(event, at=now))

    def _read_account(self, effect: ReadAccount, talk: Conversation, asked: datetime) -> None:
        """As far as the answers reach; what is asked next is asked a moment later."""
        if not self.alive:
            return
        if not talk.answers and self._dies("read.account.before"):
            self.die()
            return
        asks = 1 if self._world.interleaved else 64
        self.gateway.converse(talk, asks)
        try:
            event = read_account(self.gateway, effect, asked, self.now)
        except Later:
            delay, talk.delay = talk.delay + 2 * self._world.latency, 0.0
            self._agenda.after(delay, self._read_account, effect, talk, asked)
            return
        if self._faults.hit("W1", 0.5):
            if self._reader_is_stuck():
                return
            event = ev.AccountRead(at=self.now(), run_id=effect.run_id, asked=asked, error="the reader failed")
        self._agenda.after(talk.delay, self._hand_account, event, self._agenda.secs, talk.began)

    def _reader_is_stuck(self) -> bool:
        """W1: a reading worker dies, which it says at once, or hangs and never says anything."""
        return self._faults.details("W1").random() < 0.2

    def _hand_account(self, event: ev.AccountRead, secs: float, began: float) -> None:
        if not event.error:
            self.fully_read = max(self.fully_read, secs)

        def hear(now: Now) -> ev.AnyEvent:
            """Noted when it is heard: what a paused process is handed it hears when it goes on."""
            if event.positions is not None and event.open_orders is not None:
                self.holdings_heard[event.run_id] = began
                if not event.error:
                    self.account_heard[event.run_id] = began
            if event.open_orders is not None:
                self.orders_heard = self._agenda.secs
            return replace(event, at=now)

        self.receive(hear)


def _lease_of(epoch: int, wall: datetime) -> Lease:
    return Lease(
        account=ACCOUNT,
        holder=f"runner {epoch}",
        host="simulated",
        pid=0,
        epoch=epoch,
        code_hash="",
        schema_revision="",
        ttl_secs=LEASE_SECS,
        taken_at=wall,
        renewed_at=wall,
        expires_at=wall + timedelta(seconds=LEASE_SECS),
    )


def _mark(ack: AckCommand) -> CommandMark:
    return CommandMark(command_id=ack.command_id, status=ack.status, detail=ack.detail)  # type: ignore[arg-type]
