"""What the engine knows. The durable part (`Run`, `Account`) is a fold over records; `Watch` and `Market` are volatile:
lost at a restart and learned again."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache, cached_property

import msgspec

from trader.config.account_limits import AccountLimits
from trader.config.preset import Preset
from trader.config.ticket import TicketRequest
from trader.domain.clock import Now
from trader.domain.fill import Fill
from trader.domain.foreign import Foreign
from trader.domain.instrument import Instrument
from trader.domain.margin import PORTFOLIO, MarginTerms, mode_of
from trader.domain.order import OrderIntent, OrderStatus, Purpose, Side
from trader.domain.quote import Quote
from trader.domain.remedy import Remedy
from trader.engine.account.sight import Calls, Sight
from trader.engine.ledger import Ledger
from trader.engine.records import (
    ClosingOrder,
    DayCompared,
    DayMarked,
    LegKept,
    LegTerms,
    Level,
    Phase,
    RunFinished,
    TicketRefused,
    WalletCompared,
)
from trader.pricing.smile import Smile

ZERO = Decimal(0)
HUNDRED = Decimal(100)


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One order of ours. `reported_filled` is what the exchange said; `filled_qty` is the sum of its fills we hold."""

    intent: OrderIntent
    reference: Decimal | None
    intended_at: datetime  # wall
    intended_market: datetime | None = None
    status: OrderStatus = OrderStatus.CREATED
    venue_order_id: str | None = None  # the exchange's, as first told
    other_ids: tuple[str, ...] = ()  # further ids that a channel told for it
    reported_filled: int = 0
    filled_qty: int = 0
    booked: dict[str, int] = {}  # contracts by price, as `domain.fill.price_key` writes it
    told: dict[str, int] = {}  # contracts by channel and price, as `domain.fill.told_key` writes it
    avg_px: Decimal | None = None
    ended_at: datetime | None = None  # wall
    unknown_at: datetime | None = None  # wall: when its fate was last lost
    cancel_asked_at: datetime | None = None  # wall
    code: str = ""
    message: str = ""
    remedy: Remedy | None = None  # what its refusal leaves to do; None where it was not refused

    @property
    def done_qty(self) -> int:
        """Contracts known to be filled, by either witness."""
        return max(self.reported_filled, self.filled_qty)

    @property
    def untold_qty(self) -> int:
        """Contracts that have filled by the order's own word, of which no fill is held yet."""
        return max(self.reported_filled - self.filled_qty, 0)

    @property
    def leaves_qty(self) -> int:
        """Contracts that may still trade: 0 once terminal."""
        return 0 if self.status.terminal else self.intent.quantity - self.done_qty

    @property
    def fills_missing(self) -> bool:
        return self.reported_filled > self.filled_qty

    @property
    def venue_ids(self) -> tuple[str, ...]:
        """Every id by which the exchange has told of this order."""
        return () if self.venue_order_id is None else (self.venue_order_id, *self.other_ids)

    def is_called(self, venue_order_id: str) -> bool:
        """Whether this is one of them."""
        return venue_order_id == self.venue_order_id or venue_order_id in self.other_ids


class BookedFill(msgspec.Struct, frozen=True):
    """A fill of ours, the leg it belongs to and when (wall) we learned of it. Until the exchange has told what all of it
    cost, `costed` contracts are known to have cost `cost_so_far`."""

    leg: str
    fill: Fill
    wall: datetime
    costed: int = 0
    cost_so_far: Decimal = ZERO


class Reduced(msgspec.Struct, frozen=True):
    """A reduce-only ticket that closes contracts of another: when (wall) and by which command it came, and the order it became."""

    at: datetime
    command_id: str
    order: ClosingOrder


_EMPTY = Ledger()


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One position from Start to flat, as its records tell it. A ticket is one of a single order: it has the request where
    another has a structure to find."""

    run_id: str
    env: str
    account: str
    preset: Preset
    config_hash: str
    underlying: str
    start_now: bool
    created_at: datetime  # wall
    created_market: datetime | None
    phase: Phase = Phase.WAITING
    phase_since: datetime | None = None  # wall
    entry_at: datetime | None = None
    exit_at: datetime | None = None
    schedule_warning: str = ""
    legs: tuple[LegTerms, ...] = ()
    spot_at_entry: Decimal | None = None
    smile: Smile | None = None  # of the expiry's volatilities when the strikes were chosen
    orders: dict[str, Order] = {}
    unsettled: tuple[str, ...] = ()  # of these orders, those that may still trade or whose fills are not all held
    fills: dict[str, BookedFill] = {}  # by `Fill.key`
    confirmed: dict[
        str, str
    ] = {}  # keys of tellings that booked nothing: their order while they have told no cost, else ""
    positions: dict[str, int] = {}  # its share of what was read, where no fill has come since
    missing: dict[
        str, int
    ] = {}  # contracts that the read before the newest fill did not show, where others hold them too
    peak_pnl: Decimal | None = None
    peak_pct: Decimal | None = None
    peak_at: datetime | None = None  # market
    level_pct: Decimal | None = None
    beside: tuple[Foreign, ...] = ()  # what a person wants to start beside, exactly as it stood
    guarded: dict[
        str, datetime
    ] = {}  # legs, by key: since when (market) their spread is wide, where that held a stop back
    stop_command: str | None = None
    exit_reason: str | None = None
    exit_detail: str = ""
    exit_decided_at: datetime | None = None  # wall
    finished: RunFinished | None = None
    wallet: WalletCompared | None = None
    ledgers: dict[str, Ledger] = {}  # sums of a leg's fills, by its key
    moved: dict[
        str, int
    ] = {}  # contracts of a leg that its orders closed beyond what was held, booked to the run that held them
    funded_at: datetime | None = None  # exchange time of the last funding that is booked
    held: tuple[LegTerms, ...] = ()  # the legs of which contracts are open by our fills
    basis: Decimal = ZERO  # USD that percentages are of, by what was entered; 0 while nothing was
    basis_name: str = ""  # what it is: see `trader.engine.basis`
    naked_since: datetime | None = None  # wall: since then a short leg stands without what it belongs with
    kept: dict[str, LegKept] = {}  # legs held to their settlement, by key
    ticket: TicketRequest | None = None
    command_id: str = ""  # that made it, of a ticket
    adopts: bool = False  # it takes over a position that stands there
    linked: str = ""  # the ticket that this one's first fill cancels
    refused: TicketRefused | None = None
    cancelled: str = ""  # why no further entry order of a ticket goes out
    reduced: tuple[Reduced, ...] = ()  # reduce-only tickets that have closed contracts of this one, or are to
    closing: tuple[ClosingOrder, ...] = ()  # of reduce-only tickets; its own protection stands in its request

    def leg(self, key: str) -> LegTerms:
        for leg in self.legs:
            if leg.key == key:
                return leg
        raise KeyError(key)

    def leg_orders(self, key: str, *purposes: Purpose) -> list[Order]:
        """Orders of a leg in the order they were intended, of the given purposes (all when none is given)."""
        return [
            o for o in self.orders.values() if o.intent.leg == key and (not purposes or o.intent.purpose in purposes)
        ]

    def ledger(self, key: str) -> Ledger:
        """What the fills of a leg add up to."""
        return self.ledgers.get(key, _EMPTY)

    def entered(self, key: str) -> int:
        """Contracts of this leg entered so far, by fills we hold."""
        return self.ledger(key).entered

    def open_quantity(self, key: str) -> int:
        """Contracts of this leg still open by our fills, ≥ 0 while all is well."""
        ledger = self.ledgers.get(key)
        return 0 if ledger is None else ledger.open

    def last_fill_at(self, key: str) -> datetime | None:
        """When (wall) we learned of this leg's newest fill."""
        return self.ledger(key).told_at

    def sold_at(self, key: str) -> datetime | None:
        """When (exchange time) the leg's first contract traded; None while no fill has told."""
        return self.ledger(key).traded_at

    def pending(self) -> list[Order]:
        """Orders that may still trade or whose fills are not all held."""
        return [self.orders[coid] for coid in self.unsettled]

    def live_orders(self) -> list[Order]:
        return [o for coid in self.unsettled if (o := self.orders[coid]).status.live]

    @property
    def has_sent(self) -> bool:
        """True once an order has passed our gate; what it refused has begun nothing."""
        return any(order.status is not OrderStatus.DENIED for order in self.orders.values())

    @property
    def fills_missing(self) -> bool:
        """True while an order is known to have traded more than the fills we hold."""
        return any(self.orders[coid].fills_missing for coid in self.unsettled)

    @property
    def reduced_by(self) -> tuple[str, ...]:
        """The ids of the reduce-only tickets that close contracts of this one."""
        return tuple(dict.fromkeys(one.order.name[1:] for one in self.reduced))

    @property
    def flat_by_fills(self) -> bool:
        return not any(self.open_quantity(leg.key) for leg in self.legs)

    @property
    def is_kept(self) -> bool:
        """True when all that is still open is held to its settlement, or covers what is."""
        kinds = {leg.kind for leg in self.held if leg.key in self.kept and leg.side is Side.SELL}
        return bool(self.kept and self.held) and all(
            leg.key in self.kept or (leg.side is Side.BUY and leg.kind in kinds) for leg in self.held
        )

    @property
    def premium(self) -> Decimal:
        """USD received for what was sold, less what was paid for what was bought, on entering; before commissions."""
        return sum((ledger.premium for ledger in self.ledgers.values()), ZERO)

    @property
    def cash_flow(self) -> Decimal:
        """USD in minus out over all fills, before commissions."""
        return sum((ledger.cash for ledger in self.ledgers.values()), ZERO)

    @property
    def fees(self) -> Decimal:
        """USD of commissions the exchange has told so far."""
        return sum((ledger.fees for ledger in self.ledgers.values()), ZERO)

    @property
    def uncosted(self) -> int:
        """Fills whose commission is not known."""
        return sum(ledger.uncosted for ledger in self.ledgers.values())


class Trading(msgspec.Struct, frozen=True, kw_only=True):
    """What the account may do, why, and since when (wall). `code` names what our own checks found."""

    level: Level = Level.ACTIVE
    reason: str = ""
    code: str = ""
    since: datetime | None = None


class Flow(msgspec.Struct, frozen=True):
    """Cash of one execution in one contract, its cost in: when (exchange time) and how much, USD. Of a perpetual (`contracts`, signed) it
    is what the price would have moved; the exchange books what closing has made, which is the same in all once nothing is held."""

    at: datetime
    product_id: int
    usd: Decimal
    contracts: int = 0
    is_perpetual: bool = False
    run_id: str = ""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Across runs: what the limits count, and the level. Days are Indian calendar dates of market time.

    `made_by_day` is what each day has made, USD: what it realised, and how far open runs came by its end (`DayMarked`);
    `marks` are the last ones of the runs that are open. `runs_by_day` counts a run on the day of its first entry fill.
    """

    made_by_day: dict[date, Decimal] = {}
    marks: dict[str, DayMarked] = {}
    runs_by_day: dict[tuple[str, date], int] = {}
    order_times: tuple[datetime, ...] = ()  # wall, the newest few of runs' orders
    ticket_times: tuple[datetime, ...] = ()  # the same of tickets' orders
    trading: Trading = Trading()
    limits: AccountLimits = AccountLimits()
    locked_day: date | None = None  # the Indian day on which the account's daily loss was reached
    locked_week: date | None = None  # the Monday of the week in which the weekly loss was
    warned_day: date | None = None  # for which a person was last warned of the daily loss
    warned_week: date | None = None
    compared: DayCompared | None = None  # the last day that was held against the exchange's ledger
    flows: tuple[Flow, ...] = ()  # what has been booked of executions and costs, the newest `KEPT_FLOWS`
    divided: dict[str, int] = {}  # contracts booked of what the exchange has closed by itself, by `Fill.whole_key`
    margin_mode: str | None = None  # as the exchange last told it, in its own word; None = not told
    portfolios: tuple[str, ...] | None = None  # and the indices that portfolio margin is on for
    default_auto_topup: bool | None = None

    def is_isolated(self, underlying: str) -> bool:
        """Whether each short leg on an underlying stands on a margin of its own, and so has a liquidation price; taken so while
        the mode is not known."""
        return mode_of(self.margin_mode, self.portfolios, underlying) != PORTFOLIO

    def sent_lately(self, wall: datetime, *, is_ticket: bool) -> int:
        """Orders of the last second: of tickets, or of runs."""
        times = self.ticket_times if is_ticket else self.order_times
        return sum(wall - at < timedelta(seconds=1) for at in times)

    def carried(self, run_id: str) -> Decimal:
        """USD of a run's P&L that earlier days have made."""
        mark = self.marks.get(run_id)
        return ZERO if mark is None else mark.pnl


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """Volatile attention to one run: what was asked and when, what was last seen. All instants are wall unless named."""

    since: datetime
    since_market: datetime | None = None
    recovered: bool = False
    taken_over: bool = False  # orders of ours were found that the journal did not know: others may be on their way
    chain_asked: datetime | None = None
    chain_pending: bool = False
    picked_at: datetime | None = None  # when strikes were last changed: the account must have been read since
    account_asked: datetime | None = None
    account_pending: bool = False
    account_wanted: bool = True
    wallet_asked: datetime | None = None
    wallet_tries: int = 0  # asked since the ledger was last read whole
    wallet_differs: tuple[Decimal, int] = (
        ZERO,
        0,
    )  # the difference in USD as last read, and in how many reads in a row
    account_read: datetime | None = None  # `asked` of the last complete read
    available_usd: Decimal | None = None
    foreign_orders: tuple[str, ...] = ()
    unlisted: frozenset[str] = (
        frozenset()
    )  # orders of a ticket that rest by our books and that the last read did not list
    leverage_asked: datetime | None = None
    leverage_set: bool = False  # as the ticket wants it, by the exchange's word
    liquidation: dict[str, Decimal] = {}  # marks, by contract, at which the exchange says it liquidates the position
    stops: int | None = None  # stop orders that the exchange listed on this run's contracts; None = not known
    stops_read: datetime | None = None  # `asked` of the read that told them
    unread: str = ""  # rows of the last read that made no sense and may be of this run's contracts
    foreign: tuple[Foreign, ...] | None = None  # of the whole underlying, as last read before anything was sold
    mismatch_since: datetime | None = None  # `asked` of the first read in a row whose positions differ from our fills
    mismatch_seen: datetime | None = None  # and of the last
    absent: dict[str, tuple[int, datetime]] = {}
    evaluated_on: tuple[datetime | None, ...] = ()
    pnl: Decimal | None = None
    counted: Decimal | None = None  # USD: the same as the account's limits count it (spread guard, costs not told yet)
    valued: Now | None = None  # when that was, in whatever phase
    agreed: dict[str, int] = {}
    wide: dict[str, datetime] | None = (
        None  # legs, by key: since when (market) their spread is wide; None = not looked yet
    )
    blind_since: datetime | None = None
    quotes_asked: datetime | None = None
    reported_at: datetime | None = None
    spot_told: Decimal | None = None  # where spot stood when its move was last alerted
    alerted: frozenset[str] = frozenset()
    why_not: tuple[str, ...] = ()
    leg_failed: dict[str, str] = {}
    retry_after: dict[str, datetime] = {}
    alerted_at: dict[str, datetime] = {}  # of alerts that repeat: when they were last raised
    unsaleable: dict[str, datetime] = {}  # legs to be closed: since when none has been offered that is worth buying
    unpriced: dict[str, datetime] = {}  # legs held to their settlement: since when they have had no usable price

    @property
    def is_searched(self) -> bool:
        """Whether the account has been read, and since the contracts were known: a read before that finds no order in them."""
        read, picked = self.account_read, self.picked_at
        return read is not None and (picked is None or read >= picked)


class Market(msgspec.Struct, frozen=True, kw_only=True):
    """Newest prices. `newest` is the youngest exchange time of any message, `heard` when (wall) the last one came."""

    quotes: dict[str, Quote] = {}
    spots: dict[str, Decimal] = {}
    newest: datetime | None = None
    heard: datetime | None = None


class Listing(msgspec.Struct, frozen=True):
    """The contracts of an underlying and their quotes as last read (`at`: wall), by symbol."""

    at: datetime
    contracts: dict[str, Instrument]
    quotes: dict[str, Quote] = {}


class Shown(msgspec.Struct, frozen=True):
    """What a read of the account showed of an underlying (`asked`: wall): positions by symbol, and the free balance."""

    asked: datetime
    held: dict[str, int]
    prices: dict[str, Decimal]  # entry prices, where told
    available: Decimal | None
    balance: Decimal | None = None


class FundingRead(msgspec.Struct, frozen=True):
    """How far funding of perpetuals is booked (`until`: a whole hour), and what was asked last: when (wall, exchange time), for which
    hour, in whose name."""

    until: datetime | None = None
    asked: datetime | None = None
    market: datetime | None = None
    hour: datetime | None = None
    run_id: str = ""


class Awaited(msgspec.Struct, frozen=True):
    """A command that is answered once each of its tickets has gone out or is `refused` (in words, by id). Or one that `closes`: what
    is said where nothing was there to close."""

    tickets: tuple[str, ...]
    since: datetime  # wall
    refused: dict[str, str] = {}
    closes: str = ""


class Runs(dict[str, Run]):
    """Runs by id. It is never changed once it is made, so what is asked of it many times in a step is found once."""

    @cached_property
    def unresolved(self) -> tuple[Run, ...]:
        return tuple(run for run in self.values() if run.phase is not Phase.DONE)


class State(msgspec.Struct, frozen=True, kw_only=True):
    """Everything. `runs` holds the unresolved runs and the last finished one of each underlying."""

    installation: str
    epoch: int
    env: str
    account_key: str
    holder: str = ""  # who holds the lease: one random id per runner instance
    account: Account = Account()
    runs: dict[str, Run] = {}
    watches: dict[str, Watch] = {}
    market: Market = Market()
    subscribed: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    loss_since: dict[str, datetime] = {}  # wall: since when a loss has stood at each step of its limit
    marked_until: date | None = None  # the Indian day up to which every open run is marked
    ledger_until: date | None = None  # the Indian day up to which the exchange's ledger is compared
    ledger_asked: datetime | None = None  # wall
    ledger_first: datetime | None = None  # wall: when what is owed now was asked for first
    funding: FundingRead = FundingRead()
    slow_until: datetime | None = None  # wall: the exchange has asked us to send no more than exits until then
    margin: MarginTerms | None = None  # as read last, with the positions; None while that is not known
    margin_asked: datetime | None = None  # wall
    margin_pending: bool = False
    margin_wanted: bool = False  # the wallet shows another mode
    margin_fault: str = ""  # why the last read of it failed
    journal_fault: str = ""  # why nothing can be recorded; while there is one, no new risk is taken
    listings: dict[str, Listing] = {}  # by underlying, where a ticket asked for them
    shown: dict[str, Shown] = {}  # by underlying
    awaited: dict[str, Awaited] = {}  # by command
    tickets_asked: datetime | None = None  # wall: when a ticket last had the account read
    orders_read: datetime | None = None  # wall, `asked` of the last read of all the account's open orders at this level
    sights: dict[str, Sight] = {}  # what the breaker of entries sees of each underlying that a run is on
    calls: Calls = Calls()  # and of the way to the exchange
    account_stream_fault: str = ""  # why the account's stream tells nothing; while there is one, no new risk is taken

    def mode_on(self, underlying: str) -> str | None:
        """The margin mode that counts for an underlying; None while it is not known."""
        return None if self.margin is None else self.margin.mode_of(underlying)

    @property
    def unresolved(self) -> Sequence[Run]:
        return self.runs.unresolved if isinstance(self.runs, Runs) else Runs(self.runs).unresolved


def seconds_since(then: datetime | None, now: datetime) -> float:
    """Seconds from `then` to `now`; infinite when `then` never was."""
    return float("inf") if then is None else (now - then).total_seconds()


# Publication rhythms of the exchange are 2 s (mark), up to 5 s (quote) and 5 s (greeks); these are the oldest usable ages.
MARK_AGE = timedelta(seconds=5)
QUOTE_AGE = timedelta(seconds=8)
GREEKS_AGE = timedelta(seconds=12)
KEPT_FLOWS = 4000
OWED_FOR = timedelta(days=8)  # what ended longer ago is not held against the exchange's ledger any more
POSITION_LAG_SECS = 4.0  # a position that was read may lag a fill by this much
SILENCE_SECS = 5.0  # wall seconds without any market message after which no price is fresh
_SLACK_WALL_SECS = 0.25  # publication and transport, granted at whatever speed the venue runs


@cache
def _slack(rate: float) -> timedelta:
    return timedelta(seconds=_SLACK_WALL_SECS * rate)


def age_slack(now: Now) -> timedelta:
    """What a venue running `rate` times as fast may publish apart without anything being stale."""
    return _slack(now.rate)


@cache
def oldest(rate: float) -> tuple[timedelta, timedelta, timedelta]:
    """The oldest usable ages of mark, quote and greeks on a venue of that rate."""
    return MARK_AGE + _slack(rate), QUOTE_AGE + _slack(rate), GREEKS_AGE + _slack(rate)
