"""The published picture over the real wire: its sums, the exchange's stops, and the document that programs read."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tests.e2e.rig import Rig, preset, start_venue
from trader.desk.status_json import status_document
from trader.desk.values import RunnerHealth, Status
from trader.domain.order import Side
from trader.engine.records import Phase
from trader.engine.view import RunView
from trader.exchange.delta.api.order_requests import Bracket


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    server = start_venue()
    made = Rig(server, tmp_path)
    yield made
    made.halt()
    server.stop()


def holding(view: RunView) -> bool:
    return view.phase is Phase.HOLDING and view.corridor is not None


def test_the_picture_of_a_held_run_agrees_with_itself_with_the_exchange_and_with_the_document(rig: Rig) -> None:
    rig.boot()
    rig.start(preset(strategy={"quantity": 50}, schedule={"entry_time_ist": "10:31", "exit_time_ist": "16:30"}))
    held = rig.await_view(holding, 40, "holding with a corridor")
    assert held.pnl is not None and held.pnl_mark is not None
    assert held.spread_to_close is not None and held.fees_to_close is not None
    assert held.pnl == held.pnl_mark - held.spread_to_close - held.fees_to_close
    assert held.pnl == sum((leg.pnl or Decimal(0) for leg in held.legs), Decimal(0))
    assert held.net_theta is not None and held.net_theta > 0 and held.net_vega is not None and held.net_vega < 0
    assert all(leg.iv_at_entry is not None for leg in held.legs)
    assert held.outlook is not None and held.outlook.by_time_pct is not None
    assert held.safety is not None and held.safety.app_stop and held.safety.dead_man is False

    snapshot = rig.journal.snapshot("paper")
    assert snapshot is not None and snapshot.ops.market_rate == pytest.approx(60, rel=0.2)
    assert len(snapshot.runs) == 1
    document = _document(snapshot.runs[0])
    assert document["pnl_mark"] == f"{snapshot.runs[0].pnl_mark:f}"
    rig.await_view(lambda v: v.safety is not None and v.safety.exchange_stops == 0, 40, "no stop at the exchange")

    call = next(leg for leg in held.legs if leg.key == "C")
    product = next(i for i in rig.gateway.instruments("BTC") if i.symbol == call.symbol)
    assert call.mark is not None
    stop = Bracket(stop_loss=(call.mark * 3).quantize(Decimal(1)))
    assert type(rig.gateway.orders.place_bracket(product.product_id, Side.SELL, stop)).__name__ == "Done"
    seen = rig.await_view(lambda v: v.safety is not None and v.safety.exchange_stops == 1, 40, "the stop is seen")
    assert seen.safety is not None and seen.safety.read_at is not None
    assert seen.safety.read_at > held.created_at


def _document(run: RunView) -> dict[str, object]:
    nobody = RunnerHealth(alive=False, heartbeat_age_s=None, host=None, pid=None)
    return status_document(
        Status(
            env="paper", account="paper", runner=nobody, run=run, runs=(), ops=None, alerts=(), wall=datetime.now(UTC)
        )
    )
