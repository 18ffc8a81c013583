"""The oracle: sees what arrived at the exchange, what it did, and what was committed; judges by docs/reliability.md.

It never reads the engine's state or logs. Its own arithmetic and its own notes of the journal are deliberately simple.
"""

from __future__ import annotations

from collections import Counter
from hashlib import blake2b
from typing import TYPE_CHECKING

import msgspec

from trader.domain.quote import Quote
from trader.engine import events as ev
from trader.engine import records as rec
from trader.engine.execution.exit import OVERLAPPING
from trader.simulation.books import BookRules
from trader.simulation.control import ControlRules
from trader.simulation.entries import EntryRules
from trader.simulation.notes import Notes, RunNote
from trader.simulation.ordering import OrderRules
from trader.simulation.paying import PayingRules
from trader.venue.core.records import Order

if TYPE_CHECKING:
    from decimal import Decimal

    from trader.simulation.session import Session
    from trader.simulation.shell import Shell
    from trader.simulation.venue import Arrival

_TAIL = 12


class Violation(msgspec.Struct, frozen=True):
    """One broken promise. `tail` is the end of the journal at that moment, kinds and instants only."""

    seed: int
    invariant: str
    secs: float
    text: str
    tail: tuple[str, ...] = ()


class Oracle:
    """Passes what happens to the rules and keeps what they find."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.notes = Notes()
        self.violations: list[Violation] = []
        self.limits: Counter[str] = Counter()  # what the specification itself cannot keep, counted apart
        self.takeovers: list[float] = []  # when each epoch began; epoch n is at n-1
        self._seen: set[tuple[str, str]] = set()
        self._tail: list[str] = []
        self.orders = OrderRules(self)
        self.control = ControlRules(self)
        self.books = BookRules(self)
        self.entries = EntryRules(self)
        self.paying = PayingRules(self)

    # ------------------------------------------------------------ helpers of the rules

    @property
    def secs(self) -> float:
        return self.session.agenda.secs

    def report(self, invariant: str, text: str, key: str = "") -> None:
        """Note a violation; the same one (by key) is reported once per session."""
        if (invariant, key) in self._seen:
            return
        self._seen.add((invariant, key))
        seed = self.session.plan.seed
        self.violations.append(Violation(seed, invariant, round(self.secs, 3), text, tuple(self._tail[-_TAIL:])))

    def healthy_for(self) -> float:
        """Seconds since the present runner could work undisturbed; 0 while it cannot."""
        shell = self.session.current
        if shell is None or shell.paused or shell.degraded:
            return 0.0
        last_of = self.session.faults.last_of
        disk = max(last_of.get("F1", 0.0), last_of.get("F4", 0.0), shell.mended_at)
        return self.secs - max(shell.booted_at, disk, self.session.resumed_at)

    def forget(self, epoch: int) -> None:
        """An older copy of the journal was put back, on which this epoch is taken: it says less than before."""
        self.notes = Notes()
        del self.takeovers[epoch - 1 :]
        journal = self.session.journal
        for record, (epoch, at) in zip(journal.read(), journal.stamps, strict=True):
            self.notes.take(record, epoch, at)

    # ------------------------------------------------------------ what happens

    def booted(self, shell: Shell) -> None:
        self.takeovers.append(self.secs)
        self.control.booted(shell)
        self.paying.booted()

    def committed(self, record: rec.AnyRecord, epoch: int) -> None:
        """A record was written."""
        what = getattr(record, "status", None) or getattr(record, "phase", None) or getattr(record, "reason", "")
        self._tail.append(f"{self.secs:.3f} {type(record).__name__} {what}".rstrip())
        self.orders.before(record, epoch)
        self.control.before(record)
        self.entries.before(record)
        self.paying.before(record)
        self.notes.take(record, epoch, self.secs)
        if isinstance(record, rec.RunFinished):
            self.control.finished(record)
        newest = (
            record.code.split()[-1:] if isinstance(record, rec.LevelChanged) else []
        )  # findings are added at the end
        if isinstance(record, rec.LevelChanged) and newest and newest[0].startswith("invariant:"):
            rule = newest[0].removeprefix("invariant:")
            if rule in ("I2", "I6") and "F2" in self.session.faults.last_of:
                # An older copy forgets that an order was proven absent, or sent: it counts as possible again, and halting is
                # right.
                self.limits[f"{rule} as an older copy of the journal sees it"] += 1
            elif rule == "I1" and self.session.venue.own_doing and any(self.session.venue.human_net.values()):
                # What the exchange closes of a position that is ours and somebody else's bears no name: whose part it was
                # is a guess, and halting where the guess does not add up is right.
                self.limits["I1 where the exchange closed a shared position"] += 1
            elif not any(limit.startswith(f"{rule} ") for limit in self.limits):
                self.report(rule, f"found by the engine itself: {record.reason}")

    def arrived(self, arrival: Arrival) -> None:
        """A request came in at the exchange, before it was judged there."""
        self._tail.append(f"{self.secs:.3f} at venue: {arrival.kind} {arrival.client_order_id or arrival.order_id}")
        self.orders.arrived(arrival)

    def accepted(self, order: Order) -> None:
        """The exchange took an order."""
        self.orders.accepted(order)
        self.watch_fills()

    def watch_fills(self) -> None:
        """Look at what has been executed since the last look."""
        self.orders.watch_fills()

    def priced(self, shell: Shell, quotes: tuple[Quote, ...], spot: Decimal) -> None:
        """A runner is about to hear these prices."""
        self.control.priced(shell, quotes, spot)
        if shell is self.session.current and not shell.paused:
            self.paying.heard(quotes)

    def chain_heard(self, event: ev.ChainRead) -> None:
        """A runner is about to hear this chain."""
        self.control.chain_heard(event)
        if not event.error:
            self.paying.heard(event.quotes)

    def every_second(self) -> None:
        self.control.every_second()
        self.paying.every_second(self.healthy_for())

    def live(self) -> None:
        """A minute after the last fault."""
        self.books.live()

    def never_closed(self) -> None:
        for run in self.notes.unresolved():
            if not self.is_barred(run):
                self.report("LV1", f"run {run.run_id} is {run.phase} long after the last Stop", run.run_id)

    def is_barred(self, run: RunNote) -> bool:
        """Whether the exchange refuses an exit because it would meet another's order of the same account, which rests still:
        nothing on this side can change that. Counted as a known limit."""
        account = self.session.venue.account
        resting = {o.symbol for o in account.open_orders.values() if o.client_order_id not in run.orders}
        last = [run.leg_orders(leg.key)[-1] for leg in run.legs if leg.symbol in resting and run.leg_orders(leg.key)]
        if not any(order.code == OVERLAPPING for order in last):
            return False
        self.limits["LV1 behind another's resting order"] += 1
        return True

    def raised(self, error: Exception) -> None:
        self.report("LV2", f"the engine raised {type(error).__name__}: {error}", str(error)[:60])

    def at_the_end(self) -> None:
        self.watch_fills()
        self.books.at_the_end()

    def trace_hash(self) -> str:
        """Digest of the journal, the command answers and everything that arrived at the exchange."""
        digest = blake2b(self.session.journal.hash.digest(), digest_size=16)
        for arrival in self.session.venue.arrivals:
            digest.update(f"{arrival.kind}{arrival.secs:.6f}{arrival.client_order_id}{arrival.result}".encode())
        return digest.hexdigest()
