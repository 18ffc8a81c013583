from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.domain.instrument import Kind
from trader.pricing.black76 import POINT, greeks, price, price_and_greeks, price_by_forward, year_fraction
from trader.pricing.chain import price_chain

EXPIRY = datetime(2026, 9, 4, 12, tzinfo=UTC)
forwards = st.floats(1_000, 150_000)
moneyness = st.floats(0.6, 1.6)
vols = st.floats(0.05, 2.5)
times = st.floats(1 / 8760, 1.0)
kinds = st.sampled_from([Kind.CALL, Kind.PUT])


def test_year_fraction_counts_seconds_over_365_days() -> None:
    assert year_fraction(EXPIRY - timedelta(days=1), EXPIRY) == pytest.approx(1 / 365)
    assert year_fraction(EXPIRY + timedelta(seconds=1), EXPIRY) == 0


def test_price_matches_a_hand_computed_at_the_money_value() -> None:
    # F = K: value = F (2 N(vol sqrt(t) / 2) - 1)
    assert price(100, 100, 0.2, 1.0, Kind.CALL) == pytest.approx(7.965567455405804, abs=1e-12)


@given(forwards, moneyness, vols, times)
def test_put_call_parity_holds(f: float, m: float, vol: float, t: float) -> None:
    difference = price(f, f * m, vol, t, Kind.CALL) - price(f, f * m, vol, t, Kind.PUT)
    assert difference == pytest.approx(f - f * m, abs=1e-9 * f)


@given(forwards, moneyness, st.floats(0, 2.5), st.floats(0, 1.0), kinds)
def test_a_price_by_forward_is_the_price(f: float, m: float, vol: float, t: float, kind: Kind) -> None:
    by_forward = price_by_forward(f * m, vol, t, kind)
    assert all(
        by_forward(at) == pytest.approx(price(at, f * m, vol, t, kind), abs=1e-9 * f) for at in (f, f / 2, f * 2)
    )


def test_a_price_by_forward_refuses_what_is_no_option() -> None:
    with pytest.raises(ValueError):
        price_by_forward(0.0, 0.5, 0.1, Kind.CALL)
    with pytest.raises(ValueError):
        price_by_forward(100.0, 0.5, 0.1, Kind.PERPETUAL)


@given(forwards, moneyness, st.floats(0.15, 2.0), st.floats(1 / 365, 1.0), kinds)
def test_greeks_agree_with_finite_differences(f: float, m: float, vol: float, t: float, kind: Kind) -> None:
    k = f * m
    g = greeks(f, k, vol, t, kind)
    h = f * 1e-4 * max(vol * t**0.5, 0.02)
    up, mid, down = (price(f + d, k, vol, t, kind) for d in (h, 0, -h))
    assert g.delta == pytest.approx((up - down) / (2 * h), abs=1e-5)
    assert g.gamma == pytest.approx((up - 2 * mid + down) / h**2, abs=2e-3 / f / vol / t**0.5)
    dv = 1e-5
    slope_vol = (price(f, k, vol + dv, t, kind) - price(f, k, vol - dv, t, kind)) / (2 * dv)
    assert g.vega == pytest.approx(slope_vol * POINT, rel=1e-4, abs=1e-7 * f)
    dt = t * 1e-4
    slope_time = (price(f, k, vol, t - dt, kind) - price(f, k, vol, t + dt, kind)) / (2 * dt)
    assert g.theta == pytest.approx(slope_time / 365, rel=1e-4, abs=1e-7 * f)


@given(forwards, moneyness, vols, times)
def test_calls_and_puts_of_a_strike_share_gamma_vega_theta(f: float, m: float, vol: float, t: float) -> None:
    call, put = greeks(f, f * m, vol, t, Kind.CALL), greeks(f, f * m, vol, t, Kind.PUT)
    assert (call.gamma, call.vega, call.theta) == pytest.approx((put.gamma, put.vega, put.theta))
    assert call.delta - put.delta == pytest.approx(1)
    assert call.rho - put.rho == pytest.approx(f * m * t * POINT)


@pytest.mark.parametrize(("vol", "years"), [(0.0, 1.0), (0.5, 0.0), (-1.0, 1.0)])
def test_without_time_or_vol_only_intrinsic_value_is_left(vol: float, years: float) -> None:
    assert price_and_greeks(110, 100, vol, years, Kind.CALL)[0] == 10
    value, g = price_and_greeks(110, 100, vol, years, Kind.PUT)
    assert (value, g.delta, g.gamma, g.theta, g.vega, g.rho) == (0, 0, 0, 0, 0, 0)
    assert greeks(90, 100, vol, years, Kind.PUT).delta == -1
    assert greeks(100, 100, vol, years, Kind.CALL).delta == 0.5


@pytest.mark.parametrize(("forward", "strike"), [(0, 100), (100, 0), (-1, 100), (float("nan"), 100)])
def test_price_refuses_what_has_no_logarithm(forward: float, strike: float) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        price(forward, strike, 0.5, 0.1, Kind.CALL)


def test_price_refuses_a_perpetual() -> None:
    with pytest.raises(ValueError, match="not an option"):
        price(100, 100, 0.5, 0.1, Kind.PERPETUAL)


@given(forwards, st.lists(st.tuples(moneyness, st.floats(0, 2.5), st.floats(0, 1), st.booleans()), min_size=1))
def test_the_chain_function_equals_the_scalar_one(f: float, rows: list[tuple[float, float, float, bool]]) -> None:
    strikes, vol, years, calls = (np.array(column) for column in zip(*rows, strict=True))
    strikes = strikes * f
    chain = price_chain(f, strikes, vol, years, calls)
    for i, (k, v, t, call) in enumerate(zip(strikes, vol, years, calls, strict=True)):
        value = price(f, float(k), float(v), float(t), Kind.CALL if call else Kind.PUT)
        assert float(chain[i]) == pytest.approx(value, rel=1e-8, abs=1e-9 * f)


def test_scalar_pricing_needs_no_numpy() -> None:
    import subprocess
    import sys

    code = (
        "import sys; import trader.pricing, trader.pricing.black76, trader.pricing.implied_vol, trader.pricing.fees, "
        "trader.pricing.margin, trader.pricing.payoff; sys.exit('numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_marks_and_greeks_of_recorded_tickers_are_reproduced(shared_data) -> None:  # type: ignore[no-untyped-def]
    import json

    rows = json.loads((shared_data / "delta/rest_tickers_india_20260903T102829Z.json").read_text())["result"]
    assert len(rows) == 12
    for row in rows:
        now = datetime.fromtimestamp(row["timestamp"] / 1e6, UTC)
        kind = Kind.CALL if row["contract_type"] == "call_options" else Kind.PUT
        spot, strike = float(row["spot_price"]), float(row["strike_price"])
        value, g = price_and_greeks(spot, strike, float(row["mark_vol"]), year_fraction(now, EXPIRY), kind)
        assert abs(Decimal(value) - Decimal(row["mark_price"])) < Decimal("0.05"), row["symbol"]
        theirs = {name: float(text) for name, text in row["greeks"].items()}
        assert g.delta == pytest.approx(theirs["delta"], abs=0.01)
        assert g.gamma == pytest.approx(theirs["gamma"], rel=0.03)
        assert g.theta == pytest.approx(theirs["theta"], rel=0.03)
        assert g.vega == pytest.approx(theirs["vega"], rel=0.03)
        assert g.rho == pytest.approx(theirs["rho"], abs=0.02)
