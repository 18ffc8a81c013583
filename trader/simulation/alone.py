"""CT6: a short leg alone, or without the cover it was given, is completed or closed, and not alone for long."""

from trader.domain.order import Side
from trader.engine.records import Phase
from trader.simulation.evidence import Evidence
from trader.simulation.leaving import NEXT_TRY_SECS
from trader.simulation.notes import RunNote
from trader.simulation.ordering import OrderRules


class AloneRules:
    """Asks the exchange what each run's own orders have made."""

    def __init__(self, evidence: Evidence, orders: OrderRules) -> None:
        self._evidence = evidence
        self._orders = orders
        self._naked: dict[str, float] = {}
        self._read_after: dict[str, tuple[float, float]] = {}

    def every_second(self, healthy: float) -> None:
        for run in self._evidence.notes.structures():
            self._check(run, healthy)

    def _check(self, run: RunNote, healthy: float) -> None:
        account = self._evidence.world.venue.account
        held = {
            leg.key: self._orders.net(run.run_id, leg.symbol) if account.position_size(leg.symbol) else 0
            for leg in run.legs
        }
        now = self._evidence.world.agenda.now
        if not _is_alone(run, held) or any(now >= leg.expiry for leg in run.legs):
            self._naked.pop(run.run_id, None)
            return
        since = self._naked.setdefault(run.run_id, self._evidence.secs)
        lasting = self._evidence.secs - since
        limit = 45 if since < self._evidence.world.quiet_from else 25  # where reads failed, noticing took longer
        shell = self._evidence.world.current
        read = shell.gateway.successes.get("positions", 0.0) if shell is not None else 0.0
        if run.phase is Phase.HOLDING and min(lasting, healthy) > limit and read > since + 14:
            self._evidence.report("CT6", f"one leg alone for {lasting:.0f} s while holding")
        if run.phase is Phase.ENTERING and not any(o.open for o in run.orders.values()):
            last = max((o.ended for o in run.orders.values()), default=since)
            told = self._first_read_after(run, last)
            if told is not None and min(self._evidence.secs - told, lasting, healthy) > NEXT_TRY_SECS:
                self._evidence.report("CT6", f"one leg alone, nothing tried for {self._evidence.secs - last:.0f} s")
        session = self._evidence.world
        legs = {leg.symbol for leg in run.legs}
        desks = {coid for one in self._evidence.notes.runs.values() for coid in one.orders}
        if any(o.symbol in legs and o.client_order_id not in desks for o in account.open_orders.values()):
            return  # the exchange lets no exit of ours meet another's order of this account, and that one is not ours to end
        if self._evidence.is_unpayable(run):
            self._naked.pop(run.run_id)  # it counts from when it can be paid for
            return
        quiet = self._evidence.secs - session.quiet_from
        if not session.faults.active and min(lasting, quiet, healthy) > run.preset.risk.naked_leg_secs:
            self._evidence.report("CT6", f"one leg alone for {lasting:.0f} s on a healthy exchange")

    def _first_read_after(self, run: RunNote, last: float) -> float | None:
        """When the fills were first read to their end after this instant: before, nobody knows what an order has done."""
        shell = self._evidence.world.current
        read = shell.fully_read if shell is not None else 0.0
        known = self._read_after.get(run.run_id)
        if known is not None and known[0] == last:
            return known[1]
        if read <= last:
            return None
        self._read_after[run.run_id] = (last, read)
        return read


def _is_alone(run: RunNote, held: dict[str, int]) -> bool:
    """Whether one short leg of several stands, uncovered, without the others, or one without the cover it was given."""
    shorts = [leg for leg in run.legs if leg.side is Side.SELL]
    standing = [leg for leg in shorts if held[leg.key]]
    for leg in standing:
        kind = [one for one in run.legs if one.kind is leg.kind]
        bare = -sum(held[one.key] for one in kind)
        meant = max(-sum(one.quantity * one.side.sign for one in kind), 0)
        if bare > 0 and (len(standing) == 1 < len(shorts) or (len(kind) > 1 and bare > meant)):
            return True
    return False
