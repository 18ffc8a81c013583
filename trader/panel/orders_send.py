"""Orders sent from the page: each press once, under a key of its own, and what became of each order in a sentence."""

import hashlib
import secrets
import time

import streamlit as st

from trader.config.ticket import TicketList
from trader.desk import Desk, OrderAnswer, OrderCheck, TicketAnswer
from trader.domain.errors import TraderError
from trader.panel import format as fmt
from trader.panel import orders_books
from trader.panel import orders_request as ask
from trader.panel import orders_words as say
from trader.panel.pressed import Note

_ANSWER_SECS = 5.0  # the runner answers once every ticket is out or refused
_ONE_PRESS_SECS = 1.5  # two clicks of one hand: by the second the button may be the next order's


class Sent(Note):
    """What the last press was answered. `token`: names what is being filled in; each is sent once."""

    def __init__(self) -> None:
        super().__init__()
        self.token = secrets.token_hex(8)
        self.lines: list[str] = []
        self.against: TicketList | None = None  # what the lines say was not sent: they go once another order is typed
        self.last: tuple[str, float, OrderAnswer] | None = None  # what was answered last, and when (monotonic)


def sent(key: str) -> Sent:
    """This tab's of that name."""
    if key not in st.session_state:
        st.session_state[key] = Sent()
    found: Sent = st.session_state[key]
    return found


def send(desk: Desk, told: Sent, wanted: TicketList, confirm: str | None, token: str) -> OrderAnswer | None:
    """Send these now, and keep the answer for the eye; None where it is not known what became of them. Nothing of the session's
    state is touched here: see `pressed`. The same orders a moment after they were answered are the second click of one press."""
    digest = hashlib.sha256(wanted.model_dump_json().encode()).hexdigest()[:12]
    if told.last is not None and told.last[0] == digest and time.monotonic() - told.last[1] < _ONE_PRESS_SECS:
        return told.last[2]
    told.token = secrets.token_hex(8)
    answer = None
    try:
        receipt = desk.order(wanted, issued_by="panel", confirm=confirm, key=f"panel-{token}-{digest}")
        answer = desk.await_order(receipt.command_id, _ANSWER_SECS)
        told.lines = [_sentence(one) for one in answer.tickets]
    except TraderError as error:
        told.lines = [f"Not sent: {fmt.plain(error, 600)}"]
    if answer is None or answer.status == "new":
        # Under the same key: should it go out, or be recorded, after all, the same order is not sent twice.
        told.token, answer = token, None
    else:
        told.last = digest, time.monotonic(), answer
    orders_books.forget()
    return answer


def checked(desk: Desk, wanted: TicketList) -> OrderCheck | None:
    """The desk's check; None where it cannot be made: the runner's own gate decides then."""
    try:
        return desk.check_order(wanted)
    except TraderError:
        return None


def _sentence(one: TicketAnswer) -> str:
    """Accepted, refused or not answered."""
    what = f"{one.side.capitalize()} {one.quantity:,} {say.contract(one.symbol)}"
    if one.status == "refused":
        return f"Refused: {what}. {ask.problem(one.field, one.sentence)}"
    if one.status == "new":
        return f"Recorded: {what}. The runner has not answered yet; pressing again asks after the same order."
    settled = (
        one.ticket is not None and one.ticket.status != "waiting"
    )  # what it waits for has come by the time it is read
    words = f" {fmt.plain(one.ticket.words)}." if one.ticket is not None and settled else ""
    return f"Accepted: {what}, ticket {one.ticket_id}.{words}"
