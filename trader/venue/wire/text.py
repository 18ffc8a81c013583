"""How the exchange writes numbers and times: decimal strings, ISO-8601 with Z, microseconds."""

from datetime import UTC, datetime
from decimal import Decimal


def plain(value: Decimal) -> str:
    """A decimal as text without an exponent."""
    return f"{value:f}"


def short(value: Decimal) -> str:
    """A decimal as text without an exponent and without zeros at its end."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def padded(value: Decimal) -> str:
    """A contract's term as the exchange pads it, 18 decimals."""
    return f"{value:.18f}"


def plain_or_none(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"


def real(value: float | None) -> str | None:
    """A statistic (greek, volatility) as text, 8 decimals."""
    return None if value is None else f"{value:.8f}"


def iso(instant: datetime) -> str:
    """ISO-8601 in UTC with a Z."""
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
