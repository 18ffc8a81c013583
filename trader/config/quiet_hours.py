"""Hours in which messages of a severity wait: by the Indian clock, also over midnight."""

import re
from collections.abc import Mapping
from datetime import datetime, time, timedelta

import msgspec

from trader.config.channels import read_severities
from trader.domain.expiry import IST, at_ist, ist_date, parse_hhmm
from trader.domain.severity import SEVERITIES, Severity

_ASKED: tuple[Severity, ...] = (
    "info",
    "notice",
    "warning",
)  # where no severity is named: what is critical waits only where a person says so
_DASH = re.compile(r"\s*-\s*")


class Span(msgspec.Struct, frozen=True):
    """From one time of day (IST) to another."""

    begins: time
    ends: time

    def until(self, at: datetime) -> datetime:
        """The end of the span an instant lies in; the instant itself outside of it."""
        local = at.astimezone(IST).time()
        over_midnight = self.begins > self.ends
        inside = (local >= self.begins or local < self.ends) if over_midnight else self.begins <= local < self.ends
        if not inside:
            return at
        end = at_ist(ist_date(at), self.ends)
        return end if end > at else end + timedelta(days=1)

    def __str__(self) -> str:
        return f"{self.begins:%H:%M}-{self.ends:%H:%M}"


class Quiet(msgspec.Struct, frozen=True):
    """The quiet hours of each severity that has some."""

    spans: Mapping[Severity, Span]

    def until(self, severity: Severity, at: datetime) -> datetime:
        """When a message made at an instant may go: at once, or when the quiet is over."""
        span = self.spans.get(severity)
        return at if span is None else span.until(at)


def read_quiet(text: str) -> Quiet:
    """`23:00-07:00` for all that is not critical, or `info,notice|20:00-09:00 warning|23:00-07:00`, each severity once.

    Raises:
        ValueError: An entry is no such span, or a severity is named twice; in words that continue the setting's name.
    """
    spans: dict[Severity, Span] = {}
    for place, entry in enumerate(_DASH.sub("-", text.strip()).split(), start=1):
        wanted, bar, span = entry.rpartition("|")
        named = read_severities(wanted, f"entry {place}") if bar else frozenset(_ASKED)
        if twice := [one for one in SEVERITIES if one in named and one in spans]:
            raise ValueError(f"names {twice[0]} twice; each severity has one span")
        spans |= dict.fromkeys(named, _span(span))
    return Quiet(spans)


def _span(text: str) -> Span:
    begins, dash, ends = text.partition("-")
    try:
        found = Span(parse_hhmm(begins), parse_hhmm(ends))
    except ValueError as error:
        raise ValueError(f"must be like 23:00-07:00 (IST), was {text[:40]!r}: {error}") from error
    if not dash or found.begins == found.ends:
        raise ValueError(f"must be a span like 23:00-07:00 (IST), was {text[:40]!r}")
    return found
