"""Orders & positions on the real panel over the paper venue: an order placed, seen, changed and cancelled; a position bought, held and
closed; a list sent as one; everything closed from another page; and nothing that scrolls sideways on a phone."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from playwright.sync_api import TimeoutError as TookTooLong

from tests.browser.panel_server import beats, choose, serving, trader, window

pytestmark = [pytest.mark.browser, pytest.mark.t1, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("orders-home")


@pytest.fixture(scope="module")
def panel(home: Path) -> Iterator[str]:
    with serving(home) as url:
        yield url


@pytest.fixture
def page(browser: Browser, panel: str) -> Iterator[Page]:
    context = window(browser)
    page = context.new_page()
    page.goto(f"{panel}/orders")
    expect(box(page, "or_form")).to_contain_text("bid")
    yield page
    context.close()


def box(page: Page, key: str) -> Locator:
    return page.locator(f".st-key-{key}")


def perpetual(page: Page, kind: str) -> None:
    choose(page, "Expiry", "Perpetual")
    expect(box(page, "or_form")).to_contain_text("BTCUSD · bid")
    choose(page, "Order type", kind)


def mark(page: Page) -> float:
    words = box(page, "or_form").inner_text()
    found = re.search(r"BTCUSD · bid ([\d,.]+),", words)
    assert found is not None, words
    return float(found[1].replace(",", ""))


def send(page: Page, label: str) -> None:
    """Once the check of what was typed has been drawn."""
    expect(box(page, "or_form")).to_contain_text("The check finds nothing against it")
    page.get_by_role("button", name=label).click()


def look_at(page: Page, order: re.Pattern[str]) -> None:
    """As `choose`: the page being run again as a whole closes an open list."""
    for patience_ms in (5_000, 5_000, 20_000):
        page.get_by_role("combobox", name="Look at an order").click()
        try:
            page.get_by_role("option", name=order).first.click(timeout=patience_ms)
            return
        except TookTooLong:
            page.keyboard.press("Escape")
    raise AssertionError("no such order can be picked")


def test_an_order_is_placed_seen_working_and_cancelled(page: Page) -> None:
    perpetual(page, "Limit")
    field = page.get_by_role("spinbutton", name="Limit price (USD)")
    field.fill(f"{round(mark(page) * 0.985)}")
    field.press("Enter")
    send(page, "Buy 1 BTCUSD")
    expect(box(page, "or_form")).to_contain_text("Accepted: Buy 1 BTCUSD, ticket")
    working = page.get_by_role("table", name="Working orders")
    expect(working).to_contain_text("◷ works")
    expect(page.get_by_role("button", name="Cancel all working orders (1)")).to_be_visible()
    look_at(page, re.compile("working$"))
    expect(box(page, "or_one")).to_contain_text("The exchange's:")
    expect(box(page, "or_one")).to_contain_text("accepted")
    other = round(mark(page) * 0.99)
    page.get_by_role("button", name="Change this order").click()
    dialog = page.get_by_role("dialog")
    price = dialog.get_by_role("spinbutton", name="Limit price (USD)")
    price.fill(str(other))
    price.press("Enter")
    dialog.get_by_role("button", name="Change it").click()
    expect(box(page, "or_positions")).to_contain_text("is changed: limit_price")
    expect(working).to_contain_text(f"{other:,}.00")
    look_at(page, re.compile("working$"))  # the same ticket's next order
    page.get_by_role("button", name="Cancel this order").click()
    expect(box(page, "or_orders")).to_contain_text("No order works.")
    expect(page.get_by_role("table", name="Ended orders")).to_contain_text("✕ cancelled")


def test_what_a_market_order_bought_is_a_position_until_it_is_closed(page: Page, home: Path) -> None:
    perpetual(page, "Market")
    send(page, "Buy 1 BTCUSD")
    held = page.get_by_role("table", name="Positions")
    expect(held).to_contain_text("BTCUSD")
    expect(held).to_contain_text("ticket")
    expect(page.get_by_role("table", name="Fills of today")).to_contain_text("Buy 1 BTCUSD")
    told = trader(home, "positions", "--json")
    assert '"BTCUSD"' in told
    page.get_by_role("button", name="Close BTCUSD").click()
    expect(page.get_by_role("dialog")).to_contain_text("Sells 1 BTCUSD at ≈")
    page.get_by_role("button", name="Yes, close it").click()
    expect(box(page, "or_positions")).to_contain_text("No position. The exchange agrees")
    expect(page.get_by_role("table", name="Fills of today")).to_contain_text("Sell 1 BTCUSD")


def add(page: Page, label: str, price: float) -> None:
    field = page.get_by_role("spinbutton", name=label)
    field.fill(str(round(price)))
    field.press("Enter")
    expect(page.get_by_role("button", name=re.compile("^(send )?Buy 1 BTCUSD$"))).to_be_enabled()
    page.get_by_role("button", name="Add to the list").click()


def test_a_list_goes_out_as_one_without_its_bad_order_and_is_closed_from_another_page(page: Page, panel: str) -> None:
    perpetual(page, "Limit")
    now = mark(page)
    add(page, "Limit price (USD)", now * 0.985)
    expect(box(page, "or_several")).to_contain_text("✓ passes")
    add(page, "Limit price (USD)", 10)
    expect(box(page, "or_several")).to_contain_text("2. Buy 1 BTCUSD")
    add(page, "Limit price (USD)", now * 0.984)
    page.get_by_role("button", name="Send the 2 of 3 that pass").click()
    expect(box(page, "or_form")).to_contain_text("Accepted: Buy 1 BTCUSD, ticket")
    expect(page.get_by_role("button", name="Cancel all working orders (2)")).to_be_visible()
    expect(box(page, "or_several")).to_contain_text("1. Buy 1 BTCUSD")
    choose(page, "Order type", "Market")
    send(page, "Buy 1 BTCUSD")
    expect(page.get_by_role("table", name="Positions")).to_contain_text("BTCUSD")
    page.goto(f"{panel}/history")
    expect(page.locator(".sd-bar")).to_contain_text("3 order tickets")
    page.get_by_role("button", name="Close all").click()
    expect(page.locator(".st-key-stop_box")).to_contain_text("Close 3 order tickets: in all realises ≈")
    page.get_by_role("button", name="Yes, close all").click()
    expect(page.locator(".st-key-stop")).to_have_count(0)
    page.goto(f"{panel}/orders")
    expect(box(page, "or_positions")).to_contain_text("No position. The exchange agrees")
    expect(box(page, "or_orders")).to_contain_text("No order works.")


def test_two_orders_of_which_one_cancels_the_other(page: Page) -> None:
    perpetual(page, "Limit")
    add(page, "Limit price (USD)", mark(page) * 0.985)
    choose(page, "Order type", "Stop market")
    add(page, "Trigger price (USD)", mark(page) * 1.03)
    page.get_by_role("radio", name="One cancels the other (OCO)").click()
    expect(box(page, "or_several")).to_contain_text("If both filled")
    page.get_by_role("button", name="Send 2 orders").click()
    expect(page.get_by_role("table", name="Working orders").locator("tbody tr")).to_have_count(2)
    page.get_by_role("button", name="Cancel all working orders (2)").click()
    expect(box(page, "or_orders")).to_contain_text("No order works.")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_scrolls_sideways_on_a_phone(browser: Browser, panel: str, theme: str) -> None:
    context = window(browser, viewport={"width": 390, "height": 844}, color_scheme=theme)
    page = context.new_page()
    page.goto(f"{panel}/orders")
    expect(box(page, "or_form")).to_contain_text("bid")
    beats(page, 2)
    wide = page.evaluate(
        "() => [...document.querySelectorAll('.stMain [class*=st-key-or_] *, .ar-cards *')].filter(one => one.checkVisibility() && "
        "one.getBoundingClientRect().right > innerWidth + 1)"
        ".map(one => one.outerHTML.slice(0, 200))"
    )
    assert wide == []
    context.close()
