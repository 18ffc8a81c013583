"""Pages of runs: each run once, whatever the size of a page, also of those that have ended."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.api.client import Client
from tests.desk.conftest import RunnersHand
from trader.config.preset import Preset
from trader.engine.records import RunCreated, RunFinished
from trader.journal import Journal

AT = datetime(2026, 3, 3, 5, 0, tzinfo=UTC)


@pytest.mark.parametrize("state", ["all", "open", "finished"])
def test_pages_of_runs_tell_each_once(api: Client, runner: RunnersHand, journal: Journal, state: str) -> None:
    runner.live()
    preset = Preset(name="default")
    for number in range(6):
        made = RunCreated(
            run_id=f"r{number}",
            wall=AT + timedelta(minutes=number),
            market=None,
            env="paper",
            account="paper",
            preset="default",
            config=preset.model_dump(mode="json"),
            config_hash=preset.config_hash,
            underlying="BTC" if number else "ETH",
            start_now=True,
            command_id=f"c{number}",
        )
        journal.append([made], lease=runner.lease, account="paper")
    for name in ("r4", "r1", "r0"):
        over = RunFinished(
            run_id=name, wall=AT, market=None, exit_reason="user", realized_pnl=Decimal(0), fees=Decimal(0)
        )
        journal.append([over], lease=runner.lease, account="paper")

    found, cursor = [], ""
    while cursor is not None:
        page = api.get("/v1/runs", params={"state": state, "limit": 2, "cursor": cursor})
        found += [one["run_id"] for one in page["runs"]]
        cursor = page["next"]
    expected = {
        "all": ["r5", "r4", "r3", "r2", "r1", "r0"],
        "open": ["r5", "r3", "r2"],
        "finished": ["r0", "r1", "r4"],
    }
    assert found == expected[state]
    only = api.get("/v1/runs", params={"state": state, "underlying": "ETH"})["runs"]
    assert [one["run_id"] for one in only] == [name for name in expected[state] if name == "r0"]
