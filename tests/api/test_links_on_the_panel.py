"""Links where the panel serves them: its own public host reaches them, and nothing else."""

import subprocess
from pathlib import Path

import pytest

from tests.api.client import Client
from tests.api.test_on_the_panels_port import panel
from trader.config.settings import load_settings
from trader.desk import Desk

__all__ = ["panel"]


@pytest.fixture
def links_on(clean_environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADER_REPLY_LINKS", "true")
    monkeypatch.setenv("TRADER_PUBLIC_URL", "https://desk.example.org")


@pytest.mark.slow
def test_the_public_host_reaches_links_of_the_panel_and_nothing_else(
    links_on: None, panel: tuple[subprocess.Popen[bytes], Client]
) -> None:
    _, client = panel
    outside = {"Host": "desk.example.org"}
    assert client.ask("GET", "/link/forged.x", None, headers=outside).status_code == 410
    assert client.ask("GET", "/health", None, headers=outside).status_code == 403
    assert client.session.get(f"http://127.0.0.1:{client.port}/", headers=outside, timeout=10).status_code == 403
    desk = Desk(load_settings())  # the watchdog's: it shares no memory with the panel
    address = desk.links._address("stop", "", (), "json-1")
    path = address.removeprefix("https://desk.example.org/api")
    answer = client.ask("POST", path, None, headers=outside | {"Origin": "null"})
    assert answer.status_code == 410 and "Nothing is open; nothing was stopped." in answer.text
    assert answer.headers["referrer-policy"].startswith("no-referrer")
    desk.close()
