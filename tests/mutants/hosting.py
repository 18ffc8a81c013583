"""Defects of what hosts the engine: loop, start, workers, lease. Seen on a real runner over a real journal."""

import logging
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from tests.engine import scene as stage
from tests.mutants.mutant import Mutant, named
from tests.mutants.tools import Patch, everywhere
from trader.config.settings import Settings, load_settings
from trader.domain.clock import Now
from trader.domain.errors import OutcomeUnknown
from trader.domain.outcome import Unknown
from trader.engine.effects import Submit
from trader.engine.events import SubmitAnswered
from trader.engine.records import AnyRecord
from trader.journal import Command, Journal, Lease
from trader.runner import dispatcher, host
from trader.runner.host import Host
from trader.runner.runner import Runner

_ACCOUNT = "acc"
_PATIENCE_SECS = 10.0


class _Unreachable:
    """An exchange nobody can reach."""

    clock_offset_secs = 0.0

    def quota_left(self) -> int:
        return 0

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def ask(*_: Any, **__: Any) -> Any:
            raise OutcomeUnknown(f"{name}: nobody is there")

        return ask


def _feed(take: Callable[[], None]) -> Any:
    feed = MagicMock(heard=None, messages=0, states={"public": "down", "private": "down"})
    feed.take.side_effect = take
    return feed


@contextmanager
def _journal(records: list[AnyRecord]) -> Iterator[tuple[Journal, Lease]]:
    with tempfile.TemporaryDirectory() as name, closing(Journal.open(f"sqlite:///{name}/home/journal.db")) as journal:
        if records:
            journal.append(records, lease=None)
        lease = _take(journal, "first")
        assert lease is not None
        yield journal, lease


def _take(journal: Journal, holder: str) -> Lease | None:
    now = datetime.now(UTC)
    return journal.take_lease(account=_ACCOUNT, holder=holder, host="thread", pid=os.getpid(), code_hash="", now=now)


@contextmanager
def _running(journal: Journal, lease: Lease, take: Callable[[], None] = lambda: None) -> Iterator[tuple[Runner, Any]]:
    """A runner in a thread of its own, and the thread; what the thread ends with is nobody's business."""
    gateway: Any = _Unreachable()
    runner = Runner(journal=journal, lease=lease, env="paper", gateway=gateway, feed=_feed(take), host="thread")

    def run() -> None:
        with suppress(Exception):
            runner.run()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield runner, thread
    finally:
        runner.stop()
        thread.join(_PATIENCE_SECS)


def _await(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECS
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)


# ---------------------------------------------------------------- checks


def an_error_does_not_end_the_loop() -> None:
    """Market data that cannot be handled; the runner goes on and hears Stop."""
    left = [ValueError("a price nobody understands")] * 2

    def take() -> None:
        if left:
            raise left.pop()

    with _journal([]) as (journal, lease), _running(journal, lease, take) as (_, thread):
        _await(lambda: not left or not thread.is_alive())
        stop = Command(
            command_id="stop-1", account=_ACCOUNT, kind="stop", issued_at=datetime.now(UTC), issued_by="tester", body={}
        )
        journal.submit_command(stop)

        def status() -> str:
            row = journal.command("stop-1")
            return row.status if row is not None else ""

        _await(lambda: status() != "new" or not thread.is_alive())
        assert status() == "accepted", f"Stop is {status()} after an error; the loop lives: {thread.is_alive()}"


def a_start_asks_nobody() -> None:
    """A runner that finds a position open begins to manage it, with nobody at the keyboard."""
    asked: list[str] = []

    class Keyboard:
        def readline(self, *_: Any) -> str:
            asked.append("a line")
            raise EOFError

        def fileno(self) -> int:
            raise OSError

    with _journal(stage.holding().records) as (journal, lease), pytest.MonkeyPatch.context() as patch:
        assert len(journal.unresolved_runs(_ACCOUNT)) == 1
        patch.setattr(sys, "stdin", Keyboard())
        with _running(journal, lease) as (runner, thread):
            _await(lambda: runner.ready.is_set() or not thread.is_alive())
            ready = runner.ready.is_set()
    assert ready and asked == [], f"a start asked for {asked or 'something'} before it was ready"


def a_process_has_one_host() -> None:
    """Two sessions of the panel and a refresh are handed the same host."""
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        started: list[Host] = []
        patch.setattr(host, "_host", None)
        patch.setattr(Host, "start", lambda self: started.append(self))
        settings = load_settings(environ={"TRADER_HOME": name}, env_file=Path(name) / "none")
        handed = {id(host.ensure_host(settings)) for _ in range(3)}
    assert len(started) == 1 and len(handed) == 1, f"{len(started)} hosts were started in one process"


def one_runner_holds_an_account() -> None:
    """A second runner, be it of this very process after its modules were imported again, stands by."""
    with _journal([]) as (journal, _):
        second = _take(journal, "second")
    assert second is None, "a second runner has taken the account of a living one"


def what_a_worker_throws_is_heard() -> None:
    """A worker that fails while an order is on its way: the engine hears that its fate is unknown, the log says why."""
    told: list[Any] = []
    said: list[logging.LogRecord] = []
    heard, watch = logging.getLogger(dispatcher.__name__), logging.Handler()
    watch.emit = said.append  # type: ignore[method-assign]
    gateway = MagicMock()
    gateway.submit.side_effect = RuntimeError("out of memory")
    intent = stage.exiting().submits()[0]
    workers = dispatcher.Dispatcher(gateway, told.append, lambda: Now(stage.OPENING, None), lambda: True)
    heard.addHandler(watch)
    disabled = logging.root.manager.disable
    logging.disable(logging.NOTSET)
    try:
        workers.perform(Submit(intent))
        for pool in vars(workers).values():
            if isinstance(pool, ThreadPoolExecutor):
                pool.shutdown(wait=True)
    finally:
        logging.disable(disabled)
        heard.removeHandler(watch)
    answers = [e for e in told if isinstance(e, SubmitAnswered) and e.client_order_id == intent.client_order_id]
    assert [type(e.outcome) for e in answers] == [Unknown], f"the engine heard {answers}"
    assert any(record.levelno >= logging.ERROR for record in said), "nothing was said of the worker's error"


# ---------------------------------------------------------------- defects


def any_error_ends_the_loop(patch: Patch) -> None:
    patch.setattr(Runner, "_failed", lambda self, *_: self.stop())


def start_waits_for_a_key(patch: Patch) -> None:
    real = Runner._recover

    def recover(self: Runner) -> None:
        if self._journal.unresolved_runs(self._lease.account):
            sys.stdin.readline()  # "A short is open. Resume it?"
        real(self)

    patch.setattr(Runner, "_recover", recover)


def a_host_for_every_session(patch: Patch) -> None:
    def ensure_host(settings: Settings) -> Host:
        made = Host(settings, "thread")
        made.start()
        return made

    everywhere(patch, host.ensure_host, ensure_host)


def own_process_counts_as_dead(patch: Patch) -> None:
    real = Lease.alive
    patch.setattr(Lease, "alive", lambda self, now: self.pid != os.getpid() and real(self, now))


def fire_and_forget(patch: Patch) -> None:
    def submit(self: dispatcher.Dispatcher, effect: Submit, *_: Any) -> None:
        outcome = self._gateway.submit(effect.intent)
        self._post(SubmitAnswered(at=self._now(), client_order_id=effect.intent.client_order_id, outcome=outcome))

    patch.setattr(dispatcher.Dispatcher, "_submit", submit)
    patch.setattr(dispatcher.Dispatcher, "_guarded", lambda _, work, *arguments: work(*arguments))


MUTANTS = [
    Mutant(
        name="M37",
        defect="Any exception ends the risk loop; panic then finds nothing to act on",
        patched="the first failed turn stops the runner",
        patch=any_error_ends_the_loop,
        check=named("LV2 CT2", an_error_does_not_end_the_loop),
    ),
    Mutant(
        name="M50",
        defect="The start waits for terminal input although a short is open",
        patched="`Runner._recover` asks whether to resume",
        patch=start_waits_for_a_key,
        check=named("DU1", a_start_asks_nobody),
    ),
    Mutant(
        name="M51",
        defect="A runner in each browser session; a refresh starts a second one",
        patched="`ensure_host` makes a host at every call",
        patch=a_host_for_every_session,
        check=named("I9", a_process_has_one_host),
    ),
    Mutant(
        name="M51b",
        defect="A module imported again starts a second runner beside the first",
        patched="a lease of the own process counts as left behind",
        patch=own_process_counts_as_dead,
        check=named("I9", one_runner_holds_an_account),
    ),
    Mutant(
        name="M64",
        defect="Money work in fire-and-forget tasks: its exceptions vanish",
        patched="workers are not guarded and answer only when nothing went wrong",
        patch=fire_and_forget,
        check=named("LV2", what_a_worker_throws_is_heard),
    ),
]
