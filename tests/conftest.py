"""What every test may rely on: a clean environment, a home and a current directory of its own. Nothing else is shared.

A developer's `.env`, keys, journal and saved configuration must not be read by a test, let alone written.
"""

import gc
import logging
import os
import sys
from collections.abc import Iterator
from decimal import localcontext
from pathlib import Path

import hypothesis
import pytest

from tests.recorded_data import recorded

# Here, because nothing of the program is imported yet.
_coverage: object | None = None
if os.environ.get("COVERAGE", "") in ("core", "all"):
    from tests.line_coverage import LineCoverage

    _coverage = LineCoverage(os.environ["COVERAGE"])

# Images for containers often switch it off: then each of hundreds of processes compiles the program again, and each worker the tests.
sys.dont_write_bytecode = False

# Same examples in every run: a red CI must be red again at the desk. Deadlines would measure the machine, not the code.
hypothesis.settings.register_profile("house", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("house")

# Settings of the program that a developer's shell may carry. TRADER_DATA only points to recorded data and stays.
_OURS = ("TRADER_", "DELTA_", "STREAMLIT_", "DATABASE_URL", "PORT", "RUNNER")
_KEPT = frozenset({"TRADER_DATA"})
ROOT = Path(__file__).parent.parent
# Minutes of computing, or of waiting for processes: where workers share the tests, these are begun first, in this order.
_LONG = (
    "tests/simulation/test_t0",
    *(f"tests/{name}/" for name in "documents killpoints process browser e2e flatten security api cli runner".split()),
)


def _cleaned(patch: pytest.MonkeyPatch, home: Path) -> None:
    for name in list(os.environ):
        if name.startswith(_OURS) and name not in _KEPT:
            patch.delenv(name)
    patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    patch.setenv("TRADER_HOME", str(home))
    patch.setenv("TRADER_SNAPSHOT", str(home.parent / "ui_config_snapshot.json"))
    patch.setenv("PYTHONPATH", str(ROOT))  # `python -m trader` works from any directory
    if (ROOT / ".env").exists():
        patch.setenv("TRADER_ENV", "paper")  # for programs a test starts in the checkout itself


@pytest.fixture(scope="session", autouse=True)
def _clean_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """For fixtures wider than one test, which start before `clean_environment`."""
    with pytest.MonkeyPatch.context() as patch:
        _cleaned(patch, tmp_path_factory.mktemp("session-home"))
        yield


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No setting leaks in from shell or checkout; `TRADER_HOME` is this test's own folder, returned (not yet made)."""
    home = tmp_path / "home"
    _cleaned(monkeypatch, home)
    monkeypatch.chdir(tmp_path)
    return home


@pytest.fixture(autouse=True)
def own_decimal_context() -> Iterator[None]:
    """A library that changes how the thread rounds (ccxt does, called directly) changes nothing for the next test."""
    with localcontext():
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real market data; tests that need it are skipped where it is absent."""
    found = recorded("README.md")
    if found is None:
        pytest.skip("no real market data (TRADER_DATA)")
    return found.parent


@pytest.fixture(autouse=True)
def _logger_as_it_was() -> Iterator[None]:
    """A command run inside a test sets the program's logger up for its own process; the next test finds it untouched."""
    logger = logging.getLogger("trader")
    level, propagate, handlers = logger.level, logger.propagate, list(logger.handlers)
    yield
    for handler in logger.handlers:
        if handler not in handlers:
            handler.close()
    logger.setLevel(level)
    logger.propagate, logger.handlers[:] = propagate, handlers


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, so that no worker is left alone with one at the end."""

    def place(item: pytest.Item) -> int:
        return next((at for at, name in enumerate(_LONG) if item.nodeid.startswith(name)), len(_LONG))

    items.sort(key=place)


def pytest_configure(config: pytest.Config) -> None:
    gc.disable()  # collecting makes a million objects that all stay; looking through them again and again is a quarter of it
    if _coverage is not None:
        config.pluginmanager.register(_coverage)


def pytest_collection_finish() -> None:
    """What was imported and collected stays to the end, so no collection of garbage need look at it again."""
    gc.freeze()
    gc.enable()


def pytest_unconfigure() -> None:
    """Streamlit's test folder is left to the interpreter's end, where removing it is a warning; here it is none."""
    if (testing := sys.modules.get("streamlit.testing.v1.app_test")) is not None:
        testing.TMP_DIR.cleanup()
