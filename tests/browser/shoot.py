"""Takes the screenshots of `docs/screenshots/` from the real panel: `python -m tests.browser.shoot`, those of Orders & positions, or of
Analytics and History, alone with `orders` or `analytics` behind it.

Starts the panel with a local venue in a temporary home, makes a run go through its phases, and saves each page at desktop
and phone width. Exiting is over in a second on paper; that one picture is of the same pages over the tests' fake desk.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.panel_server import ROOT, environment, serving, store_test_preset, trader
from trader.config.preset import Exits

OUT = ROOT / "docs" / "screenshots"
SIZES = {"desktop": (1280, 800), "phone": (390, 844)}
LARGEST_BYTES = 300_000
_TALLEST = 2800


def shoot(browser: Browser, url: str, name: str, ready: Callable[[Page], None], *, theme: str = "light") -> None:
    """One page at both widths, whole, once `ready` saw what it waits for."""
    for size, (width, height) in SIZES.items():
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(url)
        ready(page)
        page.wait_for_timeout(1000)
        tall = page.get_by_test_id("stMainBlockContainer").evaluate("node => node.scrollHeight")
        page.set_viewport_size({"width": width, "height": min(max(height, tall + 60), _TALLEST)})
        page.wait_for_timeout(1000)
        expect(page.get_by_test_id("stSkeleton")).to_have_count(0, timeout=20_000)  # parts that still load
        path = OUT / f"{name}_{size}.png"
        page.screenshot(path=path)
        if path.stat().st_size >= LARGEST_BYTES:  # dense tables: 256 colours show them as well
            Image.open(path).convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE).save(path, optimize=True)
        assert path.stat().st_size < LARGEST_BYTES, f"{path} is too large"
        context.close()


def hero_says(words: str) -> Callable[[Page], None]:
    return lambda page: expect(page.locator(".lv-live")).to_contain_text(words, timeout=30_000)


def start(browser: Browser, url: str, when: str) -> None:
    page = browser.new_page()
    page.goto(url)
    expect(page.get_by_text("You start at").first).to_be_visible(timeout=30_000)
    page.get_by_role("combobox", name="Preset").first.click()
    page.get_by_role("option", name="browser-test", exact=True).click()
    expect(page.locator(".st-key-start_box")).to_contain_text("0.05–0.35", timeout=30_000)
    page.get_by_role("radio", name=when).click()
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.locator(".st-key-stop")).to_be_visible(timeout=30_000)
    page.close()


def stop(browser: Browser, url: str) -> None:
    page = browser.new_page()
    page.goto(url)
    expect(page.locator(".lv-live")).to_be_visible(timeout=30_000)
    # What is asked of another run is forgotten when that ends.
    expect(page.locator(".lv-runs")).to_have_count(0, timeout=30_000)
    page.get_by_role("button", name=re.compile("Stop & Exit|Cancel the wait")).click()
    page.get_by_role("button", name=re.compile("Yes, ")).click()
    hero_says("Done — flat")(page)
    page.close()


def name_of(state: str, theme: str) -> str:
    return state if theme == "light" else f"{state}_{theme}"


def asked(page: Page) -> None:
    """Stop is asked about, and not answered."""
    hero_says("Holding")(page)
    page.get_by_role("button", name="Stop & Exit").click()
    expect(page.get_by_role("button", name="Yes, exit")).to_be_visible()


def sells(page: Page) -> None:
    expect(page.get_by_text("What it would sell").first).to_be_visible(timeout=30_000)


def first_look(page: Page) -> None:
    hero_says("No run yet")(page)
    sells(page)
    expect(page.locator(".st-key-preflight_box")).to_contain_text("met", timeout=30_000)


def listed(page: Page) -> None:
    """The runs are there: a table on a desk, buttons on a phone."""
    expect(page.locator(".st-key-wide_runs, .st-key-narrow_runs").filter(visible=True)).to_have_count(1, timeout=30_000)


def chain_drawn(page: Page) -> None:
    for chart in ("payoff", "spot_map", "smile"):
        page.wait_for_selector(f".st-key-{chart} canvas", timeout=60_000)
    expect(page.locator(".ch-box tbody tr").nth(20)).to_be_attached(timeout=60_000)


def condor_drawn(page: Page) -> None:
    """What another preset would trade, a few hours from now."""
    chain_drawn(page)
    page.get_by_role("combobox", name="Position or preset").click()
    page.get_by_role("option", name="Preset iron_condor").click()
    expect(page.locator(".st-key-chain_head")).to_contain_text("Buy", timeout=30_000)
    page.get_by_role("slider", name="Hours from now").focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    expect(page.locator(".st-key-payoff")).to_be_visible()
    chain_drawn(page)


def two_runs(page: Page) -> None:
    expect(page.locator(".lv-runs tbody tr")).to_have_count(2, timeout=30_000)
    hero_says("Holding")(page)


def orders_read(page: Page) -> None:
    """Both legs of the run, the order by hand and its cost."""
    expect(page.get_by_role("table", name="Positions").locator("tbody tr")).to_have_count(3, timeout=30_000)
    expect(page.locator(".st-key-or_form")).to_contain_text("bid", timeout=30_000)


def two_listed(page: Page) -> None:
    """A call and a put prepared to be sold together, and one that the exchange would not take."""
    orders_read(page)
    form = page.locator(".st-key-or_form")
    page.get_by_role("radio", name="Sell").click()
    for kind, price in (("Call", None), ("Put", None), ("Put", 1_000_000)):
        page.get_by_role("radio", name=kind).click()
        expect(form).to_contain_text(f"{kind[0]}-BTC-", timeout=30_000)
        bid = re.search(r"bid ([\d,.]+),", form.inner_text())
        assert bid is not None
        field = page.get_by_role("spinbutton", name="Limit price (USD)")
        field.fill(str(price or bid[1].replace(",", "")))
        field.press("Enter")
        page.get_by_role("button", name="Add to the list").click()
        expect(page.locator(".st-key-or_several")).to_contain_text(f"Sell 1 {kind[0]}", timeout=30_000)
    expect(page.get_by_role("button", name="Send the 2 of 3 that pass")).to_be_visible(timeout=30_000)


def orders(home: Path, browser: Browser, url: str) -> None:
    """Beside a run that holds: an order by hand with its protection, one that rests, one that was refused; and an order list."""
    trader(
        home,
        "order",
        "buy",
        "3",
        "BTCUSD",
        "--type",
        "market",
        "--stop-loss",
        "50000",
        "--leverage",
        "2",
        "--wait",
        "20",
    )
    held = json.loads(trader(home, "positions", "--json"))["positions"]
    mark = next(float(one["mark"]) for one in held if one["symbol"] == "BTCUSD")
    for limit in (round(mark * 0.985), 10):
        subprocess.run([sys.executable, "-m", "trader", "order", "buy", "2", "BTCUSD", "--limit", str(limit), "--wait", "1"],
                       cwd=ROOT, env=environment(home), check=False)  # fmt: skip
    for theme in ("light", "dark"):
        shoot(browser, f"{url}/orders", name_of("orders", theme), orders_read, theme=theme)
        shoot(browser, f"{url}/orders", name_of("orders_list", theme), two_listed, theme=theme)
    trader(home, "cancel", "--all")
    trader(home, "close", "--symbol", "BTCUSD", "--wait", "60")


def system_read(page: Page) -> None:
    """Every part of the machinery is told, and the exchange has answered."""
    expect(page.locator(".sy-board")).to_contain_text("Program", timeout=30_000)
    page.get_by_role("button", name="Test the connection").click()
    expect(page.get_by_text("there and back").first).to_be_visible(timeout=30_000)


def account_read(page: Page) -> None:
    """What is used of the limits stands beside them, and each position has its margin."""
    expect(page.locator(".ac-use meter").first).to_be_visible(timeout=30_000)
    expect(page.locator(".mg-table tbody tr").first).to_be_visible(timeout=30_000)


def logged(page: Page) -> None:
    """Lines are listed: a table on a desk, cards on a phone."""
    expect(page.locator(".st-key-wide_log, .st-key-narrow_log").filter(visible=True)).to_have_count(1, timeout=30_000)


def only_orders() -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        home = Path(folder)
        store_test_preset(home, exits=Exits(max_loss_pct=Decimal(150)), quantity=10)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        with serving(home, environ={"TRADER_VENUE_SPEED": "20"}) as url:
            trader(home, "start", "--preset", "browser-test", "--now", "--wait", "60")
            orders(home, browser, url)
        browser.close()


def analytics(home: Path, browser: Browser) -> None:
    """Analytics and History over a quarter of a year of runs: those of the tests' fake desk."""
    environ = {"FAKE_SCENARIO": "holding", "FAKE_RUNS": "1"}
    with serving(home / "analytics", entry=ROOT / "tests" / "panel" / "fake_app.py", environ=environ) as url:
        for theme in ("light", "dark"):
            shoot(browser, f"{url}/analytics?capital=2000", name_of("analytics", theme), analytics_drawn, theme=theme)
        shoot(browser, f"{url}/history", "history_list", listed)
        shoot(browser, f"{url}/history?run=sample003&with=sample018", "history_compared", compared)


def analytics_drawn(page: Page) -> None:
    expect(page.locator(".js-plotly-plot")).to_have_count(14, timeout=30_000)


def compared(page: Page) -> None:
    expect(page.locator(".st-key-compare_chart .js-plotly-plot")).to_be_visible(timeout=30_000)


def only_analytics() -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        analytics(Path(folder), browser)
        browser.close()


def main() -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        home = Path(folder)
        far = Exits(max_loss_pct=Decimal(150))  # no loss ends a run while it is looked at, however long that takes
        preset = store_test_preset(home, exits=far, quantity=10)
        store_test_preset(home, "small", exits=far, quantity=5)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        with serving(home, environ={"TRADER_VENUE_SPEED": "20"}) as url:
            shoot(browser, url, "dashboard_start", first_look)
            shoot(browser, f"{url}/chain", "chain_condor", condor_drawn)
            start(browser, url, f"At {preset.schedule.entry_time_ist} IST")
            shoot(browser, url, "dashboard_waiting", hero_says("Waiting"))
            stop(browser, url)
            start(browser, url, "Now")
            page = browser.new_page()
            page.goto(url)
            hero_says("Holding")(page)
            run = page.locator(".lv-live").inner_text().split("run ")[1].split()[0]
            page.wait_for_timeout(20_000)  # a line worth looking at
            page.close()
            for theme in ("light", "dark"):
                shoot(browser, url, name_of("dashboard_holding", theme), hero_says("Holding"), theme=theme)
            for theme in ("light", "dark"):
                shoot(browser, f"{url}/chain", name_of("chain_holding", theme), chain_drawn, theme=theme)
            shoot(browser, url, "dashboard_stop_asked", asked)
            orders(home, browser, url)
            trader(home, "start", "--preset", "small", "--now", "--wait", "60")
            for theme in ("light", "dark"):
                shoot(browser, url, name_of("dashboard_several", theme), two_runs, theme=theme)
                shoot(browser, f"{url}/account", name_of("account", theme), account_read, theme=theme)
                shoot(browser, f"{url}/system", name_of("system", theme), system_read, theme=theme)
            trader(home, "stop", "--run", json.loads(trader(home, "status", "--json"))["run_id"], "--wait", "60")
            stop(browser, url)
            for theme in ("light", "dark"):
                shoot(browser, url, name_of("dashboard_flat", theme), hero_says("Done — flat"), theme=theme)
                shoot(browser, f"{url}/configure", name_of("configure", theme), sells, theme=theme)
                shoot(browser, f"{url}/logs", name_of("logs", theme), logged, theme=theme)
            shoot(browser, f"{url}/history?run={run}", "history", lambda page: expect(page.locator(".st-key-hist_chart")).to_be_visible(timeout=30_000))  # fmt: skip
        analytics(home, browser)
        fake = ROOT / "tests" / "panel" / "fake_app.py"
        for state, words in {"exiting": "Exiting", "dead": "Not watched", "entering": "Entering"}.items():
            with serving(home / state, entry=fake, environ={"FAKE_SCENARIO": state}) as url:
                shoot(browser, url, f"dashboard_{'silent' if state == 'dead' else state}", hero_says(words))
        browser.close()


if __name__ == "__main__":
    {"orders": only_orders, "analytics": only_analytics}.get(sys.argv[-1], main)()
