"""A run in one sentence or two: what came out, why it ended, what the market did meanwhile. Pure."""

from datetime import timedelta
from decimal import Decimal

from trader.desk.analytics.results import Told
from trader.desk.values import PnlSeries
from trader.domain.basis import basis_words
from trader.domain.exit_reason import exit_words
from trader.domain.wording import span_words, usd_words
from trader.engine.records import Phase
from trader.engine.view import LegView, RunView
from trader.journal import RunSummary

HUNDRED = Decimal(100)


def verdict(summary: RunSummary, view: RunView, told: Told | None, series: PnlSeries) -> str:
    """``Lost 2.48 USD, -22.7 % of the net credit, in 46 m: max loss reached, at -22.0 %. BTC +2.1 %. C 80,000: sold at 150.00,
    bought at 181.50.``"""
    if view.phase is not Phase.DONE or summary.realized_pnl is None:
        return f"Not finished: {view.phase.value}."
    if told is None:
        return f"Ended without a trade: {exit_words(summary.exit_reason or 'unknown')}."
    result = told.result
    verb = "Kept" if result.pnl > 0 else "Lost" if result.pnl < 0 else "Even:"
    pct = result.pnl_pct
    share = "" if pct is None else f", {pct:+.1f} % of {basis_words(result.basis_name)},"
    level = "" if result.level_pct is None else f", which was at {result.level_pct:+.1f} %"
    words = [
        f"{verb} {usd_words(abs(result.pnl))}{share} in {span_words(result.held)}: {exit_words(result.exit_reason)}{level}."
    ]
    if result.spot_at_entry and result.spot_at_exit:
        moved = (result.spot_at_exit / result.spot_at_entry - 1) * HUNDRED
        words.append(f"{result.underlying} {moved:+.1f} %.")
    words += [line for leg in view.legs if (line := _leg(leg))]
    return " ".join([*words, *_unwatched(series)])


def _leg(leg: LegView) -> str:
    if leg.avg_px is None:
        return ""
    into, out = ("sold", "bought back") if leg.side == "sell" else ("bought", "sold again")
    closed = f", {out} at {leg.exit_px:,.2f}" if leg.exit_px is not None else ""
    return f"{leg.key} {leg.strike.normalize():,f} {into} at {leg.avg_px:,.2f}{closed}."


def _unwatched(series: PnlSeries) -> list[str]:
    """The stretches in which no runner watched, or nothing could be priced."""
    if not series.gaps:
        return []
    whole = sum((end - begin for begin, end in series.gaps), timedelta(0))
    many = "one stretch" if len(series.gaps) == 1 else f"{len(series.gaps)} stretches"
    return [f"Not watched for {span_words(whole)} in {many}."]
