"""The gateway over ccxt's unified structures alone, as for an exchange nothing else is known of; Delta's class stands in."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.exchange.scripted_http import wait_for
from tests.official_clients.conftest import Venue
from trader.domain.errors import WireError
from trader.domain.fill import Position
from trader.domain.instrument import Kind
from trader.domain.order import OrderIntent, OrderStatus, OrderType, Purpose, Side
from trader.domain.outcome import Ok, Rejected
from trader.domain.trigger import Stop, StopKind, Trigger
from trader.exchange.ccxt import unified as unified
from trader.exchange.ccxt.gateway import CcxtGateway
from trader.exchange.common.credentials import Credentials
from trader.exchange.common.outcomes import UnsendableOrder
from trader.exchange.delta.gateway import DeltaGateway

ccxt = pytest.importorskip("ccxt", reason="ccxt is optional: see requirements-ccxt.txt")


class Unified(CcxtGateway):
    """Only what any exchange needs: which calls list its markets."""

    def market_pages(self) -> Sequence[dict[str, Any]]:
        return ({"contract_types": "perpetual_futures"}, {"contract_types": "call_options", "page_size": 1000})


@pytest.fixture(scope="module")
def pair(venue: Venue) -> Iterator[tuple[Unified, DeltaGateway]]:
    def make() -> Any:
        made = ccxt.delta({"apiKey": venue.key, "secret": venue.secret})
        made.urls["api"] = {"public": venue.url, "private": venue.url}
        return made

    own = DeltaGateway(venue.url, Credentials(venue.key, venue.secret))
    yield Unified(make), own
    own.close()


def perpetual(gateway: Unified, **changes: Any) -> OrderIntent:
    (contract,) = [i for i in gateway.instruments("BTC") if i.kind is Kind.PERPETUAL]
    fields: dict[str, Any] = {
        "client_order_id": f"un-{datetime.now(UTC).timestamp():.6f}".replace(".", "-"), "run_id": "r", "leg": "p",
        "purpose": Purpose.ENTRY, "attempt": 1, "symbol": contract.symbol, "product_id": contract.product_id,
        "side": Side.BUY, "quantity": 2, "order_type": OrderType.MARKET, "limit_price": None,
    }  # fmt: skip
    return OrderIntent(**(fields | changes))


def test_contracts_agree_where_ccxt_tells_their_terms(pair: tuple[Unified, DeltaGateway]) -> None:
    gateway, own = pair
    ours = {i.symbol: i for i in own.instruments("BTC")}
    found = gateway.instruments("BTC")
    assert {Kind.CALL, Kind.PERPETUAL} == {i.kind for i in found}
    for contract in found:
        same = ours[contract.symbol]
        for name in ("product_id", "strike", "expiry", "contract_value", "tick_size", "taker_rate", "underlying"):
            assert getattr(contract, name) == getattr(same, name), (contract.symbol, name)
        assert contract.initial_margin_pct == 100  # unknown: no estimate may be too small


def test_market_order_position_close_and_fills(pair: tuple[Unified, DeltaGateway]) -> None:
    gateway, own = pair
    intent = perpetual(gateway)
    outcome = gateway.submit(intent)
    assert isinstance(outcome, Ok) and outcome.order.status is OrderStatus.FILLED and outcome.order.avg_px is not None
    wait_for(lambda: gateway.position(intent.product_id).quantity == 2)
    assert [(p.symbol, p.quantity) for p in wait_for(lambda: gateway.positions("BTC"))] == [("BTCUSD", 2)]
    closed = gateway.close_position(intent.product_id, "un-close")
    assert isinstance(closed, Ok) and closed.order.leaves_qty == 0
    wait_for(lambda: gateway.position(intent.product_id).quantity == 0)
    theirs = {f.fill_id: f for f in gateway.fills(datetime.now(UTC) - timedelta(hours=1))}
    ours = {f.fill_id: f for f in own.fills(datetime.now(UTC) - timedelta(hours=1))}
    assert theirs.keys() == ours.keys() and len(ours) >= 2
    for name, fill in theirs.items():
        assert (fill.price, fill.quantity, fill.side, fill.commission, fill.symbol) == (
            ours[name].price, ours[name].quantity, ours[name].side, ours[name].commission, ours[name].symbol,
        )  # fmt: skip


def test_limit_order_found_listed_and_cancelled_by_our_id(pair: tuple[Unified, DeltaGateway]) -> None:
    gateway, own = pair
    mark = own.market.ticker("BTCUSD").quote.mark
    assert mark is not None
    intent = perpetual(gateway, order_type=OrderType.LIMIT, limit_price=(mark * Decimal("0.99")).quantize(Decimal(1)))
    outcome = gateway.submit(intent)
    assert isinstance(outcome, Ok) and outcome.order.status is OrderStatus.ACCEPTED, outcome
    assert [o.client_order_id for o in gateway.open_orders()] == [intent.client_order_id]
    ended = gateway.cancel(product_id=intent.product_id, client_order_id=intent.client_order_id)
    assert isinstance(ended, Ok) and ended.order.status is OrderStatus.CANCELLED
    assert intent.client_order_id in {
        o.client_order_id for o in gateway.order_history(datetime.now(UTC) - timedelta(hours=1))
    }
    gone = gateway.cancel(product_id=intent.product_id, client_order_id="never-sent")
    assert isinstance(gone, Rejected) and gone.code == "open_order_not_found"


def test_money_and_identity(pair: tuple[Unified, DeltaGateway]) -> None:
    gateway, own = pair
    wallet, ours = gateway.wallet(), own.wallet()
    assert abs(wallet.balance - ours.balance) < Decimal("1e-6") and abs(wallet.available - ours.available) < Decimal(
        "1e-6"
    )
    assert gateway.who_am_i().startswith("delta-") and "official-key" not in gateway.who_am_i()


def test_a_list_as_long_as_a_page_is_not_taken_for_whole(pair: tuple[Unified, DeltaGateway]) -> None:
    gateway, _ = pair
    with pytest.raises(WireError, match="whether there is more"):
        gateway.next_page(None, [{}] * 100)
    assert gateway.next_page(None, [{}] * 99) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"id": None}, {"amount": None}, {"amount": 1.5}, {"remaining": 3}, {"remaining": None}, {"side": "long"},
        {"price": -1}, {"price": float("nan")}, {"price": float("inf")}, {"timestamp": "soon"}, {"average": "x"},
    ],
)  # fmt: skip
def test_an_order_that_contradicts_itself_is_refused(changes: dict[str, Any]) -> None:
    honest = {
        "id": "1",
        "amount": 2.0,
        "remaining": 1.0,
        "side": "buy",
        "price": 65000.5,
        "status": "open",
        "timestamp": 1795156200000,
    }
    order = unified.parse_order(honest, "BTCUSD", 27)
    assert (order.quantity, order.leaves_qty, order.limit_price) == (2, 1, Decimal("65000.5"))
    with pytest.raises(WireError):
        unified.parse_order(honest | changes, "BTCUSD", 27)


def test_positions_have_their_sign_and_no_size_is_no_zero() -> None:
    short = unified.parse_position({"contracts": 3.0, "side": "short", "entryPrice": 1.5}, "X", 5)
    assert short == Position(symbol="X", product_id=5, quantity=-3, entry_price=Decimal("1.5"))
    assert unified.parse_position({"contracts": -3.0, "side": "short"}, "X", 5).quantity == -3
    assert unified.parse_position({"contracts": 0.0, "side": None}, "X", 5).quantity == 0
    with pytest.raises(WireError, match="missing"):
        unified.parse_position({"side": "long"}, "X", 5)


def test_fills_and_tickers_refuse_nonsense_and_keep_absence() -> None:
    with pytest.raises(WireError):
        unified.parse_fill({"id": "1", "amount": 0, "price": 1, "side": "buy"}, "X", 5)
    quote = unified.parse_ticker({"bid": None, "ask": 0, "markPrice": 1.5, "bidVolume": -1}, "X")
    assert (quote.bid, quote.ask, quote.mark, quote.bid_size, quote.greeks) == (None, None, Decimal("1.5"), None, None)
    with pytest.raises(WireError, match="name, tick or contract size"):
        unified.parse_market({"active": True, "swap": True, "settle": "USD", "id": "X"}, 5, "USD")
    assert unified.parse_market({"active": True, "spot": True, "settle": None, "id": "X"}, 5, "USD") is None


class Known:
    """An exchange of ccxt's with some of its words."""

    id = "some"

    def __init__(self, *words: str) -> None:
        self.has = dict.fromkeys(words, True)


@pytest.mark.parametrize(
    ("stop", "word", "params"),
    [
        (Stop(price=Decimal(5)), "createStopLossOrder", {"stopLossPrice": "5"}),
        (Stop(price=Decimal("0.5"), kind=StopKind.TAKE_PROFIT), "createTakeProfitOrder", {"takeProfitPrice": "0.5"}),
        (Stop(trail=Decimal(7)), "createTrailingAmountOrder", {"trailingAmount": "7"}),
    ],
)
def test_a_stop_is_told_in_ccxts_words_or_refused_in_one_sentence(
    stop: Stop, word: str, params: dict[str, str]
) -> None:
    assert unified.stop_params(stop, Known(word)) == params
    with pytest.raises(UnsendableOrder, match=f"some takes no such stop through ccxt \\({word}\\)"):
        unified.stop_params(stop, Known())
    with pytest.raises(UnsendableOrder, match="which price sets a stop off"):
        unified.stop_params(replace(stop, trigger=Trigger.LAST), Known(word))


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, ""),
        ({"triggerPrice": 5.0}, "stop_loss_order"),
        ({"triggerPrice": 5.0, "takeProfitPrice": 5.0}, "take_profit_order"),
        ({"stopLossPrice": 5.0}, "stop_loss_order"),
        ({"info": {"stop_order_type": "take_profit_order"}}, "take_profit_order"),
    ],
)
def test_what_a_waiting_order_is_for(changes: dict[str, Any], kind: str) -> None:
    row = {"id": "1", "amount": 2.0, "remaining": 2.0, "side": "buy", "status": "open", "timestamp": 1795156200000}
    order = unified.parse_order(row | changes, "BTCUSD", 27)
    assert order.stop_kind == kind
    assert order.stop_price == (5 if "triggerPrice" in changes else None)
