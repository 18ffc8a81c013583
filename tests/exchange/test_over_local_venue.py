"""The client against the local venue: real HTTP and WebSockets, its strict authentication, its own market."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from tests.exchange.scripted_http import wait_for
from trader.domain.errors import AuthError
from trader.domain.fill import Fill, Position
from trader.domain.instrument import Instrument, Kind
from trader.domain.order import OrderIntent, OrderSnapshot, OrderStatus, OrderType, Purpose, Side, TimeInForce
from trader.domain.outcome import Ok, Rejected, Unknown
from trader.domain.quote import Quote
from trader.domain.trigger import Stop, StopKind, Trigger
from trader.domain.wallet import Wallet
from trader.exchange.common.credentials import Credentials
from trader.exchange.common.events import LoginRefused, SequenceGap, StreamUp, SubscriptionRefused, UnreadableMessage
from trader.exchange.delta.gateway import DeltaGateway
from trader.exchange.delta.stream.conflate import Conflator
from trader.exchange.delta.stream.streams import PrivateStream, PublicStream, Timings
from trader.venue.launch import VenueOptions, build_venue
from trader.venue.server import VenueServer

QUICK = Timings(tick_secs=0.05, backoff_first_secs=0.05, backoff_longest_secs=0.2)


@dataclass
class Rig:
    """A venue, a gateway on it and an account stream, shared by the tests of this file."""

    gateway: DeltaGateway
    credentials: Credentials
    ws_public_url: str
    ws_private_url: str
    private: list[Any] = field(default_factory=list)

    def heard(self, kind: type, client_order_id: str) -> list[Any]:
        found = [m for m in list(self.private) if isinstance(m, kind)]
        return [m for m in found if m.client_order_id == client_order_id]


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    server: VenueServer
    server, announced = build_venue(VenueOptions(seed=7, speed=1.0))
    server.start()
    credentials = Credentials(announced.api_key, announced.api_secret)
    gateway = DeltaGateway(announced.rest_url, credentials)
    made = Rig(gateway, credentials, announced.ws_public_url, announced.ws_private_url)
    gateway.instruments("BTC")  # a fill may arrive before its order: then the list names its product
    stream = PrivateStream(
        announced.ws_private_url, credentials, made.private.append, product_id_of=gateway.product_id_of, timings=QUICK
    )
    stream.start()
    with contextlib.ExitStack() as ending:
        ending.callback(server.stop)
        ending.callback(gateway.close)
        ending.callback(stream.stop)
        wait_for(lambda: any(isinstance(m, StreamUp) for m in list(made.private)))
        yield made


def traded(rig: Rig) -> tuple[Instrument, Quote]:
    """A call with both sides quoted, near one day out."""
    now = datetime.now(UTC)
    listed = {i.symbol: i for i in rig.gateway.instruments("BTC") if i.kind is Kind.CALL}
    for quote in rig.gateway.tickers("BTC"):
        contract = listed.get(quote.symbol)
        if contract is None or contract.expiry is None or not contract.expiry - now > timedelta(hours=3):
            continue
        if quote.bid and quote.ask and quote.bid_size and quote.greeks and 0.2 < quote.greeks.delta < 0.6:
            return contract, quote
    raise AssertionError("the venue quotes no suitable call")


def intent(contract: Instrument, number: int, side: Side, quantity: int, price: Decimal, **changes: Any) -> OrderIntent:
    made = OrderIntent(
        client_order_id=f"test-{number}",
        run_id="r",
        leg="c",
        purpose=Purpose.ENTRY if side is Side.SELL else Purpose.EXIT,
        attempt=1,
        symbol=contract.symbol,
        product_id=contract.product_id,
        side=side,
        quantity=quantity,
        order_type=OrderType.LIMIT,
        limit_price=price,
        reduce_only=side is Side.BUY,
    )
    return msgspec.structs.replace(made, **changes)


def test_market_reads_agree_with_each_other(rig: Rig) -> None:
    contract, quote = traded(rig)
    assert contract.tradable
    assert contract.contract_value == Decimal("0.001")
    assert contract.fee_cap is not None
    spot = rig.gateway.spot("BTC")
    assert quote.spot is not None
    assert abs(spot / quote.spot - 1) < Decimal("0.02")
    assert quote.mark is not None
    assert quote.mark_iv is not None
    assert contract.expiry is not None
    same_day = rig.gateway.tickers("BTC", contract.expiry.date())
    assert contract.symbol in {q.symbol for q in same_day}
    assert rig.gateway.settlement_price(contract.symbol) is None


def test_account_reads(rig: Rig) -> None:
    wallet = rig.gateway.wallet()
    assert wallet.available == wallet.balance - wallet.blocked_margin
    assert wallet.equity is not None
    assert rig.gateway.who_am_i().isdigit()
    assert rig.gateway.lookup("never-sent") is None
    assert rig.gateway.lookup_by_id("999999999") is None
    assert abs(rig.gateway.clock_offset_secs) < 1


def test_a_strangle_legs_life_over_rest_and_stream(rig: Rig) -> None:
    contract, quote = traded(rig)
    assert quote.bid is not None
    assert quote.ask is not None
    before = datetime.now(UTC) - timedelta(minutes=1)

    sold = rig.gateway.submit(intent(contract, 1, Side.SELL, 2, quote.bid * Decimal("0.9") // 1))
    assert isinstance(sold, Ok), sold
    assert sold.order.status is OrderStatus.FILLED
    assert sold.order.avg_px is not None
    wait_for(lambda: rig.heard(OrderSnapshot, "test-1") and rig.heard(Fill, "test-1"))
    streamed = rig.heard(Fill, "test-1")
    assert sum(fill.quantity for fill in streamed) == 2
    assert streamed[0].product_id == contract.product_id
    assert rig.heard(OrderSnapshot, "test-1")[-1].leaves_qty == 0
    wait_for(lambda: [p for p in rig.private if isinstance(p, Position) and p.quantity == -2])
    assert [m for m in rig.private if isinstance(m, Wallet)]

    assert rig.gateway.position(contract.product_id).quantity == -2
    [held] = [p for p in rig.gateway.positions("BTC") if p.product_id == contract.product_id]
    assert (held.symbol, held.quantity) == (contract.symbol, -2)
    assert held.entry_price == sold.order.avg_px

    bought = rig.gateway.submit(
        intent(contract, 2, Side.BUY, 2, quote.ask * Decimal("1.2") // 1, time_in_force=TimeInForce.IOC)
    )
    assert isinstance(bought, Ok), bought
    assert bought.order.leaves_qty == 0
    assert rig.gateway.position(contract.product_id).quantity == 0

    fills = rig.gateway.fills(before, [contract.product_id])
    by_order = {fill.venue_order_id for fill in fills}
    assert {sold.order.venue_order_id, bought.order.venue_order_id} <= by_order
    assert all(fill.commission is not None and fill.commission > 0 for fill in fills)
    told = {
        (f.venue_order_id, f.quantity, f.price) for f in fills
    }  # the ids of the two channels have nothing in common
    assert {(f.venue_order_id, f.quantity, f.price) for f in rig.heard(Fill, "test-1")} <= told
    history = rig.gateway.order_history(before, [contract.product_id])
    assert {"test-1", "test-2"} <= {order.client_order_id for order in history}
    found = rig.gateway.lookup("test-2")
    assert found is not None
    assert found.status is OrderStatus.FILLED


def test_resting_order_is_listed_cancelled_and_gone(rig: Rig) -> None:
    contract, quote = traded(rig)
    assert quote.ask is not None
    price = (quote.ask * Decimal("1.15")) // 1
    resting = rig.gateway.submit(intent(contract, 3, Side.SELL, 1, price, post_only=True))
    assert isinstance(resting, Ok), resting
    assert resting.order.status is OrderStatus.ACCEPTED
    assert "test-3" in {order.client_order_id for order in rig.gateway.open_orders([contract.product_id])}
    repeated = rig.gateway.submit(intent(contract, 3, Side.SELL, 1, price, post_only=True))
    assert isinstance(repeated, Unknown)
    cancelled = rig.gateway.cancel(product_id=contract.product_id, client_order_id="test-3")
    assert isinstance(cancelled, Ok), cancelled
    assert cancelled.order.status is OrderStatus.CANCELLED
    again = rig.gateway.cancel(product_id=contract.product_id, venue_order_id=cancelled.order.venue_order_id)
    assert isinstance(again, Rejected)
    assert again.code == "open_order_not_found"
    wait_for(lambda: any(o.status is OrderStatus.CANCELLED for o in rig.heard(OrderSnapshot, "test-3")))


def test_cancel_all_empties_the_book_of_our_orders(rig: Rig) -> None:
    contract, quote = traded(rig)
    assert quote.ask is not None
    price = (quote.ask * Decimal("1.15")) // 1
    for number in (4, 5):
        assert isinstance(rig.gateway.submit(intent(contract, number, Side.SELL, 1, price, post_only=True)), Ok)
    assert len(rig.gateway.open_orders([contract.product_id])) == 2
    assert rig.gateway.cancel_all(contract.product_id) is None
    assert rig.gateway.open_orders([contract.product_id]) == []


@pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
def test_a_stop_waits_is_told_on_every_channel_and_is_cancelled(rig: Rig, side: Side) -> None:
    contract, quote = traded(rig)
    assert quote.mark is not None
    trail = (quote.mark / 2) // 1
    stops = {
        "price": Stop(price=quote.mark * (3 if side is Side.BUY else Decimal("0.3")) // 1),
        "profit": Stop(price=quote.mark * (Decimal("0.3") if side is Side.BUY else 3) // 1, kind=StopKind.TAKE_PROFIT),
        "trail": Stop(trail=trail, trigger=Trigger.MARK),
    }
    for number, (name, stop) in enumerate(stops.items()):
        order = intent(
            contract, 60 + number, side, 1, quote.mark, client_order_id=f"stop-{name}-{side}", reduce_only=False,
            order_type=OrderType.MARKET, limit_price=None, stop=stop,
        )  # fmt: skip
        placed = rig.gateway.submit(order)
        assert isinstance(placed, Ok) and placed.order.venue_state == "pending", placed
        assert (placed.order.stop_kind, placed.order.trail) == (stop.kind, stop.trail)
        assert placed.order.stop_price is not None and stop.price in (None, placed.order.stop_price)
        if stop.trail is not None:
            assert (placed.order.stop_price > quote.mark) is (side is Side.BUY), "it trails on the side it fires from"
        wait_for(lambda coid=order.client_order_id: rig.heard(OrderSnapshot, coid))
        assert rig.heard(OrderSnapshot, order.client_order_id)[0].stop_kind == stop.kind
        found = rig.gateway.lookup(order.client_order_id)
        assert found is not None and found.stop_kind == stop.kind
    waiting = {o.client_order_id for o in rig.gateway.open_orders([contract.product_id]) if o.stop_kind}
    assert waiting == {f"stop-{name}-{side}" for name in stops}
    assert rig.gateway.cancel_all(contract.product_id) is None
    assert not [o for o in rig.gateway.open_orders([contract.product_id]) if o.stop_kind]


def test_a_reduce_only_stop_without_a_position_is_refused(rig: Rig) -> None:
    contract, quote = traded(rig)
    assert quote.mark is not None
    order = intent(
        contract, 70, Side.BUY, 1, quote.mark, order_type=OrderType.MARKET, limit_price=None, stop=Stop(price=quote.mark * 3 // 1)
    )  # fmt: skip
    refused = rig.gateway.submit(order)
    assert isinstance(refused, Rejected) and refused.code == "no_position_for_reduce_only"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"product_id": 999_999_999}, "invalid_contract"),
        ({"limit_price": Decimal("100.03")}, "bad_schema"),
        ({"reduce_only": True, "side": Side.BUY, "purpose": Purpose.EXIT}, "no_position_for_reduce_only"),
    ],
)
def test_refusals_come_back_as_codes(rig: Rig, changes: dict[str, Any], code: str) -> None:
    contract, quote = traded(rig)
    assert quote.ask is not None
    order = msgspec.structs.replace(intent(contract, 6, Side.SELL, 1, quote.ask // 1), **changes)
    outcome = rig.gateway.submit(order)
    assert isinstance(outcome, Rejected), outcome
    assert outcome.code == code


def test_wrong_secret_is_refused_on_rest_and_stream(rig: Rig) -> None:
    key, _ = rig.credentials.reveal()
    wrong = Credentials(key, "wrong-secret")
    gateway = DeltaGateway(rig.gateway.rest._base_url, wrong)
    with pytest.raises(AuthError, match="signature is wrong"):
        gateway.wallet()
    heard: list[Any] = []
    stream = PrivateStream(rig.ws_private_url, wrong, heard.append, timings=QUICK)
    stream.start()
    try:
        wait_for(lambda: [m for m in heard if isinstance(m, LoginRefused)])
    finally:
        stream.stop()
    assert not [m for m in heard if isinstance(m, StreamUp)]


def test_public_stream_gives_whole_quotes(rig: Rig) -> None:
    contract, _ = traded(rig)
    events: list[Any] = []
    conflator = Conflator()
    stream = PublicStream(rig.ws_public_url, conflator.offer, events.append, timings=QUICK)
    for channel in ("ticker", "ob_l1", "mark_price"):
        stream.subscribe(channel, [contract.symbol])
    stream.subscribe("spot_price", [".DEXBTUSD"])
    stream.start()
    newest: dict[str, Quote] = {}

    def whole() -> bool:
        newest.update({quote.symbol: quote for quote in conflator.take()})
        quote = newest.get(contract.symbol)
        return quote is not None and None not in (quote.mark, quote.ask, quote.greeks, quote.spot, quote.ts_quote)

    try:
        wait_for(whole, 40)
    finally:
        stream.stop()
    assert not [e for e in events if isinstance(e, SubscriptionRefused | UnreadableMessage)]
    assert conflator.market_time is not None
    assert abs(conflator.market_time - datetime.now(UTC)) < timedelta(seconds=5)
    rest = next(q for q in rig.gateway.tickers("BTC") if q.symbol == contract.symbol)
    quote = newest[contract.symbol]
    assert quote.greeks is not None
    assert rest.greeks is not None
    assert quote.greeks.delta == pytest.approx(rest.greeks.delta, abs=0.05)
    assert quote.greeks.theta == pytest.approx(rest.greeks.theta, rel=0.2)
    assert quote.greeks.vega == pytest.approx(rest.greeks.vega, rel=0.2)


def test_nothing_was_unreadable_and_no_gap_was_seen(rig: Rig) -> None:
    assert [m for m in rig.private if isinstance(m, UnreadableMessage | SequenceGap | SubscriptionRefused)] == []
