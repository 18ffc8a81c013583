"""A whole strangle through the real runner, its orders and reads going over ccxt's own Delta class."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.rig import KEY, SECRET, Rig, preset, start_venue
from trader.config.settings import Settings, load_settings
from trader.desk import Desk
from trader.engine.records import Phase
from trader.exchange.ccxt.delta import CcxtDeltaGateway
from trader.runner.flatten.command import flatten_account
from trader.venue.server import VenueServer

pytest.importorskip("ccxt", reason="ccxt is optional: see requirements-ccxt.txt")


@pytest.fixture
def venue() -> Iterator[VenueServer]:
    server = start_venue()
    yield server
    server.stop()


def test_a_strangle_is_sold_and_bought_back_over_ccxt(venue: VenueServer, tmp_path: Path) -> None:
    made: list[CcxtDeltaGateway] = []

    def over_ccxt(own: Any) -> CcxtDeltaGateway:
        made.append(CcxtDeltaGateway(venue.addresses.rest_url, rig.credentials))
        made[-1].instruments("BTC")  # ccxt's markets are slow to load: not in the middle of an entry
        return made[-1]

    rig = Rig(venue, tmp_path, wrap=over_ccxt)
    rig.boot()
    try:
        rig.start(preset(strategy={"quantity": 20}, schedule={"entry_time_ist": "10:31", "exit_time_ist": "16:30"}))
        held = rig.await_view(lambda v: v.phase is Phase.HOLDING and v.pnl is not None, 40, "holding with P&L")
        assert [leg.open_quantity for leg in held.legs] == [20, 20]
        rig.stop()
        closed = rig.await_view(lambda v: v.phase is Phase.DONE, 30, "done")
        assert closed.flat == "true" and closed.exit_reason == "manual"
        assert closed.realized_pnl == rig.ledger_change()
        assert all(position.quantity == 0 for position in rig.gateway.positions("BTC"))
        figures = made[0].statistics()
        assert figures.orders_accepted >= 4 and rig.gateway.statistics().orders_submitted == 0
    finally:
        rig.halt()


def settings(venue: VenueServer, home: Path) -> Settings:
    return load_settings(
        environ={
            "TRADER_HOME": str(home),
            "TRADER_GATEWAY": "ccxt",
            "DATABASE_URL": f"sqlite:///{home / 'journal.db'}",
            "DELTA_REST_URL": venue.addresses.rest_url,
            "DELTA_WS_PUBLIC_URL": venue.addresses.ws_public_url,
            "DELTA_WS_PRIVATE_URL": venue.addresses.ws_private_url,
            "DELTA_PAPER_API_KEY": KEY,
            "DELTA_PAPER_API_SECRET": SECRET,
        }
    )


def test_a_position_is_closed_by_flatten_over_ccxt_and_previewed_and_checked_before(
    venue: VenueServer, tmp_path: Path
) -> None:
    rig = Rig(venue, tmp_path)
    chosen = settings(venue, tmp_path)
    desk = Desk(chosen)
    wanted = preset(strategy={"quantity": 20}, schedule={"entry_time_ist": "10:31", "exit_time_ist": "16:30"})
    assert [leg.quantity for leg in desk.preview(wanted).legs] == [20, 20]
    checked = {row.name: row for row in desk.checks()}
    assert all(checked[name].ok for name in ("public API", "signed API", "right to trade", "clock")), checked
    desk.close()
    rig.boot()
    try:
        rig.start(wanted)
        rig.await_view(lambda v: v.phase is Phase.HOLDING, 40, "holding")
    finally:
        rig.halt()
    sent = rig.gateway.statistics().orders_submitted
    report = flatten_account(chosen, lambda line: None, wait_secs=30)
    assert report.flat and list(report.closed.values()) == [20, 20]
    assert all(position.quantity == 0 for position in rig.gateway.positions("BTC"))
    assert rig.gateway.statistics().orders_submitted == sent
