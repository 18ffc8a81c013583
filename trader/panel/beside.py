"""Other people's things on the account, which bar an entry until a person confirms them: the list, and the field for its
phrase, in the start box and for a run that waits."""

from collections.abc import Sequence

import streamlit as st

from trader.domain.errors import TraderError
from trader.domain.foreign import Foreign, beside_phrase
from trader.engine.records import Phase
from trader.engine.view import RunView
from trader.panel import format as fmt
from trader.panel import service

FIELD = "dash_beside"
_RUN_FIELD = "dash_beside_run"
_SAID = "dash_beside_said"
_ANSWER_SECS = 2.0


def field(things: Sequence[Foreign]) -> None:
    """In the start box; nothing while there is nothing to confirm."""
    if things:
        _listed(things)
        st.text_input("Phrase to start beside it", key=FIELD, autocomplete="off")


def typed() -> str | None:
    """The phrase in the start box as it stands now."""
    text = st.session_state.get(FIELD)
    return text.strip() or None if isinstance(text, str) else None


def draw(run: RunView) -> None:
    """For a run that waits: what bars its entry, the field, and the button."""
    if run.phase is not Phase.WAITING or not run.foreign or set(run.foreign) <= set(run.beside):
        return
    with st.container(border=True, key="beside_box", gap="small"):
        _listed(run.foreign)
        st.text_input("Phrase to start beside it", key=_RUN_FIELD, autocomplete="off")
        st.button("Start beside it", key="dash_beside_confirm", on_click=_confirm, args=(run.run_id,))
        if st.session_state.get(_SAID):
            st.text(st.session_state[_SAID])


def _listed(things: Sequence[Foreign]) -> None:
    st.markdown("**Not of any run here**", help="No entry on this underlying beside it, unless you confirm it.")
    st.text("\n".join(f"• {fmt.plain(thing.words, 120)}" for thing in things))
    st.text(f"Close it, or type: {beside_phrase(things)}")


def _confirm(run_id: str) -> None:
    phrase = str(st.session_state.get(_RUN_FIELD) or "").strip()
    try:
        receipt = service.desk().confirm_beside(run_id, phrase, issued_by="panel")
        answer = service.desk().await_command(receipt.command_id, _ANSWER_SECS)
    except TraderError as error:
        st.session_state[_SAID] = fmt.plain(error)
        return
    service.forget()
    st.session_state[_SAID] = {
        "accepted": "",
        "new": "Recorded; the runner has not answered yet.",
    }.get(answer.status, fmt.plain(answer.detail))
