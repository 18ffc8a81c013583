"""A run that waits: the board of what must be true, the same preview, and selling now instead."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.panel.seen import read
from tests.panel.test_pages import said
from trader.panel import service

Open = Callable[..., Any]


def test_what_must_be_true_stands_on_a_board_with_the_time_first(open_panel: Open) -> None:
    at, _ = open_panel("waiting")
    told = read(at)
    places = [
        told.index(words) for words in ("Before it sells", "✗ entry time", "✗ the put P-BTC-86500-221126 has a quote")
    ]
    assert places == sorted(places)
    assert "in 42 m" in told and "✓ journal writable" in told


def test_the_preview_of_the_waiting_run_stays_in_sight(open_panel: Open) -> None:
    at, _ = open_panel("waiting")
    assert "What it would sell now" in said(at) and "You start at" in said(at)


def test_selling_now_instead_starts_the_same_run_at_once(open_panel: Open) -> None:
    at, desk = open_panel("waiting")
    at.button(key="dash_instead").click().run()
    assert desk.asked == [("instead", ("k3fa-20261121-1", "panel", None))]
    assert "Holding" in said(at)


def test_selling_now_instead_needs_the_phrase_live(open_panel: Open) -> None:
    at, desk = open_panel("waiting", env="production")
    assert at.button(key="dash_instead").disabled
    at.text_input(key="dash_instead_confirm").input("yes").run()
    at.button(key="dash_instead").click().run()
    assert desk.asked == [] and "The wait goes on" in said(at)
    at.text_input(key="dash_instead_confirm").input("TRADE LIVE production 1").run()
    at.button(key="dash_instead").click().run()
    assert [what for what, _ in desk.asked] == ["instead"]


@pytest.mark.parametrize("scenario", ["holding", "done", "empty"])
def test_nothing_of_a_wait_stands_where_no_run_waits(open_panel: Open, scenario: str) -> None:
    at, _ = open_panel(scenario)
    assert "Before it sells" not in said(at) and not [b for b in at.button if b.key == "dash_instead"]


def test_a_reason_from_the_engine_stays_text(open_panel: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.panel.fake_desk.WHY_NOT", ("<b>bold</b> :red[x]",))
    at, _ = open_panel("waiting")
    service.forget()
    at.run()
    shown = [element.value for element in at.markdown if "bold" in element.value]
    assert shown and all("<b>bold" not in value and ":red[" not in value for value in shown)
