"""A run's P&L series for the chart: only new points are read, old ones thinned so that extremes stay.

A point comes every two seconds of this machine's clock. Where none came for longer than five, nobody watched, or nothing
could be priced: such a stretch is a gap, and the points at its ends stay however much is thinned.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from trader.desk.values import PnlSeries
from trader.journal import Journal, Sample
from trader.journal.downsample import keep_extremes

_KEPT_MOST = 8_000  # points per run in memory; beyond that the older ones are thinned to half
_RUNS_KEPT = 8
_TOLD_KEPT = 8
_ROOM = 10  # a tenth of what is told is left for the next minute's points
_LONGEST_APART = timedelta(seconds=5)
_GAPS_MOST = 50  # the longest are kept: of a runner that stalls all the time not every stall is worth a place


class _Point(NamedTuple):
    wall: datetime
    market: datetime | None
    pnl: float | None
    pnl_pct: float | None
    spot: float | None
    level_usd: float | None
    max_loss_usd: float | None
    max_profit_usd: float | None


class _Kept(NamedTuple):
    """What is in memory of a run. `gaps` are pairs of points that are both in `points`."""

    last_id: int
    points: list[_Point]
    gaps: list[tuple[_Point, _Point]]


class _Told(NamedTuple):
    """What was told of a run, and of which points."""

    last_id: int
    ended: datetime | None
    points: list[_Point]
    series: PnlSeries


class SeriesBook:
    """Series of the runs looked at last. Thread-safe."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._told: dict[tuple[str, int], _Told] = {}  # by run and number of points

    def series(self, run_id: str, max_points: int, max_profit_pct: Decimal, ended: datetime | None = None) -> PnlSeries:
        """At most `max_points` points; of gaps both ends. While no point is added the same object, so not to be changed.

        Args:
            max_profit_pct: The run's (% of premium), to turn levels into USD.
            ended: When the run was finished (this machine's clock); from then on nobody needs to watch.

        Raises:
            JournalError: The journal cannot be read.
        """
        with self._lock:
            kept = self._kept.get(run_id, _Kept(0, [], []))
            last = self._journal.newest().sample
            new = self._journal.samples(run_id, None, kept.last_id) if last > kept.last_id else []
            if new:
                kept = _longer(kept, new[-1][0], [_point(sample, max_profit_pct) for _, sample in new])
                self._kept[run_id] = kept
                self._kept.move_to_end(run_id)
                while len(self._kept) > _RUNS_KEPT:
                    self._kept.popitem(last=False)
            before = self._told.get((run_id, max_points))
        if before is not None and (before.last_id, before.ended) == (kept.last_id, ended):
            return before.series  # asked each second, by every tab; a point comes every other second
        gaps = [pair for pair in kept.gaps if ended is None or pair[0].wall < ended]
        points = (
            _continued(before.points, kept.points, max_points) if before is not None and before.ended == ended else []
        )
        points = points or _thinned(kept.points, gaps, max(4, max_points), room=max_points // _ROOM)
        told = _Told(kept.last_id, ended, points, _columns(points, gaps))
        with self._lock:
            if len(self._told) >= _TOLD_KEPT:
                self._told.clear()
            self._told[run_id, max_points] = told
        return told.series


def _longer(kept: _Kept, last_id: int, new: list[_Point]) -> _Kept:
    """With further points; gaps are looked for between all of them, before any thinning."""
    joined = [*kept.points[-1:], *new]
    found = [
        (one, other) for one, other in zip(joined, joined[1:], strict=False) if other.wall - one.wall > _LONGEST_APART
    ]
    longest = sorted([*kept.gaps, *found], key=lambda pair: pair[1].wall - pair[0].wall)[-_GAPS_MOST:]
    gaps = sorted(longest, key=lambda pair: pair[0].wall)
    points = [*kept.points, *new]
    if len(points) > _KEPT_MOST:
        points = _thinned(points, gaps, _KEPT_MOST // 2)
    return _Kept(last_id, points, gaps)


def _continued(told: list[_Point], points: list[_Point], most: int) -> list[_Point]:
    """What was told and the points since, while there is room for them; else nothing: all have to be thinned again."""
    since = len(points)
    while since and told and points[since - 1] is not told[-1]:
        since -= 1
    fits = told and since and len(told) + len(points) - since <= most
    return [*told, *points[since:]] if fits else []


def _thinned(points: list[_Point], gaps: Iterable[tuple[_Point, _Point]], most: int, room: int = 0) -> list[_Point]:
    """At most so many; where some must go, so many that there is `room` for those to come."""
    if len(points) <= most:
        return points
    most -= room
    ends = {id(point) for pair in gaps for point in pair}
    pinned = [index for index, point in enumerate(points) if id(point) in ends] if ends else []
    return keep_extremes(points, _pnl, max(4, most - len(pinned)), pinned)


def _pnl(point: _Point) -> float | None:
    return point.pnl


def _point(sample: Sample, max_profit_pct: Decimal) -> _Point:
    level = None
    if sample.level_pct is not None and sample.max_profit_usd is not None:
        level = float(sample.level_pct * sample.max_profit_usd / max_profit_pct)
    return _Point(
        wall=sample.wall,
        market=sample.market,
        pnl=_float(sample.pnl),
        pnl_pct=_float(sample.pnl_pct),
        spot=_float(sample.spot),
        level_usd=level,
        max_loss_usd=_float(sample.max_loss_usd),
        max_profit_usd=_float(sample.max_profit_usd),
    )


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def _columns(points: list[_Point], gaps: Iterable[tuple[_Point, _Point]]) -> PnlSeries:
    return PnlSeries(
        wall=[p.wall for p in points],
        market=[p.market for p in points],
        pnl=[p.pnl for p in points],
        pnl_pct=[p.pnl_pct for p in points],
        spot=[p.spot for p in points],
        level_usd=[p.level_usd for p in points],
        max_loss_usd=[p.max_loss_usd for p in points],
        max_profit_usd=[p.max_profit_usd for p in points],
        gaps=[(one.market or one.wall, other.market or other.wall) for one, other in gaps],
    )
