"""The parts of a run's P&L: they add up, and on a path priced by a model the greeks explain it."""

import math
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from trader.analytics.attribution import Attribution, LegPath, Traded, attribute
from trader.analytics.steps import Greeks, Option, Seen
from trader.domain.instrument import Kind
from trader.domain.order import Side
from trader.pricing.black76 import price_and_greeks, year_fraction

D = Decimal
T0 = datetime(2026, 3, 2, 4, tzinfo=UTC)
EXPIRY = T0 + timedelta(hours=30)
VALUE = D("0.001")
CALL = Option(Kind.CALL, 92000, EXPIRY)


def path(seed: int, *, steps: int, every: timedelta, vol: float = 0.5, strike: float = 92000) -> list[Seen]:
    """A day of spot and volatility at random, the option priced by Black-76."""
    draw = random.Random(seed)
    spot, iv, found = 90000.0, vol, []
    years = every / timedelta(days=365)
    for number in range(steps + 1):
        at = T0 + number * every
        mark, greeks = price_and_greeks(spot, strike, iv, year_fraction(at, EXPIRY), Kind.CALL)
        found.append(Seen(at=at, spot=spot, mark=mark, iv=iv, greeks=Greeks(greeks.delta, greeks.theta, greeks.vega)))
        spot *= math.exp(draw.gauss(0, 0.5 * math.sqrt(years)))
        iv = max(0.1, iv + draw.gauss(0, 0.002))
    return found


def trade(
    at: datetime, side: Side, quantity: int, price: str, reference: str | None = None, fee: str = "0.01"
) -> Traded:
    return Traded(
        at=at,
        side=side,
        quantity=quantity,
        price=D(price),
        reference=None if reference is None else D(reference),
        fee=D(fee),
    )


def told(seen: Sequence[Seen], traded: Sequence[Traded]) -> Attribution:
    return attribute([LegPath(key="CE", contract_value=VALUE, seen=seen, traded=traded)])


def total(found: Attribution) -> float:
    money = found.spread + found.slippage + found.exchange + found.funding + found.fees
    return found.delta + found.gamma + found.theta + found.vega + float(money) + found.residual


@pytest.mark.parametrize(
    ("every", "most"), [(timedelta(seconds=2), 0.0005), (timedelta(minutes=1), 0.005), (timedelta(minutes=30), 0.05)]
)
def test_on_a_path_priced_by_the_model_little_is_left(every: timedelta, most: float) -> None:
    shares = []
    for seed in range(5):
        seen = path(seed, steps=int(timedelta(hours=8) / every), every=every)
        sold, bought = D(str(round(seen[0].mark, 1))), D(str(round(seen[-1].mark, 1)))
        found = told(
            seen,
            [
                trade(seen[0].at, Side.SELL, 10, str(sold - 2), str(sold - 1)),
                trade(seen[-1].at, Side.BUY, 10, str(bought + 3), str(bought + 2)),
            ],
        )
        assert total(found) == pytest.approx(float(found.pnl), abs=1e-9)
        assert found.theta > 0 and found.gamma < 0  # sold: earns by time, loses by movement
        assert found.residual_share is not None
        shares.append(found.residual_share)
    assert max(shares) < most, shares


def test_the_spread_and_the_slippage_are_what_each_execution_has_cost() -> None:
    seen = [
        Seen(at=T0, spot=9e4, mark=100, iv=None, greeks=None),
        Seen(at=T0 + timedelta(hours=1), spot=9e4, mark=100, iv=None, greeks=None),
    ]
    found = told(
        seen,
        [
            trade(T0, Side.SELL, 1000, "97", "98", "0.2"),
            trade(T0 + timedelta(minutes=30), Side.BUY, 1000, "104", "103", "0.3"),
        ],
    )
    assert (found.spread, found.slippage, found.fees, found.exchange) == (D(-5), D(-2), D("-0.5"), D(0))
    assert found.pnl == D("-7.5") and found.residual == 0


def test_what_the_exchange_closes_by_itself_has_no_order_to_blame() -> None:
    seen = [Seen(at=T0, spot=9e4, mark=100, iv=None, greeks=None)]
    found = told(seen, [trade(T0, Side.SELL, 1000, "100", "100", "0"), trade(EXPIRY, Side.BUY, 1000, "130", None, "0")])
    assert (found.exchange, found.spread, found.pnl) == (D(-30), D(0), D(-30))


def test_funding_is_told_by_itself() -> None:
    leg = LegPath(key="T", contract_value=VALUE, seen=[], traded=[], funding=D("-0.05"))
    found = attribute([leg])
    assert (found.funding, found.pnl, found.residual) == (D("-0.05"), D("-0.05"), 0.0)


def test_contracts_count_from_the_instant_they_were_traded() -> None:
    """Sold in two halves, the second in the middle of a step: three quarters of the step's change."""
    up = Greeks(0.5, 0.0, 0.0)
    seen = [
        Seen(at=T0, spot=100, mark=10, iv=0.5, greeks=up),
        Seen(at=T0 + timedelta(hours=1), spot=120, mark=20, iv=0.5, greeks=up),
    ]
    half = T0 + timedelta(minutes=30)
    end = T0 + timedelta(hours=1)
    found = told(
        seen,
        [
            trade(T0, Side.SELL, 500, "10", "10", "0"),
            trade(half, Side.SELL, 500, "15", "15", "0"),
            trade(end, Side.BUY, 1000, "20", "20", "0"),
        ],
    )
    assert found.delta == pytest.approx(-0.75 * 0.5 * 20) and found.pnl == D("-7.5")
    assert found.residual == pytest.approx(0) and (found.spread, found.slippage) == (D(0), D(0))


def test_where_no_greeks_were_known_the_change_of_mark_is_left_over_and_told() -> None:
    seen = [Seen(at=T0 + timedelta(hours=n), spot=9e4, mark=100 - 10 * n, iv=None, greeks=None) for n in range(3)]
    found = told(
        seen, [trade(T0, Side.SELL, 1000, "100", "100", "0"), trade(seen[-1].at, Side.BUY, 1000, "80", "80", "0")]
    )
    assert found.residual == pytest.approx(20) and found.residual_share == pytest.approx(1)
    assert found.longest_gap == timedelta(hours=1)


def test_without_a_sample_only_cash_and_fees_are_told() -> None:
    found = told([], [trade(T0, Side.SELL, 1000, "100", "101"), trade(T0, Side.BUY, 1000, "80", "79")])
    assert found.pnl == D("19.98") and total(found) == pytest.approx(19.98)
    assert attribute([]).residual_share is None


fills = st.lists(
    st.tuples(
        st.integers(0, 480), st.sampled_from(list(Side)), st.integers(1, 50), st.integers(-30, 30), st.integers(-30, 30)
    ),
    max_size=12,
)


@settings(deadline=None, max_examples=80)
@given(st.integers(0, 1000), fills)
def test_the_parts_add_up_to_the_cash_whatever_was_traded_and_when(
    seed: int, drawn: list[tuple[int, Side, int, int, int]]
) -> None:
    seen = path(seed, steps=32, every=timedelta(minutes=15))
    traded = [
        trade(T0 + timedelta(minutes=at), side, quantity, str(300 + off), str(300 + off + slip), "0.03")
        for at, side, quantity, off, slip in sorted(drawn, key=lambda one: one[0])
    ]
    held = sum(one.side.sign * one.quantity for one in traded)
    if held:
        traded.append(trade(seen[-1].at, Side.SELL if held > 0 else Side.BUY, abs(held), "310"))
    found = told(seen, traded)
    cash = sum((-one.side.sign * one.quantity * one.price * VALUE - one.fee for one in traded), D(0))
    assert found.pnl == cash and total(found) == pytest.approx(float(cash), abs=1e-7)
    assert found.residual_share is None or found.residual_share < 0.2


def test_a_runner_that_was_away_leaves_little_more_than_one_that_looked_on() -> None:
    """Six hours without a sample on a path whose spot and volatility went on."""
    whole = path(3, steps=480, every=timedelta(minutes=1))
    torn = [whole[0], *whole[60:61], *whole[420:]]
    trades = [trade(T0, Side.SELL, 1000, "1", "1", "0"), trade(whole[-1].at, Side.BUY, 1000, "1", "1", "0")]
    for seen, option, most in ((torn, CALL, 0.01), (torn, None, 1.0)):
        leg = LegPath(key="CE", contract_value=VALUE, seen=seen, traded=trades, option=option)
        found = attribute([leg])
        assert found.longest_gap == timedelta(hours=6) and found.residual_share is not None
        assert found.residual_share < most
        assert (found.misfit > 0) is (option is not None)


def test_a_large_residual_says_what_it_comes_from() -> None:
    blind = [Seen(at=T0 + timedelta(hours=n), spot=9e4, mark=100 - 10 * n, iv=None, greeks=None) for n in range(3)]
    sold = [trade(T0, Side.SELL, 1000, "100", "100", "0"), trade(blind[-1].at, Side.BUY, 1000, "80", "80", "0")]
    assert told(blind, sold).why == (
        "for changes of mark of 20.00 USD neither greeks nor a volatility were known; samples lay up to 60 minutes apart; "
        "the largest part, +10.00 USD, is left by the step from 2026-03-02 04:00:00 UTC"
    )
    seen = path(1, steps=4, every=timedelta(minutes=2))
    off = [replace(one, mark=one.mark + 200 * (number % 2)) for number, one in enumerate(seen)]
    sold = [trade(T0, Side.SELL, 1000, "100", "100", "0"), trade(seen[1].at, Side.BUY, 1000, "100", "100", "0")]
    leg = LegPath(key="CE", contract_value=VALUE, seen=off[:2], traded=sold, option=CALL)
    why = attribute([leg]).why
    assert why is not None and why.startswith("marks moved by 2") and "do not follow from spot and volatility" in why
    assert told(seen, sold).why is None
