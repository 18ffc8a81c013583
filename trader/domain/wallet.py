"""The account's money."""

from datetime import datetime
from decimal import Decimal

import msgspec


class Wallet(msgspec.Struct, frozen=True, kw_only=True):
    """Money in the settling asset (USD). `available` = `balance` - `blocked_margin`; `equity` counts open positions at
    mark, None where the exchange has not said."""

    balance: Decimal
    available: Decimal
    blocked_margin: Decimal
    equity: Decimal | None = None
    asset: str = "USD"
    ts_event: datetime | None = None
