"""One socket connection: reads frames, answers the ones every socket knows, writes from a bounded queue.

A reader too slow for its queue is disconnected rather than allowed to hold the others up. Slow is a reader whose socket
takes no more; frames that only wait for our own loop to send them are not held against it.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Mapping
from typing import Any, Protocol

import msgspec
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from trader.venue.wire.channels import Change, Channel, Subscriptions

HEARTBEAT_SECS = 30
IDLE_SECS = 60
_QUEUE_MAX = 10_000
_SENT_AT_ONCE = 8
_HEARTBEAT = '{"type":"heartbeat"}'
_PONG = '{"type":"pong"}'
_GOING_AWAY, _POLICY = 1001, 1008


class Hub(Protocol):
    """What a kind of socket adds: its channels, and what happens on subscribing."""

    channels: Mapping[str, Channel]

    def joined(self, connection: "Connection", change: Change) -> None:
        """Subscriptions were added and acknowledged; send first frames or snapshots."""
        ...

    def left(self, connection: "Connection", change: Change) -> None:
        """Subscriptions were dropped."""
        ...

    def other_frame(self, connection: "Connection", kind: str, payload: Any) -> None:
        """A frame type that is not common to all sockets (logins)."""
        ...

    def opened(self, connection: "Connection") -> None: ...

    def closed(self, connection: "Connection") -> None: ...


class Connection:
    """State of one client. `user_id` is None until it logged in."""

    def __init__(self, socket: WebSocket, hub: Hub) -> None:
        self._socket = socket
        self._hub = hub
        self._queue: deque[str] = deque()
        self._wake = asyncio.Event()
        self._in_socket = False  # a frame was given to the socket; seen from outside the writer: it takes no more
        self._closing: tuple[int, str] | None = None
        self.subscriptions = Subscriptions(hub.channels)
        self.user_id: int | None = None
        self._wants_heartbeat = False
        self._last_activity = self._last_heartbeat = time.monotonic()

    def send(self, frame: Any) -> None:
        """Queue one message, encoded here."""
        self.send_text(msgspec.json.encode(frame).decode())

    def send_text(self, text: str) -> None:
        """Queue an already encoded message."""
        if self._in_socket and len(self._queue) >= _QUEUE_MAX:
            self.close(_POLICY, "too slow")
            return
        self._queue.append(text)
        self._wake.set()

    @property
    def has_frames_waiting(self) -> bool:
        """True while something is queued that can still be sent."""
        return bool(self._queue) and self._closing is None

    def close(self, code: int, reason: str) -> None:
        """Ask the writer to close the socket."""
        if self._closing is None:
            self._closing = (code, reason)
            self._wake.set()

    def keep_alive(self, monotonic: float) -> None:
        """Called about every second: heartbeat when due, drop when idle."""
        if self._wants_heartbeat and monotonic - self._last_heartbeat >= HEARTBEAT_SECS:
            self._last_heartbeat = monotonic
            self.send_text(_HEARTBEAT)
        if monotonic - self._last_activity > IDLE_SECS:
            self.close(_GOING_AWAY, "idle")

    async def serve(self) -> None:
        """Run until either side closes."""
        await self._socket.accept()
        self._hub.opened(self)
        writer = asyncio.create_task(self._write())
        try:
            while True:
                self._read(await self._socket.receive_text())
                while self.has_frames_waiting and not self._in_socket:
                    await asyncio.sleep(0)  # frames may lie ready to be read; their answers must not pile up meanwhile
        except (WebSocketDisconnect, KeyError):  # KeyError: a binary frame has no text
            pass
        finally:
            self._hub.closed(self)
            writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writer

    async def _write(self) -> None:
        queue, socket = self._queue, self._socket
        try:
            while True:
                sent = 0
                while queue and self._closing is None:
                    self._in_socket = True
                    await socket.send({"type": "websocket.send", "text": queue.popleft()})
                    self._in_socket = False
                    self._last_activity = time.monotonic()
                    sent += 1
                    if sent % _SENT_AT_ONCE == 0:
                        # Sending need not wait; without this a long queue would go to a peer that left, frame by frame.
                        await asyncio.sleep(0)
                if self._closing is not None:
                    await socket.close(*self._closing)
                    return
                self._wake.clear()
                await self._wake.wait()
        except (WebSocketDisconnect, RuntimeError, OSError):
            return  # the peer is gone; the reader notices and ends the connection

    def _read(self, text: str) -> None:
        self._last_activity = time.monotonic()
        try:
            frame = msgspec.json.decode(text)
        except msgspec.DecodeError:
            frame = None
        kind = frame.get("type") if isinstance(frame, dict) else None
        if not isinstance(kind, str):
            self.send({"type": "error", "message": "frames are JSON objects with a type"})
            return
        assert isinstance(frame, dict)
        payload = frame.get("payload")
        match kind:
            case "subscribe":
                change = self.subscriptions.subscribe(payload, logged_in=self.user_id is not None)
                self.send(self.subscriptions.acknowledgement(change.failures))
                self._hub.joined(self, change)
            case "unsubscribe":
                change = self.subscriptions.unsubscribe(payload)
                self.send(self.subscriptions.acknowledgement(change.failures))
                self._hub.left(self, change)
            case "enable_heartbeat":
                self._wants_heartbeat = True
                self._last_heartbeat = time.monotonic()
                self.send_text(_HEARTBEAT)
            case "disable_heartbeat":
                self._wants_heartbeat = False
            case "ping":
                self.send_text(_PONG)
            case _:
                self._hub.other_frame(self, kind, payload)


class Doorman:
    """At most so many new connections per five minutes and address."""

    def __init__(self, connects_max: int, window_secs: float = 300) -> None:
        self._connects_max = connects_max
        self._window_secs = window_secs
        self._seen: dict[str, deque[float]] = {}

    async def admits(self, socket: WebSocket) -> bool:
        """True when the connection may be accepted; otherwise it was answered with HTTP 429."""
        address = socket.client.host if socket.client else "?"
        seen = self._seen.setdefault(address, deque())
        now = time.monotonic()
        while seen and now - seen[0] > self._window_secs:
            seen.popleft()
        if len(seen) >= self._connects_max:
            await socket.send_denial_response(Response("too many connections", 429))
            return False
        seen.append(now)
        return True
