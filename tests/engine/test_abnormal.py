"""The breaker of entries: what trips it, what it holds back and what not, and when it lets go."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.engine.scene import SPOT, Scene, entering, holding, quote, secs
from trader.config.account_limits import AccountLimits
from trader.domain.clock import Now
from trader.domain.order import Purpose
from trader.domain.outcome import Rejected, Unknown, not_sent
from trader.engine import events as ev
from trader.engine import records as rec
from trader.engine.account.abnormal import all_words, bars_words, tripped
from trader.engine.gate import check_order
from trader.engine.records import Phase
from trader.engine.release import check_release
from trader.engine.step import step

D = Decimal
CALM_SECS = 60


def armed(**limits: Any) -> Scene:
    """A run with strikes that would enter as soon as the account was read."""
    scene = Scene()
    scene.state = replace(scene.state, account=replace(scene.state.account, limits=AccountLimits(**limits)))
    scene.start()
    scene.read_chain()
    scene.prices()
    return scene


def tell(scene: Scene, *, spot: Decimal = SPOT, after: float = 1.0, call: str = "205", **changes: Any) -> None:
    scene.pass_time(after)
    legs = [scene.around("C", call), scene.around("P", "205")]
    scene.quotes(*(replace(leg, **changes) for leg in legs), spot=spot)


def codes(scene: Scene) -> list[str]:
    return [trip.code for trip in tripped(scene.state, "BTC")]


def alerts(scene: Scene) -> list[str]:
    raised = [r for r in scene.records if isinstance(r, rec.AlertRaised)]
    return [r.code for r in raised if r.code.startswith("abnormal") or r.code == "normal_again"]


def jumps(scene: Scene) -> None:
    tell(scene, spot=SPOT * D("1.031"))


def falls(scene: Scene) -> None:
    tell(scene, spot=SPOT * D("0.969"))


def moves_in_steps(scene: Scene) -> None:
    for number in range(1, 7):
        tell(scene, spot=SPOT * (1 + D("0.006") * number), after=5)


def moves_slowly(scene: Scene) -> None:
    for number in range(1, 7):
        tell(scene, spot=SPOT * (1 + D("0.006") * number), after=61)


def jumps_after_a_gap(scene: Scene) -> None:
    tell(scene, spot=SPOT * D("1.2"), after=70)


def crosses(scene: Scene) -> None:
    tell(scene, bid=D(210), ask=D(205))


def touches(scene: Scene) -> None:
    tell(scene, bid=D(205), ask=D(205))


def widens(scene: Scene) -> None:
    tell(scene, bid=D(80), ask=D(330))


def one_leg_widens(scene: Scene) -> None:
    scene.pass_time(1)
    scene.quotes(replace(scene.around("C", "205"), bid=D(80), ask=D(330)), scene.around("P", "205"))


def stands_still(scene: Scene) -> None:
    for _ in range(13):
        tell(scene, after=10)


def moves_by_a_mark(scene: Scene) -> None:
    for number in range(13):
        tell(scene, after=10, call=str(205 + number % 2))


def reads_fail(scene: Scene) -> None:
    for number in range(5):
        tell(scene, call=str(205 + number % 2))
        scene.read_chain(error="timed out", instruments=(), quotes=(), spot=None)


def reads_fail_and_one_is_answered(scene: Scene) -> None:
    for number in range(8):
        error = "" if number == 4 else "timed out"
        scene.feed(ev.MarginRead, error=error, terms=None)


def is_slowed_down(scene: Scene) -> None:
    for _ in range(8):
        scene.feed(ev.MarginRead, error="429", retry_after_secs=1.0)


SCENARIOS: list[tuple[str, Callable[[Scene], None], dict[str, Any], list[str]]] = [
    ("the index rises at once", jumps, {}, ["INDEX_JUMP"]),
    ("the index falls at once", falls, {}, ["INDEX_JUMP"]),
    ("the index rises in small steps", moves_in_steps, {}, ["INDEX_JUMP"]),
    ("the same over minutes", moves_slowly, {}, []),
    ("a gap in the feed, and another level after it", jumps_after_a_gap, {}, []),
    ("a jump, and the rule is off", jumps, {"index_jump_pct": 0}, []),
    ("a jump within a longer time", moves_slowly, {"index_jump_secs": 600}, ["INDEX_JUMP"]),
    ("bid above ask", crosses, {}, ["BOOK_CROSSED"]),
    ("bid at the ask", touches, {}, []),
    ("bid above ask, and three are needed", crosses, {"crossed_contracts": 3}, []),
    ("bid above ask, and the rule is off", crosses, {"crossed_contracts": 0}, []),
    ("spreads blow out", widens, {}, ["SPREADS_WIDE"]),
    ("one of two does", one_leg_widens, {}, []),
    ("spreads blow out, and the rule is off", widens, {"wide_spread_pct": 0}, []),
    ("nothing changes for two minutes", stands_still, {}, ["FEED_FROZEN"]),
    ("a mark changes meanwhile", moves_by_a_mark, {}, []),
    ("nothing changes, and the rule is off", stands_still, {"frozen_secs": 0}, []),
    ("five reads in a row fail", reads_fail, {}, ["API_FAILING"]),
    ("an answer in between", reads_fail_and_one_is_answered, {}, []),
    ("five fail, and ten are allowed", reads_fail, {"api_failures": 10}, []),
    ("the exchange asks for less", is_slowed_down, {}, []),
]


@pytest.mark.parametrize(("what", "disturb", "limits", "found"), SCENARIOS, ids=[row[0] for row in SCENARIOS])
def test_what_trips_it(what: str, disturb: Callable[[Scene], None], limits: dict[str, Any], found: list[str]) -> None:
    scene = armed(**limits)
    disturb(scene)
    assert codes(scene) == found
    assert alerts(scene) == [f"abnormal:{code}" for code in found]
    assert bool(all_words(scene.state)) == bool(found)


@pytest.mark.parametrize("disturb", [jumps, crosses, widens, stands_still, reads_fail])
def test_no_entry_begins_until_a_calm_has_passed_and_then_it_does_by_itself(disturb: Callable[[Scene], None]) -> None:
    scene = armed()
    disturb(scene)
    words = bars_words(scene.state, scene.run)
    for number in range(2 * CALM_SECS + 10):  # a jump stays in its window for a minute, and a calm follows
        assert not scene.sent(Purpose.ENTRY) or number >= CALM_SECS
        tell(scene, call=str(205 + number % 2))
        scene.serve()
        if number == 2:
            assert any(words.split(" (")[0][:20] in why for why in scene.watch.why_not)
    assert scene.phase in (Phase.ENTERING, Phase.HOLDING)
    assert len(alerts(scene)) == 2 and alerts(scene)[-1] == "normal_again"


def test_a_price_counts_until_it_is_as_old_as_the_window() -> None:
    scene = armed()
    tell(scene, after=10)
    tell(scene, after=4.9)  # the last before the jump, late in its stretch
    for number in range(59):
        tell(scene, spot=SPOT * D("1.031"), call=str(205 + number % 2))
    assert [trip.last for trip in tripped(scene.state, "BTC")] == [scene.market]
    for number in range(10):
        tell(scene, spot=SPOT * D("1.031"), call=str(205 + number % 2))
    assert all(scene.market is not None and trip.last < scene.market for trip in tripped(scene.state, "BTC"))


def test_gate_and_last_look_refuse_with_code_and_numbers() -> None:
    scene = entering()
    intent = replace(scene.sent(Purpose.ENTRY)[0], client_order_id="another")
    run = replace(scene.run, orders={}, unsettled=())
    scene.state = replace(scene.state, runs={run.run_id: run})
    jumps(scene)
    for found in (check_order(scene.state, run, intent, scene.now), check_release(scene.state, intent, scene.now)):
        assert found is not None and found.code == "INDEX_JUMP" and "index_jump_pct 3" in found.detail


def test_half_an_entry_is_completed_and_exits_go_on() -> None:
    scene = entering()
    scene.trade("C")
    jumps(scene)
    assert codes(scene) and bars_words(scene.state, scene.run) == ""
    held = holding()
    jumps(held)
    held.tick(0.2)  # while no run is entering, it is asked with the clock
    assert codes(held)
    held.stop()
    assert held.phase is Phase.EXITING and held.sent(Purpose.EXIT)


def test_an_order_of_one_leg_is_held_back_in_the_middle_too() -> None:
    scene = entering()
    jumps(scene)
    run = replace(scene.run, legs=scene.run.legs[:1])
    assert bars_words(scene.state, run)


@pytest.mark.parametrize(("still_secs", "found"), [(400, []), (420, ["FEED_FROZEN"])])
def test_an_accelerated_market_is_not_frozen_between_two_of_its_prices(still_secs: float, found: list[str]) -> None:
    scene = armed()
    assert scene.market is not None
    now = Now(scene.wall + secs(still_secs / 60), scene.market + secs(still_secs), 60.0)
    scene.state, _ = step(scene.state, ev.ClockTicked(at=now))
    assert codes(scene) == found


def test_a_market_that_no_run_is_on_is_forgotten() -> None:
    scene = armed()
    jumps(scene)
    scene.stop()
    for _ in range(3):
        scene.serve()
        tell(scene)
    assert scene.state.sights == {} and codes(scene) == []


@pytest.mark.parametrize(
    ("outcome", "count"), [(Unknown("timeout"), 1), (Rejected("no_margin"), 0), (not_sent("the breaker"), 0)]
)
def test_which_ends_of_an_order_count(outcome: Any, count: int) -> None:
    scene = entering()
    coid = scene.sent(Purpose.ENTRY)[0].client_order_id
    scene.feed(ev.SubmitAnswered, client_order_id=coid, outcome=outcome)
    assert scene.state.calls.unanswered == count


PRICE = st.one_of(st.none(), st.decimals("0", "1e300", allow_nan=False, allow_infinity=False))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(PRICE, PRICE, PRICE, st.decimals("1e-300", "1e300"), st.floats(0, 100)), max_size=6))
def test_no_price_brings_it_down(rows: list[tuple[Any, ...]]) -> None:
    scene = holding()
    symbol = scene.run.legs[0].symbol
    for bid, ask, mark, spot, after in rows:
        scene.pass_time(after)
        assert scene.market is not None
        made = replace(quote(symbol, scene.market), bid=bid, ask=ask, mark=mark)
        scene.feed(ev.MarketMoved, quotes=(made,), spots=(("BTC", spot),), newest=scene.market)
    scene.stop()
    assert scene.phase in (Phase.EXITING, Phase.DONE)
