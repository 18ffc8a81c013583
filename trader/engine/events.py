"""What the engine hears. Every event carries both clocks; nothing in the engine asks for the time."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from trader.domain.clock import Now
from trader.domain.fill import Fill, Position
from trader.domain.foreign import Foreign
from trader.domain.instrument import Instrument
from trader.domain.margin import MarginTerms
from trader.domain.odd_row import OddRow
from trader.domain.order import OrderSnapshot
from trader.domain.outcome import Outcome, Rejected, Unknown
from trader.domain.quote import Quote
from trader.domain.wallet import Transaction
from trader.engine.records import OperatorLevel


class Event(msgspec.Struct, frozen=True, kw_only=True):
    at: Now


class Booted(Event, frozen=True, kw_only=True):
    """The shell has folded the journal and taken the lease; whatever was in flight is unknown now."""


class ClockTicked(Event, frozen=True, kw_only=True):
    """Time passed; sent several times a second."""


class StartCommand(Event, frozen=True, kw_only=True):
    """A person asked for a run. `config` is the preset as JSON values, `config_hash` what the person saw; `confirm` is the
    typed arming phrase, which only production asks for. `foreign` is what stood on the account that no run explains, and
    `beside` the typed phrase that confirms it."""

    command_id: str
    config: dict[str, Any]
    config_hash: str
    start_now: bool
    issued_by: str
    confirm: str | None = None
    foreign: tuple[Foreign, ...] = ()
    beside: str = ""


class BesideCommand(Event, frozen=True, kw_only=True):
    """A person confirms, by its phrase, what stands on the account besides a run that waits."""

    command_id: str
    run_id: str
    foreign: tuple[Foreign, ...]
    phrase: str
    issued_by: str


class StopCommand(Event, frozen=True, kw_only=True):
    """Stop & Exit one run, or every unresolved run when `run_id` is None."""

    command_id: str
    run_id: str | None
    issued_by: str


class OrderCommand(Event, frozen=True, kw_only=True):
    """A person or a program sends orders: a `trader.config.ticket.TicketList` as JSON values. `confirm` is the typed phrase, which
    only production asks for; `key` the caller's own idempotency key; `barred` why nothing new may be sent (too late, HALT)."""

    command_id: str
    body: dict[str, Any]
    issued_by: str
    confirm: str | None = None
    key: str = ""
    barred: str = ""


class CancelCommand(Event, frozen=True, kw_only=True):
    """Cancel what works of tickets: of one, one order, all in a contract, on an underlying, or everything. What has filled stays."""

    command_id: str
    issued_by: str
    ticket: str | None = None
    order: str | None = None
    symbol: str | None = None
    underlying: str | None = None
    everything: bool = False


class AmendCommand(Event, frozen=True, kw_only=True):
    """Change a ticket: new prices, quantity or protection, as fields of its request; None removes a protection."""

    command_id: str
    ticket: str
    changes: dict[str, Any]
    issued_by: str


class AdoptCommand(Event, frozen=True, kw_only=True):
    """Take over a position that no run explains, by its typed phrase. `quantity` is signed, negative = short."""

    command_id: str
    symbol: str
    quantity: int
    phrase: str
    issued_by: str


class CloseCommand(Event, frozen=True, kw_only=True):
    """Close one ticket, all tickets in a contract, or (`everything`) every ticket and every run."""

    command_id: str
    issued_by: str
    ticket: str | None = None
    symbol: str | None = None
    everything: bool = False


class LevelCommand(Event, frozen=True, kw_only=True):
    """A person sets what the account may do: pause, reduce, kill or resume. `reason` in the person's words, may be empty."""

    command_id: str
    level: OperatorLevel
    issued_by: str
    reason: str = ""


class LimitsCommand(Event, frozen=True, kw_only=True):
    """A person sets the account's limits: the whole document as JSON values. `seen`: the limits that were changed, as the
    person saw them; where they are others by now, nothing is set."""

    command_id: str
    limits: dict[str, Any]
    issued_by: str
    seen: dict[str, Any] | None = None


class MarketMoved(Event, frozen=True, kw_only=True):
    """Newest quotes (merged, one per symbol) and index prices. `newest` is the youngest exchange time seen so far."""

    quotes: tuple[Quote, ...]
    spots: tuple[tuple[str, Decimal], ...] = ()
    newest: datetime


class ChainRead(Event, frozen=True, kw_only=True):
    """The listed contracts of one underlying with their quotes, or why they could not be read."""

    run_id: str
    instruments: tuple[Instrument, ...] = ()
    quotes: tuple[Quote, ...] = ()
    spot: Decimal | None = None
    error: str = ""
    retry_after_secs: float | None = None  # what the rate limit said, where it was the reason


class SubmitAnswered(Event, frozen=True, kw_only=True):
    client_order_id: str
    outcome: Outcome


class CancelAnswered(Event, frozen=True, kw_only=True):
    client_order_id: str
    outcome: Outcome


class OrderSeen(Event, frozen=True, kw_only=True):
    """An order as the private stream told it."""

    order: OrderSnapshot


class FillSeen(Event, frozen=True, kw_only=True):
    """An execution as the private stream told it."""

    fill: Fill


class PositionSeen(Event, frozen=True, kw_only=True):
    """A position as the private stream told it. What is held is read over REST, where it carries its own completeness; here
    only where the exchange would liquidate it is taken from it."""

    position: Position


class WalletRead(Event, frozen=True, kw_only=True):
    """The lines of the exchange's ledger since an instant, or why they could not be read; of whole days without a run."""

    run_id: str
    since: datetime
    changes: tuple[Transaction, ...] | None = None
    error: str = ""
    retry_after_secs: float | None = None


class AccountRead(Event, frozen=True, kw_only=True):
    """One reconciliation read over REST. A member that is None could not be read (or not to its end): it proves nothing.

    Rows of a list that made no sense are in `odd`, by member; the others of that list are good, but not all there are.
    `runs` are those it was made for. `asked` is the wall instant before the first request left; `lookups` holds orders asked
    for by client order id (None = the exchange does not know it); `settlements` prices of expired contracts where known;
    `failed` what of these two, by id or symbol, could not be read, and why. `whole`: the open orders are those of the whole
    account; positions are always those of whole underlyings.
    """

    runs: tuple[str, ...]
    asked: datetime
    positions: tuple[Position, ...] | None = None
    open_orders: tuple[OrderSnapshot, ...] | None = None
    history: tuple[OrderSnapshot, ...] | None = None
    fills: tuple[Fill, ...] | None = None
    available_usd: Decimal | None = None
    balance_usd: Decimal | None = None
    margin_mode: str | None = None  # as the wallet shows it while something is blocked
    lookups: dict[str, OrderSnapshot | None] = {}
    settlements: dict[str, Decimal] = {}
    odd: dict[str, tuple[OddRow, ...]] = {}
    failed: dict[str, str] = {}
    whole: bool = False
    error: str = ""
    retry_after_secs: float | None = None  # what the rate limit said, where it was the reason

    def odd_of(self, member: str, symbol: str, product_id: int) -> tuple[OddRow, ...]:
        """Rows of a list that may be about a contract and could not be read."""
        return tuple(row for row in self.odd.get(member, ()) if row.concerns(symbol, product_id))

    def held(self, symbol: str, product_id: int) -> int | None:
        """The position the exchange shows, signed; None where it could not be read, which is not 0."""
        for position in self.positions or ():
            if position.symbol == symbol:
                return position.quantity
        if self.positions is None or self.odd_of("positions", symbol, product_id):
            return None
        return 0


class MarginRead(Event, frozen=True, kw_only=True):
    """How the account is margined, or why that could not be read."""

    terms: MarginTerms | None = None
    error: str = ""
    retry_after_secs: float | None = None


class LeverageAnswered(Event, frozen=True, kw_only=True):
    """How setting a contract's leverage ended; `ended` is None where the exchange agreed."""

    run_id: str
    product_id: int
    leverage: Decimal
    ended: Rejected | Unknown | None = None


class StreamChanged(Event, frozen=True, kw_only=True):
    """A socket came up or went down, or lost messages (`gap`): reconcile over REST."""

    stream: str  # public or private
    up: bool
    gap: bool = False
    detail: str = ""


class JournalChanged(Event, frozen=True, kw_only=True):
    """The journal cannot be written (`fault` says why), or can again (`fault` empty)."""

    fault: str


AnyEvent = (
    Booted
    | ClockTicked
    | StartCommand
    | BesideCommand
    | StopCommand
    | OrderCommand
    | AmendCommand
    | AdoptCommand
    | CancelCommand
    | CloseCommand
    | LevelCommand
    | LimitsCommand
    | MarketMoved
    | ChainRead
    | SubmitAnswered
    | CancelAnswered
    | OrderSeen
    | FillSeen
    | PositionSeen
    | AccountRead
    | WalletRead
    | MarginRead
    | LeverageAnswered
    | StreamChanged
    | JournalChanged
)
