from decimal import Decimal as D

from trader.domain.instrument import Kind
from trader.pricing.payoff import (
    Basis,
    PayoffLeg,
    basis,
    breakevens,
    max_loss,
    max_profit,
    pnl_at_expiry,
)


def leg(kind: Kind, strike: int, quantity: int, entry: str) -> PayoffLeg:
    return PayoffLeg(
        strike=D(strike),
        kind=kind,
        quantity=quantity,
        contract_value=D("0.001"),
        entry_price=D(entry),
    )


STRANGLE = [leg(Kind.CALL, 79_000, -100, "120"), leg(Kind.PUT, 75_000, -100, "100")]


def test_short_strangle_keeps_its_premium_between_the_strikes() -> None:
    assert pnl_at_expiry(STRANGLE, D(77_000)) == D(22)
    assert max_profit(STRANGLE) == D(22)


def test_short_strangle_breaks_even_a_premium_beyond_each_strike() -> None:
    assert breakevens(STRANGLE) == (D(74_780), D(79_220))
    assert [pnl_at_expiry(STRANGLE, spot) for spot in breakevens(STRANGLE)] == [0, 0]


def test_short_strangle_has_no_bounded_loss() -> None:
    assert max_loss(STRANGLE) is None
    assert max_profit([leg(Kind.CALL, 79_000, 1, "120")]) is None


def test_iron_condor_is_bounded_on_both_sides() -> None:
    condor = [*STRANGLE, leg(Kind.CALL, 80_000, 100, "40"), leg(Kind.PUT, 74_000, 100, "30")]
    assert max_profit(condor) == D(15)
    assert max_loss(condor) == D(15) - D(100)
    assert len(breakevens(condor)) == 2


def test_nothing_held_gains_nothing() -> None:
    assert breakevens([]) == ()
    assert max_profit([]) == max_loss([]) == pnl_at_expiry([], D(77_000)) == 0


def test_percentages_are_of_the_credit_or_else_of_the_most_that_can_be_lost() -> None:
    condor = [
        leg(Kind.PUT, 90, 10, "1"),
        leg(Kind.PUT, 95, -10, "3"),
        leg(Kind.CALL, 105, -10, "3"),
        leg(Kind.CALL, 110, 10, "1"),
    ]
    assert basis(condor) == Basis(D("0.04"), "credit")
    assert basis([leg(Kind.PUT, 95, 10, "3")]) == Basis(D("0.03"), "max loss")
    # A call spread bought for 2: 2 is what it can lose. Sold the other way round it brings 2.
    assert basis([leg(Kind.CALL, 100, 10, "5"), leg(Kind.CALL, 105, -10, "3")]) == Basis(D("0.02"), "max loss")
    # One call bought, two sold for less: a debit and a loss without a bound.
    assert basis([leg(Kind.CALL, 100, 10, "5"), leg(Kind.CALL, 105, -20, "2")]) is None
    assert basis([]) is None
