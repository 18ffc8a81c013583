"""The watchdog's process: a runner that dies is told on a real channel, and the process ends when nobody needs it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace
from pydantic import SecretStr

from tests.desk.conftest import RunnersHand
from tests.e2e.rig import await_value
from tests.engine.scene import holding
from tests.notify.test_sending import Web
from trader.config.settings import Settings
from trader.engine import records as rec
from trader.journal import Journal
from trader.journal.outbox import Outbox

ROOT = Path(__file__).parents[2]


@pytest.fixture
def web() -> Iterator[Web]:
    with closing(Web()) as server:
        yield server


@pytest.fixture
def with_channel(settings: Settings, web: Web, monkeypatch: pytest.MonkeyPatch) -> Settings:
    url = f"json://127.0.0.1:{web.port}/hook"
    monkeypatch.setenv("TRADER_HOME", str(settings.home))
    monkeypatch.setenv("TRADER_NOTIFY_URLS", url)
    return settings.model_copy(update={"notify_urls": SecretStr(url)})


def launched(*arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "trader", "watch", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def gone_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.slow
def test_a_runner_that_died_with_a_run_open_is_told_and_what_waited_too(
    with_channel: Settings, web: Web, journal: Journal, runner: RunnersHand
) -> None:
    held = holding()
    runner.live(age_secs=60, lease_age_secs=60)
    Outbox(journal, "paper").put([], journal.newest().record)  # an earlier watchdog was here
    journal.append(
        [replace(one, account="paper") if isinstance(one, rec.RunCreated) else one for one in held.records], lease=None
    )
    process = launched("--beside", str(gone_pid()))
    try:
        for part in ("No runner is alive and 1 run is open", "default BTC [paper]: open for $0.8000"):
            await_value(lambda part=part: _text(web, part), 40, part)  # type: ignore[misc]
        assert process.poll() is None  # its panel is gone, and the run is alone: it stays
        runner.live()
        assert await_value(process.poll, 30, "its end") == 0
    finally:
        process.kill()
    assert {row.state for row in Outbox(journal, "paper").newest()} <= {"sent", "waiting"}


@pytest.mark.slow
def test_a_second_one_of_the_same_account_ends_with_a_sentence(with_channel: Settings, journal: Journal) -> None:
    first = launched()
    try:
        lock = with_channel.home / "watch-paper.lock"
        await_value(lambda: lock.exists() or None, 30, "the lock")
        command = [sys.executable, "-m", "trader", "watch"]
        second = await_value(lambda: _refused(command), 30, "the refusal")
        assert "Another process watches the account paper already." in second
        first.terminate()
        assert first.wait(20) == 0
    finally:
        first.kill()


def _refused(command: list[str]) -> str | None:
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=25, check=False)
    return told.stderr + told.stdout if told.returncode else None


def _texts(web: Web) -> list[str]:
    return [f"{told['title']} {told['message']}" for _, told in web.got]


def _text(web: Web, part: str) -> str | None:
    return next((text for text in _texts(web) if part in text), None)
