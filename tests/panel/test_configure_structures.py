"""Structures on the Configure page: which fields are shown, what is kept while they are not, legs of one's own as a table."""

from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.panel.test_configure_editing import reopened
from tests.panel.test_configure_saving import CONFIGURE, changed, edited_in_two_tabs, press, typed
from tests.panel.test_pages import cfg, said
from trader.config.builtin import BUILT_IN
from trader.config.document import ADDED_FIELDS
from trader.config.preset import Preset
from trader.config.strategy import rows_of
from trader.panel import form, merge
from trader.panel.format import DASH

Open = Callable[..., Any]
LEG = {"key": "C", "kind": "call", "side": "sell", "ratio": 1, "by": "delta", "value": "0.10-0.15"}


def choose(at: AppTest, path: str, value: str) -> AppTest:
    at.selectbox(key=cfg(at, path)).select(value).run()
    assert not at.exception
    return at


def shown(at: AppTest, section: str = "strategy") -> set[str]:
    """Names of the section's fields that stand on the page."""
    start = cfg(at, f"{section}.")
    keys = {str(widget.key) for kind in (at.selectbox, at.number_input, at.toggle) for widget in kind}
    return {key.removeprefix(start) for key in keys if key.startswith(start)}


ALWAYS = {"underlying", "structure", "quantity", "expiry", "min_hours_to_expiry", "max_spread_pct", "min_bid_size", "min_open_interest"}  # fmt: skip


def test_choosing_a_structure_shows_only_the_fields_it_uses(open_panel: Open) -> None:
    at, _ = open_panel("empty", page=CONFIGURE)
    assert shown(at) == ALWAYS | {"strikes_by", "delta_min", "delta_max"}
    choose(at, "strategy.structure", "iron_condor")
    assert shown(at) == ALWAYS | {"strikes_by", "delta_min", "delta_max", "wings_by", "wing_width_usd"}
    choose(at, "strategy.wings_by", "premium")
    choose(at, "strategy.strikes_by", "steps")
    assert shown(at) == ALWAYS | {"strikes_by", "steps", "wings_by", "wing_premium_usd"}
    choose(at, "strategy.structure", "short_straddle")
    assert shown(at) == ALWAYS


def test_a_field_that_is_not_shown_keeps_its_value(open_panel: Open) -> None:
    at, desk = open_panel("empty", page=CONFIGURE)
    typed(at, "strategy.delta_max", 0.2)
    choose(at, "strategy.structure", "short_straddle")
    typed(at, "strategy.quantity", 3)
    press(at, "cfg_save")
    saved = desk.stored["default"].strategy
    assert (saved.structure, saved.quantity, str(saved.delta_max)) == ("short_straddle", 3, "0.2")
    choose(at, "strategy.structure", "short_strangle")
    assert at.number_input(key=cfg(at, "strategy.delta_max")).value == 0.2


def test_a_wrong_value_stays_in_sight_though_nothing_uses_it(open_panel: Open) -> None:
    at, _ = open_panel("empty", page=CONFIGURE)
    typed(at, "strategy.delta_max", 7)
    choose(at, "strategy.structure", "short_straddle")
    assert "delta_max" in shown(at) and "Delta to: must be at most 0.60, was 7" in said(at)
    typed(at, "strategy.delta_max", 0.01)  # below its lower end, which does not matter now
    assert at.button(key="cfg_save").disabled is False
    assert "delta_max" not in shown(at.run())


def test_the_page_says_what_the_preset_does(open_panel: Open) -> None:
    at, _ = open_panel("empty", page=CONFIGURE)
    choose(at, "strategy.structure", "iron_condor")
    words = said(at).replace("&#124;", "|").replace("&#45;", "-")
    assert "Sells 1 call and 1 put at |delta| 0.1-0.15, buys 1 call and 1 put 1,000 USD further out" in words
    assert "Percentages are of the net credit." in words
    typed(at, "strategy.wing_width_usd", 0)
    assert "Percentages are" not in said(at) and "Wing width: must be above 0, was 0" in said(at)
    assert at.table[0].value.to_dict("records")[0] == {"Field": "Strategy · Structure", "Stored": "Short strangle", "Edited": "Iron condor"}  # fmt: skip


def test_tiers_are_shown_only_while_they_are_used(open_panel: Open) -> None:
    at, desk = open_panel("empty", page=CONFIGURE)
    assert "trailing_step_peak_pct" in shown(at, "exits") and "**Trailing tiers**" in said(at)
    at.toggle(key=cfg(at, "exits.trailing_enabled")).set_value(False).run()
    assert "trailing_step_peak_pct" not in shown(at, "exits") and "**Trailing tiers**" not in said(at)
    press(at, "cfg_save")
    assert desk.stored["default"].exits.trailing_tiers == Preset().exits.trailing_tiers


def test_legs_of_ones_own_begin_with_those_of_the_structure_before(open_panel: Open) -> None:
    at, desk = open_panel("empty", page=CONFIGURE)
    choose(at, "strategy.structure", "iron_condor")
    choose(at, "strategy.structure", "custom")
    press(at, "cfg_save")
    saved = desk.stored["default"]
    assert saved.structure.legs == BUILT_IN["default"].model_validate(
        {"strategy": {"structure": "iron_condor"}}).structure.legs  # fmt: skip
    choose(at, "strategy.structure", "one_leg")
    choose(at, "strategy.structure", "custom")
    assert at.session_state["cfg_draft"]["strategy"]["legs"] == form.draft_of(saved)["strategy"]["legs"], (
        "kept meanwhile"
    )


@pytest.mark.parametrize(
    ("legs", "words"),
    [
        ([], "Strategy: legs must name 1 to 8 legs where the structure is custom, was none."),
        ([LEG | {"key": "call"}], "Legs, row 1, key: must be 1 to 3 capital letters or digits"),
        ([LEG | {"ratio": 0}, LEG | {"key": None, "value": "x"}],
            "Legs, row 1, ratio: must be at least 1, was 0. Legs, row 2, key: must be filled in. "
            "Legs, row 2, value: must be a band of |delta| like 0.10-0.15, was 'x'."),
        ([LEG, LEG | {"kind": "put"}], "Legs: the key 'C' is used twice."),
        ([LEG, LEG | {"key": "X"}], "Legs: C and X would be the same contract: both are a call found in the same way."),
    ],
)  # fmt: skip
def test_each_row_of_legs_says_what_is_wrong_with_it(legs: list[dict[str, Any]], words: str) -> None:
    draft = form.draft_of(Preset())
    draft["strategy"] |= {"structure": "custom", "legs": legs}
    errors = form.check(draft).errors
    assert words in errors.get("strategy.legs", errors.get("strategy", "")), errors


def test_wrong_rows_survive_a_reload(open_panel: Open) -> None:
    _, desk = open_panel("empty", page="pages/history.py")
    body = form.draft_of(Preset())
    body["strategy"] |= {"structure": "custom", "legs": [LEG | {"ratio": "0"}, LEG | {"key": None}]}
    desk.kept["00ff00ff00ff00ff"] = {"draft": body, "base": form.draft_of(Preset())}
    again, _ = reopened(open_panel, desk, "00ff00ff00ff00ff")
    assert again.session_state["cfg_draft"]["strategy"]["legs"] == body["strategy"]["legs"]
    assert "Legs, row 1, ratio: must be at least 1, was 0. Legs, row 2, key: must be filled in." in said(again)


def test_an_edit_kept_before_structures_goes_on_as_the_strangle_it_was() -> None:
    kept = form.draft_of(changed(Preset(), strategy__quantity=7))
    for section, name in ADDED_FIELDS[4]:
        del kept[section][name]
    fitted = form.fitted(kept)
    assert fitted is not None and "structure" not in kept["strategy"], "what is kept is not altered"
    assert form.differences(form.draft_of(Preset()), fitted) == [("Strategy · Quantity per leg", "1", "7")]
    assert form.fitted(kept | {"strategy": kept["strategy"] | {"legs": [{"key": "C"}]}}) is None


def test_two_tabs_merge_a_structure_and_its_wings(open_panel: Open) -> None:
    at, desk = edited_in_two_tabs(open_panel, {"strategy.delta_max": 0.2}, {"strategy__structure": "iron_condor"})
    press(at, "cfg_save")
    assert "Changed meanwhile: Structure Short strangle → Iron condor." in said(at)
    press(at, "cfg_conflict_merge")
    saved = desk.stored["default"].strategy
    assert (saved.structure, str(saved.delta_max)) == ("iron_condor", "0.2") and "wing_width_usd" in shown(at)


def test_rows_changed_in_both_tabs_clash_as_a_whole() -> None:
    loaded, stored, mine = (form.draft_of(Preset()) for _ in range(3))
    stored["strategy"]["legs"], mine["strategy"]["legs"] = [LEG], [LEG | {"ratio": 2}]
    [change] = merge.changes(loaded, stored, mine)
    assert change.clash and change.words == f"Legs {DASH} → C Call Sell 1 |delta| band 0.10-0.15"


def test_an_import_and_an_export_carry_legs() -> None:
    rows = [row.model_dump(mode="json") for row in rows_of(BUILT_IN["iron_condor"].structure)]
    preset = changed(Preset(name="own"), strategy__structure="custom", strategy__legs=rows)
    assert form.read_upload(form.export(preset).encode()) == preset
