"""`logs`: the log files filtered, for people and for programs; and followed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.desk.test_logs import row
from trader.cli.app import app

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRADER_HOME", str(tmp_path))
    (tmp_path / "logs").mkdir()
    path = tmp_path / "logs" / "delta_trader_detailed.log"
    path.write_text(
        "".join(
            f"{line}\n"
            for line in (
                row(0, "quiet", level="DEBUG"),
                row(1, "one", run_id="abcdefghij"),
                row(2, "two \x1b[31mred\x1b[0m", level="WARNING"),
                row(3, "[abcde p] status reported: 1", run_id="abcdefghij"),
                row(4, "[abcde p] status reported: 2", run_id="abcdefghij"),
            )
        )
    )
    return path


def told(*arguments: str, code: int = 0) -> str:
    found = CliRunner().invoke(app, ["logs", *arguments])
    assert found.exit_code == code, found.output
    return found.output


def test_lines_are_told_oldest_first_and_reports_once_with_how_many() -> None:
    assert told().splitlines() == [
        "Mon 30 Nov 11:30:01 IST  info     one",
        "Mon 30 Nov 11:30:02 IST  warning  two  [31mred [0m",
        "Mon 30 Nov 11:30:04 IST  info     [abcde p] status reported: 2 (x 2 since Mon 30 Nov 11:30:03 IST)",
    ]
    assert [line.split()[-1] for line in told("--level", "DEBUG", "--limit", "4").splitlines()[:2]] == ["quiet", "one"]


def test_filters_go_together_and_nothing_found_says_among_how_many() -> None:
    assert len(told("--run", "abcdefghij", "--since", "2026-11-30T06:00:02Z").splitlines()) == 1
    assert told("--level", "WARNING", "--text", "ONE") == "None of 5 lines is one of those.\n"
    assert "none of" in told("--until", "2026-11-29").lower()


def test_programs_get_the_lines_and_what_was_hidden() -> None:
    found = json.loads(told("--level", "warning", "--json"))
    assert [line["level"] for line in found["lines"]] == ["warning"] and found["hidden"] == {"level": 4}


@pytest.mark.parametrize(("arguments", "said"), [
    (("--level", "loud"), "--level must be one of debug, info, warning, error, was 'loud'"),
    (("--since", "soon"), "--since must be a day"),
])  # fmt: skip
def test_what_cannot_be_read_is_named(arguments: tuple[str, ...], said: str) -> None:
    found = CliRunner().invoke(app, ["logs", *arguments])
    assert said in str(found.exception)


def test_following_goes_on_with_what_is_written_and_ends_with_the_keyboard(log: Path) -> None:
    environment = {**os.environ, "TRADER_HOME": str(log.parents[1])}
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "trader", "logs", "--follow", "--level", "warning"],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert "two" in process.stdout.readline()
        log.rename(log.with_name(f"{log.name}.1"))
        log.write_text(row(9, "after", level="ERROR") + "\n")
        assert process.stdout.readline().endswith("error    after\n")
        process.send_signal(2)
        assert process.wait(20) == 130
