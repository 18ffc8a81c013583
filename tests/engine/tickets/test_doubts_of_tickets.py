"""What a careful reader doubted of single orders, one test each."""

from typing import Any

import pytest

from tests.engine.tickets.stage import CALL, Stage, buy, holding, sell
from tests.engine.tickets.test_protection import guarded, named, two
from trader.engine import events as ev
from trader.engine import records as rec
from trader.engine.fold import evolve

# ------------------------------------------------------------ a protection that could not be placed


@pytest.mark.parametrize("field", ["price", "limit_price"])
@pytest.mark.parametrize("name", ["stop_loss", "take_profit"])
def test_a_protection_off_tick_took_down_the_one_that_stood(name: str, field: str) -> None:
    """The held ticket's new price was not held against the tick: the old order was cancelled, and the new one refused for ever."""
    stage = guarded()
    prices: dict[str, Any] = {"price": "98500" if name == "stop_loss" else "103000"}
    prices[field] = "98500.3" if name == "stop_loss" else "103000.3"
    stage.amend(**{name: prices})
    ack = stage.acks()[-1]
    assert ack.status == "refused" and "PRICE_OFF_TICK" in ack.detail and f"{name}.{field}" in ack.detail
    assert not stage.cancels() and len(named(stage, "L")) == len(named(stage, "G")) == 1


def test_a_protection_that_our_own_gate_refuses_is_told() -> None:
    """Only the exchange's refusals were."""
    stage = holding()
    run = stage.ticket()
    assert run.ticket is not None
    changed = {**run.ticket.model_dump(mode="json"), "stop_loss": {"price": "98000.3"}}  # an older version let it in
    told = {"run_id": run.run_id, "wall": stage.wall, "market": stage.market, "cause": "user", "command_id": "x"}
    stage.state = evolve(stage.state, rec.TicketAmended(**told, ticket=changed))
    for _ in range(5):
        stage.moved()
    assert any(code.startswith("unprotected") for code in stage.alerts())


# ------------------------------------------------------------ reduce-only orders are judged before they are accepted

REDUCING: list[tuple[dict[str, Any], str, str]] = [
    ({"limit_price": "101000.3"}, "PRICE_OFF_TICK", "limit_price"),
    ({"order_type": "stop_market", "stop_price": "99000.3"}, "PRICE_OFF_TICK", "stop_price"),
    ({"order_type": "trailing_stop", "trail_usd": "500.3"}, "PRICE_OFF_TICK", "trail_usd"),
    ({"order_type": "stop_market", "stop_price": "101000"}, "TRIGGER_ALREADY_MET", "stop_price"),
    ({"order_type": "take_profit_market", "stop_price": "99000"}, "TRIGGER_ALREADY_MET", "stop_price"),
    ({"limit_price": "120000"}, "PRICE_OUTSIDE_BAND", "limit_price"),
]


@pytest.mark.parametrize(
    ("fields", "code", "field"), REDUCING, ids=[f"{row[1]} {row[2]} {n}" for n, row in enumerate(REDUCING)]
)
def test_a_reduce_only_order_that_cannot_be_sent_was_accepted(fields: dict[str, Any], code: str, field: str) -> None:
    stage = two()
    stage.order({**sell(quantity=5, **fields), **fields, "reduce_only": True})
    ack = stage.acks()[-1]
    assert ack.status == "refused" and f"{code}: {field}" in ack.detail, ack.detail
    assert not stage.submits() and not stage.ticket().closing


def test_a_second_press_closed_twice_as_much() -> None:
    """Reduce-only orders become no run, and only runs were looked at."""
    stage = two()
    stage.order(sell(quantity=2, limit_price="101000", reduce_only=True))
    stage.order(sell(quantity=2, limit_price="101000", reduce_only=True))
    assert [one.quantity for one in stage.submits()] == [2]
    assert stage.of(rec.TicketRefused)[-1].code == "DUPLICATE"
    stage.order(sell(quantity=2, limit_price="101000", reduce_only=True), key="meant")
    stage.moved(after=120)
    stage.order(sell(quantity=2, limit_price="101000", reduce_only=True))
    assert sum(one.quantity for one in stage.submits()) == 6


def test_a_second_press_over_two_tickets_is_one_too() -> None:
    stage = two()
    stage.order(sell(quantity=3, limit_price="101000", reduce_only=True))
    stage.order(sell(quantity=3, limit_price="101000", reduce_only=True))
    assert stage.of(rec.TicketRefused)[-1].code == "DUPLICATE"
    stage.order(sell(quantity=4, limit_price="101000", reduce_only=True))
    assert stage.acks()[-1].status == "accepted"


# ------------------------------------------------------------ what was never sent is no earlier order


def test_an_order_that_was_refused_was_taken_for_sent() -> None:
    stage = Stage()
    stage.order(buy(limit_price="106000"))
    assert stage.of(rec.TicketRefused)[-1].code == "PRICE_OUTSIDE_COLLAR"
    stage.moved("102000")
    stage.order(buy(limit_price="106000"))
    assert stage.acks()[-1].status == "accepted" and len(stage.submits()) == 1


# ------------------------------------------------------------ of a pair


def test_of_a_pair_the_first_fill_counts_as_soon_as_the_order_tells_it() -> None:
    stage = Stage()
    stage.order(buy(limit_price="99000"), {**buy(), "order_type": "stop_market", "stop_price": "101000"}, link="oco")
    first, second = [stage.take_up(one) for one in stage.submits()]
    stage.exchange.fill(
        first.client_order_id, 2, stage.exchange.orders[first.client_order_id].intent.limit_price, None, stage.wall
    )
    stage.feed(ev.OrderSeen, order=stage.exchange.snapshot(first.client_order_id))
    assert [one.client_order_id for one in stage.cancels()] == [second.client_order_id]


# ------------------------------------------------------------ an option and the index


def test_the_index_sets_off_no_protection_of_an_option() -> None:
    """98000 of the index was held against 210 of the option: refused, with a sentence that said nothing."""
    stage = Stage()
    guard = {"stop_loss": {"price": "98000"}, "trigger_by": "index"}
    stage.order(buy(CALL, limit_price="210", **guard))
    refused = stage.of(rec.TicketRefused)[-1]
    assert (refused.code, refused.field) == ("INDEX_TRIGGER", "trigger_by")
    held = holding(ticket=buy(CALL, trigger_by="index"))
    held.amend(stop_loss={"price": "98000"})
    assert "INDEX_TRIGGER: trigger_by" in held.acks()[-1].detail
