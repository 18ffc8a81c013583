"""The edit itself: it survives the tab, keeps its digits, and says where it is wrong."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tests.panel.fake_desk import FakeDesk
from tests.panel.test_configure_saving import CONFIGURE, changed, press, typed
from tests.panel.test_pages import cfg, said
from trader.config.builtin import BUILT_IN
from trader.config.preset import Preset
from trader.desk.meaning import in_money
from trader.panel import figures, form

Open = Callable[..., Any]

EXACT = changed(
    Preset(name="exact"),
    strategy__delta_min="0.1000000000000000055",
    strategy__min_open_interest="1000000000",
    exits__max_loss_pct="100.10",
    schedule__weekdays=["mon", "fri"],
    exits__trailing_tiers=[{"peak_pct": "40.123456789012345678", "stop_pct": "0"}],
)


@pytest.mark.parametrize("preset", [*BUILT_IN.values(), EXACT], ids=lambda preset: preset.name)
def test_looking_at_a_preset_changes_nothing_of_it(open_panel: Open, preset: Preset) -> None:
    at, desk = open_panel("empty", page="pages/history.py")
    desk.stored = {"other": Preset(name="other"), preset.name: preset}
    desk.snapshot = preset
    at.switch_page(CONFIGURE).run()
    assert at.selectbox(key="cfg_preset").value == preset.name
    at.run()
    assert Preset.model_validate(at.session_state["cfg_draft"]).config_hash == preset.config_hash
    assert at.session_state["cfg_draft"] == form.draft_of(preset)
    assert at.button(key="cfg_reset").disabled and "-badge[:material/check: saved]" in said(at)


def test_numbers_lost_their_places(open_panel: Open) -> None:
    at, _ = open_panel("empty", page=CONFIGURE)
    shown = {path: at.number_input(key=cfg(at, path)).proto.format for path in ("strategy.delta_min", "orders.retries")}
    assert shown == {"strategy.delta_min": "%.2f", "orders.retries": "%.0f"}  # 0.10 and 4, not 0.1 and 4.0
    typed(at, "strategy.delta_min", 0.125)
    assert at.number_input(key=cfg(at, "strategy.delta_min")).proto.format == "%.3f"
    typed(at, "orders.retries", 2.7)
    assert at.number_input(key=cfg(at, "orders.retries")).proto.format == "%.1f", "a wrong value is seen as it is"


def test_weekdays_clicked_in_another_order_are_no_change(open_panel: Open) -> None:
    at, _ = open_panel("empty", page=CONFIGURE)
    days = at.get("button_group")
    pills = next(group for group in days if group.key == cfg(at, "schedule.weekdays"))
    pills.set_value(["sun", "sat", "fri", "thu", "wed", "tue", "mon"]).run()
    assert "-badge[:material/check: saved]" in said(at)


def address(at: Any) -> str:
    """The token in the page's address."""
    found = at.query_params["draft"]
    return str(found[0] if isinstance(found, list) else found)


def reopened(open_panel: Open, desk: FakeDesk, token: str) -> Any:
    """The page loaded again by a browser whose address names a draft: a session of its own, over the same desk."""
    at, other = open_panel("empty", page="pages/history.py")
    for name in ("stored", "kept", "snapshot"):
        setattr(other, name, getattr(desk, name))
    at.query_params["draft"] = token
    at.switch_page(CONFIGURE)
    at.query_params["draft"] = token
    at.run()
    assert not at.exception
    return at, other


def test_an_edit_that_was_not_saved_was_gone_after_a_reload(open_panel: Open) -> None:
    at, desk = open_panel("empty", page=CONFIGURE)
    assert "draft" not in at.query_params
    typed(at, "strategy.quantity", 7)
    typed(at, "orders.retries", 2.7)
    token = address(at)
    again, _ = reopened(open_panel, desk, token)
    assert again.number_input(key=cfg(again, "strategy.quantity")).value == 7
    assert again.number_input(key=cfg(again, "orders.retries")).value == 2.7, "what is wrong is kept too"
    assert "Your edit is back" in said(again) and "2 changes not saved" in said(again)
    assert address(again) != token, "the first tab may still be open: each writes its own"


def test_a_reloaded_edit_still_knows_what_it_was_based_on(open_panel: Open) -> None:
    at, desk = open_panel("empty", page=CONFIGURE)
    typed(at, "exits.max_loss_pct", 55)
    token = address(at)
    desk.stored["default"] = changed(desk.stored["default"], strategy__quantity=5)
    again, after = reopened(open_panel, desk, token)
    assert "Changed elsewhere meanwhile: Quantity per leg 1 → 5." in said(again)
    press(press(again, "cfg_save"), "cfg_conflict_merge")
    assert (after.stored["default"].strategy.quantity, after.stored["default"].exits.max_loss_pct) == (5, 55)


def test_a_kept_edit_goes_once_it_is_saved_or_discarded(open_panel: Open) -> None:
    at, desk = open_panel("empty", page=CONFIGURE)
    for end in ("cfg_save", "cfg_reset"):
        typed(at, "strategy.quantity", 7 if end == "cfg_save" else 8)
        assert len(desk.kept) == 1
        press(at, end)
        assert desk.kept == {} and "draft" not in at.query_params


def test_an_edit_left_behind_by_a_reload_on_another_page_is_offered(open_panel: Open) -> None:
    at, desk = open_panel("empty", page=CONFIGURE)
    typed(at, "strategy.quantity", 7)
    [token] = desk.kept
    fresh, after = open_panel("empty", page="pages/history.py")
    after.kept = desk.kept
    fresh.switch_page(CONFIGURE).run()
    assert "an edit of default, 1 change, is kept from 22 Nov 17:30" in said(fresh)
    press(fresh, "cfg_resume")
    assert fresh.number_input(key=cfg(fresh, "strategy.quantity")).value == 7 and len(after.kept) == 2
    press(fresh, "cfg_save")
    assert after.kept == {} and "is kept from" not in said(fresh), "what was taken up here is settled"
    after.kept[token] = {"draft": form.draft_of(changed(Preset(), orders__retries=2)), "base": form.draft_of(Preset())}
    press(fresh.run(), "cfg_forget")
    assert after.kept == {} and "is kept from" not in said(fresh)


@pytest.mark.parametrize("kept", [{}, {"draft": 1}, {"draft": {"name": "default"}}, {"draft": {"name": "../x"}}])
def test_a_kept_edit_that_cannot_be_shown_is_said_and_passed_over(open_panel: Open, kept: dict[str, Any]) -> None:
    _, desk = open_panel("empty", page=CONFIGURE)
    desk.kept["00ff00ff00ff00ff"] = kept
    at, _ = reopened(open_panel, desk, "00ff00ff00ff00ff")
    assert "cannot be shown" in said(at) and at.number_input(key=cfg(at, "strategy.quantity")).value == 1


def test_a_kept_edit_with_a_value_of_the_wrong_kind_cannot_be_shown() -> None:
    good = form.draft_of(Preset())
    assert form.fitted(good) == good
    for path, value in {
        "strategy.underlying": "DOGE",
        "strategy.quantity": True,
        "strategy.expiry": 7,
        "schedule.weekdays": ["mon", ["x"]],
        "exits.trailing_enabled": "yes",
        "exits.trailing_tiers": [{"peak_pct": "1"}],
        "exits.max_loss_pct": "a lot",
    }.items():
        section, name = path.split(".")
        assert form.fitted(good | {section: good[section] | {name: value}}) is None, path


def test_a_tab_with_errors_says_how_many(open_panel: Open) -> None:
    at, _ = open_panel("empty", page=CONFIGURE)
    typed(at, "exits.max_loss_pct", -1)
    typed(at, "exits.max_profit_pct", -1)
    assert 'class="errors errors-exits-2">Exits&#58; 2 to correct<' in said(at)
    assert [tab.label for tab in at.tabs][2] == "Exits", "another name would close the tab under the hand"
    assert not [caption.value for caption in at.caption if "must be" in caption.value], "captions carry no errors"
    assert "Correct 2 fields first." in at.button(key="cfg_save").help.replace("\\", "")


def test_every_quantity_says_its_size_and_every_exit_its_money(open_panel: Open) -> None:
    open_panel("empty")
    preset = changed(Preset(), strategy__quantity=25)
    words = figures.beside(preset)
    assert words["strategy.quantity"].startswith("25 contracts × 0.001\u00a0BTC = 0.025\u00a0BTC per leg ≈ $")
    assert "per leg" not in words["strategy.min_bid_size"], "a bid was as large as a leg"
    assert words["exits.max_loss_pct"].startswith("−\u2060$12.63 · BTC ")
    assert words["exits.max_profit_pct"].startswith("+\u2060$16.84")
    assert words["exits.trailing_tiers"].startswith(
        "At a peak of 40\u00a0% (+\u2060$8.42) the stop is 0\u00a0% ($0.00)"
    )


def test_money_of_a_preset_follows_the_premium() -> None:
    preset = changed(Preset(), strategy__quantity=100, exits__max_loss_pct="50")
    meaning = in_money(preset, FakeDesk("empty").preview(preset))
    assert (meaning.max_loss, meaning.max_profit) == (Decimal("-42.10"), Decimal("67.36"))
    assert meaning.tiers[1].stop_usd == Decimal("21.05")
