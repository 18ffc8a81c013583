"""HTML that the panel makes itself: what is not made there is escaped, in text and in attributes."""

import pytest

from tests.panel.fake_desk import HOSTILE
from trader.panel.markup import Html, join, tag, text

NASTY = [HOSTILE, '"><script>alert(1)</script>', "a\x00b\u202ec", ":material/home:", "it's <b>"]


@pytest.mark.parametrize("foreign", NASTY)
def test_foreign_text_never_becomes_an_element(foreign: str) -> None:
    made = tag("p", foreign, tag("b", foreign), title=foreign)
    assert made.count("<") == 4 and made.count('"') == 2 and ":material" not in made
    assert "\x00" not in made and "\u202e" not in made


def test_only_what_was_made_here_stays_as_it_is() -> None:
    made = tag("b", "1 < 2", class_="sd", data_at="x", title=None)
    assert made == '<b class="sd" data-at="x">1 &lt; 2</b>'
    assert join(made, None, "<b>") == made + "&lt;b&gt;"
    assert isinstance(text("x"), Html) and len(text("x" * 2000)) == 600
