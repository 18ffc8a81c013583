"""HTML for what Streamlit's own elements cannot draw in one go: several figures that must change at the same moment.

Text becomes HTML only through `tag`. This is the one module that may ask Streamlit for raw HTML.
"""

import streamlit as st

from trader.report.html import Html, join, tag, text

__all__ = ["Html", "draw", "join", "script", "stylesheet", "stylesheet_here", "tag", "text"]


def draw(content: Html) -> None:
    """Draw it; the next drawing at the same place changes the same nodes, so a selection or a tooltip outlives it."""
    st.markdown(content, unsafe_allow_html=True)


def stylesheet(css: str) -> None:
    """Our own CSS, once a page; it takes no room."""
    st.html(f"<style>{css}</style>")


def stylesheet_here(css: str) -> None:
    """The same for one part of a page, where fragments draw stylesheets too: those of Streamlit's own place for styles replace
    one another when a fragment runs by itself."""
    st.html(f"<style>{css}</style><i></i>")


def script(source: str) -> None:
    """Our own JavaScript, once a page."""
    st.html(f"<script>{source}</script>", unsafe_allow_javascript=True)
