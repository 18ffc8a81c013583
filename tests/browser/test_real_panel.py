"""The real panel in a real browser, with runner and local venue behind it: one paper run from Start to FLAT."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.browser.panel_server import beats, choose, serving, store_test_preset, window

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]

SPEED = "20"  # market seconds a second: prices move, the exit time stays far away


@pytest.fixture(scope="module")
def panel(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("panel-home")
    store_test_preset(home)
    with serving(home, environ={"TRADER_VENUE_SPEED": SPEED}) as url:
        yield url


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    opened = window(browser)
    yield opened
    opened.close()


def metric(page: Page, label: str) -> Locator:
    return page.get_by_test_id("stMetric").filter(has_text=label).first.get_by_test_id("stMetricValue")


def hero(page: Page) -> Locator:
    return page.locator(".lv-live")


def card(page: Page, label: str) -> Locator:
    """The value on one of the headline's cards."""
    return page.locator(".lv-card").filter(has_text=label).first.locator(".v")


def kept(page: Page) -> str:
    """The money of the result card."""
    verdict = page.locator(".st-key-result_box h3").inner_text()
    found = re.search(r"[+−]?\u2060?\$[\d.,]+", verdict)
    assert found, verdict
    return found[0]


def run_id(page: Page) -> str:
    text = hero(page).inner_text()
    found = re.search(r"run (\S+)", text)
    assert found, text
    return found[1]


def changed_values(page: Page, place: Locator, wanted: int) -> set[str]:
    """Distinct texts a place shows, until as many as wanted were seen."""
    seen = {place.inner_text()}
    for _ in range(100):
        if len(seen) >= wanted:
            break
        page.wait_for_timeout(200)
        seen.add(place.inner_text())
    return seen


def go(page: Page, name: str) -> None:
    page.get_by_role("link", name=name).click()


def test_a_paper_run_from_start_to_flat(panel: str, context: BrowserContext) -> None:
    outside: list[str] = []
    context.on("request", lambda r: None if r.url.startswith((panel, "data:", "blob:")) else outside.append(r.url))
    page = context.new_page()
    page.goto(panel)
    expect(page.locator(".st-key-strip")).to_contain_text("PAPER")
    expect(hero(page)).to_contain_text("No run yet")

    _start(page)
    expect(hero(page)).to_contain_text("Holding — exits at")
    run = run_id(page)
    assert len(changed_values(page, card(page, "P&L if closed now"), 3)) >= 3, "P&L moves"
    expect(page.locator(".st-key-pnl_chart canvas").first).to_be_visible()
    expect(page.locator(".lv-exits")).to_contain_text("Max loss")

    _edit_while_it_refreshes(page)

    page.reload()
    expect(hero(page)).to_contain_text(run)
    expect(hero(page)).to_contain_text("Holding")
    tab = context.new_page()
    tab.goto(panel)
    expect(hero(tab)).to_contain_text(run)

    page.bring_to_front()  # a page behind another one is drawn rarely
    page.get_by_role("button", name="Stop & Exit").click()
    expect(hero(tab)).to_contain_text("Holding")  # asking is not doing
    page.get_by_role("button", name="Yes, exit").click()
    expect(page.locator(".sd-bar")).to_contain_text("confirmed by the exchange")
    for one in (page, tab):
        one.bring_to_front()
        expect(hero(one)).to_contain_text("Done — flat, confirmed by the exchange")
        expect(one.locator(".st-key-result_box h3")).to_be_visible()
    assert kept(page) == kept(tab)

    _history_tells(page, panel, run, kept(tab))
    assert outside == [], "nothing is fetched from anywhere else"


def _start(page: Page) -> None:
    choose(page, "Preset", "browser-test")
    expect(page.locator(".st-key-start_box")).to_contain_text("0.05–0.35")
    preview = page.locator(".st-key-preview_box")
    expect(preview).to_contain_text("Sell C ")
    expect(preview).to_contain_text("Sell P ")
    page.get_by_role("radio", name="Now").click()
    expect(page.locator(".st-key-start_box")).to_contain_text("Sell now: 5")
    page.get_by_role("button", name="Start", exact=True).click()


def _edit_while_it_refreshes(page: Page) -> None:
    go(page, "Configure")
    page.get_by_role("tab", name="Schedule").click()
    field = page.get_by_role("textbox", name="Exit time (HH:MM IST)")
    field.click()
    field.fill("")
    strip = page.locator(".st-key-strip")
    before = strip.inner_text()
    field.press_sequentially("15:47", delay=700)  # several refreshes pass between the letters
    assert strip.inner_text() != before, "the page refreshed while typing"
    expect(field).to_have_value("15:47")
    expect(field).to_be_focused()
    field.press("Tab")
    expect(page.locator(".st-key-cfg_changes").get_by_test_id("stTable")).to_be_visible()
    go(page, "Dashboard")
    expect(hero(page)).to_contain_text("Holding")
    go(page, "Configure")
    page.get_by_role("tab", name="Schedule").click()
    expect(page.get_by_role("textbox", name="Exit time (HH:MM IST)")).to_have_value("15:47")
    go(page, "Dashboard")
    expect(hero(page)).to_contain_text("Holding")


def _history_tells(page: Page, panel: str, run: str, realised: str) -> None:
    page.goto(f"{panel}/history?run={run}")
    expect(metric(page, "Realised P&L")).to_contain_text(realised)
    expect(metric(page, "Ended by")).to_have_text("Stop & Exit")
    expect(page.get_by_role("button", name="Report as CSV")).to_be_visible()


@pytest.mark.t1
def test_phone_width_never_scrolls_sideways(panel: str, browser: Browser) -> None:
    phone = window(browser, viewport={"width": 390, "height": 844})
    page = phone.new_page()
    for path in ("", "configure", "history"):
        page.goto(f"{panel}/{path}")
        expect(page.locator(".st-key-strip")).to_contain_text("PAPER")
        beats(page, 2)
        assert page.evaluate("document.documentElement.scrollWidth") == 390, path
    phone.close()


def test_page_opened_directly_has_the_navigation(panel: str, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto(f"{panel}/history")
    for name, address in (("Configure", "configure"), ("Dashboard", ""), ("History", "history")):
        go(page, name)
        expect(page).to_have_url(f"{panel}/{address}")


def _answer(panel: str, headers: str, path: str = "/") -> str:
    host, port = panel.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as link:
        last = "" if "Upgrade" in headers else "Connection: close\r\n"
        link.sendall(f"GET {path} HTTP/1.1\r\n{headers}\r\n{last}\r\n".encode())
        return link.makefile("rb").readline().decode()


def test_an_interface_that_is_not_here_was_answered_with_the_panels_page(panel: str) -> None:
    here = ["/", "/configure", "/history", "/_stcore/health", "/favicon.png"]
    not_here = ["/api", "/metrics", "/healthz", "/_stcore/nothing"]
    good = f"Host: {panel.removeprefix('http://')}"
    assert {path: _answer(panel, good, path).split()[1] for path in here} == dict.fromkeys(here, "200")
    assert {path: _answer(panel, good, path).split()[1] for path in not_here} == dict.fromkeys(not_here, "404")
    assert _answer(panel, good, "/api/v1/runs").split()[1] == "401"  # it is there, for a token


@pytest.mark.parametrize("path", ["/", "/_stcore/health", "/_stcore/metrics", "/_stcore/host-config"])
def test_only_its_own_address_is_answered(panel: str, path: str) -> None:
    own = panel.removeprefix("http://")
    assert " 200 " in _answer(panel, f"Host: {own}", path)
    assert " 403 " in _answer(panel, f"Host: evil.example:{own.split(':')[1]}", path)
    assert " 403 " in _answer(panel, f"Host: {own}\r\nOrigin: http://localhost:9999", path)


@pytest.mark.parametrize(
    ("origin", "status"), [(None, "403"), ("http://localhost:9999", "403"), ("null", "403"), ("own", "101")]
)
def test_socket_takes_only_pages_of_this_server(panel: str, origin: str | None, status: str) -> None:
    own = panel.removeprefix("http://")
    headers = (
        f"Host: {own}\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    )
    if origin is not None:
        headers += f"\r\nOrigin: {panel if origin == 'own' else origin}"
    assert f" {status} " in _answer(
        panel, headers.replace("Upgrade: websocket", "Upgrade: websocket\r\nConnection: Upgrade"), "/_stcore/stream"
    )


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads the kernel's socket table")
def test_bound_to_loopback_only(panel: str) -> None:
    port = int(panel.rsplit(":", 1)[1])
    listening = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            local, state = line.split()[1], line.split()[3]
            if state == "0A" and int(local.rsplit(":", 1)[1], 16) == port:
                listening.append(local.rsplit(":", 1)[0])
    assert listening == ["0100007F"]
