"""Words for what happened: each thing said once, one full stop at the end, also where they quote the exchange. Pure."""

from datetime import timedelta
from decimal import Decimal

from trader.domain.fill import Fill, FillKind
from trader.domain.order import Side

_FORCED = {FillKind.SETTLEMENT: "settled", FillKind.LIQUIDATION: "liquidated", FillKind.ADL: "deleveraged"}


def clause(text: str) -> str:
    """Words to build a sentence with: without blanks around them and without a full stop of their own."""
    return text.strip().rstrip(". ")


def refusal_words(code: str, message: str) -> str:
    """A refusal's code and message as one clause; the code is not said again where the message names it."""
    told = clause(message)
    if not told or not code:
        return told or code
    return told if code.lower() in told.lower() else f"{code}: {told}"


def fill_verb(fill: Fill) -> str:
    """What a fill did, in the past tense: an expiry or a liquidation is no trade of a person's."""
    if fill.kind is FillKind.NORMAL:
        return "sold" if fill.side is Side.SELL else "bought"
    return _FORCED.get(fill.kind, "exchanged")


def plain(value: Decimal) -> str:
    """A number without padding zeros or exponent."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def counted(number: int, what: str) -> str:
    """``1 run``, ``2 runs``, ``1,200 runs``."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def done_of(done: int, meant: int) -> str:
    """``1/2``; more than was meant is no fraction of it and is said as what it is."""
    return f"{done}/{meant}" if done <= meant else f"{done}, meant {meant}"


def usd_words(amount: Decimal | None, *, signed: bool = False) -> str:
    """Money for people: cents, four places for less than a dollar; a dash where it is unknown."""
    if amount is None:
        return "–"
    places = 4 if 0 < abs(amount) < 1 else 2
    return f"{amount:{'+' if signed and amount else ''},.{places}f} USD"


def span_words(span: timedelta) -> str:
    """A span in its two largest units: ``2 h 14 m``, ``3 m 05 s``, ``42 s``, ``2 d 3 h``."""
    total = max(int(span.total_seconds()), 0)
    days, rest = divmod(total, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, seconds = divmod(rest, 60)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes:02d} m"
    return f"{minutes} m {seconds:02d} s" if minutes else f"{seconds} s"
