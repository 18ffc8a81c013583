"""How the panel says money, size and greeks. Plain text without markup; unknown is a dash, never 0.

Money has two faces, dollars for the account and % of the basis for the trade. One card or column has one precision, and that
follows the premium of the trade (`places`), not the number: a cent matters to a premium of 30 cents, not to one of $800.
"""

from collections.abc import Sequence
from decimal import Decimal
from math import floor, log10
from typing import Literal

from trader.report import figures

DASH, MINUS = figures.DASH, figures.MINUS
JOINER = "\u2060"  # zero-width: a line may otherwise break between the sign and the dollar
_NBSP = "\u00a0"

Number = figures.Number
Tone = Literal["up", "down", "flat"]


def places(premium: Number | None) -> int:
    """Decimals of every dollar amount of a trade with this premium: 4 below $1, 2 below $100, else 0; 2 while unknown."""
    if premium is None:
        return 2
    size = abs(float(premium))
    return 4 if size < 1 else 2 if size < 100 else 0


def dollars(value: Number | None, decimals: int = 2, *, signed: bool = False) -> str:
    """``$30.37``; signed ``+$3.10``; below zero ``−$3.10``, whose sign never stands alone at a line's end."""
    if value is None:
        return DASH
    return sign(value, decimals, signed=signed, before_dollar=True) + f"${abs(value):,.{decimals}f}"


def percent(value: Number | None, decimals: int = 1, *, signed: bool = True) -> str:
    """``−8.2 %``, the space unbreakable."""
    return figures.percent(value, decimals, signed=signed)


def number(value: Number | None, decimals: int = 2, *, signed: bool = False) -> str:
    """``76,932``, ``+0.0109``."""
    if value is None:
        return DASH
    return sign(value, decimals, signed=signed) + f"{abs(value):,.{decimals}f}"


def sign(value: Number, decimals: int, *, signed: bool = True, before_dollar: bool = False) -> str:
    """The sign of a number as it is shown: what rounds to zero has none."""
    shown = figures.sign(value, decimals, signed)
    return shown + JOINER if shown and before_dollar else shown


def money(value: Number | None, pct: Number | None, decimals: int = 2) -> str:
    """Both faces: ``−$2.48 · −8.2 %``. `pct` is of the premium."""
    if value is None:
        return DASH
    shown = dollars(value, decimals, signed=True)
    return shown if pct is None else f"{shown} · {percent(pct)}"


def tone(value: Number | None) -> Tone:
    """Towards profit, towards loss, or neither: for a colour beside the sign."""
    return "flat" if not value else "up" if value > 0 else "down"


def amount(value: Number) -> str:
    """An amount of the underlying or a contract's size with the digits it has: ``0.001``, ``0.025``, ``1,250``."""
    text = f"{Decimal(str(value)):,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def size(
    contracts: int | None,
    contract_value: Number | None,
    underlying: str,
    notional: Number | None = None,
    *,
    of: str = " per leg",
) -> str:
    """All three faces: ``25 contracts × 0.001 BTC = 0.025 BTC per leg ≈ $1,923 notional``, as far as they are known.

    `of`: whose size it is, empty where the number of contracts is not that of a leg.
    """
    if contracts is None:
        return DASH
    text = f"{contracts:,} contract{'' if contracts == 1 else 's'}"
    if contract_value is None:
        return text
    per_leg = amount(contracts * Decimal(str(contract_value)))
    text += f" × {amount(contract_value)}{_NBSP}{underlying} = {per_leg}{_NBSP}{underlying}{of}"
    return text if notional is None else f"{text} ≈ {dollars(notional, places(notional))} notional"


def premium_sum(
    prices: Sequence[Number | None],
    quantity: Number | None,
    premium: Number | None,
    weights: Sequence[int] | None = None,
) -> str:
    """How the premium comes about: ``(152.60 + 151.10) × 0.025 = $7.59``. `quantity` in units of the underlying; a dash
    where a part is unknown. `weights`: what each price counts for, negative for what was bought."""
    known = [price for price in prices if price is not None]
    if len(known) != len(prices) or not known or quantity is None or premium is None:
        return DASH
    terms = [
        f"{' + ' if weight > 0 else ' − '}{price(one)}{'' if abs(weight) == 1 else f' × {abs(weight)}'}"
        for one, weight in zip(known, weights or [1] * len(known), strict=True)
    ]
    joined = "".join(terms).removeprefix(" + ").replace(" − ", "−", 1 if terms[0].startswith(" −") else 0)
    return f"({joined}) × {amount(quantity)} = {dollars(premium, places(premium))}"


def legs_words(count: int) -> str:
    """So many legs, as a whole."""
    return {1: "the leg", 2: "both legs"}.get(count, "all legs")


def price(value: Number | None, decimals: int | None = None) -> str:
    """An option's price in USD per unit of the underlying: two decimals, four below a dollar. A column passes its own."""
    if value is None:
        return DASH
    return f"{value:,.{price_places((value,)) if decimals is None else decimals}f}"


def price_places(prices: Sequence[Number | None]) -> int:
    """One precision for a column of option prices: four decimals when the largest is below a dollar, else two."""
    return 4 if max((abs(float(value)) for value in prices if value is not None), default=1) < 1 else 2


def spot(value: Number | None) -> str:
    """The underlying's price: whole dollars for BTC, cents below $10,000: ``76,932``."""
    if value is None:
        return DASH
    size = abs(float(value))
    return f"{value:,.{0 if size >= 10_000 else 2 if size >= 1 else 4}f}"


def delta_places(contracts: int | None, contract_value: Number | None) -> int:
    """Decimals of position deltas: a hundredth of the leg's size is still seen. At least four, at most six."""
    per_leg = float(contracts or 0) * float(contract_value or 0)
    return 4 if per_leg <= 0 else min(max(2 - floor(log10(per_leg)), 4), 6)
