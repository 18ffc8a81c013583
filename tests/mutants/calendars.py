"""Defects of days and expiries: the wrong Friday, the wrong evening, a day that has gone by."""

from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from tests.mutants.mutant import Mutant, sessions
from tests.mutants.plans import Plans, held
from tests.mutants.tools import Patch, everywhere
from trader.domain.expiry import ist_date
from trader.engine import schedule, selection
from trader.simulation.directed import overnight, weekly
from trader.simulation.planned import Plan


def _scheduled(**values: Any) -> Plans:
    def plan(seed: int) -> Plan:
        quiet = held(seed)
        return replace(quiet, preset={**quiet.preset, "schedule": {**quiet.preset["schedule"], **values}})

    return lambda: [plan(seed) for seed in range(2)]


def weekly_is_today_on_a_friday(patch: Patch) -> None:
    real = selection._matches

    def _matches(rule: str, expiry: Any, market: Any) -> bool:
        return real(rule, expiry, market - timedelta(days=1) if rule == "weekly" else market)

    everywhere(patch, real, _matches)


def every_day_is_the_first(patch: Patch) -> None:
    real = schedule.exit_after

    def exit_after(rules: Any, entry_at: Any) -> Any:
        return real(rules.model_copy(update={"exit_after_days": 0}), entry_at)

    everywhere(patch, real, exit_after)


def hours_before_the_expiry_are_forgotten(patch: Patch) -> None:
    real = schedule.exit_before_expiry

    def exit_before_expiry(rules: Any, exit_at: Any, expiry: Any) -> Any:
        is_past = exit_at is not None and rules.exit_rule == "date"
        return real(rules.model_copy(update={"exit_rule": "daily"}), None if is_past else exit_at, expiry)

    everywhere(patch, real, exit_before_expiry)


def a_date_gone_by_is_no_obstacle(patch: Patch) -> None:
    everywhere(patch, schedule.date_words, lambda rules, entry_at: "")
    hours_before_the_expiry_are_forgotten(patch)
    real = schedule.entry_window

    def entry_window(rules: Any, entry_at: Any, exit_at: Any, market: Any) -> Any:
        is_today = exit_at is not None and ist_date(exit_at) == ist_date(market)
        return real(rules, entry_at, None if is_today else exit_at, market)

    everywhere(patch, real, entry_window)


MUTANTS = [
    Mutant(
        name="H01",
        defect="On an expiry Friday `weekly` sells what expires today",
        patched="`_matches` asks on the day before",
        patch=weekly_is_today_on_a_friday,
        check=sessions("HD1", lambda: [weekly(seed) for seed in range(2)]),
    ),
    Mutant(
        name="H02",
        defect="A position that is to be held over nights is closed on its first day",
        patched="`exit_after` counts no day",
        patch=every_day_is_the_first,
        check=sessions("HD2", lambda: [overnight(seed) for seed in range(2)]),
    ),
    Mutant(
        name="H03",
        defect="An exit so many hours before the expiry comes with the last minutes",
        patched="`exit_before_expiry` knows the margin before the expiry alone",
        patch=hours_before_the_expiry_are_forgotten,
        check=sessions("HD2", _scheduled(exit_rule="before_expiry", exit_hours_before_expiry="29.97")),
    ),
    Mutant(
        name="H04",
        defect="For an exit on a date that has gone by something is entered",
        patched="`date_words` finds no flaw, `entry_window` and `exit_before_expiry` do not look at the exit",
        patch=a_date_gone_by_is_no_obstacle,
        check=sessions("HD2 HD4", _scheduled(exit_rule="date", exit_date="2026-03-03", exit_time_ist="10:30")),
    ),
]
