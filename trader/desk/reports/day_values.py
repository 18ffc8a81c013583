"""What a day report consists of. Money is USD, instants aware UTC, None is not known."""

from datetime import date, datetime
from decimal import Decimal
from typing import Literal

import msgspec

from trader.desk.books.lines import OrderLine, Trade

Verdict = Literal["agrees", "differs", "unread"]


class DayDifference(msgspec.Struct, frozen=True, kw_only=True):
    """One thing in which two books differ. `usd` and `contracts` are its size, signed: how much more the exchange has; None where it
    has no such size."""

    code: str
    sentence: str
    usd: Decimal | None = None
    contracts: int | None = None


class Audit(msgspec.Struct, frozen=True, kw_only=True):
    """Two books held against each other. `sentence` says what was compared and what came out; `notes` what else there is and is no
    difference."""

    name: str
    verdict: Verdict
    sentence: str
    differences: tuple[DayDifference, ...] = ()
    notes: tuple[str, ...] = ()


class DayRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run or single order that began, traded or ended on the day. `made`: what it has booked on it (realised, or marked at its end);
    None where nothing was. `traded` contracts, `fees` and `cash` (before fees) are of the day's own executions."""

    run_id: str
    is_ticket: bool
    name: str  # its preset, or the contract of a single order
    underlying: str
    began_at: datetime
    ended_at: datetime | None
    exit_reason: str | None
    made: Decimal | None
    result: Decimal | None  # of the whole run, once it has ended
    traded: int
    cash: Decimal
    fees: Decimal


class DayReport(msgspec.Struct, frozen=True, kw_only=True):
    """An Indian day of an account. `made` is what all runs and single orders have booked on it; `cash` and `fees` of its executions.
    `opening` and `closing`: the wallet's balance, None where it was not read."""

    account: str
    env: str
    day: date
    is_over: bool
    made_at: datetime
    verdict: str
    is_sound: bool  # everything was compared, and nothing differs
    made: Decimal
    cash: Decimal
    fees: Decimal
    opening: Decimal | None
    closing: Decimal | None
    runs: tuple[DayRun, ...]
    trades: tuple[Trade, ...]
    orders: tuple[OrderLine, ...]
    audits: tuple[Audit, ...]
