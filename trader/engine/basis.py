"""The basis of what a run has entered, and the most that its legs can lose."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from trader.domain.basis import CREDIT
from trader.engine.ledger import Ledger
from trader.engine.records import LegTerms
from trader.pricing import payoff

_ZERO = Decimal(0)


def most_lost(parts: Sequence[tuple[LegTerms, int]], premium: Decimal) -> Decimal | None:
    """USD that so many contracts of these legs lose at expiry where spot is worst for them, less the premium they have brought
    (negative: cost); before fees. None where there is no bound."""
    return payoff.most_lost(_owned(parts), premium)


def basis_of(legs: Sequence[LegTerms], ledgers: Mapping[str, Ledger]) -> tuple[Decimal, str]:
    """The basis of what was entered by these fills, USD, and what it is; 0 while nothing was.

    A structure that can lose without a bound is not entered for a debit. Where the fills came to one all the same, what its
    short legs have brought stands in, so that its exits go on.
    """
    parts = [(leg, ledgers[leg.key]) for leg in legs if leg.key in ledgers]
    premium = sum((ledger.premium for _, ledger in parts), _ZERO)
    found = payoff.basis(_owned([(leg, ledger.entered) for leg, ledger in parts]), premium)
    if found is not None:
        return found.usd, found.name
    return sum((max(ledger.premium, _ZERO) for _, ledger in parts), _ZERO), CREDIT


def basis_of_legs(legs: Sequence[LegTerms], premium: Decimal) -> Decimal:
    """The same of all contracts of these legs, entered for `premium` (negative: a cost); 0 where there is none."""
    found = payoff.basis(_owned([(leg, leg.quantity) for leg in legs]), premium)
    return _ZERO if found is None else found.usd


def most_earned(legs: Sequence[LegTerms], premium: Decimal) -> Decimal | None:
    """USD that all contracts of these legs earn at expiry where spot is best for them, entered for `premium`; before fees. None where
    there is no bound."""
    best = payoff.max_profit(_owned([(leg, leg.quantity) for leg in legs]))
    return None if best is None else best + premium


def _owned(parts: Sequence[tuple[LegTerms, int]]) -> list[payoff.PayoffLeg]:
    """Legs at an entry price of 0: what was paid and brought is the premium."""
    return [
        payoff.PayoffLeg(
            strike=leg.strike,
            kind=leg.kind,
            quantity=leg.side.sign * quantity,
            contract_value=leg.contract_value,
            entry_price=_ZERO,
        )
        for leg, quantity in parts
    ]
