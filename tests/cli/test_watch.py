"""`watch --test`, and the watchdog's process that tells of a runner which is gone."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.notify.test_sending import Web
from trader.cli.app import app


@pytest.fixture
def web() -> Iterator[Web]:
    with closing(Web()) as server:
        yield server


def test_a_test_message_goes_to_every_channel(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADER_HOME", str(tmp_path))
    monkeypatch.setenv("TRADER_NOTIFY_URLS", f"json://127.0.0.1:{web.port}/a critical|json://127.0.0.1:{web.port}/b")
    told = CliRunner().invoke(app, ["watch", "--test"])
    assert told.exit_code == 0, told.output
    assert [path.split("?")[0] for path, _ in web.got] == ["/a", "/b"] and told.output.count(": sent") == 2
    assert str(web.port) not in told.output


def test_a_channel_that_refuses_is_told_and_so_is_that_there_is_none(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRADER_HOME", str(tmp_path))
    assert CliRunner().invoke(app, ["watch", "--test"]).exit_code == 1
    web.status = 403
    monkeypatch.setenv("TRADER_NOTIFY_URLS", f"json://127.0.0.1:{web.port}/a")
    told = CliRunner().invoke(app, ["watch", "--test"])
    assert told.exit_code == 1 and "refused" in told.output and "403" in told.output
