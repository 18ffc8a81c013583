"""The synthetic volatility surface at many instants: the numpy twin of `VolSurface.state` and `SmileState.vol`."""

import numpy as np

from trader.pricing.black76 import SECS_PER_YEAR
from trader.venue.market.noise_arrays import Floats, drift_noises
from trader.venue.market.spot_path import BLOCK_SECS
from trader.venue.market.surface import (
    CONVEXITY,
    DEVIATIONS_MAX,
    FAST_SECS,
    FAST_SIZE,
    JUMP_DECAY_SECS,
    SKEW_MEAN,
    SKEW_SECS,
    SKEW_SIZE,
    SLOW_SECS,
    SLOW_SIZE,
    SMILE_TIME_MIN_SECS,
    TERM_SECS,
    VOL_MAX,
    VOL_MIN,
    VolSurface,
)


def vols(surface: VolSurface, *, seconds: Floats, spot: Floats, strike: float, years: Floats) -> Floats:
    """Volatility (fraction per year) of one strike at `seconds` after the market's start, ascending."""
    wander = FAST_SIZE * drift_noises(surface.fast, seconds / FAST_SECS)
    wander = wander + SLOW_SIZE * drift_noises(surface.slow, seconds / SLOW_SECS)
    level = surface.annual_vol * np.exp(wander) * (1 + _jump_fear(surface, seconds))
    skew = SKEW_MEAN + SKEW_SIZE * drift_noises(surface.skew, seconds / SKEW_SECS)
    weight = np.exp(-years * SECS_PER_YEAR / TERM_SECS)
    atm = surface.annual_vol + (level - surface.annual_vol) * weight
    deviation = atm * np.sqrt(np.maximum(years, SMILE_TIME_MIN_SECS / SECS_PER_YEAR))
    x = np.clip(np.log(strike / spot) / deviation, -DEVIATIONS_MAX, DEVIATIONS_MAX)
    found: Floats = np.clip(atm * (1 + skew * x + CONVEXITY * (np.sqrt(1 + x * x) - 1)), VOL_MIN, VOL_MAX)
    return found


def _jump_fear(surface: VolSurface, seconds: Floats) -> Floats:
    fear = np.zeros_like(seconds)
    if seconds.size == 0:
        return fear
    first, last = int(seconds[0] // BLOCK_SECS), int(seconds[-1] // BLOCK_SECS)
    for block in range(max(0, first - 1), last + 1):
        jump = surface.path.jump(block)
        if jump is None:
            continue
        age = seconds - block * BLOCK_SECS - jump[0]
        # As the scalar one looks: from the jump to the end of the block after it.
        feared = (age >= 0) & (seconds < (block + 2) * BLOCK_SECS)
        fear += np.where(feared, 5 * abs(jump[1]) * np.exp(-np.maximum(age, 0.0) / JUMP_DECAY_SECS), 0.0)
    return fear
