"""The desk's board and lists: remembered as long as no run has ended, a sample without one."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.desk.analytics.past_runs import renamed
from tests.engine.scene import done, entering, finish
from trader.analytics.choosing import RunFilter
from trader.desk.analytics.beside import course
from trader.desk.analytics.figures import Analytics
from trader.desk.values import PnlSeries
from trader.domain.errors import ConfigError
from trader.journal import Journal

START = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal.open(f"sqlite:///{tmp_path}/journal.db")


def test_without_a_run_the_board_is_a_sample_and_says_so(journal: Journal) -> None:
    shown = Analytics(lambda: journal, "acc").board(RunFilter(presets=("zzz",)))
    assert shown.sample and shown.board.figures.runs > 0 and shown.runs == 0


def test_a_board_is_made_once_until_a_run_ends(journal: Journal) -> None:
    analytics, records = Analytics(lambda: journal, "acc"), done().records
    journal.append(renamed(records, "r1"), lease=None)
    first = analytics.board()
    assert not first.sample and first.board.figures.runs == 1 and analytics.board().board is first.board
    assert analytics.board(RunFilter(outcome="won")).board is not first.board
    journal.append(renamed(records, "r2"), lease=None)
    assert analytics.board().board.figures.runs == 2 and analytics.board().runs == 2


def test_figures_that_are_remembered_are_those_of_a_first_look(journal: Journal) -> None:
    analytics = Analytics(lambda: journal, "acc")
    journal.append(renamed(done().records, "r1"), lease=None)
    for _ in range(2):
        assert analytics.runs().figures == analytics.board().board.figures == analytics.figures().figures


def test_only_so_many_answers_are_remembered(journal: Journal) -> None:
    analytics = Analytics(lambda: journal, "acc")
    journal.append(renamed(done().records, "r1"), lease=None)
    for number in range(40):
        analytics.runs(RunFilter(presets=(f"p{number}",)))
    assert len(analytics._kept) <= 12


def test_a_range_that_is_none_is_refused_by_name(journal: Journal) -> None:
    analytics = Analytics(lambda: journal, "acc")
    journal.append(renamed(done().records, "r1"), lease=None)
    with pytest.raises(ConfigError, match="capital: must be above 0"):
        analytics.board(capital=Decimal(0))


def test_runs_that_never_traded_are_listed_the_last_first(journal: Journal) -> None:
    analytics, scene = Analytics(lambda: journal, "acc"), entering()
    scene.stop()
    finish(scene, fill=False)
    for name in ("ra", "rb"):
        journal.append(renamed(scene.records, name), lease=None)
    found, total = analytics.untraded(limit=1)
    assert ([one.run_id for one in found], total) == (["rb"], 2)
    assert [one.run_id for one in analytics.untraded(offset=1)[0]] == ["ra"]


def test_what_can_be_chosen_is_what_there_is(journal: Journal) -> None:
    analytics = Analytics(lambda: journal, "acc")
    assert analytics.choices().presets == ()
    journal.append(renamed(done().records, "r1"), lease=None)
    found = analytics.choices()
    assert len(found.presets) == len(found.underlyings) == len(found.reasons) == 1


def test_a_table_has_the_runs_wanted(journal: Journal) -> None:
    analytics = Analytics(lambda: journal, "acc")
    journal.append(renamed(done().records, "r1"), lease=None)
    head, rows = analytics.table()
    assert [row[head.index("run_id")] for row in rows] == ["r1"]
    assert analytics.table(RunFilter(presets=("zzz",)))[1] == []


def test_a_course_begins_where_the_pnl_is_first_known() -> None:
    at = [START + timedelta(minutes=30 * n) for n in range(4)]
    series = PnlSeries(
        wall=[START - timedelta(days=9)] * 4, market=[None, *at[1:]], pnl=[None] * 4, pnl_pct=[1.0, None, 2.0, None],
        spot=[None] * 4, level_usd=[None] * 4, max_loss_usd=[None] * 4, max_profit_usd=[None] * 4,
    )  # fmt: skip
    assert course(series).hours == (0.0, 0.5) and course(series).pct == (2.0, None)
