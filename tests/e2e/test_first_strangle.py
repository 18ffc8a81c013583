"""From Start to flat over the real wire: sold, watched, closed, and the books equal the venue's own."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.rig import Rig, await_value, preset, start_venue
from trader.domain.order import OrderIntent, Purpose
from trader.domain.outcome import Outcome, Rejected, Unknown
from trader.engine.records import OrderIntended, Phase, Trailed
from trader.exchange.delta.gateway import DeltaGateway
from trader.venue.server import VenueServer

DAY = {"strategy": {"quantity": 50}, "schedule": {"entry_time_ist": "10:31", "exit_time_ist": "16:30"}}


@pytest.fixture
def venue() -> Iterator[VenueServer]:
    server = start_venue()
    yield server
    server.stop()


@pytest.fixture
def rig(venue: VenueServer, tmp_path: Path) -> Iterator[Rig]:
    made = Rig(venue, tmp_path)
    yield made
    if made.runner is not None:
        made.halt()


def holding(view: Any) -> bool:
    return view.phase is Phase.HOLDING and view.pnl is not None


def done(view: Any) -> bool:
    return view.phase is Phase.DONE


def test_start_now_sells_both_legs_and_stop_buys_them_back_with_the_venues_own_money(rig: Rig) -> None:
    rig.boot()
    rig.start(preset(**DAY))
    held = rig.await_view(holding, 40, "holding with P&L")
    assert [leg.open_quantity for leg in held.legs] == [50, 50]
    assert held.flat == "false"
    rig.stop()
    closed = rig.await_view(done, 40, "done")
    assert closed.flat == "true" and closed.exit_reason == "manual"
    assert closed.realized_pnl == rig.ledger_change()
    assert closed.fees is not None and closed.fees > 0
    assert all(position.quantity == 0 for position in rig.gateway.positions("BTC"))
    assert rig.gateway.open_orders() == []


def test_the_exit_time_closes_the_run_without_anybody(venue: VenueServer, tmp_path: Path) -> None:
    rig = Rig(venue, tmp_path)
    rig.boot()
    rig.start(preset(strategy={"quantity": 5}, schedule={"exit_time_ist": "10:36"}))
    closed = rig.await_view(done, 30, "done by the clock")
    assert closed.exit_reason == "time" and closed.realized_pnl == rig.ledger_change()
    rig.halt()


def test_a_restart_while_holding_keeps_trail_and_exit_instant_and_never_enters_again(rig: Rig) -> None:
    rig.boot()
    rig.start(preset(**DAY))
    held = rig.await_view(holding, 40, "holding with P&L")
    rig.halt()
    orders_before = len(rig.journal.orders(held.run_id))
    tier = Trailed(
        run_id=held.run_id, wall=held.created_at, peak_pnl=Decimal(3), peak_pct=Decimal(45), level_pct=Decimal(-500)
    )
    rig.journal.append([tier], lease=None)
    rig.boot()
    again = rig.await_view(holding, 40, "holding again after the restart")
    assert (again.run_id, again.exit_at) == (held.run_id, held.exit_at)
    assert again.peak_pct == Decimal(45) and again.trailing_level == Decimal(-500)
    assert len(rig.journal.orders(held.run_id)) == orders_before
    rig.stop()
    closed = rig.await_view(done, 40, "done")
    assert closed.realized_pnl == rig.ledger_change()


class LosesAnswers:
    """Sends every entry of one leg and loses the exchange's answer to it."""

    def __init__(self, gateway: DeltaGateway) -> None:
        self._gateway = gateway
        self.lost = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._gateway, name)

    def submit(self, intent: OrderIntent, **how: Any) -> Outcome:
        outcome = self._gateway.submit(intent, **how)
        if intent.purpose is Purpose.ENTRY and intent.leg == "C":
            self.lost += 1
            return Unknown("timeout after 5 s")
        return outcome


def test_an_answer_lost_after_acceptance_never_makes_a_second_order(venue: VenueServer, tmp_path: Path) -> None:
    wrapped: list[LosesAnswers] = []

    def wrap(gateway: DeltaGateway) -> LosesAnswers:
        wrapped.append(LosesAnswers(gateway))
        return wrapped[-1]

    rig = Rig(venue, tmp_path, wrap)
    rig.boot()
    rig.start(preset(**DAY))
    held = rig.await_view(holding, 40, "holding although an answer was lost")
    assert wrapped[0].lost == 1
    intents = [r for _, r in rig.journal.records(held.run_id) if isinstance(r, OrderIntended)]
    legs = [r.intent.leg for r in intents]  # the put may have rested and been chased; the call's order is the only one
    assert legs.count("C") == 1 and set(legs) == {"C", "P"}
    rig.stop()
    closed = rig.await_view(done, 40, "done")
    assert closed.realized_pnl == rig.ledger_change()
    rig.halt()


class RefusesOneLeg:
    """The exchange refuses the put in so many words, once the call has been sold."""

    def __init__(self, gateway: DeltaGateway) -> None:
        self._gateway = gateway

    def __getattr__(self, name: str) -> Any:
        return getattr(self._gateway, name)

    def submit(self, intent: OrderIntent, **how: Any) -> Outcome:
        if intent.leg == "P":
            await_value(lambda: self._gateway.positions("BTC") or None, 40, "the call sold")
            return Rejected("risk_limits_breached", "product risk limit")
        return self._gateway.submit(intent, **how)


def test_a_leg_that_cannot_be_sold_unwinds_the_other(venue: VenueServer, tmp_path: Path) -> None:
    rig = Rig(venue, tmp_path, RefusesOneLeg)
    rig.boot()
    rig.start(preset(**DAY))
    closed = rig.await_view(done, 40, "done by unwinding")
    assert closed.exit_reason == "unwind" and closed.flat == "true"
    assert [leg.open_quantity for leg in closed.legs] == [0, 0]
    assert closed.realized_pnl == rig.ledger_change() and closed.realized_pnl < 0
    rig.halt()


def test_a_second_start_of_the_same_configuration_is_refused_while_the_first_enters(rig: Rig) -> None:
    rig.boot()
    rig.start(preset(**DAY))
    second = rig.start(preset(**DAY))

    def answered() -> Any:
        row = rig.journal.command(second)
        return row if row is not None and row.status != "new" else None

    row = await_value(answered, 40, "an answer to the second start")
    assert row.status == "refused" and "has not completed its entry" in row.detail
    rig.stop()
    rig.await_view(done, 40, "done")


def test_stop_before_the_entry_time_ends_flat_without_an_order(rig: Rig) -> None:
    rig.boot()
    rig.start(preset(schedule={"entry_time_ist": "15:00", "exit_time_ist": "16:00"}), now=False)
    rig.await_view(lambda v: v.entry_at is not None, 40, "waiting for its time")
    rig.stop()
    closed = rig.await_view(done, 40, "done")
    assert closed.flat == "true" and closed.orders == ()
