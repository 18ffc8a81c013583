"""What executions and price moves lead to: brackets are dressed, market makers protected, stops wake up.

Runs once a sweep is over, so that no rule acts in the middle of another; a stop that trades leads to the next.
"""

from datetime import datetime
from decimal import Decimal

from trader.domain.instrument import Instrument, Kind
from trader.domain.order import OrderType, Side, TimeInForce
from trader.venue.core.account import Account
from trader.venue.core.book import Book
from trader.venue.core.brackets import Brackets
from trader.venue.core.carrying import check_money
from trader.venue.core.events import MmpEvent
from trader.venue.core.floor import TradingFloor
from trader.venue.core.matching import Matching
from trader.venue.core.mmp import UNTIL_RESET
from trader.venue.core.records import NO_MMP, FillRow, Order
from trader.venue.core.refusal import Refused
from trader.venue.core.triggers import Triggers
from trader.venue.core.validation import check_band


class Consequences:
    """Follows up what happened on a floor."""

    def __init__(self, floor: TradingFloor, matching: Matching, triggers: Triggers, brackets: Brackets) -> None:
        self._floor = floor
        self._matching = matching
        self._triggers = triggers
        self._brackets = brackets

    def wake_stops(self, now: datetime) -> None:
        """Let every stop whose trigger was reached become an order."""
        floor = self._floor
        for symbol in sorted(floor.pending):
            instrument = floor.products.live.get(symbol)
            if instrument is not None:
                self._wake(instrument, now)

    def follow_up(self, instrument: Instrument, now: datetime) -> None:
        """After fills in a contract: trim reduce-only orders, dress brackets, protect market makers, wake stops."""
        if instrument.symbol in self._floor.active:
            self._matching.trim_reduce_only(instrument, now)
        if self._matching.noted:
            noted, self._matching.noted = self._matching.noted, []
            for account, order, fill in noted:
                if order.bracket is not None:
                    self._brackets.dress(account, order, instrument, now)
                if order.bracket_order and order.state == "closed":
                    self._brackets.end_siblings(account, order, now)
                if order.mmp != NO_MMP:
                    self._protect(account, order, fill, instrument, now)
        if instrument.symbol in self._floor.pending:
            self._brackets.keep_in_step(instrument.symbol, now)
            self._wake(instrument, now)

    def _wake(self, instrument: Instrument, now: datetime) -> None:
        while (order := self._triggers.due(instrument.symbol, now)) is not None:
            self._activate(self._floor.accounts[order.user_id], order, instrument, now)

    def _activate(self, account: Account, order: Order, instrument: Instrument, now: datetime) -> None:
        """A stop fires: it becomes an order like any other, or is cancelled when it would be refused."""
        floor = self._floor
        low, high = floor.band(instrument)
        limit = order.limit_price if order.limit_price is not None else (high if order.side is Side.BUY else low)
        rests = order.order_type is OrderType.LIMIT and order.time_in_force is TimeInForce.GTC
        book = floor.book(order.symbol)
        try:
            if not instrument.tradable:
                raise Refused("invalid_contract")
            if order.limit_price is not None:
                check_band(order.limit_price, low, high, floor.settings)
            if order.reduce_only:
                order.size = order.unfilled_size = self._woken_size(account, order)
            self._clear_own(account, order, book, limit, now)
            takes = self._matching.plan(book, order.side, limit, order.unfilled_size, account, instrument)
            if takes and order.post_only:
                raise Refused("immediate_execution_post_only")
            if order.order_type is OrderType.MARKET and not takes:
                raise Refused("no_liquidity_for_market_order")
            resting_at = limit if rests else None
            check_money(self._floor, account, instrument, order.side, takes, order.unfilled_size, resting_at, None)
        except Refused as refused:
            self._matching.end(account, order, refused.code, "stop_cancel", now)
            return
        order.state, order.updated_at = "open", now
        floor.ledger.tell_order(account, order, "update", "stop_trigger", now)
        self._matching.carry_out(account, order, instrument, book, takes, rests, now, told=True)
        self.follow_up(instrument, now)

    def _clear_own(self, account: Account, order: Order, book: Book, limit: Decimal, now: datetime) -> None:
        """A stop must not be lost to an own resting order in its way: that one is cancelled (``self_trade``)."""
        for other in book.resting(order.side.opposite):
            assert other.limit_price is not None
            reached = other.limit_price <= limit if order.side is Side.BUY else other.limit_price >= limit
            if other.user_id == account.user_id and reached:
                self._matching.withdraw(account, other, "self_trade", "self_trade", now)

    def _woken_size(self, account: Account, order: Order) -> int:
        """How much of a reduce-only stop can still work; legs of its own bracket do not stand in its way."""
        left = self._matching.reducible(account, order)
        for other in account.open_orders.values():
            sibling = order.bracket_order and other.bracket_order and other.parent_id == order.parent_id
            if other.symbol == order.symbol and other.side is order.side and other.reduce_only and not sibling:
                left -= other.unfilled_size
        if left < 1:
            raise Refused("no_position_left_for_reduce_only")
        return min(left, order.unfilled_size)

    def _protect(self, account: Account, order: Order, fill: FillRow, instrument: Instrument, now: datetime) -> None:
        """Count a tagged fill; at a limit the group's orders in that asset are cancelled and frozen."""
        state = account.mmp.get((instrument.underlying, order.mmp))
        if state is None or state.frozen(now):
            return
        floor = self._floor
        stats = floor.stats(instrument.symbol)
        amount = fill.size * instrument.contract_value
        option = instrument.kind is not Kind.PERPETUAL
        delta = order.side.sign * amount * (Decimal(stats.greeks.delta) if option else 1)
        vega = order.side.sign * amount * (Decimal(stats.greeks.vega) if option else 0)
        if floor.settings.mmp_limit_unit == "usd":
            spot = floor.market.spot(instrument.underlying)
            amount, delta = amount * spot, delta * spot
        if not state.count(now, amount=amount, delta=delta, vega=vega):
            return
        for other in account.live_orders:
            if other.mmp == order.mmp and floor.products.by_id[other.product_id].underlying == instrument.underlying:
                self._matching.withdraw(account, other, "mmp_triggered", None, now)
        till = None if state.frozen_till == UNTIL_RESET else state.frozen_till
        floor.ledger.events.append(MmpEvent(user_id=account.user_id, asset=instrument.underlying, frozen_till=till))
