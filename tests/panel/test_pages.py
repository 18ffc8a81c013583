"""The pages over a desk in memory: they load, they say what is, and their buttons do one thing."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.panel.fake_desk import HOSTILE, STRANGE
from trader.domain.foreign import beside_phrase
from trader.panel import service

PAGES = (
    "pages/dashboard.py",
    "pages/configure.py",
    "pages/history.py",
    "pages/chain.py",
    "pages/orders.py",
    "pages/analytics.py",
    "pages/system.py",
)
SCENARIOS = ("empty", "waiting", "entering", "holding", "exiting", "done", "dead", "unreachable")
Open = Callable[..., Any]


def said(at: AppTest) -> str:
    """Every word on the page that is not inside a table."""
    kinds = ("markdown", "text", "caption", "subheader", "error", "code", "info")
    parts = [element.value for kind in kinds for element in at.get(kind)]
    parts += [f"{metric.label}: {metric.value}" for metric in at.metric]
    return "\n".join(str(part) for part in parts).replace("\\", "")


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_dashboard_loads_in_every_state_and_names_its_environment(open_panel: Open, scenario: str) -> None:
    at, _ = open_panel(scenario)
    assert ("PAPER" if scenario != "unreachable" else "Desk unreachable") in said(at)


@pytest.mark.parametrize("page", PAGES)
def test_every_page_names_its_environment(open_panel: Open, page: str) -> None:
    at, _ = open_panel("holding", page=page)
    assert "PAPER" in said(at) and "Runner alive" in said(at)


def test_dead_runner_is_said_in_words(open_panel: Open) -> None:
    at, _ = open_panel("dead")
    assert "Runner dead 12 s" in said(at) and "Not watched" in said(at)


def test_start_sends_the_chosen_preset_and_when(open_panel: Open) -> None:
    at, desk = open_panel("empty")
    at.selectbox(key="dash_preset").select("aggressive").run()
    at.button(key="dash_start").click().run()
    [(what, (preset, now, by, confirm))] = desk.asked
    assert (what, preset.name, now, by, confirm) == ("start", "aggressive", False, "panel", None)


def test_start_right_after_choosing_now_is_a_start_now(open_panel: Open) -> None:
    """Both clicks arrive with one rerun: what was drawn last still says "at its time"."""
    at, desk = open_panel("empty")
    at.session_state["dash_when"] = "now"
    at.button(key="dash_start").click().run()
    [(_, (_, now, _, _))] = desk.asked
    assert now is True


def test_start_right_after_changing_the_preset_asks_to_look_again(open_panel: Open) -> None:
    at, desk = open_panel("empty")
    at.selectbox(key="dash_preset").select("aggressive")
    at.button(key="dash_start").click().run()
    assert desk.asked == [] and "the preset was just changed" in said(at)
    at.button(key="dash_start").click().run()
    assert [arguments[0].name for _, arguments in desk.asked] == ["aggressive"]


def test_the_chain_is_not_read_while_a_run_is_on_until_another_start_is_wanted(open_panel: Open) -> None:
    at, _ = open_panel("holding")
    assert "What it would sell now" not in said(at)
    at.toggle(key="dash_another").set_value(True).run()
    assert "What it would sell now" in said(at)


def test_refused_start_is_said(open_panel: Open) -> None:
    at, desk = open_panel("done")
    desk.refusal = "a run on BTC is on already"
    at.button(key="dash_start").click().run()
    assert "Not started: a run on BTC is on already" in said(at)


def test_live_start_needs_the_phrase(open_panel: Open) -> None:
    at, desk = open_panel("empty", env="production")
    assert at.button(key="dash_start").disabled
    at.text_input(key="dash_confirm").input("trade live").run()
    at.button(key="dash_start").click().run()
    assert desk.asked == [] and "Not started: the phrase does not match" in said(at)
    at.text_input(key="dash_confirm").input("TRADE LIVE production 1").run()
    at.button(key="dash_start").click().run()
    assert [what for what, _ in desk.asked] == ["start"]


def test_foreign_text_stays_text(open_panel: Open) -> None:
    at, desk = open_panel("holding")
    desk.hostile = True
    service.forget()
    at.run()
    assert not at.exception
    for kind in ("markdown", "caption", "subheader", "error", "info"):
        for element in at.get(kind):
            if kind == "markdown" and element.allow_html:
                continue  # no Markdown: see test_markup.py
            assert "<img" not in element.value.replace("\\<", "") and "](http" not in element.value
    assert any(HOSTILE[:20] in element.value for element in at.code)


# ------------------------------------------------------------------ configure


def cfg(at: AppTest, path: str) -> str:
    return f"cfg.{at.session_state['cfg_generation']}.{path}"


def test_edit_is_validated_in_one_sentence_and_cannot_be_saved(open_panel: Open) -> None:
    at, desk = open_panel("empty", page="pages/configure.py")
    at.number_input(key=cfg(at, "strategy.quantity")).set_value(0).run()
    assert "Quantity per leg: must be at least 1, was 0." in said(at).replace("\u2060", "")
    assert at.button(key="cfg_save").disabled
    at.number_input(key=cfg(at, "strategy.quantity")).set_value(7).run()
    at.button(key="cfg_save").click().run()
    assert desk.stored["default"].strategy.quantity == 7
    assert desk.snapshot == desk.stored["default"]


def test_the_dearest_exit_stands_beside_its_setting_in_money_and_follows_it(open_panel: Open) -> None:
    at, _ = open_panel("empty", page="pages/configure.py")
    at.number_input(key=cfg(at, "strategy.quantity")).set_value(10).run()
    beside = next(c.value for c in at.markdown if "Closing pays at most" in c.value).replace("\\", "")
    assert "8.63 USD for 10 contracts of C" in beside and "8.21 USD for 10 contracts of P" in beside
    at.number_input(key=cfg(at, "risk.exit_limit_pct")).set_value(50.0).run()
    assert any("6.47 USD for 10 contracts" in c.value.replace("\\", "") for c in at.markdown)


def test_edit_survives_another_page(open_panel: Open) -> None:
    at, _ = open_panel("empty", page="pages/configure.py")
    at.number_input(key=cfg(at, "strategy.quantity")).set_value(5).run()
    at.switch_page("pages/history.py").run()
    at.switch_page("pages/configure.py").run()
    assert at.number_input(key=cfg(at, "strategy.quantity")).value == 5


def test_reset_brings_the_stored_values_back(open_panel: Open) -> None:
    at, _ = open_panel("empty", page="pages/configure.py")
    at.number_input(key=cfg(at, "strategy.quantity")).set_value(5).run()
    at.button(key="cfg_reset").click().run()
    assert at.number_input(key=cfg(at, "strategy.quantity")).value == 1
    assert at.button(key="cfg_reset").disabled


def test_save_as_makes_a_new_preset_and_never_overwrites(open_panel: Open) -> None:
    at, desk = open_panel("empty", page="pages/configure.py")
    at.number_input(key=cfg(at, "strategy.quantity")).set_value(3).run()
    at.button(key="cfg_save_as").click().run()
    for name, words in (("../evil", "The name may hold"), ("aggressive", "exists already")):
        at.text_input(key="cfg_new_name").input(name).run()
        at.button(key="cfg_save_as_yes").click().run()
        assert words in said(at) and not [what for what, _ in desk.asked if what == "save"]
    at.text_input(key="cfg_new_name").input("mine").run()
    at.button(key="cfg_save_as_yes").click().run()
    assert desk.stored["mine"].strategy.quantity == 3 and desk.stored["default"].strategy.quantity == 1
    assert at.selectbox(key="cfg_preset").value == "mine"


def test_other_preset_replaces_the_edit(open_panel: Open) -> None:
    at, desk = open_panel("empty", page="pages/configure.py")
    desk.stored["aggressive"] = desk.stored["aggressive"].model_validate(
        json.loads(desk.stored["aggressive"].canonical_json()) | {"system": {"status_report_mins": 9}}
    )
    at.selectbox(key="cfg_preset").select("aggressive").run()
    assert at.number_input(key=cfg(at, "system.status_report_mins")).value == 9


def test_expiry_offers_rules_and_listed_dates_only(open_panel: Open) -> None:
    at, _ = open_panel("empty", page="pages/configure.py")
    options = at.selectbox(key=cfg(at, "strategy.expiry")).options
    assert options[:2] == ["Today", "Next day"] and "Fri 27 Nov 2026" in options and len(options) == 9


def test_delete_asks_first(open_panel: Open) -> None:
    at, desk = open_panel("empty", page="pages/configure.py")
    at.selectbox(key="cfg_preset").select("development").run()
    at.button(key="cfg_delete").click().run()
    assert desk.asked == []
    at.button(key="cfg_delete_yes").click().run()
    assert desk.asked == [("delete", "development")]
    assert at.selectbox(key="cfg_preset").value == "default"


# ------------------------------------------------------------------ history


def test_empty_history_teaches_the_first_paper_trade(open_panel: Open) -> None:
    at, _ = open_panel("empty", page="pages/history.py")
    assert "No run has finished yet." in said(at) and "press **Start**" in said(at)


def test_history_pages_and_reports_one_run(open_panel: Open) -> None:
    at, _ = open_panel("holding", page="pages/history.py")
    assert len(at.dataframe[0].value) == 15
    at.query_params["page"] = "2"
    at.run()
    assert len(at.dataframe[0].value) == 8
    at.query_params["run"] = "k3fa-20261120-1"
    at.run()
    values = {metric.label: metric.value for metric in at.metric}
    assert values["Realised P&L"] == "+\u2060$41.20 · +48.9\u00a0%" and values["Ended by"] == "exit time"
    fills = next(text.value for text in at.markdown if 'aria-label="Fills"' in text.value)
    assert fills.count("<tr>") == 5 and ">431.50<" in fills


# ------------------------------------------------------------------ saved configuration that cannot be used


BROKEN = "The snapshot /here/ui_config_snapshot.json: preset.orders.retries must be at most 4 attempts, was 9"


@pytest.mark.parametrize("page", ["pages/dashboard.py", "pages/configure.py"])
def test_a_snapshot_that_cannot_be_used_was_passed_over_in_silence(open_panel: Open, page: str) -> None:
    at, desk = open_panel("empty", page="pages/history.py")
    desk.broken_snapshot = BROKEN
    at.switch_page(page).run()
    assert not at.exception and BROKEN in said(at)
    key = "dash_preset" if "dashboard" in page else "cfg_preset"
    assert at.selectbox(key=key).value is None  # default does not stand in for it
    at.selectbox(key=key).select("aggressive").run()
    assert not at.exception and at.selectbox(key=key).value == "aggressive" and BROKEN in said(at)
    assert not at.button(key="dash_start" if "dashboard" in page else "cfg_save").disabled


@pytest.mark.parametrize("page", ["pages/dashboard.py", "pages/configure.py"])
def test_a_preset_file_that_cannot_be_used_was_only_told_when_it_was_picked(open_panel: Open, page: str) -> None:
    at, desk = open_panel("empty", page=page)
    desk.broken_presets["development"] = "The preset file /home/presets/development.json is not valid JSON"
    at.run()
    assert "/home/presets/development.json is not valid JSON" in said(at) and not at.exception


def test_configure_over_a_first_preset_that_cannot_be_used_says_so(open_panel: Open) -> None:
    at, desk = open_panel("empty", page="pages/history.py")
    desk.broken_presets["default"] = "The preset file /home/presets/default.json: schema_version must be 1 to 2, was 3"
    at.switch_page("pages/configure.py").run()
    assert "schema_version must be 1 to 2, was 3" in said(at) and not at.exception


@pytest.mark.parametrize("page", ["pages/dashboard.py", "pages/configure.py"])
def test_the_preset_saved_last_is_preselected(open_panel: Open, page: str) -> None:
    at, desk = open_panel("empty", page="pages/history.py")
    desk.snapshot = desk.stored["aggressive"]
    at.switch_page(page).run()
    assert at.selectbox(key="dash_preset" if "dashboard" in page else "cfg_preset").value == "aggressive"


def test_retries_typed_2_7_became_2(open_panel: Open) -> None:
    at, desk = open_panel("empty", page="pages/configure.py")
    at.number_input(key=cfg(at, "orders.retries")).set_value(2.7).run()
    assert "Retries: must be a whole number, was '2.7'." in said(at).replace("\u2060", "")
    assert at.button(key="cfg_save").disabled
    at.switch_page("pages/history.py").run()
    at.switch_page("pages/configure.py").run()  # the wrong value is still there to correct
    assert at.number_input(key=cfg(at, "orders.retries")).value == 2.7
    at.number_input(key=cfg(at, "orders.retries")).set_value(3.0).run()
    at.button(key="cfg_save").click().run()
    assert desk.stored["default"].orders.retries == 3


# ------------------------------------------------------------ other people's things on the account


def with_strangers(open_panel: Open, scenario: str = "empty") -> tuple[AppTest, Any]:
    at, desk = open_panel(scenario)
    desk.foreign_things = STRANGE
    service.forget()
    return at.run(), desk


def test_the_start_box_asks_for_the_phrase_while_something_foreign_stands_on_the_account(open_panel: Open) -> None:
    at, desk = open_panel("empty")
    assert not [field for field in at.text_input if field.key == "dash_beside"]
    at, desk = with_strangers(open_panel)
    assert all(thing.words in said(at) for thing in STRANGE)
    assert f"type: {beside_phrase(STRANGE)}" in said(at)
    at.segmented_control(key="dash_when").set_value("now").run()
    at.button(key="dash_start").click().run()
    assert "Not started: Nothing was started: this account holds" in said(at)
    at.text_input(key="dash_beside").set_value(f" {beside_phrase(STRANGE)} ").run()
    at.button(key="dash_start").click().run()
    assert ("beside", beside_phrase(STRANGE)) in desk.asked


def test_a_run_that_waits_is_confirmed_by_the_phrase(open_panel: Open) -> None:
    at, desk = with_strangers(open_panel, "waiting")
    at.text_input(key="dash_beside_run").set_value("START BESIDE").run()
    at.button(key="dash_beside_confirm").click().run()
    assert "Nothing was confirmed" in said(at)
    at.text_input(key="dash_beside_run").set_value(beside_phrase(STRANGE)).run()
    at.button(key="dash_beside_confirm").click().run()
    assert desk.asked[-1] == ("confirm_beside", ("k3fa-20261121-1", beside_phrase(STRANGE), "panel"))
