"""What the picture says beyond P&L: sizes, the way from mark to cost to close, greeks, corridor, outlook, one leg alone."""

from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.engine.pictures import (
    SOLD_AT,
    VOL,
    fill,
    held_state,
    later,
    market_of,
    model_market,
    quoted,
    run_with,
    seen,
    strangle,
    valued,
)
from tests.engine.scene import (
    CALL,
    EXPIRY,
    OPENING,
    PUT,
    SPOT,
    D,
    Phase,
    Scene,
    done,
    entering,
    exiting,
    holding,
    kept,
    option,
    preset,
    quote,
    waiting,
)
from trader.domain.clock import Now
from trader.domain.instrument import Kind
from trader.domain.order import Side
from trader.engine import records as rec
from trader.engine.records import LegTerms
from trader.engine.selection import leg_terms
from trader.engine.view import Rung, RunView
from trader.engine.viewing import build_view
from trader.pricing.black76 import price, year_fraction

cents = st.decimals("0.1", "5000", places=2)
commissions = st.none() | st.decimals("-1", "5", places=8)
counts = st.integers(1, 5_000)
sales = st.lists(st.tuples(st.sampled_from("CP"), counts, cents, commissions), min_size=1, max_size=5)
spots = st.floats(94_000, 106_000)
vols = st.floats(0.15, 1.5)
hours = st.floats(0.01, 6.9)


def rung(view: RunView, code: str) -> Rung:
    return next(r for r in view.ladder if r.code == code)


# -- sizes and sums -------------------------------------------------------------------------------------------------------


def test_size_is_told_in_contracts_units_and_dollars() -> None:
    view = seen(strangle(), model_market(later(1)))
    assert (view.quantity, view.contract_value, view.notional) == (2, D("0.001"), D("0.002") * SPOT)
    assert [leg.contract_value for leg in view.legs] == [D("0.001")] * 2
    assert [(leg.bid_size, leg.ask_size) for leg in view.legs] == [(7, 9)] * 2


def test_from_the_mark_to_the_cost_to_close_of_a_held_strangle() -> None:
    view = holding().view
    fee = D("0.017346")  # min(0.0001 x 100,000, 0.035 x 210) x 0.002 x 1.18
    assert view.fees_to_close == 2 * fee
    assert view.spread_to_close == 2 * D("0.002") * 5
    assert view.pnl_mark == D("0.78") - 2 * D("0.002") * 205
    assert view.pnl == view.pnl_mark - view.spread_to_close - view.fees_to_close
    call = view.legs[0]
    assert (call.closing_px, call.fees_paid, call.fee_to_close) == (D(210), D("0.01"), fee)
    assert call.pnl_mark == D("0.4") - D("0.01") - D("0.002") * 205
    assert view.margin == 2 * (SPOT / 100 + 205) * D("0.002")


@settings(max_examples=50)
@given(sales, sales, st.integers(0, 100), spots, vols, vols, st.floats(-50, 400), hours)
def test_the_sums_are_exact_for_any_prices_and_fills(
    first: list[tuple[str, int, Decimal, Decimal | None]],
    second: list[tuple[str, int, Decimal, Decimal | None]],
    bought_pct: int,
    spot: float,
    call_vol: float,
    put_vol: float,
    ask_above: float,
    hour: float,
) -> None:
    fills = [
        (key, fill(key, Side.SELL, quantity, at, paid, f"s{number}"))
        for number, (key, quantity, at, paid) in enumerate([*first, *second])
    ]
    for key in "CP":
        sold = sum(f.quantity for k, f in fills if k == key)
        if bought := sold * bought_pct // 100:
            fills.append((key, fill(key, Side.BUY, bought, D("123.45"), D("0.07"), f"b{key}")))
    at = later(hour)
    call, put = quoted("C", at, spot=spot, vol=call_vol, ask_above=ask_above), quoted("P", at, spot=spot, vol=put_vol)
    view = seen(run_with(fills), market_of(call, put, spot=spot, at=at))
    assert view.pnl is not None and view.pnl_mark is not None
    assert view.spread_to_close is not None and view.fees_to_close is not None
    assert view.pnl == view.pnl_mark - view.spread_to_close - view.fees_to_close
    entered = [leg for leg in view.legs if leg.filled_quantity]
    assert view.pnl == sum((leg.pnl or D(0) for leg in entered), D(0))
    assert view.pnl_mark == sum((leg.pnl_mark or D(0) for leg in entered), D(0))
    assert view.fees_to_close == sum((leg.fee_to_close or D(0) for leg in entered), D(0))
    assert view.fees == sum((leg.fees_paid or D(0) for leg in entered), D(0))
    for leg in entered:
        assert leg.pnl is not None and leg.pnl_mark is not None and leg.fee_to_close is not None
        spread = D(0) if leg.closing_px is None or leg.mark is None else leg.closing_px - leg.mark
        assert leg.pnl == leg.pnl_mark - spread * leg.open_quantity * D("0.001") - leg.fee_to_close


# -- greeks ---------------------------------------------------------------------------------------------------------------


def test_position_greeks_are_the_exchanges_own_scaled_by_what_is_short() -> None:
    call, put = holding().view.legs  # delta ±0.125, gamma 0.00001, theta −50, vega 10; 2 contracts of 0.001
    assert (call.delta, put.delta) == (0.125, -0.125)
    assert (call.position_delta, put.position_delta) == (-0.00025, 0.00025)
    assert (call.position_gamma, call.position_theta, call.position_vega) == (-2e-08, 0.1, -0.02)
    view = holding().view
    assert (view.net_delta, view.net_gamma, view.net_theta, view.net_vega) == (0.0, -4e-08, 0.2, -0.04)


@pytest.mark.parametrize("flaw", ["absent", "stale", "no number"])
def test_without_the_exchanges_greeks_they_come_from_the_marks_volatility(flaw: str) -> None:
    at = later(1)
    told = quoted("C", at)
    assert told.greeks is not None
    changes = {
        "absent": {"greeks": None},
        "stale": {"greeks": replace(told.greeks, delta=0.9), "ts_greeks": at - timedelta(seconds=60)},
        "no number": {"greeks": replace(told.greeks, theta=float("nan"))},
    }
    whole, patched = (
        seen(strangle(), market_of(call, quoted("P", at), spot=100_000.0, at=at))
        for call in (told, replace(told, **changes[flaw]))
    )
    for greek in ("position_delta", "position_gamma", "position_theta", "position_vega"):
        assert getattr(patched.legs[0], greek) == getattr(whole.legs[0], greek) is not None
    assert patched.net_theta == whole.net_theta


@settings(max_examples=50)
@given(spots, vols, hours)
def test_a_seller_is_against_the_move_and_earns_by_time(spot: float, vol: float, hour: float) -> None:
    view = seen(strangle(), model_market(later(hour), spot=spot, vol=vol))
    call, put = view.legs
    assert call.position_delta is not None and put.position_delta is not None
    assert call.position_delta <= 0 <= put.position_delta
    for of in (call, put):
        assert of.position_gamma is not None and of.position_theta is not None and of.position_vega is not None
        assert of.position_gamma <= 0 <= of.position_theta and of.position_vega <= 0
    assert view.net_delta == pytest.approx(call.position_delta + put.position_delta, rel=1e-4, abs=1e-9)
    assert view.net_theta is not None and view.net_theta >= 0


# -- corridor and stops ---------------------------------------------------------------------------------------------------


@settings(max_examples=50)
@given(spots, vols, hours, st.floats(0, 40))
def test_the_corridor_passes_through_the_pnl_of_now_and_falls_away_on_both_sides(
    spot: float, vol: float, hour: float, ask_above: float
) -> None:
    spot = round(spot, 1)
    view = seen(strangle(), model_market(later(hour), spot=spot, vol=vol, ask_above=ask_above))
    shown = view.corridor
    assert shown is not None and view.pnl is not None and view.pnl_pct is not None
    assert len(shown.spots) == len(shown.pnl) == len(shown.pnl_pct) <= 61
    assert list(shown.spots) == sorted(set(shown.spots))
    here = shown.spots.index(spot)
    assert shown.pnl[here] == pytest.approx(float(view.pnl), abs=0.006)
    assert shown.pnl_pct[here] == pytest.approx(float(view.pnl_pct), abs=0.006)
    top = shown.pnl.index(max(shown.pnl))
    assert all(a <= b + 0.02 for a, b in pairwise(shown.pnl[: top + 1]))
    assert all(a >= b - 0.02 for a, b in pairwise(shown.pnl[top:]))
    marks = [
        shown.stop_low,
        shown.stop_high,
        shown.half_low,
        shown.half_high,
        shown.breakeven_low,
        shown.breakeven_high,
    ]
    for mark in (*(m for m in marks if m is not None), 104_000.0, 96_000.0):
        assert shown.spots[0] <= mark <= shown.spots[-1]


@settings(max_examples=50)
@given(st.floats(98_500, 101_500), st.floats(0.35, 0.55), hours)
def test_where_the_corridor_ends_the_engine_itself_finds_the_maximum_loss(spot: float, vol: float, hour: float) -> None:
    """The same book moved to that spot: marks by the model, asks as far above them as now (within the spread guard)."""
    at, run = later(hour), strangle()
    view = seen(run, model_market(at, spot=spot, vol=vol, ask_above=2.0))
    assert view.corridor is not None and view.pnl_pct is not None
    assume(view.pnl_pct > -45)
    for level, ends in (
        (-100, (view.corridor.stop_low, view.corridor.stop_high)),
        (-100, (rung(view, "max_loss").spot_low, rung(view, "max_loss").spot_high)),
        (-50, (view.corridor.half_low, view.corridor.half_high)),
    ):
        low, high = ends
        assert low is not None and high is not None and low < spot < high
        for end in (low, high):
            assert float(valued(run, model_market(at, spot=end, vol=vol, ask_above=2.0)).pct) == pytest.approx(
                level, abs=0.05
            )


def test_breakevens_are_at_expiry_with_the_fees_paid() -> None:
    shown = seen(strangle(), model_market(later(1))).corridor
    assert shown is not None
    kept_usd = 100 * 0.001 * 600 - 0.02
    assert (shown.breakeven_low, shown.breakeven_high) == (
        pytest.approx(96_000 - kept_usd / 0.1, abs=0.1),
        pytest.approx(104_000 + kept_usd / 0.1, abs=0.1),
    )


def test_an_armed_trailing_level_is_the_nearer_stop() -> None:
    market = model_market(later(5), vol=0.3)
    run = strangle()
    plain, armed = seen(run, market), seen(replace(run, level_pct=D(25), peak_pct=D(55)), market)
    assert plain.nearest_stop is not None and armed.nearest_stop is not None
    assert (plain.nearest_stop.name, armed.nearest_stop.name) == ("max loss", "trailing stop")
    assert abs(armed.nearest_stop.move) < abs(plain.nearest_stop.move)
    assert plain.corridor is not None and armed.corridor is not None
    assert plain.corridor.stop_low is not None and armed.corridor.stop_low is not None
    assert armed.corridor.stop_low > plain.corridor.stop_low
    assert armed.corridor.half_low == plain.corridor.half_low
    assert (rung(armed, "trailing_stop").spot_low, rung(armed, "trailing_stop").spot_high) == (
        armed.corridor.stop_low,
        armed.corridor.stop_high,
    )
    assert rung(armed, "max_loss").spot_low == plain.corridor.stop_low


@pytest.mark.parametrize(("spot", "sign"), [(101_500.0, 1), (98_500.0, -1)])
def test_the_nearest_stop_is_on_the_side_spot_has_gone_to(spot: float, sign: int) -> None:
    at = later(1)
    view = seen(strangle(), model_market(at, spot=spot))
    stop, ends = view.nearest_stop, rung(view, "max_loss")
    assert stop is not None and ends.spot_low is not None and ends.spot_high is not None
    assert stop.spot == (ends.spot_high if sign > 0 else ends.spot_low)
    assert stop.move * sign > 0 and stop.move == pytest.approx(stop.spot - spot, abs=0.11)
    assert stop.move_pct == pytest.approx(stop.move / spot * 100, abs=0.001)
    assert view.exit_at is not None
    deviation = spot * VOL * year_fraction(at, view.exit_at) ** 0.5
    assert stop.sigmas == pytest.approx(abs(stop.move) / deviation, abs=0.006)


def test_a_stop_that_is_reached_is_no_move_away() -> None:
    view = seen(strangle(), model_market(later(1), spot=104_500.0))
    assert view.pnl_pct is not None and view.pnl_pct < -100
    assert view.nearest_stop is not None
    assert (view.nearest_stop.spot, view.nearest_stop.move, view.nearest_stop.sigmas) == (104_500.0, 0.0, 0.0)


def test_nothing_deviates_once_the_exit_time_has_come() -> None:
    view = seen(strangle(exit_at=later(1)), model_market(later(1)))
    assert view.nearest_stop is not None and view.nearest_stop.sigmas is None


# -- outlook --------------------------------------------------------------------------------------------------------------


@settings(max_examples=50)
@given(spots, vols, hours, st.floats(0, 40))
def test_the_best_is_never_worse_than_standing_still(spot: float, vol: float, hour: float, ask_above: float) -> None:
    view = seen(strangle(), model_market(later(hour), spot=spot, vol=vol, ask_above=ask_above))
    shown = view.outlook
    assert shown is not None and shown.best_pct is not None and shown.still_pnl is not None and view.premium
    assert shown.best_pct >= float(shown.still_pnl / view.premium * 100) - 0.02
    assert shown.exit_at == view.exit_at


@pytest.mark.parametrize("hour", [0.5, 4, 6.9])
def test_standing_still_ends_where_the_engine_would_find_it(hour: float) -> None:
    """The exit time itself, spot and volatilities unmoved, the ask above the mark by its share of what is left."""
    at, run = later(hour), strangle()
    out = run.exit_at
    view = seen(run, model_market(at))
    assert out is not None and view.outlook is not None and view.outlook.still_pnl is not None
    shares = {key: float(quoted(key, out).mark or 0) / float(quoted(key, at).mark or 0) for key in "CP"}
    then = market_of(*(quoted(key, out, ask_above=5 * shares[key]) for key in "CP"), spot=100_000.0, at=out)
    assert float(view.outlook.still_pnl) == pytest.approx(float(valued(run, then).pnl), abs=0.006)


def test_the_best_spot_at_the_exit_time_is_found() -> None:
    at, run = later(2), strangle()
    view = seen(run, model_market(at, spot=101_200.0))
    out = run.exit_at
    assert out is not None and view.outlook is not None and view.outlook.best_pct is not None

    def at_exit(spot: float) -> float:
        total = 59.98
        for key in "CP":
            share = float(quoted(key, out, spot=101_200.0).mark or 0) / float(quoted(key, at, spot=101_200.0).mark or 0)
            closing = float(quoted(key, out, spot=spot).mark or 0) + 5 * share
            total -= 0.1 * (closing + min(0.0001 * spot, 0.035 * closing) * 1.18)
        return total / 60 * 100

    assert view.outlook.best_pct == pytest.approx(max(at_exit(spot) for spot in range(97_000, 104_000, 20)), abs=0.02)


def test_time_alone_earns_nothing_at_first_and_then_what_the_model_says() -> None:
    run = strangle()
    at_once = seen(run, model_market(SOLD_AT)).outlook
    after = seen(run, model_market(later(5), vol=0.9)).outlook  # volatility has risen since: no matter to time alone
    assert at_once is not None and after is not None and at_once.by_time_pct == 0.0
    gone = sum(
        price(100_000.0, strike, VOL, year_fraction(SOLD_AT, EXPIRY), kind)
        - price(100_000.0, strike, VOL, year_fraction(later(5), EXPIRY), kind)
        for strike, kind in ((104_000.0, Kind.CALL), (96_000.0, Kind.PUT))
    )
    assert after.by_time_pct == pytest.approx(gone * 0.1 / 60 * 100, abs=0.006)
    assert after.decayed_pct is not None and after.decayed_pct < 0 < after.by_time_pct


def test_decay_is_what_has_gone_from_the_mark_prices() -> None:
    shown = holding().view.outlook
    assert shown is not None and shown.decayed_pct == -2.5  # sold at 200, marked at 205
    half_closed = strangle()
    bought = fill("C", Side.BUY, 100, D(10), D(0), "bought-C")
    half_closed = run_with([*((b.leg, b.fill) for b in half_closed.fills.values()), ("C", bought)])
    at = later(1)
    put = replace(quoted("P", at), mark=D(75), ask=D(76))
    shown = seen(half_closed, market_of(quoted("C", at), put, spot=100_000.0, at=at)).outlook
    assert shown is not None and shown.decayed_pct == 75.0  # of the put, sold at 300


def test_a_run_of_an_older_version_knows_no_volatility_of_its_entry() -> None:
    terms = strangle().legs[0]
    old = msgspec.json.decode(msgspec.json.encode(terms))
    del old["iv"]
    read = msgspec.convert(old, LegTerms, strict=False)
    assert read.iv is None
    view = seen(strangle(legs=(read, strangle().legs[1])), model_market(later(1)))
    assert view.legs[0].iv_at_entry is None and view.legs[1].iv_at_entry == VOL
    assert view.outlook is not None and view.outlook.by_time_pct is None and view.outlook.still_pnl is not None


def test_the_volatility_a_leg_was_chosen_on_is_recorded() -> None:
    terms = leg_terms(preset().structure.leg("C"), 2, option(Kind.CALL, 104_000), quote(CALL, OPENING, mark_iv=0.62))
    assert terms.iv == 0.62
    assert [leg.iv_at_entry for leg in holding().view.legs] == [0.5, 0.5]


# -- the ladder -----------------------------------------------------------------------------------------------------------


def test_the_ladder_lists_what_ends_the_run_and_nothing_else() -> None:
    view = holding().view
    near = ["liquidation_guard", "liquidation", "liquidation"]
    assert [r.code for r in view.ladder] == ["max_loss", *near, "trailing_stop", "max_profit", "time", "expiry"]
    assert rung(view, "expiry").at_time == EXPIRY and rung(view, "time").at_time == view.exit_at
    bare = holding(preset(exits={"trailing_enabled": False, "liquidation_guard_pct": 0})).view
    assert [r.code for r in bare.ladder] == ["max_loss", "liquidation", "liquidation", "max_profit", "time", "expiry"]
    assert [r.code for r in without_strikes().ladder][-1] == "time"


def without_strikes() -> RunView:
    scene = Scene()
    scene.start()
    return scene.view


def test_a_trailing_stop_that_is_not_armed_says_how_far_its_arming_is() -> None:
    view = seen(strangle(), model_market(later(5), vol=0.3))
    trail = rung(view, "trailing_stop")
    assert view.pnl is not None and view.pnl_pct is not None and view.premium is not None
    assert (trail.armed, trail.arms_at_pct, trail.at_pct, trail.at_pnl) == (False, D(40), None, None)
    assert trail.distance_pct == 40 - view.pnl_pct
    assert trail.distance_usd == view.premium * D("0.4") - view.pnl
    armed = rung(seen(strangle(level_pct=D(0)), model_market(later(5), vol=0.3)), "trailing_stop")
    assert (armed.armed, armed.arms_at_pct, armed.at_pct, armed.at_pnl) == (True, None, D(0), D(0))


def test_a_profit_that_the_middle_would_bring_is_reachable_by_spot() -> None:
    """It used to be told as out of reach whenever both ends of the search were worse."""
    at, run = later(6), strangle()
    view = seen(run, model_market(at, spot=103_200.0, vol=0.4))
    arming = rung(view, "trailing_stop")
    assert view.pnl_pct is not None and view.pnl_pct < 40
    assert arming.spot_low is not None and arming.spot_high is not None
    assert arming.spot_low < arming.spot_high < 103_200
    for end in (arming.spot_low, arming.spot_high):
        assert float(valued(run, model_market(at, spot=end, vol=0.4)).pct) == pytest.approx(40, abs=0.05)
    never = rung(seen(run, model_market(later(0.1), vol=0.6)), "max_profit")
    assert (never.spot_low, never.spot_high) == (None, None)


def test_stops_move_out_until_shortly_before_the_exit_time() -> None:
    far = rung(seen(strangle(), model_market(later(1))), "max_loss")
    assert far.spot_low and far.spot_high and far.exit_low and far.exit_high
    assert far.exit_low < far.spot_low < far.spot_high < far.exit_high
    run = strangle()
    assert run.exit_at is not None
    half_an_hour_before = rung(seen(run, model_market(run.exit_at - timedelta(minutes=30), ask_above=0.0)), "max_loss")
    same = rung(seen(run, model_market(later(1), ask_above=0.0)), "max_loss")
    assert same.exit_low == pytest.approx(half_an_hour_before.spot_low, abs=1)
    near = rung(seen(run, model_market(run.exit_at - timedelta(minutes=20), ask_above=0.0)), "max_loss")
    at_exit = rung(seen(run, model_market(run.exit_at, ask_above=0.0)), "max_loss")
    assert near.exit_low == pytest.approx(at_exit.spot_low, abs=1) and at_exit.exit_low == at_exit.spot_low


def test_the_peak_says_when_it_was() -> None:
    scene = holding()
    for _ in range(2):
        scene.prices("100", "100", after=2.0)
    assert scene.view.peak_at == scene.market
    told = scene.view.peak_at
    scene.prices("150", "150", after=2.0)
    assert scene.view.peak_at == told is not None
    scene.restart()
    assert scene.view.peak_at == told


# -- one leg alone --------------------------------------------------------------------------------------------------------


def test_one_leg_alone_is_named_with_its_clock_and_what_it_may_cost() -> None:
    scene = entering()
    assert scene.view.naked is None
    scene.trade("P")
    alone = scene.view.naked
    assert alone is not None
    assert (alone.key, alone.symbol, alone.since, alone.limit_secs) == ("P", PUT, scene.wall, 600)
    years = year_fraction(scene.market or OPENING, EXPIRY)
    dearer = price(99_000.0, 96_000.0, 0.5, years, Kind.PUT) - price(100_000.0, 96_000.0, 0.5, years, Kind.PUT)
    assert alone.worst_usd is not None and float(alone.worst_usd) == pytest.approx(-dearer * 0.002, abs=0.0001)
    scene.trade("C")
    assert scene.view.naked is None


def test_of_uneven_legs_the_excess_is_alone() -> None:
    scene = entering()
    scene.trade("P")
    whole = scene.view.naked
    call = scene.accept("C")
    scene.fill(call.client_order_id, 1)
    half = scene.view.naked
    assert whole is not None and half is not None and half.key == "P"
    assert whole.worst_usd is not None and half.worst_usd is not None
    assert half.worst_usd == pytest.approx(whole.worst_usd / 2, abs=D("0.0002"))


def test_a_leg_still_open_while_the_other_is_bought_back_stands_alone_until_it_is() -> None:
    scene = exiting()
    assert scene.view.naked is None
    scene.trade("P")
    assert scene.view.naked is not None and scene.view.naked.key == "C"
    scene.trade("C")
    assert scene.view.naked is None
    assert kept().view.naked is None  # held to its settlement: nothing more can be done, and that is told elsewhere


def test_without_a_volatility_the_greeks_say_what_a_move_may_cost() -> None:
    at = later(1)
    sold = [("C", fill("C", Side.SELL, 100, D(400), D(0), "s"))]
    run = run_with(sold, phase=Phase.EXITING, naked_since=OPENING)
    call = replace(quoted("C", at), mark_iv=None, greeks=quote(CALL, at).greeks)
    shown = seen(run, market_of(call, quoted("P", at), spot=100_000.0, at=at)).naked
    assert shown is not None and shown.worst_usd == D("-13.00")  # 0.1 x (0.125 x 1000 + 0.00001 x 1000² / 2)
    blind = seen(run, market_of(replace(call, greeks=None), None, spot=100_000.0, at=at)).naked
    assert blind is not None and blind.worst_usd is None


# -- what is not known ----------------------------------------------------------------------------------------------------

PRICED = (
    "pnl",
    "pnl_mark",
    "fees_to_close",
    "spread_to_close",
    "net_delta",
    "net_gamma",
    "net_theta",
    "net_vega",
    "margin",
    "nearest_stop",
    "corridor",
)
PRICED_OF_A_LEG = (
    "pnl",
    "pnl_mark",
    "closing_px",
    "fee_to_close",
    "position_delta",
    "position_gamma",
    "position_theta",
    "position_vega",
)


def told(of: object, names: tuple[str, ...]) -> set[str]:
    return {name for name in names if getattr(of, name) is not None}


def test_nothing_is_made_up_before_anything_is_sold() -> None:
    view = waiting().view
    assert told(view, PRICED) == set() and (view.outlook, view.naked, view.safety) == (None, None, None)
    assert view.quantity == 2 and view.contract_value is None
    assert all(told(leg, PRICED_OF_A_LEG) == set() for leg in entering().view.legs)
    assert [leg.fees_paid for leg in entering().view.legs] == [None, None]


def test_stale_prices_make_every_figure_they_feed_unknown() -> None:
    scene = holding()
    scene.tick(6)
    view = scene.view
    assert told(view, PRICED) == set()
    assert all(told(leg, PRICED_OF_A_LEG) == set() for leg in view.legs)
    assert view.outlook is not None and view.outlook.by_time_pct is not None
    assert (view.outlook.decayed_pct, view.outlook.still_pnl, view.outlook.best_pct) == (None, None, None)
    assert view.safety is not None and not view.safety.app_stop
    assert all(r.spot_low is None and r.exit_low is None and r.distance_pct is None for r in view.ladder)
    assert [leg.fees_paid for leg in view.legs] == [D("0.01")] * 2


@pytest.mark.parametrize("vol", [None, 0.0, -0.1, float("nan"), float("inf")])
def test_without_a_usable_volatility_pnl_is_known_and_the_model_is_silent(vol: float | None) -> None:
    at = later(1)
    call = replace(quoted("C", at), mark_iv=vol, greeks=None)
    view = seen(strangle(), market_of(call, quoted("P", at), spot=100_000.0, at=at))
    assert view.pnl is not None and view.pnl_mark is not None and view.margin is not None
    assert (view.corridor, view.nearest_stop, view.net_delta, view.net_theta) == (None, None, None, None)
    assert view.legs[0].position_delta is None and view.legs[1].position_delta is not None
    assert view.outlook is not None and view.outlook.still_pnl is None and view.outlook.decayed_pct is not None
    assert rung(view, "max_loss").spot_low is None and rung(view, "max_loss").distance_pct is not None


def test_an_expired_leg_has_no_greeks_and_no_corridor() -> None:
    at = EXPIRY + timedelta(seconds=1)
    view = seen(strangle(), model_market(at, vol=0.5))
    assert (view.corridor, view.nearest_stop, view.net_delta, view.naked) == (None, None, None, None)


def test_without_the_exchanges_time_no_model_speaks() -> None:
    at = later(1)
    market = replace(model_market(at), newest=at)
    run = strangle()

    view = build_view(replace(held_state(), market=market, runs={run.run_id: run}), run, Now(at, None))
    assert view.pnl_mark is not None and view.net_delta is not None
    assert (view.corridor, view.nearest_stop) == (None, None)


def test_a_finished_run_tells_what_it_has_realised_and_nothing_of_a_position() -> None:
    view = done().view
    assert view.pnl == view.pnl_mark == view.realized_pnl
    assert (view.spread_to_close, view.fees_to_close) == (0, 0)
    position = (view.net_delta, view.margin, view.naked, view.nearest_stop, view.corridor, view.outlook, view.safety)
    assert position == (None,) * 7
    assert all(leg.position_delta is None and leg.pnl == leg.pnl_mark for leg in view.legs)
    assert view.ladder == ()


def test_a_leg_bought_back_counts_with_what_it_brought() -> None:
    scene = exiting()
    scene.trade("P")
    view = scene.view
    call, put = view.legs
    assert put.pnl is not None and put.pnl == put.pnl_mark and put.fee_to_close == 0
    assert (put.position_delta, put.closing_px) == (None, None)
    assert call.position_delta == view.net_delta
    assert view.pnl is not None and call.pnl is not None and view.pnl == call.pnl + put.pnl


# -- size and words -------------------------------------------------------------------------------------------------------


def test_a_picture_stays_small_it_is_stored_every_second() -> None:
    view = seen(strangle(), model_market(later(1)))
    assert len(msgspec.json.encode(view.corridor)) < 2_000
    assert len(msgspec.json.encode(view)) < 7_000


def test_a_start_outside_the_usual_hours_is_told_as_information() -> None:
    """It was an alert of level warning, for what the person had just asked for."""
    scene = waiting(preset(schedule={"entry_time_ist": "10:00", "exit_time_ist": "18:00"}))
    told_once = [r for r in scene.records if isinstance(r, rec.AlertRaised)]
    assert [(r.code, r.level) for r in told_once] == [("schedule", "info")]
