"""What options tie up in each margin mode: isolated by hand, portfolio against its own parts, and where the mode is not known."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from trader.domain.instrument import Kind
from trader.pricing.black76 import price, year_fraction
from trader.pricing.margin_mode import OptionHeld, margin_in

NOW = datetime(2026, 6, 1, 4, 0, tzinfo=UTC)
EXPIRY = NOW + timedelta(hours=32)
SPOT = D(80_000)
C, P = Kind.CALL, Kind.PUT


def option(kind: Kind, strike: int, quantity: int, **changes: Any) -> OptionHeld:
    worth = price(float(SPOT), float(strike), 0.45, year_fraction(NOW, EXPIRY), kind)
    made = OptionHeld(
        kind=kind, strike=D(strike), expiry=EXPIRY, quantity=quantity, contract_value=D("0.001"), mark=D(str(round(worth, 1))),
        iv=0.45, margin_pct=D(1),
    )  # fmt: skip
    return replace(made, **changes)


STRANGLE = [option(C, 82_000, -100), option(P, 78_000, -100)]
CONDOR = [*STRANGLE, option(C, 84_000, 100), option(P, 76_000, 100)]


def margin(mode: str | None, *legs: OptionHeld, beside: Any = ()) -> D:
    return margin_in(mode, legs, spot=SPOT, at=NOW, beside=beside)


def test_isolated_is_the_sum_of_the_short_legs_and_nets_nothing() -> None:
    by_hand = sum((D(800) + leg.mark) * 100 * D("0.001") for leg in STRANGLE if leg.mark is not None)
    assert margin("isolated", *STRANGLE) == by_hand
    assert margin("isolated", *CONDOR) == by_hand, "what is long is paid in full and covers nothing"
    assert margin("isolated", *STRANGLE, beside=CONDOR) == by_hand
    assert margin("isolated") == 0


def test_portfolio_nets_a_strangle_and_a_condor_needs_less_still() -> None:
    strangle, condor = margin("portfolio", *STRANGLE), margin("portfolio", *CONDOR)
    assert condor < strangle < margin("isolated", *STRANGLE)
    straddle = [option(C, 80_000, -100), option(P, 80_000, -100)]
    each = [margin("portfolio", leg) for leg in straddle]
    assert max(each) < margin("portfolio", *straddle) < sum(each)
    # Far from the money the floor of each short option is more than any loss of the scenarios: 0.5 % of notional.
    floor = 2 * D("0.005") * SPOT * 100 * D("0.001")
    assert strangle == floor + sum(leg.mark * 100 * D("0.001") for leg in STRANGLE if leg.mark is not None)


@pytest.mark.parametrize("mode", [None, "cross"])
def test_in_a_mode_that_is_not_known_the_larger_counts(mode: str | None) -> None:
    assert margin(mode, *STRANGLE) == margin("isolated", *STRANGLE)
    # At 8,000,000 USD a leg the span has grown to 10 %: portfolio margin is the larger one.
    large = [replace(leg, quantity=-100_000) for leg in STRANGLE]
    assert margin(mode, *large) == margin("portfolio", *large) > margin("isolated", *large)


@pytest.mark.parametrize("gap", [{"iv": None}, {"mark": None}, {"mark": D("1E+40")}])
@pytest.mark.parametrize("mode", [None, "portfolio"])
def test_without_a_price_no_netting_is_counted_on(mode: str | None, gap: Any) -> None:
    blind = replace(STRANGLE[1], **gap)
    assert margin(mode, STRANGLE[0], blind) == margin("isolated", STRANGLE[0], blind)
    assert margin(mode, *STRANGLE, beside=[blind]) == margin("isolated", *STRANGLE)


def test_what_is_held_beside_counts_as_far_as_it_changes_the_whole() -> None:
    call, put = option(C, 80_000, -100), option(P, 80_000, -100)
    more = margin("portfolio", put, beside=[call])
    assert more == margin("portfolio", call, put) - margin("portfolio", call)
    assert more < margin("portfolio", put)
    back = replace(call, quantity=100)
    assert margin("portfolio", back, beside=[call]) == -margin("portfolio", call), "closing it gives all of it back"


@given(st.integers(0, 2**32))
def test_the_order_of_the_legs_changes_no_digit(seed: int) -> None:
    draw = Random(seed)
    shuffled = draw.sample(CONDOR, len(CONDOR))
    assert margin("portfolio", *shuffled) == margin("portfolio", *CONDOR)


@given(st.integers(1, 5_000), st.integers(1, 5_000))
def test_more_contracts_never_need_less(one: int, other: int) -> None:
    few, many = sorted((one, other))
    for mode in ("isolated", "portfolio"):
        sums = [margin(mode, *(replace(leg, quantity=-count) for leg in STRANGLE)) for count in (few, many)]
        assert 0 < sums[0] <= sums[1]
