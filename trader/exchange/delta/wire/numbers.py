"""Wire numbers to exact ones. Strict readers raise; the `_or_none` readers take nonsense as absent.

The wire mixes decimal strings (padded with zeros), JSON numbers and null for the same field, and three time units.
"""

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

from trader.domain.errors import WireError
from trader.exchange.delta.wire.core import Flag, Number

_TEXT_LENGTH_MAX = 64
_DIGITS_MAX = 15  # no price, size or balance here reaches 10^15; refuses 1e308 and its like
_ID_MOST = 10**30
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_YEAR_2100_SECS = 4_102_444_800


def decimal_of(value: Number, what: str) -> Decimal | None:
    """An exact number; None for null and empty text.

    Raises:
        WireError: Not a number, not finite, or of an absurd magnitude.
    """
    if value is None or value == "":
        return None
    text = value if isinstance(value, str) else repr(value)
    if len(text) > _TEXT_LENGTH_MAX:
        raise WireError(f"{what} is no number: {text[:20]!r}...")
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise WireError(f"{what} is no number: {text!r}") from None
    if not number.is_finite():
        raise WireError(f"{what} is not finite: {text!r}")
    if number and abs(number.adjusted()) > _DIGITS_MAX:
        raise WireError(f"{what} is out of any sensible range: {text!r}")
    return number


def required(value: Number, what: str) -> Decimal:
    """As `decimal_of`, but a missing number is an error, never 0."""
    number = decimal_of(value, what)
    if number is None:
        raise WireError(f"{what} is missing")
    return number


def positive(value: Number, what: str) -> Decimal:
    """A number above 0."""
    number = required(value, what)
    if number <= 0:
        raise WireError(f"{what} must be above 0, was {number}")
    return number


def price_of(value: Number, what: str) -> Decimal | None:
    """A price above 0; null, empty and 0 mean there is none.

    Raises:
        WireError: Negative or unreadable.
    """
    number = decimal_of(value, what)
    if number is not None and number < 0:
        raise WireError(f"{what} is negative: {number}")
    return number or None


def whole(value: Number, what: str) -> int:
    """A whole number, signed (contracts of a position).

    Raises:
        WireError: Missing, or not whole.
    """
    if type(value) is int and -(10**_DIGITS_MAX) < value < 10**_DIGITS_MAX:
        return value
    number = required(value, what)
    if number != number.to_integral_value():
        raise WireError(f"{what} must be a whole number, was {number}")
    return int(number)


def count(value: Number, what: str) -> int:
    """A whole number of at least 0 (contracts of an order or fill)."""
    number = whole(value, what)
    if number < 0:
        raise WireError(f"{what} is negative: {number}")
    return number


def id_of(value: Number, what: str) -> str:
    """An id as text, however it was sent."""
    if isinstance(value, str) and 0 < len(value) <= _TEXT_LENGTH_MAX:
        return value
    if isinstance(value, int) and 0 <= value < _ID_MOST:
        return str(value)
    raise WireError(f"{what} is missing or unreadable")


def instant_of(value: Number, what: str) -> datetime | None:
    """An instant from microseconds, milliseconds or seconds since 1970, or ISO-8601 text; None for null and empty.

    The units differ between endpoints and editions; for any date of this century their magnitudes do not overlap.

    Raises:
        WireError: Unreadable, or outside 1970-2100.
    """
    if value is None or value == "":
        return None
    if isinstance(value, str) and not value.isdigit():
        return _iso_instant(value, what)
    try:
        micros = _micros(int(value))
    except (ValueError, OverflowError):
        raise WireError(f"{what} is no time: {str(value)[:40]!r}") from None
    if not 0 < micros < _YEAR_2100_SECS * 1_000_000:
        raise WireError(f"{what} is outside 1970-2100: {str(value)[:40]!r}")
    return _EPOCH + timedelta(microseconds=micros)


def needed_instant(value: Number, what: str) -> datetime:
    """As `instant_of`, of what must be there.

    Raises:
        WireError: Missing or unreadable.
    """
    instant = instant_of(value, what)
    if instant is None:
        raise WireError(f"{what} is missing")
    return instant


def flag(value: Flag) -> bool:
    """Whether it is told as true, in either spelling."""
    return value is True or value == "true"


def _micros(value: int) -> int:
    if value < 10**11:
        return value * 1_000_000
    return value * 1_000 if value < 10**14 else value


def _iso_instant(text: str, what: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise WireError(f"{what} is no time: {text[:40]!r}") from None
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)  # the exchange writes UTC, with or without the Z
    if not 1970 <= instant.year < 2100:
        raise WireError(f"{what} is outside 1970-2100: {text[:40]!r}")
    return instant.astimezone(UTC)


def price_or_none(value: Number) -> Decimal | None:
    """A price above 0, or None for anything else: market data that makes no sense counts as absent."""
    try:
        return price_of(value, "price")
    except WireError:
        return None


def decimal_or_none(value: Number) -> Decimal | None:
    """A number of at least 0, or None for anything else."""
    try:
        number = decimal_of(value, "number")
    except WireError:
        return None
    return number if number is not None and number >= 0 else None


def signed_or_none(value: Number) -> Decimal | None:
    """A number of either sign, or None for anything else."""
    try:
        return decimal_of(value, "number")
    except WireError:
        return None


def count_or_none(value: Number) -> int | None:
    """Whole contracts of at least 0, or None for anything else."""
    try:
        return count(value, "size")
    except WireError:
        return None


def fraction_or_none(value: Number) -> float | None:
    """A positive finite float (an implied volatility), or None for anything else."""
    number = float_or_none(value)
    return number if number is not None and number > 0 else None


def float_or_none(value: Number) -> float | None:
    """A finite float of sensible size, or None for anything else."""
    if value is None:
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and abs(number) < 10**_DIGITS_MAX else None


def instant_or_none(value: Number) -> datetime | None:
    """An instant, or None for anything unreadable."""
    try:
        return instant_of(value, "time")
    except WireError:
        return None
