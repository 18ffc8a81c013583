"""Where the index of the first synthetic market stood: only so that an account saved with it goes on from its last price.

That market's path, without what made it fast: blocks of 2^17 seconds, a Brownian bridge inside, at most one jump in each.
"""

from math import exp, sqrt

from trader.pricing.black76 import SECS_PER_YEAR
from trader.venue.market.noise import gaussian, stream_key, uniform

_BLOCK_SECS = 1 << 17
_DEVIATION = 0.45 * sqrt(_BLOCK_SECS / SECS_PER_YEAR)
_JUMP_CHANCE, _JUMP_SIZE = 0.2 * _BLOCK_SECS / 86400, 0.015


def first_version_price(*, seed: int, underlying: str, start_price: float, second: int) -> float:
    """Its index price (USD) at `second` seconds after its start."""
    ends, midpoints, jumps = (stream_key(seed, f"{underlying}/{name}") for name in ("ends", "midpoints", "jumps"))
    last, offset = divmod(second, _BLOCK_SECS)
    total = 0.0
    for block in range(last + 1):
        if uniform(jumps, block, 0) < _JUMP_CHANCE and (
            block < last or offset >= int(uniform(jumps, block, 1) * _BLOCK_SECS)
        ):
            total += _JUMP_SIZE * gaussian(jumps, block, 2)
        if block < last:
            total += _gain(ends, block)
    low, high, value_low, value_high, deviation = 0, _BLOCK_SECS, 0.0, _gain(ends, last), _DEVIATION / 2
    while low < offset:
        middle = (low + high) // 2
        value = (value_low + value_high) / 2 + deviation * gaussian(midpoints, last, low, high)
        if offset < middle:
            high, value_high = middle, value
        else:
            low, value_low = middle, value
        deviation *= sqrt(0.5)
    return start_price * exp(total + value_low)


def _gain(ends: int, block: int) -> float:
    return _DEVIATION * gaussian(ends, block) - 0.5 * _DEVIATION**2
