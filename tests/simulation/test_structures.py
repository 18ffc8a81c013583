"""Sessions of each structure on the simulated exchange: entered, held, closed or settled; their money is the exchange's own."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from trader.domain.order import Purpose, Side
from trader.engine import records as rec
from trader.engine.fold import fold
from trader.engine.state import Run, State
from trader.simulation.directed import quiet
from trader.simulation.planned import Deed, Plan
from trader.simulation.session import Session
from trader.simulation.structures import FARTHER

STOP = Deed(secs=7.0, kind="stop", phase="holding")
STRUCTURES: dict[str, dict[str, Any]] = {
    "condor": {"structure": "iron_condor", "wing_width_usd": "500"},
    "fly": {"structure": "iron_fly", "wing_width_usd": "2000"},
    "straddle": {"structure": "short_straddle"},
    "ratio": {"structure": "ratio_strangle", "call_ratio": 1, "put_ratio": 3},
    "bought leg": {"structure": "one_leg", "leg_kind": "put", "leg_side": "buy"},
    "sold leg": {"structure": "one_leg", "leg_kind": "call", "leg_side": "sell"},
}


def played(plan: Plan) -> tuple[Session, Run]:
    session = Session(plan)
    result = session.run()
    assert [f"{v.invariant}: {v.text}" for v in result.violations] == []
    records = session.journal.read()
    created = next(record for record in records if isinstance(record, rec.RunCreated))
    state = State(installation="simu", epoch=1, env=created.env, account_key=created.account)
    return session, fold(state, records).runs[created.run_id]


def told(session: Session) -> Decimal:
    """USD that every transaction of the account has moved."""
    return sum((t.amount for t in session.venue.account.transactions), Decimal(0))


def plan_of(name: str, *deeds: Deed, **changes: Any) -> Plan:
    plan = quiet(3, *deeds, strategy={"quantity": 3, **STRUCTURES[name]}, **changes)
    return replace(plan, market=replace(plan.market, farther=FARTHER))


@pytest.mark.parametrize("name", STRUCTURES)
def test_what_a_structure_earned_is_what_the_exchange_moved(name: str) -> None:
    session, run = played(plan_of(name, STOP))
    assert run.finished is not None and run.exit_reason == "manual"
    assert {leg.key: run.entered(leg.key) for leg in run.legs} == {leg.key: leg.quantity for leg in run.legs}
    assert run.finished.realized_pnl == told(session)
    sides = {leg.side for leg in run.legs}
    assert run.basis_name == ("max loss" if sides == {Side.BUY} else "credit")


@pytest.mark.parametrize("name", STRUCTURES)
def test_what_was_settled_is_told_as_the_exchange_moved_it(name: str) -> None:
    """Nobody trades any more until the expiry: every leg is held to its settlement."""
    market = {"expiry_secs": 370, "empty": ((20.0, 375.0, "both"),)}
    plan = plan_of(name, replace(STOP, secs=25.0), market=market, schedule={"exit_time_ist": "10:39"})
    session, run = played(plan)
    assert run.finished is not None
    assert any(
        record.fill.kind == "settlement" for record in session.journal.read() if isinstance(record, rec.FillRecorded)
    )
    assert run.finished.realized_pnl == told(session)


def test_wings_are_bought_first_and_sold_last_on_the_wire() -> None:
    session, run = played(plan_of("condor", STOP))
    arrived = [a.intent for a in session.venue.arrivals if a.kind == "order" and a.intent is not None]
    entries = [intent.leg for intent in arrived if intent.purpose is Purpose.ENTRY]
    exits = [intent.leg for intent in arrived if intent.purpose is Purpose.EXIT]
    assert max(map(entries.index, ("LC", "LP"))) < min(map(entries.index, ("C", "P")))
    for kind in "CP":
        assert len(exits) - 1 - exits[::-1].index(kind) < exits.index(f"L{kind}")
    assert run.finished is not None
