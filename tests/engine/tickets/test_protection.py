"""Stops as entry orders, protection that rests beside what is held, and reduce-only tickets."""

from decimal import Decimal
from typing import Any

import pytest

from tests.engine.tickets.stage import PERP, Phase, Purpose, Stage, buy, holding, sell
from trader.config.ticket import TicketRequest
from trader.domain.order import OrderIntent, OrderStatus, OrderType
from trader.domain.trigger import Stop, StopKind, Trigger
from trader.engine import records as rec
from trader.engine.fold import evolve

D = Decimal
GUARDED: dict[str, Any] = {"stop_loss": {"price": "98000"}, "take_profit": {"price": "104000", "limit_price": "103500"}}

STOPS: list[tuple[dict[str, Any], OrderType, Decimal | None, Stop]] = [
    (
        {**buy(), "order_type": "stop_market", "stop_price": "101000"},
        OrderType.MARKET, None, Stop(price=D(101000), trigger=Trigger.MARK),
    ),
    (
        {**sell(limit_price="98900"), "order_type": "stop_limit", "stop_price": "99000", "trigger_by": "last"},
        OrderType.LIMIT, D(98900), Stop(price=D(99000), trigger=Trigger.LAST),
    ),
    (
        {**buy(), "order_type": "take_profit_market", "stop_price": "97000", "trigger_by": "index"},
        OrderType.MARKET, None, Stop(kind=StopKind.TAKE_PROFIT, price=D(97000), trigger=Trigger.SPOT),
    ),
    (
        {**sell(), "order_type": "trailing_stop", "trail_usd": "500"},
        OrderType.MARKET, None, Stop(trail=D(500), trigger=Trigger.MARK),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("ticket", "kind", "limit", "stop"), STOPS, ids=[row[0]["order_type"] for row in STOPS])
def test_a_stop_waits_at_the_exchange_as_an_entry(
    ticket: dict[str, Any], kind: OrderType, limit: Decimal | None, stop: Stop
) -> None:
    stage = Stage()
    stage.order(ticket)
    (intent,) = stage.submits()
    assert (intent.order_type, intent.limit_price, intent.stop) == (kind, limit, stop)
    assert intent.purpose is Purpose.ENTRY and intent.time_in_force == "gtc"
    stage.take_up()
    for _ in range(5):
        stage.moved(after=10)
    assert stage.ticket().phase is Phase.ENTERING and not stage.cancels()


MET: list[tuple[str, dict[str, Any]]] = [
    ("stop_market buy below", {**buy(), "order_type": "stop_market", "stop_price": "99000"}),
    ("stop_market sell above", {**sell(), "order_type": "stop_market", "stop_price": "101000"}),
    ("take_profit buy above", {**buy(), "order_type": "take_profit_market", "stop_price": "101000"}),
    ("take_profit sell below", {**sell(), "order_type": "take_profit_market", "stop_price": "99000"}),
]


@pytest.mark.parametrize("ticket", [row[1] for row in MET], ids=[row[0] for row in MET])
def test_a_trigger_on_the_wrong_side_is_refused(ticket: dict[str, Any]) -> None:
    stage = Stage()
    stage.order(ticket)
    assert not stage.submits() and stage.of(rec.TicketRefused)[-1].code == "TRIGGER_ALREADY_MET"


def closing(stage: Stage) -> dict[str, OrderIntent]:
    """The closing orders that are due, by name."""
    return {one.closing: one for one in stage.submits() if one.purpose is Purpose.CLOSE}


def guarded(filled: int = 5) -> Stage:
    """A bid of five of which so many have filled, both protections resting."""
    stage = Stage()
    stage.order(buy(limit_price="99900", **GUARDED))
    intent = stage.take_up()
    stage.fill(intent.client_order_id, filled)
    rest(stage)
    return stage


def rest(stage: Stage) -> None:
    """The exchange takes the closing orders that are due."""
    for one in closing(stage).values():
        stage.take_up(one)


def named(stage: Stage, name: str) -> list[OrderIntent]:
    """Live closing orders of a name."""
    return [order.intent for order in stage.ticket().live_orders() if order.intent.closing == name]


def test_nothing_rests_before_something_has_filled() -> None:
    stage = Stage()
    stage.order(buy(limit_price="99900", **GUARDED))
    stage.take_up()
    stage.moved()
    assert not stage.submits()


def test_what_has_filled_is_protected_at_once_while_the_rest_works() -> None:
    stage = Stage()
    stage.order(buy(limit_price="99900", **GUARDED))
    stage.fill(stage.take_up().client_order_id, 2)
    loss, profit = closing(stage)["L"], closing(stage)["G"]
    assert (loss.side, loss.quantity, loss.reduce_only, loss.order_type) == ("sell", 2, True, OrderType.MARKET)
    assert loss.stop == Stop(price=D(98000), trigger=Trigger.MARK)
    assert profit.stop == Stop(kind=StopKind.TAKE_PROFIT, price=D(104000), trigger=Trigger.MARK)
    assert profit.limit_price == D(103500)


def test_more_gets_another_order_and_what_stands_is_not_taken_down() -> None:
    stage = guarded(2)
    entry = next(o for o in stage.ticket().live_orders() if o.intent.purpose is Purpose.ENTRY)
    stage.fill(entry.intent.client_order_id, 3)
    assert not stage.cancels()
    assert {name: one.quantity for name, one in closing(stage).items()} == {"L": 3, "G": 3}
    rest(stage)
    assert [one.quantity for one in named(stage, "L")] == [2, 3]


def test_the_first_that_fills_cancels_what_the_other_has_beyond_what_is_left() -> None:
    stage = guarded()
    (profit,) = named(stage, "G")
    stage.fill(profit.client_order_id, 2, price="104000")
    assert [stage.ticket().orders[one.client_order_id].intent.closing for one in stage.cancels()] == ["L"]
    assert not stage.submits()  # what is left is not sent before the cancel is confirmed
    stage.serve_cancels()
    assert {name: one.quantity for name, one in closing(stage).items()} == {"L": 3}
    rest(stage)
    stage.fill(profit.client_order_id, 3, price="104000")
    stage.serve_cancels()
    stage.finish()
    run = stage.ticket()
    assert run.phase is Phase.DONE and run.finished is not None and run.finished.exit_reason == "take_profit"
    assert stage.exchange.positions()[PERP] == 0 and not run.live_orders()


@pytest.mark.parametrize(("name", "reason"), [("L", "stop_loss"), ("G", "take_profit")])
def test_a_protection_that_fills_whole_ends_the_ticket(name: str, reason: str) -> None:
    stage = guarded()
    stage.fill(named(stage, name)[0].client_order_id, price="98000")
    stage.finish()
    run = stage.ticket()
    assert run.phase is Phase.DONE and run.finished is not None and run.finished.exit_reason == reason
    assert not stage.sent(Purpose.EXIT)


def test_protection_is_cancelled_and_confirmed_before_the_program_closes() -> None:
    stage = guarded()
    stage.close(ticket=stage.ticket().run_id)
    assert len(stage.cancels()) == 2 and not stage.submits()
    stage.serve_cancels()
    (intent,) = stage.submits()
    assert (intent.purpose, intent.quantity) == (Purpose.EXIT, 5)


def test_an_exit_does_not_wait_for_ever_for_a_cancel_that_nobody_confirms() -> None:
    stage = guarded()
    stage.close(ticket=stage.ticket().run_id)
    stage.due.clear()
    stage.moved(after=3)
    assert [one.quantity for one in stage.submits()] == [5]


def test_a_protection_that_is_changed_is_cancelled_and_set_again() -> None:
    stage = guarded()
    stage.amend(stop_loss={"price": "99000"}, take_profit=None)
    cancelled = {stage.ticket().orders[one.client_order_id].intent.closing for one in stage.cancels()}
    assert cancelled == {"L", "G"}
    stage.serve_cancels()
    assert {name: one.stop for name, one in closing(stage).items()} == {"L": Stop(price=D(99000), trigger=Trigger.MARK)}


def test_a_protection_is_set_for_what_has_none() -> None:
    stage = holding()
    stage.amend(stop_loss={"price": "99000"})
    assert {name: one.quantity for name, one in closing(stage).items()} == {"L": 5}


def test_a_protection_that_the_market_has_passed_is_not_sent_but_closes() -> None:
    stage = Stage()
    stage.order(buy(limit_price="99900", stop_loss={"price": "98000"}))
    intent = stage.take_up()
    stage.moved("97000")
    stage.fill(intent.client_order_id)
    assert stage.ticket().exit_reason == "stop_loss"
    assert [one.purpose for one in stage.submits()] == [Purpose.EXIT]


def test_a_refused_protection_is_told_and_tried_again_ever_more_slowly() -> None:
    stage = Stage()
    stage.order(buy(limit_price="99900", stop_loss={"price": "98000"}))
    stage.fill(stage.take_up().client_order_id)
    for _ in range(40):
        if stage.submits():
            stage.reject("T", "bad_schema")
        stage.moved(after=1)
    refused = [o for o in stage.ticket().leg_orders("T", Purpose.CLOSE) if o.status is OrderStatus.REJECTED]
    assert 4 <= len(refused) <= 7
    assert any(code.startswith("unprotected") for code in stage.alerts())


def test_a_protection_that_our_own_gate_refuses_is_told() -> None:
    stage = guarded()
    older = TicketRequest.model_validate(
        buy(limit_price="99900", stop_loss={"price": "98000.3"})
    )  # taken by a version before
    body = older.model_dump(mode="json")
    amended = rec.TicketAmended(
        run_id=stage.ticket().run_id, wall=stage.wall, ticket=body, command_id="a", issued_by="t"
    )
    stage.state = evolve(stage.state, amended)
    for _ in range(6):
        stage.moved(after=1)
        stage.serve_cancels()
    assert {record.code for record in stage.of(rec.OrderDenied)} == {"PRICE_OFF_TICK"}
    (told,) = [one for one in stage.of(rec.AlertRaised) if one.code == "unprotected:L"]
    assert told.level == "error" and "PRICE_OFF_TICK" in told.text


def test_a_restart_keeps_one_protection() -> None:
    stage = guarded()
    stage.restart()
    for _ in range(6):
        stage.moved(after=3)
    assert {name: [one.quantity for one in named(stage, name)] for name in "LG"} == {"L": [5], "G": [5]}
    assert not stage.submits() and not stage.cancels()


# ------------------------------------------------------------ reduce-only tickets


def two() -> Stage:
    """Tickets of three and of four, both held; the older one first."""
    stage = holding(ticket=buy(quantity=3))
    return holding(stage, ticket=buy(quantity=4))


def test_a_reduce_only_ticket_closes_the_oldest_first() -> None:
    stage = two()
    stage.order(sell(quantity=5, limit_price="101000", reduce_only=True))
    sent = stage.submits()
    assert [(one.run_id, one.quantity) for one in sent] == [
        (stage.ticket("order-1").run_id, 3),
        (stage.ticket("order-2").run_id, 2),
    ]
    assert all(one.reduce_only and one.purpose is Purpose.CLOSE and one.limit_price == D(101000) for one in sent)
    assert "reduces" in stage.acks()[-1].detail
    for one in sent:
        stage.take_up(one)
        stage.fill(one.client_order_id)
    stage.finish()
    first, second = stage.ticket("order-1"), stage.ticket("order-2")
    assert first.finished is not None and first.finished.exit_reason == "reduced"
    assert (second.phase, second.open_quantity("T"), second.closing) == (Phase.HOLDING, 2, ())


def test_more_than_tickets_hold_is_refused_with_what_they_hold() -> None:
    stage = two()
    stage.order(sell(quantity=8, reduce_only=True))
    assert (
        stage.of(rec.TicketRefused)[-1].code == "MORE_THAN_HELD" and "hold 7" in stage.of(rec.TicketRefused)[-1].detail
    )
    stage.order(sell(quantity=5, limit_price="101000", reduce_only=True))
    stage.order(sell(quantity=3, limit_price="101500", reduce_only=True))
    assert "hold 2" in stage.of(rec.TicketRefused)[-1].detail


def test_a_reduce_only_market_order_is_sent_once() -> None:
    stage = two()
    stage.order(sell(quantity=2, reduce_only=True))
    (intent,) = stage.submits()
    assert intent.order_type is OrderType.MARKET
    stage.take_up()
    stage.fill(intent.client_order_id, 1, price="99990")
    stage.exchange.cancel(intent.client_order_id)
    for _ in range(5):
        stage.moved(after=3)
    assert stage.ticket("order-1").closing == () and not stage.submits()
    assert stage.ticket("order-1").open_quantity("T") == 2


def test_a_reduce_only_ticket_is_cancelled_by_its_own_id_and_protection_stays() -> None:
    stage = guarded()
    stage.order(sell(limit_price="103000", reduce_only=True))
    stage.take_up()
    reducing = stage.ticket().reduced_by[0]
    stage.cancel(ticket=reducing)
    assert [stage.ticket().orders[one.client_order_id].intent.closing for one in stage.cancels()] == [f"R{reducing}"]
    stage.serve_cancels()
    stage.moved()
    assert len(named(stage, "L")) == 1 and not named(stage, f"R{reducing}")


def test_the_same_reduce_only_command_again_changes_nothing() -> None:
    stage = two()
    stage.order(sell(quantity=2, reduce_only=True), command_id="again")
    before = len(stage.submits())
    stage.order(sell(quantity=2, reduce_only=True), command_id="again")
    assert len(stage.submits()) == before == 1


def test_an_entry_beside_a_resting_take_profit_is_let_out_unless_it_would_meet_it() -> None:
    stage = Stage()
    stage.order(buy(limit_price="99900"))
    stage.fill(stage.take_up().client_order_id)
    stage.order(sell(limit_price="100500", reduce_only=True))
    stage.take_up()
    stage.order(buy(limit_price="100000"))
    assert stage.acks()[-1].status == "accepted"
    stage.order(buy(limit_price="101000"))
    assert stage.of(rec.TicketRefused)[-1].code == "WOULD_MEET_OWN_ORDER"


def test_what_a_person_has_left_of_it_is_protected() -> None:
    """Three by our fills, one at the exchange: a stop loss for three would be refused by our own gate for ever."""
    stage = holding(ticket=buy(quantity=3))
    stage.exchange.foreign = {PERP: -2}
    stage.moved(after=6)
    stage.read_account()
    stage.amend(stop_loss={"price": "98000"})
    stage.moved(after=2)
    assert [one.quantity for one in named(stage, "L")] == [1]
    rest(stage)
    stage.moved(after=6)
    assert [one.quantity for one in named(stage, "L")] == [1] and "unprotected:L" not in stage.alerts()


def test_of_what_a_person_has_closed_no_protection_is_missed() -> None:
    """Nothing is left at the exchange: nobody is told that it is bare, until it is known to be so or a late read has caught up."""
    stage = holding(ticket=buy(quantity=3))
    stage.exchange.foreign = {PERP: -3}
    stage.moved(after=6)
    stage.read_account()
    stage.amend(stop_loss={"price": "98000"})
    stage.moved(after=2)
    assert stage.ticket().phase is Phase.HOLDING and not named(stage, "L") and not stage.of(rec.OrderDenied)
    assert "unprotected:L" not in stage.alerts()
    stage.exchange.foreign = {}
    stage.moved(after=1)
    stage.read_account()
    stage.moved(after=1)
    assert [one.quantity for one in named(stage, "L")] == [3]
