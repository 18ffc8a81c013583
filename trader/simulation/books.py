"""Rules about books at rest: BK1–BK4, BK6, LV1, and the fold against the live state."""

from collections import Counter
from decimal import Decimal

from trader.domain.fill import FillKind
from trader.domain.order import Side
from trader.engine.fold import durable, fold
from trader.engine.records import AnyRecord, Phase
from trader.engine.state import State
from trader.simulation.evidence import Evidence
from trader.simulation.faces import realized_by_face
from trader.simulation.notes import RunNote
from trader.simulation.ordering import OrderRules
from trader.simulation.slicing import working_secs

_COSTS = ("commission", "liquidation_fee")
_OVERLAPPING = "overlapping_buy_sell_orders"  # what the venue says of an order that would meet the account's own

_UNTOLD_SECS = 36.0  # 30 s for commissions that never come, and the reads that show it
_TICKET_SECS = 75.0  # a list of many goes out within a minute
_JUST_BEGUN_SECS = 10.0  # besides what the configuration lets its orders rest


class BookRules:
    """Compares the journal with the exchange's own books."""

    def __init__(self, evidence: Evidence, orders: OrderRules) -> None:
        self._evidence = evidence
        self._orders = orders

    def live(self) -> None:
        """LV1: a minute after the last fault every run is correct and quiescent."""
        for run in self._evidence.notes.unresolved():
            if run.ticket and run.phase is not Phase.EXITING:
                self._check_ticket(run)
                continue
            if run.phase in (Phase.ENTERING, Phase.EXITING):
                if self._evidence.secs - run.phase_secs < self._just_begun_secs(run):
                    continue  # as intended, at its own time; that it ends is checked after the last Stop
                if self.is_barred(run):
                    continue
                self._evidence.report("LV1", f"still {run.phase} a minute after the last fault")
                continue
            if any(o.open for o in run.orders.values()):
                self._evidence.report("LV1", f"{run.phase} with unresolved orders a minute after the last fault")
            for leg in run.legs:
                theirs = self._orders.net(run.run_id, leg.symbol)
                if run.net(leg.key, own_only=True) != theirs:
                    self._evidence.report(
                        "BK3", f"{leg.symbol}: journal {run.net(leg.key, own_only=True)}, exchange {theirs}"
                    )

    def _check_ticket(self, run: RunNote) -> None:
        """What a ticket has, or lets rest, is as it says; that something rests is what it is for."""
        if run.phase is Phase.WAITING and self._evidence.secs - run.created > _TICKET_SECS:
            self._evidence.report("LV1", f"ticket {run.run_id} waits for {self._evidence.secs - run.created:.0f} s")
        resting = {o.client_order_id for o in self._evidence.world.venue.account.live_orders}
        for coid, note in run.orders.items():
            is_old = self._evidence.secs - max(note.secs, note.ended, note.cancel_secs or 0.0) > _JUST_BEGUN_SECS
            if note.open and is_old and coid not in resting:
                self._evidence.report("LV1", f"{coid} is open in the journal and not at the exchange", coid)

    def never_closed(self) -> None:
        for run in self._evidence.notes.unresolved():
            if not self.is_barred(run):
                self._evidence.report("LV1", f"run {run.run_id} is {run.phase} long after the last Stop", run.run_id)

    def is_barred(self, run: RunNote) -> bool:
        """Whether nothing on this side can close what is left: the exchange refuses an exit because it would meet another's order
        of the same account or could not be paid for, or nobody bids for what is offered. Counted as a known limit."""
        account = self._evidence.world.venue.account
        desks = {coid for one in self._evidence.notes.runs.values() for coid in one.orders}
        resting = {o.symbol for o in account.open_orders.values() if o.client_order_id not in desks}
        last = [run.leg_orders(leg.key)[-1] for leg in run.legs if leg.symbol in resting and run.leg_orders(leg.key)]
        if any(order.code == _OVERLAPPING for order in last):
            self._evidence.limits["LV1 behind another's resting order"] += 1
            return True
        if run.phase is Phase.EXITING and self._evidence.is_unpayable(run):
            self._evidence.limits["LV1 where the account cannot pay for its exit"] += 1
            return True
        if run.phase is Phase.EXITING and self._is_unsaleable(run):
            self._evidence.limits["LV1 where nobody bids"] += 1
            return True
        return False

    def _is_unsaleable(self, run: RunNote) -> bool:
        """Whether long legs alone are left, nobody bids for any of them, and each is offered whole at the exchange: as meant, it
        stands there until somebody does or it is settled."""
        venue = self._evidence.world.venue
        held = [leg for leg in run.legs if run.net(leg.key)]
        offered = {
            o.symbol: o.unfilled_size for o in venue.account.open_orders.values() if o.client_order_id in run.orders
        }
        return bool(held) and all(
            leg.side is Side.BUY
            and not venue.market.depth(leg.symbol).bids
            and offered.get(leg.symbol) == run.net(leg.key)
            for leg in held
        )

    def _just_begun_secs(self, run: RunNote) -> float:
        """How long an entry or exit may be under way by the run's own configuration: its ranks are worked one after another."""
        orders = run.preset.orders
        untold = 0.0 if self._evidence.world.plan.costs_told else _UNTOLD_SECS
        tries = (orders.retries + 2) * (max(orders.timeout_secs, orders.exit_timeout_secs) + 1)
        ranks = len({leg.rank for leg in run.legs})
        return untold + _JUST_BEGUN_SECS + ranks * (working_secs(run.preset) + tries)

    def at_the_end(self) -> None:
        records = self._evidence.world.journal.read()
        for run in self._evidence.notes.runs.values():
            if run.finished is not None or not self._evidence.world.faults.active:
                self._check_fills(run)
            if run.finished is not None:
                self._check_money(run)
                if not run.ticket:
                    self._check_faces(run, records)
        self._check_fold(records)

    def _check_fills(self, run: RunNote) -> None:
        """BK1, BK3, BK6."""
        account = self._evidence.world.venue.account
        # What the two channels call an execution says nothing here: order, price and quantity do.
        theirs: Counter[tuple[str, Decimal]] = Counter()
        for row in account.fills:
            if row.client_order_id in run.orders:
                theirs[row.client_order_id or "", row.price] += row.size
        ours: Counter[tuple[str, Decimal]] = Counter()
        for _, fill in run.fills.values():
            if fill.kind is FillKind.NORMAL:
                ours[fill.client_order_id or "", fill.price] += fill.quantity
        if theirs != ours:
            text = f"missing {(theirs - ours).total()}, too many {(ours - theirs).total()}"
            self._evidence.report("BK1", text, run.run_id)
        for order in account.orders.values():
            note = run.orders.get(order.client_order_id or "")
            if note is not None and note.filled != order.filled_size:
                text = f"{order.client_order_id}: journal {note.filled}, exchange {order.filled_size}"
                self._evidence.report("BK6", text, order.client_order_id or "")
            if note is not None and note.reported > order.filled_size:
                text = f"{order.client_order_id}: {note.reported} taken for filled, exchange {order.filled_size}"
                self._evidence.report("BK6", text, order.client_order_id or "")
        for symbol in run.unsold:
            self._evidence.report("BK6", f"{symbol}: held without a contract sold", symbol)
        for leg in run.legs:
            theirs_net = self._orders.net(run.run_id, leg.symbol)
            if run.net(leg.key, own_only=True) != theirs_net:
                self._evidence.report(
                    "BK3", f"{leg.symbol}: journal {run.net(leg.key)}, exchange {theirs_net}", run.run_id
                )

    def _check_money(self, run: RunNote) -> None:
        """BK2: what the journal says was earned is what the exchange moved, to the last digit."""
        venue, finished = self._evidence.world.venue, run.finished
        assert finished is not None
        if run.is_perpetual:
            return  # its ledger knows no prices (TK7)
        products = {leg.product_id for leg in run.legs}
        symbols = {leg.symbol for leg in run.legs}
        own_doing = symbols & (venue.core.products.expired.keys() | venue.own_doing.keys())
        if any(venue.human_net.get(symbol) for symbol in own_doing):
            return  # settlement and liquidation act on the whole position; whose part is whose, the exchange does not say
        beside = {leg.symbol for one in self._evidence.notes.runs.values() if one is not run for leg in one.legs}
        if own_doing & beside:
            return  # and so with other runs' parts: the money of all is added up (AL5)
        orders = {str(o.id) for o in venue.account.orders.values() if o.client_order_id in run.orders}
        start = self._evidence.world.agenda.start
        doing = {
            row.id
            for row in venue.account.fills
            if row.kind is FillKind.LIQUIDATION
            and row.id not in venue.strange_fills
            and row.symbol in symbols
            and run.created <= (row.created_at - start).total_seconds() <= run.finished_secs
        }
        moved = [
            t
            for t in venue.account.transactions
            if t.order_id in orders
            or t.fill_id in doing
            or (
                t.transaction_type == "settlement"
                and t.product_id in products
                and run.created <= (t.created_at - start).total_seconds() <= run.finished_secs
            )
        ]
        theirs = sum((t.amount for t in moved), Decimal(0)) + run.moved_cash()
        told = finished.realized_pnl
        if not self._evidence.world.plan.costs_told:
            theirs -= sum((t.amount for t in moved if t.transaction_type in _COSTS), Decimal(0))
            told += finished.fees
        elif finished.estimated_fees:
            self._evidence.report("BK2", f"fees of {finished.estimated_fees} were guessed", run.run_id)
        if theirs != told:
            self._evidence.report("BK2", f"journal {told}, exchange {theirs}", run.run_id)

    def _check_faces(self, run: RunNote, records: list[AnyRecord]) -> None:
        """BK4: whoever shows what the run earned shows the number of the journal, to the last digit."""
        assert run.finished is not None
        session = self._evidence.world
        shell = session.current
        live = shell.state if shell is not None else None
        for face, shown in realized_by_face(records, run.run_id, session.host_wall(), live).items():
            if shown != run.finished.realized_pnl:
                text = f"{face} shows {shown}, the journal says {run.finished.realized_pnl}"
                self._evidence.report("BK4", text, run.run_id)

    def _check_fold(self, records: list[AnyRecord]) -> None:
        """What a restart would make of the journal is what the living runner believes."""
        shell = self._evidence.world.current
        if shell is None or shell.paused or shell.degraded:
            return  # what waits to be written is known to the runner alone
        state = State(
            installation=shell.state.installation, epoch=shell.epoch, env="paper", account_key=shell.state.account_key
        )
        again = fold(state, records)
        for run_id, run in shell.state.runs.items():
            if run_id not in again.runs or durable(run) != durable(again.runs[run_id]):
                self._evidence.report("DU1", f"run {run_id}: the journal does not fold to the live state")
