"""A run's recorded series as a table for other programs: P&L, spot, and of each leg prices and greeks, a line per sample."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from trader.domain.wording import plain
from trader.journal import Sample

_RUN = ("spot", "pnl", "pnl_pct", "level_pct")
_LEG = ("open", "mark", "bid", "ask", "iv", "delta", "gamma", "theta", "vega")


def recorded_table(samples: Sequence[Sample]) -> tuple[list[str], list[list[str]]]:
    """Head and rows, all text; empty where nothing was known. Instants are ISO-8601 UTC, money USD, greeks those of what is open
    (see `trader.journal.views.LegSample`)."""
    keys = list(dict.fromkeys(leg.key for sample in samples for leg in sample.legs))
    head = ["wall_utc", "market_utc", *_RUN, *(f"{key}_{name}" for key in keys for name in _LEG)]
    rows = []
    for sample in samples:
        legs = {leg.key: leg for leg in sample.legs}
        row = [_text(sample.wall), _text(sample.market), *(_text(getattr(sample, name)) for name in _RUN)]
        rows.append(row + [_text(getattr(legs[key], name)) if key in legs else "" for key in keys for name in _LEG])
    return head, rows


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return plain(value)
    return value.isoformat(timespec="milliseconds") if isinstance(value, datetime) else str(value)
