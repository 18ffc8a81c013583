"""Figures over finished runs, as every face asks for them."""

import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from trader.analytics.choosing import GROUPS, RunFilter, grouped
from trader.analytics.performance import EquityDay, Performance, equity_days, performance
from trader.analytics.result import RunResult
from trader.desk.analytics.results import ResultBook, Results, Told, tell
from trader.domain.errors import ConfigError
from trader.journal import Journal

LONGEST_PAGE = 500
ZERO = Decimal(0)
EVERY_RUN = RunFilter()

_SORTED_BY: dict[str, Callable[[RunResult], Any]] = {
    "ended": lambda one: one.ended_at,
    "entered": lambda one: one.entered_at,
    "pnl": lambda one: one.pnl,
    "pnl_pct": lambda one: one.pnl_pct or ZERO,
    "fees": lambda one: one.fees,
    "held": lambda one: one.held,
    "naked": lambda one: one.naked_secs,
}
SORTED_BY = tuple(_SORTED_BY)


class Group(msgspec.Struct, frozen=True):
    """The runs of one value of what they are parted by."""

    label: str
    figures: Performance


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """`groups` are empty where nothing parts the runs; `days` are those of the range, oldest first. `missing`: so many runs more have
    ended and are being looked at just now."""

    account: str
    capital: Decimal | None
    figures: Performance
    groups: tuple[Group, ...]
    days: tuple[EquityDay, ...]
    missing: int


class RunPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some of the runs wanted, and the figures of all of them."""

    runs: tuple[Told, ...]
    total: int
    figures: Performance
    missing: int


class Analytics:
    """Figures and lists of an account's finished runs; thread-safe."""

    def __init__(self, journal: Callable[[], Journal], account: str) -> None:
        self._journal = journal
        self._account = account
        self._lock = threading.Lock()
        self._books: dict[str, tuple[Journal, ResultBook]] = {}

    def accounts(self) -> tuple[str, ...]:
        """All that this journal has runs of, this desk's own first.

        Raises:
            JournalError: The journal cannot be read.
        """
        return tuple(sorted({self._account, *self._journal().accounts()}, key=lambda one: (one != self._account, one)))

    def results(self, account: str | None = None) -> Results:
        """Every finished run of an account (None: this desk's).

        Raises:
            JournalError: The journal cannot be read.
        """
        name, journal = account or self._account, self._journal()
        with self._lock:
            kept = self._books.get(name)
            if kept is None or kept[0] is not journal:
                kept = self._books[name] = (journal, ResultBook(journal, name))
        return kept[1].results()

    def figures(
        self,
        wanted: RunFilter = EVERY_RUN,
        *,
        by: str | None = None,
        capital: Decimal | None = None,
        account: str | None = None,
    ) -> Figures:
        """Figures of the runs wanted, of all together and parted.

        Args:
            by: One of `trader.analytics.choosing.GROUPS`.
            capital: Equity at the beginning of the first day, USD: what returns are of.

        Raises:
            ConfigError: The range, the capital or `by` is none.
            JournalError: The journal cannot be read.
        """
        found = self.results(account)
        chosen = [one.result for one in found.runs if wanted.matches(one.result)]
        try:
            whole = performance(chosen, since=wanted.since, until=wanted.until, capital=capital)
            parted = {} if by is None else grouped(chosen, by)
        except ValueError as error:
            raise ConfigError(str(error)) from error
        return Figures(
            account=account or self._account,
            capital=capital,
            figures=whole,
            groups=tuple(Group(label, performance(runs)) for label, runs in parted.items()),
            days=tuple(equity_days(chosen, since=wanted.since, until=wanted.until, capital=capital or ZERO)),
            missing=found.missing,
        )

    def runs(
        self,
        wanted: RunFilter = EVERY_RUN,
        *,
        sort: str = "ended",
        ascending: bool = False,
        offset: int = 0,
        limit: int = 50,
        account: str | None = None,
    ) -> RunPage:
        """A page of the runs wanted.

        Raises:
            ConfigError: The order, the offset or the limit is none.
            JournalError: The journal cannot be read.
        """
        key = _SORTED_BY.get(sort)
        if key is None:
            raise ConfigError(f"sort must be one of {', '.join(SORTED_BY)}, was {sort[:40]!r}")
        if not 1 <= limit <= LONGEST_PAGE:
            raise ConfigError(f"limit must be 1 to {LONGEST_PAGE}, was {limit}")
        if offset < 0:
            raise ConfigError(f"offset must be 0 or more, was {offset}")
        found = self.results(account)
        chosen = [one for one in found.runs if wanted.matches(one.result)]
        order = sorted(chosen, key=lambda one: (key(one.result), one.result.run_id), reverse=not ascending)
        return RunPage(
            runs=tuple(order[offset : offset + limit]),
            total=len(chosen),
            figures=performance(one.result for one in chosen),
            missing=found.missing,
        )

    def told(self, run_id: str, account: str | None = None) -> Told | None:
        """One finished run; None where none of that id has ended and traded.

        Raises:
            JournalError: The journal cannot be read.
        """
        found = self.results(account)
        kept = next((one for one in found.runs if one.result.run_id == run_id), None)
        if kept is not None or not found.missing:
            return kept
        made = tell(self._journal(), run_id)
        return made if made is not None and made.result.account == (account or self._account) else None


__all__ = ["GROUPS", "SORTED_BY", "Analytics", "Figures", "Group", "RunFilter", "RunPage"]
