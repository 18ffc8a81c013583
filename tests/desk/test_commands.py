"""Start and stop: recorded at once, refused where they must be, waited for honestly."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.desk.conftest import RunnersHand
from tests.journal import samples_of_records as s
from trader.config.halt import halt
from trader.config.preset import Preset
from trader.config.settings import load_settings
from trader.desk import Desk, NotPossible
from trader.domain.errors import ConfigError, JournalError
from trader.journal import Journal


def test_start_is_recorded_with_its_configuration_and_hash(desk: Desk, journal: Journal, runner: RunnersHand) -> None:
    runner.live()
    receipt = desk.start(Preset(), now=True, issued_by="panel")
    (row,) = journal.pending_commands("paper")
    assert (row.command_id, row.kind, row.issued_by, row.issued_at) == (
        receipt.command_id,
        "start",
        "panel",
        receipt.issued_at,
    )
    assert row.body["now"] is True and row.body["config_hash"] == Preset().config_hash
    assert Preset.model_validate(row.body["config"]) == Preset()


def test_start_when_no_runner_is_alive_is_refused_and_leaves_nothing(desk: Desk, journal: Journal) -> None:
    with pytest.raises(NotPossible, match="No runner is alive for account paper"):
        desk.start(Preset(), issued_by="cli")
    assert journal.pending_commands("paper") == []


def test_production_start_needs_the_phrase(tmp_path: Path) -> None:
    settings = load_settings(
        environ={
            "TRADER_HOME": str(tmp_path / "live"),
            "TRADER_ENV": "production",
            "DELTA_API_KEY": "abcdefgh12345678",
            "DELTA_API_SECRET": "hgfedcba87654321",
        }
    )
    desk = Desk(settings)
    phrase = desk.arming_phrase(Preset())
    assert phrase == f"TRADE LIVE {desk.account} 1" and "abcdefgh" not in phrase
    for typed in (None, "", phrase.lower(), phrase + " "):
        with pytest.raises(ConfigError, match="Production needs the phrase"):
            desk.start(Preset(), issued_by="panel", confirm=typed)
    with pytest.raises(NotPossible, match="No runner"):  # the phrase was right: the next check speaks
        desk.start(Preset(), issued_by="panel", confirm=phrase)
    desk.close()


def test_stop_is_recorded_with_the_runner_dead_and_again_and_again(desk: Desk, journal: Journal) -> None:
    began = time.perf_counter()
    first = desk.stop(issued_by="panel")
    assert time.perf_counter() - began < 2  # the journal's making included
    desk.stop("a", issued_by="cli")
    rows = journal.pending_commands("paper")
    assert [(row.kind, row.body) for row in rows] == [("stop", {"run_id": None}), ("stop", {"run_id": "a"})]
    assert rows[0].command_id == first.command_id


def test_stop_that_cannot_be_recorded_says_so(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("in the way")
    desk = Desk(load_settings(environ={"TRADER_HOME": str(tmp_path / "home")}))
    with pytest.raises(JournalError, match="cannot be created"):
        desk.stop(issued_by="panel")


def test_answer_is_awaited(desk: Desk, journal: Journal) -> None:
    receipt = desk.stop(issued_by="cli")
    assert desk.await_command(receipt.command_id, 0.05).status == "new"
    answering = threading.Timer(0.1, lambda: journal.mark_command(receipt.command_id, "accepted", "closing a"))
    answering.start()
    row = desk.await_command(receipt.command_id, 5)
    answering.join()
    assert (row.status, row.detail) == ("accepted", "closing a")
    with pytest.raises(NotPossible, match="no command nope"):
        desk.await_command("nope", 1)


def flat_within(desk: Desk, secs: float, run_id: str | None = None) -> bool:
    status = desk.await_flat(secs, run_id)
    return status.run is not None and not status.runs and status.run.flat == "true"


def later(*, do: Callable[[], object], after_secs: float = 0.1) -> threading.Timer:
    timer = threading.Timer(after_secs, do)
    timer.start()
    return timer


def test_flat_is_awaited_until_the_run_is_finished(desk: Desk, journal: Journal) -> None:
    journal.append([s.run_created("a")], lease=None)
    assert not flat_within(desk, 0.1)
    timer = later(do=lambda: journal.append([s.run_finished("a", "1")], lease=None))
    assert flat_within(desk, 5)
    timer.join()


def test_flat_waits_for_every_run_unless_one_is_named(desk: Desk, journal: Journal) -> None:
    for name in ("a", "b"):
        journal.append([s.run_created(name)], lease=None)
    journal.append([s.run_finished("a", "1")], lease=None)
    named = desk.await_flat(5, "a")
    assert named.run is not None and named.run.flat == "true"
    began = time.monotonic()
    assert not flat_within(desk, 0.15)
    assert time.monotonic() - began >= 0.15


def test_flat_is_not_claimed_while_a_start_is_unanswered(desk: Desk, journal: Journal, runner: RunnersHand) -> None:
    journal.append([s.run_created("old"), s.run_finished("old", "1")], lease=None)
    runner.live()
    start = desk.start(Preset(), now=True, issued_by="cli")
    began = time.monotonic()
    desk.await_flat(0.15)
    assert time.monotonic() - began >= 0.15
    journal.mark_command(start.command_id, "refused", "no")
    assert flat_within(desk, 5)


def test_a_stop_that_cannot_be_recorded_names_what_works_without_the_journal(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise JournalError("The journal cannot grow because the disk is full.")

    monkeypatch.setattr(Journal, "submit_command", full)
    with pytest.raises(JournalError, match="python -m trader flatten"):
        desk.stop(issued_by="cli")


def test_a_command_is_at_the_runner_before_the_disk_has_it_and_on_disk_when_it_is_asked_for(
    desk: Desk, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    monkeypatch.setattr(
        "trader.desk.desk.ring", lambda place: done.append(f"rung, {len(journal.pending_commands('paper'))} to see")
    )
    monkeypatch.setattr(Journal, "flush", lambda self: done.append("on disk"))
    desk.stop(issued_by="cli")
    assert done == ["rung, 1 to see", "on disk"]


def test_a_disk_that_does_not_take_a_command_is_said(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    desk.status()  # a new journal would not even be made
    monkeypatch.setattr("os.fsync", broken)
    with pytest.raises(JournalError, match="not known to be on disk"):
        desk.stop(issued_by="cli")


def test_nothing_is_started_while_trading_is_halted(desk: Desk) -> None:
    halt(desk.settings.home, "a test")
    with pytest.raises(NotPossible, match="python -m trader resume"):
        desk.start(Preset(), issued_by="cli")
