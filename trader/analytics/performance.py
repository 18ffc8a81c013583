"""Figures over finished runs: how often they won, what was made, and at what risk.

Money is summed exactly (Decimal); ratios are floats. A run belongs to the Indian day on which it ended. Daily returns are
of the equity at the beginning of the day, over every calendar day of the range: days without a run count as 0, since the
market never closes. Years have 365 days. Formulas with their sources: docs/analytics.md.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import chain, groupby

import msgspec

from trader.analytics import ratios
from trader.analytics.result import HUNDRED, RunResult, tax_in

ZERO = Decimal(0)
LONGEST_DAYS = 36_600
FEW = 30  # with fewer runs Sharpe and its like are told as too few to judge by


class EquityDay(msgspec.Struct, frozen=True):
    """One day: USD made, equity at its end, how far that lies below the highest before (USD, 0 or negative)."""

    day: date
    made: Decimal
    equity: Decimal
    drawdown: Decimal


class Drawdown(msgspec.Struct, frozen=True, kw_only=True):
    """The deepest fall of the equity at the ends of days. `usd` and `share` (of the highest equity before it) are 0 or negative; `days`
    is the longest time below an earlier high, this one or another, counted from that high to the day that reaches it again, or to
    the end of the range."""

    usd: Decimal
    share: float | None
    days: int


class Performance(msgspec.Struct, frozen=True, kw_only=True):
    """`won` made more than nothing, `lost` less. None: not defined for these runs (no loss to divide by, no spread of returns, no
    capital given). `win_low` and `win_high` are the 95 % interval of the win rate. `expectancy_pct` is the mean P&L in % of the
    basis, `streak_won` and `streak_lost` the longest rows of each."""

    runs: int
    won: int
    lost: int
    win_rate: float | None
    win_low: float | None
    win_high: float | None
    total: Decimal
    average: Decimal | None
    average_win: Decimal | None
    average_loss: Decimal | None
    best: Decimal | None
    worst: Decimal | None
    profit_factor: float | None
    expectancy_pct: float | None
    streak_won: int
    streak_lost: int
    fees: Decimal
    tax: Decimal
    fees_pct_of_premium: float | None
    premium: Decimal
    return_on_margin_pct: float | None
    slippage_usd: Decimal
    attempts: int
    rejection_rate: float | None
    fill_rate: float | None
    maker_share: float | None
    fill_secs_median: float | None
    fill_secs_p95: float | None
    risk_pass_rate: float | None
    naked_secs: float
    worst_exposure_usd: Decimal
    drawdown: Drawdown
    days: int
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    annual_return: float | None
    enough: bool


def performance(
    results: Iterable[RunResult],
    *,
    since: date | None = None,
    until: date | None = None,
    capital: Decimal | None = None,
) -> Performance:
    """The figures of runs that ended between two Indian days, both included; a bound left out is that of the runs.

    Args:
        capital: Equity at the beginning of the first day, USD; without it there are no returns, and so no ratio of them.

    Raises:
        ValueError: The last day lies before the first, the range is longer than a hundred years, or the capital is not above 0.
    """
    _check(since, until, capital)
    chosen = sorted(
        (one for one in results if (since is None or one.day >= since) and (until is None or one.day <= until)),
        key=lambda one: (one.ended_at, one.run_id),
    )
    days = equity_days(chosen, since=since, until=until, capital=capital or ZERO)
    returns = daily_returns(days, capital)
    deepest = drawdown(days, capital)
    made = [one.pnl for one in chosen]
    wins, losses = [pnl for pnl in made if pnl > 0], [pnl for pnl in made if pnl < 0]
    low, high = ratios.wilson(len(wins), len(made)) if made else (None, None)
    seconds = sorted(chain.from_iterable(one.fill_secs for one in chosen))
    fees, premium = _sum(one.fees for one in chosen), _sum(one.premium for one in chosen)
    credit = _sum(max(one.premium, ZERO) for one in chosen)
    margined = [one for one in chosen if one.margin]
    sent = sum(one.contracts_sent for one in chosen)
    filled = sum(one.contracts_filled for one in chosen)
    checks = sum(one.risk_passed + one.risk_failed for one in chosen)
    attempts = sum(one.attempts for one in chosen)
    percents = [float(one.pnl_pct) for one in chosen if one.pnl_pct is not None]
    annual = ratios.annual_return(returns) if returns else None
    return Performance(
        runs=len(made),
        won=len(wins),
        lost=len(losses),
        win_rate=_share(len(wins), len(made)),
        win_low=low,
        win_high=high,
        total=_sum(made),
        average=_mean(made),
        average_win=_mean(wins),
        average_loss=_mean(losses),
        best=max(made, default=None),
        worst=min(made, default=None),
        profit_factor=float(_sum(wins) / -_sum(losses)) if losses else None,
        expectancy_pct=sum(percents) / len(percents) if percents else None,
        streak_won=_longest(pnl > 0 for pnl in made),
        streak_lost=_longest(pnl < 0 for pnl in made),
        fees=fees,
        tax=tax_in(fees),
        fees_pct_of_premium=float(fees / credit * HUNDRED) if credit else None,
        premium=premium,
        return_on_margin_pct=(
            float(_sum(one.pnl for one in margined) / _sum(one.margin or ZERO for one in margined) * HUNDRED)
            if margined
            else None
        ),
        slippage_usd=_sum(one.slippage_usd for one in chosen),
        attempts=attempts,
        rejection_rate=_share(sum(one.rejected for one in chosen), attempts),
        fill_rate=_share(filled, sent),
        maker_share=_share(sum(one.maker_contracts for one in chosen), filled),
        fill_secs_median=ratios.percentile(seconds, 0.5),
        fill_secs_p95=ratios.percentile(seconds, 0.95),
        risk_pass_rate=_share(sum(one.risk_passed for one in chosen), checks),
        naked_secs=max((one.naked_secs for one in chosen), default=0.0),
        worst_exposure_usd=max((one.exposure_usd for one in chosen), default=ZERO),
        drawdown=deepest,
        days=len(days),
        sharpe=ratios.sharpe(returns),
        sortino=ratios.sortino(returns),
        calmar=None if annual is None or not deepest.share else annual / -deepest.share,
        annual_return=annual,
        enough=len(made) >= FEW,
    )


def equity_days(
    results: Sequence[RunResult], *, since: date | None, until: date | None, capital: Decimal
) -> list[EquityDay]:
    """Every calendar day of the range, oldest first: days without a run too. Nothing without runs and bounds.

    Raises:
        ValueError: So long a range that its days would fill the memory.
    """
    by_day: dict[date, Decimal] = {}
    for one in results:
        by_day[one.day] = by_day.get(one.day, ZERO) + one.pnl
    first, last = since or min(by_day, default=None), until or max(by_day, default=None)
    if first is None or last is None:
        return []
    if (last - first).days >= LONGEST_DAYS:
        raise ValueError(f"since, until: a range of at most {LONGEST_DAYS:,} days, was {(last - first).days + 1:,}")
    found, equity, highest = [], capital, capital
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        made = by_day.get(day, ZERO)
        equity += made
        highest = max(highest, equity)
        found.append(EquityDay(day, made, equity, equity - highest))
    return found


def daily_returns(days: Sequence[EquityDay], capital: Decimal | None) -> list[float]:
    """What each day made, as a share of the equity it began with. None is told of days from the one on that began with nothing left."""
    found: list[float] = []
    for one in days:
        before = one.equity - one.made
        if not capital or before <= 0:
            break
        found.append(float(one.made / before))
    return found


def drawdown(days: Sequence[EquityDay], capital: Decimal | None) -> Drawdown:
    """The deepest and the longest fall below an earlier high."""
    usd = min((one.drawdown for one in days), default=ZERO)
    shares = [float(one.drawdown / (one.equity - one.drawdown)) for one in days if one.equity > one.drawdown]
    longest = max(
        (sum(1 for _ in row) for below, row in groupby(days, lambda one: one.drawdown < 0) if below), default=0
    )
    return Drawdown(usd=usd, share=min(shares, default=0.0) if capital else None, days=longest)


def _check(since: date | None, until: date | None, capital: Decimal | None) -> None:
    if since is not None and until is not None and until < since:
        raise ValueError(f"until: {until} lies before since, {since}")
    if capital is not None and capital <= 0:
        raise ValueError(f"capital: must be above 0 USD, was {capital}")


def _sum(values: Iterable[Decimal]) -> Decimal:
    return sum(values, ZERO)


def _mean(values: Sequence[Decimal]) -> Decimal | None:
    return _sum(values) / len(values) if values else None


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _longest(matches: Iterable[bool]) -> int:
    return max((sum(1 for _ in row) for is_one, row in groupby(matches) if is_one), default=0)
