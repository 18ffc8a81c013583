"""A position held over an Indian midnight: what each day has made, by the wallet's own word, over a restart too."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

from tests.e2e.rig import Rig, await_value, preset, start_venue
from trader.desk import DayReport, Desk
from trader.engine.fold import evolve
from trader.engine.records import DayCompared, DayMarked, Phase, RunFinished
from trader.engine.state import State
from trader.journal.verifying import verify
from trader.runner.recovery import read_back
from trader.venue.market.synthetic import SyntheticMarket, SyntheticSettings

START = datetime(
    2026, 3, 3, 18, 15, tzinfo=UTC
)  # 23:45 IST: at sixty times the pace midnight is a quarter of a minute away
TUESDAY, WEDNESDAY = date(2026, 3, 3), date(2026, 3, 4)


def sound(desk: Desk, day: date) -> DayReport | None:
    found = desk.day_report(day)
    return found if found.is_sound else None


def test_each_day_has_made_what_the_wallet_says(tmp_path: Path) -> None:
    venue = start_venue(market=SyntheticMarket(SyntheticSettings(seed=1, start=START)))
    rig = Rig(venue, tmp_path)
    rig.boot()
    far = {"max_loss_pct": 1000, "liquidation_guard_pct": 0, "trailing_enabled": False, "breakeven_cushion": "none"}
    over = {"exit_rule": "days", "exit_after_days": 1, "exit_time_ist": "15:00"}

    def compared() -> DayCompared | None:
        found = rig.journal.compared_days("paper", 1)
        return found[0] if found else None

    try:
        rig.start(preset(exits=far, schedule=over, risk={"liquidation": "warn"}))
        held = rig.await_view(lambda view: view.phase is Phase.HOLDING, 30, "holding")
        day = await_value(compared, 60, "the day compared with the exchange's ledger")
        (mark,) = [r for _, r in rig.journal.events(held.run_id) if isinstance(r, DayMarked)]
        assert (mark.day, mark.carried, mark.late) == (TUESDAY, 0, False)
        assert (day.day, day.difference) == (TUESDAY, 0)
        assert sum(day.lines.values()) == rig.ledger_change()
        rig.halt()
        rig.boot()
        rig.stop()
        done = rig.await_view(lambda view: view.phase is Phase.DONE, 60, "done")
        (end,) = [r for _, r in rig.journal.events(held.run_id) if isinstance(r, RunFinished)]
        assert end.carried == mark.pnl and end.realized_pnl == done.realized_pnl == rig.ledger_change()
        state = State(installation="x", epoch=0, env="paper", account_key="paper")
        for record in read_back(rig.journal, "paper", datetime.now(UTC)).records:
            state = evolve(state, record)
        account = state.account
        assert account.made_by_day == {TUESDAY: mark.pnl, WEDNESDAY: end.realized_pnl - mark.pnl}
        assert account.runs_by_day == {("BTC", TUESDAY): 1}
        assert sum(account.made_by_day.values(), Decimal(0)) == rig.ledger_change()
        desk = rig.desk()
        tuesday, wednesday = (
            desk.day_report(TUESDAY),
            await_value(lambda: sound(desk, WEDNESDAY), 20, "Wednesday agrees", every_secs=2),
        )
        desk.close()
        assert tuesday.is_sound and tuesday.is_over and tuesday.made == mark.pnl
        assert (tuesday.closing, wednesday.opening) == (
            wednesday.opening,
            tuesday.closing,
        ) and wednesday.made == end.realized_pnl - mark.pnl
        assert tuesday.audits[-1].sentence == "After midnight the wallet agreed."
    finally:
        rig.halt()
        venue.stop()
    report = verify(f"sqlite:///{tmp_path / 'journal.db'}")
    assert report.ok, report
    assert "and 1 days" in next(f.words for f in report.findings if f.check == "wallet")
