"""A recorded day as the market: entered, held and closed over the real wire, at speed, to the venue's own cent."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.e2e.rig import KEY, SECRET, USER, Rig, preset
from tests.recorded_data import recorded
from trader.desk.analytics.results import tell
from trader.engine.records import Phase
from trader.venue.market.importer import import_recording
from trader.venue.market.recording import RecordingMarket
from trader.venue.server import VenueServer
from trader.venue.settings import VenueSettings
from trader.venue.wire.auth import Credential

FIRST = datetime(2026, 3, 10, 3, 0, tzinfo=UTC)


def recorded_chains() -> Path:
    chains = recorded("deribit_chain_6h")
    if chains is None:
        pytest.skip("no recorded market data (TRADER_DATA)")
    return chains / "BTC_2026-03.parquet"


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[VenueServer]:
    out = tmp_path / "day.parquet"
    import_recording(recorded_chains(), out, "deribit-chain", "BTC", start=FIRST, end=FIRST + timedelta(hours=30))
    settings = VenueSettings(
        credentials=(Credential(api_key=KEY, api_secret=SECRET, user_id=USER),),
        speed=400.0,
        hold_until_subscribed=True,
    )
    server = VenueServer(RecordingMarket(out, 1), settings)
    server.start()
    yield server
    server.stop()


def test_a_day_of_recorded_chains_is_sold_held_and_closed_by_the_clock(venue: VenueServer, tmp_path: Path) -> None:
    rig = Rig(venue, tmp_path)
    rig.boot()
    rig.start(
        preset(
            strategy={"quantity": 10, "expiry": "nearest", "min_hours_to_expiry": 6, "max_spread_pct": 80},
            schedule={"exit_time_ist": "15:00"},
            exits={"max_loss_pct": 1000, "max_profit_pct": 100, "trailing_enabled": False},
        )
    )
    held = rig.await_view(lambda v: v.phase is Phase.HOLDING and v.pnl is not None, 60, "holding")
    assert all(0.05 < abs(leg.delta or 0) < 0.25 for leg in held.legs)
    later = rig.await_view(lambda v: v.pnl is not None and v.pnl != held.pnl, 20, "P&L moving")
    assert later.market_at is not None and later.market_at > held.market_at
    closed = rig.await_view(lambda v: v.phase is Phase.DONE, 90, "closed by the clock")
    assert closed.exit_reason == "time" and closed.flat == "true"
    assert closed.realized_pnl == rig.ledger_change()
    rig.halt()
    told = tell(rig.journal, closed.run_id)
    assert told is not None and told.parts.pnl == closed.realized_pnl
    assert told.parts.longest_gap > timedelta(minutes=5), "at this speed a sample in 2 s is one in twenty minutes"
    assert told.parts.residual_share is not None and told.parts.residual_share < 0.05, told.parts
