"""The steps of the loss limits on realised and open loss together, and which runs count for the day."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.engine.scene import Phase, Scene, entering, holding, preset, secs
from tests.engine.several import config, runs, serve, two_holding
from tests.engine.test_account_limits import resumes, set_limits
from trader.config.account_limits import AccountLimits
from trader.domain.order import Purpose
from trader.engine import effects as ef
from trader.engine import records as rec
from trader.engine.account.losses import Made, made_today, present_losses, runs_sold, today, unvalued
from trader.engine.fold import evolve
from trader.engine.gate import check_order
from trader.engine.state import State
from trader.engine.valuation import untold_fees

D = Decimal


def ack(scene: Scene) -> ef.AckCommand:
    return next(e for e in scene.effects if isinstance(e, ef.AckCommand))


def held_apart() -> Scene:
    """Two runs of two contracts a leg, sold at 200, that no exit of their own closes at a loss."""
    scene, far = two_holding(), {"max_loss_pct": D(1000), "liquidation_guard_pct": D(0)}
    for run in runs(scene):
        wide = run.preset.model_copy(update={"exits": run.preset.exits.model_copy(update=far)})
        scene.state = replace(scene.state, runs={**scene.state.runs, run.run_id: replace(run, preset=wide)})
    return scene


def open_at(price: str, **limits: Any) -> Scene:
    """The same with their legs marked at `price` for a while."""
    scene = held_apart()
    set_limits(scene, **limits)
    hold_at(scene, price)
    return scene


def hold_at(scene: Scene, price: str, times: int = 6) -> None:
    for _ in range(times):
        scene.prices(price, price)


def booked(scene: Scene, usd: str) -> None:
    """So much is realised today."""
    made = {today(scene.now): D(usd)}
    scene.state = replace(scene.state, account=replace(scene.state.account, made_by_day=made))


def entry_code(scene: Scene) -> tuple[str, str]:
    """How the gate judges an order of a run like the newest that has sold nothing yet, with the numbers."""
    intent = next(i for i in scene.sent(Purpose.ENTRY) if i.run_id == scene.run.run_id and i.leg == "C")
    mark = scene.state.market.quotes[intent.symbol].mark
    run = replace(
        scene.run, orders={}, unsettled=(), phase=Phase.ENTERING, fills={}, ledgers={}, held=(), exit_reason=None
    )
    scene.pass_time(1)
    intent = replace(intent, client_order_id="more", limit_price=mark)
    found = check_order(scene.state, run, intent, scene.now)
    return ("", "") if found is None else (found.code, found.detail)


# What two runs lose at 600 a leg is about 3.24 USD: (600 + 5 - 200) x 0.001 x 2 x 2 x 2, and fees.


@pytest.mark.parametrize(
    ("limits", "code", "alerts", "phases"),
    [
        ({"daily_loss_usd": 6, "loss_warn_pct": 70}, "", [], "holding"),
        ({"daily_loss_usd": 4}, "", ["account_daily_loss_near"], "holding"),
        ({"daily_loss_usd": 4, "loss_warn_pct": 0}, "", [], "holding"),
        ({"daily_loss_usd": "3.5"}, "ACCOUNT_DAILY_LOSS", ["account_daily_loss_near"], "holding"),
        ({"daily_loss_usd": "3.5", "loss_bars_pct": 100}, "", ["account_daily_loss_near"], "holding"),
        ({"daily_loss_usd": 3}, "EXIT_AT_WORK", ["account_daily_loss"], "exiting"),
        (
            {"daily_loss_usd": 3, "daily_loss_closes": False},
            "ACCOUNT_DAILY_LOSS",
            ["account_daily_loss"],
            "holding",
        ),
    ],
    ids=["far away", "warned", "no warning wanted", "barred", "barred at the limit alone", "closed", "locked alone"],
)
def test_each_step_of_the_daily_loss(limits: dict[str, Any], code: str, alerts: list[str], phases: str) -> None:
    scene = open_at("600", **limits)
    assert D("3.2") < made_today(scene.state, scene.now).lost < D("3.4")
    assert {run.phase.value for run in runs(scene)} == {phases}
    assert entry_code(scene)[0] == code
    assert [c for c in scene.alerts() if c.startswith("account_")] == alerts


@pytest.mark.parametrize("closes", [False, True])
def test_the_weekly_loss_has_the_same_steps_and_closes_where_it_is_to(closes: bool) -> None:
    scene = held_apart()
    yesterday = today(scene.now) - secs(86400)
    scene.state = replace(scene.state, account=replace(scene.state.account, made_by_day={yesterday: D(-20)}))
    set_limits(scene, daily_loss_usd=10, weekly_loss_usd=23, weekly_loss_closes=closes)
    hold_at(scene, "205")
    assert scene.alerts().count("account_weekly_loss_near") == 1
    hold_at(scene, "600")
    assert {run.phase.value for run in runs(scene)} == {"exiting" if closes else "holding"}
    hold_at(scene, "150")
    scene.pass_time(86400)
    scene.start(config(5))
    assert ack(scene).status == "refused" and "locked until Monday" in ack(scene).detail
    scene.pass_time(5 * 86400)
    scene.start(config(6))
    assert ack(scene).status == "accepted", "the lock ends with the week"


def test_a_warning_is_given_once_a_day_over_restarts_too() -> None:
    scene = open_at("600", daily_loss_usd=4, daily_loss_closes=False)
    hold_at(scene, "200")
    hold_at(scene, "600")
    scene.restart()
    hold_at(scene, "600")
    assert scene.alerts().count("account_daily_loss_near") == 1


def test_a_loss_is_told_with_nothing_open_too() -> None:
    """Where a run ends at a loss at once, or limits are set afterwards."""
    scene = Scene()
    scene.prices()
    booked(scene, "-3")
    set_limits(scene, daily_loss_usd=4)
    hold_at(scene, "205")
    assert scene.alerts().count("account_daily_loss_near") == 1


def test_the_lock_of_the_week_outlives_that_of_a_day() -> None:
    """The newest record of the lock says all that is locked."""
    scene = two_holding()
    account = {"account": "acc", "run_id": "", "wall": scene.wall}
    monday = today(scene.now) - secs(2 * 86400)
    state = evolve(scene.state, rec.LossLocked(**account, day=None, week=monday))
    booked_ = {today(scene.now): D(-6000), monday: D(-8000)}
    scene.state = replace(state, account=replace(state.account, made_by_day=booked_))
    hold_at(scene, "205")
    locked = next(r for r in reversed(scene.records) if isinstance(r, rec.LossLocked))
    assert (locked.day, locked.week) == (today(scene.now), monday)


@pytest.mark.parametrize(
    ("realised", "price", "code"),
    [("0", "600", ""), ("-1.6", "600", ""), ("-1.9", "600", "DAILY_LOSS_LIMIT"), ("-4", "100", ""), ("3", "1100", "")],
)
def test_the_presets_own_limit_sees_what_is_open(realised: str, price: str, code: str) -> None:
    """Its limit is 5 USD; the runs of another preset and the run's own legs count."""
    scene = open_at("205")
    booked(scene, realised)
    hold_at(scene, price)
    own = scene.run.preset
    risk = own.risk.model_copy(update={"daily_loss_limit_usd": D(5)})
    run = replace(scene.run, preset=own.model_copy(update={"risk": risk}))
    scene.state = replace(scene.state, runs={**scene.state.runs, run.run_id: run})
    found, numbers = entry_code(scene)
    assert found == code
    assert not code or ("booked=-1.90, open=-3." in numbers and "limit=5 USD" in numbers)


def test_what_is_open_is_counted_while_a_run_enters_and_while_it_leaves() -> None:
    scene = entering()
    scene.trade("C", price="200")
    scene.prices("600", "205")
    assert made_today(scene.state, scene.now).open < D("-0.7")
    scene.trade("P", price="200")
    scene.prices("600", "205")
    scene.stop()
    scene.prices("1000", "205")
    assert made_today(scene.state, scene.now).open < D("-1.5")


def test_what_fills_must_have_cost_counts_before_it_is_told() -> None:
    """As it did not, a loss shrank in the moment in which it was taken, and an entry slipped through."""
    opened: dict[str | None, list[Decimal]] = {}
    for commission in ("0", None):
        scene = entering()
        for _ in ("held", "closed"):
            scene.trade("C", price="200", commission=commission)
            scene.trade("P", price="200", commission=commission)
            scene.prices()
            opened.setdefault(commission, []).append(made_today(scene.state, scene.now).open)
            fees = untold_fees(scene.run, scene.state.market)
            opened[commission].append(fees)
            scene.stop()
        assert scene.phase is Phase.EXITING and not scene.run.held
    (held, none, closed, _), (less, fees, least, all_fees) = opened["0"], opened[None]
    assert none == 0 and 0 < fees < all_fees
    assert (held - less, closed - least) == (fees, all_fees)


def test_entries_wait_while_what_is_open_elsewhere_is_not_known() -> None:
    scene = two_holding()
    first, second = runs(scene)
    assert unvalued(scene.state, scene.now) == ""
    scene.pass_time(20)
    assert unvalued(scene.state, scene.now) == "", "the last value counts for a while"
    scene.pass_time(11)
    assert f"run {first.run_id}" in unvalued(scene.state, scene.now)
    assert f"run {second.run_id}" in unvalued(scene.state, scene.now, but=first.run_id)
    scene.prices("205", "205", after=0)
    assert unvalued(scene.state, scene.now) == ""
    stale = replace(scene.state.watches[first.run_id], valued=None)
    scene.state = replace(scene.state, watches={**scene.state.watches, first.run_id: stale})
    assert entry_code(scene) == ("OPEN_PNL_UNKNOWN", f"the open P&L of run {first.run_id} is not known yet")


def test_an_exit_goes_out_whatever_is_lost_or_not_known() -> None:
    scene = open_at("600", daily_loss_usd=3, daily_loss_closes=False)
    booked(scene, "-9000")
    for run in runs(scene):
        unknown = replace(scene.state.watches[run.run_id], valued=None, counted=None)
        scene.state = replace(scene.state, watches={**scene.state.watches, run.run_id: unknown})
    scene.stop()
    assert {(i.run_id, i.leg) for i in scene.submits() if i.reduce_only} == {
        (run.run_id, key) for run in runs(scene) for key in ("C", "P")
    }


def test_a_resume_lifts_both_locks() -> None:
    scene = open_at("600", daily_loss_usd=3, weekly_loss_usd=3, daily_loss_closes=False)
    assert scene.state.account.locked_day and scene.state.account.locked_week
    hold_at(scene, "200")
    resumes(scene)
    assert scene.state.account.locked_day is scene.state.account.locked_week is None
    assert not any(loss.locked for loss in present_losses(scene.state, scene.now))


# -- runs of a day -----------------------------------------------------------------------------------------------------


def test_a_run_counts_for_the_day_it_sells_and_not_before() -> None:
    config_ = preset(risk={"max_runs_per_day": 1})
    scene = entering(config_)
    assert runs_sold(scene.state, "BTC", scene.now) == 0
    scene.trade("C")
    assert runs_sold(scene.state, "BTC", scene.now) == 1
    scene.trade("P")
    assert runs_sold(scene.state, "BTC", scene.now) == 1
    scene.start(config(1, risk={"max_runs_per_day": 1}))
    assert ack(scene).status == "refused"
    assert "runs on BTC that sold today: 1 of 1 (risk.max_runs_per_day)" in ack(scene).detail


def test_a_start_without_a_fill_counts_not_at_all() -> None:
    scene = entering(preset(risk={"max_runs_per_day": 1}))
    scene.stop()
    for _ in range(6):
        scene.serve(fill=False)
        scene.tick(1)
    assert scene.phase is Phase.DONE
    scene.start(preset(risk={"max_runs_per_day": 1}))
    assert ack(scene).status == "accepted"


def test_of_two_that_wait_for_the_days_last_run_one_sells() -> None:
    one = {"risk": {"max_runs_per_day": 1}}
    scene = Scene()
    scene.start(config(1, **one))
    scene.start(config(2, **one))
    assert ack(scene).status == "accepted", "neither has sold"
    for _ in range(8):
        scene.prices()
        serve(scene, fill=False)
    assert sorted(run.phase.value for run in runs(scene)) == ["entering", "waiting"]
    assert "runs on BTC that sold today: 1 of 1" in " ".join(scene.view.why_not)
    first = next(run for run in runs(scene) if run.phase is Phase.ENTERING)
    scene.stop(first.run_id)
    for _ in range(8):
        scene.prices()
        serve(scene, fill=False)
    assert [run.phase.value for run in runs(scene)] == ["entering"], "the first has sold nothing"


def test_the_gate_refuses_a_first_order_beyond_the_runs_of_the_day() -> None:
    scene = entering(preset(risk={"max_runs_per_day": 2}))
    day = ("BTC", today(scene.now))
    scene.state = replace(scene.state, account=replace(scene.state.account, runs_by_day={day: 2}))
    assert entry_code(scene) == ("RUNS_PER_DAY", "sold today=2, max_runs_per_day=2")


def test_a_run_armed_today_for_tomorrow_is_not_held_to_todays_runs() -> None:
    scene = holding(preset(risk={"max_runs_per_day": 1}))
    later = {"entry_time_ist": "09:00", "entry_window_mins": 10}  # it is 09:30 IST
    scene.start(config(1, risk={"max_runs_per_day": 1}, schedule=later), now=False)
    assert ack(scene).status == "accepted"
    scene.start(config(2, risk={"max_runs_per_day": 1}, schedule={**later, "entry_time_ist": "09:45"}), now=False)
    assert ack(scene).status == "refused", "that one would sell today"


def test_made_words_and_old_documents() -> None:
    assert Made(D(-14), D(-20)).lost == 34 and Made(D(-14), D(20)).lost == 0
    old = {k: v for k, v in AccountLimits().document().items() if not k.startswith(("loss_", "weekly_loss_closes"))}
    state = State(installation="a", epoch=1, env="paper", account_key="acc")
    record = rec.LimitsSet(run_id="", wall=Scene().wall, account="acc", limits=old)
    assert evolve(state, record).account.limits == AccountLimits()
