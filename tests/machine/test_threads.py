"""Threads that must live do, whatever their work ends with; and every thread of the program is one of them, or says why not."""

import ast
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from trader.machine import threads
from trader.machine.threads import LastingThread

ROOT = Path(__file__).parents[2]
# What makes a thread without watching over it, and why that is right there.
REASONS = {
    ("trader/machine/threads.py", "Thread"): "the mechanism itself",
    ("trader/runner/supervising.py", "Thread"): "the runner's: watched for hanging too, and replaced with a new epoch",
    (
        "trader/venue/server.py",
        "Thread",
    ): "an exchange inside a test; in the field it is a process that its guard restarts",
    ("trader/runner/dispatcher.py", "ThreadPoolExecutor"): "a pool: what a piece of work raises is told by `_guarded`",
    (
        "trader/runner/flatten/flattening.py",
        "ThreadPoolExecutor",
    ): "a pool: what a piece raises comes back to the command",
    ("trader/panel/orders_books.py", "ThreadPoolExecutor"): "a pool: what a piece raises is shown on the page",
    ("trader/desk/analytics/results.py", "Thread"): "ends once all results are made; who asks next begins another",
    ("trader/watch/day_telling.py", "Thread"): "one report; where none was made it is begun again, three times",
}
MAKERS = {"Thread", "Timer", "ThreadPoolExecutor", "start_new_thread", "start_joinable_thread", "ThreadPool"}


@pytest.fixture
def told() -> Iterator[list[tuple[str, str]]]:
    heard: list[tuple[str, str]] = []

    def hear(name: str, words: str) -> None:
        heard.append((name, words))

    threads.tell_deaths_to(hear)
    yield heard
    threads.tell_deaths_no_more(hear)


@pytest.mark.parametrize("error", [AttributeError("_last"), MemoryError(), SystemExit(1), KeyboardInterrupt(), None])
def test_a_thread_whose_work_ends_by_itself_is_told_and_started_again(
    error: BaseException | None, told: list[tuple[str, str]]
) -> None:
    stopping, came_back = threading.Event(), threading.Event()
    calls: list[int] = []

    def work() -> None:
        calls.append(1)
        if len(calls) == 1:
            if error is not None:
                raise error
            return
        came_back.set()
        stopping.wait()

    thread = LastingThread("worker", work, stopping, again_secs=0.01)
    thread.start()
    assert came_back.wait(30) and thread.alive
    stopping.set()
    thread.join(30)
    assert not thread.alive and len(calls) == 2
    ((name, words),) = told
    assert name == "worker" and (type(error).__name__ if error is not None else "it returned") in words


def test_a_thread_that_was_told_to_end_ends_without_a_word(told: list[tuple[str, str]]) -> None:
    stopping = threading.Event()

    def work() -> None:
        stopping.wait()

    thread = LastingThread("worker", work, stopping)
    thread.join(0)  # never started: nothing to wait for
    thread.start()
    stopping.set()
    thread.join(30)
    assert not thread.alive and told == []


def test_a_listener_that_fails_keeps_no_thread_from_being_started_again(told: list[tuple[str, str]]) -> None:
    def fails(name: str, words: str) -> None:
        raise OSError("no room")

    threads.tell_deaths_to(fails)
    stopping, again = threading.Event(), threading.Event()
    calls: list[int] = []

    def work() -> None:
        calls.append(1)
        if len(calls) == 3:
            again.set()
            stopping.wait()

    thread = LastingThread("worker", work, stopping, again_secs=0.01)
    thread.start()
    try:
        assert again.wait(30)
    finally:
        stopping.set()
        threads.tell_deaths_no_more(fails)
    assert len(told) == 2


def made_in(path: Path) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in MAKERS:
                yield path.relative_to(ROOT).as_posix(), name


def test_every_thread_of_the_program_is_watched_over_or_says_why_not() -> None:
    found = {
        made for path in [*(ROOT / "trader").rglob("*.py"), *(ROOT / "pages").rglob("*.py")] for made in made_in(path)
    }
    assert found == REASONS.keys()
    for path in (ROOT / "trader").rglob("*.py"):  # nor by inheritance
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                assert not any(ast.unparse(base).endswith("Thread") for base in node.bases), path
