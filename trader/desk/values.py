"""What the desk answers with. Money is USD, instants are aware UTC, None is not known."""

from datetime import date, datetime
from decimal import Decimal
from typing import Literal

import msgspec

from trader.config.differing import Changed
from trader.config.preset import Preset
from trader.desk.analytics.results import Told
from trader.desk.books.lines import OrderLine, Trade
from trader.desk.margin import NOT_KNOWN, Margined
from trader.desk.position import Position
from trader.domain.errors import TraderError
from trader.domain.margin import MarginTerms
from trader.engine.view import LegView, Ops, OrderView, RunView, TicketView, Totals
from trader.journal import AlertRow, FillRow, RunSummary
from trader.pricing.margin_mode import OptionHeld
from trader.pricing.payoff import Basis


class NotPossible(TraderError):
    """What was asked cannot be done now; the sentence says why. Nothing was changed."""


class KeyReused(TraderError):
    """The idempotency key names an earlier command, which asked for something else. Nothing was done."""


class RunnerHealth(msgspec.Struct, frozen=True, kw_only=True):
    """Whether somebody trades this account. `host` is thread (in the panel) or process, None when nobody ever did; `epoch`
    the lease's, one more at every taking."""

    alive: bool
    heartbeat_age_s: float | None
    host: str | None
    pid: int | None
    epoch: int | None = None


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened, in words. `at` is the wall clock, `market` the exchange's where it was known; `alert` the alert's number where it is one; `times` how
    often the same was said, of any run. Then `at` and `alert` are the newest's, `run_id` is empty where it was said of several, `alerts` are the numbers of all, newest
    first; it is acknowledged when all of them are."""

    at: datetime
    level: str
    code: str
    text: str
    run_id: str = ""
    alert: int | None = None
    acked_by: str = ""
    acked_at: datetime | None = None
    times: int = 1
    alerts: tuple[int, ...] = ()
    market: datetime | None = None


class DayResult(msgspec.Struct, frozen=True, kw_only=True):
    """A run that has ended. `at` is the exchange's time of its end; `pnl` USD realised, `pnl_pct` % of the run's basis, None
    where nothing was entered."""

    run_id: str
    preset: str
    underlying: str
    at: datetime
    reason: str
    pnl: Decimal | None
    pnl_pct: Decimal | None


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """The Indian day by the exchange's time, of all presets. USD: `realised` is what the day has booked, `open` the P&L of what
    is open, None where it is unknown, `carried` the part of it that earlier days have made; `week` is what the days since Monday
    have booked. The limits are those of the run shown, None while there is none. `runs_made` counts those on the underlying of
    that run that sold first on this day, as its limit does. `results` are those of this day and besides those of
    the last 24 hours of this machine's clock, which is more than one day of an accelerated market."""

    date: date
    realised: Decimal
    open: Decimal | None
    runs_made: int
    runs_most: int | None
    loss_limit: Decimal | None
    results: tuple[DayResult, ...]  # the one that ended last first
    week: Decimal = Decimal(0)
    carried: Decimal = Decimal(0)

    @property
    def open_today(self) -> Decimal | None:
        """What is open has made so much since the last Indian midnight."""
        return None if self.open is None else self.open - self.carried

    @property
    def total(self) -> Decimal | None:
        """What all runs have made on this day: what the daily limits count."""
        return None if self.open_today is None else self.realised + self.open_today

    @property
    def week_total(self) -> Decimal | None:
        """The same since Monday."""
        return None if self.open_today is None else self.week + self.open_today


class DayRow(msgspec.Struct, frozen=True, kw_only=True):
    """One Indian day of the account. USD: `made` by all runs (realised, and open positions as they were marked at its end);
    `runs` sold first on it. `compared`: whether the exchange's ledger was held against it, `difference` how much more (signed)
    the wallet has changed, None where that could not be told, and `why`; `besides` what else moved money, by kind."""

    date: date
    made: Decimal
    runs: int
    compared: bool = False
    difference: Decimal | None = None
    why: str = ""
    besides: dict[str, Decimal] = {}
    is_over: bool = True


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a glance needs. `run` is the one asked for, else the newest unresolved, else the one that ended last;
    `runs` are all unresolved ones, oldest first. `situation` says what is so now, `happened` what came before, newest
    first; `trading` is the account's level with its reason; `open_alerts` nobody has acknowledged."""

    env: str
    account: str
    runner: RunnerHealth
    run: RunView | None
    runs: tuple[RunView, ...]
    ops: Ops | None
    alerts: tuple[AlertRow, ...]
    wall: datetime
    trading: tuple[str, str] = ("ACTIVE", "")
    situation: tuple[str, ...] = ()
    happened: tuple[Happening, ...] = ()
    open_alerts: tuple[AlertRow, ...] = ()
    day: Day | None = None
    pictured_at: datetime | None = (
        None  # when the runner made this picture (this machine's clock): the same for all parts
    )
    market: datetime | None = None  # the exchange's time in the runner's last picture
    totals: Totals | None = None  # all runs together, as the runner counted them last
    margin: MarginTerms | None = None  # how the account is margined, as the runner was told last
    tickets: tuple[TicketView, ...] = ()  # single orders that are not finished, oldest first


class CommandReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """The command is recorded. What becomes of it stands in its row."""

    command_id: str
    account: str
    issued_at: datetime


class PreviewLeg(msgspec.Struct, frozen=True, kw_only=True):
    """One option as it would be sold (or bought: `side`) now. Prices USD per unit of underlying; `limit_price` is where the first order
    would stand; `iv` a fraction per year."""

    key: str
    symbol: str
    kind: str
    strike: Decimal
    quantity: int
    delta: float
    iv: float | None
    bid: Decimal | None
    ask: Decimal | None
    mark: Decimal | None
    bid_size: int | None
    open_interest: Decimal | None
    limit_price: Decimal
    fee: Decimal | None = None  # USD of selling all contracts at `limit_price`
    closing_px: Decimal | None = None  # what a P&L would count buying back at now: the ask
    exit_most: Decimal | None = None  # USD a closing order of all contracts would pay at most at today's mark, fees in
    side: str = "sell"
    ask_size: int | None = None


Code = Literal["max_loss", "trailing_stop", "max_profit", "breakeven", "liquidation_guard", "liquidation"]


class Fire(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that ends a position, or tells how it ends, and every spot at which it does.

    `spots` ascend: for an exit where P&L now passes its level, for the breakeven where the payoff at expiry passes 0, for the
    liquidation where a short option's own margin is used up, for its guard where the run is closed before that. Empty: spot alone
    does not bring it about. `armed` False: there it is only armed. `exit_spots`: those of a liquidation and its guard shortly before
    the exit. `words`: what else to know.
    """

    code: Code
    name: str
    spots: tuple[float, ...]
    level: float | None = None  # USD of P&L
    level_pct: Decimal | None = None  # % of the basis
    armed: bool = True
    words: str = ""
    exit_spots: tuple[float, ...] = ()


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What a preset would trade now, or `reasons` why nothing qualifies; `warnings` are what it is traded in spite of. `premium` (net; negative for a debit) and `fees` are at the first limit
    prices, `margin` is an estimate, `breakevens` are spots at expiry, before fees."""

    reasons: tuple[str, ...]
    legs: tuple[PreviewLeg, ...]
    spot: Decimal | None
    expiry: datetime | None
    market: datetime | None
    premium: Decimal | None = None
    fees: Decimal | None = None
    margin: Decimal | None = None
    breakevens: tuple[Decimal, ...] = ()
    contract_value: Decimal | None = None
    notional: Decimal | None = None  # USD of one leg
    closing_fees: Decimal | None = None  # USD, of buying back at the price a P&L counts with now
    spread: Decimal | None = None  # USD that closing at once would lose by the spread
    start_pnl: Decimal | None = None  # USD: P&L the moment all legs are filled: minus spread, minus fees in and out
    return_on_margin_pct: Decimal | None = None  # premium less fees, of margin
    breakevens_after_fees: tuple[Decimal, ...] = ()  # spots at expiry
    stop_low: float | None = None  # spots at which the maximum loss would fire now
    stop_high: float | None = None
    entry_at: datetime | None = None  # when a start at the preset's time enters; past while its entry window is open
    exit_at: datetime | None = None  # the exit time the outlook is for
    best_pct: float | None = (
        None  # the best P&L any spot would bring at the exit time, % of the basis; None, too, where there is no best
    )
    still_pct: float | None = None  # the same if spot stands still
    payoff: "Payoff | None" = None
    margined: Margined = NOT_KNOWN  # how `margin` was counted
    traded: tuple[OptionHeld, ...] = ()  # the legs, for what they would bind at other sizes
    warnings: tuple[str, ...] = ()
    basis: Basis | None = None  # what percentages are of; None where there is neither a credit nor a bound of the loss
    fires: tuple[Fire, ...] = ()  # what would end it, with the spots at which it does
    position: Position | None = (
        None  # the same as one value for every further figure; None where a leg has no volatility
    )


class Payoff(msgspec.Struct, frozen=True, kw_only=True):
    """P&L in USD against spot, fees in: closed now, closed at a later instant (`later`; by default the exit time), and settled
    at expiry. Columns of one length."""

    spots: tuple[float, ...]
    now: tuple[float, ...]
    at_exit: tuple[float, ...]
    at_expiry: tuple[float, ...]
    later: datetime | None = None


class LotSize(msgspec.Struct, frozen=True, kw_only=True):
    """How many contracts of each leg meet a target; `words` say why there are none, or what to know about them."""

    contracts: int
    words: str = ""


class ExpiryChoice(msgspec.Struct, frozen=True, kw_only=True):
    """One listed expiry. `value` is what a preset's `strategy.expiry` takes."""

    value: str
    expiry: datetime


class PnlSeries(msgspec.Struct, frozen=True, kw_only=True):
    """A run's P&L over time in columns of one length; floats, because it is drawn. `level_usd` is the trailing level."""

    wall: list[datetime]
    market: list[datetime | None]
    pnl: list[float | None]
    pnl_pct: list[float | None]
    spot: list[float | None]
    level_usd: list[float | None]
    max_loss_usd: list[float | None]
    max_profit_usd: list[float | None]
    gaps: list[
        tuple[datetime, datetime]
    ] = []  # nobody watched, or nothing could be priced: market time, else this machine's


class Marker(msgspec.Struct, frozen=True, kw_only=True):
    """Something to mark on the chart. `kind`: entry, exit, decision. `at` is exchange time where it is known."""

    at: datetime
    kind: str
    text: str


class TimelineEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One record of a run in words. `cause`: user, rule, exchange, recovery."""

    at: datetime
    wall: datetime
    kind: str
    cause: str
    text: str


class RunReport(msgspec.Struct, frozen=True, kw_only=True):
    """Everything of one run. `verdict` is it in a sentence or two, `reason` the decision to exit. `trades` and `lines` (its orders) are
    oldest first. `changed` are the fields that differ from the preset the run names; `compared_with` says which that was.
    `entry_checks`: what the gate compared before the first order left, by code. `told` None: not finished, or nothing was traded.
    `ivs`: implied volatility by leg (a fraction per year), at the instants of `series`; `iv_out` the last of each."""

    summary: RunSummary
    config: Preset
    view: RunView
    legs: tuple[LegView, ...]
    orders: tuple[OrderView, ...]
    fills: tuple[FillRow, ...]
    timeline: tuple[TimelineEvent, ...]
    series: PnlSeries
    markers: tuple[Marker, ...]
    verdict: str = ""
    reason: str = ""
    told: Told | None = None
    trades: tuple[Trade, ...] = ()
    lines: tuple[OrderLine, ...] = ()
    compared_with: str = ""
    changed: tuple[Changed, ...] = ()
    entry_checks: dict[str, str] = {}
    ivs: dict[str, list[float | None]] = {}
    iv_out: dict[str, float] = {}


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a log. `level`: debug, info, warning, error. `run_id` as the line has it, whole or its first five characters, with
    the name of its `preset`; `component`: which part of the program told it; `orders`: client order ids it names; `raw`: the line as it stands in the file;
    `count`: how often it was told, `since` when the first of them. A line of another form has neither time nor component.
    """

    at: datetime | None
    level: str
    text: str
    run_id: str = ""
    preset: str = ""
    component: str = ""
    orders: tuple[str, ...] = ()
    raw: str = ""
    count: int = 1
    since: datetime | None = None


class CheckResult(msgspec.Struct, frozen=True, kw_only=True):
    """One prerequisite: whether it is met (None: not known here), and the reason in words."""

    name: str
    ok: bool | None
    words: str
