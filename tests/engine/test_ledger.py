"""The sums of a leg are kept as its fills are folded; they equal what adding up all fills would give, and cost nothing later."""

import sys
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bench import held
from tests.engine.scene import CALL, PUT, D, Scene, done, exiting, holding, secs
from trader.domain.clock import Now
from trader.domain.fill import Fill
from trader.domain.order import Side
from trader.engine import records as rec
from trader.engine.events import MarketMoved
from trader.engine.fold import durable, evolve
from trader.engine.state import Run
from trader.engine.step import step


def summed(run: Run) -> dict[str, Any]:
    """The same figures by adding up every fill."""
    booked = list(run.fills.values())
    of = {leg.key: [b for b in booked if b.leg == leg.key] for leg in run.legs}
    entered = {key: sum(b.fill.quantity for b in of[key] if b.fill.side is run.leg(key).side) for key in of}
    closed = {key: sum(b.fill.quantity for b in of[key] if b.fill.side is not run.leg(key).side) for key in of}
    cash = {key: sum((b.fill.cash_flow(run.leg(key).contract_value) for b in of[key]), D(0)) for key in of}
    sold = [b for b in booked if b.fill.side is run.leg(b.leg).side]
    return {
        "entered": entered,
        "open": {key: entered[key] - closed[key] for key in of},
        "cash": sum(cash.values(), D(0)),
        "premium": sum((b.fill.cash_flow(run.leg(b.leg).contract_value) for b in sold), D(0)),
        "fees": sum((b.fill.commission for b in booked if b.fill.commission is not None), D(0)),
        "uncosted": sum(b.fill.commission is None for b in booked),
        "told": {key: max((b.wall for b in of[key]), default=None) for key in of},
        "traded": {key: min((b.fill.ts_event for b in of[key] if b.fill.ts_event), default=None) for key in of},
        "held": tuple(leg for leg in run.legs if entered[leg.key] > closed[leg.key]),
        "unsettled": {c for c, o in run.orders.items() if o.status.live or o.fills_missing},
    }


def kept(run: Run) -> dict[str, Any]:
    keys = [leg.key for leg in run.legs]
    return {
        "entered": {key: run.entered(key) for key in keys},
        "open": {key: run.open_quantity(key) for key in keys},
        "cash": run.cash_flow,
        "premium": run.premium,
        "fees": run.fees,
        "uncosted": run.uncosted,
        "told": {key: run.last_fill_at(key) for key in keys},
        "traded": {key: run.sold_at(key) for key in keys},
        "held": run.held,
        "unsettled": set(run.unsettled),
    }


@pytest.mark.parametrize("scene", [holding, exiting, done], ids=lambda made: made.__name__)
def test_sums_equal_adding_up(scene: Callable[[], Scene]) -> None:
    run = scene().run
    assert kept(run) == summed(run)


part = st.tuples(
    st.sampled_from(["C", "P"]),
    st.sampled_from(list(Side)),
    st.integers(1, 50),
    st.decimals(D("0.5"), D(900), places=1),
    st.none() | st.decimals(D("-1"), D(2), places=12),
    st.none() | st.integers(0, 100),
)


@given(st.lists(part, max_size=12), st.lists(st.tuples(st.integers(0, 11), st.decimals(D(0), D(1), places=12))))
def test_sums_equal_adding_up_whatever_is_told(parts: list[Any], costs: list[tuple[int, Decimal]]) -> None:
    scene = holding()
    state, run_id = scene.state, scene.run.run_id
    bare = replace(scene.run, fills={}, ledgers={}, held=())
    state = replace(state, runs={run_id: bare})
    records: list[rec.AnyRecord] = []
    for number, (key, side, quantity, price, commission, traded) in enumerate(parts):
        fill = Fill(
            fill_id=f"n{number}",
            venue_order_id="1",
            client_order_id=None,
            symbol={"C": CALL, "P": PUT}[key],
            product_id=1,
            side=side,
            quantity=quantity,
            price=price,
            commission=commission,
            ts_event=None if traded is None else scene.wall + secs(traded),
        )
        records.append(rec.FillRecorded(run_id=run_id, wall=scene.wall + secs(number % 3), leg=key, fill=fill))
    records += [
        rec.FillCosted(run_id=run_id, wall=scene.wall, fill_id=f"n{number}", commission=cost) for number, cost in costs
    ]
    for record in records:
        state = evolve(state, record)
    assert kept(state.runs[run_id]) == summed(state.runs[run_id])


def test_strikes_chosen_after_a_fill_keep_the_sums_of_their_legs() -> None:
    scene = holding()
    run = scene.run
    assert run.exit_at is not None
    chosen = rec.LegsChosen(run_id=run.run_id, wall=scene.wall, legs=run.legs, spot=D(1), exit_at=run.exit_at)
    again = evolve(scene.state, chosen).runs[run.run_id]
    assert durable(replace(again, spot_at_entry=run.spot_at_entry)) == durable(run)


@pytest.mark.parametrize("both", [False, True], ids=["one leg moves", "both move"])
def test_a_step_does_as_much_after_two_hundred_fills_as_after_two(both: bool) -> None:
    few, many = calls_of_steps(2, both), calls_of_steps(200, both)
    assert many == few


def calls_of_steps(fills: int, both: bool) -> int:
    """How many functions are called in fifty steps of price news."""
    state, calls = held.state(fills), 0

    def count(_frame: Any, event: str, _arg: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    for number in range(51):
        at = held.BEGIN + timedelta(milliseconds=number + 1)
        legs = held.LEGS if both or number == 0 else (held.LEGS[number % 2],)
        quotes = tuple(held.quote(leg, at, number) for leg in legs)
        event = MarketMoved(at=Now(at, at), quotes=quotes, spots=(("BTC", D(77_000)),), newest=at)
        if number == 1:
            sys.setprofile(count)
        try:
            state, _ = step(state, event)
        finally:
            if number == 50:
                sys.setprofile(None)
    return calls
