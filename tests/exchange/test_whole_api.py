"""Every typed method of the client: what it sends, and what it makes of answers old and new, full and thin."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal as D
from typing import Any

import pytest

from tests.exchange.scripted_http import Answer, Handler, Request, ScriptedHTTP, refused, success
from trader.domain.errors import VenueRefused, WireError
from trader.domain.order import OrderStatus, Side
from trader.domain.outcome import Ok, Rejected, Unknown
from trader.exchange.common.credentials import Credentials
from trader.exchange.common.outcomes import Done
from trader.exchange.delta.api.account import DeadMan, MmpLimits
from trader.exchange.delta.api.order_requests import Bracket, CancelScope, OrderEdit, OrderRequest
from trader.exchange.delta.gateway import DeltaGateway

Serve = Callable[[Handler], ScriptedHTTP]
Talk = Callable[..., tuple[DeltaGateway, ScriptedHTTP]]
T0 = datetime(2026, 11, 20, 6, 30, tzinfo=UTC)
MICROS = "1795156200000000"

ORDER: dict[str, Any] = {
    "id": 700, "product_id": 27, "product_symbol": "BTCUSD", "client_order_id": "c-1", "side": "sell", "size": 3,
    "unfilled_size": 3, "order_type": "limit_order", "limit_price": "65000.5", "state": "open", "time_in_force": "gtc",
}  # fmt: skip
MARGINED: dict[str, Any] = {
    "product_id": 27, "product_symbol": "BTCUSD", "size": -3, "entry_price": "65000", "mark_price": "65010.5",
    "margin": "12.5", "liquidation_price": None, "adl_level": "2", "realized_pnl": "-0.1", "margin_mode": "isolated",
    "auto_topup": False, "created_at": "2026-11-20T06:30:00.1Z", "unrealized_pnl": "garbage",
}  # fmt: skip


@pytest.fixture
def talk(serve: Serve) -> Talk:
    """A gateway on a server that gives these answers in turn, the last one for ever."""

    def start(*answers: Answer) -> tuple[DeltaGateway, ScriptedHTTP]:
        left = list(answers)
        server = serve(lambda request: left.pop(0) if len(left) > 1 else left[0])
        return DeltaGateway(server.url, Credentials("key", "secret")), server

    return start


def sent(server: ScriptedHTTP, index: int = -1) -> tuple[str, str, Any]:
    request = server.requests[index]
    return request.method, request.target, request.json() if request.body else None


# ---------------------------------------------------------------------------------------------------------- market


def test_assets_and_indices(talk: Talk) -> None:
    gateway, server = talk(
        success([{"id": 14, "symbol": "USD", "precision": "8"}, {"id": "2", "symbol": "BTC", "x": 1}])
    )
    assert [(a.asset_id, a.symbol, a.precision) for a in gateway.market.assets()] == [(14, "USD", 8), (2, "BTC", None)]
    assert sent(server) == ("GET", "/v2/assets", None) and "signature" not in server.requests[0].headers
    index = {"id": 1, "symbol": ".DEXBTUSD", "constituent_exchanges": [{"name": "A", "weight": 0.5}, {"exchange": "B"}]}
    gateway, server = talk(success([index]))
    assert gateway.market.indices()[0].constituents == (("A", D("0.5")), ("B", None))


def test_products_by_filter_and_by_symbol(talk: Talk) -> None:
    product = {
        "id": 27, "symbol": "BTCUSD", "contract_type": "perpetual_futures", "contract_value": "0.001000000000",
        "tick_size": "0.5", "taker_commission_rate": "0.0005", "maker_commission_rate": "0.0002", "initial_margin": "0.5",
        "maintenance_margin": "0.25", "underlying_asset": {"symbol": "BTC"}, "state": "live",
    }  # fmt: skip
    gateway, server = talk(success([product, product | {"id": 28, "contract_type": "spot", "symbol": "BTC_INR"}]))
    found = gateway.market.products(
        contract_types=("perpetual_futures",), states=("live", "upcoming"), expiry=date(2026, 11, 21)
    )
    assert [i.symbol for i in found] == ["BTCUSD"] and found[0].contract_value == D("0.001")
    assert sent(server)[1] == (
        "/v2/products?contract_types=perpetual_futures&states=live%2Cupcoming&expiry=2026-11-21&page_size=500"
    )
    gateway, server = talk(success(product), refused("product_not_found", 404), refused("bad_schema"))
    one = gateway.market.product("BTCUSD")
    assert one is not None and one.product_id == 27 and sent(server)[1] == "/v2/products/BTCUSD"
    assert gateway.market.product("NOPE") is None
    with pytest.raises(VenueRefused):
        gateway.market.product("BTCUSD")


def test_tickers_with_their_day(talk: Talk) -> None:
    full = {
        "symbol": "BTCUSD", "product_id": 27, "contract_type": "perpetual_futures", "mark_price": "100.5", "open": 99.5,
        "high": 101, "low": 98.25, "close": "100", "funding_rate": "-0.005", "turnover_usd": 12.5, "mark_change_24h": "-1.2",
        "oi_value_usd": "1e3", "greeks": None, "timestamp": 1795156200000000,
    }  # fmt: skip
    thin = {"symbol": "C-BTC-1-211126", "mark_price": None, "quotes": {"best_bid": "0", "best_ask": ""}}
    gateway, server = talk(success([full, thin]), success(full))
    day, never = gateway.market.tickers(
        contract_types=("call_options",), underlyings=("BTC",), expiry=date(2026, 11, 1)
    )
    assert sent(server)[1] == (
        "/v2/tickers?contract_types=call_options&underlying_asset_symbols=BTC&expiry_date=01-11-2026"
    )
    assert (day.open, day.high, day.low, day.close) == (D("99.5"), D(101), D("98.25"), D(100))
    assert (day.funding_rate, day.mark_change_pct, day.open_interest_usd) == (D("-0.005"), D("-1.2"), D(1000))
    assert never.open is None and never.quote.bid is None and never.quote.ask is None and never.product_id is None
    assert gateway.market.ticker("BTCUSD").quote.mark == D("100.5")


def test_book_best_first_and_a_disordered_one_is_refused(talk: Talk) -> None:
    book = {
        "symbol": "BTCUSD", "last_updated_at": 1795156200000000, "buy": [{"price": "9.5", "size": 4, "depth": "4"}],
        "sell": [{"price": "10", "size": "1"}, {"price": 11, "size": 2.0}],
    }  # fmt: skip
    wrong = book | {"sell": [{"price": "10", "size": 1}, {"price": "9", "size": 1}]}
    negative = book | {"buy": [{"price": "9", "size": -1}]}
    gateway, server = talk(success(book), success(wrong), success(negative), success(book | {"symbol": "ETHUSD"}))
    read = gateway.market.order_book("BTCUSD", depth=2)
    assert [(level.price, level.size) for level in read.asks] == [(D(10), 1), (D(11), 2)] and read.bids[0].size == 4
    assert sent(server)[1] == "/v2/l2orderbook/BTCUSD?depth=2"
    for problem in ("not in order", "negative", "mismatch"):
        with pytest.raises(WireError, match=problem):
            gateway.market.order_book("BTCUSD")


def test_trades_in_both_documented_shapes(talk: Talk) -> None:
    roles = [{"buyer_role": "taker", "seller_role": "maker", "price": "10", "size": 3, "timestamp": 1795156200000000}]
    sides = {"trades": [{"side": "sell", "size": 1, "price": "9.5", "timestamp": 1795156200000000}]}
    gateway, _ = talk(success(roles), success(sides), success([]))
    first, second = gateway.market.trades("BTCUSD")[0], gateway.market.trades("BTCUSD")[0]
    assert (first.price, first.quantity, first.buyer_is_aggressor) == (D(10), 3, True) and first.ts_event == T0
    assert second.buyer_is_aggressor is False
    assert gateway.market.trades("BTCUSD") == []


def test_candles_are_sorted_and_paged_backwards(serve: Serve) -> None:
    def handler(request: Request) -> Answer:
        start, end = int(request.query["start"]), int(request.query["end"])
        times = range(-(-start // 60) * 60, end + 1, 60)
        row = {"open": 1, "high": "2.5", "low": 0.5, "close": 1}
        return success([{"time": t, **row} for t in reversed(times)])

    server = serve(handler)
    market = DeltaGateway(server.url).market
    end = datetime.fromtimestamp(T0.timestamp() + 60 * 4499, UTC)
    candles = market.candles("MARK:BTCUSD", "1m", T0, end)
    assert len(candles) == 4500 and candles[0].start == T0 and candles[-1].start == end
    assert [c.start for c in candles] == sorted({c.start for c in candles}) and candles[0].volume is None
    assert len(server.requests) == 3 and "symbol=MARK%3ABTCUSD" in server.requests[0].target
    with pytest.raises(ValueError, match="resolution"):
        market.candles("BTCUSD", "7d", T0, end)


def test_sparklines_quota_and_status(talk: Talk) -> None:
    gateway, _ = talk(success({"BTCUSD": [[1795156200, "10"], [1795156260, 11.5]]}))
    assert gateway.market.sparklines(["BTCUSD"])["BTCUSD"][1][1] == D("11.5")
    gateway, _ = talk(Answer(body={"current_quota": 12, "remaining_time_in_milliseconds": 1500}))
    quota = gateway.market.quota()
    assert (quota.spent, quota.resets_in_secs) == (12, 1.5)
    gateway, _ = talk(success({"server_time": 1795156200000000, "under_maintenance": "true"}))
    status = gateway.market.status()
    assert status.time == T0 and status.under_maintenance


# ---------------------------------------------------------------------------------------------------------- orders


def place_request(**changes: Any) -> OrderRequest:
    base: dict[str, Any] = {
        "product_id": 27, "side": Side.SELL, "quantity": 3, "client_order_id": "c-1", "limit_price": D("65000.5"),
    }  # fmt: skip
    return OrderRequest(**(base | changes))


def test_place_edit_and_cancel(talk: Talk) -> None:
    gateway, server = talk(success(ORDER), success(ORDER | {"size": 5}), success(ORDER | {"state": "cancelled"}))
    placed = gateway.orders.place(place_request())
    assert isinstance(placed, Ok) and placed.order.status is OrderStatus.ACCEPTED
    assert sent(server)[:2] == ("POST", "/v2/orders")
    edited = gateway.orders.edit(OrderEdit(venue_order_id="700", product_id=27, quantity=5))
    assert isinstance(edited, Ok) and edited.order.quantity == 5
    assert sent(server) == ("PUT", "/v2/orders", {"id": 700, "product_id": 27, "size": 5})
    cancelled = gateway.orders.cancel(product_id=27, venue_order_id="700")
    assert isinstance(cancelled, Ok) and cancelled.order.status is OrderStatus.CANCELLED
    figures = gateway.statistics()
    assert (figures.orders_submitted, figures.orders_accepted, figures.cancels_accepted) == (1, 1, 1)


@pytest.mark.parametrize("changed", [{"product_id": 28}, {"client_order_id": "c-2"}, {"side": "buy"}, {"size": 4}])
def test_an_answer_about_another_order_is_unknown(talk: Talk, changed: dict[str, Any]) -> None:
    gateway, _ = talk(success(ORDER | changed))
    assert isinstance(gateway.orders.place(place_request()), Unknown)


def test_what_was_never_sent_is_rejected_as_such(talk: Talk) -> None:
    gateway, server = talk(success(ORDER))
    outcome = gateway.orders.place(place_request(client_order_id="x" * 33))
    assert isinstance(outcome, Rejected) and outcome.code == "not_sent" and server.requests == []


def test_batch_matches_rows_by_client_id_and_the_missing_one_is_unknown(talk: Talk) -> None:
    second = ORDER | {"id": 702, "client_order_id": "c-3"}
    gateway, server = talk(success([second, ORDER]), refused("insufficient_margin"))
    requests = [place_request(), place_request(client_order_id="c-2"), place_request(client_order_id="c-3")]
    outcomes = gateway.orders.place_batch(27, requests)
    assert [type(o) for o in outcomes] == [Ok, Unknown, Ok]
    assert sent(server)[:2] == ("POST", "/v2/orders/batch") and len(sent(server)[2]["orders"]) == 3
    assert [o.code for o in gateway.orders.place_batch(27, requests) if isinstance(o, Rejected)] == [
        "insufficient_margin"
    ] * 3
    assert gateway.statistics().orders_submitted == 6


def test_batch_edit_and_cancel_answer_per_id(talk: Talk) -> None:
    gateway, server = talk(
        success([ORDER]), success([ORDER | {"state": "cancelled"}]), Answer(status=502, raw=b"<html>")
    )
    edits = [OrderEdit(venue_order_id=i, product_id=27, quantity=3) for i in ("700", "701")]
    assert [type(o) for o in gateway.orders.edit_batch(27, edits)] == [Ok, Unknown]
    assert sent(server)[0] == "PUT"
    assert [type(o) for o in gateway.orders.cancel_batch(27, ["701", "700"])] == [Unknown, Ok]
    assert sent(server) == ("DELETE", "/v2/orders/batch", {"product_id": 27, "orders": [{"id": 701}, {"id": 700}]})
    assert [type(o) for o in gateway.orders.cancel_batch(27, ["700"])] == [Unknown]


def test_cancel_all_and_brackets_say_done_or_why_not(talk: Talk) -> None:
    gateway, server = talk(Answer(body={"success": True}))
    assert gateway.orders.cancel_all(CancelScope(contract_types=("call_options",))) == Done(None)
    assert sent(server)[2]["contract_types"] == "call_options"
    assert gateway.orders.place_bracket(27, Side.SELL, Bracket(stop_loss=D(9))) == Done(None)
    assert sent(server)[:2] == ("POST", "/v2/orders/bracket")
    done = gateway.orders.edit_bracket(
        entry_order_id="700", product_id=27, side=Side.SELL, bracket=Bracket(take_profit=D(2))
    )
    assert done == Done(None)
    assert sent(server) == (
        "PUT", "/v2/orders/bracket", {"id": 700, "product_id": 27, "bracket_take_profit_price": "2"},
    )  # fmt: skip
    gateway, _ = talk(refused("position_bracket_exist_or_invalid_data"))
    assert isinstance(gateway.orders.place_bracket(27, Side.SELL, Bracket(stop_loss=D(9))), Rejected)
    gateway, _ = talk(Answer(status=500, body={"error": {"code": "internal_server_error"}, "success": False}))
    assert isinstance(gateway.orders.cancel_all(CancelScope()), Unknown)


def test_order_details_tell_what_an_order_waits_for(talk: Talk) -> None:
    stop = ORDER | {
        "state": "pending", "stop_order_type": "stop_loss_order", "stop_price": "66000.0", "trail_amount": "-25",
        "stop_trigger_method": "mark_price", "reduce_only": "true", "bracket_order": True, "mmp": "disabled",
        "bracket_stop_loss_price": "", "created_at": "1795156200000000", "commission": 0.5,
    }  # fmt: skip
    gateway, server = talk(success(stop), refused("order_not_found", 404))
    details = gateway.orders.by_id("700")
    assert details is not None and details.order.reduce_only and details.is_bracket_leg and details.mmp is None
    assert (details.stop_price, details.trail_amount, details.bracket_stop_loss) == (D(66000), D(-25), None)
    assert details.order.created_at == T0 and sent(server)[1] == "/v2/orders/700"
    assert gateway.orders.by_client_id("c-9") is None


def test_lists_take_their_filters(talk: Talk) -> None:
    gateway, server = talk(success([ORDER, ORDER], after=None))
    assert len(gateway.orders.open_details(states=("pending",), order_types=("all_stop",), product_ids=[27])) == 1
    assert sent(server)[1] == "/v2/orders?states=pending&order_types=all_stop&product_ids=27&page_size=50"
    gateway.orders.history(since=T0, until=T0, contract_types=("put_options",))
    assert sent(server)[1] == (
        f"/v2/orders/history?start_time={MICROS}&end_time={MICROS}&contract_types=put_options&page_size=50"
    )
    gateway, server = talk(success([]), Answer(raw=b"id,price\n1,2\n"))
    assert gateway.orders.fills(until=T0) == []
    assert gateway.orders.fills_csv(since=T0) == "id,price\n1,2\n"
    assert sent(server)[1] == f"/v2/fills/history/download/csv?start_time={MICROS}"


# --------------------------------------------------------------------------------------------------------- account


def test_margined_positions(talk: Talk) -> None:
    gateway, server = talk(success([MARGINED]), success([MARGINED | {"margin": None}]))
    (held,) = gateway.account.margined(product_ids=[27], contract_types=("perpetual_futures",))
    assert (held.quantity, held.margin, held.liquidation_price, held.mark) == (-3, D("12.5"), None, D("65010.5"))
    assert sent(server)[1] == "/v2/positions/margined?contract_types=perpetual_futures&product_ids=27"
    with pytest.raises(WireError, match="margin is missing"):
        gateway.account.margined()


def test_margin_topup_leverage_and_mode(talk: Talk) -> None:
    gateway, server = talk(success(MARGINED))
    added = gateway.account.change_margin(27, D("-1.5"))
    assert isinstance(added, Done) and added.value.margin == D("12.5")
    assert sent(server) == ("POST", "/v2/positions/change_margin", {"product_id": 27, "delta_margin": "-1.5"})
    assert isinstance(gateway.account.set_auto_topup(27, True), Done)
    assert sent(server) == ("PUT", "/v2/positions/auto_topup", {"product_id": 27, "auto_topup": True})
    assert isinstance(gateway.account.set_auto_topup(28, True), Unknown)  # the answer is about product 27
    nothing = gateway.account.change_margin(27, D(0))
    assert isinstance(nothing, Rejected) and nothing.code == "not_sent"
    gateway, server = talk(
        success({"leverage": 10, "order_margin": "563.2", "product_id": 27}), refused("max_leverage_exceeded")
    )
    assert gateway.account.leverage(27).leverage == D(10)
    assert sent(server)[:2] == ("GET", "/v2/products/27/orders/leverage")
    refusal = gateway.account.set_leverage(27, D(500))
    assert isinstance(refusal, Rejected) and refusal.code == "max_leverage_exceeded"
    assert sent(server)[2] == {"leverage": "500"}
    gateway, server = talk(success({"id": 5, "margin_mode": "portfolio"}))
    assert gateway.account.set_margin_mode("portfolio", user_id="5") == Done("portfolio")
    assert sent(server)[2] == {"margin_mode": "portfolio", "subaccount_user_id": "5"}
    assert isinstance(gateway.account.set_margin_mode("cross"), Rejected)


def test_close_all_needs_the_numeric_user(talk: Talk) -> None:
    gateway, server = talk(success(None))
    assert gateway.account.close_all("5550001") == Done(None)
    assert sent(server)[2] == {"close_all_portfolio": True, "close_all_isolated": True, "user_id": 5550001}
    assert isinstance(gateway.account.close_all("me"), Rejected)


def test_money(talk: Talk) -> None:
    row = {"asset_symbol": "USD", "balance": "10", "available_balance": "9", "blocked_margin": 1, "order_margin": "1.0"}
    gateway, _ = talk(success([row, row | {"asset_symbol": "INR"}], net_equity="10.5"))
    balances = gateway.account.balances()
    assert [b.asset for b in balances.assets] == ["USD", "INR"] and balances.net_equity == D("10.5")
    assert balances.assets[0].order_margin == D(1) and balances.assets[0].portfolio_margin is None
    line = {"id": 1, "amount": "-0.07", "balance": "9.93", "transaction_type": "something_new", "product_id": None}
    gateway, server = talk(success([line], after="x"), success([line, line | {"id": 2}], after=None))
    lines = gateway.account.transactions(since=T0, kinds=("commission",))
    assert [(t.transaction_id, t.kind, t.amount) for t in lines] == [
        ("1", "something_new", D("-0.07")), ("2", "something_new", D("-0.07")),
    ]  # fmt: skip
    assert "after=x" in sent(server)[1] and "transaction_types=commission" in sent(server)[1]


def test_identity_stats_and_preferences(talk: Talk) -> None:
    gateway, server = talk(
        success({"user_id": 7, "default_auto_topup": "true", "vip_level": None, "volume_30d": "1.5"})
    )
    preferences = gateway.account.preferences()
    assert (preferences.user_id, preferences.default_auto_topup, preferences.volume_30d) == ("7", True, D("1.5"))
    assert isinstance(gateway.account.set_default_auto_topup(False), Done)
    assert sent(server)[2] == {"default_auto_topup": False}
    gateway, _ = talk(success({"last_30_days_volume": 3, "last_7_days_volume": "2", "total_volume": 1.5}))
    assert gateway.account.stats().volume_24h == D("1.5")
    gateway, _ = talk(success([{"id": "9", "account_name": "sub", "is_sub_account": True}]))
    assert gateway.account.sub_accounts()[0].user_id == "9"


def test_transfers_between_accounts(talk: Talk) -> None:
    gateway, server = talk(success(None), success([{"amount": "1"}], after=None))
    assert gateway.account.transfer(sender="1", receiver="2", asset="USD", amount=D("1.50")) == Done(None)
    assert sent(server)[2] == {
        "transferrer_user_id": 1, "transferee_user_id": 2, "asset_symbol": "USD", "amount": "1.50",
    }  # fmt: skip
    assert gateway.account.transfers("2") == [{"amount": "1"}] and "subaccount_user_id=2" in sent(server)[1]
    for wrong in ({"amount": D(0)}, {"sender": "me"}):
        fields: dict[str, Any] = {"sender": "1", "receiver": "2", "asset": "USD", "amount": D(1)} | wrong
        assert isinstance(gateway.account.transfer(**fields), Rejected)


def test_protection_is_configured_in_the_exchanges_words(talk: Talk) -> None:
    gateway, server = talk(success({"user_id": 7}), success(None))
    limits = MmpLimits(asset="BTC", window_secs=5, freeze_secs=0, trade_limit=D(10), delta_limit=D(1), vega_limit=D(2))
    assert isinstance(gateway.account.configure_mmp(limits), Done)
    assert sent(server)[2] == {
        "asset": "BTC", "window_interval": 5, "freeze_interval": 0, "trade_limit": "10", "delta_limit": "1",
        "vega_limit": "2", "mmp": "mmp1",
    }  # fmt: skip
    assert gateway.account.reset_mmp("BTC") == Done(None)
    gateway, server = talk(
        success({"heartbeat_id": "h"}), success({"heartbeat_timestamp": "1795156200000", "process_enabled": "true"})
    )
    assert gateway.account.create_dead_man(DeadMan(heartbeat_id="h", contract_types=("call_options",))) == Done("h")
    assert sent(server)[2]["impact"] == "contracts" and sent(server)[2]["config"][0]["action"] == "cancel_orders"
    assert gateway.account.acknowledge_dead_man("h", 30_000) == Done(T0)
    assert sent(server) == ("POST", "/v2/heartbeat", {"heartbeat_id": "h", "ttl": 30_000})
    assert isinstance(gateway.account.create_dead_man(DeadMan(heartbeat_id="h")), Rejected)
    gateway, _ = talk(success([{"heartbeat_id": "h", "status": "active"}]))
    assert gateway.account.dead_men("7")[0].status == "active"
