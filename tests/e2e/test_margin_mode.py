"""A person changes how the account is margined while a run is on: the runner notices, tells, and counts with it."""

from pathlib import Path

import pytest

from tests.e2e.rig import Rig, await_value, preset, start_venue
from trader.engine.records import Phase


@pytest.mark.slow
def test_a_changed_margin_mode_is_noticed_recorded_and_told(tmp_path: Path) -> None:
    venue = start_venue()
    rig = Rig(venue, tmp_path)
    rig.boot()
    try:
        snapshot = await_value(
            lambda: (s := rig.journal.snapshot("paper")) and s.margin and s.margin.mode and s.margin,
            20,
            "the margin mode at the start",
        )
        assert (snapshot.mode, snapshot.default_auto_topup) == ("isolated", False)
        rig.start(preset(strategy={"quantity": 20}, schedule={"entry_time_ist": "10:31", "exit_time_ist": "16:30"}))
        held = rig.await_view(lambda v: v.phase is Phase.HOLDING and v.margin is not None, 40, "holding")
        assert held.margin_mode == "isolated"
        assert rig.gateway.set_margin_mode("portfolio") is None
        told = rig.await_view(lambda v: v.margin_mode == "portfolio" and v.margin is not None, 25, "the mode noticed")
        assert told.margin is not None and held.margin is not None and told.margin < held.margin
        alerts = await_value(
            lambda: [a for a in rig.journal.alerts(account="paper") if a.code == "margin_mode_changed"], 5, "an alert"
        )
        assert "was isolated and is now portfolio: the legs are netted" in alerts[0].text
        settings = [record for _, record in rig.journal.account_settings("paper")]
        assert [getattr(record, "mode", None) for record in settings] == ["portfolio"]
        assert told.phase is Phase.HOLDING, "a position is not touched for it"
        rig.stop()
        assert rig.await_view(lambda v: v.phase is Phase.DONE, 30, "done").flat == "true"
    finally:
        rig.halt()
        venue.stop()
