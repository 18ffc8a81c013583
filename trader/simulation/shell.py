"""The runner on virtual time: does what `trader.runner.runner` does, and can be killed, paused and replaced.

Step, commit, adopt the state, then perform; an event whose commit fails is lost and the old state kept; a lost lease
fences. Reads go through the real `trader.runner.reading`, prices through the real market clock.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

from msgspec.structs import replace

from trader.domain.clock import Now
from trader.domain.errors import JournalError
from trader.domain.order import OrderIntent
from trader.domain.outcome import Outcome
from trader.domain.quote import Quote
from trader.engine import events as ev
from trader.engine.effects import AckCommand, Cancel, Effect, ReadAccount, ReadChain, Submit, Subscribe
from trader.engine.fold import evolve
from trader.engine.records import AnyRecord, Phase, Record
from trader.engine.release import check_release
from trader.engine.state import State
from trader.engine.step import step
from trader.journal.lease import LeaseLost
from trader.runner.dispatcher import ZOMBIE_SECS
from trader.runner.market_clock import MarketClock
from trader.runner.reading import newest_mark, read_account, read_chain
from trader.simulation.agenda import MICRO, Agenda
from trader.simulation.disk import CommandRow, MemoryJournal
from trader.simulation.faults import Faults
from trader.simulation.gateway import Conversation, Later, SimGateway
from trader.simulation.wire import Wire, not_sent

INSTALLATION = "simu"
ACCOUNT = "simulated"
_WORKER_SECS = 0.001  # from the commit to a worker's hands
_BUSY_TICK = 600_000  # microseconds
_CALM_TICK = 2_200_000
_BUSY_SECS = 8.0
_BETWEEN_FACTOR = 8.0  # stopped between commit and send: the instant at which it matters most

Build = Callable[[Now], ev.AnyEvent]


class Killed(BaseException):
    """SIGKILL at this very point."""


class Surroundings(Protocol):
    """What a runner notices the world by, and the world it."""

    interleaved: bool
    latency: float

    def committed(self, shell: "Shell", records: list[AnyRecord]) -> None: ...

    def killed(self, shell: "Shell") -> None: ...

    def interrupt(self) -> None: ...

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
        self.subscribed: tuple[str, ...] = ()
        self.state = State(installation=INSTALLATION, epoch=epoch, env="paper", account_key=ACCOUNT)
        self.gateway = gateway
        self.steps = 0
        self._journal = journal
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
        if self._faults.hit("K3"):
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
        self.receive(lambda now: ev.Booted(at=now))
        if self.alive and self._faults.hit("K3"):
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
            try:
                self._point()
                self._apply(build(self.now()))
            except Killed:
                self.die()
            except LeaseLost:
                self._fence()
            except JournalError:
                pass  # the event is lost with its records; the state stands as it was
            except Exception as error:  # noqa: BLE001 - the runner's loop lives on; here it is a finding
                self._world.engine_raised(error)
            self._plan_tick()

    def market(self, quotes: tuple[Quote, ...], spots: tuple[tuple[str, Decimal], ...], newest: datetime) -> None:
        """A batch of market messages."""
        if self.alive and not self.paused:
            self._observe(newest)
            self.receive(lambda now: ev.MarketMoved(at=now, quotes=quotes, spots=spots, newest=newest))

    def command(self, row: CommandRow) -> None:
        """A command row found by polling."""
        if row.kind == "stop":
            self.receive(
                lambda now: ev.StopCommand(
                    at=now, command_id=row.command_id, run_id=row.body.get("run_id"), issued_by="person"
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
            )
        )

    def _plan_tick(self) -> None:
        """Plan the next moment at which time alone may matter: some while after the last step, as every step looks at it."""
        if not self.alive or self.paused or not self.state.unresolved:
            return
        due = self._agenda.micros + self._tick_micros()
        if not self._agenda.micros < self._tick_at <= due:
            self._tick_at = due
            self._agenda.at(due / MICRO, self._tick, due)

    def _tick_micros(self) -> int:
        """How long a runner may go without a step: short where time-outs run, longer than the market's rhythm elsewhere."""
        wall = self.now().wall
        for run in self.state.unresolved:
            busy = run.phase is Phase.ENTERING or run.phase is Phase.EXITING
            if busy and (wall - (run.phase_since or run.created_at)).total_seconds() <= _BUSY_SECS:
                return _BUSY_TICK
        return _CALM_TICK

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

    # ------------------------------------------------------------ one step

    def _point(self) -> None:
        if self._faults.hit("K1"):
            raise Killed

    def _apply(self, event: ev.AnyEvent) -> None:
        """Step, commit the records, adopt the state, then perform: a send never precedes its intent on disk."""
        self.steps += 1
        self._stepped_at = self._agenda.micros
        state, effects = step(self.state, event)
        records: list[AnyRecord] = [e for e in effects if isinstance(e, Record)]
        acks = [e for e in effects if isinstance(e, AckCommand)]
        if records or acks:
            self._commit(records, acks)
        self.state = state
        for effect in effects:
            self.perform(effect)

    def _commit(self, records: list[AnyRecord], acks: list[AckCommand]) -> None:
        self._point()
        if self._faults.hit("F1"):
            raise JournalError("disk full")
        self._journal.append(self.epoch, records, acks, self._agenda.secs)
        self._world.committed(self, records)
        self._point()

    def perform(self, effect: Effect) -> None:
        """Start one effect; its answer arrives as an event."""
        match effect:
            case Submit(intent=intent):
                self._point()
                self._agenda.after(_WORKER_SECS, self._submit, intent, self._agenda.secs)
                if self._faults.hit("K2", _BETWEEN_FACTOR):
                    self._world.interrupt()
            case Cancel():
                self._point()
                self._agenda.after(_WORKER_SECS, self._cancel, effect, self._agenda.secs)
            case ReadChain():
                self._agenda.after(0.01, self._read_chain, effect, Conversation())
            case ReadAccount():
                self._agenda.after(0.01, self._read_account, effect, Conversation(), self.now().wall)
            case Subscribe(symbols=symbols):
                self.subscribed = symbols

    def _submit(self, intent: OrderIntent, committed: float) -> None:
        """A worker signs and sends, after a last look at whether the order may still leave."""
        if self.paused:
            self._held_back.insert(0, lambda: self._submit(intent, committed))  # workers wake beside the loop
            return
        if not self.alive:
            return
        denied = check_release(self.state, intent)

        def answer(outcome: Outcome) -> None:
            self.receive(lambda now: ev.SubmitAnswered(at=now, client_order_id=intent.client_order_id, outcome=outcome))

        if not self._may_still(committed) or denied is not None:
            answer(not_sent("the account is another's" if denied is None else denied.code))
            return
        self._wire.send_order(intent, self.epoch, self.gateway.budget, answer)

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

    def _read_chain(self, effect: ReadChain, talk: Conversation) -> None:
        if not self.alive:
            return
        self.gateway.converse(talk, 8)
        event = self._world.chain_spoiled(read_chain(self.gateway, effect, self.now))
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
        asks = 1 if self._world.interleaved else 64
        self.gateway.converse(talk, asks)
        try:
            event = read_account(self.gateway, effect, asked, self.now)
        except Later:
            delay, talk.delay = talk.delay + 2 * self._world.latency, 0.0
            self._agenda.after(delay, self._read_account, effect, talk, asked)
            return
        self._agenda.after(talk.delay, self._hand_account, event)

    def _hand_account(self, event: ev.AccountRead) -> None:
        self.receive(lambda now: replace(event, at=now))
