"""When a run enters and when it must be out: Indian times of day become absolute instants once, at the start."""

from datetime import date, datetime, time, timedelta
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
    """Absolute entry and exit (UTC, market time; the exit is None until the expiry is known where it is told by that) and a
    warning in words, empty when there is none."""

    entry_at: datetime
    exit_at: datetime | None
    warning: str


def fix_instants(schedule: Schedule, market: datetime, *, start_now: bool) -> Instants:
    """Turn times of day into instants. A start inside today's entry window enters today; otherwise the next allowed weekday."""
    entry_at = market if start_now else _next_entry(schedule, market)
    exit_at = exit_after(schedule, entry_at)
    return Instants(entry_at, exit_at, _warning(entry_at, exit_at))


def exit_after(schedule: Schedule, entry_at: datetime) -> datetime | None:
    """When a run that enters at `entry_at` is to be out, as far as its schedule alone tells; None: the expiry tells.

    daily: the first exit time after the entry, so an exit time before the entry time means the next day. A date may lie
    before the entry: then there is nothing to enter.
    """
    out = parse_hhmm(schedule.exit_time_ist)
    match schedule.exit_rule:
        case "days":
            return at_ist(ist_date(entry_at) + timedelta(days=schedule.exit_after_days), out)
        case "date":
            return at_ist(date.fromisoformat(schedule.exit_date), out)
        case "before_expiry":
            return None
        case "daily":
            return next_ist(entry_at, out)


def _next_entry(schedule: Schedule, market: datetime) -> datetime:
    local = parse_hhmm(schedule.entry_time_ist)
    window = timedelta(minutes=schedule.entry_window_mins)
    # Yesterday too: an entry at 23:50 with a long window is still open after midnight.
    for offset in range(-1, 9):
        day = ist_date(market) + timedelta(days=offset)
        entry = at_ist(day, local)
        out = exit_after(schedule, entry)
        # Before an exit on a date that has gone by nothing can be entered; the next day says so.
        still_open = market <= entry + window and (out is None or market < out or out <= entry)
        if WEEKDAYS[day.weekday()] in schedule.weekdays and still_open:
            return entry
    raise AssertionError("a preset names at least one weekday")


def _warning(entry_at: datetime, exit_at: datetime | None) -> str:
    outside = [
        f"{name} {instant.astimezone(IST):%H:%M}"
        for name, instant in (("entry", entry_at), ("exit", exit_at))
        if instant is not None and not _DAY_OPENS <= instant.astimezone(IST).time() <= _DAY_ENDS
    ]
    words = []
    if outside:
        words.append(f"{' and '.join(outside)} IST lies outside 09:00-17:30 IST")
    nights = 0 if exit_at is None else (ist_date(exit_at) - ist_date(entry_at)).days
    if nights > 0:
        words.append("the position is held overnight" if nights == 1 else f"the position is held over {nights} nights")
    return "; ".join(words)


def entry_window(schedule: Schedule, entry_at: datetime, exit_at: datetime | None, market: datetime) -> Window:
    """Whether the entry is still ahead, may be made now, or is missed; from the exit instant on it is missed."""
    if market < entry_at:
        return Window.EARLY
    is_ahead = exit_at is None or market < exit_at
    if market <= entry_at + timedelta(minutes=schedule.entry_window_mins) and is_ahead:
        return Window.OPEN
    return Window.MISSED


def exit_before_expiry(schedule: Schedule, exit_at: datetime | None, expiry: datetime) -> datetime:
    """The exit instant once the expiry is known, moved ahead of it where it would come too late."""
    latest = expiry - timedelta(minutes=schedule.exit_before_expiry_mins)
    if schedule.exit_rule == "before_expiry":
        exit_at = expiry - timedelta(hours=float(schedule.exit_hours_before_expiry))
    return latest if exit_at is None else min(exit_at, latest)


def past_words(schedule: Schedule, exit_at: datetime | None, expiry: datetime) -> str:
    """Why an expiry cannot be sold: its exit instant has gone by."""
    out, mins = exit_before_expiry(schedule, exit_at, expiry), schedule.exit_before_expiry_mins
    at = f"{mins} min before" if out == expiry - timedelta(minutes=mins) else f"at {out:%Y-%m-%d %H:%M} UTC, for"
    return f"the exit {at} the expiry {expiry:%Y-%m-%d %H:%M} UTC is past already"


def date_words(schedule: Schedule, entry_at: datetime) -> str:
    """Why nothing can be entered for an exit on a date, in words; empty when it can."""
    out = exit_after(schedule, entry_at)
    if schedule.exit_rule != "date" or out is None or out > entry_at:
        return ""
    return f"the exit date {schedule.exit_date} {schedule.exit_time_ist} IST (schedule.exit_date) lies before the entry"
