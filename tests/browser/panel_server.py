"""The real panel as a process of its own: Streamlit, runner and local venue, in a home of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page
from playwright.sync_api import TimeoutError as TookTooLong

from trader.config.preset import Exits, Preset, Risk, Schedule
from trader.config.presets import PresetStore
from trader.config.strategy import Strategy
from trader.domain.expiry import IST

ROOT = Path(__file__).parent.parent.parent
ENTRY = ROOT / "streamlit_app.py"
ONLY_STOP = Exits(
    max_loss_pct=Decimal(1000), max_profit_pct=Decimal(100), trailing_enabled=False, liquidation_guard_pct=Decimal(0)
)
PATIENCE_MS = 60_000  # a machine's two cores may have three panels and three browsers on them
_UP_SECS = 60.0
_DOWN_SECS = 15.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def store_test_preset(home: Path, name: str = "browser-test", *, exits: Exits = ONLY_STOP, quantity: int = 5) -> Preset:
    """A preset that holds for hours of market time whatever the time of day, so that only Stop & Exit ends it."""
    now = datetime.now(UTC).astimezone(IST)
    preset = Preset(
        name=name,
        strategy=Strategy(
            quantity=quantity,
            delta_min=Decimal("0.05"),
            delta_max=Decimal("0.35"),
            expiry="nearest",
            min_hours_to_expiry=Decimal(16),
        ),
        schedule=Schedule(
            entry_time_ist=f"{now - timedelta(hours=1):%H:%M}", exit_time_ist=f"{now + timedelta(hours=10):%H:%M}"
        ),
        exits=exits,
        risk=Risk(liquidation="warn"),
    )
    PresetStore(home).save(preset, overwrite=True)
    return preset


def environment(home: Path, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a process of this home is started with."""
    return {
        **{
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("TRADER_", "DELTA_", "STREAMLIT_"))
        },
        "TRADER_HOME": str(home),
        "TRADER_SNAPSHOT": str(home / "ui_config_snapshot.json"),
        "TRADER_VENUE_SEED": "11",
        **(environ or {}),
    }


def trader(home: Path, *words: str) -> str:
    """The command line over the same home, as a person beside the browser uses it."""
    done = subprocess.run(
        [sys.executable, "-m", "trader", *words],
        cwd=ROOT,
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def hold(home: Path, preset: str = "browser-test") -> None:
    """Both legs sold, if they are not."""
    if phase(home) != "holding":
        trader(home, "start", "--preset", preset, "--now", "--wait", "60")
        assert phase(home) == "holding"


def phase(home: Path) -> str:
    return str(json.loads(trader(home, "status", "--json"))["phase"])


def window(browser: Browser, **options: Any) -> BrowserContext:
    """A browser window of its own (cookies, cache, time zone), as large as a laptop's unless told otherwise."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
    context.set_default_timeout(PATIENCE_MS)
    return context


def count_received(page: Page) -> list[int]:
    """Bytes that the page's socket is sent from now on, in a list of one, which goes on counting."""
    received = [0]
    page.on(
        "websocket", lambda ws: ws.on("framereceived", lambda frame: received.__setitem__(0, received[0] + len(frame)))
    )
    return received


def beats(page: Page, count: int = 1) -> None:
    """Wait until the page was drawn this often again."""
    for _ in range(count):
        before = page.locator("[data-beat]").get_attribute("data-beat")
        page.wait_for_function("before => document.querySelector('[data-beat]')?.dataset.beat !== before", arg=before)


def launch(
    home: Path, port: int, *, entry: Path = ENTRY, environ: Mapping[str, str] | None = None
) -> "subprocess.Popen[bytes]":
    """The panel on this port, once it answers."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (home / "panel.out").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", str(entry), "--server.port", str(port)],
            cwd=ROOT,
            env=environment(home, environ),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    _await_up(f"http://127.0.0.1:{port}/_stcore/health", process, home / "panel.out")
    return process


def end(process: "subprocess.Popen[bytes]") -> None:
    """As a service manager would."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_DOWN_SECS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def serving(home: Path, *, entry: Path = ENTRY, environ: Mapping[str, str] | None = None) -> Iterator[str]:
    """The panel's address while it runs."""
    port = free_port()
    process = launch(home, port, entry=entry, environ=environ)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        end(process)


def _await_up(url: str, process: "subprocess.Popen[bytes]", output: Path) -> None:
    deadline = time.monotonic() + _UP_SECS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"the panel ended with {process.returncode}:\n{output.read_text(errors='replace')}")
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"the panel did not come up:\n{output.read_text(errors='replace')}")


def choose(page: Page, label: str, option: str) -> None:
    """Pick from a list by typing, as it draws only what is in view. The page being run again as a whole closes an open list,
    which a person opens again."""
    picker = page.get_by_role("combobox", name=label).first
    for patience_ms in (5_000, 5_000, PATIENCE_MS):
        picker.click()
        picker.press_sequentially(option)
        try:
            page.get_by_role("option", name=option, exact=True).click(timeout=patience_ms)
            return
        except TookTooLong:
            page.keyboard.press("Escape")
