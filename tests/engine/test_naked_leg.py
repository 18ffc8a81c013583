"""One leg alone: how long the entry may go on completing the other, what happens then, and who hears of it."""

import pytest
from msgspec.structs import replace

from tests.engine.scene import (
    CALL,
    EXPIRY,
    PUT,
    UNREAD,
    Phase,
    Scene,
    entering,
    exiting,
    finish,
    holding,
    preset,
    settlement,
)
from trader.domain.fill import FillKind
from trader.domain.order import OrderType, Purpose
from trader.domain.outcome import Ok
from trader.engine.effects import ReadAccount
from trader.engine.events import OrderSeen
from trader.engine.imbalance import UNWIND_SECS
from trader.engine.records import AlertRaised

SHORT = preset(risk={"naked_leg_secs": 30})
GIVE_UP = 30 - UNWIND_SECS


def pass_secs(scene: Scene, seconds: float, pace: float = 0.5) -> None:
    """Prices go on; orders rest; cancels are confirmed and the next attempt accepted, nothing fills."""
    for _ in range(round(seconds / pace)):
        scene.prices(after=pace)
        if scene.phase is not Phase.ENTERING:
            return
        for cancel in scene.cancels():
            scene.due.remove(cancel)
            scene.exchange.cancel(cancel.client_order_id)
            snapshot = scene.exchange.snapshot(cancel.client_order_id)
            scene.feed(OrderSeen, order=snapshot)
        for intent in scene.submits():
            scene.accept(intent.leg)
            if intent.limit_price is None:  # a market order that finds nobody
                scene.exchange.cancel(intent.client_order_id)


def alone(config: object = SHORT) -> Scene:
    """The put is sold, the call's first order rests."""
    scene = entering(config)  # type: ignore[arg-type]
    scene.trade("P")
    scene.accept("C")
    return scene


def test_the_clock_runs_from_the_first_uneven_fill_and_stops_when_even() -> None:
    scene = entering(SHORT)
    assert scene.run.naked_since is None
    put, call = scene.accept("P"), scene.accept("C")
    scene.pass_time(2)
    scene.fill(put.client_order_id, 1)
    since = scene.run.naked_since
    assert since == scene.wall
    scene.pass_time(3)
    scene.fill(put.client_order_id, 1)
    assert scene.run.naked_since == since
    scene.fill(call.client_order_id, 1)
    assert scene.run.naked_since == since, "one of two contracts is still alone"
    scene.fill(call.client_order_id, 1)
    assert scene.run.naked_since is None


def test_without_a_leg_alone_an_order_rests_its_full_time() -> None:
    scene = entering(SHORT)
    scene.accept("P"), scene.accept("C")
    pass_secs(scene, 29)
    assert scene.cancels() == [] and len(scene.sent()) == 2


def test_alone_the_lacking_leg_concedes_faster_and_every_attempt_is_made_in_time() -> None:
    scene = alone()
    begun = scene.wall
    pass_secs(scene, 60)
    calls = [i for i in scene.sent(Purpose.ENTRY) if i.leg == "C"]
    assert len(calls) == 6 and calls[-1].order_type is OrderType.MARKET
    assert (scene.wall - begun).total_seconds() <= GIVE_UP + 1
    assert scene.run.exit_reason == "unwind"


@pytest.mark.parametrize(("filled", "legs"), [(0, {"P"}), (1, {"C", "P"})])
def test_when_time_is_up_the_entry_is_unwound(filled: int, legs: set[str]) -> None:
    scene = entering(preset(risk={"naked_leg_secs": 30}, orders={"retries": 0, "market_fallback": False}))
    scene.trade("P")
    call = scene.accept("C")
    if filled:
        scene.fill(call.client_order_id, filled)
    for _ in range(2 * int(GIVE_UP) - 1):
        scene.prices(after=0.5)
    assert scene.phase is Phase.ENTERING
    scene.prices(after=0.5)
    assert (scene.phase, scene.run.exit_reason) == (Phase.EXITING, "unwind")
    told = "the legs have been uneven for 25 s" if filled else "one leg has stood alone for 25 s"
    assert told in scene.run.exit_detail
    assert "leg_failed:C" in scene.alerts() and "leg_failed:P" not in scene.alerts()
    finish(scene)
    assert (scene.phase, scene.view.flat) == (Phase.DONE, "true")
    assert {i.leg for i in scene.sent(Purpose.UNWIND)} == legs


def test_a_leg_that_the_exchange_closed_while_the_other_is_entered_ends_the_entry() -> None:
    """It went on selling the other one, alone: by what had been entered the legs were to be made even."""
    scene = alone()
    scene.fill(scene.run.leg_orders("C")[-1].intent.client_order_id, 1)
    taken = replace(settlement("P", 2, "400", scene.wall), kind=FillKind.LIQUIDATION, fill_id="liq")
    scene.exchange.fills.append(taken)
    scene.read_account()
    assert (scene.phase, scene.run.exit_reason) == (Phase.EXITING, "leg_closed")
    assert [(order.intent.leg, order.leaves_qty) for order in scene.run.live_orders()] == [("C", 1)]
    finish(scene)
    assert len(scene.sent(Purpose.ENTRY)) == 2 and not scene.run.held


@pytest.mark.parametrize("slippage", ["0", "2"])
def test_one_leg_alone_is_bought_back_at_the_ask_and_then_across_the_book_within_the_collar(slippage: str) -> None:
    orders = {"retries": 3, "market_fallback": False, "slippage_pct": slippage, "exit_timeout_secs": 10}
    scene = alone(preset(risk={"naked_leg_secs": 30}, orders=orders))
    pass_secs(scene, GIVE_UP + 1)
    assert scene.run.exit_reason == "unwind"
    first = scene.accept("P")
    for _ in range(5):
        scene.prices(after=0.5)
    assert [c.client_order_id for c in scene.cancels() if c.client_order_id == first.client_order_id]
    scene.confirm_cancel("P")
    scene.prices(after=0.5)
    second = next(i for i in scene.submits() if i.leg == "P")
    assert first.limit_price is not None and first.limit_price <= 215
    assert second.limit_price == 205 + 205 * SHORT.risk.price_collar_pct / 100, "the edge of the collar around the mark"
    assert scene.run.naked_since is not None and (scene.wall - scene.run.naked_since).total_seconds() < 30


def test_while_leaving_too_the_leg_that_is_left_is_bought_across_the_book() -> None:
    orders = {"retries": 3, "market_fallback": False, "slippage_pct": "0", "exit_timeout_secs": 10}
    scene = exiting(preset(risk={"naked_leg_secs": 30}, orders=orders))
    scene.trade("C")
    first = scene.accept("P")
    for _ in range(5):
        scene.prices(after=0.5)
    scene.confirm_cancel("P")
    scene.prices(after=0.5)
    second = next(i for i in scene.submits() if i.leg == "P")
    assert first.limit_price == 210
    assert second.limit_price == 205 + 205 * SHORT.risk.price_collar_pct / 100


@pytest.mark.parametrize(("filled", "phase"), [(1, Phase.HOLDING), (0, Phase.EXITING)])
def test_with_accept_enough_of_both_legs_is_kept(filled: int, phase: Phase) -> None:
    orders = {"retries": 0, "market_fallback": False, "partial_policy": "accept", "min_fill_pct": 50}
    scene = entering(preset(risk={"naked_leg_secs": 30}, orders=orders))
    scene.trade("P")
    call = scene.accept("C")
    if filled:
        scene.fill(call.client_order_id, filled)
    for _ in range(2 * int(GIVE_UP) + 2):
        scene.prices(after=0.5)
    if filled:
        assert scene.phase is Phase.ENTERING, "its order must have ended first"
        scene.confirm_cancel("C")
    assert scene.phase is phase


def test_a_leg_whose_fill_is_only_reported_is_not_bought_back_for_want_of_it() -> None:
    scene = alone()
    coid = scene.order("C").intent.client_order_id
    scene.fill(coid, told=False)
    scene.feed(OrderSeen, order=scene.exchange.snapshot(coid))
    for _ in range(80):
        scene.prices(after=0.5)
        if any(isinstance(e, ReadAccount) for e in scene.due):
            scene.read_account(fills=UNREAD)
    assert scene.phase is Phase.ENTERING and naked_alerts(scene) == []
    scene.prices(after=5)
    scene.read_account()
    assert scene.phase is Phase.HOLDING


def test_a_restart_keeps_the_instant_and_reads_before_it_gives_up() -> None:
    scene = alone()
    since = scene.run.naked_since
    coid = scene.order("C").intent.client_order_id
    scene.restart(down_secs=60)
    assert scene.run.naked_since == since
    scene.prices(after=0.5)
    assert scene.phase is Phase.ENTERING, "the order may have filled meanwhile"
    scene.fill(coid, told=False)
    scene.read_account()
    assert scene.phase is Phase.HOLDING


def test_a_restart_that_reads_nothing_gives_up_all_the_same() -> None:
    scene = alone()
    scene.restart(down_secs=60)
    for _ in range(11):
        scene.prices(after=0.5)
        scene.read_account(error="HTTP 502", positions=UNREAD)
    assert (scene.phase, scene.run.exit_reason) == (Phase.EXITING, "unwind")


# -- alerts ------------------------------------------------------------------------------------------------------------


def naked_alerts(scene: Scene) -> list[AlertRaised]:
    return [r for r in scene.records if isinstance(r, AlertRaised) and r.code == "naked_leg"]


def test_a_healthy_entry_of_some_seconds_alerts_nobody() -> None:
    scene = alone()
    pass_secs(scene, 10)
    assert naked_alerts(scene) == []


def test_on_an_unwell_exchange_a_leg_alone_is_told_after_two_seconds_and_every_thirty() -> None:
    scene = entering()
    scene.trade("P")
    scene.lose("C", accepted=True)
    scene.prices(after=1.9)
    assert naked_alerts(scene) == []
    for _ in range(40):
        scene.prices(after=2.0)
    assert [round((a.wall - scene.records[0].wall).total_seconds()) for a in naked_alerts(scene)] == [5, 35, 65]
    assert f"{PUT} 2" in naked_alerts(scene)[0].text


@pytest.mark.parametrize("trouble", ["silence", "429", "unreadable", "refused"])
def test_what_counts_as_unwell(trouble: str) -> None:
    scene = entering(SHORT)
    scene.trade("P")
    if trouble == "refused":
        scene.reject("C", "not_sent")
    else:
        scene.accept("C")
    match trouble:
        case "silence":
            scene.tick(6)
        case "429":
            scene.state = replace(scene.state, slow_until=scene.wall.replace(hour=9))
            scene.prices(after=3)
        case "unreadable":
            scene.read_account(error="HTTP 502", positions=UNREAD)
            scene.prices(after=3)
        case "refused":
            scene.prices(after=3)
    assert len(naked_alerts(scene)) == 1


def test_an_exit_that_closes_one_leg_only_is_told() -> None:
    scene = exiting(SHORT)
    scene.trade("C")
    scene.accept("P")
    for _ in range(35):
        scene.prices(after=1)
    assert len(naked_alerts(scene)) == 1
    assert f"{CALL} 0, {PUT} 2" in naked_alerts(scene)[0].text
    assert "stood alone" in naked_alerts(scene)[0].text and "buying back" in naked_alerts(scene)[0].text
    finish(scene)
    assert scene.phase is Phase.DONE


def test_a_leg_that_waits_for_its_settlement_is_no_matter() -> None:
    scene = holding(SHORT)
    scene.pass_time((EXPIRY - scene.wall).total_seconds() + 1)
    scene.prices(after=1)
    scene.exchange.fills.append(settlement("C", 2, "0"))
    for _ in range(60):
        scene.prices(after=1)
        if any(isinstance(e, ReadAccount) for e in scene.due):
            scene.read_account()
    assert (scene.run.open_quantity("C"), scene.run.open_quantity("P")) == (0, 2)
    assert naked_alerts(scene) == []


def test_even_legs_are_no_matter() -> None:
    scene = holding(SHORT)
    scene.stop()
    scene.lose("C", accepted=False), scene.lose("P", accepted=False)
    for _ in range(4):
        scene.prices(after=1)
    assert naked_alerts(scene) == []


def test_an_answer_that_was_lost_and_found_completes_in_time() -> None:
    scene = entering(SHORT)
    scene.trade("P")
    lost = scene.lose("C", accepted=True)
    scene.prices(after=10)
    scene.answer(lost.client_order_id, Ok(scene.exchange.snapshot(lost.client_order_id)))
    scene.fill(lost.client_order_id)
    assert scene.phase is Phase.HOLDING
