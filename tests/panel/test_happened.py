"""What happened, the alerts to acknowledge, and the trading level, on the pages over a desk in memory."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.panel.fake_desk import HOSTILE
from tests.panel.test_pages import PAGES, said
from trader.panel import service

Open = Callable[..., Any]


def test_a_restart_is_told_in_words_with_what_was_found(open_panel: Open) -> None:
    at, _ = open_panel("holding")
    told = said(at)
    assert "was killed or lost its machine while holding BTC" in told
    assert "Found on the exchange: C-BTC-95000-221126 short 100 (as recorded)" in told
    assert told.index("Found on the exchange") < told.index("was killed")  # newest first


def test_a_silent_runner_is_explained(open_panel: Open) -> None:
    at, _ = open_panel("dead")
    assert "its process is gone" in said(at)


def test_nothing_to_tell_shows_nothing(open_panel: Open) -> None:
    at, _ = open_panel("empty")
    assert "What happened" not in said(at)


def test_acknowledging_names_exactly_the_alerts_on_the_screen_and_is_shown(open_panel: Open) -> None:
    at, desk = open_panel("holding")
    at.button(key="dash_ack").click().run()
    assert desk.asked == [("ack", ((12, 11), "panel"))]
    assert "acknowledged" in said(at) and "by panel" in said(at)
    assert not [button for button in at.button if button.key == "dash_ack"]


@pytest.mark.parametrize("page", PAGES)
def test_the_level_and_critical_alerts_are_named_on_every_page(open_panel: Open, page: str) -> None:
    at, desk = open_panel("holding")
    desk.level = ("PAUSED", "lunch")
    service.forget()
    at.switch_page(page).run()
    assert "Trading PAUSED" in said(at) and "1 alert" in said(at)


@pytest.mark.parametrize("order", ["pause", "reduce"])
def test_pause_and_reduce_take_one_click(open_panel: Open, order: str) -> None:
    at, desk = open_panel("holding")
    at.button(key=f"dash_level_{order}").click().run()
    assert desk.asked == [(order, "panel")] and f"{order.capitalize()} is recorded" in said(at)


@pytest.mark.parametrize("order", ["kill", "resume"])
def test_kill_and_resume_ask_once_more(open_panel: Open, order: str) -> None:
    at, desk = open_panel("holding")
    at.button(key=f"dash_level_{order}").click().run()
    assert desk.asked == []
    at.button(key="dash_level_no").click().run()
    assert desk.asked == []
    at.button(key=f"dash_level_{order}").click().run()
    at.button(key="dash_level_yes").click().run()
    assert desk.asked == [(order, "panel")]


def test_text_from_outside_is_not_markup_here_either(open_panel: Open) -> None:
    at, desk = open_panel("holding")
    desk.hostile = True
    service.forget()
    at.run()
    shown = [element.value for element in at.markdown if "onerror" in element.value]
    assert shown and all("\\<img" in value and "\\!\\[x" in value and HOSTILE not in value for value in shown)
