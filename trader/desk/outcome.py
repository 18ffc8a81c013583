"""What a finished run left: the premium, what it cost to get out, the fees, the result. Exact, from its fills. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from trader.domain.fill import FillKind
from trader.engine import records as r
from trader.engine.state import HUNDRED, Run


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """A run from its first fill to its end. Money is USD: `premium` - `closed_for` - `fees` = `result`. `settled`: a leg went
    out by its settlement, so `closed_for` is not all bought back. `started_at` and `ended_at` are the exchange's time."""

    run_id: str
    reason: str
    premium: Decimal
    closed_for: Decimal
    fees: Decimal
    result: Decimal
    result_pct: Decimal | None  # of the basis
    basis_name: str = "credit"  # what that is, see `trader.engine.basis`
    settled: bool
    started_at: datetime | None
    ended_at: datetime | None

    @property
    def held(self) -> timedelta | None:
        """From the first sale to the end."""
        if self.started_at is None or self.ended_at is None:
            return None
        return self.ended_at - self.started_at


def build_outcome(run: Run, records: Sequence[r.AnyRecord]) -> Outcome | None:
    """None while the run is not finished, or when it never entered anything: then there is no result to take apart."""
    end = run.finished
    if end is None or not run.fills:
        return None
    fills = [record for record in records if isinstance(record, r.FillRecorded)]
    premium = run.premium
    return Outcome(
        run_id=run.run_id,
        reason=end.exit_reason,
        premium=premium,
        closed_for=premium - run.cash_flow,
        fees=end.fees,
        result=end.realized_pnl,
        result_pct=end.realized_pnl / run.basis * HUNDRED if run.basis else None,
        basis_name=run.basis_name,
        settled=any(record.fill.kind is not FillKind.NORMAL for record in fills),
        started_at=fills[0].market or fills[0].wall if fills else None,
        ended_at=end.market or end.wall,
    )
