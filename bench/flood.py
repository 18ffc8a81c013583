"""A process that plays the exchange's public socket: compact market messages for whatever is subscribed, at a chosen rate.

A connection to `/` is a stream of ours: it gets what it subscribes to. A connection to `/bare` gets the same messages without
asking, for measuring bare libraries on equal input. Prices come once per contract from the REST side of the local venue;
after that they move by ticks only, so that no exit rule fires. Every message carries the exchange's time of its sending,
which is what latency is measured from.

The mix is one contract's usual one: per `ticker` ten `ob_l1` and two `mark_price`; beside them the index price. One message
in twenty is an ask so high that the runner has to look at it at once, and the next restores it; those are recorded apart, too.
"""

import contextlib
import json
import socket
import struct
import threading
import time
import urllib.request
from base64 import b64encode
from hashlib import sha1
from typing import Any

_PLACE = b"1234567890123456"  # where the instant of sending goes: microseconds, 16 digits until the year 2286
_IDLE_RATE = 20.0  # messages per second that keep a stream fresh
_BLOCK_ROUNDS = 8  # rounds of all messages written at once when as fast as possible
_LEAP_EVERY = 20  # messages
_LEAP = 40  # times the ask: beyond the maximum loss in one print, which `held.PRESET` wants confirmed
_STEPS = (0, 1, 0, -1)  # ticks by which ask sizes and marks move
_MIX = "ticker ob_l1 ob_l1 ob_l1 ob_l1 mark_price ob_l1 ob_l1 ob_l1 mark_price ob_l1 ob_l1 ob_l1".split()


class Flood:
    """Sends to any number of connections. `rates` are messages per second by path; None is as fast as possible."""

    def __init__(self, rest_url: str, ahead_us: int) -> None:
        self._rest_url = rest_url
        self._ahead_us = ahead_us
        self.rates: dict[str, float | None] = {"/": _IDLE_RATE, "/bare": None}
        self._rounds: list[list[bytes]] = [[_framed(_spot(self._ticker("BTCUSD")["spot_price"]))]]
        self._leap: bytes | None = None
        self._symbols: set[str] = set()
        self.stamps: list[int] | None = None
        self.leaps: list[int] = []

    def serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        path = _upgrade(connection)
        if path == "/":
            threading.Thread(target=self._listen, args=(connection,), daemon=True).start()
        with contextlib.suppress(OSError):
            while True:
                rate = self.rates[path]
                if rate is None:
                    self._block(connection)
                else:
                    self._paced(connection, path, rate)

    def _block(self, connection: socket.socket) -> None:
        rounds = self._rounds
        block = b"".join(b"".join(rounds[number % len(rounds)]) for number in range(_BLOCK_ROUNDS))
        until = time.monotonic() + 0.2
        while time.monotonic() < until:
            connection.sendall(block.replace(_PLACE, b"%016d" % self._instant()))

    def _paced(self, connection: socket.socket, path: str, rate: float) -> None:
        due, sent = time.monotonic(), 0
        while self.rates[path] == rate:
            for messages in self._rounds:
                for message in messages:
                    due += 1 / rate
                    pause = due - time.monotonic()
                    if pause > 0:
                        time.sleep(pause)
                    stamp, sent = self._instant(), sent + 1
                    leaps = path == "/" and self._leap is not None and sent % _LEAP_EVERY == 0
                    if self.stamps is not None and path == "/":
                        self.stamps.append(stamp)
                        if leaps:
                            self.leaps.append(stamp)
                    out = self._leap if leaps and self._leap is not None else message
                    connection.sendall(out.replace(_PLACE, b"%016d" % stamp))
                    if self.rates[path] != rate:
                        return

    def _instant(self) -> int:
        return time.time_ns() // 1000 + self._ahead_us

    def _listen(self, connection: socket.socket) -> None:
        """Answer subscriptions; ignore everything else a client says."""
        stream = connection.makefile("rb")
        with contextlib.suppress(OSError, ValueError):
            while (frame := _client_frame(stream)) is not None:
                with contextlib.suppress(json.JSONDecodeError):
                    asked = json.loads(frame)
                    if asked.get("type") == "subscribe":
                        self._subscribe(connection, asked["payload"]["channels"])

    def _subscribe(self, connection: socket.socket, channels: list[dict[str, Any]]) -> None:
        connection.sendall(_frame(json.dumps({"type": "subscriptions", "channels": channels}).encode()))
        found = {name for channel in channels if channel["name"] == "ob_l1" for name in channel.get("symbols", ())}
        if not found - self._symbols:
            return
        self._symbols |= found
        tickers = [self._ticker(symbol) for symbol in sorted(self._symbols)]
        quotes = {**tickers[0]["quotes"], "best_ask": str(float(tickers[0]["quotes"]["best_ask"]) * _LEAP)}
        self._leap = _framed(_message("ob_l1", {**tickers[0], "quotes": quotes}, 0))
        self._rounds = [
            [_framed(_spot(tickers[0]["spot_price"]))]
            + [_framed(_message(kind, ticker, step)) for kind in _MIX for ticker in tickers]
            for step in _STEPS
        ]

    def _ticker(self, symbol: str) -> dict[str, Any]:
        request = urllib.request.Request(f"{self._rest_url}/v2/tickers/{symbol}", headers={"User-Agent": "bench"})
        with urllib.request.urlopen(request, timeout=5) as answer:
            result: dict[str, Any] = json.load(answer)["result"]
        return result


def _frame(payload: bytes) -> bytes:
    head = bytes([0x81, len(payload)]) if len(payload) < 126 else b"\x81\x7e" + struct.pack("!H", len(payload))
    return head + payload


def _framed(message: dict[str, Any]) -> bytes:
    text = json.dumps(message, separators=(",", ":")).replace('"STAMP"', _PLACE.decode())
    return _frame(text.encode())


def _spot(price: str) -> dict[str, Any]:
    return {"p": price, "sy": ".DEXBTUSD", "ts": "STAMP", "type": "spot_price"}


def _message(kind: str, ticker: dict[str, Any], step: int) -> dict[str, Any]:
    symbol, quotes, g = ticker["symbol"], ticker["quotes"], ticker["greeks"]
    mark = float(ticker["mark_price"]) + step * 0.1
    if kind == "mark_price":
        return {"p": f"{mark:.8f}", "sy": f"MARK:{symbol}", "ts": "STAMP", "type": "mark_price"}
    ask, bid = quotes["best_ask"], quotes["best_bid"]
    ask_size, bid_size = str(float(quotes["ask_size"]) + step), quotes["bid_size"]
    if kind == "ob_l1":
        return {"ap": ask, "as": ask_size, "bp": bid, "bs": bid_size, "lts": "STAMP", "sy": symbol, "ts": "STAMP",
                "type": "ob_l1"}  # fmt: skip
    row = {
        "g": [g["delta"], g["gamma"], g["rho"], g["theta"], g["vega"]],
        "i": ticker["product_id"],
        "m": f"{mark:.8f}",
        "m24hc": "-57.1098",
        "ohlc": [1560.0, 1776.0, 469.7, 727.0],
        "oi": ["14613", "-41302.3500"],
        "pb": [ticker["price_band"]["lower_limit"], ticker["price_band"]["upper_limit"]],
        "q": [ask, ask_size, bid, bid_size, None],
        "qiv": [quotes["ask_iv"], quotes["bid_iv"], quotes["mark_iv"]],
        "s": symbol,
        "to": [6450794.445499996, 6450794.445499996],
    }
    return {"d": [row], "sp": ticker["spot_price"], "sy": symbol, "ts": "STAMP", "type": "ticker"}


def _upgrade(connection: socket.socket) -> str:
    """Answer the WebSocket handshake; the path that was asked for."""
    head = b""
    while b"\r\n\r\n" not in head:
        head += connection.recv(4096)
    lines = head.split(b"\r\n")
    key = next(line.split(b": ")[1] for line in lines if line.lower().startswith(b"sec-websocket-key"))
    accept = b64encode(sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()).decode()
    upgrade = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    connection.sendall(f"{upgrade}Sec-WebSocket-Accept: {accept}\r\n\r\n".encode())
    return lines[0].split()[1].decode()


def _client_frame(stream: Any) -> bytes | None:
    """The payload of one masked frame; None when the client has gone."""
    head = stream.read(2)
    if len(head) < 2:
        return None
    length = head[1] & 0x7F
    if length >= 126:
        length = int.from_bytes(stream.read(2 if length == 126 else 8), "big")
    mask = stream.read(4)
    return bytes(byte ^ mask[place % 4] for place, byte in enumerate(stream.read(length)))


def serve(pipe: Any, rest_url: str, ahead_us: int, make: type[Flood] = Flood) -> None:
    """The process: accept connections, obey the pipe. Commands: ("rate", path, rate or None), ("record",), ("stamps",), ("leaps",)."""
    flood = make(rest_url, ahead_us)
    listener = socket.create_server(("127.0.0.1", 0))
    pipe.send(listener.getsockname()[1])

    def accept() -> None:
        while True:
            threading.Thread(target=flood.serve, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    with contextlib.suppress(EOFError):
        while True:
            match pipe.recv():
                case ("rate", path, rate):
                    flood.rates[path] = rate
                    pipe.send(True)
                case ("record",):
                    flood.stamps, flood.leaps = [], []
                    pipe.send(True)
                case ("leaps",):
                    flood.stamps = None
                    pipe.send(flood.leaps)
                case ("stamps",):
                    stamps, flood.stamps = flood.stamps, None
                    pipe.send(stamps)
