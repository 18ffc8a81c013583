"""What the rules judge by: the exchange's truth, the journal's notes, what the runner has heard; and where findings go.

The engine's state is no evidence. Rules know this module and one another as little as possible.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Protocol

import msgspec

from trader.domain.foreign import Foreign
from trader.engine import records as rec
from trader.simulation.agenda import Agenda
from trader.simulation.disk import MemoryJournal
from trader.simulation.faults import Faults
from trader.simulation.heard import Heard
from trader.simulation.notes import Notes, RunNote
from trader.simulation.planned import Plan
from trader.simulation.shell import Shell
from trader.simulation.streams import PrivateStream
from trader.simulation.venue import SimVenue
from trader.simulation.wire import Wire

_TAIL = 12


class World(Protocol):
    """What a session lets the rules see of itself."""

    plan: Plan
    agenda: Agenda
    faults: Faults
    journal: MemoryJournal
    venue: SimVenue
    stream: PrivateStream
    wire: Wire
    shells: list[Shell]
    latency: float
    resumed_at: float
    halted: str

    @property
    def current(self) -> Shell | None: ...

    @property
    def is_isolated(self) -> bool: ...

    @property
    def quiet_from(self) -> float: ...

    def host_wall(self) -> datetime: ...

    def standing(self) -> tuple[Foreign, ...]: ...


class Violation(msgspec.Struct, frozen=True):
    """One broken promise. `tail` is the end of the journal at that moment, kinds and instants only."""

    seed: int
    invariant: str
    secs: float
    text: str
    tail: tuple[str, ...] = ()


class Evidence:
    """One session's, shared by all rules."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.notes = Notes()
        self.heard = Heard(world.agenda, world.venue)
        self.violations: list[Violation] = []
        self.limits: Counter[str] = Counter()  # what the specification itself cannot keep, counted apart
        self.takeovers: list[float] = []  # when each epoch began; epoch n is at n-1
        self._seen: set[tuple[str, str]] = set()
        self._tail: list[str] = []

    @property
    def secs(self) -> float:
        return self.world.agenda.secs

    def happened(self, what: str) -> None:
        """For the tail of what is found."""
        self._tail.append(f"{self.secs:.3f} {what}")

    def report(self, invariant: str, text: str, key: str = "") -> None:
        """Note a violation; the same one (by key) is reported once per session."""
        if (invariant, key) in self._seen:
            return
        self._seen.add((invariant, key))
        seed = self.world.plan.seed
        self.violations.append(Violation(seed, invariant, round(self.secs, 3), text, tuple(self._tail[-_TAIL:])))

    def is_of_ticket(self, record: rec.AnyRecord) -> bool:
        """Whether a record is of a single order."""
        if isinstance(record, rec.RunCreated):
            return bool(record.ticket)
        run = self.notes.runs.get(record.run_id)
        return run is not None and bool(run.ticket)

    def healthy_for(self) -> float:
        """Seconds since the present runner could work undisturbed; 0 while it cannot."""
        shell = self.world.current
        if shell is None or shell.paused or shell.degraded:
            return 0.0
        last_of = self.world.faults.last_of
        disk = max(last_of.get("F1", 0.0), last_of.get("F4", 0.0), shell.mended_at)
        return self.secs - max(shell.booted_at, disk, self.world.resumed_at)

    def is_unpayable(self, run: RunNote) -> bool:
        """Whether the account has not the money to close what a run is short of, or holds of a perpetual: the exchange refuses every
        exit of it, and nobody but a person, who pays in, can help. Selling a long option brings money in: refusing that is a fault."""
        venue = self.world.venue
        costly = [
            leg.symbol
            for leg in run.legs
            if (net := run.net(leg.key)) * venue.account.position_size(leg.symbol) > 0 and (net < 0 or run.is_perpetual)
        ]
        return bool(costly) and all(venue.is_unpayable(symbol) for symbol in costly)

    def is_late(self) -> bool:
        """Whether what is being committed was decided earlier, while nothing could be written."""
        shell = self.world.current
        return shell is not None and shell.degraded

    def forget(self, epoch: int) -> None:
        """An older copy of the journal was put back, on which this epoch is taken: it says less than before."""
        self.notes = Notes()
        del self.takeovers[epoch - 1 :]
        journal = self.world.journal
        for record, (epoch, at) in zip(journal.read(), journal.stamps, strict=True):
            self.notes.take(record, epoch, at)
