"""A reduce-only ticket: no run, but a closing order of each ticket that it closes, the oldest first."""

from trader.config.ticket import TicketRequest
from trader.engine import records as rec
from trader.engine.records import Phase
from trader.engine.state import Run, State
from trader.engine.tickets.refusal import Refusal
from trader.engine.tickets.terms import KEY, reducing
from trader.engine.turn import Turn


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
    """Why a reduce-only ticket cannot be: tickets hold less than it would close."""
    most = sum(max(_left(run, ticket), 0) for run in state.unresolved)
    if most >= ticket.quantity:
        return None
    words = f"tickets hold {most} contracts of {ticket.symbol} that it could close, {ticket.quantity} were asked for"
    return Refusal("NOTHING_TO_REDUCE" if not most else "MORE_THAN_HELD", "quantity", words)


def _left(run: Run, ticket: TicketRequest) -> int:
    """Contracts of a ticket that no other reduce-only ticket is closing already."""
    if run.ticket is None or run.ticket.symbol != ticket.symbol or run.ticket.side is ticket.side:
        return 0
    if run.phase not in (Phase.ENTERING, Phase.HOLDING) or not run.legs:
        return 0
    return run.open_quantity(KEY) - sum(one.quantity or 0 for one in run.closing)
