"""The verbs everything above uses to reach an exchange. Says what is asked for, not how any exchange is spoken to.

Order verbs end in a value (`Outcome`), never in an exception for what the exchange or the network does. Reads either
return the whole truth or raise `ExchangeError`: an empty list means that there is nothing. A row that makes no sense costs
that row: lists of the market leave it out (`odd_rows` tells), lists of the account raise `PartialList` with the others.
All verbs may be called from any thread.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

from trader.domain.fill import Fill, Position
from trader.domain.instrument import Instrument
from trader.domain.order import OrderIntent, OrderSnapshot
from trader.domain.outcome import Outcome
from trader.domain.quote import Quote
from trader.domain.wallet import Wallet
from trader.exchange.common.odd_rows import OddRows
from trader.exchange.common.statistics import Statistics

__all__ = ["Gateway", "MaySign", "Statistics", "Wallet"]

# Asked with the instant (seconds since 1970, this machine's clock) that is about to be signed; answers why it may not be,
# empty when it may. Between a decision and its signature lie queues, and a process may have been stopped meanwhile.
MaySign = Callable[[float], str]


class Gateway(Protocol):
    """One account at one exchange."""

    @property
    def clock_offset_secs(self) -> float:
        """How far the exchange's clock is ahead of ours; 0 until learned."""

    @property
    def odd_rows(self) -> OddRows:
        """What was left out of lists because it made no sense."""

    def for_exit(self) -> "Gateway":
        """The same account; its reads go out before the reset of a 429 too, as exits and cancels do."""

    def submit(self, intent: OrderIntent, *, may_sign: MaySign | None = None) -> Outcome:
        """Send one order, once, within 5 s. Never raises for anything the exchange or the network does."""

    def cancel(
        self,
        *,
        product_id: int,
        client_order_id: str | None = None,
        venue_order_id: str | None = None,
        may_sign: MaySign | None = None,
    ) -> Outcome:
        """Cancel one order by either id, once, within 5 s. `open_order_not_found` and `order_already_filled` come back
        as Rejected: read the order then."""

    def cancel_all(self, product_id: int) -> Outcome | None:
        """Ask the exchange to cancel every order of one product. None when it agreed (verify with `open_orders`)."""

    def lookup(self, client_order_id: str) -> OrderSnapshot | None:
        """The order with our id; None when the exchange says it does not know it (which soon after sending proves
        nothing)."""

    def lookup_by_id(self, venue_order_id: str) -> OrderSnapshot | None:
        """The order with the exchange's id; None when the exchange does not know it."""

    def open_orders(self, product_ids: Sequence[int] | None = None) -> list[OrderSnapshot]:
        """Every open and pending order, of these products or of the account."""

    def order_history(self, since: datetime, product_ids: Sequence[int] | None = None) -> list[OrderSnapshot]:
        """Every ended order created since an instant."""

    def fills(self, since: datetime | None, product_ids: Sequence[int] | None = None) -> list[Fill]:
        """Every fill since an instant (None: as far back as the exchange keeps them)."""

    def positions(self, underlying: str) -> list[Position]:
        """Real-time positions in one underlying's contracts."""

    def position(self, product_id: int) -> Position:
        """Real-time position in one contract; quantity 0 when the exchange says there is none."""

    def instruments(self, underlying: str) -> list[Instrument]:
        """Live contracts of one underlying, cached."""

    def tickers(self, underlying: str, expiry: date | None = None) -> list[Quote]:
        """Quotes of an underlying's options, of one expiry or all. Symbols the cached `instruments` do not hold make the
        next call of `instruments` load anew."""

    def spot(self, underlying: str) -> Decimal:
        """The underlying's index price (USD)."""

    def wallet(self) -> Wallet:
        """Balances in the settling asset."""

    def settlement_price(self, symbol: str) -> Decimal | None:
        """What an expired option paid per unit of underlying; None while the exchange has not said."""

    def who_am_i(self) -> str:
        """The account's user id."""

    def quota_left(self) -> int:
        """Request weight left in the running window."""

    def statistics(self) -> Statistics:
        """Counters and latencies."""
