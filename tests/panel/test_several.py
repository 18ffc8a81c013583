"""Several runs at once in the panel: what each is called, which one a tab looks at, and nothing of one said of the other."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from msgspec.structs import replace

from tests.panel.fake_desk import OTHER_RUN, FakeDesk
from tests.panel.seen import read
from trader.config.preset import Preset
from trader.desk import AlertRow, Happening, Status
from trader.engine.records import Phase
from trader.panel import exits, launch, markup, news, runs, service, stop_words, toasts

Open = Callable[..., Any]
FIRST = "k3fa-20261121-1"


def status(**changes: Any) -> Status:
    return replace(FakeDesk("several").status(), open_alerts=(), happened=(), **changes)


def words(html: markup.Html | None) -> str:
    assert html is not None
    return re.sub(r"\s+", " ", unescape(re.sub("<[^>]*>", " ", html)).replace("\u2060", ""))


def test_runs_are_named_by_preset_and_strikes_and_twins_by_their_id() -> None:
    one, other = status().runs
    assert runs.names((one, other)) == {FIRST: "BTC default 95,000 / 86,500", OTHER_RUN: "BTC wide 95,000 / 86,500"}
    twins = runs.names((one, replace(other, preset="default")))
    assert list(twins.values()) == ["BTC default 95,000 / 86,500 · k3fa", "BTC default 95,000 / 86,500 · w2rt"]
    assert runs.name(replace(one, legs=())) == "BTC default"


def test_all_runs_and_their_sum_stand_in_one_table() -> None:
    told = words(runs.table(status()))
    assert (
        "BTC default 95,000 / 86,500 Holding +$" in told and "BTC wide 95,000 / 86,500 shown below Holding +$" in told
    )
    assert "Σ 2 runs −$27.50 realised today, account's loss limit $5,000" in told
    assert runs.table(FakeDesk("holding").status()) is None


def test_a_tab_looks_at_its_run_on_every_page(open_panel: Open) -> None:
    at, desk = open_panel("several")
    picker = at.segmented_control(key="run_picked")
    assert picker.value == OTHER_RUN and "Stop & Exit: BTC wide" in at.button(key="stop").label
    picker.set_value(FIRST).run()
    for page in (
        "pages/history.py",
        "pages/configure.py",
        "pages/account.py",
        "pages/dashboard.py",
        "pages/chain.py",
        "pages/orders.py",
    ):
        at.switch_page(page).run()
        assert "Stop & Exit: BTC default" in at.button(key="stop").label, page
    at.button(key="stop").click().run()
    at.button(key="stop_yes").click().run()
    assert desk.asked == [("stop", (FIRST, "panel"))]


def test_when_the_run_looked_at_has_ended_the_other_is_shown(open_panel: Open) -> None:
    at, desk = open_panel("several")
    at.segmented_control(key="run_picked").set_value(OTHER_RUN).run()
    desk.scenario = "holding"
    service.forget()
    at.run()
    assert at.button(key="stop").label.endswith("**Stop & Exit**]") and "preset default" in read(at)


def test_an_end_heard_between_two_reads_does_not_keep_the_page_on_the_ended_run(
    open_panel: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The picture of all runs is still the one before the end, that of the run itself is not."""
    at, desk = open_panel("several")
    monkeypatch.setattr(service, "_SHARED_SECS", 1e9)
    at.segmented_control(key="run_picked").set_value(OTHER_RUN).run()
    desk.scenario = "one_of_two"
    for key in [key for key in service._shared if key[1] == OTHER_RUN]:
        del service._shared[key]
    at.run()
    assert at.button(key="stop").label.endswith("**Stop & Exit**]") and "preset default" in read(at)


def test_the_end_of_one_run_is_said_although_another_goes_on(open_panel: Open) -> None:
    at, desk = open_panel("several")
    desk.scenario = "one_of_two"
    service.forget()
    at.run()
    (told,) = [toast.value for toast in at.toast]
    assert re.match(r"BTC wide .*FLAT, confirmed by the exchange", told)
    assert "preset default" in read(at)
    service.forget()
    at.run()
    assert not at.toast


def test_lines_and_alerts_say_whose_they_are() -> None:
    seen = status()
    assert runs.of_record(seen, FIRST) == "BTC default 95,000 / 86,500" and runs.of_record(seen, "") == ""
    assert runs.of_record(seen, "gone") == "run gone"
    assert runs.of_record(FakeDesk("holding").status(), FIRST) == "", "the only run needs no name"
    at = datetime.now(UTC)
    lines = [Happening(at=at - timedelta(minutes=n), level="warning", code="c", text=f"late {word}", run_id=run)
             for n, word, run in ((0, "one", FIRST), (1, "two", OTHER_RUN))]  # fmt: skip
    told = [words(line) for line in news.news_lines(replace(seen, happened=tuple(lines), day=None))]
    assert (
        "Warning: BTC default 95,000 / 86,500: late one" in told[0] and "BTC wide 95,000 / 86,500: late two" in told[1]
    )
    of_both = [replace(lines[0], text="late"), replace(lines[1], text="late")]
    assert news.grouped(of_both)[0].run_id == "" and news.grouped(of_both)[0].times == 2


def test_a_toast_of_an_alert_names_its_run() -> None:
    before = toasts.look(status(), None)
    alert = AlertRow(seq=99, run_id=FIRST, wall=datetime.now(UTC), level="error", code="c", text="One leg alone.")
    [notice] = toasts.news(before, replace(status(), open_alerts=(alert,)))
    assert notice.text == "BTC default 95,000 / 86,500: One leg alone."


def test_start_says_what_else_is_on(open_panel: Open) -> None:
    assert launch.others(FakeDesk("empty").status(), Preset()) == ""
    assert launch.others(FakeDesk("holding").status(), Preset()) == (
        "Another run is on and goes on: BTC default 95,000 / 86,500, holding. It would be run 2 of 3 on BTC, 2 of 6 in all."
    )
    at, _ = open_panel("several")
    at.toggle(key="dash_another").set_value(True).run()
    assert "Other runs are on and go on" in read(at) and "It would be run 3 of 3 on BTC, 3 of 6 in all." in read(at)


@pytest.mark.parametrize(
    ("scenario", "work", "bar"),
    [
        ("entering", "C 95,000 40 of 100 sold at 431.50 on average 4 of 10 slices filled, next at 10:04:30 IST",
         "80 of 200 contracts in"),
        ("exiting", "P 86,500 0 of 100 bought back", "0 of 200 contracts out"),
    ],
)  # fmt: skip
def test_how_far_each_leg_has_got_is_shown_on_the_way_in_and_out(scenario: str, work: str, bar: str) -> None:
    seen = FakeDesk(scenario).status()
    assert seen.run is not None and seen.run.phase in (Phase.ENTERING, Phase.EXITING)
    assert work in words(exits.exits(seen, seen.run))
    assert (bar, bar.replace(" contracts", "")) in stop_words.bar_text(seen)[1], "shorter beside the button on a phone"
