"""Numbers on the command line, read like everywhere else: plain digits within limits, no inf, no nan, no 1_000."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

import typer

T = TypeVar("T", int, Decimal)

LONGEST_SECS = 10_000_000  # four months; more is no wait that anyone sits through


def whole(least: int, most: int, words: str) -> Any:
    """An option that takes whole numbers from `least` to `most`; `words` say what they are."""

    def number(given: str | int) -> int:
        from trader.domain.numbers import read_whole

        return int(_within(_read(read_whole, given), least, most))

    return typer.Option(parser=number, metavar="NUMBER", help=words)


def number(least: float, most: float, words: str, *, metavar: str = "NUMBER") -> Any:
    """An option that takes numbers from `least` to `most`."""

    def number(given: str | float) -> float:
        from trader.domain.numbers import read_number

        return float(_within(_read(read_number, given), least, most))

    return typer.Option(parser=number, metavar=metavar, help=words)


def seconds(words: str, *, least: float = 0, most: float = LONGEST_SECS) -> Any:
    """An option that takes a time."""
    return number(least, most, words, metavar="SECONDS")


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
