"""What fails in one run's rules stays its own: other runs, and the run's other leg, are closed all the same."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from tests.engine.scene import Phase, Scene, done, entering, holding
from trader.domain.order import OrderType, Purpose
from trader.engine import closing
from trader.engine import records as rec
from trader.engine import step as stepping
from trader.engine.execution import exit as leaving
from trader.engine.records import Level
from trader.engine.state import Run


def poison(monkeypatch: pytest.MonkeyPatch, phase: Phase, run_id: str) -> None:
    """The rules of one run raise whenever it is looked at in this phase, after having decided something."""
    real: Callable[..., None] = stepping._ADVANCE[phase]

    def fails(turn: Any, name: str) -> None:
        if name != run_id:
            return real(turn, name)
        turn.write(rec.Trailed, name, peak_pnl=1, peak_pct=1, level_pct=99)
        raise ZeroDivisionError("a bad print")

    monkeypatch.setitem(stepping._ADVANCE, phase, fails)


def bold(scene: Scene) -> Scene:
    """Rules may fail in this scene."""
    scene.rules_may_fail = True
    return scene


def with_another_run(scene: Scene) -> str:
    """A second run beside the scene's, looked at before it; its id."""
    run, watch = scene.run, scene.watch
    other = replace(
        run, run_id="other", underlying="ETH", orders={}, unsettled=(), fills={}, ledgers={}, held=(), positions={}
    )
    scene.state = replace(
        scene.state,
        runs={"other": other, run.run_id: run},
        watches={"other": watch, run.run_id: watch},
    )
    return "other"


def test_another_run_is_stopped_and_closed_although_this_ones_rules_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = bold(holding())
    poison(monkeypatch, Phase.HOLDING, with_another_run(scene))
    scene.stop(scene.run.run_id)
    assert scene.phase is Phase.EXITING
    assert {i.leg for i in scene.sent(Purpose.EXIT)} == {"C", "P"}


def test_what_the_failing_rules_had_decided_is_dropped_and_a_person_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = bold(holding())
    poison(monkeypatch, Phase.HOLDING, scene.run.run_id)
    scene.tick(0.1)
    assert scene.run.level_pct is None
    assert scene.state.account.trading.level is Level.HALTED
    assert scene.alerts().count("rules_failed") == 1
    for _ in range(20):
        scene.tick(1.0)
    assert scene.alerts().count("rules_failed") == 1  # not one at every tick


def test_a_run_whose_rules_keep_failing_is_closed_as_one_without_prices_is(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = bold(holding())
    poison(monkeypatch, Phase.HOLDING, scene.run.run_id)
    for _ in range(scene.run.preset.exits.blind_exit_secs + 3):
        scene.tick(1.0)
    assert (scene.phase, scene.run.exit_reason) == (Phase.EXITING, "blind")
    assert {i.leg for i in scene.sent(Purpose.EXIT)} == {"C", "P"}


def test_stop_closes_the_run_whose_own_rules_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = bold(holding())
    poison(monkeypatch, Phase.HOLDING, scene.run.run_id)
    scene.stop()
    assert {i.leg for i in scene.sent(Purpose.EXIT)} == {"C", "P"}


def test_an_entry_that_cannot_be_gone_on_with_is_bought_back(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = bold(entering())
    scene.trade("C")
    poison(monkeypatch, Phase.ENTERING, scene.run.run_id)
    for _ in range(8):
        scene.tick(1.0)
    assert scene.run.exit_reason == "unwind"
    assert [i.leg for i in scene.sent(Purpose.UNWIND)] == ["C"]


@pytest.mark.parametrize("leg", ["C", "P"])
def test_a_leg_whose_prices_cannot_be_worked_with_is_closed_at_market_and_the_other_as_ever(
    monkeypatch: pytest.MonkeyPatch, leg: str
) -> None:
    real = leaving.exit_terms

    def fails(state: Any, now: Any, run: Run, terms: Any, *rest: Any, **more: Any) -> Any:
        if terms.key == leg:
            raise ArithmeticError("a price nobody can round")
        return real(state, now, run, terms, *rest, **more)

    monkeypatch.setattr(leaving, "exit_terms", fails)
    scene = stopped()
    types = {i.leg: i.order_type for i in scene.submits()}
    other = "P" if leg == "C" else "C"
    assert types == {leg: OrderType.MARKET, other: OrderType.LIMIT}


def test_a_leg_that_cannot_be_closed_at_all_keeps_the_other_from_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    real = closing.work_exit

    def fails(turn: Any, run_id: str, leg: Any, *rest: Any, **more: Any) -> bool:
        if leg.key == "C":
            raise ArithmeticError("no way")
        return real(turn, run_id, leg, *rest, **more)

    monkeypatch.setattr(closing, "work_exit", fails)
    scene = stopped()
    assert [i.leg for i in scene.submits()] == ["P"]
    scene.trade("P")
    for _ in range(30):
        scene.tick(1.0)
        scene.serve()
    assert scene.phase is Phase.EXITING


def stopped() -> Scene:
    scene = bold(holding())
    scene.stop()
    return scene


def test_nothing_is_told_where_nothing_fails() -> None:
    assert "rules_failed" not in done().alerts()
