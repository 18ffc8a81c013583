"""Money of the exchange core: commissions, margin, settlement, and books that add up exactly whatever is traded."""

from decimal import Decimal as D

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.venue.test_core_orders import Trader
from tests.venue.venue_market import CALL, EXPIRY, LATER_CALL, PERPETUAL, PUT, START, HandMarket, later
from trader.domain.fill import FillKind
from trader.domain.order import Side, TimeInForce
from trader.venue.core.account import Account
from trader.venue.core.exchange import Exchange
from trader.venue.core.refusal import Refused
from trader.venue.core.settings import CoreSettings


def assert_books_add_up(exchange: Exchange, account: Account) -> None:
    """Cash is the initial balance plus every transaction, and positions are the sum of their fills."""
    balance = account.initial_balance
    for transaction in account.transactions:
        balance += transaction.amount
        assert transaction.balance == balance
    assert account.balance == balance
    flows = sum((t.amount for t in account.transactions if t.transaction_type != "commission"), D(0))
    charges = sum((f.commission for f in account.fills), D(0))
    assert account.balance == account.initial_balance + flows - charges
    positions: dict[str, int] = {}
    for fill in account.fills:
        positions[fill.symbol] = positions.get(fill.symbol, 0) + fill.side.sign * fill.size
    assert {s: q for s, q in positions.items() if q} == {h.symbol: h.size for h in account.holdings.values()}
    for order in account.orders.values():
        filled = sum(f.size for f in account.fills if f.order_id == str(order.id))
        assert filled == order.filled_size
        assert (order.state == "open") == (order.id in account.open_orders)


def test_commission_of_the_published_example(exchange: Exchange, market: HandMarket) -> None:
    market.index = D("63826.1")
    market.set_book(CALL, bids=[(D(391), 10)], asks=[])
    seller = Trader(exchange)
    order = seller.place("sell", 10, "391")
    assert order.paid_commission == D("0.07531480")
    assert seller.account.fills[0].on_notional is True
    assert seller.account.balance == D(10000) + D("3.91") - D("0.07531480")


def test_short_option_locks_one_percent_of_notional_plus_its_premium(exchange: Exchange, market: HandMarket) -> None:
    """A recorded fill: 200 contracts at 2525 with the index at 115872.1 showed margin 736.7442."""
    market.index = D("115872.1")
    market.marks[CALL] = D(2525)
    market.set_book(CALL, bids=[(D(2525), 200)], asks=[])
    seller = Trader(exchange)
    seller.place("sell", 200, "2525")
    assert seller.account.holdings[CALL].margin == D("736.7442")
    wallet = seller.account.wallet()
    assert wallet.available_balance == wallet.balance - wallet.blocked_margin


def test_resting_short_blocks_margin_and_cancelling_frees_it(exchange: Exchange) -> None:
    seller = Trader(exchange)
    order = seller.place("sell", 10, "410")
    wallet = seller.account.wallet()
    assert wallet.order_margin == D(66000) * 10 * D("0.001") / 100
    assert wallet.available_balance < wallet.balance
    exchange.cancel(seller.account, order, START)
    assert seller.account.wallet().available_balance == D(10000)


def test_order_is_taken_at_exactly_the_money_there_is_and_refused_one_cent_short(market: HandMarket) -> None:
    exchange = Exchange(market, CoreSettings())
    needed = 10 * D("0.001") * 401 + D("0.0778800")  # premium and commission of ten calls at 401
    enough = exchange.open_account(1, initial_balance=needed)
    short = exchange.open_account(2, initial_balance=needed - D("0.01"))
    assert Trader(exchange, enough.user_id).place("buy", 10, "401").state == "closed"
    assert enough.balance == 0
    market.set_book(CALL, bids=[], asks=[(D(401), 20)])
    with pytest.raises(Refused) as caught:
        Trader(exchange, short.user_id).place("buy", 10, "401")
    assert caught.value.code == "insufficient_margin"
    assert caught.value.context is not None
    assert D(caught.value.context["required_additional_balance"]) == D("0.01")


def test_closing_order_uses_the_margin_it_frees(exchange: Exchange, market: HandMarket) -> None:
    account = exchange.open_account(1, initial_balance=D("7"))
    trader = Trader(exchange, account.user_id)
    trader.place("sell", 10, "399")
    assert account.wallet().available_balance < D("0.3")
    assert trader.place("buy", 10, "401").state == "closed"
    assert account.position_size(CALL) == 0 and account.wallet().blocked_margin == 0


def test_an_account_in_debt_may_sell_what_brings_money_in_and_buys_nothing_back(exchange: Exchange) -> None:
    trader = Trader(exchange)
    trader.place("buy", 10, "401")
    trader.account.balance = D(-5)
    assert trader.place("sell", 10, "399").state == "closed"
    assert trader.account.position_size(CALL) == 0
    trader.account.balance = D(10_000)
    trader.place("sell", 10, "399")
    trader.account.balance = D(-5)
    with pytest.raises(Refused) as caught:
        trader.place("buy", 10, "401")
    assert caught.value.code == "close_position_insufficient_margin"


def test_an_account_in_debt_may_close_a_perpetual_with_a_profit_only(exchange: Exchange, market: HandMarket) -> None:
    trader = Trader(exchange)
    trader.place("buy", 10, "66005", symbol=PERPETUAL)
    trader.account.balance = D(-5)
    with pytest.raises(Refused) as caught:
        trader.place("sell", 10, "65995", symbol=PERPETUAL)
    assert caught.value.code == "close_position_insufficient_margin"
    market.set_book(PERPETUAL, bids=[(D(66105), 20)], asks=[(D(66115), 20)])
    assert trader.place("sell", 10, "66105", symbol=PERPETUAL).state == "closed"
    assert trader.account.position_size(PERPETUAL) == 0


def test_the_commission_kept_for_closing_pays_for_closing(exchange: Exchange) -> None:
    trader = Trader(exchange)
    trader.place("buy", 10, "66005", symbol=PERPETUAL)
    kept = trader.account.wallet().commission
    trader.account.balance = kept
    assert trader.place("sell", 10, "65995", symbol=PERPETUAL).state == "closed"


def test_buying_back_a_part_frees_that_part_of_the_margin(exchange: Exchange) -> None:
    seller = Trader(exchange)
    seller.place("sell", 10, "399")
    locked = seller.account.holdings[CALL].margin
    seller.place("buy", 4, "401")
    held = seller.account.holdings[CALL]
    assert (held.size, held.margin, held.entry_price) == (-6, locked * 6 / 10, D(399))
    assert held.realized_pnl == -2 * 4 * D("0.001")


def test_leverage_changes_the_margin_of_resting_orders(exchange: Exchange) -> None:
    seller = Trader(exchange)
    seller.place("sell", 10, "410")
    instrument = exchange.products.live[CALL]
    exchange.set_leverage(seller.account, instrument, D(10), START)
    assert seller.account.wallet().order_margin == D(66)
    for bad, code in ((D("0.5"), "min_leverage_exceeded"), (D(201), "max_leverage_exceeded")):
        with pytest.raises(Refused, match=code):
            exchange.set_leverage(seller.account, instrument, bad, START)


@pytest.mark.parametrize(("index", "call_pays", "put_pays"), [(68500, 500, 0), (68000, 0, 0), (63000, 0, 1000)])
def test_expiry_pays_intrinsic_value_of_the_average_and_removes_everything(
    exchange: Exchange, market: HandMarket, index: int, call_pays: int, put_pays: int
) -> None:
    seller = Trader(exchange)
    seller.place("sell", 10, "399")
    seller.place("sell", 10, "399", symbol=PUT)
    before = seller.account.balance
    market.index = D(index)
    exchange.advance(EXPIRY)
    assert seller.account.balance == before - (call_pays + put_pays) * 10 * D("0.001")
    assert not seller.account.holdings and seller.account.wallet().blocked_margin == 0
    settled = [f for f in seller.account.fills if f.kind is FillKind.SETTLEMENT]
    assert sorted(f.price for f in settled) == sorted([D(call_pays), D(put_pays)])
    assert {f.commission for f in settled} == {0}
    assert exchange.products.expired[CALL].settlement_price == call_pays
    assert CALL not in exchange.products.live and LATER_CALL in exchange.products.live
    assert_books_add_up(exchange, seller.account)


def test_settlement_index_is_the_mean_of_the_last_half_hour(market: HandMarket) -> None:
    exchange = Exchange(market, CoreSettings())
    exchange.advance(later(hours=5, minutes=45))  # half of the window has passed at 66000
    market.index = D(70000)
    exchange.advance(later(hours=6))
    assert exchange.products.expired[CALL].index_price == D(68000)


def test_settlement_takes_the_sources_official_price_where_it_knows_one(market: HandMarket) -> None:
    market.official[EXPIRY] = D("68123.45")
    exchange = Exchange(market, CoreSettings())
    exchange.advance(later(hours=8))
    assert exchange.products.expired[CALL].index_price == D("68123.45")


def test_one_jump_over_two_expiries_settles_both_in_order(market: HandMarket) -> None:
    exchange = Exchange(market, CoreSettings())
    seller = Trader(exchange)
    seller.place("sell", 1, "399")
    seller.place("sell", 1, "399", symbol=LATER_CALL)
    exchange.advance(later(days=3))
    settled = [(f.symbol, f.created_at) for f in seller.account.fills if f.kind is FillKind.SETTLEMENT]
    assert settled == [(CALL, EXPIRY), (LATER_CALL, later(days=1, hours=6))]


def test_terms_of_a_traded_contract_are_kept_however_many_expired_since(market: HandMarket) -> None:
    exchange = Exchange(market, CoreSettings(kept_expired_products=0))
    seller = Trader(exchange)
    seller.place("sell", 1, "399")
    exchange.advance(EXPIRY)
    assert not exchange.products.expired
    assert exchange.products.by_id[101].symbol == CALL, "the account's fills still need them"
    assert 102 not in exchange.products.by_id


def test_lagging_positions_show_a_fill_only_after_the_lag(exchange: Exchange) -> None:
    seller = Trader(exchange)
    seller.place("sell", 3, "399")
    assert seller.account.positions_as_of(START, 2.0) == []
    assert [h.size for h in seller.account.positions_as_of(later(seconds=2), 2.0)] == [-3]


ACTION = st.tuples(
    st.sampled_from([0, 1]),
    st.sampled_from([CALL, PUT, LATER_CALL, PERPETUAL]),
    st.sampled_from([Side.BUY, Side.SELL]),
    st.integers(1, 60),
    st.integers(-6, 6),
    st.sampled_from(["gtc", "ioc", "market", "reduce", "cancel", "refresh", "wait"]),
)


@settings(max_examples=60)
@given(st.lists(ACTION, max_size=40))
def test_books_add_up_and_depth_never_goes_negative_whatever_is_traded(actions: list[tuple]) -> None:  # type: ignore[type-arg]
    market = HandMarket()
    exchange = Exchange(market, CoreSettings())
    traders = [Trader(exchange), Trader(exchange)]
    for who, symbol, side, size, offset, what in actions:
        trader = traders[who]
        instrument = exchange.products.live.get(symbol)
        if instrument is None:
            continue
        middle = market.marks[symbol]
        price = str(middle + offset * 10 * instrument.tick_size)
        try:
            if what == "cancel":
                exchange.cancel_all(trader.account, exchange.now, limit_orders=True, reduce_only_orders=True)
            elif what == "refresh":
                market.marks[symbol] = middle = middle + offset * 10 * instrument.tick_size
                step = instrument.tick_size * 10
                market.set_book(symbol, bids=[(middle - step, size)], asks=[(middle + step, size)])
                exchange.advance(exchange.now + (later(seconds=1) - START))
            elif what == "wait":
                exchange.advance(exchange.now + (later(minutes=size) - START))
            else:
                trader.place(
                    side.value,
                    size,
                    None if what == "market" else price,
                    symbol=symbol,
                    reduce_only=what == "reduce",
                    time_in_force=TimeInForce.IOC if what == "ioc" else TimeInForce.GTC,
                )
        except Refused:
            pass
        for live in exchange.products.live:
            book = exchange.book(live)
            assert all(left > 0 for s in Side for _, left in book.market_levels(s))
            best_bid, best_ask = book.best(Side.BUY), book.best(Side.SELL)
            assert best_bid is None or best_ask is None or best_bid[0] < best_ask[0]
    for trader in traders:
        assert_books_add_up(exchange, trader.account)
        assert trader.account.wallet().blocked_margin >= 0
