"""What a fill costs on paper: the exchange's own model by default, or a plain percentage with a slippage."""

from decimal import Decimal as D
from typing import Any

import pytest

from tests.venue.test_core_money import assert_books_add_up
from tests.venue.test_core_orders import Trader
from tests.venue.venue_market import CALL, PERPETUAL, Clock, HandMarket
from trader.pricing.fees import option_commission
from trader.venue.core.exchange import Exchange
from trader.venue.core.settings import CoreSettings
from trader.venue.wire.catalogue import product_row


def simple(market: HandMarket, **changes: Any) -> Trader:
    return Trader(Exchange(market, CoreSettings(fees="simple", **changes)))


def test_simple_fees_are_a_percentage_of_what_is_traded_without_tax_or_cap(market: HandMarket) -> None:
    trader = simple(market, slippage_pct=D(0))
    market.set_book(CALL, bids=[(D(400), 10)], asks=[(D(402), 10)])
    taken = trader.place("sell", 10, "400")
    assert taken.paid_commission == D("400") * 10 * D("0.001") * D("0.0004")
    resting = trader.place("buy", 5, "401")
    market.set_book(CALL, bids=[], asks=[(D(401), 5)])
    Clock(trader.exchange, market).tick()
    assert resting.state == "closed" and resting.paid_commission == D("401") * 5 * D("0.001") * D("0.0002")
    assert_books_add_up(trader.exchange, trader.account)


@pytest.mark.parametrize(
    ("side", "offered", "limit", "paid"),
    [
        ("buy", "400", None, "400.2"),
        ("sell", "400", None, "399.8"),
        ("buy", "400", "400.1", "400.1"),  # never worse than the order's limit
        ("sell", "400", "400", "400"),
        ("buy", "100", None, "100"),  # half a tick and less is none
        ("buy", "101", None, "101.1"),
        ("sell", "0.1", None, "0.1"),  # never below one tick
    ],
)
def test_simple_slippage_makes_a_taken_price_worse_to_the_nearest_tick(
    market: HandMarket, side: str, offered: str, limit: str | None, paid: str
) -> None:
    trader = simple(market)
    market.marks[CALL] = D(offered)
    level = [(D(offered), 10)]
    market.set_book(CALL, bids=level if side == "sell" else [], asks=level if side == "buy" else [])
    order = trader.place(side, 10, limit)
    assert (order.state, order.average_fill_price) == ("closed", D(paid))
    assert trader.exchange.book(CALL).levels(order.side.opposite) == []  # the level that was offered is gone
    assert_books_add_up(trader.exchange, trader.account)


def test_simple_slippage_takes_nothing_from_another_user(market: HandMarket) -> None:
    trader = simple(market)
    other = Trader(trader.exchange)
    market.set_book(CALL, bids=[], asks=[])
    maker = other.place("sell", 5, "400")
    taker = trader.place("buy", 5, "410")
    assert maker.average_fill_price == taker.average_fill_price == D(400)


def test_the_exchanges_own_model_is_the_default_and_has_no_slippage(trader: Trader, market: HandMarket) -> None:
    market.set_book(CALL, bids=[(D(400), 10)], asks=[])
    order = trader.place("sell", 10, None)
    assert order.average_fill_price == D(400)
    assert order.paid_commission == option_commission(
        rate=D("0.0001"), cap=D("0.035"), spot=market.index, price=D(400), quantity=10, contract_value=D("0.001")
    )


def test_products_tell_the_rates_that_are_charged(market: HandMarket) -> None:
    for settings, taker, maker, cap in (
        (CoreSettings(), "0.0001", "0.0001", 0.035),
        (CoreSettings(fees="simple", taker_fee_pct=D("0.1")), "0.001", "0.0002", 0.001),
    ):
        exchange = Exchange(HandMarket(), settings)
        row = product_row(exchange, exchange.products.live[CALL])
        assert (D(row["taker_commission_rate"]), D(row["maker_commission_rate"])) == (D(taker), D(maker))
        assert row["product_specs"]["premium_commission_rate"] == cap
        assert (
            "premium_commission_rate" not in product_row(exchange, exchange.products.live[PERPETUAL])["product_specs"]
        )
