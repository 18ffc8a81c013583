"""Marks every open run at the Indian midnight, so that what it makes belongs to the day on which it arises.

The mark is the first good valuation after midnight. Where none is made near it (no runner was up, no usable price), it is
not known what belongs to which day, and the limits must not be eased by that: a loss counts for the day that begins, a
profit for the one that has ended.
"""

from datetime import date, datetime, time, timedelta
from decimal import Decimal

from trader.domain.expiry import at_ist, ist_date
from trader.engine import records as rec
from trader.engine.account.losses import today
from trader.engine.state import Run
from trader.engine.turn import Turn

_NEAR_SECS = 60.0  # of this machine's clock, on either side of midnight


def mark_midnight(turn: Turn) -> None:
    """Mark what has come over midnight and is valued since. Nothing is marked before the exchange's time is known."""
    day, market = today(turn.now), turn.now.market
    if market is None or turn.state.marked_until == day:
        return
    midnight = at_ist(day, time(0))
    is_owed = False
    for run in turn.state.unresolved:
        if run.fills and _traded(run) < midnight and _marked(turn, run) < day - timedelta(days=1):
            is_owed |= not _mark(turn, run, day, midnight, market)
    if not is_owed:
        turn.set(marked_until=day)


def _mark(turn: Turn, run: Run, day: date, midnight: datetime, market: datetime) -> bool:
    """Whether the run is marked now."""
    near = timedelta(seconds=_NEAR_SECS * max(turn.now.rate, 1.0))
    watch, carried = turn.watch(run.run_id), turn.state.account.carried(run.run_id)
    at = None if watch.valued is None else watch.valued.market
    made = watch.counted
    if made is None or at is None or (at < midnight and (at < midnight - near or market <= midnight + near)):
        return False
    late = at > midnight + near
    pnl = max(made, carried) if late else made
    turn.write(rec.DayMarked, run.run_id, day=day - timedelta(days=1), pnl=pnl, carried=carried, late=late)
    if late:
        _tell(turn, run, made - carried)
    return True


def _tell(turn: Turn, run: Run, change: Decimal) -> None:
    counts = "counts for today" if change < 0 else "does not count for today"
    text = (
        f"Nothing has valued this run near the Indian midnight. What it has made since its last mark, {change:+.2f} USD, "
        f"{counts}: what cannot be dated never eases a limit."
    )
    turn.alert(run.run_id, "info", "marked_late", text, once=False)


def _traded(run: Run) -> datetime:
    """When its first contract traded; where no fill has told, when it was made."""
    stamps = [ledger.traded_at for ledger in run.ledgers.values() if ledger.traded_at is not None]
    return min(stamps, default=run.created_market or run.created_at)


def _marked(turn: Turn, run: Run) -> date:
    """The last day at whose end it was marked; the day before it began where none was."""
    mark = turn.state.account.marks.get(run.run_id)
    return ist_date(_traded(run)) - timedelta(days=1) if mark is None else mark.day
