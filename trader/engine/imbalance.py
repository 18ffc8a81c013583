"""One short leg alone: how long it has stood, how long it still may, and when a person must hear of it.

A strangle half sold is a bet nobody made. From the first fill that the other leg lacks a clock runs (recorded: a restart
does not turn it back); before it has run out the entry gives the lacking leg up, early enough for buying back to be done.
What belongs together is said in `trader.engine.cover`: a short leg beside its long one stands alone with nobody.
"""

from datetime import datetime

from trader.domain.order import OrderStatus, Purpose
from trader.engine.cover import astray, behind, beyond_cover, shorts, uncovered
from trader.engine.execution.algo import allowed_lead
from trader.engine.records import LegTerms, Phase
from trader.engine.state import SILENCE_SECS, Run, seconds_since
from trader.engine.turn import Turn

UNWIND_SECS = 5.0  # of the time a leg may stand alone, kept for buying it back
LEAST_REST_SECS = 2.0  # an order that rests for less meets nobody
_REPEAT_SECS = 30.0
_NOTICED_SECS = 2.0
_RECENT_SECS = 10.0


def lacks(run: Run, leg: LegTerms) -> bool:
    """True when another leg has entered more contracts, for its ratio, than this one."""
    return leg.key in behind(run.legs, {one.key: run.entered(one.key) for one in run.legs})


def _is_even_by_report(run: Run) -> bool:
    """True when no leg stands alone by the word of its orders: only fills are still to come."""
    entered = {leg.key: sum(o.done_qty for o in run.leg_orders(leg.key, Purpose.ENTRY)) for leg in run.legs}
    return not astray(run.legs, entered, {leg.key: allowed_lead(run, leg) for leg in run.legs})


def time_left(run: Run, then: datetime) -> float:
    """Seconds from `then` (wall) until the entry gives up the lacking leg; infinite while the legs are even."""
    if run.naked_since is None or _is_even_by_report(run):
        return float("inf")
    return run.preset.risk.naked_leg_secs - UNWIND_SECS - seconds_since(run.naked_since, then)


def entry_patience(run: Run, leg: LegTerms, intended_at: datetime, tries_left: int) -> float:
    """Seconds an entry order may rest, from its intent on. While the other leg stands alone what is left of its time is
    shared among the tries still to be made, this one included: better to concede than to unwind for want of patience."""
    patience = float(run.preset.orders.timeout_secs)
    if run.naked_since is None or not lacks(run, leg):
        return patience
    begun = max(intended_at, run.naked_since)
    share = max(time_left(run, begun) / max(tries_left, 1), LEAST_REST_SECS)
    return min(patience, (begun - intended_at).total_seconds() + share)


def alone_since(run: Run) -> datetime | None:
    """Since when (wall) a short leg is open without what it belongs with; None while the legs are even or none is open."""
    if run.phase is Phase.ENTERING:
        return None if run.naked_since is None or _is_even_by_report(run) else run.naked_since
    if len(run.held) == len(run.legs) and run.naked_since is None:
        return None
    sizes = {leg.key: run.open_quantity(leg.key) for leg in run.legs}
    if any(beyond_cover(run.legs, sizes, leg.kind) for leg in run.held):
        return run.naked_since
    closed = [leg for leg in shorts(run.legs) if sizes[leg.key] <= 0]
    if not closed or not any(uncovered(run.legs, sizes, leg.kind) for leg in run.held):
        return None
    return max((at for leg in closed if (at := run.last_fill_at(leg.key)) is not None), default=run.naked_since)


def tell_naked(turn: Turn, run: Run) -> None:
    """Alert of a leg that stands alone too long, at once where the exchange is unwell, and again every half minute."""
    since = alone_since(run)
    if since is None or run.is_kept or any(leg.has_expired(turn.now.market) for leg in run.legs):
        # No leg stands alone; or it is settled, or told to be held until then: nothing more can be done.
        turn.rearm(run.run_id, "naked_leg")
        return
    lasting = seconds_since(since, turn.wall)
    if lasting < (_NOTICED_SECS if _is_unwell(turn, run) else run.preset.risk.naked_leg_secs):
        return
    open_legs = ", ".join(f"{leg.symbol} {run.open_quantity(leg.key)}" for leg in run.legs)
    doing = "completing the entry" if run.phase is Phase.ENTERING else "buying back"
    text = f"{imbalance_words(run, lasting)} (open: {open_legs}); still {doing}."
    turn.alert_again(run.run_id, "error", "naked_leg", text, every_secs=_REPEAT_SECS)


def imbalance_words(run: Run, secs: float) -> str:
    """How long the legs have not been even: one of them alone, or more of one than of the other."""
    open_legs = shorts(run.held)
    return f"{'The legs have been uneven' if len(open_legs) > 1 else 'One leg has stood alone'} for {secs:.0f} s"


def _is_unwell(turn: Turn, run: Run) -> bool:
    """Whether the exchange or the way there has given reason to doubt that orders work just now."""
    slow_until = turn.state.slow_until
    if slow_until is not None and turn.wall < slow_until:
        return True
    if seconds_since(turn.state.market.heard, turn.wall) > SILENCE_SECS:
        return True
    if "account_unreadable" in turn.watch(run.run_id).alerted:
        return True
    return any(
        o.status is OrderStatus.UNKNOWN
        or (o.status is OrderStatus.REJECTED and seconds_since(o.ended_at, turn.wall) < _RECENT_SECS)
        for o in run.orders.values()
    )
