"""The payoff of any structure: by hand where a hand can reckon it, by its laws everywhere else."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.desk.positions import (
    CONDOR,
    EXPIRY,
    LONG_PUT,
    NOW,
    RATIO,
    SPOT,
    STRADDLE,
    STRANGLE,
    STRUCTURES,
    VOL,
    C,
    D,
    P,
    leg,
    position,
)
from trader.config.preset import Exits
from trader.desk import Fire, Position, fires, margin_shock, outcomes, payoff, spot_map, what_if
from trader.desk.position import payoff_legs, standing
from trader.domain.instrument import Kind
from trader.engine.spot_curve import Curve
from trader.pricing.black76 import price, year_fraction
from trader.pricing.payoff import pnl_at_expiry

Legs = tuple[tuple[Kind, int, int], ...]
ONE_LEG = st.tuples(
    st.sampled_from([C, P]), st.integers(72, 88).map(lambda k: k * 1000), st.integers(-20, 20).filter(bool)
)
ANY = st.lists(ONE_LEG, min_size=1, max_size=6).map(tuple)


def made(legs: Legs, **options: object) -> Position | None:
    """A structure without a basis is none."""
    try:
        return position(legs, **options)  # type: ignore[arg-type]
    except AssertionError:
        return None


def found(one: Position, code: str) -> Fire:
    return next(fire for fire in fires(one) if fire.code == code)


# ------------------------------------------------------------------------------------------------- laws


@given(ANY)
@settings(max_examples=40)
def test_the_curve_of_now_goes_through_the_pnl_of_now(legs: Legs) -> None:
    one = made(legs)
    if one is not None:
        here = Curve(standing(one), NOW)(float(SPOT))
        assert here == pytest.approx(float(one.pnl), abs=1e-6)


@given(ANY)
@settings(max_examples=40)
def test_at_expiry_it_is_straight_between_strikes(legs: Legs) -> None:
    one = made(legs)
    if one is None:
        return
    whole = standing(one)
    kinks = [60_000.0, *sorted({float(strike) for _, strike, _ in legs}), 100_000.0]
    for low, high in zip(kinks, kinks[1:], strict=False):
        middle = whole.settled((low + high) / 2)
        assert middle == pytest.approx((whole.settled(low) + whole.settled(high)) / 2, abs=1e-6)


@given(ANY, st.integers(60_000, 100_000))
@settings(max_examples=40)
def test_the_chart_agrees_with_the_exact_figure(legs: Legs, spot: int) -> None:
    one = made(legs)
    if one is not None:
        assert standing(one).settled(spot) == pytest.approx(float(pnl_at_expiry(payoff_legs(one), D(spot))), abs=1e-6)


@given(ANY, st.floats(0.5, 1.5), st.floats(0, 30), st.integers(-20, 20))
@settings(max_examples=40)
def test_the_whole_is_the_sum_of_its_legs(legs: Legs, move: float, hours: float, points: int) -> None:
    one = made(legs)
    if one is None:
        return
    then = what_if(one, spot=float(SPOT) * move, hours=hours, iv_points=points)
    assert then.pnl - float(one.pnl) == pytest.approx(sum(leg.change for leg in then.legs), abs=1e-6)


@given(st.integers(74, 86).map(lambda k: k * 1000), st.floats(0.6, 1.4), st.floats(0, 31))
@settings(max_examples=40)
def test_a_call_sold_against_a_put_is_the_forward(strike: int, move: float, hours: float) -> None:
    """Put-call parity: with no spread and no fee, P&L moves with spot one for one, whatever the hour."""
    pair = replace(
        position(STRADDLE),
        legs=tuple(
            leg(number, kind, strike, size, spot=SPOT, vol=VOL, half=0.0, fees=False)
            for number, (kind, size) in enumerate(((C, -10), (P, 10)))
        ),
    )
    curve = Curve(standing(pair), NOW + timedelta(hours=hours))
    spot = float(SPOT)
    assert curve(spot * move) - curve(spot) == pytest.approx(-0.01 * (spot * move - spot), abs=1e-6)


@pytest.mark.parametrize("name", STRUCTURES)
def test_what_is_told_of_the_present_is_the_present(name: str) -> None:
    one = position(STRUCTURES[name])
    here = float(one.pnl)
    then, seen = what_if(one), spot_map(one, columns=3, rows=5)
    assert then.pnl == pytest.approx(here, abs=1e-6)
    assert seen.pct[0][seen.here] == pytest.approx(one.pct(here), abs=0.06)
    assert (seen.times[0], seen.times[-1]) == (NOW, one.exit_at)
    middle = next(shock for shock in margin_shock(one) if shock.move_pct == 0)
    assert middle.pnl == pytest.approx(here, abs=1e-6)
    curves = payoff(one, fires(one))
    number = curves.spots.index(float(SPOT))
    assert curves.now[number] == pytest.approx(here, abs=0.01)
    assert set(curves.spots) >= {float(strike) for _, strike, _ in STRUCTURES[name]}


@pytest.mark.parametrize("name", STRUCTURES)
def test_every_exit_fires_where_its_level_is(name: str) -> None:
    one = position(STRUCTURES[name], exits=Exits(max_loss_pct=D(40), max_profit_pct=D(60)))
    curve = Curve(standing(one), NOW)
    for fire in fires(one):
        if fire.level is not None:
            assert [curve(at) for at in fire.spots] == pytest.approx([fire.level] * len(fire.spots), abs=0.01)
    even = [standing(one).settled(at) for at in found(one, "breakeven").spots]
    assert even == pytest.approx([0.0] * len(even), abs=0.01)


# ------------------------------------------------------------------------------------------------- by hand


def test_a_strangle_has_its_stops_where_the_dashboard_has_them() -> None:
    one = position(STRANGLE, exits=Exits(max_loss_pct=D(100)))
    low, high = Curve(standing(one), NOW).range_above(-float(one.basis.usd))
    assert found(one, "max_loss").spots == pytest.approx((low, high), abs=0.2)
    assert found(one, "trailing_stop").armed is False
    armed = replace(one, level_pct=D(-20))
    assert found(armed, "trailing_stop").level == pytest.approx(-0.2 * float(one.basis.usd))


def test_a_condor_by_hand() -> None:
    one = position(CONDOR, half=0.0, fees=False)
    credit = one.basis.usd
    ends = outcomes(one)
    assert one.basis.name == "credit" and ends.max_profit == credit
    assert ends.max_loss == credit - 2_000 * 10 * D("0.001")  # the wings are 2,000 away from the shorts
    each = credit / (10 * D("0.001"))
    assert ends.breakevens == (78_000 - each, 82_000 + each)
    # The long legs take nothing off an isolated margin and are not liquidated: both spots are the short legs'.
    low, high = found(one, "liquidation").spots
    assert low < 80_000 < high


def test_what_is_long_needs_no_margin_and_cannot_be_liquidated() -> None:
    one = position(LONG_PUT)
    assert one.basis.name == "max loss" and one.basis.usd == one.legs[0].price * 10 * D("0.001")
    assert [shock.margin for shock in margin_shock(one)] == [0.0] * 7
    liquidation = found(one, "liquidation")
    assert liquidation.spots == () and "nothing is short" in liquidation.words
    assert outcomes(one).max_loss == one.banked  # all that was paid, fees in
    assert len(found(one, "max_profit").spots) == 1, "a bought put wins on one side only"


def test_a_ratio_loses_without_a_bound_above() -> None:
    ends = outcomes(position(RATIO))
    assert ends.max_loss is None and ends.max_profit is not None


def test_a_straddle_is_liquidated_where_a_leg_has_used_up_its_own_margin() -> None:
    one = position(STRADDLE)
    # 1 % of 80,000 beyond the premium is margin, 0.5 % must be left: the mark may rise by 400.
    for at, short in zip(reversed(found(one, "liquidation").spots), one.legs, strict=True):
        mark = price(at, 80_000, short.iv, year_fraction(NOW, EXPIRY), short.kind)
        assert mark == pytest.approx(float(short.price) + 400, abs=0.1)
    netted = replace(one, legs=tuple(replace(short, limit=None) for short in one.legs))
    assert found(netted, "liquidation").spots == () and "portfolio margin" in found(netted, "liquidation").words


def test_the_guard_lies_on_the_way_to_the_liquidation_and_both_move_out_with_time() -> None:
    one = position(STRANGLE)
    legs = tuple(replace(leg, limit=replace(leg.limit, guard=leg.price + 280)) for leg in one.legs if leg.limit)
    guarded = replace(one, legs=legs)
    guard, end = found(guarded, "liquidation_guard"), found(guarded, "liquidation")
    for spots, further in ((guard.spots, end.spots), (guard.exit_spots, end.exit_spots), (end.spots, end.exit_spots)):
        assert further[0] < spots[0] < 80_000 < spots[1] < further[1]
    assert "estimate" in end.words and "%) away" in end.words


def test_margin_of_a_condor_is_that_of_its_short_legs() -> None:
    one = position(CONDOR, half=0.0, fees=False)
    shorts = [leg for leg in one.legs if leg.units < 0]
    by_hand = sum((D(800) + leg.price) * 10 * D("0.001") for leg in shorts)
    middle = next(shock for shock in margin_shock(one) if shock.move_pct == 0)
    assert middle.margin == pytest.approx(float(by_hand), abs=1e-4)
    assert [shock.spot for shock in margin_shock(one, (-20, 5))] == [64_000.0, 84_000.0]


def test_volatility_up_a_point_costs_a_short_position_its_vega() -> None:
    one = position(STRANGLE, half=0.0, fees=False)
    now, then = what_if(one), what_if(one, iv_points=1)
    assert now.vega < 0 and then.pnl - now.pnl == pytest.approx(now.vega, rel=0.02)
    later = what_if(one, hours=1)
    assert later.pnl - now.pnl == pytest.approx(now.theta / 24, rel=0.05)
    up = what_if(one, spot=80_010)
    assert up.pnl - now.pnl == pytest.approx(now.delta * 10 + now.gamma * 50, abs=1e-4)


def test_no_hour_is_looked_at_beyond_the_end_and_no_volatility_falls_to_nothing() -> None:
    one = position(STRANGLE, hours=8)
    assert what_if(one, hours=100).at == one.exit_at
    assert what_if(one, iv_points=-99).pnl > what_if(one, iv_points=-20).pnl - 1e-9
    assert replace(one, exit_at=None).ends == EXPIRY
    assert replace(one, exit_at=EXPIRY + timedelta(hours=1)).ends == EXPIRY
    assert replace(one, exit_at=NOW - timedelta(hours=1)).ends == NOW, "an exit that is due is now"
    assert spot_map(replace(one, exit_at=NOW - timedelta(hours=1)), columns=2, rows=3).times == (NOW, NOW)


def test_the_axis_shows_what_ends_it_and_not_the_whole_world() -> None:
    one = position(STRANGLE)
    curves = payoff(one, fires(one), later=NOW + timedelta(hours=2))
    assert curves.later == NOW + timedelta(hours=2)
    stops = found(one, "max_loss").spots
    assert curves.spots[0] < stops[0] < stops[1] < curves.spots[-1]
    assert float(SPOT) * 0.85 < curves.spots[0] and curves.spots[-1] < float(SPOT) * 1.15
    assert len(curves.spots) <= 90 and list(curves.spots) == sorted(curves.spots)
    assert Decimal(str(curves.spots[0])) > 0
