"""One finished run as every figure, report and filter sees it."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import msgspec

from trader.domain.expiry import ist_date
from trader.pricing.fees import GST

HUNDRED = Decimal(100)


class RunResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a run that traded has made, and how. Money is USD, instants are aware UTC (the exchange's where it was known), None
    is not known.

    `pnl` is realised, fees and taxes in. `basis` is what percentages are of (`basis_name` tells: the credit, or the most that
    can be lost). `peak_pct` and `worst_pct` are of that, from the samples. `level_pct` is the stop or target that fired, and
    `slippage_usd` how much worse than their reference the orders filled. `attempts` are orders sent, `contracts` those wanted and
    filled of them. `naked_secs` is how long a short leg stood alone where the structure has another, `exposure_usd` the worst
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

    @property
    def pnl_pct(self) -> Decimal | None:
        """P&L in % of the basis; None where there is none."""
        return self.pnl / self.basis * HUNDRED if self.basis else None

    @property
    def tax(self) -> Decimal:
        """USD of `fees` that is goods and services tax: the exchange tells commissions with it in."""
        return self.fees * GST / (1 + GST)

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
