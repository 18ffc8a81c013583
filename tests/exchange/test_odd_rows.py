"""One bad item of a list costs that item: it is counted, told once with its name, and everything else is used."""

import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from tests.exchange.scripted_http import Answer, success
from tests.exchange.test_reads import SINCE, Serve, fill_row, gateway_of, order_row, product_row
from tests.exchange.test_whole_api import place_request
from tests.fuzz.targets import MARGINED, TICKER, TRANSACTION, WALLET
from trader.domain.errors import WireError
from trader.domain.odd_row import OddRow
from trader.domain.outcome import Ok, Unknown
from trader.exchange.common.odd_rows import OddRows, PartialList
from trader.exchange.common.rows import read_loosely
from trader.exchange.delta.gateway import DeltaGateway
from trader.exchange.delta.wire.core import ProductRow
from trader.exchange.delta.wire.parse import parse_instrument

Ask = Callable[[DeltaGateway], list[Any]]
Rows = list[Any]

CALL, OTHER = "C-BTC-78000-040926", "C-BTC-79000-040926"


def products() -> Rows:
    return [product_row(n, symbol=f"C-BTC-{n}000-040926", strike_price=f"{n}000") for n in (77, 78, 79)]


def tickers() -> Rows:
    return [{**TICKER, "symbol": f"C-BTC-{n}000-040926"} for n in (77, 78, 79)]


def orders() -> Rows:
    return [order_row(n) for n in (1, 2, 3)]


def fills() -> Rows:
    return [fill_row(n) for n in (1, 2, 3)]


def positions() -> Rows:
    return [
        {"product_id": n, "product_symbol": f"C-BTC-{n}000-040926", "size": -1, "entry_price": "5"}
        for n in (77, 78, 79)
    ]


def margined() -> Rows:
    return [{**MARGINED, "product_id": n} for n in (1, 2, 3)]


def lines() -> Rows:
    return [{**TRANSACTION, "id": n} for n in (1, 2, 3)]


def candles() -> Rows:
    start = int(SINCE.timestamp())
    return [{"time": start + 60 * n, "open": 1, "high": 2, "low": 1, "close": 1, "volume": 3} for n in range(3)]


def trades() -> Rows:
    return [{"price": f"{n}", "size": 1, "side": "buy"} for n in (1, 2, 3)]


def assets() -> Rows:
    return [{"id": n, "symbol": f"A{n}"} for n in (1, 2, 3)]


MARKET: dict[str, tuple[Callable[[], Rows], Ask]] = {
    "products": (products, lambda g: g.instruments("BTC")),
    "products, typed": (products, lambda g: g.market.products()),
    "tickers": (tickers, lambda g: g.tickers("BTC")),
    "tickers, typed": (tickers, lambda g: g.market.tickers()),
    "candles": (candles, lambda g: g.market.candles("X", "1m", SINCE, SINCE + timedelta(hours=1))),
    "trades": (trades, lambda g: g.market.trades("X")),
    "assets": (assets, lambda g: g.market.assets()),
}
ACCOUNT: dict[str, tuple[Callable[[], Rows], Ask]] = {
    "open orders": (orders, lambda g: g.open_orders()),
    "open orders of products": (orders, lambda g: g.open_orders([5])),
    "order history": (orders, lambda g: g.order_history(SINCE)),
    "order details": (orders, lambda g: g.orders.open_details()),
    "fills": (fills, lambda g: g.fills(SINCE)),
    "fills, typed": (fills, lambda g: g.orders.fills(since=SINCE)),
    "positions": (positions, lambda g: g.positions("BTC")),
    "positions with margin": (margined, lambda g: g.account.margined()),
    "transactions": (lines, lambda g: g.account.transactions()),
}
BROKEN: dict[str, Any] = {"a number": 5, "null": None, "a text": "x", "a list": [1], "an empty object": {}}


def spoilt(rows: Rows, row: Any) -> Answer:
    """The answer with one of its rows, the second, replaced."""
    return success([rows[0], row, *rows[2:]], after=None)


@pytest.mark.parametrize("row", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("name", MARKET)
def test_one_odd_row_hid_the_whole_list_of_the_market(serve: Serve, name: str, row: Any) -> None:
    rows, ask = MARKET[name]
    gateway = gateway_of(serve(lambda request: spoilt(rows(), row)))
    assert len(ask(gateway)) == 2
    assert gateway.statistics().rows_skipped == 1
    (told,) = gateway.odd_rows.fresh()
    assert told.name == "row 2" and gateway.odd_rows.fresh() == []


@pytest.mark.parametrize("row", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("name", ACCOUNT)
def test_a_list_of_the_account_with_an_odd_row_is_neither_lost_nor_taken_for_whole(
    serve: Serve, name: str, row: Any
) -> None:
    rows, ask = ACCOUNT[name]
    gateway = gateway_of(serve(lambda request: spoilt(rows(), row)))
    with pytest.raises(PartialList, match="row 2") as caught:
        ask(gateway)
    assert len(caught.value.rows) == 2 and len(caught.value.odd) == 1
    assert gateway.statistics().rows_skipped == 1


NUMBERS = [
    pytest.param(b"NaN", id="NaN"),
    pytest.param(b"-Infinity", id="infinite"),
    pytest.param(b"1e999", id="out of range"),
    pytest.param(b"9" * 5000, id="endless"),
    pytest.param(b'"\xff"', id="no text"),
    pytest.param(b'"\\ud83d"', id="half a character"),
    pytest.param(b"[3]", id="a list"),
    pytest.param(b"true", id="a boolean"),
    pytest.param(b'"-1"', id="negative"),
]


@pytest.mark.parametrize("token", NUMBERS)
@pytest.mark.parametrize(
    ("rows", "field", "ask"),
    [(products, "tick_size", MARKET["products"][1]), (orders, "size", ACCOUNT["open orders"][1]), (fills, "price", ACCOUNT["fills"][1])],
    ids=["tick of a product", "size of an order", "price of a fill"],
)  # fmt: skip
def test_a_number_that_is_none_costs_its_row_even_where_it_breaks_the_json(
    serve: Serve, rows: Callable[[], Rows], field: str, ask: Ask, token: bytes
) -> None:
    listed = rows()
    listed[1][field] = "@@"
    body = json.dumps({"success": True, "result": listed, "meta": {"after": None}}).encode()
    gateway = gateway_of(serve(lambda request: Answer(raw=body.replace(b'"@@"', token))))
    try:
        found: Any = ask(gateway)
    except PartialList as part:
        found = part.rows
    assert len(found) == 2
    assert [row.symbol for row in gateway.odd_rows.fresh()] == [listed[1].get("symbol") or CALL]


def test_a_whole_list_of_odd_rows_is_an_error_not_an_empty_market(serve: Serve) -> None:
    gateway = gateway_of(serve(lambda request: success([product_row(1, tick_size=[])], after=None)))
    with pytest.raises(WireError, match="C-BTC-78000-040926"):
        gateway.instruments("BTC")


ODD_TERMS: dict[str, dict[str, Any]] = {
    "symbol null": {"symbol": None},
    "symbol empty": {"symbol": ""},
    "strike null": {"strike_price": None},
    "strike against the symbol": {"strike_price": "79000"},
    "expiry against the symbol": {"settlement_time": "2026-09-05T12:00:00Z"},
    "no expiry": {"settlement_time": None},
    "kind against the symbol": {"contract_type": "put_options"},
    "underlying against the symbol": {"underlying_asset": {"symbol": "ETH"}},
    "inverse": {"notional_type": "inverse"},
    "quanto": {"is_quanto": True},
    "contract value in dollars": {"contract_unit_currency": "USD"},
    "settled in another asset": {"settling_asset": {"symbol": "BTC"}},
    "quoted in another asset": {"quoting_asset": {"symbol": "INR"}},
    "no contract value": {"contract_value": None},
    "contract value 0": {"contract_value": "0"},
    "contract value absurd": {"contract_value": "1e40"},
    "tick 0": {"tick_size": "0"},
    "tick negative": {"tick_size": "-0.1"},
    "tick a list": {"tick_size": ["0.1"]},
    "tick above the strike": {"tick_size": "78000"},
    "margin 0": {"initial_margin": "0"},
    "commission of 100 %": {"taker_commission_rate": "1"},
    "nested wrong type": {"product_specs": ["x"]},
    "id a fraction": {"id": 1.5},
}


@pytest.mark.parametrize("change", ODD_TERMS.values(), ids=ODD_TERMS)
def test_a_contract_whose_terms_make_no_sense_is_not_offered_and_the_others_are(
    serve: Serve, change: dict[str, Any]
) -> None:
    rows = [*products(), {**product_row(5), **change}]
    gateway = gateway_of(serve(lambda request: success([rows[0], rows[3], rows[2]], after=None)))
    assert [i.symbol for i in gateway.instruments("BTC")] == ["C-BTC-77000-040926", OTHER]
    (told,) = gateway.odd_rows.figures.now
    assert told.startswith("row 2 in" if "symbol" in change else f"{CALL} in the product list: ")


def test_sound_terms_are_offered() -> None:
    full = {
        "notional_type": "vanilla", "is_quanto": False, "contract_unit_currency": "BTC", "tick_size": "77999.9",
        "quoting_asset": {"symbol": "USD"}, "settling_asset": {"symbol": "USD"}, "taker_commission_rate": "0.99",
        "maker_commission_rate": "-0.0001", "settlement_time": "2026-09-04T23:59:59Z",
    }  # fmt: skip
    row = msgspec.convert({**product_row(1), **full}, ProductRow, strict=False)
    assert parse_instrument(row) is not None


@pytest.mark.parametrize("again", [{"tick_size": "0.5"}, {"id": 99}], ids=["other terms", "another number"])
def test_two_rows_of_one_contract_that_differ_are_both_left_out(serve: Serve, again: dict[str, Any]) -> None:
    rows = products()
    gateway = gateway_of(serve(lambda request: success([*rows, {**rows[1], **again}, rows[2]], after=None)))
    assert [i.symbol for i in gateway.instruments("BTC")] == ["C-BTC-77000-040926", OTHER]
    assert gateway.statistics().rows_skipped == 2


def test_two_tickers_of_one_contract_that_differ_are_both_left_out_and_a_repeated_one_counts_once(serve: Serve) -> None:
    rows = tickers()
    doubled = [*rows, rows[0], {**rows[1], "mark_price": "1"}]
    gateway = gateway_of(serve(lambda request: success(doubled)))
    assert sorted(q.symbol for q in gateway.tickers("BTC")) == ["C-BTC-77000-040926", OTHER]


def test_a_field_of_a_ticker_that_makes_no_sense_is_absent_and_told(serve: Serve) -> None:
    rows = tickers()
    rows[0] = {**rows[0], "greeks": {**TICKER["greeks"], "delta": "NaN"}}
    rows[1] = {**rows[1], "quotes": {**TICKER["quotes"], "bid_size": "-5"}}
    gateway = gateway_of(serve(lambda request: success(rows)))
    quotes = {q.symbol: q for q in gateway.tickers("BTC")}
    assert quotes["C-BTC-77000-040926"].greeks is None and quotes[CALL].bid_size is None
    assert quotes[OTHER].greeks is not None
    assert [row.symbol for row in gateway.odd_rows.fresh()] == ["C-BTC-77000-040926", CALL]


def test_a_listed_row_that_stays_odd_does_not_have_the_products_read_again_and_again(serve: Serve) -> None:
    def handle(request: Any) -> Answer:
        if request.path == "/v2/products":
            return spoilt(products(), product_row(78, tick_size=[]))
        return success(tickers())

    server = serve(handle)
    now = [0.0]
    gateway = DeltaGateway(server.url, monotonic=lambda: now[0])
    gateway.instruments("BTC")
    for _ in range(3):
        now[0] += 10
        gateway.tickers("BTC")
        gateway.instruments("BTC")
    assert sum(request.path == "/v2/products" for request in server.requests) == 1


# ------------------------------------------------------------ the account


def test_an_odd_row_of_a_product_nobody_asked_for_is_told_and_does_not_count(serve: Serve) -> None:
    foreign = order_row(9, product_id=6, product_symbol=OTHER, size="NaN")
    gateway = gateway_of(serve(lambda request: success([*orders(), foreign], after=None)))
    assert len(gateway.open_orders([5])) == 3
    with pytest.raises(PartialList):
        gateway.open_orders([5, 6])
    assert [row.name for row in gateway.odd_rows.fresh()] == [OTHER]


@pytest.mark.parametrize(
    ("row", "concerned"),
    [
        (OddRow(listed="x", place=1, reason="r", symbol=OTHER, product_id=6), False),
        (OddRow(listed="x", place=1, reason="r", symbol=OTHER), False),
        (OddRow(listed="x", place=1, reason="r", product_id=6), False),
        (OddRow(listed="x", place=1, reason="r", symbol="BTCUSD"), False),
        (OddRow(listed="x", place=1, reason="r", symbol=CALL), True),
        (OddRow(listed="x", place=1, reason="r", product_id=5), True),
        (OddRow(listed="x", place=1, reason="r", symbol=OTHER, product_id=5), True),
        (OddRow(listed="x", place=1, reason="r", symbol=CALL[:-2]), True),
        (OddRow(listed="x", place=1, reason="r"), True),
    ],
)
def test_an_odd_row_concerns_a_contract_unless_it_credibly_names_another(row: OddRow, concerned: bool) -> None:
    assert row.concerns(CALL, 5) is concerned


def test_a_position_without_a_readable_size_is_not_flat_and_the_others_are_known(serve: Serve) -> None:
    rows = positions()
    rows[1]["size"] = {"net": -1}
    gateway = gateway_of(serve(lambda request: success(rows)))
    with pytest.raises(PartialList) as caught:
        gateway.positions("BTC")
    assert [p.symbol for p in caught.value.rows] == ["C-BTC-77000-040926", OTHER]
    assert [(row.symbol, row.product_id) for row in caught.value.odd] == [(CALL, 78)]


def test_two_positions_of_one_contract_that_differ_are_neither(serve: Serve) -> None:
    rows = positions()
    gateway = gateway_of(serve(lambda request: success([*rows, rows[0], {**rows[1], "size": 0}])))
    with pytest.raises(PartialList) as caught:
        gateway.positions("BTC")
    assert [p.symbol for p in caught.value.rows] == ["C-BTC-77000-040926", OTHER]


def test_a_position_whose_number_belongs_to_another_symbol_is_odd(serve: Serve) -> None:
    def handle(request: Any) -> Answer:
        if request.path == "/v2/products":
            return success(products(), after=None)
        return success([{"product_id": 78, "product_symbol": OTHER, "size": -1}])

    gateway = gateway_of(serve(handle))
    gateway.instruments("BTC")
    with pytest.raises(PartialList, match=f"product 78 is {CALL}"):
        gateway.positions("BTC")


def test_a_position_of_an_unknown_product_without_a_symbol_is_no_position_of_nothing(serve: Serve) -> None:
    gateway = gateway_of(serve(lambda request: success([{"product_id": 78, "size": -1}])))
    with pytest.raises(PartialList) as caught:
        gateway.positions("BTC")
    assert caught.value.odd[0].product_id == 78


def test_an_order_of_a_batch_that_cannot_be_read_is_unknown_and_the_others_are_placed(serve: Serve) -> None:
    good = {**order_row(1), "client_order_id": "c-2", "product_id": 27, "product_symbol": "BTCUSD", "side": "buy"}
    requests = [place_request(client_order_id=name) for name in ("c-1", "c-2")]
    good |= {"side": requests[1].side.value, "size": requests[1].quantity, "unfilled_size": requests[1].quantity}
    gateway = gateway_of(serve(lambda request: success([{**good, "client_order_id": "c-1", "size": []}, good])))
    assert [type(outcome) for outcome in gateway.orders.place_batch(27, requests)] == [Unknown, Ok]


def test_another_assets_odd_balance_does_not_hide_the_dollars(serve: Serve) -> None:
    rows = [{**WALLET, "asset_symbol": "BTC", "balance": []}, {**WALLET, "asset_symbol": None}, WALLET]
    gateway = gateway_of(serve(lambda request: success(rows)))
    assert gateway.wallet().available == Decimal("997.37")
    balances = gateway.account.balances()
    assert [asset.asset for asset in balances.assets] == ["USD"] and len(balances.unreadable) == 2


@pytest.mark.parametrize("rows", [[{**WALLET, "balance": "NaN"}], [WALLET, {**WALLET, "balance": "5"}]])
def test_dollars_that_cannot_be_read_are_no_dollars(serve: Serve, rows: Rows) -> None:
    with pytest.raises(WireError, match="USD"):
        gateway_of(serve(lambda request: success(rows))).wallet()


# ------------------------------------------------------------ what is told


def test_a_row_is_told_once_and_shown_while_it_is_seen() -> None:
    now = [0.0]
    odd = OddRows(lambda: now[0])
    row = OddRow(listed="the product list", place=3, reason="tick_size is missing", symbol=CALL)
    odd.note([row])
    odd.note([row])
    assert [one.words for one in odd.fresh()] == [f"{CALL} in the product list: tick_size is missing"]
    assert odd.fresh() == [] and odd.figures.times == 2
    assert odd.figures.now == (row.words,)
    now[0] = 901.0
    assert odd.figures.now == () and odd.figures.times == 2


def test_ten_thousand_odd_rows_are_counted_and_a_few_hundred_kept() -> None:
    odd = OddRows()
    odd.note(OddRow(listed="x", place=n, reason="r") for n in range(1, 10_001))
    assert odd.figures.times == 10_000
    assert len(odd.fresh()) == len(odd.figures.now) == 500


def test_what_is_no_json_at_all_stays_unreadable() -> None:
    assert read_loosely(b"<html>") is None
    assert read_loosely(b"[" * 100_000) is None
    assert read_loosely(b'{"a": NaN}') is not None
