"""Chain & payoff in a real browser, over the real panel: one P&L, charts that stay, a chain that fits a phone, little to send."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.panel_server import beats, hold, serving, store_test_preset, window

pytestmark = [pytest.mark.browser, pytest.mark.t1, pytest.mark.timeout(300)]

RECEIVED: dict[Page, list[int]] = {}
LOOKS = """
async secs => {
  const looks = [];
  for (const until = performance.now() + 1000 * secs; performance.now() < until; await new Promise(done => setTimeout(done, 200)))
    looks.push([document.querySelector('.st-key-chain_head .ar-card b').innerText, document.querySelector('.sd-bar').innerText]);
  return looks;
}
"""
# Text against what it stands on, by the rule of WCAG; what is transparent shows what is behind it.
PALE = """
selector => {
  const parse = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const behind = node => { for (let one = node; one; one = one.parentElement) {
    const [r, g, b, a = 1] = parse(getComputedStyle(one).backgroundColor); if (a > 0.5) return [r, g, b]; } return [255, 255, 255]; };
  const light = rgb => { const [r, g, b] = rgb.map(value => { const v = value / 255;
    return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  return [...document.querySelectorAll(selector)].filter(one => one.innerText && one.getClientRects().length).map(one => {
    const [a, b] = [light(parse(getComputedStyle(one).color).slice(0, 3)), light(behind(one))].sort((x, y) => y - x);
    return [(a + 0.05) / (b + 0.05), one.innerText.slice(0, 40)]; }).filter(([ratio]) => ratio < 4.5);
}
"""
WORDS = (
    ".ch-box :is(td, th, i), .cp-table :is(td, th, small), .cp-note, .cp-warn, .cp-legs span, .cp-keys span, "
    ".ar-card :is(b, div)"
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("chain-home")


@pytest.fixture(scope="module")
def panel(browser: Browser, home: Path) -> Iterator[str]:
    store_test_preset(home)
    with serving(home, environ={"TRADER_VENUE_SPEED": "1"}) as url:
        yield f"{url}/chain"


@contextmanager
def looking(browser: Browser, url: str, **options: Any) -> Iterator[Page]:
    opened = window(browser, **options)
    page = opened.new_page()
    received = RECEIVED[page] = [0]
    page.on(
        "websocket", lambda ws: ws.on("framereceived", lambda frame: received.__setitem__(0, received[0] + len(frame)))
    )
    page.goto(url)
    for chart in ("payoff", "spot_map", "smile"):
        page.wait_for_selector(f".st-key-{chart} canvas")
    expect(page.locator(".ch-box tbody tr").nth(20)).to_be_attached()
    try:
        yield page
    finally:
        opened.close()


def test_what_a_preset_would_sell_is_drawn_before_any_run(panel: str, browser: Browser) -> None:
    with looking(browser, panel) as page:
        expect(page.locator(".st-key-chain_head")).to_contain_text("You start at")
        expect(page.locator(".ch-box .p").first).to_be_attached()
        picked = page.locator(".ch-box td.y.p").all_inner_texts()
        assert len(picked) == 2 and all(one.startswith("Sell 1: |delta| 0.1") for one in picked), picked
        # The chain begins at the strikes next to spot.
        row, box = page.locator(".ch-box .m").bounding_box(), page.locator(".ch-box").bounding_box()
        assert row is not None and box is not None and box["y"] < row["y"] < box["y"] + box["height"]


def test_a_held_run_has_one_pnl_on_the_page_and_its_charts_stay(panel: str, home: Path, browser: Browser) -> None:
    hold(home)
    with looking(browser, panel, timezone_id="America/New_York") as page:
        expect(page.locator(".st-key-chain_head")).to_contain_text("P&L if closed")
        looks = [(card.replace("\u2060", ""), bar.replace("\u2060", "")) for card, bar in page.evaluate(LOOKS, 6)]
        # Two elements of one beat, which a browser may draw a moment apart: none tells what the other never does.
        told = {money for _, bar in looks for money in re.findall(r"[+\u2212]?\$[\d.,]+", bar)}
        assert {card for card, _ in looks[:-5]} <= told, looks
        page.evaluate("() => ['payoff', 'spot_map', 'smile'].forEach(key => { document.querySelector(`.st-key-${key} canvas`).marked = true; })")  # fmt: skip
        box = page.locator(".st-key-payoff canvas").first.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.5)
        expect(page.locator(".st-key-payoff")).to_contain_text("At expiry")
        page.evaluate("""() => { window.moved = 0; new PerformanceObserver(list => list.getEntries().forEach(one => { window.moved += one.value; }))
          .observe({type: 'layout-shift'}); }""")
        before, since = RECEIVED[page][0], time.monotonic()
        page.wait_for_timeout(10_000)
        rate = (RECEIVED[page][0] - before) / (time.monotonic() - since)
        expect(page.locator(".st-key-payoff")).to_contain_text("At expiry")  # the tooltip outlives every refresh
        assert page.evaluate("() => ['payoff', 'spot_map', 'smile'].every(key => document.querySelector(`.st-key-${key} canvas`).marked)")  # fmt: skip
        assert page.evaluate("() => window.moved") <= 0.001
        assert 0 < rate <= 26_000, rate
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 1280
        assert page.evaluate(PALE, WORDS) == []


def test_the_sliders_ask_what_if_by_keyboard(panel: str, home: Path, browser: Browser) -> None:
    hold(home)
    with looking(browser, panel) as page:
        expect(page.locator(".st-key-what_if_box")).to_contain_text("±0 points")
        slider = page.get_by_role("slider", name="Implied volatility")
        slider.focus()
        slider.press("ArrowRight")
        expect(page.locator(".st-key-what_if_box")).to_contain_text("+1 points")
        beats(page, 2)
        expect(page.locator(".st-key-what_if_box")).to_contain_text("+1 points")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_phone_has_every_column_within_reach_and_the_strike_stays(
    panel: str, home: Path, browser: Browser, theme: str
) -> None:
    hold(home)
    phone = {"viewport": {"width": 390, "height": 844}, "color_scheme": theme, "timezone_id": "Asia/Kolkata"}
    with looking(browser, panel, **phone) as page:
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
        lefts = page.evaluate(
            """() => { const box = document.querySelector('.ch-box'), strike = box.querySelector('.m .k');
              const left = () => Math.round(strike.getBoundingClientRect().left - box.getBoundingClientRect().left);
              const before = left(); box.scrollLeft = 400; return [before, left(), box.scrollLeft > 100]; }"""
        )
        assert lefts[0] == lefts[1] and lefts[2], lefts
        call, put = page.evaluate(
            """() => { const cells = [...document.querySelectorAll('.ch-box .m > td')].map(one => one.getBoundingClientRect());
              return [cells[6], cells[7]].map(one => [Math.round(one.left), Math.round(one.top)]); }"""
        )
        assert call[0] == put[0] and call[1] < put[1], "a strike's call stands above its put, bid above bid"
        assert page.evaluate(PALE, WORDS) == []
        small = page.evaluate(
            """() => [...document.querySelectorAll('.st-key-chain_page :is(button, [data-baseweb="select"])')]
              .filter(one => one.getClientRects().length).map(one => [one.innerText, one.getBoundingClientRect().height])
              .filter(([text, height]) => text && height < 43.5)"""
        )
        assert small == []
        # Indian time on the map's axis, as on the strip.
        strip = re.search(r"(\d\d):(\d\d):\d\d", page.locator(".st-key-strip").inner_text())
        note = re.search(r"drawn at (\d\d):(\d\d)", page.locator(".st-key-map_box").inner_text())
        assert strip is not None and note is not None
        apart = abs((int(strip[1]) - int(note[1])) * 60 + int(strip[2]) - int(note[2]))
        assert min(apart, 1440 - apart) <= 2
