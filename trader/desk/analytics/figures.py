"""Figures over finished runs, as every face asks for them."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from trader.analytics.attribution import Attribution
from trader.analytics.board import Board, build_board
from trader.analytics.choosing import GROUPS, RunFilter, grouped
from trader.analytics.listing import HEAD, listed
from trader.analytics.performance import EquityDay, Performance, equity_days, performance
from trader.analytics.result import RunResult
from trader.analytics.sample import CAPITAL, sample_runs
from trader.desk.analytics.results import ResultBook, Results, Told, tell
from trader.domain.errors import ConfigError
from trader.journal import Journal, RunSummary

LONGEST_PAGE = 500
_ANSWERS_KEPT = 12  # of filters asked last
T = TypeVar("T")
ZERO = Decimal(0)
EVERY_RUN = RunFilter()

_SORTED_BY: dict[str, Callable[[RunResult], Any]] = {
    "ended": lambda one: one.ended_at,
    "entered": lambda one: one.entered_at,
    "pnl": lambda one: one.pnl,
    "pnl_pct": lambda one: one.pnl_pct or ZERO,
    "premium": lambda one: one.premium,
    "peak": lambda one: one.peak_pct or ZERO,
    "worst": lambda one: one.worst_pct or ZERO,
    "past_stop": lambda one: one.past_stop_pct or ZERO,
    "fees": lambda one: one.fees,
    "fees_pct": lambda one: one.fees_pct or ZERO,
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


class Choices(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to choose among the finished runs of an account, by name; configurations are hashes."""

    presets: tuple[str, ...] = ()
    underlyings: tuple[str, ...] = ()
    structures: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    configurations: tuple[str, ...] = ()


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """`sample`: the account has no finished run, and the board is of runs that never were. `runs` are those of the account that are
    known, `missing` so many more that are being looked at just now."""

    account: str
    board: Board
    runs: int
    missing: int
    sample: bool = False


class Analytics:
    """Figures and lists of an account's finished runs; thread-safe."""

    def __init__(self, journal: Callable[[], Journal], account: str) -> None:
        self._journal = journal
        self._account = account
        self._lock = threading.Lock()
        self._books: dict[str, tuple[Journal, ResultBook]] = {}
        self._kept: OrderedDict[tuple[Any, ...], tuple[tuple[Told, ...], Any]] = OrderedDict()

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
        chosen = self._remembered(
            ("list", account, wanted, sort, ascending),
            found.runs,
            lambda: _in_order(found.runs, wanted, key, ascending),
        )
        figures = self._remembered(
            ("figures", account, wanted), found.runs, lambda: performance(one.result for one in chosen)
        )
        return RunPage(
            runs=tuple(chosen[offset : offset + limit]), total=len(chosen), figures=figures, missing=found.missing
        )

    def untraded(self, *, offset: int = 0, limit: int = 50, account: str | None = None) -> tuple[list[RunSummary], int]:
        """A page of the runs that ended without a trade, the one that ended last first; and how many there are.

        Raises:
            JournalError: The journal cannot be read.
        """
        names = self.results(account).untraded[::-1]
        found = (self._journal().run(one) for one in names[offset : offset + limit])
        return [one for one in found if one is not None], len(names)

    def board(
        self, wanted: RunFilter = EVERY_RUN, *, capital: Decimal | None = None, account: str | None = None
    ) -> Shown:
        """Everything that the Analytics page draws, of the runs wanted. Where the account has no finished run: of a sample, whatever is
        wanted.

        Raises:
            ConfigError: The range or the capital is none.
            JournalError: The journal cannot be read.
        """
        found, name = self.results(account), account or self._account
        if not found.runs and not found.missing:
            return Shown(
                account=name, board=build_board(sample_runs(), capital=CAPITAL), runs=0, missing=0, sample=True
            )
        try:
            board = self._remembered(
                ("board", account, wanted, capital),
                found.runs,
                lambda: build_board(
                    _pairs(found.runs, wanted), since=wanted.since, until=wanted.until, capital=capital
                ),
            )
        except ValueError as error:
            raise ConfigError(str(error)) from error
        return Shown(account=name, board=board, runs=len(found.runs), missing=found.missing)

    def table(
        self, wanted: RunFilter = EVERY_RUN, *, account: str | None = None
    ) -> tuple[list[str], list[list[object]]]:
        """Head and rows of the runs wanted, for other programs; in the order they ended.

        Raises:
            JournalError: The journal cannot be read.
        """
        return list(HEAD), listed(_pairs(self.results(account).runs, wanted))

    def choices(self, account: str | None = None) -> Choices:
        """What a filter may name.

        Raises:
            JournalError: The journal cannot be read.
        """
        runs = self.results(account).runs
        return self._remembered(("choices", account), runs, lambda: _choices(runs))

    def _remembered(self, what: tuple[Any, ...], of: tuple[Told, ...], make: Callable[[], T]) -> T:
        """What was made of the same results before, or else made now."""
        with self._lock:
            kept = self._kept.get(what)
        if kept is None or kept[0] is not of:
            kept = (of, make())
            with self._lock:
                self._kept[what] = kept
                while len(self._kept) > _ANSWERS_KEPT:
                    self._kept.popitem(last=False)
        found: T = kept[1]
        return found

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


def _pairs(runs: Sequence[Told], wanted: RunFilter) -> list[tuple[RunResult, Attribution]]:
    return [(one.result, one.parts) for one in runs if wanted.matches(one.result)]


def _in_order(runs: Sequence[Told], wanted: RunFilter, key: Callable[[RunResult], Any], ascending: bool) -> list[Told]:
    chosen = (one for one in runs if wanted.matches(one.result))
    return sorted(chosen, key=lambda one: (key(one.result), one.result.run_id), reverse=not ascending)


def _choices(runs: Sequence[Told]) -> Choices:
    def names(of: Callable[[RunResult], str]) -> tuple[str, ...]:
        return tuple(sorted({of(one.result) for one in runs}))

    return Choices(
        presets=names(lambda one: one.preset),
        underlyings=names(lambda one: one.underlying),
        structures=names(lambda one: one.structure),
        reasons=names(lambda one: one.exit_reason),
        configurations=names(lambda one: one.config_hash),
    )


__all__ = ["GROUPS", "SORTED_BY", "Analytics", "Choices", "Figures", "Group", "RunFilter", "RunPage", "Shown"]
