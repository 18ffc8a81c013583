import json
import logging
import socket
import struct
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from email.utils import formatdate
from typing import Any

import msgspec
import pytest
from websockets.sync.server import ServerConnection

from tests.exchange.scripted_http import wait_for
from tests.exchange.scripted_ws import ScriptedWS
from trader.domain.fill import Fill, Position
from trader.domain.order import OrderSnapshot
from trader.domain.wallet import Wallet
from trader.exchange.common.clock_offset import ClockOffset
from trader.exchange.common.credentials import Credentials
from trader.exchange.common.events import (
    LoginRefused,
    SequenceGap,
    StreamDown,
    StreamUp,
    SubscriptionRefused,
    TradingStatusChanged,
    UnreadableMessage,
    VenueStatus,
)
from trader.exchange.common.odd_rows import OddRows
from trader.exchange.delta.http.signing import sign_login
from trader.exchange.delta.stream.conflate import Conflator
from trader.exchange.delta.stream.streams import PrivateStream, PublicStream, Timings
from trader.exchange.delta.wire import core as wire

QUICK = Timings(
    connect_secs=2,
    answer_secs=2,
    tick_secs=0.02,
    backoff_first_secs=0.01,
    backoff_longest_secs=0.02,
)
CREDENTIALS = Credentials("key", "secret")
L1 = {"type": "ob_l1", "sy": "X", "ts": 1788431318663014, "ap": "2", "as": "3", "bp": "1", "bs": "4"}


class Rig:
    """Starts servers and streams, and ends them."""

    def __init__(self) -> None:
        self.servers: list[ScriptedWS] = []
        self.streams: list[PublicStream | PrivateStream] = []
        self.messages: list[Any] = []
        self.events: list[Any] = []

    def server(
        self, on_frame: Callable[[ScriptedWS, ServerConnection, dict[str, Any]], bool] | None = None
    ) -> ScriptedWS:
        self.servers.append(ScriptedWS(on_frame))
        return self.servers[-1]

    def public(self, url: str, timings: Timings = QUICK) -> PublicStream:
        stream = PublicStream(url, self.messages.append, self.events.append, timings=timings)
        self.streams.append(stream)
        return stream

    def private(self, url: str, timings: Timings = QUICK, **options: Any) -> PrivateStream:
        stream = PrivateStream(url, CREDENTIALS, self.events.append, timings=timings, **options)
        self.streams.append(stream)
        return stream

    def up(self, times: int = 1) -> None:
        wait_for(lambda: len(self.of(StreamUp)) >= times and self.streams[-1].connected)

    def of(self, kind: type) -> list[Any]:
        return [event for event in list(self.events) if isinstance(event, kind)]

    def close(self) -> None:
        for stream in self.streams:
            stream.stop()
        for server in self.servers:
            server.close()


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig()
    yield rig
    rig.close()


# ------------------------------------------------------------------------------------------------------ public


def test_public_stream_subscribes_channel_by_channel_and_hands_on_messages(rig: Rig) -> None:
    server = rig.server()
    stream = rig.public(server.url)
    stream.subscribe("ob_l1", ["BTC-040926"])
    stream.subscribe("mark_price", ["C-BTC-78000-040926", "BTCUSD", "BTC-040926"])
    stream.subscribe("ob_l2", ["B", "A"])
    stream.subscribe("system_status")
    stream.start()
    wait_for(lambda: len(server.frames) == 6)
    assert server.frames[0] == {"type": "enable_heartbeat"}
    assert server.subscribed() == [
        ("ob_l1", ("BTC-040926",)),
        ("mark_price", ("BTC-040926", "MARK:BTCUSD", "MARK:C-BTC-78000-040926")),
        ("ob_l2", ("A",)),
        ("ob_l2", ("B",)),
        ("system_status", None),
    ]
    server.send(L1)
    [message] = wait_for(lambda: rig.messages)
    assert isinstance(message, wire.BestQuote)
    assert (message.sy, message.ap, message.ask_size) == ("X", "2", "3")
    assert server.headers[0]["User-Agent"]
    assert "Origin" not in server.headers[0]


def test_subscriptions_change_while_connected_and_only_the_new_is_sent(rig: Rig) -> None:
    server = rig.server()
    stream = rig.public(server.url)
    stream.start()
    rig.up()
    stream.subscribe("ticker", ["A"])
    stream.subscribe("ticker", ["A", "B"])
    stream.subscribe("ticker", ["A"])
    stream.unsubscribe("ticker", ["A", "Z"])
    stream.unsubscribe("ticker")
    stream.unsubscribe("ticker")
    wait_for(lambda: len(server.frames) == 5)
    assert server.subscribed() == [("ticker", ("A",)), ("ticker", ("B",))]
    assert [f["payload"]["channels"] for f in server.frames if f["type"] == "unsubscribe"] == [
        [{"name": "ticker", "symbols": ["A"]}],
        [{"name": "ticker"}],
    ]
    assert stream.subscriptions == {}


@pytest.mark.parametrize("how", ["close", "reset"])
def test_lost_connection_is_reported_and_everything_wanted_is_subscribed_again(rig: Rig, how: str) -> None:
    server = rig.server()
    stream = rig.public(server.url)
    stream.subscribe("ticker", ["A"])
    stream.start()
    rig.up()
    stream.subscribe("ob_l1", ["B"])
    wait_for(lambda: len(server.frames) == 3)
    if how == "close":
        server.connections[0].close()
    else:
        raw = server.connections[0].socket
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raw.shutdown(socket.SHUT_RDWR)
    rig.up(2)
    wait_for(lambda: len(server.subscribed()) == 4)
    assert server.subscribed()[2:] == [("ticker", ("A",)), ("ob_l1", ("B",))]
    assert len(rig.of(StreamDown)) == 1
    assert [event.connects for event in rig.of(StreamUp)] == [1, 2]


def test_silence_is_noticed_and_healed(rig: Rig) -> None:
    server = rig.server(lambda *_: True)  # answers nothing at all
    stream = rig.public(server.url, msgspec.structs.replace(QUICK, heartbeat_secs=0.15))
    stream.start()
    rig.up()
    started = time.monotonic()
    rig.up(2)
    assert time.monotonic() - started < 2
    assert "silent" in rig.of(StreamDown)[0].reason


def test_pongs_alone_are_no_sign_of_life(rig: Rig) -> None:
    server = rig.server()
    stream = rig.public(server.url, msgspec.structs.replace(QUICK, heartbeat_secs=0.2, ping_secs=0.05))
    stream.start()
    rig.up(2)
    assert any(frame["type"] == "ping" for frame in server.frames)
    assert "silent" in rig.of(StreamDown)[0].reason


def test_heartbeats_keep_a_quiet_connection(rig: Rig) -> None:
    server = rig.server()
    stream = rig.public(server.url, msgspec.structs.replace(QUICK, heartbeat_secs=0.8))
    stream.start()
    rig.up()
    for _ in range(22):
        server.send({"type": "heartbeat"})
        time.sleep(0.05)
    assert rig.of(StreamDown) == []


def test_unanswered_ping_ends_the_connection(rig: Rig) -> None:
    server = rig.server(lambda *_: True)
    stream = rig.public(server.url, msgspec.structs.replace(QUICK, ping_secs=0.05, pong_secs=0.05))
    stream.start()
    rig.up(2)
    assert "ping" in rig.of(StreamDown)[0].reason


def test_refused_and_unanswered_subscriptions_are_reported(rig: Rig) -> None:
    def answer(server: ScriptedWS, connection: ServerConnection, frame: dict[str, Any]) -> bool:
        if frame["type"] != "subscribe":
            return False
        if frame["payload"]["channels"][0]["name"] == "orders":
            server.send({"type": "subscriptions", "channels": [{"name": "orders", "error": "subscription forbidden"}]})
        return True

    server = rig.server(answer)
    stream = rig.public(server.url, msgspec.structs.replace(QUICK, answer_secs=0.1))
    stream.subscribe("orders", ["all"])
    stream.subscribe("ticker", ["A"])
    stream.start()
    wait_for(lambda: len(rig.of(SubscriptionRefused)) == 2)
    assert [(e.channel, e.reason) for e in rig.of(SubscriptionRefused)] == [
        ("orders", "subscription forbidden"),
        ("ticker", "no answer within 0 s"),
    ]


def test_broken_messages_are_reported_unknown_ones_ignored_and_the_rest_goes_on(rig: Rig) -> None:
    server = rig.server()
    stream = rig.public(server.url)
    stream.start()
    rig.up()
    server.send("{", '{"type":"ob_l1","ts":"x"}', "[" * 50_000, '"text"', {"type": "novelty", "d": 1}, "{}", L1)
    wait_for(lambda: rig.messages)
    figures = stream.figures
    assert (figures.unreadable, figures.ignored) == (5, 1)
    assert len(rig.of(UnreadableMessage)) == 5
    assert rig.of(StreamDown) == []


def test_fault_in_the_sink_costs_neither_connection_nor_later_messages(rig: Rig) -> None:
    server = rig.server()
    got: list[Any] = []

    def sink(message: Any) -> None:
        got.append(message)
        if len(got) == 1:
            raise RuntimeError("bug")

    stream = PublicStream(server.url, sink, rig.events.append, timings=QUICK)
    rig.streams.append(stream)
    stream.start()
    rig.up()
    server.send(L1, L1)
    wait_for(lambda: len(got) == 2)
    assert rig.of(StreamDown) == []
    assert len(rig.of(UnreadableMessage)) == 1


def test_product_and_system_news_become_events(rig: Rig) -> None:
    server = rig.server()
    stream = rig.public(server.url)
    stream.start()
    rig.up()
    server.send(
        {
            "type": "product_updates",
            "event": "market_disruption",
            "product": {"id": 5, "symbol": "X", "trading_status": "disrupted_cancel_only"},
        },
        {"type": "system_status", "event": "maintenance_started", "status": "maintenance"},
    )
    wait_for(lambda: rig.of(VenueStatus))
    [changed] = rig.of(TradingStatusChanged)
    assert (changed.product_id, changed.trading_status) == (5, "disrupted_cancel_only")


def test_large_fragmented_and_interleaved_frames_arrive_whole(rig: Rig) -> None:
    server = rig.server()
    stream = rig.public(server.url)
    stream.start()
    rig.up()
    symbols = [f"S{'x' * size}" for size in (1, 70, 200, 60_000, 70_000, 300_000)]
    for symbol in symbols * 3:
        server.send({**L1, "sy": symbol})
        server.connections[0].ping()
    text = msgspec.json.encode({**L1, "sy": "fragmented"}).decode()
    server.connections[0].send(iter([text[:10], text[10:40], text[40:]]))
    wait_for(lambda: len(rig.messages) == 19)
    assert [m.sy for m in rig.messages] == [*symbols * 3, "fragmented"]


def test_refused_upgrade_is_retried_with_back_off(rig: Rig) -> None:
    server = rig.server()
    server.refuse_status = 429
    stream = rig.public(server.url)
    stream.start()
    wait_for(lambda: len(rig.of(StreamDown)) >= 2)
    assert "429" in rig.of(StreamDown)[0].reason
    server.refuse_status = None
    rig.up()


def test_a_refused_upgrade_is_logged_once_and_without_the_headers_of_the_handshake(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    server = rig.server()
    server.refuse_status = 403
    rig.public(server.url, msgspec.structs.replace(QUICK, backoff_first_secs=60, backoff_longest_secs=60)).start()
    [down] = wait_for(lambda: rig.of(StreamDown))
    assert down.reason == "the upgrade was answered with HTTP 403"
    said = [r.getMessage() for r in caplog.records if r.name.startswith("trader") and "403" in r.getMessage()]
    assert said == ["stream_down stream=public reason=the upgrade was answered with HTTP 403"]


def test_a_refused_login_is_logged_once_and_a_stop_during_the_login_is_no_refusal(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    refusal = {"type": "key-auth", "success": False, "status_code": 404, "status": "api_key_not_found"}
    silent = msgspec.structs.replace(QUICK, backoff_first_secs=60, backoff_longest_secs=60)

    def refuse(server: ScriptedWS, connection: ServerConnection, frame: dict[str, Any]) -> bool:
        connection.send(json.dumps(refusal))
        return True

    rig.private(rig.server(refuse).url, silent).start()
    wait_for(lambda: rig.of(StreamDown))
    told = [r for r in caplog.records if r.levelno >= logging.WARNING]
    assert [(r.levelname, "does not know this API key" in r.getMessage()) for r in told] == [("ERROR", True)]
    quiet = rig.server(lambda *_: True)
    waiting = rig.private(quiet.url, silent)
    waiting.start()
    wait_for(lambda: quiet.frames)
    waiting.stop()
    assert len(rig.of(LoginRefused)) == 1


def test_stop_ends_the_thread_also_while_waiting_to_connect(rig: Rig) -> None:
    stream = rig.public(
        "ws://127.0.0.1:1", msgspec.structs.replace(QUICK, backoff_first_secs=60, backoff_longest_secs=60)
    )
    stream.start()
    wait_for(lambda: rig.of(StreamDown))
    started = time.monotonic()
    stream.stop()
    assert time.monotonic() - started < 2
    assert not stream.connected


def test_stream_feeds_the_conflator(rig: Rig) -> None:
    server = rig.server()
    conflator = Conflator()
    stream = PublicStream(server.url, conflator.offer, rig.events.append, timings=QUICK)
    rig.streams.append(stream)
    stream.start()
    rig.up()
    server.send(L1, {**L1, "ts": L1["ts"] + 1, "bp": "1.5"})  # type: ignore[operator]
    quotes = wait_for(lambda: [q for q in conflator.take() if q.bid == Decimal("1.5")])
    assert quotes[0].ask_size == 3


# ----------------------------------------------------------------------------------------------------- private

ORDER = {
    "type": "orders",
    "action": "update",
    "symbol": "C-BTC-68000-201126",
    "product_id": 98123,
    "order_id": 700123456,
    "client_order_id": "leg-c-0001",
    "side": "sell",
    "size": 10,
    "unfilled_size": 0,
    "average_fill_price": "391",
    "limit_price": "391",
    "state": "closed",
    "seq_no": 42,
    "timestamp": 1795156200105000,
}
TRADE = {
    "type": "v2/user_trades",
    "sy": "C-BTC-68000-201126",
    "f": "f1",
    "R": "normal",
    "u": 1,
    "o": 700123456,
    "S": "sell",
    "s": 10,
    "p": "391",
    "r": "taker",
    "c": "leg-c-0001",
    "t": 1795156200104950,
    "se": 7,
}


def test_private_stream_logs_in_subscribes_and_delivers_everything_in_order(rig: Rig) -> None:
    server = rig.server()
    clock = ClockOffset()
    clock.learn(formatdate(time.time() + 1000, usegmt=True), sent_at=time.time(), received_at=time.time())
    stream = rig.private(server.url, clock=clock)
    stream.start()
    rig.up()
    login = server.frames[0]
    payload = login["payload"]
    assert login["type"] == "key-auth"
    assert payload["api-key"] == "key"
    assert payload["signature"] == sign_login("secret", payload["timestamp"])
    assert abs(int(payload["timestamp"]) - time.time() - 1000) < 3
    wait_for(lambda: len(server.subscribed()) == 4)
    assert server.subscribed() == [
        ("orders", ("all",)),
        ("v2/user_trades", ("all",)),
        ("positions", ("all",)),
        ("margins", None),
    ]
    server.send(
        ORDER,
        TRADE,
        {
            "type": "positions",
            "action": "create",
            "symbol": "C-BTC-68000-201126",
            "product_id": 98123,
            "size": -10,
            "entry_price": "391",
        },
        {"type": "positions", "action": "delete", "symbol": "C-BTC-68000-201126", "product_id": 98123},
        {
            "type": "margins",
            "action": "update",
            "asset_symbol": "USD",
            "balance": "9",
            "available_balance": "8",
            "blocked_margin": "1",
        },
    )
    wait_for(lambda: rig.of(Wallet))
    order, fill, held, flat, wallet = rig.events[1:]
    assert isinstance(order, OrderSnapshot)
    assert (order.venue_order_id, order.filled_qty) == ("700123456", 10)
    assert isinstance(fill, Fill)
    assert (fill.fill_id, fill.product_id, fill.commission, fill.client_order_id) == ("f1", 98123, None, "leg-c-0001")
    assert isinstance(held, Position)
    assert (held.quantity, flat.quantity) == (-10, 0)
    assert wallet.available == Decimal(8)


def test_fill_before_any_order_asks_for_its_product(rig: Rig) -> None:
    server = rig.server()
    stream = rig.private(server.url, product_id_of={"C-BTC-68000-201126": 7}.get)
    stream.start()
    rig.up()
    server.send(TRADE)
    [fill] = wait_for(lambda: rig.of(Fill))
    assert fill.product_id == 7


def test_order_snapshot_rows_are_delivered_and_an_update_is_whatever_its_number_says(rig: Rig) -> None:
    server = rig.server()
    rig.private(server.url).start()
    rig.up()
    row = {**ORDER, "id": 5, "product_symbol": ORDER["symbol"], "state": "open", "unfilled_size": 10}
    del row["order_id"]
    server.send(
        {
            "type": "orders",
            "action": "snapshot",
            "symbol": ORDER["symbol"],
            "result": [row],
            "meta": {"seq_no": 42, "timestamp": 1},
        },
        {**ORDER, "seq_no": 3},
        {**ORDER, "seq_no": 43},
    )
    wait_for(lambda: len(rig.of(OrderSnapshot)) == 3)
    assert [order.filled_qty for order in rig.of(OrderSnapshot)] == [0, 10, 10]
    assert rig.of(SequenceGap) == []


def test_gap_and_restart_are_reported_and_the_message_still_arrives(rig: Rig) -> None:
    server = rig.server()
    rig.private(server.url).start()
    rig.up()
    server.send(
        {**TRADE, "se": 7}, {**TRADE, "se": 9, "f": "f2"}, {**TRADE, "se": 1, "f": "f3"}, {**TRADE, "se": 1, "f": "f3"}
    )
    wait_for(lambda: len(rig.of(Fill)) == 4)
    gaps = [(gap.channel, gap.expected, gap.received) for gap in rig.of(SequenceGap)]
    assert gaps == [("v2/user_trades", 8, 9), ("v2/user_trades", 10, 1)]


def test_unreadable_account_message_is_reported_like_a_gap(rig: Rig) -> None:
    server = rig.server()
    rig.private(server.url).start()
    rig.up()
    server.send({**ORDER, "unfilled_size": 11}, {**TRADE, "s": "NaN"}, {**ORDER, "size": {}}, TRADE)
    wait_for(lambda: rig.of(Fill))
    assert len(rig.of(UnreadableMessage)) == 3
    assert rig.of(OrderSnapshot) == []


@pytest.mark.parametrize(
    ("status", "words"),
    [("api_key_not_found", "does not know this API key"), ("request_expired", "check the clock"), ("novel", "novel")],
)
def test_refused_login_is_loud_and_tried_again(rig: Rig, status: str, words: str) -> None:
    def answer(server: ScriptedWS, connection: ServerConnection, frame: dict[str, Any]) -> bool:
        if frame["type"] == "key-auth" and len(server.connections) == 1:
            server.send({"type": "key-auth", "success": False, "status_code": 404, "status": status, "message": "m"})
            return True
        return False

    server = rig.server(answer)
    rig.private(server.url).start()
    rig.up()
    [refused] = rig.of(LoginRefused)
    assert words in refused.reason
    assert isinstance(rig.events[0], LoginRefused)
    assert isinstance(rig.events[1], StreamDown)


@pytest.mark.parametrize(
    "told",
    [
        {"message": "request expired, server_time: {now}"},
        {"server_time": "{now}"},
        {"context": {"server_time": "{us}"}},
    ],
)
@pytest.mark.parametrize("skew", [-12, 7])
def test_a_login_refused_as_expired_is_signed_by_the_time_the_refusal_tells(
    rig: Rig, told: dict[str, Any], skew: int
) -> None:
    def strict(server: ScriptedWS, connection: ServerConnection, frame: dict[str, Any]) -> bool:
        now = time.time() + skew
        if frame["type"] != "key-auth" or abs(int(frame["payload"]["timestamp"]) - now) <= 5:
            return False
        text = json.dumps(told).replace("{now}", str(int(now))).replace("{us}", str(int(now * 1e6)))
        refusal = {"type": "key-auth", "success": False, "status_code": 408, "status": "request_expired"}
        connection.send(json.dumps(refusal | json.loads(text)))
        return True

    server = rig.server(strict)
    clock = ClockOffset()
    rig.private(server.url, clock=clock).start()
    rig.up()
    assert rig.of(LoginRefused) == rig.of(StreamDown) == []
    assert len([frame for frame in server.frames if frame["type"] == "key-auth"]) == 2
    assert abs(clock.secs - skew) < 1.5


def test_login_without_an_answer_is_refused(rig: Rig) -> None:
    server = rig.server(lambda *_: True)
    rig.private(server.url, msgspec.structs.replace(QUICK, answer_secs=0.1)).start()
    wait_for(lambda: rig.of(LoginRefused))
    assert rig.of(StreamUp) == []


def test_reconnect_logs_in_again_with_the_newest_keys(rig: Rig) -> None:
    server = rig.server()
    stream = rig.private(server.url)
    stream.start()
    rig.up()
    stream.use_credentials(Credentials("key2", "secret2"))
    server.connections[0].close()
    rig.up(2)
    assert [f["payload"]["api-key"] for f in server.frames if f["type"] == "key-auth"] == ["key", "key2"]


# ------------------------------------------------------------ odd items


def chain_item(symbol: str, **changes: Any) -> dict[str, Any]:
    return {
        "s": symbol,
        "i": 5,
        "m": "391",
        "q": ["393", "90", "390", "100", None],
        "g": ["0.3", "0", "3", "-9", "2"],
        **changes,
    }


@pytest.mark.parametrize(
    "odd",
    [5, None, {}, chain_item(None), chain_item("C"), chain_item("X", g="NaN"), chain_item("X", m=["391"])],  # type: ignore[arg-type]
    ids=["a number", "null", "empty", "no symbol", "twice and differing", "greeks a text", "mark a list"],
)
def test_an_odd_item_hid_a_whole_chain_frame(rig: Rig, odd: Any) -> None:
    server = rig.server()
    left_out = OddRows()
    stream = PublicStream(server.url, rig.messages.append, rig.events.append, timings=QUICK, odd=left_out)
    rig.streams.append(stream)
    stream.start()
    rig.up()
    items = [chain_item("A"), odd, chain_item("B"), *([chain_item("C", m="1")] if odd == chain_item("C") else [])]
    frame = {"type": "ticker", "sy": "BTC-201126", "ts": 1788431318663014, "sp": "64000", "d": items}
    server.send(frame, frame)
    wait_for(lambda: len(rig.messages) == 2)
    assert [item.s for item in rig.messages[0].d] == ["A", "B"]
    assert len(left_out.fresh()) == 1 and left_out.figures.times in (2, 4)
    assert rig.of(UnreadableMessage) == [] and stream.figures.unreadable == 0


def test_a_number_that_is_none_hid_a_whole_chain_frame(rig: Rig) -> None:
    server = rig.server()
    rig.public(server.url).start()
    rig.up()
    items = json.dumps([chain_item("A"), chain_item("B", m=float("nan"))])
    server.send(f'{{"type":"ticker","ts":1788431318663014,"d":{items}}}')
    wait_for(lambda: rig.messages)
    assert [item.s for item in rig.messages[0].d] == ["A", "B"]  # NaN is absent, as every nonsense in a market field


def test_an_odd_message_of_one_contract_costs_that_contract_not_the_account_a_reading(rig: Rig) -> None:
    server = rig.server()
    left_out = OddRows()
    stream = PublicStream(server.url, rig.messages.append, rig.events.append, timings=QUICK, odd=left_out)
    rig.streams.append(stream)
    stream.start()
    rig.up()
    server.send({**L1, "ap": {}}, {**L1, "ap": {}}, L1)
    wait_for(lambda: rig.messages)
    assert rig.of(UnreadableMessage) == []
    assert [row.symbol for row in left_out.fresh()] == ["X"] and left_out.figures.times == 2


def test_an_odd_channel_in_the_answer_to_a_subscription_does_not_refuse_the_others(rig: Rig) -> None:
    def answer(server: ScriptedWS, connection: ServerConnection, frame: dict[str, Any]) -> bool:
        if frame.get("type") != "subscribe":
            return False
        connection.send(json.dumps({"type": "subscriptions", "channels": [5, {"name": "ticker"}]}))
        return True

    stream = rig.public(rig.server(answer).url, msgspec.structs.replace(QUICK, answer_secs=0.1))
    stream.subscribe("ticker", ["A"])
    stream.start()
    rig.up()
    wait_for(lambda: stream.figures.messages and not stream._unanswered)
    assert rig.of(SubscriptionRefused) == [] and stream.figures.unreadable == 0


@pytest.mark.parametrize("odd", [5, {}, {"size": {}}, {"size": "NaN"}, {"side": 5}], ids=str)
def test_an_odd_row_of_an_account_snapshot_is_like_a_gap_and_the_others_arrive(rig: Rig, odd: Any) -> None:
    server = rig.server()
    left_out = OddRows()
    rig.private(server.url, odd=left_out).start()
    rig.up()
    row = {key: value for key, value in ORDER.items() if key not in ("type", "order_id", "action", "seq_no")}
    rows = [{**row, "id": 1}, {**row, "id": 2, **odd} if isinstance(odd, dict) and odd else odd, {**row, "id": 3}]
    server.send({"type": "orders", "action": "snapshot", "symbol": "X", "result": rows})
    positions = [{"product_id": n, "product_symbol": f"P{n}", "size": n} for n in (1, 2, 3)]
    positions[1] = {**positions[1], "size": []} if isinstance(odd, dict) else odd
    server.send({"type": "positions", "action": "snapshot", "result": positions})
    wait_for(lambda: len(rig.of(Position)) == 2)
    assert [order.venue_order_id for order in rig.of(OrderSnapshot)] == ["1", "3"]
    assert len(rig.of(UnreadableMessage)) == 2 and len(left_out.fresh()) == 2
