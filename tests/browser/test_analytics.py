"""Analytics and History over many runs in a real browser: the address keeps what was chosen, rows of the table are picked, a phone has
room for it. The desk behind is the tests' fake."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.panel_server import ROOT, serving, window
from tests.browser.test_setup import NO_COLUMN_CUT

pytestmark = [pytest.mark.browser, pytest.mark.t1, pytest.mark.timeout(300)]

PHONE = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36"
)


@pytest.fixture(scope="module")
def panel(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home: Path = tmp_path_factory.mktemp("analytics-home")
    environ = {"FAKE_SCENARIO": "holding", "FAKE_RUNS": "1"}
    with serving(home, entry=ROOT / "tests" / "panel" / "fake_app.py", environ=environ) as url:
        yield url


@pytest.fixture(scope="module")
def desk(browser: Browser) -> Iterator[BrowserContext]:
    opened = window(browser)
    yield opened
    opened.close()


def pick(page: Page, row: int) -> None:
    """Tick a row of the table: it is drawn on a canvas, so by its place."""
    page.locator(".st-key-wide_runs [data-testid=stDataFrame]").click(position={"x": 16, "y": 18 + 35 * row})


def test_the_address_keeps_filter_order_and_page_through_a_reload(panel: str, desk: BrowserContext) -> None:
    page = desk.new_page()
    page.goto(f"{panel}/history?sort=pnl&order=asc&result=lost")
    expect(page.get_by_text("· 0 % won ·")).to_be_visible()
    page.get_by_role("button", name="Page 2").click()
    expect(page).to_have_url(re.compile(r"sort=pnl&order=asc&result=lost&page=2$"))
    page.reload()
    expect(page.get_by_text("· 0 % won ·")).to_be_visible()
    expect(page).to_have_url(re.compile(r"page=2$"))
    page.get_by_role("combobox", name="Show").click()
    page.get_by_role("option", name="Runs and orders").click()
    expect(page).to_have_url(
        re.compile(r"sort=pnl&order=asc&result=lost&kind=all$")
    )  # of another filter it is another page
    page.close()


def test_one_row_opens_its_report_and_two_are_compared(panel: str, desk: BrowserContext) -> None:
    page = desk.new_page()
    page.goto(f"{panel}/history")
    pick(page, 1)
    expect(page).to_have_url(re.compile(r"/history\?run=k3fa-20261120-1$"))
    expect(page.locator(".st-key-hist_chart")).to_be_visible()
    pick(page, 2)
    expect(page).to_have_url(re.compile(r"run=k3fa-20261120-1&with=k3fa-20261119-1$"))
    expect(page.locator(".st-key-compare_chart .js-plotly-plot")).to_be_visible()
    page.close()


def test_from_analytics_to_the_same_runs_in_history(panel: str, desk: BrowserContext) -> None:
    page = desk.new_page()
    page.goto(f"{panel}/analytics?exit=max_loss&exit=breakeven")
    expect(page.locator(".js-plotly-plot")).to_have_count(14)
    page.get_by_role("link", name=re.compile("runs in History")).click()
    expect(page).to_have_url(re.compile(r"/history\?exit=max_loss&exit=breakeven$"))
    expect(page.get_by_text(re.compile(r"^\d+ runs · "))).to_be_visible()
    page.close()


@pytest.mark.parametrize("address", ["history", "analytics?capital=2000", "history?run=sample003&with=sample018"])
def test_a_phone_has_room_for_all_of_it(panel: str, browser: Browser, address: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, user_agent=PHONE)
    page = context.new_page()
    page.goto(f"{panel}/{address}")
    expect(page.locator(".st-key-narrow_runs, .js-plotly-plot").first).to_be_visible()
    expect(page.get_by_role("combobox", name="Show")).not_to_be_visible()  # folded: it is half of the first screen
    page.get_by_text("Filter: all runs").click()
    expect(page.get_by_role("combobox", name="Show")).to_be_visible()
    found = page.evaluate(NO_COLUMN_CUT)
    assert (found["cut"], found["boxes"], found["small"]) == ([], 0, []) and found["wide"] <= 390, found
    context.close()
