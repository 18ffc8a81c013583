"""What percentages are of: the net credit of what was entered, or, where there is none, the most that can be lost at expiry."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from trader.engine.ledger import Ledger
from trader.engine.records import LegTerms
from trader.pricing.payoff import PayoffLeg, max_loss

CREDIT = "credit"
MAX_LOSS = "max loss"
_ZERO = Decimal(0)


def basis_words(name: str) -> str:
    """What a percentage is of, in words."""
    return "the most that can be lost" if name == MAX_LOSS else "premium"


def most_lost(parts: Sequence[tuple[LegTerms, int]], premium: Decimal) -> Decimal | None:
    """USD that so many contracts of these legs lose at expiry where spot is worst for them, less the premium they have brought
    (negative: cost); before fees. None where there is no bound."""
    owned = [
        PayoffLeg(
            strike=leg.strike,
            kind=leg.kind,
            quantity=leg.side.sign * quantity,
            contract_value=leg.contract_value,
            entry_price=_ZERO,  # what was paid and brought is the premium
        )
        for leg, quantity in parts
    ]
    worst = max_loss(owned)
    return None if worst is None else max(-(worst + premium), _ZERO)


def basis_of(legs: Sequence[LegTerms], ledgers: Mapping[str, Ledger]) -> tuple[Decimal, str]:
    """The basis of what was entered by these fills, USD, and what it is; 0 while nothing was.

    A structure that can lose without a bound is not entered for a debit. Where the fills came to one all the same, what its
    short legs have brought stands in, so that its exits go on.
    """
    parts = [(leg, ledgers[leg.key]) for leg in legs if leg.key in ledgers]
    premium = sum((ledger.premium for _, ledger in parts), _ZERO)
    if premium > 0:
        return premium, CREDIT
    lost = most_lost([(leg, ledger.entered) for leg, ledger in parts], premium)
    if lost:
        return lost, MAX_LOSS
    return sum((max(ledger.premium, _ZERO) for _, ledger in parts), _ZERO), CREDIT
