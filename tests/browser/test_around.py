"""What stands around a trade, on the real panel: the first paper trade in three time zones, a result nobody saw happen, alerts
acknowledged one by one, and the start page on a phone."""

import os
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.browser.panel_server import beats, choose, hold, serving, store_test_preset, trader, window
from trader.config.presets import PresetStore
from trader.config.settings import load_settings
from trader.engine.records import AlertRaised
from trader.journal import Journal

pytestmark = [pytest.mark.browser, pytest.mark.t1, pytest.mark.timeout(600)]

LONG = bool(os.environ.get("TRADER_LONG_BROWSER_TESTS"))
SPEED = 20  # market seconds a second
_TIME = re.compile(r"(\d\d):(\d\d)")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("around-home")
    preset = store_test_preset(home, quantity=25)
    risk = preset.risk.model_copy(update={"max_runs_per_day": 20})
    PresetStore(home).save(preset.model_copy(update={"risk": risk}), overwrite=True)
    return home


@pytest.fixture(scope="module")
def panel(browser: Browser, home: Path) -> Iterator[str]:
    with serving(home, environ={"TRADER_VENUE_SPEED": str(SPEED)}) as url:
        yield url


@pytest.fixture(scope="module")
def windows(browser: Browser) -> Iterator[Callable[[str], BrowserContext]]:
    """A window in each time zone: it keeps what it has fetched."""
    known: dict[str, BrowserContext] = {}

    def in_zone(zone: str) -> BrowserContext:
        if zone not in known:
            known[zone] = window(browser, timezone_id=zone)
        return known[zone]

    yield in_zone
    for one in known.values():
        one.close()


Windows = Callable[[str], BrowserContext]


def opened(windows: Windows, panel: str, zone: str = "Asia/Kolkata") -> Page:
    page = windows(zone).new_page()
    page.goto(panel)
    expect(box(page, "preview_box").or_(box(page, "dash")).first).to_be_visible()
    return page


def box(page: Page, key: str) -> Locator:
    return page.locator(f".st-key-{key}")


def sell_now(page: Page) -> None:
    choose(page, "Preset", "browser-test")
    expect(box(page, "start_box")).to_contain_text("0.05–0.35")
    page.get_by_role("radio", name="Now").click()
    expect(box(page, "start_box")).to_contain_text("Sell now: 25")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(box(page, "dash")).to_contain_text("Holding — exits at")


def minutes(text: str) -> int:
    found = _TIME.search(text)
    assert found, text
    return int(found[1]) * 60 + int(found[2])


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "UTC", "America/New_York"])
def test_the_first_paper_trade_from_start_to_flat(panel: str, windows: Windows, zone: str) -> None:
    page = opened(windows, panel, zone)
    expect(box(page, "preview_box")).to_contain_text("You start at −")
    expect(box(page, "preview_box")).to_contain_text(re.compile(r"spread [−\d]+\s%, fees in and out −\d+\s%"))
    expect(box(page, "preflight_box")).to_contain_text("✓")
    sell_now(page)
    page.get_by_role("button", name="Stop & Exit").click()
    page.get_by_role("button", name="Yes, exit").click()
    result = box(page, "result_box")
    expect(result).to_contain_text(re.compile(r"FLAT\s+confirmed by the exchange"))
    expect(result).to_contain_text(re.compile(r"(Kept|Lost|Even:) .* of net credit in .* · Stop & Exit"))
    line = page.locator(".ar-news-rows .ar-line").filter(has_text="Stop & Exit:").first
    expect(line).to_be_visible()
    expect(line).to_contain_text(_TIME)
    ended, clock = minutes(line.inner_text()), minutes(box(page, "strip").inner_text())
    assert (clock - ended) % 1440 <= 90, (
        "Indian exchange time, as the strip's clock (20x), whatever the browser is set to"
    )
    page.close()


def test_a_run_that_ended_while_nobody_looked_was_nowhere_on_the_first_screen(
    panel: str, windows: Windows, home: Path
) -> None:
    hold(home)
    trader(home, "stop", "--wait", "60")
    if LONG:
        time.sleep(3600 / SPEED)

    page = opened(windows, panel)
    result = box(page, "result_box")
    expect(result).to_contain_text(re.compile(r"(Kept|Lost|Even:) .* · Stop & Exit"))
    expect(result).to_be_in_viewport(ratio=1)
    line = box(page, "news_box").locator(".ar-line").filter(has_text="Stop & Exit:").first
    expect(line).to_be_in_viewport(ratio=1)
    day = box(page, "news_box").get_by_text("realised · loss limit $500")
    expect(day).to_be_in_viewport(ratio=1)
    lost = line.locator("span").last.inner_text()
    page.set_viewport_size({"width": 390, "height": 844})  # on a phone it was hidden with its chart
    expect(result).to_be_in_viewport(ratio=1)
    expect(result.get_by_role("button", name="Run again")).to_be_in_viewport(ratio=1)
    tall = page.get_by_test_id("stMainBlockContainer").evaluate("node => node.scrollHeight")
    assert tall <= 1500, tall
    result.get_by_role("link", name="Open report").click()
    expect(page).to_have_url(re.compile(r"/history\?run="))

    hold(home)  # the next run took the place of the last one, and with it its result
    page.goto(panel)
    expect(box(page, "dash")).to_contain_text("Holding")
    today = page.locator('[data-card="today"]')
    expect(today).to_be_in_viewport(ratio=1)
    expect(today).to_contain_text(re.compile(r"\d of 20 runs · .* limit"))
    expect(box(page, "news_box").locator(".ar-line").filter(has_text=lost)).to_have_count(1)
    trader(home, "stop", "--wait", "60")
    page.close()


def test_acknowledging_one_alert_acknowledged_those_nobody_had_seen(panel: str, windows: Windows, home: Path) -> None:
    trader(home, "ack", "all")  # what the runs before have left
    with_alerts(home, 7)
    page = opened(windows, panel)
    bar = box(page, "alerts_bar")
    expect(bar).to_contain_text("4 critical")
    expect(bar).to_contain_text("3 warnings")
    bar.get_by_role("button", name="Look and acknowledge").click()
    rows = box(page, "alerts_rows")
    buttons = rows.get_by_role("button", name="Acknowledge", exact=True)
    expect(buttons).to_have_count(7)
    buttons.nth(6).scroll_into_view_if_needed()
    scrolled = rows.evaluate("node => node.scrollTop")
    beats(page, 5)  # the opened list stays where one reads
    assert scrolled > 0 and rows.evaluate("node => node.scrollTop") == scrolled
    buttons.nth(6).click()
    expect(buttons).to_have_count(6)
    expect(rows).not_to_contain_text("Trouble 0.")
    expect(rows).to_contain_text("Trouble 6.")
    page.keyboard.press("Escape")
    expect(bar).to_contain_text("3 critical")
    page.close()


def with_alerts(home: Path, count: int) -> None:
    settings = load_settings(environ={"TRADER_HOME": str(home), "TRADER_SNAPSHOT": str(home / "none.json")})
    journal = Journal.open(settings.journal_url)
    now = datetime.now(UTC)
    records = [
        AlertRaised(
            run_id="", wall=now, level="warning" if index % 2 else "error", code=f"t{index}", text=f"Trouble {index}."
        )
        for index in range(count)
    ]
    journal.append(records, lease=None, account="paper")
    journal.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_start_page_was_three_screens_of_a_phone(panel: str, browser: Browser, scheme: str) -> None:
    context = window(browser, viewport={"width": 390, "height": 844}, color_scheme=scheme)
    page = context.new_page()
    page.goto(panel)
    expect(box(page, "preview_box")).to_contain_text("You start at −")
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
    beats(page, 2)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.get_by_test_id("stMainBlockContainer").evaluate("node => node.scrollHeight") <= 1500
    small = page.evaluate(
        """() => [...document.querySelectorAll('.st-key-start_box button, .st-key-preview_box summary, .st-key-result_box a, '
          + '.st-key-result_box button, .st-key-alerts_bar button')].filter(e => e.offsetParent && !e.closest('[data-testid="stTooltipIcon"]'))
          .filter(e => e.getBoundingClientRect().height < 43.5).map(e => e.innerText || e.outerHTML.slice(0, 80))"""
    )
    assert small == []
    page.get_by_text("Strikes and payoff").click()
    fold = box(page, "preview_fold")
    expect(fold).to_contain_text("Bid × size")
    expect(fold.locator(".js-plotly-plot")).to_be_visible()
    cut = page.evaluate(
        """() => [...document.querySelectorAll('.ar-card b, .ar-legs td, .ar-legs th')].filter(e => e.offsetParent)
          .filter(e => e.scrollWidth > e.clientWidth + 1 || e.getBoundingClientRect().right > 390).map(e => e.innerText)"""
    )
    assert cut == []
    context.close()
