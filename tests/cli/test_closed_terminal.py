"""Closing the terminal ends what runs in it in order, with a line in the log; under nohup it goes on."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.rig import await_value
from trader.config.connection import read_announcement
from trader.config.settings import load_settings
from trader.desk import Desk
from trader.machine import signals

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="no terminals that hang up")
LOG = "delta_trader_detailed.log"


# The session's first process takes its terminal, then becomes the program.
BECOME = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
    "os.execv(sys.executable, [sys.executable, '-m', 'trader', *sys.argv[1:]])"
)


@contextlib.contextmanager
def in_a_terminal(*arguments: str) -> Iterator[Callable[[], int]]:
    """The program on a terminal of its own; what is given closes the terminal and returns the exit code."""
    terminal, inside = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", BECOME, *arguments], stdin=inside, stdout=inside, stderr=inside, start_new_session=True
    )
    os.close(inside)
    closed: list[bool] = []

    def close() -> int:
        os.close(terminal)
        closed.append(True)
        return process.wait(30)

    try:
        yield close
    finally:
        if not closed:
            process.kill()
            close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.mark.slow
@pytest.mark.parametrize(("command", "code"), [("run", 0), ("up", -signal.SIGTERM)])
def test_a_closed_terminal_ends_the_host_in_order_and_status_says_stopped_not_crashed(
    command: str, code: int, clean_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORT", str(free_port()))
    desk = Desk(load_settings())
    with in_a_terminal(command) as close:

        def alive() -> bool | None:
            return ((clean_environment / "journal.db").exists() and desk.status().runner.alive) or None

        await_value(alive, 60, "a runner")
        announced = read_announcement(clean_environment)
        assert announced is not None
        assert close() == code
    status = desk.status()
    assert not status.runner.alive and "was stopped" in status.situation[0]
    desk.close()
    said = (clean_environment / "logs" / LOG).read_text()
    assert "SIGHUP" in said and "host_stopped" in said
    assert read_announcement(clean_environment) is None  # the exchange has ended with it


def test_a_closed_terminal_ends_a_venue_by_hand_in_order(tmp_path: Path) -> None:
    venue = start_venue(tmp_path / "state.db")
    venue.send_signal(signal.SIGHUP)
    _, said = venue.communicate(timeout=15)
    assert venue.returncode == 0 and "venue_stopping signal=SIGHUP" in said
    assert (tmp_path / "state.db").stat().st_size > 0 and not (tmp_path / "state.db-wal").exists()  # closed whole


def start_venue(state: Path) -> Any:
    venue = subprocess.Popen(
        [sys.executable, "-m", "trader", "venue", "--state", str(state)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert venue.stdout is not None and venue.stdout.readline().startswith("{")
    return venue


def test_under_nohup_a_closed_terminal_is_not_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert list(signals.ending_signals()) == [signal.SIGTERM, signal.SIGINT]
        venue = start_venue(tmp_path / "state.db")  # children inherit what is ignored
    finally:
        signal.signal(signal.SIGHUP, before)
    assert signal.SIGHUP in signals.ending_signals()
    venue.send_signal(signal.SIGHUP)
    time.sleep(0.3)  # time in which it could end: absence has no condition to wait for
    assert venue.poll() is None
    venue.terminate()
    _, said = venue.communicate(timeout=15)
    assert venue.returncode == 0 and "SIGTERM" in said and "SIGHUP" not in said
    monkeypatch.delattr(signal, "SIGHUP")  # as on Windows
    assert list(signals.ending_signals()) == [signal.SIGTERM, signal.SIGINT]
