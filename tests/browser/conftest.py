"""A Chromium for the tests that drive the real panel; without one they are skipped, and say so."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.panel_server import PATIENCE_MS

_CANDIDATES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Of one file: while Playwright is there its event loop runs in the tests' thread, which disturbs whatever follows."""
    path = next((found for name in _CANDIDATES if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip(f"no Chromium on the PATH (looked for {', '.join(_CANDIDATES)})")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="session", autouse=True)
def _patience() -> None:
    expect.set_options(timeout=PATIENCE_MS)
