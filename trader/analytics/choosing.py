"""Which finished runs figures are of, and by what they are parted."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Literal

import msgspec

from trader.analytics.result import RunResult
from trader.domain.expiry import IST

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
Outcome = Literal["won", "lost"]
Kinds = Literal["runs", "orders", "all"]
OUTCOMES: tuple[Outcome, ...] = ("won", "lost")
KINDS: tuple[Kinds, ...] = ("runs", "orders", "all")


class RunFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which runs: those that ended from one Indian day to another, both included; of these presets, underlyings, structures, exit
    reasons and configurations (by hash), an empty list being all. `kinds`: structures' runs, single orders, or both."""

    since: date | None = None
    until: date | None = None
    presets: tuple[str, ...] = ()
    underlyings: tuple[str, ...] = ()
    structures: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    configurations: tuple[str, ...] = ()
    outcome: Outcome | None = None
    kinds: Kinds = "runs"

    def matches(self, one: RunResult) -> bool:
        """Whether a run is one of those wanted."""
        day = one.day
        return (
            (self.since is None or day >= self.since)
            and (self.until is None or day <= self.until)
            and (not self.presets or one.preset in self.presets)
            and (not self.underlyings or one.underlying in self.underlyings)
            and (not self.structures or one.structure in self.structures)
            and (not self.reasons or one.exit_reason in self.reasons)
            and (not self.configurations or one.config_hash in self.configurations)
            and (self.outcome is None or (one.pnl > 0 if self.outcome == "won" else one.pnl < 0))
            and (self.kinds == "all" or one.is_ticket is (self.kinds == "orders"))
        )


_EXPIRY_DAYS = (1, 2, 4, 8)
_EXPIRY_LABELS = ("< 1", "1-2", "2-4", "4-8", "8 or more")


def _days_to_expiry(one: RunResult) -> str:
    days = one.days_to_expiry
    if days is None:
        return "none"
    return _EXPIRY_LABELS[bisect_right(_EXPIRY_DAYS, days)]


def _volatility(one: RunResult) -> str:
    if one.iv_at_entry is None:
        return "not known"
    low = int(one.iv_at_entry * 100 // 10) * 10
    return f"{low}-{low + 10} %"


GROUPS: Mapping[str, Callable[[RunResult], str]] = {
    "preset": lambda one: one.preset,
    "configuration": lambda one: one.config_hash[:8],
    "structure": lambda one: one.structure,
    "underlying": lambda one: one.underlying,
    "exit": lambda one: one.exit_reason,
    "weekday": lambda one: WEEKDAYS[one.entered_at.astimezone(IST).weekday()],
    "hour": lambda one: f"{one.entered_at.astimezone(IST):%H}",
    "days_to_expiry": _days_to_expiry,
    "volatility": _volatility,
    "day": lambda one: one.day.isoformat(),
    "week": lambda one: f"{one.day:%G-W%V}",
    "month": lambda one: f"{one.day:%Y-%m}",
}
"""By what runs may be parted. Weekday and hour (IST) are those of the first fill; days, weeks and months those of the end; volatility is
the mean of the legs' when they were chosen, in steps of ten points."""


def grouped(results: Iterable[RunResult], by: str) -> dict[str, list[RunResult]]:
    """Runs by the value that `by` gives them, in the order of the values.

    Raises:
        ValueError: Nothing to part by has that name.
    """
    key = GROUPS.get(by)
    if key is None:
        raise ValueError(f"by: must be one of {', '.join(GROUPS)}, was {by[:40]!r}")
    found: dict[str, list[RunResult]] = {}
    for one in results:
        found.setdefault(key(one), []).append(one)
    return {label: found[label] for label in ordered(found, by)}


def ordered(labels: Iterable[str], by: str) -> list[str]:
    """Labels in the order that belongs to what they part by: by name, by number, or as weekdays follow one another."""
    if by == "volatility":
        return sorted(labels, key=lambda label: (not label[0].isdigit(), len(label), label))
    order = {"weekday": WEEKDAYS, "days_to_expiry": _EXPIRY_LABELS}.get(by, ())
    return sorted(labels, key=lambda label: (order.index(label) if label in order else -1, label))
