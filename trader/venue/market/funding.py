"""Funding of perpetuals: the rate from the premium of mark over index, and the rhythm in which it is exchanged.

Source: exchange user guide, "Funding rate": premium plus the interest rate's distance from it, that distance clamped; the
rate is the mean over the interval and changes hands at 00:00, 08:00 and 16:00 UTC.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from trader.venue.market.base import Funding

INTERVAL_SECS = 8 * 3600
INTEREST_PCT = 0.01  # per interval
CLAMP_PCT = 0.05
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INTERVAL = timedelta(seconds=INTERVAL_SECS)


def interval_start(now: datetime) -> datetime:
    """When the interval of `now` began."""
    return _EPOCH + (now - _EPOCH) // _INTERVAL * _INTERVAL


def rate_pct(premium_pct: float) -> float:
    """The rate (percent per interval) at a premium of mark over index (percent)."""
    return premium_pct + max(-CLAMP_PCT, min(CLAMP_PCT, INTEREST_PCT - premium_pct))


def funding_of(premiums_pct: Sequence[float], now: datetime) -> Funding:
    """Funding of the interval of `now` from the premiums (percent) seen in it so far, oldest first, at least one."""
    mean = sum(premiums_pct) / len(premiums_pct)
    return Funding(
        rate_pct=rate_pct(mean),
        predicted_pct=rate_pct(premiums_pct[-1]),
        interval_secs=INTERVAL_SECS,
        next_at=interval_start(now) + _INTERVAL,
    )
