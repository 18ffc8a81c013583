"""In which order `flatten` closes what is open: what covers a short leg goes after it."""

import pytest

from trader.domain.fill import Position
from trader.domain.order import OrderSnapshot, Purpose, Side
from trader.engine.ids import OrderName
from trader.runner.flatten.ownership import Holding, OurOrders, first_to_close, foreign


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


def order(run: str, number: int, side: Side, quantity: int) -> OrderSnapshot:
    purpose = "E" if side is Side.SELL else "X"
    return OrderSnapshot(
        venue_order_id=str(number),
        client_order_id=f"sdabcd-{run}-C{purpose}{number % 100:02d}-001-abcdefgh",
        symbol=CALL,
        product_id=1,
        side=side,
        quantity=quantity,
        leaves_qty=0,
        limit_price=None,
        avg_px=None,
        venue_state="closed",
        reduce_only=side is Side.BUY,
    )


@pytest.mark.parametrize(
    ("seen", "parts"),
    [
        (-5, {"run02": -3, "run01": -2}),
        (-4, {"run02": -3, "run01": -1}),  # somebody has bought one back
        (-6, {"run02": -3, "run01": -2}),  # one is somebody else's, and left alone
        (0, {"run02": 0, "run01": 0}),
        (1, {"run02": 0, "run01": 0}),
    ],
)
def test_of_two_runs_in_one_contract_exactly_what_is_there_is_closed(seen: int, parts: dict[str, int]) -> None:
    orders = OurOrders("abcd")
    orders.learn([order("run00", 1, Side.SELL, 4), order("run00", 2, Side.BUY, 4)])  # ended long ago
    orders.learn([order("run01", 3, Side.SELL, 2), order("run02", 4, Side.SELL, 3)])
    held = orders.holdings([Position(symbol=CALL, product_id=1, quantity=seen)])
    assert {h.name.run: h.ours for h in held if h.name.run != "run00"} == parts
    assert [h.ours for h in held if h.name.run == "run00"] == [0]
    first = first_to_close([h for h in held if h.ours])
    assert [h.name.run for h in first] == (["run02"] if seen < 0 else [])  # one after the other
    assert foreign([Position(symbol=CALL, product_id=1, quantity=-6)], held) == (
        [f"{CALL} {-6 - sum(parts.values()):+d}"] if sum(parts.values()) != -6 else []
    )
