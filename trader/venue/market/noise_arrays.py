"""`trader.venue.market.noise` for whole arrays of counters: the same numbers, for the past of a market.

Uniform numbers are equal to the last bit; normal ones to about 1e-15, which no tick shows.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from trader.venue.market.noise import gaussian

Floats = NDArray[np.float64]
Counters = NDArray[np.int64] | int
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_TO_UNIT = 1 / (1 << 53)


def uniforms(key: int, *counters: Counters) -> Floats:
    """Numbers in (0, 1), one per element of the counters, which broadcast."""
    z = np.asarray([key], np.uint64)
    for counter in counters:
        z = _mix(z + _GOLDEN + np.asarray(counter, np.int64).astype(np.uint64))
    found: Floats = ((z >> np.uint64(11)).astype(np.float64) + 0.5) * _TO_UNIT
    return found


def gaussians(key: int, *counters: Counters) -> Floats:
    """Standard normal numbers."""
    found: Floats = ndtri(uniforms(key, *counters))
    return found


def drift_noises(key: int, positions: Floats) -> Floats:
    """`drift_noise` at many positions; its knots are few and computed once."""
    left = np.floor(positions).astype(np.int64)
    if left.size == 0:
        return positions
    first, last = int(left.min()), int(left.max()) + 1
    knots = np.array([gaussian(key, knot) for knot in range(first, last + 1)])
    x = positions - left
    ease = x * x * (3 - 2 * x)
    found: Floats = (1 - ease) * knots[left - first] + ease * knots[left - first + 1]
    return found


def _mix(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    z = (z ^ (z >> np.uint64(30))) * _FIRST
    z = (z ^ (z >> np.uint64(27))) * _SECOND
    return z ^ (z >> np.uint64(31))
