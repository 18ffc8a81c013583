"""In which order `flatten` closes what is open: what covers a short leg goes after it."""

import pytest

from trader.domain.order import Purpose
from trader.engine.ids import OrderName
from trader.runner.flatten.ours import Holding, first_to_close


def holding(symbol: str, quantity: int) -> Holding:
    name = OrderName("abcd", "run01", "C", Purpose.ENTRY, 1)
    return Holding(symbol=symbol, product_id=1, name=name, net=quantity, seen=quantity)


CALL, WING, PUT, ETHER = "C-BTC-104000-160125", "C-BTC-105000-160125", "P-BTC-96000-160125", "C-ETH-4000-160125"


@pytest.mark.parametrize(
    ("held", "first"),
    [
        ({CALL: -2, WING: 2, PUT: -2}, [CALL, PUT]),
        ({WING: 2, PUT: -2}, [WING, PUT]),
        ({CALL: -1, ETHER: 2}, [CALL, ETHER]),
        ({WING: 2}, [WING]),
        ({CALL: -2, PUT: -2}, [CALL, PUT]),
    ],
)
def test_short_legs_are_bought_back_before_what_covers_them_is_sold(held: dict[str, int], first: list[str]) -> None:
    assert [h.symbol for h in first_to_close([holding(*one) for one in held.items()])] == first
