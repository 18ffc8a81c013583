"""CV1 and CV2: no short leg without the long one that its structure gives it, and every leg in its ratio once all are entered."""

from decimal import Decimal

from trader.domain.order import Side
from trader.engine import records as rec
from trader.engine.records import LegTerms, Phase
from trader.simulation.evidence import Evidence
from trader.simulation.notes import RunNote
from trader.simulation.ordering import OrderRules


class CoverRules:
    """Counts what the exchange has made of each run's own orders."""

    def __init__(self, evidence: Evidence, orders: OrderRules) -> None:
        self._evidence = evidence
        self._orders = orders

    def before(self, record: rec.AnyRecord) -> None:
        run = self._evidence.notes.runs.get(record.run_id)
        if run is not None and isinstance(record, rec.PhaseChanged) and record.phase is Phase.HOLDING:
            self._check_ratio(run)

    def watch(self) -> None:
        """CV1, after whatever has been executed."""
        for run in self._evidence.notes.structures():
            if any(leg.side is Side.BUY for leg in run.legs):
                self._check_cover(run)

    def _check_cover(self, run: RunNote) -> None:
        venue = self._evidence.world.venue
        meddled = venue.human_net.keys() | venue.own_doing.keys() | venue.core.products.expired.keys()
        for kind in {leg.kind for leg in run.legs}:
            legs = [leg for leg in run.legs if leg.kind is kind]
            if not any(leg.side is Side.BUY for leg in legs) or any(leg.symbol in meddled for leg in legs):
                continue  # what people and the exchange have closed needs no cover, and takes some away
            bare = -sum(self._orders.net(run.run_id, leg.symbol) for leg in legs)
            meant = max(-sum(leg.quantity * leg.side.sign for leg in legs), 0)
            if bare > meant:
                self._evidence.report("CV1", f"{bare} {kind}s are short without cover, {meant} were meant to be", kind)

    def _check_ratio(self, run: RunNote) -> None:
        preset = run.preset
        least = Decimal(100) if preset.orders.partial_policy == "unwind" else preset.orders.min_fill_pct
        for leg in run.legs:
            plan = preset.structure.leg(leg.key)
            meant = preset.strategy.quantity * plan.ratio
            entered = self._entered(run, leg)
            if (leg.quantity, leg.side) != (meant, plan.side) or entered * 100 < least * meant:
                text = f"held with {entered} {leg.side} of {leg.symbol}, {meant} {plan.side} were meant"
                self._evidence.report("CV2", text, leg.symbol)

    @staticmethod
    def _entered(run: RunNote, leg: LegTerms) -> int:
        return sum(f.quantity for key, f in run.fills.values() if key == leg.key and f.side is leg.side)
