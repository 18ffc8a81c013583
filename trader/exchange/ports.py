"""What is asked of an exchange, in ports as narrow as their callers; every exchange's client has these shapes.

Order verbs end in a value (`Outcome`), never in an exception for what the exchange or the network does. Reads either
return the whole truth or raise `ExchangeError`: an empty list means that there is nothing. A row that makes no sense costs
that row: lists of the market leave it out (`odd_rows` tells), lists of the account raise `PartialList` with the others.
All verbs may be called from any thread. `trader.exchange.factory` builds what the settings ask for.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol, Self

import msgspec

from trader.domain.errors import ExchangeError
from trader.domain.fill import Fill, Position
from trader.domain.horizon import Horizon
from trader.domain.instrument import Instrument
from trader.domain.margin import MarginTerms
from trader.domain.order import OrderIntent, OrderSnapshot
from trader.domain.outcome import Outcome, Rejected, Unknown
from trader.domain.quote import Quote
from trader.domain.wallet import Transaction, Wallet
from trader.exchange.common.clock_offset import ClockOffset
from trader.exchange.common.events import PrivateMessage, StreamEvent
from trader.exchange.common.odd_rows import OddRows
from trader.exchange.common.statistics import CallStatistics, Statistics

# Asked with the instant (seconds since 1970, this machine's clock) that is about to be signed; answers why it may not be,
# empty when it may. Between a decision and its signature lie queues, and a process may have been stopped meanwhile.
MaySign = Callable[[float], str]


class OrderPort(Protocol):
    """Sends orders and cancels."""

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
        """Cancel one order by either id, once, within 5 s. An order that is not open comes back as Rejected: read it then."""

    def cancel_all(self, product_id: int) -> Outcome | None:
        """Ask the exchange to cancel every order of one product. None when it agreed (verify with `open_orders`)."""


class AccountReads(Protocol):
    """Reads one account."""

    @property
    def odd_rows(self) -> OddRows:
        """What was left out of lists because it made no sense."""

    def for_exit(self) -> Self:
        """The same account; its reads go out before the reset of a 429 too, as exits and cancels do."""

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

    def wallet(self) -> Wallet:
        """Balances in the settling asset."""

    def margin_terms(self) -> MarginTerms:
        """Margin mode, auto top-up, and every position with its margin, up to 10 s behind the fills."""

    def transactions(self, since: datetime) -> list[Transaction]:
        """Every line of the account's ledger since an instant."""

    def settlement_price(self, symbol: str) -> Decimal | None:
        """What an expired option paid per unit of underlying; None while the exchange has not said."""


class MarginSettings(Protocol):
    """Changes how the account is margined. None when the exchange agreed; verify with `margin_terms` or `leverage`. Setting
    the same again changes nothing, so what ended unknown may simply be asked for again."""

    def set_margin_mode(self, mode: str) -> Rejected | Unknown | None:
        """Isolated or portfolio margin, of the whole account."""

    def set_auto_topup(self, product_id: int | None, on: bool) -> Rejected | Unknown | None:
        """Whether free balance flows into a position before it is liquidated: of one that is open, or (None) of those yet to
        be opened."""

    def set_leverage(self, product_id: int, leverage: Decimal) -> Rejected | Unknown | None:
        """Leverage of a contract's orders, those that rest included, and of the positions they open."""

    def leverage(self, product_id: int) -> Decimal:
        """What a contract's orders are margined with."""


class MarketReads(Protocol):
    """Reads the market; needs no key."""

    def instruments(self, underlying: str) -> list[Instrument]:
        """Live contracts of one underlying, cached."""

    def tickers(self, underlying: str, expiry: date | None = None) -> list[Quote]:
        """Quotes of the options of an expiry, or of all an underlying has, its perpetual in it. Symbols the cached `instruments` do not hold make the
        next call of `instruments` load anew."""

    def spot(self, underlying: str) -> Decimal:
        """The underlying's index price (USD)."""


class PastReads(Protocol):
    """Reads what was; needs no key."""

    def index_closes(self, underlying: str, since: datetime, until: datetime) -> list[tuple[datetime, Decimal]]:
        """Half-hourly closes of the underlying's index (USD) with the start of their half-hours, oldest first."""


class Trading(OrderPort, AccountReads, MarketReads, Protocol):
    """Everything that opening, watching and closing positions takes."""


class Sending(Trading, MarginSettings, Protocol):
    """The same, and what is set before an order is sent."""


class Upkeep(Protocol):
    """The connection itself: its figures, its clock, and why it fails."""

    @property
    def odd_rows(self) -> OddRows:
        """What was left out of lists because it made no sense."""

    @property
    def clock(self) -> ClockOffset:
        """What is known of the exchange's clock, for whatever else signs."""

    @property
    def clock_offset_secs(self) -> float:
        """How far the exchange's clock is ahead of ours; 0 until learned."""

    @property
    def counters(self) -> CallStatistics:
        """Where whatever else belongs to this connection is counted."""

    @property
    def has_dead_man(self) -> bool:
        """Whether a dead-man switch was ever acknowledged over this connection."""

    def product_id_of(self, symbol: str) -> int | None:
        """The product id of a contract from the cached list, without a request; None where it was never listed."""

    def quota_left(self) -> int:
        """Request weight left in the running window."""

    def statistics(self) -> Statistics:
        """Counters and latencies."""

    def who_am_i(self) -> str:
        """The account's user id."""

    def trading_refusal(self) -> str:
        """Why the key may not trade; empty when it may. Makes a request that changes nothing.

        Raises:
            ExchangeError: The exchange did not say.
        """

    def explain(self, error: ExchangeError) -> str:
        """What most likely went wrong and what to do about it."""

    def close(self) -> None:
        """Drop the kept connections."""


class Gateway(Sending, PastReads, Upkeep, Protocol):
    """One account at one exchange, whole."""


class Batch(msgspec.Struct, frozen=True):
    """What the market said since the last take. `newest` is exchange time, `heard` our wall clock at the last message."""

    quotes: tuple[Quote, ...]
    spots: tuple[tuple[str, Decimal], ...]
    newest: datetime
    heard: datetime


class MarketFeed(Protocol):
    """Prices of the contracts that are followed, as they come."""

    def start(
        self, wake: Callable[[], None], hear: Callable[[StreamEvent], None], failed: Callable[[Exception], None]
    ) -> None:
        """Connect. `wake` is called when there is something to take, `hear` with what the stream reports about itself,
        `failed` when a message could not be handled: what it said is lost."""

    def stop(self) -> None:
        """Disconnect."""

    def want(self, symbols: tuple[str, ...], underlyings: tuple[str, ...]) -> None:
        """Follow exactly these contracts and index prices."""

    def take(self) -> Batch | None:
        """Quotes and index prices since the last call; None when nothing came."""

    def look_beyond(self, horizon: Horizon | None) -> None:
        """Call `wake` for what leaves this horizon only, until another is told; None, as at first: for everything."""

    @property
    def heard(self) -> datetime | None:
        """Our wall clock at the last message."""

    @property
    def messages(self) -> int:
        """Messages received so far."""


class AccountFeed(Protocol):
    """News of the account's orders and fills, as they come."""

    def start(self, hear: Callable[[PrivateMessage], None]) -> None:
        """Connect and log in; `hear` takes everything, the stream's own reports among it."""

    def stop(self) -> None:
        """Disconnect."""

    @property
    def messages(self) -> int:
        """Messages received so far."""
