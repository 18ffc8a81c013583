"""Two closing orders of one run that both filled, beside another run in the same contract.

Reduce-only bounds them by the account's position alone: a stop loss and a take profit that fire in one instant, or an exit that
overtook the cancel of either, together close more than the run holds, and what was too much was another run's. The account is
right, the two runs are not: so the contracts are booked as closed where they were held, at the price they were closed at. The
commission stays with the run whose order it was. Where nothing else of this program holds the contract, or something that no run
explains stands in it, nothing is moved, and the self-check halts (I1), once the account was read.
"""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from trader.domain.fill import Channel, FillKind
from trader.domain.order import Purpose
from trader.engine import records as rec
from trader.engine.account.allocation import explained, newest_fill_at, others_in
from trader.engine.account.settlement import free_first
from trader.engine.records import LegTerms
from trader.engine.state import POSITION_LAG_SECS, BookedFill, Run, State, seconds_since
from trader.engine.turn import Turn


def book_overclosed(turn: Turn) -> None:
    """Move what any run has closed beyond its own to the runs that held it. Not of runs that are done: after a restart not all of
    their fills are held."""
    for run in turn.state.unresolved:
        if any(ledger.open < 0 for ledger in run.ledgers.values()):
            for leg in run.legs:
                _book_leg(turn, run.run_id, leg)


def is_pending(state: State, run: Run, leg: LegTerms) -> bool:
    """Whether a read that no fill in the contract can lag behind is still to say whose contracts a run has closed beyond its own:
    until then what was heard late, or is not shown yet, looks like a position of somebody else."""
    excess, watch = -run.open_quantity(leg.key), state.watches.get(run.run_id)
    if excess <= 0 or watch is None:
        return False
    traded = newest_fill_at(state, leg.symbol)
    if watch.account_read is not None and seconds_since(traded, watch.account_read) >= POSITION_LAG_SECS:
        return False
    return excess <= sum(other.open_quantity(theirs.key) for other, theirs in _beside(state, run, leg))


def is_owed(state: State, run: Run) -> bool:
    """Whether such a read is still to come for a contract of this run: what it has closed, or is missing, may be another's until then."""
    symbols = {leg.symbol for leg in run.legs}
    return any(is_pending(state, one, leg) for one in state.unresolved for leg in one.legs if leg.symbol in symbols)


def _book_leg(turn: Turn, run_id: str, leg: LegTerms) -> None:
    run = turn.run(run_id)
    foreign = _foreign(turn.state, run, leg)
    excess = 0 if foreign is None else -run.open_quantity(leg.key) - foreign
    if excess <= 0 or not _is_heard(turn, run, leg):
        if is_pending(turn.state, run, leg):
            turn.set_watch(run_id, account_wanted=True)
        return
    # The newest first, as with every shortage; what an exit of its own may be closing comes last.
    held = [(other, theirs) for other, theirs in _beside(turn.state, run, leg) if other.open_quantity(theirs.key) > 0]
    held.reverse()
    for (other, theirs), most in zip(held, free_first(excess, held), strict=True):
        left = most
        for price, quantity in _newest_closings(turn.run(run_id), leg, left):
            _move(turn, run, leg, other, theirs, quantity, price)
            left -= quantity


def _foreign(state: State, run: Run, leg: LegTerms) -> int | None:
    """Contracts on the same side that no run explains, by the last read: they are what is short first, as ever. None where that
    read may lag behind what was traded before it: what it shows says nothing of them."""
    shown = state.shown.get(run.underlying)
    if shown is None:
        return None
    ours = [booked for one in state.runs.values() for booked in one.fills.values() if booked.fill.symbol == leg.symbol]
    if any(_may_lag(booked, shown.asked) for booked in ours):
        return None
    since = sum(booked.fill.side.sign * booked.fill.quantity for booked in ours if booked.wall >= shown.asked)
    return max((shown.held.get(leg.symbol, 0) - (explained(state, leg.symbol) - since)) * leg.side.sign, 0)


def _may_lag(booked: BookedFill, asked: datetime) -> bool:
    """Whether a read of positions may or may not know a fill. What a list told was traded before, who knows when."""
    passed = seconds_since(booked.wall, asked)
    return 0 < passed < POSITION_LAG_SECS or (passed <= 0 and booked.fill.channel is Channel.REST)


def _is_heard(turn: Turn, run: Run, leg: LegTerms) -> bool:
    """Whether all is known that the run has entered: the fill that closes may be heard before the one that opened."""
    watch = turn.state.watches.get(run.run_id)
    if watch is not None and watch.recovered and watch.account_read is None:
        return False
    entries = run.leg_orders(leg.key, Purpose.ENTRY)
    return not any(order.status.live or order.fills_missing for order in entries)


def _beside(state: State, run: Run, leg: LegTerms) -> Iterator[tuple[Run, LegTerms]]:
    for other in others_in(state, run, leg.symbol):
        for theirs in other.legs:
            if theirs.symbol == leg.symbol and theirs.side is leg.side:
                yield other, theirs


def _newest_closings(run: Run, leg: LegTerms, quantity: int) -> list[tuple[Decimal, int]]:
    """At which prices the newest so many contracts were closed that are still booked here; they have been one too many each."""
    fills = [booked.fill for booked in run.fills.values() if booked.leg == leg.key]
    closed = [fill for fill in fills if fill.side is not leg.side and fill.kind is FillKind.NORMAL]
    moved, found = run.moved.get(leg.key, 0), []
    for fill in reversed(closed):
        before = min(moved, fill.quantity)
        part = min(fill.quantity - before, quantity)
        moved, quantity = moved - before, quantity - part
        if part:
            found.append((fill.price, part))
    return found


def _move(turn: Turn, run: Run, leg: LegTerms, other: Run, theirs: LegTerms, quantity: int, price: Decimal) -> None:
    for holder, key, contracts, with_ in ((run, leg.key, -quantity, other), (other, theirs.key, quantity, run)):
        turn.write(
            rec.ClosingMoved,
            holder.run_id,
            cause="exchange",
            leg=key,
            symbol=leg.symbol,
            side=leg.side.opposite,
            quantity=contracts,
            price=price,
            other=with_.run_id,
        )
    text = (
        f"Two closing orders of {run.run_id} filled at once: they have closed {quantity} {leg.symbol} of this one too, at "
        f"{price:f}. Booked so; look whether the position is still what you want."
    )
    turn.alert(other.run_id, "error", "overclosed", text, once=False)
    turn.set_watch(other.run_id, account_wanted=True)
