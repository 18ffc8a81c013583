"""A folder of its own as current directory, so that neither `.env` nor the snapshot of a checkout is ever read."""

from collections.abc import Callable
from pathlib import Path

import pytest

from trader.config.settings import Settings, load_settings


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def settings_with(here: Path) -> Callable[..., Settings]:
    """Settings of an environment that holds exactly the given variables."""

    def load(**environ: str) -> Settings:
        return load_settings(environ={"TRADER_HOME": str(here / "var"), **environ})

    return load
