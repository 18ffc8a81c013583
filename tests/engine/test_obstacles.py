"""What still keeps an armed run from entering, each in words, and what is asked for meanwhile."""

from datetime import datetime
from typing import Any

import pytest
from msgspec.structs import replace

from tests.engine.scene import CALL, EXPIRY, OPENING, SPOT, UNREAD, D, Phase, Scene, entering, preset, secs
from trader.domain.expiry import ist_date
from trader.engine import effects as ef
from trader.engine import events as ev


def picked(config: Any = None) -> Scene:
    """Started, strikes picked, prices fresh; the account has not answered."""
    scene = Scene()
    scene.start(config)
    scene.read_chain()
    scene.prices()
    return scene


def asks(scene: Scene, kind: type[ef.Effect]) -> bool:
    return any(isinstance(effect, kind) for effect in scene.due)  # type: ignore[arg-type]


def test_a_day_that_reached_its_loss_limit_while_the_run_waited_keeps_it_out() -> None:
    scene = picked()
    booked = {ist_date(scene.wall): D(-500)}
    scene.state = replace(scene.state, account=replace(scene.state.account, made_by_day=booked))
    scene.read_account()
    assert scene.phase is Phase.WAITING
    assert any("500.00 USD has reached risk.daily_loss_limit_usd" in why for why in scene.view.why_not)


def test_after_a_restart_without_the_exchanges_time_the_buffer_begins_when_it_is_known() -> None:
    scene = picked()
    scene.market = None
    scene.restart(down_secs=1)
    assert "time is not known yet" in scene.view.words
    scene.market = OPENING + secs(30)
    scene.prices(after=0)
    assert scene.view.why_not[0] == "just started: waiting out the buffer"
    scene.prices(after=2)
    assert scene.view.why_not[0] == "just started: 3 s of buffer left"
    for _ in range(4):
        scene.prices(after=1)
        scene.serve(fill=False)
    assert scene.phase is Phase.ENTERING


def test_a_book_too_thin_by_now_is_named() -> None:
    scene = picked(preset(strategy={"min_bid_size": 50}))
    scene.pass_time(0.5)
    scene.quotes(replace(scene.around("C", "205"), bid_size=49), scene.around("P", "205"))
    scene.read_account()
    assert scene.phase is Phase.WAITING
    assert any(why.startswith(f"{CALL}: ") for why in scene.view.why_not)


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"available_usd": None}, "available margin is not known"),
        ({"positions": UNREAD}, "waiting for positions and open orders to be read"),
        ({"error": "HTTP 502"}, "waiting for positions and open orders to be read"),
    ],
    ids=str,
)
def test_an_account_half_read_is_no_ground_to_enter(members: dict[str, Any], words: str) -> None:
    scene = picked()
    scene.read_account(**members)
    assert scene.phase is Phase.WAITING
    assert words in scene.view.why_not
    scene.prices(after=1)
    assert asks(scene, ef.ReadAccount)


def test_an_account_read_too_long_ago_is_read_again() -> None:
    scene = picked(preset(risk={"daily_loss_limit_usd": 500}))
    scene.pass_time(11)
    scene.read_account(asked=scene.wall - secs(10.5))
    scene.prices(after=0)
    assert scene.phase is Phase.WAITING
    assert "waiting for positions and open orders to be read" in scene.view.why_not


def test_a_fill_since_the_read_makes_a_position_unread() -> None:
    scene = picked()
    run = replace(scene.run, positions={})
    scene.state = replace(scene.state, runs={run.run_id: run})
    seen = replace(scene.watch, account_read=scene.wall, available_usd=D(9_999), foreign=())
    scene.state = replace(scene.state, watches={run.run_id: seen}, orders_read=scene.wall)
    scene.due = []
    scene.tick(0.1)
    assert any(f"{CALL}: position not read yet" in why for why in scene.view.why_not)


def test_without_an_index_price_the_margin_is_not_guessed() -> None:
    scene = picked()
    scene.state = replace(scene.state, market=replace(scene.state.market, spots={}))
    scene.exchange.available = D(1)
    scene.feed(ev.AccountRead, runs=(scene.run.run_id,), asked=scene.wall, **scene.exchange.read(()))
    assert not any("margin needed" in why for why in scene.view.why_not)


def test_strikes_whose_exit_would_be_past_are_not_taken() -> None:
    scene = Scene(wall=EXPIRY - secs(44 * 60), market=EXPIRY - secs(44 * 60))
    scene.start(
        preset(strategy={"min_hours_to_expiry": "0.1", "expiry": "nearest"}, schedule={"exit_time_ist": "17:29"})
    )
    at: datetime = scene.wall
    scene.chain = [(i, replace(q, ts_mark=at, ts_quote=at, ts_greeks=at)) for i, q in scene.chain]
    scene.read_chain()
    assert scene.run.legs == ()
    assert "strikes: the exit 45 min before the expiry 2025-01-16 12:00 UTC is past already" in scene.view.why_not


def test_a_chain_for_a_run_that_is_not_there_passes_by() -> None:
    scene = picked()
    before = scene.state.runs
    scene.feed(ev.ChainRead, run_id="nobody", instruments=(), quotes=(), spot=SPOT)
    assert scene.state.runs == before


def test_the_exit_time_in_the_middle_of_an_entry_closes_what_was_sold() -> None:
    scene = entering(preset(schedule={"exit_time_ist": "09:31"}))
    scene.trade("P")
    scene.accept("C")
    for _ in range(61):
        scene.prices()
    assert (scene.phase, scene.run.exit_reason) == (Phase.EXITING, "time")


def test_one_leg_failed_waits_for_the_other_where_shares_are_accepted() -> None:
    config = preset(orders={"retries": 0, "market_fallback": False, "partial_policy": "accept"})
    scene = entering(config)
    put = scene.accept("P")
    scene.reject("C", "insufficient_margin")
    assert scene.phase is Phase.ENTERING
    scene.fill(put.client_order_id)
    assert (scene.phase, scene.run.exit_reason) == (Phase.EXITING, "unwind")
