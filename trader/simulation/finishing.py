"""CT1, I16 and DU1: is a run done only when the exchange says so, and is one that is not taken up again after a restart?"""

from trader.engine import records as rec
from trader.engine.records import Phase
from trader.simulation.evidence import Evidence
from trader.simulation.ordering import OrderRules
from trader.simulation.venue import is_desks


class FinishRules:
    """Judged at the moment of DONE, and every second after a boot."""

    def __init__(self, evidence: Evidence, orders: OrderRules) -> None:
        self._evidence = evidence
        self._orders = orders

    def finished(self, record: rec.RunFinished) -> None:
        """CT1 and I16 at the moment of DONE."""
        session = self._evidence.world
        run = self._evidence.notes.runs[record.run_id]
        report, account = self._evidence.report, session.venue.account
        symbols = {leg.symbol for leg in run.legs}
        for order in account.live_orders:
            if is_desks(order.client_order_id) and f"-{run.run_id[:5]}-" in (order.client_order_id or ""):
                report("CT1", f"done, but {order.client_order_id} still works")
        if any(o.open for o in run.orders.values()):
            report("CT1", "done with an unresolved intent in the journal")
        if not run.orders:
            return
        ours = [o for o in account.orders.values() if o.client_order_id in run.orders]
        ended = max(((o.updated_at - session.agenda.start).total_seconds() for o in ours), default=0.0)
        shell = session.current
        contracts = {leg.symbol: leg.product_id for leg in run.legs}
        for verb in ("positions", "open_orders"):
            read = shell.gateway.told_whole(verb, contracts) if shell is not None else -1.0
            if read < ended:
                report(
                    "I16",
                    f"done at {self._evidence.secs:.1f}, our last order ended at {ended:.1f}, {verb} read {read:.1f}",
                )
        if run.ticket and not run.fills:
            return  # it has never held anything: what stands there is no remainder of it
        beside = self._evidence.notes.unresolved()
        desks = {coid for one in self._evidence.notes.runs.values() for coid in one.orders}
        others = [row for row in account.fills if row.symbol in symbols and row.client_order_id not in desks]
        decided = record.market if self._evidence.is_late() and record.market is not None else session.agenda.now
        lately = any((decided - row.created_at).total_seconds() < 15 for row in others)
        if lately or session.faults.last_of.get("H4", -100.0) > self._evidence.secs - 15:
            return  # a person traded after the last read: what stands now is not what was read
        for leg in run.legs:
            held = account.position_size(leg.symbol)
            lefts = (
                _left([self._orders.held(one, leg.symbol) for one in beside], held),
                _left([one.done_in(leg.symbol) for one in beside], held),  # by what had been heard of them
            )
            if all(left and f"{leg.symbol} {left:+d}" not in record.foreign for left in lefts):
                report("CT1", f"done, but the exchange shows {held} of {leg.symbol} (said: {record.foreign or 'flat'})")

    def every_second(self, healthy: float) -> None:
        """DU1: soon after a boot the exchange hears from us again."""
        shell = self._evidence.world.current
        if shell is None or shell.epoch < 2 or healthy <= 10 or shell.gateway.attempts:
            return
        for run in self._evidence.notes.unresolved():
            if run.phase is not Phase.WAITING:
                self._evidence.report("DU1", f"{run.phase} and nothing asked 10 s after the restart")


def _left(theirs: list[int], held: int) -> int:
    """Contracts of a position that other runs do not explain."""
    explained = sum(size for size in theirs if size * held > 0)
    return held - (explained if abs(explained) < abs(held) else held)
