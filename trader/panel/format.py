"""Numbers, times and foreign text for the eye. Unknown is shown as a dash, never as zero.

Money is USD; prices USD per unit of underlying; times are shown in Indian time, with UTC where there is room to hover.
Everything here returns plain text; only `safe` may carry foreign text into a place that reads Markdown.
"""

import re
from datetime import datetime, timedelta
from decimal import Decimal

from trader.domain.expiry import IST
from trader.domain.wording import span_words

DASH = "–"
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|~$^<>&\"'=])")
_JOINER = "\u2060"  # zero-width: keeps `:name:` from becoming an icon and an address from becoming a link
_LIVE_COLON = re.compile(r":(?=[^\d\s]|\d{3})")  # may begin an icon or an address; a time of day is left alone
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]+")


def plain(text: object, limit: int = 400) -> str:
    """Foreign text on one line: control and direction marks become a space, overlong text is cut and says so."""
    line = _CONTROL.sub(" ", str(text)).strip()
    return line if len(line) <= limit else line[: limit - 1] + "…"


def safe(text: object, limit: int = 400) -> str:
    """Foreign text for a place that reads Markdown: shown letter by letter, never as markup, icon or link."""
    line = _MARKDOWN.sub(r"\\\1", plain(text, limit))
    line = _LIVE_COLON.sub(f":{_JOINER}", line).replace("@", f"@{_JOINER}").replace("/", f"/{_JOINER}")
    return re.sub(r"(?i)www", f"w{_JOINER}ww", line)


def price(value: Decimal | float | None) -> str:
    """A price with as many places as it needs, at most two beyond the integer for large ones."""
    if value is None:
        return DASH
    size = abs(float(value))
    return f"{value:,.0f}" if size >= 10_000 else f"{value:,.2f}" if size >= 1 else f"{value:,.4f}"


def age(seconds: float | None) -> str:
    """How old something is: ``0.4 s``, ``12 s``, ``3 min``; None is ``unknown``."""
    if seconds is None:
        return "unknown"
    if seconds < 10:
        return f"{max(seconds, 0.0):.1f} s"
    return duration(timedelta(seconds=seconds))


def duration(span: timedelta) -> str:
    """A span in its two largest units: ``2 h 14 m``, ``3 m 05 s``, ``42 s``, ``2 d 3 h``; below zero is ``now``."""
    return span_words(span) if span >= timedelta(seconds=1) else "now"


def ist_time(instant: datetime | None) -> str:
    """``16:30 IST``."""
    return DASH if instant is None else f"{instant.astimezone(IST):%H:%M} IST"


def ist_clock(instant: datetime | None) -> str:
    """``16:30:07``, Indian time."""
    return DASH if instant is None else f"{instant.astimezone(IST):%H:%M:%S}"


def ist_day_time(instant: datetime | None) -> str:
    """``21 Nov 16:30 IST``."""
    return DASH if instant is None else f"{instant.astimezone(IST):%d %b %H:%M}\u00a0IST"


def ist_full(instant: datetime | None) -> str:
    """``2026-11-21 16:30:07 IST``."""
    return DASH if instant is None else f"{instant.astimezone(IST):%Y-%m-%d %H:%M:%S} IST"


def utc_hint(instant: datetime | None) -> str:
    """The same instant in UTC, for a tooltip: ``2026-11-21 11:00:07 UTC``."""
    return "unknown" if instant is None else f"{instant:%Y-%m-%d %H:%M:%S} UTC"


def red(text: object) -> str:
    """Foreign text in red, for a place that reads Markdown."""
    return f":red[{safe(text)}]"


def tagged(color: str, word: str, text: object) -> str:
    """A line of ours that begins with a coloured badge; both texts are cleaned."""
    return f":{color}-badge[{safe(word, 20)}] {safe(text)}"


def strong(text: object) -> str:
    """Foreign text in bold, for a place that reads Markdown."""
    return f"**{safe(text)}**"
