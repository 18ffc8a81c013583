"""Kill points do nothing unless the environment names one, and then exactly what it says."""

import os
import subprocess
import sys
from pathlib import Path

CODE = """
from trader.runner import killpoints
print(killpoints.ARMED, flush=True)
for _ in range(3):
    killpoints.reach("somewhere")
    print("passed", flush=True)
"""


def run(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, timeout=30, env={**os.environ, **environment}
    )


def test_without_the_variable_they_are_inert() -> None:
    done = run()
    assert done.returncode == 0 and done.stdout.split() == ["False", "passed", "passed", "passed"]


def test_the_nth_pass_of_the_named_point_kills() -> None:
    done = run(KILLPOINT="somewhere:2")
    assert done.returncode == -9 and done.stdout.split() == ["True", "passed"]


def test_another_point_does_not() -> None:
    assert run(KILLPOINT="elsewhere:1").returncode == 0


def test_passes_are_listed(tmp_path: Path) -> None:
    assert run(KILLPOINTS_LIST=str(tmp_path / "list")).returncode == 0
    assert (tmp_path / "list").read_text().split() == ["somewhere:1", "somewhere:2", "somewhere:3"]
