"""A PostgreSQL journal that is not there, or goes away and comes back, under a real runner (F4; DU2)."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.rig import await_value
from tests.postgres import Server, postgres
from tests.process.rig import PATIENCE_SECS, Story, story
from trader.engine.records import Phase, RunFinished
from trader.journal.store import Journal

pytestmark = [pytest.mark.t1, pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture
def server() -> Iterator[Server]:
    with postgres() as made:
        yield made


@contextlib.contextmanager
def on_postgres(tmp_path: Path, server: Server) -> Iterator[Story]:
    with story(tmp_path) as tale:
        tale.journal.close()
        tale.extra = {"DATABASE_URL": server.url}
        tale.url = server.url
        tale.journal = Journal.open(server.url)
        yield tale


def test_f4_a_database_that_is_absent_at_start_is_said_and_nothing_else_is_used(tmp_path: Path, server: Server) -> None:
    with on_postgres(tmp_path, server) as tale:
        server.stop()
        refused = tale.command("run")
        assert refused.returncode == 1
        assert "journal" in refused.stderr.lower()
        assert "flatten" in refused.stderr
        server.start()


def test_f4_a_run_from_start_to_stop(tmp_path: Path, server: Server) -> None:
    with on_postgres(tmp_path, server) as tale:
        tale.launch()
        tale.hold()
        tale.kill()
        tale.launch()
        tale.ask_to_stop()
        tale.await_phase(Phase.DONE)
        assert tale.end() == 0
        assert tale.right() == []


def test_f4_a_database_that_goes_away_keeps_no_exit_back(tmp_path: Path, server: Server) -> None:
    with on_postgres(tmp_path, server) as tale:
        tale.launch()
        tale.hold(tale.ending_in(16))
        server.stop()
        tale.await_flat()
        server.start()

        def finished() -> bool | None:
            return any(isinstance(record, RunFinished) for _, record in tale.journal.records()) or None

        await_value(finished, PATIENCE_SECS, "the run's end in the journal")
        assert tale.end() == 0
        assert tale.right() == []


def test_f4_a_database_that_freezes_keeps_no_exit_back(tmp_path: Path, server: Server) -> None:
    with on_postgres(tmp_path, server) as tale:
        tale.launch()
        tale.hold(tale.ending_in(16))
        server.freeze()
        try:
            tale.await_flat()
        finally:
            server.freeze(thaw=True)
        tale.await_phase(Phase.DONE)
        assert tale.end() == 0
        assert tale.right() == []


def test_f4_a_database_that_comes_and_goes_during_the_entry(tmp_path: Path, server: Server) -> None:
    with on_postgres(tmp_path, server) as tale:
        tale.launch()
        tale.ask_to_start()
        tale.await_phase(Phase.ENTERING)
        server.stop()
        server.start()
        await_value(lambda: tale.phase() in (Phase.HOLDING, Phase.DONE) or None, PATIENCE_SECS, "held or given up")
        if tale.phase() is Phase.HOLDING:
            tale.ask_to_stop()
        tale.await_phase(Phase.DONE)
        assert tale.end() == 0
        assert [wrong for wrong in tale.right() if not wrong.startswith("CT3")] == []


def test_f4_a_link_that_dies_without_a_word_is_given_up_within_seconds(server: Server) -> None:
    journal = Journal.open(server.url)
    try:
        raw = journal._engine.raw_connection()
        told = raw.driver_connection.info.get_parameters()  # type: ignore[union-attr]
        raw.close()
    finally:
        journal.close()
    assert told["tcp_user_timeout"] == "5000"
    assert int(told["keepalives_idle"]) + int(told["keepalives_interval"]) * int(told["keepalives_count"]) <= 15
