"""TWAP, iceberg and market: the slices as arithmetic, and a leg of each worked through the engine."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from pydantic import ValidationError

from tests.engine.scene import PUT, D, Phase, Scene, entering, finish, holding, preset, secs
from trader.config.preset import Preset
from trader.desk import stop_words
from trader.domain.clock import Now
from trader.domain.order import OrderType, Purpose, TimeInForce
from trader.domain.outcome import Ok
from trader.engine.effects import ReadAccount
from trader.engine.events import LevelCommand
from trader.engine.execution.algo import (
    ALGORITHMS,
    Bound,
    Child,
    Context,
    Done,
    Failed,
    Terms,
    Wait,
    allowed_lead,
    bound,
    exit_context,
    next_child,
)
from trader.engine.gate import Denied, check_order
from trader.engine.records import OperatorLevel

# -- arithmetic --------------------------------------------------------------------------------------------------------


def twap(size: int = 200, slices: int = 8, duration: int = 240, **changes: Any) -> Context:
    terms = Terms(algo="twap", duration_secs=duration, slices=slices)
    return replace(Context(terms=terms, size=size, most_tries=6, limits=5), **changes)


def iceberg(size: int = 200, pct: float = 10, refresh: int = 2, **changes: Any) -> Context:
    terms = Terms(algo="iceberg", visible_pct=pct, refresh_secs=refresh)
    return replace(Context(terms=terms, size=size, most_tries=6, limits=5), **changes)


sizes = st.integers(1, 5_000)
contexts = st.one_of(
    st.builds(lambda size, n, secs: twap(size, min(n, size), secs), sizes, st.integers(2, 500), st.integers(2, 3600)),
    st.builds(iceberg, sizes, st.floats(0.1, 100), st.integers(0, 60)),
    st.builds(
        lambda size, algo: Context(terms=Terms(algo=algo), size=size, most_tries=6),
        sizes,
        st.sampled_from(("chase", "market")),
    ),
)


@given(contexts)
def test_slices_sum_to_the_leg_each_of_at_least_one_contract_and_none_above_the_bound(context: Context) -> None:
    done, children = 0, []
    while not isinstance(answer := next_child(replace(context, done=done, elapsed=0.0, tries=1)), Done):
        if isinstance(answer, Wait):  # let time pass as far as the next slice
            assert answer.secs is not None
            answer = next_child(replace(context, done=done, elapsed=answer.secs))
        assert isinstance(answer, Child)
        at = replace(context, done=done, elapsed=1e-9)
        assert 1 <= answer.quantity <= bound(at, 6).at_once
        children.append(answer.quantity)
        done += answer.quantity
    assert sum(children) == context.size == done
    lead = ALGORITHMS[context.terms.algo].lead(context.terms, context.size)
    assert max(children) <= (lead or context.size)


@given(sizes, st.integers(2, 100), st.integers(2, 3600), st.floats(0, 1))
def test_twap_is_never_ahead_of_its_schedule_by_more_than_the_slice_that_has_begun(
    size: int, slices: int, duration: int, part: float
) -> None:
    context = twap(size, min(slices, size), duration)
    earlier = 0
    for now in (part * duration / 2, part * duration):
        done = 0
        while isinstance(answer := next_child(replace(context, done=done, elapsed=now)), Child):
            done += answer.quantity
        begun = int(now / (duration / context.terms.slices) + 1e-9) + 1
        assert done <= -(-size * min(begun, context.terms.slices) // context.terms.slices) or now >= duration
        assert done >= earlier, "what was due once stays due"
        earlier = done


@given(contexts, st.integers(0, 5_000), st.integers(0, 5_000), st.integers(1, 5_000), st.floats(0, 4000))
def test_no_leg_begins_a_slice_before_the_others_have_filled_the_one_before(
    context: Context, done: int, others: int, other_size: int, elapsed: float
) -> None:
    context = replace(context, done=done % context.size, elapsed=elapsed, others=((other_size, others % other_size),))
    answer, algorithm = next_child(context), ALGORITHMS[context.terms.algo]
    if isinstance(answer, Child):
        mine = algorithm.filled(context, context.size, context.done)
        assert mine <= algorithm.filled(context, other_size, others % other_size)
        allowed = bound(context, 6)
        assert answer.quantity <= allowed.at_once
        assert context.done + answer.quantity <= allowed.by_now


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({}, Child(25, late=0)),
        ({"elapsed": 29.0, "done": 25}, Wait(1.0)),
        ({"elapsed": 30.0, "done": 25}, Child(25, late=0)),
        ({"elapsed": 30.0, "done": 20}, Child(5, late=30)),  # the rest of the first slice comes first
        ({"elapsed": 100.0, "done": 25}, Child(25, late=70)),  # slices missed are made up one at a time
        ({"elapsed": 100.0, "done": 25, "quiet": 3.0}, Child(25, late=3)),
        ({"elapsed": 100.0, "done": 50, "others": ((100, 24),)}, Wait()),
        ({"elapsed": 100.0, "done": 50, "others": ((100, 25),)}, Child(25, late=40)),
        ({"elapsed": 240.0, "done": 50}, Child(150)),  # what is left when the time is over goes as one
        ({"elapsed": 240.0, "done": 50, "others": ((100, 0),)}, Child(150)),
        ({"elapsed": 500.0, "done": 200}, Done()),
        ({"elapsed": 1.0, "tries": 5}, Child(25, 5, at_market=True, late=1)),
        ({"elapsed": 1.0, "tries": 6}, Failed("not filled after 6 attempts")),
        ({"elapsed": -5.0}, Wait(5.0)),
        ({"size": 1}, Child(1, late=0)),  # fewer contracts than slices: the first are not empty
        ({"size": 1, "elapsed": 1.0, "tries": 1}, Child(1, 1, late=1)),
    ],
    ids=str,
)
def test_what_a_twap_of_200_in_8_slices_over_240_s_asks_for(changes: dict[str, Any], answer: Any) -> None:
    assert next_child(twap(**changes)) == answer


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({}, Child(20)),
        ({"done": 20, "quiet": 0.5}, Wait(1.5)),
        ({"done": 20, "quiet": 2.5}, Child(20, late=0.5)),
        ({"done": 30, "quiet": 0.1, "tries": 1}, Child(10, 1)),  # the rest of the part shown, at once
        ({"done": 20, "quiet": 9.0, "others": ((200, 19),)}, Wait()),
        ({"done": 195, "quiet": 9.0}, Child(5, late=7)),
    ],
    ids=str,
)
def test_what_an_iceberg_of_200_that_shows_a_tenth_asks_for(changes: dict[str, Any], answer: Any) -> None:
    assert next_child(iceberg(**changes)) == answer


def test_the_bound_is_a_slice_and_what_is_due() -> None:
    assert bound(twap(elapsed=10.0), 6) == Bound(live=1, at_once=25, by_now=25, unfilled=6)
    assert bound(twap(elapsed=10.0, done=25), 6) == Bound(live=1, at_once=25, by_now=25, unfilled=6)
    assert bound(twap(elapsed=31.0, done=30, others=((200, 24),)), 6).by_now == 25
    assert bound(twap(elapsed=240.0, done=30), 6) == Bound(live=1, at_once=200, by_now=200, unfilled=6)


# -- what is refused before anything is sent -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        (
            {"strategy": {"quantity": 5}, "orders": {"entry_algo": "twap"}},
            "orders.entry_slices (10) exceeds strategy.quantity (5): a slice is at least one contract",
        ),
        (
            {"strategy": {"quantity": 50}, "orders": {"exit_algo": "twap", "exit_duration_secs": 2701}},
            "orders.exit_duration_secs makes the exit last 2701 s, longer than schedule.exit_before_expiry_mins (45 min)",
        ),
        (
            {"strategy": {"quantity": 50}, "orders": {"entry_algo": "twap", "entry_duration_secs": 1801}},
            "orders.entry_duration_secs makes the entry last 1801 s, longer than schedule.entry_window_mins (30 min)",
        ),
        (
            {"strategy": {"quantity": 50}, "orders": {"entry_algo": "twap", "entry_duration_secs": 9}},
            "orders.entry_duration_secs (9) is too short for orders.entry_slices (10): a slice takes at least a second",
        ),
        (
            {"strategy": {"quantity": 50}, "orders": {"entry_algo": "iceberg", "entry_refresh_secs": 201}},
            "orders.entry_refresh_secs makes the entry last 1809 s, longer than schedule.entry_window_mins (30 min)",
        ),
        (
            {
                "strategy": {"quantity": 50, "structure": "iron_condor"},
                "orders": {"entry_algo": "twap", "entry_duration_secs": 1000},
            },
            "orders.entry_duration_secs makes the entry last 2000 s, longer than schedule.entry_window_mins (30 min)",
        ),
    ],
    ids=str,
)
def test_an_algorithm_that_does_not_fit_is_refused_in_one_sentence(sections: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        preset(**sections)
    assert said in str(caught.value) and caught.value.error_count() == 1
    other = {**sections, "orders": {**sections["orders"], "entry_algo": "chase", "exit_algo": "chase"}}
    preset(**other)  # what an algorithm that is not chosen would need is not asked for


# -- through the engine --------------------------------------------------------------------------------------------------

SLICED = {"slices": 4, "duration_secs": 40}


def sliced(*sides: str, algo: str = "twap", quantity: int = 10, **orders: Any) -> Preset:
    """Ten contracts in four slices (3, 2, 3, 2) over 40 s, or a third at a time."""
    fields: dict[str, Any] = {"slippage_pct": 2, "timeout_secs": 5}
    for side in sides:
        own = SLICED if algo == "twap" else {"visible_pct": 30, "refresh_secs": 2} if algo == "iceberg" else {}
        fields |= {f"{side}_{name}": value for name, value in own.items()} | {f"{side}_algo": algo}
    return preset(strategy={"quantity": quantity}, orders={**fields, **orders})


def drive(scene: Scene, seconds: float, *, fill: bool = True) -> None:
    for _ in range(int(seconds)):
        scene.prices()
        scene.serve(fill=fill)


def entered(scene: Scene) -> tuple[int, int]:
    return scene.run.entered("C"), scene.run.entered("P")


def quantities(scene: Scene, key: str, *purposes: Purpose) -> list[int]:
    return [intent.quantity for intent in scene.sent(*(purposes or (Purpose.ENTRY,))) if intent.leg == key]


def test_twap_sells_both_legs_slice_by_slice() -> None:
    scene = entering(sliced("entry"))
    scene.serve()
    assert entered(scene) == (3, 3) and scene.run.naked_since is None
    drive(scene, 8)
    assert entered(scene) == (3, 3) and not scene.run.live_orders()
    drive(scene, 3)
    assert entered(scene) == (5, 5)
    drive(scene, 22)
    assert scene.phase is Phase.HOLDING and entered(scene) == (10, 10)
    assert quantities(scene, "C") == quantities(scene, "P") == [3, 2, 3, 2]
    assert scene.refolded()


def test_how_far_it_has_got_is_told_in_words() -> None:
    scene = entering(sliced("entry"))
    scene.serve()
    scene.prices(after=2)
    assert {leg.progress for leg in scene.view.legs} == {"1 of 4 slices filled, next at 09:30:11 IST"}
    assert scene.view.words.endswith("; 1 of 4 slices filled, next at 09:30:11 IST")
    scene = due_out(sliced("exit"))
    scene.serve()
    assert any("7 open, 1 of 4 slices filled, next at" in step for step in scene.view.steps)
    assert stop_words(scene.view).startswith(
        "The exit is under way in slices; Stop closes what is left at once. Still to"
    )
    scene.stop()
    assert stop_words(scene.view).startswith("The exit is under way; Stop changes nothing. Still to")
    assert not any("slices" in step for step in scene.view.steps)


def test_a_leg_waits_for_the_other_at_the_end_of_a_slice() -> None:
    scene = entering(sliced("entry", timeout_secs=60))
    scene.trade("C")
    scene.accept("P")
    drive(scene, 9, fill=False)
    assert len(scene.sent()) == 2, "the call has filled its slice and the put has not"
    assert allowed_lead(scene.run, scene.run.leg("C")) == 3
    scene.fill(scene.order("P").intent.client_order_id)
    drive(scene, 2)
    assert entered(scene) == (5, 5)


def test_a_slice_is_a_chase_of_its_own_and_what_it_missed_is_made_up() -> None:
    scene = entering(sliced("entry"))
    scene.serve(fill=False)
    drive(scene, 6, fill=False)  # five seconds of rest, cancelled, conceded
    limits = [i.limit_price for i in scene.sent() if i.leg == "C"]
    assert limits[:2] == [D(200), D(196)] and quantities(scene, "C")[:2] == [3, 3]
    for key in "CP":
        scene.fill(scene.order(key).intent.client_order_id)
    drive(scene, 16)
    assert entered(scene) == (8, 8) and scene.sent()[-1].limit_price == D(200), "the next slice begins at the touch"
    drive(scene, 12)
    assert scene.phase is Phase.HOLDING


def test_a_slice_that_never_fills_ends_the_entry_and_buys_back() -> None:
    scene = entering(sliced("entry", retries=1, market_fallback=False))
    scene.serve()
    drive(scene, 9)
    for _ in range(20):
        scene.prices()
        scene.serve(fill=False)
        if scene.phase is Phase.EXITING:
            break
    assert scene.run.exit_reason == "unwind" and "not filled after 2 attempts" in scene.run.exit_detail
    assert not any(code.startswith("halted") for code in scene.alerts())
    finish(scene)
    assert scene.run.flat_by_fills


def test_the_rest_of_an_entry_goes_as_one_when_its_time_is_over() -> None:
    scene = entering(sliced("entry", timeout_secs=60, entry_duration_secs=8, entry_slices=2))
    scene.serve(fill=False)
    drive(scene, 9, fill=False)
    assert quantities(scene, "C") == [5, 5, 10]
    for key in "CP":
        scene.fill(scene.order(key).intent.client_order_id)
    assert scene.phase is Phase.HOLDING


def test_an_accepted_part_ends_both_legs_even() -> None:
    scene = entering(sliced("entry", partial_policy="accept", min_fill_pct=20, retries=0, market_fallback=False))
    scene.serve()
    drive(scene, 9)
    scene.pass_time(1)
    scene.prices()
    scene.trade("C")
    scene.reject("P", "insufficient_margin")
    drive(scene, 3)
    assert scene.phase is Phase.HOLDING and entered(scene) == (5, 3)
    assert len(scene.sent()) == 4, "the call stops where the put was given up"


def test_iceberg_shows_a_part_at_a_time_and_waits_before_the_next() -> None:
    scene = entering(sliced("entry", algo="iceberg"))
    scene.serve()
    assert entered(scene) == (3, 3)
    scene.prices()
    assert not scene.submits()
    drive(scene, 12)
    assert quantities(scene, "P") == [3, 3, 3, 1] and scene.phase is Phase.HOLDING


def test_market_takes_what_the_book_has_within_the_collar() -> None:
    scene = entering(sliced("entry", algo="market"))
    assert {(i.order_type, i.time_in_force, i.quantity) for i in scene.submits()} == {
        (OrderType.MARKET, TimeInForce.IOC, 10)
    }
    scene.serve()
    assert scene.phase is Phase.HOLDING


def test_slices_at_market() -> None:
    scene = entering(sliced("entry", entry_child="market"))
    assert {(i.order_type, i.quantity) for i in scene.submits()} == {(OrderType.MARKET, 3)}


def test_a_restart_goes_on_in_the_right_slice() -> None:
    scene = entering(sliced("entry"))
    scene.serve()
    drive(scene, 11)
    assert entered(scene) == (5, 5)
    scene.restart(down_secs=2)
    drive(scene, 4)
    assert entered(scene) == (5, 5), "the third slice is not due yet"
    drive(scene, 6)
    assert entered(scene) == (8, 8)
    drive(scene, 20)
    assert scene.phase is Phase.HOLDING and quantities(scene, "C") == [3, 2, 3, 2]


def test_a_restart_longer_than_a_slice_makes_it_up() -> None:
    scene = entering(sliced("entry"))
    scene.serve()
    scene.restart(down_secs=25)
    drive(scene, 4)
    assert entered(scene) == (8, 8) and quantities(scene, "C") == [3, 2, 3]


def test_stop_in_the_middle_of_a_slice_cancels_and_buys_back_at_once() -> None:
    scene = entering(sliced("entry", "exit"))
    scene.serve()
    drive(scene, 9)
    scene.prices()
    scene.serve(fill=False)
    drive(scene, 1, fill=False)
    assert len(scene.run.live_orders()) == 2
    scene.stop()
    assert len(scene.cancels()) == 2
    finish(scene, limit_secs=6)
    assert scene.phase is Phase.DONE and quantities(scene, "C", Purpose.EXIT) == [3]


# -- exits -----------------------------------------------------------------------------------------------------------------


def due_out(config: Preset) -> Scene:
    """Held, and the exit time has come."""
    scene = holding(config)
    assert scene.run.exit_at is not None and scene.market is not None
    scene.pass_time((scene.run.exit_at - scene.market).total_seconds())
    scene.prices(after=0)
    assert scene.phase is Phase.EXITING and scene.run.exit_reason == "time"
    return scene


def left(scene: Scene) -> tuple[int, int]:
    return scene.run.open_quantity("C"), scene.run.open_quantity("P")


@pytest.mark.parametrize(("algo", "children"), [("twap", [3, 2, 3, 2]), ("iceberg", [3, 3, 3, 1])])
def test_the_exit_time_buys_back_in_slices(algo: str, children: list[int]) -> None:
    scene = due_out(sliced("exit", algo=algo))
    scene.serve()
    assert left(scene) == (10 - children[0], 10 - children[0])
    finish(scene, limit_secs=60)
    assert scene.phase is Phase.DONE and scene.run.exit_reason == "time"
    assert quantities(scene, "C", Purpose.EXIT) == quantities(scene, "P", Purpose.EXIT) == children


@pytest.mark.parametrize(("algo", "first"), [("twap", 3), ("iceberg", 3)])
def test_a_closing_slice_that_its_order_says_filled_is_not_sent_a_second_time(algo: str, first: int) -> None:
    """An order's answer may come before its fill does."""
    scene = due_out(sliced("exit", algo=algo))
    for key in "CP":
        intent = scene.take(key)
        scene.exchange.accept(intent)
        scene.fill(intent.client_order_id, told=False)
        scene.answer(intent.client_order_id, Ok(scene.exchange.snapshot(intent.client_order_id)))
    scene.prices(after=0.5)
    assert quantities(scene, "C", Purpose.EXIT) == quantities(scene, "P", Purpose.EXIT) == [first]
    assert left(scene) == (10, 10)


def test_an_exit_at_market_takes_what_is_offered_and_never_more_than_is_accepted() -> None:
    scene = due_out(sliced("exit", algo="market"))
    assert {(i.time_in_force, i.limit_price, i.quantity) for i in scene.submits()} == {(TimeInForce.IOC, D(246), 10)}


@pytest.mark.parametrize("how", ["stop", "kill", "loss"])
def test_what_cannot_wait_closes_the_rest_at_once(how: str) -> None:
    scene = due_out(sliced("exit"))
    scene.serve()
    drive(scene, 9)
    scene.prices()
    scene.serve(fill=False)  # the second slice rests
    if how == "stop":
        scene.stop()
    elif how == "kill":
        scene.feed(LevelCommand, command_id="k", level=OperatorLevel.KILL, reason="", issued_by="t")
    high = ("480", "480") if how == "loss" else ("205", "205")
    for _ in range(5):
        scene.prices(*high)
        scene.serve()
    assert left(scene) == (0, 0)
    assert quantities(scene, "C", Purpose.EXIT)[-1] >= 5


@pytest.mark.parametrize(("in_slices", "first"), [(True, 3), (False, 10)])
def test_stop_takes_slices_where_the_preset_says_so(in_slices: bool, first: int) -> None:
    scene = holding(sliced("exit", stop_in_slices=in_slices))
    scene.stop()
    assert {i.quantity for i in scene.submits()} == {first}


def test_a_maximum_loss_takes_no_slices() -> None:
    scene = holding(sliced("exit"))
    for _ in range(3):
        scene.prices("420", "420")
    assert scene.run.exit_reason == "max_loss" and {i.quantity for i in scene.submits()} == {10}


def test_an_exit_waits_no_longer_for_another_leg_than_one_may_stand_alone() -> None:
    config = sliced("exit", algo="iceberg")
    scene = due_out(config.model_copy(update={"risk": config.risk.model_copy(update={"naked_leg_secs": 10})}))
    for _ in range(80):
        scene.prices(after=0.5)
        quotes = (scene.around("C", "205"), replace(scene.around("P", "205"), ask=None))  # nobody offers the put
        scene.quotes(*quotes)
        for intent in scene.submits():
            scene.accept(intent.leg)
            if intent.leg == "C":
                scene.fill(intent.client_order_id)
        scene.due = [e for e in scene.due if type(e).__name__ != "ReadChain"]
        if any(type(e).__name__ == "ReadAccount" for e in scene.due):
            scene.read_account()
        for cancel in scene.cancels():
            scene.confirm_cancel(scene.run.orders[cancel.client_order_id].intent.leg)
    assert left(scene)[0] == 0 and left(scene)[1] == 10


def test_a_leg_that_somebody_has_closed_in_part_waits_for_the_other_no_longer_than_that_either() -> None:
    """Seen where the exchange had liquidated a contract: the leg was a slice ahead before its first order."""
    run = due_out(sliced("exit", algo="iceberg")).run
    call, put = (run.leg(key) for key in "CP")
    ledgers = {**run.ledgers, "C": replace(run.ledger("C"), open=5)}
    run = replace(run, ledgers=ledgers, orders={k: o for k, o in run.orders.items() if o.intent.leg != "C"})
    assert run.exit_decided_at is not None and run.open_quantity("C") == 5
    for waited, answer in ((1, Wait()), (run.preset.risk.naked_leg_secs + 1, Child(1))):
        now = Now(run.exit_decided_at + secs(waited), None)
        given = next_child(exit_context(run, call, now, at_once=False))
        assert type(given) is type(answer), f"after {waited} s: {given}"
    assert isinstance(next_child(exit_context(run, put, Now(run.exit_decided_at, None), at_once=False)), Child)


def test_a_leg_alone_that_was_closed_in_part_elsewhere_is_left_in_time() -> None:
    """Its TWAP counted from a first order that waited for its time."""
    run = due_out(sliced("exit")).run
    call = run.leg("C")
    ledgers = {**run.ledgers, "C": replace(run.ledger("C"), open=5)}
    run = replace(
        run, legs=(call,), ledgers=ledgers, orders={k: o for k, o in run.orders.items() if o.intent.leg != "C"}
    )
    assert run.exit_decided_at is not None
    terms = run.preset.orders
    late = Now(run.exit_decided_at + secs(terms.exit_duration_secs), None)
    assert isinstance(next_child(exit_context(run, call, Now(run.exit_decided_at, None), at_once=False)), Wait)
    assert next_child(exit_context(run, call, late, at_once=False)) == Child(5)


def test_a_restart_in_the_middle_of_an_exit_goes_on_in_the_right_slice() -> None:
    scene = due_out(sliced("exit"))
    scene.serve()
    drive(scene, 5)
    scene.restart(down_secs=1)
    drive(scene, 3)
    assert left(scene) == (7, 7)
    finish(scene, limit_secs=60)
    assert quantities(scene, "C", Purpose.EXIT) == [3, 2, 3, 2] and scene.phase is Phase.DONE


# -- the gate ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code"),
    [({}, ""), ({"quantity": 4}, "MORE_THAN_A_SLICE"), ({"quantity": 11}, "POSITION_WOULD_EXCEED")],
)
def test_the_gate_asks_for_the_algorithms_own_bound(changes: dict[str, Any], code: str) -> None:
    scene = entering(sliced("entry"))
    intent = next(i for i in scene.submits() if i.leg == "C")
    scene.state = replace(scene.state, runs={scene.run.run_id: replace(scene.run, orders={})})
    changed = replace(intent, **{"quantity": 2, **changes})
    answer = check_order(scene.state, scene.run, changed, scene.now)
    assert (answer.code if isinstance(answer, Denied) else "") == code


def test_the_gate_lets_no_slice_out_before_its_time() -> None:
    scene = entering(sliced("entry"))
    scene.serve()
    intent = replace(scene.sent()[0], client_order_id="next", quantity=1)
    answer = check_order(scene.state, scene.run, intent, scene.now)
    assert answer is not None and answer.code == "AHEAD_OF_SCHEDULE"
    later = replace(scene.now, wall=scene.wall + secs(10), market=scene.market + secs(10))  # type: ignore[operator]
    answer = check_order(scene.state, scene.run, intent, later)
    assert answer is None or answer.code != "AHEAD_OF_SCHEDULE"


def test_an_exit_in_slices_ends_at_once_when_a_leg_was_closed_elsewhere() -> None:
    scene = due_out(sliced("exit", algo="iceberg"))
    scene.serve()
    call, put = left(scene)
    scene.exchange.foreign[PUT] = put
    for _ in range(5):
        scene.pass_time(4)
        scene.prices(after=0)
        scene.due = [effect for effect in scene.due if not isinstance(effect, ReadAccount)]
        scene.read_account(asked=scene.wall)
        if any(intent.quantity == call for intent in scene.submits()):
            break
    assert [intent.quantity for intent in scene.submits() if intent.leg == "C"][-1] == call
