"""Every public channel over the real wire, compact and legacy: shapes, symbols, snapshots, sequences, checksums, candles."""

import json
import time
from collections.abc import Callable
from typing import Any
from zlib import crc32

import pytest

from tests.conformance.schema.check import validate
from tests.venue.venue_client import Rest, Socket
from tests.venue.venue_market import CALL, LATER_CALL, PUT, D, HandMarket
from trader.venue.server import VenueServer

CHAIN = "BTC-271126"
INDEX = ".DEXBTUSD"
COMPACT = [
    ("ticker", CHAIN),
    ("ob_l1", CHAIN),
    ("ob_l2", "{money}"),
    ("ob_updates", "{money}"),
    ("trades", "BTCUSD"),
    ("mark_price", "MARK:{money}"),
    ("funding_rate", "BTCUSD"),
    ("spot_price", INDEX),
    ("candlestick_1m", "BTCUSD"),
    ("candlestick_12h", "BTCUSD"),
    ("candlestick_1w", "MARK:{money}"),
    ("candlestick_5m", INDEX),
]
LEGACY = [
    ("v2/ticker", "{money}"),
    ("v2/ticker", "perpetual_futures"),
    ("l1_orderbook", "{money}"),
    ("l2_orderbook", "{money}"),
    ("l2_updates", "{money}"),
    ("all_trades", "BTCUSD"),
    ("mark_price", "MARK:{money}"),
    ("funding_rate", "BTCUSD"),
    ("spot_price", INDEX),
    ("v2/spot_price", INDEX),
    ("candlestick_1m", "BTCUSD"),
    ("candlestick_15m", "MARK:{money}"),
]


def several(socket: Socket, kind: str, count: int = 3) -> list[dict[str, Any]]:
    return [socket.expect(kind) for _ in range(count)]


@pytest.mark.parametrize(("channel", "symbol"), COMPACT)
def test_compact_frames_are_as_documented(compact: Socket, money: str, channel: str, symbol: str) -> None:
    acknowledged = compact.subscribe(channel, symbol.format(money=money))
    assert acknowledged["channels"] == [{"name": channel, "symbols": [symbol.format(money=money)]}]
    for frame in several(compact, channel):
        assert validate(channel, frame) == []


@pytest.mark.parametrize(("channel", "symbol"), LEGACY)
def test_legacy_frames_are_as_documented(legacy: Socket, money: str, channel: str, symbol: str) -> None:
    legacy.subscribe(channel, symbol.format(money=money))
    for frame in several(legacy, channel):
        assert validate(channel, frame) == []


@pytest.mark.parametrize("channel", ["system_status", "product_updates", "announcements"])
def test_channels_without_symbols(compact: Socket, legacy: Socket, channel: str) -> None:
    for socket in (compact, legacy):
        row = socket.subscribe(channel)["channels"][0]
        if channel == "announcements" and socket is compact:
            assert "Unknown channel" in row["error"]
        else:
            assert row == {"name": channel}
        if channel == "system_status":
            frame = socket.expect(channel)
            assert validate(channel, frame) == [] and (frame["event"], frame["status"]) == ("snapshot", "live")


@pytest.mark.parametrize(
    ("channel", "symbol", "taken"),
    [
        ("trades", "all", True),
        ("trades", "call_options", True),
        ("trades", CHAIN, True),
        ("mark_price", "all", True),
        ("mark_price", "put_options", True),
        ("mark_price", CHAIN, True),
        ("mark_price", "BTCUSD", True),
        ("funding_rate", "all", True),
        ("spot_price", "all", True),
        ("candlestick_1m", "perpetual_futures", True),
        ("candlestick_1m", "all", False),
        ("candlestick_7d", "BTCUSD", False),
        ("ticker", "all", False),
        ("ob_l1", "call_options", False),
        ("ob_l2", "all", False),
        ("ob_l2", CHAIN, False),
        ("ob_updates", CHAIN, False),
        ("spot_price", "BTCUSD", False),
        ("funding_rate", "C-BTC-1-010126", False),
        ("v2/ticker", "BTCUSD", False),
        ("ticker", "BTC-010120", False),
        ("nosuch", "BTCUSD", False),
    ],
)
def test_which_symbols_a_channel_takes(compact: Socket, channel: str, symbol: str, taken: bool) -> None:
    (row,) = compact.subscribe(channel, symbol)["channels"]
    assert ("error" not in row) == taken, row


def test_marks_without_their_prefix_and_spot_of_all_stay_silent(compact: Socket, money: str) -> None:
    compact.subscribe("mark_price", money)
    compact.subscribe("spot_price", "all")
    compact.subscribe("mark_price", "MARK:BTCUSD")
    several(compact, "mark_price")
    assert {f["sy"] for f in compact.frames if f["type"] == "mark_price"} == {"MARK:BTCUSD"}
    assert "spot_price" not in {f["type"] for f in compact.frames}


@pytest.mark.parametrize(("channel", "most", "private"), [("ob_l2", 100, False), ("ob_updates", 100, False), ("l2_orderbook", 20, True), ("l2_updates", 100, True)])  # fmt: skip
def test_no_more_symbols_than_documented(
    compact: Socket, legacy: Socket, live: Rest, channel: str, most: int, private: bool
) -> None:
    rows = live.ok("GET", "/v2/products?contract_types=call_options&page_size=101", signed=False)
    symbols = [row["symbol"] for row in rows]
    socket = legacy if private else compact
    (row,) = socket.subscribe(channel, *symbols[:most])["channels"]
    assert len(row["symbols"]) == most
    rows = socket.subscribe(channel, symbols[most])["channels"]
    assert f"At most {most} symbols" in rows[-1]["error"]


@pytest.mark.parametrize(("channel", "keys", "private"), [("ob_updates", ("a", "b", "seq"), False), ("l2_updates", ("asks", "bids", "sequence_no"), True)])  # fmt: skip
def test_a_book_kept_from_snapshot_and_updates_has_the_announced_checksum(
    compact: Socket, legacy: Socket, money: str, channel: str, keys: tuple[str, str, str], private: bool
) -> None:
    socket = legacy if private else compact
    asks_key, bids_key, seq_key = keys
    socket.subscribe(channel, money)
    first = socket.expect(channel)
    assert first["action"] == "snapshot"
    asks, bids = dict(first[asks_key]), dict(first[bids_key])
    seq = first[seq_key]
    for _ in range(25):
        frame = socket.expect(channel)
        assert frame["action"] == "update" and frame[seq_key] == seq + 1
        seq = frame[seq_key]
        for side, key in ((asks, asks_key), (bids, bids_key)):
            for price, size in frame[key]:
                if size == "0":
                    del side[price]
                else:
                    side[price] = size
        assert frame["cs"] == checksum(asks, bids)


def checksum(asks: dict[str, str], bids: dict[str, str]) -> int:
    """As a client computes it, independently of the venue's own."""
    best_asks = sorted(asks.items(), key=lambda level: float(level[0]))[:10]
    best_bids = sorted(bids.items(), key=lambda level: -float(level[0]))[:10]
    sides = [",".join(f"{price}:{size}" for price, size in side) for side in (best_asks, best_bids)]
    return crc32("|".join(sides).encode())


def test_the_documented_checksums() -> None:
    assert checksum({"120.5": "10", "121.0": "4"}, {"119.5": "7", "119.0": "12", "118.0": "1"}) == 1928154902
    assert checksum({"120.5": "10"}, {}) == 3630562907


def test_a_late_subscriber_continues_the_sequence_of_the_first(synthetic_venue: VenueServer, money: str) -> None:
    early, late = (Socket(synthetic_venue.addresses.ws_public_url) for _ in range(2))
    early.subscribe("ob_updates", money)
    numbers = [frame["seq"] for frame in several(early, "ob_updates", 5)]
    late.subscribe("ob_updates", money)
    snapshot, update = several(late, "ob_updates", 2)
    assert snapshot["action"] == "snapshot" and update["seq"] == snapshot["seq"] + 1
    early.expect("ob_updates", lambda frame: frame["seq"] == update["seq"])
    numbers = [frame["seq"] for frame in early.frames if frame["type"] == "ob_updates"]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    same = next(f for f in early.frames if f["type"] == "ob_updates" and f["seq"] == update["seq"])
    assert (same["a"], same["b"], same["cs"]) == (update["a"], update["b"], update["cs"])
    early.close()
    late.close()


def test_streamed_trades_are_those_of_the_rest_list_none_twice(compact: Socket, live: Rest) -> None:
    compact.subscribe("trades", "BTCUSD", "perpetual_futures")
    frames: dict[int, dict[str, Any]] = {}
    count = 0
    while len(frames) < 25:
        frame = compact.expect("trades", lambda f: f["sy"] == "BTCUSD")
        frames[frame["t"]] = frame
        count += 1
    rows = {row["timestamp"]: row for row in live.ok("GET", "/v2/trades/BTCUSD", signed=False)}
    shared = sorted(rows.keys() & frames.keys())
    assert len(shared) > 10
    for stamp in shared:
        row, frame = rows[stamp], frames[stamp]
        assert (float(row["price"]), row["size"]) == (float(frame["p"]), frame["s"])
        assert frame["r"] == ("t" if row["buyer_role"] == "taker" else "m")
    assert count == 2 * len(frames) or count == 2 * len(frames) - 1, "followed under two names, told under each"


def test_the_running_candle_ends_as_the_rest_candle(compact: Socket, legacy: Socket, live: Rest) -> None:
    compact.subscribe("candlestick_1m", "BTCUSD", "MARK:BTCUSD")
    legacy.subscribe("candlestick_1m", "BTCUSD")
    starts: list[int] = []
    while len(set(starts)) < 4:
        starts.append(legacy.expect("candlestick_1m")["candle_start_time"] // 1_000_000)
    finished = sorted(set(starts))[1:3]
    query = f"/v2/history/candles?symbol=BTCUSD&resolution=1m&start={finished[0]}&end={finished[1]}"
    rows = {row["time"]: row for row in live.ok("GET", query, signed=False)}
    for start in finished:
        frames = [f for f in legacy.frames if f.get("candle_start_time") == start * 1_000_000]
        last = frames[-1]
        assert last["open"] == rows[start]["open"]
        assert last["high"] <= rows[start]["high"] and last["low"] >= rows[start]["low"]
        assert last["volume"] <= rows[start]["volume"]
        volumes = [frame["volume"] for frame in frames]
        assert volumes == sorted(volumes)
    marks = compact.expect("candlestick_1m", lambda f: f["sy"] == "MARK:BTCUSD")
    assert "v" not in marks


def test_funding_is_what_will_be_exchanged(compact: Socket, live: Rest) -> None:
    compact.subscribe("funding_rate", "perpetual_futures")
    found = {frame["sy"]: frame for frame in several(compact, "funding_rate", 2)}
    assert set(found) == {"BTCUSD", "ETHUSD"}
    frame = found["BTCUSD"]
    assert frame["fi"] == 28_800 and frame["nfr"] > frame["ts"] and frame["nfr"] % (28_800 * 1_000_000) == 0
    row = live.ok("GET", "/v2/tickers/BTCUSD", signed=False)
    assert abs(float(row["funding_rate"]) - frame["fr"]) < 0.05


def test_all_trades_begins_with_a_snapshot_but_not_for_all(legacy: Socket, live: Rest) -> None:
    legacy.subscribe("all_trades", "BTCUSD")
    snapshot = legacy.expect("all_trades_snapshot")
    assert snapshot["symbol"] == "BTCUSD" and len(snapshot["trades"]) == 50
    trade = legacy.expect("all_trades")
    assert trade["product_id"] == 27 and trade["timestamp"] > snapshot["trades"][0]["timestamp"]
    legacy.send({"type": "unsubscribe", "payload": {"channels": [{"name": "all_trades"}]}})
    assert legacy.expect("subscriptions")["channels"] == []
    legacy.frames.clear()
    legacy.subscribe("all_trades", "all")
    several(legacy, "all_trades", 5)
    assert "all_trades_snapshot" not in {frame["type"] for frame in legacy.frames}


def test_unsubscribing_ends_a_channel_and_leaves_the_others(compact: Socket, money: str) -> None:
    compact.subscribe("spot_price", INDEX)
    compact.subscribe("ob_updates", money)
    several(compact, "ob_updates")
    compact.send({"type": "unsubscribe", "payload": {"channels": [{"name": "ob_updates", "symbols": [money]}]}})
    left = compact.expect("subscriptions")["channels"]
    assert left == [{"name": "spot_price", "symbols": [INDEX]}]
    compact.frames.clear()
    several(compact, "spot_price", 5)
    assert {frame["type"] for frame in compact.frames} == {"spot_price"}


def test_login_is_refused_on_the_public_host(compact: Socket) -> None:
    answer_to(compact, {"type": "key-auth", "payload": {"api-key": "x", "signature": "y", "timestamp": "1"}})
    (row,) = compact.subscribe("orders", "all")["channels"]
    assert "error" in row


def answer_to(socket: Socket, frame: dict[str, Any]) -> dict[str, Any]:
    socket.send(frame)
    return socket.expect("error")


# A market moved by hand: what a frame says exactly, and when.


def test_candles_without_a_source_of_trades_are_made_of_users_trades(venue: VenueServer, rest: Rest) -> None:
    start = int(venue.exchange.now.timestamp())
    query = f"/v2/history/candles?symbol={CALL}&resolution=1m&start={start - 600}&end={start + 60}"
    assert rest.ok("GET", query, signed=False) == []
    rest.order(product_symbol=CALL, size=25, side="buy", limit_price="403")
    rows = rest.ok("GET", query, signed=False)
    traded = [row for row in rows if row["volume"] > 0]
    assert [(r["open"], r["high"], r["low"], r["close"], r["volume"]) for r in traded] == [(401, 402, 401, 402, 25)]
    ticker = rest.ok("GET", f"/v2/tickers/{CALL}", signed=False)
    assert (ticker["open"], ticker["high"], ticker["low"], ticker["close"]) == (401, 402, 401, 402)
    untraded = rest.ok("GET", f"/v2/tickers/{PUT}", signed=False)
    assert not {"open", "high", "low", "close", "ltp_change_24h"} & untraded.keys()


def test_untraded_contracts_have_nulls_on_the_compact_channel(public: Socket, rest: Rest) -> None:
    public.subscribe("ticker", CALL)
    (row,) = public.expect("ticker")["d"]
    assert row["ohlc"] == [None, None, None, None]
    rest.order(product_symbol=LATER_CALL, size=1, side="buy", limit_price="401")
    public.subscribe("ticker", LATER_CALL)
    (row,) = public.expect("ticker", lambda frame: frame["sy"] == LATER_CALL)["d"]
    assert row["ohlc"] == [401.0, 401.0, 401.0, 401.0]


def test_book_updates_name_what_changed_and_zero_what_is_gone(public: Socket, market: HandMarket, rest: Rest) -> None:
    public.subscribe("ob_updates", CALL)
    first = public.expect("ob_updates")
    assert first["a"] == [["401.0", "20"], ["402.0", "40"], ["403.0", "60"]]
    rest.order(product_symbol=CALL, size=25, side="buy", limit_price="403")
    taken = public.expect("ob_updates")
    assert (sorted(taken["a"]), taken["b"], taken["seq"]) == ([["401.0", "0"], ["402.0", "35"]], [], first["seq"] + 1)
    market.set_book(CALL, bids=[], asks=[(D("400.5"), 3)])
    gone = public.expect("ob_updates")
    assert {price for price, size in gone["b"] if size == "0"} == {"399.0", "398.0", "397.0"}
    assert ["400.5", "3"] in gone["a"] and gone["cs"] == crc32(b"400.5:3|")


def test_nothing_is_sent_of_a_book_that_stands_still(public: Socket) -> None:
    public.subscribe("ob_updates", CALL)
    public.expect("ob_updates")
    public.subscribe("mark_price", f"MARK:{CALL}")
    public.expect("mark_price")
    public.expect("mark_price")
    assert [f["action"] for f in public.frames if f["type"] == "ob_updates"] == ["snapshot"]


def test_an_own_trade_goes_to_every_channel_of_trades(public: Socket, private: Socket, rest: Rest) -> None:
    public.subscribe("trades", CALL)
    private.subscribe("all_trades", CALL)
    private.subscribe("v2/ticker", CALL)
    rest.order(product_symbol=CALL, size=5, side="sell", limit_price="399")
    compact_frame, legacy_frame = public.expect("trades"), private.expect("all_trades")
    assert (compact_frame["p"], compact_frame["s"], compact_frame["r"]) == ("399.0", 5.0, "m")
    assert (legacy_frame["price"], legacy_frame["size"], legacy_frame["seller_role"]) == ("399.0", 5, "taker")
    assert compact_frame["t"] == legacy_frame["timestamp"]


def test_a_reader_that_reads_nothing_does_not_hold_up_the_others(venue: VenueServer, market: HandMarket) -> None:
    deaf, keen = (Socket(venue.addresses.ws_public_url) for _ in range(2))
    for socket in (deaf, keen):
        socket.subscribe("ob_l1", CALL)
    seen: Callable[[dict[str, Any]], bool] = lambda frame: frame["ap"] == "555.5"  # noqa: E731
    for step in range(50):
        market.set_book(CALL, bids=[], asks=[(D("500") + step, 3)])
        time.sleep(0.001)
    market.set_book(CALL, bids=[], asks=[(D("555.5"), 3)])
    assert keen.expect("ob_l1", seen)
    assert json.loads(deaf.ws.recv())["type"] == "ob_l1"
    deaf.close()
    keen.close()
