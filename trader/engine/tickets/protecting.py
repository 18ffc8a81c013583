"""The closing orders of a ticket that rest at the exchange: stop loss, take profit, and what reduce-only tickets became.

They are kept in step with what is held by our fills. More of it gets another order, so that what stands is never taken down for
growing; less of it, and the newest orders go until no more is left than there is to close.
"""

from trader.domain.order import Purpose
from trader.engine.execution.working import ask_cancel, ask_fate, is_resting
from trader.engine.state import Order, Run
from trader.engine.turn import Turn


def protect(turn: Turn, run_id: str) -> None:
    """Keep a ticket's closing orders in step with what it holds."""


def give_way(turn: Turn, run_id: str) -> None:
    """Take every closing order back that rests: the program closes by itself now."""
    run = turn.run(run_id)
    for order in _resting(run):
        ask_cancel(turn, run_id, order, "the ticket is being closed")
        turn.set_watch(run_id, account_wanted=True)
        if not is_resting(order):
            ask_fate(turn, run, order)


def _resting(run: Run) -> list[Order]:
    return [order for order in run.live_orders() if order.intent.purpose is Purpose.CLOSE]
