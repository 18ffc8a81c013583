"""The page Orders & positions over the fake desk: what it shows, and what each press asks for, once."""

import csv
import io
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from streamlit.testing.v1 import AppTest

from tests.panel.fake_books import PERPETUAL, STRANGE_SYMBOL, order_line, refused_event, ticket, trade, works
from tests.panel.fake_desk import FakeDesk
from tests.panel.seen import read
from trader.config.ticket import Protection, TicketRequest
from trader.engine.tickets.refusal import Refusal
from trader.panel import orders_books, orders_form, orders_request, orders_words, service
from trader.report.trades_csv import trades_csv

PAGE = "pages/orders.py"
M = "−"
Open = Callable[..., tuple[AppTest, FakeDesk]]


def again(at: AppTest, times: int = 2) -> None:
    """The fragments that refresh by themselves, which a test has to run: the books first, then what is made of them."""
    for _ in range(times):
        service.forget()
        orders_books.forget()
        at.run()
        assert not at.exception, at.exception


def opened(open_panel: Open, scenario: str = "empty", *, env: str = "paper", **things: Any) -> tuple[AppTest, FakeDesk]:
    at, desk = open_panel(scenario, page=PAGE, env=env)
    for name, value in things.items():
        setattr(desk, name, value)
    again(at)
    return at, desk


def press(at: AppTest, key: str) -> None:
    [button] = [one for one in at.button if one.key and one.key.startswith(key)]
    button.click().run()
    assert not at.exception, at.exception


def has(at: AppTest, key: str) -> bool:
    return any(one.key and one.key.startswith(key) for one in at.button)


def asked(desk: FakeDesk, kind: str) -> list[Any]:
    return [what for name, what in desk.asked if name == kind]


# ------------------------------------------------------------------------------------------------- what is shown


def test_an_account_without_anything_says_that_the_exchange_agrees(open_panel: Open) -> None:
    at, _ = opened(open_panel)
    words = read(at)
    assert "No position. The exchange agrees (read" in words and "No order works." in words
    assert "Balance $10,000.50 in USD; $8,159.50 free" in words and "Equity $10,024.25" in words
    assert "Margin used $1,841.00 18.4 % of the balance; isolated" in words and "Open positions 0 no position" in words
    assert "Nothing of ours is open." in words


def test_positions_stand_by_ticket_with_both_results_and_their_protection(open_panel: Open) -> None:
    at, _ = opened(open_panel, tickets=[ticket()])
    words = read(at)
    for said in (
        "BTCUSD",
        "ticket t1ck3t0001",
        "+5",
        "91,000.00",
        "91,240.50",
        "+$1.10",
        "+$0.95",
        "$12.34",
        "82,000.00",
    ):
        assert said in words, said
    assert "stop loss 90,000.00 rests; take profit 93,000.00, not at the exchange now" in words
    assert "Open positions 1 long 5, 0.005 BTC" in words


def test_a_stop_loss_behind_the_liquidation_is_called_that_in_the_table(open_panel: Open) -> None:
    at, _ = opened(open_panel, tickets=[ticket(liquidation_px=Decimal(90_500))])
    assert "liquidated before that stop loss" in read(at)


def test_long_and_short_contracts_are_not_added_up_to_one_number(open_panel: Open) -> None:
    at, _ = opened(open_panel, tickets=[ticket()], strange=-3)
    assert "Open positions 2 long 5, 0.005 BTC; short 3, 0.003 BTC" in read(at)


def test_tickets_that_were_never_sent_stand_there_with_the_reason(open_panel: Open) -> None:
    words = "limit_price: the exchange takes no order at such a price (PRICE_OUTSIDE_BAND)"
    at, _ = opened(open_panel, refused=[refused_event(words), refused_event("of an order", client_order_id="sd1-x")])
    text = read(at)
    assert "Refused today the last 1; nothing of them was sent" in text and words in text and "of an order" not in text


def test_legs_of_a_run_stand_beside_tickets(open_panel: Open) -> None:
    at, _ = opened(open_panel, "holding", tickets=[ticket()])
    words = read(at)
    assert "run BTC default 95,000 / 86,500" in words and "ticket t1ck3t0001" in words and "its run's exits" in words


def test_a_foreign_position_stands_apart_and_is_adopted_by_a_typed_phrase(open_panel: Open) -> None:
    at, desk = opened(open_panel, strange=-3)
    assert "⚠ foreign: of no run or ticket" in read(at) and "none; nothing watches it" in read(at)
    press(at, f"or_adopt_{STRANGE_SYMBOL}")
    assert f"type: ADOPT {STRANGE_SYMBOL} -3" in read(at)
    at.text_input(key="or_adopt_typed").set_value("ADOPT it").run()
    press(at, "or_adopt_yes")
    assert asked(desk, "adopt") == [] and "Nothing was taken over." in read(at)
    at.text_input(key="or_adopt_typed").set_value(f"ADOPT {STRANGE_SYMBOL} -3").run()
    press(at, "or_adopt_yes")
    assert asked(desk, "adopt") == [(STRANGE_SYMBOL, f"ADOPT {STRANGE_SYMBOL} -3", "panel")] and "Accepted" in read(at)


def test_an_exchange_that_cannot_be_asked_leaves_ours_by_the_books_and_says_so(open_panel: Open) -> None:
    at, _ = opened(open_panel, tickets=[ticket()], books_fault="read timed out")
    words = read(at)
    assert "read timed out. Ours stand here by the books" in words and "ticket t1ck3t0001" in words
    assert (
        "The exchange tells no balance now: read timed out" in words
        and "Open positions – the exchange cannot be asked" in words
    )


def test_contracts_that_cannot_be_read_leave_no_form_but_the_rest(open_panel: Open) -> None:
    at, _ = opened(open_panel, tickets=[ticket()], listing_fault="connection refused")
    assert "The contracts cannot be read: connection refused" in read(at) and "ticket t1ck3t0001" in read(at)
    assert not has(at, "or_send_") and has(at, "or_close_t1ck3t0001")


@pytest.mark.parametrize("scenario", ["unreachable", "dead", "waiting", "done"])
def test_the_page_stands_in_every_state(open_panel: Open, scenario: str) -> None:
    at, _ = opened(open_panel, scenario)
    words = read(at)
    expected = {
        "unreachable": "the desk cannot be read",
        "dead": "the runner is silent",
        "waiting": "nothing is held; it ends",
    }
    assert expected.get(scenario, "Positions") in words


def test_books_that_nobody_could_read_for_a_while_are_called_old(
    open_panel: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    at, _ = opened(open_panel, tickets=[ticket()])
    monkeypatch.setattr(orders_books, "look", lambda wait_secs=0.0: orders_books.seen())
    orders_books._kept.update({key: books._replace(at=books.at - 20) for key, books in orders_books._kept.items()})
    at.run()
    assert "ago: old" in read(at)


# ------------------------------------------------------------------------------------------------- orders and fills


def test_a_working_order_tells_state_rest_distance_and_age(open_panel: Open) -> None:
    at, _ = opened(open_panel, tickets=[works()], working=[order_line()])
    words = read(at)
    assert (
        "Buy 10 BTCUSD" in words
        and "◐ partly filled" in words
        and "91,000.00" in words
        and "241.00" in words
        and "1 m 1" in words
    )


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("no such price (limit_price=10, band=75504.8928253900..78586.7252)", "no such price (limit price 10, band 75,504.89 to 78,586.73)"),
        ("met already (stop_price=78590, now=77033.6)", "met already (trigger price 78590, now 77033.6)"),
        ("on the other side (run=check0, side=buy)", "on the other side (order 1 of the list, side buy)"),
        ("nothing (in brackets) is touched", "nothing (in brackets) is touched"),
    ],
)  # fmt: skip
def test_numbers_of_a_refusal_are_said_in_words(said: str, words: str) -> None:
    assert orders_words.numbers_in_words(said) == words


def test_a_linked_order_names_the_other(open_panel: Open) -> None:
    at, _ = opened(open_panel, tickets=[works(linked="t1ck3t0009")], working=[order_line()])
    assert "ticket t1ck3t0002 (OCO with t1ck3t0009)" in read(at)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"status": "unknown"}, "no answer, being looked up by its id; never resent"),
        ({"status": "in_flight"}, "➜ sent"),
        ({"status": "accepted", "limit_price": None, "stop_price": Decimal(90_000)}, "waits for its trigger"),
        ({"status": "accepted", "closing": "L", "side": "sell", "purpose": "close"}, "Sell 10 BTCUSD (stop loss)"),
    ],
)
def test_each_state_of_an_order_has_its_words(open_panel: Open, changes: dict[str, Any], words: str) -> None:
    at, _ = opened(open_panel, working=[order_line(**changes)])
    assert words in read(at)


def test_an_order_is_looked_at_with_both_ids_and_cancelled(open_panel: Open) -> None:
    at, desk = opened(
        open_panel, working=[order_line()], ended=[order_line("sd1-old", status="rejected", message="too far", left=0)]
    )
    assert "⊘ rejected" in read(at) and "too far" in read(at)
    at.selectbox(key="or_pick").select("sd1-t1ck-TE01").run()
    words = read(at)
    assert "Our id: sd1-t1ck-TE01" in words and "The exchange's: 88001" in words and "+0.12 s accepted" in words
    at.button(key="or_cancel").click().run()
    assert asked(desk, "cancel") == [("sd1-t1ck-TE01", False, "panel")] and "Asked:" in read(at)
    at.button(key="or_cancel_all").click().run()
    assert asked(desk, "cancel")[-1] == (None, True, "panel")


@pytest.mark.parametrize("changes", [{"purpose": "close", "closing": "L"}, {"is_ticket": False}])
def test_protection_and_orders_of_a_run_cannot_be_cancelled_alone(open_panel: Open, changes: dict[str, Any]) -> None:
    at, _ = opened(open_panel, working=[order_line(**changes)])
    at.selectbox(key="or_pick").select("sd1-t1ck-TE01").run()
    assert not has(at, "or_cancel") and "It cannot be cancelled alone" in read(at)


def test_an_order_that_has_ended_cannot_be_cancelled(open_panel: Open) -> None:
    at, _ = opened(open_panel, ended=[order_line("sd1-old", status="filled", left=0)])
    at.selectbox(key="or_pick").select("sd1-old").run()
    assert not has(at, "or_cancel")


def test_fills_of_today_with_fee_role_and_the_same_as_csv(open_panel: Open) -> None:
    fills = [trade(), trade(seq=8, fill_id="f-0", fee=None)]
    at, _ = opened(open_panel, filled=fills)
    words = read(at)
    assert "2, fees $0.0182 and 1 not told yet" in words and "maker" in words and f"{M}$182.0010" in words
    rows = list(csv.DictReader(io.StringIO(trades_csv(tuple(fills)))))
    assert [(row["price"], row["fee"]) for row in rows] == [("91000.5", "0.0182001"), ("91000.5", "")]


# ------------------------------------------------------------------------------------------------- closing


def test_closing_a_ticket_says_what_follows_and_asks_once(open_panel: Open) -> None:
    at, desk = opened(open_panel, tickets=[ticket()])
    press(at, "or_close_t1ck3t0001")
    words = read(at)
    assert (
        "Sells 5 BTCUSD at ≈ 91,240.00: realises ≈ +$0.95." in words
        and "the orders that protect it, are cancelled" in words
    )
    press(at, "or_close_yes")
    assert asked(desk, "close") == [("t1ck3t0001", "panel")] and "Accepted" in read(at) and not has(at, "or_close_yes")


def test_keeping_a_position_asks_for_nothing(open_panel: Open) -> None:
    at, desk = opened(open_panel, tickets=[ticket()])
    press(at, "or_close_t1ck3t0001")
    press(at, "or_close_no")
    assert desk.asked == [] and not has(at, "or_close_yes")


def test_a_leg_of_a_run_is_closed_with_its_run_and_that_is_said(open_panel: Open) -> None:
    at, desk = opened(open_panel, "holding")
    press(at, "or_close_k3fa-20261121-1.C-BTC-95000")
    words = read(at)
    assert "alone it is not closed" in words and "Buys back 100 P 86,500" in words
    press(at, "or_close_yes")
    assert asked(desk, "stop") == [("k3fa-20261121-1", "panel")]


def test_protection_is_changed_and_taken_away(open_panel: Open) -> None:
    at, desk = opened(open_panel, tickets=[ticket()])
    press(at, "or_protect_t1ck3t0001")
    at.number_input(key="or_guard.t1ck3t0001.stop_loss").set_value(90500.0).run()
    at.number_input(key="or_guard.t1ck3t0001.take_profit").set_value(None).run()
    press(at, "or_protect_yes")
    [(name, changes, by)] = asked(desk, "amend")
    assert (name, by, changes["take_profit"], changes["stop_loss"].price) == (
        "t1ck3t0001",
        "panel",
        None,
        Decimal(90500),
    )


def test_a_working_order_is_changed_in_price_quantity_and_protection(open_panel: Open) -> None:
    at, desk = opened(open_panel, tickets=[works()], working=[order_line()])
    at.selectbox(key="or_pick").select("sd1-t1ck-TE01").run()
    press(at, "or_change")
    assert "it loses its place in the queue" in read(at)
    at.number_input(key="or_guard.t1ck3t0002.limit_price").set_value(90800.5).run()
    at.number_input(key="or_guard.t1ck3t0002.quantity").set_value(12).run()
    at.number_input(key="or_guard.t1ck3t0002.stop_loss").set_value(90000.0).run()
    press(at, "or_protect_yes")
    [(name, changes, by)] = asked(desk, "amend")
    assert (name, by, changes["limit_price"], changes["quantity"]) == ("t1ck3t0002", "panel", Decimal("90800.5"), 12)
    assert changes["stop_loss"].price == 90000 and set(changes) == {"limit_price", "quantity", "stop_loss"}
    assert not has(at, "or_protect_yes") and "Accepted" in read(at)


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"order_type": "stop_market", "limit_price": None, "stop_price": Decimal(92_000)}, {"quantity", "stop_price"}),
        (
            {"order_type": "stop_limit", "stop_price": Decimal(92_000)},
            {"quantity", "stop_price", "limit_price"},
        ),
        ({"order_type": "trailing_stop", "limit_price": None, "trail_usd": Decimal(50)}, {"quantity", "trail_usd"}),
        ({"order_type": "market", "limit_price": None, "work": "twap"}, set()),
    ],
)
def test_of_each_kind_of_order_what_it_has_can_be_changed(
    open_panel: Open, changes: dict[str, Any], fields: set[str]
) -> None:
    at, _ = opened(open_panel, tickets=[replace(works(), **changes)], working=[order_line()])
    at.selectbox(key="or_pick").select("sd1-t1ck-TE01").run()
    press(at, "or_change")
    shown = {str(one.key).rpartition(".")[2] for one in at.number_input if str(one.key).startswith("or_guard.")}
    guards = {"stop_loss", "stop_loss_limit", "take_profit", "take_profit_limit"}
    assert shown == guards | fields


def test_a_change_that_cannot_be_is_said_in_the_dialog_by_its_field(open_panel: Open) -> None:
    at, desk = opened(open_panel, tickets=[works()], working=[order_line()])
    at.selectbox(key="or_pick").select("sd1-t1ck-TE01").run()
    press(at, "or_change")
    at.number_input(key="or_guard.t1ck3t0002.limit_price").set_value(None).run()
    press(at, "or_protect_yes")
    assert "Limit price is empty: to end the order, cancel it." in read(at)
    at.number_input(key="or_guard.t1ck3t0002.limit_price").set_value(90800.3).run()
    desk.refusal = "PRICE_OFF_TICK: limit_price: 90800.3 is no multiple of the contract's tick of 0.5"
    press(at, "or_protect_yes")
    assert "Refused: Limit price: 90800.3 is no multiple of the contract's tick of 0.5." in read(at)
    assert has(at, "or_protect_yes"), "what was typed can be put right"


def test_protection_that_is_not_changed_is_not_sent(open_panel: Open) -> None:
    at, desk = opened(open_panel, tickets=[ticket()])
    press(at, "or_protect_t1ck3t0001")
    press(at, "or_protect_yes")
    assert asked(desk, "amend") == [] and "Nothing is changed." in read(at)


def test_everything_is_closed_only_once_it_is_typed_and_it_says_what_first(open_panel: Open) -> None:
    at, desk = opened(open_panel, "holding", tickets=[ticket()])
    words = read(at)
    assert "ticket t1ck3t0001: Sells 5 BTCUSD at ≈ 91,240.00" in words and "Buys back 100 C 95,000" in words
    assert at.button(key="or_close_all_yes").disabled
    at.text_input(key="or_close_typed").set_value("close all").run()
    assert at.button(key="or_close_all_yes").disabled
    at.text_input(key="or_close_typed").set_value("CLOSE ALL").run()
    at.button(key="or_close_all_yes").click().run()
    assert (
        asked(desk, "close_all") == ["panel"]
        and "Sell 5 BTCUSD (exit)" in read(at)
        and "not finished: t1ck3t0001" in read(at)
    )
    assert at.button(key="or_close_all_yes").disabled, "and it has to be typed again"


# ------------------------------------------------------------------------------------------------- the ticket form


def form(open_panel: Open, **things: Any) -> tuple[AppTest, FakeDesk]:
    """The form for the perpetual, a limit order."""
    at, desk = opened(open_panel, **things)
    at.selectbox(key="or_expiry").select("perpetual").run()
    return at, desk


def typed(at: AppTest, name: str, value: float | None) -> None:
    at.number_input(key=f"or_ticket.{name}").set_value(value).run()
    assert not at.exception, at.exception


def choose(at: AppTest, name: str, value: Any) -> None:
    at.session_state[f"or_ticket.{name}"] = value
    at.run()
    assert not at.exception, at.exception


def test_only_listed_contracts_can_be_picked_and_the_one_at_the_money_comes_first(open_panel: Open) -> None:
    at, _ = opened(open_panel)
    assert at.selectbox(key="or_expiry").options[0] == "Perpetual" and len(at.selectbox(key="or_expiry").options) == 4
    assert at.selectbox(key="or_strike").value == Decimal(91_000)
    at.session_state["or_kind"] = "put"
    at.run()
    assert "P-BTC-91000-" in read(at) and "tick 0.1" in read(at)


def test_a_limit_order_is_sent_with_what_was_typed(open_panel: Open) -> None:
    at, desk = form(open_panel)
    typed(at, "limit_price", 91000.5)
    typed(at, "quantity", 3)
    assert (
        "Notional $456.17" in read(at)
        and "Fees $0.0456 as taker" in read(at)
        and "✓ The check finds nothing" in read(at)
    )
    press(at, "or_send_")
    [(tickets, by, confirm, _)] = asked(desk, "order")
    [one] = tickets.tickets
    assert (one.symbol, one.side.value, one.quantity, one.order_type, one.limit_price) == (
        PERPETUAL,
        "buy",
        3,
        "limit",
        Decimal("91000.5"),
    )
    assert (by, confirm) == ("panel", None) and "Accepted: Buy 3 BTCUSD, ticket t1ck3t0009." in read(at)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("market", set()),
        ("limit", {"limit_price"}),
        ("stop_market", {"stop_price"}),
        ("stop_limit", {"limit_price", "stop_price"}),
        ("take_profit_market", {"stop_price"}),
        ("take_profit_limit", {"limit_price", "stop_price"}),
        ("trailing_stop", {"trail_usd"}),
    ],
)
def test_only_the_prices_that_count_are_asked_for(open_panel: Open, kind: str, fields: set[str]) -> None:
    at, _ = form(open_panel)
    choose(at, "order_type", kind)
    names = {str(one.key).removeprefix("or_ticket.") for one in at.number_input}
    assert names & {"limit_price", "stop_price", "trail_usd"} == fields


@pytest.mark.parametrize(
    ("work", "field"), [("chase", "retries"), ("twap", "entry_slices"), ("iceberg", "entry_visible_pct")]
)
def test_an_algorithm_is_sent_with_its_terms(open_panel: Open, work: str, field: str) -> None:
    at, desk = form(open_panel)
    choose(at, "order_type", "market")
    choose(at, "work", work)
    typed(at, f"orders.{field}", 3.0)
    typed(at, "quantity", 20)
    press(at, "or_send_")
    [one] = asked(desk, "order")[0][0].tickets
    assert one.work == work and getattr(one.orders, field) == 3


def test_a_bracket_is_sent_with_both_guards(open_panel: Open) -> None:
    at, desk = form(open_panel)
    typed(at, "limit_price", 91000.0)
    typed(at, "stop_loss.price", 90000.0)
    typed(at, "take_profit.price", 93000.0)
    press(at, "or_send_")
    [one] = asked(desk, "order")[0][0].tickets
    assert (one.stop_loss.price, one.take_profit.price, one.stop_loss.limit_price) == (90000, 93000, None)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("limit_price", None, "Limit price is missing: a limit order needs one."),
        ("limit_price", 91000.3, "91000.3 is no multiple of the contract's tick of 0.5"),
        ("stop_loss.price", 92000.0, "92000 has to lie below the entry at 91000: the ticket would be long"),
        ("leverage", 500.0, "Leverage must be at most 200"),
    ],
)
def test_what_is_at_fault_is_said_by_the_field_and_not_sent(
    open_panel: Open, name: str, value: float | None, sentence: str
) -> None:
    at, desk = form(open_panel)
    typed(at, "limit_price", 91000.0)
    typed(at, name, value)
    assert sentence in read(at) and "Tuple" not in read(at)
    [button] = [one for one in at.button if one.key and one.key.startswith("or_send_")]
    if not button.disabled:
        button.click().run()
        assert "Not sent:" in read(at)
    assert asked(desk, "order") == []


def test_what_the_account_has_against_it_is_said_and_not_sent(open_panel: Open) -> None:
    at, desk = form(
        open_panel, against=(Refusal("MARGIN_INSUFFICIENT", "quantity", "the free balance does not suffice"),)
    )
    typed(at, "limit_price", 91000.0)
    assert "Quantity: the free balance does not suffice." in read(at)
    press(at, "or_send_")
    assert asked(desk, "order") == [] and "Not sent: Quantity: the free balance does not suffice." in read(at)


def test_why_an_order_was_not_sent_stood_beside_the_next_one(open_panel: Open) -> None:
    at, desk = form(open_panel)
    typed(at, "limit_price", 91000.3)
    press(at, "or_send_")
    assert "Not sent: Limit price: 91000.3 is no multiple" in read(at)
    typed(at, "limit_price", 91000.5)
    assert "Not sent" not in read(at)
    press(at, "or_send_")
    typed(at, "quantity", 2)
    assert len(asked(desk, "order")) == 1 and "Accepted: Buy 1 BTCUSD" in read(at), "what was sent goes on to be told"


@pytest.mark.parametrize(("side", "stop", "late"), [("buy", 90000, True), ("buy", 90600, False), ("sell", 90600, True)])
def test_a_stop_loss_behind_the_liquidation_was_taken_without_a_word(side: str, stop: int, late: bool) -> None:
    guard = Protection(price=stop)
    one = TicketRequest(symbol=PERPETUAL, side=side, quantity=1, order_type="market", stop_loss=guard)
    words = orders_request.late_stop(one, Decimal(90500))
    assert ("The exchange liquidates it at a mark of 90,500.00, before its stop loss" in words) is late
    assert orders_request.late_stop(one, None) == ""


def test_a_refusal_is_told_with_its_sentence(open_panel: Open) -> None:
    at, _ = form(open_panel, refusal="the free balance does not suffice")
    typed(at, "limit_price", 91000.0)
    press(at, "or_send_")
    assert "Refused: Buy 1 BTCUSD. Quantity: the free balance does not suffice." in read(at)


def test_a_second_press_of_the_same_button_sends_nothing(open_panel: Open) -> None:
    at, desk = form(open_panel)
    typed(at, "limit_price", 91000.0)
    [button] = [one for one in at.button if one.key and one.key.startswith("or_send_")]
    button.click().run()
    again(at)
    assert button.key not in [one.key for one in at.button] and len(asked(desk, "order")) == 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(orders_form, "_sent", lambda: at.session_state["or_sent"])
        orders_form._send(PERPETUAL, button.key.removeprefix("or_send_"))
    assert len(asked(desk, "order")) == 1


@pytest.mark.parametrize("trouble", [{"answer_status": "new"}, {"order_fault": "No runner is alive"}])
def test_after_no_answer_the_same_order_goes_under_the_same_key(open_panel: Open, trouble: dict[str, str]) -> None:
    at, desk = form(open_panel, **trouble)
    typed(at, "limit_price", 91000.0)
    press(at, "or_send_")
    press(at, "or_send_")
    keys = [key for _, _, _, key in asked(desk, "order")]
    assert len(keys) == 2 and len(set(keys)) == 1
    typed(at, "quantity", 2)
    press(at, "or_send_")
    assert asked(desk, "order")[-1][3] not in keys, "another order has a key of its own"


def test_production_sends_only_with_the_typed_phrase(open_panel: Open) -> None:
    at, desk = form(open_panel, env="production")
    typed(at, "limit_price", 91000.0)
    assert "type: TRADE LIVE production 1" in read(at)
    [button] = [one for one in at.button if one.key and one.key.startswith("or_send_")]
    assert button.disabled
    at.text_input(key="or_phrase").set_value("TRADE LIVE production 1").run()
    press(at, "or_send_")
    assert [confirm for _, _, confirm, _ in asked(desk, "order")] == ["TRADE LIVE production 1"] and "Accepted" in read(
        at
    )


def test_prices_typed_for_one_contract_were_kept_for_another(open_panel: Open) -> None:
    at, _ = opened(open_panel)
    typed(at, "limit_price", 431.5)
    typed(at, "quantity", 4)
    at.selectbox(key="or_strike").select(Decimal(95_000)).run()
    assert at.number_input(key="or_ticket.limit_price").value is None
    assert at.number_input(key="or_ticket.quantity").value == 4, "the size is meant for whatever is picked"


def test_a_double_click_sent_two_orders_once_the_page_was_quick(open_panel: Open) -> None:
    at, desk = form(open_panel)
    typed(at, "limit_price", 91000.0)
    press(at, "or_send_")
    press(at, "or_send_")
    assert len(asked(desk, "order")) == 1
    typed(at, "quantity", 2)
    press(at, "or_send_")
    assert len(asked(desk, "order")) == 2, "another order is another press"


@pytest.mark.parametrize(("side", "price"), [("bid", 91_240), ("ask", 91_241)])
def test_the_limit_is_put_at_what_the_book_shows(open_panel: Open, side: str, price: int) -> None:
    at, _ = form(open_panel)
    press(at, f"or_at_{side}")
    assert at.number_input(key="or_ticket.limit_price").value == price and "✓ The check finds nothing" in read(at)


def test_reduce_only_hides_protection_and_work(open_panel: Open) -> None:
    at, desk = form(open_panel)
    choose(at, "order_type", "market")
    choose(at, "reduce_only", True)
    names = {str(one.key) for one in at.number_input}
    assert not any("stop_loss" in name for name in names)
    press(at, "or_send_")
    [one] = asked(desk, "order")[0][0].tickets
    assert one.reduce_only and one.work == "once"
