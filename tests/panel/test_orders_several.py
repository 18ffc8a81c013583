"""The order list of the page Orders & positions: prepared, priced, linked, sent once, and what is refused stays in it."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from streamlit.testing.v1 import AppTest

from tests.panel.fake_books import PERPETUAL
from tests.panel.fake_desk import FakeDesk
from tests.panel.seen import read
from tests.panel.test_orders_page import Open, asked, choose, form, has, opened, press, typed
from trader.config.ticket import MOST_TICKETS, TicketList
from trader.domain.errors import ExchangeError

OFF_TICK = "Limit price: 91000.3 is no multiple of the contract's tick of 0.5"


def add(at: AppTest, price: float | None = None, *, quantity: int | None = None, side: str = "") -> None:
    if side:
        choose(at, "side", side)
    if quantity is not None:
        typed(at, "quantity", quantity)
    if price is not None:
        typed(at, "limit_price", price)
    press(at, "or_list_add")


def lists(desk: FakeDesk) -> list[TicketList]:
    return [tickets for tickets, *_ in asked(desk, "order")]


def label(at: AppTest) -> str:
    [button] = [one for one in at.button if one.key and one.key.startswith("or_list_send_")]
    return button.label


def test_nothing_is_said_of_a_list_until_something_is_in_it(open_panel: Open) -> None:
    at, _ = form(open_panel)
    assert not has(at, "or_list_send_") and at.button(key="or_list_add").disabled
    typed(at, "limit_price", 91000.0)
    assert not at.button(key="or_list_add").disabled


def test_several_orders_are_prepared_priced_together_and_sent_as_one_list(open_panel: Open) -> None:
    at, desk = form(open_panel)
    typed(at, "stop_loss.price", 90000.0)
    add(at, 91000.0, quantity=3)
    typed(at, "stop_loss.price", None)
    add(at, 92500.5, quantity=2, side="sell")
    words = read(at)
    assert "List: 2 orders, sent together" in words
    assert (
        "1. Buy 3 BTCUSD limit 91,000.00 stop loss 90,000.00" in words
        and "2. Sell 2 BTCUSD limit 92,500.50 none" in words
    )
    assert "Together (2 orders): fees $0.0912, margin $9.12, free $8,159.50 → $8,154.89." in words
    assert label(at) == "Send 2 orders" and asked(desk, "order") == []
    press(at, "or_list_send_")
    [(tickets, by, confirm, _)] = asked(desk, "order")
    assert [(one.side.value, one.quantity, one.limit_price) for one in tickets.tickets] == [
        ("buy", 3, Decimal(91000)),
        ("sell", 2, Decimal("92500.5")),
    ]
    assert (tickets.link, by, confirm) == ("none", "panel", None)
    words = read(at)
    assert (
        "Accepted: Buy 3 BTCUSD, ticket t1ck3t0009." in words and "Accepted: Sell 2 BTCUSD, ticket t1ck3t0010." in words
    )
    assert not has(at, "or_list_send_"), "what was accepted is out of the list"


def test_options_of_two_strikes_make_a_list_of_legs(open_panel: Open) -> None:
    at, desk = opened(open_panel)
    choose(at, "side", "sell")
    typed(at, "limit_price", 5000.0)
    press(at, "or_list_add")
    at.session_state["or_kind"] = "put"
    at.run()
    typed(at, "limit_price", 5000.0)
    press(at, "or_list_add")
    press(at, "or_list_send_")
    [tickets] = lists(desk)
    assert [one.symbol[0] for one in tickets.tickets] == ["C", "P"] and {one.side.value for one in tickets.tickets} == {
        "sell"
    }


def test_one_bad_order_keeps_none_of_the_good_ones_back_and_stays(open_panel: Open) -> None:
    at, desk = form(open_panel)
    add(at, 91000.0)
    add(at, 91000.3, quantity=2)
    add(at, 91001.0, quantity=3)
    words = read(at)
    assert OFF_TICK in words and words.count("✓ passes") == 2 and "Together (2 orders)" in words
    assert label(at) == "Send the 2 of 3 that pass"
    press(at, "or_list_send_")
    assert [[one.quantity for one in tickets.tickets] for tickets in lists(desk)] == [[1, 3]]
    assert "1. Buy 2 BTCUSD" in read(at) and [
        one.disabled for one in at.button if one.key and "or_list_send_" in one.key
    ] == [True]


def test_what_the_runner_refuses_stays_in_the_list_with_its_sentence(open_panel: Open) -> None:
    at, _ = form(open_panel, refusal="the free balance does not suffice", refused_from=5)
    add(at, 91000.0, quantity=1)
    add(at, 91000.0, quantity=5)
    press(at, "or_list_send_")
    words = read(at)
    assert "Accepted: Buy 1 BTCUSD" in words
    assert "Refused: Buy 5 BTCUSD. Quantity: the free balance does not suffice." in words and "1. Buy 5 BTCUSD" in words


def test_two_orders_are_linked_so_that_one_cancels_the_other(open_panel: Open) -> None:
    at, desk = form(open_panel)
    add(at, 91000.0)
    assert "or_list_link" not in {one.key for one in at.button_group}
    choose(at, "order_type", "stop_market")
    typed(at, "stop_price", 93000.0)
    press(at, "or_list_add")
    at.session_state["or_list_link"] = "oco"
    at.run()
    assert "If both filled: fees" in read(at)
    press(at, "or_list_send_")
    [tickets] = lists(desk)
    assert tickets.link == "oco" and [one.order_type for one in tickets.tickets] == ["limit", "stop_market"]


def test_of_two_that_are_linked_both_have_to_pass(open_panel: Open) -> None:
    at, desk = form(open_panel)
    add(at, 91000.0)
    add(at, 91000.3, quantity=2)
    at.session_state["or_list_link"] = "oco"
    at.run()
    assert [one.disabled for one in at.button if one.key and "or_list_send_" in one.key] == [True]
    assert asked(desk, "order") == []


def test_orders_that_only_reduce_are_not_linked(open_panel: Open) -> None:
    at, _ = form(open_panel)
    choose(at, "reduce_only", True)
    add(at, 91000.0)
    add(at, 92000.0)
    at.session_state["or_list_link"] = "oco"
    at.run()
    assert "One cancels the other is for two orders that open" in read(at)


def test_one_is_taken_out_and_back_into_the_form_with_all_that_was_typed(open_panel: Open) -> None:
    at, _ = opened(open_panel)
    choose(at, "side", "sell")
    symbol = str(at.selectbox(key="or_strike").value)
    typed(at, "take_profit.price", 10.0)
    add(at, 5000.0, quantity=7)
    at.selectbox(key="or_expiry").select("perpetual").run()
    add(at, 91000.0, quantity=1, side="buy")
    press(at, "or_list_take_0")
    assert str(at.selectbox(key="or_strike").value) == symbol and at.number_input(key="or_ticket.quantity").value == 7
    assert at.number_input(key="or_ticket.limit_price").value == 5000 and at.session_state["or_ticket.side"] == "sell"
    assert at.number_input(key="or_ticket.take_profit.price").value == 10
    assert "1. Buy 1 BTCUSD" in read(at) and "can be linked" in read(at)
    press(at, "or_list_clear")
    assert not has(at, "or_list_send_")


@pytest.mark.parametrize("trouble", [{"answer_status": "new"}, {"order_fault": "No runner is alive"}])
def test_after_no_answer_the_same_list_goes_under_the_same_key_whatever_the_check_says_then(
    open_panel: Open, trouble: dict[str, str]
) -> None:
    at, desk = form(open_panel, **trouble)
    add(at, 91000.0)
    add(at, 91000.0, quantity=2)
    press(at, "or_list_send_")
    assert label(at) == "Ask again after 2 orders" and at.button(key="or_list_take_0").disabled
    add(at, 91000.0, quantity=3)  # prepared meanwhile: it does not go out with what is asked after
    desk.answer_status, desk.order_fault = "accepted", ""
    press(at, "or_list_send_")
    first, second = asked(desk, "order")
    assert first[0] == second[0] and first[3] == second[3]
    assert "1. Buy 3 BTCUSD" in read(at) and label(at) == "Send 1 order"


def test_a_second_press_sends_no_second_list(open_panel: Open) -> None:
    at, desk = form(open_panel)
    add(at, 91000.0)
    [button] = [one for one in at.button if one.key and one.key.startswith("or_list_send_")]
    button.click()
    button.click().run()
    assert len(asked(desk, "order")) == 1


def test_a_list_that_cannot_be_checked_is_the_runners_to_judge(
    open_panel: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    at, desk = form(open_panel)
    add(at, 91000.0)

    def fails(tickets: TicketList) -> Any:
        raise ExchangeError("read timed out")

    monkeypatch.setattr(desk, "check_order", fails)
    at.run()
    assert "The list cannot be checked now" in read(at) and "not known" in read(at)
    press(at, "or_list_send_")
    assert len(asked(desk, "order")) == 1


def test_what_began_to_pass_after_the_button_was_drawn_is_not_sent_with_it(
    open_panel: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    at, desk = form(open_panel)
    add(at, 91000.0)
    add(at, 91000.3, quantity=2)
    assert label(at) == "Send the 1 of 2 that pass"
    checked, told = desk.check_order, desk._checked
    monkeypatch.setattr(desk, "_checked", lambda one: replace(told(one), problems=()))
    press(at, "or_list_send_")
    assert [[one.quantity for one in tickets.tickets] for tickets in lists(desk)] == [[1]]
    assert label(at) == "Send 1 order" and checked(lists(desk)[0]).ok, "and the other can be sent by the next press"


def test_production_sends_a_list_only_with_its_own_phrase(open_panel: Open) -> None:
    at, desk = form(open_panel, env="production")
    add(at, 91000.0, quantity=2)
    add(at, 91000.0, quantity=3)
    assert "To send these orders, type: TRADE LIVE production 5" in read(at)
    at.text_input(key="or_list_phrase").set_value("TRADE LIVE production 5").run()
    press(at, "or_list_send_")
    assert [confirm for _, _, confirm, _ in asked(desk, "order")] == ["TRADE LIVE production 5"]


def test_a_list_is_full_with_what_one_call_takes(open_panel: Open) -> None:
    at, _ = form(open_panel)
    add(at, 91000.0)
    listed = at.session_state["or_list"]
    listed.tickets = listed.tickets * MOST_TICKETS
    at.run()
    assert at.button(key="or_list_add").disabled and PERPETUAL in read(at)
