"""Time zones, schedule arithmetic and expiry dates. IST stands only at the edges; instants are aware UTC."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

IST = ZoneInfo("Asia/Kolkata")
_AHEAD = timedelta(hours=5, minutes=30)  # of UTC, all year round


def parse_hhmm(text: str) -> time:
    """Read ``HH:MM`` (24 h).

    Raises:
        ValueError: Not of that form or out of range; the message quotes the text.
    """
    parts = text.split(":")
    if len(parts) != 2 or not all(p.isascii() and p.isdigit() and len(p) == 2 for p in parts):
        raise ValueError(f"{text!r} is not a time of day like 09:30 (24-hour HH:MM)")
    hour, minute = int(parts[0]), int(parts[1])
    if hour > 23 or minute > 59:
        raise ValueError(f"{text!r} is not a time of day: hours go to 23, minutes to 59")
    return time(hour, minute)


def ist_date(instant: datetime) -> date:
    """The Indian calendar date of an instant."""
    utc = instant if instant.tzinfo is UTC else instant.astimezone(UTC)
    return (utc + _AHEAD).date()


def at_ist(day: date, local: time) -> datetime:
    """The UTC instant of a local Indian time."""
    return datetime.combine(day, local, tzinfo=IST).astimezone(UTC)


def next_ist(after: datetime, local: time) -> datetime:
    """The first instant at `local` (IST) strictly after `after`."""
    candidate = at_ist(ist_date(after), local)
    return candidate if candidate > after else at_ist(ist_date(after) + timedelta(days=1), local)
