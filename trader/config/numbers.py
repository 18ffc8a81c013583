"""From what was typed or saved to a number: the one reader behind settings, presets, options and the panel's form.

Python's own readers take ``1_000``, ``" 5 "``, ``1e3``, ``nan`` and digits of other scripts, and pydantic's cut what does
not fit; where the number is a size or a price, each of those is a slip of the pen. Here a number is plain digits: an
optional minus, digits, and for `read_number` a point with digits after it. Nothing is rounded.
"""

import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, ValidationInfo

from trader.config.messages import shown

_WHOLE = re.compile(r"-?[0-9]{1,20}")
_NUMBER = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?")
_WHOLE_LARGEST = 10**20


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


def read_flag(value: Any) -> bool:
    """True or false, from the words or the values.

    Raises:
        ValueError: Anything else: 1, yes and on are not guessed at.
    """
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return bool(value == "true")
    raise ValueError(f"must be true or false, was {_was(value)}")


def _was(value: Any) -> str:
    if value is None:
        return "nothing"
    if type(value) is int:
        return "one of more than 20 digits"  # Python refuses to write out very long ones
    if isinstance(value, str) and any(letter.isnumeric() for letter in value) and not _NUMBER.fullmatch(value):
        return f"{shown(value)} (write plain digits, like 1000 or 0.5)"
    return shown(value)


def _typed(read: Callable[[Any], Any]) -> Callable[[Any, ValidationInfo], Any]:
    """JSON has numbers and truth values of its own: a text in their place there is a wrong type."""

    def check(value: Any, info: ValidationInfo) -> Any:
        if info.mode == "json" and isinstance(value, str):
            kind = "true or false" if read is read_flag else "a whole number"
            raise ValueError(f"must be {kind}, was {shown(value)} (in quotes)")
        read(value)
        return value  # as given: the sentence about a limit repeats it so

    return check


def _number(value: Any, info: ValidationInfo) -> Any:
    number = read_number(value)
    return number if info.mode == "json" else value


# Types of model fields. A `Number` may be text in JSON too: presets keep decimals as text, so that none is rounded.
Whole = Annotated[int, BeforeValidator(_typed(read_whole))]
Flag = Annotated[bool, BeforeValidator(_typed(read_flag))]
Number = Annotated[Decimal, BeforeValidator(_number)]
Real = Annotated[float, BeforeValidator(_number)]
