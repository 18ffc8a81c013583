"""The oracle: sees what arrived at the exchange, what it did, and what was committed; judges by docs/reliability.md.

It never reads the engine's state or logs. Its own arithmetic and its own notes of the journal are deliberately simple.
"""

from collections.abc import Sequence
from decimal import Decimal
from hashlib import blake2b

from trader.domain.quote import Quote
from trader.engine import events as ev
from trader.engine import records as rec
from trader.simulation.alone import AloneRules
from trader.simulation.books import BookRules
from trader.simulation.commanding import CommandRules
from trader.simulation.covering import CoverRules
from trader.simulation.cushioning import CushionRules
from trader.simulation.disk import CommandRow
from trader.simulation.entries import EntryRules
from trader.simulation.evidence import Evidence, World
from trader.simulation.finishing import FinishRules
from trader.simulation.guarding import GuardRules
from trader.simulation.leaving import LeavingRules
from trader.simulation.limiting import LimitRules
from trader.simulation.liquidating import LiquidationRules
from trader.simulation.losing import LossRules
from trader.simulation.margining import MarginRules
from trader.simulation.nonsense import NonsenseRules
from trader.simulation.notes import Notes
from trader.simulation.ordering import OrderRules
from trader.simulation.pausing import PauseRules
from trader.simulation.paying import PayingRules
from trader.simulation.perpetuals import PerpetualRules
from trader.simulation.reckoning import WalletRules
from trader.simulation.sharing import SharingRules
from trader.simulation.shell import Shell
from trader.simulation.slicing import SliceRules
from trader.simulation.ticketing import TicketRules
from trader.simulation.timing import TimeRules
from trader.simulation.triggers import TriggerRules
from trader.simulation.venue import Arrival
from trader.venue.core.records import Order


class Oracle:
    """Passes what happens to the rules."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.evidence = evidence = Evidence(world)
        self.orders = OrderRules(evidence)
        self.triggers = TriggerRules(evidence)
        self.leaving = LeavingRules(evidence)
        self.alone = AloneRules(evidence, self.orders)
        self.covers = CoverRules(evidence, self.orders)
        self.finishing = FinishRules(evidence, self.orders)
        self.books = BookRules(evidence, self.orders)
        self.entries = EntryRules(evidence)
        self.paying = PayingRules(evidence)
        self.commands = CommandRules(evidence)
        self.sharing = SharingRules(evidence, self.orders)
        self.slices = SliceRules(evidence)
        self.losses = LossRules(evidence, self.triggers)
        self.limits = LimitRules(evidence, self.orders, self.losses)
        self.wallet = WalletRules(evidence)
        self.times = TimeRules(evidence)
        self.cushions = CushionRules(evidence, self.triggers)
        self.nonsense = NonsenseRules(evidence)
        self.liquidations = LiquidationRules(evidence, self.triggers)
        self.margins = MarginRules(evidence)
        self.guards = GuardRules(evidence, self.triggers)
        self.pauses = PauseRules(evidence)
        self.tickets = TicketRules(evidence, self.orders)
        self.perpetuals = PerpetualRules(evidence)

    @property
    def notes(self) -> Notes:
        return self.evidence.notes

    def booted(self, shell: Shell) -> None:
        self.evidence.takeovers.append(self.evidence.secs)
        self.evidence.heard.booted()
        self.triggers.booted()
        self.paying.booted()
        self.losses.booted()
        self.wallet.booted()
        self.liquidations.booted()
        self.margins.booted()
        self.guards.booted()
        self.pauses.booted()

    def committed(self, record: rec.AnyRecord, epoch: int) -> None:
        """A record was written."""
        evidence = self.evidence
        what = getattr(record, "status", None) or getattr(record, "phase", None) or getattr(record, "reason", "")
        evidence.happened(f"{type(record).__name__} {what}".rstrip())
        self.orders.before(record, epoch)
        self.leaving.before(record)
        self.entries.before(record)
        self.paying.before(record)
        self.commands.before(record)
        self.sharing.before(record)
        self.limits.before(record)
        self.losses.before(record)
        self.margins.before(record)
        self.pauses.before(record)
        self.tickets.before(record)
        if not evidence.is_of_ticket(record):
            self._of_structures(record)
        elif evidence.notes.runs[record.run_id].is_perpetual if record.run_id in evidence.notes.runs else False:
            self.wallet.before(record)
        evidence.notes.take(record, epoch, evidence.secs)
        if isinstance(record, rec.RunFinished):
            self.finishing.finished(record)
        if isinstance(record, rec.LevelChanged):
            self._found_by_itself(record)

    def _of_structures(self, record: rec.AnyRecord) -> None:
        """What is promised of strategies alone: their exits, legs, instants and costs."""
        self.triggers.before(record)
        self.covers.before(record)
        self.slices.before(record)
        self.wallet.before(record)
        self.times.before(record)
        self.cushions.before(record)
        self.nonsense.before(record)
        self.liquidations.before(record)
        self.guards.before(record)

    def _found_by_itself(self, record: rec.LevelChanged) -> None:
        """What the engine's own checks find counts as found."""
        newest = record.code.split()[-1:]  # findings are added at the end
        if not newest or not newest[0].startswith("invariant:"):
            return
        rule, limits = newest[0].removeprefix("invariant:"), self.evidence.limits
        if rule in ("I2", "I6") and "F2" in self._world.faults.last_of:
            # An older copy forgets that an order was proven absent, or sent: it counts as possible again, and halting is
            # right.
            limits[f"{rule} as an older copy of the journal sees it"] += 1
        elif rule == "I1" and self._world.venue.own_doing and any(self._world.venue.human_net.values()):
            # What the exchange closes of a position that is ours and somebody else's bears no name: whose part it was
            # is a guess, and halting where the guess does not add up is right.
            limits["I1 where the exchange closed a shared position"] += 1
        elif not any(limit.startswith(f"{rule} ") for limit in limits):
            self.evidence.report(rule, f"found by the engine itself: {record.reason}")

    def arrived(self, arrival: Arrival) -> None:
        """A request came in at the exchange, before it was judged there."""
        self.evidence.happened(f"at venue: {arrival.kind} {arrival.client_order_id or arrival.order_id}")
        self.orders.arrived(arrival)
        self.commands.arrived(arrival)
        self.limits.arrived(arrival)

    def answered(self, row: CommandRow, records: Sequence[rec.AnyRecord]) -> None:
        """A command was answered, together with these records."""
        self.commands.answered(row, records)
        self.limits.answered(row, records)

    def accepted(self, order: Order) -> None:
        """The exchange took an order."""
        self.orders.accepted(order)
        self.watch_fills()

    def watch_fills(self) -> None:
        """Look at what has been executed since the last look."""
        self.orders.watch_fills()
        self.covers.watch()
        self.liquidations.watch()

    def priced(self, shell: Shell, quotes: tuple[Quote, ...], spot: Decimal) -> None:
        """A runner is about to hear these prices."""
        if shell is self._world.current and not shell.paused:
            self.triggers.priced(self.evidence.heard.priced(quotes, spot))
            self.liquidations.priced()
            self.pauses.priced(spot)
            self.paying.heard(quotes)

    def chain_heard(self, event: ev.ChainRead) -> None:
        """A runner is about to hear this chain."""
        if not event.error:
            self.evidence.heard.chain(event.quotes, event.spot)
            self.triggers.chain_heard()
            self.paying.heard(event.quotes)

    def account_heard(self, shell: Shell, event: ev.AccountRead, began: float) -> None:
        """A runner is about to hear this of the account; the read began then."""
        self.wallet.account_heard(shell, event, began)
        if shell is self._world.current:
            self.leaving.account_heard(event, began)

    def wallet_heard(self, shell: Shell, event: ev.WalletRead) -> None:
        """A runner is about to hear this ledger."""
        self.wallet.heard(shell, event)
        if not event.run_id:
            self.losses.heard(event)

    def every_second(self) -> None:
        healthy = self.evidence.healthy_for()
        self.leaving.every_second(healthy)
        self.triggers.every_second(healthy)
        self.alone.every_second(healthy)
        self.finishing.every_second(healthy)
        self.paying.every_second(healthy)
        self.sharing.every_second(healthy)
        self.losses.every_second(healthy)
        self.limits.every_second(healthy)
        self.wallet.every_second(healthy)
        self.liquidations.every_second(healthy)
        self.margins.every_second(healthy)
        self.guards.every_second(healthy)
        self.tickets.every_second(healthy)

    def live(self) -> None:
        """A minute after the last fault."""
        self.books.live()
        self.sharing.at_rest()

    def never_closed(self) -> None:
        """Long after the last Stop."""
        self.books.never_closed()

    def forget(self, epoch: int) -> None:
        """An older copy of the journal was put back, on which this epoch is taken."""
        self.evidence.forget(epoch)

    def raised(self, error: Exception) -> None:
        self.evidence.report("LV2", f"the engine raised {type(error).__name__}: {error}", str(error)[:60])

    def at_the_end(self) -> None:
        self.watch_fills()
        self.books.at_the_end()
        self.wallet.at_the_end()
        self.tickets.at_the_end()
        self.perpetuals.at_the_end()
        self.sharing.booked_once()
        if not self._world.faults.active:
            self.sharing.at_rest()
            self.sharing.money()

    def trace_hash(self) -> str:
        """Digest of the journal, the command answers and everything that arrived at the exchange."""
        digest = blake2b(self._world.journal.hash.digest(), digest_size=16)
        for arrival in self._world.venue.arrivals:
            digest.update(f"{arrival.kind}{arrival.secs:.6f}{arrival.client_order_id}{arrival.result}".encode())
        return digest.hexdigest()
