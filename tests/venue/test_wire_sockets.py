"""Both sockets over the real wire: acknowledgements, logins, channels, snapshots, keep-alive."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar, cast

import pytest
import websocket

from tests.venue.venue_client import KEY, SECRET, USER_ID, Rest, Socket
from tests.venue.venue_market import CALL, LATER_CALL, PUT, START, HandMarket
from trader.venue.server import VenueServer
from trader.venue.settings import VenueSettings
from trader.venue.wire import connection
from trader.venue.wire.auth import Credential
from trader.venue.wire.channels import Channel


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "the condition never came true"
        time.sleep(0.005)


def test_acknowledgement_lists_everything_and_failures_per_channel(public: Socket) -> None:
    public.subscribe("ob_l1", CALL)
    public.send(
        {
            "type": "subscribe",
            "payload": {
                "channels": [
                    {"name": "ticker", "symbols": ["BTC-201126"]},
                    {"name": "orders"},
                    {"name": "ob_l2", "symbols": ["all"]},
                    {"name": "system_status"},
                ]
            },
        }
    )
    rows = {row["name"]: row for row in public.expect("subscriptions")["channels"]}
    assert rows["ob_l1"]["symbols"] == [CALL] and rows["ticker"]["symbols"] == ["BTC-201126"]
    assert "error" in rows["orders"] and "error" in rows["ob_l2"] and rows["system_status"] == {"name": "system_status"}
    public.send({"type": "unsubscribe", "payload": {"channels": [{"name": "ob_l1"}]}})
    assert "ob_l1" not in {row["name"] for row in public.expect("subscriptions")["channels"]}


def test_chain_ticker_holds_every_contract_with_greeks_in_the_documented_order(public: Socket) -> None:
    public.subscribe("ticker", "BTC-201126")
    frame = public.expect("ticker")
    assert frame["sy"] == "BTC-201126" and frame["sp"] == "66000"
    rows = {row["s"]: row for row in frame["d"]}
    assert set(rows) == {CALL, PUT}
    row = rows[CALL]
    assert row["q"] == ["401", "20", "399", "20", None] and row["m"] == "400" and row["i"] == 101
    assert [float(g) for g in row["g"]] == [0.12, 0.0001, 0.4, -80.0, 12.0]
    assert row["qiv"] == ["0.51000000", "0.49000000", "0.50000000"] and row["pb"] == ["0.1", "1200"]


def test_timestamps_are_market_time(public: Socket) -> None:
    public.subscribe("mark_price", f"MARK:{CALL}")
    frame = public.expect("mark_price")
    assert frame["sy"] == f"MARK:{CALL}" and frame["p"] == "400"
    market_now = datetime.fromtimestamp(frame["ts"] / 1e6, UTC)
    assert START <= market_now < START + timedelta(minutes=1)


def test_best_quote_is_published_on_change(public: Socket, market: HandMarket) -> None:
    public.subscribe("ob_l1", CALL)
    first = public.expect("ob_l1")
    assert (first["ap"], first["as"], first["bp"], first["bs"]) == ("401.0", "20", "399.0", "20")
    market.set_book(CALL, bids=[], asks=[(Decimal("400.5"), 3)])
    changed = public.expect("ob_l1", lambda f: f["ap"] == "400.5")
    assert (changed["bp"], changed["bs"]) == (None, None) and changed["lts"] >= first["lts"]


def test_own_order_moves_the_public_book_and_trades_are_printed(public: Socket, rest: Rest) -> None:
    public.subscribe("ob_l2", CALL)
    public.subscribe("trades", "all")
    rest.order(product_symbol=CALL, size=5, side="sell", limit_price="399")
    trade = public.expect("trades")
    assert (trade["sy"], trade["p"], trade["s"], trade["r"]) == (CALL, "399.0", 5.0, "m")
    book = public.expect("ob_l2", lambda f: f["b"][0] == ["399.0", "15"])
    assert book["a"][0] == ["401.0", "20"]


def test_spot_and_index_symbols(public: Socket, market: HandMarket) -> None:
    public.subscribe("spot_price", ".DEXBTUSD")
    assert public.expect("spot_price")["p"] == "66000"
    market.index = Decimal(66100)
    assert public.expect("spot_price", lambda f: f["p"] == "66100")["sy"] == ".DEXBTUSD"


def test_status_snapshot_comes_with_the_subscription(public: Socket) -> None:
    public.subscribe("system_status")
    frame = public.expect("system_status")
    assert (frame["event"], frame["status"]) == ("snapshot", "live")


def test_ping_heartbeat_and_nonsense(public: Socket) -> None:
    public.send({"type": "ping"})
    public.expect("pong")
    public.send({"type": "enable_heartbeat"})
    public.expect("heartbeat")
    for nonsense in ("{", "[]", '{"type":5}', '{"type":"subscribe"}', '{"type":"key-auth","payload":{}}'):
        public.ws.send(nonsense)
    public.send({"type": "ping"})
    public.expect("pong")


def test_silent_connection_is_dropped(venue: VenueServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "IDLE_SECS", 0.1)
    idle = Socket(venue.addresses.ws_public_url)
    with pytest.raises(websocket.WebSocketConnectionClosedException):
        while True:
            if not idle.ws.recv():
                raise websocket.WebSocketConnectionClosedException("closed")
    until(lambda: venue.socket_clients == 0)
    idle.close()


@pytest.mark.parametrize(
    ("changed", "status"),
    [({"key": "other"}, 404), ({"secret": "other"}, 401), ({"at": 1}, 408)],
)
def test_login_refusals(private: Socket, changed: dict[str, object], status: int) -> None:
    answer = private.login(**changed)  # type: ignore[arg-type]
    assert (answer["success"], answer["status_code"]) == (False, status)
    refused = private.subscribe("orders", "all")
    assert "Unauthorized" in refused["channels"][0]["error"]


def test_old_login_is_refused(private: Socket) -> None:
    private.send({"type": "auth", "payload": {"api-key": KEY, "signature": "x", "timestamp": "1"}})
    private.expect("error")


def test_snapshots_then_updates_with_rising_sequence(private: Socket, rest: Rest) -> None:
    order = rest.order(product_symbol=CALL, size=25, side="sell", limit_price="399")
    private.login()
    private.subscribe("orders", CALL)
    snapshot = private.expect("orders")
    assert snapshot["action"] == "snapshot" and [o["id"] for o in snapshot["result"]] == [order["id"]]
    private.subscribe("positions", CALL)
    held = private.expect("positions")["result"]
    assert [(row["size"], Decimal(row["margin"])) for row in held] == [(-20, Decimal("21.18"))]
    rest.ok("DELETE", "/v2/orders", {"id": order["id"], "product_id": 101})
    update = private.expect("orders", lambda f: f["action"] == "delete")
    assert update["seq_no"] == snapshot["meta"]["seq_no"] + 1
    assert (update["state"], update["cancellation_reason"], update["order_id"]) == (
        "cancelled",
        "cancelled_by_user",
        order["id"],
    )


def test_all_has_no_snapshot_but_every_update(private: Socket, rest: Rest) -> None:
    rest.order(product_symbol=PUT, size=1, side="buy", limit_price="300")
    private.login()
    private.subscribe("orders", "all")
    private.subscribe("v2/user_trades", "call_options")
    rest.order(product_symbol=PUT, size=1, side="sell", limit_price="399")
    rest.order(product_symbol=LATER_CALL, size=2, side="sell", limit_price="399", client_order_id="mine")
    trade = private.expect("v2/user_trades")
    assert (trade["sy"], trade["s"], trade["S"], trade["po"], trade["c"], trade["r"], trade["se"]) == (
        LATER_CALL, 2, "sell", -2, "mine", "taker", 1,
    )  # fmt: skip
    private.expect("orders", lambda f: f["symbol"] == LATER_CALL)
    assert "snapshot" not in {f.get("action") for f in private.frames}


def test_logging_out_ends_private_channels(private: Socket, rest: Rest) -> None:
    private.login()
    private.subscribe("orders", "all")
    private.send({"type": "unauth", "payload": {}})
    assert private.expect("subscriptions")["channels"] == []
    rest.order(product_symbol=CALL, size=1, side="buy", limit_price="300")
    private.send({"type": "ping"})
    private.expect("pong")
    assert "orders" not in {f["type"] for f in private.frames}


def test_too_many_connections_are_answered_with_429(market: HandMarket) -> None:
    credential = Credential(api_key=KEY, api_secret=SECRET, user_id=USER_ID)
    server = VenueServer(market, VenueSettings(credentials=(credential,), connects_max=2))
    url = server.start().ws_public_url
    sockets = [Socket(url), Socket(url)]
    with pytest.raises(websocket.WebSocketBadStatusException, match="429"):
        Socket(url)
    for socket in sockets:
        socket.close()
    server.stop()


class Reader:
    """The server's side of a socket whose peer takes frames only while `takes` is set."""

    def __init__(self) -> None:
        self.takes = asyncio.Event()
        self.got = 0
        self.closed: int | None = None

    async def accept(self) -> None: ...

    async def receive_text(self) -> str:
        await asyncio.Event().wait()
        raise AssertionError("the peer says nothing")

    async def send(self, message: dict[str, str]) -> None:
        await self.takes.wait()
        self.got += 1

    async def close(self, code: int, reason: str) -> None:
        self.closed = code


class NoHub:
    channels: ClassVar[dict[str, Channel]] = {}

    def opened(self, connection: connection.Connection) -> None: ...

    def closed(self, connection: connection.Connection) -> None: ...


async def serving(reader: Reader) -> tuple[connection.Connection, asyncio.Task[None]]:
    made = connection.Connection(cast("Any", reader), cast("Any", NoHub()))
    task = asyncio.create_task(made.serve())
    await asyncio.sleep(0)
    return made, task


def test_frames_that_waited_for_the_exchanges_own_loop_were_held_against_the_reader() -> None:
    async def story() -> Reader:
        reader = Reader()
        reader.takes.set()
        made, task = await serving(reader)
        for _ in range(3 * connection._QUEUE_MAX):
            made.send_text("x")
        while made.has_frames_waiting:
            await asyncio.sleep(0)
        task.cancel()
        return reader

    reader = asyncio.run(story())
    assert (reader.got, reader.closed) == (3 * connection._QUEUE_MAX, None)


@pytest.mark.parametrize(("waiting", "closed"), [(0, None), (1, 1008)])
def test_a_reader_that_takes_nothing_is_disconnected_when_ten_thousand_frames_wait(
    waiting: int, closed: int | None
) -> None:
    async def story() -> Reader:
        reader = Reader()
        made, task = await serving(reader)
        made.send_text("stuck")
        for _ in range(3):
            await asyncio.sleep(0)
        for _ in range(connection._QUEUE_MAX + waiting):
            made.send_text("x")
        reader.takes.set()
        for _ in range(5):
            await asyncio.sleep(0)
        task.cancel()
        return reader

    assert asyncio.run(story()).closed == closed


def test_fast_market_publishes_at_most_every_fifty_milliseconds(market: HandMarket) -> None:
    credential = Credential(api_key=KEY, api_secret=SECRET, user_id=USER_ID)
    server = VenueServer(market, VenueSettings(credentials=(credential,), speed=600.0))
    socket = Socket(server.start().ws_public_url)
    socket.subscribe("ticker", CALL)
    began = time.monotonic()
    stamps = [socket.expect("ticker")["ts"] for _ in range(12)]
    assert time.monotonic() - began >= 10 * 0.045
    assert all(later - earlier > 5_000_000 for earlier, later in zip(stamps[1:], stamps[2:], strict=False))
    socket.close()
    server.stop()
