"""The draft under edit in one browser session: plain JSON values, nothing of the engine.

It outlives the widgets (Streamlit drops those of a page one leaves), so an edit is still there when one comes back.
"""

import copy
from typing import Any, cast

import streamlit as st

from trader.config.preset import Preset
from trader.panel.form import Draft, draft_of

_DRAFT = "cfg_draft"
_SAVED = "cfg_saved"
_GENERATION = "cfg_generation"


def load(preset: Preset, *, saved: Preset | None = None) -> None:
    """Edit this preset from here on. `saved` is what it is compared with (an import differs from what is stored)."""
    st.session_state[_DRAFT] = draft_of(preset)
    st.session_state[_SAVED] = draft_of(saved or preset)
    st.session_state[_GENERATION] = generation() + 1


def loaded() -> bool:
    return _DRAFT in st.session_state


def current() -> Draft:
    return cast(Draft, st.session_state[_DRAFT])


def saved() -> Draft:
    """The draft as it was loaded."""
    return cast(Draft, copy.deepcopy(st.session_state[_SAVED]))


def put(section: str, name: str, value: Any) -> None:
    current()[section][name] = value


def generation() -> int:
    """Counts loads: it is part of every widget's key, so that a load shows new values."""
    return int(st.session_state.get(_GENERATION, 0))
