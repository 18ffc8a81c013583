"""A run's P&L series for the chart: only new points are read, old ones thinned so that extremes stay."""

import threading
from collections import OrderedDict
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from trader.desk.values import PnlSeries
from trader.journal import Journal, Sample
from trader.journal.downsample import keep_extremes

_KEPT_MOST = 8_000  # points per run in memory; beyond that the older ones are thinned to half
_RUNS_KEPT = 8


class _Point(NamedTuple):
    wall: datetime
    market: datetime | None
    pnl: float | None
    pnl_pct: float | None
    spot: float | None
    level_usd: float | None
    max_loss_usd: float | None
    max_profit_usd: float | None


class SeriesBook:
    """Series of the runs looked at last. Thread-safe."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[int, list[_Point]]] = OrderedDict()

    def series(self, run_id: str, max_points: int, max_profit_pct: Decimal) -> PnlSeries:
        """At most `max_points` points. `max_profit_pct` (% of premium) is the run's, to turn levels into USD.

        Raises:
            JournalError: The journal cannot be read.
        """
        with self._lock:
            last, points = self._kept.get(run_id, (0, []))
            new = self._journal.samples(run_id, None, last)
            if new:
                last = new[-1][0]
                points = [*points, *(_point(sample, max_profit_pct) for _, sample in new)]
                if len(points) > _KEPT_MOST:
                    points = keep_extremes(points, _pnl, _KEPT_MOST // 2)
                self._kept[run_id] = (last, points)
                self._kept.move_to_end(run_id)
                while len(self._kept) > _RUNS_KEPT:
                    self._kept.popitem(last=False)
        return _columns(keep_extremes(points, _pnl, max(4, max_points)))


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


def _columns(points: list[_Point]) -> PnlSeries:
    return PnlSeries(
        wall=[p.wall for p in points],
        market=[p.market for p in points],
        pnl=[p.pnl for p in points],
        pnl_pct=[p.pnl_pct for p in points],
        spot=[p.spot for p in points],
        level_usd=[p.level_usd for p in points],
        max_loss_usd=[p.max_loss_usd for p in points],
        max_profit_usd=[p.max_profit_usd for p in points],
    )
