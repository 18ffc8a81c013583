"""Executions and holdings."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import msgspec

from trader.domain.order import Side


class FillKind(StrEnum):
    NORMAL = "normal"
    LIQUIDATION = "liquidation"
    ADL = "adl"
    SETTLEMENT = "settlement"
    OTC = "otc"


class Fill(msgspec.Struct, frozen=True, kw_only=True):
    """One execution. `price` is USD per unit of underlying; `commission` is USD paid, GST included, negative = rebate,
    None while the exchange has not said (the fast fill stream does not carry it)."""

    fill_id: str
    venue_order_id: str
    client_order_id: str | None
    symbol: str
    product_id: int
    side: Side
    quantity: int
    price: Decimal
    commission: Decimal | None
    role: str = "taker"
    kind: FillKind = FillKind.NORMAL
    ts_event: datetime | None = None

    def cash_flow(self, contract_value: Decimal) -> Decimal:
        """USD that came in (sale, positive) or went out (purchase, negative), before commission."""
        return -self.side.sign * self.price * self.quantity * contract_value


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """Net holding in one contract; `quantity` is signed, negative = short; 0 is a successful read of nothing."""

    symbol: str
    product_id: int
    quantity: int
    entry_price: Decimal | None = None
