"""Each larger disturbance once, by name: that it really happened, and that it came out right."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from tests.simulation.test_named_sessions import STOP, flat_by_ours, run_of
from trader.domain.order import Purpose
from trader.engine import records as rec
from trader.simulation.directed import quiet
from trader.simulation.planned import Deed, Plan
from trader.simulation.session import Session

HOLDING_SECS = 3.0  # by then both legs are sold


def whole(session: Session) -> Session:
    """Let a session happen; nothing may be broken and nothing of ours may be left."""
    result = session.run()
    assert result.violations == []
    assert result.ended == "flat"
    assert flat_by_ours(session)
    return session


def happened(session: Session, name: str) -> int:
    return sum(count for (fault, _), count in session.faults.counts.items() if fault == name)


def exits_at_the_exchange(session: Session) -> list[float]:
    """When exits arrived there, accepted or not."""
    return [a.secs for a in session.venue.arrivals if a.intent is not None and a.intent.purpose is not Purpose.ENTRY]


def records_of(session: Session, kind: type[rec.Record]) -> list[tuple[rec.AnyRecord, float]]:
    pairs = zip(session.journal.read(), session.journal.stamps, strict=True)
    return [(record, at) for record, (_, at) in pairs if isinstance(record, kind)]


# ------------------------------------------------------------ maintenance and streams


def test_x7_closed_for_maintenance_the_exit_is_tried_until_it_opens() -> None:
    session = Session(quiet(21, STOP))
    session.agenda.at(13.9, lambda: setattr(session.network, "closed_until", 26.0))
    whole(session)
    intended = [at for record, at in records_of(session, rec.OrderIntended) if 13.9 < at < 26.0]
    assert len(intended) >= 3, "nothing was tried while it was closed"
    assert min(exits_at_the_exchange(session)) > 26.0


def test_x7_cancel_only_refuses_exits_until_it_ends() -> None:
    session = Session(quiet(22, STOP))
    session.agenda.at(13.9, lambda: setattr(session.venue, "cancels_only_until", 22.0))
    whole(session)
    refused = [a for a in session.venue.arrivals if a.result == "market_disrupted_cancel_only_mode"]
    assert len(refused) >= 2
    assert run_of(session).finished_secs > 22.0


def test_x7_with_both_streams_down_prices_and_fills_come_over_rest() -> None:
    plan = quiet(23, exits={"max_loss_pct": "20"}, market={"iv_moves": ((9.0, 1.5),)})
    session = Session(plan)
    session.agenda.at(6.0, session._streams_down, 60.0)
    whole(session)
    run = run_of(session)
    assert run.exit_reason == "max_loss"
    assert run.finished_secs < 40.0, "it waited for the streams"


@pytest.mark.parametrize("moved", [False, True])
def test_n11_without_an_answering_account_stream_nothing_is_sold(moved: bool) -> None:
    session = Session(replace(quiet(24, Deed(secs=40.0, kind="stop")), deeds=(Deed(secs=13.0, kind="start"),)))
    if moved:
        session.stream.hush(30.0)
        session.agenda.at(10.0, session.stream._tell_silence, session._post)
    else:
        session.stream.drop(30.0, "login refused: invalid_signature")
    whole(session)
    sold = [a.secs for a in session.venue.arrivals if a.intent is not None and a.intent.purpose is Purpose.ENTRY]
    assert sold and min(sold) >= 30.0


# ------------------------------------------------------------ workers and hosts


@pytest.mark.parametrize("nth", range(1, 9))
def test_w1_a_worker_that_dies_or_hangs_leaves_nothing_behind(nth: int) -> None:
    session = whole(Session(quiet(25, STOP, rates={"W1": 1.0}), frozenset({("W1", nth)})))
    assert happened(session, "W1") == 1


def test_w4_a_second_runner_on_the_journal_stands_by() -> None:
    session = Session(quiet(26, STOP))
    session.agenda.at(HOLDING_SECS, session._second_host)
    whole(session)
    assert len(session.shells) == 1


def test_w4_a_second_runner_that_a_stepped_clock_lets_in_fences_the_first() -> None:
    session = Session(quiet(27, STOP))
    session.agenda.at(HOLDING_SECS, session.step_wall, timedelta(days=1))
    session.agenda.at(HOLDING_SECS + 0.1, session._second_host)  # before the lease was renewed by the new clock
    whole(session)
    assert [shell.fenced for shell in session.shells] == [True, False]


def test_w4_another_installation_on_the_account_halts_entries_and_is_left_alone() -> None:
    again = Deed(secs=25.0, kind="start")
    session = Session(quiet(28, Deed(secs=2.0, kind="other_runner", size=1, phase="holding"), STOP, again))
    assert session.run().violations == []
    levels = [record for record, _ in records_of(session, rec.LevelChanged)]
    assert [level.level for level in levels if isinstance(level, rec.LevelChanged)] == ["HALTED"]
    theirs = [o for o in session.venue.account.open_orders.values() if (o.client_order_id or "").startswith("sdothr")]
    assert len(theirs) == 1
    assert len(session.oracle.notes.runs) == 1, "a second run was started on a halted account"


def test_w2_twenty_tabs_that_start_and_stop_make_one_run_and_it_ends_flat() -> None:
    starts = tuple(Deed(secs=0.3 + n * 0.01, kind="start") for n in range(20))
    stops = tuple(Deed(secs=9.0 + n * 0.01, kind="stop") for n in range(50))
    session = whole(Session(quiet(29, *starts, *stops)))
    assert len(session.oracle.notes.runs) == 1
    assert all(row.status != "new" for row in session.journal.commands.values())


def test_k2_a_host_that_sleeps_for_an_hour_closes_what_is_overdue() -> None:
    session = whole(Session(quiet(30, outage=(6.0, 3600.0))))
    run = run_of(session)
    assert run.exit_reason == "time"
    assert run.exit_secs is not None and 0 <= run.exit_secs - 3606.0 <= 5.0


# ------------------------------------------------------------ the disk


def broken(plan: Plan, since: float, until: float) -> Session:
    session = Session(plan)
    session.agenda.at(since, session.journal.break_until, until)
    return session


def test_f1_exits_go_on_while_the_journal_cannot_be_written_and_the_books_follow() -> None:
    session = whole(broken(quiet(31, schedule={"exit_time_ist": "10:31"}), 25.0, 45.0))
    run = run_of(session)
    assert max(exits_at_the_exchange(session)) < 40.0, "the exit waited for the disk"
    late = [at for record, at in records_of(session, rec.OrderIntended) if at > 25.0]
    assert late and min(late) >= 45.0, "what was not written then was written later"
    assert run.finished_secs >= 45.0


def test_f1_nothing_is_sold_while_the_journal_cannot_be_written() -> None:
    session = Session(quiet(32, Deed(secs=30.0, kind="stop")))
    session.agenda.at(0.365, session.journal.break_until, 12.0)  # the run is there, its strikes are not
    whole(session)
    sold = [a.secs for a in session.venue.arrivals if a.intent is not None and a.intent.purpose is Purpose.ENTRY]
    assert sold and min(sold) >= 12.0


def test_f1_a_stop_that_cannot_be_recorded_is_refused_to_the_person_and_works_later() -> None:
    session = whole(broken(quiet(33, Deed(secs=8.0, kind="stop")), 7.0, 12.0))
    run = run_of(session)
    assert run.stop_secs is not None and 12.0 <= run.stop_secs <= 14.5


def test_f2_an_older_copy_of_the_journal_is_reconciled_and_not_trusted() -> None:
    plan = quiet(34, replace(STOP, secs=30.0), rates={"F2": 1.0}, outage=(4.0, 6.0))
    lost: list[int] = []
    session = Session(plan, frozenset({("F2", 1)}))
    lose = session.journal.lose_newest

    def note(most: int) -> int:
        lost.append(lose(most))
        return lost[-1]

    session.journal.lose_newest = note  # type: ignore[method-assign]
    session.faults.details = lambda name: _Most()  # type: ignore[assignment, method-assign, return-value]
    whole(session)
    assert lost and lost[0] > 10, "hardly anything was lost"
    taken_over = [r for r, _ in records_of(session, rec.OrderIntended) if r.cause == "recovery"]
    assert len(taken_over) >= 2, "both entries had to be found at the exchange"


class _Most:
    """Always the worst choice."""

    def choice(self, options: tuple[int, ...]) -> int:
        return max(options)

    def uniform(self, low: float, high: float) -> float:
        return high


@pytest.mark.parametrize("nth", range(1, 13))
def test_f4_a_commit_that_happened_and_was_answered_with_an_error_happens_once(nth: int) -> None:
    session = whole(Session(quiet(35, STOP, rates={"F4": 1.0}), frozenset({("F4", nth)})))
    assert happened(session, "F4") == 1
    assert len(session.shells) == 1, "the runner had to begin anew"


# ------------------------------------------------------------ prices and people


def test_q2_an_absurd_index_price_neither_closes_nor_stops_anything() -> None:
    session = whole(Session(quiet(36, STOP, rates={"Q2.spot": 1.0}, faults_end=14.0)))
    assert run_of(session).exit_reason == "manual"
    assert happened(session, "Q2") > 5


def test_q2_one_absurd_print_never_triggers_an_exit() -> None:
    for nth in range(1, 9):
        plan = quiet(37, STOP, rates={"Q2.more": 1.0}, exits={"confirmations": 2})
        session = whole(Session(plan, frozenset({("Q2.more", nth)})))
        assert run_of(session).exit_reason == "manual"


def test_h4_a_person_who_withdraws_the_margin_keeps_no_exit_back() -> None:
    session = whole(Session(quiet(38, Deed(secs=4.0, kind="withdraw", phase="holding"), STOP)))
    assert happened(session, "H4") == 1
    assert run_of(session).exit_reason == "manual"
