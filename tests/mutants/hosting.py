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
from trader.domain.order import OrderIntent
from trader.domain.outcome import Unknown
from trader.engine.effects import Submit
from trader.engine.events import SubmitAnswered
from trader.engine.records import AnyRecord, OrderIntended
from trader.exchange.common.odd_rows import OddRows
from trader.exchange.common.statistics import CacheFigures, CallStatistics, Statistics
from trader.journal import Command, Journal, Lease
from trader.runner import dispatcher, host, kernel
from trader.runner.host import Host
from trader.runner.release import Release
from trader.runner.runner import Runner

_ACCOUNT = "acc"
_PATIENCE_SECS = 30.0  # only a machine under load needs it


class _Unreachable:
    """An exchange nobody can reach."""

    clock_offset_secs = 0.0
    has_dead_man = False
    odd_rows = OddRows()

    def quota_left(self) -> int:
        return 0

    def statistics(self) -> Statistics:
        cache = CacheFigures(size=0, hits=0, misses=0)
        return CallStatistics().snapshot(quota_left=0, clock_offset_secs=0.0, cache=cache, breaker_opened=0)

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
def _running(
    journal: Journal, lease: Lease, take: Callable[[], None] = lambda: None, gateway: Any = None
) -> Iterator[tuple[Runner, threading.Thread]]:
    """A runner in a thread of its own, and the thread; what the thread ends with is nobody's business."""
    gateway = gateway or _Unreachable()
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


def _stop() -> Command:
    return Command(
        command_id="stop-1", account=_ACCOUNT, kind="stop", issued_at=datetime.now(UTC), issued_by="tester", body={}
    )


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
        journal.submit_command(_stop())

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


def a_run_is_taken_up_again_without_anybody() -> None:
    """A journal with a position open: the first picture the runner publishes shows it held. No page, no command."""
    with _journal(stage.holding().records) as (journal, lease), _running(journal, lease) as (_, thread):
        _await(lambda: journal.snapshot(_ACCOUNT) is not None or not thread.is_alive())
        seen = journal.snapshot(_ACCOUNT)
    assert seen is not None, "nothing was published"
    assert [(view.phase, len(view.legs)) for view in seen.runs] == [("holding", 2)], "the open run is not managed"


def what_leaves_is_on_disk() -> None:
    """At the instant an order is handed to the exchange the journal on disk holds its intent."""
    found: dict[str, bool] = {}

    class Asked(_Unreachable):
        def submit(self, intent: OrderIntent, **_: Any) -> Unknown:
            written = [r.intent for _, r in journal.records() if isinstance(r, OrderIntended)]
            found.setdefault(intent.client_order_id, intent in written)
            return Unknown("no answer")

    with _journal(stage.holding().records) as (journal, lease), _running(journal, lease, gateway=Asked()):
        journal.submit_command(_stop())
        _await(lambda: len(found) >= 2)
    assert len(found) >= 2, "Stop has sent nothing"
    assert all(found.values()), (
        f"sent before they were recorded: {[coid for coid, there in found.items() if not there]}"
    )


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
    scene = stage.exiting()
    intent = scene.submits()[0]
    now = Now(stage.OPENING, None)
    release = Release(state=lambda: scene.state, now=lambda: now)
    workers = dispatcher.Dispatcher(gateway, told.append, lambda: now, release)
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


def nothing_is_folded(patch: Patch) -> None:
    patch.setattr(Journal, "unresolved_runs", lambda *_: [])


def sent_within_the_step(patch: Patch) -> None:
    real, real_step = kernel.Kernel.apply, kernel.step

    def apply(self: kernel.Kernel, event: Any) -> None:
        runner: Runner = self._perform.__self__  # type: ignore[attr-defined]
        for effect in real_step(self.state, event)[1]:
            if isinstance(effect, Submit):
                runner._gateway.submit(effect.intent)
        real(self, event)

    patch.setattr(kernel.Kernel, "apply", apply)


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
        name="M25b",
        defect="An order is sent before its intent is committed: the runner on disk",
        patched="the kernel sends before it commits",
        patch=sent_within_the_step,
        check=named("I4", what_leaves_is_on_disk),
    ),
    Mutant(
        name="M37",
        defect="Any exception ends the risk loop; panic then finds nothing to act on",
        patched="the first failed turn stops the runner",
        patch=any_error_ends_the_loop,
        check=named("LV2 CT2", an_error_does_not_end_the_loop),
    ),
    Mutant(
        name="M48b",
        defect="No resume at start: the runner on disk",
        patched="`Journal.unresolved_runs` finds none",
        patch=nothing_is_folded,
        check=named("DU1 CT3", a_run_is_taken_up_again_without_anybody),
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
