"""A ticket changed while it lives: its order is cancelled, confirmed, and another takes its place; protection is put in step."""

from typing import Any

from pydantic import ValidationError

from trader.config.messages import sentences
from trader.config.ticket import TicketRequest
from trader.domain.order import Purpose
from trader.domain.wording import plain
from trader.engine import records as rec
from trader.engine.effects import AckCommand
from trader.engine.events import AmendCommand
from trader.engine.records import Phase
from trader.engine.state import Run
from trader.engine.tickets.checks import flaws, tick_flaws
from trader.engine.tickets.gate import is_met
from trader.engine.tickets.refusal import Refusal
from trader.engine.tickets.terms import KEY, STOP_LOSS, protection_of
from trader.engine.turn import Turn

_OF_THE_ORDER = ("quantity", "limit_price", "stop_price", "trail_usd")
_OF_THE_PROTECTION = ("stop_loss", "take_profit")


def on_amend(turn: Turn, event: AmendCommand) -> None:
    """Change prices, quantity or protection of a ticket; what is left out stays. Idempotent."""
    run = turn.state.runs.get(event.ticket)
    refused = _refused(turn, run, event)
    if refused or run is None or run.ticket is None:
        turn.do(AckCommand(command_id=event.command_id, status="refused", detail=refused or "No such ticket"))
        return
    ticket = _changed(run.ticket, event.changes)
    assert isinstance(ticket, TicketRequest)
    if ticket != run.ticket:
        turn.write(
            rec.TicketAmended,
            run.run_id,
            cause="user",
            ticket=ticket.model_dump(mode="json"),
            command_id=event.command_id,
            issued_by=event.issued_by,
        )
    turn.do(AckCommand(command_id=event.command_id, status="accepted", detail=_words(run, event.changes)))


def _changed(ticket: TicketRequest, changes: dict[str, Any]) -> TicketRequest | str:
    """The whole request as it would be, or why it would be none."""
    try:
        return TicketRequest.model_validate({**ticket.model_dump(mode="json"), **changes})
    except ValidationError as error:
        return f"The change is not valid: {'; '.join(sentences(error, TicketRequest))}"


def _refused(turn: Turn, run: Run | None, event: AmendCommand) -> str:
    """Why nothing is changed, in a sentence; empty when it can be."""
    if run is None or run.ticket is None:
        return f"No ticket {event.ticket} is known; a reduce-only one is cancelled and sent again"
    unknown = [name for name in event.changes if name not in (*_OF_THE_ORDER, *_OF_THE_PROTECTION)]
    if unknown or not event.changes:
        return f"What can be changed is {', '.join((*_OF_THE_ORDER, *_OF_THE_PROTECTION))}; asked was {', '.join(unknown) or 'nothing'}"
    if run.phase not in (Phase.WAITING, Phase.ENTERING, Phase.HOLDING) or run.cancelled:
        return (
            f"Ticket {run.run_id} is {'being cancelled' if run.cancelled else run.phase}: it cannot be changed any more"
        )
    of_order = [name for name in _OF_THE_ORDER if name in event.changes]
    if of_order and (run.phase is Phase.HOLDING or run.ticket.work != "once"):
        why = "its order has ended" if run.phase is Phase.HOLDING else f"it is worked as {run.ticket.work}"
        return f"{', '.join(of_order)} cannot be changed: {why}"
    ticket = _changed(run.ticket, event.changes)
    if isinstance(ticket, str):
        return ticket
    done = sum(order.done_qty for order in run.leg_orders(KEY, Purpose.ENTRY))
    if ticket.quantity < done or (of_order and ticket.quantity == done):
        return f"QUANTITY_BELOW_FILLED: quantity: {done} contracts have filled already, so it has to be more"
    flaw = _flaw(turn, run, ticket, is_order=bool(of_order))
    return "" if flaw is None else f"{flaw.code}: {flaw.field}: {flaw.sentence}"


def _flaw(turn: Turn, run: Run, ticket: TicketRequest, *, is_order: bool) -> Refusal | None:
    """What contract and market have against the changed ticket. Of what is held, a stop may lie on either side of the entry, but not
    where the market has been already."""
    if run.legs and (off := next(tick_flaws(ticket, run.leg(KEY).tick_size), None)) is not None:
        return off
    market, listing = turn.state.market, turn.state.listings.get(run.underlying)
    quote = market.quotes.get(ticket.symbol)
    contract = None if listing is None else listing.contracts.get(ticket.symbol)
    tick = run.leg(KEY).tick_size if run.legs else None if contract is None else contract.tick_size
    if tick is not None and (off := next(tick_flaws(ticket, tick), None)) is not None:
        return off
    if contract is not None:
        judged = ticket if not run.fills else ticket.model_copy(update={"stop_loss": None, "take_profit": None})
        found = flaws(judged, contract, quote, market.spots.get(run.underlying), turn.now.market)
        if is_order and found:
            return found[0]
        if not is_order and (
            wrong := [one for one in flaws(ticket, contract, quote, None, None) if one.code == "INDEX_TRIGGER"]
        ):
            return wrong[0]
        if not is_order and not run.fills and (wrong := [one for one in found if one.field.endswith(".price")]):
            return wrong[0]
    mark = None if quote is None else quote.mark
    for one in protection_of(ticket) if run.fills and mark is not None else ():
        if one.stop is not None and mark is not None and is_met(one.stop, ticket.side.opposite, mark):
            field = "stop_loss.price" if one.name == STOP_LOSS else "take_profit.price"
            words = f"the mark of {plain(mark)} has passed it already; close the ticket instead"
            return Refusal("TRIGGER_ALREADY_MET", field, words)
    return None


def _words(run: Run, changes: dict[str, Any]) -> str:
    """What happens now."""
    of_order = any(name in changes for name in _OF_THE_ORDER) and run.phase is Phase.ENTERING
    then = "; its order is cancelled first, and another takes its place" if of_order else ""
    return f"ticket {run.run_id} is changed: {', '.join(changes)}{then}"
