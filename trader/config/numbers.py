"""Types of settings and preset fields whose values go through the one reader of numbers (`trader.domain.numbers`)."""

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, ValidationInfo

from trader.config.messages import shown
from trader.domain.numbers import read_number, read_whole


def _flag(value: Any) -> bool:
    """True or false, from the words or the values; 1, yes and on are not guessed at."""
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return bool(value == "true")
    raise ValueError(f"must be true or false, was {'nothing' if value is None else shown(value)}")


def _no_text_in_json(read: Callable[[Any], Any], kind: str) -> Callable[[Any, ValidationInfo], Any]:
    """JSON has whole numbers and truth values of its own: a text in their place there is a wrong type."""

    def check(value: Any, info: ValidationInfo) -> Any:
        if info.mode == "json" and isinstance(value, str):
            raise ValueError(f"must be {kind}, was {shown(value)} (in quotes)")
        read(value)
        return value  # as given: the sentence about a limit repeats it so

    return check


def _number(value: Any, info: ValidationInfo) -> Any:
    number = read_number(value)
    return number if info.mode == "json" else value


Whole = Annotated[int, BeforeValidator(_no_text_in_json(read_whole, "a whole number"))]
Flag = Annotated[bool, BeforeValidator(_no_text_in_json(_flag, "true or false"))]
# May be text in JSON: presets keep decimals so, that none is rounded.
Number = Annotated[Decimal, BeforeValidator(_number)]
Real = Annotated[float, BeforeValidator(_number)]
