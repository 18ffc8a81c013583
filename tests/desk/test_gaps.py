"""Stretches nobody watched: found between all points, kept through thinning, on the chart's clock."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from msgspec.structs import replace

from tests.journal import samples_of_records as s
from trader.desk import Desk, PnlSeries
from trader.journal import Journal, Sample


def written(journal: Journal, seconds: Sequence[float], *, speed: float = 1.0, run_id: str = "a") -> None:
    """A sample at each of these seconds of this machine's clock, on a market of that speed."""
    journal.sample(
        [
            Sample(
                run_id=run_id,
                wall=s.WALL + timedelta(seconds=at),
                market=s.MARKET + timedelta(seconds=at * speed),
                pnl=Decimal(str(round(at % 7, 3))),
            )
            for at in seconds
        ]
    )


def market(seconds: float) -> datetime:
    return s.MARKET + timedelta(seconds=seconds)


def all_there(series: PnlSeries) -> bool:
    """Both ends of every gap are points, and nothing lies between them."""
    at = series.market
    return all(at.index(end) - at.index(start) == 1 for start, end in series.gaps)


def test_a_restart_was_drawn_as_a_straight_line(desk: Desk, journal: Journal) -> None:
    journal.append([s.run_created("a")], lease=None)
    written(journal, [0, 2, 4])
    assert desk.pnl_chart("a")[0].gaps == []
    written(journal, [14, 16, 18.5, 23.5, 28.6])  # found although the points before were read earlier
    series = desk.pnl_chart("a")[0]
    assert series.gaps == [(market(4), market(14)), (market(23.5), market(28.6))]
    assert all_there(series)


def test_an_accelerated_market_has_gaps_by_this_clock_and_on_its_own_axis(desk: Desk, journal: Journal) -> None:
    journal.append([s.run_created("a")], lease=None)
    written(journal, [0, 2, 4, 34, 36], speed=60)
    series = desk.pnl_chart("a")[0]
    assert series.gaps == [(market(240), market(2040))]  # two minutes of the market between points are no gap


def test_gaps_outlast_thinning(desk: Desk, journal: Journal) -> None:
    journal.append([s.run_created("a")], lease=None)
    first = [2.0 * i for i in range(5_000)]
    later = [first[-1] + 60 + 2.0 * i for i in range(5_000)]
    written(journal, first)
    desk.pnl_chart("a")[0]
    written(journal, later)
    last = [later[-1] + 7 + 2.0 * i for i in range(3)]
    written(journal, last)
    gaps = [(market(first[-1]), market(later[0])), (market(later[-1]), market(last[0]))]
    for most in (4, 60, 2_000):
        series = desk.pnl_chart("a", most)[0]
        assert series.gaps == gaps and all_there(series)
        assert len(series.wall) <= max(most, 10)


def test_a_runner_that_stalls_all_the_time_keeps_its_longest_gaps(desk: Desk, journal: Journal) -> None:
    journal.append([s.run_created("a")], lease=None)
    at, seconds = 0.0, []
    for i in range(3_000):
        at += 2.0 if i % 2 else 6.0 + i % 97
        seconds.append(at)
    written(journal, seconds)
    series = desk.pnl_chart("a", 1_000)[0]
    assert len(series.gaps) == 50 and len(series.wall) <= 1_000 and all_there(series)
    assert min(end - start for start, end in series.gaps) > timedelta(seconds=90)
    assert series.gaps == sorted(series.gaps)


def test_nobody_needs_to_watch_what_has_ended(desk: Desk, journal: Journal) -> None:
    journal.append([s.run_created("a")], lease=None)
    written(journal, [0, 2, 60])
    ended = replace(s.run_finished("a", "1.5"), wall=s.WALL + timedelta(seconds=1))
    journal.append([ended], lease=None)
    assert desk.pnl_chart("a")[0].gaps == []
