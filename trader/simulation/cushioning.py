"""BE1–BE2: the stop at breakeven. BE1 it stands above 0 by what the preset says, or by what closing costs at the prices of then, never by
more than half of the profit that armed it; from there the level follows the tiers and never falls. BE2 it fires at that level and is
called by its name.
"""

from decimal import Decimal

from trader.config.preset import Exits
from trader.engine import records as rec
from trader.simulation.evidence import Evidence
from trader.simulation.notes import RunNote
from trader.simulation.triggers import TriggerRules

_STEP = Decimal("0.1")  # levels are told in steps of this, % of the basis
_PRICED_PCT = Decimal("0.3")  # our arithmetic of prices and the engine's may differ by rounding, never by this


class CushionRules:
    """Judges each level that is recorded and each exit at one."""

    def __init__(self, evidence: Evidence, triggers: TriggerRules) -> None:
        self._evidence = evidence
        self._triggers = triggers

    def before(self, record: rec.AnyRecord) -> None:
        run = self._evidence.notes.runs.get(record.run_id)
        if run is None or self._evidence.is_late():
            return
        match record:
            case rec.Trailed():
                self._check_level(run, record)
            case rec.ExitDecided(reason="breakeven" | "trailing_stop"):
                self._check_exit(run, record)
            case _:
                pass

    def _check_level(self, run: RunNote, record: rec.Trailed) -> None:
        exits, tier = run.preset.exits, tier_of(run.preset.exits, record.peak_pct)
        if tier is None or record.level_pct is None:
            least = most = run.level
        elif run.level is None and tier == 0:
            bounds = self._cushions(run, record.peak_pct)
            if bounds is None:
                return
            least, most = bounds
        else:
            least = most = tier if run.level is None else max(tier, run.level)
        level = record.level_pct
        if level != least and (level is None or least is None or most is None or not least <= level <= most):
            text = f"run {run.run_id}: the level is {level} at a peak of {record.peak_pct} ({exits.breakeven_cushion}), {least} to {most} is meant"
            self._evidence.report("BE1", text)

    def _cushions(self, run: RunNote, peak: Decimal) -> tuple[Decimal, Decimal] | None:
        """Between which levels a stop at breakeven may stand when it is armed; None where prices do not tell."""
        exits, cost = run.preset.exits, self._triggers.closing_pct(run)
        if exits.breakeven_cushion == "none":
            return Decimal(0), Decimal(0)
        if exits.breakeven_cushion == "pct":
            low = high = exits.breakeven_cushion_pct
        elif cost is None:
            return None
        else:
            low, high = max(cost - _PRICED_PCT, Decimal(0)), max(cost + _PRICED_PCT, Decimal(0))
        return min(low, peak / 2) - _STEP / 2, min(high, peak / 2) + _STEP / 2

    def _check_exit(self, run: RunNote, record: rec.ExitDecided) -> None:
        tier = None if run.peak is None else tier_of(run.preset.exits, run.peak)
        is_even = run.level == 0 or tier == 0
        if run.level is None or is_even is not (record.reason == "breakeven"):
            self._evidence.report("BE2", f"{record.reason} at the level {run.level}, peak {run.peak}, tier {tier}")
            return
        pct = self._triggers.pct_of(run)
        if pct is not None and pct > run.level + _PRICED_PCT:
            self._evidence.report("BE2", f"{record.reason} at {pct:.2f} %, the level is {run.level} %")


def tier_of(exits: Exits, peak: Decimal) -> Decimal | None:
    """Where the preset's tiers put the stop at this peak; None before the first."""
    reached = [tier for tier in exits.trailing_tiers if peak >= tier.peak_pct]
    if not exits.trailing_enabled or not reached:
        return None
    last = reached[-1]
    if last is not exits.trailing_tiers[-1] or exits.trailing_step_stop_pct <= 0:
        return last.stop_pct
    return last.stop_pct + (peak - last.peak_pct) // exits.trailing_step_peak_pct * exits.trailing_step_stop_pct
