"""What stands around every page, in a real browser over the real panel: strip, bar with Stop, and the watchdog."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.browser.panel_server import beats, end, free_port, hold, launch, phase, store_test_preset, trader, window
from trader.domain.expiry import IST

pytestmark = [pytest.mark.browser, pytest.mark.t1, pytest.mark.timeout(300)]

# The pages, each with what it draws last.
DRAWN = {"": ".lv-legs", "configure": ".st-key-cfg_preview .ar-legs", "history": ".st-key-wide_runs, .stAlert"}
DESK: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
ALARM = "#sd-alarm:not([hidden])"
# When, by this machine's clock, the page said that nobody answers, and when it took that back.
ALARM_TIMES = """() => { window.alarm = {}; const bar = document.querySelector('#sd-alarm');
    new MutationObserver(() => { window.alarm[bar.hidden ? 'off' : 'on'] ??= Date.now() }).observe(bar, {attributes: true}) }"""
PLACES = """() => Object.fromEntries(['.st-key-strip', '.st-key-stop button', '.stMainBlockContainer', '.sd-bar', 'h3', '.lv-hero', '.st-key-pnl_chart', '.lv-legs']
    .map(name => [name, document.querySelector(name)]).filter(([, node]) => node)
    .map(([name, node]) => [name, [node.getBoundingClientRect().x, node.getBoundingClientRect().y]]))"""


class Panel:
    """The panel's process, which a test may kill and start again at the same address."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.again()

    def again(self) -> None:
        self.process = launch(self.home, self.port, environ={"TRADER_VENUE_SPEED": "20"})

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    @contextmanager
    def hung(self) -> Iterator[None]:
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)


@pytest.fixture(scope="module")
def panel(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Panel]:
    home = tmp_path_factory.mktemp("frame-home")
    store_test_preset(home)
    served = Panel(home)
    yield served
    end(served.process)


@pytest.fixture(scope="module")
def page(panel: Panel, browser: Browser) -> Iterator[Page]:
    """One tab for the whole file: it keeps what it has fetched, and each test goes to the page it needs."""
    context = window(browser)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def opened(request: pytest.FixtureRequest, panel: Panel, page: Page) -> Page:
    """That tab on one page of the panel while a run is held; the tests of one page share it."""
    hold(panel.home)
    visit(page, panel, request.param)
    expect(page.locator(DRAWN[request.param]).first).to_be_visible()  # what is drawn late is there
    beats(page, 2)
    return page


on_every_page = pytest.mark.parametrize("opened", list(DRAWN), indirect=True)


def visit(page: Page, panel: Panel, path: str = "") -> None:
    """Open a page and wait until it beats."""
    page.goto(f"{panel.url}/{path}")
    page.locator("[data-beat]").wait_for(state="attached")
    beats(page)


def test_a_waiting_run_offers_to_cancel_the_wait(panel: Panel, page: Page) -> None:
    later = datetime.now(UTC).astimezone(IST) + timedelta(hours=2)  # six minutes at this speed
    trader(panel.home, "start", "--preset", "browser-test", "--set", f"schedule.entry_time_ist={later:%H:%M}")
    assert phase(panel.home) == "waiting"
    visit(page, panel, "history")
    expect(page.locator(".st-key-stop button")).to_contain_text("Cancel the wait")
    page.keyboard.press("Control+Shift+X")
    expect(page.locator(".st-key-stop_box")).to_contain_text("Nothing is sold yet")
    expect(page.locator(".st-key-stop_yes button")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".st-key-stop")).to_have_count(0)
    expect(page.locator(".sd-bar")).to_contain_text("Flat")


@on_every_page
def test_stop_was_out_of_reach_and_moved_what_stood_above_it(panel: Panel, opened: Page) -> None:
    before = opened.evaluate(PLACES)
    opened.keyboard.press("Control+Shift+X")
    expect(opened.locator(".st-key-stop_yes button")).to_be_focused()
    expect(opened.locator(".st-key-stop_box")).to_contain_text("PAPER")
    expect(opened.locator(".st-key-stop_box")).to_contain_text("Buy back 5 C")
    assert opened.evaluate(PLACES) == before
    opened.keyboard.press("Escape")
    expect(opened.locator(".st-key-stop_box")).to_have_count(0)
    expect(opened.locator(".st-key-stop button")).to_be_focused()
    assert opened.evaluate(PLACES) == before and phase(panel.home) == "holding"


@on_every_page
def test_the_title_of_a_tab_in_the_background_tells_the_result(opened: Page) -> None:
    opened.wait_for_function(r"/^[−+]?\d+\s% · BTC [\d,]+ · Holding$/.test(document.title)")


# A figure that stands at the right of its column and gets a sign or a digit begins further left; nothing moves for it.
MOVED = """() => {
  window.moved = [];
  const apart = (was, is) => Math.abs(was.right - is.right) > 1 || Math.abs(was.top - is.top) > 1;
  new PerformanceObserver(list => list.getEntries().forEach(entry => window.moved.push(...entry.sources
    .filter(source => apart(source.previousRect, source.currentRect))
    .map(source => source.node?.textContent || 'gone')))).observe({type: 'layout-shift'});
}"""


@on_every_page
def test_nothing_shifts_while_it_refreshes(opened: Page) -> None:
    opened.evaluate(MOVED)
    opened.wait_for_timeout(5000)
    assert opened.evaluate("window.moved") == []


@pytest.mark.parametrize("opened", ["configure"], indirect=True)
def test_a_price_of_more_digits_moved_the_columns_of_the_preview(opened: Page) -> None:
    moved = opened.locator(DRAWN["configure"]).first.evaluate("""table => {
        const places = () => [...table.querySelectorAll('th, td')].map(cell => Math.round(cell.getBoundingClientRect().x));
        const before = places(), cell = table.querySelector('tbody td'), text = cell.firstChild, said = text.data;
        text.data = '1,234.50 × 123,456';
        const after = places();
        text.data = said;
        return before.filter((x, i) => x !== after[i]).length }""")
    assert moved == 0


@on_every_page
def test_the_strip_took_four_lines_of_a_phone(opened: Page) -> None:
    opened.set_viewport_size(PHONE)
    try:
        beats(opened, 2)
        tops = opened.evaluate("""() => [...document.querySelectorAll('.sd-env, .st-key-well button, .sd-clock, .st-key-level button')]
            .map(node => node.getBoundingClientRect()).filter(box => box.width)
            .map(box => [Math.round(box.y + box.height / 2), box.left >= 0 && box.right <= 390])""")
        heights = [y for y, _ in tops]
        assert len(tops) == 4 and max(heights) - min(heights) <= 2 and all(inside for _, inside in tops)
        stop = opened.locator(".st-key-stop button").bounding_box()
        text = opened.locator(".sd-bar").bounding_box()
        assert stop is not None and text is not None and stop["height"] >= 44
        middle = text["y"] + text["height"] / 2
        assert text["x"] + text["width"] <= stop["x"] and stop["y"] <= middle <= stop["y"] + stop["height"]
    finally:
        opened.set_viewport_size(DESK)


def test_texts_of_the_frame_are_readable_in_both_themes(panel: Panel, browser: Browser) -> None:
    hold(panel.home)
    for scheme in ("light", "dark"):
        context = window(browser, color_scheme=scheme)
        page = context.new_page()
        visit(page, panel, "history")
        page.keyboard.press("Control+Shift+X")
        expect(page.locator(".st-key-stop_yes button")).to_be_focused()
        page.locator(".st-key-well button").click()
        expect(page.locator(".sd-board")).to_be_visible()
        faint = page.evaluate(_CONTRAST, [".st-key-strip", "[data-testid=stBottom]", ".sd-board"])
        assert faint == {}, scheme
        context.close()


def test_a_killed_server_left_the_page_looking_alive(panel: Panel, browser: Browser) -> None:
    hold(panel.home)
    pages = [window(browser).new_page() for _ in DRAWN]
    for page, path in zip(pages, DRAWN, strict=True):
        visit(page, panel, path)
        page.evaluate(ALARM_TIMES)
    panel.kill()
    killed = time.time() * 1000
    try:
        for page in pages:
            page.locator(ALARM).wait_for()
            assert page.evaluate("window.alarm.on") - killed <= 5000
            words = expect(page.locator(ALARM))
            words.to_contain_text("The position is still open; if the server is down nothing watches it")
            words.to_contain_text("python -m trader status")
            assert page.evaluate("getComputedStyle(document.querySelector('.stApp')).filter").startswith("grayscale")
            assert page.title().startswith("no answer")
    finally:
        panel.again()
    up = time.time() * 1000
    for page in pages:
        page.locator(ALARM).wait_for(state="hidden")
        assert page.evaluate("window.alarm.off") - up <= 3000
        expect(page.locator(".sd-bar")).to_contain_text("Holding")
        assert page.locator("[data-beat]").count() == 1 and page.locator("#sd-alarm").count() == 1
    for page in pages:
        page.context.close()


def test_a_hung_server_is_told_and_a_tab_in_the_background_is_not_alarmed_by_its_own_sleep(
    panel: Panel, page: Page
) -> None:
    hold(panel.home)
    visit(page, panel, "history")
    page.evaluate("""() => { window.away = true;
        Object.defineProperty(document, 'hidden', {get: () => window.away});
        document.dispatchEvent(new Event('visibilitychange')); window.alarms = 0;
        new MutationObserver(() => { if (!document.querySelector('#sd-alarm').hidden) window.alarms++ })
            .observe(document.querySelector('#sd-alarm'), {attributes: true}) }""")
    with panel.hung():
        page.wait_for_timeout(6000)
    page.evaluate("() => { window.away = false; document.dispatchEvent(new Event('visibilitychange')) }")
    beats(page, 2)
    assert page.evaluate("window.alarms") == 0
    with panel.hung():
        page.locator(ALARM).wait_for(timeout=10_000)
    page.locator(ALARM).wait_for(state="hidden")


def test_stop_by_two_keys_until_flat(panel: Panel, page: Page) -> None:
    hold(panel.home)
    visit(page, panel, "configure")
    field = page.get_by_role("spinbutton").first
    field.click()  # from inside a field as well
    page.keyboard.press("Control+Shift+X")
    expect(page.locator(".st-key-stop_yes button")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".sd-bar")).to_contain_text("confirmed by the exchange")
    expect(page.locator(".st-key-stop")).to_have_count(0)
    assert phase(panel.home) == "done"


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
