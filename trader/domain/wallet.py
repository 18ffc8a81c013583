"""The account's money."""

from datetime import datetime
from decimal import Decimal

import msgspec


class Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the ledger: `amount` signed, `balance` after it. Kinds: cashflow, commission, settlement, funding,
    liquidation_fee, deposit and others; an unknown kind stays as text."""

    transaction_id: str
    kind: str
    amount: Decimal
    balance: Decimal
    asset: str | None
    product_id: int | None
    created_at: datetime | None


class Wallet(msgspec.Struct, frozen=True, kw_only=True):
    """Money in the settling asset (USD). `available` = `balance` - `blocked_margin`; `equity` counts open positions at
    mark, None where the exchange has not said. `margin_mode`: as what is blocked shows it, None where nothing is. The parts of
    what is blocked are the exchange's, None where it tells none."""

    balance: Decimal
    available: Decimal
    blocked_margin: Decimal
    equity: Decimal | None = None
    asset: str = "USD"
    margin_mode: str | None = None
    ts_event: datetime | None = None
    order_margin: Decimal | None = None
    position_margin: Decimal | None = None
    portfolio_margin: Decimal | None = None
    commission: Decimal | None = None  # blocked for what closing would cost
