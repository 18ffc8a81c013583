"""The journal dies under a running runner, over the real wire: no new risk, exits go on, the books are repaired later."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from tests.e2e.rig import Rig, await_value, preset, start_venue
from trader.domain.errors import JournalError
from trader.domain.order import Purpose
from trader.engine.records import AlertRaised, OrderIntended, Phase
from trader.journal.store import Journal
from trader.journal.verifying import verify
from trader.venue.server import VenueServer


@pytest.fixture
def venue() -> Iterator[VenueServer]:
    server = start_venue()
    yield server
    server.stop()


class Disk:
    """What the journal's disk does to records: nothing, until `full`."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.full = False
        real = Journal.append

        def append(journal: Journal, records: Any, **options: Any) -> int:
            if self.full:
                raise JournalError("The journal cannot grow because the disk is full.")
            return real(journal, records, **options)

        patch.setattr(Journal, "append", append)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


@pytest.fixture
def rig(venue: VenueServer, tmp_path: Path) -> Iterator[Rig]:
    made = Rig(venue, tmp_path)
    yield made
    assert made.runner is not None and made._thread is not None
    made.runner.stop()
    made._thread.join(10)


def hold(rig: Rig) -> Any:
    rig.boot()
    rig.start(preset(strategy={"quantity": 20}, orders={"timeout_secs": 1}))
    return rig.await_view(lambda v: v.phase is Phase.HOLDING and v.pnl is not None, 40, "holding")


def await_flat(rig: Rig) -> None:
    def look() -> bool | None:
        return (all(p.quantity == 0 for p in rig.gateway.positions("BTC")) and not rig.gateway.open_orders()) or None

    await_value(look, 40, "flat at the exchange")


def trading_state(rig: Rig) -> str:
    snapshot = rig.journal.snapshot("paper")
    return "" if snapshot is None else snapshot.ops.trading_state


def test_stop_flattens_while_nothing_can_be_written_and_the_records_follow(
    rig: Rig, disk: Disk, capfd: pytest.CaptureFixture[str]
) -> None:
    held = hold(rig)
    disk.full = True
    before = len(rig.journal.records(held.run_id))
    command = rig.stop()
    await_flat(rig)
    assert len(rig.journal.records(held.run_id)) == before  # nothing reached the disk
    await_value(lambda: trading_state(rig) == "REDUCING" or None, 40, "the state in the live picture")
    told = [json.loads(line) for line in capfd.readouterr().err.splitlines() if line.startswith('{"kind"')]
    assert {row["intent"]["purpose"] for row in told if row["kind"] == "order_intended"} == {"X"}

    disk.full = False
    closed = rig.await_view(lambda v: v.phase is Phase.DONE, 40, "done")
    summary = await_value(lambda: finished(rig, held.run_id), 40, "the run's end in the journal")
    assert summary.realized_pnl == rig.ledger_change() == closed.realized_pnl
    row = rig.journal.command(command)
    assert row is not None and row.status == "accepted"
    await_value(lambda: trading_state(rig) == "ACTIVE" or None, 40, "the state in the live picture")


def finished(rig: Rig, run_id: str) -> Any:
    summary = rig.journal.run(run_id)
    return summary if summary is not None and summary.finished_at is not None else None


def test_a_crash_before_the_journal_is_back_is_repaired_from_the_exchange(rig: Rig, disk: Disk) -> None:
    held = hold(rig)
    disk.full = True
    rig.stop()
    await_flat(rig)
    rig.halt()  # what waited dies with the process
    assert {o.intent.purpose for o in rig.journal.orders(held.run_id)} == {Purpose.ENTRY}
    disk.full = False
    rig.boot()
    closed = rig.await_view(lambda v: v.phase is Phase.DONE, 25, "done by reconciliation")
    assert closed.realized_pnl == rig.ledger_change()
    orders = rig.journal.orders(held.run_id)
    assert {o.intent.purpose for o in orders} == {Purpose.ENTRY, Purpose.EXIT}
    taken = [r for _, r in rig.journal.records(held.run_id) if isinstance(r, OrderIntended) and r.cause == "recovery"]
    assert len(taken) >= 2


def test_no_entry_leaves_while_nothing_can_be_written(rig: Rig, disk: Disk) -> None:
    rig.boot()
    disk.full = True
    refused = rig.start(preset(strategy={"quantity": 20}, orders={"timeout_secs": 1}))
    await_value(lambda: trading_state(rig) == "REDUCING" or None, 40, "the fault in the live picture")
    disk.full = False

    def answer() -> Any:
        row = rig.journal.command(refused)
        return row if row is not None and row.status == "refused" else None

    assert "journal cannot be written" in await_value(answer, 40, "the refusal").detail
    assert rig.gateway.order_history(rig.venue.exchange.now.replace(year=2020)) == []


def test_an_armed_run_waits_until_the_journal_is_back(rig: Rig, disk: Disk) -> None:
    rig.boot()
    rig.start(
        preset(
            schedule={"entry_time_ist": "10:35", "exit_time_ist": "16:00", "boot_buffer_secs": 0},
            orders={"timeout_secs": 1},
        ),
        now=False,
    )
    waiting = rig.await_view(lambda v: v.entry_at is not None, 40, "armed")
    disk.full = True
    stuck = rig.await_view(lambda v: any("journal cannot be written" in w for w in v.why_not), 40, "held back")
    assert stuck.phase is Phase.WAITING and rig.gateway.positions("BTC") == []
    disk.full = False
    held = rig.await_view(lambda v: v.phase is Phase.HOLDING, 40, "holding once the journal is back")
    assert held.run_id == waiting.run_id
    rig.stop()
    rig.await_view(lambda v: v.phase is Phase.DONE, 40, "done")


def test_a_journal_file_that_vanishes_keeps_no_exit_back(rig: Rig) -> None:
    hold(rig)
    disk_full_elsewhere = rig.folder / "journal.db"
    rig.stop()  # recorded while the file was there
    disk_full_elsewhere.unlink()
    await_flat(rig)


def fill_up(journal: Journal) -> Any:
    """Let the database grow no further (SQLite itself then says that it is full); returns what lifts the limit again."""

    def limit(connection: Any, _record: object) -> None:
        connection.execute(f"PRAGMA max_page_count={pages}")

    with journal._engine.connect() as connection:
        pages = int(connection.exec_driver_sql("PRAGMA page_count").scalar() or 0)
    journal._engine.dispose()
    event.listen(journal._engine, "connect", limit)
    for size in (20_000, 2_000, 200):
        with pytest.raises(JournalError, match="disk is full"):
            for _ in range(200):
                junk = AlertRaised(run_id="", wall=datetime.now(UTC), level="info", code="junk", text="x" * size)
                journal.append([junk], lease=None)

    def lift() -> None:
        event.remove(journal._engine, "connect", limit)
        journal._engine.dispose()

    return lift


def test_a_database_that_is_really_full_keeps_no_exit_back_and_ends_whole(rig: Rig) -> None:
    held = hold(rig)
    lift = fill_up(rig.journal)
    url = f"sqlite:///{rig.folder / 'journal.db'}"
    elsewhere = Journal.open(url)  # the limit is this process's own, another connection can still record the command
    rig.journal, limited = elsewhere, rig.journal
    rig.stop()
    await_flat(rig)
    lift()
    summary = await_value(lambda: finished(rig, held.run_id), 40, "the run's end in the journal")
    assert summary.realized_pnl == rig.ledger_change() and summary.exit_reason == "manual"
    assert [found.words for found in verify(url).findings if not found.ok and found.check != "runs"] == []
    elsewhere.close()
    rig.journal = limited
