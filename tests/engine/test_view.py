"""What people see: words, numbers and distances, the same ones decisions are made on, in any phase without an exception."""

from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest
from msgspec.structs import replace

from tests.engine.scene import (
    CALL,
    PUT,
    SPOT,
    D,
    Phase,
    Scene,
    done,
    entering,
    exiting,
    finish,
    holding,
    preset,
    quote,
    waiting,
)
from trader.domain.clock import Now
from trader.domain.order import Purpose
from trader.engine import events as ev
from trader.engine import records as rec
from trader.engine.view import Rung, RunView
from trader.engine.viewing import build_view


def rung(view: RunView, name: str) -> Rung:
    return next(r for r in view.ladder if r.name.startswith(name))


@pytest.mark.parametrize(
    ("stage", "words", "flat"),
    [
        (waiting, "Waiting — sells at 10:00 IST in 29 min", "true"),
        (entering, f"Entering — sold {CALL} 0/2, {PUT} 0/2", "unknown"),
        (holding, "Holding — exits at 16:30 IST in 6 h 59 min", "false"),
        (exiting, f"Exiting (Stop & Exit) — closing {CALL} 2, {PUT} 2", "false"),
        (done, "Done (Stop & Exit) — flat, confirmed by the exchange", "true"),
    ],
)
def test_words_and_flatness_of_each_phase(stage: object, words: str, flat: str) -> None:
    view = stage().view  # type: ignore[operator]
    assert (view.words, view.flat) == (words, flat)


def test_bought_back_is_unknown_until_the_exchange_has_confirmed() -> None:
    scene = exiting()
    scene.trade("C")
    assert scene.view.words == f"Exiting (Stop & Exit) — closing {PUT} 2"
    scene.trade("P")
    assert scene.view.flat == "unknown"
    assert "waiting for the exchange to confirm flat" in scene.view.words


def test_waiting_shows_why_not() -> None:
    scene = Scene()
    scene.start()
    assert scene.view.why_not == ("reading the option chain",)
    assert scene.view.words == "Waiting — reading the option chain"
    scene.read_chain(error="HTTP 502")
    assert scene.view.why_not == ("strikes: the option chain could not be read: HTTP 502",)


def test_the_exchanges_time_unknown_is_said() -> None:
    scene = Scene(market=None)
    scene.start()
    scene.tick(1)
    assert "the exchange's time is not known yet" in scene.view.words
    assert scene.view.exit_at is None


def test_numbers_of_a_held_strangle() -> None:
    scene = holding()
    view = scene.view
    assert (view.premium, view.fees, view.realized_pnl) == (D("0.8"), D("0.02"), D("0.78"))
    cost = 2 * (2 * D("0.001") * D(210) + D("0.017346"))
    assert view.pnl == D("0.78") - cost
    assert view.pnl_pct == view.pnl / D("0.8") * 100
    assert (view.max_loss_usd, view.max_profit_usd) == (D("-0.8"), D("0.64"))
    assert sum((leg.pnl or D(0) for leg in view.legs), Decimal(0)) == view.pnl
    call, put = view.legs
    assert (call.symbol, call.side, call.quantity, call.filled_quantity, call.open_quantity) == (CALL, "sell", 2, 2, 2)
    assert (call.avg_px, call.exit_px, call.mark, call.bid, call.ask) == (D(200), None, D(205), D(200), D(210))
    assert (call.delta, put.delta, call.iv, call.fresh) == (0.125, -0.125, 0.5, True)
    assert call.distance_pct == pytest.approx(4.0) and put.distance_pct == pytest.approx(-4.0)
    assert call.price_age_s == 0


def test_average_prices_are_weighted() -> None:
    scene = entering()
    intent = scene.accept("C")
    scene.fill(intent.client_order_id, 1, price="200")
    scene.fill(intent.client_order_id, 1, price="203")
    assert scene.view.legs[0].avg_px == D("201.5")
    assert scene.view.legs[1].avg_px is None
    assert scene.view.orders[0].filled_quantity + scene.view.orders[1].filled_quantity == 2


def test_unknown_pnl_is_absent_and_not_zero() -> None:
    scene = holding()
    scene.tick(6)
    view = scene.view
    assert (view.pnl, view.pnl_pct) == (None, None)
    assert not any(leg.fresh for leg in view.legs)
    assert rung(view, "max loss").distance_usd is None
    assert rung(view, "max loss").at_pnl == D("-0.8")


def test_ladder_signs_and_distances() -> None:
    scene = holding()
    view = scene.view
    assert view.pnl is not None and view.pnl_pct is not None
    loss, profit, trail, clock = (rung(view, n) for n in ("max loss", "max profit", "trailing", "exit time"))
    assert (loss.at_pct, profit.at_pct) == (D(-100), D(80))
    assert loss.distance_usd == D("-0.8") - view.pnl and loss.distance_usd < 0
    assert profit.distance_usd == D("0.64") - view.pnl and profit.distance_usd > 0
    assert loss.distance_pct is not None and loss.distance_pct < 0
    assert (trail.armed, trail.at_pct, trail.name) == (False, None, "trailing stop (arms at 40 %)")
    assert clock.at_time == view.exit_at
    assert loss.spot_low is not None and loss.spot_high is not None
    assert loss.spot_low < float(SPOT) < loss.spot_high


def test_the_armed_trailing_stop_stands_at_its_level_even_at_zero() -> None:
    scene = holding()
    for _ in range(2):
        scene.prices("100", "100", after=2.0)
    view = scene.view
    assert view.trailing_level == 0
    trail = rung(view, "trailing stop")
    assert (trail.name, trail.armed, trail.at_pct, trail.at_pnl) == ("trailing stop", True, D(0), D(0))
    assert trail.distance_usd is not None and trail.distance_usd < 0


def test_no_ladder_once_the_run_is_closing() -> None:
    assert exiting().view.ladder == ()
    assert waiting().view.ladder != ()


def test_steps_tell_someone_who_has_pressed_stop_what_is_going_on() -> None:
    scene = entering()
    scene.trade("P")
    scene.accept("C")
    scene.stop()
    steps = scene.view.steps
    assert steps[0].startswith("Exit decided: Stop & Exit")
    assert f"{CALL}: entry order being cancelled" in steps
    assert f"{CALL}: nothing was sold" in steps
    assert f"{PUT}: 2 open, closing attempt 1" in steps
    assert steps[-1] == "Waiting for the exchange to confirm: no position, no open order"
    finish(scene)
    assert f"{CALL}: entry order cancelled" in scene.view.steps
    assert f"{PUT}: bought back" in scene.view.steps
    assert scene.view.steps[-1] == "FLAT: confirmed by the exchange"


def test_a_run_that_never_sold_says_what_was_confirmed() -> None:
    scene = waiting()
    scene.stop()
    finish(scene)
    assert scene.view.steps[-1] == "FLAT: the exchange shows no position and no open order of this run"
    assert (scene.view.realized_pnl, scene.view.fees) == (0, 0)


@pytest.mark.parametrize("stage", [waiting, entering, holding, exiting, done])
@pytest.mark.parametrize(
    "trouble", ["no market", "no quotes", "no watch", "expired", "empty quote", "spot zero", "no time"]
)
def test_no_exception_whatever_is_missing(stage: object, trouble: str) -> None:
    scene: Scene = stage()  # type: ignore[operator]
    state, now = scene.state, scene.now
    market = state.market
    match trouble:
        case "no market":
            state = replace(state, market=type(market)())
        case "no quotes":
            state = replace(state, market=replace(market, quotes={}))
        case "no watch":
            state = replace(state, watches={})
        case "expired":
            now = Now(now.wall, scene.wall + timedelta(days=3))
        case "empty quote":
            bare = quote(CALL, scene.wall, bid=None, ask=None, mark=None, greeks=None, mark_iv=None, ts_mark=None)
            state = replace(state, market=replace(market, quotes={**market.quotes, CALL: bare}))
        case "spot zero":
            state = replace(state, market=replace(market, spots={"BTC": D(0)}))
        case "no time":
            now = Now(now.wall, None)
    view = build_view(state, state.runs[scene.run.run_id], now)
    assert view.phase is scene.phase
    assert msgspec.json.decode(msgspec.json.encode(view))["run_id"] == view.run_id


def test_a_finished_run_shows_its_realised_result_as_its_pnl() -> None:
    scene = done()
    view = scene.view
    assert view.pnl == view.realized_pnl == (scene.run.finished and scene.run.finished.realized_pnl)
    assert view.exit_reason == "manual"
    assert view.legs[0].exit_px == D(214)


def test_what_somebody_else_closed_is_said_at_the_end() -> None:
    scene = holding(preset(exits={"confirmations": 10}))
    scene.exchange.foreign[CALL] = 2
    for _ in range(40):
        if scene.phase is not Phase.HOLDING:
            break
        scene.prices()
        scene.serve()
    finish(scene)
    assert f"{CALL}: closed by somebody else" in scene.view.steps
    assert scene.view.flat == "true"


def test_a_fill_after_the_end_is_never_called_flat() -> None:
    scene = done()
    assert scene.view.flat == "true"
    entry = scene.order("C", 0, Purpose.ENTRY)
    fill = replace(next(iter(scene.run.fills.values())).fill, fill_id="late", quantity=1)
    fill = replace(fill, client_order_id=entry.intent.client_order_id, venue_order_id=entry.venue_order_id or "")
    scene.pass_time(5)
    scene.feed(ev.FillSeen, fill=fill)
    assert scene.view.flat == "false"
    assert f"NOT FLAT: {CALL} -1" in scene.view.words


def test_a_finished_run_folded_from_its_first_and_last_record_keeps_its_result() -> None:
    scene = done()
    told = scene.view.realized_pnl
    assert told is not None and told != 0
    scene.records = [r for r in scene.records if isinstance(r, rec.RunCreated | rec.RunFinished)]
    scene.restart()
    assert scene.view.realized_pnl == told
