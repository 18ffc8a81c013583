"""Stop & Exit: one click, one confirmation, in every state, as often as one likes, until FLAT is confirmed."""

import streamlit as st

from trader.domain.errors import TraderError
from trader.engine.records import Phase
from trader.panel import format as fmt
from trader.panel import service, words

_ASKED = "dash_stop_asked"
_ERROR = "dash_stop_error"
_SENT = "dash_stop_sent"


def draw(run_id: str | None) -> None:
    """The button, its confirmation, and what is happening since."""
    with st.container(border=True, key="stop_box", gap="small"):
        # The button stays while it asks: it keeps the keyboard's focus, and the next Tab reaches the answer.
        st.button(":red[**Stop & Exit**]", key="dash_stop", icon=":material/stop_circle:", width="stretch",
                  on_click=_ask, args=(True,),
                  help="Cancels every order and buys everything back. Works in every state; asks once more.")  # fmt: skip
        if st.session_state.get(_ASKED):
            st.text("Cancel every working order and buy back every leg now?")
            st.button("Yes, stop and exit", key="dash_stop_yes", type="primary", icon=":material/stop_circle:",
                      width="stretch", on_click=_stop, args=(run_id,))  # fmt: skip
            st.button("Keep running", key="dash_stop_no", width="stretch", on_click=_ask, args=(False,))
        if st.session_state.get(_ERROR):
            st.error(
                "Stop could not be recorded. Run this in a terminal, then look at the reason:", icon=":material/error:"
            )
            st.code("python -m trader stop --wait 60", language=None)
            st.text(st.session_state[_ERROR])
        progress(run_id)


def _ask(asked: bool) -> None:
    st.session_state[_ASKED] = asked


def _stop(run_id: str | None) -> None:
    st.session_state[_ASKED] = False
    try:
        receipt = service.desk().stop(run_id, issued_by="panel")
    except TraderError as error:
        st.session_state[_ERROR] = fmt.plain(error)
        return
    service.forget()
    st.session_state[_ERROR] = ""
    st.session_state[_SENT] = receipt.command_id


@st.fragment(run_every=1)
def progress(run_id: str | None) -> None:
    """What Stop & Exit has done so far, in the runner's own steps, until the exchange confirmed flat."""
    status = service.status(run_id)
    if isinstance(status, str) or status.run is None:
        sent = bool(st.session_state.get(_SENT))
        st.caption("Recorded; no run is known." if sent else "Nothing is running.")
        return
    run = status.run
    if run.phase is Phase.DONE and run.flat == "true":
        st.caption(":green[**FLAT**] — confirmed by the exchange.")
    elif run.phase is Phase.DONE:
        st.text(fmt.plain(run.words, 300))
    elif run.stop_requested or run.phase is Phase.EXITING:
        st.text("Getting out:" if status.runner.alive else "Stop is recorded; it waits for a runner.")
        st.text("\n".join(f"• {fmt.plain(step, 200)}" for step in run.steps) or "• waiting for the first answer")
        st.text(words.stop_progress(run))
    else:
        st.caption("Buys back what is open and waits until the exchange confirms flat.")
