"""Faults of the streams: gaps, repeats, swaps, silence, refusals, storms."""

import time
from typing import Any

import pytest
import websocket

from tests.venue.venue_client import Rest, Socket
from tests.venue.venue_market import CALL
from trader.venue.faults.helper import VenueFaults
from trader.venue.server import VenueServer

TRADES = "v2/user_trades"


def sell(rest: Rest, number: int) -> None:
    order = {"product_symbol": CALL, "side": "sell", "size": 1, "order_type": "limit_order", "limit_price": "390"}
    rest.ok("POST", "/v2/orders", {**order, "client_order_id": f"s{number}"})


def following(private: Socket, *channels: str) -> Socket:
    assert private.login()["success"]
    for channel in channels:
        private.subscribe(channel, "all")
    return private


def heard(socket: Socket, kind: str, count: int) -> list[dict[str, Any]]:
    return [socket.expect(kind) for _ in range(count)]


def silent(socket: Socket, secs: float = 0.4) -> bool:
    socket.ws.settimeout(secs)
    try:
        socket.ws.recv()
    except websocket.WebSocketTimeoutException:
        return True
    finally:
        socket.ws.settimeout(5)
    return False


def test_a_gap_shows_in_the_numbers(rest: Rest, private: Socket, faults: VenueFaults) -> None:
    following(private, TRADES)
    faults.add("N9", "gap", match={"channel": TRADES, "nth": 2})
    for number in range(3):
        sell(rest, number)
    assert [frame["se"] for frame in heard(private, TRADES, 2)] == [1, 3]


def test_a_frame_is_doubled(rest: Rest, private: Socket, faults: VenueFaults) -> None:
    following(private, TRADES)
    faults.add("N9", "duplicate", match={"channel": TRADES})
    sell(rest, 0)
    sell(rest, 1)
    assert [frame["se"] for frame in heard(private, TRADES, 3)] == [1, 1, 2]


def test_two_frames_change_places(rest: Rest, private: Socket, faults: VenueFaults) -> None:
    following(private, TRADES)
    faults.add("N9", "reorder", match={"channel": TRADES})
    for number in range(3):
        sell(rest, number)
    assert [frame["se"] for frame in heard(private, TRADES, 3)] == [2, 1, 3]


def test_numbering_begins_again(rest: Rest, private: Socket, faults: VenueFaults) -> None:
    following(private, TRADES)
    faults.add("N9", "renumber", match={"channel": TRADES, "nth": 3})
    for number in range(4):
        sell(rest, number)
    assert [frame["se"] for frame in heard(private, TRADES, 4)] == [1, 2, 1, 2]


def test_an_order_nobody_placed_is_told(rest: Rest, private: Socket, faults: VenueFaults) -> None:
    following(private, "orders")
    faults.add("N9", "unknown_order", match={"channel": "orders"})
    sell(rest, 0)
    first, second = heard(private, "orders", 2)
    assert first["order_id"] > 900_000_000_000
    assert second["client_order_id"] == "s0"


def test_a_stalled_socket_says_nothing_and_stays_open(rest: Rest, private: Socket, faults: VenueFaults) -> None:
    following(private, TRADES)
    with faults.fault("N10", "stall", match={"socket": "private"}):
        sell(rest, 0)
        private.send({"type": "ping"})
        assert silent(private)
    private.send({"type": "ping"})
    private.expect("pong")  # open all the time; what was not said is gone
    sell(rest, 1)
    assert private.expect(TRADES)["se"] == 2


def test_only_data_stops(rest: Rest, private: Socket, faults: VenueFaults) -> None:
    following(private, TRADES)
    with faults.fault("N10", "data_stall"):
        sell(rest, 0)
        private.send({"type": "ping"})
        private.expect("pong")
        assert silent(private)


def test_a_half_open_socket_does_not_read(private: Socket, faults: VenueFaults) -> None:
    with faults.fault("N10", "half_open"):
        private.send({"type": "ping"})
        assert silent(private)
    assert silent(private, 0.2)  # the ping was never read


def test_logins_are_refused_or_left_without_an_answer(venue: VenueServer, faults: VenueFaults) -> None:
    with faults.fault("N11", "login_refused"):
        socket = Socket(venue.addresses.ws_private_url)
        told = socket.login()
        assert (told["success"], told["status_code"], told["status"]) == (False, 404, "api_key_not_found")
        socket.close()
    with faults.fault("N11", "login_silent", times=1):
        socket = Socket(venue.addresses.ws_private_url)
        socket.ws.settimeout(0.3)
        with pytest.raises(websocket.WebSocketTimeoutException):
            socket.login()
        socket.ws.settimeout(5)
        assert socket.login()["success"]
        socket.close()


@pytest.mark.parametrize(("kind", "why"), [("forbidden", "Unauthorized user"), ("moved", "Unknown channel")])
def test_subscriptions_are_refused(rest: Rest, private: Socket, faults: VenueFaults, kind: str, why: str) -> None:
    private.login()
    with faults.fault("N11", kind, match={"channel": TRADES}):
        listed = {row["name"]: row.get("error") for row in private.subscribe(TRADES, "all")["channels"]}
        assert listed == {TRADES: f"subscription forbidden on {TRADES}. {why}"}
        assert private.subscribe("orders", "all")["channels"] == [{"name": "orders", "symbols": ["all"]}]
    sell(rest, 0)
    assert private.expect("orders")["client_order_id"] == "s0"


def test_a_subscription_without_an_answer(private: Socket, faults: VenueFaults) -> None:
    private.login()
    faults.add("N11", "subscription_silent", match={"channel": "orders"}, times=1)
    private.send({"type": "subscribe", "payload": {"channels": [{"name": "orders", "symbols": ["all"]}]}})
    assert silent(private)
    assert private.subscribe("orders", "all")["channels"]


def test_every_socket_is_closed_cut_or_refused(venue: VenueServer, public: Socket, faults: VenueFaults) -> None:
    public.send({"type": "ping"})
    public.expect("pong")
    assert faults.add("N13", "disconnect", match={"socket": "private"}).row["happened"] == 0
    assert faults.add("N13", "disconnect", match={"socket": "public"}).row["happened"] == 1
    assert public.ws.recv_data()[0] == websocket.ABNF.OPCODE_CLOSE
    other = Socket(venue.addresses.ws_public_url)
    other.send({"type": "ping"})
    other.expect("pong")
    assert faults.add("N13", "abort").row["happened"] == 1
    with pytest.raises((websocket.WebSocketConnectionClosedException, OSError)):
        other.ws.recv()
    other.close()
    with (
        faults.fault("X7", "streams_down"),
        pytest.raises(websocket.WebSocketBadStatusException) as refused,
    ):
        Socket(venue.addresses.ws_public_url)
    assert refused.value.status_code == 429
    faults.add("N5", "upgrade")
    with pytest.raises(websocket.WebSocketBadStatusException):
        Socket(venue.addresses.ws_public_url)
    Socket(venue.addresses.ws_public_url).close()


def test_a_storm_closes_what_connects(venue: VenueServer, faults: VenueFaults) -> None:
    with faults.fault("N13", "storm", secs=0.05) as rule:
        for _ in range(3):
            socket = Socket(venue.addresses.ws_public_url)
            assert socket.ws.recv_data()[0] == websocket.ABNF.OPCODE_CLOSE
            socket.close()
        assert rule.happened == 3


def test_streams_fall_behind_in_order(rest: Rest, private: Socket, faults: VenueFaults) -> None:
    following(private, TRADES)
    with faults.fault("N14", match={"channel": TRADES}, secs=0.4):
        began = time.monotonic()
        sell(rest, 0)
        sell(rest, 1)
        assert [frame["se"] for frame in heard(private, TRADES, 2)] == [1, 2]
        assert time.monotonic() - began >= 0.4
