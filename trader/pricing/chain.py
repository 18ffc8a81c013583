"""Black-76 for a whole chain at once: the numpy twin of `trader.pricing.black76`, same conventions and units."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from trader.pricing.black76 import DEVIATION_MIN

Floats = NDArray[np.float64]


def price_chain(forward: ArrayLike, strike: ArrayLike, vol: ArrayLike, years: ArrayLike, is_call: ArrayLike) -> Floats:
    """Values in USD per unit of underlying; inputs broadcast. Intrinsic where `vol` or `years` is not positive; NaN in, NaN out."""
    f, k, v, t, sign = _prepare(forward, strike, vol, years, is_call)
    deviation, dead = _deviation(v, t)
    with np.errstate(divide="ignore", invalid="ignore"):
        d1 = np.log(f / k) / deviation + 0.5 * deviation
        value = sign * (f * ndtr(sign * d1) - k * ndtr(sign * (d1 - deviation)))
    return np.where(dead, np.maximum(0.0, sign * (f - k)), value)


def _deviation(vol: Floats, years: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Total deviation, and where it is too small for time value; there 1 stands in, to be replaced by the caller."""
    deviation = np.maximum(vol, 0.0) * np.sqrt(np.maximum(years, 0.0))
    dead = deviation < DEVIATION_MIN
    return np.where(dead, 1.0, deviation), dead


def _prepare(
    forward: ArrayLike, strike: ArrayLike, vol: ArrayLike, years: ArrayLike, is_call: ArrayLike
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    sign = np.where(np.asarray(is_call, dtype=bool), 1.0, -1.0)
    f, k, v, t, s = np.broadcast_arrays(*(np.asarray(x, dtype=np.float64) for x in (forward, strike, vol, years)), sign)
    return f, k, v, t, s
