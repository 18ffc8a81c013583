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


class Channel(StrEnum):
    """Which of the exchange's two tellings an execution came by. An id is unique within one channel only: the same
    execution may bear another id on the other, and the same id there may name another execution."""

    STREAM = "stream"
    REST = "rest"


def price_key(price: Decimal) -> str:
    """One text for one price, however many zeros it was told with."""
    return f"{price.normalize():f}"


def told_key(channel: Channel | None, price: Decimal) -> str:
    """Channel and price. What has no channel, in a journal that recorded none, the stream had told first."""
    return f"{channel or Channel.STREAM}@{price_key(price)}"


class Fill(msgspec.Struct, frozen=True, kw_only=True):
    """One execution. `price` is USD per unit of underlying; `commission` is USD paid, GST included, negative = rebate; where
    the exchange closed the position by itself its liquidation fee is in it. None while the exchange has not said (the fast fill stream does not carry it). `channel` is None for what no channel
    told: a settlement booked by price, and fills of journals that did not record it."""

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
    channel: Channel | None = None
    part: str = ""  # whose part of it this is, where the exchange has closed contracts of several runs at once

    @property
    def key(self) -> str:
        """Names this telling of an execution: channel, order and id together."""
        return f"{self.whole_key}/{self.part}" if self.part else self.whole_key

    @property
    def whole_key(self) -> str:
        """The same of the whole execution, whichever part of it this is."""
        return self.fill_id if self.channel is None else f"{self.channel}:{self.venue_order_id}:{self.fill_id}"

    def is_older(self, than: datetime | None) -> bool:
        """True when it is known to have happened before this instant (exchange time)."""
        return self.ts_event is not None and than is not None and self.ts_event < than

    def cash_flow(self, contract_value: Decimal) -> Decimal:
        """USD that came in (sale, positive) or went out (purchase, negative), before commission."""
        return -self.side.sign * self.price * self.quantity * contract_value


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """Net holding in one contract; `quantity` is signed, negative = short; 0 is a successful read of nothing.
    `liquidation_price`: of the contract's mark, USD per unit, None where the exchange does not tell one."""

    symbol: str
    product_id: int
    quantity: int
    entry_price: Decimal | None = None
    liquidation_price: Decimal | None = None
