"""How many digits of a figure are worth writing down: a picture is stored every second."""

from decimal import Decimal
from math import floor, log10

_DIGITS = 6
_COUNTABLE = 20


def shown(value: float) -> float:
    """Six significant digits."""
    return float(f"{value:.{_DIGITS}g}")


def money_digits(premium: float) -> int:
    """Decimals of a run's USD figures: a ten-thousandth of its premium still shows."""
    return min(max(3 - floor(log10(premium)), 0), 8) if premium > 0 else 4


def spot_digits(spot: float) -> int:
    """Decimals of a spot (> 0): six digits, one decimal at least."""
    return max(1, 5 - floor(log10(spot)))


def places(value: Decimal, digits: int) -> Decimal:
    """Rounded, but for an absurd print: that has more digits than can be counted."""
    return round(value, digits) if value.adjusted() < _COUNTABLE else value


def rounded(value: float | None, digits: int) -> float | None:
    """`round` of what may not be known."""
    return None if value is None else round(value, digits)
