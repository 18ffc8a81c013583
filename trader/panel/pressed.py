"""What a press was answered, kept so that the press is carried out once.

Every access to `st.session_state` may end a callback early: where a newer run of the page already waits, Streamlit interrupts
there and calls the callback again in that run. A callback that asks the desk for something therefore reads all it needs first
and takes its note; from the request on it writes into that plain object only.
"""

import streamlit as st


class Note:
    """The answer to the last press, in words."""

    def __init__(self) -> None:
        self.said = ""


def note(key: str) -> Note:
    """This tab's note of that name."""
    if key not in st.session_state:
        st.session_state[key] = Note()
    found: Note = st.session_state[key]
    return found
