"""Matching: what an order takes, what rests, and how resting orders meet the source's fresh depth.

Everything an execution leads to elsewhere (legs of brackets, protection groups, stops) is noted here and done by the
order desk once the sweep is over, so that no rule acts in the middle of another.
"""

from datetime import datetime
from decimal import Decimal

import msgspec

from trader.domain.instrument import Instrument
from trader.domain.order import Side
from trader.domain.rounding import nearest_tick
from trader.venue.core.account import Account
from trader.venue.core.book import Book, OwnOrderMet, Take
from trader.venue.core.floor import TradingFloor
from trader.venue.core.funds import block
from trader.venue.core.ledger import Prices
from trader.venue.core.records import NO_MMP, FillRow, Order
from trader.venue.core.refusal import Refused


class Matching:
    """Books of a floor at work."""

    def __init__(self, floor: TradingFloor) -> None:
        self._floor = floor
        self.noted: list[tuple[Account, Order, FillRow]] = []  # fills of orders in a bracket or a protection group

    def plan(
        self, book: Book, side: Side, limit: Decimal, size: int, account: Account, instrument: Instrument
    ) -> list[Take]:
        """What an order would take now. Raises Refused (``overlapping_buy_sell_orders``) at an own order."""
        try:
            takes = book.plan(side, limit, size, account.user_id, self._reducible_of)
        except OwnOrderMet:
            raise Refused("overlapping_buy_sell_orders") from None
        settings = self._floor.settings
        if settings.fees == "simple" and settings.slippage_pct:
            return [_slipped(take, side, limit, settings.slippage_pct, instrument.tick_size) for take in takes]
        return takes

    def execute(
        self, account: Account, order: Order, instrument: Instrument, book: Book, takes: list[Take], now: datetime
    ) -> None:
        """Carry out a plan: consume the source's depth, fill makers of other accounts, fill the order."""
        if not takes:
            return
        floor = self._floor
        prices = floor.prices(instrument)
        for take in takes:
            if take.maker is None:
                book.take(order.side.opposite, take.level, take.size)
            else:
                self._fill_maker(take.maker, instrument, book, take.price, take.size, prices, now)
            self.fill(account, order, instrument, take.price, take.size, "taker", prices, now)
            floor.publish_trade(instrument.symbol, order.side, take.price, take.size, now)

    def fill(
        self,
        account: Account,
        order: Order,
        instrument: Instrument,
        price: Decimal,
        size: int,
        role: str,
        prices: Prices,
        now: datetime,
    ) -> FillRow:
        """Book one execution of an order."""
        floor = self._floor
        leverage = floor.leverage(account, instrument)
        row = floor.ledger.fill(
            account, order, instrument, price=price, size=size, role=role, prices=prices, leverage=leverage, now=now
        )
        if order.bracket is not None or order.bracket_order or order.mmp != NO_MMP:
            self.noted.append((account, order, row))
        return row

    def carry_out(
        self,
        account: Account,
        order: Order,
        instrument: Instrument,
        book: Book,
        takes: list[Take],
        rests: bool,
        now: datetime,
        *,
        told: bool = False,
    ) -> None:
        """Carry an order out and announce how it stands; `told` = the stream knows the order already."""
        floor = self._floor
        self.execute(account, order, instrument, book, takes, now)
        if order.unfilled_size == 0:
            floor.ledger.tell_order(account, order, "delete", "fill", now)
        elif rests:
            self.rest(account, order, instrument, book)
            if not told or takes:
                floor.ledger.tell_order(account, order, "update" if told else "create", "fill" if takes else None, now)
        else:
            state = floor.settings.ioc_remainder_state
            why = "unfilled_remainder" if state == "cancelled" else None
            self.end(account, order, why, "fill" if takes else None, now, state=state)

    def match_resting(self, instrument: Instrument, book: Book, now: datetime) -> None:
        """Fill users' resting orders that the source's fresh depth crosses, at their own price, as makers."""
        book.unmatched = False
        prices: Prices | None = None
        for side in (Side.BUY, Side.SELL):
            for order in book.resting(side):
                limit = order.limit_price
                assert limit is not None, "only orders with a limit rest"
                for price, size in list(book.market_levels(side.opposite)):
                    if order.unfilled_size == 0 or (price > limit if side is Side.BUY else price < limit):
                        break
                    taken = min(size, order.unfilled_size)
                    if order.reduce_only:
                        taken = min(taken, self.reducible(self._floor.accounts[order.user_id], order))
                        if taken == 0:
                            break
                    prices = prices or self._floor.prices(instrument)
                    book.take(side.opposite, price, taken)
                    self._fill_maker(order, instrument, book, limit, taken, prices, now)
                    self._floor.publish_trade(instrument.symbol, side.opposite, limit, taken, now)

    def _fill_maker(
        self, order: Order, instrument: Instrument, book: Book, price: Decimal, size: int, prices: Prices, now: datetime
    ) -> None:
        floor = self._floor
        maker = floor.accounts[order.user_id]
        self.fill(maker, order, instrument, price, size, "maker", prices, now)
        if order.unfilled_size == 0:
            self.leave_book(book, order)
        else:
            book.revision += 1
        floor.ledger.tell_order(maker, order, "update" if order.unfilled_size else "delete", "fill", now)

    def _reducible_of(self, order: Order) -> int:
        return self.reducible(self._floor.accounts[order.user_id], order)

    def reducible(self, account: Account, order: Order) -> int:
        """Contracts of the position an order of that side can still close."""
        position = account.position_size(order.symbol)
        return abs(position) if position * order.side.sign < 0 else 0

    def trim_reduce_only(self, instrument: Instrument, now: datetime) -> None:
        """Cancel resting reduce-only orders whose position is gone."""
        floor = self._floor
        if instrument.symbol not in floor.active:
            return
        book = floor.books[instrument.symbol]
        for order in (*book.resting(Side.BUY), *book.resting(Side.SELL)):
            account = floor.accounts[order.user_id]
            if order.reduce_only and self.reducible(account, order) == 0:
                self.withdraw(account, order, "no_position_left_for_reduce_only", None, now)

    def rest(self, account: Account, order: Order, instrument: Instrument, book: Book) -> None:
        """Put the remainder of an order at the end of its queue and block its margin."""
        assert order.limit_price is not None, "only orders with a limit rest"
        floor = self._floor
        floor.counters.priority += 1
        order.priority = floor.counters.priority
        block(order, floor.terms(account, instrument))
        book.rest(order)
        floor.active.add(order.symbol)

    def leave_book(self, book: Book, order: Order) -> None:
        """Take an order out of its book; absent is fine."""
        book.remove(order)
        if not book.has_resting:
            self._floor.active.discard(order.symbol)

    def withdraw(self, account: Account, order: Order, why: str, reason: str | None, now: datetime) -> None:
        """Cancel a live order: out of its book or from among the waiting stops, and told."""
        floor = self._floor
        if order.state == "pending":
            waiting = floor.pending[order.symbol]
            del waiting[order.id]
            if not waiting:
                del floor.pending[order.symbol]
        else:
            self.leave_book(floor.books.setdefault(order.symbol, Book()), order)
        self.end(account, order, why, reason, now)

    def end(
        self,
        account: Account,
        order: Order,
        why: str | None,
        reason: str | None,
        now: datetime,
        *,
        state: str = "cancelled",
    ) -> None:
        """An order's end before it is filled: `why` is its cancellation reason, `reason` the stream's word."""
        order.state = state
        order.cancellation_reason = why
        order.updated_at = now
        self._floor.ledger.tell_order(account, order, "delete", reason, now)


def _slipped(take: Take, side: Side, limit: Decimal, pct: Decimal, tick_size: Decimal) -> Take:
    """A take from the source's depth at a price worse by `pct`, to the nearest tick and never beyond the order's limit.

    What another user offers is traded at that user's price: the money between accounts adds up.
    """
    if take.maker is not None:
        return take
    price = nearest_tick(take.level * (1 + side.sign * pct / 100), tick_size)
    price = min(price, limit) if side is Side.BUY else max(price, limit)
    return msgspec.structs.replace(take, price=price)
