"""Where the exchange liquidates a short leg: told, exited ahead of, and a stop that comes after it refused."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.engine import boards
from tests.engine.boards import Board, structured
from tests.engine.scene import CALL, PUT, SPOT, D, Phase, Scene, holding, preset, quote, secs
from trader.domain.fill import Position
from trader.domain.instrument import Kind
from trader.engine import events as ev
from trader.engine.horizon import horizon
from trader.engine.ladder import IN_PORTFOLIO
from trader.engine.records import AlertRaised
from trader.engine.view import LegView, Rung
from trader.pricing.black76 import price, year_fraction

# Sold at 200 with spot at 100,000: liquidated at 200 + 1 % - 0.5 % of spot = 700; 70 % of the way is 550.
FAR: dict[str, Any] = {"exits": {"max_loss_pct": 1000, "trailing_enabled": False}}


def held(**exits: Any) -> Scene:
    return holding(preset(exits={**FAR["exits"], **exits}))


def show(scene: Scene, call: str, *, times: int = 1, put: str = "205") -> None:
    for _ in range(times):
        scene.prices(call, put, after=2)


def portfolio(scene: Scene) -> None:
    scene.state = replace(scene.state, account=replace(scene.state.account, margin_mode="portfolio"))


def rungs(scene: Scene, code: str) -> list[Rung]:
    return [rung for rung in scene.view.ladder if rung.code == code]


# -- the exit ahead of it -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("guard", "mark", "exits"),
    [
        (70, "549.5", False),
        (70, "550", True),
        (70, "690", True),
        (50, "449.5", False),
        (50, "450", True),
        (0, "690", False),
    ],
)
def test_the_guard_closes_the_run_at_its_share_of_the_way(guard: int, mark: str, exits: bool) -> None:
    scene = held(liquidation_guard_pct=guard)
    show(scene, mark, times=2)
    assert (scene.phase is Phase.EXITING) is exits
    if exits:
        assert scene.run.exit_reason == "liquidation_guard"
        assert {intent.leg for intent in scene.submits()} == {"C", "P"}


def test_what_the_guard_says_names_leg_mark_and_field() -> None:
    scene = held()
    show(scene, "560", times=2)
    assert scene.run.exit_detail == (
        f"{CALL}: the mark 560 has gone 72 % of the way from 200 to its liquidation at 700 (estimate); "
        "exits.liquidation_guard_pct is 70"
    )


def test_one_print_is_not_enough_and_a_mark_that_comes_back_counts_anew() -> None:
    scene = held()
    show(scene, "600")
    show(scene, "300")
    show(scene, "600")
    assert scene.phase is Phase.HOLDING
    show(scene, "600")
    assert scene.run.exit_reason == "liquidation_guard"


def test_the_guard_looks_at_the_mark_not_at_the_ask() -> None:
    scene = held()
    for _ in range(3):
        scene.pass_time(2)
        assert scene.market is not None
        scene.quotes(
            quote(CALL, scene.market, bid="200", ask="900", mark="500"),
            quote(PUT, scene.market, bid="200", ask="210", mark="205"),
        )
    assert scene.phase is Phase.HOLDING


def test_an_absurd_mark_is_told_and_breaks_no_rule() -> None:
    scene = held()
    for _ in range(2):
        scene.pass_time(2)
        assert scene.market is not None
        scene.quotes(
            quote(CALL, scene.market, bid="200", ask="210", mark="1E+40"),
            quote(PUT, scene.market, bid="200", ask="210", mark="205"),
        )
    assert scene.run.exit_reason == "liquidation_guard" and "0000 has gone" in scene.run.exit_detail


def test_the_guard_does_not_act_on_a_stale_mark() -> None:
    scene = held()
    for _ in range(3):
        scene.pass_time(2)
        assert scene.market is not None
        old = replace(scene.around("C", "650"), ts_mark=scene.market - secs(60))
        scene.quotes(old, scene.around("P", "205"))
    assert scene.phase is Phase.HOLDING


@pytest.mark.parametrize("mark", ["1e30", "1e-30", "123456789012345678901234567890.5"])
def test_an_absurd_print_breaks_no_rule_and_no_picture(mark: str) -> None:
    scene = held()
    scene.pass_time(2)
    assert scene.market is not None
    scene.quotes(quote(CALL, scene.market, bid="200", ask="210", mark=mark), scene.around("P", "205"))
    assert scene.phase is Phase.HOLDING and rungs(scene, "liquidation")[0].mark == D(mark)
    show(scene, "205")
    assert scene.phase is Phase.HOLDING


def test_a_maximum_loss_that_is_true_at_the_same_moment_is_the_one_told() -> None:
    scene = holding(preset(exits={"max_loss_pct": 50, "trailing_enabled": False}))
    show(scene, "650", times=2)
    assert scene.run.exit_reason == "max_loss"


@pytest.mark.parametrize("by", ["stream", "read"])
def test_the_price_the_exchange_tells_wins_over_the_estimate(by: str) -> None:
    scene = held()
    told = Position(symbol=CALL, product_id=1, quantity=-2, entry_price=D(200), liquidation_price=D(1200))
    if by == "stream":
        scene.feed(ev.PositionSeen, position=told)
    else:
        others = tuple(p for p in scene.exchange.read(())["positions"] if p.symbol != CALL)
        scene.read_account(positions=(told, *others))
    call, put = (next(leg for leg in scene.view.legs if leg.key == key) for key in "CP")
    assert (call.liquidation_px, call.liquidation_told, call.guard_px) == (D(1200), True, D(900))
    assert (put.liquidation_px, put.liquidation_told, put.guard_px) == (D(700), False, D(550))
    show(scene, "890", times=3)
    assert scene.phase is Phase.HOLDING
    show(scene, "900", times=2)
    assert "told by the exchange" in scene.run.exit_detail


def test_a_row_that_tells_no_price_leaves_what_was_told_until_nothing_is_held() -> None:
    scene = held()
    for quantity, told, expected in ((-2, D(900), True), (-2, None, True), (0, None, False)):
        position = Position(symbol=CALL, product_id=1, quantity=quantity, liquidation_price=told)
        scene.feed(ev.PositionSeen, position=position)
        assert scene.view.legs[0].liquidation_told is expected


def test_in_portfolio_mode_no_leg_has_a_price_and_the_rung_says_what_counts() -> None:
    scene = held()
    portfolio(scene)
    assert [rung.words for rung in rungs(scene, "liquidation")] == [IN_PORTFOLIO]
    assert not rungs(scene, "liquidation_guard") and scene.view.legs[0].liquidation_px is None
    show(scene, "690", times=3)
    assert scene.phase is Phase.HOLDING


def test_the_stream_wakes_the_runner_before_the_guard_acts() -> None:
    scene = held()
    show(scene, "205", times=2)
    ahead = horizon(scene.state, scene.now)
    assert ahead is not None and ahead.contracts[CALL].mark_high == pytest.approx(550, abs=1e-3)
    assert ahead.contracts[CALL].mark_high < 550
    portfolio(scene)
    away = horizon(scene.state, scene.now)
    assert away is not None and away.contracts[CALL].mark_high == float("inf")


# -- the rungs ------------------------------------------------------------------------------------------------------------


def test_each_short_leg_is_a_rung_with_its_distance() -> None:
    scene = held()
    show(scene, "300")
    call, put = rungs(scene, "liquidation")
    assert (call.leg, call.at_mark, call.mark, call.mark_distance) == ("C", D(700), D(300), D(400))
    assert (call.mark_distance_pct, call.gone_pct, call.told) == (D("133.3"), D(20), False)
    assert (call.spot_low, put.spot_high) == (None, None) and put.leg == "P"
    (guard,) = rungs(scene, "liquidation_guard")
    assert (guard.leg, guard.at_mark, guard.mark_distance) == ("C", D(550), D(250))


def test_only_what_is_short_is_liquidated() -> None:
    board = boards.holding(boards.CONDOR)
    shorts = [leg for leg in board.view.legs if leg.side == "sell"]
    assert [leg.liquidation_px is None for leg in board.view.legs] == [leg.side == "buy" for leg in board.view.legs]
    assert [rung.leg for rung in board.view.ladder if rung.code == "liquidation"] == [leg.key for leg in shorts]


def test_at_the_spot_of_a_rung_the_model_brings_the_mark_there() -> None:
    board = boards.holding(structured("short_strangle", exits={"trailing_enabled": False}))
    board.prices(after=5)
    view = board.view
    for rung in (r for r in view.ladder if r.code == "liquidation"):
        leg = next(leg for leg in view.legs if leg.key == rung.leg)
        now, then = rung.spot_low or rung.spot_high, rung.exit_low or rung.exit_high
        assert now is not None and then is not None and rung.at_mark is not None
        assert _model(leg, now, view.market_at) == pytest.approx(float(rung.at_mark), rel=0.01)
        assert abs(then - float(SPOT)) > abs(now - float(SPOT))


def _model(leg: LegView, spot: float, at: Any) -> float:
    kind = Kind.CALL if leg.key == "C" else Kind.PUT
    return price(spot, float(leg.strike), leg.iv or 0, year_fraction(at, leg.expiry), kind)


# -- a stop beyond it -----------------------------------------------------------------------------------------------------


def asked(config: Any) -> Board:
    """A run that has been started, with strikes, prices and the account read."""
    board = Board()
    board.start(config)
    board.read_chain()
    assert board.run.legs, board.watch.why_not
    board.prices()
    board.read_account()
    return board


def strangle(pct: Any, policy: str = "refuse", **changes: Any) -> Any:
    return structured(
        "short_strangle", exits={"max_loss_pct": pct, **changes}, risk={"liquidation": policy, "naked_leg_secs": 600}
    )


def test_an_entry_whose_stop_comes_after_a_liquidation_is_refused_in_one_sentence() -> None:
    board = asked(strangle(150))
    (why,) = [why for why in board.watch.why_not if "liquidated" in why]
    for part in ("would be liquidated at spot", "exits.max_loss_pct (150 %)", "set it to", "risk.liquidation to warn"):
        assert part in why
    assert board.phase is Phase.WAITING and not board.submits()


@pytest.mark.parametrize("guard", [70, 0])
def test_the_guard_is_no_confirmation(guard: int) -> None:
    assert asked(strangle(150, liquidation_guard_pct=guard)).phase is Phase.WAITING


def test_what_the_refusal_asks_for_is_enough_and_a_point_more_is_not() -> None:
    (why,) = [why for why in asked(strangle(150)).watch.why_not if "liquidated" in why]
    most = int(why.split("set it to ")[1].split()[0])
    assert asked(strangle(most)).phase is Phase.ENTERING
    assert asked(strangle(most + 1)).phase is Phase.WAITING


def test_warn_enters_with_an_alert() -> None:
    board = asked(strangle(150, "warn"))
    assert board.phase is Phase.ENTERING
    (alert,) = [r for r in board.records if isinstance(r, AlertRaised) and r.code == "stop_beyond_liquidation"]
    assert alert.level == "warning" and "Entered all the same" in alert.text and "risk.liquidation" not in alert.text
    assert "stop_beyond_liquidation" not in asked(strangle(20, "warn")).alerts()


def test_in_portfolio_mode_nothing_is_refused_for_it() -> None:
    board = Board()
    portfolio(board)
    board.start(strangle(150))
    board.read_chain()
    board.prices()
    board.read_account()
    assert board.phase is Phase.ENTERING


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 300))
def test_no_stop_that_is_let_through_lies_beyond_a_liquidation_of_the_run_that_comes_of_it(pct: int) -> None:
    """What the ladder then shows agrees with what was judged before the sale."""
    board = asked(strangle(pct))
    if board.phase is not Phase.ENTERING:
        return
    for key in board.due_legs():
        board.trade(key)
    board.prices()
    view = board.view
    loss = next(r for r in view.ladder if r.code == "max_loss")
    for rung in (r for r in view.ladder if r.code == "liquidation"):
        if rung.leg == "C":
            assert loss.spot_high is not None and rung.spot_high is not None
            assert loss.spot_high <= rung.spot_high * 1.0005
        else:
            assert loss.spot_low is not None and rung.spot_low is not None
            assert loss.spot_low >= rung.spot_low * 0.9995
