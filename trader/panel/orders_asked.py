"""Questions about a position or an order that is open: which dialog stands, and what the last answer came to.

Kept in a plain object: see `pressed`.
"""

from collections.abc import Callable
from typing import Any

import streamlit as st

from trader.desk import CommandReceipt, Desk
from trader.domain.errors import TraderError
from trader.panel import format as fmt
from trader.panel import orders_books, service
from trader.panel import orders_request as request
from trader.panel.pressed import Note

ANSWER_SECS = 3.0
_OPEN = "or_open"


class Question(Note):
    """The question that is open (its kind and what it is of), and the answer to the last one."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: tuple[str, Any] | None = None


def question() -> Question:
    """This tab's."""
    if _OPEN not in st.session_state:
        st.session_state[_OPEN] = Question()
    found: Question = st.session_state[_OPEN]
    return found


def ask(asked: tuple[str, Any] | None) -> None:
    """Open one, or none; the answer to the last is forgotten once another is asked."""
    one = question()
    one.asked = asked
    if asked is not None:
        one.said = ""


def dismissed() -> None:
    ask(None)


def press(one: Question, wanted: Callable[[Desk], CommandReceipt]) -> bool:
    """Ask the desk, and keep its answer for the eye. Was it accepted? Nothing of the session's state is touched from here on."""
    status = ""
    try:
        desk = service.desk()
        row = desk.await_command(wanted(desk).command_id, ANSWER_SECS)
        status = row.status
        one.said = {
            "refused": f"Refused: {request.refused(fmt.plain(row.detail, 600))}",
            "new": "Recorded; the runner has not answered yet.",
        }.get(status, f"Accepted: {fmt.plain(row.detail, 600)}")
    except TraderError as error:
        one.said = f"Not asked: {fmt.plain(error, 600)}"
    orders_books.forget()
    return status in ("accepted", "done", "new")
