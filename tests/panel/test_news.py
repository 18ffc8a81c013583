"""News, alerts and the trading level, on the pages over a desk in memory."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.panel.fake_desk import HOSTILE, FakeDesk
from tests.panel.seen import read
from tests.panel.test_pages import PAGES, said
from trader.desk import Happening
from trader.panel import news, service

Open = Callable[..., Any]
NOW = datetime(2026, 11, 30, 6, 0, tzinfo=UTC)


def happening(text: str, *, ago_mins: int = 0, level: str = "info", code: str = "c", **more: Any) -> Happening:
    return Happening(at=NOW - timedelta(minutes=ago_mins), level=level, code=code, text=text, **more)


def test_a_result_was_on_the_screen_for_seconds_and_then_gone(open_panel: Open) -> None:
    at, _ = open_panel("holding")  # another run is on; the stopped one stays in sight all day
    assert "Max loss reached: −$13.90 (−22.7 %) · BTC aggressive" in read(at)


def test_the_day_stands_against_its_limit(open_panel: Open) -> None:
    at, _ = open_panel("done")
    assert "Today +$4.37 realised · loss limit $500 · account's $5,000 · 2 of 3 runs" in read(at)


def test_a_run_that_sold_nothing_was_a_result_of_zero() -> None:
    day = FakeDesk("done").status().day
    assert day is not None
    line = news._result(replace(day.results[0], reason="manual", pnl=Decimal(0), pnl_pct=None))
    assert "nothing was sold" in line and "$0.00" not in line


def test_a_day_that_is_not_known_is_not_zero() -> None:
    day = FakeDesk("done").status().day
    assert day is not None
    assert news.day_words(None) == "Today: not known"
    assert "open" not in news.day_words(replace(day, open=None))
    assert "limit" not in news.day_words(replace(day, loss_limit=None))


def test_results_stand_before_everything_else_newest_first(open_panel: Open) -> None:
    at, _ = open_panel("done")
    told = read(at)
    places = [told.index(words) for words in ("Stop & Exit: +$31.87", "Max loss reached", "Found on the exchange")]
    assert places == sorted(places)


def test_a_restart_is_told_in_words_with_what_was_found(open_panel: Open) -> None:
    at, _ = open_panel("holding")
    told = read(at)
    assert "was killed or lost its machine while holding BTC" in told
    assert "Found on the exchange: C-BTC-95000-221126 short 100 (as recorded)" in told
    assert told.index("Found on the exchange") < told.index("was killed")  # newest first


def test_a_silent_runner_is_explained(open_panel: Open) -> None:
    at, _ = open_panel("dead")
    assert "its process is gone" in read(at)


def test_news_keep_their_place_while_there_is_nothing_to_tell(open_panel: Open) -> None:
    at, _ = open_panel("empty")
    assert "News" in said(at) and "Nothing has happened yet." in read(at)


def test_the_same_warning_for_three_runs_was_three_lines() -> None:
    lines = [
        happening("Schedule: entry 00:17 IST lies outside 09:00-17:30 IST.", ago_mins=1, level="warning", run_id="a"),
        happening("The stream is back after 12 s.", ago_mins=2),
        happening("Schedule: entry 00:05 IST lies outside 09:00-17:30 IST.", ago_mins=3, level="warning", run_id="b"),
    ]
    found = news.grouped([*lines, replace(lines[2], times=2, run_id="c")])
    assert [(one.text, one.times) for one in found] == [(lines[0].text, 4), (lines[1].text, 1)]


def test_times_of_an_accelerated_market_were_this_machines() -> None:
    status = FakeDesk("holding").status()
    assert status.ops is not None
    fast = replace(status, ops=replace(status.ops, market_rate=60.0), day=None, situation=())
    known = happening("Peak 40 %", market=NOW + timedelta(hours=5))
    shown = news.news_lines(replace(fast, happened=(known, happening("Runner started"))))
    assert "16&#58;30&#58;00" in shown[0] and "this machine's clock" in shown[0].replace("&#x27;", "'")
    assert "11&#58;30&#58;00 wall" in shown[1]  # not known then: said to be another clock


def test_acknowledging_one_alert_leaves_the_others(open_panel: Open) -> None:
    at, desk = open_panel("holding")
    desk.alert_count = 11
    service.forget()
    at.run()
    assert "6 critical" in said(at) and "5 warnings" in said(at)
    at.button(key="dash_ack_7").click().run()
    assert desk.asked == [("ack", ((7,), "panel"))]
    keys = {button.key for button in at.button if str(button.key).startswith("dash_ack_")}
    assert keys == {f"dash_ack_{seq}" for seq in range(2, 13) if seq != 7} | {"dash_ack_all"}


def test_acknowledge_all_names_exactly_those_of_the_opened_list(open_panel: Open) -> None:
    at, desk = open_panel("holding")
    at.button(key="dash_ack_all").click().run()
    assert desk.asked == [("ack", ((12, 11), "panel"))]
    assert "acknowledged by panel" in read(at) and "none to acknowledge" in said(at)


def test_every_alert_of_the_list_is_read_in_full_above_its_button(open_panel: Open) -> None:
    at, desk = open_panel("holding")
    desk.alert_count = 11
    service.forget()
    at.run()
    assert read(at).count("Positions differ from our own fills; somebody else traded.") >= 11


def test_amounts_of_the_day_have_one_precision() -> None:
    day = FakeDesk("done").status().day
    assert day is not None
    small = replace(day, realised=Decimal("-0.0831"))
    assert news.day_words(small).startswith("Today −\u2060$0.08 realised")


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
    assert shown and all("<img" not in value.replace("\\<img", "") and HOSTILE not in value for value in shown)
    assert any("&lt;img" in value for value in shown)
