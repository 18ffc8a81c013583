"""A resting order that the exchange no longer knows, and one taken as absent that appears after all."""

from typing import Any

import pytest
from msgspec.structs import replace

from tests.engine.scene import CALL, UNREAD, Phase, Scene, entering, exiting, finish, holding, secs
from trader.domain.order import OrderStatus, Purpose
from trader.engine import effects as ef
from trader.engine import events as ev
from trader.engine.absence import SIGNATURE_SECS
from trader.engine.orders import GONE, VANISHED, WATCH_SECS


def resting_call() -> Scene:
    """The put is sold, the call's order rests at the exchange for half a minute yet."""
    scene = entering()
    scene.trade("P")
    scene.accept("C")
    return scene


def forget(scene: Scene, key: str = "C") -> str:
    """The exchange loses the leg's newest order without a word."""
    coid = scene.order(key).intent.client_order_id
    del scene.exchange.orders[coid]
    return coid


def reads(scene: Scene, seconds: float, **members: Any) -> None:
    """Time goes on; every read asked for is answered at once."""
    end = scene.wall + secs(seconds)
    while scene.wall < end:
        scene.prices(after=0.5)
        if any(isinstance(e, ef.ReadAccount) for e in scene.due):
            scene.read_account(**members)


def test_a_vanished_order_becomes_unknown_then_gone_and_the_leg_is_tried_again() -> None:
    scene = resting_call()
    coid = forget(scene)
    reads(scene, SIGNATURE_SECS - 1)
    assert scene.run.orders[coid].status is OrderStatus.ACCEPTED, "it may only just have arrived"
    reads(scene, 9)
    order = scene.run.orders[coid]
    assert (order.status, order.code) == (OrderStatus.UNKNOWN, VANISHED)
    assert f"vanished:{coid}" in scene.alerts()
    assert len([i for i in scene.sent() if i.leg == "C"]) == 1
    reads(scene, 12)
    order = scene.run.orders[coid]
    assert (order.status, order.code, order.leaves_qty) == (OrderStatus.REJECTED, GONE, 0)
    assert order.ended_at is not None and order.unknown_at is not None
    assert (order.ended_at - order.unknown_at).total_seconds() >= SIGNATURE_SECS
    assert [i.attempt for i in scene.submits()] == [1]


@pytest.mark.parametrize(
    "members",
    [
        {"open_orders": UNREAD},
        {"history": UNREAD},
        {"fills": UNREAD},
        {"positions": UNREAD},
        {"lookups": {}},
        {"error": "cut"},
    ],
    ids=str,
)
def test_a_source_that_failed_makes_nothing_vanish(members: dict[str, Any]) -> None:
    scene = resting_call()
    coid = forget(scene)
    reads(scene, 25, **members)
    assert scene.run.orders[coid].status is OrderStatus.ACCEPTED


@pytest.mark.parametrize("where", ["open_orders", "history"])
def test_listed_anywhere_it_has_not_vanished(where: str) -> None:
    scene = resting_call()
    coid = scene.order("C").intent.client_order_id
    listed = (replace(scene.exchange.snapshot(coid), client_order_id=None),)
    forget(scene)
    reads(scene, 20, **{where: listed})
    assert scene.run.orders[coid].status is OrderStatus.ACCEPTED


def test_a_position_it_may_have_made_keeps_it_unknown() -> None:
    scene = resting_call()
    coid = forget(scene)
    scene.exchange.foreign[CALL] = -1
    reads(scene, 40)
    assert scene.run.orders[coid].status is OrderStatus.UNKNOWN


def test_vanished_and_back_it_works_on() -> None:
    scene = resting_call()
    listed = scene.exchange.orders[scene.order("C").intent.client_order_id]
    coid = forget(scene)
    reads(scene, 14)
    assert scene.run.orders[coid].status is OrderStatus.UNKNOWN
    scene.exchange.orders[coid] = listed
    reads(scene, 2)
    assert scene.run.orders[coid].status is OrderStatus.ACCEPTED
    scene.fill(coid)
    assert scene.phase is Phase.HOLDING


def test_what_had_filled_of_a_vanished_order_stays_booked() -> None:
    scene = resting_call()
    coid = scene.order("C").intent.client_order_id
    scene.fill(coid, 1)
    forget(scene)
    reads(scene, 28)
    assert scene.run.orders[coid].status is OrderStatus.REJECTED
    assert scene.run.entered("C") == 1
    assert [i.quantity for i in scene.submits()] == [1]


def test_a_vanished_exit_never_holds_the_next_one_back_and_the_run_ends() -> None:
    scene = exiting()
    scene.trade("P")
    scene.accept("C")
    coid = forget(scene)
    finish(scene)
    assert (scene.phase, scene.view.flat) == (Phase.DONE, "true")
    assert scene.run.orders[coid].status is OrderStatus.REJECTED


def test_a_restart_keeps_what_is_known_of_a_vanished_order() -> None:
    scene = resting_call()
    coid = forget(scene)
    reads(scene, 14)
    before = scene.run.orders[coid]
    scene.restart(down_secs=1)
    assert scene.run.orders[coid] == before


# -- ten minutes more --------------------------------------------------------------------------------------------------


def ended_with_an_absent_order() -> tuple[Scene, str]:
    """DONE, one exit proven never accepted on the way."""
    scene = exiting()
    lost = scene.lose("C", accepted=False)
    scene.trade("P")
    finish(scene)
    assert scene.phase is Phase.DONE
    assert scene.run.orders[lost.client_order_id].code == "never_accepted"
    return scene, lost.client_order_id


def test_after_the_end_an_absent_order_is_looked_for_ten_minutes_and_no_longer() -> None:
    scene, coid = ended_with_an_absent_order()
    ended = scene.run.orders[coid].ended_at
    assert ended is not None
    asked = 0
    while (scene.wall - ended).total_seconds() < WATCH_SECS + 60:
        scene.tick(5)
        if any(isinstance(e, ef.ReadAccount) for e in scene.due):
            asked += 1
            last = scene.wall
            scene.read_account()
    assert 25 <= asked <= 31
    assert WATCH_SECS - 30 <= (last - ended).total_seconds() <= WATCH_SECS


@pytest.mark.parametrize("how", ["read", "stream"])
def test_one_that_appears_after_the_end_is_cancelled_and_alerted(how: str) -> None:
    scene, coid = ended_with_an_absent_order()
    snapshot = scene.exchange.accept(scene.run.orders[coid].intent)
    if how == "stream":
        scene.feed(ev.OrderSeen, order=snapshot)
    for _ in range(25):
        scene.tick(1)
        if any(isinstance(e, ef.ReadAccount) for e in scene.due):
            scene.read_account()
    assert f"resurrected:{coid}" in scene.alerts()
    assert {c.client_order_id for c in scene.cancels()} == {coid}
    assert 1 <= len(scene.cancels()) <= 13, "asked again every two seconds until it has ended"
    scene.confirm_cancel("C")
    scene.due = []
    scene.tick(3)
    assert scene.cancels() == []
    assert scene.phase is Phase.DONE


def test_a_finished_run_without_an_absent_order_asks_for_nothing() -> None:
    scene = exiting()
    scene.trade("C"), scene.trade("P")
    finish(scene)
    scene.due = []
    for _ in range(20):
        scene.tick(5)
    assert scene.due == []


def test_another_runs_order_that_came_back_keeps_the_next_entry_out() -> None:
    scene, coid = ended_with_an_absent_order()
    scene.exchange.accept(scene.run.orders[coid].intent)
    scene.start()
    scene.read_chain()
    scene.prices()
    scene.read_account()
    scene.prices()
    assert scene.phase is Phase.WAITING
    assert any("open order exists already" in why for why in scene.watch.why_not)


def test_a_resurrected_entry_counts_in_the_worst_case() -> None:
    scene = entering()
    scene.trade("P")
    lost = scene.lose("C", accepted=False)
    reads(scene, 22)
    second = scene.accept("C")
    scene.fill(second.client_order_id, 1)
    scene.feed(ev.OrderSeen, order=scene.exchange.accept(lost))
    assert "halted:invariant:I2" in scene.alerts()
    assert lost.client_order_id in {c.client_order_id for c in scene.cancels()} or scene.phase is Phase.EXITING
    finish(scene)
    assert (scene.phase, scene.view.flat) == (Phase.DONE, "true")
    assert {i.leg for i in scene.sent(Purpose.UNWIND)} >= {"P"}


def test_a_held_run_with_its_orders_all_known_looks_for_none() -> None:
    scene = holding()
    scene.tick(5)
    (read,) = (e for e in scene.due if isinstance(e, ef.ReadAccount))
    assert read.lookups == ()
