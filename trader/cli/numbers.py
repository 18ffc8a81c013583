"""Numbers on the command line, read like everywhere else: plain digits within limits, no inf, no nan, no 1_000."""

from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

import typer

T = TypeVar("T", int, Decimal)

LONGEST_SECS = 10_000_000  # four months; more is no wait that anyone sits through


def whole(least: int, most: int) -> Callable[[str | int], int]:
    """A parser of whole numbers from `least` to `most`."""

    def number(given: str | int) -> int:
        from trader.domain.numbers import read_whole

        return int(_within(_read(read_whole, given), least, most))

    return number


def number(least: float, most: float) -> Callable[[str | float], float]:
    """A parser of numbers from `least` to `most`."""

    def number(given: str | float) -> float:
        from trader.domain.numbers import read_number

        return float(_within(_read(read_number, given), least, most))

    return number


def _read(read: Callable[[object], T], given: object) -> T:
    try:
        return read(given)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _within(value: Decimal | int, least: float, most: float) -> Decimal | int:
    if value < least:
        raise typer.BadParameter(f"must be at least {least:,g}, was {value}")
    if value > most:
        raise typer.BadParameter(f"must be at most {most:,.10g}, was {value}")
    return value
