"""By how much the synthetic perpetual's mark stands above its index: a slow wandering around a little. Pure in its inputs."""

from trader.venue.market.noise import drift_noise

INTEREST_PCT, CLAMP_PCT = 0.01, 0.05  # of the funding rate: premium + clamp(interest - premium), as the exchange counts
MEAN, SIZE, WANDER_SECS = 0.0001, 0.0003, 2 * 3600
_STREAM = 0x2545F491  # keeps the premium's numbers apart from the perpetual's other ones


def premium_key(key: int) -> int:
    """The key of a perpetual's premium, from the perpetual's own key."""
    return key ^ _STREAM


def premium(key: int, second: float) -> float:
    """Mark over index as a fraction (0.0001 = 0.01 %), `second` seconds after the market's start."""
    return MEAN + SIZE * drift_noise(premium_key(key), second / WANDER_SECS)
