"""Prices and ticks: exact for what trades, and no exception for what does not."""

from decimal import Decimal as D

import pytest

from trader.domain.rounding import is_on_tick


@pytest.mark.parametrize(
    ("price", "tick", "on_tick"),
    [
        ("73.5", "0.5", True),
        ("73.3", "0.5", False),
        ("0.9", "0.3", True),
        ("1", "0.3", False),
        ("0.00012345", "0.00000005", True),
        ("1E+308", "0.5", True),
        ("123456789012345678901234567890.3", "0.5", False),
    ],
)
def test_multiples_of_the_tick(price: str, tick: str, on_tick: bool) -> None:
    assert is_on_tick(D(price), D(tick)) is on_tick
