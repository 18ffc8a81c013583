"""What each command promises, by name: that it was carried out at that moment, and what it did and did not do."""

from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from tests.simulation.test_named_faults import records_of, whole
from tests.simulation.test_named_sessions import run_of
from trader.domain.order import Purpose
from trader.engine import records as rec
from trader.engine.records import Level
from trader.simulation.directed import killed, paused_before_the_entry, quiet, reduced_while_entering
from trader.simulation.planned import Deed
from trader.simulation.session import Session

RESTING = {"entry_reference": "mark", "retries": 1, "market_fallback": False, "timeout_secs": 4}


def entries_signed(session: Session) -> list[float]:
    found = [a for a in session.venue.arrivals if a.intent is not None and a.intent.purpose is Purpose.ENTRY]
    return [arrival.signed for arrival in found]


def levels_of(session: Session) -> list[tuple[Level, str]]:
    found = [record for record, _ in records_of(session, rec.LevelChanged)]
    return [(record.level, record.issued_by) for record in found if isinstance(record, rec.LevelChanged)]


def answers_of(session: Session, kind: str) -> list[tuple[str, str]]:
    return [(row.status, row.detail) for row in session.journal.commands.values() if row.kind == kind]


def test_paused_before_its_time_a_run_begins_only_when_a_person_resumes() -> None:
    session = whole(Session(paused_before_the_entry(4)))
    signed = entries_signed(session)
    assert signed and min(signed) > 36.0
    assert levels_of(session) == [(Level.PAUSED, "person (person)"), (Level.ACTIVE, "person (person)")]


def test_paused_in_the_middle_of_an_entry_it_is_completed() -> None:
    plan = quiet(5, Deed(secs=1.0, kind="pause"), Deed(secs=20.0, kind="stop"), orders=RESTING | {"retries": 3})
    session = whole(Session(plan))
    assert entries_signed(session) and run_of(session).fills


def test_reduced_while_entering_no_entry_is_signed_until_a_person_resumes() -> None:
    session = whole(Session(reduced_while_entering(6)))
    assert not [at for at in entries_signed(session) if 1.0 < at < 6.5]
    assert [level for level, _ in levels_of(session)] == [Level.REDUCING, Level.ACTIVE]


def test_kill_closes_what_is_held_and_forbids_a_start_until_a_person_resumes() -> None:
    refused, taken = Deed(secs=10.0, kind="start"), Deed(secs=16.0, kind="start")
    plan = quiet(11, *killed(11).deeds[1:], refused, taken, Deed(secs=25.0, kind="stop"))
    session = Session(plan)
    assert session.run().violations == []
    first, second = session.oracle.notes.runs.values()
    assert first.exit_reason == "kill" and first.finished_secs < 10.0
    assert second.created >= 16.0
    assert [status for status, _ in answers_of(session, "start")] == ["accepted", "refused", "accepted"]


def test_kill_while_nothing_can_be_written_closes_all_the_same() -> None:
    session = Session(quiet(8, Deed(secs=7.3, kind="kill", phase="holding")))
    session.agenda.at(7.32, session.journal.break_until, 25.0)  # the row is there, nothing after it
    whole(session)
    exits = [a.secs for a in session.venue.arrivals if a.intent is not None and a.intent.purpose is not Purpose.ENTRY]
    assert exits and max(exits) < 12.0, "the kill waited for the disk"
    assert session.halted, "a halt that could not be recorded was not kept beside the journal"


@pytest.mark.parametrize("ordered", ["pause", "reduce", "kill"])
def test_what_a_person_forbids_outlives_a_restart(ordered: str) -> None:
    plan = quiet(9, Deed(secs=0.1, kind=ordered), Deed(secs=12.0, kind="start"), outage=(4.0, 4.0))
    session = Session(plan)
    assert session.run().violations == []
    assert {status for status, _ in answers_of(session, "start")} == {"refused"}
    assert session.oracle.notes.runs == {}


def test_an_acknowledgement_ends_the_repeating_and_records_nothing() -> None:
    """Another installation's order halts trading, which is a critical alert."""
    deeds = Deed(secs=2.0, kind="other_runner", size=1, phase="holding"), Deed(secs=30.0, kind="ack", size=1)
    session = Session(quiet(28, *deeds, Deed(secs=14.0, kind="stop")))
    before: list[Sequence[Any]] = []
    session.agenda.at(29.9, lambda: before.append([*session.journal.rows]))
    assert session.run().violations == []
    assert before and session.journal.rows == before[0]
    shell = session.current
    assert session.oracle.notes.critical and shell is not None and shell.nagger.open == ()
    assert answers_of(session, "ack") == [("done", "acknowledged")]


def test_a_start_that_waited_for_a_runner_for_a_minute_is_refused() -> None:
    session = Session(quiet(10, outage=(0.1, 75.0)))
    assert session.run().violations == []
    status, detail = answers_of(session, "start")[0]
    assert status == "refused" and "no runner was there" in detail


def limited(document: dict[str, Any], *deeds: Deed, **changes: Any) -> Session:
    """Two contracts a leg under these limits, set before the start; volatility rises by half for 30 s."""
    market = {"iv_moves": ((10.0, 1.6), (40.0, 1 / 1.6))}
    plan = quiet(11, *deeds, exits={"max_loss_pct": "1000"}, market=market, **changes)
    return Session(replace(plan, deeds=(Deed(secs=0.1, kind="limits"), *plan.deeds), limits=(document,)))


def test_the_daily_loss_closes_and_no_start_is_taken_until_a_person_resumes_who_has_raised_it() -> None:
    early, late = Deed(secs=30.0, kind="start"), Deed(secs=52.0, kind="start")
    resumed = Deed(secs=45.0, kind="limits", size=1), Deed(secs=50.0, kind="resume")
    session = limited({"daily_loss_usd": "0.2"}, early, *resumed, late, Deed(secs=58.0, kind="stop"))
    session.plan = replace(session.plan, limits=(*session.plan.limits, {"daily_loss_usd": "900"}))
    whole(session)
    first, second = session.oracle.notes.runs.values()
    assert first.exit_reason == "account_loss" and first.finished_secs < 30.0
    assert second.created >= 52.0
    assert [status for status, _ in answers_of(session, "start")] == ["accepted", "refused", "accepted"]
    assert [record.day is None for record, _ in records_of(session, rec.LossLocked)] == [False, True]


def test_a_lock_outlives_a_restart_though_the_loss_has_come_back() -> None:
    again = Deed(secs=65.0, kind="start")
    document = {"daily_loss_usd": "0.2", "daily_loss_closes": False}
    session = whole(limited(document, again, Deed(secs=75.0, kind="stop"), outage=(45.0, 3.0), faults_end=80.0))
    assert [status for status, _ in answers_of(session, "start")] == ["accepted", "refused"]
    assert answers_of(session, "start")[1][1].count("locked until tomorrow") == 1
    assert len(session.shells) == 2


def test_an_order_beyond_a_limit_is_never_sent_and_an_exit_always() -> None:
    session = limited({"order_contracts": 1}, Deed(secs=9.0, kind="stop"))
    assert session.run().violations == []
    assert entries_signed(session) == []
    later = quiet(11, Deed(secs=7.0, kind="limits", phase="holding"), Deed(secs=9.0, kind="stop"))
    session = whole(Session(replace(later, limits=({"order_contracts": 1},))))
    assert max(a.intent.quantity for a in session.venue.arrivals if a.intent is not None) == 2
