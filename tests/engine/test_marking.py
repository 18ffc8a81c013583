"""What a run makes belongs to the day on which it arises: marks at the Indian midnight, and what a restart over it does."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.scene import EXPIRY, SPOT, Phase, Scene, preset
from tests.engine.several import config, runs, second, serve
from trader.domain.clock import Now
from trader.domain.expiry import ist_date
from trader.engine import events as ev
from trader.engine import records as rec
from trader.engine.account.losses import made_today, present_losses
from trader.engine.fold import evolve
from trader.engine.state import State
from trader.engine.step import step

D = Decimal
MIDNIGHT = datetime(2025, 1, 15, 18, 30, tzinfo=UTC)  # of the Indian 15 January, a Wednesday
WED, THU = date(2025, 1, 15), date(2025, 1, 16)


def over_night(**sections: Any) -> Scene:
    """Short since 23:58 IST, until the afternoon of the next day; nothing but the clock closes it."""
    scene = Scene(wall=MIDNIGHT - timedelta(minutes=2), market=MIDNIGHT - timedelta(minutes=2))
    scene.start(
        preset(**{"exits": {"max_loss_pct": 1000, "liquidation_guard_pct": 0, "breakeven_cushion": "none"}, **sections})
    )
    sold(scene)
    return scene


def sold(scene: Scene) -> None:
    for _ in range(12):
        scene.pass_time(1)
        scene.prices(after=0)
        serve(scene, price="200")
        if scene.phase is Phase.HOLDING:
            return
    raise AssertionError(scene.watch.why_not)


def until(scene: Scene, at: datetime, price: str = "205") -> None:
    """To an instant without a price, then one at it."""
    scene.pass_time((at - scene.wall).total_seconds())
    scene.prices(price, price, after=0)


def marks(scene: Scene) -> list[tuple[date, Decimal, Decimal, bool]]:
    return [(r.day, r.pnl, r.carried, r.late) for r in scene.records if isinstance(r, rec.DayMarked)]


def folded(scene: Scene) -> State:
    state = State(installation="abcd1234", epoch=1, env="paper", account_key="acc")
    for record in scene.records:
        state = evolve(state, record)
    return state


def test_yesterdays_loss_of_an_open_run_is_yesterdays() -> None:
    scene = over_night()
    until(scene, MIDNIGHT - timedelta(seconds=2), "600")
    lost = made_today(scene.state, scene.now)
    assert lost.booked == 0 and lost.open < D("-1.6")
    until(scene, MIDNIGHT + timedelta(seconds=1), "600")
    (mark,) = marks(scene)
    assert mark == (WED, lost.open, 0, False)
    assert scene.state.account.made_by_day == {WED: lost.open}
    assert made_today(scene.state, scene.now) == (0, 0)
    until(scene, MIDNIGHT + timedelta(hours=3), "650")
    today = made_today(scene.state, scene.now)
    assert today.booked == 0 and D("-0.3") < today.open < D("-0.19"), "50 more a unit since midnight"
    week = present_losses(scene.state, scene.now)[1]
    assert week.made.lost == -(lost.open + today.open), "both days are of one week"


def test_a_mark_is_made_once_and_folds() -> None:
    scene = over_night()
    for minute in range(4):
        until(scene, MIDNIGHT + timedelta(minutes=minute, seconds=1), "300")
    assert len(marks(scene)) == 1
    assert folded(scene).account.marks == scene.state.account.marks != {}
    assert folded(scene).account.made_by_day == scene.state.account.made_by_day


def test_what_was_sold_after_midnight_has_no_mark_of_yesterday() -> None:
    scene = Scene(wall=MIDNIGHT + timedelta(minutes=1), market=MIDNIGHT + timedelta(minutes=1))
    scene.start(preset(strategy={"quantity": 2, "expiry": "today"}))
    sold(scene)
    until(scene, MIDNIGHT + timedelta(minutes=5))
    assert marks(scene) == []


@pytest.mark.parametrize(("price", "counts"), [("600", "today"), ("100", "yesterday")])
def test_over_a_restart_a_loss_counts_for_today_and_a_profit_for_yesterday(price: str, counts: str) -> None:
    """No runner was up from 23:59 to 03:00: what was made when is not known, and the limit of today is not eased by that."""
    scene = over_night()
    scene.wall = scene.market = MIDNIGHT + timedelta(hours=3)  # type: ignore[assignment]
    scene.restart(down_secs=0)
    scene.read_account()
    scene.prices(price, price)
    made = made_today(scene.state, scene.now)
    (mark,) = marks(scene)
    assert mark[0] == WED and mark[3]
    booked = scene.state.account.made_by_day[WED]
    if counts == "today":
        assert made.open < D("-1.6") and booked == 0
    else:
        assert made.open == 0 and booked > D("0.3")
    assert "marked_late" in scene.alerts()


def test_a_run_without_a_usable_price_around_midnight_takes_the_last_one_before_it() -> None:
    scene = over_night(
        exits={"max_loss_pct": 1000, "liquidation_guard_pct": 0, "blind_exit_secs": 600, "breakeven_cushion": "none"}
    )
    until(scene, MIDNIGHT - timedelta(seconds=30), "300")
    before = made_today(scene.state, scene.now).open
    for _ in range(70):
        scene.tick(1)  # no price
    assert marks(scene) == [], "one may still come"
    for _ in range(30):
        scene.tick(1)
    assert marks(scene) == [(WED, before, 0, False)]


def test_at_a_fast_clock_near_is_what_this_machine_calls_near() -> None:
    scene = over_night()
    scene.wall += timedelta(seconds=2)
    scene.market = MIDNIGHT + timedelta(minutes=20)  # 60 times as fast: 20 s of this machine's
    fast = Now(scene.wall, scene.market, 60.0)
    quotes = tuple(scene.around(key, "300") for key in ("C", "P"))
    scene.state, effects = step(
        scene.state, ev.MarketMoved(at=fast, quotes=quotes, spots=(("BTC", SPOT),), newest=scene.market)
    )
    (mark,) = [e for e in effects if isinstance(e, rec.DayMarked)]
    assert not mark.late


@settings(max_examples=40, deadline=None)
@given(
    prices=st.lists(st.integers(20, 900), min_size=1, max_size=4),
    down=st.lists(st.booleans(), min_size=4, max_size=4),
    two=st.booleans(),
)
def test_the_days_add_up_to_the_result_to_the_last_digit(prices: list[int], down: list[bool], two: bool) -> None:
    """Whatever is marked, late or not, over restarts and for several runs: nothing is lost between days."""
    scene = Scene(wall=MIDNIGHT - timedelta(minutes=2), market=MIDNIGHT - timedelta(minutes=2))
    far = {
        "exits": {
            "max_loss_pct": 1000,
            "liquidation_guard_pct": 0,
            "max_profit_pct": 100,
            "breakeven_cushion": "none",
            "blind_exit_secs": 600,
        }
    }
    scene.start(config(0, **far, schedule={"exit_rule": "date", "exit_date": "2025-01-16"}))
    sold(scene)
    if two:
        second(scene, config(1, **far, schedule={"exit_rule": "date", "exit_date": "2025-01-16"}))
    for number, price in enumerate(prices):
        at = MIDNIGHT + timedelta(hours=number * 2, seconds=1)
        if down[number]:
            scene.wall = scene.market = at  # type: ignore[assignment]
            scene.restart(down_secs=0)
            scene.read_account()
        until(scene, max(at, scene.wall), str(price))
    assert at < EXPIRY
    scene.stop()
    for _ in range(12):
        scene.prices(str(prices[-1]), str(prices[-1]))
        serve(scene, price=str(prices[-1]))
    results = [r for r in scene.records if isinstance(r, rec.RunFinished)]
    assert len(results) == 1 + two and not runs(scene)
    assert sum(scene.state.account.made_by_day.values()) == sum(r.realized_pnl for r in results)
    assert scene.state.account.marks == {}
    assert folded(scene).account.made_by_day == scene.state.account.made_by_day
    changes: dict[str, Decimal] = {}
    for record in scene.records:
        if isinstance(record, rec.DayMarked):
            changes[record.run_id] = changes.get(record.run_id, D(0)) + record.pnl - record.carried
    for result in results:
        assert changes.get(result.run_id, D(0)) == result.carried
    assert ist_date(results[-1].market or results[-1].wall) == THU
