"""A runner that hangs or dies is noticed within five seconds and replaced; one that waits for the disk is given time."""

import threading
import time

import pytest

from trader.runner import supervising
from trader.runner.supervising import watch_over


class FakeRunner:
    """Runs until told to end; hangs from `hang` on."""

    def __init__(self, *, hang: bool = False, disk: bool = False, error: BaseException | None = None) -> None:
        self.hang = hang
        self.waits_for_disk = disk
        self.error = error
        self.abandoned = ""
        self._ended = threading.Event()
        self._beat = time.monotonic()

    def run(self) -> None:
        if self.error is not None:
            raise self.error
        while not self._ended.wait(0.01):
            if not self.hang:
                self._beat = time.monotonic()

    def stop(self) -> None:
        self._ended.set()

    def abandon(self, why: str) -> None:
        self.abandoned = why
        self._ended.set()

    @property
    def quiet_secs(self) -> float:
        return time.monotonic() - self._beat


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    assert supervising.HUNG_SECS + 2 * supervising.LOOK_SECS < 5.0  # what is promised
    monkeypatch.setattr(supervising, "HUNG_SECS", 0.3)
    monkeypatch.setattr(supervising, "LOOK_SECS", 0.02)


def test_a_hanging_runner_is_fenced_and_left_behind() -> None:
    runner = FakeRunner(hang=True)
    why = watch_over(runner, threading.Event())
    assert "hung" in why and runner.abandoned == why


def test_a_runner_that_raises_is_to_be_replaced_and_says_why() -> None:
    assert "ValueError: broken" in watch_over(FakeRunner(error=ValueError("broken")), threading.Event())


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt()])
def test_even_what_is_no_exception_does_not_end_it_unheard(error: BaseException) -> None:
    assert type(error).__name__ in watch_over(FakeRunner(error=error), threading.Event())


def test_a_runner_that_was_told_to_end_is_not_replaced() -> None:
    stopping = threading.Event()
    threading.Timer(0.1, stopping.set).start()
    runner = FakeRunner()
    assert watch_over(runner, stopping) == "" and runner.abandoned == ""


def test_a_slow_disk_is_told_and_waited_for_but_not_for_ever(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(supervising, "DISK_SECS", 1.0)
    runner = FakeRunner(hang=True, disk=True)
    began = time.monotonic()
    assert watch_over(runner, threading.Event()) == runner.abandoned != ""
    assert time.monotonic() - began >= 0.9
    assert len([record for record in caplog.records if "waits for the journal" in record.message]) == 1


def test_a_runner_that_comes_back_in_time_is_left_alone() -> None:
    runner, stopping = FakeRunner(hang=True), threading.Event()
    threading.Timer(0.15, lambda: setattr(runner, "hang", False)).start()
    threading.Timer(0.8, stopping.set).start()
    assert watch_over(runner, stopping) == "" and runner.abandoned == ""
