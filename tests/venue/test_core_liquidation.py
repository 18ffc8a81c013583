"""Liquidation, margin changes, funding: what the exchange does to positions by itself, and what a user does to their margin."""

from datetime import UTC, datetime
from decimal import Decimal as D

import pytest

from tests.venue.test_core_orders import Trader
from tests.venue.venue_market import CALL, PERPETUAL, PUT, START, Clock, HandMarket
from trader.domain.fill import FillKind
from trader.venue.core.account import Account
from trader.venue.core.events import OrderEvent, PositionEvent
from trader.venue.core.exchange import Exchange
from trader.venue.core.records import StopKind
from trader.venue.core.refusal import Refused
from trader.venue.core.settings import CoreSettings

# A short call at 399 with the index at 66000: margin 1 % of index + premium, so bankrupt at 399 + 660 and liquidated
# where only the maintenance margin (0.5 % of index) is left: 399 + 330.
BANKRUPT, LIQUIDATED = D(1059), D(729)


def held(trader: Trader, symbol: str = CALL) -> int:
    return trader.account.position_size(symbol)


def kinds(account: Account) -> list[str]:
    return [t.transaction_type for t in account.transactions]


def test_short_is_liquidated_exactly_at_its_liquidation_price(
    exchange: Exchange, market: HandMarket, trader: Trader, clock: Clock
) -> None:
    trader.place("sell", 10, "399")
    bounds = exchange.liquidation(trader.account, CALL)
    assert (bounds.liquidation, bounds.bankruptcy) == (LIQUIDATED, BANKRUPT)
    market.set_book(CALL, bids=[(D(728), 50)], asks=[(D(735), 50)])
    clock.tick(mark="728.9")
    assert held(trader) == -10
    clock.tick(mark="729")
    assert held(trader) == 0
    fills = [f for f in trader.account.fills if f.kind is FillKind.LIQUIDATION]
    assert [(f.price, f.size, f.side.value) for f in fills] == [(D(735), 10, "buy")]


def test_liquidation_cancels_the_contracts_orders_and_tells_with_its_own_reason(
    exchange: Exchange, market: HandMarket, trader: Trader, clock: Clock
) -> None:
    trader.place("sell", 10, "399")
    mine = trader.place("buy", 2, "300")
    elsewhere = trader.place("buy", 2, "300", symbol=PUT)
    exchange.drain_events()
    market.set_book(CALL, bids=[(D(728), 50)], asks=[(D(735), 50)])
    clock.tick(mark="740")
    told = [e for e in exchange.drain_events() if isinstance(e, OrderEvent)]
    assert (mine.state, elsewhere.state) == ("cancelled", "open")
    assert [(e.order.id == mine.id, e.action, e.reason) for e in told] == [
        (True, "delete", "liquidation"),
        (False, "create", "liquidation"),
        (False, "delete", "liquidation"),
    ]
    system = told[-1].order
    assert system.stop is not None and system.stop.kind is StopKind.LIQUIDATION
    assert system.state == "closed"


def test_what_the_book_does_not_take_goes_to_the_insurance_fund_at_the_bankruptcy_price(
    market: HandMarket, trader: Trader, clock: Clock
) -> None:
    trader.place("sell", 10, "399")
    before = trader.account.balance
    market.set_book(CALL, bids=[], asks=[(D(740), 4), (D(2000), 50)])
    clock.tick(mark="1500")
    fills = [f for f in trader.account.fills if f.kind is FillKind.LIQUIDATION]
    assert [(f.price, f.size) for f in fills] == [(D(740), 4), (BANKRUPT, 6)]
    paid = (4 * D(740) + 6 * BANKRUPT) * D("0.001")
    fees = sum(f.commission for f in fills) - sum(
        t.amount for t in trader.account.transactions if t.transaction_type == "liquidation_fee"
    )
    assert trader.account.balance == before - paid - fees


def test_liquidation_fee_is_the_smaller_of_notional_and_premium_share_and_never_more_than_what_is_left(
    market: HandMarket, trader: Trader, clock: Clock
) -> None:
    trader.place("sell", 10, "399")
    market.set_book(CALL, bids=[], asks=[(D(740), 50)])
    clock.tick(mark="740")
    (fee,) = [t.amount for t in trader.account.transactions if t.transaction_type == "liquidation_fee"]
    by_notional = D("0.0025") * 66000 * 10 * D("0.001") * D("1.18")
    assert -fee == by_notional == D("1.947")
    left = (BANKRUPT - 740) * 10 * D("0.001")
    assert -fee < left


def test_auto_topup_draws_free_balance_first(exchange: Exchange, trader: Trader, clock: Clock) -> None:
    trader.place("sell", 10, "399")
    exchange.positions.set_auto_topup(trader.account, exchange.products.live[CALL], True, exchange.now)
    before = trader.account.holdings[CALL].margin
    exchange.drain_events()
    clock.tick(mark="740")
    assert held(trader) == -10
    assert trader.account.holdings[CALL].margin == before + (740 - 399) * 10 * D("0.001")
    assert [e.reason for e in exchange.drain_events() if isinstance(e, PositionEvent)] == ["auto_topup"]
    assert exchange.liquidation(trader.account, CALL).liquidation == D(740) + 330


def test_auto_topup_without_money_ends_in_liquidation(exchange: Exchange, market: HandMarket, clock: Clock) -> None:
    poor = Trader(exchange, exchange.open_account(88, initial_balance=D("6.8")).user_id)
    poor.place("sell", 10, "399")
    exchange.positions.set_auto_topup(poor.account, exchange.products.live[CALL], True, exchange.now)
    market.set_book(CALL, bids=[], asks=[(D(760), 50)])
    clock.tick(mark="760")
    assert held(poor) == 0
    assert poor.account.balance >= 0


def test_long_option_is_never_liquidated(trader: Trader, clock: Clock) -> None:
    trader.place("buy", 10, "401")
    clock.tick(mark="0.1")
    assert held(trader) == 10


@pytest.mark.parametrize(
    ("side", "price", "safe", "gone"), [("buy", "66005", "65841", "65839"), ("sell", "65995", "66159", "66161")]
)
def test_perpetual_is_liquidated_when_its_margin_falls_to_maintenance(
    trader: Trader, clock: Clock, side: str, price: str, safe: str, gone: str
) -> None:
    trader.place(side, 10, price, symbol=PERPETUAL)  # 200x: 0.5 % margin, 0.25 % maintenance
    clock.tick(mark=safe, symbol=PERPETUAL)
    assert held(trader, PERPETUAL)
    clock.tick(mark=gone, symbol=PERPETUAL)
    assert held(trader, PERPETUAL) == 0
    assert "liquidation_fee" in kinds(trader.account)


def test_fill_that_would_be_liquidated_at_once_is_refused(market: HandMarket, trader: Trader) -> None:
    market.set_book(PERPETUAL, bids=[(D(65000), 5)], asks=[(D(66400), 50)])
    assert trader.refused("buy", 5, "66400", symbol=PERPETUAL) == "immediate_liquidation"
    market.set_book(CALL, bids=[(D(60), 50)], asks=[])
    assert trader.refused("sell", 5, "60") == "immediate_liquidation"
    assert not trader.account.orders


def test_liquidation_can_be_switched_off(market: HandMarket) -> None:
    exchange = Exchange(market, CoreSettings(liquidates=False))
    trader = Trader(exchange)
    trader.place("sell", 10, "399")
    Clock(exchange, market).tick(mark="5000")
    assert held(trader) == -10


# margin


def test_margin_goes_in_and_out_and_moves_the_liquidation_price(exchange: Exchange, trader: Trader) -> None:
    trader.place("sell", 10, "399")
    instrument = exchange.products.live[CALL]
    free = trader.account.wallet().available_balance
    exchange.positions.change_margin(trader.account, instrument, D("3.3"), exchange.now)
    assert exchange.liquidation(trader.account, CALL).liquidation == LIQUIDATED + 330
    assert trader.account.wallet().available_balance == free - D("3.3")
    exchange.positions.change_margin(trader.account, instrument, D("-3.3"), exchange.now)
    assert exchange.liquidation(trader.account, CALL).liquidation == LIQUIDATED
    for amount, code in ((D(20_000), "insufficient_margin"), (D("-3.3"), "immediate_liquidation")):
        with pytest.raises(Refused, match=code):
            exchange.positions.change_margin(trader.account, instrument, amount, exchange.now)
    assert exchange.liquidation(trader.account, CALL).liquidation == LIQUIDATED


def test_margin_of_nothing_and_of_a_bought_option_cannot_be_changed(exchange: Exchange, trader: Trader) -> None:
    instrument = exchange.products.live[CALL]
    with pytest.raises(Refused, match="no_open_position"):
        exchange.positions.change_margin(trader.account, instrument, D(1), exchange.now)
    with pytest.raises(Refused, match="no_open_position"):
        exchange.positions.set_auto_topup(trader.account, instrument, True, exchange.now)
    trader.place("buy", 10, "401")
    with pytest.raises(Refused, match="bad_schema"):
        exchange.positions.change_margin(trader.account, instrument, D(1), exchange.now)


def test_close_all_ends_every_position_and_its_orders(exchange: Exchange, trader: Trader) -> None:
    trader.place("sell", 10, "399")
    trader.place("buy", 5, "401", symbol=PUT)
    trader.place("buy", 5, "66005", symbol=PERPETUAL)
    stands_in_the_way = trader.place("sell", 1, "410")
    exchange.positions.close_all(trader.account, exchange.now, product_ids={101})
    assert set(trader.account.holdings) == {PUT, PERPETUAL}
    assert stands_in_the_way.state == "cancelled"
    exchange.positions.close_all(trader.account, exchange.now)
    assert not trader.account.holdings and not trader.account.live_orders


def test_close_all_leaves_open_what_has_no_book(exchange: Exchange, market: HandMarket, trader: Trader) -> None:
    trader.place("sell", 10, "399")
    trader.place("sell", 10, "399", symbol=PUT)
    market.set_book(CALL, bids=[(D(399), 5)], asks=[])
    exchange.positions.close_all(trader.account, exchange.now)
    assert set(trader.account.holdings) == {CALL}


# funding


def test_funding_is_exchanged_at_its_hours_and_longs_pay_what_shorts_get(
    exchange: Exchange, market: HandMarket, trader: Trader
) -> None:
    other = Trader(exchange)
    trader.place("buy", 10, "66005", symbol=PERPETUAL)
    other.place("sell", 10, "65995", symbol=PERPETUAL)
    rate = exchange.funding(exchange.products.live[PERPETUAL])
    assert (rate.rate_pct, rate.due) == (D("0.010000"), datetime(2026, 11, 20, 8, tzinfo=UTC))
    exchange.advance(rate.due.replace(hour=7, minute=59, second=59))
    assert "funding" not in kinds(trader.account)
    exchange.advance(rate.due)
    paid = [t.amount for t in trader.account.transactions if t.transaction_type == "funding"]
    got = [t.amount for t in other.account.transactions if t.transaction_type == "funding"]
    assert paid == [-D("0.066")] and got == [D("0.066")]
    assert trader.account.holdings[PERPETUAL].realized_funding == D("-0.066")


def test_one_jump_over_several_funding_hours_pays_each(exchange: Exchange, market: HandMarket, trader: Trader) -> None:
    trader.place("buy", 10, "66005", symbol=PERPETUAL)
    exchange.advance(START.replace(day=21, hour=7))
    times = [t.created_at.hour for t in trader.account.transactions if t.transaction_type == "funding"]
    assert times == [8, 16, 0]


@pytest.mark.parametrize(
    ("mark", "rate"), [("66066", "0.05"), ("65934", "-0.05"), ("66000", "0.01"), ("66009.9", "0.01")]
)
def test_funding_rate_is_the_premium_with_interest_clamped(
    exchange: Exchange, market: HandMarket, mark: str, rate: str
) -> None:
    market.marks[PERPETUAL] = D(mark)
    assert exchange.funding(exchange.products.live[PERPETUAL]).rate_pct == D(rate)
