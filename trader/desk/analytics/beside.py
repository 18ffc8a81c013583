"""Two runs beside each other: their P&L on one clock that begins with each, and their figures in pairs."""

from datetime import timedelta

import msgspec

from trader.desk.values import PnlSeries

_HOUR = timedelta(hours=1)


class Course(msgspec.Struct, frozen=True):
    """P&L in % of the basis by hours since it was first known; None where nothing was."""

    hours: tuple[float, ...]
    pct: tuple[float | None, ...]


def course(series: PnlSeries) -> Course:
    """A run's series by its own clock: the exchange's where that was known."""
    known = [i for i, market in enumerate(series.market) if market is not None] or list(range(len(series.wall)))
    first = next((place for place, i in enumerate(known) if series.pnl_pct[i] is not None), len(known))
    known = known[first:]
    at = [series.market[i] or series.wall[i] for i in known]
    return Course(tuple((one - at[0]) / _HOUR for one in at), tuple(series.pnl_pct[i] for i in known))
