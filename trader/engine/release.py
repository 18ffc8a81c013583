"""The last look at an order, in the same breath as signing it: may what was decided a moment ago still leave?

Between the commit of an intent and its signature lies a queue. The thread that signs calls this with the newest state, and asks
the journal whether it still holds the lease.
"""

from trader.domain.clock import Now
from trader.domain.order import OrderIntent, Purpose
from trader.engine.account.abnormal import bars
from trader.engine.beside import bars_beginning, is_begun
from trader.engine.levels import bars_entry, level_words
from trader.engine.state import State
from trader.engine.verdict import Denied


def check_release(state: State, intent: OrderIntent, now: Now) -> Denied | None:
    """None when the order may be signed now. Exits of what has not expired always may: whatever happened meanwhile, they only
    shrink."""
    run = state.runs.get(intent.run_id)
    leg = next((leg for leg in run.legs if leg.key == intent.leg), None) if run is not None else None
    if leg is not None and leg.has_expired(now.market):
        return Denied("CONTRACT_EXPIRED", f"expiry={leg.expiry:%Y-%m-%dT%H:%MZ}")
    if intent.purpose is not Purpose.ENTRY:
        return None
    if run is None or run.stop_command is not None or run.exit_reason is not None:
        return Denied("ENTRY_AFTER_STOP", f"run={intent.run_id}")
    if bars_entry(state, run):
        return Denied(f"TRADING_{state.account.trading.level}", level_words(state))
    if trip := bars(state, run):
        return Denied(trip.code, trip.words)
    if foreign := bars_beginning(state, run):
        return Denied("ACCOUNT_NOT_CLEAN", foreign)
    if state.account_stream_fault and not is_begun(
        run
    ):  # told after it was decided: what was queued came late, all at once
        return Denied("ACCOUNT_STREAM_DOWN", state.account_stream_fault)
    return None
