"""Figures and pages of finished runs, from the journal."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.desk.analytics.past_runs import renamed
from tests.engine.scene import done
from trader.analytics.choosing import RunFilter
from trader.desk.analytics.figures import Analytics
from trader.domain.errors import ConfigError
from trader.engine import records as rec
from trader.journal import Journal

D = Decimal
MADE = ("4", "-2", "1.5", "-0.5", "0", "3")


@pytest.fixture(scope="module")
def analytics(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Analytics]:
    """Six runs on six days, the presets of every other the same."""
    journal = Journal.open(f"sqlite:///{tmp_path_factory.mktemp('figures')}/journal.db")
    records = done().records
    for number, pnl in enumerate(MADE):
        later = timedelta(days=number)
        moved: list[rec.AnyRecord] = []
        for one in renamed(records, f"r{number}"):
            one = replace(one, wall=one.wall + later, market=None if one.market is None else one.market + later)
            if isinstance(one, rec.RunFinished):
                one = replace(one, realized_pnl=D(pnl))
            elif isinstance(one, rec.RunCreated):
                one = replace(one, preset=f"p{number % 2}")
            moved.append(one)
        journal.append(moved, lease=None)
    yield Analytics(lambda: journal, "acc")
    journal.close()


def test_figures_of_all_and_of_each_preset_add_up(analytics: Analytics) -> None:
    found = analytics.figures(by="preset", capital=D(100))
    assert (found.figures.runs, found.figures.total, found.missing) == (6, D(6), 0)
    assert [group.label for group in found.groups] == ["p0", "p1"]
    assert sum(group.figures.total for group in found.groups) == found.figures.total
    assert found.days[-1].equity == D(106) and found.figures.sharpe is not None
    assert analytics.figures().figures.sharpe is None  # no capital, no returns


def test_a_filter_chooses_by_day_preset_and_outcome(analytics: Analytics) -> None:
    assert analytics.figures(RunFilter(since=date(2025, 1, 16), until=date(2025, 1, 17))).figures.total == D("-0.5")
    assert analytics.figures(RunFilter(presets=("p1",))).figures.runs == 3
    assert analytics.figures(RunFilter(outcome="lost")).figures.total == D("-2.5")
    assert analytics.figures(RunFilter(kinds="orders")).figures.runs == 0


def test_pages_are_sorted_and_know_the_whole(analytics: Analytics) -> None:
    page = analytics.runs(sort="pnl", limit=2)
    assert [one.result.pnl for one in page.runs] == [D(4), D(3)]
    assert (page.total, page.figures.total) == (6, D(6))
    assert [one.result.pnl for one in analytics.runs(sort="pnl", limit=2, offset=4).runs] == [D("-0.5"), D(-2)]
    assert [one.result.run_id for one in analytics.runs(ascending=True, limit=3).runs] == ["r0", "r1", "r2"]
    assert analytics.runs(offset=50).runs == ()


def test_one_run_is_told_by_its_id(analytics: Analytics) -> None:
    told = analytics.told("r3")
    assert told is not None and told.result.pnl == D("-0.5") and analytics.told("zzz") is None


def test_another_account_of_the_journal_is_told_apart(analytics: Analytics) -> None:
    assert analytics.accounts() == ("acc",)
    assert analytics.figures(account="other").figures.runs == 0


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"sort": "colour"}, "sort must be one of ended, entered, pnl"),
        ({"limit": 0}, "limit must be 1 to 500, was 0"),
        ({"limit": 501}, "limit must be 1 to 500, was 501"),
        ({"offset": -1}, "offset must be 0 or more, was -1"),
    ],
)
def test_a_page_that_is_none_is_refused_by_name(analytics: Analytics, asked: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        analytics.runs(**asked)


def test_a_range_capital_or_parting_that_is_none_is_refused_by_name(analytics: Analytics) -> None:
    with pytest.raises(ConfigError, match="until: 2026-01-01 lies before since"):
        analytics.figures(RunFilter(since=date(2026, 1, 2), until=date(2026, 1, 1)))
    with pytest.raises(ConfigError, match="capital: must be above 0 USD"):
        analytics.figures(capital=D(-5))
    with pytest.raises(ConfigError, match="by: must be one of"):
        analytics.figures(by="moon")
