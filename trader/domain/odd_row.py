"""A row of a list that could not be used: what is wrong with it, and what it is about as far as it says."""

import re

import msgspec

from trader.domain.instrument import parse_option_symbol

_OTHER = re.compile(
    r"^[A-Z0-9]{2,20}(?:USDT?|_[A-Z]{2,6})$"
)  # perpetuals and spot; options have a grammar of their own


class OddRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row that was left out. `place` counts from 1, 0 for a message of its own. `symbol`, `product_id` and `order_id` are the row's own, empty or
    None where it does not say or that cannot be read; `client_order_id` is "" where the row says that it has none."""

    listed: str
    place: int
    reason: str
    symbol: str = ""
    product_id: int | None = None
    order_id: str = ""
    client_order_id: str | None = None

    @property
    def name(self) -> str:
        """What people know the row by."""
        if self.symbol:
            return self.symbol
        if self.product_id is not None:
            return f"product {self.product_id}"
        return f"row {self.place}" if self.place else "one without a name"

    @property
    def words(self) -> str:
        return f"{self.name} in {self.listed}: {self.reason}"

    def concerns(self, symbol: str, product_id: int) -> bool:
        """Whether the row may be about this contract: it says so, or it does not say credibly which one it is about."""
        if product_id == self.product_id or symbol == self.symbol:
            return True
        return self.product_id is None and not is_symbol(self.symbol)


def is_symbol(text: str) -> bool:
    """Whether a text has the form of a contract's symbol. A cut or garbled one names no contract."""
    try:
        parse_option_symbol(text)
    except ValueError:
        return _OTHER.match(text) is not None
    return True
