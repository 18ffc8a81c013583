"""The exchange's own Python client against the local exchange: every method it offers, with what it should find.

It is given nothing but the base URL and a key, as its documentation says.
"""

import inspect
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from requests.exceptions import HTTPError

from tests.exchange.scripted_http import wait_for
from tests.official_clients.conftest import USER_ID, Venue

delta_rest_client = pytest.importorskip("delta_rest_client")
DeltaRestClient, OrderType, TimeInForce = (
    getattr(delta_rest_client, name) for name in ("DeltaRestClient", "OrderType", "TimeInForce")
)

PERPETUAL = "BTCUSD"


class Desk:
    """The client, a contract to trade, and what has to be tidied up."""

    def __init__(self, venue: Venue) -> None:
        class Checked(DeltaRestClient):  # type: ignore[misc, valid-type]
            """The client as it is; its answers are also held against the field tables."""

            def request(self, method: str, path: str, *args: Any, **kwargs: Any) -> Any:
                answer = super().request(method, path, *args, **kwargs)
                venue.check(method, path, answer.json())
                return answer

        self.venue = venue
        self.client = Checked(venue.url, venue.key, venue.secret)
        options = self.client.get_tickers({"contract_types": "call_options", "underlying_asset_symbols": "BTC"})
        quoted = [row for row in options if row["quotes"] and row["quotes"]["best_bid"] and row["quotes"]["best_ask"]]
        # Not the nearest expiry, which may settle under the test, and near the money, where both sides are deep.
        later = sorted({row["symbol"][-6:] for row in quoted}, key=lambda day: day[4:] + day[2:4] + day[:2])[1]
        chain = [row for row in quoted if row["symbol"].endswith(later)]
        best = min(chain, key=lambda row: abs(float(row["strike_price"]) - float(row["spot_price"])))
        self.symbol, self.option = best["symbol"], best["product_id"]
        self.perpetual = self.client.get_ticker(PERPETUAL)["product_id"]
        self.count = 0

    def ticker(self) -> Any:
        return self.client.get_ticker(self.symbol)

    def low(self) -> str:
        """A price a buy rests at: on tick, inside the band, below every ask."""
        band = float(self.ticker()["price_band"]["lower_limit"])
        bid = float(self.ticker()["quotes"]["best_bid"])
        return f"{max(band, round(bid * 0.7, 0)):.1f}"

    def new_id(self) -> str:
        self.count += 1
        return f"official-{self.count}"

    def resting(self) -> Any:
        return self.client.place_order(self.option, 2, "buy", limit_price=self.low(), client_order_id=self.new_id())

    def bought(self, product_id: int | None = None, size: int = 2) -> Any:
        """A filled purchase; its position is there."""
        product_id = product_id or self.option
        order = self.client.place_order(product_id, size, "buy", order_type=OrderType.MARKET)
        assert order["unfilled_size"] == 0 and order["average_fill_price"]
        wait_for(lambda: self.client.get_position(product_id)["size"] > 0)
        return order

    def listed(self, product_id: int) -> Any:
        """The position's row of the list that lags, once it is that of what is held now: another test's may stand there."""
        held = self.client.get_position(product_id)

        def look() -> Any:
            row = self.client.get_margined_position(product_id)
            same = row is not None and all(row[key] == held[key] for key in ("size", "entry_price"))
            return row if same else None

        return wait_for(look)

    def tidy(self) -> None:
        self.client.cancel_all_orders()
        self.client.close_all_positions(close_all_isolated=True, close_all_portfolio=True)
        wait_for(lambda: not self.client.get_live_orders() and not self.client.get_position(self.option)["size"])


@pytest.fixture(scope="module")
def desk(venue: Venue) -> Desk:
    return Desk(venue)


@pytest.fixture
def tidy(desk: Desk) -> Iterator[None]:
    yield
    desk.tidy()


def get_assets(desk: Desk) -> None:
    assert {14} <= {row["id"] for row in desk.client.get_assets() if row["symbol"] == "USD"}


def get_product(desk: Desk) -> None:
    by_number, by_symbol = desk.client.get_product(desk.option), desk.client.get_product(desk.symbol)
    assert by_number["symbol"] == desk.symbol and by_number["id"] == by_symbol["id"]


def get_products(desk: Desk) -> None:
    rows = desk.client.get_products({"contract_types": "perpetual_futures", "states": "live"})
    assert {PERPETUAL, "ETHUSD"} <= {row["symbol"] for row in rows}


def get_indices(desk: Desk) -> None:
    assert {".DEXBTUSD", ".DEETHUSD"} <= {row["symbol"] for row in desk.client.get_indices()}


def get_ticker(desk: Desk) -> None:
    assert float(desk.client.get_ticker(PERPETUAL)["mark_price"]) > 0


def get_tickers(desk: Desk) -> None:
    rows = desk.client.get_tickers({"contract_types": "put_options"})
    assert rows and all(row["symbol"].startswith("P-") for row in rows)


def option_chain(desk: Desk) -> None:
    day = desk.symbol[-6:]
    chain = desk.client.option_chain("BTC", f"{day[:2]}-{day[2:4]}-20{day[4:]}")
    assert {row["symbol"][0] for row in chain} == {"C", "P"}
    assert all(row["symbol"].endswith(day) for row in chain)


def get_l2_orderbook(desk: Desk) -> None:
    for named in (desk.symbol, desk.option):
        book = desk.client.get_l2_orderbook(named)
        assert book["symbol"] == desk.symbol and float(book["buy"][0]["price"]) < float(book["sell"][0]["price"])


def get_public_trades(desk: Desk) -> None:
    assert isinstance(desk.client.get_public_trades(PERPETUAL), list)


def get_candles(desk: Desk) -> None:
    now = int(time.time())
    rows = desk.client.get_candles(PERPETUAL, "1m", now - 3600, now)
    assert rows and all(row["low"] <= row["close"] <= row["high"] for row in rows)


def place_order(desk: Desk) -> None:
    order = desk.client.place_order(
        desk.option, 2, "buy", limit_price=desk.low(), time_in_force=TimeInForce.GTC, post_only="true",
        client_order_id=desk.new_id(),
    )  # fmt: skip
    assert order["state"] == "open" and order["unfilled_size"] == 2
    with pytest.raises(HTTPError, match="no_position_for_reduce_only"):
        desk.client.place_order(desk.option, 2, "sell", order_type=OrderType.MARKET, reduce_only="true")


def create_order(desk: Desk) -> None:
    made = delta_rest_client.create_order_format(desk.low(), 1, "buy", desk.option)
    order = desk.client.create_order(made)
    assert order["state"] == "open" and order["limit_price"] is not None
    cancelled = delta_rest_client.cancel_order_format(order)
    assert desk.client.cancel_order(cancelled["product_id"], cancelled["id"])["state"] == "cancelled"


def edit_order(desk: Desk) -> None:
    order = desk.resting()
    changed = desk.client.edit_order({"id": order["id"], "product_id": desk.option, "size": 5})
    assert (changed["size"], changed["unfilled_size"]) == (5, 5)


def cancel_order(desk: Desk) -> None:
    order = desk.resting()
    assert desk.client.cancel_order(desk.option, order["id"])["state"] == "cancelled"
    with pytest.raises(HTTPError, match="open_order_not_found"):
        desk.client.cancel_order(desk.option, order["id"])


def batch_create(desk: Desk) -> None:
    low = desk.low()
    rows = [delta_rest_client.create_order_format(low, size, "buy", desk.option) for size in (1, 2, 3)]
    assert [row["size"] for row in desk.client.batch_create(desk.option, rows)] == [1, 2, 3]


def batch_edit(desk: Desk) -> None:
    order = desk.resting()
    rows = desk.client.batch_edit(desk.option, [{"id": order["id"], "size": 4, "limit_price": order["limit_price"]}])
    assert [(row["id"], row["size"]) for row in rows] == [(order["id"], 4)]


def batch_cancel(desk: Desk) -> None:
    orders = [desk.resting(), desk.resting()]
    rows = desk.client.batch_cancel(desk.option, [delta_rest_client.cancel_order_format(order) for order in orders])
    assert {row["state"] for row in rows} == {"cancelled"} and len(rows) == 2


def cancel_all_orders(desk: Desk) -> None:
    order = desk.resting()
    desk.client.cancel_all_orders({"product_id": desk.perpetual})
    desk.client.cancel_all_orders({"product_id": desk.option, "cancel_stop_orders": "true"})
    assert [row["id"] for row in desk.client.get_live_orders()] == [order["id"]]
    desk.client.cancel_all_orders()
    assert desk.client.get_live_orders() == []


def place_stop_order(desk: Desk) -> None:
    desk.bought()
    mark = float(desk.ticker()["mark_price"])
    stop = desk.client.place_stop_order(
        desk.option, 1, "sell", stop_price=f"{mark * 0.6:.1f}", order_type=OrderType.MARKET
    )
    assert stop["state"] == "pending" and stop["stop_order_type"] == "stop_loss_order"
    trailing = desk.client.place_stop_order(
        desk.option, 1, "sell", trail_amount=round(mark * 0.5, 0), order_type=OrderType.MARKET, isTrailingStopLoss=True
    )
    assert trailing["state"] == "pending" and float(trailing["trail_amount"]) < 0
    pending = desk.client.get_live_orders({"states": "pending"})
    assert {row["id"] for row in pending} == {stop["id"], trailing["id"]}


def place_bracket_order(desk: Desk) -> None:
    desk.bought()
    mark = float(desk.ticker()["mark_price"])
    desk.client.place_bracket_order(
        {
            "product_id": desk.option,
            "product_symbol": desk.symbol,
            "stop_loss_order": {"order_type": "market_order", "stop_price": f"{mark * 0.6:.1f}"},
            "take_profit_order": {"order_type": "market_order", "stop_price": f"{mark * 1.6:.1f}"},
            "bracket_stop_trigger_method": "mark_price",
        }
    )
    legs = desk.client.get_live_orders({"states": "pending"})
    assert {row["stop_order_type"] for row in legs} == {"stop_loss_order", "take_profit_order"}
    assert all(row["bracket_order"] for row in legs)


def edit_bracket_order(desk: Desk) -> None:
    mark = float(desk.ticker()["mark_price"])
    entry = desk.client.create_order(
        {
            "product_id": desk.option, "size": 1, "side": "buy", "order_type": "limit_order", "limit_price": desk.low(),
            "bracket_stop_loss_price": f"{mark * 0.3:.1f}", "bracket_take_profit_price": f"{mark * 1.6:.1f}",
        }
    )  # fmt: skip
    desk.client.edit_bracket_order(
        {"id": entry["id"], "product_id": desk.option, "bracket_take_profit_price": f"{mark * 1.7:.1f}"}
    )
    changed = desk.client.get_order_by_id(entry["id"])
    assert float(changed["bracket_take_profit_price"]) == float(f"{mark * 1.7:.1f}")


def get_live_orders(desk: Desk) -> None:
    order = desk.resting()
    assert [row["id"] for row in desk.client.get_live_orders({"product_ids": desk.option, "states": "open"})] == [
        order["id"]
    ]


def get_order_by_id(desk: Desk) -> None:
    order = desk.resting()
    assert desk.client.get_order_by_id(order["id"])["client_order_id"] == order["client_order_id"]


def get_order_by_client_id(desk: Desk) -> None:
    order = desk.resting()
    assert desk.client.get_order_by_client_id(order["client_order_id"])["id"] == order["id"]


def order_history(desk: Desk) -> None:
    done = desk.bought()
    page = desk.client.order_history({"product_ids": desk.option}, page_size=100)
    assert page["success"] and done["id"] in {row["id"] for row in page["result"]} and len(page["result"]) <= 50


def fills(desk: Desk) -> None:
    done = desk.bought()
    page = desk.client.fills({}, page_size=1)
    assert page["result"][0]["order_id"] == str(done["id"]) and float(page["result"][0]["commission"]) > 0
    desk.bought()
    newest = desk.client.fills({}, page_size=1)
    assert newest["meta"]["after"]
    older = desk.client.fills({}, page_size=1, after=newest["meta"]["after"])
    assert older["result"][0]["id"] == page["result"][0]["id"]


def get_position(desk: Desk) -> None:
    assert desk.client.get_position(desk.option)["size"] == 0
    desk.bought()
    assert desk.client.get_position(desk.option)["size"] == 2


def get_margined_position(desk: Desk) -> None:
    desk.bought()
    held = desk.listed(desk.option)
    assert (held["product_symbol"], held["size"]) == (desk.symbol, 2)


def change_position_margin(desk: Desk) -> None:
    desk.bought(desk.perpetual)
    before = float(desk.listed(desk.perpetual)["margin"])
    changed = desk.client.change_position_margin(desk.perpetual, "5")
    assert float(changed["margin"]) == pytest.approx(before + 5)


def auto_topup_position(desk: Desk) -> None:
    desk.bought(desk.perpetual)
    assert desk.client.auto_topup_position(desk.perpetual, True)["auto_topup"] is True


def close_all_positions(desk: Desk) -> None:
    desk.bought()
    desk.client.close_all_positions(close_all_isolated=True)
    wait_for(lambda: desk.client.get_position(desk.option)["size"] == 0)


def set_leverage(desk: Desk) -> None:
    assert float(desk.client.set_leverage(desk.perpetual, "25")["leverage"]) == 25
    with pytest.raises(HTTPError, match="leverage"):
        desk.client.set_leverage(desk.perpetual, "100000")


def get_order_leverage(desk: Desk) -> None:
    desk.client.set_leverage(desk.perpetual, "20")
    assert float(desk.client.get_order_leverage(desk.perpetual)["leverage"]) == 20


def change_margin_mode(desk: Desk) -> None:
    assert desk.client.change_margin_mode("portfolio")["margin_mode"] == "portfolio"
    assert desk.client.change_margin_mode("isolated")["margin_mode"] == "isolated"


def get_balances(desk: Desk) -> None:
    assert float(desk.client.get_balances(14)["balance"]) > 0
    assert desk.client.get_balances(999_999) is None


def get_all_wallet_balances(desk: Desk) -> None:
    usd = next(row for row in desk.client.get_all_wallet_balances() if row["asset_symbol"] == "USD")
    assert usd["user_id"] == USER_ID
    assert float(usd["available_balance"]) == pytest.approx(float(usd["balance"]) - float(usd["blocked_margin"]))


def get_wallet_transactions(desk: Desk) -> None:
    desk.bought()
    kinds = {row["transaction_type"] for row in desk.client.get_wallet_transactions({"page_size": 50})}
    assert {"cashflow", "commission"} <= kinds


def request(desk: Desk) -> None:
    answer = desk.client.request("GET", "/v2/stats", auth=True).json()
    assert answer["success"] and "total_volume" in answer["result"]


CASES: dict[str, Callable[[Desk], None]] = {
    function.__name__: function
    for function in list(globals().values())
    if inspect.isfunction(function) and list(function.__annotations__) == ["desk", "return"]
}


@pytest.mark.parametrize("method", sorted(CASES))
def test_method(desk: Desk, tidy: None, method: str) -> None:
    desk.venue.problems.clear()
    CASES[method](desk)
    assert desk.venue.problems == []


def test_every_method_of_the_client_has_a_case() -> None:
    offered = {name for name, _ in inspect.getmembers(DeltaRestClient, inspect.isfunction) if not name.startswith("_")}
    assert offered == set(CASES)


def test_a_wrong_key_is_refused_in_words(venue: Venue) -> None:
    for key, secret, words in (("nobody", venue.secret, "invalid_api_key"), (venue.key, "other", "Signature Mismatch")):
        with pytest.raises(HTTPError, match=re.escape(words)):
            DeltaRestClient(venue.url, key, secret).get_all_wallet_balances()
