"""Several runs on one account in a real browser: two strangles on BTC at once, one TWAP of 200 contracts, and the account's limits
as page, command line and file say them. With `TRADER_SHOTS=DIR` it leaves pictures there, for looking at."""

import json
import os
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.browser.panel_server import choose, serving, store_test_preset, trader, window
from trader.config.preset import Orders, Preset
from trader.config.presets import PresetStore

pytestmark = [pytest.mark.browser, pytest.mark.t1, pytest.mark.timeout(600)]

SPEED = 20  # market seconds a second
SHOTS = os.environ.get("TRADER_SHOTS", "")
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("several-home")
    for name, quantity in (("narrow", 5), ("wide", 3)):
        save(home, store_test_preset(home, name, quantity=quantity))
    sliced = Orders(
        entry_algo="twap", entry_slices=10, entry_duration_secs=800, entry_child="market",
        exit_algo="twap", exit_slices=10, exit_duration_secs=800, exit_child="market", stop_in_slices=True,
    )  # fmt: skip
    save(home, store_test_preset(home, "sliced", quantity=200), orders=sliced)
    return home


def save(home: Path, preset: Preset, **changes: Any) -> None:
    risk = preset.risk.model_copy(update={"max_runs_per_day": 20, "max_order_quantity": 1000, "naked_leg_secs": 120})
    PresetStore(home).save(preset.model_copy(update={"risk": risk, **changes}), overwrite=True)


@pytest.fixture(scope="module")
def panel(browser: Browser, home: Path) -> Iterator[str]:
    with serving(home, environ={"TRADER_VENUE_SPEED": str(SPEED)}) as url:
        yield url


@pytest.fixture
def flat(panel: str, home: Path) -> None:
    """Nothing is left open by another test."""
    if status(home)["open_runs"]:
        trader(home, "stop", "--wait", "60")


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    opened = window(browser)
    yield opened
    opened.close()


def look(page: Page, name: str) -> None:
    """Pictures of the page at both widths and in both themes, where somebody wants to see them; its own size comes back."""
    if not SHOTS:
        return
    Path(SHOTS).mkdir(parents=True, exist_ok=True)
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        for size, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_timeout(900)
            page.screenshot(path=f"{SHOTS}/{name}_{theme}_{size}.png")
            tall = page.get_by_test_id("stMainBlockContainer").evaluate("node => node.scrollHeight")
            page.set_viewport_size({"width": width, "height": min(max(height, tall + 60), 2600)})
            page.wait_for_timeout(600)
            page.screenshot(path=f"{SHOTS}/{name}_{theme}_{size}_whole.png")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 900})


def status(home: Path, run: str | None = None) -> Any:
    return json.loads(trader(home, "status", "--json", *(("--run", run) if run else ())))


def history(home: Path) -> dict[str, Any]:
    return {run["run_id"]: run for run in json.loads(trader(home, "history", "--json"))["runs"]}


def start(page: Page, preset: str, sells: str) -> None:
    choose(page, "Preset", preset)
    page.get_by_role("radio", name="Now").click()
    expect(page.locator(".st-key-start_box")).to_contain_text(f"Sell now: {sells}")
    page.get_by_role("button", name="Start", exact=True).click()


def money(text: str) -> Decimal:
    found = re.search(r"([+−]?)\u2060?\$([\d.,]+)", text)
    assert found, text
    return Decimal(("-" if found[1] == "−" else "") + found[2].replace(",", ""))


def kept(page: Page) -> str:
    """The verdict on the result card."""
    verdict = page.locator(".st-key-result_box h3").filter(visible=True)  # the board before is hidden, not gone
    expect(verdict).to_contain_text("$")
    return verdict.inner_text()


def stop_button(page: Page) -> Locator:
    return page.locator(".st-key-stop button")


def hero(page: Page) -> Locator:
    return page.locator(".lv-hero").filter(visible=True).first  # for a moment the board before is still there, hidden


def rows(page: Page) -> Locator:
    return page.locator(".lv-runs tbody tr")


@pytest.mark.usefixtures("flat")
def test_two_strangles_at_once_are_watched_and_stopped_one_by_one(
    panel: str, home: Path, context: BrowserContext
) -> None:
    page = context.new_page()
    page.goto(panel)
    start(page, "narrow", "5")
    expect(hero(page)).to_contain_text("Holding — exits at")
    first = status(home)["run_id"]

    page.get_by_text("Start another run").click()
    others = page.locator(".st-key-start_box")
    expect(others).to_contain_text(re.compile("Another run is on and goes on: BTC narrow .*, holding"))
    expect(others).to_contain_text("It would be run 2 of 3 on BTC, 2 of 6 in all.")
    look(page, "start_another")
    start(page, "wide", "3")
    expect(rows(page)).to_have_count(2)
    expect(hero(page)).to_contain_text("preset wide")
    expect(hero(page)).to_contain_text("Holding — exits at")
    second = status(home)["run_id"]
    assert first != second and set(status(home)["open_runs"]) == {first, second}

    # Nothing of one run in the other: each tab looks at its own, on every page and after a reload.
    tab = context.new_page()
    tab.goto(panel)
    tab.get_by_role("radio", name=re.compile("BTC narrow")).click()
    expect(hero(tab)).to_contain_text(f"run {first}")
    expect(stop_button(tab)).to_contain_text("Stop & Exit: BTC narrow")
    tab.get_by_role("link", name="History").click()
    expect(stop_button(tab)).to_contain_text("Stop & Exit: BTC narrow")
    tab.goto(f"{panel}/?watch={first}")
    expect(hero(tab)).to_contain_text(f"run {first}")
    for one, name, run in ((page, "wide", second), (tab, "narrow", first)):
        one.bring_to_front()
        expect(one.locator(".st-key-strip")).to_contain_text(f"BTC {name}")
        expect(one.locator(".lv-runs tr.shown")).to_contain_text(name)
        seen = status(home, run)
        legs = {f"{leg['key']} {Decimal(leg['strike']):,.0f}" for leg in seen["legs"]}
        assert {line.split("\n")[0] for line in one.locator(".lv-legs tbody th").all_inner_texts()} == legs
    expect(page.locator(".lv-runs tfoot")).to_contain_text("account's loss limit $5,000")
    told = page.locator(".lv-runs").inner_text()  # one element: of one moment
    sums = [money(line) for line in told.splitlines() if "$" in line and "limit" not in line]
    assert abs(sum(sums[:-1]) - sums[-1]) <= Decimal("0.02"), told
    look(page, "two_runs")

    # All of them, said and not done; then exactly the one that stands on the button.
    page.bring_to_front()
    stop_button(page).click()
    page.get_by_role("button", name="All 2 runs …").click()
    question = page.locator(".st-key-stop_box")
    expect(question).to_contain_text("Stop all 2 runs: in all realises ≈")
    expect(question.locator("li")).to_have_count(2)
    look(page, "stop_all")
    page.get_by_role("button", name="Keep running").click()
    stop_button(page).click()
    expect(question).to_contain_text(re.compile("BTC wide .*: Buy back 3 C .*1 other run goes on"))
    look(page, "stop_one")
    page.get_by_role("button", name="Yes, exit").click()
    expect(page.get_by_text(re.compile("BTC wide .*FLAT, confirmed by the exchange")).first).to_be_visible()
    expect(rows(page)).to_have_count(0)
    expect(hero(page)).to_contain_text(f"run {first}")
    expect(hero(page)).to_contain_text("Holding")
    assert status(home)["open_runs"] == [first] and history(home).keys() == {second}
    expect(stop_button(page)).to_have_text(re.compile("^[^:]*Stop & Exit[^:]*$"))

    stop_button(page).click()
    page.get_by_role("button", name="Yes, exit").click()
    expect(hero(page)).to_contain_text("Done — flat, confirmed by the exchange")
    booked = history(home)
    assert booked.keys() == {first, second}
    assert_told(kept(page), booked[first], status(home, first))
    for run, preset in ((first, "narrow"), (second, "wide")):
        line = page.locator(".st-key-news_box").get_by_text(f"BTC {preset}").first.inner_text()
        assert abs(money(line) - Decimal(booked[run]["realized_pnl"])) <= Decimal("0.005"), line
    page.get_by_role("link", name="History").click()
    for run in (first, second):
        page.goto(f"{panel}/history?run={run}")
        value = page.get_by_test_id("stMetric").filter(has_text="Realised P&L").get_by_test_id("stMetricValue")
        expect(value).to_be_visible()
        assert_told(value.inner_text(), booked[run], status(home, run))


def assert_told(text: str, booked: Any, seen: Any) -> None:
    """One result: as the page, `history --json` and `status --json` say it."""
    assert booked["realized_pnl"] == seen["realized_pnl"]
    told = money(text)
    unit = Decimal(1).scaleb(told.as_tuple().exponent)  # type: ignore[arg-type]
    assert abs(told - Decimal(booked["realized_pnl"])) <= unit / 2, text


@pytest.mark.usefixtures("flat")
def test_a_second_press_of_start_is_refused_in_a_sentence(panel: str, home: Path, context: BrowserContext) -> None:
    """The same configuration twice while it still enters: the second is taken for a second press."""
    trader(home, "start", "--preset", "sliced", "--now")
    page = context.new_page()
    page.goto(panel)
    expect(hero(page)).to_contain_text("Entering")
    page.get_by_text("Start another run").click()
    start(page, "sliced", "200")
    run = status(home)["run_id"]
    answer = page.locator(".st-key-start_box").get_by_text("Not started")
    expect(answer).to_contain_text(f"run {run} of this very configuration has not completed its entry yet")
    assert status(home)["open_runs"] == [run]


def test_two_hundred_contracts_go_in_and_out_in_slices(panel: str, home: Path, context: BrowserContext) -> None:
    if not status(home)["open_runs"]:
        trader(home, "start", "--preset", "sliced", "--now")
    run = status(home)["run_id"]
    page = context.new_page()
    page.goto(panel)
    work = page.locator(".lv-work")
    expect(work.locator("[data-work=C]")).to_contain_text(re.compile(r"\d+ of 200 sold at [\d.,]+ on average"))
    expect(work.locator("[data-work=C]")).to_contain_text(
        re.compile(r"\d of 10 slices filled, next at \d\d:\d\d:\d\d IST")
    )
    look(page, "twap_in")
    expect(hero(page)).to_contain_text("Holding — exits at")
    held = status(home)
    assert {leg["open_quantity"] for leg in held["legs"]} == {200}
    orders = [
        o for o in json.loads(trader(home, "history", "--run", run, "--json"))["orders"] if o["purpose"] == "entry"
    ]
    assert max(order["quantity"] for order in orders) <= 40 and len(orders) >= 20, "sold in slices"

    stop_button(page).click()
    page.get_by_role("button", name="Yes, exit").click()
    expect(work.locator("[data-work=P]")).to_contain_text(re.compile(r"\d+ of 200 bought back at [\d.,]+ on average"))
    expect(work.locator("[data-work=P]")).to_contain_text(re.compile(r"\d of 10 slices filled, next at"))
    look(page, "twap_out")
    expect(hero(page)).to_contain_text("Done — flat, confirmed by the exchange")
    assert_told(kept(page), history(home)[run], status(home, run))


def limit(page: Page, label: str) -> Locator:
    return page.get_by_role("spinbutton", name=label, exact=True)


@pytest.mark.usefixtures("flat")
def test_page_command_line_and_file_set_one_document(
    panel: str, home: Path, context: BrowserContext, tmp_path: Path
) -> None:
    page = context.new_page()
    page.goto(f"{panel}/account")
    limit(page, "Daily loss (USD)").fill("250")
    limit(page, "Daily loss (USD)").press("Tab")
    look(page, "account_edited")
    page.get_by_role("button", name="Save limits").click()
    expect(page.get_by_text("Accepted: the account's limits are set.")).to_be_visible()
    assert json.loads(trader(home, "limits", "show", "--json"))["daily_loss_usd"] == "250"

    trader(home, "limits", "set", "open_runs=4")
    expect(limit(page, "Runs")).to_have_value("6")
    page.reload()
    expect(limit(page, "Runs")).to_have_value("4")
    expect(page.locator('[data-use="open_runs"]')).to_contain_text("Now: 0 of 4 runs")

    # A change from the terminal beneath an edit: nothing is lost, whoever is second.
    limit(page, "Largest order (contracts)").fill("500")
    limit(page, "Largest order (contracts)").press("Tab")
    expect(page.get_by_text("Largest order 10,000 → 500")).to_be_visible()
    path = tmp_path / "limits.json"
    trader(home, "limits", "export", str(path))
    path.write_text(json.dumps({**json.loads(path.read_text()), "weekly_loss_usd": "900"}))
    trader(home, "limits", "import", str(path))
    page.get_by_role("button", name="Save limits").click()
    expect(page.get_by_text("Refused: The limits were changed meanwhile (Weekly loss 15000 -> 900)")).to_be_visible()
    look(page, "account_refused")
    page.get_by_role("button", name="Take those, keep my edits").click()
    expect(limit(page, "Weekly loss (USD)")).to_have_value("900")
    page.get_by_role("button", name="Save limits").click()
    expect(page.get_by_text("Accepted: the account's limits are set.")).to_be_visible()
    now = json.loads(trader(home, "limits", "show", "--json"))
    assert (now["order_contracts"], now["weekly_loss_usd"], now["daily_loss_usd"], now["open_runs"]) == (
        500,
        "900",
        "250",
        4,
    )

    limit(page, "Daily loss (USD)").fill("1000")
    limit(page, "Daily loss (USD)").press("Tab")
    expect(page.get_by_text("Daily loss (1000) exceeds Weekly loss (900).")).to_be_visible()
    expect(page.get_by_role("button", name="Save limits")).to_be_disabled()
    page.goto(panel)
    expect(page.locator(".st-key-news_box")).to_contain_text("The account's limits were set (")
    trader(home, "limits", "reset")


@pytest.mark.usefixtures("flat")
def test_the_daily_loss_closes_locks_and_is_resumed_on_the_page(
    panel: str, home: Path, context: BrowserContext
) -> None:
    trader(home, "start", "--preset", "narrow", "--now", "--wait", "60")
    page = context.new_page()
    page.goto(panel)
    expect(hero(page)).to_contain_text("Holding")
    trader(home, "limits", "set", "daily_loss_usd=0.01")  # the spread alone is more than that
    expect(hero(page)).to_contain_text("Done — flat, confirmed by the exchange")
    expect(page.locator(".st-key-strip")).to_contain_text("Entries locked")
    expect(page.locator(".st-key-news_box")).to_contain_text("No entry until tomorrow: the account's loss of today")
    page.get_by_role("link", name="Account").click()
    locked = page.locator('[data-lock="on"]')
    expect(locked).to_contain_text("has reached daily_loss_usd of 0.01 USD")
    expect(page.get_by_text("Resume alone lets no entry out while the loss stands at its limit")).to_be_visible()
    look(page, "account_locked")
    trader(home, "limits", "reset")
    expect(locked).to_contain_text("locked until tomorrow or until a person resumes")
    page.get_by_role("button", name="Resume").click()
    page.get_by_role("button", name="Yes, resume").click()
    expect(page.get_by_text("entries are let out again after the loss")).to_be_visible()
    expect(page.locator('[data-lock="off"]')).to_be_visible()
