"""The shape of an expiry's volatilities, found again in what it made, and carried along with spot."""

from math import exp, log, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.pricing.smile import Smile, fit_smile

SPOT, YEARS = 100_000.0, 32 / 24 / 365
STRIKES = [SPOT * exp(step / 100) for step in range(-8, 9)]


def vols(skew: float, convexity: float, level: float = 0.45) -> list[tuple[float, float]]:
    found = []
    for strike in STRIKES:
        z = log(strike / SPOT) / sqrt(YEARS)
        found.append((strike, level + z * (skew + z * convexity)))
    return found


@given(st.floats(-0.2, 0.2), st.floats(0, 0.3))
def test_the_shape_that_made_the_volatilities_is_found(skew: float, convexity: float) -> None:
    smile = fit_smile(vols(skew, convexity), SPOT, YEARS)
    assert smile is not None
    assert (smile.skew, smile.convexity) == pytest.approx((skew, convexity), abs=1e-6)


@pytest.mark.parametrize("points", [[], vols(0, 0)[:4], [(SPOT, 0.4)] * 9])
def test_of_too_few_strikes_there_is_no_shape(points: list[tuple[float, float]]) -> None:
    assert fit_smile(points, SPOT, YEARS) is None


def test_without_time_there_is_no_shape() -> None:
    assert fit_smile(vols(0, 0.1), SPOT, 0.0) is None


SMILE = Smile(skew=-0.1, convexity=0.2, low=-1.5, high=1.5)


@given(st.floats(0.1, 2), st.floats(90_000, 110_000))
def test_at_the_spot_of_now_nothing_has_moved(vol: float, strike: float) -> None:
    assert SMILE.moved(vol, strike, SPOT, SPOT, YEARS) == pytest.approx(vol)


def test_a_wing_that_spot_moves_to_has_the_volatility_of_the_money() -> None:
    points = dict(vols(-0.1, 0.2))
    smile = fit_smile(points.items(), SPOT, YEARS)
    assert smile is not None
    for strike in (STRIKES[4], STRIKES[12]):
        assert smile.moved(points[strike], strike, SPOT, strike, YEARS) == pytest.approx(0.45, abs=1e-6)


@given(st.floats(50_000, 150_000), st.floats(60_000, 140_000), st.floats(1e-6, 0.1))
def test_a_volatility_stays_above_a_fifth_of_itself(there: float, strike: float, years: float) -> None:
    steep = Smile(skew=0.5, convexity=-0.4, low=-2, high=2)
    assert steep.moved(0.5, strike, SPOT, there, years) >= 0.1
