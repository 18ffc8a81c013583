"""What stands around every page, in a real browser over the real panel: strip, bar with Stop, and the watchdog."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.panel_server import ROOT, end, environment, free_port, launch, store_test_preset
from trader.domain.expiry import IST

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PATIENCE_MS = 30_000
PAGES = ("", "configure", "history")
ALARM = "#sd-alarm:not([hidden])"
PLACES = """() => Object.fromEntries(['.st-key-strip', '.st-key-stop button', '.stMainBlockContainer', '.sd-bar', 'h3']
    .map(name => [name, document.querySelector(name)]).filter(([, node]) => node)
    .map(([name, node]) => [name, [node.getBoundingClientRect().x, node.getBoundingClientRect().y]]))"""


class Panel:
    """The panel's process, which a test may kill and start again at the same address."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environ = {"TRADER_VENUE_SPEED": "20"}
        self.process = launch(home, self.port, environ=self.environ)

    def again(self) -> None:
        self.process = launch(self.home, self.port, environ=self.environ)

    def trader(self, *arguments: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", "trader", *arguments], cwd=ROOT, env=environment(self.home, self.environ),
            capture_output=True, text=True, timeout=60,
        ).stdout  # fmt: skip

    def phase(self) -> str:
        return str(json.loads(self.trader("status", "--json"))["phase"])

    def hold(self) -> None:
        if self.phase() != "holding":
            self.trader("start", "--preset", "browser-test", "--now", "--wait", "30")
            assert self.phase() == "holding"


@pytest.fixture(scope="module")
def panel(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Panel]:
    home = tmp_path_factory.mktemp("frame-home")
    store_test_preset(home)
    served = Panel(home)
    yield served
    end(served.process)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


def visit(page: Page, panel: Panel, path: str = "") -> None:
    """Open a page and wait until it beats."""
    page.goto(f"{panel.url}/{path}")
    page.locator("[data-beat]").wait_for(state="attached")
    before = page.locator("[data-beat]").get_attribute("data-beat")
    page.wait_for_function("before => document.querySelector('[data-beat]')?.dataset.beat !== before", arg=before)


def test_a_waiting_run_offers_to_cancel_the_wait(panel: Panel, page: Page) -> None:
    later = datetime.now(UTC).astimezone(IST) + timedelta(hours=2)  # six minutes at this speed
    panel.trader("start", "--preset", "browser-test", "--set", f"schedule.entry_time_ist={later:%H:%M}")
    assert panel.phase() == "waiting"
    visit(page, panel, "history")
    expect(page.locator(".st-key-stop button")).to_contain_text("Cancel the wait")
    page.keyboard.press("Control+Shift+X")
    expect(page.locator(".st-key-stop_box")).to_contain_text("Nothing is sold yet")
    expect(page.locator(".st-key-stop_yes button")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".st-key-stop")).to_have_count(0)
    expect(page.locator(".sd-bar")).to_contain_text("Flat")


@pytest.mark.parametrize("path", PAGES)
def test_stop_was_out_of_reach_and_moved_what_stood_above_it(panel: Panel, page: Page, path: str) -> None:
    panel.hold()
    visit(page, panel, path)
    page.wait_for_timeout(1500)  # what is drawn late (previews, tables) is there
    before = page.evaluate(PLACES)
    page.keyboard.press("Control+Shift+X")
    expect(page.locator(".st-key-stop_yes button")).to_be_focused()
    expect(page.locator(".st-key-stop_box")).to_contain_text("PAPER")
    expect(page.locator(".st-key-stop_box")).to_contain_text("Buy back 5 C")
    assert page.evaluate(PLACES) == before
    page.keyboard.press("Escape")
    expect(page.locator(".st-key-stop_box")).to_have_count(0)
    expect(page.locator(".st-key-stop button")).to_be_focused()
    assert page.evaluate(PLACES) == before and panel.phase() == "holding"


@pytest.mark.parametrize("path", PAGES)
def test_the_strip_took_four_lines_of_a_phone(panel: Panel, page: Page, path: str) -> None:
    panel.hold()
    page.set_viewport_size({"width": 390, "height": 844})
    visit(page, panel, path)
    tops = page.evaluate("""() => [...document.querySelectorAll('.sd-env, .st-key-well button, .sd-clock, .st-key-level button')]
        .map(node => node.getBoundingClientRect()).filter(box => box.width)
        .map(box => [Math.round(box.y + box.height / 2), box.left >= 0 && box.right <= 390])""")
    assert (
        len(tops) == 4 and max(y for y, _ in tops) - min(y for y, _ in tops) <= 2 and all(inside for _, inside in tops)
    )
    stop = page.locator(".st-key-stop button").bounding_box()
    text = page.locator(".sd-bar").bounding_box()
    assert stop is not None and text is not None and stop["height"] >= 44
    assert (
        text["x"] + text["width"] <= stop["x"]
        and stop["y"] <= text["y"] + text["height"] / 2 <= stop["y"] + stop["height"]
    )


@pytest.mark.parametrize("path", ["configure", "history"])
def test_nothing_shifts_while_it_refreshes(panel: Panel, page: Page, path: str) -> None:
    panel.hold()
    visit(page, panel, path)
    page.wait_for_timeout(2000)
    page.evaluate("""() => { window.moved = []; new PerformanceObserver(list => list.getEntries().forEach(entry =>
        window.moved.push(...entry.sources.map(source => source.node?.textContent || 'gone')))).observe({type: 'layout-shift'}) }""")
    page.wait_for_timeout(5000)
    assert page.evaluate("window.moved") == []


def test_the_title_of_a_tab_in_the_background_tells_the_result(panel: Panel, page: Page) -> None:
    panel.hold()
    for path in PAGES:
        visit(page, panel, path)
        page.wait_for_function(r"/^[−+]?\d+\s% · BTC [\d,]+ · Holding$/.test(document.title)")


def test_texts_of_the_frame_are_readable_in_both_themes(panel: Panel, browser: Browser) -> None:
    panel.hold()
    for scheme in ("light", "dark"):
        context = browser.new_context(color_scheme=scheme)  # type: ignore[arg-type]
        page = context.new_page()
        visit(page, panel, "history")
        page.keyboard.press("Control+Shift+X")
        expect(page.locator(".st-key-stop_yes button")).to_be_focused()
        page.locator(".st-key-well button").click()
        expect(page.locator(".sd-board")).to_be_visible()
        faint = page.evaluate(_CONTRAST, [".st-key-strip", "[data-testid=stBottom]", ".sd-board"])
        assert faint == {}, scheme
        context.close()


def test_a_killed_server_left_the_page_looking_alive(panel: Panel, page: Page) -> None:
    panel.hold()
    visit(page, panel, "configure")
    panel.process.send_signal(signal.SIGKILL)
    panel.process.wait()
    killed = time.monotonic()
    page.locator(ALARM).wait_for()
    assert time.monotonic() - killed <= 5.0
    expect(page.locator(ALARM)).to_contain_text("The position is still open; if the server is down nothing watches it")
    expect(page.locator(ALARM)).to_contain_text("python -m trader status")
    assert page.evaluate("getComputedStyle(document.querySelector('.stApp')).filter").startswith("grayscale")
    assert page.title().startswith("no answer")
    panel.again()
    up = time.monotonic()
    page.locator(ALARM).wait_for(state="hidden")
    assert time.monotonic() - up <= 3.0
    expect(page.locator(".sd-bar")).to_contain_text("Holding")
    assert page.locator("[data-beat]").count() == 1 and page.locator("#sd-alarm").count() == 1


def test_a_hung_server_is_told_and_a_tab_in_the_background_is_not_alarmed_by_its_own_sleep(
    panel: Panel, page: Page
) -> None:
    panel.hold()
    visit(page, panel, "history")
    page.evaluate("""() => { window.away = true;
        Object.defineProperty(document, 'hidden', {get: () => window.away});
        document.dispatchEvent(new Event('visibilitychange')); window.alarms = 0;
        new MutationObserver(() => { if (!document.querySelector('#sd-alarm').hidden) window.alarms++ })
            .observe(document.querySelector('#sd-alarm'), {attributes: true}) }""")
    panel.process.send_signal(signal.SIGSTOP)
    try:
        page.wait_for_timeout(6000)
    finally:
        panel.process.send_signal(signal.SIGCONT)
    page.evaluate("() => { window.away = false; document.dispatchEvent(new Event('visibilitychange')) }")
    page.wait_for_timeout(2000)
    assert page.evaluate("window.alarms") == 0
    panel.process.send_signal(signal.SIGSTOP)
    try:
        page.locator(ALARM).wait_for(timeout=6000)
    finally:
        panel.process.send_signal(signal.SIGCONT)
    page.locator(ALARM).wait_for(state="hidden")


def test_stop_by_two_keys_until_flat(panel: Panel, page: Page) -> None:
    panel.hold()
    visit(page, panel, "configure")
    field = page.get_by_role("spinbutton").first
    field.click()  # from inside a field as well
    page.keyboard.press("Control+Shift+X")
    expect(page.locator(".st-key-stop_yes button")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".sd-bar")).to_contain_text("confirmed by the exchange")
    expect(page.locator(".st-key-stop")).to_have_count(0)
    assert panel.phase() == "done"


_CONTRAST = """places => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgba = colour => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255] };
  const over = (top, under) => [0, 1, 2].map(i => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
  const light = colour => colour.slice(0, 3).map(v => v / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const faint = {};
  for (const place of places) for (const root of document.querySelectorAll(place)) {
    const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
      const node = walk.currentNode.parentElement, box = node.getBoundingClientRect();
      if (!walk.currentNode.textContent.trim() || box.width < 2 || node.closest('script, style')) continue;
      const chain = []; let opacity = 1;
      for (let one = node; one; one = one.parentElement) { chain.unshift(one); opacity *= getComputedStyle(one).opacity }
      const ground = chain.reduce((under, one) => over(rgba(getComputedStyle(one).backgroundColor), under), [255, 255, 255, 1]);
      const ink = rgba(getComputedStyle(node).color); ink[3] *= opacity;
      const [low, high] = [light(over(ink, ground)), light(ground)].sort((a, b) => a - b);
      const ratio = (high + .05) / (low + .05);
      if (ratio < 4.5) faint[walk.currentNode.textContent.trim()] = ratio;
    }
  }
  return faint }"""
