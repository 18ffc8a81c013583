"""The record with which a ticket begins."""

from trader.config.ticket import TicketRequest
from trader.engine import records as rec
from trader.engine.turn import Turn


def create(
    turn: Turn,
    name: str,
    ticket: TicketRequest,
    underlying: str,
    command_id: str,
    *,
    linked: str = "",
    adopts: bool = False,
) -> None:
    """Make a run of one order. `linked` is the other ticket of an OCO; `adopts`: it takes over a position and sends nothing."""
    turn.write(
        rec.RunCreated,
        name,
        cause="user",
        env=turn.state.env,
        account=turn.state.account_key,
        preset="",
        config={},
        config_hash="",
        underlying=underlying,
        start_now=True,
        command_id=command_id,
        ticket=ticket.model_dump(mode="json"),
        linked=linked,
        adopts=adopts,
    )
