"""Black-76 price and greeks of one option, in floats, with the standard library alone.

The exchange marks its options with Black-76 on the spot index as forward, no interest, and time to settlement counted in
years of 365 days; so does this module. Prices are USD per unit of underlying. Greeks follow `trader.domain.quote.Greeks`
and the exchange's own ticker: theta per calendar day, vega and rho per point (0.01); rho is the Black-Scholes one
(strike x years x N(d2)), which is what the exchange publishes, not the Black-76 discount-factor rho.
"""

from collections.abc import Callable
from datetime import datetime
from math import erfc, exp, log, pi, sqrt

from trader.domain.instrument import Kind
from trader.domain.quote import Greeks

SECS_PER_YEAR = 365 * 86400
POINT = 0.01
DAYS_PER_YEAR = 365
DEVIATION_MIN = 1e-12  # vol x sqrt(years) below this is no time value at all; dividing by it would only overflow
_INV_SQRT_2PI = 1 / sqrt(2 * pi)
_INV_SQRT_2 = 1 / sqrt(2)


def norm_cdf(x: float) -> float:
    """Standard normal distribution function; accurate in the far left tail (erfc, not 1 - erf)."""
    return 0.5 * erfc(-x * _INV_SQRT_2)


def norm_pdf(x: float) -> float:
    """Standard normal density."""
    return _INV_SQRT_2PI * exp(-0.5 * x * x)


def year_fraction(now: datetime, expiry: datetime) -> float:
    """Time to expiry in years of 365 days; 0 once it has passed. Both instants must be aware."""
    return max(0.0, (expiry - now).total_seconds() / SECS_PER_YEAR)


def _sign(kind: Kind) -> int:
    if kind is Kind.CALL:
        return 1
    if kind is Kind.PUT:
        return -1
    raise ValueError(f"not an option kind: {kind}")


def _deviation(vol: float, years: float) -> float:
    return vol * sqrt(years) if vol > 0 and years > 0 else 0.0


def _check(forward: float, strike: float) -> None:
    if not (forward > 0 and strike > 0):
        raise ValueError(f"forward and strike must be positive, were {forward} and {strike}")


def intrinsic(forward: float, strike: float, kind: Kind) -> float:
    """What the option is worth if it settles at `forward`, USD per unit of underlying."""
    return max(0.0, _sign(kind) * (forward - strike))


def price(forward: float, strike: float, vol: float, years: float, kind: Kind) -> float:
    """Black-76 value without interest, USD per unit of underlying; intrinsic value when `vol` or `years` is (as good as) 0 or less.

    `vol` is a fraction per year (0.5 = 50 %).

    Raises:
        ValueError: Forward or strike is not positive, or `kind` is not an option.
    """
    sign = _sign(kind)
    _check(forward, strike)
    deviation = _deviation(vol, years)
    if deviation < DEVIATION_MIN:
        return max(0.0, sign * (forward - strike))
    d1 = log(forward / strike) / deviation + 0.5 * deviation
    d2 = d1 - deviation
    return sign * (forward * norm_cdf(sign * d1) - strike * norm_cdf(sign * d2))


def price_by_forward(strike: float, vol: float, years: float, kind: Kind) -> Callable[[float], float]:
    """`price` of one option at one moment as a function of the forward (> 0), for many of them: some four times as fast."""
    sign = _sign(kind)
    _check(strike, strike)
    deviation = _deviation(vol, years)
    if deviation < DEVIATION_MIN:
        return lambda forward: max(0.0, sign * (forward - strike))
    slope = -sign * _INV_SQRT_2 / deviation
    start = -sign * _INV_SQRT_2 * 0.5 * deviation
    between = sign * _INV_SQRT_2 * deviation
    half = 0.5 * sign

    def value(forward: float) -> float:
        x = slope * log(forward / strike) + start
        return half * (forward * erfc(x) - strike * erfc(x + between))

    return value


def price_and_greeks(forward: float, strike: float, vol: float, years: float, kind: Kind) -> tuple[float, Greeks]:
    """Value and all greeks in one pass; see `price` for units and errors.

    Without time or volatility the delta is that of the intrinsic value (half at the strike) and the other greeks are 0.
    """
    sign = _sign(kind)
    _check(forward, strike)
    deviation = _deviation(vol, years)
    if deviation < DEVIATION_MIN:
        moneyness = sign * (forward - strike)
        delta = sign * (1.0 if moneyness > 0 else 0.5 if moneyness == 0 else 0.0)
        return max(0.0, moneyness), Greeks(delta=delta, gamma=0.0, theta=0.0, vega=0.0, rho=0.0)
    root = sqrt(years)
    d1 = log(forward / strike) / deviation + 0.5 * deviation
    d2 = d1 - deviation
    cdf1, cdf2, density = norm_cdf(sign * d1), norm_cdf(sign * d2), norm_pdf(d1)
    greeks_ = Greeks(
        delta=sign * cdf1,
        gamma=density / (forward * deviation),
        theta=-forward * density * vol / (2 * root) / DAYS_PER_YEAR,
        vega=forward * density * root * POINT,
        rho=sign * strike * years * cdf2 * POINT,
    )
    return sign * (forward * cdf1 - strike * cdf2), greeks_


def greeks(forward: float, strike: float, vol: float, years: float, kind: Kind) -> Greeks:
    """Delta, gamma, theta (USD per day), vega and rho (USD per point); see `price_and_greeks`."""
    return price_and_greeks(forward, strike, vol, years, kind)[1]
