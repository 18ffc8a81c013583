"""Cover and ratio as arithmetic: what is covered, what stands astray, what the basis of a percentage is."""

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.scene import EXPIRY, D
from trader.domain.basis import CREDIT, MAX_LOSS
from trader.domain.instrument import Kind
from trader.domain.order import Side
from trader.engine.basis import basis_of, most_lost
from trader.engine.cover import astray, behind, beyond_cover, in_ranks, needed, uncovered
from trader.engine.ledger import Ledger
from trader.engine.records import LegTerms


def leg(key: str, side: str, *, ratio: int = 1, strike: int = 100_000, quantity: int = 10, rank: int = 0) -> LegTerms:
    """A leg; the last letter of its key is its kind."""
    return LegTerms(
        key=key,
        symbol=f"{key}-{strike}",
        product_id=1,
        kind=Kind.CALL if key[-1] == "C" else Kind.PUT,
        strike=D(strike),
        expiry=EXPIRY,
        side=Side(side),
        quantity=quantity * ratio,
        contract_value=D("0.001"),
        tick_size=D("0.5"),
        fee_rate=D("0.0001"),
        fee_cap=None,
        delta=0.1,
        bid=None,
        ask=None,
        mark=None,
        ratio=ratio,
        rank=rank,
    )


STRANGLE = (leg("C", "sell"), leg("P", "sell"))
CONDOR = (leg("LC", "buy"), leg("LP", "buy"), leg("C", "sell", rank=1), leg("P", "sell", rank=1))
RATIO = (leg("C", "sell"), leg("P", "sell", ratio=2))
CALL_RATIO = (leg("LC", "buy"), leg("C", "sell", ratio=2, rank=1))  # one short call of two is meant to be bare
HALF = (leg("LC", "buy"), leg("C", "sell", rank=1), leg("P", "sell", rank=1))  # only calls are covered


@pytest.mark.parametrize(
    ("legs", "sizes", "expected"),
    [
        (STRANGLE, {"C": 10, "P": 10}, {}),
        (STRANGLE, {"C": 10, "P": 9}, {"C": 1}),
        (STRANGLE, {"P": 4}, {"P": 4}),
        (STRANGLE, {}, {}),
        (RATIO, {"C": 10, "P": 20}, {}),
        (RATIO, {"C": 10, "P": 19}, {}),  # half a unit: less than a contract of the other leg
        (RATIO, {"C": 10, "P": 18}, {"C": 1}),
        (RATIO, {"C": 5, "P": 20}, {"P": 10}),
        (CONDOR, {"LC": 10, "LP": 10}, {}),
        (CONDOR, {"LC": 10, "LP": 10, "C": 10}, {}),
        (CONDOR, {"LC": 10, "LP": 10, "C": 10, "P": 10}, {}),
        (CONDOR, {"LC": 9, "LP": 10, "C": 10, "P": 10}, {"C": 1}),
        (CONDOR, {"C": 10}, {"C": 10}),
        (CALL_RATIO, {"LC": 10, "C": 20}, {}),
        (CALL_RATIO, {"LC": 5, "C": 20}, {"C": 5}),
        (HALF, {"LC": 10, "C": 10, "P": 10}, {}),
        (HALF, {"LC": 10, "C": 10}, {}),
        (HALF, {"LC": 10, "P": 10}, {"P": 10}),
        ((leg("C", "sell"),), {"C": 3}, {}),
        ((leg("LC", "buy"), leg("LP", "buy")), {"LC": 3}, {}),
    ],
)
def test_what_stands_without_what_it_belongs_with(
    legs: tuple[LegTerms, ...], sizes: dict[str, int], expected: dict[str, int]
) -> None:
    assert astray(legs, sizes) == expected


counts = st.integers(0, 30)


@given(counts, counts, counts, counts)
def test_nothing_is_astray_that_is_covered_and_what_is_astray_is_bare(c: int, p: int, lc: int, lp: int) -> None:
    sizes = {"C": c, "P": p, "LC": lc, "LP": lp}
    found = astray(CONDOR, sizes)
    assert found == {key: bare for key, bare in (("C", max(c - lc, 0)), ("P", max(p - lp, 0))) if bare}
    for one in CONDOR:
        assert beyond_cover(CONDOR, sizes, one.kind) == uncovered(CONDOR, sizes, one.kind)


@given(counts, counts)
def test_of_a_strangle_the_fuller_leg_is_astray_by_the_difference(c: int, p: int) -> None:
    found = astray(STRANGLE, {"C": c, "P": p})
    assert found == ({} if c == p else {"C" if c > p else "P": abs(c - p)})
    assert behind(STRANGLE, {"C": c, "P": p}) == (set() if c == p else {"C" if c < p else "P"})


def test_what_shorts_need_and_in_which_order_legs_are_entered() -> None:
    assert needed(CONDOR, CONDOR[0], {"C": 4, "P": 7}) == 4
    assert [[one.key for one in rank] for rank in in_ranks(CONDOR)] == [["LC", "LP"], ["C", "P"]]
    assert [[one.key for one in rank] for rank in in_ranks(STRANGLE)] == [["C", "P"]]


def ledgers(**premiums: tuple[int, str]) -> dict[str, Ledger]:
    return {key: Ledger(entered=entered, open=entered, premium=D(usd)) for key, (entered, usd) in premiums.items()}


WINGED = (
    leg("LC", "buy", strike=105_000),
    leg("LP", "buy", strike=95_000),
    leg("C", "sell", strike=104_000, rank=1),
    leg("P", "sell", strike=96_000, rank=1),
)


@pytest.mark.parametrize(
    ("legs", "entered", "expected"),
    [
        (STRANGLE, ledgers(C=(10, "2"), P=(10, "3")), (D(5), CREDIT)),
        (WINGED, ledgers(LC=(10, "-1"), LP=(10, "-1"), C=(10, "2"), P=(10, "3")), (D(3), CREDIT)),
        (WINGED, ledgers(LC=(10, "-1"), LP=(10, "-1")), (D(2), MAX_LOSS)),
        (
            WINGED,
            ledgers(LC=(10, "-2"), LP=(10, "-2"), C=(10, "1"), P=(10, "1")),
            (D(12), MAX_LOSS),
        ),  # 2 paid, 10 of width
        ((leg("LP", "buy"),), ledgers(LP=(10, "-4")), (D(4), MAX_LOSS)),
        ((leg("P", "sell", strike=90_000),), ledgers(P=(10, "0")), (D(900), MAX_LOSS)),
        (CALL_RATIO, ledgers(LC=(10, "-5"), C=(20, "4")), (D(4), CREDIT)),  # never entered so on purpose; exits go on
        (STRANGLE, {}, (D(0), CREDIT)),
    ],
)
def test_the_basis_is_the_net_credit_or_else_the_most_that_can_be_lost(
    legs: tuple[LegTerms, ...], entered: dict[str, Ledger], expected: tuple[Decimal, str]
) -> None:
    assert basis_of(legs, entered) == expected


part = st.tuples(
    st.sampled_from(["C", "P"]), st.sampled_from(["buy", "sell"]), st.integers(80, 120), st.integers(1, 20)
)


@given(st.lists(part, min_size=1, max_size=5), st.decimals(-50, 50, places=2))
def test_no_spot_loses_more_than_the_most_that_can_be_lost(
    parts: list[tuple[str, str, int, int]], premium: Decimal
) -> None:
    legs = [(leg(kind, side, strike=strike * 1000), size) for kind, side, strike, size in parts]
    most = most_lost(legs, premium)

    def left(spot: int) -> Decimal:
        total = premium
        for one, size in legs:
            inside = max(spot - one.strike if one.kind is Kind.CALL else one.strike - spot, D(0))
            total += one.side.sign * size * one.contract_value * inside
        return total

    spots = [*range(0, 200_001, 5_000), 10**9]
    losses = [-left(spot) for spot in spots]
    if most is None:
        assert losses[-1] > losses[-2]
    else:
        assert max(*losses, D(0)) <= most
        assert most == max(*(-left(at) for at in (0, *(int(one.strike) for one, _ in legs))), D(0))
    assert all(a <= b for a, b in pairwise(sorted(spots)))


def test_a_leg_worked_in_slices_may_lead_by_one_of_them() -> None:
    leads = {"C": 3, "P": 3}
    assert astray(STRANGLE, {"C": 3}, leads) == {}
    assert astray(STRANGLE, {"C": 4}, leads) == {"C": 1}
    assert astray(CONDOR, {"LC": 3, "C": 4}, leads) == {"C": 1}  # cover is owed in full
