"""The client's stream, told to keep messages as they came: text and decoded, with the instant of receipt."""

import time
from collections.abc import Callable
from typing import Any, cast

import msgspec

from trader.exchange.common.events import StreamEvent
from trader.exchange.common.rows import UNREADABLE, read_loosely
from trader.exchange.delta.http.rest import USER_AGENT
from trader.exchange.delta.stream.connection import Stream, Timings
from trader.exchange.delta.wire import core as wire

_PONG, _HEARTBEAT = wire.Pong(), wire.Heartbeat()


class Message(msgspec.Struct, frozen=True):
    """One message of the public socket; `received_us` is our wall clock, microseconds since 1970."""

    raw: bytes
    frame: dict[str, Any]
    received_us: int


class _Decoder:
    """Decodes what the stream itself must understand into its own structs, everything else into a `Message`."""

    def decode(self, raw: bytes) -> Any:
        received_us = time.time_ns() // 1000
        try:
            frame = msgspec.json.decode(raw)
        except UNREADABLE:
            frame = read_loosely(raw)
            if frame is None:
                raise
            raw = _as_json(frame)
        kind = frame.get("type") if isinstance(frame, dict) else None
        if kind == "pong":
            return _PONG
        if kind == "heartbeat":
            return _HEARTBEAT
        if kind == "subscriptions":
            return msgspec.convert(frame, wire.Subscriptions, strict=False)
        if not isinstance(frame, dict):
            raise msgspec.DecodeError("a message is a JSON object")
        return Message(bytes(raw), frame, received_us)


def _as_json(frame: Any) -> bytes:
    """As a recording keeps it, without what is no JSON: NaN becomes null."""
    try:
        return msgspec.json.encode(frame)
    except UnicodeEncodeError:
        raise msgspec.DecodeError("its text is broken") from None


class FeedStream(Stream):
    """A public socket whose every message goes to `on_message`, in the stream's thread."""

    def __init__(
        self,
        url: str,
        on_message: Callable[[Message], None],
        on_event: Callable[[StreamEvent], None],
        *,
        timings: Timings = Timings(),  # noqa: B008 - a frozen value
        proxy: str | None = None,
    ) -> None:
        decoder = cast("msgspec.json.Decoder[Any]", _Decoder())
        super().__init__("feed", url, decoder, timings=timings, user_agent=USER_AGENT, proxy=proxy)
        self._on_message = on_message
        self._on_event = on_event

    def _report(self, event: StreamEvent) -> None:
        self._on_event(event)

    def _handle(self, message: Any) -> None:
        if isinstance(message, Message):
            self._on_message(message)
        elif isinstance(message, wire.Subscriptions):
            self._subscribed(message)
