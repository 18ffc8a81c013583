"""The Account page: every limit with its unit and its use, one sentence for what cannot be set, and no undoing of another's change."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from streamlit.testing.v1 import AppTest

from tests.panel.fake_desk import FakeDesk
from tests.panel.seen import read
from trader.config.account_limits import AccountLimits
from trader.desk import MarginChange, Status
from trader.domain.margin import MarginedPosition
from trader.panel import account, service

Open = Callable[..., Any]
PAGE = "pages/account.py"
D = Decimal


def field(at: AppTest, name: str) -> Any:
    [found] = [one for one in at.number_input if one.key is not None and one.key.endswith(f".{name}")]
    return found


def again(at: AppTest) -> None:
    service.forget()
    at.run()


def said(desk: FakeDesk) -> list[Any]:
    return [what for kind, what in desk.asked if kind == "limits"]


def test_every_limit_stands_on_the_page_once(open_panel: Open) -> None:
    at, _ = open_panel("holding", page=PAGE)
    shown = [
        one.key.split(".")[-1]
        for one in [*at.number_input, *at.toggle, *at.text_area]
        if one.key and one.key.startswith("limits.")
    ]
    assert sorted(shown) == sorted(AccountLimits.model_fields)
    assert sorted(name for group in account._GROUPS.values() for name in group) == sorted(AccountLimits.model_fields)
    assert field(at, "daily_loss_usd").label == "Daily loss (USD)" and field(at, "daily_loss_usd").value == 5000
    assert "Allowed: 1 to 50 runs" in field(at, "open_runs").help


def test_bounds_of_single_contracts_are_typed_as_json(open_panel: Open) -> None:
    at, desk = open_panel("holding", page=PAGE)
    [box] = [one for one in at.text_area if one.key and one.key.endswith(".instruments")]
    assert box.value == ""
    box.set_value('{"C-BTC": {"contracts": 5}}').run()
    assert "Single contracts none → " in read(at)
    at.button(key="limits_save").click().run()
    [sent] = said(desk)
    assert AccountLimits.model_validate(sent).instruments["C-BTC"].contracts == 5 if isinstance(sent, dict) else True
    [box] = [one for one in at.text_area if one.key and one.key.endswith(".instruments")]
    box.set_value("five").run()
    assert "JSON" in read(at) and at.button(key="limits_save").disabled


def test_what_is_used_stands_beside_its_limit(open_panel: Open) -> None:
    at, _ = open_panel("holding", page=PAGE)
    words = read(at)
    assert "Now: 1 of 6 runs" in words and "Now: 1 of 3 runs (BTC)" in words
    assert "Now: 80 of 50,000 contracts (BTC)" in words and "Now: 40 of 20,000 contracts (C-BTC-95000-221126)" in words
    assert "Now: 7,280 of 20,000,000 USD" in words
    assert "of −5,000.00 USD today" in words and "No lock: the losses are within their limits." in words


def test_day_and_week_are_split_into_realised_and_open_and_the_steps_are_fields(open_panel: Open) -> None:
    at, desk = open_panel("holding", page=PAGE)
    before = desk.status

    def held_over(run_id: str | None = None) -> Status:
        status = before(run_id)
        assert status.day is not None
        figures = {
            "realised": Decimal(-14),
            "open": Decimal(-50),
            "carried": Decimal(-30),
            "week": Decimal(-60),
            "runs_made": 1,
            "runs_most": 2,
        }
        return replace(status, day=replace(status.day, **figures))

    desk.status = held_over
    again(at)
    words = read(at)
    assert "Today −$34.00 −$14.00 realised, −$20.00 open" in words
    assert "Since Monday −$80.00 −$60.00 realised, −$20.00 open" in words
    assert "Open now −$50.00 −$30.00 of it made by earlier days" in words
    assert "unfinished now; 1 of 2 sold today" in words
    assert "−34.00 of −5,000.00 USD today, of it open −20.00" in words
    assert (
        field(at, "loss_warn_pct").value == 70
        and field(at, "loss_bars_pct").label == "Loss bars entries (% of the limit)"
    )


def test_saving_sends_the_whole_document_with_the_one_that_was_loaded(open_panel: Open) -> None:
    at, desk = open_panel("holding", page=PAGE)
    assert at.button(key="limits_save").disabled
    field(at, "open_runs").set_value(4.0).run()
    assert "Not saved: Runs 6 → 4." in read(at)
    at.button(key="limits_save").click().run()
    assert said(desk) == [(AccountLimits(open_runs=4), AccountLimits(), "panel")]
    assert "Accepted" in read(at) and field(at, "open_runs").value == 4 and at.button(key="limits_save").disabled


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("open_runs", 0.0, "Runs must be at least 1 runs, was 0."),
        ("open_runs", 2.0, "Runs per underlying (3) exceeds Runs (2)."),
        ("daily_loss_usd", 0.0, "Daily loss must be above 0 USD, was 0."),
        ("orders_per_second", 7.0, "Order rate must be at most 6 orders a second, was 7."),
        ("contracts_total", 2.5, "Contracts in all must be a whole number, was '2.5'."),
        ("margin_share_pct", 101.0, "Share of free margin must be at most 100 %, was 101."),
    ],
)
def test_what_cannot_be_set_is_one_sentence_and_cannot_be_sent(
    open_panel: Open, name: str, value: float | None, sentence: str
) -> None:
    at, desk = open_panel("holding", page=PAGE)
    field(at, name).set_value(value).run()
    assert sentence in read(at)
    assert at.button(key="limits_save").disabled and said(desk) == []


def test_a_refusal_is_told_and_what_was_typed_stays(open_panel: Open) -> None:
    at, desk = open_panel("holding", page=PAGE)
    field(at, "open_runs").set_value(5.0).run()
    desk.refusal = "The limits were changed meanwhile (open_runs 6 -> 4); nothing of this change was set"
    at.button(key="limits_save").click().run()
    assert "Refused: The limits were changed meanwhile (Runs 6 -> 4)" in read(at) and field(at, "open_runs").value == 5


def test_a_change_made_elsewhere_is_taken_with_the_edit_kept(open_panel: Open) -> None:
    at, desk = open_panel("holding", page=PAGE)
    field(at, "open_runs").set_value(5.0).run()
    desk.limits_set = AccountLimits(daily_loss_usd=200, open_runs=4)
    again(at)
    assert "Daily loss 5,000 → 200" in read(at) and field(at, "open_runs").value == 5
    at.button(key="limits_rebase").click().run()
    assert field(at, "daily_loss_usd").value == 200 and field(at, "open_runs").value == 5
    at.button(key="limits_save").click().run()
    assert said(desk) == [(AccountLimits(daily_loss_usd=200, open_runs=5), desk.asked[-1][1][1], "panel")]
    assert said(desk)[0][1] == AccountLimits(daily_loss_usd=200, open_runs=4)


def test_without_an_edit_what_was_set_elsewhere_is_shown(open_panel: Open) -> None:
    at, desk = open_panel("holding", page=PAGE)
    desk.limits_set = AccountLimits(open_runs=4)
    again(at)
    assert field(at, "open_runs").value == 4 and not at.warning


def test_the_lock_says_why_and_resumes_after_a_question(open_panel: Open) -> None:
    at, desk = open_panel("holding", page=PAGE)
    assert "lock_resume" not in [one.key for one in at.button]
    desk.locked = (
        "the account's daily loss was reached today; entries are locked until tomorrow or until a person resumes"
    )
    again(at)
    assert f"Entries are locked: {desk.locked}." in read(at) and "Entries locked" in read(at)
    at.button(key="lock_resume").click().run()
    assert ("resume", "panel") not in desk.asked
    at.button(key="lock_yes").click().run()
    assert ("resume", "panel") in desk.asked and "Accepted" in read(at)


def test_no_runner_alive_is_said_of_figures_that_only_it_knows(open_panel: Open) -> None:
    at, _ = open_panel("dead", page=PAGE)
    assert "The runner is silent: contracts and lock are as it told them last." in read(at)


# ------------------------------------------------------------------------------------------------- margin


def margin_asked(desk: FakeDesk) -> list[Any]:
    return [asked for asked in desk.asked if asked[0] in ("margin_mode", "auto_topup")]


def test_the_margin_mode_and_what_it_means_are_told_and_set_after_a_question(open_panel: Open) -> None:
    at, desk = open_panel("holding", page=PAGE)
    assert "isolated: each short leg is liquidated for itself, at about its entry price + 0.5 % of spot." in read(at)
    assert "off: a position is liquidated once its own margin is used up." in read(at)
    assert "margin_mode_isolated" not in [one.key for one in at.button]
    at.button(key="margin_mode_portfolio").click().run()
    assert "Set this on the exchange? Portfolio: the legs are netted" in read(at) and margin_asked(desk) == []
    at.button(key="margin_no").click().run()
    assert "margin_yes" not in [one.key for one in at.button] and margin_asked(desk) == []
    at.button(key="margin_mode_portfolio").click().run()
    at.button(key="margin_yes").click().run()
    assert margin_asked(desk) == [("margin_mode", "portfolio")]
    words = read(at)
    assert (
        "Set: margin mode portfolio." in words and "portfolio: the legs are netted, and liquidation looks at" in words
    )
    assert not [one.key for one in at.button if one.key and one.key.startswith("margin_topup")], "without effect there"


def test_auto_topup_is_set_for_new_positions_and_shown_for_open_ones(open_panel: Open) -> None:
    at, desk = open_panel("holding", page=PAGE)
    at.button(key="margin_topup_on").click().run()
    at.button(key="margin_yes").click().run()
    assert margin_asked(desk) == [("auto_topup", (True, None))]
    row = MarginedPosition(
        symbol="C-BTC-95000-221126", product_id=1, quantity=-100, entry_price=Decimal(400), mark=Decimal(410), margin=Decimal("131.02"),
        liquidation_price=Decimal("855.1"), bankruptcy_price=Decimal(1310), blocked_commission=Decimal(0), realized_pnl=Decimal(0),
        realized_funding=Decimal(0), realized_cashflow=Decimal(0), margin_mode="isolated", auto_topup=True, created_at=None,
    )  # fmt: skip
    desk.margined = replace(desk.margined, positions=(row,))
    at.run()
    assert all(words in read(at) for words in ("C-BTC-95000-221126", "131.02", "855.10", "Liquidated at a mark of"))
    at.button(key="margin_topup_off_C-BTC-95000-221126").click().run()
    assert "Set this on the exchange? C-BTC-95000-221126: auto top-up off." in read(at)
    at.button(key="margin_yes").click().run()
    assert margin_asked(desk)[-1] == ("auto_topup", (False, "C-BTC-95000-221126"))


def test_a_mode_nobody_here_knows_and_one_that_is_not_told_are_said_as_they_are(open_panel: Open) -> None:
    at, desk = open_panel("holding", page=PAGE)
    for mode, words in (
        ("cross", "cross: the exchange's word, a mode this program does not know"),
        (None, "does not tell"),
    ):
        desk.margined = replace(desk.margined, mode=mode)
        at.run()
        assert words in read(at)
        assert {"margin_mode_isolated", "margin_mode_portfolio"} <= {one.key for one in at.button}


def test_what_the_exchange_refuses_and_what_it_does_not_answer_are_told(open_panel: Open) -> None:
    at, desk = open_panel("holding", page=PAGE)
    desk.margin_answer = MarginChange(
        done=False, words="Not set: insufficient_margin. The exchange tells: margin mode isolated."
    )
    at.button(key="margin_mode_portfolio").click().run()
    at.button(key="margin_yes").click().run()
    assert "Not set: insufficient_margin." in read(at)
    desk.margin_fault = "read timed out"
    at.run()
    assert "How the account is margined cannot be read: read timed out" in read(at)
