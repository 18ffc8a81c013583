"""The panel over a desk in memory."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

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
