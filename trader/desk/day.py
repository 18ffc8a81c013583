"""The day as its limits count it: what was realised and is open, how many runs have sold, and how those that ended came out.

The day is the Indian calendar date of the exchange's time. Its sums are those of the engine's own fold, of the few records
that tell where runs began, first traded, passed a midnight and ended. The results kept in sight
are those of that day and those of the last 24 hours of this machine's clock: on a market that runs sixty times as fast,
midnight comes every 24 minutes, and what ended a moment ago must not go with it.
"""

import threading
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from msgspec.structs import replace

from trader.config.preset import Risk
from trader.desk.values import Day, DayResult, DayRow
from trader.domain.expiry import ist_date
from trader.engine.account.losses import losses
from trader.engine.fold import evolve, fold
from trader.engine.records import AnyRecord, DayCompared, RunCreated, RunFinished
from trader.engine.state import HUNDRED, State
from trader.engine.view import RunView, TicketView
from trader.journal import Journal
from trader.journal.views import TakenIn

IN_SIGHT = timedelta(hours=24)
DAYS_BACK = timedelta(days=90)
HISTORY = timedelta(days=8)  # how far back the runner and the prerequisites look, too


class DayBook:
    """Where an account's runs began, first traded, passed midnights and ended. That never changes, so only what is new is read.
    Thread-safe."""

    def __init__(self, journal: Journal, account: str) -> None:
        self._journal = journal
        self._account = account
        self._lock = threading.Lock()
        self._last = 0
        self._state = self._empty()
        self._begun: dict[str, RunCreated] = {}
        self._ended: dict[str, RunFinished] = {}  # in the order they ended
        self._told: dict[str, DayResult] = {}

    def day(
        self,
        wall: datetime,
        market: datetime | None,
        *,
        runs: Sequence[RunView],
        tickets: Sequence[TicketView] = (),
        shown: RunView | None,
        risk: Risk | None,
    ) -> Day:
        """The day at an instant of both clocks.

        Args:
            runs: The unresolved runs, and
            tickets: the single orders that are not finished, whose P&L is what is open.
            shown: The run whose limits are asked for. They count the runs on its underlying; without one all are counted.
            risk: That run's limits.

        Raises:
            JournalError: The journal cannot be read.
        """
        today = ist_date(market or wall)
        with self._lock:
            self._read(wall)
            account, ended = self._state.account, list(self._ended.values())
            in_sight = [end for end in ended if _day_of(end) == today or abs(wall - end.wall) <= IN_SIGHT]
            results = self._results(in_sight)
        daily, weekly = losses(account, today, Decimal(0))
        names = [*(run.run_id for run in runs), *(one.ticket_id for one in tickets)]
        sold = [
            count
            for (name, day), count in account.runs_by_day.items()
            if day == today and (shown is None or name == shown.underlying)
        ]
        return Day(
            date=today,
            realised=daily.made.booked,
            open=_open(runs, tickets),
            carried=sum((account.carried(name) for name in names), Decimal(0)),
            runs_made=sum(sold),
            runs_most=None if risk is None else risk.max_runs_per_day,
            loss_limit=None if risk is None else risk.daily_loss_limit_usd,
            results=results,
            week=weekly.made.booked,
        )

    def _empty(self) -> State:
        return _empty(self._account)

    def _read(self, wall: datetime) -> None:
        since = wall - HISTORY
        newest = self._journal.newest().record
        new = self._journal.run_bounds(self._account, since, self._last) if newest > self._last else []
        begun = self._begun.keys() | {record.run_id for _, record in new if isinstance(record, RunCreated)}
        if any(record.run_id not in begun for _, record in new):
            new = self._journal.run_bounds(self._account, since)  # made before what was read so far
            self._state = self._empty()
        for _, record in new:
            self._state = evolve(self._state, record)
            if isinstance(record, RunCreated):
                self._begun[record.run_id] = record
            elif isinstance(record, RunFinished):
                self._ended[record.run_id] = record
        self._last = max(self._last, newest, new[-1][0] if new else 0)
        for name in [name for name, end in self._ended.items() if end.wall < since]:
            del self._begun[name], self._ended[name]
            self._told.pop(name, None)

    def _results(self, ended: list[RunFinished]) -> tuple[DayResult, ...]:
        """Newest first. What those not told before have taken in is read, once."""
        unread = [end.run_id for end in ended if end.run_id not in self._told]
        taken_in = self._journal.taken_in(unread) if unread else {}
        for name in unread:
            self._told[name] = _result(self._begun[name], self._ended[name], taken_in.get(name))
        return tuple(self._told[end.run_id] for end in reversed(ended))


def folded_bounds(journal: Journal, account: str, since: datetime) -> tuple[State, Sequence[AnyRecord]]:
    """Where an account's runs began, first traded, passed midnights and ended, and what the engine's own fold makes of it.

    Raises:
        JournalError: The journal cannot be read.
    """
    bounds = [record for _, record in journal.run_bounds(account, since)]
    return fold(_empty(account), bounds), bounds


def _empty(account: str) -> State:
    return State(installation="", epoch=0, env="", account_key=account)


def day_rows(journal: Journal, account: str, wall: datetime, today: Day | None, count: int) -> tuple[DayRow, ...]:
    """The newest Indian days on which anything was made or compared, newest first; the present one with what is open.

    Raises:
        JournalError: The journal cannot be read.
    """
    state, _ = folded_bounds(journal, account, wall - DAYS_BACK)
    made = dict(state.account.made_by_day)
    sold: Counter[date] = Counter()
    for (_, day), runs in state.account.runs_by_day.items():
        sold[day] += runs
    if today is not None and (today.total or sold[today.date] or today.date in made):
        made[today.date] = today.realised + (today.open_today or 0)
    compared = {one.day: one for one in reversed(journal.compared_days(account, count))}
    days = sorted(made.keys() | sold.keys() | compared.keys(), reverse=True)[:count]
    return tuple(_row(day, made, sold, compared.get(day), today) for day in days)


def wallet_of_day(row: DayRow) -> str:
    """Whether the exchange's ledger shows what the day has booked, and what else moved money, in words every face prints."""
    if not row.compared:
        return "not compared" if row.is_over else "so far"
    if row.difference is None:
        return f"not compared: {row.why}"
    besides = ", ".join(f"{kind} {amount:+f}" for kind, amount in row.besides.items())
    found = f"differs by {row.difference:+f} USD" if row.difference else "agrees"
    return f"{found}; besides {besides}" if besides else found


def _row(
    day: date, made: dict[date, Decimal], sold: Counter[date], compared: DayCompared | None, today: Day | None
) -> DayRow:
    is_over = today is None or day < today.date
    row = DayRow(date=day, made=made.get(day, Decimal(0)), runs=sold[day], is_over=is_over)
    if compared is None:
        return row
    found = {"difference": compared.difference, "why": compared.why, "besides": compared.besides}
    return replace(row, compared=True, **found)


def _result(begin: RunCreated, end: RunFinished, taken_in: TakenIn | None) -> DayResult:
    return DayResult(
        run_id=end.run_id,
        preset=begin.preset,
        underlying=begin.underlying,
        at=end.market or end.wall,
        reason=end.exit_reason,
        pnl=end.realized_pnl,
        pnl_pct=end.realized_pnl / taken_in.basis * HUNDRED if taken_in and taken_in.basis else None,
    )


def _day_of(record: RunCreated | RunFinished) -> date:
    return ist_date(record.market or record.wall)


def _open(runs: Sequence[RunView], tickets: Sequence[TicketView]) -> Decimal | None:
    """The P&L of all that is unresolved; what has traded and cannot be priced makes it unknown."""
    traded = [
        *(run.pnl for run in runs if run.pnl is not None or any(leg.filled_quantity for leg in run.legs)),
        *(one.pnl for one in tickets if one.pnl is not None or one.filled),
    ]
    known = [pnl for pnl in traded if pnl is not None]
    return sum(known, Decimal(0)) if len(known) == len(traded) else None
