"""Promises checked after every step: each check can fail, a failing one halts entries, and a right story trips none."""

from typing import Any

import pytest
from msgspec.structs import replace

from tests.engine import boards
from tests.engine.scene import D, Phase, Scene, done, entering, exiting, finish, holding, preset, secs, waiting
from trader.domain.order import OrderIntent, OrderStatus, Purpose
from trader.engine import events as ev
from trader.engine import records as rec
from trader.engine.records import Level
from trader.engine.selfcheck import check_step
from trader.engine.turn import Turn


def code(turn: Turn) -> str:
    return turn.state.account.trading.code


def intended(scene: Scene, intent: OrderIntent, **changes: Any) -> str:
    """What is found when a step records this order beside everything that was."""
    turn = Turn(scene.state, scene.now)
    made = replace(intent, **{"client_order_id": "sdabcd-unused", **changes})
    turn.write(rec.OrderIntended, scene.run.run_id, intent=made, reference=None)
    check_step(turn, scene.state)
    return code(turn)


def entry_intent() -> tuple[Scene, OrderIntent]:
    """The call's entry as it was sent, and the state just before it."""
    scene = entering()
    intent = next(i for i in scene.submits() if i.leg == "C")
    orders = {key: o for key, o in scene.run.orders.items() if o.intent.leg != "C"}
    scene.state = replace(scene.state, runs={scene.run.run_id: replace(scene.run, orders=orders)})
    return scene, intent


def exit_intent() -> tuple[Scene, OrderIntent]:
    scene = exiting()
    return scene, next(i for i in scene.submits() if i.leg == "C")


@pytest.mark.parametrize(
    ("make", "changes", "found"),
    [
        (entry_intent, {}, ""),
        (entry_intent, {"client_order_id": "has blanks"}, "I5"),
        (entry_intent, {"client_order_id": "x" * 33}, "I5"),
        (entry_intent, {"quantity": 0}, "I10"),
        (entry_intent, {"limit_price": None}, "I10"),
        (entry_intent, {"limit_price": D("-1")}, "I10"),
        (entry_intent, {"limit_price": D("NaN")}, "I10"),
        (entry_intent, {"limit_price": D("200.3")}, "I10"),
        (entry_intent, {"quantity": 3}, "I2"),
        (exit_intent, {}, ""),
        (exit_intent, {"reduce_only": False}, "I7"),
        (exit_intent, {"side": "sell"}, "I7"),
        (exit_intent, {"quantity": 3}, "I7"),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_an_order_that_should_not_be_is_found(make: Any, changes: dict[str, Any], found: str) -> None:
    scene, intent = make()
    assert intended(scene, intent, **changes) == (f"invariant:{found}" if found else "")


def test_the_same_id_twice_is_found() -> None:
    scene, intent = exit_intent()
    assert intended(scene, intent, client_order_id=intent.client_order_id) == "invariant:I3"


@pytest.mark.parametrize("how", ["stopped", "leaving", "reducing", "too many"])
def test_an_entry_at_the_wrong_time_is_found(how: str) -> None:
    scene, intent = entry_intent()
    turn = Turn(scene.state, scene.now)
    match how:
        case "stopped":
            run = replace(scene.run, stop_command="s")
            turn.state = replace(turn.state, runs={run.run_id: run})
        case "leaving":
            turn.write(rec.ExitDecided, scene.run.run_id, reason="time", detail="")
        case "reducing":
            trading = replace(turn.state.account.trading, level=Level.REDUCING)
            turn.state = replace(turn.state, account=replace(turn.state.account, trading=trading))
        case "too many":
            run = replace(scene.run, preset=preset(risk={"max_orders_per_leg": 1}))
            ended = replace(scene.order("P"), intent=replace(intent, client_order_id="e"), status=OrderStatus.REJECTED)
            turn.state = replace(turn.state, runs={run.run_id: replace(run, orders={"e": ended})})
    before = turn.state if how != "leaving" else scene.state
    turn.write(rec.OrderIntended, scene.run.run_id, intent=intent, reference=None)
    check_step(turn, before)
    assert code(turn) == ("invariant:I12" if how == "too many" else "invariant:I8")


def test_two_entries_of_one_leg_at_once_are_found() -> None:
    scene = entering()
    intent = next(i for i in scene.submits() if i.leg == "C")
    assert "I6" in intended(scene, intent, quantity=1)


def test_more_orders_in_a_second_than_are_allowed_are_found() -> None:
    scene, intent = exit_intent()
    account = replace(scene.state.account, order_times=(scene.wall,) * 10)
    scene.state = replace(scene.state, account=account)
    assert intended(scene, intent) == "invariant:I11"


def test_an_end_with_an_open_order_is_found() -> None:
    scene = exiting()
    turn = Turn(scene.state, scene.now)
    turn.write(rec.RunFinished, scene.run.run_id, exit_reason="manual", realized_pnl=D(0), fees=D(0))
    check_step(turn, scene.state)
    assert code(turn) == "invariant:I16"


def test_books_with_holes_are_held_against_the_exchange_before_they_are_judged() -> None:
    """The journal could not be written, then the runner died: the end of the first order is in no record."""
    scene = entering()
    scene.trade("P")
    first = scene.accept("C")
    scene.exchange.cancel(first.client_order_id)
    scene.feed(ev.OrderSeen, order=scene.exchange.snapshot(first.client_order_id))
    assert [i.attempt for i in scene.submits()] == [1]
    scene.records = [r for r in scene.records if not (isinstance(r, rec.OrderResolved) and r.status == "cancelled")]
    scene.restart(down_secs=1)
    assert len([o for o in scene.run.leg_orders("C", Purpose.ENTRY) if o.status.live]) == 2
    assert scene.state.account.trading.level is Level.ACTIVE
    scene.prices()
    scene.read_account()
    assert scene.state.account.trading.level is Level.ACTIVE


def test_what_is_taken_over_from_the_exchange_is_a_fact_and_no_decision() -> None:
    scene, intent = exit_intent()
    turn = Turn(scene.state, scene.now)
    made = replace(intent, client_order_id="sdabcd-unused", reduce_only=False)
    turn.write(rec.OrderIntended, scene.run.run_id, cause="recovery", intent=made, reference=None)
    check_step(turn, scene.state)
    assert code(turn) == ""


def test_a_broken_promise_halts_entries_says_so_and_lets_exits_pass() -> None:
    scene = holding()
    order = scene.run.leg_orders("C", Purpose.ENTRY)[0].intent.client_order_id
    more = replace(scene.exchange.fills[0], fill_id="more", client_order_id=order, quantity=1)
    scene.exchange.fills.append(more)
    scene.feed(ev.FillSeen, fill=more)
    trading = scene.state.account.trading
    assert (trading.level, trading.code) == (Level.HALTED, "invariant:I1 invariant:I2")
    assert {"halted:invariant:I1", "halted:invariant:I2"} <= set(scene.alerts())
    assert scene.phase is Phase.HOLDING
    scene.stop()
    finish(scene)
    assert (scene.phase, scene.view.flat) == (Phase.DONE, "true")
    scene.restart()
    assert scene.state.account.trading.level is Level.HALTED


def test_an_exit_heard_before_the_rest_of_the_entry_breaks_no_promise() -> None:
    scene = entering()
    put = scene.accept("P")
    first = scene.fill(put.client_order_id, 1)
    late = scene.fill(put.client_order_id, 1, told=False)
    scene.stop()
    for _ in range(2):  # the fate of the first is not known in time: another goes out beside it
        scene.tick(2.5)
        exit_order = scene.take("P")
        assert exit_order.quantity == 1
        scene.exchange.accept(exit_order)
        scene.fill(exit_order.client_order_id, told=False)
    assert scene.run.open_quantity("P") == 1
    for fill in scene.exchange.fills[2:]:
        scene.feed(ev.FillSeen, fill=fill)
    assert scene.run.open_quantity("P") == -1
    assert scene.state.account.trading.level is Level.ACTIVE
    scene.feed(ev.FillSeen, fill=late)
    assert (first.quantity, scene.run.open_quantity("P")) == (1, 0)


def test_what_is_taken_over_counts_for_no_rate() -> None:
    scene = holding()
    scene.restart()
    turn = Turn(scene.state, scene.now)
    intent = scene.run.leg_orders("C", Purpose.ENTRY)[0].intent
    for number in range(20):
        taken = replace(intent, client_order_id=f"sdabcd-{number}", purpose=Purpose.EXIT, reduce_only=True)
        turn.write(rec.OrderIntended, scene.run.run_id, cause="recovery", intent=taken, reference=None)
    check_step(turn, scene.state)
    assert code(turn) == ""


def test_a_halt_in_the_middle_of_an_entry_buys_back() -> None:
    scene = entering()
    put = scene.accept("P")
    scene.fill(put.client_order_id)
    more = replace(scene.exchange.fills[0], fill_id="more")
    scene.exchange.fills.append(more)
    scene.feed(ev.FillSeen, fill=more)
    scene.tick(0.1)
    assert (scene.phase, scene.run.exit_reason) == (Phase.EXITING, "unwind")
    finish(scene)
    assert (scene.phase, scene.view.flat) == (Phase.DONE, "true")


@pytest.mark.parametrize("stage", [waiting, entering, holding, exiting, done])
def test_a_right_story_trips_nothing(stage: Any) -> None:
    scene = stage()
    assert scene.state.account.trading.level is Level.ACTIVE
    scene.pass_time(float(secs(1).total_seconds()))
    scene.tick(1)
    assert not any(isinstance(r, rec.LevelChanged) for r in scene.records)


@pytest.mark.parametrize(
    ("key", "purpose", "found"),
    [("C", Purpose.ENTRY, ""), ("P", Purpose.ENTRY, "CV1"), ("LC", Purpose.EXIT, "CV1"), ("C", Purpose.EXIT, "")],
)
def test_a_short_leg_left_without_its_cover_is_found(key: str, purpose: Purpose, found: str) -> None:
    """Entering with one wing of two bought; leaving with everything open."""
    board = boards.entering() if purpose is Purpose.ENTRY else boards.holding()
    if purpose is Purpose.ENTRY:
        board.trade("LC")
    leg, entry = board.leg(key), purpose is Purpose.ENTRY
    intent = replace(
        board.sent()[0],
        leg=key,
        symbol=leg.symbol,
        product_id=leg.product_id,
        purpose=purpose,
        side=leg.side if entry else leg.side.opposite,
        reduce_only=not entry,
    )
    assert intended(board, intent) == (f"invariant:{found}" if found else "")
