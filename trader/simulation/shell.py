"""A runner on virtual time, that can be killed, paused and replaced.

Another host of the real kernel (`trader.runner.kernel`), with the runner's own writer, commands, last look before the wire,
reads, repeated alerts and market clock. What is simulated is what they are handed: inbox, workers, clocks, disk and exchange.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from math import inf
from typing import Protocol

from msgspec.structs import replace

from trader.domain.clock import Now
from trader.domain.expiry import ist_date
from trader.domain.outcome import Outcome, Rejected, Unknown
from trader.domain.quote import Quote
from trader.engine import events as ev
from trader.engine.account.wallet import is_owed
from trader.engine.effects import Cancel, ReadAccount, ReadChain, ReadMargin, ReadWallet, SetLeverage, Submit, Subscribe
from trader.engine.isolation import RULES_FAILED
from trader.engine.records import AlertRaised, AnyRecord, Phase
from trader.engine.state import State
from trader.journal.commands import CommandMark
from trader.journal.lease import Lease, LeaseLost
from trader.journal.store import RecordExists
from trader.runner.commands import Commands
from trader.runner.kernel import Kernel, Request
from trader.runner.market_clock import MarketClock
from trader.runner.reading import newest_mark, read_account, read_chain, read_margin, read_wallet
from trader.runner.release import Instant, Release
from trader.runner.reminders import NAG_SECS, Nagger
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
_SELDOM_TICK = 6_000_000  # what only a tick does is done at least so often, whatever else is stepped
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
    halted: str  # what the HALT file says, empty where there is none

    def host_wall(self) -> datetime: ...

    def keep_halt(self, reason: str) -> None: ...

    def killed(self, shell: "Shell") -> None: ...

    def interrupt(self) -> None: ...

    def folds_anew(self, shell: "Shell") -> None: ...

    def engine_raised(self, error: Exception) -> None: ...

    def chain_spoiled(self, event: ev.ChainRead) -> ev.ChainRead: ...

    def chain_heard(self, shell: "Shell", event: ev.ChainRead) -> None: ...

    def wallet_heard(self, shell: "Shell", event: ev.WalletRead) -> None: ...

    def account_heard(self, shell: "Shell", event: ev.AccountRead, began: float) -> None: ...

    def margin_heard(self, shell: "Shell", event: ev.MarginRead) -> None: ...


class _Writer(Writer):
    """The real one, with a point to die at before and after each commit."""

    def __init__(self, shell: "Shell", journal: MemoryJournal, lease: Lease, agenda: Agenda, nagger: Nagger) -> None:
        super().__init__(journal, lease, lambda: agenda.secs, lambda line: None, nagger.written)
        self._shell = shell

    def commit(self, records: Sequence[AnyRecord], mark: CommandMark | None) -> bool:
        for record in records:
            if isinstance(record, AlertRaised) and record.code == RULES_FAILED:
                raise AssertionError(record.text)  # survived in production; here it is a defect to be found
        what = type(records[-1]).__name__ if records else "mark"
        self._shell.point(f"commit.{what}.before")
        done = super().commit(records, mark)
        if self.fault:
            self._shell.note_fault()
        self._shell.point(f"commit.{what}.after")
        return done


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
        self._unwritable: list[tuple[float, float]] = []  # from when until when the journal could not be written
        self._renew_at = 0
        self.subscribed: tuple[str, ...] = ()
        self.gateway = gateway
        self.steps = 0
        self.orders_heard = 0.0  # when all open orders were last heard of: a read is told whole, after its last member
        self.orders_began = 0.0  # and when that read was begun
        self.holdings_heard: dict[
            str, float
        ] = {}  # run → when the newest read was begun that told positions and orders
        self.account_heard: dict[str, float] = {}  # the same of reads that told everything
        self.wallet_asked: dict[str, float] = {}  # run → when the ledger was last asked for
        self.fully_read = 0.0  # when what a complete account read has told was read, and heard
        self._journal = journal
        self.nagger = Nagger(NAG_SECS, lambda: agenda.secs)
        self._writer = _Writer(self, journal, _lease_of(epoch, wall), agenda, self.nagger)
        state = State(
            installation=INSTALLATION, epoch=epoch, env="paper", account_key=ACCOUNT, holder=f"runner {agenda.micros}"
        )
        self._kernel = Kernel(state, self._writer, self.perform, keep_halt=world.keep_halt)
        self._commands = Commands(
            self._hear,
            self._writer,
            now=self.now,
            wall=world.host_wall,
            halted=lambda: world.halted,
            acknowledge=lambda: self.nagger.catch_up(journal, ACCOUNT),
        )
        self._release = Release(
            state=lambda: self.state,
            now=self.now,
            halted=lambda: self._writer.fault or world.halted,
            holds=lambda: journal.epoch == epoch,
        )
        self._wire = wire
        self._agenda = agenda
        self._faults = faults
        self._world = world
        self._clock = MarketClock()
        self._wall_then = wall
        self._micros_then = agenda.micros
        self._held_back: list[Callable[[], None]] = []
        self._tick_at = -1  # when the next look at time alone is planned
        self._stepped_at = self._ticked_at = 0
        self._now: tuple[int, Now] | None = None

    @property
    def state(self) -> State:
        return self._kernel.state

    # ------------------------------------------------------------ life

    def recover(self) -> None:
        """Fold the journal, say Booted. A kill may strike in the middle of it."""
        if self._faults.hit("K3") or self._dies("recovery.begins"):
            self.die()
            return
        records = self._journal.read()
        if records:
            # The clock the engine measures with never steps back, not across restarts either.
            self._wall_then = max(self._wall_then, records[-1].wall)
        self._kernel.fold(records)
        self.nagger.catch_up(self._journal, ACCOUNT)
        for seq, record in enumerate(records, start=1):
            self.nagger.written(seq, record)
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
        self._take(lambda: self._hear(build(self.now())))

    def command(self, row: CommandRow) -> None:
        """A command row found by polling."""
        if not self._writer.answered(row.command_id):
            self._take(lambda: self._commands.carry_out(row))

    def _take(self, work: Callable[[], None]) -> None:
        if self.paused:
            self._held_back.append(lambda: self._take(work))
        elif self.alive:
            if self._agenda.micros >= self._renew_at and not self._writer.fault:
                self._renew()
            if self.alive:
                self._turn(work)
            if self._writer.fault and self.alive:
                self._turn(self._try_journal)
            self._plan_tick()

    def _renew(self) -> None:
        self._renew_at = self._agenda.micros + _RENEW
        if self._journal.epoch != self.epoch:
            self._fence()

    def _hear(self, event: ev.AnyEvent) -> None:
        if not self._faults.counts_points:
            self.point("")
        elif not isinstance(event, ev.ClockTicked | ev.MarketMoved):
            self.point(f"receive.{type(event).__name__}")
        self._apply(event)

    def _turn(self, work: Callable[[], None]) -> None:
        """The edge of the runner's loop."""
        try:
            work()
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

    def _plan_tick(self) -> None:
        """Plan the next moment at which time alone may matter: some while after the last step, as every step looks at it."""
        state = self.state
        is_wanted = (
            state.unresolved or state.awaited or state.loss_since or self._writer.fault or self._is_owed_wallet()
        )
        if not self.alive or self.paused or not is_wanted:
            return
        due = self._agenda.micros + self._tick_micros()
        if not self._agenda.micros < self._tick_at <= due:
            self._tick_at = due
            self._agenda.at(due / MICRO, self._tick, due)

    def _is_owed_wallet(self) -> bool:
        """Whether a run that is done, or a day, waits to be held against the exchange's ledger."""
        state, now = self.state, self.now()
        is_new_day = now.market is not None and state.ledger_until != ist_date(now.market)
        return (is_new_day and bool(state.account.flows)) or any(is_owed(run) for run in state.runs.values())

    def _tick_micros(self) -> int:
        """How long a runner may go without a step: short where time-outs run, longer than the market's rhythm elsewhere."""
        if self._writer.fault or self.state.awaited:
            return _BUSY_TICK
        wall, wait = self.now().wall, _CALM_TICK
        for run in self.state.runs.values():
            if run.phase is Phase.ENTERING or run.phase is Phase.EXITING:
                young = (wall - (run.phase_since or run.created_at)).total_seconds() <= _BUSY_SECS
                wait = min(wait, _BUSY_TICK if young else _PATIENT_TICK)
        return wait

    def _tick(self, due: int) -> None:
        if due != self._tick_at or not self.alive or self.paused:
            return
        self._tick_at = -1
        is_missed = due - self._ticked_at > _SELDOM_TICK or self._is_owed_wallet()
        if (later := self._stepped_at + self._tick_micros()) > due and not is_missed:
            self._tick_at = later  # something else was stepped meanwhile
            self._agenda.at(later / MICRO, self._tick, later)
            return
        self._ticked_at = due
        for row in self._journal.pending():
            self.command(row)
        self.receive(lambda now: ev.ClockTicked(at=now))

    def _try_journal(self) -> None:
        """What waited goes to disk once it can; the engine hears of it."""
        if self._writer.recovered(self.now().wall):
            self.mended_at = self._agenda.secs
            self._unwritable[-1:] = [(began, self.mended_at) for began, _ in self._unwritable[-1:]]
            self._kernel.journal_changed(self.now())

    @property
    def degraded(self) -> bool:
        """Whether records wait because the journal cannot be written."""
        return bool(self._writer.fault)

    def was_degraded(self, secs: float) -> bool:
        """Whether the journal could not be written at that instant of this life."""
        return any(began <= secs <= ended and (ended < inf or self.degraded) for began, ended in self._unwritable)

    # ------------------------------------------------------------ one step

    def point(self, name: str) -> None:
        """A point of the program at which it may be killed."""
        if self._faults.point(name):
            raise Killed

    def note_fault(self) -> None:
        """The journal could not be written just now."""
        if not self._unwritable or self._unwritable[-1][1] < inf:
            self._unwritable.append((self._agenda.secs, inf))

    def _dies(self, name: str) -> bool:
        """A point that is only visited, never drawn."""
        return self._faults.counts_points and self._faults.point(name)

    def _apply(self, event: ev.AnyEvent) -> None:
        self.steps += 1
        self._stepped_at = self._agenda.micros
        self._kernel.apply(event)

    def perform(self, request: Request) -> None:
        """Start one request; its answer arrives as an event."""
        match request:
            case Submit():
                self.point("submit.before")
                self._agenda.after(_WORKER_SECS, self._submit, request, self._instant())
                if self._faults.hit("K2", _BETWEEN_FACTOR):
                    self._world.interrupt()
            case Cancel():
                self.point("cancel.before")
                self._agenda.after(_WORKER_SECS, self._cancel, request, self._instant())
            case SetLeverage():
                self._agenda.after(_WORKER_SECS, self._set_leverage, request, self._instant())
            case ReadChain():
                self._agenda.after(0.01, self._read_chain, request, Conversation())
            case ReadWallet():
                self._agenda.after(0.01, self._read_wallet, request, Conversation())
            case ReadMargin():
                self._agenda.after(0.01, self._read_margin, Conversation())
            case ReadAccount():
                self._agenda.after(0.01, self._read_account, request, Conversation(self._agenda.secs), self.now().wall)
            case Subscribe(symbols=symbols):
                self.subscribed = symbols

    def _instant(self) -> Instant:
        return Instant(self._agenda.secs, self._agenda.secs)

    def _submit(self, effect: Submit, released: Instant) -> None:
        """A worker signs and sends, after a last look at whether the order may still leave."""
        if self.paused:
            self._held_back.insert(0, lambda: self._submit(effect, released))  # workers wake beside the loop
            return
        if not self.alive:
            return
        intent = effect.intent

        def answer(outcome: Outcome) -> None:
            self.receive(lambda now: ev.SubmitAnswered(at=now, client_order_id=intent.client_order_id, outcome=outcome))

        if refused := self._release.refusal(effect, released, self._instant()):
            answer(refused)
        elif self._faults.hit("W1"):
            self._submit_badly(effect, answer)
        else:
            self._wire.send_order(intent, self.epoch, self.gateway.budget, answer)
            if self._dies("submit.sent"):
                self.die()

    def _set_leverage(self, effect: SetLeverage, released: Instant) -> None:
        if self.paused:
            self._held_back.insert(0, lambda: self._set_leverage(effect, released))
            return
        if not self.alive:
            return

        def answer(ended: Rejected | Unknown | None) -> None:
            run_id, number, leverage = effect.run_id, effect.product_id, effect.leverage
            self.receive(
                lambda now: ev.LeverageAnswered(
                    at=now, run_id=run_id, product_id=number, leverage=leverage, ended=ended
                )
            )

        if refused := self._release.refusal(effect, released, self._instant()):
            answer(refused)
        else:
            self._wire.send_leverage(effect, self.gateway.budget, answer)

    def _submit_badly(self, effect: Submit, answer: Callable[[Outcome], None]) -> None:
        """W1: the worker dies, before it has sent the order or after; nobody can say which."""
        if self._faults.details("W1").random() < 0.5:
            self._wire.send_order(effect.intent, self.epoch, self.gateway.budget, lambda outcome: None)
        answer(Unknown("worker failed"))

    def _cancel(self, effect: Cancel, released: Instant) -> None:
        if self.paused:
            self._held_back.insert(0, lambda: self._cancel(effect, released))
            return
        if not self.alive:
            return

        def answer(outcome: Outcome) -> None:
            self.receive(lambda now: ev.CancelAnswered(at=now, client_order_id=effect.client_order_id, outcome=outcome))

        if refused := self._release.refusal(effect, released, self._instant()):
            answer(refused)
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
        if self.alive and not self.paused and (newest := newest_mark(event)) is not None:
            self._observe(newest)

        def hear(now: Now) -> ev.AnyEvent:
            self._world.chain_heard(self, event)
            return replace(event, at=now)

        self.receive(hear)

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
            event = ev.AccountRead(at=self.now(), runs=effect.runs, asked=asked, error="the reader failed")
        self._agenda.after(talk.delay, self._hand_account, event, self._agenda.secs, talk.began)

    def _read_wallet(self, effect: ReadWallet, talk: Conversation) -> None:
        if not self.alive:
            return
        if self._dies("read.wallet.before"):
            self.die()
            return
        self.wallet_asked[effect.run_id] = self._agenda.secs
        self.gateway.converse(talk, 8)
        event = read_wallet(self.gateway, effect, self.now)
        if self._faults.hit("W1", 0.5):
            if self._reader_is_stuck():
                return
            event = ev.WalletRead(at=self.now(), run_id=effect.run_id, since=effect.since, error="the reader failed")

        def hear(now: Now) -> ev.AnyEvent:
            self._world.wallet_heard(self, event)
            return replace(event, at=now)

        self._agenda.after(talk.delay, self.receive, hear)

    def _read_margin(self, talk: Conversation) -> None:
        if self.alive:
            self.gateway.converse(talk, 8)
            event = read_margin(self.gateway, self.now)

            def hear(now: Now) -> ev.AnyEvent:
                self._world.margin_heard(self, event)
                return replace(event, at=now)

            self._agenda.after(talk.delay, self.receive, hear)

    def _reader_is_stuck(self) -> bool:
        """W1: a reading worker dies, which it says at once, or hangs and never says anything."""
        return self._faults.details("W1").random() < 0.2

    def _hand_account(self, event: ev.AccountRead, secs: float, began: float) -> None:
        if not event.error and not event.failed:
            self.fully_read = max(self.fully_read, secs)

        def hear(now: Now) -> ev.AnyEvent:
            """Noted when it is heard: what a paused process is handed it hears when it goes on."""
            self._world.account_heard(self, event, began)
            if event.positions is not None and event.open_orders is not None:
                for run_id in event.runs:
                    self.holdings_heard[run_id] = began
                    if not event.error and not any(f"-{run_id[:5]}-" in name for name in event.failed):
                        self.account_heard[run_id] = began
            if event.whole and event.open_orders is not None:
                self.orders_heard, self.orders_began = self._agenda.secs, began
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
