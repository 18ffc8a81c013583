"""Ratios of daily returns and shares, each by its usual definition; None where it is not defined. Sources: docs/analytics.md."""

import math
from collections.abc import Sequence

YEAR_DAYS = 365
Z95 = 1.959963984540054  # quantile of the standard normal distribution at 97.5 %


def sharpe(returns: Sequence[float]) -> float | None:
    """Mean daily return over its sample standard deviation, times the square root of a year (Sharpe 1994, risk-free rate 0)."""
    if len(returns) < 2:
        return None
    mean, spread = mean_and_spread(returns)
    return None if _is_nothing(spread, returns) else mean / spread * math.sqrt(YEAR_DAYS)


def mean_and_spread(values: Sequence[float]) -> tuple[float, float]:
    """The mean and the sample standard deviation of two values or more."""
    mean = math.fsum(values) / len(values)
    return mean, math.sqrt(math.fsum((one - mean) ** 2 for one in values) / (len(values) - 1))


def sortino(returns: Sequence[float]) -> float | None:
    """Mean daily return over the root of the mean squared loss, all days counted, times the square root of a year (Sortino and Price
    1994, target 0)."""
    if len(returns) < 2:
        return None
    losing = math.sqrt(math.fsum(min(one, 0.0) ** 2 for one in returns) / len(returns))
    return None if losing == 0 else math.fsum(returns) / len(returns) / losing * math.sqrt(YEAR_DAYS)


def annual_return(returns: Sequence[float]) -> float | None:
    """The yearly rate that, compounded, makes of the first equity the last. None where more than everything was lost."""
    growth = math.prod(1 + one for one in returns)
    if growth < 0 or not returns:
        return None
    try:
        return float(growth ** (YEAR_DAYS / len(returns))) - 1
    except OverflowError:
        return None


def wilson(won: int, of: int) -> tuple[float, float]:
    """The 95 % score interval of a share (Wilson 1927).

    Raises:
        ValueError: Nothing was tried.
    """
    if of <= 0:
        raise ValueError(f"of: must be above 0, was {of}")
    share, z2 = won / of, Z95 * Z95
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    reach = Z95 / (1 + z2 / of) * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    return max(0.0, middle - reach), min(1.0, middle + reach)


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """The smallest of the ascending values that at least this share does not exceed."""
    return ordered[max(math.ceil(share * len(ordered)), 1) - 1] if ordered else None


def _is_nothing(spread: float, returns: Sequence[float]) -> bool:
    """A spread that is only the rounding of equal returns."""
    return spread <= 1e-12 * max(abs(one) for one in returns) or spread == 0
