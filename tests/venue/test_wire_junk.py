"""Whatever a signed request says, it is answered or refused in words; nothing breaks and the books still add up."""

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.venue.test_core_conservation import Bench
from tests.venue.venue_market import CALL, PERPETUAL, PUT
from trader.domain.order import Side
from trader.venue.core.refusal import Refused
from trader.venue.tape import Tape
from trader.venue.wire.call import Call
from trader.venue.wire.endpoint import Endpoint
from trader.venue.wire.problem import GatewayError
from trader.venue.wire.signed_endpoints import SIGNED

_NUMBERS = [
    "0",
    "1",
    "-1",
    "20",
    "390",
    "399",
    "401",
    "450",
    "300",
    "1e3",
    "0.1",
    "399.05",
    "1e999",
    "NaN",
    "-0",
    "",
    " 5",
]
_SENSIBLE = {
    "product_id": [101, 102, 27, "101", 0],
    "product_symbol": [CALL, PUT, PERPETUAL, "X"],
    "side": ["buy", "sell"],
    "order_type": ["limit_order", "market_order"],
    "size": [1, 5, 20, "3", 10**9, 0],
    "limit_price": ["390", "399", "401", "66000", 399.5],
    "stop_order_type": ["stop_loss_order", "take_profit_order", "liquidation_order"],
    "stop_price": ["450", "350", "66500"],
    "trail_amount": ["10", "-10"],
    "time_in_force": ["gtc", "ioc", "fok"],
    "mmp": ["disabled", "mmp1", "mmp9"],
    "asset": ["BTC", "X"],
    "margin_mode": ["isolated", "portfolio", "cross"],
    "heartbeat_id": ["h"],
    "impact": ["contracts", "products"],
    "contract_types": [["call_options"], "call_options,put_options"],
    "product_symbols": [[CALL]],
    "config": [[{"action": "cancel_orders"}], [{"action": "spreads", "value": "5"}]],
    "ttl": [0, "5", 1000],
    "orders": [[{"size": 1, "side": "buy", "limit_price": "390"}], [{"id": 700000001}], [{"client_order_id": "a"}]],
    "stop_loss_order": [{"order_type": "market_order", "stop_price": "450"}],
    "take_profit_order": [{"order_type": "limit_order", "stop_price": "300", "limit_price": "301"}],
    "id": [700000001, 700000002],
    "user_id": [5550001],
    "asset_symbol": ["USD"],
    "transferrer_user_id": [5550001],
    "transferee_user_id": [5550002],
}
_OTHERS = [
    "post_only", "reduce_only", "client_order_id", "stop_trigger_method", "bracket_stop_loss_price",
    "bracket_stop_loss_limit_price", "bracket_take_profit_price", "bracket_take_profit_limit_price",
    "bracket_trail_amount", "bracket_stop_trigger_method", "cancel_orders_accepted", "cancel_limit_orders",
    "cancel_stop_orders", "cancel_reduce_only_orders", "delta_margin", "auto_topup", "close_all_isolated",
    "close_all_portfolio", "product_ids", "leverage", "window_interval", "freeze_interval", "trade_limit", "delta_limit",
    "vega_limit", "underlying_assets", "default_auto_topup", "email_preferences", "amount", "subaccount_user_id",
]  # fmt: skip
_QUERY = [
    "product_id", "underlying_asset_symbol", "product_ids", "contract_types", "states", "order_types", "start_time",
    "end_time", "after", "before", "page_size", "asset_ids", "transaction_types", "heartbeat_id", "user_id",
    "subaccount_user_id",
]  # fmt: skip
JUNK = st.one_of(
    st.sampled_from(_NUMBERS),
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(),
    st.text(max_size=40),
    st.lists(
        st.one_of(st.none(), st.text(max_size=3), st.dictionaries(st.text(max_size=3), st.integers())), max_size=3
    ),
    st.dictionaries(
        st.sampled_from(["stop_price", "order_type", "limit_price"]), st.sampled_from(_NUMBERS), max_size=3
    ),
)
SENSIBLE = st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in _SENSIBLE.items()})
ODD = st.dictionaries(st.sampled_from([*_SENSIBLE, *_OTHERS]), JUNK, max_size=5)
QUERY = st.dictionaries(
    st.sampled_from(_QUERY),
    st.one_of(
        st.sampled_from(["101", "101,102", "open", "pending", "limit,all_stop", "USD", "1", "x", "cm93OjM="]),
        st.text(min_size=1, max_size=12),
    ),
    max_size=3,
)


@pytest.mark.parametrize("endpoint", SIGNED, ids=lambda e: f"{e.method} {e.path}")
@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(calls=st.lists(st.tuples(SENSIBLE, ODD, QUERY), min_size=1, max_size=3))
def test_junk_is_answered_or_refused(
    endpoint: Endpoint, calls: list[tuple[dict[str, Any], dict[str, Any], dict[str, str]]]
) -> None:
    bench = Bench()
    bench.do(0, CALL, Side.SELL, 20, -1, "gtc")
    bench.do(0, CALL, Side.BUY, 5, -3, "gtc")
    exchange, account = bench.exchange, bench.traders[0].account
    tape = Tape(exchange)
    for sensible, odd, query in calls:
        call = Call(
            exchange=exchange,
            tape=tape,
            now=exchange.now,
            wall_secs=1_700_000_000.0,
            path={"product_id": 101, "order_id": 700000002, "client_order_id": "a"},
            query=query,
            body=sensible | odd,
            caller="user",
            holder=account,
        )
        try:
            answer = endpoint.handler(call)
        except (Refused, GatewayError):
            continue
        msgspec.json.encode(answer.result)
    bench.check()
