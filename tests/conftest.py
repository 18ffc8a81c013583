"""What every test may rely on: a clean environment and a home of its own. Nothing else is shared here."""

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

# Same examples in every run: a red CI must be red again at the desk. Deadlines would measure the machine, not the code.
hypothesis.settings.register_profile("house", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("house")

# Settings of the program that a developer's shell may carry. TRADER_DATA only points to recorded data and stays.
_OURS = ("TRADER_", "DELTA_", "STREAMLIT_", "DATABASE_URL", "PORT")
_KEPT = frozenset({"TRADER_DATA"})


def _cleaned(patch: pytest.MonkeyPatch, home: Path) -> None:
    for name in list(os.environ):
        if name.startswith(_OURS) and name not in _KEPT:
            patch.delenv(name)
    patch.setenv("TRADER_HOME", str(home))


@pytest.fixture(scope="session", autouse=True)
def _clean_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """For fixtures wider than one test, which start before `clean_environment`."""
    with pytest.MonkeyPatch.context() as patch:
        _cleaned(patch, tmp_path_factory.mktemp("session-home"))
        yield


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No setting leaks in from the shell; `TRADER_HOME` is this test's own folder, which is returned (not yet made)."""
    home = tmp_path / "home"
    _cleaned(monkeypatch, home)
    return home
