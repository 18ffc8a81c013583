"""The panel over a desk in memory."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest, local_script_runner

from tests.panel.fake_desk import FakeDesk
from trader.panel import service

ENTRY = Path(__file__).parent.parent.parent / "streamlit_app.py"

Open = Callable[..., tuple[AppTest, FakeDesk]]


@pytest.fixture(scope="session", autouse=True)
def _components_looked_for_once() -> Iterator[None]:
    """Streamlit looks for its components through all that is installed, for each app a test opens: a third of these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
        yield


def _until_the_script_has_run(runner: local_script_runner.LocalScriptRunner, timeout: float = 3) -> None:
    thread = runner._script_thread
    assert thread is not None
    thread.join(timeout)
    if thread.is_alive():
        runner.request_stop()
        raise RuntimeError(f"the page did not finish within {timeout:g} s")


@pytest.fixture(scope="session", autouse=True)
def _waited_for_instead_of_asked() -> Iterator[None]:
    """Streamlit's test asks a thousand times a second whether the page has run, and holds it up with that."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local_script_runner, "require_widgets_deltas", _until_the_script_has_run)
        yield


@pytest.fixture
def open_panel(monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Open a page over a fake desk: `open_panel("holding", page="pages/history.py")`."""

    def opener(scenario: str = "holding", *, page: str | None = None, env: str = "paper") -> tuple[AppTest, FakeDesk]:
        desk = FakeDesk(scenario, env=env)
        monkeypatch.setattr(service, "desk", lambda: desk)
        at = AppTest.from_file(ENTRY, default_timeout=20)
        if page is not None:
            at.switch_page(page)
        at.run()
        assert not at.exception, at.exception
        return at, desk

    service.forget()
    yield opener
    service.forget()
    st.cache_data.clear()
    st.cache_resource.clear()
