"""From what was typed or saved to a number: the one reader behind settings, presets, options and the panel's form.

Python's own readers take ``1_000``, ``" 5 "``, ``1e3``, ``nan`` and digits of other scripts, and pydantic's cut what does
not fit; where the number is a size or a price, each of those is a slip of the pen. Here a number is plain digits: an
optional minus, digits, and for `read_number` a point with digits after it. Nothing is rounded.
"""

import math
import re
from decimal import Decimal
from typing import Any

_WHOLE = re.compile(r"-?[0-9]{1,20}")
_NUMBER = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?")
_WHOLE_LARGEST = 10**20
_SHOWN_MOST = 60


def read_whole(value: Any) -> int:
    """A whole number from text or an integer.

    Raises:
        ValueError: Anything else, 2.0 and true included; the words continue a field's name.
    """
    if type(value) is int and abs(value) < _WHOLE_LARGEST:
        return value
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    raise ValueError(f"must be a whole number, was {_was(value)}")


def read_number(value: Any) -> Decimal:
    """A number from text or a number.

    Raises:
        ValueError: Anything else, NaN and true included; the words continue a field's name.
    """
    if isinstance(value, Decimal) and value.is_finite():
        return value
    if isinstance(value, float) and math.isfinite(value):
        return Decimal(repr(value))
    if type(value) is int and abs(value) < _WHOLE_LARGEST:
        return Decimal(value)
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return Decimal(value)
    raise ValueError(f"must be a number, was {_was(value)}")


def _was(value: Any) -> str:
    if value is None:
        return "nothing"
    if type(value) is int:
        return "one of more than 20 digits"  # Python refuses to write out very long ones
    text = " ".join((repr(value) if isinstance(value, str | bytes) else str(value)).split())
    text = text if len(text) <= _SHOWN_MOST else f"{text[:_SHOWN_MOST]}…"
    if isinstance(value, str) and any(letter.isnumeric() for letter in value) and not _NUMBER.fullmatch(value):
        return f"{text} (write plain digits, like 1000 or 0.5)"
    return text
