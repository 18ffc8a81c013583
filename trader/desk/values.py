"""What the desk answers with. Money is USD, instants are aware UTC, None is not known."""

from datetime import datetime
from decimal import Decimal

import msgspec

from trader.config.preset import Preset
from trader.domain.errors import TraderError
from trader.engine.view import LegView, Ops, OrderView, RunView
from trader.journal import AlertRow, FillRow, RunSummary


class NotPossible(TraderError):
    """What was asked cannot be done now; the sentence says why. Nothing was changed."""


class RunnerHealth(msgspec.Struct, frozen=True, kw_only=True):
    """Whether somebody trades this account. `host` is thread (in the panel) or process, None when nobody ever did."""

    alive: bool
    heartbeat_age_s: float | None
    host: str | None
    pid: int | None


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened, in words. `at` is the wall clock; `alert` the alert's number where it is one; `times` how
    often the same was said."""

    at: datetime
    level: str
    code: str
    text: str
    run_id: str = ""
    alert: int | None = None
    acked_by: str = ""
    acked_at: datetime | None = None
    times: int = 1


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a glance needs. `run` is the one asked for, else the newest unresolved, else the newest finished;
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


class CommandReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """The command is recorded. What becomes of it stands in its row."""

    command_id: str
    account: str
    issued_at: datetime


class PreviewLeg(msgspec.Struct, frozen=True, kw_only=True):
    """One option as it would be sold now. Prices USD per unit of underlying; `limit_price` is where the first order
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
    exit_most: Decimal | None = None  # USD a closing order of all contracts would pay at most at today's mark, fees in


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What a preset would sell now, or `reasons` why nothing qualifies. `premium` and `fees` are at the first limit
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
    """Everything of one run."""

    summary: RunSummary
    config: Preset
    view: RunView
    legs: tuple[LegView, ...]
    orders: tuple[OrderView, ...]
    fills: tuple[FillRow, ...]
    timeline: tuple[TimelineEvent, ...]
    series: PnlSeries
    markers: tuple[Marker, ...]


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the summary log. `level` in lower case."""

    at: datetime
    level: str
    text: str


class CheckResult(msgspec.Struct, frozen=True, kw_only=True):
    """One prerequisite: whether it is met (None: not known here), and the reason in words."""

    name: str
    ok: bool | None
    words: str
