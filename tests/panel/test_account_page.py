"""The Account page: every limit with its unit and its use, one sentence for what cannot be set, and no undoing of another's change."""

from collections.abc import Callable
from decimal import Decimal as D
from typing import Any

import pytest
from msgspec.structs import replace
from streamlit.testing.v1 import AppTest

from tests.panel.fake_desk import FakeDesk
from tests.panel.seen import read
from trader.config.account_limits import AccountLimits
from trader.desk import Status
from trader.panel import account, service

Open = Callable[..., Any]
PAGE = "pages/account.py"


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
        one.key.split(".")[-1] for one in [*at.number_input, *at.toggle] if one.key and one.key.startswith("limits.")
    ]
    assert sorted(shown) == sorted(AccountLimits.model_fields)
    assert sorted(name for group in account._GROUPS.values() for name in group) == sorted(AccountLimits.model_fields)
    assert field(at, "daily_loss_usd").label == "Daily loss (USD)" and field(at, "daily_loss_usd").value == 5000
    assert "Allowed: 1 to 50 runs" in field(at, "open_runs").help


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
            "realised": D(-14),
            "open": D(-50),
            "carried": D(-30),
            "week": D(-60),
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
