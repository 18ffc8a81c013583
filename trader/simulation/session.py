"""One session: the world on virtual time, from the first boot to the last check."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import msgspec

from trader.config.preset import Preset
from trader.domain.clock import Now
from trader.domain.foreign import Foreign, beside_phrase, find_foreign
from trader.domain.instrument import Kind
from trader.domain.order import Side
from trader.domain.quote import Quote
from trader.engine import events as ev
from trader.engine.records import AnyRecord, Phase
from trader.simulation.agenda import Agenda
from trader.simulation.disk import CommandRow, MemoryJournal
from trader.simulation.evidence import Violation
from trader.simulation.faults import Faults
from trader.simulation.gateway import Network, SimGateway
from trader.simulation.market import PERPETUAL, UNDERLYING
from trader.simulation.oracle import Oracle
from trader.simulation.plan import preset_of, wall_step
from trader.simulation.planned import Deed, Plan
from trader.simulation.quotes import ABSURD_SPOTS, absurd, aged, quote_of, spoiled
from trader.simulation.shell import Shell
from trader.simulation.slicing import is_in_slices
from trader.simulation.streams import PrivateStream
from trader.simulation.tickets import amended, order_of
from trader.simulation.venue import SimVenue, is_desks, snapshot_of
from trader.simulation.wire import Wire

LIVENESS_SECS = 60.0
LAST_STOP_SECS = 45.0
UNTOLD_SECS = 15.0  # besides, where costs are never told: two reads of the account, an order by its id for each fill
_AGAIN_SECS = 0.25
_MODE_SECS = 65.0
_COMPARED_SECS = 90.0  # the first look, a minute until a difference counts as one, and a try to read the ledger more
_TAIL_SECS = 11.0  # what was sent late may still arrive after the end
_WINDOWS = ("N10", "N11", "N13", "N15", "V1", "K2", "X7", "W4")
_CHARGES = ("liquidation_fee", "funding", "a_kind_nobody_has_documented")
_FAULT_OF = {"liquidate": "X6", "other_runner": "W4", "charge": "X14", "deposit": "X14"}
_SUSPENDED_SECS = 600.0  # an outage this long is a host that sleeps and wakes up, with its processes


class SessionResult(msgspec.Struct, kw_only=True):
    """What a session showed."""

    seed: int
    violations: list[Violation]
    counts: dict[tuple[str, str], int]
    several: dict[str, int]  # faults and commands while more than one run was unfinished
    commands: dict[tuple[str, str], int]  # answered ones, by kind and the phase they were pressed in
    happened: list[tuple[str, int]]
    limits: dict[str, int]
    trace_hash: str
    secs: float
    steps: int
    ended: str
    reason: str


class Session:
    """The parts of one world and the people in it."""

    def __init__(
        self,
        plan: Plan,
        only: frozenset[tuple[str, int]] | None = None,
        kills: frozenset[int] | None = None,
    ) -> None:
        """`only` and `kills` as in `Faults`."""
        self.plan = plan
        self.interleaved = plan.interleaved
        self.latency = plan.latency
        self.agenda = Agenda(plan.market.opening)
        self.faults = Faults(plan.seed, plan.rates, only, kills)
        self.faults.phase = self.phase
        self.faults.are_several = self._are_several
        self.faults.clock = lambda: self.agenda.secs
        self.journal = MemoryJournal(self.agenda, self.faults)
        self.venue = SimVenue(plan, self.agenda, self.faults)
        self.network = Network(self.agenda, self.faults)
        self.wire = Wire(self.venue, self.network, self.agenda, self.faults, plan.latency)
        self.stream = PrivateStream(self.venue, self.agenda, self.faults, plan.latency, self._post)
        self.shells: list[Shell] = []
        self.oracle = Oracle(self)
        self.journal.on_append = self._appended
        self.journal.on_answer = self.oracle.answered
        self.venue.on_news = self._news
        self.venue.on_accept = self.oracle.accepted
        self.venue.on_arrival = self.oracle.arrived
        self._wall_steps = [(0.0, timedelta(0))]  # since when the host's clock has been off by how much
        self.public_silent_until = 0.0
        self.public_up = True
        self.unpriced: tuple[str, float] = ("", 0.0)
        self.resumed_at = 0.0
        self.ended = ""
        self.halted = ""  # the HALT file beside the journal
        self._bodies: dict[int, dict[str, Any]] = {}
        self._host_down_until = 0.0
        self._deeds_left = len(plan.deeds)
        self._settlement_seen = False
        self._stage = "safety"
        self._deadline = 0.0

    # ------------------------------------------------------------ the course of it

    def run(self) -> SessionResult:
        """Let everything happen; the oracle has watched when it returns."""
        agenda = self.agenda
        self._boot()
        agenda.at(0.05, self._market)
        agenda.at(1.0, self._supervise)
        if any(name in self.plan.rates for name in _WINDOWS):
            agenda.at(0.9, self._windows)
        for number, deed in enumerate(self.plan.deeds):
            agenda.at(deed.secs, self._do, deed, f"{self.plan.seed}-{number}")
        if self.plan.outage is not None:
            agenda.at(self.plan.outage[0], self._outage, self.plan.outage[1])
        step, end = agenda.step, 10**15
        while not self.ended and step(end):
            pass
        self.oracle.at_the_end()
        newest = self.oracle.notes.newest()
        answered = [row for row in self.journal.commands.values() if row.answered]
        return SessionResult(
            seed=self.plan.seed,
            violations=self.oracle.evidence.violations,
            counts=dict(self.faults.counts),
            several=dict(self.faults.several + Counter(row.kind for row in answered if row.several)),
            commands=Counter((row.kind, row.phase) for row in answered),
            happened=self.faults.happened,
            limits=dict(self.oracle.evidence.limits),
            trace_hash=self.oracle.trace_hash(),
            secs=agenda.secs,
            steps=sum(shell.steps for shell in self.shells),
            ended=self.ended,
            reason=newest.exit_reason if newest is not None else "",
        )

    def _supervise(self) -> None:
        """Once a second: safety phase, then faults stop, then everything must come right, then it must end."""
        secs = self.agenda.secs
        shell = self.current
        if shell is not None and not shell.paused:
            for row in self.journal.pending():
                shell.command(row)
        self.oracle.every_second()
        if self.venue.core.products.expired and not self._settlement_seen:
            self._settlement_seen = True
            self.faults.note("X5")
        open_runs = self.oracle.notes.unresolved()
        started = any(row.status != "new" for row in self.journal.commands.values())
        idle = started and not open_runs and self._deeds_left == 0 and not self.journal.pending()
        match self._stage:
            case "safety" if idle and not self._zombies():
                self._end_tail()
            case "safety" if secs >= self.quiet_from:
                self._end_of_faults()
            case "liveness" if idle:
                self._end_tail()
            case "liveness" if secs >= self._deadline:
                self.oracle.live()
                self._stage, self._deadline = "closing", secs + LAST_STOP_SECS
                self._deadline += 0.0 if self.plan.costs_told else UNTOLD_SECS
                self._submit(f"{self.plan.seed}-last", "stop", {"run_id": None})
            case "closing" if idle:
                self._end_tail()
            case "closing" if secs >= self._deadline:
                self.oracle.never_closed()
                self.ended = "stuck"
            case "tail" if secs >= self._deadline and not self._is_owed_wallet():
                self.ended = "flat" if idle else "again"
            case _:
                pass
        self.agenda.after(1.0, self._supervise)

    @property
    def is_isolated(self) -> bool:
        """Whether each position stands on a margin of its own, and has done for as long as it takes to be known."""
        is_known = self.agenda.secs - self.venue.mode_since > _MODE_SECS
        return self.venue.account.margin_mode == "isolated" and is_known

    @property
    def quiet_from(self) -> float:
        """When nothing breaks any more: drawn faults, outage, books that are empty or far apart, settlement."""
        plan = self.plan
        market = plan.market
        until = [plan.faults_end, *(end for _, end, _ in (*market.empty, *market.wide))]
        if plan.outage is not None:
            until.append(sum(plan.outage))
        if plan.market.expiry_secs < 3600:
            until.append(plan.market.expiry_secs + plan.settlement_late_secs + 60)
        return max(until)

    def _end_of_faults(self) -> None:
        self.faults.active = False
        self._stage, self._deadline = "liveness", self.agenda.secs + LIVENESS_SECS
        self.network.refused_until = self.network.closed_until = self.venue.halted_until = 0.0
        self.journal.mend()
        self.stream.mend()
        self.public_silent_until, self.unpriced = 0.0, ("", 0.0)
        for shell in self.shells:
            if shell.paused and shell.alive:
                self.resumed_at = self.agenda.secs
                shell.resume()

    def _end_tail(self) -> None:
        wait = _TAIL_SECS if self.wire.in_transit else 0.0
        self._stage, self._deadline = "tail", self.agenda.secs + wait
        if not wait and not self._is_owed_wallet():
            self.ended = "flat"

    def _is_owed_wallet(self) -> bool:
        """Whether a run that has ended lately, or the day that has, is still to be held against the exchange's ledger."""
        if self.agenda.secs - self.oracle.losses.midnight_secs() < _COMPARED_SECS and self.oracle.losses.is_day_owed():
            return True
        runs = [run for run in self.oracle.notes.runs.values() if not run.ticket or run.is_perpetual]
        done = [run for run in runs if run.finished is not None and run.fills]
        newest = max((run.finished_secs for run in done), default=0.0)
        return self.agenda.secs - newest < _COMPARED_SECS and any(run.compared is None for run in done)

    # ------------------------------------------------------------ hosts

    @property
    def current(self) -> Shell | None:
        """The newest living runner."""
        shell = self.shells[-1] if self.shells else None
        return shell if shell is not None and shell.alive else None

    def host_wall(self) -> datetime:
        return self.agenda.now + self._wall_steps[-1][1]

    def step_wall(self, by: timedelta) -> None:
        """The host's wall clock jumps (V1) or runs off (N15)."""
        self._wall_steps.append((self.agenda.secs, self._wall_steps[-1][1] + by))

    def _zombies(self) -> bool:
        return any(shell.alive and shell.paused for shell in self.shells)

    def _boot(self) -> None:
        """A host tries to take the account; while the lease is held it stands by."""
        current = self.current
        if current is not None and not current.paused:
            return
        wait = self._host_down_until - self.agenda.secs
        if wait >= 1e-6:  # the agenda's smallest step
            self.agenda.after(wait, self._boot)
            return
        epoch = self.journal.take_lease(self.host_wall())
        if epoch is None:
            self.agenda.after(0.5, self._boot)
            return
        self._rise(epoch)

    def _rise(self, epoch: int) -> None:
        """A new runner of this epoch."""
        if self.shells and self.faults.hit("F2"):
            epoch = self._older_copy(self.faults.details("F2").choice((1, 3, 8, 40)))
        gateway = SimGateway(
            self.venue, self.network, self.agenda, self.plan.position_lag, self.plan.settlement_late_secs
        )
        shell = Shell(
            epoch=epoch,
            wall=self.host_wall(),
            journal=self.journal,
            gateway=gateway,
            wire=self.wire,
            agenda=self.agenda,
            faults=self.faults,
            world=self,
        )
        self.shells.append(shell)
        self.oracle.booted(shell)
        shell.recover()
        self.stream.connect(shell.receive)

    def _older_copy(self, most: int) -> int:
        """F2: with everything stopped an older copy of the journal is put back, lease and all. The epoch taken on it, which
        may have been somebody's before."""
        for shell in self.shells:
            shell.alive = False
        lost = self.journal.lose_newest(most)
        epoch = self.journal.epoch = self.journal.epoch + bool(lost)
        if lost:
            self.oracle.forget(epoch)
        return epoch

    def _last_renewal(self) -> datetime:
        """The lease is renewed every two seconds while its holder runs, by the clock as it was then."""
        ago = self.agenda.secs % 2
        offset = next(by for since, by in reversed(self._wall_steps) if since <= self.agenda.secs - ago)
        return self.agenda.now - timedelta(seconds=ago) + offset

    def killed(self, shell: Shell) -> None:
        if shell.epoch == self.journal.epoch:
            self.journal.renew(shell.epoch, self._last_renewal())
        self.agenda.after(self.faults.details("K1").uniform(0.2, 3.0), self._boot)

    def _outage(self, secs: float) -> None:
        """The host is gone for a while (deploy), or sleeps so long that it is called suspended and wakes as it was."""
        self.faults.note("K2")
        shell = self.current
        if secs >= _SUSPENDED_SECS and shell is not None and not shell.paused:
            shell.pause()
            self.agenda.after(secs, self._continue, shell)
            return
        self._host_down_until = self.agenda.secs + secs
        for shell in self.shells:
            if shell.alive:
                shell.die()
        self.agenda.at(self._host_down_until, self._boot)

    # ------------------------------------------------------------ what a runner reports

    def chain_heard(self, shell: Shell, event: ev.ChainRead) -> None:
        if shell is self.current:
            self.oracle.chain_heard(event)

    def wallet_heard(self, shell: Shell, event: ev.WalletRead) -> None:
        self.oracle.wallet_heard(shell, event)

    def account_heard(self, shell: Shell, event: ev.AccountRead, began: float) -> None:
        self.oracle.account_heard(shell, event, began)

    def margin_heard(self, shell: Shell, event: ev.MarginRead) -> None:
        if shell is self.current:
            self.oracle.margins.heard(event.terms)

    def _appended(self, records: Sequence[AnyRecord], epoch: int) -> None:
        for record in records:
            self.oracle.committed(record, epoch)

    def keep_halt(self, reason: str) -> None:
        """A halt that could not be recorded is kept beside the journal."""
        self.halted = self.halted or reason

    def folds_anew(self, shell: Shell) -> None:
        """The runner's books and the journal contradict each other: the host begins a new instance at once."""
        self.journal.lease_until = None  # given back at the orderly end
        self.agenda.after(0.2, self._boot)

    def engine_raised(self, error: Exception) -> None:
        self.oracle.raised(error)

    def chain_spoiled(self, event: ev.ChainRead) -> ev.ChainRead:
        """Q4: a chain that is not what it should be."""
        if event.error or not self.faults.hit("Q4"):
            return event
        draw = self.faults.details("Q4")
        listed = event.instruments
        match draw.randrange(5):
            case 0:
                kept = tuple(i for i in listed if i.symbol.startswith("C"))
            case 1:
                kept = (*listed, *listed)
            case 2:
                kept = tuple(msgspec.structs.replace(i, underlying="ETH") for i in listed)
            case 3:
                kept = tuple(msgspec.structs.replace(i, expiry=self.agenda.start - timedelta(days=1)) for i in listed)
            case _:
                kept = ()
        return msgspec.structs.replace(event, instruments=kept)

    def _are_several(self) -> bool:
        return len(self.oracle.notes.unresolved()) > 1

    def phase(self) -> str:
        """The cell of the fault table: where the desk is now."""
        shell = self.current
        if shell is None or (shell.epoch > 1 and self.agenda.secs - shell.booted_at < 3):
            return "recovering"
        run = self.oracle.notes.newest()
        if run is None or run.phase is Phase.DONE:
            return "waiting"
        if run.phase in (Phase.ENTERING, Phase.EXITING) and sum(run.net(leg.key) != 0 for leg in run.legs) == 1:
            return "one leg"
        return "slices" if is_in_slices(run) else run.phase.value

    # ------------------------------------------------------------ messages

    def _post(self, build: Callable[[Now], ev.AnyEvent]) -> None:
        for shell in self.shells:
            if shell.alive:
                shell.receive(build)

    def _news(self) -> None:
        self.oracle.watch_fills()
        self.stream.carry()

    def _market(self) -> None:
        """The rhythm of market data: resting orders meet the new book, runners hear of prices."""
        self.agenda.after(self.plan.market_period, self._market)
        shells = [s for s in self.shells if s.alive and s.state.unresolved]
        if not shells and not self.venue.core.has_resting_orders:
            return
        self.venue.wake()
        self._news()
        if not self.public_up or self.agenda.secs < self.public_silent_until:
            return
        live = self.venue.core.products.live
        for shell in shells:
            quotes = self._quotes([s for s in shell.subscribed if s in live])
            spots = ((UNDERLYING, self._spot()),)
            self.oracle.priced(shell, quotes, spots[0][1])
            shell.market(quotes, spots, self.venue.core.now)

    def _spot(self) -> Decimal:
        if self.faults.hit("Q2.spot"):
            return self.faults.details("Q2.spot").choice(ABSURD_SPOTS)
        return self.venue.market.spot(UNDERLYING)

    def _quotes(self, symbols: list[str]) -> tuple[Quote, ...]:
        """The subscribed quotes, with whatever is wrong with them now (Q rows)."""
        quotes = []
        for symbol in symbols:
            if symbol == self.unpriced[0] and self.agenda.secs < self.unpriced[1]:
                continue
            quote = quote_of(self.venue, symbol)
            if self.faults.hit("Q1"):
                quote = aged(quote, timedelta(seconds=self.faults.details("Q1").choice((4, 6, 20, 3600))))
            if self.faults.hit("Q2"):
                quote = spoiled(quote, self.faults.details("Q2"))
            if self.faults.hit("Q2.more"):
                quote = absurd(quote, self.faults.details("Q2.more"))
            if self.faults.hit("Q3"):
                self.unpriced = (symbol, self.agenda.secs + self.faults.details("Q3").choice((4, 9, 30)))
                continue
            quotes.append(quote)
        return tuple(quotes)

    # ------------------------------------------------------------ windows of trouble

    def _windows(self) -> None:
        """Once a second: streams fall silent or down, clocks step, processes stop."""
        if not self.faults.active:
            return
        self.agenda.after(1.0, self._windows)
        if self.faults.hit("N10"):
            draw = self.faults.details("N10")
            if draw.random() < 0.5:
                self.stream.hush(draw.uniform(2, 35))
            else:
                self.public_silent_until = self.agenda.secs + draw.choice((2.0, 6.0, 15.0, 70.0))
        if self.faults.hit("N13"):
            self._drop_stream()
        for name in ("N15", "V1"):
            if self.faults.hit(name):
                draw = self.faults.details(name)
                self.step_wall(wall_step(draw) if name == "V1" else timedelta(seconds=draw.uniform(-10, 10)))
        if self.faults.hit("K2"):
            self.interrupt()
        if self.faults.hit("N11"):
            self.stream.refuse(self.faults.details("N11"))
        if self.faults.hit("X7"):
            self._maintain(self.faults.details("X7"))
        if self.faults.hit("W4"):
            self._second_host()

    def _maintain(self, draw: Random) -> None:
        """X7: closed altogether, only cancels taken, or REST up and the streams down."""
        until = self.agenda.secs + draw.uniform(2, 20)
        match draw.randrange(3):
            case 0:
                self.network.closed_until = until
                self._streams_down(until)
            case 1:
                self.venue.cancels_only_until = until
            case _:
                self._streams_down(until)

    def _streams_down(self, until: float) -> None:
        self.stream.drop(until - self.agenda.secs)
        if self.public_up:
            self._public_down(until - self.agenda.secs)

    def _second_host(self) -> None:
        """W4: another runner is started on the same journal. It stands by while the lease is held; where a stepped clock
        lets it have the account, the epoch fences the first."""
        current = self.current
        if current is None or current.paused:
            return
        if not current.degraded:
            self.journal.renew(current.epoch, self._last_renewal())
        epoch = self.journal.take_lease(self.host_wall())
        if epoch is not None:
            self._rise(epoch)

    def _drop_stream(self) -> None:
        draw = self.faults.details("N13")
        if draw.random() < 0.5:
            self.stream.drop(draw.uniform(0.2, 8))
        elif self.public_up:
            self._public_down(draw.uniform(0.2, 8))

    def _public_down(self, secs: float) -> None:
        self.public_up = False
        self._post(lambda now: ev.StreamChanged(at=now, stream="public", up=False, detail="reset"))
        self.agenda.after(secs, self._public_back)

    def _public_back(self) -> None:
        self.public_up = True
        self._post(lambda now: ev.StreamChanged(at=now, stream="public", up=True))

    def interrupt(self) -> None:
        """K2: stopped for a moment, or so long that a standby takes the account and the old one comes back."""
        shell = self.current
        if shell is None or shell.paused:
            return
        draw = self.faults.details("K2")
        self.journal.renew(shell.epoch, self._last_renewal())
        shell.pause()
        if draw.random() < 0.4:
            self.agenda.after(draw.uniform(0.3, 4), self._continue, shell)
        else:
            self.agenda.after(draw.uniform(11, 25), self._continue, shell)
            self.agenda.after(0.5, self._boot)

    def _continue(self, shell: Shell) -> None:
        self.resumed_at = self.agenda.secs
        if shell.alive and shell.paused:
            shell.resume()
        if self.current is None:
            self._boot()

    # ------------------------------------------------------------ people

    def _do(self, deed: Deed, command_id: str) -> None:
        if deed.phase and self.faults.active and self.phase() != deed.phase:
            self.agenda.after(_AGAIN_SECS, self._do, deed, command_id)  # waits for its moment while there may be one
            return
        match deed.kind:
            case "start" | "bad_start":
                if deed.kind == "bad_start":
                    self.faults.note("H1")
                self._command(command_id, "start", self._start_body(bad=deed.kind == "bad_start"))
            case "start_beside":
                self._command(command_id, "start", self._start_body(bad=False) | self._confirmation("beside"))
            case "confirm":
                self._confirm(command_id)
            case "strange_position" | "strange_order" | "strange_gone":
                self._deeds_left -= 1
                self._strange(deed)
            case "margin_mode":
                self._deeds_left -= 1
                if self.faults.active and self.venue.change_mode("portfolio" if deed.size else "isolated"):
                    self.faults.note("H8")
            case "start_other":
                self._command(command_id, "start", self._start_body(bad=False, other=deed.size))
            case "stop":
                self._command(command_id, "stop", {"run_id": None})
            case "stop_one":
                runs = self.oracle.notes.unresolved()
                if not runs:
                    self._deeds_left -= 1
                    return
                self._command(command_id, "stop", {"run_id": runs[deed.size % len(runs)].run_id})
            case "pause" | "reduce" | "kill" | "resume":
                if deed.kind == "resume":
                    self.halted = ""  # whichever face it is, it lifts the HALT file first
                self._command(command_id, deed.kind, {"who": "person"})
            case "ticket":
                body = self._order_body(deed)
                if body is None:
                    self._deeds_left -= 1
                else:
                    self._command(command_id, "order", body)
            case "wick":
                self._wick(command_id, deed)
            case "ticket_cancel":
                self._command(command_id, "cancel", {"everything": True, "who": "person"})
            case "close_all":
                self._command(command_id, "close_all", {"who": "person"})
            case "ticket_close" | "ticket_amend":
                self._touch_ticket(command_id, deed)
            case "limits":
                self._command(command_id, "limits", {"limits": self.plan.limits[deed.size], "who": "person"})
            case "ack":
                seqs = self.oracle.notes.critical
                body = {"up_to": len(self.journal.rows)} if deed.size or not seqs else {"alerts": seqs[-1:]}
                self._command(command_id, "ack", body)
            case _:
                self._deeds_left -= 1
                self._meddle(deed)

    def _order_body(self, deed: Deed) -> dict[str, Any] | None:
        """A drawn order as it is sent: contracts and prices are those of the moment. None where nothing is listed any more."""
        self.venue.wake()
        spec = self.plan.tickets[deed.size]
        listed = self.venue.core.products.live
        is_perpetual = spec.get("perpetual", False) and PERPETUAL in listed
        live = [one for one in listed.values() if (one.strike is None) is is_perpetual]
        if not live:
            return None
        own = sorted(leg.symbol for run in self.oracle.notes.structures() for leg in run.legs)
        return {
            "tickets": [order_of(spec, live, own, self.venue)],
            "link": "none",
            "key": f"{deed.secs}",
            "who": "person",
        }

    def _wick(self, command_id: str, deed: Deed) -> None:
        """A price that is gone at once sets off all protection of a ticket that shares its contract with another."""
        runs = [run for run in self.oracle.notes.unresolved() if any(run.net(leg.key) for leg in run.legs)]
        holders = Counter(leg.symbol for run in runs for leg in run.legs if run.net(leg.key))
        shared = [run for run in runs if run.ticket and holders[run.legs[0].symbol] > 1]
        pending = {order.client_order_id for order in self.venue.account.pending_orders.values()}
        guarded = [
            coids
            for run in shared
            if len(coids := {c for c, o in run.orders.items() if o.intent.closing in ("L", "G")} & pending) > 1
        ]
        if self.faults.active and not guarded:
            self.agenda.after(_AGAIN_SECS, self._do, deed, command_id)
            return
        self._deeds_left -= 1
        if guarded:
            self.venue.wick(guarded[deed.size % len(guarded)])

    def _touch_ticket(self, command_id: str, deed: Deed) -> None:
        """A person closes or changes one of the tickets that are there."""
        there = [run for run in self.oracle.notes.unresolved() if run.ticket]
        if not there:
            self._deeds_left -= 1
            return
        run = there[deed.size % len(there)]
        if deed.kind == "ticket_close":
            self._command(command_id, "close", {"ticket": run.run_id, "who": "person"})
            return
        self.venue.wake()
        self._command(
            command_id, "amend", {"ticket": run.run_id, "who": "person", **amended(run, deed.size, self.venue)}
        )

    def standing(self) -> tuple[Foreign, ...]:
        """What stands on the account in truth that no unfinished run explains."""
        expected: dict[str, int] = {}
        for run in self.oracle.notes.unresolved():
            for leg in run.legs:
                expected[leg.symbol] = expected.get(leg.symbol, 0) + run.net(leg.key)
        self.venue.wake()
        return find_foreign(
            UNDERLYING,
            self.venue.positions(0.0),
            [snapshot_of(order) for order in self.venue.account.live_orders],
            expected=expected,
            is_known=lambda order: is_desks(order.client_order_id),
        )

    def _confirmation(self, phrase: str) -> dict[str, Any]:
        """What a person sees on the account and confirms; `phrase` names the field."""
        seen = self.standing()
        return {"foreign": msgspec.to_builtins(seen), phrase: beside_phrase(seen)} if seen else {}

    def _confirm(self, command_id: str) -> None:
        run = self.oracle.notes.newest()
        body = self._confirmation("phrase")
        if run is None or run.phase is not Phase.WAITING or not body:
            self._deeds_left -= 1
            return
        self._command(command_id, "beside", {"run_id": run.run_id, **body})

    def _strange(self, deed: Deed) -> None:
        """H7: somebody trades other contracts of the underlying than any run's."""
        own = {leg.symbol for run in self.oracle.notes.unresolved() for leg in run.legs} or self._likely()
        match deed.kind:
            case "strange_position":
                done = self.venue.strange_trade(deed.leg, deed.size, own)
            case "strange_order":
                done = self.venue.strange_order(deed.leg, deed.size, own)
            case _:
                done = self.venue.strange_gone()
        if done:
            self.faults.note("H7")

    def _likely(self) -> set[str]:
        """The strikes nearest to the market, which a run will choose: what stands in those themselves, unseen because
        positions lag, is H4."""
        self.venue.wake()
        spot = self.venue.market.spot(UNDERLYING)
        live = self.venue.core.products.live.values()
        calls, puts = ([i for i in live if i.kind is kind] for kind in (Kind.CALL, Kind.PUT))
        return {min(kind, key=lambda i: abs((i.strike or 0) - spot)).symbol for kind in (calls, puts) if kind}

    def _start_body(self, *, bad: bool, other: int = -1) -> dict[str, Any]:
        """What a start asks for; `other` is the number of a further run's configuration."""
        if bad:
            config = {**self.plan.preset, "strategy": {**self.plan.preset["strategy"], "quantity": 0}}
            return {"config": config, "config_hash": "0" * 16, "now": self.plan.start_now}
        if other not in self._bodies:
            preset = preset_of(self.plan) if other < 0 else Preset.model_validate(self.plan.others[other])
            config = preset.model_dump(mode="json")
            self._bodies[other] = {"config": config, "config_hash": preset.config_hash, "now": self.plan.start_now}
        return self._bodies[other]

    def _submit(self, command_id: str, kind: str, body: dict[str, Any]) -> bool:
        row = CommandRow(
            command_id,
            kind,
            body,
            self.agenda.secs,
            self.host_wall(),
            phase=self.phase(),
            several=self._are_several(),
        )
        return self.journal.submit(row)

    def _command(self, command_id: str, kind: str, body: dict[str, Any]) -> None:
        if not self._submit(command_id, kind, body):
            self.agenda.after(1.0, self._command, command_id, kind, body)  # told that it is not recorded: tries again
            return
        if len(self.journal.commands) > 1:
            self.faults.note("H5")
        self._deeds_left -= 1
        self.agenda.after(0.05, self._poll)

    def _poll(self) -> None:
        shell = self.current
        if shell is not None and not shell.paused:
            for row in self.journal.pending():
                shell.command(row)

    def _meddle(self, deed: Deed) -> None:
        """H4 and X6: somebody else moves our position."""
        runs = self.oracle.notes.unresolved() or list(self.oracle.notes.runs.values())[-1:]
        run = runs[deed.size % len(runs)] if runs else None
        if not self.faults.active or run is None or not run.legs:
            return
        leg = run.legs[deed.leg % len(run.legs)]
        symbol = leg.symbol
        match deed.kind:
            case "buy_back":
                held = leg.side.sign * self.venue.account.position_size(symbol)
                done = bool(held > 0 and self.venue.human_trade(symbol, leg.side.opposite, min(deed.size, held)))
            case "sell_more":
                done = bool(self.venue.human_trade(symbol, Side.SELL, deed.size))
            case "cancel":
                done = self.venue.human_cancel(symbol)
            case "withdraw":
                done = self.venue.withdraw()
            case "deposit":
                done = self.venue.deposit(Decimal(deed.size))
            case "charge":
                done = self.venue.charge(leg.product_id, Decimal(deed.size) / 100, _CHARGES[deed.size % len(_CHARGES)])
            case "other_runner":
                done = self.venue.other_installation(symbol, deed.size)
            case _:
                done = bool(self.venue.liquidate(symbol, deed.size))
        if done:
            self.faults.note(_FAULT_OF.get(deed.kind, "H4"))


def run_plan(
    plan: Plan, only: frozenset[tuple[str, int]] | None = None, kills: frozenset[int] | None = None
) -> SessionResult:
    """One whole session of a plan; in a replay only the listed faults happen, or kills at these points besides."""
    return Session(plan, only, kills).run()
