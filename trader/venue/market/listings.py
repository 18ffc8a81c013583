"""Which expiries and strikes the synthetic market lists, after the exchange's calendar: dailies, weeklies, monthlies."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import ceil, exp, floor, sqrt

from trader.domain.instrument import EXPIRY_TIME_UTC

DAILY_COUNT = 4
WEEKLY_COUNT = 2
MONTHLY_COUNT = 3
_FRIDAY = 4
# How far strikes reach in standard deviations, and how coarse they are there (in steps of the fine grid's target).
_FINE_DEVIATIONS, _MIDDLE_DEVIATIONS, _FAR_DEVIATIONS = 2.1, 3.2, 4.5
_FINE_STEP_DEVIATIONS = 0.2  # so that a delta band of 0.10-0.15 always holds a strike
_NICE_STEPS = {
    "BTC": (200, 500, 1000, 2000, 5000, 10000, 20000),
    "ETH": (10, 20, 50, 100, 200, 500, 1000),
}


def next_expiry(now: datetime) -> datetime:
    """The first daily expiry strictly after `now`."""
    today = datetime.combine(now.astimezone(UTC).date(), EXPIRY_TIME_UTC, tzinfo=UTC)
    return today if now < today else today + timedelta(days=1)


def listed_expiries(now: datetime) -> tuple[datetime, ...]:
    """Expiries listed at `now`, ascending: four dailies, two Fridays, the last Fridays of three months."""
    first = next_expiry(now)
    days = {first.date() + timedelta(days=i) for i in range(DAILY_COUNT)}
    friday = first.date() + timedelta(days=(_FRIDAY - first.weekday()) % 7)
    days.update(friday + timedelta(weeks=i) for i in range(WEEKLY_COUNT))
    days.update(_month_ends(first.date()))
    return tuple(datetime.combine(day, EXPIRY_TIME_UTC, tzinfo=UTC) for day in sorted(days))


def _month_ends(first: date) -> list[date]:
    ends: list[date] = []
    year, month = first.year, first.month
    while len(ends) < MONTHLY_COUNT:
        year_after, month_after = (year + 1, 1) if month == 12 else (year, month + 1)
        last = date(year_after, month_after, 1) - timedelta(days=1)
        friday = last - timedelta(days=(last.weekday() - _FRIDAY) % 7)
        if friday >= first:
            ends.append(friday)
        year, month = year_after, month_after
    return ends


def strikes_around(underlying: str, spot: float, vol: float, years: float) -> list[Decimal]:
    """Strikes an exchange would list now for an expiry: fine near the money, coarser outwards. `vol` at the money."""
    deviation = vol * sqrt(max(years, 1 / 365))
    steps = _NICE_STEPS[underlying]
    fine = max((i for i, step in enumerate(steps) if step <= spot * deviation * _FINE_STEP_DEVIATIONS), default=0)
    strikes: set[int] = set()
    inner_low = inner_high = round(spot)
    for reach, coarser in ((_FINE_DEVIATIONS, 0), (_MIDDLE_DEVIATIONS, 1), (_FAR_DEVIATIONS, 2)):
        step = steps[min(fine + coarser, len(steps) - 1)]
        low = max(1, floor(spot * exp(-reach * deviation) / step)) * step
        high = ceil(spot * exp(reach * deviation) / step) * step
        strikes.update(k for k in range(low, high + 1, step) if coarser == 0 or not inner_low <= k <= inner_high)
        inner_low, inner_high = low, high
    return [Decimal(strike) for strike in sorted(strikes)]
