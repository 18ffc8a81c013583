"""What stands on an account that no unfinished run of this program explains: positions and resting orders of an underlying.

Found here for everyone who asks (the engine before an entry, `check`, the page), so that all of them see the same list.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, Literal

import msgspec

from trader.domain.fill import Position
from trader.domain.odd_row import OddRow, is_symbol
from trader.domain.order import OrderSnapshot, Side

_PAIR = re.compile(r"^(?P<base>[A-Z0-9]+?)(?:USDT|USDC|USD|INR)?(?:[_:/].*)?$")
_DIGITS = 6


class Foreign(msgspec.Struct, frozen=True, kw_only=True):
    """One such thing. `quantity` is contracts: of a position signed (negative = short), of an order what may still trade.
    Two are the same only when everything is: a position that grew is another one."""

    kind: Literal["position", "order"]
    symbol: str
    quantity: int
    side: Side | None = None
    order_id: str = ""
    limit_price: Decimal | None = None

    @property
    def words(self) -> str:
        if self.kind == "position":
            return f"a position of {self.quantity:+d} in {self.symbol}"
        price = "at market" if self.limit_price is None else f"at {self.limit_price:f}"
        return f"an open order {self.side} {self.quantity} {self.symbol} {price}"


def concerns(symbol: str, underlying: str) -> bool:
    """Whether a contract is of this underlying, by its symbol (C-BTC-..., BTCUSD). One that does not tell may be."""
    parts = symbol.split("-")
    if len(parts) > 1:
        return parts[1] == underlying
    match = _PAIR.match(symbol)
    return match is None or match["base"] == underlying


def may_concern(row: OddRow, underlying: str) -> bool:
    """Whether a row that could not be read may be about this underlying: it says so, or says nothing credible."""
    return not is_symbol(row.symbol) or concerns(row.symbol, underlying)


def find_foreign(
    underlying: str,
    positions: Iterable[Position],
    orders: Iterable[OrderSnapshot],
    *,
    expected: Mapping[str, int],
    is_known: Callable[[OrderSnapshot], bool],
) -> tuple[Foreign, ...]:
    """Everything of an underlying that is not explained, in an order that does not depend on the exchange's.

    Args:
        underlying: Its options, its perpetual and whatever else it has.
        positions: As the exchange shows them now.
        orders: Open orders of the account, likewise.
        expected: The net position that unfinished runs account for, per symbol (negative = short).
        is_known: Whether an order belongs to an unfinished run.
    """
    held = {p.symbol or f"product {p.product_id}": p.quantity for p in positions if concerns(p.symbol, underlying)}
    found = [
        Foreign(kind="position", symbol=symbol, quantity=quantity - expected.get(symbol, 0))
        for symbol, quantity in sorted(held.items())
        if quantity != expected.get(symbol, 0)
    ]
    resting = [o for o in orders if o.leaves_qty > 0 and concerns(o.symbol, underlying) and not is_known(o)]
    return (*found, *(_order(o) for o in sorted(resting, key=lambda o: (o.symbol, o.venue_order_id))))


def _order(order: OrderSnapshot) -> Foreign:
    return Foreign(
        kind="order",
        symbol=order.symbol or f"product {order.product_id}",
        quantity=order.leaves_qty,
        side=order.side,
        order_id=order.venue_order_id,
        limit_price=order.limit_price,
    )


def parse_foreign(rows: Any) -> tuple[Foreign, ...]:
    """Things as they stand in the body of a command.

    Raises:
        msgspec.ValidationError: They are none.
    """
    return msgspec.convert(rows, tuple[Foreign, ...])


def listed_words(things: Iterable[Foreign]) -> str:
    """All of them in one line."""
    return "; ".join(thing.words for thing in things)


def beside_phrase(things: Iterable[Foreign]) -> str:
    """What a person types to start beside exactly these things: another list has another phrase."""
    text = "\n".join(sorted(msgspec.json.encode(thing, order="sorted").decode() for thing in things))
    digest = hashlib.blake2b(text.encode(), digest_size=10).digest()
    return f"START BESIDE {base64.b32encode(digest).decode()[:_DIGITS]}"
