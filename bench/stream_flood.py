"""How fast market data comes in: the stream's own path against the bare libraries, on the same flood.

`python -m bench.stream_flood [--json] [--secs 4]` starts a process that writes ready-made frames (one 100-contract
day's mix: 10 `ob_l1` and 2 `mark_price` per `ticker`) as fast as a socket takes them, and receives them twice:

* bare: `websocket-client` with `skip_utf8_validation`, a `recv()` loop, msgspec decoding into the same structs;
* ours: `PublicStream` into a `Conflator`, with another thread taking quotes every 10 ms.

It prints messages per second of both and their ratio, medians over rounds that alternate, so that a busy machine slows
both alike.
"""

import argparse
import json
import multiprocessing
import socket
import statistics
import threading
import time
from typing import Any

import msgspec
import websocket

from bench.flood import _frame
from trader.exchange.common.events import StreamEvent, StreamUp
from trader.exchange.delta.stream.conflate import Conflator
from trader.exchange.delta.stream.streams import PublicStream
from trader.exchange.delta.wire import core as wire

_CONTRACTS = 100
_WARM_UP_SECS = 0.3


def frames() -> bytes:
    """One round of every message, as WebSocket frames."""
    out = bytearray()
    stamp = 1_788_431_318_000_000
    for number in range(_CONTRACTS):
        symbol = f"C-BTC-{60_000 + number * 200}-040926"
        for step in range(13):
            stamp += 1_000
            if step == 0:
                message = _ticker(symbol, number, stamp)
            elif step in (5, 10):
                message = {"p": f"{700 + number}.25", "sy": f"MARK:{symbol}", "ts": stamp, "type": "mark_price"}
            else:
                message = {
                    "ap": f"{717 + step}.5",
                    "as": "6474",
                    "bp": f"{700 + step}",
                    "bs": "8096",
                    "lts": stamp - 5,
                    "sy": symbol,
                    "ts": stamp,
                    "type": "ob_l1",
                }
            out += _frame(json.dumps(message, separators=(",", ":")).encode())
    return bytes(out)


def _ticker(symbol: str, number: int, stamp: int) -> dict[str, Any]:
    row = {
        "g": ["-0.60981705", "0.00030165", "-1.40020332", "-229.49598887", "16.08067442"],
        "i": 147_000 + number,
        "m": "701.45203616",
        "m24hc": "-57.1098",
        "ohlc": [1560.0, 1776.0, 469.7, 727.0],
        "oi": ["14613", "-41302.3500"],
        "pb": ["0.1", "2021.57531916"],
        "q": ["717", "6474", "708", "8096", None],
        "qiv": ["0.3063583", "0.30076147", "0.3034858"],
        "s": symbol,
        "to": [6450794.445499996, 6450794.445499996],
    }
    return {"d": [row], "sp": "77651.9", "sy": symbol, "ts": stamp, "type": "ticker"}


def flood(ready: Any) -> None:
    """Accept connections one after another and write frames until each goes away."""
    from base64 import b64encode
    from hashlib import sha1

    data = frames()
    listener = socket.create_server(("127.0.0.1", 0))
    ready.send(listener.getsockname()[1])
    while True:
        connection, _ = listener.accept()
        with connection:
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(4096)
            key = next(
                line.split(b": ")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key")
            )
            accept = b64encode(sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()).decode()
            upgrade = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            connection.sendall(f"{upgrade}Sec-WebSocket-Accept: {accept}\r\n\r\n".encode())
            try:
                while True:
                    connection.sendall(data)
            except OSError:
                continue


def bare(url: str, secs: float) -> float:
    """Messages per second of the libraries alone."""
    client = websocket.create_connection(url, skip_utf8_validation=True)
    decode = msgspec.json.Decoder(wire.PublicMessage, strict=False).decode
    begin = time.perf_counter()
    while time.perf_counter() - begin < _WARM_UP_SECS:
        decode(client.recv())
    count, begin = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - begin) < secs:
        for _ in range(100):
            decode(client.recv())
        count += 100
    client.shutdown()
    return count / elapsed


def ours(url: str, secs: float) -> float:
    """Messages per second through the stream and the conflator, with a taker at work."""
    up, done = threading.Event(), threading.Event()

    def on_event(event: StreamEvent) -> None:
        if isinstance(event, StreamUp):
            up.set()

    conflator = Conflator()
    stream = PublicStream(url, conflator.offer, on_event)

    def take() -> None:
        while not done.wait(0.01):
            conflator.take()

    taker = threading.Thread(target=take)
    taker.start()
    stream.start()
    up.wait(5)
    time.sleep(_WARM_UP_SECS)
    before, begin = stream.figures.messages, time.perf_counter()
    time.sleep(secs)
    rate = (stream.figures.messages - before) / (time.perf_counter() - begin)
    stream.stop()
    done.set()
    taker.join()
    return rate


def measure(secs: float, rounds: int) -> dict[str, float]:
    """Both rates and their ratio."""
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe()
    process = context.Process(target=flood, args=(theirs,), daemon=True)
    process.start()
    url = f"ws://127.0.0.1:{mine.recv()}"
    try:
        pairs = [(bare(url, secs), ours(url, secs)) for _ in range(rounds)]
    finally:
        process.terminate()
        process.join()
    bare_rate, our_rate = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(o / b for b, o in pairs)
    return {"bare_msgs_per_sec": round(bare_rate), "ours_msgs_per_sec": round(our_rate), "ratio": round(ratio, 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--json", action="store_true", help="one JSON line instead of words")
    parser.add_argument("--secs", type=float, default=2.0, help="seconds per measurement [2]")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of both [3]")
    options = parser.parse_args()
    figures = measure(options.secs, options.rounds)
    if options.json:
        print(json.dumps({"bench": "stream_flood", **figures}))
        return
    print(f"bare recv + decode      {figures['bare_msgs_per_sec']:>9,.0f} msgs/s")
    print(f"stream + conflator      {figures['ours_msgs_per_sec']:>9,.0f} msgs/s")
    print(f"ratio                   {figures['ratio']:>9.2f}")


if __name__ == "__main__":
    main()
