"""The market for a soak: `bench.flood` with prices that follow the venue's, for contracts of several underlyings.

Without following, an hour-long flood would tell prices of an hour ago, and no entry would ever be filled.
"""

import contextlib
import json
import socket
import threading
from typing import Any

from bench import flood
from bench.flood import _MIX, _STEPS, Flood, _client_frame, _framed, _message
from bench.stream_flood import _frame

_FOLLOW_SECS = 2.0
_INDICES = {"BTC": ".DEXBTUSD", "ETH": ".DEETHUSD"}


class FollowingFlood(Flood):
    """Knows for each connection what it follows, and reads those contracts' tickers again every two seconds."""

    def __init__(self, rest_url: str, ahead_us: int) -> None:
        super().__init__(rest_url, ahead_us)
        self._wanted: dict[socket.socket, set[str]] = {}
        self._again = threading.Event()
        threading.Thread(target=self._follow, name="follow", daemon=True).start()

    def _listen(self, connection: socket.socket) -> None:
        self._wanted[connection] = set()
        stream = connection.makefile("rb")
        with contextlib.suppress(OSError, ValueError):
            while (frame := _client_frame(stream)) is not None:
                with contextlib.suppress(json.JSONDecodeError):
                    self._hear(connection, json.loads(frame))
        del self._wanted[connection]

    def _hear(self, connection: socket.socket, frame: dict[str, Any]) -> None:
        if frame.get("type") not in ("subscribe", "unsubscribe"):
            return
        channels = frame["payload"]["channels"]
        symbols = {name for row in channels if row["name"] == "ob_l1" for name in row.get("symbols", ())}
        if frame["type"] == "subscribe":
            self._wanted[connection] |= symbols
        else:
            self._wanted[connection] -= symbols
        connection.sendall(_frame(json.dumps({"type": "subscriptions", "channels": channels}).encode()))
        if symbols:
            self._again.set()

    def _follow(self) -> None:
        while True:
            self._again.wait(_FOLLOW_SECS)
            self._again.clear()
            wanted = sorted(set().union(*self._wanted.values()))
            if not wanted:
                continue
            with contextlib.suppress(OSError):  # the venue is busy or a contract has expired: the next look succeeds
                tickers = [self._ticker(symbol) for symbol in wanted]
                self._rounds = [_round(tickers, step) for step in _STEPS]


def _round(tickers: list[dict[str, Any]], step: int) -> list[bytes]:
    spots = {row["underlying_asset_symbol"]: row["spot_price"] for row in tickers}
    told = [
        _framed({"p": price, "sy": _INDICES[underlying], "ts": "STAMP", "type": "spot_price"})
        for underlying, price in spots.items()
    ]
    return told + [_framed(_message(kind, ticker, step)) for kind in _MIX for ticker in tickers]


def serve(pipe: Any, rest_url: str, ahead_us: int) -> None:
    """The process, obeying the pipe as `bench.flood.serve` does."""
    flood.serve(pipe, rest_url, ahead_us, FollowingFlood)
