"""AB1 no entry begins while the index has jumped, nor within a calm of it, by index prices as the present runner was told
them. AB2 no exit is refused for what is not normal of a market."""

from decimal import Decimal

from trader.domain.order import Purpose
from trader.engine import records as rec
from trader.simulation.evidence import Evidence
from trader.simulation.notes import RunNote

_SLACK_SECS = 1.0  # the exchange's time as the runner knows it, and the way of a decision
_BEGUN_PCT = Decimal("0.001")
_CODES = frozenset({"INDEX_JUMP", "BOOK_CROSSED", "SPREADS_WIDE", "FEED_FROZEN", "API_FAILING"})


class PauseRules:
    """Remembers every index price, and when one lay too far from another."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self.booted()

    def booted(self) -> None:
        """A new runner has seen nothing."""
        self._told: list[tuple[float, Decimal]] = []
        self._jumped = -1e9
        self._words = ""

    def priced(self, spot: Decimal) -> None:
        """A runner is about to be told this index price; while no run is on, no one looks."""
        notes, secs = self._evidence.notes, self._evidence.secs
        if not notes.unresolved():
            self.booted()
            return
        limits = notes.limits
        if spot <= 0 or not limits.index_jump_pct:
            return
        window = limits.index_jump_secs - _SLACK_SECS
        self._told = [(at, told) for at, told in self._told if secs - at <= window]
        moved = max((abs(spot / told - 1) * 100 for _, told in self._told), default=Decimal(0))
        self._told.append((secs, spot))
        if moved >= limits.index_jump_pct + _BEGUN_PCT:
            self._jumped, self._words = secs, f"{moved:.3f} % at {secs:.2f}"

    def before(self, record: rec.AnyRecord) -> None:
        match record:
            case rec.RunFinished():
                if all(run.run_id == record.run_id for run in self._evidence.notes.unresolved()):
                    self.booted()  # while no run is on, no one looks
            case rec.LimitsSet():
                self.booted()  # what is found by others is found from here on
            case rec.OrderDenied(intent=intent) if intent.purpose is not Purpose.ENTRY and record.code in _CODES:
                self._evidence.report("AB2", f"{intent.client_order_id} is refused: {record.code} {record.detail}")
            case rec.OrderIntended(intent=intent) if intent.purpose is Purpose.ENTRY and record.cause != "recovery":
                run = self._evidence.notes.runs[record.run_id]
                ago = self._evidence.secs - self._jumped
                if ago < self._evidence.notes.limits.calm_secs - _SLACK_SECS and not _is_begun(run):
                    coid = intent.client_order_id
                    self._evidence.report("AB1", f"{coid} begins an entry {ago:.2f} s after a jump: {self._words}")
            case _:
                pass


def _is_begun(run: RunNote) -> bool:
    """Several legs of which something was sent: that entry is completed."""
    return len(run.legs) > 1 and bool(run.orders)
