"""Stops at the simulated exchange: they wait, are listed, fire by the mark, and shrink to what is held."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from trader.domain.order import OrderIntent, OrderStatus, OrderType, Purpose, Side
from trader.domain.trigger import Stop, StopKind
from trader.simulation.directed import quiet
from trader.simulation.faults import Faults
from trader.simulation.session import Session
from trader.simulation.venue import snapshot_of
from trader.venue.core.refusal import Refused


@pytest.fixture
def session() -> Session:
    return Session(quiet(31))


def mark_of(session: Session, symbol: str) -> Decimal:
    return session.venue.market.option_stats(symbol).mark


def call_of(session: Session) -> str:
    return next(symbol for symbol in session.venue.core.products.live if symbol.startswith("C-"))


def order(session: Session, number: int, side: Side, **changes: Any) -> OrderIntent:
    symbol = call_of(session)
    fields: dict[str, Any] = {
        "client_order_id": f"sdsimu-{number}", "run_id": "r", "leg": "C", "purpose": Purpose.ENTRY, "attempt": 1,
        "symbol": symbol, "product_id": session.venue.core.products.live[symbol].product_id, "side": side, "quantity": 1,
        "order_type": OrderType.MARKET, "limit_price": None,
    }  # fmt: skip
    return OrderIntent(**(fields | changes))


def tick(price: Decimal) -> Decimal:
    return price * 2 // 1 / 2


@pytest.mark.parametrize(
    ("side", "kind", "share"),
    [
        (Side.BUY, StopKind.STOP_LOSS, Decimal(2)),
        (Side.SELL, StopKind.STOP_LOSS, Decimal("0.5")),
        (Side.BUY, StopKind.TAKE_PROFIT, Decimal("0.5")),
        (Side.SELL, StopKind.TAKE_PROFIT, Decimal(2)),
    ],
)
def test_a_stop_waits_and_is_listed_until_it_is_cancelled(
    session: Session, side: Side, kind: StopKind, share: Decimal
) -> None:
    venue = session.venue
    venue.wake()
    trigger = tick(mark_of(session, call_of(session)) * share)
    placed = venue.place(order(session, 1, side, stop=Stop(kind=kind, price=trigger)), 0.0, 1)
    assert (placed.venue_state, placed.status, placed.stop_kind) == ("pending", OrderStatus.ACCEPTED, kind)
    assert placed.stop_price == trigger
    [waiting] = [snapshot_of(o) for o in venue.account.live_orders]
    assert waiting == placed
    ended = venue.cancel(
        product_id=placed.product_id, client_order_id="sdsimu-1", venue_order_id=None, signed=0.0, epoch=1
    )
    assert ended.status is OrderStatus.CANCELLED and not venue.account.live_orders


def test_one_whose_trigger_is_met_already_is_refused(session: Session) -> None:
    session.venue.wake()
    met = Stop(price=tick(mark_of(session, call_of(session)) / 2))
    with pytest.raises(Refused, match="immediate_execution_stop_order"):
        session.venue.place(order(session, 1, Side.BUY, stop=met), 0.0, 1)


def test_a_reduce_only_stop_fires_and_closes_no_more_than_is_held(session: Session) -> None:
    venue = session.venue
    venue.wake()
    venue.place(order(session, 1, Side.SELL, quantity=2), 0.0, 1)
    assert venue.account.position_size(call_of(session)) == -2
    trigger = tick(mark_of(session, call_of(session)) * 2)
    far = order(session, 2, Side.BUY, quantity=9, reduce_only=True, purpose=Purpose.EXIT, stop=Stop(price=trigger))
    placed = venue.place(far, 0.0, 1)
    kept = venue.account.orders[int(placed.venue_order_id)]
    venue._set_off(kept)
    assert (kept.state, kept.size, kept.unfilled_size) == ("closed", 2, 0)
    assert venue.account.position_size(call_of(session)) == 0
    told = [e.reason for e in venue.drain() if getattr(getattr(e, "order", None), "id", None) == kept.id]
    assert told == ["stop_trigger", "fill"]
    assert venue.own_doing == {}, "what a stop of ours does is no liquidation"


def test_a_stop_fires_by_the_mark_and_not_before() -> None:
    session = Session(quiet(31, market={"jumps": ((5.0, 0.03),)}))
    venue, opening = session.venue, session.venue.core.now
    venue.wake()
    mark = mark_of(session, call_of(session))
    placed = venue.place(order(session, 1, Side.BUY, stop=Stop(price=tick(mark * 3 / 2))), 0.0, 1)
    kept = venue.account.orders[int(placed.venue_order_id)]
    venue.core.advance(opening + timedelta(seconds=4))
    assert kept.state == "pending"
    venue.core.advance(opening + timedelta(seconds=6))
    assert mark_of(session, call_of(session)) >= mark * 3 / 2 and kept.state == "closed"


def test_x1_a_stop_fires_while_its_cancel_is_on_its_way() -> None:
    session = Session(quiet(31))
    venue = session.venue
    venue.wake()
    venue.place(order(session, 1, Side.SELL), 0.0, 1)
    trigger = tick(mark_of(session, call_of(session)) * 2)
    closing = order(session, 2, Side.BUY, reduce_only=True, purpose=Purpose.EXIT, stop=Stop(price=trigger))
    placed = venue.place(closing, 0.0, 1)
    venue._faults = Faults(1, {"X1": 1.0})
    with pytest.raises(Refused, match="open_order_not_found"):
        venue.cancel(product_id=placed.product_id, client_order_id="sdsimu-2", venue_order_id=None, signed=0.0, epoch=1)
    assert venue.account.position_size(placed.symbol) == 0
    assert int(placed.venue_order_id) in venue.touched


def test_leverage_is_the_exchanges_to_refuse(session: Session) -> None:
    product = session.venue.core.products.live[call_of(session)].product_id
    session.venue.set_leverage(product, Decimal(5))
    assert session.venue.account.leverage[product] == 5
    with pytest.raises(Refused, match="max_leverage_exceeded"):
        session.venue.set_leverage(product, Decimal(10_000))
    with pytest.raises(Refused, match="invalid_contract"):
        session.venue.set_leverage(1, Decimal(5))
