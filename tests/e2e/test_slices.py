"""TWAP in and out of 200 contracts of both legs over the real wire, with the exchange's own money."""

from pathlib import Path

from tests.e2e.rig import Rig, preset, start_venue
from trader.domain.order import Purpose
from trader.engine.records import OrderIntended, Phase

SLICES = 8


def test_twap_in_and_out_of_200_contracts_earns_what_the_exchange_booked(tmp_path: Path) -> None:
    venue = start_venue()
    rig = Rig(venue, tmp_path)
    rig.boot()
    sides = {f"{side}_algo": "twap" for side in ("entry", "exit")}
    sizes = {f"{side}_slices": SLICES for side in ("entry", "exit")}
    times = {f"{side}_duration_secs": 480 for side in ("entry", "exit")}  # eight seconds at this venue's speed
    try:
        rig.start(preset(strategy={"quantity": 200}, schedule={"exit_time_ist": "10:44"}, orders=sides | sizes | times))
        told = rig.await_view(lambda view: any("slices" in leg.progress for leg in view.legs), 40, "slices are told")
        assert all(leg.quantity == 200 for leg in told.legs)
        held = rig.await_view(lambda view: view.phase is Phase.HOLDING, 30, "holding")
        assert [leg.open_quantity for leg in held.legs] == [200, 200]
        closed = rig.await_view(lambda view: view.phase is Phase.DONE, 40, "done by the clock")
        assert closed.flat == "true" and closed.exit_reason == "time"
        assert closed.realized_pnl == rig.ledger_change()
        assert all(position.quantity == 0 for position in rig.gateway.positions("BTC"))
        sent = [record.intent for _, record in rig.journal.events(held.run_id) if isinstance(record, OrderIntended)]
        for leg in held.legs:
            for purpose in (Purpose.ENTRY, Purpose.EXIT):
                sizes_sent = [order.quantity for order in sent if order.leg == leg.key and order.purpose is purpose]
                assert sizes_sent[:4] == [200 // SLICES] * 4, "what a busy machine is late with goes as one at the end"
    finally:
        rig.halt()
        venue.stop()
