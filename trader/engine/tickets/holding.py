"""HOLDING and EXITING, for a ticket: no rule watches it but its own protection at the exchange, its expiry, and a person."""

from trader.domain.exit_reason import ExitReason
from trader.domain.order import Purpose
from trader.engine.account.positions import differs_lastingly
from trader.engine.closing import close
from trader.engine.execution.working import ask_cancel
from trader.engine.gate import closable
from trader.engine.state import Run, seconds_since
from trader.engine.tickets.listing import ask_chain
from trader.engine.tickets.protecting import give_way, protect
from trader.engine.tickets.terms import KEY, STOP_LOSS, TAKE_PROFIT
from trader.engine.tickets.waiting import unsearched
from trader.engine.turn import Turn

_QUIET_SECS = 3.0  # a stream silent for this long is helped out
_REASONS: dict[str, ExitReason] = {STOP_LOSS: "stop_loss", TAKE_PROFIT: "take_profit", "R": "reduced"}


def hold_ticket(turn: Turn, run_id: str) -> None:
    """Advance a HOLDING ticket."""
    run = turn.run(run_id)
    leg = run.leg(KEY)
    if leg.has_expired(turn.now.market):
        turn.decide_exit(run_id, "expiry", "the contract has expired; waiting for its settlement")
        return
    for order in run.live_orders():
        if order.intent.purpose is not Purpose.CLOSE:
            ask_cancel(turn, run_id, order, "nothing but protection rests while holding")
    if run.fills_missing:
        turn.set_watch(run_id, account_wanted=True)
    elif run.open_quantity(KEY) <= 0:
        reason = _why_closed(run)
        turn.decide_exit(run_id, reason, f"{leg.symbol} is no longer open")
        return
    if differs_lastingly(turn.watch(run_id)) and closable(run, leg) == 0:
        turn.decide_exit(run_id, "leg_closed", f"{leg.symbol} is no longer open at the exchange")
        return
    if seconds_since(turn.state.market.heard, turn.wall) >= _QUIET_SECS:
        ask_chain(turn, run)
    protect(turn, run_id)


def _why_closed(run: Run) -> ExitReason:
    """By which of its orders a ticket was closed: the last one that closed something of its own."""
    beyond = run.moved.get(KEY, 0)
    for fill in reversed([booked.fill for booked in run.fills.values()]):
        if fill.side is run.leg(KEY).side:
            continue
        beyond -= fill.quantity
        if beyond < 0:
            order = run.orders.get(fill.client_order_id or "")
            return "leg_closed" if order is None else _REASONS.get(order.intent.closing[:1], "leg_closed")
    return "leg_closed"


def close_ticket(turn: Turn, run_id: str) -> None:
    """Advance an EXITING ticket: what rests to close it later gives way to what closes it now. Where an older journal does not
    know its contract, that comes first: what it holds could not be found."""
    run = turn.run(run_id)
    is_lost = turn.watch(run_id).recovered and not run.legs
    if is_lost and (obstacle := unsearched(turn, run)) is not None and not obstacle.lasts:
        return
    give_way(turn, run_id)
    close(turn, run_id)
