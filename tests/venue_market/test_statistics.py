"""The synthetic market's statistics are near those of the real one."""

from functools import cache

import pytest

from bench.market_statistics import statistics
from bench.market_synthetic import seen_synthetic

# Name, the real figure as `python -m bench.market --real` computes it from the recorded data, and between what the synthetic one
# may lie. Tails and extremes depend on the few worst days of a sample: their bounds are wide.
REAL = [
    ("kurtosis of a day", 5.23, 2.0, 12.0),
    ("kurtosis of an hour", 10.06, 6.0, 30.0),
    ("kurtosis of a minute", 46.81, 15.0, 100.0),
    ("echo of a day's size", 0.164, 0.08, 0.30),
    ("echo of an hour's size", 0.267, 0.20, 0.45),
    ("IV after a fall of 2 %", 0.144, 0.09, 0.22),
    ("IV after a rise of 2 %", -0.067, -0.13, -0.02),
    ("IV of a put at delta 0.10 over the money's", 1.234, 1.19, 1.28),
    ("IV of a call at delta 0.10 over the money's", 1.030, 0.99, 1.07),
    ("IV, 2 of 100 are lower", 0.155, 0.12, 0.24),
    ("IV, 2 of 100 are higher", 0.707, 0.60, 1.20),
    ("IV less realised volatility", -0.004, -0.05, 0.05),
    ("strangle of 7 hours, dispersion of P&L", 0.873, 0.60, 1.30),
    ("strangle of 7 hours, mean P&L", 0.001, -0.05, 0.07),
    ("spread at delta 0.04-0.12, share of mark", 0.054, 0.035, 0.075),
    ("spread at delta 0.12-0.28, share of mark", 0.027, 0.020, 0.045),
    ("spread at delta 0.28-0.50, share of mark", 0.016, 0.009, 0.024),
]


@cache
def found() -> dict[str, float]:
    return statistics(seen_synthetic(seeds=4, days=250))


@pytest.mark.parametrize(("name", "real", "least", "most"), REAL, ids=[row[0] for row in REAL])
def test_the_synthetic_market_is_as_wild_as_the_real_one(name: str, real: float, least: float, most: float) -> None:
    assert least <= real <= most
    assert least <= found()[name] <= most
