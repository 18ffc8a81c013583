"""Orders of all runs and tickets: what is told of each, its timeline, pages and filters."""

from decimal import Decimal as D

import pytest
from msgspec.structs import replace

from tests.desk.books.stages import Written
from tests.engine.tickets.stage import CALL, PERP, buy, sell
from trader.desk import Desk
from trader.domain.errors import ConfigError
from trader.domain.fill import Channel
from trader.domain.outcome import Unknown
from trader.engine import events as ev
from trader.engine import records as rec
from trader.journal import Journal


@pytest.fixture
def stage(journal: Journal) -> Written:
    return Written(journal)


def test_an_order_that_fills_in_parts_is_told_with_prices_times_and_fees(stage: Written, desk: Desk) -> None:
    stage.order(buy(quantity=5, limit_price="100020", reason="breakout"))
    stage.pass_time(0.25)
    intent = stage.take_up()
    stage.pass_time(1.0)
    stage.fill(intent.client_order_id, 2, price="100010", commission="0.03")
    stage.pass_time(1.0)
    stage.fill(intent.client_order_id, 3, price="100020", commission="0.05")
    stage.write()
    [line] = desk.orders().orders
    assert (line.client_order_id, line.symbol, line.side, line.is_ticket, line.preset) == (
        intent.client_order_id, PERP, "buy", True, "",
    )  # fmt: skip
    assert (line.status, line.filled, line.left, line.avg_px) == ("filled", 5, 0, D("100016"))
    assert (line.fees, line.fee_currency, line.who, line.reason) == (D("0.08"), "USD", "asha (cli)", "breakout")
    assert (line.answer_secs, line.fill_secs) == (0.25, 2.25)
    assert line.reference is not None and line.slippage == D("100016") - line.reference
    assert line.slippage_usd == line.slippage * 5 * D("0.001")
    detail = desk.order_line(intent.client_order_id)
    assert detail is not None and detail.venue_order_id is not None
    assert [(step.what, step.filled, step.after_secs) for step in detail.timeline] == [
        ("intended", 0, 0.0), ("accepted", 0, 0.25), ("partial", 2, 1.25), ("filled", 5, 2.25),
    ]  # fmt: skip
    assert detail.passed and desk.order_line(detail.venue_order_id) == detail
    assert desk.order_line("nope") is None and desk.order_line("%") is None


def test_fees_told_later_are_joined_in_and_until_then_not_known(stage: Written, desk: Desk) -> None:
    stage.order(buy(limit_price="100020"))
    intent = stage.take_up()
    fill = stage.fill(intent.client_order_id, commission=None)
    stage.write()
    assert desk.orders().orders[0].fees is None and desk.trades().trades[0].fee is None
    stage.feed(ev.FillSeen, fill=replace(fill, commission=D("0.25"), channel=Channel.REST))
    stage.write()
    assert desk.orders().orders[0].fees == D("0.25") and desk.trades().trades[0].fee == D("0.25")


def test_an_order_that_sells_dearer_than_its_reference_has_slipped_the_other_way(stage: Written, desk: Desk) -> None:
    stage.order(sell(quantity=1, limit_price="99000"))
    stage.traded(price="100100")
    stage.write()
    [line] = desk.orders().orders
    assert line.reference is not None and line.slippage == line.reference - D("100100")


def test_a_lost_answer_is_unknown_and_works_until_it_is_found(stage: Written, desk: Desk) -> None:
    stage.order(buy(limit_price="99000"))
    intent = stage.take("T")
    stage.answer(intent.client_order_id, Unknown("read timed out"))
    stage.write()
    [line] = desk.orders(state="working").orders
    assert (line.status, line.left, line.code) == ("unknown", 5, "outcome_unknown")
    assert desk.orders(state="ended").orders == () and desk.orders(status="unknown").orders == (line,)


def test_working_and_ended_are_apart_and_filters_hold(stage: Written, desk: Desk) -> None:
    stage.order(buy(limit_price="99000"), buy(CALL, limit_price="200"))
    rests = [stage.take_up() for _ in range(2)]
    stage.cancel(symbol=CALL)
    stage.serve_cancels()
    stage.write()
    by_symbol = {intent.symbol: intent for intent in rests}
    assert [one.symbol for one in desk.orders(state="working").orders] == [PERP]
    assert [(one.symbol, one.status) for one in desk.orders(state="ended").orders] == [(CALL, "cancelled")]
    assert [one.symbol for one in desk.orders(symbol=CALL).orders] == [CALL]
    run = by_symbol[PERP].run_id
    assert [one.run_id for one in desk.orders(run_id=run).orders] == [run]
    detail = desk.order_line(by_symbol[CALL].client_order_id)
    assert detail is not None and [step.what for step in detail.timeline] == [
        "intended", "accepted", "cancel sent", "cancelled",
    ]  # fmt: skip


def test_pages_follow_one_another_without_gap_whatever_is_added(stage: Written, desk: Desk) -> None:
    for number in range(5):
        stage.order(buy(quantity=number + 1, limit_price="99000"))
        stage.moved()
    stage.write()
    first = desk.orders(limit=2)
    stage.order(buy(quantity=6, limit_price="99000"))
    stage.write()
    second = desk.orders(limit=2, cursor=first.next)
    third = desk.orders(limit=2, cursor=second.next)
    assert [one.quantity for page in (first, second, third) for one in page.orders] == [5, 4, 3, 2, 1]
    assert third.next is None and desk.orders(limit=6).next is None


def test_every_order_stands_as_the_engine_has_it(stage: Written, desk: Desk) -> None:
    stage.order(buy(quantity=4, limit_price="100020", stop_loss={"price": "95000"}))
    stage.fill(stage.take_up().client_order_id, 1, price="100010")
    stage.order(buy(CALL, quantity=2, limit_price="200"))
    stage.lose("T", accepted=True)
    stage.order(sell(quantity=1))
    stage.finish(3)
    stage.write()
    known = {coid: order for run in stage.state.runs.values() for coid, order in run.orders.items()}
    told = {one.client_order_id: one for one in desk.orders(limit=500).orders}
    assert set(told) == set(known) and len(known) >= 4
    for coid, order in known.items():
        line = told[coid]
        assert (line.status, line.filled, line.left) == (order.status.value, order.done_qty, order.leaves_qty)
        assert (line.venue_order_id, line.code, line.ended_wall) == (order.venue_order_id, order.code, order.ended_at)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"state": "open"}, "state must be one of working, ended, all, was 'open'"),
        ({"status": "dead"}, "status must be one of created, denied, .*, was 'dead'"),
        ({"cursor": "x"}, "cursor must be `next` of the page before, was 'x'"),
        ({"cursor": "٣"}, "cursor must be `next`"),
        ({"cursor": "9" * 19}, "cursor must be `next`"),
        ({"limit": 0}, "limit must be 1 to 500, was 0"),
        ({"limit": 501}, "limit must be 1 to 500, was 501"),
    ],
    ids=str,
)
def test_bad_questions_are_answered_in_one_sentence(desk: Desk, asked: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        desk.orders(**asked)  # type: ignore[arg-type]


def test_another_account_of_the_journal_is_not_told(stage: Written, desk: Desk, journal: Journal) -> None:
    stage.order(buy(limit_price="99000"))
    stage.write()
    other = Written(journal)
    other.state = replace(other.state, account_key="testnet-1", epoch=2)
    other.commands = 50
    other.order(buy(limit_price="98000"))
    records = [r for r in other.records if not isinstance(r, rec.AlertRaised)]
    journal.append(records, lease=None, account="testnet-1")
    assert [one.limit_price for one in desk.orders().orders] == [D(99000)]
    assert len(desk.events(kinds=["order_created"]).events) == 1
