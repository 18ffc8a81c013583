"""When to buy back: limits, trailing tiers, the clock, missing prices, and what others do to the position."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.engine.scene import (
    CALL,
    EXPIRY,
    OPENING,
    PUT,
    SPOT,
    SYMBOL,
    UNREAD,
    D,
    Phase,
    Scene,
    entering,
    exiting,
    finish,
    holding,
    preset,
    quote,
    settlement,
    waiting,
)
from trader.config.preset import Exits
from trader.domain.clock import Now
from trader.domain.fill import FillKind
from trader.domain.order import Side
from trader.domain.quote import Quote
from trader.engine import effects as ef
from trader.engine import events as ev
from trader.engine.exits import Trail, ratchet, trailing_level, triggered
from trader.engine.records import ExitDecided, Trailed
from trader.engine.release import check_release
from trader.engine.step import step
from trader.engine.valuation import closing_cost

# Sold 2 x 2 contracts at 200: premium 0.8 USD, commissions 0.02. Closing both legs at `ask` costs 0.004 per point of price
# and, below the fee cap's end at 285.7, 3.5 % of premium plus 18 % tax on top.
_PER_POINT = D("0.004") * (1 + D("0.035") * D("1.18"))


def ask_for(pct: str) -> Decimal:
    """The ask at which the run shown by `holding()` has made this much of its premium."""
    left = D("0.78") - D("0.8") * D(pct) / 100
    capped = left / _PER_POINT
    return capped if capped < D("285.7") else (left - 4 * D("0.01180")) / D("0.004")


def quoted(scene: Scene, key: str, ask: Decimal, mark: Decimal | None = None) -> Quote:
    assert scene.market is not None
    mark = mark if mark is not None else max(ask - 5, D(1))
    return quote(SYMBOL[key], scene.market, bid=str(max(ask - 10, D(1))), ask=str(ask), mark=str(mark))


def show(scene: Scene, pct: str, *, times: int = 1, after: float = 2.0) -> None:
    """Fresh prices of both legs at which the run has made `pct` of premium."""
    for _ in range(times):
        scene.pass_time(after)
        scene.quotes(*(quoted(scene, key, ask_for(pct)) for key in ("C", "P")))


def test_the_arithmetic_of_these_scenes() -> None:
    for pct in ("-100", "-20", "0", "40", "79"):
        scene = holding()
        show(scene, pct)
        assert scene.view.pnl_pct is not None
        assert abs(scene.view.pnl_pct - D(pct)) < D("0.001")


# -- the rules as arithmetic -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("level", "pct", "reason"),
    [
        (None, "-99.99", ""),
        (None, "-100", "max_loss"),
        (None, "79.99", ""),
        (None, "80", "max_profit"),
        (None, "0", ""),
        ("0", "0.01", ""),
        ("0", "0", "breakeven"),
        ("0", "-5", "breakeven"),
        ("25", "25.01", ""),
        ("25", "25", "trailing_stop"),
        ("25", "-100", "max_loss trailing_stop"),
        ("0", "-100", "max_loss breakeven"),
    ],
)
def test_each_price_rule_on_both_sides_of_its_boundary(level: str | None, pct: str, reason: str) -> None:
    assert " ".join(triggered(Exits(max_loss_pct=D(100)), None if level is None else D(level), D(pct))) == reason


@pytest.mark.parametrize(
    ("peak", "level"),
    [
        ("39.9", None),
        ("40", "0"),
        ("49.9", "0"),
        ("50", "25"),
        ("59.9", "25"),
        ("60", "30"),
        ("69.9", "30"),
        ("70", "35"),
        ("100", "50"),
    ],
)
def test_trailing_level_by_peak(peak: str, level: str | None) -> None:
    assert trailing_level(Exits(), D(peak)) == (None if level is None else D(level))


def test_trailing_can_be_off_without_tiers_or_without_further_steps() -> None:
    assert trailing_level(Exits(trailing_enabled=False), D(90)) is None
    assert trailing_level(Exits(trailing_tiers=()), D(90)) is None
    assert trailing_level(Exits(trailing_step_stop_pct=D(0)), D(90)) == 25


@given(st.lists(st.decimals(-150, 100, places=2), max_size=30))
def test_peak_and_level_never_fall(path: list[Decimal]) -> None:
    trail: Trail | None = None
    for pct in path:
        risen = ratchet(Exits(), trail, pct)
        if risen is None:
            continue
        assert trail is None or risen.peak > trail.peak
        assert trail is None or trail.level is None or (risen.level is not None and risen.level >= trail.level)
        assert risen.level is None or risen.level < risen.peak
        trail = risen


@pytest.mark.parametrize(
    ("rule", "closing", "level"),
    [
        ({}, "13.27", "13.3"),
        ({}, "30", "20"),  # never above half of the peak that armed it
        ({}, "-1", "0"),
        ({"breakeven_cushion": "pct", "breakeven_cushion_pct": D(7)}, "13.27", "7"),
        ({"breakeven_cushion": "none"}, "13.27", "0"),
    ],
)
def test_a_stop_at_breakeven_stands_where_getting_out_still_leaves_nothing_lost(
    rule: dict[str, Any], closing: str, level: str
) -> None:
    exits = Exits(**rule)
    armed = ratchet(exits, Trail(D("39.9"), None), D(40), lambda: D(closing))
    assert armed == Trail(D(40), D(level))
    assert ratchet(exits, armed, D(45), lambda: D(29)) == Trail(D(45), D(level)), "it is set once"
    assert ratchet(exits, armed, D(50), lambda: D(29)) == Trail(D(50), D(25))
    assert list(triggered(exits, D(level), D(level), peak=D(45))) == ["breakeven"]
    assert triggered(exits, D(level), D(level) + D("0.1"), peak=D(45)) == {}
    assert list(triggered(exits, D(25), D(25), peak=D(50))) == ["trailing_stop"]


def test_an_edited_rule_cannot_loosen_a_level_that_stands() -> None:
    looser = Exits(trailing_tiers=())
    assert ratchet(looser, Trail(D(50), D(25)), D(60)) == Trail(D("60.0"), D(25))


def test_closing_cost_has_commission_cap_and_tax() -> None:
    leg = holding().run.leg("C")
    assert closing_cost(leg, 2, D(210), SPOT) == D("0.42") + D("0.017346")
    assert closing_cost(leg, 2, D(400), SPOT) == D("0.8") + D("0.0236")


# -- limits in a run ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("pct", "reason"), [("-101", "max_loss"), ("81", "max_profit")])
def test_a_limit_needs_two_fresh_evaluations_and_then_closes_both_legs(pct: str, reason: str) -> None:
    scene = holding()
    show(scene, "10")
    show(scene, pct)
    assert scene.phase is Phase.HOLDING
    show(scene, pct)
    assert scene.phase is Phase.EXITING
    assert scene.run.exit_reason == reason
    assert {i.leg: i.quantity for i in scene.submits()} == {"C": 2, "P": 2}


def test_one_confirmation_closes_at_once_and_three_take_three() -> None:
    for count in (1, 3):
        scene = holding(preset(exits={"confirmations": count}))
        show(scene, "-101", times=count - 1)
        assert scene.phase is Phase.HOLDING
        show(scene, "-101")
        assert scene.phase is Phase.EXITING


def test_a_loss_that_swings_between_two_rules_is_confirmed_by_the_one_that_stays_true() -> None:
    scene = holding(preset(exits={"confirmations": 3}))
    show(scene, "60", times=2)
    assert scene.run.level_pct is not None
    for pct in ("-90", "-101", "-90"):
        assert scene.phase is Phase.HOLDING
        show(scene, pct)
    assert (scene.phase, scene.run.exit_reason) == (Phase.EXITING, "trailing_stop")


def test_one_stray_print_does_nothing() -> None:
    scene = holding()
    for pct in ("5", "-5000", "5", "99", "5", "-101", "5", "81", "5"):
        show(scene, pct)
    assert scene.phase is Phase.HOLDING
    assert scene.run.level_pct is None


@pytest.mark.parametrize("spot", ["0", "-5", "NaN", "Infinity"])
def test_an_index_price_that_is_none_does_not_blind_a_stop(spot: str) -> None:
    """Only the commission depends on it: the last one stands."""
    scene = holding()
    show(scene, "-101", times=1)
    scene.pass_time(2.0)
    scene.quotes(spot=D(spot))
    assert scene.state.market.spots["BTC"] == SPOT
    show(scene, "-101")
    assert (scene.phase, scene.run.exit_reason) == (Phase.EXITING, "max_loss")


def test_a_stray_print_of_one_leg_is_not_confirmed_by_news_of_the_other() -> None:
    scene = holding()
    show(scene, "5")
    scene.pass_time(2)
    spike = quoted(scene, "C", D(20_000))
    scene.quotes(spike, quoted(scene, "P", D(180)))
    for _ in range(4):
        scene.pass_time(1)
        scene.quotes(quoted(scene, "P", D(180)))
    assert scene.phase is Phase.HOLDING
    show(scene, "5")
    assert scene.phase is Phase.HOLDING


def test_a_stray_ask_is_not_confirmed_by_the_next_mark_alone() -> None:
    scene = holding(preset(exits={"max_loss_pct": 20}))
    show(scene, "5")
    scene.pass_time(2)
    spike = quoted(scene, "C", D(20_000), mark=D(180))
    scene.quotes(spike, quoted(scene, "P", D(180)))
    scene.pass_time(2)
    later = replace(spike, ts_mark=scene.market)
    scene.quotes(later, quoted(scene, "P", D(180)))
    assert scene.phase is Phase.HOLDING


def test_repeating_the_same_prices_is_no_confirmation() -> None:
    scene = holding()
    scene.pass_time(2)
    same = [quoted(scene, key, ask_for("-101")) for key in ("C", "P")]
    for _ in range(10):
        scene.quotes(*same)
        scene.tick(0.2)
    assert scene.phase is Phase.HOLDING


def test_the_first_print_after_a_restart_does_not_move_the_stop() -> None:
    scene = holding()
    scene.restart()
    show(scene, "60")
    show(scene, "5", times=3)
    assert scene.phase is Phase.HOLDING
    assert scene.run.peak_pct is not None and scene.run.peak_pct <= 5


def test_disagreeing_rules_do_not_add_up() -> None:
    scene = holding()
    for _ in range(4):
        show(scene, "-101")
        show(scene, "81")
    assert scene.phase is Phase.HOLDING


# -- trailing ----------------------------------------------------------------------------------------------------------


def test_the_breakeven_tier_closes_at_breakeven() -> None:
    scene = holding()
    show(scene, "42", times=2)
    assert scene.run.level_pct == 0
    show(scene, "1", times=5)
    assert scene.phase is Phase.HOLDING
    show(scene, "-0.1", times=2)
    assert (scene.phase, scene.run.exit_reason) == (Phase.EXITING, "breakeven")


def test_the_stop_climbs_with_the_peak_and_closes_there() -> None:
    scene = holding()
    for pct, level in (("30", None), ("41", 0), ("51", 25), ("61", 30), ("71", 35), ("66", 35), ("40", 35)):
        show(scene, pct, times=2)
        assert scene.run.level_pct == level, pct
        assert scene.phase is Phase.HOLDING
    show(scene, "34", times=2)
    assert scene.run.exit_reason == "trailing_stop"
    levels = [r.level_pct for r in scene.records if isinstance(r, Trailed) and r.level_pct is not None]
    assert levels == sorted(levels)


def test_restart_while_holding_keeps_peak_level_and_exit_instant_and_never_enters_again() -> None:
    scene = holding()
    show(scene, "62", times=2)
    before = (scene.run.peak_pct, scene.run.peak_pnl, scene.run.level_pct, scene.run.exit_at, scene.run.premium)
    sent = len(scene.sent())
    for _ in range(3):
        scene.restart()
        scene.serve()
        assert scene.phase is Phase.HOLDING
    run = scene.run
    assert (run.peak_pct, run.peak_pnl, run.level_pct, run.exit_at, run.premium) == before
    show(scene, "35", times=3)
    assert scene.phase is Phase.HOLDING
    show(scene, "29", times=2)
    assert scene.run.exit_reason == "trailing_stop"
    scene.serve()
    finish(scene)
    assert len([i for i in scene.sent() if i.purpose.value == "E"]) == sent


# -- missing prices ----------------------------------------------------------------------------------------------------


def test_no_decision_while_one_leg_is_stale() -> None:
    scene = holding()
    for _ in range(8):
        scene.pass_time(2)
        scene.quotes(quoted(scene, "C", ask_for("-300")))  # the put is silent
    assert scene.phase is Phase.HOLDING
    assert scene.view.pnl is None
    assert "blind" in scene.alerts()


@pytest.mark.parametrize("spots", [{}, {"BTC": D(0)}, {"ETH": D(3000)}], ids=str)
def test_no_decision_without_an_index_price(spots: dict[str, Decimal]) -> None:
    scene = holding()
    scene.state = replace(scene.state, market=replace(scene.state.market, spots=spots))
    scene.pass_time(1)
    scene.quotes(*(quoted(scene, key, ask_for("-300")) for key in ("C", "P")), spot=None)
    assert scene.view.pnl is None
    assert scene.phase is Phase.HOLDING


def test_blind_asks_over_rest_alerts_and_closes_after_its_time() -> None:
    scene = holding(preset(exits={"blind_exit_secs": 30}))
    scene.tick(2.9)
    assert not any(isinstance(e, ef.ReadChain) for e in scene.due)
    scene.tick(0.1)
    assert any(isinstance(e, ef.ReadChain) for e in scene.due)
    scene.tick(2.1)  # five seconds of silence: blind from here
    assert "blind" not in scene.alerts()
    scene.tick(5)
    assert "blind" in scene.alerts()
    scene.tick(24)
    assert scene.phase is Phase.HOLDING
    scene.tick(1)
    assert (scene.phase, scene.run.exit_reason) == (Phase.EXITING, "blind")
    assert {i.leg for i in scene.submits()} == {"C", "P"}  # with whatever is known, and on no condition


def test_quotes_over_rest_end_the_blindness() -> None:
    scene = holding(preset(exits={"blind_exit_secs": 30}))
    for _ in range(30):
        scene.tick(2)
        scene.serve()
    assert scene.phase is Phase.HOLDING


def test_max_loss_comes_through_on_rest_quotes_alone() -> None:
    scene = holding()
    far = ask_for("-200")
    for _ in range(10):
        scene.tick(3)
        if any(isinstance(e, ef.ReadChain) for e in scene.due):
            scene.read_chain(quotes=tuple(quoted(scene, key, far) for key in ("C", "P")))
    assert scene.run.exit_reason == "max_loss"


@pytest.mark.parametrize(("late_secs", "decided"), [(0, True), (5, True), (6, False), (20, False)])
def test_a_chain_that_was_heard_late_tells_nothing_of_now(late_secs: int, decided: bool) -> None:
    """The machine stood still between the answer and its hearing."""
    scene = holding(preset(exits={"confirmations": 1, "blind_exit_secs": 60}))
    far = ask_for("-200")
    scene.pass_time(1)
    read = tuple(quoted(scene, key, far) for key in ("C", "P"))
    scene.pass_time(late_secs)
    scene.read_chain(quotes=read)
    assert scene.run.exit_reason == ("max_loss" if decided else None)
    scene.read_chain(quotes=tuple(quoted(scene, key, far) for key in ("C", "P")))
    assert scene.run.exit_reason == "max_loss"


def test_a_chain_is_not_late_by_the_time_of_a_venue_that_runs_fast() -> None:
    scene = holding(preset(exits={"confirmations": 1}))
    scene.pass_time(1)
    read = tuple(quoted(scene, key, ask_for("-200")) for key in ("C", "P"))
    scene.pass_time(20)
    fast = Now(scene.wall, scene.market, 60.0)
    state, _ = step(scene.state, ev.ChainRead(at=fast, run_id=scene.run.run_id, quotes=read, spot=SPOT))
    assert state.runs[scene.run.run_id].exit_reason == "max_loss"


# -- the clock, people and expiry --------------------------------------------------------------------------------------


def test_the_time_exit_needs_no_prices() -> None:
    scene = holding()
    assert scene.run.exit_at is not None
    scene.pass_time((scene.run.exit_at - scene.wall).total_seconds())
    scene.tick()
    assert scene.run.exit_reason == "time"
    assert {i.leg for i in scene.submits()} == {"C", "P"}


@pytest.mark.parametrize("stage", [waiting, entering, holding, exiting])
def test_stop_in_every_phase_ends_flat(stage: object) -> None:
    scene: Scene = stage()  # type: ignore[operator]
    scene.stop()
    assert scene.phase is Phase.EXITING
    for _ in range(50):
        scene.stop()
    finish(scene)
    assert (scene.phase, scene.run.exit_reason, scene.view.flat) == (Phase.DONE, "manual", "true")
    assert sum(type(r).__name__ == "StopRequested" for r in scene.records) == 1
    assert scene.exchange.positions().get(CALL, 0) == 0


def test_stop_naming_another_run_leaves_this_one_alone() -> None:
    scene = holding()
    scene.stop("some-other-run")
    assert scene.phase is Phase.HOLDING
    assert "nothing to stop" in next(e.detail for e in scene.effects if isinstance(e, ef.AckCommand))


def to_expiry(scene: Scene, after: float = 1.0) -> None:
    scene.pass_time((EXPIRY - scene.wall).total_seconds() + after)


def blocked_to_expiry() -> Scene:
    """Every exit is refused until the contracts have expired."""
    scene = holding()
    scene.stop()
    for key in ("C", "P"):
        scene.reject(key, "market_disrupted")
    to_expiry(scene)
    scene.tick()
    return scene


def test_no_order_for_an_expired_contract() -> None:
    scene = blocked_to_expiry()
    before = len(scene.sent())
    for _ in range(10):
        scene.tick(1)
    assert len(scene.sent()) == before
    assert scene.phase is Phase.EXITING
    assert scene.view.flat == "false"


def test_an_exit_that_waited_past_the_expiry_is_not_signed() -> None:
    scene = exiting()
    intent = scene.submits()[0]
    assert check_release(scene.state, intent, scene.now) is None
    denied = check_release(scene.state, intent, Now(scene.wall, EXPIRY))
    assert denied is not None and denied.code == "CONTRACT_EXPIRED"


def test_a_restart_after_expiry_waits_for_settlement() -> None:
    scene = holding()
    scene.restart(down_secs=(EXPIRY - scene.wall).total_seconds() + 5)
    assert (scene.phase, scene.run.exit_reason) == (Phase.EXITING, "expiry")
    assert scene.submits() == []


def test_a_second_restart_after_expiry_sends_nothing_before_the_exchange_s_time_is_known() -> None:
    scene = holding()
    scene.restart(down_secs=(EXPIRY - scene.wall).total_seconds() + 5)
    assert scene.run.exit_reason == "expiry"
    scene.market = None
    scene.restart()
    for _ in range(5):
        scene.tick(1)
    assert scene.submits() == []
    scene.market = scene.wall
    scene.tick(1)
    assert scene.submits() == []


def test_settlement_fills_close_the_books_with_their_cash() -> None:
    scene = blocked_to_expiry()
    scene.exchange.fills += [settlement("C", 2, "0"), settlement("P", 2, "150.5")]
    finish(scene, fill=False)
    assert scene.phase is Phase.DONE
    assert scene.run.finished is not None
    assert scene.run.finished.realized_pnl == D("0.8") - D("0.301") - D("0.02")


def test_what_was_left_to_be_settled_is_not_guessed_while_fills_are_missing() -> None:
    scene = exiting()
    for key in ("C", "P"):
        order = scene.accept(key)
        scene.fill(order.client_order_id, told=False)
        scene.feed(ev.OrderSeen, order=scene.exchange.snapshot(order.client_order_id))
    to_expiry(scene, after=65)
    entries = tuple(f for f in scene.exchange.fills if f.side is Side.SELL)
    prices = {CALL: D(0), PUT: D("12.5")}
    for fills in (entries, UNREAD):
        scene.read_account(fills=fills, settlements=prices)
        assert scene.run.open_quantity("P") == 2
    scene.tick(1)
    scene.read_account(settlements=prices)
    assert (scene.run.open_quantity("P"), len(scene.run.fills)) == (0, 4)


def test_without_a_settlement_fill_the_settlement_price_closes_the_books_after_a_minute() -> None:
    scene = blocked_to_expiry()
    scene.exchange.foreign = {CALL: 2, PUT: 2}  # the positions vanish
    prices = {CALL: D(0), PUT: D("12.5")}
    scene.read_account(settlements=prices)
    assert scene.run.open_quantity("P") == 2
    scene.tick(61)
    scene.read_account(settlements=prices)
    assert (scene.run.open_quantity("C"), scene.run.open_quantity("P")) == (0, 0)
    scene.tick(5)
    scene.read_account(settlements=prices)
    assert scene.phase is Phase.DONE
    assert scene.run.finished is not None
    assert scene.run.finished.realized_pnl == D("0.8") - D("0.025") - D("0.02")


def test_a_settlement_fill_that_comes_late_is_not_counted_twice() -> None:
    scene = blocked_to_expiry()
    scene.exchange.foreign = {CALL: 2, PUT: 2}
    scene.tick(61)
    scene.read_account(settlements={CALL: D(0), PUT: D(0)})
    scene.exchange.foreign = {}
    scene.exchange.fills += [settlement("C", 2, "0"), settlement("P", 2, "0")]
    finish(scene, fill=False)
    assert scene.phase is Phase.DONE
    assert len([b for b in scene.run.fills.values() if b.fill.kind is FillKind.SETTLEMENT]) == 2


def test_a_leg_the_exchange_liquidated_closes_the_other() -> None:
    scene = holding()
    taken = replace(settlement("C", 2, "400", OPENING + timedelta(minutes=1)), kind=FillKind.LIQUIDATION, fill_id="liq")
    scene.exchange.fills.append(taken)
    scene.read_account()
    assert (scene.phase, scene.run.exit_reason) == (Phase.EXITING, "leg_closed")
    assert [(i.leg, i.quantity) for i in scene.submits()] == [("P", 2)]
    assert "liquidation:liq" in scene.alerts()


def test_what_the_exchange_closed_before_a_leg_was_sold_belongs_to_an_earlier_run() -> None:
    """Booked again, its record met the one of the earlier run: the runner folded anew for ever."""
    scene = holding()
    sold = min(b.fill.ts_event for b in scene.run.fills.values() if b.fill.ts_event is not None)
    earlier = replace(
        settlement("C", 1, "400", sold - timedelta(seconds=0.5)), kind=FillKind.LIQUIDATION, fill_id="earlier"
    )
    scene.exchange.fills.append(earlier)
    scene.read_account()
    assert "earlier" not in scene.run.fills
    assert scene.phase is Phase.HOLDING


def hold_for(scene: Scene, seconds: int) -> None:
    for _ in range(seconds):
        scene.prices(after=1.0)
        if any(isinstance(e, ef.ReadAccount) for e in scene.due):
            scene.read_account()


def test_a_leg_a_person_bought_back_closes_the_other_within_half_a_minute() -> None:
    scene = holding()
    scene.exchange.foreign[CALL] = 2
    hold_for(scene, 8)
    assert scene.phase is Phase.HOLDING  # it might be the lag of a read
    for _ in range(20):
        hold_for(scene, 1 if scene.phase is Phase.HOLDING else 0)
    assert (scene.phase, scene.run.exit_reason) == (Phase.EXITING, "leg_closed")
    assert "foreign_activity" in scene.alerts()
    finish(scene)
    assert [(i.leg, i.quantity) for i in scene.sent() if i.reduce_only] == [("P", 2)]
    assert (scene.phase, scene.view.flat) == (Phase.DONE, "true")
    assert "closed_elsewhere" in scene.alerts()


def test_reads_slow_down_when_a_foreign_difference_lasts() -> None:
    scene = holding()
    scene.exchange.foreign[CALL] = 1
    hold_for(scene, 30)
    assert "foreign_activity" in scene.alerts()
    before = sum(isinstance(e, ef.ReadAccount) for e in scene.all_effects)
    hold_for(scene, 60)
    assert sum(isinstance(e, ef.ReadAccount) for e in scene.all_effects) - before <= 13


def test_the_cushion_is_what_spread_and_fees_of_closing_come_to_when_the_tier_arms() -> None:
    scene = holding(preset(exits={"breakeven_cushion": "cost", "confirmations": 1}))
    scene.prices("103", "103")
    view = scene.view
    assert view.pnl_mark is not None and view.pnl is not None and scene.run.peak_pct is not None
    assert scene.run.level_pct == ((view.pnl_mark - view.pnl) / scene.run.basis * 100).quantize(D("0.1")) > 0
    for _ in range(3):
        scene.prices("174", "174")
    assert scene.run.exit_reason == "breakeven"
    decided = next(r for r in scene.records if isinstance(r, ExitDecided))
    assert decided.pnl is not None and decided.pnl > 0
