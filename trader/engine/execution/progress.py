"""How far a leg that is worked in slices has got, in words for people."""

from datetime import timedelta

from trader.domain.clock import Now
from trader.domain.expiry import IST
from trader.engine.execution.algo import ALGORITHMS, Wait, entry_context, exit_context, next_child
from trader.engine.execution.exit import why_at_once
from trader.engine.records import LegTerms, Phase
from trader.engine.state import Run, State


def progress(state: State, run: Run, leg: LegTerms, now: Now) -> str:
    """``2 of 8 slices filled, next at 10:04:30 IST``; empty where a leg is not, or no longer, worked in slices."""
    if run.phase is Phase.ENTERING:
        context = entry_context(run, leg, now)
    elif run.phase is Phase.EXITING and leg.key not in run.kept and not why_at_once(state, run, now):
        context = exit_context(run, leg, now, at_once=False)
    else:
        return ""
    algorithm = ALGORITHMS[context.terms.algo]
    if context.done >= context.size or algorithm.edge(context, context.size, 1) >= context.size:
        return ""
    filled, slices = (algorithm.filled(context, context.size, done) for done in (context.done, context.size))
    words = f"{filled} of {slices} slices filled"
    answer = next_child(context)
    if not isinstance(answer, Wait):
        return words
    if answer.secs is None:
        return f"{words}, waiting for the other leg"
    if now.market is None:
        return words
    return f"{words}, next at {(now.market + timedelta(seconds=answer.secs)).astimezone(IST):%H:%M:%S} IST"
