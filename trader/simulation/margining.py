"""MM1–MM3: margin modes. MM1 no entry begins in another mode (or with another auto top-up) than its preset wants, as far as the exchange
has told. MM2 none begins for which the money is not there, in the mode the account is in. MM3 a mode that changes is on record, and told
to every run.
"""

from decimal import Decimal

from trader.domain.instrument import Kind
from trader.domain.margin import PORTFOLIO, MarginTerms
from trader.domain.order import Side
from trader.engine import records as rec
from trader.engine.records import Phase
from trader.simulation.evidence import Evidence
from trader.simulation.notes import RunNote

_YOUNG_SECS = 59.0  # what was told longer ago counts as not known
_CALM_SECS = 12.0  # the account was read this recently before the first order
_WRITTEN_SECS = 2.5
_SLACK = Decimal("1.02")


class MarginRules:
    """By what the runner has heard, and by the exchange's own money."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._heard: tuple[float, MarginTerms] | None = None
        self._untold: dict[str, float] = {}  # runs that a change was not told to yet

    def booted(self) -> None:
        self._heard = None

    def heard(self, terms: MarginTerms | None) -> None:
        """The present runner is about to hear this."""
        if terms is not None:
            self._heard = self._evidence.secs, terms

    def before(self, record: rec.AnyRecord) -> None:
        run = self._evidence.notes.runs.get(record.run_id)
        match record:
            case rec.MarginObserved():
                known = self._evidence.notes.margin_mode
                if None not in (known, record.mode) and known != record.mode:
                    self._untold |= {one.run_id: self._evidence.secs for one in self._evidence.notes.unresolved()}
            case rec.AlertRaised(code="margin_mode_changed"):
                self._untold.pop(record.run_id, None)
            case rec.PhaseChanged(phase=Phase.ENTERING) if run is not None and not run.orders:
                if not self._evidence.is_late():
                    self._check_wanted(run)
                    self._check_money(run)
            case _:
                pass

    def _check_wanted(self, run: RunNote) -> None:
        if self._heard is None or self._evidence.secs - self._heard[0] > _YOUNG_SECS:
            return
        terms, risk = self._heard[1], run.preset.risk
        told = (
            {True: "on", False: "off"}.get(terms.default_auto_topup) if terms.default_auto_topup is not None else None
        )
        for name, wanted, found in (("mode", risk.margin_mode, terms.mode), ("auto top-up", risk.auto_topup, told)):
            counts = name == "mode" or terms.mode != PORTFOLIO  # there nothing is topped up
            if counts and wanted != "any" and found is not None and found != wanted:
                self._evidence.report("MM1", f"run {run.run_id} begins an entry, {name} is {found}, {wanted} is wanted")

    def _check_money(self, run: RunNote) -> None:
        """Each sold contract of its own, where the mode is isolated and has been for long."""
        world = self._evidence.world
        venue, last_of = world.venue, world.faults.last_of
        moved = max((last_of.get(name, -100.0) for name in ("H4", "H7", "W4", "X6", "X14")), default=-100.0)
        filled = max(self._evidence.notes.filled_secs.values(), default=-100.0)
        if not world.is_isolated or self._evidence.secs - max(moved, filled) < _CALM_SECS:
            return
        spot = venue.market.spot("BTC")
        needed = Decimal(0)
        for leg in run.legs:
            is_margined = leg.side is Side.SELL or leg.kind is Kind.PERPETUAL
            rate = spot * leg.margin_pct / 100 if is_margined else leg.mark or Decimal(0)
            needed += rate * leg.quantity * leg.contract_value
        available = venue.core.wallet(venue.account).available_balance
        if needed > available * _SLACK:
            self._evidence.report(
                "MM2", f"run {run.run_id} begins an entry, {needed:.2f} USD needed, {available:.2f} there"
            )

    def every_second(self, healthy: float) -> None:
        secs = self._evidence.secs
        self._untold = {key: at for key, at in self._untold.items() if key in self._evidence.notes.runs}
        for run_id, since in self._untold.items():
            if min(secs - since, healthy) > _WRITTEN_SECS:
                self._evidence.report("MM3", f"run {run_id} is not told of another margin mode", run_id)
        if self._heard is None or min(secs - self._heard[0], healthy) < _WRITTEN_SECS:
            return
        told, known = self._heard[1].mode, self._evidence.notes.margin_mode
        if told != known:
            self._evidence.report("MM3", f"{told} was told, {known} is on record")
