"""Every figure against a second implementation: empyrical for ratios of returns, pandas, numpy and scipy for those of trades.

Nothing here asks the product which day a run belongs to, in what order runs come or what counts as won.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import empyrical
import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from tests.analytics.results import result
from trader.analytics.performance import Performance, performance
from trader.analytics.result import RunResult

D = Decimal
CAPITAL = D(1000)
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 1, 18, 30, tzinfo=UTC)  # of an Indian day
TOLERANCE = 1e-9


def runs(*told: tuple[str, datetime]) -> list[RunResult]:
    return [result(number, D(pnl), at) for number, (pnl, at) in enumerate(told)]


def _run(number: int, drawn: tuple[Any, ...]) -> RunResult:
    pnl, at, basis, margin, attempts, rejected, sent, filled, secs, naked = drawn
    return result(
        number, pnl, at, basis=basis, premium=basis - 2, margin=margin, attempts=attempts + rejected, rejected=rejected,
        contracts_sent=sent + filled, contracts_filled=filled, maker_contracts=filled // 2, fill_secs=tuple(secs),
        risk_passed=attempts, risk_failed=rejected, naked_secs=naked, exposure_usd=D(round(naked)), slippage_usd=pnl / 7,
        fees=abs(pnl) / 10,
    )  # fmt: skip


instants = st.one_of(
    st.integers(0, 40 * 24 * 60).map(lambda minutes: BEGIN + timedelta(minutes=minutes)),  # sparse: days without a run
    st.tuples(st.integers(0, 6), st.sampled_from([-1, 0, 1])).map(  # the borders of Indian days, and equal instants
        lambda one: MIDNIGHT + timedelta(days=one[0], microseconds=one[1])
    ),
)
anything = st.tuples(
    st.decimals(min_value=-40, max_value=40, places=4), instants, st.decimals(min_value=0, max_value=60, places=2),
    st.one_of(st.none(), st.decimals(min_value=1, max_value=500, places=2)), st.integers(0, 9), st.integers(0, 3),
    st.integers(0, 20), st.integers(0, 20), st.lists(st.floats(0, 30), max_size=4), st.floats(0, 60),
)  # fmt: skip
lists = st.lists(anything, max_size=40).map(lambda drawn: [_run(number, one) for number, one in enumerate(drawn)])

CASES = {
    "empty": [],
    "one trade": runs(("5", BEGIN)),
    "one trade that lost": runs(("-5", BEGIN)),
    "all wins": runs(*((str(n), BEGIN + timedelta(days=n)) for n in range(1, 9))),
    "all losses": runs(*((str(-n), BEGIN + timedelta(days=n)) for n in range(1, 9))),
    "nothing made": runs(*(("0", BEGIN + timedelta(days=n)) for n in range(4))),
    "one day": runs(*((pnl, BEGIN + timedelta(hours=n)) for n, pnl in enumerate(("3", "-4", "1", "-0.5")))),
    "days without a run": runs(("3", BEGIN), ("-9", BEGIN + timedelta(days=11)), ("4", BEGIN + timedelta(days=40))),
    "at the border of an Indian day": runs(
        *((pnl, MIDNIGHT + timedelta(microseconds=n)) for n, pnl in ((-1, "3"), (0, "-5"), (1, "2")))
    ),
    "all at one instant": runs(("3", BEGIN), ("-5", BEGIN), ("2", BEGIN), ("-1", BEGIN)),
    "a fall that is made good, and one that is not": runs(
        *((pnl, BEGIN + timedelta(days=n)) for n, pnl in enumerate(("50", "-30", "10", "25", "-60", "5", "0", "1")))
    ),
    "the same every day": runs(*(("2", BEGIN + timedelta(days=n)) for n in range(5))),
}


def frame(results: Sequence[RunResult]) -> pd.DataFrame:
    rows = [
        {name: getattr(one, name) for name in ("run_id", "ended_at", "pnl", "fees", "premium", "basis", "margin")}
        | {"slippage": one.slippage_usd, "sent": one.contracts_sent, "filled": one.contracts_filled}
        for one in results
    ]
    found = pd.DataFrame(rows).sort_values(["ended_at", "run_id"]).reset_index(drop=True)
    found["day"] = found["ended_at"].dt.tz_convert("Asia/Kolkata").dt.tz_localize(None).dt.normalize()
    return found


def equity(trades: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """P&L of each calendar day, and the equity at its end."""
    made = trades["pnl"].astype(float).groupby(trades["day"]).sum().asfreq("D", fill_value=0.0)
    return made, float(CAPITAL) + made.cumsum()


def longest(told: pd.Series) -> int:
    """The longest row of True."""
    return int(told.groupby((~told).cumsum()).sum().max())


def of_trades(results: Sequence[RunResult]) -> dict[str, float | None]:
    """By pandas and numpy; None where nothing is to divide by."""
    trades = frame(results)
    pnl, fees = trades["pnl"].astype(float), trades["fees"].astype(float)
    won, lost = pnl[pnl > 0], pnl[pnl < 0]
    made, total = equity(trades)
    water = total - np.maximum(total.cummax(), float(CAPITAL))
    share = total / np.maximum(total.cummax(), float(CAPITAL)) - 1
    secs = np.concatenate([one.fill_secs for one in results])
    margin = trades["margin"].astype(float)
    based = trades[trades["basis"] != 0]
    attempts, rejected = (sum(getattr(one, name) for one in results) for name in ("attempts", "rejected"))
    passed, failed = (sum(getattr(one, name) for one in results) for name in ("risk_passed", "risk_failed"))
    credit = trades["premium"].astype(float).clip(lower=0).sum()
    interval = binomtest(len(won), len(pnl)).proportion_ci(0.95, "wilson")
    return {
        "runs": len(pnl),
        "won": len(won),
        "lost": len(lost),
        "win_rate": (pnl > 0).mean(),
        "win_low": interval.low,
        "win_high": interval.high,
        "total": pnl.sum(),
        "average": pnl.mean(),
        "average_win": won.mean() if len(won) else None,
        "average_loss": lost.mean() if len(lost) else None,
        "best": pnl.max(),
        "worst": pnl.min(),
        "profit_factor": won.sum() / -lost.sum() if len(lost) else None,
        "expectancy_pct": (based["pnl"] / based["basis"] * 100).astype(float).mean() if len(based) else None,
        "streak_won": longest(pnl > 0),
        "streak_lost": longest(pnl < 0),
        "fees": fees.sum(),
        "tax": fees.sum() * 18 / 118,
        "premium": trades["premium"].astype(float).sum(),
        "fees_pct_of_premium": fees.sum() / credit * 100 if credit else None,
        "return_on_margin_pct": pnl[margin.notna()].sum() / margin.sum() * 100 if margin.notna().any() else None,
        "slippage_usd": trades["slippage"].astype(float).sum(),
        "attempts": attempts,
        "rejection_rate": rejected / attempts if attempts else None,
        "fill_rate": trades["filled"].sum() / trades["sent"].sum() if trades["sent"].sum() else None,
        "maker_share": (trades["filled"] // 2).sum() / trades["filled"].sum() if trades["filled"].sum() else None,
        "fill_secs_median": np.percentile(secs, 50, method="inverted_cdf") if len(secs) else None,
        "fill_secs_p95": np.percentile(secs, 95, method="inverted_cdf") if len(secs) else None,
        "risk_pass_rate": passed / (passed + failed) if passed + failed else None,
        "naked_secs": max(one.naked_secs for one in results),
        "worst_exposure_usd": float(max(one.exposure_usd for one in results)),
        "days": len(made),
        "drawdown.usd": water.min(),
        "drawdown.share": share.min(),
        "drawdown.days": longest(water < -TOLERANCE),
    }


def of_returns(results: Sequence[RunResult]) -> dict[str, float]:
    """By empyrical, of the daily returns; not a number where nothing is to divide by."""
    made, total = equity(frame(results))
    returns = made / (total - made)
    return {
        "sharpe": empyrical.sharpe_ratio(returns, annualization=365),
        "sortino": empyrical.sortino_ratio(returns, annualization=365),
        "calmar": empyrical.calmar_ratio(returns, annualization=365),
        "annual_return": empyrical.annual_return(returns, annualization=365),
        "drawdown.share": empyrical.max_drawdown(returns),
    }


def told(found: Performance, name: str) -> Any:
    value: Any = found
    for part in name.split("."):
        value = getattr(value, part)
    return value


def compare(results: Sequence[RunResult]) -> None:
    found = performance(results, capital=CAPITAL)
    for name, wanted in of_trades(results).items():
        value = told(found, name)
        assert (value is None) == (wanted is None), (name, value, wanted)
        if wanted is not None:
            assert float(value) == pytest.approx(wanted, rel=TOLERANCE, abs=TOLERANCE), name
    for name, wanted in of_returns(results).items():
        value = told(found, name)
        if value is None:  # a nought to divide by, or the rounding of one
            assert not np.isfinite(wanted) or abs(wanted) > 1e6, (name, wanted)
        else:
            assert value == pytest.approx(wanted, rel=TOLERANCE, abs=TOLERANCE), name


@settings(max_examples=80)
@given(lists.filter(bool))
def test_every_figure_of_lists_drawn_at_random_is_that_of_a_second_implementation(results: list[RunResult]) -> None:
    compare(results)


@pytest.mark.parametrize("case", [name for name in CASES if name != "empty"])
def test_every_figure_of_the_odd_lists_is_that_of_a_second_implementation(case: str) -> None:
    compare(CASES[case])


def test_the_second_implementation_has_every_figure() -> None:
    names = {name.split(".")[0] for name in (*of_trades(CASES["one day"]), *of_returns(CASES["one day"]))}
    assert names == set(Performance.__struct_fields__) - {"enough"}


def test_of_no_trade_both_have_nothing() -> None:
    nothing = pd.Series([], dtype=float)
    for name in ("sharpe", "sortino", "calmar", "annual_return"):
        assert getattr(performance([]), name) is None
    for figure in (empyrical.sharpe_ratio, empyrical.sortino_ratio, empyrical.calmar_ratio, empyrical.annual_return):
        assert np.isnan(figure(nothing))
    empty = performance([], capital=CAPITAL)
    assert {
        told(empty, name) for name in ("runs", "total", "days", "drawdown.usd", "drawdown.share", "naked_secs")
    } == {0}


@settings(max_examples=30)
@given(lists, st.integers(0, 20), st.integers(0, 20))
@example(CASES["at the border of an Indian day"], 0, 0)
def test_a_range_has_the_figures_of_the_runs_that_ended_in_its_indian_days(
    results: list[RunResult], first: int, length: int
) -> None:
    since = (BEGIN + timedelta(days=first)).date()
    until = since + timedelta(days=length)
    found = performance(results, since=since, until=until, capital=CAPITAL)
    days = frame(results)["day"].dt.date if results else pd.Series([], dtype=object)
    inside = [bool(since <= day <= until) for day in days]
    pnl = frame(results)["pnl"][inside] if results else []
    assert (found.runs, found.total, found.days) == (len(pnl), sum(pnl, D(0)), length + 1)
