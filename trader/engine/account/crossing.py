"""Two runs in one contract: what they must not do to each other.

The account would net a contract that one run is short and another long, and refuse both their exits as reducing nothing; and the
exchange lets no order of an account meet another of the same account, so an entry that rests keeps an exit out.
"""

from datetime import datetime
from typing import NamedTuple

from trader.domain.order import Purpose
from trader.engine.account.allocation import others_in
from trader.engine.records import LegTerms, Phase
from trader.engine.state import Order, Run, State, seconds_since

_UNRECORDED_SECS = 10.0  # after a takeover what was sent before may arrive yet


class Crossing(NamedTuple):
    """Why an entry waits for another run: code and numbers for the gate, words for people."""

    code: str
    numbers: str
    words: str


def crossing(state: State, run: Run, leg: LegTerms) -> Crossing | None:
    """What another run does in a leg's contract that an entry of this one must not meet."""
    for other in others_in(state, run, leg.symbol):
        for theirs in other.legs:
            if theirs.symbol != leg.symbol:
                continue
            orders = other.leg_orders(theirs.key)
            live = [o for o in orders if o.status.live]
            entering = sum(o.leaves_qty for o in live if o.intent.purpose is Purpose.ENTRY)
            # What rests to close later is met by no entry on the same side, unless its own price says so (the gate asks).
            closing = sum(o.leaves_qty for o in live if o.intent.purpose not in (Purpose.ENTRY, Purpose.CLOSE))
            # What an order has filled by its own word counts before its fills are told.
            untold = sum(o.untold_qty for o in orders if o.intent.purpose is Purpose.ENTRY)
            held = other.open_quantity(theirs.key) + untold
            numbers = f"run={other.run_id}, side={theirs.side}, open={held}, entering={entering}, closing={closing}"
            rests = any(o.leaves_qty for o in live)  # on the other side any order would trade with what this one opens
            if theirs.side is not leg.side and (held or rests):
                words = f"{leg.symbol}: run {other.run_id[:5]} is on the other side of it ({held} open); the account would net them"
                return Crossing("OPPOSITE_RUN", numbers, words)
            if closing or (other.phase is Phase.EXITING and held and theirs.key not in other.kept):
                words = f"{leg.symbol}: run {other.run_id[:5]} is closing {held} of it; an entry beside it would keep that out"
                return Crossing("EXIT_AT_WORK", numbers, words)
    return None


def unrecorded_exit(state: State, run: Run, leg: LegTerms, wall: datetime) -> str:
    """Whether a run was leaving a leg's contract as it was taken over just now, in words: an exit that the journal does not know,
    since it could not be written, would close what is entered now. That run may have ended meanwhile."""
    for other in state.runs.values():
        watch = state.watches.get(other.run_id)
        if (
            other.run_id == run.run_id
            or watch is None
            or not watch.recovered
            or other.phase not in (Phase.EXITING, Phase.DONE)
        ):
            continue
        if seconds_since(watch.since, wall) >= _UNRECORDED_SECS or _had_ended(other, watch.since):
            continue
        if any(order.intent.symbol == leg.symbol for order in other.orders.values()):
            return f"{leg.symbol}: run {other.run_id[:5]} was leaving it as the runner restarted; an exit of it may arrive yet"
    return ""


def _had_ended(run: Run, taken_over: datetime | None) -> bool:
    return run.finished is not None and taken_over is not None and run.finished.wall < taken_over


def in_the_way(state: State, run: Run, leg: LegTerms) -> list[tuple[Run, Order]]:
    """Live entries of other runs that an exit of this leg would meet."""
    return [
        (other, order)
        for other in others_in(state, run, leg.symbol)
        for order in other.live_orders()
        if order.intent.symbol == leg.symbol and order.intent.purpose is Purpose.ENTRY and order.intent.side is leg.side
    ]
