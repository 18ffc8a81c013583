"""The emergency close-all: what it would close and for how much, before it is typed; and what has gone out."""

import streamlit as st

from trader.desk import Status
from trader.domain.errors import TraderError
from trader.engine.view import RunView, TicketView
from trader.panel import format as fmt
from trader.panel import orders_books, runs, service, watch
from trader.panel import orders_words as say
from trader.panel.markup import Html, join, tag
from trader.panel.orders_asked import ANSWER_SECS
from trader.panel.pressed import note

_TYPED, _SAID = "or_close_typed", "or_all_said"
CLOSE_ALL = "CLOSE ALL"
_FLAT_SECS = 1.5  # most closing orders have filled by then; what is left goes on, and is seen in the list above


def listed(status: Status | str) -> Html:
    """What the emergency close-all would close, at this second's prices."""
    if isinstance(status, str):
        return say.empty("What is open cannot be read. Closing everything is recorded all the same.")
    run_list = [run for run in watch.seen(status) if watch.unresolved(run)]
    lines = [
        *(line for run in run_list for line in _of_run(run)),
        *(say.close_of_ticket(one) for one in status.tickets if _is_open(one)),
    ]
    if not lines:
        return say.empty(
            "Nothing of ours is open. What is foreign is not touched by it: adopt it first, or close it at the exchange."
        )
    return join(tag("p", "It cancels every working order and closes at what the book offers:"), tag("ul", *(tag("li", line) for line in lines)),
                tag("p", "Foreign positions are not touched."))  # fmt: skip


def _of_run(run: RunView) -> list[str]:
    legs = [f"run {runs.name(run)}: {say.trade_of_leg(leg)}" for leg in run.legs if leg.open_quantity]
    return legs or [f"run {runs.name(run)}: {run.phase.value}, nothing is held; it ends"]


def _is_open(one: TicketView) -> bool:
    return one.status in ("waiting", "working", "holding", "closing")


@st.fragment
def everything() -> None:
    """The red box at the foot of the page; `listed` stands above its field, in a place that the beat fills."""
    st.text_input(f"To close everything, type {CLOSE_ALL}", key=_TYPED, autocomplete="off")
    ready = str(st.session_state.get(_TYPED) or "").strip() == CLOSE_ALL
    st.button(":red[**Close everything**]", key="or_close_all_yes", icon=":material/emergency_home:", disabled=not ready,
              on_click=_send_everything)  # fmt: skip
    if said := note(_SAID).said:
        st.text(said)


def _send_everything() -> None:
    desk, answer = service.desk(), note(_SAID)
    if str(st.session_state.get(_TYPED) or "").strip() != CLOSE_ALL:
        answer.said = f"Not asked: type {CLOSE_ALL} first."
        return
    st.session_state[_TYPED] = ""
    # From here on nothing of the session's state is touched: see `pressed`.
    try:
        receipt = desk.close_all(issued_by="panel", reason="close-all of the panel")
        found = desk.await_closed(receipt.command_id, ANSWER_SECS, flat_secs=_FLAT_SECS)
        orders = ", ".join(f"{say.order(line)} {say.state_words(line)}" for line in found.orders)
        sent = f"Sent: {orders}" if orders else "No closing order has gone out yet"
        left = f"; not finished: {', '.join(found.still_open)}" if found.still_open else "; all is finished"
        answer.said = f"{found.status.capitalize()}: {fmt.plain(found.detail, 300)}. {sent}{left}".replace(
            "New: .", "Recorded."
        )
    except TraderError as error:
        answer.said = f"Not asked: {fmt.plain(error, 600)}"
    orders_books.forget()
