"""Random numbers as a pure function of where they are used: seed, stream and counters in, number out.

A market built on these has no hidden generator state, so its prices do not depend on how often or in which steps it was
asked. The mixer is the finaliser of SplitMix64, applied once per input word.
"""

from math import floor
from statistics import NormalDist
from zlib import crc32

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_TO_UNIT = 1 / (1 << 53)
_TO_UNIT_26 = 1 / (1 << 26)
_LOW_26 = (1 << 26) - 1
_STANDARD_NORMAL = NormalDist()


def _mix(z: int) -> int:
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


def stream_key(seed: int, name: str) -> int:
    """The key of an independent stream of numbers, e.g. one per underlying and purpose."""
    return _mix((seed * _GOLDEN + crc32(name.encode())) & _MASK)


def uniform(key: int, *counters: int) -> float:
    """A number in (0, 1), never its ends."""
    z = key
    for counter in counters:
        z = _mix((z + _GOLDEN + (counter & _MASK)) & _MASK)
    return ((z >> 11) + 0.5) * _TO_UNIT


def two_uniforms(key: int, counter: int) -> tuple[float, float]:
    """Two independent numbers in (0, 1) from one mixing, of 26 bits each: enough for sizes and gaps of a book."""
    z = _mix((key + _GOLDEN * (counter + 1)) & _MASK)
    return ((z >> 38) + 0.5) * _TO_UNIT_26, ((z >> 12 & _LOW_26) + 0.5) * _TO_UNIT_26


def gaussian(key: int, *counters: int) -> float:
    """A standard normal number."""
    return _STANDARD_NORMAL.inv_cdf(uniform(key, *counters))


def drift_noise(key: int, position: float) -> float:
    """A smooth wandering curve of about unit size: independent normals at the integers, eased between them."""
    left = floor(position)
    x = position - left
    ease = x * x * (3 - 2 * x)
    return (1 - ease) * gaussian(key, left) + ease * gaussian(key, left + 1)
