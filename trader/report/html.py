"""HTML made of text. Text becomes HTML only through `tag`, which escapes every child and attribute that it did not make itself."""

import html
import re
from functools import lru_cache

# What ends an HTML block for a Markdown parser, or reorders what is read; and what Streamlit turns into icons beforehand.
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]+")
_COLON = "&#58;"
_LONGEST = 600


class Html(str):
    """Text that is HTML already. Made by `tag`, `text` and `join` only."""

    __slots__ = ()


def text(value: object) -> Html:
    """Any text, shown letter by letter on one line; overlong text is cut and says so."""
    return _escaped(str(value))


@lru_cache(4096)  # nearly all texts and tags of a second were those of the second before
def _escaped(line: str) -> Html:
    line = _UNSEEN.sub(" ", line)
    line = line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
    return Html(html.escape(line).replace(":", _COLON))


def join(*parts: str | None) -> Html:
    """Parts one after another; None is left out, and what is not HTML is escaped."""
    return Html("".join([part if type(part) is Html else text(part) for part in parts if part is not None]))


def tag(name: str, *children: str | None, **attributes: str | int | None) -> Html:
    """``<name a="…">children</name>``; attributes of None are left out, ``class_`` is ``class`` and ``data_x`` ``data-x``."""
    return Html(f"{_opening(name, tuple(attributes.items()))}{join(*children)}</{name}>")


@lru_cache(2048)
def _opening(name: str, attributes: tuple[tuple[str, str | int | None], ...]) -> str:
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(value)}"' for key, value in attributes if value is not None
    )
    return f"<{name}{said}>"
