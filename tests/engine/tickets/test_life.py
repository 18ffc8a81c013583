"""What becomes of a ticket: fills, cancels, closing, expiry, a lost answer, a restart."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.engine.scene import EXPIRY, done
from tests.engine.scene import holding as run_holding
from tests.engine.tickets.stage import CALL, PERP, Phase, Purpose, Stage, buy, holding, sell, staged
from trader.domain.order import OrderStatus, OrderType
from trader.domain.outcome import Unknown, not_sent
from trader.engine import effects as ef
from trader.engine import events as ev
from trader.engine import records as rec
from trader.engine.step import _ADVANCE_TICKET
from trader.engine.turn import Turn

D = Decimal
BID = {"limit_price": "99000"}


def ended(stage: Stage, command: str = "order-1") -> str:
    run = stage.ticket(command)
    assert run.phase is Phase.DONE and run.finished is not None, run.phase
    return run.finished.exit_reason


def test_a_whole_fill_is_held_and_nothing_watches_it_but_a_person() -> None:
    stage = holding()
    for _ in range(30):
        stage.moved("93000", after=5)
    assert stage.ticket().phase is Phase.HOLDING and not stage.submits()
    assert stage.watch.counted is not None and stage.watch.counted < -30


@pytest.mark.parametrize("kind", ["market", "ioc"])
def test_what_an_immediate_order_could_not_get_is_let_go(kind: str) -> None:
    stage = Stage()
    stage.order(buy() if kind == "market" else buy(limit_price="100010", time_in_force="ioc"))
    intent = stage.take_up()
    stage.fill(intent.client_order_id, 2, price="100010")
    stage.feed(ev.OrderSeen, order=stage.exchange.cancel(intent.client_order_id))
    run = stage.ticket()
    assert (run.phase, run.open_quantity("T")) == (Phase.HOLDING, 2)


def test_an_immediate_order_that_gets_nothing_ends_once_the_account_agrees() -> None:
    stage = Stage()
    stage.order(buy())
    intent = stage.take_up()
    stage.feed(ev.OrderSeen, order=stage.exchange.cancel(intent.client_order_id))
    assert stage.ticket().phase is Phase.ENTERING
    stage.moved(after=2)
    assert ended(stage) == "cancelled"
    assert stage.ticket().finished.realized_pnl == 0  # type: ignore[union-attr]


WHICH: list[dict[str, Any]] = [
    {"ticket": 0},
    {"order": 0},
    {"symbol": PERP},
    {"underlying": "BTC"},
    {"everything": True},
]


@pytest.mark.parametrize("which", WHICH, ids=lambda one: next(iter(one)))
@pytest.mark.parametrize("filled", [0, 2])
def test_a_cancelled_ticket_holds_what_has_filled_of_it(which: dict[str, Any], filled: int) -> None:
    stage = Stage()
    stage.order(buy(**BID))
    intent = stage.take_up()
    if filled:
        stage.fill(intent.client_order_id, filled)
    asked = {
        name: {"ticket": stage.ticket().run_id, "order": intent.client_order_id}.get(name, value)
        for name, value in which.items()
    }
    stage.cancel(**asked)
    assert stage.acks()[-1].status == "accepted"
    stage.serve_cancels()
    stage.moved(after=2)
    if filled:
        assert (stage.ticket().phase, stage.ticket().open_quantity("T")) == (Phase.HOLDING, 2)
    else:
        assert ended(stage) == "cancelled"
    assert not stage.submits()


def test_a_ticket_that_waits_is_cancelled_at_once() -> None:
    stage = Stage()
    stage.order(buy(**BID), serve=False)
    stage.cancel(everything=True)
    assert ended(stage) == "cancelled"
    stage.read()
    assert not stage.submits()


def test_another_contract_is_left_alone() -> None:
    stage = Stage()
    stage.order(buy(**BID), sell(CALL, 1, limit_price="300"))
    for intent in stage.submits():
        stage.take_up(intent)
    stage.cancel(symbol=CALL)
    assert [one.client_order_id for one in stage.cancels()] == [stage.ticket(number=1).orders.popitem()[0]]


def test_what_cannot_be_cancelled_is_said() -> None:
    stage = holding()
    stage.cancel(ticket=stage.ticket().run_id)
    assert stage.acks()[-1].status == "refused" and "none of its orders works" in stage.acks()[-1].detail
    stage.cancel(order="nothing")
    assert stage.acks()[-1].status == "refused"
    stage.cancel(symbol="nothing")
    assert stage.acks()[-1].detail.startswith("nothing to cancel")


@pytest.mark.parametrize("which", ["ticket", "symbol", "everything", "stop", "kill"])
def test_a_ticket_is_closed_reduce_only_and_books_what_it_made(which: str) -> None:
    stage = holding()
    stage.moved("101000")
    if which == "stop":
        stage.stop()
    elif which == "kill":
        stage.feed(ev.LevelCommand, command_id="k", level=rec.OperatorLevel.KILL, issued_by="tester")
    else:
        stage.close(**{which: {"ticket": stage.ticket().run_id, "symbol": PERP, "everything": True}[which]})
    (intent,) = stage.submits()
    assert (intent.side, intent.quantity, intent.reduce_only) == ("sell", 5, True)
    if which not in ("stop", "kill"):
        assert stage.acks()[-1].detail == f"closing {stage.ticket().run_id} ({intent.client_order_id})"
    stage.finish()
    assert ended(stage) == {"kill": "kill"}.get(which, "manual")
    finished = stage.ticket().finished
    assert finished is not None and finished.fees == D("0.02")
    assert finished.realized_pnl == (stage.exchange.fills[-1].price - D(100010)) * 5 * D("0.001") - D("0.02")
    assert stage.exchange.positions()[PERP] == 0


def test_closing_a_ticket_whose_order_works_cancels_it_and_sells_what_has_filled() -> None:
    stage = Stage()
    stage.order(buy(**BID))
    intent = stage.take_up()
    stage.fill(intent.client_order_id, 2)
    stage.close(ticket=stage.ticket().run_id)
    stage.finish()
    assert ended(stage) == "manual" and stage.exchange.positions()[PERP] == 0
    assert [i.quantity for i in stage.sent(Purpose.EXIT)] == [2]


def test_closing_everything_closes_runs_too() -> None:
    scene = staged(run_holding())
    scene.order(buy())
    scene.traded(price="100010")
    scene.close(everything=True)
    assert {i.symbol for i in scene.submits() if i.reduce_only} >= {PERP, CALL}
    assert all(run.phase is Phase.EXITING for run in scene.state.unresolved)


def test_what_is_not_there_cannot_be_closed() -> None:
    stage = Stage()
    stage.close(ticket="nothing")
    assert stage.acks()[-1].status == "refused"
    stage.close()
    assert stage.acks()[-1].status == "refused"
    stage.close(everything=True)
    assert stage.acks()[-1].detail == "nothing is open there"


@pytest.mark.parametrize("level", ["reduce", "kill"])
def test_a_level_that_lets_no_risk_out_takes_working_orders_back(level: str) -> None:
    stage = Stage()
    stage.order(buy(**BID))
    stage.take_up()
    stage.feed(ev.LevelCommand, command_id="l", level=rec.OperatorLevel(level), issued_by="tester")
    assert len(stage.cancels()) == 1
    stage.serve_cancels()
    stage.finish(4)
    assert stage.ticket().phase is Phase.DONE


def test_a_pause_leaves_a_working_order_where_it_is() -> None:
    stage = Stage()
    stage.order(buy(**BID))
    stage.take_up()
    stage.feed(ev.LevelCommand, command_id="l", level=rec.OperatorLevel.PAUSE, issued_by="tester")
    stage.moved(after=5)
    assert not stage.cancels() and stage.ticket().phase is Phase.ENTERING


def test_what_the_gate_has_held_back_does_not_begin_once_trading_is_paused() -> None:
    stage = Stage()
    for _ in range(5):
        stage.feed(ev.MarginRead, error="timed out", terms=None)
    stage.order(buy(**BID))
    assert stage.of(rec.OrderDenied)[-1].code == "API_FAILING" and not stage.submits()
    stage.feed(ev.LevelCommand, command_id="l", level=rec.OperatorLevel.PAUSE, issued_by="tester")
    stage.moved(after=2)
    assert not stage.submits() and ended(stage) == "refused"
    assert stage.of(rec.TicketRefused)[-1].code == "TRADING_PAUSED"


def test_a_limit_rests_as_long_as_it_takes_and_is_not_looked_up_one_by_one() -> None:
    stage = Stage()
    stage.order(buy(**BID))
    stage.take_up()
    for _ in range(40):
        stage.moved(after=10)
    assert not stage.cancels()
    reads = [e for e in stage.all_effects if isinstance(e, ef.ReadAccount)]
    assert len(reads) > 10 and not any(read.lookups for read in reads)


def test_a_resting_order_that_is_listed_no_more_is_looked_for_and_found_out() -> None:
    stage = Stage()
    stage.order(buy(**BID))
    intent = stage.take_up()
    stage.moved(after=10)
    stage.exchange.cancel(intent.client_order_id)  # by somebody else, and no message says so
    for _ in range(5):
        stage.moved(after=3)
    assert ended(stage) == "cancelled"


def test_a_refusal_of_the_exchange_ends_a_ticket_with_its_words() -> None:
    stage = Stage()
    stage.order(buy(**BID))
    stage.reject("T", "insufficient_margin", "not enough")
    stage.moved(after=2)
    assert ended(stage) == "refused"
    (refused,) = stage.of(rec.TicketRefused)
    assert refused.code == "EXCHANGE_REFUSED" and "insufficient_margin" in refused.detail
    assert len(stage.sent()) == 1


@pytest.mark.parametrize("arrived", [True, False])
def test_a_lost_answer_is_never_sent_again(arrived: bool) -> None:
    stage = Stage()
    stage.order(buy(**BID))
    intent = stage.submits()[0]
    stage.due.clear()
    if arrived:
        stage.exchange.accept(intent)
    stage.answer(intent.client_order_id, Unknown("timed out"))
    for _ in range(20):
        stage.moved(after=3)
    assert [one.client_order_id for one in stage.sent()] == [intent.client_order_id]
    if arrived:
        assert stage.ticket().orders[intent.client_order_id].status is OrderStatus.ACCEPTED
    else:
        assert ended(stage) == "refused" and stage.of(rec.TicketRefused)[-1].code == "NEVER_ACCEPTED"


@pytest.mark.parametrize("arrived", [True, False])
def test_a_restart_between_intent_and_answer_neither_loses_nor_doubles_the_order(arrived: bool) -> None:
    stage = Stage()
    stage.order(buy())
    intent = stage.submits()[0]
    if arrived:
        stage.exchange.accept(intent)
        stage.exchange.fill(intent.client_order_id, 5, D(100010), D("0.01"), stage.wall)
    stage.restart()
    stage.order(buy(), command_id="order-1")  # the command row was not answered yet
    for _ in range(20):
        stage.moved(after=3)
    assert len(stage.sent()) == 1
    run = stage.ticket()
    assert (run.phase, run.open_quantity("T")) == ((Phase.HOLDING, 5) if arrived else (Phase.DONE, 0))
    assert {ack.command_id for ack in stage.acks()} == {"order-1"} and stage.acks()[-1].status == "accepted"


def test_a_restart_before_the_intent_refuses_what_was_not_sent() -> None:
    stage = Stage()
    stage.order(buy(), serve=False)
    stage.restart()
    for _ in range(5):
        stage.moved(after=3)
    assert ended(stage) == "refused" and stage.of(rec.TicketRefused)[-1].code == "RESTARTED"
    assert not stage.sent()


@pytest.mark.parametrize("kept", [(rec.RunCreated,), (rec.RunCreated, rec.LegsChosen)], ids=["ticket", "contract"])
@pytest.mark.parametrize("meanwhile", ["", "read", "reduce", "cancel", "close", "kill"])
def test_after_an_older_copy_of_the_journal_an_order_that_went_out_is_found(
    meanwhile: str, kept: tuple[type[rec.Record], ...]
) -> None:
    """The journal says that the ticket waits, and has waited for an hour; the exchange knows that it is held."""
    stage = holding()
    stage.records = [record for record in stage.records if isinstance(record, kept)]
    stage.restart(down_secs=3600)
    match meanwhile:
        case "read":  # for another's sake, before the contract is known
            stage.read_account()
        case "reduce" | "kill":
            stage.feed(ev.LevelCommand, command_id="l", level=rec.OperatorLevel(meanwhile), issued_by="tester")
        case "cancel":
            stage.cancel(ticket=stage.ticket().run_id)
        case "close":
            stage.close(ticket=stage.ticket().run_id)
        case _:
            pass
    stage.finish(80)  # funding of an hour may come for a minute
    closes = meanwhile in ("close", "kill")
    phase, held = (Phase.DONE, 0) if closes else (Phase.HOLDING, 5)
    assert (stage.ticket().phase, stage.ticket().open_quantity("T")) == (phase, held)
    assert stage.exchange.positions()[PERP] == held and not stage.of(rec.TicketRefused)


def test_after_an_older_copy_of_the_journal_a_position_is_taken_over_again() -> None:
    """Its stop loss was found and taken for an entry: the ticket ended, and nobody had the position."""
    stage = Stage()
    stage.exchange.foreign = {PERP: 5}
    stage.adopt(PERP, 5, price="100000")
    stage.amend(command_id="adopt-1", stop_loss={"price": "99000"})
    stage.take_up()
    stage.records = [record for record in stage.records if isinstance(record, rec.RunCreated)]
    stage.restart(down_secs=600)
    stage.finish()
    assert (stage.run.phase, stage.run.open_quantity("T")) == (Phase.HOLDING, 5)
    assert stage.state.account.trading.level is rec.Level.ACTIVE


def test_after_a_restart_nothing_is_said_of_a_ticket_while_the_exchange_cannot_be_read() -> None:
    """Whether its order had gone out is not known; a minute of silence was taken for a no."""
    stage = Stage()
    stage.order(buy(), serve=False)
    stage.restart(down_secs=3600)
    for _ in range(40):
        stage.due.clear()
        stage.tick(3)
    assert stage.ticket().phase is Phase.WAITING and stage.watch.why_not
    stage.finish(30)
    assert ended(stage) == "refused" and stage.of(rec.TicketRefused)[-1].code == "RESTARTED"


def test_an_option_that_expires_is_settled() -> None:
    stage = holding(ticket=sell(CALL, 2))
    stage.pass_time((EXPIRY - stage.wall).total_seconds() + 1)
    stage.tick()
    assert stage.ticket().exit_reason == "expiry"
    stage.exchange.foreign = {CALL: 2}  # what is read no longer shows the two
    for _ in range(5):
        stage.tick(30)
        stage.due.clear()
        stage.read_account(settlements={CALL: D(0)})
    assert ended(stage) == "expiry"


def test_an_order_in_a_contract_that_expires_ends_with_it() -> None:
    stage = Stage()
    stage.order(sell(CALL, 2, limit_price="300"))
    stage.take_up()
    stage.pass_time((EXPIRY - stage.wall).total_seconds() + 1)
    stage.tick()
    assert stage.ticket().phase is Phase.EXITING
    stage.serve_cancels()
    for _ in range(5):
        stage.tick(3)
        stage.read_account()
    assert ended(stage) == "expiry"


def test_what_somebody_else_closes_ends_the_ticket() -> None:
    stage = holding()
    stage.exchange.foreign = {PERP: -5}
    for _ in range(12):
        stage.moved(after=5)
    assert ended(stage) == "leg_closed" and "closed_elsewhere" in stage.alerts()


@pytest.mark.parametrize("work", ["chase", "twap", "iceberg"])
def test_an_algorithm_works_a_ticket_as_it_works_a_leg(work: str) -> None:
    stage = Stage()
    orders = {"entry_duration_secs": 20, "entry_slices": 4, "entry_visible_pct": "25", "entry_refresh_secs": 0}
    stage.order({**sell(CALL, 8, work=work, orders=orders)})
    assert stage.acks()[-1].status == "accepted"
    stage.finish(40)
    run = stage.ticket()
    assert (run.phase, run.entered("T")) == (Phase.HOLDING, 8)
    assert len(stage.sent(Purpose.ENTRY)) == {"chase": 1}.get(work, 4)


def _held_back_by_the_stream(**orders: Any) -> Stage:
    """A chase whose first order did not leave: the account's stream was lost just then."""
    stage = Stage()
    stage.order(buy(work="chase", orders=orders))
    (first,) = stage.submits()
    stage.due.clear()
    stage.feed(ev.StreamChanged, stream="private", up=False, gap=False, detail="reset")
    stage.answer(first.client_order_id, not_sent("ACCOUNT_STREAM_DOWN"))
    return stage


def test_what_is_worked_does_not_begin_while_the_accounts_stream_is_down() -> None:
    """Order after order was held back at the door, and each counted as one that had not filled: the next took what the book had."""
    stage = _held_back_by_the_stream(timeout_secs=20, retries=3)
    stage.finish(10)
    assert stage.ticket().phase is Phase.ENTERING and len(stage.sent(Purpose.ENTRY)) == 1
    stage.feed(ev.StreamChanged, stream="private", up=True, gap=False, detail="")
    stage.finish(5)
    assert [one.order_type for one in stage.sent(Purpose.ENTRY)] == [OrderType.LIMIT, OrderType.LIMIT]
    assert stage.ticket().phase is Phase.HOLDING


def test_what_is_worked_is_given_up_where_the_accounts_stream_stays_down() -> None:
    stage = _held_back_by_the_stream(timeout_secs=5)
    stage.finish(10)
    assert stage.ticket().phase is Phase.DONE and len(stage.sent(Purpose.ENTRY)) == 1
    assert any("the account's stream is down: reset" in one.text for one in stage.of(rec.AlertRaised))


def test_slices_wait_until_what_else_is_open_has_a_price() -> None:
    """As in the first moments after a restart: the gate lets out no entry then, and what it refused ended the ticket half filled."""
    stage = holding()
    stage.order(sell(CALL, 8, work="iceberg", orders={"entry_visible_pct": "25", "entry_refresh_secs": 0}))
    first = stage.take_up()
    stage.prices(after=20)  # of the option alone
    other = stage.ticket().run_id
    unknown = replace(stage.state.watches[other], valued=None)
    stage.state = replace(stage.state, watches={**stage.state.watches, other: unknown})
    stage.fill(first.client_order_id, 2, price="205")
    stage.prices()
    assert stage.ticket("order-2").phase is Phase.ENTERING and stage.of(rec.OrderDenied) == []
    stage.finish(40)
    assert (stage.ticket("order-2").phase, stage.ticket("order-2").entered("T")) == (Phase.HOLDING, 8)


def test_a_perpetual_is_worked_without_greeks() -> None:
    stage = Stage()
    stage.order(buy(work="chase"))
    stage.finish(5)
    assert stage.ticket().phase is Phase.HOLDING


def test_of_a_pair_the_first_fill_cancels_the_other() -> None:
    stage = Stage()
    stage.order(buy(**BID), buy(limit_price="98000"), link="oco")
    first, second = stage.submits()
    stage.take_up(first)
    stage.take_up(second)
    stage.fill(first.client_order_id, 1)
    assert [one.client_order_id for one in stage.cancels()] == [second.client_order_id]
    stage.serve_cancels()
    stage.moved(after=2)
    assert stage.ticket(number=1).phase is Phase.DONE
    assert stage.ticket(number=0).phase is Phase.ENTERING


def test_an_amended_order_is_cancelled_confirmed_and_sent_anew() -> None:
    stage = Stage()
    stage.order(buy(**BID))
    first = stage.take_up()
    stage.amend(limit_price="99500", quantity=7)
    assert "another takes its place" in stage.acks()[-1].detail
    assert not stage.submits() and len(stage.cancels()) == 1
    stage.fill(first.client_order_id, 2)  # it fills while the cancel is on its way
    stage.serve_cancels()
    (second,) = stage.submits()
    assert (second.limit_price, second.quantity) == (D(99500), 5)
    stage.take_up(second)
    stage.fill(second.client_order_id)
    assert (stage.ticket().phase, stage.ticket().entered("T")) == (Phase.HOLDING, 7)


def test_a_changed_order_waits_for_the_accounts_stream() -> None:
    """It was held back at the door, and the ticket ended: a change had cost the order that rested."""
    stage = Stage()
    stage.order(buy(**BID))
    stage.take_up()
    stage.feed(ev.StreamChanged, stream="private", up=False, gap=False, detail="reset")
    stage.amend(limit_price="99500")
    stage.serve_cancels()
    stage.finish(3, fill=False)
    assert not stage.submits() and len(stage.sent(Purpose.ENTRY)) == 1
    assert stage.ticket().phase is Phase.ENTERING
    stage.feed(ev.StreamChanged, stream="private", up=True, gap=False, detail="")
    (second,) = stage.submits()
    assert second.limit_price == D(99500)


AMEND: list[tuple[dict[str, Any], str]] = [
    ({"quantity": 2}, "QUANTITY_BELOW_FILLED"),
    ({"quantity": 0}, "quantity"),
    ({"limit_price": "99000.3"}, "PRICE_OFF_TICK: limit_price"),
    ({"limit_price": "120000"}, "PRICE_OUTSIDE"),
    ({"limit_price": None}, "limit_price is missing"),
    ({"side": "sell"}, "What can be changed is"),
    ({}, "What can be changed is"),
    ({"stop_loss": {"price": "101000"}}, "TRIGGER_ALREADY_MET: stop_loss.price"),
    ({"stop_loss": {"price": "98000.3"}}, "PRICE_OFF_TICK: stop_loss.price"),
    ({"take_profit": {"price": "104000", "limit_price": "103500.3"}}, "PRICE_OFF_TICK: take_profit.limit_price"),
]


@pytest.mark.parametrize(("changes", "words"), AMEND, ids=[words for _, words in AMEND])
def test_a_change_that_cannot_be_made_is_refused_and_nothing_is_cancelled(changes: dict[str, Any], words: str) -> None:
    stage = Stage()
    stage.order(buy(**BID))
    stage.take_up()
    stage.fill(stage.sent()[0].client_order_id, 3)
    stage.amend(**changes)
    assert stage.acks()[-1].status == "refused" and words in stage.acks()[-1].detail, stage.acks()[-1]
    assert not stage.cancels()


def test_a_protection_off_tick_is_refused_of_what_is_held_after_a_restart_too() -> None:
    stage = holding(ticket=buy(stop_loss={"price": "98000"}))
    stage.take_up()
    stage.restart()
    stage.amend(stop_loss={"price": "98000.3"})
    assert (stage.acks()[-1].status, stage.cancels()) == ("refused", [])
    assert "PRICE_OFF_TICK: stop_loss.price" in stage.acks()[-1].detail


def test_a_position_is_adopted_as_it_stands_and_closed_like_any_other() -> None:
    stage = Stage()
    stage.exchange.foreign = {PERP: -3}
    stage.adopt(PERP, -3, price="99000")
    run = stage.ticket("adopt-1")
    assert (run.phase, run.open_quantity("T"), run.leg("T").side) == (Phase.HOLDING, 3, "sell")
    assert stage.acks()[-1].status == "accepted" and not stage.sent()
    (flow,) = stage.state.account.flows  # as if entered at the exchange's price: closing is booked against it there
    assert (flow.usd, flow.contracts) == (D(297), -3)
    stage.close(ticket=run.run_id)
    stage.finish()
    run = stage.ticket("adopt-1")
    assert run.phase is Phase.DONE and stage.exchange.positions()[PERP] == 0
    assert run.finished is not None and run.finished.realized_pnl < -3  # sold at 99000, bought back at 100010


@pytest.mark.parametrize(("there", "named", "words"), [(-3, -2, "POSITION_DIFFERS"), (0, -3, "POSITION_DIFFERS")])
def test_only_what_stands_there_exactly_is_adopted(there: int, named: int, words: str) -> None:
    stage = Stage()
    stage.exchange.foreign = {PERP: there}
    stage.adopt(PERP, named, price="99000")
    assert stage.acks()[-1].status == "refused" and words in stage.acks()[-1].detail
    assert stage.ticket("adopt-1").phase is Phase.DONE


def test_what_a_read_shows_of_a_fill_too_late_is_not_adopted() -> None:
    """Two were sold a moment before the read, which shows them still: there is nothing that no run explains."""
    stage = holding(ticket=buy(quantity=5))
    holding(stage, ticket=buy(quantity=2, reason="second"))
    stage.moved(after=6)
    late = tuple(replace(one, entry_price=D(100010)) for one in stage.exchange.read(())["positions"])
    stage.close(ticket=stage.ticket("order-2").run_id)
    stage.traded(price="99990")
    stage.pass_time(1)
    stage.adopt(PERP, 2, serve=False)
    stage.read_account(asked=stage.wall, positions=late)
    stage.moved(after=1)
    assert stage.ticket("adopt-4").phase is Phase.WAITING
    stage.moved(after=5)
    assert "POSITION_DIFFERS" in stage.acks()[-1].detail and stage.ticket("adopt-4").phase is Phase.DONE


def test_adopting_needs_its_phrase() -> None:
    stage = Stage()
    stage.exchange.foreign = {PERP: -3}
    stage.adopt(PERP, -3, phrase="ADOPT")
    assert stage.acks()[-1].status == "refused" and "ADOPT BTCUSD -3" in stage.acks()[-1].detail


def test_a_ticket_leaves_the_last_run_of_its_underlying_in_the_picture() -> None:
    scene = staged(done())
    name = scene.run.run_id
    scene.order(buy())
    assert {name, scene.ticket("order-3").run_id} == set(scene.state.runs)


def test_what_is_told_of_one_ticket_leaves_the_others_to_the_next_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    stage, advanced = Stage(), []
    stage.order(buy(quantity=1, **BID), buy(quantity=1, limit_price="98999"))
    work = _ADVANCE_TICKET[Phase.ENTERING]

    def noted(turn: Turn, run_id: str) -> None:
        advanced.append(run_id)
        work(turn, run_id)

    monkeypatch.setitem(_ADVANCE_TICKET, Phase.ENTERING, noted)
    stage.take_up()
    stage.cancel(ticket=stage.ticket(number=1).run_id)
    assert advanced == [stage.ticket().run_id, stage.ticket(number=1).run_id]
    stage.tick()
    assert advanced[2:] == [stage.ticket().run_id, stage.ticket(number=1).run_id]


def test_of_tickets_that_have_ended_only_so_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trader.engine.fold._TICKETS_KEPT", 2)
    stage = Stage()
    for _ in range(4):
        stage.order(buy(quantity=1, **BID))
        stage.take_up()
        stage.cancel(everything=True)
        stage.serve_cancels()
        stage.moved(after=11)
    assert [run.phase for run in stage.state.runs.values()] == [Phase.DONE] * 3  # the last one made, and two before it
    assert stage.ticket("order-7").finished is not None and set(stage.state.watches) == set(stage.state.runs)
