"""Profit and loss of a list of option legs against the underlying's price at expiry. Fees are left out.

At expiry the payoff is piecewise linear with kinks at the strikes, so breakevens, best and worst case are exact in
Decimal. All legs are taken to settle at one price.
"""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from trader.domain.basis import CREDIT, MAX_LOSS, BasisName
from trader.domain.instrument import Kind


class PayoffLeg(msgspec.Struct, frozen=True, kw_only=True):
    """One option held. `quantity` is signed contracts (negative = short); `strike` and `entry_price` are USD per unit of
    underlying."""

    strike: Decimal
    kind: Kind
    quantity: int
    contract_value: Decimal
    entry_price: Decimal

    @property
    def units(self) -> Decimal:
        """Signed amount of underlying."""
        return self.quantity * self.contract_value


class Basis(msgspec.Struct, frozen=True):
    """What percentages of a position are of: USD (> 0), and what it is."""

    usd: Decimal
    name: BasisName


def basis(legs: Sequence[PayoffLeg], brought: Decimal | None = None) -> Basis | None:
    """The net credit; where there is none, the most that can be lost at expiry; None where neither exists. Fees are left out.
    `brought` is the credit (negative: cost) where it does not stand in the legs' entry prices, which are 0 then."""
    credit = -sum((leg.entry_price * leg.units for leg in legs), Decimal(0)) if brought is None else brought
    if credit > 0:
        return Basis(credit, CREDIT)
    lost = most_lost(legs, brought or Decimal(0))
    return Basis(lost, MAX_LOSS) if lost else None


def pnl_at_expiry(legs: Sequence[PayoffLeg], spot: Decimal) -> Decimal:
    """USD gained (positive) or lost if everything settles at `spot`."""
    return sum(((_intrinsic(leg, spot) - leg.entry_price) * leg.units for leg in legs), Decimal(0))


def breakevens(legs: Sequence[PayoffLeg]) -> tuple[Decimal, ...]:
    """Spots, ascending, at which the payoff at expiry passes through zero (not stretches that lie on zero)."""
    kinks = _kinks(legs)
    values = [pnl_at_expiry(legs, spot) for spot in kinks]
    found: list[Decimal] = []
    for (x0, y0), (x1, y1) in zip(
        zip(kinks, values, strict=True), zip(kinks[1:], values[1:], strict=True), strict=False
    ):
        if y0 == 0 != y1 and x0 not in found:
            found.append(x0)
        elif y0 * y1 < 0:
            found.append(x0 + (x1 - x0) * y0 / (y0 - y1))
        elif y1 == 0 != y0:
            found.append(x1)
    last, slope = values[-1], _upper_slope(legs)
    if last * slope < 0:
        found.append(kinks[-1] - last / slope)
    return tuple(found)


def max_profit(legs: Sequence[PayoffLeg]) -> Decimal | None:
    """Best USD result at expiry over all spots from 0 up; None when it is unbounded."""
    return None if _upper_slope(legs) > 0 else max(pnl_at_expiry(legs, spot) for spot in _kinks(legs))


def max_loss(legs: Sequence[PayoffLeg]) -> Decimal | None:
    """Worst USD result at expiry over all spots from 0 up (negative = a loss); None when it is unbounded."""
    return None if _upper_slope(legs) < 0 else min(pnl_at_expiry(legs, spot) for spot in _kinks(legs))


def most_lost(legs: Sequence[PayoffLeg], brought: Decimal = Decimal(0)) -> Decimal | None:
    """USD lost at expiry where spot is worst, less what the legs have `brought` beside their entry prices; None when there is
    no bound."""
    worst = max_loss(legs)
    return None if worst is None else max(-(worst + brought), Decimal(0))


def _intrinsic(leg: PayoffLeg, spot: Decimal) -> Decimal:
    return max(Decimal(0), spot - leg.strike if leg.kind is Kind.CALL else leg.strike - spot)


def _kinks(legs: Sequence[PayoffLeg]) -> list[Decimal]:
    return [Decimal(0), *sorted({leg.strike for leg in legs})]


def _upper_slope(legs: Sequence[PayoffLeg]) -> Decimal:
    """USD per USD of spot above the highest strike."""
    return sum((leg.units for leg in legs if leg.kind is Kind.CALL), Decimal(0))
