"""What the account may do: pause, reduce, kill, resume. Kill and resume ask once more; Stop is elsewhere."""

import streamlit as st

from trader.domain.errors import TraderError
from trader.panel import format as fmt
from trader.panel import service, words

_ASKED = "dash_level_asked"
_SAID = "dash_level_said"
_QUESTIONS = {
    "kill": ("Cancel everything, buy everything back, and allow no entry until you resume?", "Yes, kill"),
    "resume": ("Allow entries again, whatever forbade them?", "Yes, resume"),
}


def draw() -> None:
    """The level as it stands, and the orders: for a popover. Holds buttons, so it stands outside the page's beat."""
    st.markdown("**Trading level**")
    _present()
    with st.container(horizontal=True, gap="small"):
        _button("Pause", "pause", "No run begins to sell; what is held is watched as ever.")
        _button("Reduce", "reduce", "Exits only: an entry under way is bought back.")
        _button("Resume", "resume", "Back to ACTIVE; lifts the HALT file besides.")
        _button(":red[Kill]", "kill", "Cancels and buys back everything, then no entry until you resume.")
    asked = st.session_state.get(_ASKED)
    if asked in _QUESTIONS:
        question, answer = _QUESTIONS[asked]
        st.text(question)
        with st.container(horizontal=True, gap="small"):
            st.button(answer, key="dash_level_yes", type="primary", on_click=_order, args=(asked,))
            st.button("No", key="dash_level_no", on_click=_ask, args=(None,))
    if st.session_state.get(_SAID):
        st.text(st.session_state[_SAID])


@st.fragment(run_every=10)
def _present() -> None:
    status = service.status()
    if isinstance(status, str):
        st.markdown("The level is unknown: the desk cannot be read.")
        return
    item = words.level_item(*status.trading)
    st.badge(fmt.safe(item.label), color=item.color)
    st.markdown(fmt.safe(item.help))


def _button(label: str, order: str, help: str) -> None:
    on_click = _ask if order in _QUESTIONS else _order
    st.button(label, key=f"dash_level_{order}", on_click=on_click, args=(order,), help=help)


def _ask(order: str | None) -> None:
    st.session_state[_ASKED] = order


def _order(order: str) -> None:
    st.session_state[_ASKED] = None
    try:
        service.desk().order_level(order, issued_by="panel")  # type: ignore[arg-type]
    except TraderError as error:
        st.session_state[_SAID] = fmt.plain(error)
    else:
        st.session_state[_SAID] = f"{order.capitalize()} is recorded."
    service.forget()
