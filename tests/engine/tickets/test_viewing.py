"""The picture of a ticket, and how its records are told."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from tests.engine.tickets.stage import CALL, PERP, Stage, buy, holding, sell
from trader.engine.fold import fold
from trader.engine.record_kinds import sentence
from trader.engine.records import decode_record, encode_record
from trader.engine.state import State
from trader.engine.tickets.viewing import build_ticket
from trader.engine.view import TicketView

D = Decimal


def seen(stage: Stage, command: str = "order-1") -> TicketView:
    view = build_ticket(stage.state, stage.ticket(command), stage.now)
    assert msgspec.json.decode(msgspec.json.encode(view), type=TicketView) == view
    return view


def test_a_perpetual_is_counted_linearly_at_what_closing_it_would_bring() -> None:
    stage = holding()  # 5 at 100010, commission 0.01
    stage.moved("101000")
    view = seen(stage)
    fee = (D("0.0005") * D(100990) * 5 * D("0.001") * D("1.18")).quantize(D("1e-8"), rounding="ROUND_CEILING")
    assert view.pnl == (D(100990) - D(100010)) * 5 * D("0.001") - D("0.01") - fee
    assert view.pnl_mark == (D(101000) - D(100010)) * 5 * D("0.001") - D("0.01")
    assert (view.kind, view.strike, view.expiry) == ("perpetual", None, None)
    assert (view.status, view.filled, view.open_quantity, view.avg_px) == ("holding", 5, 5, D(100010))
    assert view.notional == 5 * D("0.001") * D(100_000)


def test_an_option_is_counted_at_the_ask_where_it_is_short() -> None:
    stage = holding(ticket=sell(CALL, 2), price="200")
    stage.moved(call="150")
    view = seen(stage)
    fee = (D("0.035") * 155 * 2 * D("0.001") * D("1.18")).quantize(D("1e-8"), rounding="ROUND_CEILING")
    assert view.pnl == (D(200) - D(155)) * 2 * D("0.001") - D("0.01") - fee
    assert (view.kind, view.strike, view.symbol) == ("call", D(104_000), CALL)


def test_each_stage_of_a_ticket_has_its_word() -> None:
    stage = Stage()
    stage.order(buy(limit_price="99000", stop_loss={"price": "98000"}), serve=False)
    assert seen(stage).status == "waiting"
    stage.read()
    intent = stage.take_up()
    assert (seen(stage).status, seen(stage).words) == ("working", "Its order works; 0/5 filled")
    stage.fill(intent.client_order_id)
    stage.take_up()
    view = seen(stage)
    assert (view.status, view.stop_loss) == ("holding", D(98000))
    (closing,) = view.closing
    assert (closing.name, closing.quantity, closing.stop_price, closing.status) == ("L", 5, D(98000), "accepted")
    stage.close(ticket=stage.ticket().run_id)
    assert seen(stage).status == "closing"
    stage.finish()
    view = seen(stage)
    assert (view.status, view.pnl, view.exit_reason) == ("done", view.realized_pnl, "manual")


@pytest.mark.parametrize(
    ("ticket", "status"), [(buy(limit_price="99000.3"), "refused"), (buy(limit_price="99000"), "cancelled")]
)
def test_what_never_held_anything_says_why(ticket: dict[str, Any], status: str) -> None:
    stage = Stage()
    stage.order(ticket)
    if status == "cancelled":
        stage.take_up()
        stage.cancel(everything=True)
        stage.serve_cancels()
        stage.moved(after=2)
    view = seen(stage)
    assert (view.status, view.refused_code) == (status, "PRICE_OFF_TICK" if status == "refused" else "")


def test_every_record_of_a_ticket_is_read_back_and_said() -> None:
    stage = holding(ticket=buy(stop_loss={"price": "98000"}))
    stage.take_up()
    stage.amend(stop_loss={"price": "98500"})
    stage.serve_cancels()
    stage.order(sell(quantity=2, limit_price="101000", reduce_only=True))
    stage.order(buy(limit_price="99000.3"))
    stage.cancel(symbol=PERP)
    stage.exchange.foreign = {CALL: -3}
    stage.adopt(CALL, -3, price="200")
    for record in stage.records:
        assert decode_record(encode_record(record)) == record
        assert sentence(record)
    empty = State(installation="abcd1234", epoch=1, env="paper", account_key="acc")
    assert fold(empty, stage.records).runs == stage.state.runs
