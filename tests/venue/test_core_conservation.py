"""Whatever is done to an exchange, its books add up: cash is what transactions say, positions are the sum of fills, what
rests never crosses, and a closed order is filled. Stops, brackets, liquidation, funding, protection and expiry included."""

import contextlib
from decimal import Decimal as D
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.venue.test_core_money import assert_books_add_up
from tests.venue.test_core_orders import Trader
from tests.venue.venue_market import CALL, LATER_CALL, PERPETUAL, PUT, START, HandMarket, later
from trader.domain.fill import FillKind
from trader.domain.order import Side, TimeInForce
from trader.venue.core.events import OrderEvent
from trader.venue.core.exchange import Exchange
from trader.venue.core.lifecycle import TOLD, table
from trader.venue.core.mmp import MmpConfig, MmpState
from trader.venue.core.order_desk import Change
from trader.venue.core.records import BracketTerms, StopKind, StopTerms, TriggerMethod
from trader.venue.core.refusal import Refused
from trader.venue.core.settings import CoreSettings

WHAT = [
    "gtc", "ioc", "market", "reduce", "stop", "trail", "bracket", "protect", "edit", "edit_bracket", "cancel",
    "refresh", "jump", "wait", "topup", "margin", "close_all", "mmp", "mode", "leverage",
]  # fmt: skip
ACTION = st.tuples(
    st.sampled_from([0, 1]),
    st.sampled_from([CALL, PUT, LATER_CALL, PERPETUAL]),
    st.sampled_from([Side.BUY, Side.SELL]),
    st.integers(1, 60),
    st.integers(-9, 9),
    st.sampled_from(WHAT),
)


class Bench:
    """An exchange with two traders and a verb for every random action."""

    def __init__(self) -> None:
        self.market = HandMarket()
        self.exchange = Exchange(self.market, CoreSettings(initial_balance=D(500)))
        self.traders = [Trader(self.exchange), Trader(self.exchange)]
        self.told: dict[int, str] = {}
        self.numbers: dict[tuple[int, str], int] = {}

    def do(self, who: int, symbol: str, side: Side, size: int, offset: int, what: str) -> None:
        instrument = self.exchange.products.live.get(symbol)
        if instrument is None:
            return
        step = instrument.tick_size * 10
        price = self.market.marks[symbol] + offset * step
        with contextlib.suppress(Refused):
            self._do(self.traders[who], symbol, side, size, offset, what, price, step)

    def _do(
        self, trader: Trader, symbol: str, side: Side, size: int, offset: int, what: str, price: D, step: D
    ) -> None:
        exchange, account, now = self.exchange, trader.account, self.exchange.now
        instrument = exchange.products.live[symbol]
        mine = [o for o in account.live_orders if o.symbol == symbol]
        fields: dict[str, Any] = {"symbol": symbol}
        match what:
            case "gtc" | "ioc" | "reduce":
                fields["time_in_force"] = TimeInForce.IOC if what == "ioc" else TimeInForce.GTC
                trader.place(side.value, size, str(price), reduce_only=what == "reduce", **fields)
            case "market":
                trader.place(side.value, size, None, **fields)
            case "stop":
                method = list(TriggerMethod)[size % 3]
                kind = StopKind.STOP_LOSS if offset % 2 else StopKind.TAKE_PROFIT
                limit = str(price) if size % 2 else None
                trader.place(side.value, size, limit, stop=StopTerms(kind=kind, price=price, method=method), **fields)
            case "trail":
                terms = StopTerms(kind=StopKind.STOP_LOSS, trail=step * (abs(offset) + 1))
                trader.place(side.value, size, None, stop=terms, **fields)
            case "bracket":
                away = side.sign * step * (abs(offset) + 2)
                terms_ = BracketTerms(stop_loss_price=price - away, take_profit_price=price + away)
                trader.place(side.value, size, str(price), bracket=terms_, **fields)
            case "protect":
                held = account.position_size(symbol)
                away = (1 if held > 0 else -1) * step * (abs(offset) + 2)
                mark = self.market.marks[symbol]
                exchange.bracket_position(
                    account, instrument, BracketTerms(stop_loss_price=mark - away, take_profit_price=mark + away), now
                )
            case "edit" if mine:
                exchange.edit(account, mine[0], Change(size=size, limit_price=price if offset % 2 else None), now)
            case "edit_bracket" if mine:
                exchange.edit_bracket(account, mine[0], now, stop_loss_price=price)
            case "cancel":
                exchange.cancel_all(account, now, limit_orders=True, stop_orders=size % 2 == 0)
            case "refresh" | "jump":
                moved = price if what == "refresh" else max(step * 2, self.market.marks[symbol] + offset * step * 80)
                self.market.marks[symbol] = moved
                if moved > step:
                    self.market.set_book(symbol, bids=[(moved - step, size)], asks=[(moved + step, size)])
                exchange.advance(now + (later(seconds=1) - START))
            case "wait":
                exchange.advance(now + (later(minutes=size) - START))
            case "topup":
                exchange.positions.set_auto_topup(account, instrument, size % 2 == 0, now)
            case "margin":
                exchange.positions.change_margin(account, instrument, D(offset or 1) / 2, now)
            case "close_all":
                exchange.positions.close_all(account, now)
            case "mmp":
                config = MmpConfig(
                    asset="BTC", mmp="mmp1", window_interval=5, freeze_interval=5, trade_limit=D(size) / 2000
                )
                account.mmp.setdefault(("BTC", "mmp1"), MmpState(config=config))
                trader.place(side.value, size, str(price), mmp="mmp1", **fields)
            case "mode":
                exchange.positions.set_margin_mode(account, "portfolio" if size % 2 else "isolated")
            case "leverage":
                exchange.set_leverage(account, instrument, D(size), now)

    def check(self) -> None:
        exchange = self.exchange
        self._streams_tell_what_the_table_allows()
        for symbol in exchange.products.live:
            book = exchange.book(symbol)
            best_bid, best_ask = book.best(Side.BUY), book.best(Side.SELL)
            assert best_bid is None or best_ask is None or best_bid[0] < best_ask[0], symbol
            assert all(left > 0 for side in Side for _, left in book.market_levels(side))
            for order in (*book.resting(Side.BUY), *book.resting(Side.SELL)):
                assert order.state == "open" and order.unfilled_size > 0
        for trader in self.traders:
            account = trader.account
            assert_books_add_up(exchange, account)
            for order in account.orders.values():
                assert 0 <= order.unfilled_size <= order.size
                assert (order.state == "pending") == (order.id in account.pending_orders)
                assert (order.state == "pending") == (order.id in exchange.pending.get(order.symbol, {}))
                assert order.state != "closed" or order.unfilled_size == 0
                if order.bracket_order and order.live:
                    assert account.position_size(order.symbol) * order.side.sign < 0, "a leg without what it closes"
            kinds = [
                (o.parent_id, o.symbol, o.stop.kind)
                for o in account.live_orders
                if o.bracket_order and o.stop is not None
            ]
            assert len(kinds) == len(set(kinds)), "one leg of a kind for each entry or position"
        self._cash_is_the_sum_of_its_causes()

    def _streams_tell_what_the_table_allows(self) -> None:
        """Every message about an order is a step of the table, numbered without gaps, and ends at the order as it is."""
        for event in self.exchange.drain_events():
            if not isinstance(event, OrderEvent):
                continue
            order = event.order
            before = self.told.get(order.id)
            assert (before, event.action, event.reason, order.state) in TOLD, (order.id, event.action, event.reason)
            self.told[order.id] = order.state
            number = self.numbers.get((event.user_id, order.symbol), 0) + 1
            assert event.seq_no == number
            self.numbers[event.user_id, order.symbol] = number
        for trader in self.traders:
            assert all(self.told[o.id] == o.state for o in trader.account.orders.values())

    def _cash_is_the_sum_of_its_causes(self) -> None:
        """Balance changes = what fills and settlements moved − commissions − liquidation fees + funding."""
        for trader in self.traders:
            account = trader.account
            cash = D(0)
            for fill in account.fills:
                instrument = self.exchange.products.by_id[fill.product_id]
                cash -= fill.commission + fill.liquidation_fee
                if instrument.symbol != PERPETUAL:
                    cash -= fill.side.sign * fill.price * fill.size * instrument.contract_value
                assert fill.kind is not FillKind.SETTLEMENT or fill.commission == 0
            booked = {"funding": D(0), "perpetual": D(0)}
            for entry in account.transactions:
                if entry.transaction_type == "funding":
                    booked["funding"] += entry.amount
                elif entry.transaction_type == "cashflow" and entry.product_id == 27:
                    booked["perpetual"] += entry.amount
            assert account.balance == account.initial_balance + cash + sum(booked.values())
            assert booked["perpetual"] == _perpetual_profit(trader)


def _perpetual_profit(trader: Trader) -> D:
    """Realised profit of the perpetual from its fills alone: what was paid and got, with the open part at its entry."""
    held = trader.account.holdings.get(PERPETUAL)
    flow = sum(
        (-f.side.sign * f.price * f.size for f in trader.account.fills if f.symbol == PERPETUAL),
        D(0),
    )
    if held is not None:
        flow += (1 if held.size > 0 else -1) * held.entry_value
    return flow * D("0.001")


@settings(max_examples=120)
@given(st.lists(ACTION, max_size=50))
def test_books_add_up_whatever_is_done(actions: list[tuple[int, str, Side, int, int, str]]) -> None:
    bench = Bench()
    for action in actions:
        bench.do(*action)
        bench.check()


def test_the_documentation_shows_the_table_of_an_orders_life() -> None:
    assert table() in (Path(__file__).parents[2] / "docs" / "venue.md").read_text()
