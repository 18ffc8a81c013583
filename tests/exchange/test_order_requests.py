"""Bodies of order requests: what goes out for each kind of order, and what never leaves."""

from decimal import Decimal
from typing import Any

import pytest

from trader.domain.order import OrderType, Side, TimeInForce
from trader.exchange.common.outcomes import UnsendableOrder
from trader.exchange.delta.api.order_requests import (
    Bracket,
    CancelScope,
    OrderEdit,
    OrderRequest,
    Stop,
    StopKind,
    Trigger,
    bracket_fields,
    build_batch,
    build_batch_cancel,
    build_batch_edit,
    build_cancel_scope,
    build_edit,
    build_place,
    build_position_bracket,
)

PLAIN: dict[str, Any] = {
    "product_id": 27, "side": Side.SELL, "quantity": 3, "client_order_id": "c-1", "limit_price": Decimal("65000.5"),
}  # fmt: skip


def request(**changes: Any) -> OrderRequest:
    return OrderRequest(**(PLAIN | changes))


def test_plain_limit_order() -> None:
    assert build_place(request()) == {
        "product_id": 27, "size": 3, "side": "sell", "order_type": "limit_order", "time_in_force": "gtc",
        "post_only": "false", "reduce_only": "false", "client_order_id": "c-1", "limit_price": "65000.5",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"order_type": OrderType.MARKET, "limit_price": None, "stop": Stop(price=Decimal(70000))},
            {"order_type": "market_order", "stop_order_type": "stop_loss_order", "stop_price": "70000"},
        ),
        (
            {"stop": Stop(kind=StopKind.TAKE_PROFIT, price=Decimal("60000.0"), trigger=Trigger.SPOT)},
            {
                "limit_price": "65000.5",
                "stop_order_type": "take_profit_order",
                "stop_price": "60000.0",
                "stop_trigger_method": "spot_price",
            },
        ),
        ({"side": Side.BUY, "stop": Stop(trail=Decimal(50))}, {"trail_amount": "50"}),
        ({"side": Side.SELL, "stop": Stop(trail=Decimal(50))}, {"trail_amount": "-50"}),
        ({"time_in_force": TimeInForce.IOC, "reduce_only": True}, {"time_in_force": "ioc", "reduce_only": "true"}),
        ({"post_only": True, "mmp": "mmp1"}, {"post_only": "true", "mmp": "mmp1"}),
        ({"may_cancel_others": True}, {"cancel_orders_accepted": "true"}),
        (
            {
                "bracket": Bracket(
                    stop_loss=Decimal(66000),
                    stop_loss_limit=Decimal(66100),
                    take_profit=Decimal(60000),
                    trigger=Trigger.LAST,
                )
            },
            {
                "bracket_stop_loss_price": "66000",
                "bracket_stop_loss_limit_price": "66100",
                "bracket_take_profit_price": "60000",
                "bracket_stop_trigger_method": "last_traded_price",
            },
        ),
        # A short is closed by a buy, which trails above the lowest price.
        ({"bracket": Bracket(trail=Decimal(25))}, {"bracket_trail_amount": "25"}),
        ({"side": Side.BUY, "bracket": Bracket(trail=Decimal(25))}, {"bracket_trail_amount": "-25"}),
    ],
)
def test_kinds_of_order(changes: dict[str, Any], expected: dict[str, Any]) -> None:
    body = build_place(request(**changes))
    assert {name: body.get(name) for name in expected} == expected
    assert ("stop_price" in body) == ("stop_price" in expected)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"client_order_id": ""}, "1 to 32 letters"),
        ({"client_order_id": "x" * 33}, r"\(33 characters\)"),
        ({"client_order_id": "a b"}, "1 to 32 letters"),
        ({"quantity": 0}, "at least 1 contract"),
        ({"limit_price": None}, "price above 0"),
        ({"limit_price": Decimal(0)}, "price above 0"),
        ({"limit_price": Decimal("NaN")}, "price above 0"),
        ({"order_type": OrderType.MARKET}, "carries no price"),
        ({"post_only": True, "time_in_force": TimeInForce.IOC}, "may rest"),
        ({"stop": Stop()}, "one of the two"),
        ({"stop": Stop(price=Decimal(1), trail=Decimal(1))}, "one of the two"),
        ({"stop": Stop(kind=StopKind.TAKE_PROFIT, trail=Decimal(1))}, "does not trail"),
        ({"stop": Stop(price=Decimal(-1))}, "price above 0"),
        ({"bracket": Bracket()}, "needs a stop loss"),
        ({"bracket": Bracket(stop_loss=Decimal(1), trail=Decimal(1))}, "not both"),
        ({"bracket": Bracket(take_profit=Decimal(1), stop_loss_limit=Decimal(1))}, "needs a stop loss price"),
        ({"bracket": Bracket(stop_loss=Decimal(1), take_profit_limit=Decimal(1))}, "needs a take profit price"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UnsendableOrder, match=sentence):
        build_place(request(**changes))


def test_the_longest_client_order_id_passes() -> None:
    assert build_place(request(client_order_id="x" * 32))["client_order_id"] == "x" * 32


def test_edit_tells_the_new_total_and_only_what_changes() -> None:
    edit = OrderEdit(venue_order_id="700", product_id=27, quantity=5, limit_price=Decimal(1))
    assert build_edit(edit) == {"id": 700, "product_id": 27, "size": 5, "limit_price": "1"}
    trail = OrderEdit(
        venue_order_id="700", product_id=27, quantity=5, trail=Decimal(9), side=Side.SELL, post_only=False
    )
    assert build_edit(trail) == {"id": 700, "product_id": 27, "size": 5, "trail_amount": "-9", "post_only": "false"}
    with pytest.raises(UnsendableOrder, match="must be a number"):
        build_edit(OrderEdit(venue_order_id="7e2", product_id=27, quantity=5))
    with pytest.raises(UnsendableOrder, match="side"):
        build_edit(OrderEdit(venue_order_id="700", product_id=27, quantity=5, trail=Decimal(9)))


def test_batch_rows_carry_what_batches_take() -> None:
    body = build_batch(27, [request(), request(client_order_id="c-2", post_only=True)])
    assert body["product_id"] == 27
    assert body["orders"][1] == {
        "size": 3, "side": "sell", "order_type": "limit_order", "limit_price": "65000.5", "post_only": "true",
        "client_order_id": "c-2",
    }  # fmt: skip


def test_batches_have_limits() -> None:
    fifty = [request(client_order_id=f"c-{n}") for n in range(50)]
    assert len(build_batch(27, fifty)["orders"]) == 50
    for rows, sentence in (
        ([], "1 to 50"),
        ([*fifty, request(client_order_id="c-50")], "1 to 50"),
        ([request(product_id=28)], "one product"),
        ([request(), request()], "share a client order id"),
        ([request(time_in_force=TimeInForce.IOC)], "limit orders that may rest"),
        ([request(reduce_only=True)], "no stops, brackets or reduce-only"),
        ([request(stop=Stop(price=Decimal(1)))], "no stops, brackets or reduce-only"),
    ):
        with pytest.raises(UnsendableOrder, match=sentence):
            build_batch(27, rows)
    with pytest.raises(UnsendableOrder, match="1 to 50"):
        build_batch_cancel(27, [])
    assert build_batch_cancel(27, ["1", "2"]) == {"product_id": 27, "orders": [{"id": 1}, {"id": 2}]}
    edits = [OrderEdit(venue_order_id="1", product_id=27, quantity=2, limit_price=Decimal(3))]
    assert build_batch_edit(27, edits) == {"product_id": 27, "orders": [{"id": 1, "size": 2, "limit_price": "3"}]}


def test_cancel_scopes_tell_every_flag() -> None:
    assert build_cancel_scope(CancelScope()) == {
        "cancel_limit_orders": "true", "cancel_stop_orders": "true", "cancel_reduce_only_orders": "true",
    }  # fmt: skip
    assert build_cancel_scope(CancelScope(contract_types=("call_options", "put_options"), stop_orders=False)) == {
        "cancel_limit_orders": "true", "cancel_stop_orders": "false", "cancel_reduce_only_orders": "true",
        "contract_types": "call_options,put_options",
    }  # fmt: skip
    with pytest.raises(UnsendableOrder, match="not both"):
        build_cancel_scope(CancelScope(product_id=1, contract_types=("call_options",)))


def test_bracket_of_a_position() -> None:
    bracket = Bracket(stop_loss=Decimal(9), take_profit=Decimal(3), take_profit_limit=Decimal(2), trigger=Trigger.MARK)
    assert build_position_bracket(5, Side.SELL, bracket) == {
        "product_id": 5,
        "stop_loss_order": {"order_type": "market_order", "stop_price": "9"},
        "take_profit_order": {"order_type": "limit_order", "stop_price": "3", "limit_price": "2"},
        "bracket_stop_trigger_method": "mark_price",
    }
    trailing = build_position_bracket(5, Side.BUY, Bracket(trail=Decimal(4)))
    assert trailing["stop_loss_order"] == {"order_type": "market_order", "trail_amount": "-4"}
    assert bracket_fields(Bracket(take_profit=Decimal(3)), Side.SELL) == {"bracket_take_profit_price": "3"}
