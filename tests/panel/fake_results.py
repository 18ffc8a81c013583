"""Finished runs of the fake desk, told by the desk's own arithmetic."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from tests.analytics.results import result
from trader.analytics.attribution import Attribution
from trader.analytics.sample import sample_runs
from trader.desk.analytics.figures import Analytics
from trader.desk.analytics.results import Results, Told
from trader.journal import RunSummary

if TYPE_CHECKING:
    from tests.panel.fake_desk import FakeDesk


class FakeAnalytics(Analytics):
    """Of what `FakeDesk.past` has; `more` are put behind it, and `missing` are still to come."""

    def __init__(self, desk: "FakeDesk") -> None:
        nowhere: Any = None
        super().__init__(nowhere, desk.env)
        self._desk = desk
        self.more: tuple[Told, ...] = ()
        self.missing = 0
        self.names: tuple[str, ...] = (desk.env,)
        self.never: list[RunSummary] = []
        self._made = Results()

    def accounts(self) -> tuple[str, ...]:
        return self.names

    def results(self, account: str | None = None) -> Results:
        runs = tuple(told(one) for one in reversed(self._desk.past())) + self.more
        made = Results(runs, self.missing, tuple(one.run_id for one in self.never))
        if made != self._made:
            self._made = made
        return self._made

    def untraded(self, *, offset: int = 0, limit: int = 50, account: str | None = None) -> tuple[list[RunSummary], int]:
        return self.never[offset : offset + limit], len(self.never)


def told(run: RunSummary) -> Told:
    """What the fake's list says of a run."""
    assert run.finished_market is not None and run.realized_pnl is not None and run.premium is not None
    made = result(
        0, run.realized_pnl, run.finished_market, run_id=run.run_id, preset=run.preset, config_hash=run.config_hash,
        entered_at=run.created_market, exit_reason=run.exit_reason, legs=run.legs, premium=run.premium, basis=run.premium,
        fees=run.fees, held_contracts=100, expiry=run.finished_market + timedelta(hours=1),
    )  # fmt: skip
    return Told(result=made, parts=replace(_PARTS, pnl=made.pnl))


_PARTS: Attribution = sample_runs()[0][1]

SAMPLED = tuple(Told(result=one, parts=parts) for one, parts in sample_runs())
"""Ninety more, to look at."""
