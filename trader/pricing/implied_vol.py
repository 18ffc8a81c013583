"""Implied volatility of one option: Newton's method on the logarithm of time value, guarded by bisection.

The solver works on the out-of-the-money twin (price minus intrinsic value, by put-call parity), because there the price
carries the information; for deep in-the-money options most digits of the price are intrinsic value.
"""

from math import exp, isfinite, log, sqrt

from trader.domain.instrument import Kind
from trader.pricing.black76 import intrinsic, norm_cdf, norm_pdf

VOL_MAX = 50.0
VOL_MIN = 1e-6
_ITERATIONS_MAX = 100
_TOLERANCE = 1e-13
_RESOLUTION = 1e-14  # time value below this share of the larger of forward and strike is rounding, not information


def credible_vol(vol: float | None) -> float | None:
    """An implied volatility, where it is a number that prices something."""
    return vol if vol is not None and isfinite(vol) and vol > 0 else None


def implied_vol(price: float, forward: float, strike: float, years: float, kind: Kind) -> float | None:
    """The volatility (fraction per year) at which Black-76 gives `price`, or None where there is none.

    None for a price at or below intrinsic value, at or above the no-arbitrage ceiling (forward for a call, strike for a
    put), no time left, a non-finite input, or a solution outside `VOL_MIN`..`VOL_MAX`.

    Raises:
        ValueError: `kind` is not an option.
    """
    time_value = price - intrinsic(forward, strike, kind)
    if not (isfinite(price) and isfinite(years) and years > 0 and forward > 0 and strike > 0):
        return None
    if time_value <= _RESOLUTION * max(forward, strike) or time_value >= min(forward, strike):
        return None
    x = -abs(log(forward / strike))  # log-moneyness of the out-of-the-money twin
    deviation = _solve(time_value / sqrt(forward * strike), x)
    vol = deviation / sqrt(years)
    return vol if VOL_MIN <= vol <= VOL_MAX else None


def _solve(target: float, x: float) -> float:
    """Total deviation (vol x sqrt(years)) of a normalised out-of-the-money call: value e^(x/2)N(d1) - e^(-x/2)N(d2)."""
    low, high = 0.0, 1.0
    while _value(high, x) < target:
        low, high = high, high * 2
        if high > 1024:
            return float("inf")
    log_target = log(target)
    deviation = min(max(sqrt(2 * abs(x)), 0.5 * (low + high) * 0.1, target * 2.5), high)
    for _ in range(_ITERATIONS_MAX):
        value = _value(deviation, x)
        if value < target:
            low = deviation
        else:
            high = deviation
        step = deviation
        if value > 0:
            slope = exp(x / 2) * norm_pdf(x / deviation + deviation / 2)
            step = deviation - (log(value) - log_target) * value / slope if slope > 0 else -1.0
        if not (low < step < high) or value <= 0:
            step = 0.5 * (low + high)
        if abs(step - deviation) <= _TOLERANCE * deviation:
            return step
        deviation = step
    return deviation


def _value(deviation: float, x: float) -> float:
    d1 = x / deviation + deviation / 2
    return exp(x / 2) * norm_cdf(d1) - exp(-x / 2) * norm_cdf(d1 - deviation)
