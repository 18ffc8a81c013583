"""One finished run as every figure, report and filter sees it."""

import math
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal

import msgspec

from trader.domain.expiry import ist_date
from trader.pricing.fees import GST

HUNDRED = Decimal(100)
STOPS = ("max_loss", "trailing_stop", "breakeven")
_YEAR = timedelta(days=365)


class Slip(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How much worse than their reference the contracts of a leg filled on one way, on average, in ticks of its price; below 0: better."""

    leg: str
    way: Literal["entry", "exit"]
    contracts: int
    ticks: float


class RunResult(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a run that traded has made, and how; thousands are held, and none can be part of a circle, so the collector need not look. Money is USD, instants are aware UTC (the exchange's where it was known), None
    is not known.

    `pnl` is realised, fees and taxes in. `basis` is what percentages are of (`basis_name` tells: the credit, or the most that
    can be lost). `peak_pct` and `worst_pct` are of that, from the samples. `level_pct` is the stop or target that fired, and
    `slippage_usd` how much worse than their reference the orders filled. `attempts` are orders sent, `contracts` those wanted and
    filled of them, `held_contracts` the most of one leg. `exit_secs` is from the decision to leave to the last fill. `naked_secs` is how long a short leg stood alone where the structure has another, `exposure_usd` the worst
    notional of it.
    """

    run_id: str
    account: str
    env: str
    preset: str
    config_hash: str
    structure: str
    underlying: str
    is_ticket: bool
    entered_at: datetime
    ended_at: datetime
    expiry: datetime | None
    exit_reason: str
    legs: tuple[str, ...]
    premium: Decimal
    basis: Decimal
    basis_name: str
    pnl: Decimal
    fees: Decimal
    margin: Decimal | None
    peak_pct: Decimal | None
    worst_pct: Decimal | None
    level_pct: Decimal | None
    spot_at_entry: Decimal | None
    spot_at_exit: Decimal | None
    iv_at_entry: float | None
    slippage_usd: Decimal
    attempts: int
    rejected: int
    contracts_sent: int
    contracts_filled: int
    maker_contracts: int
    fill_secs: tuple[float, ...]
    risk_passed: int
    risk_failed: int
    naked_secs: float
    exposure_usd: Decimal
    held_contracts: int = 0
    exit_secs: float | None = None
    slips: tuple[Slip, ...] = ()

    @property
    def pnl_pct(self) -> Decimal | None:
        """P&L in % of the basis; None where there is none."""
        return self.pnl / self.basis * HUNDRED if self.basis else None

    @property
    def past_stop_pct(self) -> Decimal | None:
        """How much further than the stop it ended, in % of the basis; below 0: short of it. None for a run that no stop has ended."""
        pct = self.pnl_pct if self.exit_reason in STOPS else None
        return None if pct is None or self.level_pct is None else self.level_pct - pct

    @property
    def fees_pct(self) -> Decimal | None:
        """Fees in % of the basis."""
        return self.fees / self.basis * HUNDRED if self.basis else None

    @property
    def implied_move_pct(self) -> float | None:
        """One standard deviation of spot over the time it was held, in % of it, at the volatility at which it was entered."""
        return None if self.iv_at_entry is None else self.iv_at_entry * math.sqrt(self.held / _YEAR) * 100

    @property
    def realised_move_pct(self) -> float | None:
        """How far spot had moved from entry to exit, either way, in %."""
        if not self.spot_at_entry or self.spot_at_exit is None:
            return None
        return abs(float(self.spot_at_exit / self.spot_at_entry) - 1) * 100

    @property
    def tax(self) -> Decimal:
        """USD of `fees` that is goods and services tax."""
        return tax_in(self.fees)

    @property
    def held(self) -> timedelta:
        """From the first fill to the end."""
        return self.ended_at - self.entered_at

    @property
    def day(self) -> date:
        """The Indian day on which it ended, and to which its P&L belongs in the figures."""
        return ist_date(self.ended_at)

    @property
    def days_to_expiry(self) -> float | None:
        """From the first fill to the earliest expiry of its legs, in days of 24 hours."""
        return None if self.expiry is None else (self.expiry - self.entered_at) / timedelta(days=1)


def tax_in(fees: Decimal) -> Decimal:
    """USD of commissions that is goods and services tax: the exchange tells them with it in."""
    return fees * GST / (1 + GST)
