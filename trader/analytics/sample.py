"""Runs that never were, for a page that has none yet: what it would look like, always shown as a sample.

Their figures follow from their numbers by simple arithmetic, so that every look is the same: a seller of strangles who wins
two times in three, small, and loses large.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from trader.analytics.attribution import Attribution
from trader.analytics.result import RunResult, Slip
from trader.domain.basis import CREDIT

COUNT = 90
CAPITAL = Decimal(2_000)
_FIRST = datetime(2026, 6, 1, 4, 0, tzinfo=UTC)
_CENT = Decimal("0.01")
_GOLDEN = 0.6180339887498949  # its multiples lie evenly in 0 to 1, in no order


def sample_runs() -> tuple[tuple[RunResult, Attribution], ...]:
    """A quarter of a year of them."""
    return tuple(_run(number) for number in range(COUNT))


def _run(number: int) -> tuple[RunResult, Attribution]:
    luck, size = number * _GOLDEN % 1, number * _GOLDEN * 7 % 1
    entered = _FIRST + timedelta(days=number + number // 5 * 2, hours=number % 3)
    reason, pct, level, hours = _end(luck, size)
    premium = Decimal(round(18 + 16 * size, 2)).quantize(_CENT)
    fees = (premium * Decimal("0.045")).quantize(_CENT)
    pnl = (premium * Decimal(str(pct)) / 100).quantize(_CENT)
    implied = 0.36 + 0.2 * size
    spot = Decimal(92_000 + 60 * (number % 40))
    move = Decimal(str(round((0.4 + 2.2 * (1 - luck) * size) * (1 if number % 2 else -1) / 100, 6)))
    slippage = (premium * Decimal("0.006")).quantize(_CENT)
    result = RunResult(
        run_id=f"sample{number:03}", account="sample", env="paper", preset="default" if number % 3 else "conservative",
        config_hash="5a3b1e" if number < COUNT // 2 else "c41f07", structure="strangle", underlying="BTC", is_ticket=False,
        entered_at=entered, ended_at=entered + timedelta(hours=hours), expiry=entered + timedelta(hours=31), exit_reason=reason,
        legs=("C-BTC-95000-010626", "P-BTC-88000-010626"), premium=premium, basis=premium, basis_name=CREDIT, pnl=pnl,
        fees=fees, margin=premium * 12, peak_pct=Decimal(str(max(pct, 5.0))), worst_pct=Decimal(str(min(pct, -12.0))),
        level_pct=level, spot_at_entry=spot, spot_at_exit=spot * (1 + move), iv_at_entry=implied, slippage_usd=slippage,
        attempts=4 + number % 3, rejected=int(number % 29 == 0), contracts_sent=80, contracts_filled=80 - number % 4 * 2,
        maker_contracts=int(40 * luck), fill_secs=(0.3 + size, 0.4 + luck, 0.6 + 2 * size, 0.5), risk_passed=4, risk_failed=0,
        naked_secs=2.5 * size if number % 4 == 0 else 0.0, exposure_usd=Decimal(0), held_contracts=40, exit_secs=1 + 3 * luck,
        slips=(Slip("C", "entry", 40, 0.4 + size), Slip("P", "entry", 40, 0.6 * luck), Slip("C", "exit", 40, 1 + 2 * size),
               Slip("P", "exit", 40, 0.9 + luck)),
    )  # fmt: skip
    return result, _parts(result, luck)


def _end(luck: float, size: float) -> tuple[str, float, Decimal | None, float]:
    """Reason, P&L in % of the premium, level, hours held."""
    if luck < 0.12:
        return "max_loss", -101 - 14 * size, Decimal(-100), 2 + 3 * size
    if luck < 0.24:
        return "trailing_stop", 10 + 9 * size, Decimal(20), 4 + 2 * size
    if luck < 0.32:
        return "breakeven", -2 - 6 * size, Decimal(0), 3 + 2 * size
    if luck < 0.42:
        return "max_profit", 80 + size, Decimal(80), 5 + size
    return "time", -18 + 70 * (luck * 13 % 1), None, 6.5


def _parts(result: RunResult, luck: float) -> Attribution:
    spread, slippage = -result.premium * Decimal("0.02"), -result.slippage_usd
    costs = spread + slippage - result.fees
    gross = float(result.pnl - costs)
    theta = float(result.premium) * (0.25 + 0.3 * luck)
    vega = float(result.premium) * 0.12 * (luck - 0.5)
    residual = float(result.premium) * 0.004
    moved = gross - theta - vega - residual
    return Attribution(
        pnl=result.pnl, delta=moved * 0.4, gamma=moved * 0.6, theta=theta, vega=vega, spread=spread, slippage=slippage,
        exchange=Decimal(0), funding=Decimal(0), fees=-result.fees, residual=residual,
        moved=abs(gross) + 2 * theta, longest_gap=timedelta(seconds=3), unseen=0.0, misfit=0.0, most_left=residual, most_left_at=None,
    )  # fmt: skip
