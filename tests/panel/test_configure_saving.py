"""Saving on the Configure page: nothing another tab stored is lost unasked, and every answer is seen."""

from collections.abc import Callable
from typing import Any

from streamlit.testing.v1 import AppTest

from tests.panel.test_pages import cfg, said
from trader.config.preset import Preset
from trader.panel import form, merge

Open = Callable[..., Any]
CONFIGURE = "pages/configure.py"


def changed(preset: Preset, **values: Any) -> Preset:
    """A preset with other values, `section__field=value`."""
    body = form.draft_of(preset)
    for path, value in values.items():
        section, name = path.split("__")
        body[section][name] = value
    return Preset.model_validate(body)


def typed(at: AppTest, path: str, value: float) -> AppTest:
    return at.number_input(key=cfg(at, path)).set_value(value).run()


def press(at: AppTest, key: str) -> AppTest:
    at.button(key=key).click().run()
    assert not at.exception
    return at


def keys(at: AppTest) -> set[str]:
    return {button.key for button in at.button if button.key}


def edited_in_two_tabs(open_panel: Open, mine: dict[str, float], theirs: dict[str, Any]) -> tuple[AppTest, Any]:
    """This tab has typed `mine`; meanwhile another has stored `theirs`."""
    at, desk = open_panel("empty", page=CONFIGURE)
    for path, value in mine.items():
        typed(at, path, value)
    desk.stored["default"] = changed(desk.stored["default"], **theirs)
    return at, desk


def test_a_field_that_another_tab_saved_meanwhile_was_lost_silently(open_panel: Open) -> None:
    at, desk = edited_in_two_tabs(open_panel, {"exits.max_loss_pct": 55}, {"strategy__quantity": 5})
    press(at, "cfg_save")
    assert desk.asked == [], "nothing is saved before the question is answered"
    assert "Changed meanwhile: Quantity per leg 1 → 5." in said(at)
    press(at, "cfg_conflict_merge")
    saved = desk.stored["default"]
    assert (saved.strategy.quantity, saved.exits.max_loss_pct) == (5, 55) and desk.snapshot == saved
    assert "Merged and saved" in said(at) and "cfg_conflict_merge" not in keys(at)
    assert at.number_input(key=cfg(at, "strategy.quantity")).value == 5


def test_a_field_both_tabs_changed_is_named_and_one_has_to_say_which_stays(open_panel: Open) -> None:
    at, desk = edited_in_two_tabs(open_panel, {"strategy.quantity": 7}, {"strategy__quantity": 5})
    press(at, "cfg_save")
    assert at.button(key="cfg_conflict_merge").disabled
    choice = at.segmented_control(key="cfg_clash.strategy.quantity")
    assert list(choice.options) == ["Yours: 7", "Stored: 5"]
    choice.set_value("Yours").run()
    press(at, "cfg_conflict_merge")
    assert desk.stored["default"].strategy.quantity == 7


def test_overwriting_and_dropping_are_said_to_be_that(open_panel: Open) -> None:
    at, desk = edited_in_two_tabs(open_panel, {"exits.max_loss_pct": 55}, {"strategy__quantity": 5})
    press(press(at, "cfg_save"), "cfg_conflict_overwrite")
    assert (desk.stored["default"].strategy.quantity, desk.stored["default"].exits.max_loss_pct) == (1, 55)

    at, desk = edited_in_two_tabs(open_panel, {"exits.max_loss_pct": 55}, {"strategy__quantity": 5})
    press(press(at, "cfg_save"), "cfg_conflict_reload")
    assert at.number_input(key=cfg(at, "strategy.quantity")).value == 5
    assert at.number_input(key=cfg(at, "exits.max_loss_pct")).value == 60 and desk.asked == []


def test_a_third_change_while_the_question_stands_is_asked_about_again(open_panel: Open) -> None:
    at, desk = edited_in_two_tabs(open_panel, {"exits.max_loss_pct": 55}, {"strategy__quantity": 5})
    press(at, "cfg_save")
    desk.stored["default"] = changed(desk.stored["default"], orders__retries=2)
    press(at, "cfg_conflict_overwrite")
    assert desk.asked == [] and "Retries 4 → 2" in said(at)


def test_a_preset_deleted_meanwhile_is_not_stored_again_unasked(open_panel: Open) -> None:
    at, desk = open_panel("empty", page=CONFIGURE)
    at.selectbox(key="cfg_preset").select("development").run()
    typed(at, "strategy.quantity", 3)
    del desk.stored["development"]
    press(at, "cfg_save")
    assert "development was deleted meanwhile" in said(at) and "development" not in desk.stored
    press(at, "cfg_conflict_overwrite")
    assert desk.stored["development"].strategy.quantity == 3


def test_what_another_tab_saved_is_loaded_when_nothing_is_edited_here(open_panel: Open) -> None:
    at, desk = open_panel("empty", page=CONFIGURE)
    desk.stored["default"] = changed(desk.stored["default"], strategy__quantity=5)
    at.run()
    assert at.number_input(key=cfg(at, "strategy.quantity")).value == 5
    assert "Loaded again, it was changed elsewhere: Quantity per leg 1 → 5." in said(at)


def test_deleting_what_another_tab_has_changed_asks_once_more(open_panel: Open) -> None:
    at, desk = open_panel("empty", page=CONFIGURE)
    at.selectbox(key="cfg_preset").select("development").run()
    press(at, "cfg_delete")
    desk.stored["development"] = changed(desk.stored["development"], strategy__quantity=5)
    press(at, "cfg_delete_yes")
    assert "development" in desk.stored and "Quantity per leg 1 → 5. Delete that too?" in said(at)
    press(at, "cfg_delete_yes")
    assert "development" not in desk.stored and "development is deleted." in said(at)


def test_deleting_can_keep_the_edit(open_panel: Open) -> None:
    at, desk = open_panel("empty", page=CONFIGURE)
    at.selectbox(key="cfg_preset").select("development").run()
    typed(at, "strategy.quantity", 3)
    press(press(at, "cfg_delete"), "cfg_delete_keep")
    assert "development" not in desk.stored and "not stored yet" in said(at)
    assert at.number_input(key=cfg(at, "strategy.quantity")).value == 3
    press(at, "cfg_save")
    assert desk.stored["development"].strategy.quantity == 3


def test_a_snapshot_that_is_stored_nowhere_else_is_not_replaced_unasked(open_panel: Open) -> None:
    at, desk = open_panel("empty", page=CONFIGURE)
    desk.snapshot = changed(desk.stored["default"], exits__max_loss_pct="55")
    typed(at, "strategy.quantity", 3)
    press(at, "cfg_save")
    assert desk.asked == [] and "Max loss 60 → 55" in said(at)
    press(at, "cfg_lost_save")
    assert desk.snapshot == desk.stored["default"] and desk.snapshot.strategy.quantity == 3


def test_picking_another_preset_dropped_the_edit_silently(open_panel: Open) -> None:
    at, desk = open_panel("empty", page=CONFIGURE)
    typed(at, "strategy.quantity", 3)
    at.selectbox(key="cfg_preset").select("aggressive").run()
    assert "default has changes that are not saved" in said(at)
    press(at, "cfg_pick_stay")
    assert at.selectbox(key="cfg_preset").value == "default"
    assert at.number_input(key=cfg(at, "strategy.quantity")).value == 3

    at.selectbox(key="cfg_preset").select("aggressive").run()
    press(at, "cfg_pick_save")
    assert desk.stored["default"].strategy.quantity == 3 and at.selectbox(key="cfg_preset").value == "aggressive"
    typed(at, "strategy.quantity", 4)
    at.selectbox(key="cfg_preset").select("default").run()
    press(at, "cfg_pick_discard")
    assert at.number_input(key=cfg(at, "strategy.quantity")).value == 3
    assert desk.stored["aggressive"].strategy.quantity == 1


def test_an_edit_that_cannot_be_used_can_only_be_discarded_or_kept(open_panel: Open) -> None:
    at, _ = open_panel("empty", page=CONFIGURE)
    typed(at, "strategy.quantity", 0)
    at.selectbox(key="cfg_preset").select("aggressive").run()
    assert at.button(key="cfg_pick_save").disabled and "must be at least 1, was 0" in said(at)


def upload(at: AppTest, preset: Preset) -> AppTest:
    at.get("file_uploader")[0].set_value(
        (f"{preset.name}.json", form.export(preset).encode(), "application/json")
    ).run()
    assert not at.exception
    return at


def test_importing_over_an_edit_asks_and_says_what_the_file_is(open_panel: Open) -> None:
    at, desk = open_panel("empty", page=CONFIGURE)
    typed(at, "strategy.quantity", 3)
    press(at, "cfg_import_open")
    assert at.button(key="cfg_import_yes").disabled
    upload(at, changed(Preset(name="aggressive"), orders__retries=2))
    assert "it differs from the stored one in 1 field." in said(at)
    press(at, "cfg_import_save")
    assert desk.stored["default"].strategy.quantity == 3
    assert (
        at.selectbox(key="cfg_preset").value == "aggressive"
        and at.number_input(key=cfg(at, "orders.retries")).value == 2
    )
    assert "aggressive is imported into the editor; nothing is stored before you save." in said(at)
    assert "1 change not saved" in said(at)


def test_an_imported_preset_of_a_new_name_is_not_called_saved(open_panel: Open) -> None:
    at, desk = open_panel("empty", page=CONFIGURE)
    upload(press(at, "cfg_import_open"), Preset(name="mine"))
    press(at, "cfg_import_yes")
    assert "not stored yet" in said(at) and at.selectbox(key="cfg_preset").value == "mine"
    desk.stored["mine"] = changed(Preset(name="mine"), strategy__quantity=9)
    press(at, "cfg_save")
    assert desk.stored["mine"].strategy.quantity == 9, "somebody else took the name meanwhile"
    press(at, "cfg_conflict_overwrite")
    assert desk.stored["mine"].strategy.quantity == 1


def test_a_file_that_is_no_preset_is_said_inside_the_dialog(open_panel: Open) -> None:
    at, _ = open_panel("empty", page=CONFIGURE)
    press(at, "cfg_import_open")
    at.get("file_uploader")[0].set_value(("x.json", b"{nope", "application/json")).run()
    assert "Not a preset" in said(at) and at.button(key="cfg_import_yes").disabled


def test_an_answer_stays_until_the_edit_goes_on(open_panel: Open) -> None:
    at, _ = open_panel("empty", page=CONFIGURE)
    press(typed(at, "strategy.quantity", 3), "cfg_save")
    at.run()
    assert "Saved, also as the configuration" in said(at) and "-badge[:material/check: saved]" in said(at)
    typed(at, "strategy.quantity", 4)
    assert "Saved, also" not in said(at) and "1 change not saved" in said(at)


def test_saving_what_was_typed_a_moment_ago_saves_that(open_panel: Open) -> None:
    """The value and the click arrive with one rerun: what was drawn last still holds the old value."""
    at, desk = open_panel("empty", page=CONFIGURE)
    at.number_input(key=cfg(at, "strategy.quantity")).set_value(6)
    press(at, "cfg_save")
    assert desk.stored["default"].strategy.quantity == 6


def test_merging_takes_the_stored_value_for_what_was_not_edited_here() -> None:
    loaded = form.draft_of(Preset())
    stored = form.draft_of(changed(Preset(), strategy__quantity=5, orders__retries=2, exits__max_loss_pct="70"))
    mine = form.draft_of(changed(Preset(), exits__max_profit_pct="60", orders__retries=1, exits__max_loss_pct="70.0"))
    found = merge.changes(loaded, stored, mine)
    assert [(change.path, change.clash) for change in found] == [
        ("strategy.quantity", False),
        ("exits.max_loss_pct", False),
        ("orders.retries", True),
    ]
    kept = merge.merged(loaded, stored, mine, {"orders.retries"})
    assert Preset.model_validate(kept) == changed(
        Preset(), strategy__quantity=5, exits__max_loss_pct="70", exits__max_profit_pct="60", orders__retries=1
    )
    assert merge.merged(loaded, stored, mine, ())["orders"]["retries"] == 2
