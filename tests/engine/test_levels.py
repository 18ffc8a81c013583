"""What the account may do: pause, reduce, kill, resume; recorded, and undone by a person only."""

import pytest
from msgspec.structs import replace

from tests.engine.scene import Phase, Scene, done, entering, exiting, finish, holding, kinds, preset, secs, waiting
from trader.domain.order import Purpose
from trader.engine import effects as ef
from trader.engine import events as ev
from trader.engine import records as rec
from trader.engine.fold import evolve
from trader.engine.gate import check_order
from trader.engine.records import Level, OperatorLevel
from trader.engine.release import check_release
from trader.engine.viewing import trading_state

PAUSE, REDUCE, KILL, RESUME = OperatorLevel


def order(scene: Scene, level: OperatorLevel, reason: str = "") -> str:
    """Give the order; the answer in words."""
    scene.commands += 1
    scene.feed(ev.LevelCommand, command_id=f"l{scene.commands}", level=level, issued_by="tester", reason=reason)
    (ack,) = (e for e in scene.effects if isinstance(e, ef.AckCommand))
    assert ack.status == "accepted"
    return ack.detail


def level(scene: Scene) -> Level:
    return scene.state.account.trading.level


# (orders in turn, level afterwards)
LADDER = [
    ((), Level.ACTIVE),
    ((PAUSE,), Level.PAUSED),
    ((REDUCE,), Level.REDUCING),
    ((KILL,), Level.HALTED),
    ((PAUSE, REDUCE), Level.REDUCING),
    ((REDUCE, PAUSE), Level.REDUCING),
    ((KILL, PAUSE), Level.HALTED),
    ((KILL, REDUCE, RESUME), Level.ACTIVE),
    ((PAUSE, RESUME, RESUME), Level.ACTIVE),
]


@pytest.mark.parametrize(("orders", "ends"), LADDER, ids=str)
def test_levels_only_rise_until_a_person_resumes(orders: tuple[OperatorLevel, ...], ends: Level) -> None:
    scene = Scene()
    for each in orders:
        order(scene, each)
    assert level(scene) is ends
    changes = [r for r in scene.records if isinstance(r, rec.LevelChanged)]
    assert all(a.level is not b.level for a, b in zip(changes, changes[1:], strict=False)), (
        "a repeated order is no news"
    )


@pytest.mark.parametrize("each", [PAUSE, REDUCE, KILL])
def test_a_restart_changes_no_level(each: OperatorLevel) -> None:
    scene = holding()
    order(scene, each, "the feed looks odd")
    before = scene.state.account.trading
    scene.restart()
    assert scene.state.account.trading == before
    assert (before.reason, before.since is not None) == ("the feed looks odd", True)


@pytest.mark.parametrize("each", [PAUSE, REDUCE, KILL])
def test_nothing_is_started_below_active(each: OperatorLevel) -> None:
    scene = Scene()
    order(scene, each)
    scene.start()
    (ack,) = (e for e in scene.effects if isinstance(e, ef.AckCommand))
    assert (ack.status, level(scene).value in ack.detail) == ("refused", True)
    order(scene, RESUME)
    scene.start()
    assert scene.phase is Phase.WAITING


@pytest.mark.parametrize("each", [PAUSE, REDUCE])
def test_an_armed_run_waits_and_enters_after_resume(each: OperatorLevel) -> None:
    scene = Scene()
    scene.start()
    order(scene, each)
    scene.read_chain()
    scene.prices()
    scene.read_account()
    assert scene.phase is Phase.WAITING
    assert any(level(scene).value in why for why in scene.view.why_not)
    order(scene, RESUME)
    scene.prices()
    assert scene.phase is Phase.WAITING  # what was read before says nothing of what trading was forbidden for
    scene.read_account()
    assert scene.phase is Phase.ENTERING


def test_paused_completes_an_entry_under_way() -> None:
    scene = entering()
    scene.trade("P")
    order(scene, PAUSE)
    scene.reject("C", "limit_price_out_of_price_band")
    scene.read_account()
    scene.prices(after=1.2)
    assert [i.leg for i in scene.submits()] == ["C"]
    scene.trade("C")
    assert scene.phase is Phase.HOLDING


@pytest.mark.parametrize("sold", ["", "P"])
def test_reduced_an_entry_under_way_is_bought_back(sold: str) -> None:
    scene = entering()
    if sold:
        scene.trade("P")
    scene.accept("C")
    order(scene, REDUCE)
    assert (scene.phase, scene.run.exit_reason) == (Phase.EXITING, "unwind")
    assert "REDUCING" in scene.run.exit_detail
    assert [c.client_order_id for c in scene.cancels()]
    finish(scene)
    assert (scene.phase, scene.view.flat) == (Phase.DONE, "true")
    assert {i.leg for i in scene.sent(Purpose.UNWIND)} >= set(sold)


@pytest.mark.parametrize("each", [PAUSE, REDUCE])
def test_a_held_strangle_is_held_and_its_exits_work(each: OperatorLevel) -> None:
    scene = holding()
    order(scene, each)
    assert scene.phase is Phase.HOLDING
    for _ in range(2):
        scene.prices("900", "900", after=2.0)
    assert (scene.phase, scene.run.exit_reason) == (Phase.EXITING, "max_loss")
    finish(scene)
    assert scene.phase is Phase.DONE


@pytest.mark.parametrize("stage", [waiting, entering, holding, exiting])
def test_kill_ends_every_run_flat_and_halts(stage: object) -> None:
    scene: Scene = stage()  # type: ignore[operator]
    assert scene.run.run_id in order(scene, KILL)
    assert scene.phase is Phase.EXITING
    assert scene.run.stop_command is not None
    finish(scene)
    assert (scene.phase, scene.view.flat, level(scene)) == (Phase.DONE, "true", Level.HALTED)


def test_kill_of_nothing_halts_all_the_same() -> None:
    scene = done()
    assert order(scene, KILL) == "trading is HALTED"
    assert kinds(scene.effects) == ["AckCommand", "LevelChanged"]


def test_kill_twice_changes_nothing() -> None:
    scene = holding()
    order(scene, KILL)
    sent = len(scene.sent())
    order(scene, KILL)
    assert len(scene.sent()) == sent
    assert kinds(scene.effects) == ["AckCommand"]


@pytest.mark.parametrize(("each", "code"), [(PAUSE, ""), (REDUCE, "TRADING_REDUCING"), (KILL, "ENTRY_AFTER_STOP")])
def test_an_entry_decided_a_moment_ago_is_not_signed(each: OperatorLevel, code: str) -> None:
    scene = entering()
    intent = scene.submits()[0]
    order(scene, each)
    denied = check_release(scene.state, intent, scene.now)
    assert ("" if denied is None else denied.code) in (code, "ENTRY_AFTER_STOP" if code else "")


def test_an_old_records_level_is_active_and_another_accounts_is_not_ours() -> None:
    scene = holding()
    stray = rec.LevelChanged(run_id="", wall=scene.wall, account="other", level=Level.HALTED, reason="theirs")
    assert evolve(scene.state, stray) is scene.state
    assert level(scene) is Level.ACTIVE


def test_the_ops_strip_says_state_and_reason() -> None:
    scene = holding()
    assert trading_state(scene.state) == ("ACTIVE", "")
    assert trading_state(scene.state, "a HALT file") == ("HALTED", "a HALT file")
    fault = replace(scene.state, journal_fault="full.")
    assert trading_state(fault) == ("REDUCING", "the journal cannot be written: full.")
    order(scene, PAUSE)
    assert trading_state(scene.state) == ("PAUSED", "pause (tester)")
    assert trading_state(replace(scene.state, journal_fault="full."))[0] == "REDUCING"


def test_an_armed_run_says_that_it_will_not_enter() -> None:
    scene = waiting()
    order(scene, PAUSE, "lunch")
    assert scene.view.words == "Waiting — no entry: trading is PAUSED: lunch"
    assert scene.view.why_not == ("waiting for the entry time", "trading is PAUSED: lunch")
    order(scene, RESUME)
    assert scene.view.words.startswith("Waiting — sells at 10:00 IST")


def test_a_pause_before_the_first_order_holds_back_both_legs() -> None:
    scene = Scene()
    scene.start(preset())
    scene.read_chain()
    scene.prices()
    order(scene, PAUSE)
    scene.read_account()
    assert scene.phase is Phase.WAITING and scene.sent() == []


@pytest.mark.parametrize("each", [Level.REDUCING, Level.HALTED])
def test_gate_and_release_refuse_entries_by_the_level_whatever_the_strategy_thinks(each: Level) -> None:
    scene = entering()
    intent = scene.submits()[0]
    trading = replace(scene.state.account.trading, level=each, reason="found wanting")
    state = replace(scene.state, account=replace(scene.state.account, trading=trading))
    released = check_release(state, intent, scene.now)
    assert released is not None
    assert (released.code, released.detail) == (f"TRADING_{each}", f"trading is {each}: found wanting")
    run = replace(scene.run, orders={})
    denied = check_order(state, run, replace(intent, client_order_id="sd-unused"), scene.now)
    assert denied is not None and denied.code == f"TRADING_{each}"


def test_the_gate_refuses_entries_until_a_429_is_over() -> None:
    scene = entering()
    intent = replace(scene.submits()[0], client_order_id="sd-unused")
    run = replace(scene.run, orders={})
    for ahead, code in ((1, "RATE_LIMITED"), (0, "")):
        state = replace(scene.state, slow_until=scene.wall + secs(ahead))
        denied = check_order(state, run, intent, scene.now)
        assert ("" if denied is None else denied.code) == code
