"""Public market data over REST: filters, paging, shapes as documented, refusals."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from typing import Any

import pytest

from tests.conformance.schema.check import validate
from tests.venue.venue_client import Rest
from tests.venue.venue_market import CALL, EXPIRY, LATER_CALL, PERPETUAL, PUT, HandMarket
from trader.venue.core.exchange import Exchange
from trader.venue.core.settings import CoreSettings
from trader.venue.server import VenueServer
from trader.venue.wire.product_order import ProductOrder


def whole(live: Rest, path: str) -> Any:
    answer = live.call("GET", path, signed=False)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("GET /v2/assets", "/v2/assets"),
        ("GET /v2/indices", "/v2/indices"),
        ("GET /v2/products", "/v2/products?page_size=20"),
        ("GET /v2/products/{symbol}", "/v2/products/ETHUSD"),
        ("GET /v2/products/{symbol}", "/v2/products/{money}"),
        ("GET /v2/tickers", "/v2/tickers?contract_types=perpetual_futures"),
        ("GET /v2/tickers", "/v2/tickers?contract_types=call_options,put_options&underlying_asset_symbols=BTC"),
        ("GET /v2/tickers/{symbol}", "/v2/tickers/BTCUSD"),
        ("GET /v2/tickers/{symbol}", "/v2/tickers/{money}"),
        ("GET /v2/tickers/{symbol}", "/v2/tickers/{money},BTCUSD"),
        ("GET /v2/l2orderbook/{symbol}", "/v2/l2orderbook/{money}"),
        ("GET /v2/trades/{symbol}", "/v2/trades/BTCUSD"),
        ("GET /v2/trades/{symbol}", "/v2/trades/{money}"),
        ("GET /v2/history/candles", "/v2/history/candles?symbol=MARK:{money}&resolution=1m&start=1795150000&end=1795153600"),
        ("GET /v2/history/sparklines", "/v2/history/sparklines?symbols=BTCUSD,ETHUSD"),
        ("GET /v2/settings", "/v2/settings"),
        ("GET /v2/rate_limits/quota", "/v2/rate_limits/quota"),
    ],
)  # fmt: skip
def test_answers_are_as_documented(live: Rest, money: str, name: str, path: str) -> None:
    answer = whole(live, path.replace("{money}", money))
    assert validate(name, answer) == []
    if isinstance(answer.get("result"), list):
        assert answer["result"], "an empty list proves nothing"


def test_products_page_to_the_end_without_a_row_twice(live: Rest) -> None:
    seen: list[int] = []
    query = "contract_types=call_options&states=live&page_size=100"
    cursor = ""
    while True:
        page = whole(live, f"/v2/products?{query}{cursor}")
        seen += [row["id"] for row in page["result"]]
        assert all(row["contract_type"] == "call_options" and row["state"] == "live" for row in page["result"])
        if page["meta"]["after"] is None:
            break
        cursor = f"&after={page['meta']['after']}"
        assert len(page["result"]) == 100
    assert len(seen) == len(set(seen)) > 300
    back = whole(live, f"/v2/products?{query}&before={page['meta']['before']}")
    assert [row["id"] for row in back["result"]] == seen[-len(page["result"]) - 100 : -len(page["result"])]


def test_the_first_page_of_products_had_no_perpetual_and_no_option_of_today(live: Rest) -> None:
    rows = whole(live, "/v2/products")["result"]
    assert [row["symbol"] for row in rows[:2]] == ["BTCUSD", "ETHUSD"] and len(rows) == 100
    assert {row["settlement_time"] for row in rows[2:]} == {"2026-11-20T12:00:00Z"}
    for underlying in ("BTC", "ETH"):
        chain = [row for row in rows[2:] if row["underlying_asset"]["symbol"] == underlying]
        assert {row["contract_type"] for row in chain} == {"call_options", "put_options"}
        spot = float(live.ok("GET", f"/v2/tickers/{underlying}USD", signed=False)["spot_price"])
        strikes = {float(row["strike_price"]) for row in chain}
        assert min(strikes) < spot < max(strikes)
        listed = whole(live, "/v2/products?expiry=2026-11-20&page_size=1000")["result"]
        all_strikes = {float(row["strike_price"]) for row in listed if row["symbol"][2:5] == underlying}
        assert min(all_strikes, key=lambda strike: abs(strike - spot)) in strikes


def test_products_run_by_expiry_and_settled_ones_come_last_the_newest_of_them_first() -> None:
    market = HandMarket()
    exchange = Exchange(market, CoreSettings())
    exchange.advance(EXPIRY)
    order = ProductOrder(exchange, "")
    known = [*exchange.products.live.values(), *(gone.instrument for gone in exchange.products.expired.values())]
    assert [i.symbol for i in order.sorted(known)] == [PERPETUAL, LATER_CALL, CALL, PUT]


def test_a_page_continues_the_order_of_the_page_before_when_the_index_has_moved() -> None:
    market = HandMarket()
    exchange = Exchange(market, CoreSettings())
    market.index = D(68000)
    first = ProductOrder(exchange, "")
    market.index = D(64000)
    following, fresh = ProductOrder(exchange, first.note), ProductOrder(exchange, "")
    today = [exchange.products.live[symbol] for symbol in (PUT, CALL)]
    assert following.sorted(today) == first.sorted(today) == [*reversed(today)]
    assert fresh.sorted(today) == today


@pytest.mark.parametrize("path", ["products", "tickers", "l2orderbook", "trades"])
def test_market_data_was_not_found_by_product_id(live: Rest, money: str, path: str) -> None:
    number = live.ok("GET", f"/v2/products/{money}", signed=False)["id"]
    found = live.ok("GET", f"/v2/{path}/{number}", signed=False)
    assert {row["symbol"] for row in (found if isinstance(found, list) else [found])} == {money}
    assert live.call("GET", f"/v2/{path}/999", signed=False).status_code == 404


def test_the_time_of_a_ticker_was_that_of_the_last_trade_and_not_the_start_of_its_day(live: Rest) -> None:
    row = live.ok("GET", "/v2/tickers/BTCUSD", signed=False)
    asked = datetime.fromtimestamp(row["timestamp"] / 1e6, UTC)
    assert abs(asked - datetime.fromisoformat(row["time"]) - timedelta(days=1)) < timedelta(seconds=1)


def test_products_of_one_day_and_of_no_day(live: Rest) -> None:
    rows = whole(live, "/v2/products?expiry=2026-11-27&page_size=1000")["result"]
    assert rows and {row["settlement_time"] for row in rows} == {"2026-11-27T12:00:00Z"}
    assert {row["contract_type"] for row in rows} == {"call_options", "put_options"}
    assert whole(live, "/v2/products?expiry=2031-01-01")["result"] == []
    assert whole(live, "/v2/products?states=upcoming")["result"] == []


def test_the_chain_of_one_expiry_and_underlying(live: Rest) -> None:
    path = "/v2/tickers?contract_types=call_options,put_options&underlying_asset_symbols=ETH&expiry_date=27-11-2026"
    rows = whole(live, path)["result"]
    assert len(rows) > 40
    assert all(row["symbol"].endswith("-271126") and row["underlying_asset_symbol"] == "ETH" for row in rows)
    puts = whole(live, path.replace("call_options,", ""))["result"]
    assert {row["contract_type"] for row in puts} == {"put_options"} and len(puts) * 2 == len(rows)


def test_a_ticker_agrees_with_its_book_and_its_trades(live: Rest, money: str) -> None:
    for symbol in (money, "BTCUSD"):
        row = whole(live, f"/v2/tickers/{symbol}")["result"]
        assert row["quotes"]["best_bid"] is None or float(row["quotes"]["best_bid"]) < float(row["quotes"]["best_ask"])
        band = row["price_band"]
        assert float(band["lower_limit"]) <= float(row["mark_price"]) <= float(band["upper_limit"])
        trades = whole(live, f"/v2/trades/{symbol}")["result"]
        stamps = [trade["timestamp"] for trade in trades]
        assert len(trades) == 50 and stamps == sorted(stamps, reverse=True)
        assert {trade["buyer_role"] for trade in trades} == {"maker", "taker"}
        assert all({t["buyer_role"], t["seller_role"]} == {"maker", "taker"} for t in trades)
        assert row["low"] <= row["close"] <= row["high"] and row["volume"] > 0


def test_depth_limits_the_book_and_counts_up(live: Rest, money: str) -> None:
    book = whole(live, f"/v2/l2orderbook/{money}?depth=3")["result"]
    for side, better in (("buy", 1), ("sell", -1)):
        rows = book[side]
        assert len(rows) == 3
        prices = [better * float(row["price"]) for row in rows]
        assert prices == sorted(prices, reverse=True)
        total = 0
        for row in rows:
            total += row["size"]
            assert row["depth"] == str(total)
    assert len(whole(live, f"/v2/l2orderbook/{money}")["result"]["sell"]) > 3


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v2/products/NOSUCH", 404, "product_not_found"),
        ("/v2/tickers/NOSUCH", 404, "product_not_found"),
        ("/v2/tickers/BTCUSD,NOSUCH", 404, "product_not_found"),
        ("/v2/tickers/" + ",".join(["BTCUSD"] * 11), 400, "bad_schema"),
        ("/v2/l2orderbook/NOSUCH", 404, "product_not_found"),
        ("/v2/l2orderbook/BTCUSD?depth=0", 400, "bad_schema"),
        ("/v2/l2orderbook/BTCUSD?depth=x", 400, "bad_schema"),
        ("/v2/trades/NOSUCH", 404, "product_not_found"),
        ("/v2/products?states=lively", 400, "bad_schema"),
        ("/v2/products?contract_types=calls", 400, "bad_schema"),
        ("/v2/products?expiry=27-11-2026", 400, "bad_schema"),
        ("/v2/products?expiry=", 400, "bad_schema"),
        ("/v2/products?page_size=0", 400, "bad_schema"),
        ("/v2/products?after=nonsense", 400, "bad_schema"),
        ("/v2/tickers?contract_types=calls", 400, "bad_schema"),
        ("/v2/tickers?expiry_date=2026-11-27", 400, "bad_schema"),
        ("/v2/history/nothing", 404, "not_found"),
    ],
)
def test_refusals_have_the_documented_shape_and_code(live: Rest, path: str, status: int, code: str) -> None:
    answer = live.call("GET", path, signed=False)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert validate("error", answer.json()) == []


def test_own_trades_are_part_of_candles_trades_and_the_ticker(synthetic_venue: VenueServer, live: Rest) -> None:
    row = whole(live, "/v2/tickers/ETHUSD")["result"]
    far = f"{float(row['price_band']['upper_limit']) * 0.999:.1f}"
    order = live.order(product_symbol="ETHUSD", size=7777, side="buy", limit_price=far, time_in_force="ioc")
    assert order["unfilled_size"] < 7777
    trades = whole(live, "/v2/trades/ETHUSD")["result"]
    filled = 7777 - order["unfilled_size"]
    assert sum(t["size"] for t in trades if t["price"] in _prices_of(live)) >= filled
    after = whole(live, "/v2/tickers/ETHUSD")["result"]
    assert after["high"] >= float(order["average_fill_price"]) * 0.9999
    now = after["timestamp"] // 1_000_000
    minutes = whole(live, f"/v2/history/candles?symbol=ETHUSD&resolution=1m&start={now - 240}&end={now}")["result"]
    assert max(m["high"] for m in minutes) >= max(float(p) for p in _prices_of(live))


def _prices_of(live: Rest) -> set[str]:
    return {fill["price"] for fill in live.ok("GET", "/v2/fills?product_ids=3136")}
