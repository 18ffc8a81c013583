"""The gate: every reason code on both sides of its boundary, and that exits are held back by nothing but what bounds them."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.engine.scene import (
    CALL,
    EXPIRY,
    OPENING,
    UNREAD,
    D,
    Phase,
    Scene,
    done,
    entering,
    exiting,
    holding,
    preset,
    secs,
)
from trader.domain.expiry import ist_date
from trader.domain.order import OrderIntent, OrderStatus, OrderType, Purpose, Side
from trader.engine import effects as ef
from trader.engine.account.losses import made_today, runs_sold
from trader.engine.events import StartCommand
from trader.engine.gate import HARD_ORDERS_PER_SECOND, check_order, closable, collar

Change = Callable[[Scene], dict[str, Any]]


def fresh_entry() -> tuple[Scene, OrderIntent]:
    """A run about to sell its first call, and the order it would send."""
    scene = entering()
    intent = next(i for i in scene.submits() if i.leg == "C")
    bare = replace(scene.run, orders={}, unsettled=(), fills={}, ledgers={}, held=())
    scene.state = replace(scene.state, runs={bare.run_id: bare}, account=replace(scene.state.account, order_times=()))
    return scene, intent


def fresh_exit() -> tuple[Scene, OrderIntent]:
    scene = exiting()
    intent = next(i for i in scene.submits() if i.leg == "C")
    kept = {k: o for k, o in scene.run.orders.items() if o.intent.purpose is Purpose.ENTRY}
    scene.state = replace(
        scene.state,
        runs={scene.run.run_id: replace(scene.run, orders=kept)},
        account=replace(scene.state.account, order_times=()),
    )
    return scene, intent


def verdict(scene: Scene, intent: OrderIntent, **changes: Any) -> str:
    denied = check_order(scene.state, scene.run, replace(intent, **changes), scene.now)
    return denied.code if denied is not None else ""


def with_run(scene: Scene, **changes: Any) -> None:
    scene.state = replace(scene.state, runs={scene.run.run_id: replace(scene.run, **changes)})


def with_quote(scene: Scene, **changes: Any) -> None:
    quotes = scene.state.market.quotes
    changed = {**quotes, CALL: replace(quotes[CALL], **changes)}
    scene.state = replace(scene.state, market=replace(scene.state.market, quotes=changed))


def test_a_sound_entry_and_a_sound_exit_pass() -> None:
    assert verdict(*fresh_entry()) == ""
    assert verdict(*fresh_exit()) == ""


@pytest.mark.parametrize("make", [fresh_entry, fresh_exit])
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"client_order_id": "x" * 32}, ""),
        ({"client_order_id": "x" * 33}, "CLIENT_ORDER_ID_TOO_LONG"),
        ({"symbol": "P-BTC-1-160125"}, "WRONG_CONTRACT"),
        ({"product_id": 1}, "WRONG_CONTRACT"),
        ({"quantity": 1}, ""),
        ({"quantity": 0}, "QUANTITY_BELOW_MINIMUM"),
        ({"limit_price": D("0.5")}, "PRICE_OUTSIDE_COLLAR"),
        ({"limit_price": D(0)}, "PRICE_NOT_POSITIVE"),
        ({"limit_price": D(-1)}, "PRICE_NOT_POSITIVE"),
        ({"limit_price": D("NaN")}, "PRICE_NOT_POSITIVE"),
        ({"limit_price": D("Infinity")}, "PRICE_NOT_POSITIVE"),
        ({"limit_price": None}, "PRICE_NOT_POSITIVE"),
        ({"limit_price": D("200.3")}, "PRICE_OFF_TICK"),
        ({"limit_price": D("200.25")}, "PRICE_OFF_TICK"),
        ({"limit_price": D("200.50")}, ""),
        ({"limit_price": D(164)}, ""),  # mark 205 - 20 %
        ({"limit_price": D("163.5")}, "PRICE_OUTSIDE_COLLAR"),
        ({"limit_price": D(246)}, ""),
        ({"limit_price": D("246.5")}, "PRICE_OUTSIDE_COLLAR"),
    ],
    ids=str,
)
def test_what_every_order_must_be(
    make: Callable[[], tuple[Scene, OrderIntent]], changes: dict[str, Any], code: str
) -> None:
    scene, intent = make()
    assert verdict(scene, intent, **changes) == code


def test_a_client_order_id_is_never_used_twice() -> None:
    scene = entering()
    assert verdict(scene, next(iter(scene.run.orders.values())).intent) == "DUPLICATE_CLIENT_ORDER_ID"


@pytest.mark.parametrize("make", [fresh_entry, fresh_exit])
def test_no_order_from_the_instant_of_expiry_on(make: Callable[[], tuple[Scene, OrderIntent]]) -> None:
    scene, intent = make()
    market_order = {"order_type": OrderType.MARKET, "limit_price": None}
    scene.market = EXPIRY - timedelta(microseconds=1)
    assert verdict(scene, intent, **market_order) == ""
    scene.market = EXPIRY
    assert verdict(scene, intent, **market_order) == "CONTRACT_EXPIRED"


@pytest.mark.parametrize(
    ("band", "code"),
    [
        ({"band_low": D(200)}, ""),
        ({"band_low": D("200.5")}, "PRICE_OUTSIDE_BAND"),
        ({"band_high": D(200)}, ""),
        ({"band_high": D("199.5")}, "PRICE_OUTSIDE_BAND"),
    ],
    ids=str,
)
def test_the_exchanges_price_band(band: dict[str, Decimal], code: str) -> None:
    scene, intent = fresh_entry()
    with_quote(scene, **band)
    assert verdict(scene, intent) == code


@pytest.mark.parametrize(
    ("mark", "low", "high"), [("205", "164.0", "246.0"), ("2", "-0.5", "4.5"), ("12.5", "10", "15")]
)
def test_the_collar_is_a_share_of_mark_and_at_least_five_ticks(mark: str, low: str, high: str) -> None:
    assert collar(entering().run.leg("C"), D(mark), D(20)) == (D(low), D(high))


@pytest.mark.parametrize(("age", "entry"), [(5.2, ""), (5.3, "NO_FRESH_MARK")])
def test_new_risk_needs_a_fresh_mark_and_an_exit_does_not(age: float, entry: str) -> None:
    for make, code in ((fresh_entry, entry), (fresh_exit, "")):
        scene, intent = make()
        assert scene.state.market.newest is not None
        with_quote(scene, ts_mark=scene.state.market.newest - secs(age))
        assert verdict(scene, intent) == code


def test_an_exit_needs_no_quote_at_all() -> None:
    for make, code in ((fresh_entry, "NO_FRESH_MARK"), (fresh_exit, "")):
        scene, intent = make()
        scene.state = replace(scene.state, market=replace(scene.state.market, quotes={}))
        assert verdict(scene, intent) == code


@pytest.mark.parametrize(("already", "entry", "exit_"), [(4, "", ""), (5, "ORDER_RATE_EXCEEDED", ""), (9, "", "")])
def test_order_rate(already: int, entry: str, exit_: str) -> None:
    for make, code in ((fresh_entry, entry), (fresh_exit, exit_)):
        if already >= 9 and make is fresh_entry:
            continue
        scene, intent = make()
        just_now = tuple(scene.wall - secs(0.9) for _ in range(already))
        scene.state = replace(scene.state, account=replace(scene.state.account, order_times=just_now))
        assert verdict(scene, intent) == code


def test_even_exits_respect_the_hard_rate_and_a_second_later_it_is_forgotten() -> None:
    scene, intent = fresh_exit()
    times = tuple(scene.wall for _ in range(HARD_ORDERS_PER_SECOND))
    scene.state = replace(scene.state, account=replace(scene.state.account, order_times=times))
    assert verdict(scene, intent) == "ORDER_RATE_EXCEEDED"
    scene.wall += secs(1)
    assert verdict(scene, intent) == ""


def test_orders_of_tickets_keep_no_order_of_a_run_back() -> None:
    for make in (fresh_entry, fresh_exit):
        scene, intent = make()
        times = (scene.wall,) * 200
        scene.state = replace(scene.state, account=replace(scene.state.account, ticket_times=times))
        assert verdict(scene, intent) == ""


def test_an_order_held_by_the_rate_goes_out_a_moment_later() -> None:
    scene = Scene()
    scene.start(preset(risk={"orders_per_second": 1}))
    scene.read_chain()
    scene.prices()
    scene.read_account()
    assert [i.leg for i in scene.submits()] == ["C"]
    scene.tick(0.5)
    assert [i.leg for i in scene.submits()] == ["C"]
    scene.tick(0.5)
    assert [i.leg for i in scene.submits()] == ["C", "P"]
    assert "OrderDenied" not in {type(r).__name__ for r in scene.records}


# -- entries -----------------------------------------------------------------------------------------------------------


def test_an_entry_order_no_larger_than_the_largest_allowed() -> None:
    scene, intent = fresh_entry()
    for most, code in ((2, ""), (1, "QUANTITY_EXCEEDS_MAXIMUM")):
        config = preset(strategy={"quantity": 1}, risk={"max_order_quantity": most})
        with_run(scene, preset=config)
        assert verdict(scene, intent) == code


@pytest.mark.parametrize("changes", [{"stop_command": "s"}, {"exit_reason": "time"}], ids=str)
def test_no_entry_after_stop(changes: dict[str, Any]) -> None:
    scene, intent = fresh_entry()
    with_run(scene, **changes)
    assert verdict(scene, intent) == "ENTRY_AFTER_STOP"


@pytest.mark.parametrize(
    ("phase", "code"),
    [(Phase.WAITING, ""), (Phase.ENTERING, ""), (Phase.HOLDING, "NOT_ENTERING"), (Phase.DONE, "NOT_ENTERING")],
)
def test_entries_belong_to_their_phase(phase: Phase, code: str) -> None:
    scene, intent = fresh_entry()
    with_run(scene, phase=phase)
    assert verdict(scene, intent) == code


@pytest.mark.parametrize("changes", [{"side": Side.BUY}, {"reduce_only": True}], ids=str)
def test_an_entry_sells(changes: dict[str, Any]) -> None:
    assert verdict(*fresh_entry(), **changes) == "WRONG_SIDE"


def test_no_entry_while_an_earlier_one_is_unresolved() -> None:
    for lose in (False, True):
        scene = entering()
        intent = next(i for i in scene.submits() if i.leg == "C")
        if lose:
            scene.lose("C", accepted=False)
        assert verdict(scene, intent, client_order_id="another") == "EARLIER_ORDER_UNRESOLVED"


def test_a_leg_never_exceeds_its_configured_size() -> None:
    scene = entering()
    intent = scene.accept("C")
    scene.fill(intent.client_order_id, 1)
    scene.exchange.cancel(intent.client_order_id)
    scene.tick(0.3)
    scene.read_account(positions=UNREAD)
    ended = {k: o for k, o in scene.run.orders.items() if k == intent.client_order_id}
    with_run(scene, orders=ended)
    assert verdict(scene, intent, client_order_id="next", quantity=1) == ""
    assert verdict(scene, intent, client_order_id="next", quantity=2) == "POSITION_WOULD_EXCEED"


def test_at_most_six_entry_orders_for_a_leg() -> None:
    scene, intent = fresh_entry()
    template = replace(next(iter(entering().run.orders.values())), status=OrderStatus.REJECTED)
    for count, code in ((5, ""), (6, "TOO_MANY_ORDERS")):
        ids = [f"o{n}" for n in range(count)]
        with_run(scene, orders={i: replace(template, intent=replace(intent, client_order_id=i)) for i in ids})
        assert verdict(scene, intent) == code


@pytest.mark.parametrize(("lost", "code"), [("499.99", ""), ("500", "DAILY_LOSS_LIMIT"), ("-900", "")])
def test_daily_loss_limit_stops_entries_and_never_exits(lost: str, code: str) -> None:
    for make, expected in ((fresh_entry, code), (fresh_exit, "")):
        scene, intent = make()
        booked = {ist_date(scene.wall): -D(lost)}
        scene.state = replace(scene.state, account=replace(scene.state.account, made_by_day=booked))
        assert verdict(scene, intent) == expected


def test_yesterdays_loss_is_yesterdays() -> None:
    scene, intent = fresh_entry()
    booked = {ist_date(OPENING - timedelta(days=1)): D(-9_000)}
    scene.state = replace(scene.state, account=replace(scene.state.account, made_by_day=booked))
    assert made_today(scene.state, scene.now).lost == 0
    assert verdict(scene, intent) == ""


# -- exits -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("changes", [{"side": Side.SELL}, {"reduce_only": False}], ids=str)
def test_an_exit_reduces(changes: dict[str, Any]) -> None:
    assert verdict(*fresh_exit(), **changes) == "EXIT_MUST_REDUCE"


@pytest.mark.parametrize(
    ("seen", "open_", "quantity", "code"),
    [
        ({}, 2, 2, ""),
        ({}, 2, 3, "EXIT_EXCEEDS_POSITION"),
        ({CALL: -1}, 1, 1, ""),
        ({CALL: -1}, 1, 2, "EXIT_EXCEEDS_POSITION"),
        ({CALL: -9}, 2, 3, "EXIT_EXCEEDS_POSITION"),
        ({CALL: 0}, 0, 1, "EXIT_EXCEEDS_POSITION"),
        ({CALL: 4}, 0, 1, "EXIT_EXCEEDS_POSITION"),
    ],
    ids=str,
)
def test_an_exit_is_bounded_by_our_fills_and_the_position_read(
    seen: dict[str, int], open_: int, quantity: int, code: str
) -> None:
    scene, intent = fresh_exit()
    with_run(scene, positions=seen)
    assert closable(scene.run, scene.run.leg("C")) == open_
    assert verdict(scene, intent, quantity=quantity) == code


def test_entry_limits_never_hold_an_exit_back() -> None:
    scene, intent = fresh_exit()
    with_run(scene, preset=preset(strategy={"quantity": 1}, risk={"max_order_quantity": 1}), stop_command="s")
    assert verdict(scene, intent) == ""


# -- starting ----------------------------------------------------------------------------------------------------------


def ack(scene: Scene) -> ef.AckCommand:
    return next(e for e in scene.effects if isinstance(e, ef.AckCommand))


def test_a_second_press_of_start_is_refused_until_the_entry_is_complete() -> None:
    scene = entering()
    scene.start(scene.run.preset)
    assert ack(scene).status == "refused" and f"run {scene.run.run_id} of this very configuration" in ack(scene).detail
    scene.serve()
    assert scene.phase is Phase.HOLDING
    scene.start(scene.run.preset)
    assert ack(scene).status == "accepted"


def test_runs_at_once_on_both_sides_of_their_limits() -> None:
    config = preset(risk={"max_runs_per_day": 50})
    scene = holding(config)
    answers = []
    for underlying in ("BTC", "BTC", "BTC", "ETH", "ETH", "ETH", "ETH"):
        retries = len(answers) % 5  # another configuration each time
        scene.start(
            preset(strategy={"underlying": underlying}, risk=config.risk.model_dump(), orders={"retries": retries})
        )
        answers.append(ack(scene))
    assert [answer.status for answer in answers] == ["accepted"] * 2 + ["refused"] + ["accepted"] * 3 + ["refused"]
    assert "3 runs on BTC are open, open_runs_per_underlying is 3" in answers[2].detail
    assert "6 runs are open on this account, open_runs is 6" in answers[6].detail


def test_runs_per_day_on_both_sides_of_the_limit() -> None:
    config = preset(risk={"max_runs_per_day": 2})
    scene = done(config)
    scene.start(config)
    assert ack(scene).status == "accepted"
    for _ in range(3):
        scene.prices()
        scene.serve()
    assert scene.phase is Phase.HOLDING
    scene.stop()
    for _ in range(3):
        scene.serve()
        scene.tick(1)
    assert scene.phase is Phase.DONE
    assert runs_sold(scene.state, "BTC", scene.now) == 2
    scene.start(config)
    assert ack(scene).status == "refused" and "that sold today: 2 of 2 (risk.max_runs_per_day)" in ack(scene).detail
    scene.pass_time(24 * 3600)
    scene.start(config)
    assert ack(scene).status == "accepted"


def test_no_start_when_the_day_has_lost_its_limit() -> None:
    config = preset(risk={"daily_loss_limit_usd": "0.09"})
    scene = done(config)  # loses 0.096
    assert made_today(scene.state, scene.now).lost == D("0.096")
    scene.start(config)
    assert ack(scene).status == "refused" and "daily_loss_limit_usd" in ack(scene).detail
    scene.start(preset(risk={"daily_loss_limit_usd": "0.1"}))
    assert ack(scene).status == "accepted"


def test_a_start_with_another_hash_than_was_confirmed_is_refused() -> None:
    scene = Scene()
    body = preset().model_dump(mode="json")
    scene.feed(StartCommand, command_id="a", config=body, config_hash="other", start_now=True, issued_by="x")
    assert ack(scene).status == "refused"
    assert scene.state.runs == {}


def test_a_start_with_a_bad_configuration_names_the_field() -> None:
    scene = Scene()
    body = preset().model_dump(mode="json")
    body["strategy"]["quantity"] = -1
    scene.feed(StartCommand, command_id="a", config=body, config_hash="x", start_now=True, issued_by="x")
    assert ack(scene).status == "refused" and "strategy.quantity" in ack(scene).detail


def test_the_same_start_command_twice_makes_one_run() -> None:
    scene = Scene()
    config = preset()
    for _ in range(2):
        scene.feed(
            StartCommand,
            command_id="a",
            config=config.model_dump(mode="json"),
            config_hash=config.config_hash,
            start_now=True,
            issued_by="x",
        )
        assert ack(scene).status == "accepted"
    assert len(scene.state.runs) == 1
