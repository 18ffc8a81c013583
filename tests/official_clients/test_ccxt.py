"""ccxt's own `delta` class against the local exchange: every unified method and every endpoint it offers.

The class is written for the global site; only the address and the key are changed.
"""

import inspect
import time
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.exchange.scripted_http import wait_for
from tests.official_clients.conftest import Venue

ccxt = pytest.importorskip("ccxt", reason="ccxt is optional: see requirements-ccxt.txt")

# What the class has although the exchange's documentation does not: no server that follows it can answer.
NOT_DOCUMENTED = {
    "deposits/address": "deposits are not part of the trading API",
    "orders/cancel_after": "superseded by heartbeats, printed in no edition any more",
    "orders/leverage": "the leverage of a product has its own path",
}
# Documented as refused: keys have not been able to read the profile since August 2026.
REFUSED_FOR_KEYS = {"profile"}
# Unified methods that rest on those.
NOT_ANSWERED = {"fetch_deposit_address": ccxt.ExchangeError, "fetch_margin_mode": ccxt.AuthenticationError}

PERPETUAL = "BTC/USD:USD"


class Desk:
    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self.exchange = self._client(venue, venue.key, venue.secret)
        self.exchange.load_markets()  # the class asks once, for the first page
        markets = [m for m in self.exchange.markets.values() if m["option"] and m["base"] == "BTC"]
        if min(m["expiry"] for m in markets) < (time.time() + 3600) * 1000:
            self.exchange.load_markets(True, {"page_size": 1000})  # the nearest expiry would settle under the test
            soon = min(m["expiry"] for m in markets)
            markets = [m for m in self.exchange.markets.values() if m["option"] and m["expiry"] > soon]
        tickers = self.exchange.fetch_tickers(
            None, {"contract_types": "call_options", "underlying_asset_symbols": "BTC"}
        )
        quoted = {symbol: row for symbol, row in tickers.items() if row["bid"] and row["ask"]}
        next_expiry = min(m["expiry"] for m in markets if m["symbol"] in quoted)
        spot = self.exchange.fetch_ticker(PERPETUAL)["close"]
        near = [m for m in markets if m["symbol"] in quoted and m["expiry"] == next_expiry]
        self.option = min(near, key=lambda m: abs(m["strike"] - spot))["symbol"]

    def _client(self, venue: Venue, key: str, secret: str) -> Any:
        class Checked(ccxt.delta):  # type: ignore[misc]
            """The class as it is; the answers are also held against the field tables."""

            def handle_errors(
                self, code: Any, reason: Any, url: str, method: str, headers: Any, body: Any, response: Any, *more: Any
            ) -> Any:
                venue.check(method, url.removeprefix(venue.url), response)
                return super().handle_errors(code, reason, url, method, headers, body, response, *more)

        made = Checked({"apiKey": key, "secret": secret, "enableRateLimit": False})
        made.urls["api"] = {"public": venue.url, "private": venue.url}
        return made

    def low(self) -> float:
        return round(float(self.exchange.fetch_ticker(self.option)["bid"]) * 0.7, 0)

    def resting(self) -> Any:
        return self.exchange.create_order(self.option, "limit", "buy", 2, self.low())

    def bought(self, symbol: str | None = None) -> Any:
        order = self.exchange.create_order(symbol or self.option, "market", "buy", 2)
        wait_for(lambda: (self.exchange.fetch_position(symbol or self.option)["contracts"] or 0) > 0)
        return order

    def id_of(self, symbol: str) -> int:
        number: int = self.exchange.market(symbol)["numericId"]
        return number

    def tidy(self) -> None:
        self.exchange.privateDeleteOrdersAll()
        self.exchange.close_all_positions()
        held = {"underlying_asset_symbol": "BTC"}  # in real time; the list of fetch_positions lags
        wait_for(
            lambda: not self.exchange.fetch_open_orders() and not self.exchange.privateGetPositions(held)["result"]
        )


@pytest.fixture(scope="module")
def desk(venue: Venue) -> Desk:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library's own
        return Desk(venue)


@pytest.fixture
def tidy(desk: Desk) -> Iterator[None]:
    yield
    desk.tidy()


# ------------------------------------------------------------------------------------------- unified, public


def fetch_time(desk: Desk) -> None:
    assert abs(desk.exchange.fetch_time() / 1000 - time.time()) < 5


def fetch_status(desk: Desk) -> None:
    assert desk.exchange.fetch_status()["status"] == "ok"


def fetch_currencies(desk: Desk) -> None:
    assert {"USD", "BTC", "ETH"} <= set(desk.exchange.fetch_currencies())


def fetch_markets(desk: Desk) -> None:
    market = desk.exchange.market(desk.option)
    assert (market["type"], market["contractSize"], market["precision"]["price"]) == ("option", 0.001, 0.1)
    assert market["linear"] and market["strike"] and market["expiry"] > time.time() * 1000


def fetch_ticker(desk: Desk) -> None:
    row = desk.exchange.fetch_ticker(PERPETUAL)
    assert row["bid"] < row["ask"] and row["symbol"] == PERPETUAL


def fetch_tickers(desk: Desk) -> None:
    rows = desk.exchange.fetch_tickers([PERPETUAL, desk.option])
    assert set(rows) == {PERPETUAL, desk.option}


def fetch_order_book(desk: Desk) -> None:
    book = desk.exchange.fetch_order_book(desk.option)
    assert book["bids"][0][0] < book["asks"][0][0]


def fetch_trades(desk: Desk) -> None:
    rows = desk.exchange.fetch_trades(PERPETUAL)
    assert all(row["side"] in ("buy", "sell") for row in rows)


def fetch_ohlcv(desk: Desk) -> None:
    assert len(desk.exchange.fetch_ohlcv(PERPETUAL, "1m", limit=30)) >= 30
    assert desk.exchange.fetch_ohlcv(PERPETUAL, "1h", limit=3, params={"price": "mark"})
    assert desk.exchange.fetch_ohlcv(PERPETUAL, "1h", limit=3, params={"price": "index"})


def fetch_funding_rate(desk: Desk) -> None:
    row = desk.exchange.fetch_funding_rate(PERPETUAL)
    assert row["symbol"] == PERPETUAL and row["fundingRate"] is not None


def fetch_funding_rates(desk: Desk) -> None:
    assert PERPETUAL in desk.exchange.fetch_funding_rates()


def fetch_open_interest(desk: Desk) -> None:
    assert desk.exchange.fetch_open_interest(PERPETUAL)["openInterestAmount"] is not None


def fetch_greeks(desk: Desk) -> None:
    greeks = desk.exchange.fetch_greeks(desk.option)
    assert 0 < greeks["delta"] < 1 and greeks["markImpliedVolatility"] > 0


def fetch_option(desk: Desk) -> None:
    row = desk.exchange.fetch_option(desk.option)
    assert row["bidPrice"] < row["askPrice"]


def fetch_settlement_history(desk: Desk) -> None:
    assert isinstance(desk.exchange.fetch_settlement_history(), list)


# ------------------------------------------------------------------------------------------ unified, private


def create_order(desk: Desk) -> None:
    order = desk.exchange.create_order(desk.option, "limit", "buy", 2, desk.low(), {"clientOrderId": "ccxt-1"})
    assert (order["status"], order["clientOrderId"], order["remaining"]) == ("open", "ccxt-1", 2)
    stop = desk.exchange.create_order(
        PERPETUAL, "market", "buy", 1, None,
        {"stop_order_type": "stop_loss_order", "stop_price": str(round(desk.exchange.fetch_ticker(PERPETUAL)["close"]) + 900)},
    )  # fmt: skip
    assert stop["status"] == "open" and stop["info"]["state"] == "pending"
    with pytest.raises(ccxt.ExchangeError, match="no_position_for_reduce_only"):
        desk.exchange.create_order(desk.option, "market", "sell", 2, None, {"reduceOnly": True})


def edit_order(desk: Desk) -> None:
    order = desk.resting()
    changed = desk.exchange.edit_order(order["id"], desk.option, "limit", "buy", 4, order["price"])
    assert changed["amount"] == 4


def cancel_order(desk: Desk) -> None:
    order = desk.resting()
    assert desk.exchange.cancel_order(order["id"], desk.option)["status"] == "canceled"
    with pytest.raises(ccxt.OrderNotFound):
        desk.exchange.cancel_order(order["id"], desk.option)


def cancel_all_orders(desk: Desk) -> None:
    desk.resting()
    other = desk.exchange.create_order(
        PERPETUAL, "limit", "buy", 1, desk.exchange.fetch_ticker(PERPETUAL)["bid"] * 0.99
    )
    desk.exchange.cancel_all_orders(desk.option)
    assert [row["id"] for row in desk.exchange.fetch_open_orders()] == [other["id"]]
    desk.exchange.cancel_all_orders(PERPETUAL)
    assert desk.exchange.fetch_open_orders() == []


def fetch_order(desk: Desk) -> None:
    order = desk.resting()
    assert desk.exchange.fetch_order(order["id"], desk.option)["id"] == order["id"]


def fetch_open_orders(desk: Desk) -> None:
    order = desk.resting()
    assert [row["id"] for row in desk.exchange.fetch_open_orders(desk.option)] == [order["id"]]


def fetch_closed_orders(desk: Desk) -> None:
    order = desk.bought()
    closed = {row["id"]: row for row in desk.exchange.fetch_closed_orders(desk.option)}
    assert closed[order["id"]]["filled"] == 2 and closed[order["id"]]["average"] > 0


def fetch_my_trades(desk: Desk) -> None:
    order = desk.bought()
    row = next(row for row in desk.exchange.fetch_my_trades(desk.option) if row["order"] == order["id"])
    assert row["side"] == "buy" and row["fee"]["cost"] > 0


def fetch_position(desk: Desk) -> None:
    desk.bought()
    assert desk.exchange.fetch_position(desk.option)["side"] == "long"


def fetch_positions(desk: Desk) -> None:
    desk.bought()

    def listed() -> bool:  # this list lags a fill, and so may show another test's position
        held = desk.exchange.fetch_positions([desk.option])
        return [(row["symbol"], row["contracts"]) for row in held] == [(desk.option, 2)]

    wait_for(listed)


def close_all_positions(desk: Desk) -> None:
    desk.bought()
    desk.exchange.close_all_positions()
    wait_for(lambda: desk.exchange.fetch_positions() == [])


def fetch_positions_adl_rank(desk: Desk) -> None:
    desk.bought(PERPETUAL)
    rows = wait_for(lambda: desk.exchange.fetch_positions_adl_rank([PERPETUAL]))
    assert [row["symbol"] for row in rows] == [PERPETUAL]


def fetch_position_adl_rank(desk: Desk) -> None:
    desk.bought(PERPETUAL)

    def ranked() -> bool:  # the list behind it lags a fill, and may show another test's position until that is closed
        try:
            return bool(desk.exchange.fetch_position_adl_rank(PERPETUAL)["symbol"] == PERPETUAL)
        except ccxt.NullResponse:
            return False

    wait_for(ranked)


def add_margin(desk: Desk) -> None:
    desk.bought(PERPETUAL)
    assert desk.exchange.add_margin(PERPETUAL, 5)["symbol"] == PERPETUAL


def reduce_margin(desk: Desk) -> None:
    desk.bought(PERPETUAL)
    before = desk.exchange.add_margin(PERPETUAL, 6)["total"]
    assert desk.exchange.reduce_margin(PERPETUAL, 5)["total"] == pytest.approx(before - 5)


def fetch_balance(desk: Desk) -> None:
    balance = desk.exchange.fetch_balance()
    assert balance["USD"]["total"] > 0 and balance["USD"]["free"] <= balance["USD"]["total"]


def fetch_ledger(desk: Desk) -> None:
    desk.bought()
    assert {"fee", "trade"} & {row["type"] for row in desk.exchange.fetch_ledger("USD")}


def fetch_leverage(desk: Desk) -> None:
    desk.exchange.set_leverage(15, PERPETUAL)
    assert desk.exchange.fetch_leverage(PERPETUAL)["longLeverage"] == 15


def set_leverage(desk: Desk) -> None:
    assert float(desk.exchange.set_leverage(10, PERPETUAL)["result"]["leverage"]) == 10
    with pytest.raises(ccxt.BaseError):
        desk.exchange.set_leverage(100_000, PERPETUAL)


def set_margin_mode(desk: Desk) -> None:
    me = str(desk.exchange.privateGetUsersTradingPreferences()["result"]["user_id"])
    for mode in ("portfolio", "isolated"):
        assert desk.exchange.set_margin_mode(mode, None, {"subaccount_user_id": me})["result"]["margin_mode"] == mode


UNIFIED: dict[str, Callable[[Desk], None]] = {
    function.__name__: function
    for function in list(globals().values())
    if inspect.isfunction(function) and list(function.__annotations__) == ["desk", "return"]
}


@pytest.mark.parametrize("method", sorted(UNIFIED))
def test_unified_method(desk: Desk, tidy: None, method: str) -> None:
    desk.venue.problems.clear()
    UNIFIED[method](desk)
    assert desk.venue.problems == []


@pytest.mark.parametrize("method", sorted(NOT_ANSWERED))
def test_what_the_exchange_does_not_answer_keys_is_refused_in_a_form_ccxt_understands(desk: Desk, method: str) -> None:
    argument = "USD" if method == "fetch_deposit_address" else PERPETUAL
    with pytest.raises(NOT_ANSWERED[method]):
        getattr(desk.exchange, method)(argument)


def test_every_unified_method_has_a_case(desk: Desk) -> None:
    # Names ccxt makes out of other methods of the list.
    derived = {"create_reduce_only_order", "fetch_index_ohlcv", "fetch_mark_ohlcv", "fetch_status"}
    names = {desk.exchange.un_camel_case(name) for name, has in desk.exchange.has.items() if has is True}
    offered = {name for name in names if name in vars(ccxt.delta)} | {
        "fetch_position_adl_rank",
        "fetch_positions_adl_rank",
    }
    assert offered - derived == set(UNIFIED) - derived | set(NOT_ANSWERED)


# ------------------------------------------------------------------------------------------------- endpoints


def arguments(desk: Desk) -> dict[str, dict[str, Any]]:
    """What each endpoint is called with where the unified methods do not reach it."""
    day = datetime.now(UTC)
    option = desk.exchange.market(desk.option)["id"]
    return {
        "GET products/{symbol}": {"symbol": option},
        "GET tickers/{symbol}": {"symbol": option},
        "GET l2orderbook/{symbol}": {"symbol": option},
        "GET trades/{symbol}": {"symbol": option},
        "GET history/candles": {
            "symbol": "BTCUSD", "resolution": "1h", "start": int(day.timestamp()) - 7200, "end": int(day.timestamp()),
        },
        "GET history/sparklines": {"symbols": "BTCUSD,ETHUSD"},
        "GET positions": {"underlying_asset_symbol": "BTC"},
        "GET products/{product_id}/orders/leverage": {"product_id": desk.id_of(PERPETUAL)},
        "GET heartbeat": {},
    }  # fmt: skip


def test_every_read_endpoint_of_the_class_answers(desk: Desk) -> None:
    order = desk.bought()
    given = arguments(desk) | {
        "GET orders/{order_id}": {"order_id": order["id"]},
        "GET orders/client_order_id/{client_oid}": {"client_oid": "ccxt-read"},
    }
    desk.exchange.create_order(desk.option, "limit", "buy", 1, desk.low(), {"clientOrderId": "ccxt-read"})
    desk.venue.problems.clear()
    api = desk.exchange.describe()["api"]
    for access in ("public", "private"):
        for path in api[access]["get"]:
            if path in NOT_DOCUMENTED or path in REFUSED_FOR_KEYS:
                continue
            answer = desk.exchange.request(path, [access], "GET", given.get(f"GET {path}", {}))
            assert answer, path
    desk.tidy()
    assert desk.venue.problems == []


def test_the_changing_endpoints_the_unified_methods_do_not_reach(desk: Desk, tidy: None) -> None:
    exchange, option = desk.exchange, desk.id_of(desk.option)
    low = f"{desk.low():.1f}"
    desk.venue.problems.clear()
    row = {"size": 1, "side": "buy", "order_type": "limit_order", "limit_price": low, "client_order_id": "ccxt-batch"}
    (placed,) = exchange.privatePostOrdersBatch({"product_id": option, "orders": [row]})["result"]
    edit = {"id": int(placed["id"]), "size": 2, "limit_price": low}
    (edited,) = exchange.privatePutOrdersBatch({"product_id": option, "orders": [edit]})["result"]
    assert int(edited["size"]) == 2
    cancel = {"product_id": option, "orders": [{"id": int(placed["id"])}]}
    (cancelled,) = exchange.privateDeleteOrdersBatch(cancel)["result"]
    assert cancelled["state"] == "cancelled"
    desk.bought()
    mark = float(exchange.fetch_ticker(desk.option)["info"]["mark_price"])
    leg = {"order_type": "market_order", "stop_price": f"{mark * 1.6:.1f}"}
    assert exchange.privatePostOrdersBracket({"product_id": option, "take_profit_order": leg})["success"]
    entry = exchange.create_order(
        desk.option, "limit", "buy", 1, float(low), {"bracket_take_profit_price": f"{mark * 1.6:.1f}"}
    )
    change = {"id": int(entry["id"]), "product_id": option, "bracket_take_profit_price": f"{mark * 1.5:.1f}"}
    assert exchange.privatePutOrdersBracket(change)["success"]
    assert exchange.privatePutPositionsAutoTopup({"product_id": option, "auto_topup": True})["success"]
    limits = {
        "asset": "BTC", "window_interval": 5, "freeze_interval": 1, "trade_limit": "100", "delta_limit": "10",
        "vega_limit": "10", "mmp": "mmp1",
    }  # fmt: skip
    assert exchange.privatePutUsersUpdateMmp(limits)["success"]
    assert exchange.privatePutUsersResetMmp({"asset": "BTC", "mmp": "mmp1"})["success"]
    assert exchange.privatePutUsersTradingPreferences({"default_auto_topup": False})["success"]
    beat = {
        "heartbeat_id": "ccxt", "impact": "contracts", "contract_types": ["call_options"], "underlying_assets": ["BTC"],
        "product_symbols": [], "config": [{"action": "cancel_orders", "unhealthy_count": 1}],
    }  # fmt: skip
    assert exchange.privatePostHeartbeatCreate(beat)["success"]
    assert exchange.privatePostHeartbeat({"heartbeat_id": "ccxt", "ttl": 0})["success"]
    with pytest.raises(ccxt.BaseError):  # there is no sub-account to send to: refused, in the documented form
        exchange.privatePostWalletsSubAccountBalanceTransfer(
            {"transferrer_user_id": "1", "transferee_user_id": "2", "asset_symbol": "USD", "amount": "1"}
        )
    assert desk.venue.problems == []


@pytest.mark.parametrize(("key", "secret"), [("nobody", None), (None, "other")])
def test_a_wrong_key_raises_ccxts_own_error(desk: Desk, key: str | None, secret: str | None) -> None:
    wrong = desk._client(desk.venue, key or desk.venue.key, secret or desk.venue.secret)
    with pytest.raises(ccxt.BaseError):
        wrong.fetch_balance()
