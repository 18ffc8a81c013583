"""Buttons for each position and their dialogs: close it, protect it, adopt what is foreign; each says first what follows."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from trader.desk import Status
from trader.domain.errors import TraderError
from trader.engine.view import TicketView
from trader.panel import format as fmt
from trader.panel import markup, orders_books, orders_change, parts, runs, service
from trader.panel import orders_asked as asked
from trader.panel import orders_words as say
from trader.panel.markup import join, tag
from trader.panel.orders_books import Holding

_ADOPT = "or_adopt_typed"


def buttons(status: Status | str) -> None:
    """What can be done with each position. Widgets, so outside of the page's beat; the page is drawn again when the positions
    become others."""
    held, strange = orders_books.holdings(status), orders_books.foreign(orders_books.seen())
    with st.container(horizontal=True, gap="small", key="or_actions"):
        for one in held:
            words = f"{say.contract(one.symbol)}{_which(one, held)}"
            st.button(fmt.safe(f"Close {words}"), key=f"or_close_{one.key}", on_click=asked.ask, args=(("close", one),))
            if one.is_ticket:
                st.button(fmt.safe(f"Protect {words}"), key=f"or_protect_{one.key}", icon=":material/shield:", on_click=asked.ask,
                          args=(("change", one.owner),))  # fmt: skip
        for line in strange:
            st.button(fmt.safe(f"Adopt {say.contract(line.symbol)}"), key=f"or_adopt_{line.symbol}", icon=":material/warning:",
                      on_click=asked.ask, args=(("adopt", line.symbol),))  # fmt: skip
    if said := asked.question().said:
        st.text(said)
    _dialog()


def _which(one: Holding, held: list[Holding]) -> str:
    """Whose it is, where several hold the same contract."""
    return "" if sum(other.symbol == one.symbol for other in held) == 1 else f" of {fmt.plain(one.owner, 24)}"


def _dialog() -> None:
    """The question that is open, if one is."""
    found = asked.question().asked
    if found is not None:
        kinds: dict[str, Callable[[Any], None]] = {"close": _close, "adopt": _adopt, "change": _change}
        kinds[found[0]](found[1])


# ------------------------------------------------------------------------------------------------- close one


@st.dialog("Close this position?", on_dismiss=asked.dismissed, icon=":material/logout:")
def _close(one: Holding) -> None:
    if asked.question().asked is None:
        st.rerun()
    _consequence(one)
    with st.container(horizontal=True, gap="small"):
        st.button("Yes, close it", key="or_close_yes", type="primary", on_click=_send_close, args=(one,))
        st.button("Keep it", key="or_close_no", on_click=asked.ask, args=(None,))


@st.fragment(run_every=1)
def _consequence(one: Holding) -> None:
    """At this second's prices."""
    markup.draw(join(*(tag("p", line) for line in consequence(service.status(), one))))


def consequence(status: Status | str, one: Holding) -> list[str]:
    """What closing would do, in sentences."""
    if isinstance(status, str):
        return [f"The desk cannot be read ({fmt.plain(status)}); closing is recorded all the same."]
    silent = [] if status.runner.alive else ["The runner is silent: the closing begins when one is started again."]
    if one.is_ticket:
        ticket = next((row for row in status.tickets if row.ticket_id == one.owner), None)
        if ticket is None or not ticket.open_quantity:
            return ["It is closed already; there is nothing left to do."]
        also = "What of it still works, and the orders that protect it, are cancelled." if _rests(ticket) else ""
        return [f"{say.trade_of_ticket(ticket)}.", *filter(None, [also]), *silent]
    run = next((row for row in status.runs if row.run_id == one.owner), None)
    if run is None:
        return ["Its run is over; there is nothing left to do."]
    legs = [leg for leg in run.legs if leg.open_quantity]
    others = [leg for leg in legs if leg.symbol != one.symbol]
    why = "" if not others else (
        f"It is a leg of run {runs.name(run)}: alone it is not closed, the rest would stand without it. "
        "The run is stopped and all of it is closed:"
    )  # fmt: skip
    result = "" if run.pnl is None else f"Realises ≈ {parts.dollars(run.pnl, 2, signed=True)}, fees in."
    return [*filter(None, [why]), *(f"{say.trade_of_leg(leg)}." for leg in legs), *filter(None, [result]), *silent]


def _rests(ticket: TicketView) -> bool:
    return any(one.quantity for one in ticket.closing) or ticket.filled < ticket.quantity


def _send_close(one: Holding) -> None:
    question = asked.question()
    question.asked = None
    if one.is_ticket:
        asked.press(question, lambda desk: desk.close_position(ticket=one.owner, issued_by="panel"))
    else:
        asked.press(question, lambda desk: desk.stop(one.owner, issued_by="panel"))


# ------------------------------------------------------------------------------------------------- adopt, protect


@st.dialog("Adopt this position?", on_dismiss=asked.dismissed, icon=":material/warning:")
def _adopt(symbol: str) -> None:
    if asked.question().asked is None:
        st.rerun()
    try:
        phrase = service.desk().adopt_phrase(symbol)
    except TraderError as error:
        st.text(fmt.plain(error, 600))
        st.button("Close", key="or_adopt_no", on_click=asked.ask, args=(None,))
        return
    st.text(
        f"{fmt.plain(symbol, 60)} is of no run or ticket. Adopted, it becomes a ticket that only manages and exits: it can be "
        f"protected and closed from here, nothing is bought or sold now. To adopt it, type: {phrase}"
    )
    st.text_input("Phrase", key=_ADOPT, autocomplete="off")
    with st.container(horizontal=True, gap="small"):
        st.button("Adopt it", key="or_adopt_yes", type="primary", on_click=_send_adopt, args=(symbol,))
        st.button("Leave it", key="or_adopt_no", on_click=asked.ask, args=(None,))
    if said := asked.question().said:
        st.markdown(fmt.red(said))


def _send_adopt(symbol: str) -> None:
    typed, question = str(st.session_state.get(_ADOPT) or "").strip(), asked.question()
    if asked.press(question, lambda desk: desk.adopt(symbol, typed, issued_by="panel")):
        question.asked = None


@st.dialog("Change this order", on_dismiss=asked.dismissed, icon=":material/edit:")
def _change(ticket_id: str) -> None:
    if asked.question().asked is None:
        st.rerun()
    status = service.status()
    ticket = (
        None if isinstance(status, str) else next((row for row in status.tickets if row.ticket_id == ticket_id), None)
    )
    if ticket is None:
        st.text("It has ended already; there is nothing to change.")
        return
    orders_change.fields(ticket)
    with st.container(horizontal=True, gap="small"):
        st.button("Change it", key="or_protect_yes", type="primary", on_click=_send_change, args=(ticket,))
        st.button("Leave it", key="or_protect_no", on_click=asked.ask, args=(None,))
    if said := asked.question().said:
        st.markdown(fmt.red(said))


def _send_change(ticket: TicketView) -> None:
    changes, question = orders_change.changes(ticket), asked.question()
    if isinstance(changes, str):
        question.said = changes
    elif asked.press(question, lambda desk: desk.amend(ticket.ticket_id, issued_by="panel", **changes)):
        question.asked = None
