"""The System page in a real browser: a test message arrives, nothing is cut on a phone, and notices reach past a tab in the background."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.panel_server import serving, window
from tests.browser.test_setup import NO_COLUMN_CUT
from tests.notify.test_sending import Web

pytestmark = [pytest.mark.browser, pytest.mark.t1, pytest.mark.timeout(300)]

# Stands in for the browser's own, which asks a person and shows outside of the page.
_STUB = """() => {
  window.shown = []; window.asked = 0;
  window.Notification = class { constructor(title, more) { window.shown.push(`${title}: ${more.body}`); } };
  window.Notification.permission = 'default';
  window.Notification.requestPermission = () => { window.asked += 1; window.Notification.permission = 'granted'; };
}"""
_TOAST = """text => {
  const toast = document.createElement('div');
  toast.dataset.testid = 'stToast'; toast.textContent = text; document.body.append(toast);
}"""


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with closing(Web()) as server:
        yield server


@pytest.fixture(scope="module")
def panel(browser: Browser, web: Web, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home: Path = tmp_path_factory.mktemp("system-home")
    with serving(home, environ={"TRADER_NOTIFY_URLS": f"json://127.0.0.1:{web.port}/hunter2"}) as url:
        yield url


def test_a_test_message_goes_by_the_watchdog_and_its_delivery_is_told(panel: str, browser: Browser, web: Web) -> None:
    context = window(browser)
    page = context.new_page()
    page.goto(f"{panel}/system")
    expect(page.locator(".sy-board")).to_contain_text("watches beside the runner")
    page.get_by_role("button", name="Test Webhook").click()
    expect(page.locator(".st-key-sys_messages")).to_contain_text("delivered after")
    assert [told["title"] for _, told in web.got] == ["Strangle Desk: test"]
    assert "hunter2" not in page.content()
    context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_is_cut_on_a_phone(panel: str, browser: Browser, theme: Any) -> None:
    context = window(browser, viewport={"width": 390, "height": 844}, color_scheme=theme)
    page = context.new_page()
    page.goto(f"{panel}/system")
    expect(page.locator(".sy-board")).to_contain_text("Program")
    expect(page.get_by_text("Keys and settings")).to_be_visible()
    page.get_by_text("Settings at their default").click()
    found = page.evaluate(NO_COLUMN_CUT)
    assert (found["cut"], found["boxes"], found["small"]) == ([], 0, []) and found["wide"] <= 390
    context.close()


def test_notices_reach_past_a_tab_in_the_background_once_they_are_allowed(panel: str, browser: Browser) -> None:
    context = window(browser)
    page = context.new_page()
    page.goto(f"{panel}/system")
    expect(page.locator(".sy-board")).to_be_visible()
    page.evaluate(_STUB)
    page.get_by_role("button", name="Allow notices of this browser").click()
    page.wait_for_function("() => window.asked === 1")
    page.evaluate(_TOAST, "seen by who looks at the page")
    page.evaluate("() => Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
    page.evaluate(_TOAST, "default BTC: FLAT")
    page.wait_for_function("() => window.shown.length")
    assert page.evaluate("() => window.shown") == ["Strangle Desk: default BTC: FLAT"]
    context.close()
