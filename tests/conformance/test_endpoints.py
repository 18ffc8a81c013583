"""One case per endpoint: the client asks, the answer is as documented, and means what it should."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.conformance.schema.rest import ENDPOINTS
from tests.conformance.target import Target
from trader.domain.errors import AuthError
from trader.domain.order import OrderStatus, OrderType, Side
from trader.domain.outcome import Ok, Rejected
from trader.exchange.common.outcomes import Done
from trader.exchange.delta.api.account import DeadMan, MmpLimits
from trader.exchange.delta.api.order_requests import Bracket, CancelScope, OrderEdit, Stop
from trader.exchange.delta.http.rest import Endpoint

Case = Callable[[Target], None]
PUBLIC: dict[str, Case] = {}
PRIVATE: dict[str, Case] = {}


def case(endpoint: str, *, signed: bool = True) -> Callable[[Case], Case]:
    def add(function: Case) -> Case:
        (PRIVATE if signed else PUBLIC)[endpoint] = function
        return function

    return add


# ---------------------------------------------------------------------------------------------------------- public


@case("GET /v2/assets", signed=False)
def assets(t: Target) -> None:
    assert {"BTC", "ETH"} <= {asset.symbol for asset in t.gateway.market.assets()}


@case("GET /v2/indices", signed=False)
def indices(t: Target) -> None:
    assert {".DEXBTUSD", ".DEETHUSD"} <= {index.symbol for index in t.gateway.market.indices()}


@case("GET /v2/products", signed=False)
def products(t: Target) -> None:
    expiry = t.option.expiry
    assert expiry is not None
    calls = t.gateway.market.products(contract_types=("call_options",), expiry=expiry.date())
    assert t.option.symbol in {i.symbol for i in calls} and all(i.expiry == expiry for i in calls)
    every = t.gateway.market.products(states=("live",))
    assert len({i.product_id for i in every}) == len(every) > len(calls)


@case("GET /v2/products/{symbol}", signed=False)
def product(t: Target) -> None:
    assert t.perpetual.symbol == "BTCUSD" and t.gateway.market.product("NOT-A-PRODUCT") is None


@case("GET /v2/tickers", signed=False)
def tickers(t: Target) -> None:
    expiry = t.option.expiry
    assert expiry is not None
    chain = t.gateway.market.tickers(
        contract_types=("call_options", "put_options"), underlyings=("BTC",), expiry=expiry.date()
    )
    assert {day.quote.symbol.split("-")[3] for day in chain} == {f"{expiry:%d%m%y}"}
    assert all(day.quote.mark is None or day.quote.mark > 0 for day in chain)


@case("GET /v2/tickers/{symbol}", signed=False)
def ticker(t: Target) -> None:
    day = t.gateway.market.ticker("BTCUSD")
    assert day.quote.spot and day.quote.mark and day.funding_rate is not None


@case("GET /v2/l2orderbook/{symbol}", signed=False)
def order_book(t: Target) -> None:
    book = t.gateway.market.order_book("BTCUSD", depth=5)
    assert 0 < len(book.bids) <= 5 and book.bids[0].price < book.asks[0].price


@case("GET /v2/trades/{symbol}", signed=False)
def trades(t: Target) -> None:
    rows = t.gateway.market.trades("BTCUSD")
    assert all(row.quantity > 0 for row in rows)


@case("GET /v2/history/candles", signed=False)
def candles(t: Target) -> None:
    now = datetime.now(UTC)
    for symbol in ("BTCUSD", "MARK:BTCUSD", ".DEXBTUSD"):
        rows = t.gateway.market.candles(symbol, "5m", now - timedelta(hours=1), now)
        assert rows and all(row.low <= row.open <= row.high for row in rows)


@case("GET /v2/history/sparklines", signed=False)
def sparklines(t: Target) -> None:
    assert set(t.gateway.market.sparklines(["BTCUSD", "ETHUSD"])) == {"BTCUSD", "ETHUSD"}


@case("GET /v2/rate_limits/quota", signed=False)
def quota(t: Target) -> None:
    now = t.gateway.market.quota()
    assert now.spent >= 0 and 0 <= now.resets_in_secs <= 300


@case("GET /v2/settings", signed=False)
def settings(t: Target) -> None:
    assert abs(t.gateway.market.status().time - datetime.now(UTC)) < timedelta(seconds=10)


# ---------------------------------------------------------------------------------------------------------- orders


@case("POST /v2/orders")
def place(t: Target) -> None:
    assert t.resting().order.status is OrderStatus.ACCEPTED
    stop = t.resting(side=Side.BUY, stop=Stop(price=_above(t)), order_type=OrderType.MARKET, limit_price=None)
    assert stop.order.venue_state == "pending"
    trailing = t.resting(stop=Stop(trail=Decimal(50)), order_type=OrderType.MARKET, limit_price=None)
    assert trailing.order.venue_state == "pending"
    lone = t.gateway.orders.place(t.request(side=Side.SELL, reduce_only=True))
    assert isinstance(lone, Rejected) and lone.code == "no_position_for_reduce_only"


@case("PUT /v2/orders")
def edit(t: Target) -> None:
    order = t.resting().order
    edited = t.gateway.orders.edit(
        OrderEdit(venue_order_id=order.venue_order_id, product_id=order.product_id, quantity=3, limit_price=t.low())
    )
    assert isinstance(edited, Ok) and edited.order.quantity == 3


@case("DELETE /v2/orders")
def cancel(t: Target) -> None:
    for by in ("venue_order_id", "client_order_id"):
        order = t.resting().order
        ended = t.gateway.orders.cancel(product_id=order.product_id, **{by: getattr(order, by)})
        assert isinstance(ended, Ok) and ended.order.status is OrderStatus.CANCELLED
        again = t.gateway.orders.cancel(product_id=order.product_id, **{by: getattr(order, by)})
        assert isinstance(again, Rejected) and again.code == "open_order_not_found"


@case("GET /v2/orders")
def open_orders(t: Target) -> None:
    order = t.resting().order
    stop = t.resting(stop=Stop(price=_above(t)), order_type=OrderType.MARKET, limit_price=None).order
    listed = {d.order.venue_order_id: d for d in t.gateway.orders.open_details(product_ids=[order.product_id])}
    assert set(listed) == {order.venue_order_id, stop.venue_order_id}
    assert listed[stop.venue_order_id].stop_price is not None
    pending = t.gateway.orders.open_details(states=("pending",), order_types=("stop_market",))
    assert [d.order.venue_order_id for d in pending] == [stop.venue_order_id]


@case("GET /v2/orders/{order_id}")
def by_id(t: Target) -> None:
    order = t.resting().order
    found = t.gateway.orders.by_id(order.venue_order_id)
    assert found is not None and found.order.client_order_id == order.client_order_id
    assert t.gateway.orders.by_id("1") is None


@case("GET /v2/orders/client_order_id/{client_oid}")
def by_client_id(t: Target) -> None:
    order = t.resting().order
    assert order.client_order_id is not None
    found = t.gateway.orders.by_client_id(order.client_order_id)
    assert found is not None and found.order.venue_order_id == order.venue_order_id
    assert t.gateway.orders.by_client_id("never-sent") is None


@case("GET /v2/orders/history")
def history(t: Target) -> None:
    filled = t.bought().order
    rows = t.gateway.orders.history(since=datetime.now(UTC) - timedelta(hours=1), product_ids=[filled.product_id])
    assert filled.venue_order_id in {row.order.venue_order_id for row in rows}
    assert not any(row.order.venue_state in ("open", "pending") for row in rows)


@case("POST /v2/orders/bracket")
def bracket(t: Target) -> None:
    t.bought()
    mark = t.quote().mark
    assert mark is not None
    legs = Bracket(stop_loss=_tick(mark * Decimal("0.5")), take_profit=_tick(mark * 2))
    assert isinstance(t.gateway.orders.place_bracket(t.option.product_id, Side.BUY, legs), Done)
    pending = t.gateway.orders.open_details(states=("pending",))
    assert {d.stop_kind for d in pending} == {"stop_loss_order", "take_profit_order"}
    assert all(d.is_bracket_leg and d.order.reduce_only for d in pending)
    again = t.gateway.orders.place_bracket(t.option.product_id, Side.BUY, legs)
    assert isinstance(again, Rejected) and again.code == "position_bracket_exist_or_invalid_data"


@case("PUT /v2/orders/bracket")
def edit_bracket(t: Target) -> None:
    mark = t.quote().mark
    assert mark is not None
    entry = t.resting(bracket=Bracket(take_profit=_tick(mark * 2))).order
    changed = Bracket(take_profit=_tick(mark * 3))
    done = t.gateway.orders.edit_bracket(
        entry_order_id=entry.venue_order_id, product_id=entry.product_id, side=Side.BUY, bracket=changed
    )
    assert isinstance(done, Done)
    found = t.gateway.orders.by_id(entry.venue_order_id)
    assert found is not None and found.bracket_take_profit == changed.take_profit


@case("POST /v2/orders/batch")
def batch(t: Target) -> None:
    placed = t.gateway.orders.place_batch(t.option.product_id, [t.request(), t.request()])
    assert [type(outcome) for outcome in placed] == [Ok, Ok]


@case("PUT /v2/orders/batch")
def batch_edit(t: Target) -> None:
    order = t.resting().order
    change = OrderEdit(
        venue_order_id=order.venue_order_id, product_id=order.product_id, quantity=2, limit_price=order.limit_price
    )
    (edited,) = t.gateway.orders.edit_batch(order.product_id, [change])
    assert isinstance(edited, Ok) and edited.order.quantity == 2


@case("DELETE /v2/orders/batch")
def batch_cancel(t: Target) -> None:
    ids = [t.resting().order.venue_order_id, t.resting().order.venue_order_id]
    ended = t.gateway.orders.cancel_batch(t.option.product_id, ids)
    assert all(isinstance(o, Ok) and o.order.status is OrderStatus.CANCELLED for o in ended)


@case("DELETE /v2/orders/all")
def cancel_all(t: Target) -> None:
    stop = t.resting(stop=Stop(price=_above(t)), order_type=OrderType.MARKET, limit_price=None).order
    t.resting()
    assert isinstance(
        t.gateway.orders.cancel_all(CancelScope(contract_types=("call_options",), stop_orders=False)), Done
    )
    left = t.wait(lambda: [o for o in t.gateway.open_orders() if len(t.gateway.open_orders()) == 1])
    assert [order.venue_order_id for order in left] == [stop.venue_order_id]
    assert isinstance(t.gateway.orders.cancel_all(CancelScope(product_id=stop.product_id)), Done)
    t.wait(lambda: not t.gateway.open_orders())


@case("GET /v2/products/{product_id}/orders/leverage")
def leverage(t: Target) -> None:
    assert t.gateway.account.leverage(t.perpetual.product_id).leverage > 0


@case("POST /v2/products/{product_id}/orders/leverage")
def set_leverage(t: Target) -> None:
    for wanted in (Decimal(10), Decimal(20)):
        done = t.gateway.account.set_leverage(t.perpetual.product_id, wanted)
        assert isinstance(done, Done) and done.value.leverage == wanted
    assert isinstance(t.gateway.account.set_leverage(t.perpetual.product_id, Decimal(100_000)), Rejected)


@case("GET /v2/fills")
def fills(t: Target) -> None:
    order = t.bought().order
    found = t.wait(lambda: [f for f in t.gateway.orders.fills() if f.venue_order_id == order.venue_order_id])
    assert sum(fill.quantity for fill in found) == order.quantity and all(f.commission is not None for f in found)


@case("GET /v2/fills/history/download/csv")
def fills_csv(t: Target) -> None:
    t.bought()
    assert t.option.symbol in t.gateway.orders.fills_csv(since=datetime.now(UTC) - timedelta(hours=1))


# --------------------------------------------------------------------------------------------------------- account


@case("GET /v2/positions")
def positions(t: Target) -> None:
    assert t.gateway.position(t.option.product_id).quantity == 0
    t.bought(quantity=2)
    assert [(p.symbol, p.quantity) for p in t.gateway.positions("BTC")] == [(t.option.symbol, 2)]


@case("GET /v2/positions/margined")
def margined(t: Target) -> None:
    t.bought()
    held = t.wait(lambda: t.gateway.account.margined(product_ids=[t.option.product_id]))
    assert held[0].quantity == 1 and held[0].margin >= 0


@case("POST /v2/positions/change_margin")
def change_margin(t: Target) -> None:
    t.bought(t.perpetual)
    before = t.wait(lambda: t.gateway.account.margined(product_ids=[t.perpetual.product_id]))[0].margin
    done = t.gateway.account.change_margin(t.perpetual.product_id, Decimal(5))
    assert isinstance(done, Done) and done.value.margin == before + 5


@case("PUT /v2/positions/auto_topup")
def auto_topup(t: Target) -> None:
    t.bought(t.perpetual)
    done = t.gateway.account.set_auto_topup(t.perpetual.product_id, True)
    assert isinstance(done, Done) and done.value.auto_topup


@case("POST /v2/positions/close_all")
def close_all(t: Target) -> None:
    t.bought()
    assert isinstance(t.gateway.account.close_all(t.gateway.who_am_i()), Done)
    t.wait(lambda: t.gateway.position(t.option.product_id).quantity == 0)


@case("GET /v2/wallet/balances")
def balances(t: Target) -> None:
    found = t.gateway.account.balances()
    (usd,) = [asset for asset in found.assets if asset.asset == "USD"]
    assert usd.available == usd.balance - usd.blocked_margin and found.net_equity is not None


@case("GET /v2/wallet/transactions")
def transactions(t: Target) -> None:
    t.bought()
    lines = t.gateway.account.transactions(since=datetime.now(UTC) - timedelta(hours=1))
    assert {"cashflow", "commission"} <= {line.kind for line in lines}
    only = t.gateway.account.transactions(since=datetime.now(UTC) - timedelta(hours=1), kinds=("commission",))
    assert only and {line.kind for line in only} == {"commission"}


@case("GET /v2/wallet/transactions/download")
def transactions_csv(t: Target) -> None:
    t.bought()
    assert "commission" in t.gateway.account.transactions_csv(since=datetime.now(UTC) - timedelta(hours=1))


@case("GET /v2/stats")
def stats(t: Target) -> None:
    found = t.gateway.account.stats()
    assert found.volume_30d >= found.volume_7d >= found.volume_24h >= 0


@case("GET /v2/users/trading_preferences")
def preferences(t: Target) -> None:
    assert t.gateway.account.preferences().user_id == t.gateway.who_am_i()


@case("PUT /v2/users/trading_preferences")
def set_preferences(t: Target) -> None:
    for on in (True, False):
        done = t.gateway.account.set_default_auto_topup(on)
        assert isinstance(done, Done) and done.value.default_auto_topup is on


@case("GET /v2/sub_accounts")
def sub_accounts(t: Target) -> None:
    assert isinstance(t.gateway.account.sub_accounts(), list)


@case("PUT /v2/users/margin_mode")
def margin_mode(t: Target) -> None:
    for mode in ("portfolio", "isolated"):
        assert t.gateway.account.set_margin_mode(mode) == Done(mode)


@case("PUT /v2/users/update_mmp")
def update_mmp(t: Target) -> None:
    assert isinstance(t.gateway.account.configure_mmp(_limits(trade_limit=Decimal(100))), Done)


@case("PUT /v2/users/reset_mmp")
def reset_mmp(t: Target) -> None:
    t.gateway.account.configure_mmp(_limits(trade_limit=Decimal(100)))
    assert t.gateway.account.reset_mmp("BTC") == Done(None)


@case("POST /v2/heartbeat/create")
def create_dead_man(t: Target) -> None:
    done = t.gateway.account.create_dead_man(DeadMan(heartbeat_id="cf-create", contract_types=("call_options",)))
    assert done == Done("cf-create")


@case("POST /v2/heartbeat")
def acknowledge_dead_man(t: Target) -> None:
    t.gateway.account.create_dead_man(DeadMan(heartbeat_id="cf-ack", contract_types=("call_options",)))
    armed = t.gateway.account.acknowledge_dead_man("cf-ack", 30_000)
    assert isinstance(armed, Done) and armed.value is not None
    assert isinstance(t.gateway.account.acknowledge_dead_man("cf-ack", 0), Done)


@case("GET /v2/heartbeat")
def dead_men(t: Target) -> None:
    t.gateway.account.create_dead_man(DeadMan(heartbeat_id="cf-list", contract_types=("call_options",)))
    assert "cf-list" in {one.heartbeat_id for one in t.gateway.account.dead_men(t.gateway.who_am_i())}


@case("GET /v2/wallets/sub_accounts_transfer_history")
def transfers(t: Target) -> None:
    assert isinstance(t.gateway.account.transfers(t.gateway.who_am_i()), list)


@case("POST /v2/wallets/sub_account_balance_transfer")
def transfer(t: Target) -> None:
    # There is no sub-account to send to: what counts is that the refusal has the documented form.
    outcome = t.gateway.account.transfer(sender="1", receiver="2", asset="USD", amount=Decimal(1))
    assert isinstance(outcome, Rejected) and outcome.code != "not_sent"


@case("GET /v2/profile")
def profile(t: Target) -> None:
    with pytest.raises(AuthError):  # refused to keys since August 2026
        t.gateway.rest.read(dict[str, Any], Endpoint(method="GET", path="/v2/profile", weight=1))


def _limits(*, trade_limit: Decimal) -> MmpLimits:
    return MmpLimits(
        asset="BTC", window_secs=5, freeze_secs=1, trade_limit=trade_limit, delta_limit=Decimal(100),
        vega_limit=Decimal(100_000),
    )  # fmt: skip


def _above(t: Target) -> Decimal:
    """A trigger no mark reaches during the run."""
    quote = t.quote()
    assert quote.mark is not None
    return _tick(quote.mark * 3)


def _tick(price: Decimal) -> Decimal:
    return price.quantize(Decimal("0.1"))


@pytest.mark.parametrize("endpoint", sorted(PUBLIC))
def test_public_endpoint(target: Target, endpoint: str) -> None:
    target.seen.clear()
    PUBLIC[endpoint](target)
    assert target.problems(endpoint) == []


@pytest.mark.parametrize("endpoint", sorted(PRIVATE))
def test_private_endpoint(account: Target, endpoint: str) -> None:
    account.seen.clear()
    PRIVATE[endpoint](account)
    assert account.problems(endpoint) == []
    assert {name: found for name, found in account.seen.items() if found} == {}


def test_every_documented_endpoint_has_a_case() -> None:
    downloads = {"GET /v2/fills/history/download/csv", "GET /v2/wallet/transactions/download"}
    assert set(PUBLIC) | set(PRIVATE) == set(ENDPOINTS) | downloads
