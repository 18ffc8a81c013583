"""Configure and History in a real browser: two tabs, reloads, dialogs that are seen, and chart times in three time zones."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.browser.panel_server import beats, hold, serving, store_test_preset, trader, window
from trader.config.presets import PresetStore
from trader.config.strategy import LegRow

pytestmark = [pytest.mark.browser, pytest.mark.t1, pytest.mark.timeout(300)]

LONG = bool(os.environ.get("TRADER_LONG_BROWSER_TESTS"))
PRESET = "browser-test"
RATIO = list(LegRow.model_fields).index("ratio")
ZONES = ("Asia/Kolkata", "UTC", "America/New_York")
NO_COLUMN_CUT = """() => {
  const cut = [...document.querySelectorAll('th, td')].filter(n => n.offsetParent && n.clientWidth > 1 && n.scrollWidth > n.clientWidth + 1);
  const grids = [...document.querySelectorAll('[data-testid="stDataFrame"]')].filter(n => n.offsetParent);
  const boxes = [...document.querySelectorAll('.sheet')].filter(n => n.scrollWidth > n.clientWidth + 1);
  const touched = 'button, input:not([type=checkbox]), a, [role=tab]';
  const small = [...document.querySelectorAll('.stMainBlockContainer')].flatMap(n => [...n.querySelectorAll(touched)])
    .filter(n => n.offsetParent && !n.closest('.st-key-strip, .st-key-cfg_preview') && n.getBoundingClientRect().height < 44);
  return {small: small.map(n => n.getAttribute('aria-label') || n.innerText), cut: cut.map(n => n.innerText), grids: grids.length, boxes: boxes.length, wide: document.documentElement.scrollWidth};
}"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("setup-home")


@pytest.fixture(scope="module")
def panel(browser: Browser, home: Path) -> Iterator[str]:
    """The real panel, with one finished paper run behind it."""
    store_test_preset(home)
    with serving(home, environ={"TRADER_VENUE_SPEED": "20"}) as url:
        hold(home)
        trader(home, "stop", "--wait", "60")
        yield url


@pytest.fixture(scope="module")
def report(panel: str, home: Path) -> str:
    """The address of that run's report."""
    return f"{panel}/history?run={json.loads(trader(home, 'status', '--json'))['run_id']}"


@pytest.fixture(scope="module")
def desk(browser: Browser) -> Iterator[BrowserContext]:
    opened = window(browser)
    yield opened
    opened.close()


@pytest.fixture
def context(desk: BrowserContext) -> Iterator[BrowserContext]:
    """A window without tabs; it keeps what it has fetched for the other tests."""
    yield desk
    for tab in desk.pages:
        tab.close()


@pytest.fixture(autouse=True)
def preset(home: Path) -> Any:
    """The stored preset as each test begins; no other is the command line's, which saving would ask about."""
    (home / "ui_config_snapshot.json").unlink(missing_ok=True)
    return store_test_preset(home)


def configure(context: BrowserContext, panel: str, query: str = "") -> Page:
    page = context.new_page()
    page.goto(f"{panel}/configure{query}")
    expect(page.locator(".st-key-cfg_state")).to_be_visible()
    if not query:
        page.get_by_role("combobox", name="Preset").first.click()
        page.get_by_role("option", name=PRESET, exact=True).click()
        expect(field(page, "Quantity per leg (contracts)")).to_have_value("5")
    return page


def field(page: Page, label: str, tab: str | None = None) -> Locator:
    if tab is not None:
        page.get_by_role("tab", name=tab).click()
    return page.get_by_role("spinbutton", name=label)


def type_in(page: Page, label: str, value: str, tab: str | None = None) -> None:
    place = field(page, label, tab)
    place.fill(value)
    place.press("Tab")
    expect(page.locator(".st-key-cfg_state")).to_contain_text("not saved")


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def seen(page: Page, place: Locator) -> bool:
    """Whether the middle of it is what a person would touch there: nothing lies over it."""
    box = place.bounding_box()
    assert box is not None
    node = place.element_handle()
    at = [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2]
    hit = "([node, [x, y]]) => node.parentElement.contains(document.elementFromPoint(x, y))"  # between its lines: its parent
    return bool(page.evaluate(hit, [node, at]))


def stored(home: Path) -> Any:
    return PresetStore(home).load(PRESET)


def test_two_tabs_that_save_one_preset_lost_a_field(panel: str, home: Path, context: BrowserContext) -> None:
    one, other = configure(context, panel), configure(context, panel)
    type_in(one, "Quantity per leg (contracts)", "7")
    type_in(other, "Max loss (% of basis)", "55", tab="Exits")
    one.bring_to_front()
    button(one, "Save").click()
    expect(one.locator(".st-key-cfg_state")).to_contain_text("Saved, also as the configuration")

    other.bring_to_front()
    button(other, "Save").click()
    dialog = other.get_by_role("dialog")
    expect(dialog).to_contain_text("Changed meanwhile: Quantity per leg 5 → 7.")
    assert stored(home).exits.max_loss_pct != 55 and seen(other, button(other, "Keep both and save"))
    button(other, "Keep both and save").click()
    expect(dialog).to_have_count(0)
    expect(other.locator(".st-key-cfg_state")).to_contain_text("Merged and saved")
    assert (stored(home).strategy.quantity, stored(home).exits.max_loss_pct) == (7, 55)


def test_an_edit_survives_a_reload_and_each_tab_has_its_own(panel: str, home: Path, context: BrowserContext) -> None:
    one, other = configure(context, panel), configure(context, panel)
    type_in(one, "Quantity per leg (contracts)", "8")
    type_in(other, "Quantity per leg (contracts)", "9")
    for page, value in ((one, "8"), (other, "9")):
        page.bring_to_front()
        page.reload()
        expect(field(page, "Quantity per leg (contracts)")).to_have_value(value)
        expect(page.locator(".st-key-cfg_state")).to_contain_text("1 change not saved")
    assert stored(home).strategy.quantity == 5
    button(other, "Discard").click()
    expect(other.locator(".st-key-cfg_state")).to_contain_text("saved")
    expect(field(other, "Quantity per leg (contracts)")).to_have_value("5")
    expect(other).not_to_have_url(re.compile("draft="))
    assert "draft=" in one.url


def test_answers_were_hidden_behind_their_own_popover(panel: str, context: BrowserContext) -> None:
    page = configure(context, panel)
    button(page, "Save as").click()
    page.get_by_role("textbox", name="New name").fill("aggressive")
    button(page, "Save under this name").click()
    error = page.get_by_role("dialog").get_by_text("There is already a preset")
    expect(error).to_be_visible()
    assert seen(page, error), "the error stands in the dialog"
    page.get_by_role("textbox", name="New name").fill("from-browser")
    button(page, "Save under this name").click()
    answer = page.get_by_text("Saved as from-browser")
    expect(answer).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert seen(page, answer)

    button(page, "Import").click()
    upload = {"name": "x.json", "mimeType": "application/json", "buffer": b"{nope"}
    page.locator('input[type="file"]').set_input_files(upload)  # type: ignore[arg-type]
    error = page.get_by_role("dialog").get_by_text("Not a preset")
    expect(error).to_be_visible()
    assert seen(page, error)
    page.keyboard.press("Escape")

    button(page, "Delete").click()
    button(page, "Delete it").click()
    answer = page.get_by_text("from-browser is deleted.")
    expect(answer).to_be_visible()
    assert seen(page, answer)


def test_an_error_counts_on_its_tab_and_the_tab_stays_open(panel: str, context: BrowserContext) -> None:
    page = configure(context, panel)
    type_in(page, "Max loss (% of basis)", "-3", tab="Exits")
    expect(page.get_by_text("Max loss: must be above 0, was -3.").first).to_be_visible()
    expect(page.get_by_role("tab", selected=True).first).to_contain_text("Exits")
    count = "[...document.querySelectorAll('[role=tab] p')].map(n => getComputedStyle(n, '::after').content)"
    assert page.evaluate(count)[:4] == ["none", "none", '" ✗ 1"', "none"]


def choose(page: Page, label: str, option: str) -> None:
    page.get_by_role("combobox", name=label, exact=True).click()
    page.get_by_role("option", name=option, exact=True).click()
    expect(page.get_by_role("combobox", name=label, exact=True)).to_have_value(option)


def test_an_iron_condor_is_picked_and_saved(panel: str, home: Path, context: BrowserContext) -> None:
    page = configure(context, panel)
    expect(field(page, "Wing width (USD)")).to_have_count(0)
    choose(page, "Structure", "Iron condor")
    type_in(page, "Wing width (USD)", "1500")
    expect(page.locator(".errors-line")).to_contain_text(
        "buys 5 calls and 5 puts 1,500 USD further out, first in and last out"
    )
    choose(page, "Wings by", "|delta| band")
    expect(field(page, "Wing width (USD)")).to_have_count(0)
    type_in(page, "Wing delta to (|delta|)", "0.3")
    expect(page.get_by_text("Wing delta to (0.3) must be below Delta from (0.05)").first).to_be_visible()
    expect(button(page, "Save")).to_be_disabled()
    choose(page, "Wings by", "Width")
    expect(field(page, "Wing width (USD)")).to_have_value("1500")
    button(page, "Save").click()
    expect(page.locator(".st-key-cfg_state")).to_contain_text("Saved, also as the configuration")
    assert [leg.key for leg in stored(home).structure.legs] == ["LC", "LP", "C", "P"]
    assert (stored(home).strategy.wing_width_usd, str(stored(home).strategy.wing_delta_max)) == (1500, "0.3")


def test_legs_of_ones_own_are_typed_into_a_table(panel: str, home: Path, context: BrowserContext) -> None:
    page = configure(context, panel)
    choose(page, "Structure", "Ratio strangle")
    choose(page, "Structure", "Custom legs")
    grid = page.get_by_test_id("stDataFrame").filter(visible=True)
    expect(grid).to_be_visible()
    in_cell(page, grid, row=0, column=RATIO, text="2")
    expect(page.locator(".errors-line")).to_contain_text("Sells 10 calls and 5 puts at |delta| 0.05-0.35.")
    in_cell(page, grid, row=1, column=RATIO, text="0")
    expect(page.get_by_text("Legs, row 2, ratio: must be at least 1, was 0.").first).to_be_visible()
    page.reload()
    expect(page.get_by_text("Legs, row 2, ratio: must be at least 1, was 0.").first).to_be_visible()
    grid = page.get_by_test_id("stDataFrame").filter(visible=True)
    in_cell(page, grid, row=1, column=RATIO, text="3")
    expect(page.locator(".errors-line")).to_contain_text("Sells 10 calls and 15 puts")
    button(page, "Save").click()
    expect(page.locator(".st-key-cfg_state")).to_contain_text("Saved, also as the configuration")
    assert [(leg.key, leg.ratio) for leg in stored(home).structure.legs] == [("C", 2), ("P", 3)]


def in_cell(page: Page, grid: Locator, *, row: int, column: int, text: str) -> None:
    """Type into a cell of a table that is drawn on a canvas: from its first one, with the keyboard."""
    grid.scroll_into_view_if_needed()
    box = grid.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 70, box["y"] + 35 * 1.5)
    for key in ["ArrowDown"] * row + ["ArrowRight"] * column + ["Enter"]:
        page.keyboard.press(key)
    typed = page.locator("#portal input")
    expect(typed).to_be_visible()
    typed.press("Control+a")
    typed.press_sequentially(text, delay=100)  # as a hand does: the table takes what was typed with the next frame
    expect(typed).to_have_value(text)
    # The table commits what it has drawn: on a busy machine a frame is longer than the time between two keys.
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    typed.press("Enter", delay=100)
    expect(typed).to_have_count(0)


@pytest.mark.parametrize("zone", ZONES)
def test_chart_times_were_the_browsers_instead_of_indian_time(report: str, browser: Browser, zone: str) -> None:
    context = window(browser, timezone_id=zone)
    page = context.new_page()
    page.goto(report)
    chart = page.locator(".js-plotly-plot").first
    expect(chart).to_be_visible()
    last = chart.evaluate("node => { const t = node.data.find(t => t.name === 'P&L'); return t.x[t.x.length - 1]; }")
    page.get_by_role("tab", name="Timeline").click()
    end = page.locator('[aria-label="Timeline"] tbody tr:last-child th').inner_text()
    assert abs(_seconds(last) - _seconds(end)) < 120 * 20, "on the clock of the table, however fast the market runs"

    area = chart.locator(".nsewdrag").first.bounding_box()
    assert area is not None
    along = chart.evaluate(
        "(node, at) => node._fullLayout.xaxis.d2p(at)", last
    )  # some way from the edge, in a short run
    page.mouse.move(area["x"] + along, area["y"] + area["height"] / 2)
    label = chart.locator(".hoverlayer").get_by_text("IST").first
    expect(label).to_be_visible()
    shown = re.search(r"\d\d:\d\d:\d\d", label.text_content() or "")
    assert shown and abs(_seconds(shown[0]) - _seconds(last)) < 120 * 20, "what hovering says is what was sent"
    context.close()


def _seconds(text: str) -> int:
    found = re.search(r"(\d\d):(\d\d):(\d\d)", text)
    assert found, text
    hours, minutes, seconds = (int(part) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds


def test_the_chart_of_a_run_is_drawn_once(report: str, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto(report)
    chart = page.locator(".js-plotly-plot").first
    expect(chart).to_be_visible()
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
    chart.evaluate("node => { node.marked = true; }")
    beats(page, 60 if LONG else 4)
    assert chart.evaluate("node => node.marked === true"), "the beat of the strip does not redraw it"
    assert page.locator('[aria-label^="P&L over time"], [alt^="P&L over time"]').count(), "it has a name"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_is_cut_on_a_phone(panel: str, report: str, browser: Browser, theme: str) -> None:
    context = window(browser, viewport={"width": 390, "height": 844}, color_scheme=theme)
    page = context.new_page()
    for address, drawn in (
        (f"{panel}/configure", page.locator(".st-key-cfg_preview .ar-cards").first),
        (f"{panel}/history", page.locator(".st-key-narrow_runs").get_by_role("button").first),
        (report, page.get_by_text("Realised P&L").first),
    ):
        page.goto(address)
        expect(drawn).to_be_visible()
        beats(page)
        found = page.evaluate(NO_COLUMN_CUT)
        assert found["wide"] == 390 and found["boxes"] == 0 and found["cut"] == [], address
        assert found["small"] == [], "targets of 44 px"
        assert found["grids"] == 0 or address.endswith("configure"), "a grid scrolls sideways inside"
    page.goto(f"{panel}/history")
    page.locator(".st-key-narrow_runs").get_by_role("button").first.click()
    expect(page).to_have_url(report)
    context.close()
