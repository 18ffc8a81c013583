"""What the spread guard does to a run now, in one sentence for every face: both numbers, and for how long. Pure."""

from decimal import Decimal

from trader.desk.reach import MINUS, NBSP
from trader.engine.view import LegView, RunView


def guard_words(run: RunView) -> str:
    """``at the ask −112 %, counted −96 % for 34 s more (spread guard)``; empty while the guard binds nothing.

    What is counted is what the exits at a loss decide on; everything else is at the touch.
    """
    seen = run.guarded
    if seen is None:
        return ""
    if missing := unoffered_words(run):
        return f"{missing}: P&L is not known; for a stop it counts as {_pct(seen.pnl_pct)} (spread guard)"
    where = "at the ask" if all(leg.side == "sell" for leg in run.legs) else "at ask and bid"
    lasts = "" if seen.secs is None else f" for {max(seen.secs, 1):.0f}{NBSP}s more"
    return f"{where} {_pct(run.pnl_pct)}, counted {_pct(seen.pnl_pct)}{lasts} (spread guard)"


def unoffered_words(run: RunView) -> str:
    """``no ask for C 80,000``: why a P&L is not known although every price is fresh; empty where that is not so."""
    missing = [f"{leg.key} {leg.strike.normalize():,f}" for leg in run.legs if is_unoffered(leg)]
    return f"no ask for {' and '.join(missing)}" if missing else ""


def is_unoffered(leg: LegView) -> bool:
    """An open short leg that nobody offers."""
    return leg.side == "sell" and leg.open_quantity > 0 and leg.fresh and not leg.ask


def _pct(value: Decimal | None) -> str:
    if value is None:
        return "unknown"
    shown = round(value)
    return f"{MINUS if shown < 0 else '+' if shown > 0 else ''}{abs(shown):,}{NBSP}%"
