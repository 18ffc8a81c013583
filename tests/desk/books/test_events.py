"""Execution events and trades: each fact of the journal told once, with who and why."""

from datetime import timedelta
from decimal import Decimal as D

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.desk.books.stages import Written
from tests.engine.scene import OPENING
from tests.engine.tickets.stage import PERP, buy
from tests.journal import samples_of_records as s
from trader.desk import Desk
from trader.desk.books.events import KINDS, positions_through
from trader.desk.books.statistics import read_execution
from trader.domain.errors import ConfigError
from trader.engine import records as rec
from trader.journal import Journal


@pytest.fixture
def stage(journal: Journal) -> Written:
    return Written(journal)


def told(desk: Desk, **asked: object) -> list[tuple[str, str]]:
    """Kind and who, oldest first."""
    return [(one.kind, one.who) for one in reversed(desk.events(**asked).events)]  # type: ignore[arg-type]


def test_an_order_from_intent_to_the_closed_position(stage: Written, desk: Desk) -> None:
    stage.order(buy(quantity=5, reason="breakout", stop_loss={"price": "95000"}))
    intent = stage.take_up()
    stage.fill(intent.client_order_id, 2, price="100010")
    stage.fill(intent.client_order_id, 3, price="100020")
    for resting in stage.submits():
        stage.take_up(resting)
    stage.close(symbol=PERP)
    stage.finish()
    stage.write()
    events = list(reversed(desk.events().events))
    entry = [one for one in events if one.client_order_id == intent.client_order_id]
    assert [(one.kind, one.who) for one in entry] == [
        ("risk_passed", "asha (cli)"),
        ("order_created", "asha (cli)"),
        ("order_status", "exchange"),
        ("order_filled", "exchange"),
        ("position_opened", "exchange"),
        ("order_filled", "exchange"),
        ("position_updated", "exchange"),
        ("order_status", "engine (recovery)"),
    ]
    assert {one.why for one in entry if one.kind in ("order_created", "order_filled")} == {"breakout"}
    moves = [one for one in events if one.kind.startswith("position_")]
    opened, updated, closed = moves[0], moves[1], moves[-1]
    assert [(one.kind, one.position, one.price) for one in (opened, updated, closed)] == [
        ("position_opened", 2, D(100010)), ("position_updated", 5, D(100020)), ("position_closed", 0, closed.price),
    ]  # fmt: skip
    assert opened.text == "BTCUSD 0 → +2 at 100010" and closed.why == "exit: Stop & Exit"
    protecting = [one for one in events if one.kind == "order_created" and one.why == "stop loss"]
    assert [(one.who, one.symbol) for one in protecting] == [("engine", PERP)] * 2
    assert [one.kind for one in events if one.kind == "order_cancelled"] == ["order_cancelled"] * 2


def test_a_refused_ticket_is_a_failed_check_of_who_asked(stage: Written, desk: Desk) -> None:
    stage.order(buy(limit_price="99000.3"))
    stage.write()
    [event] = desk.events().events
    assert (event.kind, event.who, event.symbol) == ("risk_failed", "asha (cli)", PERP)
    assert event.why.startswith("PRICE_OFF_TICK: ") and desk.events(symbol=PERP).events == (event,)
    assert desk.events(symbol="ETHUSD").events == () and desk.events(symbol='%"').events == ()


def test_a_ticket_whose_order_is_denied_fails_one_check(stage: Written, desk: Desk) -> None:
    stage.order(buy(quantity=1))
    stage.traded()
    stage.moved()
    stage.order({**buy(quantity=2), "side": "sell"})
    stage.write()
    assert [kind for kind, _ in told(desk)].count("risk_failed") == 1
    execution = read_execution(stage.journal, "paper", OPENING)
    assert (execution.risk_passed, execution.risk_failed, execution.denied) == (1, 1, 1)


def test_an_amended_ticket_is_modified_by_who_amended_it(stage: Written, desk: Desk) -> None:
    stage.order(buy(limit_price="99000"))
    stage.take_up()
    stage.amend(limit_price="99100")
    stage.serve_cancels()
    stage.moved()
    stage.write()
    kinds = [kind for kind, _ in told(desk)]
    assert kinds.count("order_modified") == 1 and kinds.count("order_created") == 2 and "order_cancelled" in kinds


def test_an_adopted_short_is_an_opened_position(stage: Written, desk: Desk) -> None:
    stage.exchange.foreign = {PERP: -3}
    stage.adopt(PERP, -3, price="100500")
    stage.finish(3)
    stage.write()
    [event] = desk.events(kinds=["position_opened"]).events
    assert (event.position, event.price, event.why) == (-3, D(100500), "adopted")


def test_filters_by_kind_run_symbol_and_span(stage: Written, desk: Desk) -> None:
    stage.order(buy(quantity=1))
    stage.traded(price="100010")
    stage.moved("100001", after=60)
    stage.order(buy(quantity=2))
    second = stage.traded(price="99990")
    stage.write()
    assert [one.quantity for one in desk.events(kinds=["order_filled"]).events] == [2, 1]
    assert {one.run_id for one in desk.events(run_id=second.run_id).events} == {second.run_id}
    late = stage.market - timedelta(seconds=30)  # type: ignore[operator]
    assert [one.quantity for one in desk.trades(since=late).trades] == [2]
    assert [one.quantity for one in desk.trades(until=late).trades] == [1]
    assert {one.run_id for one in desk.events(kinds=["order_created"], since=late).events} == {second.run_id}
    with pytest.raises(ConfigError, match="kind must be one of order_created, "):
        desk.events(kinds=["nonsense"])
    assert desk.events(kinds=[]).events == ()


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_pages_have_every_event_once_in_order(stage: Written, desk: Desk, limit: int) -> None:
    for number in range(3):
        stage.order(buy(quantity=2 + number))
        stage.traded(price="100010")
        stage.moved()
    stage.write()
    whole = desk.events(limit=500)
    found, cursor = [], None
    while True:
        page = desk.events(limit=limit, cursor=cursor)
        found += page.events
        cursor = page.next
        if cursor is None:
            break
    assert tuple(found) == whole.events and whole.next is None and len(found) >= 15


def test_trades_have_fee_role_and_cash_and_are_paged(stage: Written, desk: Desk) -> None:
    for number, price in enumerate(("100010", "100020", "100030")):
        stage.order(buy(quantity=2 + number))
        stage.traded(price=price)
        stage.moved()
    stage.write()
    first = desk.trades(limit=2)
    rest = desk.trades(limit=2, cursor=first.next)
    assert [one.price for one in (*first.trades, *rest.trades)] == [D(100030), D(100020), D(100010)]
    assert rest.next is None
    newest = first.trades[0]
    assert (newest.fee, newest.fee_currency, newest.side, newest.is_ticket) == (D("0.01"), "USD", "buy", True)
    assert newest.cash == -newest.price * 4 * D("0.001")
    assert desk.trades(symbol="ETHUSD").trades == ()


def test_every_kind_of_a_strangles_run_is_told(desk: Desk, journal: Journal) -> None:
    journal.append(s.one_of_each("a"), lease=None)
    found = {one.kind for one in desk.events(run_id="a").events}
    assert found <= set(KINDS) and {"order_created", "risk_failed", "order_filled", "position_opened"} <= found


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from([-3, -1, 1, 3])), max_size=30))
def test_holdings_are_the_sum_of_what_was_executed(moves: list[tuple[str, int]]) -> None:
    executions = []
    for seq, (run, moved) in enumerate(moves):
        record = s.fill_recorded(run, f"f{seq}", quantity=abs(moved))
        side = s.Side.BUY if moved > 0 else s.Side.SELL
        executions.append((seq, rec.FillRecorded(
            run_id=run, wall=s.WALL, leg="C", fill=replace(record.fill, side=side)
        )))  # fmt: skip
    through = positions_through(executions, {})
    for run in "ab":
        mine = [one for one in through if one.record.run_id == run]
        assert [one.had for one in mine] == [0, *(one.holds for one in mine[:-1])][: len(mine)]
        assert (mine[-1].holds if mine else 0) == sum(moved for name, moved in moves if name == run)
