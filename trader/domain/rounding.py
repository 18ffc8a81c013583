"""Rounding of prices and money. Directions are stated by name, never left to a context."""

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

from trader.domain.order import Side

CENT = Decimal("0.01")


def floor_to_tick(price: Decimal, tick_size: Decimal) -> Decimal:
    """Largest multiple of `tick_size` that is not above `price` (USD per unit of underlying)."""
    return (price / tick_size).to_integral_value(rounding=ROUND_FLOOR) * tick_size


def ceil_to_tick(price: Decimal, tick_size: Decimal) -> Decimal:
    """Smallest multiple of `tick_size` that is not below `price`."""
    return (price / tick_size).to_integral_value(rounding=ROUND_CEILING) * tick_size


def nearest_tick(price: Decimal, tick_size: Decimal) -> Decimal:
    """The multiple of `tick_size` nearest to `price`, half to even; never below one tick."""
    return max((price / tick_size).to_integral_value(rounding=ROUND_HALF_EVEN), Decimal(1)) * tick_size


def round_price(price: Decimal, tick_size: Decimal, side: Side) -> Decimal:
    """Round a limit so that it never goes past what the caller meant: a buy floors, a sell ceils."""
    return floor_to_tick(price, tick_size) if side is Side.BUY else ceil_to_tick(price, tick_size)


def round_marketable(price: Decimal, tick_size: Decimal, side: Side) -> Decimal:
    """Round a limit that must reach the other side of the book: a buy ceils, a sell floors (never below one tick)."""
    if side is Side.BUY:
        return ceil_to_tick(price, tick_size)
    return max(floor_to_tick(price, tick_size), tick_size)


def is_on_tick(price: Decimal, tick_size: Decimal) -> bool:
    """True when `price` is an exact multiple of `tick_size` (not merely of its number of decimals).

    Not by remainder, which decimals refuse for quotients of more than 28 digits: an absurd price must not raise.
    """
    return (price / tick_size).to_integral_value() * tick_size == price
