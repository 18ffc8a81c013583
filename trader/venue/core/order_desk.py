"""The order desk: takes, edits and cancels orders.

A request is checked completely before anything changes; a refusal leaves everything as it was.
"""

from datetime import datetime
from decimal import Decimal

import msgspec

from trader.domain.instrument import Instrument, Kind
from trader.domain.order import OrderType, Side, TimeInForce
from trader.venue.core.account import Account
from trader.venue.core.book import Book
from trader.venue.core.brackets import Brackets, check_bracket
from trader.venue.core.carrying import check_money
from trader.venue.core.consequences import Consequences
from trader.venue.core.floor import TradingFloor
from trader.venue.core.funds import block
from trader.venue.core.matching import Matching
from trader.venue.core.mmp import check_group
from trader.venue.core.products import in_auction
from trader.venue.core.records import NO_MMP, Order, OrderRequest, StopTerms
from trader.venue.core.refusal import Refused, bad_schema
from trader.venue.core.triggers import Triggers, check_stop, check_trigger_price
from trader.venue.core.validation import check_band, check_form, check_price, check_size

_NOT_ENOUGH_MONEY = ("insufficient_margin", "close_position_insufficient_margin")


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What an edit asks for; None leaves a field as it is. `size` is the new total, filled part included."""

    size: int | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_amount: Decimal | None = None
    post_only: bool | None = None
    mmp: str | None = None


class OrderDesk:
    """Orders of a floor, from request to end."""

    def __init__(self, floor: TradingFloor) -> None:
        self._floor = floor
        self.matching = Matching(floor)
        self.triggers = Triggers(floor)
        self.brackets = Brackets(floor, self.matching, self.triggers)
        self._consequences = Consequences(floor, self.matching, self.triggers, self.brackets)
        self.follow_up = self._consequences.follow_up
        self.wake_stops = self._consequences.wake_stops

    # new orders

    def place(self, account: Account, request: OrderRequest, now: datetime) -> Order:
        """Take an order: check, match at once what can be matched, rest or cancel the remainder; stops wait.

        Raises:
            Refused: With a documented code; nothing happened then.
        """
        floor = self._floor
        instrument = floor.products.tradable(request.symbol, post_only=request.post_only)
        check_form(request, instrument, floor.settings)
        if len(account.open_orders) + len(account.pending_orders) >= floor.settings.max_open_orders:
            raise Refused("max_orders_count_exceeded")
        if request.client_order_id is not None:
            twin = account.by_client_id(request.client_order_id)
            if twin is not None and twin.live:
                raise Refused("duplicate_client_order_id")
        if request.mmp != NO_MMP:
            check_group(account.mmp, instrument.underlying, request.mmp, now, floor.settings.mmp_enabled)
        if request.stop is not None:  # the band judges its limit when it wakes up
            return self._place_stop(account, request, request.stop, instrument, now)
        low, high = floor.band(instrument)
        if request.limit_price is not None:
            check_band(request.limit_price, low, high, floor.settings)
        if request.bracket is not None:
            check_bracket(
                request.bracket, instrument, request.side, request.limit_price or floor.stats(request.symbol).mark
            )
        size = self._reducing_size(account, request, now) if request.reduce_only else request.size
        limit = request.limit_price if request.limit_price is not None else (high if request.side is Side.BUY else low)
        book = floor.book(request.symbol)
        takes = self.matching.plan(book, request.side, limit, size, account, instrument)
        if request.post_only and takes:
            if in_auction(instrument) and all(take.maker is None for take in takes):
                return self._collect(account, request, instrument, book, size, limit, now)
            if floor.settings.post_only_cross == "cancelled":
                order = floor.add_order(account, request, instrument, now, size=size)
                self.matching.end(account, order, "immediate_execution_post_only", None, now)
                return order
            raise Refused("immediate_execution_post_only")
        if request.order_type is OrderType.MARKET and not takes:
            raise Refused("no_liquidity_for_market_order")
        rests = request.order_type is OrderType.LIMIT and request.time_in_force is TimeInForce.GTC
        try:
            check_money(self._floor, account, instrument, request.side, takes, size, limit if rests else None, None)
        except Refused as refused:
            if not request.may_cancel_others or refused.code not in _NOT_ENOUGH_MONEY:
                raise
            self._cancel_for_margin(account, request, now)
            takes = self.matching.plan(book, request.side, limit, size, account, instrument)
            check_money(self._floor, account, instrument, request.side, takes, size, limit if rests else None, None)
        order = floor.add_order(account, request, instrument, now, size=size)
        self.matching.carry_out(account, order, instrument, book, takes, rests, now)
        self._consequences.follow_up(instrument, now)
        return order

    def _collect(
        self,
        account: Account,
        request: OrderRequest,
        instrument: Instrument,
        book: Book,
        size: int,
        limit: Decimal,
        now: datetime,
    ) -> Order:
        """Rest an order that crosses the source's depth in an auction; it is matched when trading resumes."""
        floor = self._floor
        check_money(self._floor, account, instrument, request.side, [], size, limit, None)
        order = floor.add_order(account, request, instrument, now, size=size)
        self.matching.carry_out(account, order, instrument, book, [], True, now)
        book.unmatched = True
        return order

    def _place_stop(
        self, account: Account, request: OrderRequest, stop: StopTerms, instrument: Instrument, now: datetime
    ) -> Order:
        floor = self._floor
        check_stop(stop, instrument)
        if request.bracket is not None:
            reference = request.limit_price or stop.price or floor.stats(request.symbol).mark
            check_bracket(request.bracket, instrument, request.side, reference)
        if request.reduce_only:
            held = account.position_size(request.symbol)
            if held * request.side.sign >= 0:
                raise Refused("no_position_for_reduce_only")
        armed = self.triggers.arm(stop, request.side, instrument)
        order = floor.add_order(account, request, instrument, now, state="pending", stop=armed)
        self.triggers.wait(order)
        floor.ledger.tell_order(account, order, "create", None, now)
        return order

    # edits and cancels

    def edit(self, account: Account, order: Order, change: Change, now: datetime) -> Order:
        """Change a live order. The checks of placing run again.

        The place in the queue is kept only when nothing but the size changes, downwards.

        Raises:
            Refused: With a documented code; the order stands unchanged then.
        """
        if not order.live:
            raise Refused("order_already_filled" if order.state == "closed" else "open_order_not_found")
        floor = self._floor
        instrument = floor.products.tradable(order.symbol)
        price = order.limit_price if change.limit_price is None else change.limit_price
        total = order.size if change.size is None else change.size
        check_size(total, instrument, floor.settings)
        leaves = total - order.filled_size
        if leaves < 1:
            raise bad_schema("size", f"must be above the filled size {order.filled_size}")
        if price is not None:
            if order.order_type is OrderType.MARKET:
                raise bad_schema("limit_price", "a market order has no limit price")
            check_price(price, instrument)
            if order.state != "pending":
                check_band(price, *floor.band(instrument), floor.settings)
        if change.mmp is not None and change.mmp not in (NO_MMP, order.mmp):
            check_group(account.mmp, instrument.underlying, change.mmp, now, floor.settings.mmp_enabled)
        if order.state == "pending":
            return self._edit_stop(account, order, instrument, change, total, price, now)
        if change.stop_price is not None or change.trail_amount is not None:
            raise bad_schema("stop_price", "the order does not wait for a trigger")
        assert price is not None, "only limit orders rest"
        self._edit_resting(account, order, instrument, change, total, price, now)
        self._consequences.follow_up(instrument, now)
        return order

    def _edit_resting(
        self,
        account: Account,
        order: Order,
        instrument: Instrument,
        change: Change,
        total: int,
        price: Decimal,
        now: datetime,
    ) -> None:
        floor = self._floor
        leaves = total - order.filled_size
        book = floor.book(order.symbol)
        takes = self.matching.plan(book, order.side, price, leaves, account, instrument)
        if takes and (order.post_only if change.post_only is None else change.post_only):
            raise Refused("immediate_execution_post_only")
        check_money(self._floor, account, instrument, order.side, takes, leaves, price, order)
        keeps_place = price == order.limit_price and leaves <= order.unfilled_size
        order.size, order.unfilled_size, order.limit_price, order.updated_at = total, leaves, price, now
        _take_over(order, change)
        if not keeps_place:
            book.remove(order)
            floor.counters.priority += 1
            order.priority = floor.counters.priority
        self.matching.execute(account, order, instrument, book, takes, now)
        if order.unfilled_size == 0:
            self.matching.leave_book(book, order)
            floor.ledger.tell_order(account, order, "delete", "fill", now)
        else:
            block(order, floor.terms(account, instrument))
            if not keeps_place:
                book.rest(order)
            floor.ledger.tell_order(account, order, "update", "fill" if takes else None, now)

    def _edit_stop(
        self,
        account: Account,
        order: Order,
        instrument: Instrument,
        change: Change,
        total: int,
        price: Decimal | None,
        now: datetime,
    ) -> Order:
        stop = order.stop
        assert stop is not None, "only stops are pending"
        if change.stop_price is not None and change.trail_amount is not None:
            raise bad_schema("stop_price", "give at most one of stop_price and trail_amount")
        if change.stop_price is not None:
            check_trigger_price("stop_price", change.stop_price, instrument)
            stop = msgspec.structs.replace(stop, price=change.stop_price, trail=None, extreme=None)
        if change.trail_amount is not None:
            stop = msgspec.structs.replace(stop, price=None, trail=change.trail_amount, extreme=None)
            check_stop(stop, instrument)
        order.stop = self.triggers.arm(stop, order.side, instrument)
        order.size, order.unfilled_size, order.limit_price, order.updated_at = total, total, price, now
        _take_over(order, change)
        self._floor.ledger.tell_order(account, order, "update", "stop_update", now)
        return order

    def cancel(self, account: Account, order: Order, now: datetime, *, reason: str = "cancelled_by_user") -> Order:
        """Cancel a live order.

        Raises:
            Refused: ``open_order_not_found`` when it is not open any more.
        """
        if not order.live:
            raise Refused("open_order_not_found")
        self.matching.withdraw(account, order, reason, None, now)
        return order

    def cancel_all(
        self,
        account: Account,
        now: datetime,
        *,
        product_id: int | None = None,
        kinds: frozenset[Kind] | None = None,
        limit_orders: bool = False,
        stop_orders: bool = False,
        reduce_only_orders: bool = False,
    ) -> list[Order]:
        """Cancel the account's live orders of a product or of some kinds (None = all). A flag left False spares.

        A waiting stop is a stop order, and a reduce-only one goes with either flag.
        """
        by_id = self._floor.products.by_id
        chosen = [
            order
            for order in account.live_orders
            if _selected(order, limit_orders, stop_orders, reduce_only_orders)
            and (product_id is None or order.product_id == product_id)
            and (product_id is not None or kinds is None or by_id[order.product_id].kind in kinds)
        ]
        return [self.cancel(account, order, now) for order in chosen]

    def _cancel_for_margin(self, account: Account, request: OrderRequest, now: datetime) -> None:
        """Make room: the account's resting orders of the contract that could open a position go."""
        for other in [o for o in account.open_orders.values() if o.symbol == request.symbol and not o.reduce_only]:
            self.matching.withdraw(account, other, "cancelled_for_margin", None, now)

    def _reducing_size(self, account: Account, request: OrderRequest, now: datetime) -> int:
        """How much of a reduce-only order can be taken: at most the position, less what other such orders hold."""
        held = account.holdings.get(request.symbol)
        lag = self._floor.settings.reduce_only_lag_secs
        if held is None or (now - held.created_at).total_seconds() < lag or held.size * request.side.sign > 0:
            raise Refused("no_position_for_reduce_only")
        left = abs(held.size) - account.resting_reduce_only(request.symbol, request.side)
        if left < 1:
            raise Refused("no_position_left_for_reduce_only")
        return min(left, request.size)


def _take_over(order: Order, change: Change) -> None:
    if change.post_only is not None:
        order.post_only = change.post_only
    if change.mmp is not None:
        order.mmp = change.mmp


def _selected(order: Order, limit_orders: bool, stop_orders: bool, reduce_only_orders: bool) -> bool:
    if order.state == "pending":
        return stop_orders or (order.reduce_only and reduce_only_orders)
    return reduce_only_orders if order.reduce_only else limit_orders
