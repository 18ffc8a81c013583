"""Implied volatilities of a whole chain: the numpy twin of `trader.pricing.implied_vol`, NaN where there is none."""

from typing import cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from trader.pricing.implied_vol import _ITERATIONS_MAX, _RESOLUTION, _TOLERANCE, VOL_MAX, VOL_MIN

Floats = NDArray[np.float64]
_INV_SQRT_2PI = 1 / np.sqrt(2 * np.pi)
_DEVIATION_MAX = 1024.0


def implied_vol_chain(
    price: ArrayLike, forward: ArrayLike, strike: ArrayLike, years: ArrayLike, is_call: ArrayLike
) -> Floats:
    """Volatilities (fractions per year) at which Black-76 gives the prices; inputs broadcast, NaN where none exists."""
    sign = np.where(np.asarray(is_call, dtype=bool), 1.0, -1.0)
    p, f, k, t, s = np.broadcast_arrays(
        *(np.asarray(a, dtype=np.float64) for a in (price, forward, strike, years)), sign
    )
    result = np.full(p.shape, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        time_value = p - np.maximum(0.0, s * (f - k))
        solvable = (
            np.isfinite(p)
            & np.isfinite(t)
            & (t > 0)
            & (f > 0)
            & (k > 0)
            & (time_value > _RESOLUTION * np.maximum(f, k))
            & (time_value < np.minimum(f, k))
        )
    if solvable.any():
        fs, ks = f[solvable], k[solvable]
        deviation = _solve(time_value[solvable] / np.sqrt(fs * ks), -np.abs(np.log(fs / ks)))
        vol = deviation / np.sqrt(t[solvable])
        result[solvable] = np.where((vol >= VOL_MIN) & (vol <= VOL_MAX), vol, np.nan)
    return result


def _solve(target: Floats, x: Floats) -> Floats:
    """Newton on the logarithm of value from the inflection point, bisection wherever a step leaves the bracket."""
    low = np.zeros_like(target)
    high = np.ones_like(target)
    for _ in range(int(np.log2(_DEVIATION_MAX))):
        short = _value(high, x) < target
        if not short.any():
            break
        low = np.where(short, high, low)
        high = np.where(short, high * 2, high)
    log_target = np.log(target)
    deviation = np.minimum(np.maximum(np.maximum(np.sqrt(2 * np.abs(x)), 0.05 * (low + high)), target * 2.5), high)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for _ in range(_ITERATIONS_MAX):
            value = _value(deviation, x)
            below = value < target
            low = np.where(below, deviation, low)
            high = np.where(below, high, deviation)
            slope = np.exp(x / 2) * _INV_SQRT_2PI * np.exp(-0.5 * (x / deviation + deviation / 2) ** 2)
            step = deviation - (np.log(value) - log_target) * value / slope
            step = np.where((step > low) & (step < high) & (value > 0), step, 0.5 * (low + high))
            moved = np.abs(step - deviation)
            deviation = step
            if bool(np.all(moved <= _TOLERANCE * deviation)):
                break
    return cast(Floats, deviation)


def _value(deviation: Floats, x: Floats) -> Floats:
    d1 = x / deviation + deviation / 2
    return cast(Floats, np.exp(x / 2) * ndtr(d1) - np.exp(-x / 2) * ndtr(d1 - deviation))
