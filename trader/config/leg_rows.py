"""How a leg of one's own finds its strike, as words in a preset: ``delta`` with ``0.10-0.15``, ``width`` with ``1000 from C``."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Literal

from trader.domain.numbers import read_number, read_whole
from trader.domain.structure import (
    ByDelta,
    ByDeviations,
    ByDistance,
    ByPremium,
    BySteps,
    ByStrike,
    ByWidth,
    Selector,
)

_BAND = re.compile(r"(\S+?)\s*-\s*(\S+)")
_PREMIUM = re.compile(r"(>=|<=)?\s*(\S+)")
_WIDTH = re.compile(r"(\S+)\s+from\s+([A-Z][A-Z0-9]{0,2})")
_RULES: dict[Literal["closest", "at_least", "at_most"], str] = {"at_least": ">=", "at_most": "<=", "closest": ""}


def words_of(selector: Selector) -> tuple[str, str]:
    """The way and the value that `selector_of` reads as this selector."""
    match selector:
        case ByDelta(low=low, high=high):
            return "delta", f"{low:f}-{high:f}"
        case ByPremium(usd=usd, rule=rule):
            return "premium", f"{_RULES[rule]}{usd:f}"
        case ByDistance(pct=pct):
            return "distance", f"{pct:f}"
        case BySteps(steps=steps):
            return "steps", str(steps)
        case ByDeviations(deviations=deviations):
            return "deviations", f"{deviations:f}"
        case ByStrike(strike=strike):
            return "strike", f"{strike:f}"
        case ByWidth(usd=usd, of=of):
            return "width", f"{usd:f} from {of}"


def selector_of(by: str, value: str) -> Selector:
    """A row's selector: what its `value` says, read as its `by` has it.

    Raises:
        ValueError: The words continue the field's name.
    """
    return _READERS[by](value.strip())


def _band(value: str) -> ByDelta:
    low, high = _parts(_BAND, value, "a band of |delta| like 0.10-0.15")
    band = ByDelta(_within(low, "0.01", "0.99", " |delta|"), _within(high, "0.01", "0.99", " |delta|"))
    if band.low >= band.high:
        raise ValueError(f"must be a band of |delta| whose lower end is below its upper, was {value!r}")
    return band


def _premium(value: str) -> ByPremium:
    rule, usd = _parts(_PREMIUM, value, "a premium in USD like 100, >=100 or <=100")
    amount = _within(usd, "0.01", "1000000", " USD")
    return ByPremium(amount, next(name for name, sign in _RULES.items() if sign == (rule or "")))


def _steps(value: str) -> BySteps:
    steps = read_whole(value)
    _within(value, "-50", "50", " strikes")
    return BySteps(steps)


def _width(value: str) -> ByWidth:
    usd, of = _parts(_WIDTH, value, "a width in USD and the leg it is measured from, like 1000 from C")
    return ByWidth(_within(usd, "0.01", "1000000", " USD"), of)


_READERS: dict[str, Callable[[str], Selector]] = {
    "delta": _band,
    "premium": _premium,
    "distance": lambda value: ByDistance(_within(value, "0.1", "90", " % of spot")),
    "steps": _steps,
    "deviations": lambda value: ByDeviations(_within(value, "0.1", "6", " standard deviations")),
    "strike": lambda value: ByStrike(_within(value, "0.01", "10000000", " USD")),
    "width": _width,
}


def _parts(pattern: re.Pattern[str], value: str, form: str) -> tuple[str, str]:
    found = pattern.fullmatch(value)
    if found is None:
        raise ValueError(f"must be {form}, was {value!r}")
    return found[1], found[2]


def _within(text: str, low: str, high: str, unit: str) -> Decimal:
    number = read_number(text)
    if number < Decimal(low):
        raise ValueError(f"must be at least {low}{unit}, was {text}")
    if number > Decimal(high):
        raise ValueError(f"must be at most {high}{unit}, was {text}")
    return number
