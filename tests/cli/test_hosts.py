"""Commands that host something: what they print when ready, and how they refuse."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest
import requests

from trader.cli.app import main
from trader.cli.ports import LOOPBACK, require_free_port
from trader.domain.errors import ConfigError
from trader.journal.store import Journal
from trader.runner.process import is_running


@pytest.fixture
def busy_port() -> Iterator[int]:
    with socket.create_server((LOOPBACK, 0)) as server:
        yield server.getsockname()[1]


def test_a_busy_port_is_refused_with_its_number(busy_port: int) -> None:
    with pytest.raises(ConfigError, match=f"Port {busy_port} .*try another"):
        require_free_port(busy_port, remedy="try another")


def test_a_free_port_passes_also_just_after_it_was_used() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection((LOOPBACK, port)) as client, server.accept()[0] as accepted:
            accepted.shutdown(socket.SHUT_RDWR)  # the server closes first: its side stays in TIME_WAIT
            client.recv(1)
    require_free_port(port, remedy="try another")


def test_up_on_a_busy_port_says_so_and_starts_nothing(
    busy_port: int, capsys: pytest.CaptureFixture[str], clean_environment: Path
) -> None:
    assert main(["up", "--port", str(busy_port)]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert f"Port {busy_port} " in said.err
    assert said.err.count("\n") == 1
    assert not clean_environment.exists()


@pytest.mark.parametrize("command", ["run", "up"])
def test_a_home_that_is_a_file_is_said_in_one_sentence(command: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.write_text("not a folder")
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
    ended = subprocess.run(
        [sys.executable, "-m", "trader", command],
        env={**os.environ, "TRADER_HOME": str(home), "PORT": str(port)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1, ended.stderr
    assert "TRADER_HOME" in ended.stderr and str(home) in ended.stderr


def test_ctrl_c_ends_the_panel_with_one_quiet_line(clean_environment: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
    panel = subprocess.Popen(
        [sys.executable, "-m", "trader", "up", "--port", str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert panel.stderr is not None
        while "runner_started" not in panel.stderr.readline():
            assert panel.poll() is None
        while not _listens(port):
            assert panel.poll() is None
        panel.send_signal(signal.SIGINT)
        out, err = panel.communicate(timeout=30)
    finally:
        panel.kill()
        panel.wait()
    assert panel.returncode == 0
    assert "Abort" not in out + err and "Traceback" not in err
    assert out.rstrip().endswith("taken up again at the next start.")
    assert not (clean_environment / "venue.json").exists()


def test_a_runner_in_a_process_of_its_own_is_brought_back_and_ends_with_the_panel(clean_environment: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
    panel = subprocess.Popen(
        [sys.executable, "-m", "trader", "up", "--port", str(port)],
        env={**os.environ, "RUNNER": "process"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert panel.stderr is not None
    journal = None
    try:
        _said(panel.stderr, "runner_started account=paper epoch=1 host=process")
        journal = Journal.open(f"sqlite:///{clean_environment / 'journal.db'}")
        first = _holder(journal)
        assert first not in (panel.pid, os.getpid())
        while not _serves(port):
            assert panel.poll() is None
        os.kill(first, signal.SIGKILL)
        _said(panel.stderr, "runner_process_ended code=-9")
        _said(panel.stderr, "runner_started account=paper epoch=2 host=process")
        second = _holder(journal)
        panel.send_signal(signal.SIGINT)
        panel.communicate(timeout=60)
        assert panel.returncode == 0
        assert not is_running(second)
        assert not (clean_environment / "venue.json").exists()
    finally:
        panel.kill()
        panel.wait()
        if journal is not None:
            journal.close()


def test_a_runner_of_its_own_that_cannot_start_ends_the_panel(clean_environment: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
    ended = subprocess.run(
        [sys.executable, "-m", "trader", "up", "--port", str(port)],
        env={
            **os.environ,
            "RUNNER": "process",
            "DELTA_REST_URL": "http://127.0.0.1:1",
            "DELTA_WS_PUBLIC_URL": "ws://127.0.0.1:1",
            "DELTA_WS_PRIVATE_URL": "ws://127.0.0.1:1",
        },
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert ended.returncode == 1
    assert "DELTA_PAPER_API_KEY" in ended.stderr
    assert "The runner's process ended with 1" in ended.stderr


def _holder(journal: Journal) -> int:
    lease = journal.lease_row("paper")
    assert lease is not None
    return lease.pid


def _said(stream: IO[str], words: str) -> None:
    """Read until these words come; the test's own time limit ends it otherwise."""
    for line in stream:
        if words in line:
            return
    raise AssertionError(f"it ended without saying {words!r}")


def _serves(port: int) -> bool:
    """Whether the panel answers: it does so once its host was started; its port is open before."""
    try:
        return requests.get(f"http://{LOOPBACK}:{port}/_stcore/health", timeout=0.5).ok
    except requests.RequestException:
        return False


def _listens(port: int) -> bool:
    try:
        socket.create_connection((LOOPBACK, port), timeout=0.5).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("option", ["--rest-port", "--ws-public-port", "--ws-private-port"])
def test_venue_on_a_busy_port_says_so(option: str, busy_port: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["venue", option, str(busy_port)]) == 1
    assert f"Port {busy_port} " in capsys.readouterr().err


def test_venue_prints_one_json_line_when_ready_and_ends_on_sigterm() -> None:
    venue = subprocess.Popen(
        [sys.executable, "-m", "trader", "venue", "--seed", "7", "--speed", "60"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert venue.stdout is not None
        ready = json.loads(venue.stdout.readline())
        assert set(ready) >= {"rest_url", "ws_public_url", "ws_private_url", "api_key", "api_secret", "seed"}
        assert ready["seed"] == 7
        assert ready["rest_url"].startswith(f"http://{LOOPBACK}:")
        venue.send_signal(signal.SIGTERM)
        rest, _ = venue.communicate(timeout=15)
    finally:
        venue.kill()
        venue.wait()
    assert rest == ""


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--speed", "601"], "speed"),
        (["--speed", "0"], "speed"),
        (["--market", "recording"], "recording"),
        (["--market", "recording", "--recording", "nowhere.parquet"], "nowhere.parquet"),
        (["--start", "yesterday"], "--start"),
        (["--balance", "much"], "--balance"),
        (["--balance", "-5"], "balance"),
        (["--balance", "NaN"], "--balance"),
    ],
)
def test_venue_options_that_cannot_be_used_are_refused(
    argv: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["venue", *argv])
    said = capsys.readouterr()
    assert code == 1
    assert said.out == ""
    assert said.err.startswith("Error: ")
    assert words in said.err
    assert said.err.count("\n") == 1


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["nowhere.parquet", "out.parquet", "--kind", "deribit-chain"], "nowhere.parquet does not exist"),
        (["broken.parquet", "out.parquet", "--kind", "deribit-chain"], "broken.parquet"),
        (["broken.parquet", "out.parquet", "--kind", "deribit-chain", "--from", "1st June"], "--from"),
        (["broken.parquet", "out.parquet", "--kind", "csv"], "--kind"),
    ],
)
def test_import_of_what_is_no_recording_is_refused(
    argv: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and then nothing")
    assert main(["import-recording", *argv]) in (1, 2)
    said = capsys.readouterr()
    assert words in said.err
    assert said.err.count("\n") == 1
    assert not (tmp_path / "out.parquet").exists()
