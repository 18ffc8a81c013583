"""What a page shows, as a person reads it: markup of ours taken away, foreign text as it was."""

import html
import re

from streamlit.testing.v1 import AppTest

from tests.panel.test_pages import said

_TAG = re.compile(r"<[^>]*>")
_NBSP = "\u00a0"


def read(at: AppTest) -> str:
    """All words of the page on one line each, with plain spaces."""
    text = html.unescape(_TAG.sub(" ", said(at).replace("\u2060", ""))).replace(_NBSP, " ")
    return re.sub(r" +", " ", text)
