"""How a report shows figures. Money is shown rounded and is exact to a program: ``<data value="-2.4817">−$2.48</data>``."""

from datetime import datetime
from decimal import Decimal

from trader.domain.expiry import IST
from trader.domain.wording import plain
from trader.report.html import Html, tag

DASH = "–"
MINUS = "\u2212"

Number = Decimal | float | int


def places(premium: Number | None) -> int:
    """Decimals of every dollar amount of a trade with this premium: 4 below $1, else 2."""
    return 4 if premium is not None and abs(float(premium)) < 1 else 2


def dollars(value: Number | None, decimals: int = 2, *, signed: bool = False) -> str:
    """``$30.37``, signed ``+$3.10``, below zero ``−$3.10``."""
    return DASH if value is None else f"{sign(value, decimals, signed)}${abs(value):,.{decimals}f}"


def money(value: Decimal | None, decimals: int = 2, *, signed: bool = False) -> Html:
    """The same with the exact amount for a program."""
    if value is None:
        return tag("span", DASH)
    tone = None if not signed or not value else "up" if value > 0 else "down"
    return tag("data", dollars(value, decimals, signed=signed), value=plain(value), class_=tone)


def percent(value: Number | None, decimals: int = 1, *, signed: bool = False) -> str:
    """``−8.2 %``; of a fraction the caller takes a hundred times as much."""
    return DASH if value is None else f"{sign(value, decimals, signed)}{abs(value):,.{decimals}f}\u00a0%"


def price(value: Decimal | None) -> str:
    """A price with all its digits."""
    return DASH if value is None else f"{MINUS if value < 0 else ''}{_grouped(plain(abs(value)))}"


def ist(instant: datetime | None, form: str = "%d %b %Y %H:%M:%S") -> str:
    """An instant in Indian time."""
    return DASH if instant is None else instant.astimezone(IST).strftime(form)


def _grouped(text: str) -> str:
    whole, dot, rest = text.partition(".")
    return f"{int(whole):,}{dot}{rest}"


def sign(value: Number, decimals: int, signed: bool) -> str:
    """What rounds to zero has none."""
    if not f"{abs(value):.{decimals}f}".strip("0."):
        return ""
    return MINUS if value < 0 else "+" if signed else ""
