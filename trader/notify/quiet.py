"""Hours in which only what is critical is told: by the Indian clock, also over midnight."""

from datetime import datetime, time, timedelta

import msgspec

from trader.domain.errors import ConfigError
from trader.domain.expiry import IST, at_ist, ist_date, parse_hhmm
from trader.domain.severity import Severity


class Quiet(msgspec.Struct, frozen=True):
    """From one time of day (IST) to another."""

    begins: time
    ends: time

    def until(self, severity: Severity, at: datetime) -> datetime:
        """When a message made at an instant may go: at once, or when the quiet is over."""
        local = at.astimezone(IST).time()
        over_midnight = self.begins > self.ends
        is_quiet = (local >= self.begins or local < self.ends) if over_midnight else self.begins <= local < self.ends
        if severity == "critical" or not is_quiet:
            return at
        end = at_ist(ist_date(at), self.ends)
        return end if end > at else end + timedelta(days=1)


def read_quiet(text: str) -> Quiet | None:
    """`23:00-07:00`; None where nothing is set.

    Raises:
        ConfigError: It is no such span.
    """
    if not text.strip():
        return None
    begins, dash, ends = text.partition("-")
    try:
        found = Quiet(parse_hhmm(begins.strip()), parse_hhmm(ends.strip()))
    except ValueError as error:
        raise ConfigError(f"TRADER_NOTIFY_QUIET must be like 23:00-07:00 (IST), was {text[:40]!r}: {error}.") from error
    if not dash or found.begins == found.ends:
        raise ConfigError(f"TRADER_NOTIFY_QUIET must be a span like 23:00-07:00 (IST), was {text[:40]!r}.")
    return found
