"""AL1–AL5: several runs on one account. AL1 what the exchange closed by itself is booked once, to no run more than
it had. AL2 the runs' fills, a person's and other installations' make the position. AL3 no exit is for more than the run's share of
what was read. AL4 nothing is entered against another run, or beside its exit. AL5 no exit is held back by another run's entry, and
money is the exchange's in all.
"""

from collections import Counter
from decimal import Decimal

from trader.domain.fill import FillKind
from trader.domain.order import OrderIntent, Purpose, Side
from trader.engine import records as rec
from trader.engine.records import LegTerms, Phase
from trader.simulation.evidence import Evidence
from trader.simulation.market import PERPETUAL
from trader.simulation.notes import RunNote
from trader.simulation.ordering import OrderRules

_CALM_SECS = 15.0  # after this what a person or the exchange did is known
_LAG_SECS = 5.0  # within this of a fill a read may not know it: four, and the way
_BARRED_SECS = 4.0  # two for a cancel, the rest for a step that was late


class SharingRules:
    """Adds up what each run says it has."""

    def __init__(self, evidence: Evidence, orders: OrderRules) -> None:
        self._evidence = evidence
        self._orders = orders

    # ------------------------------------------------------------ at the commit

    def before(self, record: rec.AnyRecord) -> None:
        run = self._evidence.notes.runs.get(record.run_id)
        match record:
            case rec.RunCreated():
                self._check_count(record)
            case rec.OrderIntended(intent=intent) if run is not None and record.cause != "recovery":
                if self._evidence.is_late():
                    return
                if intent.purpose is Purpose.ENTRY:
                    self._check_beside(run, intent)
                else:
                    self._check_share(run, intent)
            case _:
                pass

    def _check_count(self, record: rec.RunCreated) -> None:
        limits, others = self._evidence.notes.limits, self._evidence.notes.structures()
        if record.ticket:
            return
        if len(others) >= limits.open_runs:
            self._evidence.report("AL6", f"run {record.run_id} begins beside {len(others)} others")
        if len(others) >= limits.open_runs_per_underlying:  # there is one underlying here
            self._evidence.report("AL6", f"run {record.run_id} begins beside {len(others)} on its underlying")

    def _check_beside(self, run: RunNote, intent: OrderIntent) -> None:
        for other in self._others(run, intent.symbol):
            for leg in other.legs:
                if leg.symbol != intent.symbol:
                    continue
                exits = any(
                    o.open and o.intent.purpose not in (Purpose.ENTRY, Purpose.CLOSE) for o in other.leg_orders(leg.key)
                )
                held = other.net(leg.key)
                if leg.side is not intent.side and (held or any(o.open for o in other.leg_orders(leg.key))):
                    self._evidence.report("AL4", f"{intent.client_order_id} enters against run {other.run_id}")
                elif exits or (other.phase is Phase.EXITING and held and leg.key not in other.kept):
                    self._evidence.report("AL4", f"{intent.client_order_id} enters beside the exit of {other.run_id}")

    def _check_share(self, run: RunNote, intent: OrderIntent) -> None:
        """By the exchange's true position, where all is calm and has been read: the oldest run's first."""
        symbol, shell = intent.symbol, self._evidence.world.current
        runs = [one for one in self._evidence.notes.unresolved() if any(leg.symbol == symbol for leg in one.legs)]
        if len(runs) < 2 or shell is None or symbol not in run.positions:
            return  # without a read since its newest fill it closes what its fills have made
        if symbol not in self._evidence.world.venue.core.products.live:
            return  # settled: nothing can be closed any more, and a read may lag behind that; CT11 judges it
        last = max(
            (self._evidence.world.faults.last_of.get(name, -100.0) for name in ("H4", "X6", "W4")), default=-100.0
        )
        read = shell.account_heard.get(run.run_id)
        newest = max(self._traded(symbol), self._evidence.notes.filled_secs.get(symbol, -100.0))
        if read is None or read < last + _CALM_SECS or read < newest + _LAG_SECS:
            return  # to the runner what was executed long ago and heard just now may be news to that read
        left = abs(self._evidence.world.venue.account.position_size(symbol))
        for one in runs:
            own = min(abs(self._orders.held(one, symbol)), left)
            left -= own
            if one.run_id == run.run_id and intent.quantity > own:
                text = f"{intent.client_order_id} closes {intent.quantity} of {symbol}, its run's share is {own}"
                self._evidence.report("AL3", text)

    def _traded(self, symbol: str) -> float:
        """When something of this contract was last executed on the account."""
        world = self._evidence.world
        times = [row.created_at for row in world.venue.account.fills if row.symbol == symbol]
        return (max(times) - world.agenda.start).total_seconds() if times else -100.0

    def _others(self, run: RunNote, symbol: str) -> list[RunNote]:
        return [
            one
            for one in self._evidence.notes.unresolved()
            if one.run_id != run.run_id and any(leg.symbol == symbol for leg in one.legs)
        ]

    # ------------------------------------------------------------ every second, and at rest

    def every_second(self, healthy: float) -> None:
        for run in self._evidence.notes.unresolved():
            if run.phase is Phase.EXITING and run.exit_secs is not None:
                waited = self._evidence.secs - run.exit_secs
                if min(waited, healthy) > _BARRED_SECS:
                    self._check_barred(run)

    def _check_barred(self, run: RunNote) -> None:
        """An entry of another run rests where this one closes, and nobody has asked to cancel it. A leg that covers others closes
        after them."""
        resting = {o.client_order_id for o in self._evidence.world.venue.account.open_orders.values()}
        for leg in run.legs:
            if not run.net(leg.key) or leg.key in run.kept or self._is_later(run, leg):
                continue
            for other in self._others(run, leg.symbol):
                for note in other.orders.values():
                    coid = note.intent.client_order_id
                    meets = note.intent.purpose is Purpose.ENTRY and note.intent.side is leg.side
                    if meets and note.intent.symbol == leg.symbol and coid in resting and note.cancel_secs is None:
                        self._evidence.report("AL5", f"{coid} bars the exit of {run.run_id}")

    def _is_later(self, run: RunNote, leg: LegTerms) -> bool:
        """Whether a long leg covers short ones that are not closed yet, or were a moment ago."""
        shorts = [one for one in run.legs if leg.side is Side.BUY and one.side is Side.SELL and one.kind is leg.kind]
        orders = [order for short in shorts for order in run.leg_orders(short.key)]
        if any(run.net(short.key) for short in shorts) or any(o.open or o.reported > o.filled for o in orders):
            return True
        return self._evidence.secs - max((order.ended for order in orders), default=0.0) <= _BARRED_SECS

    def booked_once(self) -> None:
        """AL1, at any time."""
        venue, runs = self._evidence.world.venue, list(self._evidence.notes.runs.values())
        booked: Counter[tuple[str, FillKind]] = Counter()
        for run in runs:
            for _, fill in run.fills.values():
                booked[fill.symbol, fill.kind] += fill.quantity
            for leg in run.legs:
                fills = [fill for key, fill in run.fills.values() if key == leg.key]
                had = sum(fill.quantity for fill in fills if fill.side is leg.side)
                taken = sum(fill.quantity for fill in fills if fill.kind is FillKind.LIQUIDATION)
                if taken > had:
                    self._evidence.report("AL1", f"{taken} {leg.symbol} booked as closed by it, {run.run_id} had {had}")
        closed: Counter[tuple[str, FillKind]] = Counter()
        for row in venue.account.fills:
            closed[row.symbol, row.kind] += row.size
        for (symbol, kind), quantity in booked.items():
            if kind is FillKind.LIQUIDATION and quantity > closed[symbol, kind]:
                self._evidence.report(
                    "AL1", f"{quantity} {symbol} booked as closed by it, it closed {closed[symbol, kind]}"
                )

    def at_rest(self) -> None:
        """AL2, where nothing is under way."""
        runs = list(self._evidence.notes.runs.values())
        for symbol in {leg.symbol for run in runs for leg in run.legs}:
            self._check_sum(symbol, runs)

    def _check_sum(self, symbol: str, runs: list[RunNote]) -> None:
        venue = self._evidence.world.venue
        if symbol not in venue.core.products.live:
            return
        orders = [o for run in runs for o in run.orders.values() if o.intent.symbol == symbol]
        if any(o.open or o.reported > o.filled for o in orders):
            return
        ours = sum(run.net(leg.key) for run in runs for leg in run.legs if leg.symbol == symbol)
        theirs, shown = venue.human_net.get(symbol, 0), venue.account.position_size(symbol)
        left = shown - ours
        # Whose part it is that was closed for others and for runs at once, the exchange does not say: of theirs some may be gone.
        if left != theirs and not (symbol in venue.own_doing and min(theirs, 0) <= left <= max(theirs, 0)):
            self._evidence.report(
                "AL2", f"{symbol}: the runs have {ours}, others {theirs}, the exchange {shown}", symbol
            )

    def money(self) -> None:
        """What all runs have earned is what the exchange moved, where it closed contracts of several at once."""
        world = self._evidence.world
        venue, runs = world.venue, [run for run in self._evidence.notes.runs.values() if not run.is_perpetual]
        mixed = venue.core.products.expired.keys() | venue.own_doing.keys()
        if any(venue.human_net.get(symbol) for symbol in mixed):
            return  # settlement and liquidation act on the whole position
        if not world.plan.costs_told or any(run.finished is None for run in runs):
            return
        orders = {coid for run in runs for coid in run.orders}
        ids = {str(order.id) for order in venue.account.orders.values() if order.client_order_id in orders}
        swept = (row for row in venue.account.fills if row.kind is FillKind.LIQUIDATION and row.symbol != PERPETUAL)
        doing = {row.id for row in swept} - venue.strange_fills
        theirs = sum(
            (
                t.amount
                for t in venue.account.transactions
                if t.order_id in ids or t.fill_id in doing or t.transaction_type == "settlement"
            ),
            Decimal(0),
        )
        told = sum((run.finished.realized_pnl for run in runs if run.finished is not None), Decimal(0))
        if theirs != told:
            self._evidence.report("AL5", f"all runs together earned {told}, the exchange moved {theirs}")
