"""Small clients of the venue's wire for tests: signed REST on requests, frames on websocket-client."""

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import requests
import websocket

KEY, SECRET, USER_ID = "test-key", "test-secret", 5_550_001


def signature(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


class Rest:
    """Signs exactly what it sends."""

    def __init__(self, url: str, *, key: str = KEY, secret: str = SECRET) -> None:
        self.url, self.key, self.secret = url, key, secret
        self.session = requests.Session()

    def call(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        signed: bool = True,
        at: int | None = None,
        headers: dict[str, str | None] | None = None,
    ) -> requests.Response:
        data = json.dumps(body) if body is not None else ""
        sent: dict[str, Any] = {"User-Agent": "tests", "Content-Type": "application/json"}
        if signed:
            stamp = str(int(time.time()) if at is None else at)
            sent |= {
                "api-key": self.key,
                "timestamp": stamp,
                "signature": signature(self.secret, method + stamp + path + data),
            }
        sent |= headers or {}
        return self.session.request(method, self.url + path, data=data, headers=sent, timeout=30)

    def ok(self, method: str, path: str, body: dict[str, Any] | None = None, *, signed: bool = True) -> Any:
        answer = self.call(method, path, body, signed=signed)
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    def refusal(self, method: str, path: str, body: dict[str, Any] | None = None) -> str:
        answer = self.call(method, path, body)
        assert answer.status_code == 400, answer.text
        return str(answer.json()["error"]["code"])

    def order(self, **fields: Any) -> Any:
        return self.ok("POST", "/v2/orders", {"order_type": "limit_order", **fields})

    def close(self) -> None:
        self.session.close()


class Socket:
    """One connection that remembers every frame it got."""

    def __init__(self, url: str) -> None:
        self.ws = websocket.create_connection(url, timeout=30)
        self.frames: list[dict[str, Any]] = []

    def send(self, frame: dict[str, Any]) -> None:
        self.ws.send(json.dumps(frame))

    def subscribe(self, name: str, *symbols: str) -> dict[str, Any]:
        row: dict[str, Any] = {"name": name}
        if symbols:
            row["symbols"] = list(symbols)
        self.send({"type": "subscribe", "payload": {"channels": [row]}})
        return self.expect("subscriptions")

    def login(self, *, key: str = KEY, secret: str = SECRET, at: int | None = None) -> dict[str, Any]:
        stamp = str(int(time.time()) if at is None else at)
        payload = {"api-key": key, "signature": signature(secret, f"GET{stamp}/live"), "timestamp": stamp}
        self.send({"type": "key-auth", "payload": payload})
        return self.expect("key-auth")

    def expect(self, kind: str, matches: Callable[[dict[str, Any]], bool] = lambda frame: True) -> dict[str, Any]:
        """The next frame of that type that matches; frames before it are kept in `frames`."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            frame = json.loads(self.ws.recv())
            self.frames.append(frame)
            if frame["type"] == kind and matches(frame):
                return frame
        raise AssertionError(f"no {kind} frame that matches; got {self.frames}")

    def close(self) -> None:
        self.ws.close()
        self.ws.shutdown()  # close() leaves the socket open when the venue closed first
