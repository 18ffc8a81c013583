"""P&L by spot: its peak, where it crosses a level, and what time does to it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from trader.domain.instrument import Kind
from trader.engine.spot_curve import Curve, OpenLeg, Standing, spot_of_mark
from trader.pricing.black76 import price, year_fraction

NOW = datetime(2026, 11, 29, 4, 0, tzinfo=UTC)
EXPIRY = NOW + timedelta(hours=32)
SPOT = 76_932.0


def leg(kind: Kind, strike: float, *, vol: float = 0.5, size: float = 0.1, above: float = 5.0) -> OpenLeg:
    mark = price(SPOT, strike, vol, year_fraction(NOW, EXPIRY), kind)
    return OpenLeg(
        kind=kind,
        strike=strike,
        expiry=EXPIRY,
        vol=vol,
        size=size,
        closing=mark + above,
        fee_rate=0.0001,
        fee_cap=0.035,
    )


def standing(*legs: OpenLeg, banked: float = 30.0) -> Standing:
    return Standing(legs=legs, spot=SPOT, banked=banked, now=NOW)


STRANGLE = standing(leg(Kind.CALL, 80_000.0), leg(Kind.PUT, 73_500.0))


@given(st.floats(0.2, 1.5), st.floats(0.2, 1.5), st.floats(0.01, 5), st.floats(-400, 50), st.floats(0, 31))
def test_the_ends_of_a_range_are_where_pnl_crosses_its_level(
    call_vol: float, put_vol: float, ratio: float, level: float, hours: float
) -> None:
    held = standing(leg(Kind.CALL, 80_000.0, vol=call_vol, size=0.1 * ratio), leg(Kind.PUT, 73_500.0, vol=put_vol))
    curve = Curve(held, NOW + timedelta(hours=hours))
    at, best = curve.peak
    low, high = curve.range_above(level)
    if best < level:
        assert (low, high) == (None, None)
        return
    for end, beyond in ((low, -20.0), (high, 20.0)):
        if end is not None:
            assert curve(end) == pytest.approx(level, abs=0.02)
            assert curve(end + beyond) < level
    assert low is None or low <= at
    assert high is None or high >= at
    assert all(curve(SPOT * (0.5 + step / 100)) <= best + 0.02 for step in range(101))


@pytest.mark.parametrize("kind", [Kind.CALL, Kind.PUT])
@pytest.mark.parametrize("mark", [1e308, 90_000.0, 9_000.0])
def test_a_mark_that_every_spot_brings_is_reached_at_the_first_of_them(kind: Kind, mark: float) -> None:
    """An absurd mark of now stays above the model's at any spot; a search without a sign to change would divide by nothing."""
    one = replace(leg(kind, SPOT), mark=mark)
    found = spot_of_mark(one, standing(one), NOW, 550.0)
    assert found == SPOT * (0.5 if kind is Kind.CALL else 1.5) or (mark > 1e300 and found is None)


def test_now_and_here_it_is_what_closing_brings() -> None:
    closing = [leg.closing for leg in STRANGLE.legs]
    fees = [min(0.0001 * SPOT, 0.035 * at) * 1.18 for at in closing]
    assert Curve(STRANGLE, NOW)(SPOT) == pytest.approx(30.0 - 0.1 * sum(closing) - 0.1 * sum(fees))


def test_without_a_cap_the_fee_is_the_rate_of_spot() -> None:
    uncapped = [
        OpenLeg(kind=one.kind, strike=one.strike, expiry=EXPIRY, vol=0.5, size=0.1, closing=one.closing, fee_rate=0.0001, fee_cap=None)
        for one in STRANGLE.legs
    ]  # fmt: skip
    closing = sum(one.closing for one in uncapped)
    assert Curve(standing(*uncapped), NOW)(SPOT) == pytest.approx(30.0 - 0.1 * closing - 0.2 * 0.0001 * SPOT * 1.18)


@pytest.mark.parametrize(("kind", "strike", "side"), [(Kind.CALL, 80_000.0, "high"), (Kind.PUT, 73_500.0, "low")])
def test_one_leg_alone_has_one_end_only(kind: Kind, strike: float, side: str) -> None:
    low, high = Curve(standing(leg(kind, strike)), NOW).range_above(-30.0)
    assert (low is None, high is None) == ((True, False) if side == "high" else (False, True))


def test_a_level_beyond_reach_has_no_ends() -> None:
    curve = Curve(STRANGLE, NOW)
    assert curve.range_above(-1e9) == (None, None)
    assert curve.range_above(29.0) == (None, None)


def test_settled_nothing_is_left_to_pay_inside_the_strikes() -> None:
    settled = Curve(STRANGLE, EXPIRY)
    assert settled(SPOT) == pytest.approx(30.0)
    assert settled(81_000.0) == pytest.approx(30.0 - 100 - 0.1 * 0.0001 * 81_000 * 1.18)


def test_the_spread_shrinks_with_what_an_option_is_worth_and_never_grows_with_time() -> None:
    wide = standing(leg(Kind.CALL, 80_000.0, above=50.0))
    then = NOW + timedelta(hours=20)
    worth = price(SPOT, 80_000.0, 0.5, year_fraction(then, EXPIRY), Kind.CALL)
    share = worth / price(SPOT, 80_000.0, 0.5, year_fraction(NOW, EXPIRY), Kind.CALL)
    closing = worth + 50.0 * share
    assert Curve(wide, then)(SPOT) == pytest.approx(30.0 - 0.1 * (closing + min(0.0001 * SPOT, 0.035 * closing) * 1.18))
