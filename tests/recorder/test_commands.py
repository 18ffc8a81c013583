"""`python -m trader record` and what `python -m trader venue` tells a person."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.recorder.conftest import until
from trader.cli.app import main
from trader.venue.feed.session_file import session_files
from trader.venue.server import VenueServer


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRADER_HOME", str(tmp_path / "home"))
    return tmp_path


def addresses(server: VenueServer) -> list[str]:
    return ["--rest-url", server.addresses.rest_url, "--ws-url", server.addresses.ws_public_url]


def test_record_writes_a_session_and_says_how_to_play_it(
    elsewhere: VenueServer, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = home / "session"
    argv = ["record", str(out), *addresses(elsewhere), "--underlyings", "btc", "--expiries", "1", "--secs", "1.5"]
    assert main(argv) == 0
    said = capsys.readouterr().out
    assert f"python -m trader venue --market recording {out}" in said and "messages" in said
    assert len(session_files(out)) == 1


def test_record_answers_in_json(elsewhere: VenueServer, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["record", *addresses(elsewhere), "--underlyings", "BTC", "--expiries", "1", "--secs", "1", "--json"]
    assert main(argv) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["rows"] > 0 and told["dropped"] == 0
    (file,) = told["files"]
    assert Path(file).is_relative_to(home / "home" / "recordings")


def test_a_recording_stopped_by_the_keyboard_is_complete(elsewhere: VenueServer, home: Path) -> None:
    out = home / "stopped"
    command = [sys.executable, "-m", "trader", "record", str(out), *addresses(elsewhere), "--expiries", "1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    until(lambda: any(out.glob("*.part")), secs=30)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=20)
    assert process.returncode == 0 and "Play it" in said
    assert len(session_files(out)) == 1 and not any(out.glob("*.part"))


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--rest-url", "http://127.0.0.1:9"], "both addresses"),
        (["--rest-url", "http://127.0.0.1:9", "--ws-url", "ws://127.0.0.1:9"], "no market data from"),
        (["--rest-url", "http://elsewhere.example", "--ws-url", "wss://elsewhere.example"], "not encrypted"),
        (["--exchange", "local"], "no local exchange runs here"),
        (["--exchange", "production", "--underlyings", ","], "at least one"),
        (["--exchange", "production", "--rotate-minutes", "0"], "above 0"),
        (["--exchange", "production", "--secs", "0"], "above 0"),
    ],
)
def test_recordings_that_cannot_be_made_are_refused(
    argv: list[str], words: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["record", str(home / "out"), *argv]) == 1
    said = capsys.readouterr()
    assert words in said.err and said.err.count("\n") == 1


def test_on_a_terminal_the_venue_explains_itself_and_shows_its_addresses(home: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "trader", "venue", "--seed", "7"]
    process = subprocess.Popen(command, stdout=theirs, stderr=subprocess.PIPE)
    os.close(theirs)
    said = ""
    while "Ctrl+C" not in said:
        said += os.read(ours, 4096).decode()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    os.close(ours)
    assert process.returncode == 0 and errors == b""
    for words in (
        "REST            http://127.0.0.1:",
        "public socket   ws://",
        "API secret",
        "DeltaRestClient",
        "ccxt",
    ):
        assert words in said, said
    assert "{" not in said.splitlines()[0]


def test_one_port_gives_all_three(home: Path, unused_three: int) -> None:
    command = [sys.executable, "-m", "trader", "venue", "--seed", "7", "--port", str(unused_three)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    told = json.loads(process.stdout.readline())
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    ports = [int(told[name].rpartition(":")[2]) for name in ("rest_url", "ws_public_url", "ws_private_url")]
    assert ports == [unused_three, unused_three + 1, unused_three + 2]


@pytest.fixture
def unused_three() -> int:
    """The first of three free ports in a row."""
    import socket

    for port in range(42_100, 60_000, 3):
        held = []
        try:
            for each in range(port, port + 3):
                bound = socket.socket()
                held.append(bound)
                bound.bind(("127.0.0.1", each))
        except OSError:
            continue
        else:
            return port
        finally:
            for bound in held:
                bound.close()
    pytest.fail("no three free ports in a row")


def test_the_recording_is_named_once(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["venue", "--market", "recording", "a.parquet", "--recording", "b.parquet"]) == 1
    assert "name the recording once" in capsys.readouterr().err
