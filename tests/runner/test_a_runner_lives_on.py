"""Over the real wire: whatever fails inside, the loop goes on, a person hears of it, and the position is looked after."""

import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.rig import Rig, await_value, preset, start_venue
from trader.config.settings import load_settings
from trader.domain.errors import JournalError
from trader.engine import events as ev
from trader.engine.records import AlertRaised, Phase
from trader.journal.commands import Command
from trader.journal.store import Journal
from trader.runner import kernel
from trader.runner.host import Host
from trader.runner.notices import Note
from trader.runner.steady_clock import SteadyClock
from trader.venue.server import VenueServer

REAL_STEP = kernel.step


@pytest.fixture
def venue() -> Iterator[VenueServer]:
    server = start_venue()
    yield server
    server.stop()


@pytest.fixture
def rig(venue: VenueServer, tmp_path: Path) -> Iterator[Rig]:
    made = Rig(venue, tmp_path)
    yield made
    made.halt()


def order(rig: Rig, kind: Any, **body: Any) -> str:
    command_id = uuid.uuid4().hex
    rig.journal.submit_command(
        Command(
            command_id=command_id,
            account="paper",
            kind=kind,
            issued_at=datetime.now(UTC),
            issued_by="cli",
            body=body,
        )
    )
    return command_id


def alerts(journal: Journal) -> dict[str, str]:
    return {r.code: r.text for _, r in journal.records() if isinstance(r, AlertRaised)}


def answer(rig: Rig, command_id: str) -> Any:
    def look() -> Any:
        row = rig.journal.command(command_id)
        return row if row is not None and row.status != "new" else None

    return await_value(look, 40, f"an answer to {command_id}")


def hold(rig: Rig) -> Any:
    rig.start(preset(strategy={"quantity": 20}, orders={"timeout_secs": 1}))
    return rig.await_view(lambda v: v.phase is Phase.HOLDING and v.pnl is not None, 40, "holding")


def test_events_that_cannot_be_handled_escalate_and_keep_no_exit_back(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = threading.Event()

    def step(state: Any, event: ev.AnyEvent) -> Any:
        if broken.is_set() and isinstance(event, ev.MarketMoved):
            raise ZeroDivisionError("a bad print")
        return REAL_STEP(state, event)

    monkeypatch.setattr(kernel, "step", step)
    runner = rig.boot()
    halts: list[str] = []
    runner._halt = halts.append
    hold(rig)
    broken.set()
    await_value(lambda: "runner_unwell" in alerts(rig.journal) or None, 40, "the alert")
    assert "ZeroDivisionError" in halts[0] and len(halts) == 1
    rig.stop()
    closed = rig.await_view(lambda v: v.phase is Phase.DONE, 40, "flat although every price fails")
    assert closed.realized_pnl == rig.ledger_change()


def test_a_stream_callback_that_fails_is_told_and_the_stream_lives_on(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = rig.boot()
    failed: list[object] = []

    def fails_once(message: object) -> None:
        if not failed:
            failed.append(message)
            raise KeyError("a field nobody knows")
        real(message)

    real = runner._feed._on_private
    monkeypatch.setattr(runner._feed, "_on_private", fails_once)
    hold(rig)
    assert failed
    assert "KeyError" in await_value(lambda: alerts(rig.journal).get("private_callback_failed"), 40, "the alert")
    rig.stop()
    closed = rig.await_view(lambda v: v.phase is Phase.DONE, 40, "done")
    assert closed.realized_pnl == rig.ledger_change()


def test_a_poisonous_command_is_refused_and_keeps_nothing_else_back(rig: Rig) -> None:
    rig.boot()
    poison = order(rig, "start", now=True)  # no configuration at all
    assert "cannot be carried out" in answer(rig, poison).detail
    hold(rig)
    rig.stop()
    rig.await_view(lambda v: v.phase is Phase.DONE, 40, "done")


def test_levels_are_obeyed_survive_a_restart_and_kill_flattens(rig: Rig) -> None:
    rig.boot()
    assert answer(rig, order(rig, "pause", who="asha", reason="lunch")).status == "accepted"
    chosen = preset(strategy={"quantity": 20})
    refused = answer(rig, rig.start(chosen))
    assert refused.status == "refused" and "lunch" in refused.detail
    rig.halt()
    rig.boot()
    assert answer(rig, rig.start(chosen)).status == "refused"  # a restart never re-arms
    answer(rig, order(rig, "resume", who="asha"))
    hold(rig)
    assert "HALTED" in answer(rig, order(rig, "kill", who="asha")).detail
    closed = rig.await_view(lambda v: v.phase is Phase.DONE, 40, "killed")
    assert closed.flat == "true" and closed.realized_pnl == rig.ledger_change()
    assert answer(rig, rig.start(chosen)).status == "refused"
    changes = [(change.level.value, change.issued_by) for _, change in rig.journal.level_changes("paper")][::-1]
    assert changes == [("PAUSED", "asha (cli)"), ("ACTIVE", "asha (cli)"), ("HALTED", "asha (cli)")]


def test_a_lost_lease_fences_at_once_without_anything_to_record(rig: Rig) -> None:
    runner = rig.boot()
    assert rig.lease is not None
    taken = rig.journal.take_lease(
        account="paper",
        holder="another",
        host="process",
        pid=1,
        code_hash="test",
        now=datetime.now(UTC),
        over=rig.lease,
    )
    assert taken is not None
    await_value(lambda: runner.lost_lease or None, 40, "fenced")
    assert rig.journal.lease_row("paper") == taken


def lease_pid(journal: Journal) -> int:
    lease = journal.lease_row("paper")
    assert lease is not None
    return lease.pid


def test_a_hanging_runner_is_replaced_within_seconds_and_nothing_of_it_leaves(
    venue: VenueServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hang, released = threading.Event(), threading.Event()

    def step(state: Any, event: ev.AnyEvent) -> Any:
        if hang.is_set() and state.epoch == 1:
            released.wait(60)
        return REAL_STEP(state, event)

    monkeypatch.setattr(kernel, "step", step)
    addresses = venue.addresses
    settings = load_settings(
        environ={
            "TRADER_HOME": str(tmp_path / "home"),
            "DELTA_REST_URL": addresses.rest_url,
            "DELTA_WS_PUBLIC_URL": addresses.ws_public_url,
            "DELTA_WS_PRIVATE_URL": addresses.ws_private_url,
            "DELTA_PAPER_API_KEY": "rig-key-0123456789",
            "DELTA_PAPER_API_SECRET": "rig-secret-0123456789-0123456789",
        }
    )
    host = Host(settings, "thread")
    host.start()
    journal = Journal.open(settings.journal_url)
    try:
        await_value(lambda: journal.snapshot("paper"), 40, "the first runner")
        first = host._runner
        assert first is not None
        hang.set()
        second = await_value(
            lambda: s if (s := journal.snapshot("paper")) is not None and s.epoch == 2 else None, 15, "the second"
        )
        told = alerts(journal)["runner_replaced"]
        assert "hung" in told and first.lost_lease and not second.runs
        other = Host(settings, "process")
        other.start()
        words = await_value(lambda: alerts(journal).get("standing_by"), 40, "the second host's words")
        assert f"Another runner (panel, pid {lease_pid(journal)}) holds the account" in words
        other.stop()
        released.set()
        await_value(lambda: None if first._errands[0].alive else True, 40, "the first one's end")
        lease = journal.lease_row("paper")
        assert lease is not None and lease.epoch == 2 and lease.alive(datetime.now(UTC))  # not given back by the first
    finally:
        released.set()
        host.stop()
        journal.close()


def test_a_clock_that_is_behind_the_journal_after_a_restart_holds_no_exit_back(rig: Rig) -> None:
    steady = SteadyClock()
    runner = rig.boot(steady)
    held = hold(rig)
    steady.not_before(datetime.now(UTC) + timedelta(hours=1))  # the machine's clock was set back
    runner.note(Note("warning", "set_back", "x", held.run_id))
    await_value(lambda: alerts(rig.journal).get("set_back"), 40, "a record of then")
    rig.halt()
    rig.boot()
    assert rig.runner is not None and rig.runner._steady() > datetime.now(UTC) + timedelta(minutes=59)
    rig.stop()
    closed = rig.await_view(lambda v: v.phase is Phase.DONE, 25, "flat although the clock is an hour behind")
    assert closed.realized_pnl == rig.ledger_change()
    assert "behind" in alerts(rig.journal)["clock_behind"]


def test_a_start_nobody_took_up_in_time_is_refused(rig: Rig) -> None:
    command_id = uuid.uuid4().hex
    chosen = preset(strategy={"quantity": 20})
    rig.journal.submit_command(
        Command(
            command_id=command_id,
            account="paper",
            kind="start",
            issued_at=datetime.now(UTC) - timedelta(hours=3),
            issued_by="panel",
            body={
                "config": chosen.model_dump(mode="json"),
                "config_hash": chosen.config_hash,
                "now": True,
                "confirm": None,
            },
        )
    )
    rig.boot()
    row = answer(rig, command_id)
    assert row.status == "refused" and "no runner was there" in row.detail
    assert rig.journal.unresolved_runs("paper") == []


def test_a_halt_that_cannot_be_recorded_is_kept_beside_the_journal(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = rig.boot()
    halts: list[str] = []
    runner._halt = halts.append

    def full(*_: object, **__: object) -> int:
        raise JournalError("The journal cannot grow because the disk is full.")

    monkeypatch.setattr(rig.journal, "append", full)
    order(rig, "kill", who="asha", reason="enough")
    assert await_value(lambda: halts or None, 40, "the HALT file") == ["enough"]
