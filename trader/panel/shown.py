"""What a field shows is what the script goes by."""

from collections.abc import Container
from typing import Any

import streamlit as st


def begin_with(key: str, first: Any, among: Container[Any] | None = None) -> None:
    """Call it before the field of this key is drawn, which then has no default of its own.

    A field that comes back after a while without it has its old value on the server but, where the browser has dropped
    that meanwhile, the default on the screen: the start box showed one preset and would have started another. A value that
    is set before the field is drawn is sent to the browser each time, so both have the same.

    Args:
        among: The values it may have; any other is replaced by `first`.
    """
    value = st.session_state.get(key, first)
    st.session_state[key] = value if among is None or value in among or value is None else first
