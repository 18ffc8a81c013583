"""A reduce-only ticket: no run, but a closing order of each ticket that it closes, the oldest first."""

from datetime import datetime

from msgspec.structs import replace

from trader.config.ticket import TicketRequest
from trader.domain.trigger import Trigger
from trader.engine import records as rec
from trader.engine.records import ClosingOrder, Phase
from trader.engine.state import Run, State, seconds_since
from trader.engine.tickets.checks import tick_flaws
from trader.engine.tickets.gate import band_flaw, is_met
from trader.engine.tickets.refusal import Refusal, of_denied
from trader.engine.tickets.terms import KEY, reducing, stop_of
from trader.engine.turn import Turn
from trader.engine.verdict import Denied


def reduce(turn: Turn, name: str, ticket: TicketRequest, command_id: str) -> Refusal | None:
    """Divide what it says among the tickets that hold the contract; refused where they hold less."""
    if refusal := reduce_flaw(turn.state, ticket):
        return refusal
    left = ticket.quantity
    for run in [run for run in turn.state.unresolved if _left(run, ticket) > 0]:
        part = min(_left(run, ticket), left)
        if part <= 0:
            break
        turn.write(
            rec.ClosingSet, run.run_id, cause="user", closing=reducing(ticket, name, part), command_id=command_id
        )
        left -= part
    return None


def reduce_flaw(state: State, ticket: TicketRequest) -> Refusal | None:
    """Why a reduce-only ticket cannot be: tickets hold less than it would close, or its prices are none."""
    closed = [run for run in state.unresolved if _left(run, ticket) > 0]
    most = sum(_left(run, ticket) for run in closed)
    if most >= ticket.quantity:
        return _price_flaw(state, ticket, closed[0])
    words = f"tickets hold {most} contracts of {ticket.symbol} that it could close, {ticket.quantity} were asked for"
    return Refusal("NOTHING_TO_REDUCE" if not most else "MORE_THAN_HELD", "quantity", words)


def _price_flaw(state: State, ticket: TicketRequest, run: Run) -> Refusal | None:
    """What is wrong with its prices, by the contract as the ticket knows it that is closed first, and the market."""
    if (off := next(tick_flaws(ticket, run.leg(KEY).tick_size), None)) is not None:
        return off
    quote, stop = state.market.quotes.get(ticket.symbol), stop_of(ticket)
    if quote is None:
        return None
    now = state.market.spots.get(run.underlying) if stop is not None and stop.trigger is Trigger.SPOT else quote.mark
    if stop is not None:
        met = now is not None and is_met(stop, ticket.side, now)
        return of_denied(Denied("TRIGGER_ALREADY_MET", f"stop_price={stop.price}, now={now}")) if met else None
    denied = None if ticket.limit_price is None else band_flaw(ticket.limit_price, quote, {})
    return None if denied is None else of_denied(denied)


def recently(state: State, ticket: TicketRequest, command_id: str, wall: datetime) -> bool:
    """Whether the very same reduce-only order came by another command a moment ago."""
    parts: dict[str, list[ClosingOrder]] = {}
    for run in state.runs.values():
        for one in run.reduced if run.ticket is not None and run.ticket.symbol == ticket.symbol else ():
            is_recent = seconds_since(one.at, wall) < state.account.limits.duplicate_secs
            if is_recent and one.command_id != command_id and run.leg(KEY).side is not ticket.side:
                parts.setdefault(one.order.name, []).append(one.order)
    wanted = reducing(ticket, "", ticket.quantity)
    whole = (replace(those[0], name="R", quantity=sum(o.quantity or 0 for o in those)) for those in parts.values())
    return any(one == wanted for one in whole)


def _left(run: Run, ticket: TicketRequest) -> int:
    """Contracts of a ticket that no other reduce-only ticket is closing already."""
    if run.ticket is None or run.ticket.symbol != ticket.symbol or run.ticket.side is ticket.side:
        return 0
    if run.phase not in (Phase.ENTERING, Phase.HOLDING) or not run.legs:
        return 0
    return run.open_quantity(KEY) - sum(one.quantity or 0 for one in run.closing)
