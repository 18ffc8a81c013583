"""The account's limits: set by one command, folded, enforced for entries of all runs together, and what reaching the loss does."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.engine.boards import Board, structured
from tests.engine.scene import Scene, entering, holding, secs
from tests.engine.several import config, runs, serve, two_holding
from trader.config.account_limits import AccountLimits, parse_limits, read_limits
from trader.domain.errors import ConfigError
from trader.domain.order import OrderIntent, Purpose
from trader.engine import effects as ef
from trader.engine import events as ev
from trader.engine import records as rec
from trader.engine.account.limits import exposed, totals
from trader.engine.account.losses import made_today, present_losses
from trader.engine.fold import evolve
from trader.engine.gate import check_order
from trader.engine.records import Phase
from trader.engine.state import State

D = Decimal
TWICE = '{"daily_loss_usd": 1, "daily_loss_usd": 2}'
TWAP = {"entry_algo": "twap", "entry_slices": 2, "entry_duration_secs": 20}


def set_limits(scene: Scene, **changes: Any) -> ef.AckCommand:
    document = {**AccountLimits().document(), **changes}
    scene.feed(ev.LimitsCommand, command_id=f"limits-{len(scene.records)}", limits=document, issued_by="tester")
    return next(e for e in scene.effects if isinstance(e, ef.AckCommand))


def denied(scene: Scene, **changes: Any) -> str:
    """The code with which the newest run's next entry is refused under these limits; its order is one of 2 calls."""
    scene.state = replace(scene.state, account=replace(scene.state.account, limits=AccountLimits(**changes)))
    intent = replace(next(i for i in scene.sent(Purpose.ENTRY) if i.leg == "C"), client_order_id="another")
    run = replace(scene.run, orders={}, unsettled=())
    scene.state = replace(scene.state, runs={**scene.state.runs, run.run_id: run})
    found = check_order(scene.state, run, intent, scene.now)
    return "" if found is None else found.code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, ""),
        ({"order_contracts": 2}, ""),
        ({"order_contracts": 1}, "ACCOUNT_ORDER_SIZE"),
        ({"contracts_per_instrument": 2}, ""),
        ({"contracts_per_instrument": 1}, "INSTRUMENT_CONTRACTS"),
        ({"contracts_per_underlying": 1, "contracts_per_instrument": 1}, "INSTRUMENT_CONTRACTS"),
        ({"notional_per_instrument_usd": D(200)}, ""),  # 2 x 0.001 x 100,000
        ({"notional_per_instrument_usd": D(199)}, "INSTRUMENT_NOTIONAL"),
        ({"orders_per_second": 2}, "ORDER_RATE_EXCEEDED"),
        ({"order_contracts_least": 2}, ""),
        ({"order_contracts_least": 3}, "ORDER_TOO_SMALL"),
        ({"order_notional_usd": D(200)}, ""),
        ({"order_notional_usd": D(199)}, "ORDER_NOTIONAL"),
        ({"order_share_pct": D(2)}, ""),  # 200 of 10,000 USD
        ({"order_share_pct": D("1.9")}, "ORDER_SHARE"),
        ({"position_share_pct": D(2)}, ""),
        ({"position_share_pct": D("1.9")}, "POSITION_SHARE"),
        ({"price_deviation_pct": D(3)}, ""),  # a limit of 200 at a mark of 205
        ({"price_deviation_pct": D("2.4")}, "PRICE_DEVIATION"),
        ({"price_deviation_pct": D(0)}, ""),
        ({"instruments": {"C-BTC": {"order_contracts": 1}}}, "ACCOUNT_ORDER_SIZE"),
        ({"instruments": {"C-BTC": {"order_contracts": 1}, "C-BTC-104000": {"order_contracts": 2}}}, ""),
        ({"instruments": {"P-BTC": {"order_contracts": 1}}}, ""),
        ({"instruments": {"C-": {"order_contracts_least": 3}}}, "ORDER_TOO_SMALL"),
        ({"instruments": {"C-BTC": {"contracts": 1}}}, "INSTRUMENT_CONTRACTS"),
        ({"instruments": {"C-BTC": {"contracts": 2}}}, ""),
        ({"instruments": {"C-BTC": {"notional_usd": D(199)}}}, "INSTRUMENT_NOTIONAL"),
    ],
)
def test_an_entry_on_both_sides_of_each_limit(changes: dict[str, Any], code: str) -> None:
    assert denied(entering(), **changes) == code


@pytest.mark.parametrize("balance", [None, D(0)])
def test_a_share_of_a_balance_that_is_not_known_lets_no_entry_out(balance: Decimal | None) -> None:
    scene = entering()
    shown = replace(scene.state.shown["BTC"], balance=balance)
    scene.state = replace(scene.state, shown={"BTC": shown})
    assert denied(scene, order_share_pct=D(500)) == "BALANCE_UNKNOWN"
    assert denied(scene) == ""


def test_what_is_passed_is_on_record_with_its_numbers() -> None:
    scene = entering()
    limits = AccountLimits(order_share_pct=D(5), position_share_pct=D(5))
    scene.state = replace(scene.state, account=replace(scene.state.account, limits=limits))
    intent = replace(scene.sent(Purpose.ENTRY)[0], client_order_id="another")
    run = replace(scene.run, orders={}, unsettled=())
    passed: dict[str, str] = {}
    assert check_order(replace(scene.state, runs={run.run_id: run}), run, intent, scene.now, passed) is None
    said = passed["ACCOUNT_LIMITS"]
    assert "order=200 USD" in said and "order_share=2.0 %" in said and "position_share=2.0 %" in said
    assert "deviation=5" in said


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"instruments": {"C-BTC": {"contracts": 0}}}, "instruments.C-BTC.contracts must be at least 1"),
        ({"instruments": {"C-BTC": {"contract": 5}}}, "instruments.C-BTC.contract"),
        ({"instruments": "five"}, "must be a JSON object by contract"),
        ({"instruments": '{"BTCUSD": {"contracts": "x"}}'}, "instruments.BTCUSD.contracts"),
        ({"order_contracts_least": 9, "order_contracts": 8}, "order_contracts_least (9) exceeds order_contracts (8)"),
        ({"index_jump_pct": -1}, "index_jump_pct must be at least 0"),
        ({"leverage_most": 0}, "leverage_most must be at least 1"),
    ],
)
def test_limits_that_are_none_are_refused_in_one_sentence(document: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(words)):
        read_limits(document)


def test_bounds_of_single_contracts_come_back_as_they_went() -> None:
    limits = read_limits({"instruments": '{"BTCUSD": {"contracts": 5, "notional_usd": "0.5"}}'})
    assert limits.document()["instruments"] == {"BTCUSD": {"contracts": 5, "notional_usd": "0.5"}}
    assert read_limits(limits.document()) == limits
    assert limits.of("BTCUSD").contracts == 5 and limits.of("ETHUSD").contracts is None


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"contracts_per_underlying": 10, "contracts_per_instrument": 10}, ""),
        ({"contracts_per_underlying": 9, "contracts_per_instrument": 9}, "UNDERLYING_CONTRACTS"),
        ({"contracts_per_instrument": 5}, "INSTRUMENT_CONTRACTS"),
        ({"contracts_total": 9, "contracts_per_underlying": 9, "contracts_per_instrument": 9}, "UNDERLYING_CONTRACTS"),
        ({"notional_per_underlying_usd": D(999), "notional_per_instrument_usd": D(999)}, "UNDERLYING_NOTIONAL"),
    ],
)
def test_limits_count_what_all_runs_hold_together(changes: dict[str, Any], code: str) -> None:
    scene = two_holding()  # 4 calls and 4 puts
    scene.start(config(2))
    for _ in range(8):
        scene.pass_time(1)
        scene.prices(after=0)
        serve(scene, fill=False)
        if scene.run.orders:
            break
    assert [exposed(run, run.leg("C")) for run in runs(scene)] == [2, 2, 2]
    scene.pass_time(2)
    scene.prices(after=0)
    intent: OrderIntent = replace(next(i for i in scene.submits() + scene.sent(Purpose.ENTRY) if i.leg == "C"))
    limits = AccountLimits(**changes)
    third = replace(scene.run, orders={}, unsettled=())
    state = replace(
        scene.state,
        account=replace(scene.state.account, limits=limits),
        runs={**scene.state.runs, third.run_id: third},
    )
    intent = replace(next(i for i in scene.sent(Purpose.ENTRY) if i.run_id == third.run_id and i.leg == "C"))
    found = check_order(state, third, intent, scene.now)
    assert ("" if found is None else found.code) == code


@pytest.mark.parametrize("unknown", ["its own", "another's"])
def test_an_entry_waits_while_a_notional_cannot_be_told(unknown: str) -> None:
    scene = two_holding()
    scene.start(config(2))
    for _ in range(8):
        scene.pass_time(1)
        scene.prices(after=0)
        serve(scene, fill=False)
        if scene.run.orders:
            break
    intent = next(i for i in scene.sent(Purpose.ENTRY) if i.run_id == scene.run.run_id and i.leg == "C")
    scene.pass_time(2)
    scene.prices(after=0)
    newest = replace(scene.run, orders={}, unsettled=())
    state = replace(scene.state, runs={**scene.state.runs, newest.run_id: newest})
    assert check_order(state, newest, intent, scene.now) is None
    if unknown == "its own":
        state = replace(state, market=replace(state.market, spots={}))
    else:
        other = replace(runs(scene)[0], underlying="ETH")  # of which no price was ever told
        state = replace(state, runs={**state.runs, other.run_id: other})
    found = check_order(state, newest, intent, scene.now)
    assert found is not None and found.code == "INSTRUMENT_NOTIONAL"


@pytest.mark.parametrize(
    ("sections", "changes", "words"),
    [
        ({}, {"contracts_per_underlying": 7, "contracts_per_instrument": 7}, "8 contracts on BTC with this entry"),
        (
            {},
            {"contracts_total": 7, "contracts_per_underlying": 7, "contracts_per_instrument": 7},
            "8 contracts on this",
        ),
        ({"orders": TWAP}, {"contracts_per_instrument": 1}, "2 contracts in C-BTC-"),
        ({}, {"order_contracts": 1}, "an order of 2 contracts is needed, order_contracts is 1"),
        ({"orders": TWAP}, {"order_contracts": 1}, ""),
        ({}, {"notional_per_underlying_usd": 799, "notional_per_instrument_usd": 799}, "800 USD of notional on BTC"),
        ({}, {"notional_per_underlying_usd": 800, "notional_per_instrument_usd": 800}, ""),
        ({}, {"contracts_per_underlying": 8, "contracts_per_instrument": 2}, ""),
    ],
)
def test_an_entry_that_would_meet_a_limit_halfway_is_not_begun(
    sections: dict[str, Any], changes: dict[str, Any], words: str
) -> None:
    """A condor's wings would have been bought, its shorts refused, and the wings sold again at a loss."""
    board = Board()
    set_limits(board, **changes)
    board.start(structured("iron_condor", **sections))
    board.read_chain()
    board.prices()
    board.read_account()
    found = [reason for reason in board.watch.why_not if words and words in reason]
    assert (board.phase, bool(found)) == ((Phase.WAITING, True) if words else (Phase.ENTERING, False)), board.watch
    assert bool(board.submits()) is not bool(words)


def test_an_exit_is_never_asked() -> None:
    scene = holding()
    tight = dict.fromkeys(("order_contracts", "contracts_per_instrument", "contracts_per_underlying"), 1)
    set_limits(scene, **tight)
    scene.stop()
    assert {(i.leg, i.quantity) for i in scene.submits()} == {("C", 2), ("P", 2)}


def test_limits_are_set_whole_recorded_and_folded() -> None:
    scene = holding()
    assert set_limits(scene, open_runs=2, open_runs_per_underlying=1).status == "accepted"
    assert scene.state.account.limits.open_runs == 2
    made = [record for record in scene.records if isinstance(record, rec.LimitsSet)]
    assert [record.issued_by for record in made] == ["tester"]
    state = State(installation="abcd1234", epoch=1, env="paper", account_key="acc")
    for record in scene.records:
        state = evolve(state, record)
    assert state.account.limits == scene.state.account.limits
    scene.start(config(1))
    answer = next(e for e in scene.effects if isinstance(e, ef.AckCommand))
    assert answer.status == "refused" and "open_runs_per_underlying is 1" in answer.detail
    set_limits(scene, open_runs=2, open_runs_per_underlying=1)
    assert len([record for record in scene.records if isinstance(record, rec.LimitsSet)]) == 1  # nothing new


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"open_runs": 0}, "open_runs"),
        ({"daily_loss_usd": "many"}, "daily_loss_usd must be a number"),
        ({"daily_loss_usd": "1e3"}, "daily_loss_usd must be a number"),
        ({"order_contracts": "1_000"}, "order_contracts must be a whole number"),
        ({"order_contracts": True}, "order_contracts must be a whole number"),
        ({"daily_loss_closes": 0}, "daily_loss_closes must be true or false"),
        ({"contract_total": 5}, "contract_total"),
        ({"schema": 9}, "schema 9"),
        ({"open_runs": 2}, "open_runs_per_underlying (3) exceeds open_runs (2)"),
        ({"daily_loss_usd": 20_000}, "daily_loss_usd (20000) exceeds weekly_loss_usd (15000)"),
    ],
)
def test_what_cannot_be_limits_is_refused_with_its_field(document: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words.replace("(", r"\(").replace(")", r"\)")):
        read_limits(document)
    scene = holding()
    answer = set_limits(scene, **document)
    assert answer.status == "refused" and words in answer.detail
    assert scene.state.account.limits == AccountLimits()


def test_a_document_written_is_read_again() -> None:
    limits = AccountLimits(daily_loss_usd=D("12.5"), weekly_loss_usd=D("1E+3"), daily_loss_closes=False)
    assert read_limits(limits.document()) == limits
    for text, words in (("[1]", "a JSON object"), ("{", "not valid JSON"), (TWICE, "stands there twice")):
        with pytest.raises(ConfigError, match=words):
            parse_limits(text)


# -- losses ------------------------------------------------------------------------------------------------------------


def losing(**limits: Any) -> Scene:
    """Two runs that lose about 3 USD together, held against a limit of 2."""
    scene = two_holding()
    wide = {"max_loss_pct": D(1000), "liquidation_guard_pct": D(0)}
    for run in runs(scene):
        preset = run.preset.model_copy(update={"exits": run.preset.exits.model_copy(update=wide)})
        scene.state = replace(scene.state, runs={**scene.state.runs, run.run_id: replace(run, preset=preset)})
    set_limits(scene, **{"daily_loss_usd": 2, **limits})
    for _ in range(6):
        scene.prices("600", "600")
        if scene.state.account.locked_day is not None:
            break
    return scene


def test_the_daily_loss_of_all_runs_closes_them_and_locks_the_day() -> None:
    scene = losing()
    assert made_today(scene.state, scene.now).lost > 2
    assert {run.phase for run in runs(scene)} == {Phase.EXITING}
    assert {run.exit_reason for run in runs(scene)} == {"account_loss"}
    assert "account_daily_loss" in scene.alerts()
    for _ in range(10):
        scene.prices("600", "600")
        serve(scene)
    assert not runs(scene)
    scene.start(config(5))
    answer = next(e for e in scene.effects if isinstance(e, ef.AckCommand))
    assert answer.status == "refused" and "daily_loss_usd of 2 USD" in answer.detail


def test_without_closing_the_day_is_locked_and_runs_go_on() -> None:
    scene = losing(daily_loss_closes=False)
    assert {run.phase for run in runs(scene)} == {Phase.HOLDING}
    for _ in range(3):
        scene.prices("200", "200")  # it has come back
    assert made_today(scene.state, scene.now).lost < 2
    scene.start(config(5))
    answer = next(e for e in scene.effects if isinstance(e, ef.AckCommand))
    assert answer.status == "refused" and "locked until tomorrow" in answer.detail


def resumes(scene: Scene) -> None:
    scene.feed(ev.LevelCommand, command_id="resume", level=rec.OperatorLevel.RESUME, issued_by="tester")


@pytest.mark.parametrize("lifts", [resumes, lambda scene: scene.pass_time(24 * 3600)], ids=["a person", "the next day"])
def test_the_lock_is_lifted_by_a_person_or_by_the_next_day(lifts: Callable[[Scene], None]) -> None:
    scene = losing(daily_loss_closes=False)
    for _ in range(3):
        scene.prices("200", "200")
    lifts(scene)
    scene.start(config(5))
    assert next(e for e in scene.effects if isinstance(e, ef.AckCommand)).status == "accepted"


@pytest.mark.parametrize(
    ("price", "words"), [("600", "has reached daily_loss_usd of 2 USD"), ("200", "let out again after the loss")]
)
def test_a_resume_says_whether_the_loss_still_refuses_entries(price: str, words: str) -> None:
    scene = losing(daily_loss_closes=False)
    for _ in range(3):
        scene.prices(price, price)
    resumes(scene)
    assert words in next(e for e in scene.effects if isinstance(e, ef.AckCommand)).detail


def test_one_stray_print_locks_nothing() -> None:
    scene = losing(daily_loss_usd=2000)
    set_limits(scene, daily_loss_usd=2)
    scene.prices("600", "600", after=0.5)
    scene.prices("205", "205", after=1)
    assert scene.state.account.locked_day is None and {run.phase for run in runs(scene)} == {Phase.HOLDING}


def test_the_week_begins_on_monday() -> None:
    scene = holding()
    today = scene.market.date()  # type: ignore[union-attr]
    booked = {today - secs(86400 * n): D(-10) for n in range(5)}  # a Wednesday: two of the days before are this week's
    scene.state = replace(scene.state, account=replace(scene.state.account, made_by_day=booked))
    scene.state = replace(scene.state, watches={})
    assert [loss.made.lost for loss in present_losses(scene.state, scene.now)] == [D(10), D(30)]


def test_of_two_people_neither_undoes_the_others_change() -> None:
    """Both have seen the defaults; the second sets the whole document, which would put the first one's change back."""
    scene = holding()
    set_limits(scene, open_runs=4)
    before, seen = scene.state.account.limits, AccountLimits().document()
    wanted = {**seen, "daily_loss_usd": 100}
    scene.feed(ev.LimitsCommand, command_id="second", limits=wanted, issued_by="tester", seen=seen)
    answer = next(e for e in scene.effects if isinstance(e, ef.AckCommand))
    assert answer.status == "refused" and "open_runs 6 -> 4" in answer.detail
    assert scene.state.account.limits == before
    scene.feed(
        ev.LimitsCommand,
        command_id="third",
        limits={**before.document(), "daily_loss_usd": 100},
        issued_by="tester",
        seen=before.document(),
    )
    assert (scene.state.account.limits.open_runs, scene.state.account.limits.daily_loss_usd) == (4, 100)


def test_what_people_see_is_what_the_gate_counts() -> None:
    scene = two_holding(3)
    told = totals(scene.state, scene.now)
    assert {(one.symbol, one.contracts) for one in told.exposures} == {
        (leg.symbol, sum(exposed(run, leg) for run in runs(scene))) for leg in scene.run.legs
    }
    assert sum((one.notional or 0 for one in told.exposures), D(0)) == 12 * D("0.001") * D(100_000)
    assert told.locked == "" and told.limits == AccountLimits().document()
    scene.state = replace(scene.state, account=replace(scene.state.account, locked_day=scene.now.market.date()))  # type: ignore[union-attr]
    assert "locked until tomorrow" in totals(scene.state, scene.now).locked
