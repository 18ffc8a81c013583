"""An account's net position in one contract and how a fill changes it. Exact in Decimal."""

from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal

import msgspec

_EIGHT = Decimal("0.00000001")


class Holding(msgspec.Struct, kw_only=True):
    """`size` is signed contracts (negative = short); `entry_value` is entry price × |size|, kept exact where the entry
    price would round; `margin` and `commission` are USD locked for it; realised figures are since it was opened."""

    user_id: int
    symbol: str
    product_id: int
    size: int = 0
    entry_value: Decimal = Decimal(0)
    margin: Decimal = Decimal(0)
    commission: Decimal = Decimal(0)
    realized_pnl: Decimal = Decimal(0)
    realized_cashflow: Decimal = Decimal(0)
    realized_funding: Decimal = Decimal(0)
    commission_paid: Decimal = Decimal(0)
    auto_topup: bool = False
    created_at: datetime
    updated_at: datetime

    @property
    def entry_price(self) -> Decimal | None:
        return self.entry_value / abs(self.size) if self.size else None

    def apply(self, *, signed: int, price: Decimal, contract_value: Decimal, unit_margin: Decimal) -> Decimal:
        """Book `signed` contracts at `price`; opening contracts lock `unit_margin` USD each.

        Returns:
            The profit realised by the closing part, USD before commission.
        """
        realized = Decimal(0)
        if self.size and (self.size > 0) != (signed > 0):
            closing = min(abs(self.size), abs(signed))
            realized = self._close(closing, price, contract_value)
            signed += closing if signed < 0 else -closing
        if signed:
            self.size += signed
            self.entry_value += price * abs(signed)
            self.margin += unit_margin * abs(signed)
        return realized

    def _close(self, closing: int, price: Decimal, contract_value: Decimal) -> Decimal:
        sign = 1 if self.size > 0 else -1
        whole = closing == abs(self.size)
        share = self.entry_value if whole else _rounded(self.entry_value * closing / abs(self.size))
        freed = self.margin if whole else _rounded(self.margin * closing / abs(self.size))
        realized = sign * (price * closing - share) * contract_value
        self.size -= sign * closing
        self.entry_value -= share
        self.margin -= freed
        self.realized_pnl += realized
        return realized


def _rounded(value: Decimal) -> Decimal:
    return value.quantize(_EIGHT, rounding=ROUND_HALF_EVEN)
