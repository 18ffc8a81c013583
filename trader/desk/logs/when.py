"""An instant as a person types it."""

import re
from datetime import date, datetime, time, timedelta

from trader.domain.errors import ConfigError
from trader.domain.expiry import IST

_FORM = re.compile(r"(?:(?P<day>\d{4}-\d\d-\d\d)[ T]?)?(?:(?P<hour>\d\d?):(?P<minute>\d\d)(?::(?P<second>\d\d))?)?")


def read_when(text: str, today: date, *, is_end: bool = False) -> datetime | None:
    """``16:30``, ``16:30:07``, ``2026-11-30``, ``2026-11-30 16:30``, Indian time; None of an empty text. `is_end`: the last instant that
    is meant, the end of that second, minute or day.

    Raises:
        ConfigError: It is none.
    """
    if not text.strip():
        return None
    match = _FORM.fullmatch(text.strip())
    try:
        if match is None:
            raise ValueError
        day = date.fromisoformat(match["day"]) if match["day"] else today
        clock = time(int(match["hour"] or 0), int(match["minute"] or 0), int(match["second"] or 0))
    except ValueError:
        raise ConfigError(f"must be a time like 16:30 or 2026-11-30 16:30:07, was {text.strip()[:40]!r}") from None
    at = datetime.combine(day, clock, IST)
    if not is_end:
        return at
    whole = timedelta(seconds=1) if match["second"] else timedelta(minutes=1) if match["hour"] else timedelta(days=1)
    return at + whole - timedelta(milliseconds=1)
