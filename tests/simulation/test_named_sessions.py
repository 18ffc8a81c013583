"""Each documented trap once, by name: that it really happened, and that it came out right."""

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from msgspec.structs import replace

from trader.desk.values import Status
from trader.domain.fill import FillKind
from trader.domain.order import Purpose, Side, TimeInForce
from trader.engine import records as rec
from trader.engine.records import Phase
from trader.simulation import faces
from trader.simulation.directed import (
    SESSIONS,
    fired_at_once,
    funded,
    lagging,
    liquidated,
    nobody_offers_for_a_while,
    offered_again_before_the_end,
    offered_too_dear_to_be_worth_it,
    quiet,
    settled_unseen,
    stopped,
    worthless_to_the_end,
)
from trader.simulation.notes import RunNote
from trader.simulation.plan import COID_MODES
from trader.simulation.planned import Deed, Plan
from trader.simulation.session import Session
from trader.simulation.venue import Arrival
from trader.venue.core.refusal import Refused

STOP = Deed(secs=14.0, kind="stop")


def live(plan: Plan, *only: tuple[str, int]) -> Session:
    """A session to its end, with exactly these faults; nothing may be broken and nothing of ours may be left."""
    session = Session(plan, frozenset(only))
    result = session.run()
    assert result.violations == []
    assert result.ended == "flat"
    return session


def run_of(session: Session) -> RunNote:
    run = session.oracle.notes.newest()
    assert run is not None and run.finished is not None
    return run


def arrivals_of(session: Session, coid: str) -> list[Arrival]:
    return [a for a in session.venue.arrivals if a.client_order_id == coid and a.kind == "order"]


def flat_by_ours(session: Session) -> bool:
    return is_flat(session, run_of(session))


def is_flat(session: Session, run: RunNote) -> bool:
    return all(session.oracle.orders.net(run.run_id, leg.symbol) == 0 for leg in run.legs)


@pytest.mark.parametrize("name", SESSIONS)
def test_a_directed_session_keeps_every_promise(name: str) -> None:
    live(SESSIONS[name](3))


# ------------------------------------------------------------ a repeated client order id


@pytest.mark.parametrize("mode", COID_MODES)
def test_a_request_that_comes_twice_makes_one_order_and_its_fate_is_found(mode: str) -> None:
    resting = {"entry_reference": "mark", "timeout_secs": 3}
    plan = quiet(5, STOP, coid_mode=mode, rates={"X10": 1.0}, orders=resting, market={"half_spread_pct": 4.0})
    session = live(plan, ("X10", 1), ("X10", 2))
    first = [o.client_order_id or "" for o in session.venue.account.orders.values()][:2]
    for coid in first:
        assert [o.client_order_id for o in session.venue.account.orders.values()].count(coid) == 1
        # Where a repetition makes no second order it came twice; where it would, the reply was lost instead.
        assert len(arrivals_of(session, coid)) == (1 if mode == "accepted" else 2)
    answers = {a.result for coid in first for a in arrivals_of(session, coid)}
    assert ("duplicate_client_order_id" in answers) == (mode in ("refused", "open_only"))


@pytest.mark.parametrize("mode", COID_MODES)
def test_the_exchange_really_has_four_behaviours(mode: str) -> None:
    """So that the test above tests four different exchanges."""
    resting = {"entry_reference": "mark", "timeout_secs": 3}
    session = Session(quiet(5, STOP, coid_mode=mode, orders=resting, market={"half_spread_pct": 4.0}))
    outcomes: list[str] = []

    def repeat(arrival: Arrival) -> None:
        if outcomes or arrival.intent is None:
            return
        intent = arrival.intent
        for expected_open in (True, False):
            outcomes.append("")
            if not expected_open:
                order = session.venue.account.by_client_id(intent.client_order_id)
                assert order is not None
                session.venue.core.cancel(session.venue.account, order, session.agenda.now)
            try:
                outcomes[-1] = session.venue._accept(intent).state
            except Refused as refusal:
                outcomes[-1] = refusal.code

    session.venue.on_accept = lambda order: repeat(session.venue.arrivals[-1])
    session.run()
    duplicate = "duplicate_client_order_id"
    assert (
        outcomes
        == {
            "refused": [duplicate, duplicate],
            "accepted": ["open", "open"],
            "existing": ["open", "cancelled"],
            "open_only": [duplicate, "open"],
        }[mode]
    )


# ------------------------------------------------------------ positions, fills, refusals


@pytest.mark.parametrize("lag", [0.0, 1.0, 3.0])
def test_positions_that_lag_fills_are_waited_for(lag: float) -> None:
    session = live(replace(lagging(2), position_lag=lag))
    seen_late = sum(count for (name, _), count in session.faults.counts.items() if name == "X11")
    assert (seen_late > 0) == (lag > 0)
    assert flat_by_ours(session)


def test_a_partly_filled_market_order_reported_closed_is_not_taken_for_a_whole_one() -> None:
    shallow = {"retries": 0, "market_fallback": True, "partial_policy": "accept", "timeout_secs": 1}
    session = live(quiet(4, STOP, strategy={"quantity": 5}, orders=shallow, market={"level_size": 1}))
    run = run_of(session)
    orders = [o for o in session.venue.account.orders.values() if o.time_in_force is TimeInForce.IOC]
    partly = [o for o in orders if o.side is Side.SELL and 0 < o.filled_size < o.size]
    assert partly and {o.state for o in partly} == {"closed"}
    for order in partly:
        assert run.orders[order.client_order_id or ""].filled == order.filled_size
    assert flat_by_ours(session)


def test_reduce_only_refused_just_after_the_opening_fill_is_tried_again_with_the_flag() -> None:
    soon = Deed(secs=0.5, kind="stop", phase="holding")  # one contract a leg: both are sold whole by the first orders
    session = live(quiet(6, soon, reduce_only_lag=1.0, strategy={"quantity": 1}))
    opened = min(row.created_at for row in session.venue.account.fills)
    refused = [a for a in session.venue.arrivals if a.result == "no_position_for_reduce_only"]
    assert refused, "the exit came too late to be refused"
    assert all(a.secs - (opened - session.agenda.start).total_seconds() <= 1.2 for a in refused)
    exits = [a.intent for a in session.venue.arrivals if a.intent is not None and a.intent.side is Side.BUY]
    assert all(intent.reduce_only for intent in exits)
    assert flat_by_ours(session)


# ------------------------------------------------------------ what the exchange does by itself


def test_settlement_while_exiting_is_booked_and_nothing_is_sent_for_a_dead_contract() -> None:
    expiry = 370
    plan = quiet(
        7,
        market={"expiry_secs": expiry, "empty": ((100.0, expiry + 10.0, "asks"),)},
        schedule={"exit_time_ist": "10:36"},
        faults_end=30.0,
    )
    session = live(plan)
    run = run_of(session)
    assert run.exit_secs is not None and run.exit_secs < expiry, "it was exiting when the contracts expired"
    settled = [fill for _, fill in run.fills.values() if fill.kind is FillKind.SETTLEMENT]
    assert {fill.symbol for fill in settled} == {leg.symbol for leg in run.legs}
    assert not [a for a in session.venue.arrivals if a.kind == "order" and a.signed > expiry + 1.0]


def test_a_worthless_expiry_without_a_settlement_fill_is_closed_by_the_settlement_price() -> None:
    session = live(settled_unseen(8))
    run = run_of(session)
    vanished = [fill for _, fill in run.fills.values() if fill.channel is None]
    assert vanished, "every leg got a settlement fill"
    assert all(fill.kind is FillKind.SETTLEMENT and fill.price == 0 for fill in vanished)
    moved = sum((t.amount for t in session.venue.account.transactions), Decimal(0))
    assert run.finished is not None and run.finished.realized_pnl == moved


def test_the_liquidation_of_one_leg_is_booked_and_the_other_leg_closed() -> None:
    session = live(liquidated(9))
    run = run_of(session)
    taken = [fill for _, fill in run.fills.values() if fill.kind is FillKind.LIQUIDATION]
    assert {fill.symbol for fill in taken} == {run.legs[1].symbol}
    assert run.exit_reason == "leg_closed"
    assert all(run.net(leg.key) == 0 for leg in run.legs)


# ------------------------------------------------------------ a person on the exchange's own site

RESTING_ENTRY: dict[str, Any] = {
    "orders": {"entry_reference": "mark", "timeout_secs": 3, "retries": 1, "market_fallback": True},
    "market": {"half_spread_pct": 4.0},
}
PIECEMEAL: dict[str, Any] = {
    "strategy": {"quantity": 3},
    "orders": {"timeout_secs": 3},
    "market": {"level_size": 1},
}
WITH_TIME_FOR_A_PERSON: dict[tuple[str, bool], dict[str, Any]] = {
    ("entering", False): PIECEMEAL,
    ("entering", True): RESTING_ENTRY,
    ("holding", False): {},
    ("exiting", False): {"latency": 0.8},
    ("exiting", True): {"market": {"empty": ((10.0, 15.0, "asks"),)}},
}


MEDDLING = [(kind, phase) for kind in ("buy_back", "sell_more") for phase in ("entering", "holding", "exiting")]


@pytest.mark.parametrize(("kind", "phase"), [*MEDDLING, ("cancel", "entering"), ("cancel", "exiting")])
def test_a_person_trades_the_same_contracts(kind: str, phase: str) -> None:
    # While the call's entry still rests the put is sold whole: there a person can buy without meeting our own order.
    deed = Deed(secs=2.6 if phase == "entering" else 0.5, kind=kind, size=1, leg=1, phase=phase)
    changes = WITH_TIME_FOR_A_PERSON[phase, kind == "cancel"]
    session = Session(quiet(59, deed, replace(STOP, secs=10.2), **changes))
    result = session.run()
    assert result.violations == []
    run = run_of(session)
    happened = [at for (name, at), count in session.faults.counts.items() if name == "H4" and count]
    assert happened == [phase]
    assert flat_by_ours(session) or kind == "buy_back"
    left = sum(abs(session.venue.account.position_size(leg.symbol)) for leg in run.legs)
    named = run.finished.foreign if run.finished is not None else ""
    assert bool(left) == bool(named), "what is not ours is named and left alone"


@pytest.mark.parametrize("paid_in", [True, False])
def test_an_exit_that_cannot_be_paid_for_is_tried_until_it_can(paid_in: bool) -> None:
    emptied = Deed(secs=3.0, kind="charge", size=1_200_000, phase="holding")
    payment = [Deed(secs=34.0, kind="deposit", size=50_000)] if paid_in else []
    session = Session(quiet(59, emptied, STOP, *payment, margin_mode="isolated"))
    result = session.run()
    assert result.violations == []
    run = session.oracle.notes.newest()
    assert run is not None and run.stop_secs is not None
    exits = [a for a in session.venue.arrivals if a.intent is not None and a.intent.purpose is Purpose.EXIT]
    until = 34.0 if paid_in else session.agenda.secs
    refused = [a.secs for a in exits if a.result == "close_position_insufficient_margin"]
    tries = [run.stop_secs, *sorted(refused), until]
    assert max(later - earlier for earlier, later in pairwise(tries)) < 8
    told = [r for r in session.journal.read() if isinstance(r, rec.AlertRaised) and "exit_refused" in r.code]
    assert "close_position_insufficient_margin" in told[0].text
    assert (run.finished is not None) == is_flat(session, run) == paid_in
    assert bool(result.limits) == (not paid_in), "counted apart where nobody pays in"


# ------------------------------------------------------------ streams, maintenance, disk, hosts


def test_settings_of_a_quiet_session_hold() -> None:
    session = live(stopped(1))
    assert session.faults.counts.keys() <= {("H5", phase) for phase in ("holding", "waiting", "entering")}
    assert run_of(session).phase is Phase.DONE


# ------------------------------------------------------------ one number for everybody


def test_a_face_that_shows_another_number_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    real = faces.status_document

    def rounded(status: Status) -> dict[str, Any]:
        document = real(status)
        return document | {"realized_pnl": f"{Decimal(document['realized_pnl']):.2f}"}

    monkeypatch.setattr(faces, "status_document", rounded)
    assert {v.invariant for v in Session(stopped(1)).run().violations} == {"BK4"}


# ------------------------------------------------------------ a book without offers


def kept(session: Session) -> list[rec.LegKept]:
    return [record for record in session.journal.read() if isinstance(record, rec.LegKept)]


def throttled(session: Session) -> bool:
    levels = [record for record in session.journal.read() if isinstance(record, rec.LevelChanged)]
    return any("order_throttle" in record.code for record in levels)


@pytest.mark.parametrize("seed", range(3))
def test_a_bid_over_an_empty_book_stands_still_and_is_met_near_the_mark(seed: int) -> None:
    session = live(nobody_offers_for_a_while(seed))
    run = run_of(session)
    bids = {leg.key: [o.intent.limit_price for o in run.leg_orders(leg.key, Purpose.EXIT)] for leg in run.legs}
    for leg in run.legs:
        paid = [fill.price for key, fill in run.fills.values() if key == leg.key and fill.side is Side.BUY]
        mark = session.venue.market.option_stats(leg.symbol).mark
        assert paid and max(paid) <= mark * Decimal("1.06"), (paid, mark)
        assert len(bids[leg.key]) <= 6, "a bid that stands well is not renewed"
    assert kept(session) == [] and not throttled(session)


def test_worthless_legs_that_nobody_offers_are_settled_and_their_money_is_booked() -> None:
    session = live(worthless_to_the_end(3))
    run = run_of(session)
    assert {record.symbol for record in kept(session)} <= {leg.symbol for leg in run.legs} and kept(session)
    settled = {key for key, fill in run.fills.values() if fill.kind is FillKind.SETTLEMENT}
    assert settled == {leg.key for leg in run.legs} and not throttled(session)


def test_a_worthless_leg_that_is_offered_too_dear_is_settled_and_the_other_bought_back() -> None:
    session = live(offered_too_dear_to_be_worth_it(3))
    run = run_of(session)
    (held,) = kept(session)
    assert held.is_offered and held.closing is not None and held.closing > 2 * held.worth
    kinds = {key: fill.kind for key, fill in run.fills.values() if fill.side is Side.BUY}
    assert kinds == {held.leg: FillKind.SETTLEMENT, "P" if held.leg == "C" else "C": FillKind.NORMAL}


def test_a_leg_held_to_its_settlement_is_bought_when_it_is_offered_again() -> None:
    session = live(offered_again_before_the_end(0))
    (released,) = [record for record in session.journal.read() if isinstance(record, rec.LegReleased)]
    bought = [fill for key, fill in run_of(session).fills.values() if key == released.leg and fill.side is Side.BUY]
    assert [fill.kind for fill in bought] == [FillKind.NORMAL] * len(bought) and bought


def test_a_worthless_leg_survives_deaths_at_every_tenth_point_of_its_wait() -> None:
    plan = worthless_to_the_end(3)
    counted = Session(plan, kills=frozenset())
    counted.run()
    late = [n for n, name in enumerate(counted.faults.points)][-60::10]
    for point in late:
        result = Session(plan, kills=frozenset({point})).run()
        assert (result.violations, result.ended) == ([], "flat"), point


# ------------------------------------------------------------ single orders


def tickets_of(session: Session) -> list[RunNote]:
    return [run for run in session.oracle.notes.runs.values() if run.ticket and run.fills]


@pytest.mark.parametrize("latency", [0.02, 0.2])
def test_both_protections_of_a_ticket_fire_in_one_instant_beside_another(latency: float) -> None:
    session = live(fired_at_once(1, latency=latency))
    first, second = tickets_of(session)
    assert [one.quantity for one in first.moved] == [-2] and [one.quantity for one in second.moved] == [2]
    alerts = [record for record in session.journal.read() if isinstance(record, rec.AlertRaised)]
    assert [one.run_id for one in alerts if one.code == "overclosed"] == [second.run_id]


@pytest.mark.parametrize("premium", [0.0, 0.1, -0.1])
def test_tickets_in_a_perpetual_share_its_funding(premium: float) -> None:
    """Who has closed between the hour and the read of the ledger, too."""
    session = live(funded(1, premium))
    (line,) = [one for one in session.venue.account.transactions if one.transaction_type == "funding"]
    parts = [part for run in tickets_of(session) for part in run.funded]
    assert len(parts) == 2 and sum(part.amount for part in parts) == line.amount
    assert {part.at for part in parts} == {line.created_at}
