"""The kernel: an event goes in, its records are on disk, and only then does what it asks for leave.

Everything that hosts the engine calls this one: the live runner, the simulation, `flatten`; a backtest can. There is no
thread, no clock and no socket in here. Who calls `apply` decides when, and what it needs is handed in as ports.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from trader.domain.clock import Now
from trader.engine import events as ev
from trader.engine.effects import (
    AckCommand,
    Cancel,
    ReadAccount,
    ReadChain,
    ReadMargin,
    ReadWallet,
    SetLeverage,
    Submit,
    Subscribe,
)
from trader.engine.fold import evolve
from trader.engine.records import AnyRecord, Level, LevelChanged, Record
from trader.engine.state import State
from trader.engine.step import step
from trader.journal.commands import CommandMark, build_mark

Request = (
    Submit | Cancel | SetLeverage | ReadChain | ReadAccount | ReadWallet | ReadMargin | Subscribe
)  # what is left of the effects for a host to do


class Recorder(Protocol):
    """Where records go. `fault` says why nothing can be written, empty while it can."""

    fault: str

    def commit(self, records: Sequence[AnyRecord], mark: CommandMark | None) -> bool:
        """Write records and the answer to their command; False when the engine has to decide again, knowing the fault."""


class Kernel:
    """One account's engine: its state, and the order in which a step becomes true."""

    def __init__(
        self,
        state: State,
        recorder: Recorder,
        perform: Callable[[Request], None],
        *,
        keep_halt: Callable[[str], None] = lambda reason: None,
        recorded: Callable[[Sequence[AnyRecord], State], None] = lambda records, state: None,
    ) -> None:
        """`perform` starts one request, whose answer comes back as an event. `keep_halt` keeps a halt that could not be
        recorded, with its reason: a restart must not lift it. `recorded` hears of the records of each step, and of the
        state after it, once everything has been started."""
        self.state = state
        self._recorder = recorder
        self._perform = perform
        self._keep_halt = keep_halt
        self._recorded = recorded

    def fold(self, records: Iterable[AnyRecord]) -> None:
        """Take up what the journal holds."""
        state = self.state
        for record in records:
            state = evolve(state, record)
        self.state = state

    def apply(self, event: ev.AnyEvent) -> None:
        """Step, commit the records, adopt the state, then perform: a send never precedes its intent on disk.

        When the records cannot be committed, the engine is told first and decides again: it takes no new risk then, and what
        it decides is performed while its records wait.
        """
        self.apply_some((event,))

    def apply_some(self, events: Sequence[ev.AnyEvent]) -> int:
        """The same of as many of these events, one after another, as one commit may hold, which answers one command at most; how
        many that were. One whose step fails is left for the next call, unless it is the first."""
        state, count = self.state, 0
        records: list[AnyRecord] = []
        requests: list[Request] = []
        mark: CommandMark | None = None
        while count < len(events) and mark is None:
            try:
                state, effects = step(state, events[count])
            except Exception:
                if not count:
                    raise
                break
            count += 1
            for effect in effects:
                if isinstance(effect, Record):
                    records.append(effect)
                elif isinstance(effect, AckCommand):
                    mark = mark or build_mark(effect.command_id, effect.status, effect.detail)
                else:
                    requests.append(effect)
        at = events[count - 1].at
        wanted = records or mark is not None
        if wanted and not self._recorder.commit(records, mark) and not state.journal_fault:
            self.journal_changed(at)
            for event in events[:count]:
                if not isinstance(event, ev.JournalChanged):
                    self.apply(event)
            return count
        self.state = state
        if records and self._recorder.fault:
            self._keep_halts(records)
        for request in requests:
            self._perform(request)
        if records:
            self._recorded(records, self.state)
        if self._recorder.fault and not self.state.journal_fault:
            self.journal_changed(at)  # they may be written, or not: no new risk until it is known
        return count

    def journal_changed(self, at: Now) -> None:
        """Let the engine know whether the journal can be written now."""
        self.apply(ev.JournalChanged(at=at, fault=self._recorder.fault))

    def write(self, record: AnyRecord, at: Now) -> None:
        """Put a record on file that no step has made. What the journal cannot take waits there like every other."""
        if not self._recorder.commit([record], None) and not self.state.journal_fault:
            self.journal_changed(at)
            self._recorder.commit([record], None)
        self.state = evolve(self.state, record)

    def _keep_halts(self, records: Iterable[AnyRecord]) -> None:
        reasons = [r.reason for r in records if isinstance(r, LevelChanged) and r.level is Level.HALTED]
        if reasons:
            self._keep_halt(reasons[-1])
