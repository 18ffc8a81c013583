"""What single orders are answered with."""

from typing import Literal

import msgspec

from trader.desk.books.lines import OrderLine
from trader.engine.view import TicketView


class TicketAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one ticket of an order command: accepted, refused (`code`, the `field` at fault, a `sentence` without its full
    stop), or new: the runner has not answered. `ticket`: as it stands; a reduce-only one has none, it lives in those it closes."""

    ticket_id: str
    symbol: str
    side: str
    quantity: int
    status: Literal["accepted", "refused", "new"]
    code: str
    field: str
    sentence: str
    ticket: TicketView | None


class OrderAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The runner's answer to an order command, and what became of each ticket."""

    command_id: str
    status: Literal["new", "accepted", "refused", "done"]
    detail: str
    tickets: tuple[TicketAnswer, ...]


class CloseAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The runner's answer to a close command, the closing orders that have gone out since, newest first, and which runs and tickets
    are not finished."""

    command_id: str
    status: Literal["new", "accepted", "refused", "done"]
    detail: str
    orders: tuple[OrderLine, ...]
    still_open: tuple[str, ...]
