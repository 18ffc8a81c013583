"""WL1–WL4: a run that is done is held against the exchange's own ledger. WL1 the difference that is recorded is the one there is,
to the last digit. WL2 it is told with its amount, and nothing is told where there is none. WL3 there is one only where somebody
else has traded in the run's contracts, or the exchange has charged what no fill tells. WL4 every run is compared: soon, or as soon
as no other run's trade that is not told yet may explain a difference.
"""

from decimal import Decimal

from trader.domain.fill import FillKind
from trader.domain.wallet import Transaction
from trader.engine import events as ev
from trader.engine import records as rec
from trader.simulation.evidence import Evidence
from trader.simulation.notes import RunNote
from trader.simulation.shell import Shell

_ASKED_SECS = 45.0  # five after the end, then every twenty while it cannot be read
_LASTING_SECS = 59.0  # so long after the end a difference is none yet
_LASTING_READS = 4  # that tell the same difference one after another: it is one
_ACCOUNT_SECS = 18.0  # a read of the account that is older may miss a fill
_WAITED_SECS = 560.0  # so long a ledger is asked for at least
_WRITTEN_SECS = 2.5
_LEAST = Decimal("1E-18")  # USD: any difference at all
_ROUNDED = Decimal("0.000001")  # USD: of a perpetual's average entry, which may have no end
_LOST_SECS = 60.0  # so long an ended order that cannot be read is asked for again
_LISTS = ("positions", "open_orders", "fills")


class WalletRules:
    """Adds up the ledger's lines and what the runs have told of the same contracts."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._heard: dict[str, ev.WalletRead] = {}  # run → the newest whole ledger that was heard for it
        self._untold: dict[str, Decimal] = {}  # differences that were recorded and not told yet
        self._steady: dict[str, tuple[Decimal, int]] = {}  # run → the difference as heard last, how often in a row
        self._ripe: dict[str, float] = {}  # runs of which a ledger was heard that settles it, and since when
        self._given_up: set[str] = set()  # runs of which was told that the ledger could not be read
        self._read: dict[
            str, float
        ] = {}  # run → when the newest read of the account was begun that told all of its contracts

    def booted(self) -> None:
        self._read.clear()
        self._ripe.clear()
        self._steady.clear()
        self._given_up.clear()

    def heard(self, shell: Shell, event: ev.WalletRead) -> None:
        """A runner is about to hear the ledger's lines, or that they could not be read."""
        run = self._evidence.notes.runs.get(event.run_id)
        if event.changes is None or run is None or run.finished is None or shell is not self._evidence.world.current:
            return
        self._heard.pop(event.run_id, None)  # the newest last
        self._heard[event.run_id] = event
        difference, secs = self._difference(run, event), self._evidence.secs
        was, reads = self._steady.get(event.run_id, (difference, 0))
        reads = 0 if self._may_change(run) else reads + 1 if difference == was else 1
        self._steady[event.run_id] = difference, reads
        is_even = not self._is_guessed(run) and not difference
        if run.compared is None and (is_even or reads >= _LASTING_READS):
            self._ripe.setdefault(event.run_id, secs)

    def account_heard(self, shell: Shell, event: ev.AccountRead, began: float) -> None:
        """The present runner is about to hear of the account. A row that makes no sense, and may be of a run's contracts, hides what
        has been traded in them."""
        if (
            shell is not self._evidence.world.current
            or event.error
            or None in (event.positions, event.open_orders, event.fills)
        ):
            return
        for run_id in event.runs:
            run = self._evidence.notes.runs.get(run_id)
            if run is None or any(f"-{run_id[:5]}-" in name for name in event.failed):
                continue
            lists = (*_LISTS, "history") if self._may_have_lost(run) else _LISTS
            odd = (event.odd_of(member, leg.symbol, leg.product_id) for member in lists for leg in run.legs)
            if not any(odd):
                self._read[run_id] = began

    def _may_have_lost(self, run: RunNote) -> bool:
        """Whether its journal may lack an order: until the first whole read after a takeover, for a while."""
        booted = self._evidence.takeovers[-1]
        return run.run_id not in self._read and run.created < booted and self._evidence.secs - booted <= _LOST_SECS

    def _may_change(self, run: RunNote) -> bool:
        """Whether another run may have traded in these contracts without having told it yet, with its cost."""
        others = (one for one in self._evidence.notes.unresolved() if one.orders and _products(one) & _products(run))
        return any(self._is_behind(one) for one in others)

    def _is_behind(self, run: RunNote) -> bool:
        now = self._evidence.world.agenda.now
        return (
            self._evidence.secs - self._read.get(run.run_id, -_ACCOUNT_SECS) > _ACCOUNT_SECS
            or any(fill.commission is None for _, fill in run.fills.values())
            or any(order.reported > order.filled for order in run.orders.values())
            or any(leg.has_expired(now) and run.net(leg.key) for leg in run.legs)
        )

    # ------------------------------------------------------------ at the commit

    def before(self, record: rec.AnyRecord) -> None:
        run = self._evidence.notes.runs.get(record.run_id)
        match record:
            case rec.WalletCompared() if run is not None:
                if record.difference and not self._is_told_for_another(run, record):
                    self._untold[record.run_id] = record.difference
                self._check_difference(run, record)
            case rec.AlertRaised(code="wallet_differs"):
                difference = self._untold.pop(record.run_id, Decimal(0))
                if not difference or f"{difference:+f}" not in record.text:
                    self._evidence.report("WL2", f"told {record.text!r}, the difference is {difference}")
            case rec.AlertRaised(code="wallet_unread"):
                self._given_up.add(record.run_id)
                begun = max(run.finished_secs if run is not None else 0.0, self._evidence.takeovers[-1])
                if self._evidence.secs - begun < _WAITED_SECS:
                    self._evidence.report("WL4", f"told {record.text!r} after a short while", record.run_id)
            case _:
                pass

    def _check_difference(self, run: RunNote, record: rec.WalletCompared) -> None:
        event = self._heard_of(run, record)
        if self._evidence.is_late():
            return  # recorded later than it was decided: another ledger may have been heard since
        if event is None or event.since != record.since:
            self._evidence.report("WL1", f"run {run.run_id} is compared with a ledger that nobody has read whole")
            return
        ended = min((one.wall for one in self._ends(run, record)), default=record.wall)
        if record.difference and (record.wall - ended).total_seconds() < _LASTING_SECS:
            self._evidence.report("WL3", f"run {run.run_id}: {record.difference} is told before it could last")
        if self._is_guessed(run):
            return
        found = self._difference(run, event)
        if run.is_perpetual and abs(found) < _ROUNDED:
            found = Decimal(0)
        if record.difference != found or sum(record.lines.values()) != self._paid(run, event):
            text = f"run {run.run_id}: {record.difference} recorded of {record.lines}, {found} is the difference"
            self._evidence.report("WL1", text)
        foreign = self._foreign(run, event)
        if foreign is not None and abs(record.difference - foreign) >= (_ROUNDED if run.is_perpetual else _LEAST):
            text = (
                f"run {run.run_id}: {record.difference} is said to differ, of others and untold charges are {foreign}"
            )
            self._evidence.report("WL3", text)

    def _ends(self, run: RunNote, record: rec.WalletCompared) -> list[rec.RunFinished]:
        """Of a run; of tickets in a perpetual those of all that it is compared with: the first of them may have been asked for.
        Where a comparison begins is the exchange's time, of which the host's clock may be a day off."""
        if not run.is_perpetual:
            return [] if run.finished is None else [run.finished]
        runs = (one for one in self._evidence.notes.runs.values() if one.is_perpetual)
        return [
            one.finished
            for one in runs
            if one.finished is not None and (one.finished.market or one.finished.wall) >= record.since
        ]

    def _heard_of(self, run: RunNote, record: rec.WalletCompared) -> ev.WalletRead | None:
        """The ledger a run was compared with; tickets in a perpetual share one that was read for one of them."""
        event = self._heard.get(record.run_id)
        if not run.is_perpetual:
            return event
        runs = self._evidence.notes.runs
        shared = [one for name, one in self._heard.items() if runs[name].is_perpetual and one.since == record.since]
        return shared[-1] if shared else event

    def _is_told_for_another(self, run: RunNote, record: rec.WalletCompared) -> bool:
        """Whether the same comparison is on record for another ticket in the perpetual."""
        others = (one.compared for one in self._evidence.notes.runs.values() if one.is_perpetual and one is not run)
        return run.is_perpetual and any(
            (one.since, one.difference, one.wall) == (record.since, record.difference, record.wall)
            for one in others
            if one is not None
        )

    def _is_guessed(self, run: RunNote) -> bool:
        """Whether another run that shares some of the contracts may have ended on an estimate: of which contract, it does not say."""
        products = _products(run)
        sharing = (_products(one) for one in self._evidence.notes.runs.values() if one.fills)
        return not self._evidence.world.plan.costs_told and any(its != products and its & products for its in sharing)

    def _difference(self, run: RunNote, event: ev.WalletRead) -> Decimal:
        products = _products(run)
        runs = self._evidence.notes.runs.values()
        return self._paid(run, event) - sum((one.told_since(event.since, products) for one in runs), Decimal(0))

    def _paid(self, run: RunNote, event: ev.WalletRead) -> Decimal:
        return sum((line.amount for line in _lines(run, event)), Decimal(0))

    def _foreign(self, run: RunNote, event: ev.WalletRead) -> Decimal | None:
        """USD of lines that are no run's; None where the exchange's own doing mixes whose they are, where the ledger was behind, or
        where costs are not told."""
        world = self._evidence.world
        venue, symbols = world.venue, {leg.symbol for leg in run.legs}
        strange = self._strange_orders(symbols)
        if strange and run.is_perpetual:
            return None  # what closing makes is by the average entry of all
        mixed = symbols & (venue.core.products.expired.keys() | venue.own_doing.keys())
        told = {line.transaction_id for line in _lines(run, event)}
        products = _products(run)
        lines = [
            line
            for line in venue.account.transactions
            if line.product_id in products and event.since <= line.created_at <= self._evidence.world.agenda.now
        ]
        is_behind = any(str(line.id) not in told for line in lines)
        if not world.plan.costs_told or (strange and mixed) or is_behind:
            return None
        foreign = [line for line in lines if line.id in venue.charged or line.order_id in strange]
        stamps = {line.created_at for line in foreign}
        booked = (one for run in self._evidence.notes.runs.values() for one in run.funded if one.at in stamps)
        return sum((line.amount for line in foreign), Decimal(0)) - sum((one.amount for one in booked), Decimal(0))

    def _strange_orders(self, symbols: set[str]) -> set[str]:
        """Orders in these contracts that have traded and are no run's."""
        account, strange = self._evidence.world.venue.account, self._evidence.world.venue.strange_fills
        desks = {coid for run in self._evidence.notes.runs.values() for coid in run.orders}
        return {
            row.order_id
            for row in account.fills
            if row.symbol in symbols and row.client_order_id not in desks
            if row.kind is FillKind.NORMAL or row.id in strange
        }

    def at_the_end(self) -> None:
        """An alert is recorded with what it tells of."""
        for run_id, difference in self._untold.items():
            self._evidence.report("WL2", f"run {run_id}: {difference} differ and nobody is told", run_id)

    # ------------------------------------------------------------ every second

    def every_second(self, healthy: float) -> None:
        secs, shell = self._evidence.secs, self._evidence.world.current
        if shell is None or "V1" in self._evidence.world.faults.last_of:
            return  # a clock that was set back holds up what waits
        for run in [one for one in self._evidence.notes.runs.values() if not one.ticket]:
            is_done = run.finished is not None and bool(run.fills)
            if not is_done or run.compared is not None or run.run_id in self._given_up:
                self._ripe.pop(run.run_id, None)
                continue
            ripe = min(secs - self._ripe.get(run.run_id, secs), healthy)
            if ripe > _WRITTEN_SECS:
                self._evidence.report(
                    "WL4", f"run {run.run_id} is not compared with a ledger that was read", run.run_id
                )
            asked = max(shell.wallet_asked.get(run.run_id, 0.0), run.finished_secs, shell.gateway.limited_until)
            if min(secs - asked, healthy) > _ASKED_SECS:
                self._evidence.report("WL4", f"run {run.run_id} ended and the ledger is not asked for", run.run_id)


def _products(run: RunNote) -> set[int]:
    return {leg.product_id for leg in run.legs}


def _lines(run: RunNote, event: ev.WalletRead) -> list[Transaction]:
    """The lines of the run's contracts since it began, as they were told."""
    products = _products(run)
    return [
        line
        for line in event.changes or ()
        if line.product_id in products and line.created_at is not None and line.created_at >= event.since
    ]
