"""The spread guard: for how long the exits at a loss look past a touch that lies far from the mark.

One absurd print in a thin book must not fire a stop, so such a touch is counted no further from the mark than
`exits.spread_guard_pct`, for `exits.spread_guard_secs` of the exchange's time; a spread that stays wide is the price. The guard
never makes a profit: what is shown, what arms the trailing stop and what takes the profit is P&L at the touch.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from trader.domain.clock import Now
from trader.domain.exit_reason import ExitReason
from trader.domain.quote import Quote
from trader.engine import records as rec
from trader.engine.exits import triggered
from trader.engine.records import LegTerms, Phase
from trader.engine.state import Market, Run, Watch
from trader.engine.turn import Turn
from trader.engine.valuation import Valuation, closing_price, guarded_price, value
from trader.engine.view import Guarded

_AT_A_LOSS: frozenset[ExitReason] = frozenset({"max_loss", "trailing_stop", "breakeven"})


def is_wide(leg: LegTerms, quote: Quote, spread_guard_pct: Decimal) -> bool:
    """Whether the touch lies beyond the guard, or nobody offers what is short."""
    return closing_price(leg, quote) != guarded_price(leg, quote, spread_guard_pct)


def note_spreads(turn: Turn, run: Run) -> None:
    """Remember since when each open leg's spread is wide; prices are fresh. What was recorded of it goes when it ends."""
    watch, market = turn.watch(run.run_id), turn.state.market
    at, known = _instant(market, turn.now), _since(run, watch)
    pct = run.preset.exits.spread_guard_pct
    wide = {
        leg.key: min(known.get(leg.key, at), at)  # a clock that was set back must not prolong it
        for leg in run.held
        if (quote := market.quotes.get(leg.symbol)) is not None and is_wide(leg, quote, pct)
    }
    if wide != watch.wide:
        turn.set_watch(run.run_id, wide=wide)
    left = {key: since for key, since in run.guarded.items() if key in wide}
    if left != run.guarded:
        turn.write(rec.SpreadGuarded, run.run_id, since=left)


def guarded(run: Run, watch: Watch, market: Market, now: Now) -> dict[str, float]:
    """Legs whose touch does not count in full yet, by key, with the seconds until it does."""
    most = timedelta(seconds=run.preset.exits.spread_guard_secs)
    at = _instant(market, now)
    ends = {key: since + most for key, since in _since(run, watch).items()}
    return {key: (end - at).total_seconds() for key, end in ends.items() if at < end}


def counted(run: Run, market: Market, watch: Watch, now: Now) -> Valuation | None:
    """What the exits at a loss decide on: P&L at the touch, but for what the guard binds."""
    return value(run, market, guarded(run, watch, market, now))


def guarded_view(run: Run, market: Market, waits: Mapping[str, float], at_touch: Valuation | None) -> Guarded | None:
    """What the exits at a loss count where that is not P&L at the touch; `waits` as `guarded` tells them."""
    seen = None if at_touch is None or run.phase is not Phase.HOLDING else value(run, market, waits)
    if seen is None or (seen == at_touch and not seen.unoffered):
        return None
    secs = None if seen.unoffered else max(waits.values())
    return Guarded(pnl=seen.pnl, pnl_pct=seen.pct, secs=secs, unoffered=seen.unoffered)


def hold_back(turn: Turn, run: Run, true: Collection[ExitReason], at_touch: Valuation) -> set[ExitReason]:
    """Of the rules that are true at the touch, those that the guard does not let fire yet. That is on record once for each wide
    spread, so that a restart does not begin its time again."""
    watch, market = turn.watch(run.run_id), turn.state.market
    asked = [reason for reason in true if reason in _AT_A_LOSS]
    if not asked or not guarded(run, watch, market, turn.now):
        return set()
    seen = counted(run, market, watch, turn.now)
    if seen is None:
        return set()
    held = set(asked) - set(triggered(run.preset.exits, run.level_pct, seen.pct, peak=run.peak_pct))
    if held and (since := _since(run, watch)) != run.guarded:
        reason = next(one for one in asked if one in held)
        turn.write(rec.SpreadGuarded, run.run_id, since=since, reason=reason, pct=at_touch.pct, counted_pct=seen.pct)
    return held


def _since(run: Run, watch: Watch) -> dict[str, datetime]:
    """Since when spreads are wide: as seen or, right after a restart, as recorded."""
    return run.guarded if watch.wide is None else watch.wide


def _instant(market: Market, now: Now) -> datetime:
    """The exchange's time: at its speed prices come and go."""
    return now.market or market.newest or now.wall
