"""Matching, refusals and the life of an order in the exchange core."""

from dataclasses import dataclass
from decimal import Decimal as D
from typing import Any

import msgspec
import pytest

from tests.venue.venue_market import CALL, LATER_CALL, PERPETUAL, PUT, START, HandMarket, later
from trader.domain.order import OrderType, Side, TimeInForce
from trader.venue.core.exchange import Exchange
from trader.venue.core.order_desk import Change
from trader.venue.core.records import Order, OrderRequest
from trader.venue.core.refusal import Refused


@dataclass
class Trader:
    """An account with short verbs."""

    exchange: Exchange
    user_id: int | None = None

    def __post_init__(self) -> None:
        self.account = self.exchange.open_account(self.user_id)

    def place(self, side: str, size: int, price: str | None, symbol: str = CALL, **fields: Any) -> Order:
        request = OrderRequest(
            symbol=symbol,
            side=Side(side),
            size=size,
            order_type=OrderType.MARKET if price is None else OrderType.LIMIT,
            limit_price=None if price is None else D(price),
            **fields,
        )
        return self.exchange.place(self.account, request, self.exchange.now)

    def refused(self, *args: Any, **fields: Any) -> str:
        with pytest.raises(Refused) as caught:
            self.place(*args, **fields)
        return caught.value.code


@pytest.fixture
def seller(exchange: Exchange) -> Trader:
    return Trader(exchange)


# The call's book: bids 399 x 20, 398 x 40, 397 x 60; asks 401 x 20, 402 x 40, 403 x 60.


def test_limit_order_walks_the_levels_and_pays_each_levels_price(seller: Trader) -> None:
    order = seller.place("sell", 50, "398")
    assert (order.state, order.unfilled_size) == ("closed", 0)
    assert [(f.price, f.size) for f in seller.account.fills] == [(D(399), 20), (D(398), 30)]
    assert order.average_fill_price == (D(399) * 20 + D(398) * 30) / 50


def test_liquidity_taken_stays_taken_until_the_source_refreshes(
    exchange: Exchange, market: HandMarket, seller: Trader
) -> None:
    seller.place("sell", 20, "399")
    assert seller.place("sell", 5, "399", time_in_force=TimeInForce.IOC).unfilled_size == 5
    exchange.advance(later(seconds=1))
    assert seller.place("sell", 5, "399", time_in_force=TimeInForce.IOC).unfilled_size == 5
    market.set_book(CALL, bids=[(D(399), 20)], asks=[(D(401), 20)])
    exchange.advance(later(seconds=2))
    assert seller.place("sell", 5, "399", time_in_force=TimeInForce.IOC).unfilled_size == 0


def test_remainder_of_a_gtc_limit_rests_and_fills_as_maker_at_its_own_price(
    exchange: Exchange, market: HandMarket, seller: Trader
) -> None:
    order = seller.place("sell", 30, "399")
    assert (order.state, order.unfilled_size) == ("open", 10)
    market.set_book(CALL, bids=[(D("399.5"), 4)], asks=[(D(401), 20)])
    exchange.advance(later(seconds=1))
    assert order.unfilled_size == 6
    assert (seller.account.fills[-1].role, seller.account.fills[-1].price) == ("maker", D(399))
    exchange.advance(later(seconds=2))
    assert order.unfilled_size == 6, "the same depth must not fill twice"


def test_ioc_remainder_is_cancelled(seller: Trader) -> None:
    order = seller.place("sell", 30, "399", time_in_force=TimeInForce.IOC)
    assert (order.state, order.unfilled_size) == ("cancelled", 10)
    assert not seller.account.open_orders


def test_market_order_stops_at_the_edge_of_the_price_band(market: HandMarket, seller: Trader) -> None:
    market.marks[CALL] = D(134)  # band up to 402
    market.set_book(CALL, bids=[], asks=[(D(401), 20), (D(402), 40), (D("402.1"), 60)])
    order = seller.place("buy", 100, None)
    assert (order.state, order.unfilled_size) == ("cancelled", 40)


def test_market_order_on_an_empty_side_is_refused(market: HandMarket, seller: Trader) -> None:
    market.set_book(CALL, bids=[], asks=[(D(401), 20)])
    assert seller.refused("sell", 1, None) == "no_liquidity_for_market_order"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"size": 0}, "less_than_order_min_size"),
        ({"size": 1_000_001}, "order_max_size_exceeded"),
        ({"price": "399.05"}, "bad_schema"),
        ({"price": "0"}, "bad_schema"),
        ({"price": "-1"}, "bad_schema"),
        ({"price": "1200.1"}, "limit_price_out_of_price_band"),
        ({"symbol": "C-BTC-1-201126"}, "invalid_contract"),
        ({"client_order_id": "x" * 33}, "bad_schema"),
        ({"post_only": True, "price": "399"}, "immediate_execution_post_only"),
        ({"post_only": True, "time_in_force": TimeInForce.IOC}, "bad_schema"),
        ({"reduce_only": True}, "no_position_for_reduce_only"),
        ({"size": 200_000}, "insufficient_margin"),
    ],
)
def test_order_that_breaks_a_rule_is_refused_and_leaves_nothing(
    seller: Trader, fields: dict[str, Any], code: str
) -> None:
    sent = {"side": "sell", "size": 1, "price": "401", **fields}
    assert seller.refused(sent.pop("side"), sent.pop("size"), sent.pop("price"), **sent) == code
    assert not seller.account.orders and not seller.account.transactions


@pytest.mark.parametrize("price", ["0.1", "1200"])
def test_limit_on_the_edge_of_the_band_is_taken(seller: Trader, price: str) -> None:
    side = "buy" if price == "0.1" else "sell"
    assert seller.place(side, 1, price).state == "open"


def test_client_order_id_is_unique_among_open_orders_only(exchange: Exchange, seller: Trader) -> None:
    first = seller.place("sell", 1, "401", client_order_id="a")
    assert seller.refused("sell", 1, "401", client_order_id="a") == "duplicate_client_order_id"
    exchange.cancel(seller.account, first, START)
    second = seller.place("sell", 1, "401", client_order_id="a")
    assert seller.account.by_client_id("a") is second


def test_order_against_ones_own_resting_order_is_refused(seller: Trader) -> None:
    seller.place("buy", 5, "400")
    assert seller.refused("sell", 5, "399") == "overlapping_buy_sell_orders"
    assert seller.place("sell", 5, "400.1").state == "open"


def test_two_accounts_trade_with_each_other_at_the_makers_price(exchange: Exchange, seller: Trader) -> None:
    buyer = Trader(exchange)
    resting = buyer.place("buy", 5, "400")
    order = seller.place("sell", 8, "399")
    assert (resting.state, order.state) == ("closed", "closed")
    assert [(f.price, f.size, f.role) for f in seller.account.fills] == [(D(400), 5, "taker"), (D(399), 3, "taker")]
    assert [(f.price, f.role) for f in buyer.account.fills] == [(D(400), "maker")]


def test_resting_order_shows_in_the_book_and_is_best_price(exchange: Exchange, seller: Trader) -> None:
    seller.place("buy", 5, "400")
    seller.place("buy", 7, "399")
    assert exchange.book(CALL).levels(Side.BUY)[:2] == [(D(400), 5), (D(399), 27)]


def test_reduce_only_is_cut_to_the_position_and_refused_when_used_up(seller: Trader) -> None:
    seller.place("sell", 10, "399")
    assert seller.refused("sell", 1, "401", reduce_only=True) == "no_position_for_reduce_only"
    resting = seller.place("buy", 6, "390", reduce_only=True)
    cut = seller.place("buy", 10, "391", reduce_only=True)
    assert (resting.size, cut.size) == (6, 4)
    assert seller.refused("buy", 1, "392", reduce_only=True) == "no_position_left_for_reduce_only"


def test_resting_reduce_only_order_is_cancelled_when_the_position_is_gone(seller: Trader) -> None:
    seller.place("sell", 10, "399")
    resting = seller.place("buy", 10, "390", reduce_only=True)
    seller.place("buy", 10, "401")
    assert (resting.state, resting.cancellation_reason) == ("cancelled", "no_position_left_for_reduce_only")
    assert seller.account.position_size(CALL) == 0


def test_a_resting_reduce_only_order_closes_no_more_than_its_account_still_holds(
    exchange: Exchange, seller: Trader
) -> None:
    other = Trader(exchange)
    seller.place("sell", 10, "399")
    resting = seller.place("buy", 10, "400", reduce_only=True)
    seller.place("buy", 7, "401")  # three are left to close
    sold = other.place("sell", 10, "399")
    assert [(f.price, f.size) for f in other.account.fills] == [(D(400), 3), (D(399), 7)]
    assert (sold.state, seller.account.position_size(CALL)) == ("closed", 0)
    assert (resting.state, resting.unfilled_size) == ("cancelled", 7)


def test_edit_changes_total_size_and_price_and_may_fill(exchange: Exchange, seller: Trader) -> None:
    order = seller.place("sell", 30, "399")  # 20 filled
    exchange.edit(seller.account, order, Change(size=25), START)
    assert (order.size, order.unfilled_size) == (25, 5)
    exchange.edit(seller.account, order, Change(limit_price=D(398)), START)
    assert order.state == "closed"
    with pytest.raises(Refused, match="order_already_filled"):
        exchange.edit(seller.account, order, Change(size=40), START)


def test_edit_below_the_filled_size_is_refused_and_changes_nothing(exchange: Exchange, seller: Trader) -> None:
    order = seller.place("sell", 30, "399")
    with pytest.raises(Refused, match="bad_schema"):
        exchange.edit(seller.account, order, Change(size=20, limit_price=D(402)), START)
    assert (order.size, order.unfilled_size, order.limit_price) == (30, 10, D(399))


def test_queue_place_survives_only_a_smaller_size(exchange: Exchange, seller: Trader) -> None:
    other = Trader(exchange)
    mine, theirs = seller.place("buy", 5, "400"), other.place("buy", 5, "400")
    exchange.edit(seller.account, mine, Change(size=4), START)
    assert exchange.book(CALL).resting(Side.BUY) == (mine, theirs)
    exchange.edit(seller.account, mine, Change(size=6), START)
    assert exchange.book(CALL).resting(Side.BUY) == (theirs, mine)


def test_cancel_all_obeys_its_flags_and_filters(exchange: Exchange, seller: Trader) -> None:
    seller.place("sell", 10, "399")
    plain = seller.place("sell", 1, "410")
    reducing = seller.place("buy", 1, "390", reduce_only=True)
    elsewhere = seller.place("buy", 1, "390", symbol=PUT)
    assert exchange.cancel_all(seller.account, START) == []
    assert exchange.cancel_all(seller.account, START, product_id=101, limit_orders=True) == [plain]
    assert exchange.cancel_all(seller.account, START, limit_orders=True, reduce_only_orders=True) == [
        reducing,
        elsewhere,
    ]


def test_cancelling_twice_is_refused(exchange: Exchange, seller: Trader) -> None:
    order = seller.place("buy", 1, "390")
    exchange.cancel(seller.account, order, START)
    with pytest.raises(Refused, match="open_order_not_found"):
        exchange.cancel(seller.account, order, START)


def test_same_calls_give_the_same_ids(market: HandMarket) -> None:
    def fills() -> list[tuple[str, str]]:
        from trader.venue.core.settings import CoreSettings

        one = Trader(Exchange(HandMarket(), CoreSettings(seed=3)))
        one.place("sell", 50, "398")
        return [(f.id, f.order_id) for f in one.account.fills]

    assert fills() == fills() and len({fill_id for fill_id, _ in fills()}) == 2


def test_perpetual_books_realised_profit_only(seller: Trader, market: HandMarket, exchange: Exchange) -> None:
    seller.place("sell", 10, "65995", symbol=PERPETUAL)
    assert {t.transaction_type for t in seller.account.transactions} == {"commission"}
    market.set_book(PERPETUAL, bids=[(D(65000), 50)], asks=[(D(65005), 50)])
    exchange.advance(later(seconds=1))
    seller.place("buy", 10, "65005", symbol=PERPETUAL)
    flows = [t.amount for t in seller.account.transactions if t.transaction_type == "cashflow"]
    assert flows == [(D(65995) - D(65005)) * 10 * D("0.001")]


def test_orders_in_a_later_expiry_are_untouched_by_an_earlier_one(exchange: Exchange, seller: Trader) -> None:
    gone = seller.place("buy", 1, "390")
    stays = seller.place("buy", 1, "390", symbol=LATER_CALL)
    exchange.advance(later(hours=7))
    assert (gone.state, gone.cancellation_reason, stays.state) == ("cancelled", "product_expired", "open")
    assert seller.refused("buy", 1, "390") == "invalid_contract"


def status(exchange: Exchange, word: str, symbol: str = CALL) -> None:
    changed = msgspec.structs.replace(exchange.products.live[symbol], trading_status=word)
    exchange.products.live[symbol] = changed


def test_disrupted_contract_takes_cancels_only_and_matches_nothing(
    exchange: Exchange, market: HandMarket, seller: Trader
) -> None:
    first, second = seller.place("buy", 1, "390"), seller.place("buy", 1, "390")
    status(exchange, "disrupted_cancel_only")
    market.set_book(CALL, bids=[], asks=[(D(380), 20)])
    exchange.advance(later(seconds=1))
    assert (first.state, second.state) == ("open", "open")
    assert seller.refused("buy", 1, "390") == "invalid_contract"
    assert seller.refused("buy", 1, "370", post_only=True) == "invalid_contract"
    exchange.cancel(seller.account, first, exchange.now)
    status(exchange, "operational")
    exchange.advance(later(seconds=2))
    assert (first.state, second.state) == ("cancelled", "closed")


def test_auction_collects_post_only_orders_and_matches_them_when_trading_resumes(
    exchange: Exchange, seller: Trader
) -> None:
    status(exchange, "disrupted_post_only")
    assert seller.refused("buy", 1, "401") == "invalid_contract"
    crossing = seller.place("buy", 5, "402", post_only=True)
    exchange.advance(later(seconds=1))
    assert (crossing.state, crossing.unfilled_size) == ("open", 5)
    assert Trader(exchange).refused("sell", 1, "399", post_only=True) == "immediate_execution_post_only"
    status(exchange, "operational")
    exchange.advance(later(seconds=2))
    assert (crossing.state, crossing.average_fill_price) == ("closed", D(402))


def test_position_beyond_the_products_limit_is_refused_and_closing_is_not(exchange: Exchange, seller: Trader) -> None:
    changed = msgspec.structs.replace(exchange.products.live[CALL], position_size_limit=25)
    exchange.products.live[CALL] = changed
    seller.place("sell", 20, "399")
    assert seller.refused("sell", 6, "398") == "risk_limits_breached"
    seller.place("sell", 5, "398")
    assert seller.place("buy", 20, "402").state == "closed"
