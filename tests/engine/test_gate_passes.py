"""What the gate lets out is recorded with the numbers it was judged by, as what it refuses is."""

from decimal import Decimal as D

import msgspec
import pytest
from msgspec.structs import replace

from tests.engine.scene import exiting
from tests.engine.test_gate import fresh_entry, fresh_exit, with_run
from trader.domain.order import OrderType, TimeInForce
from trader.engine import records as rec
from trader.engine.gate import Passed, check_order
from trader.engine.records import decode_record, encode_record

ENTRY = {
    "QUANTITY_EXCEEDS_MAXIMUM",
    "ORDER_RATE_EXCEEDED",
    "PRICE_OUTSIDE_COLLAR",
    "TOO_MANY_ORDERS",
    "POSITION_WOULD_EXCEED",
    "MORE_THAN_A_SLICE",
    "AHEAD_OF_SCHEDULE",
    "DAILY_LOSS_LIMIT",
}
EXIT = {"ORDER_RATE_EXCEEDED", "PRICE_OUTSIDE_COLLAR", "EXIT_EXCEEDS_POSITION"}


def test_each_order_of_a_run_is_recorded_with_what_it_passed() -> None:
    orders = [record for record in exiting().records if isinstance(record, rec.OrderIntended)]
    assert {o.intent.purpose.name for o in orders} == {"ENTRY", "EXIT"}
    for order in orders:
        expected = ENTRY if order.intent.purpose.name == "ENTRY" else EXIT
        assert expected <= set(order.passed), order
        assert all(numbers and "=" in numbers for numbers in order.passed.values())


def test_a_market_entry_is_recorded_with_the_prices_it_would_meet() -> None:
    scene, intent = fresh_entry()
    at_market = replace(intent, order_type=OrderType.MARKET, limit_price=None, time_in_force=TimeInForce.IOC)
    passed: Passed = {}
    assert check_order(scene.state, scene.run, at_market, scene.now, passed) is None
    assert "mark=" in passed["MARKET_OUTSIDE_COLLAR"] and "PRICE_OUTSIDE_COLLAR" not in passed


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [("quantity", 99, "POSITION_WOULD_EXCEED"), ("limit_price", D(1), "PRICE_OUTSIDE_COLLAR")],
)
def test_the_numbers_of_a_pass_are_those_of_the_refusal_at_the_other_side_of_the_limit(
    field: str, value: object, code: str
) -> None:
    scene, intent = fresh_entry()
    passed: Passed = {}
    assert check_order(scene.state, scene.run, intent, scene.now, passed) is None
    denied = check_order(scene.state, scene.run, replace(intent, **{field: value}), scene.now)
    assert denied is not None and denied.code == code

    def names(numbers: str) -> list[str]:
        return [part.partition("=")[0] for part in numbers.split(", ")]

    assert names(denied.detail) == names(passed[code])


def test_an_exit_is_recorded_with_what_is_open() -> None:
    scene, intent = fresh_exit()
    passed: Passed = {}
    assert check_order(scene.state, scene.run, intent, scene.now, passed) is None
    assert passed["EXIT_EXCEEDS_POSITION"] == f"quantity={intent.quantity}, open={scene.run.open_quantity('C')}"


def test_what_passes_changes_no_verdict_and_nothing_is_noted_of_states_that_have_no_number() -> None:
    scene, intent = fresh_entry()
    with_run(scene, stop_command="s")
    denied = check_order(scene.state, scene.run, intent, scene.now, {})
    assert denied is not None and denied.code == "ENTRY_AFTER_STOP"


def test_a_record_costs_less_than_a_kilobyte_and_one_of_an_earlier_version_is_read_without() -> None:
    order = next(record for record in exiting().records if isinstance(record, rec.OrderIntended))
    text = encode_record(order)
    assert decode_record(text) == order
    assert len(text) < 1200 and len(text) - len(encode_record(replace(order, passed={}))) < 700
    earlier = msgspec.json.decode(text)
    del earlier["passed"]
    read = decode_record(msgspec.json.encode(earlier))
    assert isinstance(read, rec.OrderIntended) and read.passed == {} and read.intent == order.intent
