"""The last look at an order, in the same breath as signing it: may what was decided a moment ago still leave?

Between the commit of an intent and its signature lie a queue and perhaps a stopped process. A runner that was suspended
must not send what it had decided before; another may have taken the account since.
"""

from trader.domain.order import OrderIntent, Purpose
from trader.engine.gate import Denied
from trader.engine.state import State

RELEASE_SECS = 1.0  # an order signed later than this after its intent was committed is decided anew instead


def check_release(state: State, intent: OrderIntent, waited_secs: float) -> Denied | None:
    """None when the order may be signed now; `waited_secs` have passed since its intent was committed."""
    if waited_secs > RELEASE_SECS:
        return Denied("RELEASED_TOO_LATE", f"waited={waited_secs:.2f} s, max={RELEASE_SECS:g} s")
    if intent.purpose is not Purpose.ENTRY:
        return None
    run = state.runs.get(intent.run_id)
    if run is None or run.stop_command is not None or run.exit_reason is not None:
        return Denied("ENTRY_AFTER_STOP", f"run={intent.run_id}")
    return None
