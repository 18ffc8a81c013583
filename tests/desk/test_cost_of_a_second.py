"""What every tab asks every second is not done again and again: transactions of a status, thinning of a series."""

import sqlalchemy as sa

from tests.desk.test_gaps import written
from tests.journal import samples_of_records as s
from trader.desk import Desk
from trader.journal import Journal


def test_a_status_was_read_in_eight_transactions(desk: Desk, journal: Journal) -> None:
    journal.append([s.run_created("a")], lease=None)
    desk.status()
    begun: list[object] = []
    opened = desk._books()[0]
    sa.event.listen(opened._engine, "begin", lambda connection: begun.append(connection))
    assert desk.status().run is not None
    assert len(begun) <= 2  # the look, and where no runner is alive the question whether the journal can be written


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
