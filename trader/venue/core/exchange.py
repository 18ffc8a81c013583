"""The exchange: takes orders, matches them against finite depth, settles expiries, and knows every account.

Deterministic: the same market source, seed and calls give the same ids, fills and books. Market time only moves forward
and is passed in; call `advance` before asking anything, so that depth and settlements are those of that instant.

This class is the outside of the core; each rule lives in a module of its own and works on the same `TradingFloor`.
"""

from datetime import datetime
from decimal import Decimal

from trader.domain.instrument import Instrument
from trader.venue.core.account import Account
from trader.venue.core.book import Book
from trader.venue.core.brackets import merged_bracket
from trader.venue.core.deadman import Heartbeat
from trader.venue.core.events import Event
from trader.venue.core.expiry import Expiry
from trader.venue.core.floor import TradingFloor
from trader.venue.core.funding import Funding, FundingRate
from trader.venue.core.funds import block
from trader.venue.core.guard import Guard
from trader.venue.core.liquidation import Liquidation
from trader.venue.core.order_desk import OrderDesk
from trader.venue.core.positions import Positions
from trader.venue.core.records import BracketTerms, Order, OrderRequest
from trader.venue.core.refusal import Refused
from trader.venue.core.settings import CoreSettings
from trader.venue.market.base import MarketSource


class Exchange(TradingFloor):
    """Contracts, books and accounts of one local exchange."""

    def __init__(self, market: MarketSource, settings: CoreSettings, *, start: datetime | None = None) -> None:
        super().__init__(market, settings, start=start)
        self._desk = OrderDesk(self)
        self._expiry = Expiry(self, self._desk.matching)
        self._funding = Funding(self)
        self._liquidation = Liquidation(self, self._desk.matching)
        self._guard = Guard(self, self._desk)
        self.positions = Positions(self, self._desk)
        self.edit = self._desk.edit
        self.cancel_all = self._desk.cancel_all

    # accounts

    def set_leverage(self, account: Account, instrument: Instrument, leverage: Decimal, now: datetime) -> None:
        """Change the leverage of a contract; the margin of its open orders is computed again.

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
                block(order, self.terms(account, instrument))
                self.ledger.tell_order(account, order, "update", None, now)

    def drain_events(self) -> list[Event]:
        """Everything that happened since the last call, in order."""
        events = self.ledger.events
        if not events:
            return []
        drained = list(events)
        events.clear()
        return drained

    @property
    def has_resting_orders(self) -> bool:
        """True while any account has an order in a book or a stop waiting."""
        return bool(self.active or self.pending)

    # time

    def advance(self, now: datetime) -> None:
        """Move market time to `now`: settle and fund what fell due on the way, then match with the new depth."""
        if now <= self.now:
            return
        while (due := self._next_due()) <= now:
            self._stop_at(due)
        self.average.sample_until(now, self.products.next_expiry, self.now)
        self.market.advance(now)
        self.now = now
        self.products.refresh(now)
        for symbol in sorted(self.active):
            book = self.books[symbol]
            book.refresh(self.market.depth(symbol))
            if book.unmatched and (instrument := self.products.live[symbol]).tradable:
                self._desk.matching.match_resting(instrument, book, now)
                self._desk.follow_up(instrument, now)
        if self.pending:
            self._desk.wake_stops(now)
        if self.settings.liquidates:
            for instrument in self._liquidation.sweep(now):
                self._desk.follow_up(instrument, now)

    def wake_stops(self) -> None:
        """Let every stop whose trigger is reached become an order now."""
        self._desk.wake_stops(self.now)

    def _next_due(self) -> datetime:
        expiry, funding = self.products.next_expiry, self._funding.due
        return expiry if expiry is not None and expiry < funding else funding

    def _stop_at(self, due: datetime) -> None:
        """Move to an instant at which something falls due, and do it."""
        self.average.sample_until(due, self.products.next_expiry, self.now)
        self.market.advance(due)
        self.now = max(self.now, due)
        if self._funding.due <= due:
            self._funding.exchange_due()
        expiry = self.products.next_expiry
        if expiry is not None and expiry <= due:
            self._expiry.settle_due(due)
        self.products.refresh(self.now)

    def settle_contract(self, instrument: Instrument, index_price: Decimal) -> None:
        """Expire one option at an index price."""
        self._expiry.settle(instrument, index_price)

    def rest_restored_orders(self) -> None:
        """Put the live orders of restored accounts back into their books and among the waiting stops, and watch heartbeats again."""
        for account in self.accounts.values():
            for order in account.open_orders.values():
                self.books.setdefault(order.symbol, Book()).rest(order)
                self.active.add(order.symbol)
            for order in account.pending_orders.values():
                self._desk.triggers.wait(order)
        self._guard.watch()

    def funding(self, instrument: Instrument) -> FundingRate:
        """The funding rate of a perpetual as it stands."""
        return self._funding.rate(instrument)

    # orders

    def place(self, account: Account, request: OrderRequest, now: datetime) -> Order:
        """Take an order: check, match at once what can be matched, rest or cancel the remainder; stops wait.

        Returns:
            The order as it stands after the first match; look at `unfilled_size`, not only at `state`.

        Raises:
            Refused: With a documented code; nothing happened then.
        """
        return self._desk.place(account, request, now)

    def cancel(self, account: Account, order: Order, now: datetime, *, reason: str = "cancelled_by_user") -> Order:
        """Cancel a live order. Raises Refused (``open_order_not_found``) when it has ended."""
        return self._desk.cancel(account, order, now, reason=reason)

    def bracket_position(self, account: Account, instrument: Instrument, bracket: BracketTerms, now: datetime) -> None:
        """Protect a whole open position with a stop loss, a take profit or both; see `Brackets.protect`."""
        self._desk.brackets.protect(account, instrument, bracket, now)
        self._desk.follow_up(instrument, now)

    def edit_bracket(self, account: Account, entry: Order, now: datetime, **fields: object) -> None:
        """Change fields of a live entry order's bracket (names of `BracketTerms`; None leaves a field).

        Raises:
            Refused: ``open_order_not_found`` when the entry order has ended, else as for a new bracket.
        """
        if not entry.live:
            raise Refused("open_order_not_found")
        instrument = self.products.tradable(entry.symbol)
        self._desk.brackets.amend(account, entry, merged_bracket(entry.bracket, **fields), instrument, now)
        self._desk.follow_up(instrument, now)

    # protection

    def acknowledge(self, account: Account, heartbeat: Heartbeat, ttl_ms: int, wall_ms: int) -> None:
        """A sign of life of a client; see `Heartbeat.acknowledge`."""
        heartbeat.acknowledge(wall_ms, ttl_ms)
        self._guard.watch()

    def check_heartbeats(self, wall_ms: int) -> None:
        """Act on heartbeats that were missed up to this instant of the wall clock."""
        self._guard.check(wall_ms)
