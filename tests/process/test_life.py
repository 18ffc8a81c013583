"""The runner's own life: signals, a stepping wall clock, two of them on one account (K2, V1, W4)."""

import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.process.rig import PATIENCE_SECS, Story, built_shim, story
from trader.engine.records import OrderIntended, Phase

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def test_k2_signals_end_it_in_time_and_the_next_one_goes_on(tmp_path: Path) -> None:
    with story(tmp_path) as tale:
        tale.launch()
        tale.hold()
        intents = len([r for _, r in tale.journal.records() if isinstance(r, OrderIntended)])
        for number, again in ((signal.SIGTERM, False), (signal.SIGHUP, False), (signal.SIGTERM, True)):
            assert tale.end(number, again=again) == 0
            assert not tale.lease_alive(datetime.now(UTC))  # handed back, so that the next one need not wait
            tale.launch()
        assert tale.phase() is Phase.HOLDING
        assert len([r for _, r in tale.journal.records() if isinstance(r, OrderIntended)]) == intents
        tale.ask_to_stop()
        tale.await_phase(Phase.DONE)
        assert tale.end() == 0
        assert tale.right() == []


@pytest.mark.t1
def test_k2_a_closed_terminal_is_survived_by_the_position(tmp_path: Path) -> None:
    with story(tmp_path) as tale:
        tale.launch()
        tale.hold()
        assert tale.end(signal.SIGHUP) == 0
        assert "host_stopping host=process reason=SIGHUP" in tale.words()
        tale.launch()
        tale.ask_to_stop()
        tale.await_phase(Phase.DONE)
        assert tale.end() == 0
        assert tale.right() == []


@pytest.mark.t1
def test_k2_a_signal_during_the_exit_leaves_nothing_open_for_good(tmp_path: Path) -> None:
    with story(tmp_path) as tale:
        tale.launch()
        tale.hold()
        tale.ask_to_stop()
        tale.await_phase(Phase.EXITING)
        tale.end(signal.SIGTERM, again=True)
        tale.launch()
        tale.await_phase(Phase.DONE)
        assert tale.end() == 0
        assert tale.right() == []


class SteppingClock:
    """The wall clock of a story's runner, seconds off."""

    def __init__(self, tale: Story, folder: Path) -> None:
        shim = built_shim(folder)
        if shim is None:
            pytest.skip("no C compiler for the clock that steps")
        self._file = folder / "clock"
        self.step(0)
        tale.extra = {"LD_PRELOAD": str(shim), "SHIM_CLOCK": str(self._file)}

    def step(self, secs: float) -> None:
        new = self._file.with_suffix(".new")
        new.write_text(f"{secs:.0f}")
        new.replace(self._file)


def stepped(tmp_path: Path, steps: tuple[float, ...], finish: Callable[[Story], None]) -> None:
    """Hold under a clock that steps; nothing may be entered or closed by that alone."""
    with story(tmp_path) as tale:
        clock = SteppingClock(tale, tmp_path)
        tale.launch()
        tale.hold()
        for secs in steps:
            clock.step(secs)
            time.sleep(2.5)  # time in which it could do harm: absence has no condition to wait for
            assert tale.phase() is Phase.HOLDING
            assert tale.runner is not None and tale.runner.poll() is None
        finish(tale)
        assert tale.end() == 0
        assert tale.right() == []


def stop(tale: Story) -> None:
    tale.ask_to_stop()
    tale.await_phase(Phase.DONE)


def test_v1_an_hour_forth_and_back_changes_nothing(tmp_path: Path) -> None:
    stepped(tmp_path, (3600.0, -3600.0), stop)


@pytest.mark.t1
@pytest.mark.parametrize("secs", [86_400.0, -86_400.0, 7.0, -7.0])
def test_v1_a_stop_under_a_wrong_clock_still_flattens(tmp_path: Path, secs: float) -> None:
    stepped(tmp_path, (secs,), stop)


@pytest.mark.t1
def test_v1_the_exit_time_is_the_exchanges_whatever_the_wall_says(tmp_path: Path) -> None:
    with story(tmp_path) as tale:
        clock = SteppingClock(tale, tmp_path)
        tale.launch()
        tale.hold(tale.ending_in(20))
        clock.step(-3600)
        tale.await_phase(Phase.DONE)
        assert tale.end() == 0
        assert tale.right() == []


def test_w4_of_two_runners_started_at_once_one_acts(tmp_path: Path) -> None:
    """The other is told so and ends, or, where both looked before either had the account, stands by."""
    with story(tmp_path) as tale:
        both = [tale.launch(wait=False), tale.launch(wait=False)]
        tale.hold()
        third = tale.launch(wait=False)
        assert third.wait(PATIENCE_SECS) == 1
        assert "Another runner is active" in tale.words()
        assert any(runner.poll() is None for runner in both)
        stop(tale)
        for runner in both:
            tale.runner = runner
            assert runner.poll() == 1 or tale.end() == 0
        assert tale.right() == []


@pytest.mark.t1
def test_w4_a_second_installation_on_the_account_enters_nothing(tmp_path: Path) -> None:
    with story(tmp_path) as tale:
        tale.launch()
        tale.hold()
        other = Story(tale.venue, tmp_path / "other")
        try:
            other.launch()
            other.ask_to_start()
            time.sleep(6)  # long enough for an entry
            assert other.phase() in (None, Phase.WAITING)
            assert [r for _, r in other.journal.records() if isinstance(r, OrderIntended)] == []
            other.end()
        finally:
            if other.runner is not None and other.runner.poll() is None:
                other.runner.kill()
                other.runner.wait()
            other.journal.close()
        stop(tale)
        assert tale.end() == 0
        assert tale.right() == []
