"""A row of the account that could not be read is unknown: never flat, never "all", and no reason to stop closing."""

from typing import Any

import pytest

from tests.engine.scene import CALL, PUT, Phase, Scene, entering, finish, holding, preset
from tests.engine.test_exit_funnel import sold_out
from tests.engine.test_lost_answers import HORIZON, call_orders, lost_call, read_at
from trader.domain.fill import Position
from trader.domain.odd_row import OddRow
from trader.domain.order import OrderStatus, Purpose
from trader.engine.account.reconcile import PARTLY_UNREADABLE

OTHER = "C-BTC-123000-020626"


def odd(member: str, **told: Any) -> dict[str, Any]:
    return {"odd": {member: (OddRow(listed=member, place=2, reason="size is no number", **told),)}}


def read_twice(scene: Scene, **members: Any) -> None:
    """The first read may have been asked for before the last fill."""
    for _ in range(2):
        scene.tick(1)
        scene.read_account(**members)


OURS = [
    pytest.param({"symbol": CALL}, id="by symbol"),
    pytest.param({}, id="without a name"),
    pytest.param({"symbol": CALL[:-1]}, id="by a cut symbol"),
]


@pytest.mark.parametrize("told", OURS)
@pytest.mark.parametrize("member", ["positions", "open_orders", "fills"])
def test_an_unreadable_row_that_may_be_ours_was_taken_for_flat(member: str, told: dict[str, Any]) -> None:
    scene = sold_out()
    for _ in range(20):
        scene.tick(1)
        scene.read_account(**odd(member, **told))
    assert scene.phase is Phase.EXITING and scene.view.flat == "unknown"
    assert scene.alerts().count(PARTLY_UNREADABLE) == 1
    finish(scene)
    assert scene.phase is Phase.DONE and scene.view.flat == "true"


@pytest.mark.parametrize("member", ["positions", "open_orders", "fills", "history"])
def test_an_unreadable_row_of_another_contract_keeps_no_run_from_ending(member: str) -> None:
    scene = sold_out()
    read_twice(scene, **odd(member, symbol=OTHER, product_id=9))
    assert scene.phase is Phase.DONE and scene.view.flat == "true"
    assert PARTLY_UNREADABLE not in scene.alerts()


def test_a_nameless_row_does_not_matter_once_both_contracts_were_read_by_themselves() -> None:
    scene = sold_out()
    known = tuple(Position(symbol=symbol, product_id=1, quantity=0) for symbol in (CALL, PUT))
    read_twice(scene, positions=known, **odd("positions"))
    assert scene.phase is Phase.DONE


def test_an_unreadable_position_is_no_sign_that_somebody_closed_it_and_the_other_leg_is_known() -> None:
    scene = holding()
    put = (Position(symbol=PUT, product_id=1, quantity=-2),)
    for _ in range(20):
        scene.prices()
        scene.read_account(positions=put, **odd("positions", symbol=CALL))
    assert scene.phase is Phase.HOLDING
    assert scene.watch.mismatch_since is None
    assert scene.run.positions.get(PUT) == -2


def test_exits_go_on_beside_an_unreadable_position() -> None:
    scene = holding()
    scene.prices()
    scene.read_account(positions=(), **odd("positions"))
    scene.stop()
    assert {i.leg: (i.quantity, i.reduce_only) for i in scene.sent(Purpose.EXIT)} == {"C": (2, True), "P": (2, True)}


def test_no_entry_beside_an_unreadable_open_order_and_the_reason_names_it() -> None:
    scene = Scene()
    scene.start(preset())
    scene.read_chain()
    scene.prices()
    scene.read_account(**odd("open_orders", symbol=CALL))
    assert scene.phase is Phase.WAITING
    assert any(CALL in why and "size is no number" in why for why in scene.view.why_not)
    scene.tick(1)
    scene.read_account(**odd("open_orders", symbol=OTHER, product_id=9))
    scene.prices()
    assert scene.phase is Phase.WAITING  # it may be anybody's on this underlying
    scene.tick(1)
    scene.read_account(**odd("open_orders", symbol="C-ETH-4000-160125", product_id=9))
    scene.prices()
    assert scene.phase is Phase.ENTERING


def test_no_further_attempt_is_made_while_nothing_is_sold_and_an_order_cannot_be_read() -> None:
    """The row was read while an order rested, which ended without a fill: the next would be the first."""
    scene = Scene()
    scene.start(preset(strategy={"structure": "one_leg", "leg_kind": "call", "leg_side": "sell"}))
    scene.read_chain()
    scene.prices()
    scene.read_account()
    scene.prices()
    scene.accept("C")
    scene.pass_time(1)
    scene.read_account(asked=scene.wall, **odd("open_orders", symbol=OTHER, product_id=9))
    assert PARTLY_UNREADABLE not in scene.alerts()
    while not scene.cancels():
        scene.prices()
    scene.confirm_cancel("C")
    scene.prices()
    assert len(scene.sent()) == 1
    scene.read_account(asked=scene.wall)
    scene.prices()
    assert len(scene.sent()) == 2


def test_nothing_more_of_a_leg_is_sold_while_the_exchange_shows_more_sold_than_is_known() -> None:
    scene = entering()
    scene.accept("C")
    scene.reject("P", "order_size_exceed_available")
    scene.exchange.foreign[PUT] = -2  # an order of ours whose record was lost with the journal's newest rows
    scene.prices(after=3)
    scene.read_account()
    scene.prices()
    assert not [i for i in scene.submits() if i.leg == "P"]


def test_an_ended_order_that_cannot_be_read_after_a_restart_is_not_taken_for_nothing_lost() -> None:
    scene = holding()
    scene.restart()
    scene.prices()
    scene.read_account(history=(), **odd("history"))
    assert scene.watch.account_read is None
    scene.tick(1)
    scene.read_account(history=())
    assert scene.watch.account_read is not None


@pytest.mark.parametrize("member", ["open_orders", "history", "fills", "positions"])
def test_an_order_is_not_absent_while_a_row_may_be_it(member: str) -> None:
    scene = lost_call(accepted=False)
    for extra in range(5):
        read_at(scene, HORIZON + 2.0 * extra, **odd(member))
    assert scene.order("C").status is OrderStatus.UNKNOWN
    assert call_orders(scene) == 1
    for extra in range(5, 8):
        read_at(scene, HORIZON + 2.0 * extra, **odd(member, symbol=OTHER, product_id=9))
    assert scene.order("C", 0).status is OrderStatus.REJECTED


def test_an_unreadable_row_of_a_fill_that_is_booked_already_holds_nothing_up() -> None:
    scene = sold_out()
    booked = scene.run.leg_orders("C")[-1].venue_order_id
    read_twice(scene, **odd("fills", symbol=CALL, order_id=booked))
    assert scene.phase is Phase.DONE
