"""Days and expiries, drawn for some sessions: another rule to be out by, a night between entry and exit, Fridays on which three
expiries are listed."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from msgspec.structs import replace

from trader.simulation.planned import OPENING, Plan

SHARE = 0.25  # of the sessions that do not run into the expiry
EVENING = datetime(2026, 3, 3, 18, 29, 30, tzinfo=UTC)  # 23:59:30 IST
_EVENINGS = (EVENING, EVENING, EVENING - timedelta(days=2))  # after the last one a week begins
FRIDAY = datetime(2026, 3, 27, 5, 0, 30, tzinfo=UTC)  # 10:30:30 IST, the last Friday of its month
FRIDAY_SECS = 7 * 3600 - 30  # until 17:30 IST
WEEK_SECS = 7 * 24 * 3600

Section = Callable[[dict[str, Any]], dict[str, Any]]


def drawn(rng: Random, plan: Plan) -> Plan:
    """The plan on another day or with another way out, for a share of the sessions."""
    if plan.market.expiry_secs < 3600 or rng.random() > SHARE:
        return plan
    match rng.choice(("days", "night", "before_expiry", "date", "friday", "friday")):
        case "days":
            rule = {"exit_rule": "days", "exit_after_days": 1, "exit_time_ist": rng.choice(("00:00", "00:01"))}
            return _changed(_opened(plan, rng.choice(_EVENINGS)), "schedule", rule)
        case "night":
            return _opened(plan, rng.choice(_EVENINGS))
        case "before_expiry":
            hours = (plan.market.expiry_secs - rng.choice((72, 108, 144))) / 3600
            return _changed(
                plan, "schedule", {"exit_rule": "before_expiry", "exit_hours_before_expiry": f"{hours:.2f}"}
            )
        case "date":
            gone = {"exit_time_ist": "10:30"} if rng.random() < 0.2 else {}
            return _changed(plan, "schedule", {"exit_rule": "date", "exit_date": "2026-03-03", **gone})
        case _:
            market = replace(
                plan.market, expiry_secs=FRIDAY_SECS, later=(FRIDAY_SECS + WEEK_SECS, FRIDAY_SECS + 4 * WEEK_SECS)
            )
            word = rng.choice(("weekly", "weekly", "monthly", "nearest", "today", "2026-04-03"))
            return _changed(_opened(replace(plan, market=market), FRIDAY), "strategy", {"expiry": word})


def _opened(plan: Plan, opening: datetime) -> Plan:
    """The same session begun at another instant: the times of day of its configurations move with it."""
    by = opening - OPENING

    def move(text: str) -> str:
        return (datetime.strptime(text, "%H:%M") + by).strftime("%H:%M")

    def times(preset: dict[str, Any]) -> dict[str, Any]:
        schedule = preset["schedule"]
        return {name: move(schedule[name]) for name in ("entry_time_ist", "exit_time_ist") if name in schedule}

    moved = replace(plan, market=replace(plan.market, opening=opening))
    return _each(moved, lambda preset: {**preset, "schedule": {**preset["schedule"], **times(preset)}})


def _changed(plan: Plan, section: str, values: dict[str, Any]) -> Plan:
    return _each(plan, lambda preset: {**preset, section: {**preset[section], **values}})


def _each(plan: Plan, change: Section) -> Plan:
    """The plan with every configuration in it changed alike."""
    return replace(plan, preset=change(plan.preset), others=tuple(change(other) for other in plan.others))
