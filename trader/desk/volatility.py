"""How much spot has moved against how much its options say it will. Figures only; nothing here lets a trade pass. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from math import log, sqrt

import msgspec

from trader.pricing.black76 import SECS_PER_YEAR

WINDOWS = {"24 h": timedelta(hours=24), "7 days": timedelta(days=7)}
_LEAST = 12  # moves, for a figure that means something

Closes = Sequence[tuple[datetime, Decimal]]


class Volatility(msgspec.Struct, frozen=True, kw_only=True):
    """Realised volatility (fraction per year) over each window, None where there is too little history; `words` why."""

    realised: dict[str, float | None]
    words: str = ""


def volatility(closes: Closes, now: datetime) -> Volatility:
    """Of prices at their instants, evenly spaced or not."""
    found = {name: realised(closes, now - length) for name, length in WINDOWS.items()}
    return Volatility(realised=found)


def realised(closes: Closes, since: datetime) -> float | None:
    """Root of the squared log returns a year, from `since` on; the mean return is taken as none."""
    kept = sorted((at, float(price)) for at, price in closes if at >= since and price > 0)
    if len(kept) <= _LEAST:
        return None
    total = sum(log(after / before) ** 2 for (_, before), (_, after) in zip(kept, kept[1:], strict=False))
    years = (kept[-1][0] - kept[0][0]).total_seconds() / SECS_PER_YEAR
    return sqrt(total / years) if years > 0 else None
