"""A second client of the venue: takes market frames at the full rate and every order and fill event of the account.

What it heard of the account is a witness beside the venue's REST record: its numbers must run without a gap.
"""

import contextlib
import hashlib
import hmac
import json
import threading
import time
from decimal import Decimal
from typing import Any

import websocket

from tests.exchange.scripted_http import wait_for

_CHANNELS = ("orders", "v2/user_trades")
_NUMBERS = {"orders": ("symbol", "seq_no"), "v2/user_trades": ("sy", "se")}


class Listener:
    """Both sockets, each in a thread of its own."""

    def __init__(self, venue: dict[str, Any], symbols: list[str]) -> None:
        self.market = 0
        self.gaps: list[str] = []
        self.fills: list[tuple[str, str, int, Decimal]] = []  # id, order, contracts, price
        self.orders: dict[str, tuple[float, bool]] = {}  # coid: wall of the first event, whether it closes
        self._last: dict[tuple[str, str], int] = {}
        self._public = websocket.create_connection(venue["ws_public_url"], timeout=10)
        _subscribe(self._public, "ob_l1", symbols)
        self._private = websocket.create_connection(venue["ws_private_url"], timeout=10)
        self._log_in(venue)
        for socket, hear in ((self._public, self._hear_market), (self._private, self._hear_account)):
            socket.send('{"type":"enable_heartbeat"}')
            threading.Thread(target=self._read, args=(socket, hear), daemon=True).start()

    def _log_in(self, venue: dict[str, Any]) -> None:
        stamp = str(int(time.time()))
        signature = hmac.new(venue["api_secret"].encode(), f"GET{stamp}/live".encode(), hashlib.sha256).hexdigest()
        payload = {"api-key": venue["api_key"], "signature": signature, "timestamp": stamp}
        self._private.send(json.dumps({"type": "key-auth", "payload": payload}))
        for channel in _CHANNELS:
            _subscribe(self._private, channel, ["all"])

    def _read(self, socket: Any, hear: Any) -> None:
        socket.settimeout(60)
        with contextlib.suppress(OSError, websocket.WebSocketException):
            while True:
                hear(socket.recv())

    def _hear_market(self, text: str) -> None:
        self.market += 1

    def _hear_account(self, text: str) -> None:
        frame = json.loads(text)
        kind = frame["type"]
        if kind not in _NUMBERS or frame.get("action") == "snapshot":
            return
        symbol_key, number_key = _NUMBERS[kind]
        place = (kind, frame[symbol_key])
        number, last = frame[number_key], self._last.get(place, 0)
        if number != last + 1:
            self.gaps.append(f"{kind} {frame[symbol_key]}: {number} after {last}")
        self._last[place] = number
        if kind == "v2/user_trades":
            self.fills.append((frame["f"], str(frame["o"]), frame["s"], Decimal(frame["p"])))
        elif frame.get("client_order_id"):
            closing = frame.get("reduce_only") in (True, "true")
            self.orders.setdefault(frame["client_order_id"], (time.time(), closing))


def _subscribe(socket: Any, channel: str, symbols: list[str]) -> None:
    row = {"name": channel, "symbols": symbols}
    socket.send(json.dumps({"type": "subscribe", "payload": {"channels": [row]}}))


def serve(pipe: Any, venue: dict[str, Any], symbols: list[str]) -> None:
    """The process: listen, and answer what was heard so far whenever asked."""
    listener = Listener(venue, symbols)
    wait_for(lambda: listener.market > 0, 20)
    pipe.send(True)
    with contextlib.suppress(EOFError):
        while True:
            match pipe.recv():
                case "figures":
                    pipe.send({"market": listener.market, "gaps": listener.gaps, "fills": len(listener.fills)})
                case "fills":
                    pipe.send(list(listener.fills))
                case "closing":
                    pipe.send({coid: at for coid, (at, closing) in listener.orders.items() if closing})
