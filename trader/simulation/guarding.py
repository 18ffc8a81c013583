"""SG1–SG4: the spread guard. SG1 the profit is taken, and the stop armed, at the touch alone, and nothing of it where somebody's offer is
missing. SG2 no exit at a loss fires at a spread that has just become wide, but for what it loses without it. SG3 where a stop is
held back, both numbers are told. That it is held back no longer than the preset says is CT7's.
"""

from trader.engine import records as rec
from trader.engine.records import Phase
from trader.simulation.evidence import Evidence
from trader.simulation.notes import RunNote
from trader.simulation.triggers import MARGIN_PCT, TriggerRules

_TOLD_SECS = 3.0
_SEEN_SECS = 5.0  # a spread may have been seen so much earlier, over REST


class GuardRules:
    """Judges exits and levels as they are committed."""

    def __init__(self, evidence: Evidence, triggers: TriggerRules) -> None:
        self._evidence = evidence
        self._triggers = triggers
        self._told: set[str] = set()  # runs of which both numbers were told since their spread became wide
        self._held: dict[str, float] = {}  # runs whose stop is held back, and since when

    def booted(self) -> None:
        self._held.clear()

    def before(self, record: rec.AnyRecord) -> None:
        run = self._evidence.notes.runs.get(record.run_id)
        if run is None or self._evidence.is_late():
            return
        match record:
            case rec.Trailed():
                self._check_profit(run, record.peak_pct, "the peak")
            case rec.ExitDecided(reason="max_profit"):
                self._check_profit(run, run.preset.exits.max_profit_pct, record.detail)
            case rec.ExitDecided(reason="max_loss"):
                self._check_loss(run, record)
            case rec.SpreadGuarded(pct=pct, counted_pct=counted):
                if pct is not None and counted is not None:
                    self._told.add(record.run_id)
                elif not record.since:
                    self._told.discard(record.run_id)
            case _:
                pass

    def _check_profit(self, run: RunNote, reached: object, words: str) -> None:
        pct = self._triggers.pct_of(run)
        if pct is None:
            return
        if not self._triggers.is_offered(run):
            self._evidence.report("SG1", f"run {run.run_id}: {words} although not all of it is offered")
        elif pct < reached - MARGIN_PCT:  # type: ignore[operator]
            self._evidence.report("SG1", f"run {run.run_id}: {words} of {reached} %, at the touch it is {pct:.2f} %")

    def _check_loss(self, run: RunNote, record: rec.ExitDecided) -> None:
        most, booted = run.preset.exits.max_loss_pct, self._evidence.takeovers[-1]
        if self._evidence.secs - booted < run.preset.exits.spread_guard_secs + _SEEN_SECS:
            return  # since when it is wide, the runner before may have known
        counted = self._triggers.counted_pct(run, slack_secs=-_SEEN_SECS)
        if counted is not None and counted > -most + MARGIN_PCT:
            self._evidence.report("SG2", f"run {run.run_id}: {record.detail}; past a wide spread it is {counted:.2f} %")

    def every_second(self, healthy: float) -> None:
        for run in self._evidence.notes.structures():
            touch, counted = self._triggers.pct_of(run), self._triggers.counted_pct(run, slack_secs=-_SEEN_SECS)
            most = run.preset.exits.max_loss_pct
            is_held = (
                touch is not None and counted is not None and touch < -most - MARGIN_PCT < -most + MARGIN_PCT < counted
            )
            if run.phase is not Phase.HOLDING or not is_held or run.run_id in self._told:
                self._held.pop(run.run_id, None)
                continue
            since = self._held.setdefault(run.run_id, self._evidence.secs)
            waits = _TOLD_SECS + 2.0 * run.preset.exits.confirmations
            if min(self._evidence.secs - since, healthy) > waits:
                self._evidence.report("SG3", f"run {run.run_id}: a stop is held back and nothing is told", run.run_id)
