"""Style and watchdog of every page: files of ours, drawn once by the frame."""

from pathlib import Path

import streamlit as st

from trader.panel import markup

_HERE = Path(__file__).parent
_STYLE = (_HERE / "style.css").read_text(encoding="utf-8")
_SCRIPT = (_HERE / "watchdog.js").read_text(encoding="utf-8")


def draw() -> None:
    """See `watchdog.js`."""
    markup.stylesheet(_STYLE)
    with st.container(key="watchdog"):
        markup.script(_SCRIPT)
