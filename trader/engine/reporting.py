"""What a held position tells by itself: how it stands, every so often, and that spot has moved a long way."""

from decimal import Decimal

from trader.engine import records as rec
from trader.engine.ladder import build_ladder
from trader.engine.liquidation import limits_of
from trader.engine.shown import places
from trader.engine.state import HUNDRED, Run, seconds_since
from trader.engine.turn import Turn
from trader.engine.valuation import Valuation

_SPOT_AGAIN_SECS = 60  # between two alerts on spot: prices that jump to and fro are no news each second


def report(turn: Turn, run: Run, valuation: Valuation) -> None:
    """The periodic status report, and the alert on a large move of spot."""
    market = turn.now.market
    if market is None:
        return
    if seconds_since(turn.watch(run.run_id).reported_at, market) >= run.preset.system.status_report_mins * 60:
        turn.set_watch(run.run_id, reported_at=market)
        _report(turn, run, valuation)
    _watch_spot(turn, run)


def _report(turn: Turn, run: Run, valuation: Valuation) -> None:
    known = None if valuation.unoffered else valuation
    turn.write(
        rec.StatusReported,
        run.run_id,
        premium=places(run.premium, 4),
        pnl=None if known is None else places(known.pnl, 4),
        pct=None if known is None else places(known.pct, 1),
        basis=run.basis_name,
        level_pct=run.level_pct,
        spot=turn.state.market.spots.get(run.underlying),
        exit_at=run.exit_at,
        unoffered=valuation.unoffered,
        thresholds=_thresholds(turn, run, valuation),
    )


def _thresholds(turn: Turn, run: Run, valuation: Valuation) -> tuple[rec.Threshold, ...]:
    """What P&L would have to come to for each exit, as far as it is known; and how far the nearest liquidation guard is gone."""
    found = []
    for rung in build_ladder(run, run.basis, valuation, None, (), {}):
        at = rung.at_pct if rung.armed else rung.arms_at_pct
        if at is not None:
            away = None if valuation.unoffered else places(at - valuation.pct, 1)
            found.append(rec.Threshold(code=rung.code, at_pct=at, away_pct=away, armed=rung.armed))
    quotes = turn.state.market.quotes
    gone = [
        limit.gone_pct(mark)
        for key, limit in limits_of(turn.state, run).items()
        if limit.guard is not None and (mark := quotes[run.leg(key).symbol].mark) is not None
    ]
    if gone:
        at = run.preset.exits.liquidation_guard_pct
        found.append(rec.Threshold(code="liquidation_guard", at_pct=at, away_pct=places(at - max(gone), 1)))
    return tuple(found)


def _watch_spot(turn: Turn, run: Run) -> None:
    """A move is measured from where the strikes were picked and, once it was told, from where spot stood then: a further one is
    told as well, and so is the way back."""
    watch = turn.watch(run.run_id)
    spot, since = turn.state.market.spots.get(run.underlying), watch.spot_told or run.spot_at_entry
    if spot is None or not since or seconds_since(watch.alerted_at.get("spot_move"), turn.wall) < _SPOT_AGAIN_SECS:
        return
    moved: Decimal = (spot - since) / since * HUNDRED
    if abs(moved) < run.preset.system.spot_move_alert_pct:
        return
    whence = "this was last told" if watch.spot_told else "the strikes were picked"
    turn.set_watch(run.run_id, spot_told=spot)
    turn.alert_again(
        run.run_id,
        "warning",
        "spot_move",
        f"{run.underlying} is at {_words(spot)}: {moved:+.2f} % since {whence} ({_words(since)}).",
        every_secs=_SPOT_AGAIN_SECS,
    )


def _words(spot: Decimal) -> str:
    return f"{places(spot, 2).normalize():,f}"
