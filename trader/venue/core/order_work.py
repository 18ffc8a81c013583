"""The common work on orders from every source: the user, a stop that wakes up, an edit.

An order is first judged by the account's money, then numbered, then carried out against the book.
"""

from datetime import datetime
from decimal import Decimal

from trader.domain.instrument import Instrument
from trader.domain.order import Side
from trader.venue.core.account import Account
from trader.venue.core.book import Book, Take
from trader.venue.core.floor import TradingFloor
from trader.venue.core.funds import check_funds, check_liquidation, check_position_limit
from trader.venue.core.matching import Matching
from trader.venue.core.portfolio_funds import check_portfolio_funds
from trader.venue.core.records import Order


class OrderWork:
    """Work on the orders of a floor."""

    def __init__(self, floor: TradingFloor, matching: Matching) -> None:
        self._floor = floor
        self._matching = matching

    def check_money(
        self,
        account: Account,
        instrument: Instrument,
        side: Side,
        takes: list[Take],
        size: int,
        resting_at: Decimal | None,
        replacing: Order | None,
    ) -> None:
        """Can the account carry it, in its margin mode? `replacing` is an order whose edit this is.

        Raises:
            Refused: ``risk_limits_breached``, ``insufficient_margin``, ``close_position_insufficient_margin`` or
                ``immediate_liquidation``.
        """
        floor = self._floor
        if instrument.position_size_limit:
            check_position_limit(account, instrument, side, size)
        terms = floor.terms(account, instrument)
        if account.margin_mode == "portfolio":
            check_portfolio_funds(
                floor,
                account,
                terms,
                side=side,
                takes=takes,
                size=size,
                rests=resting_at is not None,
                without=replacing,
            )
            return
        check_funds(account, terms, side=side, takes=takes, size=size, resting_at=resting_at, replacing=replacing)
        if floor.settings.liquidates and takes:
            check_liquidation(account, terms, side=side, takes=takes, mark=floor.stats(instrument.symbol).mark)

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
        self._matching.execute(account, order, instrument, book, takes, now)
        if order.unfilled_size == 0:
            floor.ledger.tell_order(account, order, "delete", "fill", now)
        elif rests:
            self._matching.rest(account, order, instrument, book)
            if not told or takes:
                floor.ledger.tell_order(account, order, "update" if told else "create", "fill" if takes else None, now)
        else:
            state = floor.settings.ioc_remainder_state
            why = "unfilled_remainder" if state == "cancelled" else None
            self._matching.end(account, order, why, "fill" if takes else None, now, state=state)
