"""What the commands say while no runner is there, and before any run."""

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.journal import samples_of_records as s
from trader.cli.app import main
from trader.config.settings import load_settings
from trader.journal import Journal


def test_start_without_a_runner_says_how_to_start_one_and_records_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["start", "--preset", "default", "--now"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "No runner is alive" in said.err
    assert "python -m trader run" in said.err


def test_status_before_any_run_is_unknown_not_flat(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["run_id"] is None
    assert document["flat"] == "unknown"
    assert document["runner"]["alive"] is False


def test_status_in_words_teaches_the_first_trade(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("PAPER · account paper · runner NOT ALIVE")
    assert "python -m trader start --preset default --now" in said


def test_stop_with_nothing_to_stop_does_not_claim_flat(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stop", "--wait", "0.1"]) == 1
    assert "nothing was confirmed" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["status", "--run", "nosuchrun"], ["stop", "--run", "nosuchrun"]])
def test_a_run_that_is_not_there_is_refused_and_nothing_is_recorded(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command) == 1
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert "There is no run 'nosuchrun'" in said.err


def test_check_without_a_runner_fails_and_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--json"]) == 1
    board = json.loads(capsys.readouterr().out)
    assert board["ok"] is False
    failed = {item["name"]: item["words"] for item in board["checks"] if not item["ok"]}
    assert "no runner" in failed["runner"]


def test_history_before_any_run_is_empty(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["history", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"runs": []}


def test_production_start_needs_the_phrase(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DELTA_API_KEY", "canary-1f2e3d4c5b6a")
    monkeypatch.setenv("DELTA_API_SECRET", "canary-9f8e7d6c5b4a")
    for phrase in ([], ["--confirm", "TRADE LIVE"], ["--confirm", "trade live production 1"]):
        assert main(["--env", "production", "start", "--preset", "default", "--now", *phrase]) == 1
        said = capsys.readouterr()
        assert said.out == ""
        assert "TRADE LIVE production-" in said.err
        assert "canary" not in said.err


def test_the_right_phrase_passes_to_the_next_question(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DELTA_API_KEY", "canary-1f2e3d4c5b6a")
    monkeypatch.setenv("DELTA_API_SECRET", "canary-9f8e7d6c5b4a")
    main(["--env", "production", "start", "--preset", "default"])
    phrase = capsys.readouterr().err.split('"')[1]
    assert main(["--env", "production", "start", "--preset", "default", "--confirm", phrase]) == 1
    assert "No runner is alive" in capsys.readouterr().err


def test_a_series_is_not_for_production(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DELTA_API_KEY", "canary-1f2e3d4c5b6a")
    monkeypatch.setenv("DELTA_API_SECRET", "canary-9f8e7d6c5b4a")
    assert main(["--env", "production", "start", "--repeat", "2"]) == 1
    assert "--repeat" in capsys.readouterr().err


def host_refused(*argv: str) -> str:
    """What a runner says that cannot start; in a process of its own, because a host takes over signals and logging."""
    done = subprocess.run([sys.executable, "-m", "trader", *argv], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_keys_missing_for_the_testnet_are_named() -> None:
    assert "DELTA_TESTNET_API_KEY" in host_refused("--env", "testnet", "run")


def test_an_address_that_is_not_loopback_is_refused_on_paper(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DELTA_REST_URL", "https://api.india.delta.exchange")
    monkeypatch.setenv("DELTA_WS_PUBLIC_URL", "wss://public-socket.india.delta.exchange")
    monkeypatch.setenv("DELTA_WS_PRIVATE_URL", "wss://socket.india.delta.exchange")
    assert "Paper trading stays on this machine" in host_refused("run")


def test_a_journal_that_is_no_journal_is_refused_and_left_as_it_is(clean_environment: Path) -> None:
    clean_environment.mkdir(mode=0o700)
    journal = clean_environment / "journal.db"
    journal.write_bytes(b"not a database at all" * 100)
    journal.chmod(0o600)
    before = journal.read_bytes()
    assert str(journal) in host_refused("run")
    assert journal.read_bytes() == before


def test_a_run_looked_up_shows_each_order_with_what_the_gate_compared(capsys: pytest.CaptureFixture[str]) -> None:
    order = s.order_intended("a", "o-2")
    order = replace(order, passed={"ORDER_RATE_EXCEEDED": "orders in the last second=0, max=6"})
    with closing(Journal.open(load_settings().journal_url)) as journal:
        journal.append([*s.one_of_each("a"), order], lease=None)
    assert main(["history", "--run", "a", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    passed = {one["client_order_id"]: one["passed"] for one in document["orders"]}
    assert passed["o-2"] == order.passed and not passed["a-1"] and document["run"]["run_id"] == "a"
    assert len(document["timeline"]) == len(s.one_of_each("a")) + 1
    assert main(["history", "--run", "a"]) == 0
    said = capsys.readouterr().out
    assert "    passed ORDER_RATE_EXCEEDED: orders in the last second=0, max=6" in said
    assert main(["history", "--run", "nosuchrun"]) == 1
    assert "There is no run 'nosuchrun'" in capsys.readouterr().err
