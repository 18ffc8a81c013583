"""Everything that the Analytics page draws, of the runs it is asked for: made in one go, small enough to be kept and sent."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import chain
from operator import attrgetter
from typing import Literal

import msgspec

from trader.analytics.attribution import Attribution
from trader.analytics.choosing import GROUPS, WEEKDAYS, ordered
from trader.analytics.distribution import Bin, Quartiles, histogram, mean_interval, quartiles
from trader.analytics.performance import EquityDay, Performance, equity_days, performance
from trader.analytics.ratios import percentile
from trader.analytics.result import HUNDRED, STOPS, RunResult
from trader.domain.basis import CREDIT
from trader.domain.expiry import IST

ZERO = Decimal(0)
PARTS = ("theta", "delta", "gamma", "vega", "spread", "slippage", "exchange", "funding", "fees", "residual")
_POINTS_MOST = 800
_WEEKS_MOST = 60
_VERSIONS_MOST = 12
_LEVELS_MOST = 6


class DayCell(msgspec.Struct, frozen=True, kw_only=True):
    """An Indian day on which runs ended: USD made, the same in % of their basis, and what ended how many."""

    day: date
    made: Decimal
    pct: float | None
    runs: int
    reasons: tuple[tuple[str, int], ...]


class Slice(msgspec.Struct, frozen=True, kw_only=True):
    """The runs of one value of what they are parted by. `spread` is of the P&L in % of the basis."""

    label: str
    runs: int
    won: int
    total: Decimal
    average_pct: float | None
    spread: Quartiles | None


class HourCell(msgspec.Struct, frozen=True, kw_only=True):
    """Runs that first traded in one hour (IST) of one weekday."""

    weekday: str
    hour: int
    runs: int
    total: Decimal
    average_pct: float | None


class Point(msgspec.Struct, frozen=True, array_like=True):
    x: float
    y: float
    won: bool


class Seller(msgspec.Struct, frozen=True, kw_only=True):
    """What a seller of options asks. `kept` is the P&L in % of the premium, of runs that have received one, with the levels of
    their exits; `past_stop` how much further than its stop a run ended, in % of the basis; `volatility` the implied one at entry
    (%) against the P&L (% of the basis); `moves` how far spot was expected to move (one standard deviation, %) against how far it
    did, and `inside` the share that moved less."""

    kept: tuple[Bin, ...]
    kept_median: float | None
    levels: tuple[tuple[str, float], ...]
    past_stop: tuple[Bin, ...]
    stopped: int
    past_stop_median: float | None
    past_stop_worst: float | None
    volatility: tuple[Point, ...]
    moves: tuple[Point, ...]
    moved: int
    inside: float | None


class LegSlip(msgspec.Struct, frozen=True, kw_only=True):
    """Contracts of legs of one key, entered or left, and how many ticks worse than decided they filled on average."""

    leg: str
    way: str
    contracts: int
    ticks: float


class Execution(msgspec.Struct, frozen=True, kw_only=True):
    """How the orders went, beside what the figures say. Seconds by this machine's clock: from intent to last fill of an order, and
    from the decision to leave to the last fill of a run. `naked_runs` are those in which a short leg stood alone at all."""

    slips: tuple[LegSlip, ...]
    fill_secs: tuple[Bin, ...]
    exits: int
    exit_secs_median: float | None
    exit_secs_p95: float | None
    naked_runs: int
    naked_secs: float
    filled: int
    rejected: int


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """Where the P&L of one week or month came from, USD by the names of `PARTS`, and the sum."""

    label: str
    first: date
    pnl: Decimal
    parts: Mapping[str, float]


class Board(msgspec.Struct, frozen=True, kw_only=True):
    """`expectancy` is the 95 % interval of the figure of that name; `spans` are weeks, or months of a long range."""

    figures: Performance
    expectancy: tuple[float, float] | None
    days: tuple[EquityDay, ...]
    cells: tuple[DayCell, ...]
    pnl: tuple[Bin, ...]
    exits: tuple[Slice, ...]
    hours: tuple[HourCell, ...]
    expiries: tuple[Slice, ...]
    volatilities: tuple[Slice, ...]
    versions: tuple[Slice, ...]
    seller: Seller
    execution: Execution
    per: Literal["week", "month"]
    spans: tuple[Span, ...]


def build_board(
    runs: Sequence[tuple[RunResult, Attribution]],
    *,
    since: date | None = None,
    until: date | None = None,
    capital: Decimal | None = None,
) -> Board:
    """Of the runs chosen, in the order they ended.

    Raises:
        ValueError: The last day lies before the first, or the capital is not above 0.
    """
    results = [one for one, _ in runs]
    percents = [None if one.pnl_pct is None else float(one.pnl_pct) for one in results]
    figures = performance(results, since=since, until=until, capital=capital)
    rows = list(zip(results, percents, strict=True))
    per, spans = _spans(runs)
    return Board(
        figures=figures,
        expectancy=mean_interval([one for one in percents if one is not None]),
        days=tuple(equity_days(results, since=since, until=until, capital=capital or ZERO)),
        cells=_days(results),
        pnl=histogram([float(one.pnl) for one in results]),
        exits=_slices(rows, GROUPS["exit"]),
        hours=_hours(rows),
        expiries=_slices(rows, GROUPS["days_to_expiry"], "days_to_expiry"),
        volatilities=_slices(rows, GROUPS["volatility"], "volatility"),
        versions=_versions(rows),
        seller=_seller(rows),
        execution=_execution(results),
        per=per,
        spans=spans,
    )


Row = tuple[RunResult, float | None]


def _parted(rows: Iterable[Row], key: Callable[[RunResult], str]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(key(row[0]), []).append(row)
    return found


def _slices(rows: Iterable[Row], key: Callable[[RunResult], str], by: str = "") -> tuple[Slice, ...]:
    found = _parted(rows, key)
    return tuple(_slice(label, found[label]) for label in ordered(found, by))


def _slice(label: str, rows: Sequence[Row]) -> Slice:
    percents, made = [pct for _, pct in rows if pct is not None], [one.pnl for one, _ in rows]
    return Slice(
        label=label,
        runs=len(rows),
        won=sum(one > 0 for one in made),
        total=sum(made, ZERO),
        average_pct=_mean(percents),
        spread=quartiles(percents),
    )


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _versions(rows: Iterable[Row]) -> tuple[Slice, ...]:
    """By preset and configuration: those that ran last, in the order in which each came up first."""
    found = _parted(rows, lambda one: f"{one.preset} {one.config_hash[:6]}")
    newest = sorted(found, key=lambda label: found[label][-1][0].ended_at)[-_VERSIONS_MOST:]
    return tuple(_slice(label, found[label]) for label in found if label in newest)


def _hours(rows: Iterable[Row]) -> tuple[HourCell, ...]:
    found: dict[tuple[int, int], list[Row]] = {}
    for row in rows:
        at = row[0].entered_at.astimezone(IST)
        found.setdefault((at.weekday(), at.hour), []).append(row)
    cells = []
    for (weekday, hour), chosen in sorted(found.items()):
        cells.append(
            HourCell(
                weekday=WEEKDAYS[weekday],
                hour=hour,
                runs=len(chosen),
                total=sum((one.pnl for one, _ in chosen), ZERO),
                average_pct=_mean([pct for _, pct in chosen if pct is not None]),
            )
        )
    return tuple(cells)


def _days(results: Iterable[RunResult]) -> tuple[DayCell, ...]:
    found: dict[date, list[RunResult]] = {}
    for one in results:
        found.setdefault(one.day, []).append(one)
    cells = []
    for day, chosen in sorted(found.items()):
        made, basis = sum((one.pnl for one in chosen), ZERO), sum((one.basis for one in chosen), ZERO)
        cells.append(
            DayCell(
                day=day,
                made=made,
                pct=float(made / basis * HUNDRED) if basis else None,
                runs=len(chosen),
                reasons=tuple(Counter(one.exit_reason for one in chosen).most_common()),
            )
        )
    return tuple(cells)


def _seller(rows: Sequence[Row]) -> Seller:
    credit = [(one, pct) for one, pct in rows if pct is not None and one.basis_name == CREDIT]
    kept = [pct for _, pct in credit]
    levels = Counter(
        (one.exit_reason, float(one.level_pct))
        for one, _ in credit
        if one.level_pct is not None and one.exit_reason in ("max_loss", "max_profit")
    )
    past = sorted(float(one.past_stop_pct) for one, _ in rows if one.past_stop_pct is not None)
    volatility = [
        (one.iv_at_entry * 100, pct, one) for one, pct in rows if one.iv_at_entry is not None and pct is not None
    ]
    moves = [
        (implied, realised, one)
        for one, _ in rows
        if (implied := one.implied_move_pct) is not None and (realised := one.realised_move_pct) is not None
    ]
    return Seller(
        kept=histogram(kept),
        kept_median=percentile(sorted(kept), 0.5),
        levels=tuple(level for level, _ in levels.most_common(_LEVELS_MOST)),
        past_stop=histogram(past),
        stopped=sum(one.exit_reason in STOPS for one, _ in rows),
        past_stop_median=percentile(past, 0.5),
        past_stop_worst=past[-1] if past else None,
        volatility=_points(volatility),
        moves=_points(moves),
        moved=len(moves),
        inside=sum(realised <= implied for implied, realised, _ in moves) / len(moves) if moves else None,
    )


def _points(found: Sequence[tuple[float, float, RunResult]]) -> tuple[Point, ...]:
    """All of them, or as many evenly chosen ones as a chart can show."""
    every = max(1, -(-len(found) // _POINTS_MOST))
    return tuple(Point(x, y, one.pnl > 0) for x, y, one in found[::every])


def _execution(results: Sequence[RunResult]) -> Execution:
    sums: dict[tuple[str, str], tuple[int, float]] = {}
    for one in results:
        for slip in one.slips:
            count, ticks = sums.get((slip.leg, slip.way), (0, 0.0))
            sums[slip.leg, slip.way] = count + slip.contracts, ticks + slip.ticks * slip.contracts
    leaving = sorted(one.exit_secs for one in results if one.exit_secs is not None)
    return Execution(
        slips=tuple(
            LegSlip(leg=leg, way=way, contracts=count, ticks=ticks / count)
            for (leg, way), (count, ticks) in sorted(sums.items())
        ),
        fill_secs=histogram(list(chain.from_iterable(one.fill_secs for one in results))),
        exits=len(leaving),
        exit_secs_median=percentile(leaving, 0.5),
        exit_secs_p95=percentile(leaving, 0.95),
        naked_runs=sum(one.naked_secs > 0 for one in results),
        naked_secs=sum(one.naked_secs for one in results),
        filled=sum(one.contracts_filled for one in results),
        rejected=sum(one.rejected for one in results),
    )


def _spans(runs: Sequence[tuple[RunResult, Attribution]]) -> tuple[Literal["week", "month"], tuple[Span, ...]]:
    days = [one.day for one, _ in runs]
    per: Literal["week", "month"] = "week"
    if days and (max(days) - min(days)).days > 7 * _WEEKS_MOST:
        per = "month"
    found: dict[date, list[tuple[RunResult, Attribution]]] = {}
    for day, row in zip(days, runs, strict=True):
        first = day - timedelta(days=day.weekday()) if per == "week" else day.replace(day=1)
        found.setdefault(first, []).append(row)
    return per, tuple(
        Span(
            label=f"{first:%G-W%V}" if per == "week" else f"{first:%Y-%m}",
            first=first,
            pnl=sum((one.pnl for one, _ in chosen), ZERO),
            parts=_summed(parts for _, parts in chosen),
        )
        for first, chosen in sorted(found.items())
    )


_parts_of = attrgetter(*PARTS)


def _summed(parts: Iterable[Attribution]) -> dict[str, float]:
    columns = zip(*map(_parts_of, parts), strict=True)
    return {name: float(sum(column)) for name, column in zip(PARTS, columns, strict=True)}
