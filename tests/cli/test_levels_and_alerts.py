"""Alerts, acknowledging and the operator's levels on the command line, with and without a runner."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from trader.cli.app import main
from trader.config.halt import halt, is_halted
from trader.engine.records import AlertRaised, Level, LevelChanged
from trader.journal.store import Journal

Said = pytest.CaptureFixture[str]


@pytest.fixture
def journal(clean_environment: Path) -> Any:
    made = Journal.open(f"sqlite:///{clean_environment / 'journal.db'}")
    yield made
    made.close()


def raise_alert(journal: Journal, level: str, text: str) -> int:
    alert = AlertRaised(run_id="", wall=datetime.now(UTC), level=level, code=text, text=text)
    return journal.append([alert], lease=None, account="paper")


def run(capsys: Said, *arguments: str) -> tuple[int, str, str]:
    code = main(list(arguments))
    said = capsys.readouterr()
    return code, said.out, said.err


def test_alerts_are_listed_until_acknowledged_with_who_and_when(journal: Journal, capsys: Said) -> None:
    first = raise_alert(journal, "error", "somebody else traded")
    second = raise_alert(journal, "warning", "the stream is down")
    raise_alert(journal, "info", "only information")
    code, out, _ = run(capsys, "alerts")
    assert code == 0 and f"#{first}" in out and f"#{second}" in out and "only information" not in out
    code, out, _ = run(capsys, "ack", str(first), "--json")
    assert code == 0 and json.loads(out)["acknowledged"] == 1
    _, out, _ = run(capsys, "alerts", "--json")
    assert [alert["seq"] for alert in json.loads(out)["alerts"]] == [second]
    assert run(capsys, "ack", "all")[1] == "Acknowledged: 1.\n"
    assert run(capsys, "ack", "all")[1] == "Nothing was waiting for acknowledgement.\n"
    _, out, _ = run(capsys, "alerts", "--all")
    assert out.count("acknowledged by") == 2
    kinds = [row.kind for _, row in journal.commands_of_kind("paper", "ack")]
    assert kinds == ["ack", "ack", "ack"]


@pytest.mark.parametrize(("given", "words"), [("99", "There is no alert 99"), ("x", "named by its number")])
def test_an_alert_that_is_not_there_is_refused_in_words(journal: Journal, capsys: Said, given: str, words: str) -> None:
    code, _, err = run(capsys, "ack", given)
    assert code == 1 and words in err and err.count("\n") == 1


@pytest.mark.parametrize("order", ["pause", "reduce"])
def test_a_level_without_a_runner_is_recorded_for_the_next(journal: Journal, capsys: Said, order: str) -> None:
    code, out, _ = run(capsys, order, "--reason", "lunch")
    assert code == 0 and "carried out as soon as a runner is alive" in out
    (row,) = journal.pending_commands("paper")
    assert (row.kind, row.body["reason"]) == (order, "lunch")


def test_kill_needs_its_word_and_never_claims_what_is_not_done(journal: Journal, capsys: Said) -> None:
    code, _, err = run(capsys, "kill")
    assert (code == 1 and "KILL" in err) or "no terminal" in err
    assert journal.pending_commands("paper") == []
    code, out, err = run(capsys, "kill", "--yes", "--wait", "0")
    assert code == 1 and "NOT FLAT" in err and "flatten" in err and "Recorded (kill)" in out


def test_resume_lifts_the_halt_file_and_asks_for_the_level(
    journal: Journal, capsys: Said, clean_environment: Path
) -> None:
    assert run(capsys, "resume")[1] == "Nothing is halted.\n"
    halt(clean_environment, "flatten")
    assert run(capsys, "resume", "--confirm", "yes")[0] == 1 and is_halted(clean_environment)
    code, out, _ = run(capsys, "resume", "--confirm", "RESUME")
    assert code == 0 and not is_halted(clean_environment) and "The halt is lifted" in out
    assert [row.kind for row in journal.pending_commands("paper")] == ["resume"]


def test_status_names_the_level_what_is_so_and_what_happened(journal: Journal, capsys: Said) -> None:
    raise_alert(journal, "error", "somebody else traded")
    change = LevelChanged(
        run_id="", wall=datetime.now(UTC), cause="user", account="paper", level=Level.PAUSED, reason="lunch"
    )
    journal.append([change], lease=None, account="paper")
    _, out, _ = run(capsys, "status", "--json")
    told = json.loads(out)
    assert told["trading"] == {"level": "PAUSED", "reason": "lunch"} and told["alerts_open"] == 1
    assert told["situation"][0].startswith("No runner has worked on this account yet")
    assert any("Trading is PAUSED: lunch" in line for line in told["situation"])
    assert [one["text"] for one in told["happened"]] == ["Trading is PAUSED: lunch", "somebody else traded"]
    assert told["alerts"][0]["acknowledged_by"] is None
    _, out, _ = run(capsys, "status")
    assert "trading PAUSED" in out and "! Trading is PAUSED: lunch" in out
