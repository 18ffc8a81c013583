"""One case per socket channel: it is acknowledged, what it sends is as documented, and the client reads it.

Channels that speak only when something happens are made to speak where the run may (orders of its own, or the local
exchange's market); elsewhere they are skipped with the reason.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from tests.conformance.schema.check import validate
from tests.conformance.schema.sockets import MESSAGES, RESOLUTIONS
from tests.conformance.target import Frames, Target, open_local
from trader.domain.order import OrderType, Side
from trader.exchange.common.outcomes import Done
from trader.exchange.delta.api.account import MmpLimits
from trader.exchange.delta.stream.conflate import Conflator
from trader.exchange.delta.stream.local_book import LocalBook
from trader.exchange.delta.wire import core as wire
from trader.exchange.delta.wire import feeds as wire_feeds
from trader.exchange.delta.wire.parse import parse_order, parse_position, parse_user_trade, parse_wallet
from trader.exchange.delta.wire.parse_feeds import (
    LiveCandle,
    parse_feed,
    parse_long_user_trade,
    parse_mmp_trigger,
    parse_portfolio_margins,
)
from trader.exchange.delta.wire.values import OrderBook, PublicTrade

BTC_INDEX = ".DEXBTUSD"
PUBLIC_DECODER = msgspec.json.Decoder(
    wire.PublicMessage | wire_feeds.FeedMessage | wire_feeds.CandleFrame, strict=False
)
PRIVATE_DECODER = msgspec.json.Decoder(wire.PrivateWire | wire_feeds.ProtectionMessage, strict=False)


def decoded(frame: Any, *, private: bool = False) -> Any:
    return (PRIVATE_DECODER if private else PUBLIC_DECODER).decode(msgspec.json.encode(frame))


def checked(target: Target, channel: str, frame: Any) -> Any:
    assert validate(channel, frame, newest=target.newest) == []
    return frame


def heard(target: Target, frames: Frames, channel: str, *symbols: str, secs: float = 12.0) -> Any:
    frames.subscribe(channel, *symbols)
    return checked(target, channel, frames.next(channel, secs=secs))


# ------------------------------------------------------------------------------------------------- public, compact


def test_ticker(target: Target) -> None:
    with target.socket() as frames:
        chain = f"BTC-{target.option.symbol[-6:]}"
        for wanted in (target.option.symbol, chain):
            frame = heard(target, frames, "ticker", wanted)
            conflator = Conflator()
            conflator.offer(decoded(frame))
            quotes = {quote.symbol: quote for quote in conflator.take()}
            assert target.option.symbol in quotes
            assert quotes[target.option.symbol].greeks is not None and quotes[target.option.symbol].band_high
        assert len(quotes) > 10  # the chain


def test_ob_l1(target: Target) -> None:
    with target.socket() as frames:
        frame = heard(target, frames, "ob_l1", target.option.symbol)
        conflator = Conflator()
        conflator.offer(decoded(frame))
        (quote,) = conflator.take()
        assert quote.bid is not None and quote.ask is not None and quote.bid < quote.ask


def test_ob_l2(target: Target) -> None:
    with target.socket() as frames:
        book = parse_feed(decoded(heard(target, frames, "ob_l2", target.option.symbol)))
        assert isinstance(book, OrderBook) and 0 < len(book.bids) <= 15 and book.bids[0].price < book.asks[0].price


def test_ob_updates_keep_a_book_whose_checksum_agrees(target: Target) -> None:
    with target.socket() as frames:
        frames.subscribe("ob_updates", "BTCUSD")
        book = LocalBook("BTCUSD")
        first = checked(target, "ob_updates", frames.next("ob_updates"))
        assert first["action"] == "snapshot"
        book.apply(decoded(first))
        for _ in range(5):
            update = checked(target, "ob_updates", frames.next("ob_updates"))
            assert update["action"] == "update"
            book.apply(decoded(update))  # raises where a number is missing or the checksum differs
        assert book.view().bids[0].price < book.view().asks[0].price


def test_trades(target: Target) -> None:
    with target.socket() as frames:
        frames.subscribe("trades", target.option.symbol)
        if target.key:
            target.bought()
        trade = parse_feed(decoded(checked(target, "trades", frames.next("trades"))))
        assert isinstance(trade, PublicTrade) and trade.quantity > 0 and trade.buyer_is_aggressor is not None
    if target.key:
        target.tidy()


def test_mark_price(target: Target) -> None:
    with target.socket() as frames:
        frame = heard(target, frames, "mark_price", f"MARK:{target.option.symbol}")
        conflator = Conflator()
        conflator.offer(decoded(frame))
        (quote,) = conflator.take()
        assert quote.symbol == target.option.symbol and quote.mark


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_candlestick(target: Target, resolution: str) -> None:
    with target.socket() as frames:
        frames.subscribe(f"candlestick_{resolution}", "MARK:BTCUSD")
        frame = checked(target, f"candlestick_{resolution}", frames.next(f"candlestick_{resolution}"))
        live = parse_feed(decoded(frame))
        assert isinstance(live, LiveCandle) and live.resolution == resolution and live.candle.low <= live.candle.close


def test_spot_price(target: Target) -> None:
    with target.socket() as frames:
        frame = heard(target, frames, "spot_price", BTC_INDEX)
        conflator = Conflator()
        conflator.offer(decoded(frame))
        conflator.take()
        assert conflator.spots["BTC"] > 0


def test_spot_30mtwap_price_on_both_hosts(target: Target) -> None:
    settles = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    if target.server is None:
        if not timedelta(0) < settles - datetime.now(UTC) < timedelta(minutes=30):
            pytest.skip("the average is published in the half hour before 12:00 UTC only")
        average_spoken(target)
        return
    with open_local(start=settles - timedelta(minutes=10)) as before_settlement:
        average_spoken(before_settlement)


def average_spoken(target: Target) -> None:
    for private in (False, True):
        with target.socket(private=private) as frames:
            frame = heard(target, frames, "spot_30mtwap_price", BTC_INDEX)
            assert parse_feed(decoded(frame)).price > 0  # type: ignore[union-attr]


def test_funding_rate(target: Target) -> None:
    with target.socket() as frames:
        frame = heard(target, frames, "funding_rate", "BTCUSD", secs=35.0)
        assert parse_feed(decoded(frame)).interval_secs  # type: ignore[union-attr]


def test_system_status_begins_with_a_snapshot(target: Target) -> None:
    with target.socket() as frames:
        frame = heard(target, frames, "system_status")
        assert frame["event"] == "snapshot" and isinstance(decoded(frame), wire.SystemStatus)


def test_product_updates_are_acknowledged_and_silent_without_news(target: Target) -> None:
    with target.socket() as frames:
        frames.subscribe("product_updates")
        with pytest.raises(LookupError):
            frames.next("product_updates", secs=0.5)


# -------------------------------------------------------------------------------------------------- public, legacy

LEGACY: dict[str, tuple[str, ...]] = {
    "v2/ticker": ("BTCUSD",),
    "l1_orderbook": ("BTCUSD",),
    "l2_orderbook": ("BTCUSD",),
    "l2_updates": ("BTCUSD",),
    "mark_price": ("MARK:BTCUSD",),
    "spot_price": (BTC_INDEX,),
    "v2/spot_price": (BTC_INDEX,),
    "funding_rate": ("BTCUSD",),
    "candlestick_1m": ("MARK:BTCUSD",),
    "system_status": (),
}


@pytest.mark.parametrize("channel", sorted(LEGACY))
def test_legacy_channel_on_the_private_host(target: Target, channel: str) -> None:
    with target.socket(private=True) as frames:
        try:
            heard(target, frames, channel, *LEGACY[channel], secs=35.0 if channel == "funding_rate" else 12.0)
        except LookupError:
            if target.newest:
                raise
            pytest.skip("retirement of this channel has been announced; it is silent here")


def test_legacy_trades_begin_with_a_snapshot(target: Target) -> None:
    with target.socket(private=True) as frames:
        frames.subscribe("all_trades", "BTCUSD")
        snapshot = checked(target, "all_trades_snapshot", frames.next("all_trades_snapshot"))
        assert len(snapshot["trades"]) <= 50


def test_legacy_announcements_are_acknowledged(target: Target) -> None:
    with target.socket(private=True) as frames:
        frames.subscribe("announcements")


# --------------------------------------------------------------------------------------------------------- private


def test_orders(account: Target) -> None:
    standing = account.resting().order
    with account.socket(log_in=True) as frames:
        frames.subscribe("orders", account.option.symbol)
        snapshot = checked(account, "orders", frames.next("orders", where=lambda f: f["action"] == "snapshot"))
        assert [row["id"] for row in snapshot["result"]] == [int(standing.venue_order_id)]
        placed = account.resting().order
        created = checked(account, "orders", frames.next("orders", where=lambda f: f["action"] == "create"))
        order = parse_order(decoded(created, private=True))
        assert (order.venue_order_id, order.client_order_id) == (placed.venue_order_id, placed.client_order_id)
        assert created["seq_no"] == snapshot["meta"]["seq_no"] + 1
        account.gateway.cancel(product_id=placed.product_id, venue_order_id=placed.venue_order_id)
        ended = checked(account, "orders", frames.next("orders", where=lambda f: f["action"] == "delete"))
        assert ended["state"] == "cancelled" and ended["seq_no"] == created["seq_no"] + 1


def test_positions_and_margins(account: Target) -> None:
    with account.socket(log_in=True) as frames:
        frames.subscribe("positions", "all")
        frames.subscribe("margins")
        account.bought(quantity=2)
        opened = checked(account, "positions", frames.next("positions", where=lambda f: f["action"] == "create"))
        position = parse_position(decoded(opened, private=True))
        assert (position.symbol, position.quantity) == (account.option.symbol, 2)
        money = checked(account, "margins", frames.next("margins"))
        wallet = parse_wallet(decoded(money, private=True))
        assert wallet.asset == "USD" and wallet.available == wallet.balance - wallet.blocked_margin
        account.tidy()
        gone = checked(account, "positions", frames.next("positions", where=lambda f: f["action"] == "delete"))
        assert gone["size"] == 0


def test_positions_snapshot(account: Target) -> None:
    account.bought(quantity=3)
    with account.socket(log_in=True) as frames:
        frames.subscribe("positions", account.option.symbol)
        snapshot = checked(account, "positions", frames.next("positions", where=lambda f: f["action"] == "snapshot"))
        assert [row["size"] for row in snapshot["result"]] == [3]


def test_v2_user_trades(account: Target) -> None:
    with account.socket(log_in=True) as frames:
        frames.subscribe("v2/user_trades", account.option.symbol)
        order = account.bought(quantity=2).order
        fill = parse_user_trade(
            decoded(checked(account, "v2/user_trades", frames.next("v2/user_trades")), private=True), order.product_id
        )
        assert (fill.venue_order_id, fill.side, fill.role) == (order.venue_order_id, Side.BUY, "taker")
        ours = order.venue_order_id  # the order joins the two: whether their ids do, no exchange says
        found = account.wait(lambda: [f for f in account.gateway.orders.fills() if f.venue_order_id == ours])
        assert found[0].price == fill.price and found[0].quantity == fill.quantity


@pytest.mark.parametrize("fill_ids", ["same", "separate"])
def test_fills_keep_the_documented_form_whether_or_not_the_channels_share_their_ids(fill_ids: str) -> None:
    with open_local(fill_ids=fill_ids) as local, local.socket(log_in=True) as frames:
        frames.subscribe("v2/user_trades", local.option.symbol)
        frames.subscribe("user_trades", local.option.symbol)
        order = local.bought().order
        fast = parse_user_trade(
            decoded(checked(local, "v2/user_trades", frames.next("v2/user_trades")), private=True), 0
        )
        slow = parse_long_user_trade(decoded(checked(local, "user_trades", frames.next("user_trades")), private=True))
        (over_rest,) = local.gateway.orders.fills()
        assert fast.venue_order_id == slow.venue_order_id == over_rest.venue_order_id == order.venue_order_id
        assert fast.fill_id == slow.fill_id and (over_rest.fill_id == fast.fill_id) == (fill_ids == "same")
        assert local.problems("GET /v2/fills") == []


def test_user_trades(account: Target) -> None:
    with account.socket(log_in=True) as frames:
        frames.subscribe("user_trades", account.option.symbol)
        order = account.bought().order
        fill = parse_long_user_trade(decoded(checked(account, "user_trades", frames.next("user_trades")), private=True))
        assert (fill.venue_order_id, fill.quantity) == (order.venue_order_id, 1)


def test_portfolio_margins_speak_in_portfolio_mode(account: Target) -> None:
    assert account.gateway.account.set_margin_mode("portfolio") == Done("portfolio")
    try:
        with account.socket(log_in=True) as frames:
            account.bought()
            frame = heard(account, frames, "portfolio_margins", BTC_INDEX)
            margin = parse_portfolio_margins(decoded(frame, private=True))
            assert margin.index == BTC_INDEX and margin.blocked >= 0 and not margin.under_liquidation
    finally:
        account.tidy()
        account.gateway.account.set_margin_mode("isolated")


def test_mmp_trigger(account: Target) -> None:
    limits = MmpLimits(
        asset="BTC", window_secs=10, freeze_secs=1, trade_limit=Decimal("0.0001"), delta_limit=Decimal(100),
        vega_limit=Decimal(100_000),
    )  # fmt: skip
    if not isinstance(account.gateway.account.configure_mmp(limits), Done):
        pytest.skip("market-maker protection is not enabled for this account")
    with account.socket(log_in=True) as frames:
        frames.subscribe("mmp_trigger")
        ask = account.quote().ask
        assert ask is not None
        account.resting(limit_price=ask, quantity=1, order_type=OrderType.LIMIT, mmp="mmp1")
        news = parse_mmp_trigger(decoded(checked(account, "mmp_trigger", frames.next("mmp_trigger")), private=True))
        assert news.asset == "BTC"
    account.gateway.account.reset_mmp("BTC")


def test_private_channels_are_refused_without_a_login(target: Target) -> None:
    with target.socket(private=True) as frames:
        frames.send({"type": "subscribe", "payload": {"channels": [{"name": "orders", "symbols": ["all"]}]}})
        (row,) = frames.next("subscriptions")["channels"]
        assert row["name"] == "orders" and row["error"]


def test_heartbeats_and_pings(target: Target) -> None:
    with target.socket() as frames:
        frames.subscribe("system_status")
        frames.send({"type": "enable_heartbeat"})
        frames.send({"type": "ping"})
        assert validate("pong", frames.next("pong")) == []
        assert validate("heartbeat", frames.next("heartbeat", secs=35.0)) == []


def test_every_documented_channel_has_a_case() -> None:
    tested = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    parts = {"ChannelState", "TickerRow", "UpdatedProduct", "LegacyLevel", "PositionState", "SnapshotMeta"}
    covered = {
        "subscriptions", "key-auth", "heartbeat", "pong", "margins", "candlestick", "v2/user_trades", "system_status",
        "product_updates", "ob_updates", "spot_30mtwap_price", "portfolio_margins", "all_trades", "all_trades_snapshot", "announcements",
        "positions/snapshot", "orders/snapshot", "positions", "RiskMatrix", "Scenario",
        *LEGACY, *(f"{name}/legacy" for name in ("mark_price", "spot_price", "funding_rate", "candlestick")),
    }  # fmt: skip
    assert set(MESSAGES) - parts - covered - tested == set()
