"""Finished runs for tests of figures."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from trader.analytics.result import RunResult

D = Decimal


def result(number: int, pnl: Decimal, ended_at: datetime, **changes: Any) -> RunResult:
    """A strangle that was held for two hours."""
    made = RunResult(
        run_id=f"r{number:05}", account="paper", env="paper", preset="default", config_hash="c0ffee", structure="strangle",
        underlying="BTC", is_ticket=False, entered_at=ended_at - timedelta(hours=2), ended_at=ended_at,
        expiry=ended_at + timedelta(hours=8), exit_reason="max_profit" if pnl > 0 else "max_loss", legs=("CE", "PE"),
        premium=D("12.5"), basis=D("12.5"), basis_name="credit", pnl=pnl, fees=D("0.4"), margin=D(150),
        peak_pct=D(20), worst_pct=D(-10), level_pct=None, spot_at_entry=D(90000), spot_at_exit=D(90500), iv_at_entry=0.45,
        slippage_usd=D("0.02"), attempts=4, rejected=0, contracts_sent=4, contracts_filled=4, maker_contracts=2,
        fill_secs=(0.2, 0.4), risk_passed=4, risk_failed=0, naked_secs=1.5, exposure_usd=D(0),
    )  # fmt: skip
    return replace(made, **changes)
