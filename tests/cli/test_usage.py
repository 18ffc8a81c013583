"""What the command line itself says: help, and one sentence for what it cannot understand."""

import subprocess
import sys
from pathlib import Path

import pytest

from trader.cli.app import main

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["frob"], "No such command 'frob'"),
        (["status", "--nope"], "No such option: --nope"),
        (["up", "--port", "99999"], "--port"),
        (["up", "--port", "http"], "--port"),
        (["start", "--wait", "-1"], "--wait"),
        (["start", "--preset"], "--preset"),
        (["history", "--limit", "0"], "--limit"),
    ],
)
def test_wrong_usage_is_one_sentence_and_exit_code_2(
    argv: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(argv) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert words in said.err
    assert said.err.startswith("Error: ")
    assert said.err.count("\n") == 1


@pytest.mark.parametrize("argv", [[], ["--help"]])
def test_help_lists_the_commands(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 0
    said = capsys.readouterr().out
    for name in ("up", "run", "start", "status", "stop", "check", "venue", "config", "presets", "history"):
        assert f"  {name} " in said


def test_help_of_every_command_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("up", "run", "start", "status", "stop", "check", "venue", "import-recording", "history"):
        assert main([name, "--help"]) == 0
        assert "Usage:" in capsys.readouterr().out


def test_usage_errors_need_no_heavy_import() -> None:
    code = (
        "import sys; from trader.cli.app import main; main(['--version']); "
        "print(*(m for m in ('sqlalchemy', 'pydantic', 'streamlit', 'numpy', 'requests') if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert done.stdout.splitlines()[1:] == [""]


def test_module_runs_as_a_program() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "trader", "--version"], cwd=ROOT, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0
    assert done.stdout.startswith("strangle-desk ")
