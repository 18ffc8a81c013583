"""Figures over finished runs: exact money, odd lists, ranges. `test_independent.py` holds them against other implementations."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.analytics.results import result
from trader.analytics.performance import daily_returns, equity_days, performance
from trader.analytics.result import RunResult

D = Decimal
CAPITAL = D(1000)
money = st.decimals(min_value=-40, max_value=40, places=4)
runs = st.lists(st.tuples(money, st.integers(0, 24 * 20)), min_size=1, max_size=40).map(
    lambda drawn: [
        result(number, pnl, datetime(2026, 3, 2, 6, tzinfo=UTC) + timedelta(hours=hours))
        for number, (pnl, hours) in enumerate(drawn)
    ]
)


@settings(deadline=None, max_examples=100)
@given(runs)
def test_the_money_is_exact_and_the_parts_make_the_whole(results: list[RunResult]) -> None:
    found = performance(results, capital=CAPITAL)
    made = [one.pnl for one in results]
    assert found.total == sum(made) and found.fees == sum(one.fees for one in results)
    assert (found.runs, found.won, found.lost) == (len(made), sum(x > 0 for x in made), sum(x < 0 for x in made))
    assert (found.best, found.worst) == (max(made), min(made))
    if found.average_win is not None and found.average_loss is not None and found.profit_factor is not None:
        parts = found.average_win * found.won + found.average_loss * found.lost
        assert abs(parts - found.total) < D("1e-20")
        assert found.profit_factor == pytest.approx(
            float(found.average_win * found.won / -(found.average_loss * found.lost))
        )
    assert found.win_low is not None and found.win_rate is not None and found.win_high is not None
    assert found.win_low <= found.win_rate + 1e-12 and found.win_rate <= found.win_high + 1e-12
    days = equity_days(sorted(results, key=lambda one: one.ended_at), since=None, until=None, capital=CAPITAL)
    assert days[-1].equity == CAPITAL + found.total and sum(one.made for one in days) == found.total
    assert found.drawdown.usd == min(one.drawdown for one in days) <= 0
    assert found.days == len(days) == (days[-1].day - days[0].day).days + 1


@given(runs, st.randoms())
def test_the_order_in_which_runs_are_given_changes_nothing(results: list[RunResult], random: object) -> None:
    shuffled = list(results)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert performance(shuffled, capital=CAPITAL) == performance(results, capital=CAPITAL)


def at(day: int, hour: int = 10) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=UTC)


def test_without_a_run_everything_is_nothing_and_no_ratio_is_told() -> None:
    found = performance([])
    assert (found.runs, found.total, found.days, found.drawdown.usd, found.drawdown.days) == (0, D(0), 0, D(0), 0)
    for name in ("win_rate", "average", "profit_factor", "expectancy_pct", "sharpe", "sortino", "calmar", "best"):
        assert getattr(found, name) is None, name


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        (["5"], {"win_rate": 1.0, "profit_factor": None, "sharpe": None, "streak_won": 1, "streak_lost": 0}),
        (["5", "3"], {"profit_factor": None, "average_loss": None, "sortino": None, "calmar": None, "lost": 0}),
        (["-5", "-3"], {"profit_factor": 0.0, "average_win": None, "streak_lost": 2, "win_rate": 0.0}),
        (["2", "2"], {"sharpe": None}),
        (["0", "0"], {"won": 0, "lost": 0, "win_rate": 0.0, "streak_won": 0, "streak_lost": 0, "profit_factor": None}),
        (["5", "-1", "2", "2", "-3", "-3"], {"streak_won": 2, "streak_lost": 2, "profit_factor": 9 / 7}),
    ],
)  # fmt: skip
def test_one_trade_all_wins_all_losses_and_rows_of_them(made: list[str], wanted: dict[str, object]) -> None:
    found = performance([result(n, D(pnl), at(2 + n)) for n, pnl in enumerate(made)], capital=None)
    told = {name: getattr(found, name) for name in wanted}
    assert told == pytest.approx(wanted)


def test_equal_wins_every_day_have_no_spread_to_divide_by() -> None:
    equal = [result(n, pnl, at(2 + n)) for n, pnl in enumerate((D(10), D("10.1"), D("10.201")))]
    assert performance(equal, capital=CAPITAL).sharpe is None  # 1 % of the equity each day


def test_days_without_a_run_count_as_nothing_made() -> None:
    results = [result(1, D(10), at(2)), result(2, D(-20), at(9))]
    found = performance(results, since=date(2026, 3, 1), until=date(2026, 3, 20), capital=CAPITAL)
    days = equity_days(results, since=date(2026, 3, 1), until=date(2026, 3, 20), capital=CAPITAL)
    assert found.days == 20 and len(daily_returns(days, CAPITAL)) == 20
    assert [one.made for one in days if one.made] == [D(10), D(-20)]
    assert found.drawdown.usd == D(-20) and found.drawdown.days == 12  # from the 9th to the end: not made good
    assert found.drawdown.share == pytest.approx(-20 / 1010)


def test_runs_outside_the_range_are_not_counted_and_an_indian_day_ends_at_18_30_utc() -> None:
    results = [result(1, D(1), at(2, 18)), result(2, D(2), datetime(2026, 3, 2, 18, 30, tzinfo=UTC))]
    assert performance(results, until=date(2026, 3, 2)).total == D(1)
    assert performance(results, since=date(2026, 3, 3)).total == D(2)


def test_equity_that_is_gone_ends_the_returns() -> None:
    results = [result(1, D(-1200), at(2)), result(2, D(10), at(3))]
    found = performance(results, capital=CAPITAL)
    assert found.total == D(-1190) and found.sharpe is None and found.annual_return is None
    assert found.drawdown.usd == D(-1200) and found.drawdown.share == pytest.approx(-1.2)


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        ({"since": date(2026, 3, 2), "until": date(2026, 3, 1)}, "until: 2026-03-01 lies before since, 2026-03-02"),
        ({"capital": D(0)}, "capital: must be above 0 USD, was 0"),
    ],
)
def test_a_range_that_is_none_is_refused_by_name(bounds: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        performance([], **bounds)  # type: ignore[arg-type]
