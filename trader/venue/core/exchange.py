"""The exchange: takes orders, matches them against finite depth, settles expiries, and knows every account.

Deterministic: the same market source, seed and calls give the same ids, fills and books. Market time only moves forward
and is passed in; call `advance` before asking anything, so that depth and settlements are those of that instant.
"""

from collections import deque
from datetime import datetime
from decimal import Decimal

from trader.domain.instrument import Instrument, Kind
from trader.domain.order import OrderType, Side, TimeInForce
from trader.venue.core.account import Account
from trader.venue.core.book import Book, OwnOrderMet, Take
from trader.venue.core.events import Event, PublicTrade
from trader.venue.core.funds import Terms, block, check_funds
from trader.venue.core.ledger import Counters, Ledger, Prices
from trader.venue.core.margin import LiquidationPrices, liquidation_prices
from trader.venue.core.products import ExpiredProduct, Products
from trader.venue.core.records import Order, OrderRequest
from trader.venue.core.refusal import Refused, bad_schema
from trader.venue.core.settings import CoreSettings
from trader.venue.core.settlement import IndexAverage, payout
from trader.venue.core.validation import check_band, check_form, check_price, check_size
from trader.venue.market.base import MarketSource, OptionStats

_NAUGHT = Decimal(0)
_PUBLIC_TRADES_KEPT = 50


class Exchange:
    """Contracts, books and accounts of one local exchange."""

    def __init__(self, market: MarketSource, settings: CoreSettings, *, start: datetime | None = None) -> None:
        self.market = market
        self.settings = settings
        self.now = market.start() if start is None else start
        market.advance(self.now)
        self.products = Products(market, kept_expired=settings.kept_expired_products)
        self.products.refresh(self.now)
        self.accounts: dict[int, Account] = {}
        self.trades: dict[str, deque[PublicTrade]] = {}
        self.average = IndexAverage(
            market, window_secs=settings.twap_window_secs, sample_secs=settings.twap_sample_secs
        )
        self.counters = Counters(order_id=settings.first_order_id)
        self._ledger = Ledger(seed=settings.seed, gst=settings.gst, counters=self.counters)
        self._books: dict[str, Book] = {}
        self._active: set[str] = set()  # symbols with users' resting orders

    # accounts

    def open_account(self, user_id: int | None = None, *, initial_balance: Decimal | None = None) -> Account:
        """The account of that id, opened with the initial balance when it is new; None = the next free id."""
        if user_id is None:
            user_id = self.settings.first_user_id + len(self.accounts)
        account = self.accounts.get(user_id)
        if account is None:
            account = Account(user_id, self.settings.initial_balance if initial_balance is None else initial_balance)
            self.accounts[user_id] = account
        return account

    def leverage(self, account: Account, instrument: Instrument) -> Decimal:
        """Leverage of new orders in a contract: the user's own, else the default of its kind."""
        own = account.leverage.get(instrument.product_id)
        if own is not None:
            return own
        perpetual = instrument.kind is Kind.PERPETUAL
        return self.settings.perpetual_leverage if perpetual else self.settings.option_leverage

    def set_leverage(self, account: Account, instrument: Instrument, leverage: Decimal, now: datetime) -> None:
        """Change the leverage of a contract; its open orders are margined anew.

        Raises:
            Refused: ``max_leverage_exceeded`` or ``min_leverage_exceeded``.
        """
        limits = {"min_leverage": "1", "max_leverage": str(self.settings.max_leverage)}
        if leverage > self.settings.max_leverage:
            raise Refused("max_leverage_exceeded", limits)
        if leverage < 1:
            raise Refused("min_leverage_exceeded", limits)
        account.leverage[instrument.product_id] = leverage
        for order in account.open_orders.values():
            if order.symbol == instrument.symbol and order.limit_price is not None:
                block(order, self._terms(account, instrument))
                self._ledger.tell_order(account, order, "update", None, now)

    def drain_events(self) -> list[Event]:
        """Everything that happened since the last call, in order."""
        events = self._ledger.events
        if not events:
            return []
        drained = list(events)
        events.clear()
        return drained

    @property
    def has_resting_orders(self) -> bool:
        """True while any account has an order in a book."""
        return bool(self._active)

    # time

    def advance(self, now: datetime) -> None:
        """Move market time to `now`: settle what expired on the way, then match resting orders with the new depth."""
        if now <= self.now:
            return
        while (expiry := self.products.next_expiry) is not None and expiry <= now:
            self.average.sample_until(expiry, expiry, self.now)
            self.market.advance(expiry)
            self.now = max(self.now, expiry)
            self._settle(expiry)
            self.products.refresh(self.now)
        self.average.sample_until(now, self.products.next_expiry, self.now)
        self.market.advance(now)
        self.now = now
        self.products.refresh(now)
        for symbol in sorted(self._active):
            book = self._books[symbol]
            book.refresh(self.market.depth(symbol))
            if book.unmatched:
                self._match_resting(self.products.live[symbol], book, now)

    # market views

    def book(self, symbol: str) -> Book:
        """The book of a live contract with the source's newest depth. Raises KeyError for an unlisted symbol."""
        book = self._books.get(symbol)
        if book is None:
            if symbol not in self.products.live:
                raise KeyError(symbol)
            book = self._books[symbol] = Book()
        book.refresh(self.market.depth(symbol))
        return book

    def stats(self, symbol: str) -> OptionStats:
        """Mark, greeks and volumes of a live contract."""
        return self.market.option_stats(symbol)

    def band(self, instrument: Instrument) -> tuple[Decimal, Decimal]:
        """Lowest and highest limit price taken now, USD per unit of underlying."""
        stats = self.stats(instrument.symbol)
        return stats.band_low, stats.band_high

    def liquidation(self, account: Account, symbol: str) -> LiquidationPrices:
        """Estimated liquidation and bankruptcy price of a held position."""
        holding = account.holdings.get(symbol)
        instrument = self.products.find(symbol)
        if holding is None or instrument is None or holding.entry_price is None:
            return LiquidationPrices(None, None)
        spot = self.market.spot(instrument.underlying)
        return liquidation_prices(instrument, holding.size, holding.entry_price, holding.margin, spot)

    def equity(self, account: Account) -> Decimal:
        """Balance plus what every position would bring at mark (shorts negative), USD."""
        total = account.balance
        for holding in account.holdings.values():
            instrument = self.products.live.get(holding.symbol)
            entry = holding.entry_price
            if instrument is None or entry is None:
                continue
            mark = self.stats(holding.symbol).mark
            base = entry if instrument.kind is Kind.PERPETUAL else _NAUGHT
            total += (mark - base) * holding.size * instrument.contract_value
        return total

    # orders

    def place(self, account: Account, request: OrderRequest, now: datetime) -> Order:
        """Take an order: check, match at once what can be matched, rest or cancel the remainder.

        Returns:
            The order as it stands after the first match; look at `unfilled_size`, not only at `state`.

        Raises:
            Refused: With a documented code; nothing happened then.
        """
        instrument = self.products.tradable(request.symbol)
        check_form(request, instrument, self.settings)
        low, high = self.band(instrument)
        if request.limit_price is not None:
            check_band(request.limit_price, low, high, self.settings)
        if len(account.open_orders) >= self.settings.max_open_orders:
            raise Refused("max_orders_count_exceeded")
        if request.client_order_id is not None:
            twin = account.by_client_id(request.client_order_id)
            if twin is not None and twin.state == "open":
                raise Refused("duplicate_client_order_id")
        size = self._reducing_size(account, request, now) if request.reduce_only else request.size
        limit = request.limit_price if request.limit_price is not None else (high if request.side is Side.BUY else low)
        book = self.book(request.symbol)
        takes = self._plan(book, request.side, limit, size, account)
        if request.post_only and takes:
            raise Refused("immediate_execution_post_only")
        if request.order_type is OrderType.MARKET and not takes:
            raise Refused("no_liquidity_for_market_order")
        rests = request.order_type is OrderType.LIMIT and request.time_in_force is TimeInForce.GTC
        check_funds(
            account,
            self._terms(account, instrument),
            side=request.side,
            takes=takes,
            size=size,
            resting_at=limit if rests else None,
        )
        order = self._new_order(account, request, instrument, size, now)
        self._execute(account, order, instrument, book, takes, now)
        if order.unfilled_size == 0:
            self._ledger.tell_order(account, order, "delete", "fill", now)
        elif rests:
            self._rest(account, order, instrument, book, now)
        else:
            self._end(account, order, "unfilled_remainder", "fill" if takes else None, now)
        self._trim_reduce_only(instrument, now)
        return order

    def edit(
        self,
        account: Account,
        order: Order,
        *,
        size: int | None,
        limit_price: Decimal | None,
        post_only: bool | None,
        now: datetime,
    ) -> Order:
        """Change an open order; `size` is the new total, filled part included. The place checks run anew.

        The place in the queue is kept only when nothing but the size changes, downwards.

        Raises:
            Refused: With a documented code; the order stands unchanged then.
        """
        if order.state != "open":
            raise Refused("order_already_filled" if order.state == "closed" else "open_order_not_found")
        instrument = self.products.tradable(order.symbol)
        price = order.limit_price if limit_price is None else limit_price
        total = order.size if size is None else size
        assert price is not None, "only limit orders rest"
        check_size(total, instrument, self.settings)
        check_price(price, instrument)
        check_band(price, *self.band(instrument), self.settings)
        leaves = total - order.filled_size
        if leaves < 1:
            raise bad_schema("size", f"must be above the filled size {order.filled_size}")
        book = self.book(order.symbol)
        takes = self._plan(book, order.side, price, leaves, account)
        if takes and (order.post_only if post_only is None else post_only):
            raise Refused("immediate_execution_post_only")
        check_funds(
            account,
            self._terms(account, instrument),
            side=order.side,
            takes=takes,
            size=leaves,
            resting_at=price,
            replacing=order,
        )
        keeps_place = price == order.limit_price and leaves <= order.unfilled_size
        order.size, order.unfilled_size, order.limit_price, order.updated_at = total, leaves, price, now
        if post_only is not None:
            order.post_only = post_only
        if not keeps_place:
            book.remove(order)
            self.counters.priority += 1
            order.priority = self.counters.priority
        self._execute(account, order, instrument, book, takes, now)
        if order.unfilled_size == 0:
            self._leave_book(book, order)
            self._ledger.tell_order(account, order, "delete", "fill", now)
        else:
            block(order, self._terms(account, instrument))
            if not keeps_place:
                book.rest(order)
            self._ledger.tell_order(account, order, "update", "fill" if takes else None, now)
        self._trim_reduce_only(instrument, now)
        return order

    def cancel(self, account: Account, order: Order, now: datetime, *, reason: str = "cancelled_by_user") -> Order:
        """Cancel an open order.

        Raises:
            Refused: ``open_order_not_found`` when it is not open any more.
        """
        if order.state != "open":
            raise Refused("open_order_not_found")
        self._leave_book(self._books.setdefault(order.symbol, Book()), order)
        self._end(account, order, reason, None, now)
        return order

    def cancel_all(
        self,
        account: Account,
        now: datetime,
        *,
        product_id: int | None = None,
        kinds: frozenset[Kind] | None = None,
        limit_orders: bool = False,
        reduce_only_orders: bool = False,
    ) -> list[Order]:
        """Cancel the account's open orders of a product or of some kinds (None = all). A flag left False spares."""
        chosen = [
            order
            for order in account.open_orders.values()
            if (reduce_only_orders if order.reduce_only else limit_orders)
            and (product_id is None or order.product_id == product_id)
            and (product_id is not None or kinds is None or self.products.by_id[order.product_id].kind in kinds)
        ]
        return [self.cancel(account, order, now) for order in chosen]

    # matching

    def _plan(self, book: Book, side: Side, limit: Decimal, size: int, account: Account) -> list[Take]:
        try:
            return book.plan(side, limit, size, account.user_id)
        except OwnOrderMet:
            raise Refused("overlapping_buy_sell_orders") from None

    def _execute(
        self, account: Account, order: Order, instrument: Instrument, book: Book, takes: list[Take], now: datetime
    ) -> None:
        """Carry out a plan: consume the source's depth, fill makers of other accounts, fill the order."""
        if not takes:
            return
        prices = self._prices(instrument)
        for take in takes:
            if take.maker is None:
                book.take(order.side.opposite, take.price, take.size)
            else:
                self._fill_maker(take.maker, instrument, book, take.price, take.size, prices, now)
            self._fill(account, order, instrument, take.price, take.size, "taker", prices, now)
            self._publish_trade(instrument.symbol, order.side, take.price, take.size, now)

    def _fill(
        self,
        account: Account,
        order: Order,
        instrument: Instrument,
        price: Decimal,
        size: int,
        role: str,
        prices: Prices,
        now: datetime,
    ) -> None:
        leverage = self.leverage(account, instrument)
        self._ledger.fill(
            account, order, instrument, price=price, size=size, role=role, prices=prices, leverage=leverage, now=now
        )

    def _fill_maker(
        self, order: Order, instrument: Instrument, book: Book, price: Decimal, size: int, prices: Prices, now: datetime
    ) -> None:
        maker = self.accounts[order.user_id]
        self._fill(maker, order, instrument, price, size, "maker", prices, now)
        if order.unfilled_size == 0:
            self._leave_book(book, order)
        else:
            book.revision += 1
        self._ledger.tell_order(maker, order, "update" if order.unfilled_size else "delete", "fill", now)

    def _match_resting(self, instrument: Instrument, book: Book, now: datetime) -> None:
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
                        taken = min(taken, self._reducible(self.accounts[order.user_id], order))
                        if taken == 0:
                            break
                    prices = prices or self._prices(instrument)
                    book.take(side.opposite, price, taken)
                    self._fill_maker(order, instrument, book, limit, taken, prices, now)
                    self._publish_trade(instrument.symbol, side.opposite, limit, taken, now)
        self._trim_reduce_only(instrument, now)

    def _reducible(self, account: Account, order: Order) -> int:
        """Contracts of the position an order of that side can still close."""
        position = account.position_size(order.symbol)
        return abs(position) if position * order.side.sign < 0 else 0

    def _trim_reduce_only(self, instrument: Instrument, now: datetime) -> None:
        """Cancel resting reduce-only orders whose position is gone."""
        if instrument.symbol not in self._active:
            return
        book = self._books[instrument.symbol]
        for order in (*book.resting(Side.BUY), *book.resting(Side.SELL)):
            account = self.accounts[order.user_id]
            if order.reduce_only and self._reducible(account, order) == 0:
                self.cancel(account, order, now, reason="no_position_left_for_reduce_only")

    def _publish_trade(self, symbol: str, side: Side, price: Decimal, size: int, now: datetime) -> None:
        trade = PublicTrade(symbol=symbol, side=side, price=price, size=size, ts=now)
        self.trades.setdefault(symbol, deque(maxlen=_PUBLIC_TRADES_KEPT)).appendleft(trade)
        self._ledger.events.append(trade)

    # an order's life

    def _new_order(
        self, account: Account, request: OrderRequest, instrument: Instrument, size: int, now: datetime
    ) -> Order:
        order = Order(
            id=self.counters.order_id,
            user_id=account.user_id,
            product_id=instrument.product_id,
            symbol=instrument.symbol,
            client_order_id=request.client_order_id,
            side=request.side,
            order_type=request.order_type,
            size=size,
            unfilled_size=size,
            limit_price=request.limit_price,
            time_in_force=request.time_in_force,
            post_only=request.post_only,
            reduce_only=request.reduce_only,
            created_at=now,
            updated_at=now,
        )
        self.counters.order_id += 1
        account.add_order(order)
        return order

    def _rest(self, account: Account, order: Order, instrument: Instrument, book: Book, now: datetime) -> None:
        assert order.limit_price is not None, "only orders with a limit rest"
        self.counters.priority += 1
        order.priority = self.counters.priority
        block(order, self._terms(account, instrument))
        book.rest(order)
        self._active.add(order.symbol)
        self._ledger.tell_order(account, order, "create", "fill" if order.filled_size else None, now)

    def _leave_book(self, book: Book, order: Order) -> None:
        book.remove(order)
        if not book.has_resting:
            self._active.discard(order.symbol)

    def _end(self, account: Account, order: Order, why: str, reason: str | None, now: datetime) -> None:
        order.state = "cancelled"
        order.cancellation_reason = why
        order.updated_at = now
        self._ledger.tell_order(account, order, "delete", reason, now)

    def rest_restored_orders(self) -> None:
        """Put the open orders of restored accounts back into their books."""
        for account in self.accounts.values():
            for order in account.open_orders.values():
                self._books.setdefault(order.symbol, Book()).rest(order)
                self._active.add(order.symbol)

    # money

    def _prices(self, instrument: Instrument) -> Prices:
        return Prices(self.market.spot(instrument.underlying), self.stats(instrument.symbol).mark)

    def _terms(self, account: Account, instrument: Instrument) -> Terms:
        return Terms(
            instrument=instrument,
            spot=self.market.spot(instrument.underlying),
            leverage=self.leverage(account, instrument),
            gst=self.settings.gst,
        )

    def _reducing_size(self, account: Account, request: OrderRequest, now: datetime) -> int:
        """How much of a reduce-only order can be taken: at most the position, less what other such orders hold."""
        held = account.holdings.get(request.symbol)
        lag = self.settings.reduce_only_lag_secs
        if held is None or (now - held.created_at).total_seconds() < lag or held.size * request.side.sign > 0:
            raise Refused("no_position_for_reduce_only")
        left = abs(held.size) - account.resting_reduce_only(request.symbol, request.side)
        if left < 1:
            raise Refused("no_position_left_for_reduce_only")
        return min(left, request.size)

    # expiry

    def _settle(self, expiry: datetime) -> None:
        """Settle every contract that expires at (or before) `expiry`."""
        for instrument in self.products.due(expiry):
            official = self.market.settlement_price(instrument.underlying, expiry)
            index = official if official is not None else self.average.mean(instrument.underlying, expiry)
            self.settle_contract(instrument, index if index is not None else self.market.spot(instrument.underlying))

    def settle_contract(self, instrument: Instrument, index_price: Decimal) -> None:
        """Expire one option at an index price: cancel its orders, pay its positions, move it to the expired list."""
        price = payout(instrument, index_price)
        with_fill = price > 0 or self.settings.worthless_settlement_fill
        for account in self.accounts.values():
            for order in [o for o in account.open_orders.values() if o.symbol == instrument.symbol]:
                self.cancel(account, order, self.now, reason="product_expired")
            if instrument.symbol in account.holdings:
                self._ledger.settle(
                    account, instrument, price=price, spot=index_price, with_fill=with_fill, now=self.now
                )
        self._books.pop(instrument.symbol, None)
        self._active.discard(instrument.symbol)
        self.trades.pop(instrument.symbol, None)
        self.products.expire(ExpiredProduct(instrument=instrument, settlement_price=price, index_price=index_price))
