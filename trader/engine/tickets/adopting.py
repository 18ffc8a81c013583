"""A position that no run explains, taken over as a ticket that only manages it and exits."""

from trader.config.ticket import TicketRequest
from trader.domain.instrument import underlying_of
from trader.domain.order import Side
from trader.engine import records as rec
from trader.engine.account.allocation import explained
from trader.engine.effects import AckCommand
from trader.engine.events import AdoptCommand
from trader.engine.ids import ticket_id_for
from trader.engine.records import Phase
from trader.engine.state import Awaited
from trader.engine.tickets.creating import create
from trader.engine.tickets.refusal import Refusal
from trader.engine.turn import Turn


def adopt_phrase(symbol: str, quantity: int) -> str:
    """What a person types to take over a position exactly as it stands."""
    return f"ADOPT {symbol} {quantity:+d}"


def on_adopt(turn: Turn, event: AdoptCommand) -> None:
    """Make a ticket of a position; whether it stands so is read first."""
    name = ticket_id_for(event.command_id, 0)
    if name not in turn.state.runs:
        phrase = adopt_phrase(event.symbol, event.quantity)
        underlying = underlying_of(event.symbol)
        why = "" if event.phrase == phrase else f"Taking over that position needs the phrase {phrase!r}."
        if not underlying or not event.quantity:
            why = f"There is no position of {event.quantity} in {event.symbol} to take over."
        if why:
            turn.do(AckCommand(command_id=event.command_id, status="refused", detail=why))
            return
        side = Side.BUY if event.quantity > 0 else Side.SELL
        ticket = TicketRequest(
            symbol=event.symbol, side=side, quantity=abs(event.quantity), order_type="market", reason="adopted"
        )
        create(turn, name, ticket, underlying, event.command_id, adopts=True)
    turn.set(awaited={**turn.state.awaited, event.command_id: Awaited((name,), turn.wall)})


def take_over(turn: Turn, run_id: str) -> Refusal | None:
    """The contracts become the ticket's, where a fresh read shows exactly so many that nothing explains."""
    run = turn.run(run_id)
    leg, shown = run.leg("T"), turn.state.shown[run.underlying]
    ours = explained(turn.state, leg.symbol)
    foreign, price = shown.held.get(leg.symbol, 0) - ours, shown.prices.get(leg.symbol)
    wanted = leg.quantity * leg.side.sign
    if foreign != wanted or ours * wanted < 0:
        words = f"{foreign:+d} contracts of {leg.symbol} are explained by no run, {wanted:+d} were named"
        return Refusal("POSITION_DIFFERS", "quantity", words)
    if price is None:
        return Refusal("NO_ENTRY_PRICE", "symbol", f"the exchange tells no entry price of {leg.symbol}")
    turn.write(
        rec.PositionAdopted, run_id, cause="user", symbol=leg.symbol, quantity=leg.quantity, price=price,
        command_id=run.command_id,
    )  # fmt: skip
    turn.phase(run_id, Phase.HOLDING, "taken over")
    return None
