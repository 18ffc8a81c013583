"""What the picture says of the nets under a position: from reads of the account, never a constant text."""

from decimal import Decimal

import pytest

from tests.engine.scene import CALL, PUT, UNREAD, Scene, done, entering, exiting, holding, option, quote, secs, waiting
from trader.domain.instrument import Kind
from trader.domain.odd_row import OddRow
from trader.domain.order import OrderSnapshot, Side
from trader.engine.view import Safety


def resting(
    symbol: str = CALL, *, kind: str = "stop_loss_order", side: Side = Side.BUY, name: str = "77"
) -> OrderSnapshot:
    """Somebody's order that waits at the exchange."""
    return OrderSnapshot(
        venue_order_id=name,
        client_order_id=None,
        symbol=symbol,
        product_id=1,
        side=side,
        quantity=2,
        leaves_qty=2,
        limit_price=Decimal(500),
        avg_px=None,
        venue_state="pending",
        reduce_only=True,
        stop_kind=kind,
    )


def net(scene: Scene) -> Safety:
    told = scene.view.safety
    assert told is not None
    return told


@pytest.mark.parametrize(
    ("others", "stops"),
    [
        ([], 0),
        ([resting()], 1),
        ([resting(), resting(PUT, name="78")], 2),
        ([resting(kind="take_profit_order")], 0),
        ([resting(kind="")], 0),
        ([resting(side=Side.SELL)], 0),
        ([resting("C-BTC-110000-160125")], 0),
    ],
    ids=["none", "one", "both legs", "take profit", "plain order", "selling", "another contract"],
)
def test_stop_losses_on_the_runs_contracts_are_counted_as_the_exchange_lists_them(
    others: list[OrderSnapshot], stops: int
) -> None:
    scene = holding()
    scene.exchange.others = others
    asked = scene.wall + secs(3)
    scene.prices(after=3)
    scene.read_account(asked=asked)
    assert (net(scene).exchange_stops, net(scene).read_at) == (stops, asked)


def test_what_was_never_read_is_not_known() -> None:
    scene = holding()
    scene.restart()
    assert (net(scene).exchange_stops, net(scene).read_at) == (None, None)
    scene.read_account(open_orders=UNREAD)
    assert (net(scene).exchange_stops, net(scene).read_at) == (None, None)
    scene.read_account()
    assert net(scene).exchange_stops == 0


def test_a_read_that_fails_leaves_the_older_count_with_its_time() -> None:
    scene = holding()
    scene.exchange.others = [resting()]
    scene.read_account()
    told = net(scene)
    scene.prices(after=5)
    scene.read_account(open_orders=UNREAD, error="timed out")
    assert (net(scene).exchange_stops, net(scene).read_at) == (1, told.read_at)


def test_a_row_that_makes_no_sense_may_be_a_stop() -> None:
    scene = holding()
    scene.read_account()
    odd = OddRow(listed="the orders", place=0, reason="no size")
    scene.read_account(odd={"open_orders": (odd,)})
    assert (net(scene).exchange_stops, net(scene).read_at) == (None, None)


def test_other_strikes_have_other_stops() -> None:
    scene = waiting()
    scene.pass_time(1800)
    scene.tick()
    scene.read_chain()
    scene.read_account()
    assert scene.watch.stops == 0
    scene.pass_time(30)
    scene.tick()
    scene.chain = [
        (option(Kind.CALL, 105_000), quote("C-BTC-105000-160125", scene.wall, delta=0.125)),
        (option(Kind.PUT, 95_000), quote("P-BTC-95000-160125", scene.wall, delta=-0.125)),
    ]
    scene.read_chain()
    assert scene.run.legs[0].strike == 105_000
    assert (scene.watch.stops, scene.watch.stops_read) == (None, None)


def test_the_exit_rules_watch_while_the_run_is_held_on_fresh_prices() -> None:
    scene = holding()
    assert net(scene).app_stop
    scene.tick(6)
    assert not net(scene).app_stop
    assert not net(exiting()).app_stop
    selling = entering()
    assert selling.view.safety is None
    selling.trade("P")
    assert not net(selling).app_stop
    assert (waiting().view.safety, done().view.safety) == (None, None)


def test_the_engine_knows_of_no_dead_man() -> None:
    assert net(holding()).dead_man is None
