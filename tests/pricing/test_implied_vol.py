import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.domain.instrument import Kind
from trader.pricing.black76 import greeks, intrinsic, price
from trader.pricing.implied_vol import implied_vol

kinds = st.sampled_from([Kind.CALL, Kind.PUT])


@given(st.floats(1_000, 150_000), st.floats(0.5, 2.0), st.floats(0.02, 5.0), st.floats(1 / 8760, 1.0), kinds)
def test_implied_vol_gives_back_the_vol_that_made_the_price(
    f: float, m: float, vol: float, t: float, kind: Kind
) -> None:
    value = price(f, f * m, vol, t, kind)
    solved = implied_vol(value, f, f * m, t, kind)
    if value - intrinsic(f, f * m, kind) < 1e-7 * f or f - value < 1e-7 * f:
        return  # time value drowned in the rounding of the price: no vol can be read off it
    assert solved is not None
    # A rounding error of the price (1e-15 of it) becomes this much volatility.
    allowance = 1e-13 * f / max(greeks(f, f * m, vol, t, kind).vega * 100, 1e-300)
    assert solved == pytest.approx(vol, rel=1e-7, abs=allowance)
    assert price(f, f * m, solved, t, kind) == pytest.approx(value, abs=1e-9 * f)


def test_implied_vol_of_a_far_wing_is_found() -> None:
    tiny = price(77_000, 90_000, 0.30, 1 / 365, Kind.CALL)
    assert 0 < tiny < 1e-9
    assert implied_vol(1e-6, 77_000, 90_000, 1 / 365, Kind.CALL) is not None
    one_tick = implied_vol(0.1, 77_000, 120_000, 1 / 8760, Kind.CALL)
    assert one_tick is not None
    assert price(77_000, 120_000, one_tick, 1 / 8760, Kind.CALL) == pytest.approx(0.1, rel=1e-9)


@pytest.mark.parametrize(
    ("value", "kind", "years"),
    [
        (10.0, Kind.CALL, 0.1),  # exactly intrinsic
        (9.0, Kind.CALL, 0.1),  # below it
        (110.0, Kind.CALL, 0.1),  # as dear as the forward
        (100.0, Kind.PUT, 0.1),  # as dear as the strike
        (0.0, Kind.PUT, 0.1),
        (-1.0, Kind.PUT, 0.1),
        (12.0, Kind.CALL, 0.0),
        (float("nan"), Kind.CALL, 0.1),
        (float("inf"), Kind.CALL, 0.1),
    ],
)
def test_implied_vol_is_none_where_no_vol_makes_the_price(value: float, kind: Kind, years: float) -> None:
    assert implied_vol(value, 110, 100, years, kind) is None
