"""What stands on the account that no run explains: it bars an entry on the whole underlying, and nothing else."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.engine.scene import (
    CALL,
    PUT,
    UNREAD,
    D,
    Phase,
    Scene,
    done,
    entering,
    finish,
    holding,
    preset,
    rejected,
    waiting,
)
from trader.domain.foreign import Foreign, beside_phrase, concerns, find_foreign
from trader.domain.order import OrderSnapshot, Purpose, Side
from trader.engine import effects as ef
from trader.engine import events as ev
from trader.engine import records as rec
from trader.engine.account.losses import Made
from trader.engine.prerequisites import Facts, Unread, in_the_way, prerequisites
from trader.engine.release import check_release

OTHER = "C-BTC-110000-160125"
SHORT = Foreign(kind="position", symbol=OTHER, quantity=-3)
PERPETUAL = Foreign(kind="position", symbol="BTCUSD", quantity=7)
RESTING = Foreign(
    kind="order", symbol="P-BTC-90000-160125", quantity=5, side=Side.BUY, order_id="42", limit_price=D("12.5")
)


def order(thing: Foreign, **changes: Any) -> OrderSnapshot:
    assert thing.side is not None
    made = OrderSnapshot(
        venue_order_id=thing.order_id,
        client_order_id=None,
        symbol=thing.symbol,
        product_id=9,
        side=thing.side,
        quantity=thing.quantity,
        leaves_qty=thing.quantity,
        limit_price=thing.limit_price,
        avg_px=None,
        venue_state="open",
    )
    return replace(made, **changes)


def put_there(scene: Scene, *things: Foreign) -> None:
    """The account holds these and nothing else of other people's."""
    scene.exchange.foreign = {thing.symbol: thing.quantity for thing in things if thing.kind == "position"}
    scene.exchange.others = [order(thing) for thing in things if thing.kind == "order"]


def started(*things: Foreign, **fields: Any) -> Scene:
    """Started now with these on the account, strikes picked, prices fresh, the account read."""
    scene = Scene()
    put_there(scene, *things)
    scene.start(**fields)
    scene.read_chain()
    scene.prices()
    scene.read_account()
    return scene


def confirmed(*things: Foreign) -> dict[str, Any]:
    """What a start carries that confirms these."""
    return {"foreign": things, "beside": beside_phrase(things)}


def on_record(scene: Scene) -> list[tuple[Foreign, ...]]:
    return [r.foreign for r in scene.records if isinstance(r, rec.BesideConfirmed)]


def answer(scene: Scene) -> ef.AckCommand:
    return next(e for e in reversed(scene.all_effects) if isinstance(e, ef.AckCommand))


# -- before the entry --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("thing", [SHORT, PERPETUAL, RESTING], ids=lambda thing: thing.words)
def test_an_entry_was_made_beside_a_foreign_thing_on_another_contract_of_the_underlying(thing: Foreign) -> None:
    scene = started(thing)
    assert scene.phase is Phase.WAITING and scene.sent() == []
    assert f"not of any run here: {thing.words}" in scene.view.why_not
    assert any(beside_phrase([thing]) in why for why in scene.view.why_not)
    assert scene.view.foreign == (thing,)
    put_there(scene)
    scene.prices()
    scene.read_account(asked=scene.wall)
    assert scene.phase is Phase.ENTERING


def test_what_stands_on_another_underlying_is_no_obstacle() -> None:
    eth = Foreign(kind="position", symbol="C-ETH-4000-160125", quantity=-3)
    resting = Foreign(kind="order", symbol="ETHUSD", quantity=1, side=Side.SELL, order_id="7", limit_price=D(9_000))
    assert started(eth, resting).phase is Phase.ENTERING


def test_the_account_is_read_whole_until_something_is_sold_and_by_its_own_contracts_afterwards() -> None:
    def scopes(scene: Scene) -> set[bool]:
        return {e.whole for e in scene.all_effects if isinstance(e, ef.ReadAccount)}

    assert scopes(started(SHORT)) == {True}
    scene = holding()
    scene.all_effects.clear()
    scene.due.clear()
    scene.prices(after=6)
    scene.prices(after=6)
    assert scopes(scene) == {False}


@pytest.mark.parametrize("unread", ["positions", "open_orders"])
def test_an_account_read_in_part_is_not_a_clean_one(unread: str) -> None:
    scene = Scene()
    scene.start()
    scene.read_chain()
    scene.prices()
    scene.read_account(**{unread: UNREAD})
    assert scene.phase is Phase.WAITING
    scene.read_account(whole=False, asked=scene.wall)
    assert scene.phase is Phase.WAITING  # open orders of the legs' contracts alone say nothing of the others
    assert "waiting for positions and open orders to be read" in scene.view.why_not


def test_a_part_that_cannot_be_read_does_not_make_what_was_seen_go_away() -> None:
    scene = started(SHORT, RESTING)
    put_there(scene)
    scene.read_account(open_orders=UNREAD, asked=scene.wall)
    assert scene.view.foreign == (RESTING,)
    scene.read_account(positions=UNREAD, asked=scene.wall)
    assert scene.view.foreign == ()


# -- a person's word ---------------------------------------------------------------------------------------------------


def test_a_start_that_confirms_what_stands_there_sells_beside_it_and_the_journal_keeps_what_it_was() -> None:
    scene = started(SHORT, RESTING, **confirmed(SHORT, RESTING))
    assert scene.phase is Phase.ENTERING and len(scene.submits()) == 2
    assert on_record(scene) == [(SHORT, RESTING)]
    assert scene.refolded() and scene.run.beside == (SHORT, RESTING)


def test_a_phrase_for_something_else_starts_nothing() -> None:
    scene = Scene()
    scene.start(foreign=(SHORT,), beside=beside_phrase([RESTING]))
    assert scene.state.runs == {} and answer(scene).status == "refused"
    assert beside_phrase([SHORT]) in answer(scene).detail
    scene.start(foreign=(SHORT,))
    assert scene.state.runs == {} and answer(scene).status == "refused"


@pytest.mark.parametrize(
    "now",
    [
        [replace(SHORT, quantity=-4)],
        [replace(SHORT, quantity=-2)],
        [replace(SHORT, quantity=3)],
        [SHORT, PERPETUAL],
        [SHORT, RESTING],
        [replace(SHORT, symbol="C-BTC-111000-160125")],
    ],
    ids=lambda things: " and ".join(thing.words for thing in things),
)
def test_what_was_not_confirmed_exactly_as_it_stands_bars_again(now: list[Foreign]) -> None:
    assert started(SHORT, **confirmed(SHORT)).phase is Phase.ENTERING
    scene = started(*now, **confirmed(SHORT))
    assert scene.phase is Phase.WAITING and scene.sent() == []


@pytest.mark.parametrize("changes", [{"quantity": 4}, {"limit_price": D(13)}, {"order_id": "43"}, {"side": Side.SELL}])
def test_a_confirmed_order_that_changes_is_another(changes: dict[str, Any]) -> None:
    assert started(RESTING, **confirmed(RESTING)).phase is Phase.ENTERING
    assert started(replace(RESTING, **changes), **confirmed(RESTING)).phase is Phase.WAITING


def test_what_was_confirmed_and_is_gone_is_no_obstacle() -> None:
    assert started(SHORT, **confirmed(SHORT, RESTING)).phase is Phase.ENTERING


def test_nothing_is_sold_into_a_contract_in_which_something_stands_whatever_was_confirmed() -> None:
    own = Foreign(kind="position", symbol=CALL, quantity=-3)
    scene = started(own, **confirmed(own))
    assert scene.phase is Phase.WAITING and scene.sent() == []
    assert f"{CALL}: a position of -3 contracts exists already, in a contract to be traded" in scene.view.why_not


def test_a_run_that_waits_is_confirmed_without_being_started_anew() -> None:
    scene = started(SHORT)
    scene.beside(SHORT, phrase="START BESIDE THEM")
    assert answer(scene).status == "refused" and scene.phase is Phase.WAITING
    scene.beside(SHORT)
    assert answer(scene).status == "accepted" and scene.phase is Phase.ENTERING
    assert on_record(scene) == [(SHORT,)]


def test_a_confirmation_is_recorded_once_and_survives_a_restart() -> None:
    scene = waiting(preset(schedule={"entry_time_ist": "09:31"}))
    scene.beside(SHORT)
    scene.beside(SHORT)
    assert on_record(scene) == [(SHORT,)]
    scene.restart()
    put_there(scene, SHORT)
    for _ in range(80):
        scene.prices()
        scene.serve(fill=False)
    assert scene.phase is Phase.ENTERING


def test_a_confirmation_for_a_run_that_does_not_wait_is_refused() -> None:
    for scene in (holding(), done()):
        scene.beside(SHORT)
        assert answer(scene).status == "refused" and on_record(scene) == []
    scene = waiting()
    scene.beside(SHORT, run_id="nobody")
    assert answer(scene).status == "refused"


# -- while it waits ----------------------------------------------------------------------------------------------------


def test_what_appears_while_a_run_waits_for_its_time_is_told_then_and_bars_its_entry() -> None:
    scene = waiting(preset(schedule={"entry_time_ist": "09:31", "entry_window_mins": 1}))
    scene.prices(after=10)
    scene.serve()
    assert scene.view.why_not == ("waiting for the entry time",)
    put_there(scene, SHORT)
    scene.prices(after=10)
    scene.serve()
    assert f"not of any run here: {SHORT.words}" in scene.view.why_not
    assert any(code.startswith("foreign_before_entry") for code in scene.alerts())
    for _ in range(110):
        scene.prices()
        scene.serve()
    assert scene.sent() == []
    assert (scene.phase, scene.run.exit_reason) == (Phase.DONE, "missed_entry")  # as ever when a window passes
    assert SHORT.words in scene.run.exit_detail


def test_each_new_state_of_things_is_told_once() -> None:
    scene = started(SHORT)
    for things in ([SHORT], [SHORT, RESTING], [SHORT, RESTING]):
        put_there(scene, *things)
        scene.read_account(asked=scene.wall)
    told = [code for code in scene.alerts() if code.startswith("foreign_before_entry")]
    assert len(told) == len(set(told)) == 2


# -- between the decision and the wire, and afterwards -----------------------------------------------------------------


def test_what_is_read_between_the_decision_and_the_signature_keeps_the_order_back() -> None:
    scene = entering()
    intent = scene.submits()[0]
    assert check_release(scene.state, intent, scene.now) is None
    put_there(scene, SHORT)
    scene.read_account(asked=scene.wall)
    denied = check_release(scene.state, intent, scene.now)
    assert denied is not None and denied.code == "ACCOUNT_NOT_CLEAN"


def test_no_further_attempt_is_made_while_nothing_is_sold_and_something_foreign_is_known() -> None:
    scene = entering()
    put_there(scene, SHORT)
    for key in ("C", "P"):
        scene.answer(scene.take(key).client_order_id, rejected("not_sent", "ACCOUNT_NOT_CLEAN"))
    scene.read_account(asked=scene.wall)
    sent = len(scene.sent())
    for _ in range(60):
        scene.prices()
        scene.serve()
    assert len(scene.sent()) == sent
    assert scene.phase is Phase.DONE and scene.run.fills == {}


def test_an_entry_under_way_is_completed_whatever_appears_beside_it() -> None:
    scene = entering()
    scene.accept("P")
    put_there(scene, SHORT, RESTING)
    scene.reject("C", "stale_order")
    scene.pass_time(2)
    scene.read_account(asked=scene.wall)
    scene.prices(after=0)
    assert [i.leg for i in scene.submits()] == ["C"]


def test_our_own_first_fill_is_not_taken_for_somebody_elses_position() -> None:
    """A position may be read before the answer that explains it: the other leg is sold all the same."""
    scene = entering()
    intent = scene.take("P")
    scene.exchange.accept(intent)
    scene.exchange.fill(intent.client_order_id, 2, D(200), D(0), scene.wall)  # and nobody has told us
    scene.read_account(asked=scene.wall, fills=UNREAD, open_orders=(), history=UNREAD)
    assert scene.watch.foreign == ()
    assert check_release(scene.state, scene.submits()[0], scene.now) is None


def test_exits_never_ask_what_else_stands_on_the_account() -> None:
    scene = holding()
    put_there(scene, SHORT, PERPETUAL, RESTING)
    scene.prices(after=6)
    scene.serve()
    scene.stop()
    assert {i.leg for i in scene.submits()} == {"C", "P"}
    finish(scene)
    assert scene.phase is Phase.DONE and scene.run.finished is not None and scene.run.finished.foreign == ""


def test_what_an_earlier_run_has_left_is_foreign_to_the_next() -> None:
    scene = done()
    scene.exchange.foreign[PUT] = -2
    scene.start(preset(risk={"max_runs_per_day": 5}))
    scene.read_chain()
    scene.prices()
    scene.read_account()
    assert scene.phase is Phase.WAITING
    assert scene.sent(Purpose.ENTRY) == scene.sent(Purpose.ENTRY)[:2]


def test_an_order_that_bears_the_runs_name_and_is_not_in_the_journal_explains_nothing() -> None:
    scene = started(SHORT)
    name = f"sdabcd-{scene.run.run_id[:5]}-CE00-001-abcdefgh"
    put_there(scene)
    scene.exchange.others = [order(RESTING, client_order_id=name)]
    scene.read_account(asked=scene.wall)
    assert scene.phase is Phase.WAITING and [t.kind for t in scene.view.foreign] == ["order"]


def test_the_gate_itself_refuses_to_sell_on_an_account_that_is_not_known_to_be_clean() -> None:
    from trader.engine.gate import check_order

    scene = entering()
    intent = scene.submits()[0]
    bare = replace(scene.run, orders={}, unsettled=())
    calm = replace(scene.state, runs={bare.run_id: bare}, account=replace(scene.state.account, order_times=()))

    def code(seen: tuple[Foreign, ...] | None) -> str:
        watches = {bare.run_id: replace(scene.watch, foreign=seen)}
        denied = check_order(replace(calm, watches=watches), bare, intent, scene.now)
        return "" if denied is None else denied.code

    assert (code(()), code(None), code((SHORT,))) == ("", "ACCOUNT_NOT_CLEAN", "ACCOUNT_NOT_CLEAN")


# -- the list itself ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("symbol", "is_btc"),
    [
        ("C-BTC-90000-310125", True),
        ("P-ETH-4000-310125", False),
        ("MV-BTC-90000-310125", True),
        ("BTCUSD", True),
        ("BTCUSDT", True),
        ("BTC_USDT", True),
        ("ETHUSD", False),
        ("SOLUSDT", False),
        ("", True),  # what does not tell may be
        ("btc/usd", True),
    ],
)
def test_which_contracts_are_of_an_underlying(symbol: str, is_btc: bool) -> None:
    assert concerns(symbol, "BTC") is is_btc


def test_the_phrase_belongs_to_exactly_one_state_of_things_in_any_order() -> None:
    assert beside_phrase([SHORT, RESTING]) == beside_phrase([RESTING, SHORT])
    variants = [[SHORT], [RESTING], [SHORT, RESTING], [replace(SHORT, quantity=-4)], [SHORT, PERPETUAL]]
    assert len({beside_phrase(things) for things in variants}) == len(variants)


def test_what_unfinished_runs_account_for_is_not_foreign() -> None:
    from trader.domain.fill import Position

    held = [Position(symbol=s, product_id=1, quantity=q) for s, q in ((CALL, -2), (PUT, -5), (OTHER, 0))]
    found = find_foreign("BTC", held, [order(RESTING)], expected={CALL: -2, PUT: -2}, is_known=lambda _: True)
    assert found == (Foreign(kind="position", symbol=PUT, quantity=-3),)


def test_a_fact_nobody_gathered_is_unknown_and_one_asked_for_in_vain_is_not_met() -> None:
    assert {item.passed for item in prerequisites(Facts())} == {None}
    assert in_the_way(Facts(foreign=Unread("the exchange did not answer"))) == ["the exchange did not answer"]


@pytest.mark.parametrize(
    ("facts", "code", "met"),
    [
        (Facts(level=""), "trading level", True),
        (Facts(level="trading is PAUSED"), "trading level", False),
        (Facts(slowed="429"), "request budget", False),
        (Facts(journal_fault=""), "journal", True),
        (Facts(journal_fault="disk full"), "journal", False),
        (Facts(account_stream_fault="reset"), "account stream", False),
        (Facts(public_api=(False, "no answer")), "public API", False),
        (Facts(signed_api=(True, "key accepted")), "signed API", True),
        (Facts(clock_offset_secs=2.0), "clock", True),
        (Facts(clock_offset_secs=-2.1), "clock", False),
        (Facts(today=Made(D(-60), D(-39)), loss_limit=D(100)), "daily loss", True),
        (Facts(today=Made(D(-60), D(-40)), loss_limit=D(100)), "daily loss", False),
        (Facts(runs_sold=1, runs_most=2), "runs a day", True),
        (Facts(runs_sold=2, runs_most=2), "runs a day", False),
        (Facts(open_runs=5, open_here=2), "open runs", True),
        (Facts(open_runs=6, open_here=2), "open runs", False),
        (Facts(open_runs=5, open_here=3), "open runs", False),
        (Facts(open_runs=1, open_here=1, twin="abc"), "open runs", False),
        (Facts(strikes=()), "legs", True),
        (Facts(strikes=("no call",)), "legs", False),
        (Facts(foreign=()), "nothing foreign", True),
        (Facts(foreign=(SHORT,)), "nothing foreign", False),
        (Facts(foreign=(SHORT,), confirmed=(SHORT,)), "nothing foreign", True),
        (Facts(margin_needed=D(5), available=D(5)), "margin", True),
        (Facts(margin_needed=D(5), available=D("4.99")), "margin", False),
        (Facts(margin_needed=D(5)), "margin", False),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_each_fact_means(facts: Facts, code: str, met: bool) -> None:
    told = [item for item in prerequisites(facts) if item.code == code]
    assert told and all(item.passed is met for item in told)
    assert all(item.passed is None for item in prerequisites(facts) if item.code != code)


def test_a_foreign_perpetual_short_of_a_hedge_is_seen_with_its_sign() -> None:
    assert replace(PERPETUAL, quantity=-7).words == "a position of -7 in BTCUSD"
    assert RESTING.words == f"an open order buy 5 P-BTC-90000-160125 at {Decimal('12.5')}"
    assert replace(RESTING, limit_price=None).words.endswith("at market")


def test_an_answer_to_a_read_of_a_run_that_is_gone_changes_nothing() -> None:
    scene = started(SHORT)
    before = scene.state.runs
    scene.feed(ev.AccountRead, runs=("nobody",), asked=scene.wall, **scene.exchange.read(()))
    assert scene.state.runs == before
