"""What the journal remembers: one frozen value per fact or decision. The fold over these is the truth.

Every record names its run and its cause (who or what made it happen: ``user``, ``rule``, ``exchange``, ``recovery``).
Instants are aware UTC; `wall` is this machine's clock, `market` the exchange's time where it was known.
"""

from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec

from trader.domain.fill import Channel, Fill
from trader.domain.foreign import Foreign
from trader.domain.instrument import Kind
from trader.domain.order import OrderIntent, OrderStatus, OrderType, Side, TimeInForce
from trader.domain.remedy import Remedy
from trader.domain.trigger import Stop
from trader.pricing.smile import Smile

NEVER = datetime(9999, 1, 1, tzinfo=UTC)  # the expiry of what has none


class Phase(StrEnum):
    """Where a run is in its life."""

    __hash__ = str.__hash__  # an enum's own is a function in Python, called at each look into a table of phases

    WAITING = "waiting"  # armed: waiting for its instant, prices or prerequisites
    ENTERING = "entering"  # entry orders work
    HOLDING = "holding"  # short, watched by the exit rules
    EXITING = "exiting"  # closing, until the exchange confirms flat
    DONE = "done"  # flat, confirmed by the exchange


class Level(StrEnum):
    """What an account may do. Only a person brings it back to ACTIVE; cancels and exits pass at every level."""

    rank: int  # how much is forbidden: 0 nothing

    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"  # no run sends its first order; an entry under way is completed
    REDUCING = "REDUCING"  # exits only: an entry under way is bought back
    HALTED = "HALTED"  # as REDUCING, by the kill switch or by our own checks


for _rank, _level in enumerate(Level):
    _level.rank = _rank


class OperatorLevel(StrEnum):
    """What a person may order."""

    PAUSE = "pause"
    REDUCE = "reduce"
    KILL = "kill"  # everything of ours is cancelled and bought back, then HALTED
    RESUME = "resume"


class Record(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """Base of all records. What belongs to the account and to no run has an empty `run_id`."""

    run_id: str
    wall: datetime
    market: datetime | None = None
    cause: str = "rule"


class LegTerms(msgspec.Struct, frozen=True, kw_only=True):
    """One contract of the run as chosen: terms pinned for the run, and the quote it was chosen on. A perpetual (of a ticket) has the
    strike 0 and expires `NEVER`.

    `quantity` is contracts: `ratio` for each of the preset's quantity. Legs of a lower `rank` are entered first and left last.
    What came after the first version has a default: in older journals every run is a short strangle.
    """

    key: str  # unique in the run; it stands in client order ids
    symbol: str
    product_id: int
    kind: Kind
    strike: Decimal
    expiry: datetime
    side: Side
    quantity: int
    contract_value: Decimal
    tick_size: Decimal
    fee_rate: Decimal
    fee_cap: Decimal | None
    margin_pct: Decimal = Decimal(1)
    maintenance_pct: Decimal = Decimal("0.5")  # of notional, as `margin_pct`; earlier versions did not record it
    delta: float
    bid: Decimal | None
    ask: Decimal | None
    mark: Decimal | None
    iv: float | None = None  # fraction per year, of the mark; not recorded by earlier versions
    ratio: int = 1
    rank: int = 0
    why: str = ""  # why this strike, in words

    def has_expired(self, market: datetime | None) -> bool:
        """By the exchange's time; while that is unknown nothing has."""
        return market is not None and market >= self.expiry


class RunCreated(Record, frozen=True, kw_only=True, tag="run_created"):
    """A run exists: configuration pinned, instants absolute. A ticket's has its request instead, and no preset's name."""

    env: str
    account: str
    preset: str
    config: dict[str, Any]
    config_hash: str
    underlying: str
    start_now: bool
    command_id: str
    ticket: dict[
        str, Any
    ] = {}  # a single order as it was asked for (`trader.config.ticket`); a structure's run has none
    adopts: bool = False  # a ticket that takes over a position instead of ordering one
    linked: str = ""  # the ticket that the first fill of this one cancels, and the other way round


class ScheduleFixed(Record, frozen=True, kw_only=True, tag="schedule_fixed"):
    """Entry and exit became absolute instants (market time), once the exchange's time was known. The exit is None where the
    expiry, which is not chosen yet, tells it."""

    entry_at: datetime
    exit_at: datetime | None
    warning: str = ""


class LegsChosen(Record, frozen=True, kw_only=True, tag="legs_chosen"):
    """Strikes picked; the exit instant may have moved ahead of the expiry. Picked again until the first fill."""

    legs: tuple[LegTerms, ...]
    spot: Decimal
    exit_at: datetime | None  # None: a ticket's, which has no exit time
    smile: Smile | None = None  # of the expiry's volatilities then; None where it has none, or by an earlier version


class PhaseChanged(Record, frozen=True, kw_only=True, tag="phase_changed"):
    phase: Phase
    reason: str = ""


class BesideConfirmed(Record, frozen=True, kw_only=True, tag="beside_confirmed"):
    """A person has seen what stands on the account besides this run, and wants it to start all the same: these things,
    exactly as they stood. Whatever else appears bars the entry again."""

    foreign: tuple[Foreign, ...]
    command_id: str
    issued_by: str = ""


class StopRequested(Record, frozen=True, kw_only=True, tag="stop_requested"):
    """A person asked for Stop & Exit. After this no entry intent of the run is ever recorded."""

    command_id: str


class OrderIntended(Record, frozen=True, kw_only=True, tag="order_intended"):
    """Recorded before the order leaves. `reference` is the price the limit was derived from (mark, mid or touch). `passed`:
    what the gate compared, by the code it would have refused with, and the numbers. `algo`: how it is worked (chase, market, twap,
    iceberg), or once where it is sent as it was asked for. Earlier versions recorded neither."""

    intent: OrderIntent
    reference: Decimal | None
    passed: dict[str, str] = {}
    algo: str = ""


class OrderDenied(Record, frozen=True, kw_only=True, tag="order_denied"):
    """Our gate refused; nothing was sent."""

    intent: OrderIntent
    code: str
    detail: str


class OrderResolved(Record, frozen=True, kw_only=True, tag="order_resolved"):
    """What became of an order: the answer to a submit, news from the stream, or the proof found later."""

    client_order_id: str
    status: OrderStatus
    venue_order_id: str | None = None
    filled_qty: int | None = None  # as the exchange reports it, None = it did not say
    avg_px: Decimal | None = None
    code: str = ""
    message: str = ""
    remedy: Remedy | None = None  # what a refusal leaves to do, as the exchange's client said


class CancelIntended(Record, frozen=True, kw_only=True, tag="cancel_intended"):
    client_order_id: str
    reason: str


class FillRecorded(Record, frozen=True, kw_only=True, tag="fill_recorded"):
    """One execution, booked when either channel first tells it. `fill.commission` may still be None; `FillCosted` brings it."""

    leg: str
    fill: Fill


class FillConfirmed(Record, frozen=True, kw_only=True, tag="fill_confirmed"):
    """One channel told what the other had told before: `quantity` contracts of an order at `price`. Nothing is booked.
    `costed`: it said what they cost; where it did not, a second one of quantity 0 says that it has since."""

    client_order_id: str
    channel: Channel | None
    fill_id: str  # the key of this telling
    price: Decimal
    quantity: int
    costed: bool = True


class FillCosted(Record, frozen=True, kw_only=True, tag="fill_costed"):
    """The exchange said what a booked fill cost (GST included), or `quantity` contracts of it; None means all."""

    fill_id: str  # the key of the booked fill
    commission: Decimal
    quantity: int | None = None


class PositionObserved(Record, frozen=True, kw_only=True, tag="position_observed"):
    """A successful real-time position read of one leg that changed what we knew."""

    symbol: str
    quantity: int


class Trailed(Record, frozen=True, kw_only=True, tag="trailed"):
    """The profit peak rose; the trailing level follows and never loosens."""

    peak_pnl: Decimal
    peak_pct: Decimal
    level_pct: Decimal | None


class Threshold(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An exit of the ladder: it fires, or is armed, at `at_pct`, which is `away_pct` points from where things stand (None = not known).
    % of the basis; of the liquidation guard % of the way from the entry to the liquidation."""

    code: str
    at_pct: Decimal
    away_pct: Decimal | None = None
    armed: bool = True


class StatusReported(Record, frozen=True, kw_only=True, tag="status_reported"):
    """How a held position stands, told every `system.status_report_mins`: USD and % of the basis. P&L is None where a short leg is
    offered by nobody (`unoffered`)."""

    premium: Decimal
    pnl: Decimal | None
    pct: Decimal | None
    basis: str
    level_pct: Decimal | None
    spot: Decimal | None
    thresholds: tuple[Threshold, ...]
    exit_at: datetime | None = None
    unoffered: tuple[str, ...] = ()


class SpreadGuarded(Record, frozen=True, kw_only=True, tag="spread_guarded"):
    """A rule that is true at the touch is held back by the spread guard: P&L at the touch and as counted, % of the basis. `since`:
    from when (market time) the spreads of legs are wide, by key. Without a reason: which of them still are."""

    since: dict[str, datetime]
    reason: str = ""
    pct: Decimal | None = None
    counted_pct: Decimal | None = None


class ExitDecided(Record, frozen=True, kw_only=True, tag="exit_decided"):
    """The run goes to EXITING. `reason`: an `ExitReason`, or what a later version wrote there."""

    reason: str
    detail: str
    pnl: Decimal | None = None


class LegKept(Record, frozen=True, kw_only=True, tag="leg_kept"):
    """A leg that is to be closed is held to its settlement: nobody offers it at a price that is accepted, or closing it would
    cost more than it is worth. USD of all its open contracts: `worth` at the mark, `closing` at the ask with fees (None =
    nobody offers). Where it is long: what selling it at the bid would bring (None = nobody bids)."""

    leg: str
    symbol: str
    until: datetime  # its expiry
    worth: Decimal
    closing: Decimal | None
    is_offered: bool  # whether the price is one that is accepted: then it is the cost that speaks against closing
    is_long: bool = False


class LegReleased(Record, frozen=True, kw_only=True, tag="leg_released"):
    """A leg held to its settlement is closed all the same, and why."""

    leg: str
    symbol: str
    reason: str


class RunFinished(Record, frozen=True, kw_only=True, tag="run_finished"):
    """Flat, confirmed by the exchange after our last order became terminal. Money is USD, exact but for `estimated_fees`:
    the part of `fees` for fills whose commission the exchange never told."""

    exit_reason: str
    realized_pnl: Decimal
    fees: Decimal
    estimated_fees: Decimal = Decimal(0)
    foreign: str = ""  # a remainder that is not ours, named and left alone: "C-BTC-... -3"
    carried: Decimal = Decimal(0)  # of `realized_pnl`: what earlier Indian days have made, as they were marked


class TicketRefused(Record, frozen=True, kw_only=True, tag="ticket_refused"):
    """A ticket that does not go out (any more): code for programs, the field of the request that is at fault (may be empty), and
    one sentence. Nothing of it rests at the exchange."""

    symbol: str
    code: str
    field: str
    detail: str


class TicketAmended(Record, frozen=True, kw_only=True, tag="ticket_amended"):
    """A ticket's request from now on, whole."""

    ticket: dict[str, Any]
    command_id: str
    issued_by: str = ""


class CancelRequested(Record, frozen=True, kw_only=True, tag="cancel_requested"):
    """No further entry order of this ticket; what works is cancelled, what has filled stays."""

    reason: str
    command_id: str = ""


class ClosingOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A reduce-only order of a ticket that rests at the exchange. `name`: L stop loss, G take profit, R and the id of the
    reduce-only ticket that it came from. `quantity`: None = as much as the ticket holds."""

    name: str
    order_type: OrderType
    limit_price: Decimal | None = None
    stop: Stop | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    quantity: int | None = None


class ClosingSet(Record, frozen=True, kw_only=True, tag="closing_set"):
    """A reduce-only ticket closes this one, or part of it, by this order."""

    closing: ClosingOrder
    command_id: str


class ClosingDropped(Record, frozen=True, kw_only=True, tag="closing_dropped"):
    """A closing order is wanted no more; what rests of it is cancelled."""

    name: str
    reason: str


class PositionAdopted(Record, frozen=True, kw_only=True, tag="position_adopted"):
    """A position that no run explains is this ticket's from now on. `price`: the exchange's entry price."""

    symbol: str
    quantity: int
    price: Decimal
    issued_by: str = ""
    command_id: str = ""


class ClosingMoved(Record, frozen=True, kw_only=True, tag="closing_moved"):
    """Contracts of this run were closed by an order of another (`other`), `quantity` above 0; or below 0: an order of this run has
    closed them there, beyond what this one held. `side`: of what closed them."""

    leg: str
    symbol: str
    side: Side
    quantity: int
    price: Decimal
    other: str


class FundingBooked(Record, frozen=True, kw_only=True, tag="funding_booked"):
    """This run's part of a line of funding in the exchange's ledger, USD, negative = paid; `at`: when it was exchanged."""

    leg: str
    amount: Decimal
    at: datetime


class DayMarked(Record, frozen=True, kw_only=True, tag="day_marked"):
    """What an open run had made by the end of an Indian day, USD at cost to close; the day itself has made `pnl` - `carried`.
    `late`: nothing valued it near that midnight, so that a loss since counts for the day after, a profit for this one."""

    day: date
    pnl: Decimal
    carried: Decimal  # of it: what earlier days have made
    late: bool = False


class WalletCompared(Record, frozen=True, kw_only=True, tag="wallet_compared"):
    """A finished run was held against the exchange's ledger. `lines`: USD by kind of line in the run's contracts since
    `since`; `difference`: how much more (signed) they come to than what all runs have booked of these contracts."""

    since: datetime
    lines: dict[str, Decimal]
    difference: Decimal


class DayCompared(Record, frozen=True, kw_only=True, tag="day_compared"):
    """An Indian day of the exchange's ledger was held against what all runs have booked on it. USD by kind of line: `lines`
    in contracts of our runs, `besides` all others, which are no difference. `difference`: how much more (signed) `lines` come
    to than what was booked; None where it could not be told, and `why`. `until`: where the day was cut."""

    account: str
    day: date
    until: datetime
    lines: dict[str, Decimal] = {}
    besides: dict[str, Decimal] = {}
    difference: Decimal | None = None
    why: str = ""


class AlertRaised(Record, frozen=True, kw_only=True, tag="alert_raised"):
    """Something a person should look at. `level`: info, warning, error."""

    level: str
    code: str
    text: str


class LevelChanged(Record, frozen=True, kw_only=True, tag="level_changed"):
    """The account's level from now on, and why. `code` names what our own checks found, empty for a person's order."""

    account: str
    level: Level
    reason: str
    code: str = ""
    issued_by: str = ""
    command_id: str = ""


class LimitsSet(Record, frozen=True, kw_only=True, tag="limits_set"):
    """The account's limits from now on: the whole document, as `trader.config.account_limits` writes it."""

    account: str
    limits: dict[str, Any]
    issued_by: str = ""
    command_id: str = ""


class LossLocked(Record, frozen=True, kw_only=True, tag="loss_locked"):
    """Which locks are on from now: the daily loss was reached on this Indian day, the weekly loss in the week of this Monday.
    No entry until the next, or until a person resumes (both None)."""

    account: str
    day: date | None
    reason: str = ""
    week: date | None = None


class LossWarned(Record, frozen=True, kw_only=True, tag="loss_warned"):
    """For which Indian day and for which week (by its Monday) a person was last warned of a loss that nears its limit."""

    account: str
    day: date | None
    week: date | None


class MarginObserved(Record, frozen=True, kw_only=True, tag="margin_observed"):
    """The exchange tells another margin mode of the account, or another auto top-up of positions yet to be opened, than it
    did before. Fields as in `trader.domain.margin.MarginTerms`."""

    account: str
    mode: str | None
    portfolios: tuple[str, ...] | None = None
    default_auto_topup: bool | None = None


AnyRecord = (
    RunCreated
    | ScheduleFixed
    | LegsChosen
    | PhaseChanged
    | BesideConfirmed
    | StopRequested
    | OrderIntended
    | OrderDenied
    | OrderResolved
    | CancelIntended
    | FillRecorded
    | FillConfirmed
    | FillCosted
    | PositionObserved
    | Trailed
    | StatusReported
    | SpreadGuarded
    | ExitDecided
    | LegKept
    | LegReleased
    | RunFinished
    | TicketRefused
    | TicketAmended
    | CancelRequested
    | ClosingSet
    | ClosingDropped
    | PositionAdopted
    | ClosingMoved
    | FundingBooked
    | WalletCompared
    | DayMarked
    | DayCompared
    | AlertRaised
    | LevelChanged
    | LimitsSet
    | LossLocked
    | LossWarned
    | MarginObserved
)

_decoder: msgspec.json.Decoder[AnyRecord] = msgspec.json.Decoder(AnyRecord)
_encoder = msgspec.json.Encoder()


def encode_record(record: AnyRecord) -> str:
    """The record as JSON text: decimals as strings, instants ISO-8601, `kind` names the type."""
    return _encoder.encode(record).decode()


def decode_record(text: str | bytes) -> AnyRecord:
    """Inverse of `encode_record`.

    Raises:
        msgspec.ValidationError: The text is not a record of this version.
    """
    return _decoder.decode(text)
