"""The whole BTC and ETH option chain at once: messages per second and latency through the client, against the bare libraries
and against ccxt's parser, in one run.

Frames are made once from the local venue's own tickers of every contract (`ticker`, and for each ten `ob_l1` and two
`mark_price`), and sent by a process of its own, first as fast as a socket takes them, then at a steady rate.

* limit: `websocket-client` with `skip_utf8_validation`, a `recv()` loop, msgspec decoding into the client's structs;
* ours: `PublicStream` into a `Conflator`, another thread taking quotes as soon as there are some;
* ccxt: the same bare socket, `json`, and `ccxt.delta().parse_ticker`, on the long ticker (which is all it can read).

Each is a process of its own; rounds alternate, so that a busy machine slows all alike. Latency is from the stamp set when a
message is written to the quote (or decoded message) being there to use.
"""

import contextlib
import json
import socket
import tempfile
import threading
import time
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bench.flood import _MIX, _PLACE, _STEPS, _framed, _message, _upgrade
from bench.measuring import Figures, main, median, percentile
from bench.world import Child

_SETTLE_SECS = 0.5
_UNDERLYINGS = ("BTC", "ETH")
_LEGACY_KEYS = ("symbol", "product_id", "mark_price", "spot_price", "quotes", "greeks", "oi", "volume", "turnover_usd",
                "open", "high", "low", "close", "size", "turnover", "turnover_symbol", "contract_type")  # fmt: skip


def chain_tickers() -> list[dict[str, Any]]:
    """The REST tickers of every contract of the local venue's synthetic market that has both sides."""
    import requests

    from trader.venue.market.synthetic import SyntheticMarket, SyntheticSettings
    from trader.venue.server import VenueServer
    from trader.venue.settings import VenueSettings

    server = VenueServer(
        SyntheticMarket(SyntheticSettings(seed=7, start=datetime.now(UTC))),
        VenueSettings(credentials=(), realtime=True),
    )
    server.start()
    try:
        rows: list[dict[str, Any]] = []
        for underlying in _UNDERLYINGS:
            query = {"contract_types": "call_options,put_options", "underlying_asset_symbols": underlying}
            answer = requests.get(
                f"{server.addresses.rest_url}/v2/tickers", query, timeout=30, headers={"User-Agent": "bench"}
            )
            rows += answer.json()["result"]
    finally:
        server.stop()
    return [row for row in rows if row["greeks"] and all(row["quotes"][name] for name in ("best_bid", "best_ask"))]


def build_frames(tickers: list[dict[str, Any]]) -> dict[str, list[bytes]]:
    """Every message of a round as a frame, by the path it is sent on."""
    compact = [_framed(_message(kind, row, step)) for step in _STEPS for kind in _MIX for row in tickers]
    long = [
        _framed({"type": "v2/ticker", **{k: row.get(k) for k in _LEGACY_KEYS}, "timestamp": "STAMP"}) for row in tickers
    ]
    return {"/": compact, "/long": long}


def serve(pipe: Any, path: str) -> None:
    """The sending process: connections to ``/`` and ``/long`` at full speed, to ``/paced`` at a rate."""
    frames: dict[str, list[bytes]] = {
        name: [bytes.fromhex(line) for line in lines] for name, lines in json.loads(Path(path).read_text()).items()
    }
    listener = socket.create_server(("127.0.0.1", 0))
    pipe.send(listener.getsockname()[1])

    def answer(connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        path, _, rate = _upgrade(connection).partition("?")
        with contextlib.suppress(OSError):
            if rate:
                _paced(connection, frames[path], float(rate))
            else:
                _flooded(connection, frames[path])

    while True:
        threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()


def _flooded(connection: socket.socket, frames: list[bytes]) -> None:
    blocks = [b"".join(frames[at : at + 200]) for at in range(0, len(frames), 200)]
    while True:
        for block in blocks:
            connection.sendall(block.replace(_PLACE, b"%016d" % (time.time_ns() // 1000)))


def _paced(connection: socket.socket, frames: list[bytes], rate: float) -> None:
    due = time.monotonic()
    while True:
        for frame in frames:
            due += 1 / rate
            pause = due - time.monotonic()
            if pause > 0:
                time.sleep(pause)
            connection.sendall(frame.replace(_PLACE, b"%016d" % (time.time_ns() // 1000)))


def bare(pipe: Any, url: str, secs: float) -> None:
    """Receive and decode: messages per second, and latencies in milliseconds."""
    import msgspec
    import websocket

    from trader.exchange.delta.wire import core as wire

    client = websocket.create_connection(url, skip_utf8_validation=True)
    decode = msgspec.json.Decoder(wire.PublicMessage, strict=False).decode
    _answer(pipe, client, lambda raw: decode(raw).ts, secs)


def ccxt_parser(pipe: Any, url: str, secs: float) -> None:
    """Receive, `json` and ccxt's own ticker parser."""
    import ccxt
    import websocket

    exchange = ccxt.delta()
    client = websocket.create_connection(url, skip_utf8_validation=True)

    def read(raw: bytes) -> int:
        row = json.loads(raw)
        exchange.parse_ticker(row)
        stamp: int = row["timestamp"]
        return stamp

    _answer(pipe, client, read, secs)


def _answer(pipe: Any, client: Any, read: Any, secs: float) -> None:
    begin = time.perf_counter()
    while time.perf_counter() - begin < _SETTLE_SECS:
        read(client.recv())
    latencies: list[float] = []
    count, begin = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - begin) < secs:
        for _ in range(20):
            stamp = read(client.recv())
            latencies.append(time.time() * 1000 - stamp / 1000)
        count += 20
    client.shutdown()
    pipe.send((count / elapsed, percentile(latencies, 0.5), percentile(latencies, 0.99)))


def ours(pipe: Any, url: str, secs: float) -> None:
    """Through the client: messages per second received, and latencies of what was taken."""
    from trader.exchange.common.events import StreamEvent, StreamUp
    from trader.exchange.delta.stream.conflate import Conflator
    from trader.exchange.delta.stream.streams import PublicStream

    up, woken, done = threading.Event(), threading.Event(), threading.Event()
    conflator = Conflator(woken.set)
    latencies: list[float] = []

    def on_event(event: StreamEvent) -> None:
        if isinstance(event, StreamUp):
            up.set()

    def take() -> None:
        while not done.is_set():
            if not woken.wait(0.1):
                continue
            woken.clear()
            quotes = conflator.take()
            now = time.time()
            for quote in quotes:
                newest = max((ts for ts in (quote.ts_mark, quote.ts_quote) if ts is not None), default=None)
                if newest is not None:
                    latencies.append((now - newest.timestamp()) * 1000)

    stream = PublicStream(url, conflator.offer, on_event)
    taker = threading.Thread(target=take, daemon=True)
    taker.start()
    stream.start()
    up.wait(10)
    time.sleep(_SETTLE_SECS)
    latencies.clear()
    before, begin = stream.figures.messages, time.perf_counter()
    time.sleep(secs)
    rate = (stream.figures.messages - before) / (time.perf_counter() - begin)
    done.set()
    taker.join(5)
    stream.stop()
    pipe.send((rate, percentile(latencies, 0.5), percentile(latencies, 0.99)))


def measure(secs: float, rounds: int, rate: float) -> Figures:
    """All three at full speed in alternating rounds, then all three at `rate` messages per second."""
    tickers = chain_tickers()
    frames = build_frames(tickers)
    contenders = {name: how for name, how in _CONTENDERS.items() if name != "ccxt" or find_spec("ccxt") is not None}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frames.json"
        path.write_text(json.dumps({name: [frame.hex() for frame in listed] for name, listed in frames.items()}))
        sender = Child(serve, str(path))
        url = f"ws://127.0.0.1:{sender.ask()}"
        try:
            flooded: dict[str, list[float]] = {name: [] for name in contenders}
            for _ in range(rounds):
                for name, (target, where) in contenders.items():
                    flooded[name].append(_one(target, f"{url}{where}", secs)[0])
            paced = {
                name: _one(target, f"{url}{where}?{rate:g}", secs * 2) for name, (target, where) in contenders.items()
            }
        finally:
            sender.end()
    ratios = [ours_ / limit for limit, ours_ in zip(flooded["limit"], flooded["ours"], strict=True)]
    return {
        "contracts": len(tickers),
        **{f"{name}_msgs_per_sec": round(median(rates)) for name, rates in flooded.items()},
        "ratio_to_limit": round(median(ratios), 2),
        **_times_ccxt(flooded),
        **{f"{name}_p50_ms": round(figures[1], 2) for name, figures in paced.items()},
        **{f"{name}_p99_ms": round(figures[2], 2) for name, figures in paced.items()},
    }


def _times_ccxt(flooded: dict[str, list[float]]) -> Figures:
    if "ccxt" not in flooded:  # it is optional
        return {}
    return {"times_ccxt": round(median([o / c for o, c in zip(flooded["ours"], flooded["ccxt"], strict=True)]), 1)}


def _one(target: Any, url: str, secs: float) -> Any:
    child = Child(target, url, secs)
    try:
        return child.ask()
    finally:
        child.end()


_CONTENDERS = {"limit": (bare, "/"), "ours": (ours, "/"), "ccxt": (ccxt_parser, "/long")}

if __name__ == "__main__":
    main("chain", __doc__, measure, secs=2.0, rounds=3, rate=2000.0)
