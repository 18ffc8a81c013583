"""A WebSocket server on loopback that plays Delta's socket from a script."""

import contextlib
import json
import threading
from collections.abc import Callable
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from tests.exchange.scripted_http import wait_for

Reply = Callable[["ScriptedWS", ServerConnection, dict[str, Any]], None]


class ScriptedWS:
    """Acknowledges logins and subscriptions like the exchange; `on_frame` may answer instead (return True)."""

    def __init__(
        self, on_frame: Callable[["ScriptedWS", ServerConnection, dict[str, Any]], bool] | None = None
    ) -> None:
        self.on_frame = on_frame
        self.frames: list[dict[str, Any]] = []
        self.connections: list[ServerConnection] = []
        self.headers: list[Any] = []
        self.refuse_status: int | None = None
        self._server = serve(self._serve, "127.0.0.1", 0, process_request=self._upgrade, close_timeout=0.2)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self._server.socket.getsockname()[1]}"

    def close(self) -> None:
        self._server.shutdown()
        for connection in list(self.connections):
            with contextlib.suppress(Exception):
                connection.socket.close()
        self._thread.join(3)

    def send(self, *messages: Any) -> None:
        """To the newest connection; bytes and text go as they are."""
        wait_for(lambda: self.connections)  # the client may be up before this side has noticed
        for message in messages:
            self.connections[-1].send(message if isinstance(message, str) else json.dumps(message))

    def subscribed(self) -> list[tuple[str, tuple[str, ...] | None]]:
        """Channels asked for, in order, over all connections."""
        return [
            (channel["name"], tuple(channel["symbols"]) if "symbols" in channel else None)
            for frame in self.frames
            if frame["type"] == "subscribe"
            for channel in frame["payload"]["channels"]
        ]

    def _upgrade(self, connection: ServerConnection, request: Any) -> Any:
        self.headers.append(request.headers)
        if self.refuse_status is not None:
            return connection.respond(self.refuse_status, "no\n")
        return None

    def _serve(self, connection: ServerConnection) -> None:
        self.connections.append(connection)
        with contextlib.suppress(ConnectionClosed, OSError):
            for raw in connection:
                frame = json.loads(raw)
                self.frames.append(frame)
                if self.on_frame is None or not self.on_frame(self, connection, frame):
                    self._answer(connection, frame)

    def _answer(self, connection: ServerConnection, frame: dict[str, Any]) -> None:
        if frame["type"] == "key-auth":
            answer = {"type": "key-auth", "success": True, "status_code": 200, "status": "authenticated"}
            connection.send(json.dumps(answer))
        elif frame["type"] == "ping":
            connection.send('{"type":"pong"}')
        elif frame["type"] in ("subscribe", "unsubscribe"):
            connection.send(json.dumps({"type": "subscriptions", "channels": frame["payload"]["channels"]}))
