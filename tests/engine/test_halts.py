"""What halts trading by itself: too many orders without a fill, another installation, and what a 429 forbids for a while.
Exits go on in every case."""

from typing import Any

import pytest
from msgspec.structs import replace

from tests.engine.scene import (
    CALL,
    EXPIRY,
    UNREAD,
    D,
    Phase,
    Scene,
    entering,
    exiting,
    finish,
    holding,
    preset,
    rejected,
    secs,
    settlement,
)
from trader.domain.errors import AuthError, NotSent, OutcomeUnknown, RateLimited
from trader.domain.fill import FillKind
from trader.domain.order import OrderSnapshot, Purpose, Side
from trader.domain.outcome import Rejected, Unknown
from trader.domain.remedy import Remedy
from trader.engine import events as ev
from trader.engine import records as rec
from trader.engine.effects import ReadAccount, Submit
from trader.engine.execution.working import place
from trader.engine.gate import HARD_ORDERS_PER_SECOND, RESERVED_FOR_EXITS, check_order, slowed
from trader.engine.ids import client_order_id
from trader.engine.records import Level, OperatorLevel
from trader.engine.turn import Turn
from trader.exchange.common.budget import BudgetRefused
from trader.exchange.common.outcomes import outcome_of
from trader.exchange.delta.http.refusal import refused


def trading(scene: Scene) -> tuple[Level, str]:
    return scene.state.account.trading.level, scene.state.account.trading.code


def resume(scene: Scene) -> None:
    scene.commands += 1
    scene.feed(ev.LevelCommand, command_id=f"r{scene.commands}", level=OperatorLevel.RESUME, issued_by="tester")


# -- repetition --------------------------------------------------------------------------------------------------------


def refuse(scene: Scene, times: int, code: str = "insufficient_margin") -> None:
    """The call's exit is refused so many times in a row, each as soon as it is sent."""
    for _ in range(times):
        for _ in range(100):
            if scene.submits():
                break
            scene.prices(after=0.5)
        scene.reject("C", code)


def test_six_fruitless_exits_halt_trading_and_closing_goes_on_slowly() -> None:
    scene = exiting()
    scene.trade("P")
    refuse(scene, 6)
    scene.prices(after=5.0)
    assert trading(scene) == (Level.HALTED, "order_throttle")
    assert "halted:order_throttle" in scene.alerts() and "exit_throttled:C" in scene.alerts()
    assert [i.attempt for i in scene.submits()] == [6]
    for _ in range(6):
        refuse(scene, 1)
        ended = scene.wall
        while not scene.submits():
            scene.prices(after=0.25)
        assert 4.0 <= (scene.wall - ended).total_seconds() <= 5.0, "slow, and never later than five seconds"
    finish(scene)
    assert (scene.phase, scene.view.flat, trading(scene)[0]) == (Phase.DONE, "true", Level.HALTED)


def test_the_throttle_alert_is_repeated_and_not_with_every_order() -> None:
    scene = exiting()
    scene.trade("P")
    refuse(scene, 6)
    begun = scene.wall
    while (scene.wall - begun).total_seconds() < 200:
        refuse(scene, 1)
    assert scene.alerts().count("exit_throttled:C") in (3, 4)
    assert scene.alerts().count("halted:order_throttle") == 1


def test_five_do_not_halt_and_neither_do_orders_that_never_left_or_that_filled() -> None:
    scene = exiting()
    scene.trade("P")
    refuse(scene, 5)
    refuse(scene, 3, "not_sent")
    while not scene.submits():
        scene.prices(after=0.5)
    part = scene.accept("C")
    scene.fill(part.client_order_id, 1)
    scene.exchange.cancel(part.client_order_id)
    scene.feed(ev.OrderSeen, order=scene.exchange.snapshot(part.client_order_id))
    while not scene.submits():
        scene.prices(after=0.5)
    assert trading(scene)[0] is Level.ACTIVE


def test_a_halt_survives_a_restart_and_a_resume_ends_it_for_good() -> None:
    scene = exiting()
    scene.trade("P")
    refuse(scene, 7)
    scene.restart()
    assert trading(scene) == (Level.HALTED, "order_throttle")
    resume(scene)
    finish(scene)
    assert (scene.phase, trading(scene)) == (Phase.DONE, (Level.ACTIVE, ""))


def test_an_entry_beyond_its_orders_is_refused_by_the_gate_and_halts() -> None:
    """The chase ends by itself before; whatever went on all the same would meet the gate."""
    scene = entering()
    scene.reject("C", "limit_price_out_of_price_band")
    run = replace(scene.run, preset=preset(risk={"max_orders_per_leg": 1}))
    turn = Turn(replace(scene.state, runs={run.run_id: run}), scene.now)
    denied = place(turn, scene.run.run_id, scene.run.leg("C"), Purpose.ENTRY, 2, D(200), D(200), algo="chase")
    assert denied is not None and denied.code == "TOO_MANY_ORDERS"
    assert turn.state.account.trading.level is Level.HALTED
    assert not any(isinstance(effect, Submit) for effect in turn.effects)


def test_the_chase_keeps_to_the_orders_allowed_per_leg() -> None:
    scene = entering(preset(risk={"max_orders_per_leg": 2}))
    scene.trade("P")
    for _ in range(2):
        while not scene.submits():
            scene.prices(after=0.5)
        scene.reject("C", "limit_price_out_of_price_band")
        scene.read_account()
    for _ in range(4):
        scene.prices(after=0.5)
    assert len([i for i in scene.sent(Purpose.ENTRY) if i.leg == "C"]) == 2
    assert scene.run.exit_reason == "unwind" and "2 attempts" in scene.run.exit_detail


# -- rate --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("stage", "most"), [(entering, 10 - RESERVED_FOR_EXITS), (exiting, HARD_ORDERS_PER_SECOND)])
def test_entries_leave_room_for_exits_in_every_second(stage: Any, most: int) -> None:
    for recent, denied in ((most - 1, False), (most, True)):
        scene = stage(preset(risk={"orders_per_second": 10}))
        intent = replace(scene.submits()[0], client_order_id="sd-unused")
        times = (scene.wall,) * recent
        account = replace(scene.state.account, order_times=times)
        orders = {} if stage is entering else scene.run.orders
        run = replace(scene.run, orders=orders)
        verdict = check_order(replace(scene.state, account=account), run, intent, scene.now)
        assert (verdict is not None and verdict.code == "ORDER_RATE_EXCEEDED") is denied


@pytest.mark.parametrize(
    ("asked", "lasts"), [(30.0, 30.0), (0.0, 0.0), (-5.0, 0.0), (1e12, 300.0), (None, 0.0)], ids=str
)
def test_a_429_forbids_entries_until_its_reset_and_absurd_resets_are_clamped(asked: float | None, lasts: float) -> None:
    scene = Scene()
    scene.start()
    scene.read_chain()
    scene.prices()
    scene.read_account(error="429", positions=UNREAD, retry_after_secs=asked)
    until = scene.state.slow_until
    assert (0.0 if until is None else (until - scene.wall).total_seconds()) == lasts
    scene.read_account(asked=scene.wall)
    assert scene.phase is (Phase.WAITING if lasts else Phase.ENTERING)
    if lasts:
        assert any("429" in why for why in scene.view.why_not)
        scene.pass_time(lasts)
        assert slowed(scene.state, scene.now) == ""


@pytest.mark.parametrize("how", ["chain", "submit", "unsent", "cancel"])
def test_every_answer_may_carry_a_429(how: str) -> None:
    scene = entering() if how != "chain" else Scene()
    if how == "chain":
        scene.start()
        scene.read_chain(error="429", instruments=(), quotes=(), spot=None, retry_after_secs=20)
    elif how == "cancel":
        order = scene.accept("C")
        outcome = rejected("rate_limit_exceeded", "429", 20)
        scene.feed(ev.CancelAnswered, client_order_id=order.client_order_id, outcome=outcome)
    else:
        answer = rejected("rate_limit_exceeded" if how == "submit" else "not_sent", "429", 20)
        scene.answer(scene.take("C").client_order_id, answer)
    assert scene.state.slow_until == scene.wall + secs(20)


def test_an_entry_under_way_waits_for_the_reset_and_exits_do_not() -> None:
    scene = entering()
    scene.trade("P")
    scene.answer(scene.take("C").client_order_id, rejected("not_sent", "429", 10))
    for _ in range(9):
        scene.prices()
    assert scene.submits() == [] and scene.phase is Phase.ENTERING
    scene.prices()
    scene.prices()
    assert [i.leg for i in scene.submits()] == ["C"]
    scene.state = replace(scene.state, slow_until=scene.wall + secs(100))
    scene.stop()
    assert [i.leg for i in scene.submits() if i.reduce_only] == ["P"]


def reads_for(scene: Scene, seconds: int) -> list[ReadAccount]:
    """What is asked of the account meanwhile; every read is answered by another 429."""
    asked: list[ReadAccount] = []
    for _ in range(seconds * 4):
        scene.tick(0.25)
        due = [effect for effect in scene.due if isinstance(effect, ReadAccount)]
        asked += due
        if due:
            scene.read_account(error="429", positions=UNREAD, retry_after_secs=5)
    return asked


@pytest.mark.parametrize("stage", ["waiting", "entering", "holding"])
def test_no_read_of_the_account_that_can_wait_is_asked_for_before_the_reset_of_a_429(stage: str) -> None:
    scene = {"waiting": Scene, "entering": entering, "holding": holding}[stage]()
    if stage == "waiting":
        scene.start()
        scene.read_chain()
    scene.prices()
    scene.read_account(error="429", positions=UNREAD, retry_after_secs=3)
    assert reads_for(scene, 2) == []
    asked = reads_for(scene, 3)
    assert len(asked) == 1 and not asked[0].for_exit


def test_reads_that_an_exit_needs_go_on_at_a_patient_pace() -> None:
    scene = holding()
    scene.stop()
    scene.read_account(error="429", positions=UNREAD, retry_after_secs=5)
    asked = reads_for(scene, 6)
    assert 2 <= len(asked) <= 4 and all(read.for_exit for read in asked)


def test_a_429_in_answer_to_an_exit_counts_as_no_fruitless_order_and_halts_nothing() -> None:
    scene = holding()
    scene.stop()
    for _ in range(200):
        scene.prices()
        for intent in scene.submits():
            scene.answer(scene.take(intent.leg).client_order_id, rejected("rate_limit_exceeded", "429", 1))
    assert len(scene.sent(Purpose.EXIT)) > 2 * scene.run.preset.risk.max_orders_per_leg
    assert scene.state.account.trading.level is Level.ACTIVE


# -- key, account or program at fault ----------------------------------------------------------------------------------

AT_FAULT = Rejected("InvalidApiKey", "unknown key", remedy=Remedy.HALT)


def test_a_refusal_of_key_or_account_halts_entries_and_exits_go_on_slowly() -> None:
    scene = exiting()
    scene.trade("P")
    scene.answer(scene.take("C").client_order_id, AT_FAULT)
    assert trading(scene) == (Level.HALTED, "refused:InvalidApiKey")
    assert "unknown key" in scene.state.account.trading.reason
    refuse(scene, 3, "InvalidApiKey")
    finish(scene)
    assert (scene.phase, scene.view.flat, trading(scene)[0]) == (Phase.DONE, "true", Level.HALTED)


def test_a_refused_entry_of_that_kind_buys_back_the_other_leg() -> None:
    scene = entering()
    scene.trade("P")
    scene.answer(scene.take("C").client_order_id, AT_FAULT)
    finish(scene)
    assert (scene.phase, scene.run.exit_reason, trading(scene)[0]) == (Phase.DONE, "unwind", Level.HALTED)


def test_a_refused_cancel_of_that_kind_halts_too_and_a_refusal_of_one_order_does_not() -> None:
    scene = entering()
    order = scene.accept("C")
    scene.feed(ev.CancelAnswered, client_order_id=order.client_order_id, outcome=Rejected("open_order_not_found"))
    assert trading(scene)[0] is Level.ACTIVE
    for _ in range(2):
        refusal = Rejected("Signature Mismatch", "wrong secret", remedy=Remedy.HALT)
        scene.feed(ev.CancelAnswered, client_order_id=order.client_order_id, outcome=refusal)
    assert trading(scene) == (Level.HALTED, "refused:Signature_Mismatch")


@pytest.mark.parametrize(
    ("code", "halts"),
    [("InvalidApiKey", True), ("bad_schema", True), ("insufficient_margin", False), ("never heard of", False)],
)
def test_which_codes_halt_is_the_exchanges_table(code: str, halts: bool) -> None:
    def send() -> Unknown:
        raise refused(code, "said so", what="order")

    outcome = outcome_of(send, "order")
    assert isinstance(outcome, Rejected) and (outcome.remedy is Remedy.HALT) is halts


def test_every_refusal_of_a_key_halts() -> None:
    def send() -> Unknown:
        raise AuthError("SignatureExpired", "too late")

    outcome = outcome_of(send, "order")
    assert isinstance(outcome, Rejected) and outcome.remedy is Remedy.HALT


def test_an_order_of_another_environment_never_leaves() -> None:
    scene = exiting()
    intent = replace(scene.submits()[0], client_order_id="sd-unused")
    denied = check_order(replace(scene.state, env="production"), scene.run, intent, scene.now)
    assert denied is not None and denied.code == "WRONG_ENVIRONMENT"


# -- another installation ----------------------------------------------------------------------------------------------

THEIRS = client_order_id(
    installation="wxyz9999", epoch=7, run_id="otherrun00", leg="C", purpose=Purpose.ENTRY, attempt=0
)


def of_theirs(scene: Scene, how: str) -> None:
    """The account shows an order of another installation."""
    ours = next(iter(scene.exchange.orders))
    snapshot = replace(scene.exchange.snapshot(ours), client_order_id=THEIRS, venue_order_id="9", venue_state="open")
    snapshot = replace(snapshot, leaves_qty=1)
    fill = replace(scene.exchange.fills[0], fill_id="their", client_order_id=THEIRS, venue_order_id="9")
    match how:
        case "stream order":
            scene.feed(ev.OrderSeen, order=snapshot)
        case "stream fill":
            scene.feed(ev.FillSeen, fill=fill)
        case "open orders":
            scene.read_account(open_orders=(snapshot,))
        case "fills":
            scene.read_account(fills=(*scene.exchange.fills, fill))
        case "ended order":
            scene.feed(ev.OrderSeen, order=replace(snapshot, venue_state="cancelled"))
        case "traded" | "traded before":
            assert scene.run.created_market is not None
            at = scene.run.created_market + secs(1 if how == "traded" else -1)
            traded = replace(snapshot, venue_state="closed", leaves_qty=0, created_at=at)
            scene.read_account(history=(traded,))
        case "old fill":
            assert scene.run.created_market is not None
            old = replace(fill, ts_event=scene.run.created_market - secs(1))
            scene.read_account(fills=(*scene.exchange.fills, old))
        case "by hand":
            scene.feed(ev.OrderSeen, order=replace(snapshot, client_order_id="sdabcd-by-hand"))


@pytest.mark.parametrize("how", ["stream order", "stream fill", "open orders", "fills", "traded"])
def test_another_installation_on_the_account_halts_entries(how: str) -> None:
    scene = holding()
    scene.tick(5)
    of_theirs(scene, how)
    assert trading(scene) == (Level.HALTED, "foreign_installation:wxyz")
    assert [code for code in scene.alerts() if code.startswith("halted")] == ["halted:foreign_installation:wxyz"]
    of_theirs(scene, "stream order")
    assert len([r for r in scene.records if isinstance(r, rec.LevelChanged)]) == 1
    scene.stop()
    finish(scene)
    assert scene.phase is Phase.DONE
    resume(scene)
    assert trading(scene)[0] is Level.ACTIVE
    of_theirs(scene, "stream order")
    assert trading(scene)[0] is Level.HALTED, "it is still there"


def test_a_run_that_waits_looks_again_before_it_begins_once_a_person_resumes() -> None:
    """It knew the account from a read of a second ago, and that another installation trades it."""
    scene = Scene()
    scene.start()
    scene.read_chain()
    scene.prices()
    ours = scene.exchange.read(())
    rests = OrderSnapshot(
        venue_order_id="9", client_order_id=THEIRS, symbol="ETHUSD", product_id=9, side=Side.SELL, quantity=1,
        leaves_qty=1, limit_price=D(9000), avg_px=None, venue_state="open",
    )  # fmt: skip
    scene.read_account(**{**ours, "open_orders": (rests,)})
    assert (scene.phase, trading(scene)[0]) == (Phase.WAITING, Level.HALTED)
    scene.prices()
    resume(scene)
    scene.prices()
    assert not scene.submits() and scene.phase is Phase.WAITING
    scene.read_account(**{**ours, "open_orders": (rests,)})
    assert (scene.phase, trading(scene)[0]) == (Phase.WAITING, Level.HALTED)
    resume(scene)
    scene.prices()
    scene.read_account()
    assert scene.phase is Phase.ENTERING and scene.submits(), "it is gone"


@pytest.mark.parametrize("how", ["ended order", "old fill", "by hand", "traded before"])
def test_what_is_over_or_not_of_this_program_halts_nothing(how: str) -> None:
    scene = holding()
    scene.tick(5)
    of_theirs(scene, how)
    assert trading(scene)[0] is Level.ACTIVE


def test_a_second_finding_is_added_to_the_first() -> None:
    scene = exiting()
    scene.trade("P")
    refuse(scene, 7)
    of_theirs(scene, "stream order")
    level, codes = trading(scene)
    assert (level, codes) == (Level.HALTED, "order_throttle foreign_installation:wxyz")
    assert "filled nothing; another installation" in scene.state.account.trading.reason


# -- what the exchange closes by itself --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [FillKind.SETTLEMENT, FillKind.LIQUIDATION])
def test_only_our_part_of_what_the_exchange_closes_is_booked(kind: FillKind) -> None:
    scene = holding()
    scene.exchange.foreign[CALL] = -3  # somebody else is short the same contract
    whole = replace(settlement("C", 5, "12"), kind=kind, commission=D("0.05"), ts_event=scene.market)
    scene.tick(5)
    scene.read_account(fills=(*scene.exchange.fills, whole))
    assert scene.run.open_quantity("C") == 0
    booked = scene.run.fills["settle-C"].fill
    assert (booked.quantity, booked.price, booked.commission) == (2, D(12), D("0.02"))
    assert "foreign_share:settle-C" in scene.alerts()
    scene.read_account(fills=(*scene.exchange.fills, whole))
    assert scene.run.open_quantity("C") == 0


def test_a_settlement_of_our_size_is_booked_whole_and_silently() -> None:
    scene = holding()
    scene.tick(5)
    scene.read_account(fills=(*scene.exchange.fills, settlement("C", 2, "12", EXPIRY)))
    assert scene.run.open_quantity("C") == 0
    assert not any(code.startswith("foreign_share") for code in scene.alerts())


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (RateLimited("429", retry_after_secs=12), rejected("rate_limit_exceeded", "429", 12)),
        (BudgetRefused("share used up", retry_after_secs=40), rejected("not_sent", "share used up", 40)),
        (NotSent("refused"), rejected("not_sent", "refused")),
        (OutcomeUnknown("reset"), Unknown("reset")),
    ],
    ids=str,
)
def test_what_a_429_says_reaches_the_engine(error: Exception, outcome: Unknown | Rejected) -> None:
    def send() -> Unknown:
        raise error

    assert outcome_of(send, "order") == outcome
