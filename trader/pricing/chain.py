"""Black-76 for a whole chain at once: the numpy twin of `trader.pricing.black76`, same conventions and units."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from trader.pricing.black76 import DAYS_PER_YEAR, DEVIATION_MIN, POINT

Floats = NDArray[np.float64]
_INV_SQRT_2PI = 1 / np.sqrt(2 * np.pi)


class ChainGreeks(NamedTuple):
    """One array per figure, all of the broadcast shape of the inputs."""

    price: Floats
    delta: Floats
    gamma: Floats
    theta: Floats
    vega: Floats
    rho: Floats


def price_chain(forward: ArrayLike, strike: ArrayLike, vol: ArrayLike, years: ArrayLike, is_call: ArrayLike) -> Floats:
    """Values in USD per unit of underlying; inputs broadcast. Intrinsic where `vol` or `years` is not positive; NaN in, NaN out."""
    f, k, v, t, sign = _prepare(forward, strike, vol, years, is_call)
    deviation, dead = _deviation(v, t)
    with np.errstate(divide="ignore", invalid="ignore"):
        d1 = np.log(f / k) / deviation + 0.5 * deviation
        value = sign * (f * ndtr(sign * d1) - k * ndtr(sign * (d1 - deviation)))
    return np.where(dead, np.maximum(0.0, sign * (f - k)), value)


def greeks_chain(
    forward: ArrayLike, strike: ArrayLike, vol: ArrayLike, years: ArrayLike, is_call: ArrayLike
) -> ChainGreeks:
    """Values and greeks in one pass; theta per day, vega and rho per point (0.01)."""
    f, k, v, t, sign = _prepare(forward, strike, vol, years, is_call)
    deviation, dead = _deviation(v, t)
    root = np.sqrt(np.where(dead, 1.0, t))
    with np.errstate(divide="ignore", invalid="ignore"):
        d1 = np.log(f / k) / deviation + 0.5 * deviation
        cdf1, cdf2 = ndtr(sign * d1), ndtr(sign * (d1 - deviation))
        density = _INV_SQRT_2PI * np.exp(-0.5 * d1 * d1)
        live = ChainGreeks(
            price=sign * (f * cdf1 - k * cdf2),
            delta=sign * cdf1,
            gamma=density / (f * deviation),
            theta=-f * density * v / (2 * root) / DAYS_PER_YEAR,
            vega=f * density * root * POINT,
            rho=sign * k * t * cdf2 * POINT,
        )
    moneyness = sign * (f - k)
    still_delta = sign * np.heaviside(moneyness, 0.5)
    settled = ChainGreeks(np.maximum(0.0, moneyness), still_delta, *(np.zeros_like(f) for _ in range(4)))
    return ChainGreeks(*(np.where(dead, s, x) for s, x in zip(settled, live, strict=True)))


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
