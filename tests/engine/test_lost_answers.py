"""Unknown is a value: an order whose answer was lost is never sent again before proof, and adopted whenever it appears."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from tests.engine.scene import CALL, UNREAD, Phase, Scene, entering, exiting, finish, holding, preset, secs
from trader.domain.order import OrderStatus, Purpose
from trader.domain.outcome import Ok, Rejected, Unknown
from trader.engine import events as ev
from trader.engine.absence import ENTRY_HORIZON_SECS, SIGNATURE_SECS
from trader.engine.records import FillRecorded
from trader.engine.state import POSITION_LAG_SECS

HORIZON = ENTRY_HORIZON_SECS + 1.0


def lost_call(*, accepted: bool) -> Scene:
    """The put is sold; the answer to the call's order was lost."""
    scene = entering()
    scene.trade("P")
    scene.lose("C", accepted=accepted)
    return scene


def call_orders(scene: Scene) -> int:
    return len([i for i in scene.sent() if i.leg == "C"])


def read_at(scene: Scene, age: float, **members: Any) -> None:
    """A read of the account asked for `age` seconds after the call's order was intended."""
    asked = scene.run.leg_orders("C")[0].intended_at + secs(age)
    scene.pass_time(max((asked - scene.wall).total_seconds(), 0))
    scene.prices(after=0)
    coids = tuple(o.intent.client_order_id for o in scene.run.live_orders())
    known = scene.exchange.read(coids)
    scene.read_account(asked=asked, **{**known, **members})


def test_no_second_order_however_long_nothing_is_known() -> None:
    scene = lost_call(accepted=True)
    for _ in range(120):
        scene.prices()
    assert call_orders(scene) == 1
    assert scene.order("C").status is OrderStatus.UNKNOWN
    assert f"unresolved:{scene.order('C').intent.client_order_id}" in scene.alerts()


def test_absence_before_the_horizon_proves_nothing() -> None:
    scene = lost_call(accepted=False)
    for age in (1.0, 5.0, 10.0, HORIZON - 0.1):
        read_at(scene, age)
    assert scene.order("C").status is OrderStatus.UNKNOWN
    assert call_orders(scene) == 1


def test_absent_twice_past_the_horizon_is_proof_and_the_next_attempt_goes_out() -> None:
    scene = lost_call(accepted=False)
    read_at(scene, HORIZON)
    assert call_orders(scene) == 1  # once is not enough
    read_at(scene, HORIZON + 0.9)
    assert call_orders(scene) == 1  # nor twice within a second
    read_at(scene, HORIZON + 1.0)
    first = scene.run.leg_orders("C")[0]
    assert (first.status, first.code) == (OrderStatus.REJECTED, "never_accepted")
    second = scene.run.leg_orders("C")[1]
    assert second.intent.attempt == 1
    assert second.intent.client_order_id != first.intent.client_order_id
    assert call_orders(scene) == 2


@pytest.mark.parametrize(
    "members",
    [
        pytest.param({"open_orders": UNREAD}, id="open orders unread"),
        pytest.param({"history": UNREAD}, id="history unread"),
        pytest.param({"fills": UNREAD}, id="fills unread"),
        pytest.param({"positions": UNREAD}, id="positions unread"),
        pytest.param({"lookups": {}}, id="not looked up"),
        pytest.param({"error": "page 2 timed out"}, id="cut short"),
    ],
)
def test_a_source_that_failed_proves_nothing(members: dict[str, Any]) -> None:
    scene = lost_call(accepted=False)
    for extra in range(5):
        read_at(scene, HORIZON + 2.0 * extra, **members)
    assert scene.order("C").status is OrderStatus.UNKNOWN
    assert call_orders(scene) == 1


def test_an_unexplained_position_proves_nothing() -> None:
    scene = lost_call(accepted=False)
    scene.exchange.foreign[CALL] = -2
    for extra in range(5):
        read_at(scene, HORIZON + 2.0 * extra)
    assert scene.order("C").status is OrderStatus.UNKNOWN
    assert call_orders(scene) == 1


def test_a_position_that_moved_the_other_way_is_not_the_lost_order_s_doing() -> None:
    scene = lost_call(accepted=False)
    scene.exchange.foreign[CALL] = 2  # somebody bought; the lost order sells
    for extra in range(2):
        read_at(scene, HORIZON + 2.0 * extra)
    assert (scene.order("C", 0).status, scene.order("C", 0).code) == (OrderStatus.REJECTED, "never_accepted")


@pytest.mark.parametrize(
    ("before_secs", "proven"), [(-5.0, True), (POSITION_LAG_SECS, True), (POSITION_LAG_SECS + 0.1, False)]
)
def test_what_others_traded_since_the_read_it_began_on_explains_a_position(before_secs: float, proven: bool) -> None:
    scene = lost_call(accepted=False)
    begun = max(at for at in (scene.run.created_market, scene.run.entry_at) if at is not None)
    theirs = {"client_order_id": None, "venue_order_id": "x", "fill_id": "x", "symbol": CALL, "quantity": 2}
    own = scene.exchange.fills[0]
    scene.exchange.fills.append(replace(own, **theirs, product_id=1, ts_event=begun - secs(before_secs)))
    for extra in range(3):
        read_at(scene, HORIZON + 2.0 * extra)
    assert (scene.order("C", 0).code == "never_accepted") is proven


@pytest.mark.parametrize("found", ["lookups", "open_orders"])
def test_an_order_found_in_any_source_is_adopted(found: str) -> None:
    scene = lost_call(accepted=True)
    coid = scene.order("C").intent.client_order_id
    hidden: dict[str, Any] = {"open_orders": (), "history": (), "lookups": {coid: None}}
    hidden[found] = scene.exchange.read((coid,))[found]
    read_at(scene, HORIZON, **hidden)
    assert scene.order("C").status is OrderStatus.ACCEPTED
    assert call_orders(scene) == 1


def test_an_adopted_order_that_had_filled_completes_the_entry() -> None:
    scene = lost_call(accepted=True)
    scene.fill(scene.order("C").intent.client_order_id, told=False)
    read_at(scene, 1.0)
    assert scene.phase is Phase.HOLDING
    assert call_orders(scene) == 1


def test_found_late_by_the_stream_it_is_adopted() -> None:
    scene = lost_call(accepted=True)
    scene.tick(12)
    scene.feed(ev.OrderSeen, order=scene.exchange.snapshot(scene.order("C").intent.client_order_id))
    assert scene.order("C").status is OrderStatus.ACCEPTED
    scene.fill(scene.order("C").intent.client_order_id)
    assert scene.phase is Phase.HOLDING


def test_an_order_nobody_answered_becomes_unknown_after_its_deadline() -> None:
    scene = entering()
    scene.trade("P")
    scene.take("C")  # swallowed: neither answer nor stream
    for _ in range(15):
        scene.prices()
    assert scene.order("C").status is OrderStatus.CREATED
    scene.prices()
    assert scene.order("C").status is OrderStatus.UNKNOWN
    read_at(scene, HORIZON)
    read_at(scene, HORIZON + 1.5)
    assert scene.run.leg_orders("C")[0].code == "never_accepted"


def test_an_order_that_appears_after_proof_is_cancelled_at_once_and_alerted() -> None:
    scene = lost_call(accepted=False)
    ghost = scene.sent()[0] if scene.sent()[0].leg == "C" else scene.sent()[1]
    read_at(scene, HORIZON)
    read_at(scene, HORIZON + 1.0)
    scene.trade("C")
    assert scene.phase is Phase.HOLDING
    snapshot = scene.exchange.accept(ghost)
    scene.feed(ev.OrderSeen, order=snapshot)
    assert f"resurrected:{ghost.client_order_id}" in scene.alerts()
    assert [c.client_order_id for c in scene.cancels()] == [ghost.client_order_id]


def test_without_market_fallback_proof_of_absence_never_turns_into_a_market_order() -> None:
    scene = entering(preset(orders={"retries": 0, "market_fallback": False}))
    scene.trade("P")
    scene.lose("C", accepted=False)
    read_at(scene, HORIZON)
    read_at(scene, HORIZON + 1.0)
    assert scene.run.exit_reason == "unwind"
    assert [i.limit_price for i in scene.sent(Purpose.ENTRY) if i.limit_price is None] == []


# -- the order of arrival ----------------------------------------------------------------------------------------------


def test_fills_before_the_answer_are_booked_and_the_answer_changes_nothing() -> None:
    scene = entering()
    scene.trade("P")
    intent = scene.take("C")
    scene.exchange.accept(intent)
    scene.fill(intent.client_order_id)
    assert scene.phase is Phase.HOLDING
    scene.answer(intent.client_order_id, Ok(scene.exchange.snapshot(intent.client_order_id)))
    assert scene.run.entered("C") == 2
    assert scene.order("C").status is OrderStatus.FILLED


@pytest.mark.parametrize("late", [Unknown("timeout"), Rejected("insufficient_margin")])
def test_fills_win_over_a_late_bad_answer(late: Unknown | Rejected) -> None:
    scene = entering()
    scene.trade("P")
    intent = scene.take("C")
    scene.exchange.accept(intent)
    scene.fill(intent.client_order_id)
    scene.answer(intent.client_order_id, late)
    assert scene.order("C").status is OrderStatus.FILLED
    assert scene.phase is Phase.HOLDING


def test_the_same_fill_by_stream_and_read_is_booked_once() -> None:
    scene = holding()
    for fill in scene.exchange.fills:
        scene.feed(ev.FillSeen, fill=fill)
    scene.read_account()
    assert len([r for r in scene.records if isinstance(r, FillRecorded)]) == 2
    assert (scene.run.entered("C"), scene.run.entered("P")) == (2, 2)


def test_a_fill_without_our_id_is_recognised_by_the_exchanges_order_id() -> None:
    scene = entering()
    intent = scene.accept("C")
    made = scene.fill(intent.client_order_id, told=False)
    scene.feed(ev.FillSeen, fill=replace(made, client_order_id=None))
    assert scene.run.entered("C") == 2


def test_somebody_elses_fill_passes_by() -> None:
    scene = holding()
    stranger = replace(scene.exchange.fills[0], fill_id="other", client_order_id="by-hand", venue_order_id="9")
    assert not any(isinstance(e, FillRecorded) for e in scene.feed(ev.FillSeen, fill=stranger))


# -- exits do not wait -------------------------------------------------------------------------------------------------


def test_an_exit_overlaps_an_unknown_one_after_two_seconds_and_not_before() -> None:
    scene = exiting()
    scene.lose("C", accepted=False)
    scene.trade("P")
    scene.prices(after=1.9)
    assert scene.submits() == []
    scene.prices(after=0.1)
    (second,) = scene.submits()
    assert (second.leg, second.attempt, second.quantity, second.reduce_only) == ("C", 1, 2, True)


def test_done_waits_for_every_unknown_exit_to_be_resolved() -> None:
    scene = exiting()
    lost = scene.lose("C", accepted=False)
    scene.trade("P")
    scene.prices(after=2.0)
    scene.trade("C")
    intended = scene.run.orders[lost.client_order_id].intended_at
    finish(scene, limit_secs=SIGNATURE_SECS - 2.5)
    assert scene.phase is Phase.EXITING
    finish(scene)
    assert scene.phase is Phase.DONE
    assert scene.run.orders[lost.client_order_id].code == "never_accepted"
    assert scene.wall - intended > timedelta(seconds=SIGNATURE_SECS + 2)


def test_both_the_unknown_exit_and_its_successor_filling_still_ends_flat() -> None:
    """The exchange holds reduce-only orders to what is open; our books follow its fills."""
    scene = exiting()
    lost = scene.lose("C", accepted=True)
    scene.trade("P")
    scene.fill(lost.client_order_id, 1, told=False)
    scene.prices(after=2.0)
    second = scene.accept("C")
    scene.fill(second.client_order_id, 1)
    scene.exchange.cancel(second.client_order_id)
    scene.exchange.cancel(lost.client_order_id)
    finish(scene)
    assert scene.phase is Phase.DONE
    assert (scene.run.open_quantity("C"), scene.view.flat) == (0, "true")


def test_a_clock_set_ahead_over_a_restart_proves_no_absence() -> None:
    scene = entering()
    scene.trade("P")
    lost = scene.lose("C", accepted=False)
    scene.restart(down_secs=3600)  # so says the clock; the order may be on its way yet
    for _ in range(15):
        scene.prices(after=1.0)
        scene.read_account()
    assert scene.run.orders[lost.client_order_id].status is OrderStatus.UNKNOWN
    for _ in range(10):
        scene.prices(after=1.0)
        scene.read_account()
    assert scene.run.orders[lost.client_order_id].code == "never_accepted"
