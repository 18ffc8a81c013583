"""When a run enters and when it must be out: Indian times of day become absolute instants once, at the start."""

from datetime import datetime, time, timedelta
from enum import StrEnum

import msgspec

from trader.config.preset import WEEKDAYS, Schedule
from trader.domain.expiry import IST, at_ist, ist_date, next_ist, parse_hhmm

_DAY_OPENS = time(9, 0)
_DAY_ENDS = time(17, 30)


class Window(StrEnum):
    """Where the present lies relative to the entry."""

    EARLY = "early"
    OPEN = "open"
    MISSED = "missed"


class Instants(msgspec.Struct, frozen=True):
    """Absolute entry and exit (UTC, market time) and a warning in words, empty when there is none."""

    entry_at: datetime
    exit_at: datetime
    warning: str


def fix_instants(schedule: Schedule, market: datetime, *, start_now: bool) -> Instants:
    """Turn times of day into instants.

    A start inside today's entry window enters today; otherwise the next allowed weekday. The exit is the first exit time
    after the entry, so an exit time before the entry time means the next day (an overnight window).
    """
    entry_at = market if start_now else _next_entry(schedule, market)
    exit_at = next_ist(entry_at, parse_hhmm(schedule.exit_time_ist))
    return Instants(entry_at, exit_at, _warning(entry_at, exit_at))


def _next_entry(schedule: Schedule, market: datetime) -> datetime:
    local, out = parse_hhmm(schedule.entry_time_ist), parse_hhmm(schedule.exit_time_ist)
    window = timedelta(minutes=schedule.entry_window_mins)
    # Yesterday too: an entry at 23:50 with a long window is still open after midnight.
    for offset in range(-1, 9):
        day = ist_date(market) + timedelta(days=offset)
        entry = at_ist(day, local)
        still_open = market <= entry + window and market < next_ist(entry, out)
        if WEEKDAYS[day.weekday()] in schedule.weekdays and still_open:
            return entry
    raise AssertionError("a preset names at least one weekday")


def _warning(entry_at: datetime, exit_at: datetime) -> str:
    outside = [
        f"{name} {instant.astimezone(IST):%H:%M}"
        for name, instant in (("entry", entry_at), ("exit", exit_at))
        if not _DAY_OPENS <= instant.astimezone(IST).time() <= _DAY_ENDS
    ]
    words = []
    if outside:
        words.append(f"{' and '.join(outside)} IST lies outside 09:00-17:30 IST")
    if ist_date(entry_at) != ist_date(exit_at):
        words.append("the position is held overnight")
    return "; ".join(words)


def entry_window(schedule: Schedule, entry_at: datetime, exit_at: datetime, market: datetime) -> Window:
    """Whether the entry is still ahead, may be made now, or is missed; from the exit instant on it is missed."""
    if market < entry_at:
        return Window.EARLY
    if market <= entry_at + timedelta(minutes=schedule.entry_window_mins) and market < exit_at:
        return Window.OPEN
    return Window.MISSED


def exit_before_expiry(schedule: Schedule, exit_at: datetime, expiry: datetime) -> datetime:
    """The exit instant, moved ahead of the expiry where it would come too late."""
    return min(exit_at, expiry - timedelta(minutes=schedule.exit_before_expiry_mins))


def past_words(schedule: Schedule, expiry: datetime) -> str:
    """Why an expiry is too near to be sold: its exit instant has gone by."""
    return (
        f"the exit {schedule.exit_before_expiry_mins} min before the expiry {expiry:%Y-%m-%d %H:%M} UTC is past already"
    )
