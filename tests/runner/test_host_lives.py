"""Whatever thread of a host dies, it is told and goes on; and the host goes where its exchange has gone."""

import os
import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.rig import await_value, start_venue
from tests.runner.test_a_runner_lives_on import alerts
from trader.config.settings import Settings, load_settings
from trader.domain.errors import ConfigError, JournalError
from trader.exchange.delta.stream.connection import Stream
from trader.journal.commands import Command
from trader.journal.store import Journal
from trader.runner import host as hosting
from trader.runner import local_venue
from trader.runner.host import Host
from trader.runner.local_venue import LocalVenue
from trader.runner.periodic import CommandPoll, LeaseKeeper
from trader.runner.process import identity
from trader.runner.publishing import Publisher


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    server = start_venue()
    addresses = server.addresses
    yield load_settings(
        environ={
            "TRADER_HOME": str(tmp_path / "home"),
            "DELTA_REST_URL": addresses.rest_url,
            "DELTA_WS_PUBLIC_URL": addresses.ws_public_url,
            "DELTA_WS_PRIVATE_URL": addresses.ws_private_url,
            "DELTA_PAPER_API_KEY": "rig-key-0123456789",
            "DELTA_PAPER_API_SECRET": "rig-secret-0123456789-0123456789",
        }
    )
    server.stop()


def dies_once(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, error: BaseException) -> None:
    real, died = getattr(owner, name), []

    def work(*given: Any, **named: Any) -> Any:
        if not died:
            died.append(1)
            raise error
        return real(*given, **named)

    monkeypatch.setattr(owner, name, work)


def test_threads_of_a_host_that_die_are_told_to_a_person_and_go_on(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    dies_once(monkeypatch, CommandPoll, "look", AttributeError("_last"))
    dies_once(monkeypatch, LeaseKeeper, "renew", SystemExit(1))
    dies_once(monkeypatch, Publisher, "_build", KeyboardInterrupt())
    dies_once(monkeypatch, Stream, "_connect", SystemExit(1))
    host = Host(settings, "thread")
    host.start()
    journal = Journal.open(settings.journal_url)
    try:
        await_value(lambda: journal.snapshot("paper"), 40, "the picture although the publisher died")
        for name in ("commands", "lease", "publisher"):
            words = await_value(lambda name=name: alerts(journal).get(f"thread_died:{name}"), 20, name)
            assert "started again" in words
        order = Command(
            command_id=uuid.uuid4().hex,
            account="paper",
            kind="stop",
            issued_at=datetime.now(UTC),
            issued_by="cli",
            body={"run_id": None},
        )
        journal.submit_command(order)

        def answered() -> bool | None:
            row = journal.command(order.command_id)
            return (row is not None and row.status != "new") or None

        await_value(answered, 40, "an answer although the thread that looks for commands died")
        await_value(lambda: streams_up(journal), 40, "both streams although one's thread died")
    finally:
        host.stop()
        journal.close()


def streams_up(journal: Journal) -> bool | None:
    picture = journal.snapshot("paper")
    return (picture is not None and (picture.ops.public_socket, picture.ops.private_socket) == ("up", "up")) or None


def test_a_supervisor_that_dies_comes_back_and_never_leaves_two_runners_acting(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, watched, kill = hosting.watch_over, [], threading.Event()

    def watch(runner: Any, stopping: threading.Event) -> str:
        watched.append(runner)
        if len(watched) > 1:
            return real(runner, stopping)
        threading.Thread(target=runner.run, daemon=True).start()
        kill.wait(20)
        raise SystemExit("the thread that watches over all")

    monkeypatch.setattr(hosting, "watch_over", watch)
    host = Host(settings, "thread")
    host.start()
    journal = Journal.open(settings.journal_url)
    try:
        await_value(lambda: journal.snapshot("paper"), 40, "the first runner")
        kill.set()
        await_value(lambda: s if (s := journal.snapshot("paper")) and s.epoch == 2 else None, 40, "the second runner")
        assert watched[0].lost_lease and not watched[1].lost_lease
        assert "SystemExit" in alerts(journal)["thread_died:supervisor"]
        assert "watches" in alerts(journal)["runner_replaced"]
    finally:
        kill.set()
        host.stop()
        journal.close()


def test_a_host_leaves_a_stranger_on_its_exchanges_ports_alone_and_follows_the_exchange_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that has taken the port of a dead exchange keeps it; the run used to stay blind, or to trust it."""
    ended: list[bool] = []
    real = local_venue.start_venue

    def start_venue(*given: Any, **named: Any) -> Any:
        if host._venue is not None and host._venue.is_lost:
            ended.append(host._runner is None or host._runner._stopping.is_set())
        return real(*given, **named)

    monkeypatch.setattr(local_venue, "who_answers", lambda _url, _secs: "a stranger")
    monkeypatch.setattr(local_venue, "start_venue", start_venue)
    settings = load_settings(environ={"TRADER_HOME": str(tmp_path / "home")})
    host = Host(settings, "thread")
    host.start()
    journal = Journal.open(settings.journal_url)
    try:
        await_value(lambda: streams_up(journal), 40, "the first runner")
        assert host._venue is not None and host._venue._process is not None and host._connection is not None
        before = host._connection
        host._venue._process.kill()
        again = await_value(
            lambda: s if (s := journal.snapshot("paper")) and s.epoch == 2 and streams_up(journal) else None,
            30,
            "the new one",
        )
        assert ended == [True] and not host._venue.is_lost  # nothing was believed of the stranger meanwhile
        assert again.account == "paper" and host._connection.rest_url != before.rest_url
        assert "It is at" in alerts(journal)["venue_restarted"]
    finally:
        host.stop()
        journal.close()


def test_a_start_that_was_ended_while_it_waited_for_the_exchange_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(environ={"TRADER_HOME": str(tmp_path / "home")})
    asked: list[Any] = []
    monkeypatch.setattr(hosting, "on_end", asked.append)

    def start(self: LocalVenue) -> None:
        if len(asked) == 1:
            asked[0]("SIGHUP")
        raise ConfigError("The start was ended while it waited for the local exchange.")

    monkeypatch.setattr(LocalVenue, "start", start)
    assert hosting.run_process(settings) == 0
    with pytest.raises(ConfigError):  # nobody had asked for that
        hosting.run_process(settings)


def test_a_killed_runners_number_that_is_another_process_by_now_refuses_no_start(settings: Settings) -> None:
    mine = identity(os.getpid())
    if not mine:
        pytest.skip("processes are told apart by /proc")
    host = Host(settings, "process")
    host._connection = hosting.resolve_connection(settings)
    host._journal = Journal.open(settings.journal_url)
    boot, namespace, _, began = mine.split("/")
    parent = os.getppid()
    try:
        for process, refused in ((identity(parent), True), (f"{boot}/{namespace}/{parent}/1{began}", False)):
            journal = Journal.open(settings.journal_url)
            before = journal.lease_row("paper")
            journal.take_lease(
                over=before, account="paper", holder=f"h@{process}", host="process", pid=parent, code_hash="",
                ttl_secs=10, now=datetime.now(UTC),
            )  # fmt: skip
            journal.close()
            if refused:
                with pytest.raises(JournalError, match="Another runner is active"):
                    host.refuse_if_held()
            else:
                host.refuse_if_held()
    finally:
        host.stop()
