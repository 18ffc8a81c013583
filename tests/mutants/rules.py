"""Defects of the engine's rules that no simulated session can show, seen on the pure engine's stage."""

import os
import time
from datetime import UTC, date, datetime
from datetime import time as time_of_day
from typing import Any

import pytest
from msgspec.structs import replace

from tests.engine import scene as stage
from tests.mutants.mutant import Mutant, named
from tests.mutants.tools import Patch, everywhere
from trader.domain import expiry
from trader.domain.order import OrderStatus, Purpose
from trader.engine import gate, schedule
from trader.engine.records import Phase
from trader.engine.state import Order, State
from trader.journal import tables


def every_run_is_watched() -> None:
    """Two positions at their exit time: both are closed."""
    scene = stage.holding()
    first = scene.run
    assert first.exit_at is not None and scene.market is not None
    second = replace(first, run_id="anotherrun", underlying="ETH", orders={}, unsettled=(), fills=dict(first.fills))
    watches = {**scene.state.watches, second.run_id: scene.watch}
    scene.state = replace(scene.state, runs={first.run_id: first, second.run_id: second}, watches=watches)
    scene.tick((first.exit_at - scene.market).total_seconds() + 1)
    left = [run.run_id for run in scene.state.runs.values() if run.phase is not Phase.EXITING]
    assert left == [], f"not closed at the exit time: {left}"


def instants_are_what_an_indian_clock_says() -> None:
    """09:30 and 16:30 in India are 04:00 and 11:00 UTC on a host of any zone, in the schedule and in the journal's text."""
    config = stage.preset(schedule={"entry_time_ist": "09:30", "exit_time_ist": "16:30"}).schedule
    market = datetime(2026, 3, 8, 3, 0, tzinfo=UTC)  # New York changes its clocks on this day
    old = os.environ.get("TZ")
    with pytest.MonkeyPatch.context() as patch:
        try:
            for zone in ("UTC", "America/New_York", "Pacific/Apia", "Asia/Kolkata"):
                patch.setenv("TZ", zone)
                time.tzset()
                fixed = schedule.fix_instants(config, market, start_now=False)
                told = (tables.instant_text(fixed.entry_at), tables.instant_text(fixed.exit_at))
                assert told == ("2026-03-08T04:00:00.000000+00:00", "2026-03-08T11:00:00.000000+00:00"), (
                    f"{zone}: {told}"
                )
                local = fixed.exit_at.astimezone(expiry.IST)
                text = tables.instant_text(local)
                assert text == told[1], f"{zone}: one table holds {text} and {told[1]}"
        finally:
            patch.undo()
            time.tzset()
    assert os.environ.get("TZ") == old


def the_gate_does_not_trust_the_strategy() -> None:
    """Whatever is asked of it: no order beyond the configured size, none beside a live one, none beyond the count."""
    scene = stage.entering()
    intent = next(i for i in scene.submits() if i.leg == "C")
    bare = replace(scene.run, orders={}, unsettled=(), fills={}, ledgers={}, held=())
    calm = replace(scene.state.account, order_times=())

    def verdict(orders: dict[str, Order], quantity: int) -> str:
        run = replace(bare, orders=orders)
        state: State = replace(scene.state, runs={run.run_id: run}, account=calm)
        denied = gate.check_order(state, run, replace(intent, quantity=quantity), scene.now)
        return denied.code if denied is not None else ""

    def earlier(status: OrderStatus, filled: int = 0, count: int = 1) -> dict[str, Order]:
        made = [replace(intent, client_order_id=f"earlier-{n}") for n in range(count)]
        facts = {"reference": None, "intended_at": scene.wall, "status": status}
        return {i.client_order_id: Order(intent=i, reported_filled=filled, filled_qty=filled, **facts) for i in made}

    assert verdict({}, intent.quantity) == ""
    for what, orders, quantity in (
        ("more than configured", {}, intent.quantity + 1),
        ("a second full size after a part", earlier(OrderStatus.CANCELLED, filled=1), intent.quantity),
        ("one beside an unknown one", earlier(OrderStatus.UNKNOWN), intent.quantity),
        ("a seventh of the leg", earlier(OrderStatus.CANCELLED, count=6), intent.quantity),
    ):
        assert verdict(orders, quantity) != "", f"the gate let pass: {what}"
    closing = replace(intent, purpose=Purpose.EXIT, side=intent.side.opposite)
    for what, order in (
        ("an exit that may open", closing),
        ("an exit of what is not held", replace(closing, reduce_only=True)),
    ):
        run = replace(bare, phase=Phase.EXITING)
        state = replace(scene.state, runs={run.run_id: run}, account=calm)
        assert gate.check_order(state, run, order, scene.now) is not None, f"the gate let pass: {what}"


# ---------------------------------------------------------------- defects


def first_of_an_unordered_list(patch: Patch) -> None:
    real = State.unresolved.fget
    patch.setattr(State, "unresolved", property(lambda self: list({r.run_id: r for r in real(self)}.values())[:1]))


def local_time_labelled_utc(patch: Patch) -> None:
    def at_ist(day: date, local: time_of_day) -> datetime:
        return datetime.combine(day, local, tzinfo=UTC)

    everywhere(patch, expiry.at_ist, at_ist)


def zones_mixed_in_one_table(patch: Patch) -> None:
    everywhere(patch, tables.instant_text, lambda instant: instant.isoformat(timespec="microseconds"))


def caps_in_the_strategy_only(patch: Patch) -> None:
    def passes(*_: Any) -> None:
        return None

    everywhere(patch, gate._entry_size, passes)
    everywhere(patch, gate._exit_size, passes)


MUTANTS = [
    Mutant(
        name="M45",
        defect="Only the first N runs of an unordered list are monitored",
        patched="`State.unresolved` ends after one",
        patch=first_of_an_unordered_list,
        check=named("CT7", every_run_is_watched),
    ),
    Mutant(
        name="M59",
        defect="Local time labelled UTC",
        patched="`at_ist` puts the label UTC on Indian time",
        patch=local_time_labelled_utc,
        check=named("CT8", instants_are_what_an_indian_clock_says),
    ),
    Mutant(
        name="M59b",
        defect="Zones mixed in one table",
        patched="`instant_text` writes whatever zone an instant carries",
        patch=zones_mixed_in_one_table,
        check=named("CT8", instants_are_what_an_indian_clock_says),
    ),
    Mutant(
        name="M65",
        defect="Caps are checked in the strategy only, not at the gate",
        patched="the gate's checks of sizes are gone",
        patch=caps_in_the_strategy_only,
        check=named("I2 I12", the_gate_does_not_trust_the_strategy),
    ),
]
