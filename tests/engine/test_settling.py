"""Near its expiry a leg that nobody offers, or that is not worth its closing, is held to settlement: watched and told."""

from typing import Any

import pytest
from msgspec.structs import replace

from tests.engine.scene import CALL, EXPIRY, D, OrderStatus, Phase, Scene, holding, preset, rejected, secs, settlement
from trader.domain.fill import FillKind
from trader.domain.order import Purpose
from trader.engine import events as ev
from trader.engine import records as rec
from trader.engine.records import Level
from trader.engine.settling import UNSALEABLE_SECS

MINE = {"strategy": {"min_hours_to_expiry": "0.1"}}


def near_expiry(*, hours: float = 1.0, **sections: Any) -> Scene:
    """Short both legs at 200, so long before the expiry; the exit time is further off than any test lasts."""
    scene = holding(preset(**{**MINE, **sections}))
    jump = (EXPIRY - scene.wall).total_seconds() - hours * 3600
    scene.pass_time(jump)
    run = replace(scene.run, exit_at=EXPIRY)
    scene.state = replace(scene.state, runs={run.run_id: run})
    look(scene)
    return scene


def look(scene: Scene, mark: str = "0.5", ask: str | None = None, *, put: str = "205", after: float = 1.0) -> None:
    """Prices of both legs: the call's as given, the put's around `put`; cancels are confirmed, the account is read."""
    scene.pass_time(after)
    quote = replace(scene.around("C", "205"), bid=None, mark=D(mark), ask=None if ask is None else D(ask))
    scene.quotes(quote, scene.around("P", put))
    for cancel in scene.cancels():
        scene.confirm_cancel(scene.run.orders[cancel.client_order_id].intent.leg)
    if any(type(e).__name__ == "ReadAccount" for e in scene.due):
        scene.read_account()


def exits(scene: Scene) -> list[str | None]:
    return [None if i.limit_price is None else str(i.limit_price) for i in scene.sent(Purpose.EXIT) if i.leg == "C"]


def leave(scene: Scene, *, secs_: float = 1.0, **prices: Any) -> None:
    """The run ends by its clock and the put is bought back; then the call's prices stay so for a while."""
    scene.feed(ev.ClockTicked)
    turn_out = replace(scene.run, exit_at=scene.market)
    scene.state = replace(scene.state, runs={turn_out.run_id: turn_out})
    look(scene, **prices)
    assert scene.run.exit_reason == "time"
    scene.trade("P", price="210")
    wait(scene, secs_, **prices)


def wait(scene: Scene, seconds: float, **prices: Any) -> None:
    end = scene.wall + secs(seconds)
    while scene.wall < end:
        look(scene, **prices)
        if any(i.leg == "C" for i in scene.submits()):
            scene.accept("C")


def kept(scene: Scene) -> rec.LegKept | None:
    return scene.run.kept.get("C")


def test_a_leg_that_nobody_offers_near_its_expiry_is_held_to_settlement_told_and_settled() -> None:
    scene = near_expiry()
    leave(scene, secs_=UNSALEABLE_SECS + 2)
    held = kept(scene)
    assert held is not None and (held.worth, held.closing) == (D("0.0010"), None)
    assert f"{CALL} 2 held to settlement at 16 Jan 17:30 IST: nobody offers it; worth 0.001 USD" in scene.view.words
    assert scene.view.flat == "false"
    assert any("held to settlement" in step for step in scene.view.steps)
    told = [r.text for r in scene.records if isinstance(r, rec.AlertRaised) and r.code == "settling:C"]
    assert len(told) == 1 and told[0].startswith("NOT FLAT")
    assert scene.state.account.trading.level is Level.ACTIVE
    made = len(exits(scene))
    wait(scene, 60)
    assert len(exits(scene)) == made and not scene.run.live_orders(), (
        "a bid of one tick costs more than the leg is worth"
    )
    scene.pass_time((EXPIRY - scene.wall).total_seconds() + 1)
    scene.feed(ev.ClockTicked)
    scene.exchange.fills.append(settlement("C", 2, "0"))
    for _ in range(20):
        scene.tick(1.0)
        scene.serve()
    assert (scene.phase, scene.view.flat) == (Phase.DONE, "true")
    assert scene.run.finished is not None
    assert scene.run.finished.realized_pnl == scene.run.cash_flow - scene.run.fees


@pytest.mark.parametrize(
    ("mark", "ask", "is_held"), [("0.5", "1.5", True), ("0.5", "1", False), ("1", "2", False), ("0.5", None, True)]
)
def test_worth_less_than_its_closing_means_twice_its_worth(mark: str, ask: str | None, is_held: bool) -> None:
    scene = near_expiry()
    leave(scene, secs_=UNSALEABLE_SECS + 3, mark=mark, ask=ask)
    assert (kept(scene) is not None) is is_held
    if ask is not None and is_held:
        assert "worth 0.001 USD, closing would cost 0.0031 USD" in scene.view.words
        assert not scene.run.live_orders()


def test_a_hole_in_the_book_is_no_reason_to_hold() -> None:
    scene = near_expiry()
    leave(scene, secs_=UNSALEABLE_SECS - 3)
    assert kept(scene) is None
    look(scene, mark="20", ask="21")
    look(scene, mark="20", ask="21")
    assert [i.leg for i in scene.submits()] == ["C"]


@pytest.mark.parametrize(("hours", "mins", "is_held"), [(6.2, 360, False), (5.9, 360, True), (1.0, 0, False)])
def test_only_near_its_expiry_and_only_where_the_preset_says_so(hours: float, mins: int, is_held: bool) -> None:
    scene = near_expiry(hours=hours, exits={"settle_within_mins": mins})
    leave(scene, secs_=UNSALEABLE_SECS + 5)
    assert (kept(scene) is not None) is is_held
    assert scene.state.account.trading.level is Level.ACTIVE


def test_any_number_of_orders_into_a_book_without_offers_never_halts() -> None:
    """Six of them once halted the account and ended the whole plan."""
    scene = near_expiry(hours=20.0)
    leave(scene, secs_=1)
    for number in range(120):
        look(scene, mark=str(D("0.5") + D(number % 5)))
        if any(i.leg == "C" for i in scene.submits()):
            if number % 3:
                scene.accept("C")
            else:
                code = "limit_price_out_of_price_band" if number % 2 else "no_liquidity_for_market_order"
                scene.answer(scene.take("C").client_order_id, rejected(code))
    assert len(exits(scene)) > 12
    assert scene.state.account.trading.level is Level.ACTIVE
    assert "exit_throttled:C" not in scene.alerts() and "unoffered:C" in scene.alerts()


def test_what_is_offered_again_at_a_fair_price_is_bought() -> None:
    scene = near_expiry()
    leave(scene, secs_=UNSALEABLE_SECS + 3)
    assert kept(scene) is not None
    look(scene, mark="20", ask="21")
    assert kept(scene) is None
    assert [r.reason for r in scene.records if isinstance(r, rec.LegReleased)] == ["it is offered at 21"]
    (order,) = scene.submits()
    assert order.limit_price is not None and D(21) <= order.limit_price <= D(24)


def test_a_leg_that_has_become_worth_something_is_bid_for_while_it_is_held() -> None:
    scene = near_expiry()
    leave(scene, secs_=UNSALEABLE_SECS + 3)
    wait(scene, 5, mark="20")
    assert kept(scene) is not None
    (order,) = scene.run.live_orders()
    assert order.intent.limit_price == D("20.5")


def test_a_loss_limit_ends_the_holding() -> None:
    scene = near_expiry(exits={"max_loss_pct": 100})
    leave(scene, secs_=UNSALEABLE_SECS + 3)
    wait(scene, 3, mark="399")
    assert kept(scene) is not None
    look(scene, mark="400")
    assert kept(scene) is None, "sold at 200, and now at twice that"
    wait(scene, 40, mark="400")
    assert kept(scene) is None and scene.run.live_orders(), "it is bid for, and never left alone"


def test_what_cannot_be_priced_is_not_held_for_long() -> None:
    scene = near_expiry(exits={"blind_exit_secs": 30})
    leave(scene, secs_=UNSALEABLE_SECS + 3)
    for _ in range(45):
        scene.tick(1.0)
        scene.read_account() if any(type(e).__name__ == "ReadAccount" for e in scene.due) else None
    assert kept(scene) is None and any(i.leg == "C" for i in scene.submits())


def test_stop_tries_again_and_says_truthfully_that_it_is_not_flat() -> None:
    scene = near_expiry()
    leave(scene, secs_=UNSALEABLE_SECS + 3, mark="0.5", ask="2.5")
    assert kept(scene) is not None and not scene.run.live_orders()
    scene.stop()
    look(scene, mark="0.5", ask="2.5")
    assert kept(scene) is None
    (order,) = scene.submits()
    assert order.limit_price is not None and order.limit_price >= D("2.5"), (
        "a person who wants out pays what is accepted"
    )


def test_what_is_offered_and_not_worth_it_is_not_bought_but_bid_for_at_the_mark() -> None:
    """The held leg's bid once went to meet the very offer it was held for."""
    scene = near_expiry()
    leave(scene, secs_=4, mark="1", ask="2.5")
    assert kept(scene) is not None
    assert exits(scene) == ["1.5"]


def test_a_leg_that_swings_about_the_edge_is_not_held_and_released_with_every_print() -> None:
    scene = near_expiry()
    leave(scene, secs_=2, mark="0.5", ask="1.5")
    for number in range(60):
        wait(scene, 1, mark="0.5", ask="1" if number % 2 else "1.5")
    changes = [r for r in scene.records if isinstance(r, rec.LegKept | rec.LegReleased)]
    assert len(changes) <= 6


def test_stop_on_a_leg_that_nobody_offers_bids_and_is_not_flat() -> None:
    scene = near_expiry()
    leave(scene, secs_=UNSALEABLE_SECS + 3)
    scene.stop()
    wait(scene, 3)
    assert kept(scene) is not None
    assert [o.intent.limit_price for o in scene.run.live_orders()] == [D(1)]
    assert "held to settlement" in scene.view.words and scene.view.flat == "false"


def test_a_restart_goes_on_holding_what_was_held() -> None:
    scene = near_expiry()
    leave(scene, secs_=UNSALEABLE_SECS + 3)
    before = kept(scene)
    scene.restart()
    wait(scene, 5)
    assert kept(scene) == before is not None


def test_after_a_liquidation_of_one_leg_the_worthless_other_one_is_held() -> None:
    scene = near_expiry()
    fill = replace(settlement("P", 2, "900", scene.wall), kind=FillKind.LIQUIDATION, fill_id="liq")
    scene.exchange.fills.append(fill)
    scene.tick(5)
    scene.read_account()
    look(scene)
    assert scene.run.exit_reason == "leg_closed"
    wait(scene, UNSALEABLE_SECS + 5)
    assert kept(scene) is not None and scene.state.account.trading.level is Level.ACTIVE
    naked = scene.alerts().count("naked_leg")
    wait(scene, 120)
    assert scene.alerts().count("naked_leg") == naked, "what is held to settlement is told as that"


def test_offers_that_are_refused_for_other_reasons_still_halt() -> None:
    scene = near_expiry()
    leave(scene, secs_=1, mark="20", ask="21")
    for _ in range(400):
        if any(i.leg == "C" for i in scene.submits()):
            scene.answer(scene.take("C").client_order_id, rejected("insufficient_margin"))
        look(scene, mark="20", ask="21", after=0.5)
    assert scene.state.account.trading.code == "order_throttle"
    assert scene.order("C").status in (OrderStatus.REJECTED, OrderStatus.CREATED)
