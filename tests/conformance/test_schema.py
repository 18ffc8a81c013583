"""The field tables themselves: the documentation's own samples pass, and every kind of damage is noticed."""

import copy
from typing import Any

import pytest

from tests.conformance.schema.check import CHECKER, validate
from tests.conformance.schema.language import Checker, table
from tests.conformance.schema.rest import ENDPOINTS
from tests.conformance.schema.sockets import MESSAGES

# Source: the protocol sheet's illustrative sequence, one leg of ten contracts sold and filled at once.
ORDER_ANSWER: dict[str, Any] = {
    "success": True,
    "result": {
        "id": 700123456, "user_id": 5550001, "product_id": 98123, "product_symbol": "C-BTC-68000-201126",
        "client_order_id": "leg-c-0001", "side": "sell", "order_type": "limit_order", "limit_price": "391.0", "size": 10,
        "unfilled_size": 0, "average_fill_price": "391.000000000000000000", "state": "closed", "time_in_force": "gtc",
        "reduce_only": "false", "post_only": "false", "mmp": "disabled", "stop_order_type": None, "stop_price": None,
        "trail_amount": None, "stop_trigger_method": None, "bracket_order": None, "cancellation_reason": None,
        "commission": "0", "paid_commission": "0.0753148", "created_at": "2026-11-20T06:30:00.104211Z",
        "updated_at": "2026-11-20T06:30:00.104950Z",
    },
}  # fmt: skip
SOCKET_MESSAGES: list[dict[str, Any]] = [
    {
        "type": "orders", "action": "delete", "reason": "fill", "symbol": "C-BTC-68000-201126", "product_id": 98123,
        "order_id": 700123456, "client_order_id": "leg-c-0001", "side": "sell", "size": 10, "unfilled_size": 0,
        "average_fill_price": "391", "limit_price": "391", "state": "closed", "cancellation_reason": None,
        "stop_order_type": None, "bracket_order": False, "seq_no": 42, "timestamp": 1795156200105000,
    },
    {
        "type": "v2/user_trades", "sy": "C-BTC-68000-201126", "f": "9f0c4e0c7a5b4e2f8a1d2b3c4d5e6f70", "R": "normal",
        "u": 5550001, "o": 700123456, "S": "sell", "s": 10, "p": "391", "po": -10, "r": "taker", "c": "leg-c-0001",
        "t": 1795156200104950, "se": 7,
    },
    {
        "type": "positions", "action": "create", "reason": None, "symbol": "C-BTC-68000-201126", "product_id": 98123,
        "size": -10, "margin": "6.38", "entry_price": "391", "liquidation_price": None, "bankruptcy_price": None,
        "commission": "0.0753",
    },
    {
        "type": "margins", "action": "update", "asset_id": 14, "asset_symbol": "USD", "balance": "1003.83",
        "available_balance": "997.37", "blocked_margin": "6.46", "order_margin": "0", "position_margin": "6.38",
        "commission": "0.08", "user_id": 5550001, "timestamp": 1795156200106000,
    },
]  # fmt: skip


def test_the_documented_samples_pass() -> None:
    assert validate("POST /v2/orders", ORDER_ANSWER, newest=False) == []
    for message in SOCKET_MESSAGES:
        assert validate(message["type"], message, newest=False) == []
    refusal = {"success": False, "error": {"code": "insufficient_margin", "context": {"available_balance": "1.20"}}}
    assert validate("error", refusal) == []
    assert validate("error", {"error": "SignatureExpired", "message": "your signature has expired"}) == []


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("size", "10", "result.size: expected int, was '10'"),
        ("size", True, "result.size: expected int, was True"),
        ("limit_price", 391.0, "result.limit_price: expected dec or null, was 391.0"),
        ("limit_price", "NaN", "result.limit_price: expected dec or null, was 'NaN'"),
        ("side", "short", "result.side: expected 'buy' or 'sell', was 'short'"),
        ("created_at", "2026-11-20 06:30", "result.created_at: expected iso or digits, was '2026-11-20 06:30'"),
        ("reduce_only", 0, "result.reduce_only: expected flag, was 0"),
    ],
)
def test_a_field_of_another_type_is_a_problem(field: str, value: Any, expected: str) -> None:
    damaged = copy.deepcopy(ORDER_ANSWER)
    damaged["result"][field] = value
    assert validate("POST /v2/orders", damaged, newest=False) == [expected]


def test_a_required_field_may_not_be_missing_and_a_documented_one_only_for_the_lenient() -> None:
    damaged = copy.deepcopy(ORDER_ANSWER)
    del damaged["result"]["unfilled_size"], damaged["result"]["mmp"]
    assert validate("POST /v2/orders", damaged, newest=False) == ["result.unfilled_size: missing"]
    strict = validate("POST /v2/orders", damaged, newest=True)
    assert "result.mmp: missing" in strict and "result.unfilled_size: missing" in strict


def test_an_unknown_field_is_a_problem_only_for_the_strict() -> None:
    odd = copy.deepcopy(ORDER_ANSWER)
    odd["result"]["surprise"] = 1
    assert validate("POST /v2/orders", odd, newest=False) == []
    assert "result.surprise: not in the table" in validate("POST /v2/orders", odd, newest=True)


def test_an_envelope_without_success_or_result_is_a_problem() -> None:
    assert "success: must be true" in validate("GET /v2/assets", {"success": "true", "result": []})
    assert "result: missing" in validate("GET /v2/assets", {"success": True})
    assert validate("DELETE /v2/orders/all", {"success": True}) == []


def test_channels_with_two_forms_are_told_apart() -> None:
    compact = {"type": "mark_price", "sy": "MARK:BTCUSD", "p": "1.5", "ts": 1795156200105000}
    assert validate("mark_price", compact) == []
    snapshot = {"type": "orders", "action": "snapshot", "success": True, "symbol": "BTCUSD", "meta": {"seq_no": 1}}
    assert validate("orders", snapshot | {"result": []}) == []
    assert validate("orders", snapshot) == ["orders/snapshot.result: missing"]


def test_every_table_is_reachable_and_a_reference_to_nothing_is_refused() -> None:
    for name in ENDPOINTS:
        assert validate(name, {"success": True}, newest=False) != [] or ENDPOINTS[name].result.startswith("null")
    assert {"ob_updates", "portfolio_margins", "mmp_trigger", "funding_rate"} <= set(MESSAGES)
    with pytest.raises(ValueError, match="unknown type"):
        Checker({"A": table("! b : @Nothing")})
    with pytest.raises(KeyError):
        validate("candlestick_5s", {})


def test_lists_are_checked_in_every_row_and_reports_stay_short() -> None:
    rows = [{"price": 1, "size": 1, "timestamp": 1}] * 100
    problems = CHECKER.check("[@Trade]", rows, newest=False)
    assert len(problems) <= 40 and problems[0].startswith("result[0].price")
