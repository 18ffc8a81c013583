"""What every tab asks every second is not done again and again: transactions of a status, thinning of a series."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from tests.desk.test_gaps import written
from tests.journal import samples_of_records as s
from trader.desk import Desk, series
from trader.journal import Journal


def test_a_status_was_read_in_eight_transactions(desk: Desk, journal: Journal) -> None:
    journal.append([s.run_created("a")], lease=None)
    desk.status()
    begun: list[object] = []
    opened = desk._books()[0]
    sa.event.listen(opened._engine, "begin", lambda connection: begun.append(connection))
    assert desk.status().run is not None
    assert len(begun) <= 2  # the look, and where no runner is alive the question whether the journal can be written


def test_a_point_more_does_not_thin_a_long_series_again(
    desk: Desk, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.append([s.run_created("a")], lease=None)
    assert desk.pnl_chart("a", 100)[0].wall == []
    written(journal, [2.0 * i for i in range(400)])
    thinned: list[int] = []
    keep = series.keep_extremes
    monkeypatch.setattr(series, "keep_extremes", lambda *given: thinned.append(1) or keep(*given))
    before = desk.pnl_chart("a", 100)[0]
    for more in range(60):
        written(journal, [2.0 * (400 + more)])
        now = desk.pnl_chart("a", 100)[0]
        assert len(now.wall) <= 100
        assert now.wall[-1] > before.wall[-1]
        before = now
    assert 2 <= len(thinned) <= 10
    assert before.wall[0] == desk.pnl_chart("a", 1000)[0].wall[0]


def test_a_status_reads_no_records_while_none_is_added(
    desk: Desk, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.append([s.run_created("a")], lease=None)
    first = desk.status()
    asked: list[str] = []
    for name in ("records", "alerts", "commands_of_kind", "level_changes", "unresolved_runs", "run_bounds", "runs"):
        monkeypatch.setattr(Journal, name, _counted(getattr(Journal, name), name, asked))
    again = desk.status()
    assert (asked, again.happened, len(again.runs)) == ([], first.happened, 1)
    journal.append([s.run_finished("a", "1.5")], lease=None)
    after = desk.status()
    assert after.runs == ()
    assert after.run is not None
    assert after.run.run_id == "a"
    assert {"records", "unresolved_runs", "runs", "run_bounds"} <= set(asked)


def _counted(inner: Callable[..., Any], name: str, asked: list[str]) -> Callable[..., Any]:
    def counted(*given: Any, **named: Any) -> Any:
        asked.append(name)
        return inner(*given, **named)

    return counted


def test_a_series_without_a_new_point_is_the_one_told_before(desk: Desk, journal: Journal) -> None:
    journal.append([s.run_created("a")], lease=None)
    written(journal, [2.0 * i for i in range(400)])
    thin, fine = desk.pnl_chart("a", 100)[0], desk.pnl_chart("a", 300)[0]
    assert desk.pnl_chart("a", 100)[0] is thin
    assert len(thin.wall) < len(fine.wall)
    written(journal, [800.0])
    assert desk.pnl_chart("a", 100)[0] is not thin
    assert desk.pnl_chart("a", 100)[0].wall[-1] > thin.wall[-1]
    now = desk.pnl_chart("a", 100)[0]
    journal.append([s.run_finished("a", "1.5")], lease=None)  # from here on nobody needs to watch
    assert desk.pnl_chart("a", 100)[0] is not now
