"""What the fills of one leg add up to, kept as they are folded: nothing is summed again when a price moves."""

from datetime import datetime
from decimal import Decimal

import msgspec
from msgspec.structs import replace

from trader.domain.fill import Fill
from trader.engine.records import LegTerms

_ZERO = Decimal(0)


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """One leg's fills in sums. `entered` and `closed` are contracts of the leg's own and of the other side, the values their
    price times contracts; money is USD. `fees` are the commissions told whole, `uncosted` counts the fills that lack one."""

    entered: int = 0
    closed: int = 0
    open: int = 0  # what is left: >= 0 while all is well
    entered_value: Decimal = _ZERO
    closed_value: Decimal = _ZERO
    premium: Decimal = _ZERO  # what entering has brought, before commissions; negative for what was bought
    cash: Decimal = _ZERO  # the same of every fill, and funding
    funding: Decimal = _ZERO  # what funding has brought, negative where it was paid
    fees: Decimal = _ZERO
    uncosted: int = 0
    traded_at: datetime | None = None  # exchange time of the first contract
    told_at: datetime | None = None  # wall: when the newest fill was heard


def with_fill(ledger: Ledger, leg: LegTerms, fill: Fill, wall: datetime) -> Ledger:
    """The sums after one more fill."""
    value, cash = fill.price * fill.quantity, fill.cash_flow(leg.contract_value)
    stamps = [at for at in (ledger.traded_at, fill.ts_event) if at is not None]
    told = replace(
        ledger,
        cash=ledger.cash + cash,
        fees=ledger.fees + (fill.commission or _ZERO),
        uncosted=ledger.uncosted + (fill.commission is None),
        traded_at=min(stamps, default=None),
        told_at=wall if ledger.told_at is None else max(ledger.told_at, wall),
    )
    if fill.side is not leg.side:
        return replace(
            told,
            closed=ledger.closed + fill.quantity,
            open=ledger.open - fill.quantity,
            closed_value=ledger.closed_value + value,
        )
    return replace(
        told,
        entered=ledger.entered + fill.quantity,
        open=ledger.open + fill.quantity,
        entered_value=ledger.entered_value + value,
        premium=ledger.premium + cash,
    )


def with_moved(ledger: Ledger, leg: LegTerms, quantity: int, price: Decimal, wall: datetime) -> Ledger:
    """The sums with so many contracts more (or fewer) closed at a price, by an order that is not this leg's own (or is)."""
    return replace(
        ledger,
        closed=ledger.closed + quantity,
        open=ledger.open - quantity,
        closed_value=ledger.closed_value + price * quantity,
        cash=ledger.cash + leg.side.sign * price * quantity * leg.contract_value,
        told_at=wall if ledger.told_at is None else max(ledger.told_at, wall),
    )


def with_funding(ledger: Ledger, amount: Decimal) -> Ledger:
    return replace(ledger, cash=ledger.cash + amount, funding=ledger.funding + amount)


def with_cost(ledger: Ledger, commission: Decimal) -> Ledger:
    """The sums after it was told what one fill, booked without a commission, has cost in all."""
    return replace(ledger, fees=ledger.fees + commission, uncosted=ledger.uncosted - 1)
