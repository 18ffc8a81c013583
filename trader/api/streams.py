"""Server-sent events: one connection that tells what changes, for as long as the client listens.

All clients of a stream share one read of the desk. A client that does not take what is sent is let go; one that is slow
misses pictures in between and never gets an old one.
"""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Generic, TypeVar

import anyio
from anyio import to_thread
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from trader.api.problems import Problem

Seen = TypeVar("Seen")

MOST_CLIENTS = 32
LOOK_SECS = 0.25
HEARTBEAT_SECS = 10.0
_TAKE_SECS = 20.0  # for a client to take what was sent


class Shared(Generic[Seen]):
    """What a function tells, asked at most every `LOOK_SECS` however many ask. It may wait, and runs in a thread."""

    def __init__(self, look: Callable[[], Seen], empty: Seen) -> None:
        self._look = look
        self._lock = asyncio.Lock()
        self._at = float("-inf")
        self._seen = empty

    async def now(self) -> Seen:
        async with self._lock:
            if time.monotonic() - self._at >= LOOK_SECS:
                self._seen = await to_thread.run_sync(self._look)
                self._at = time.monotonic()
            return self._seen


async def changes(shared: Shared[tuple[str, bytes]], name: str) -> AsyncIterator[bytes]:
    """A state, told as its name and its text, whenever it has another name."""
    told = ""
    async for state, text in _looks(shared):
        if state != told:
            told = state
            yield _event(name, state, text)
        else:
            yield b""


async def news(shared: Shared[Sequence[tuple[int, bytes]]], name: str, after: int | None) -> AsyncIterator[bytes]:
    """Things that are numbered in the order they come (oldest first), each once: those after a number; by default those
    to come."""
    async for things in _looks(shared):
        newest = things[-1][0] if things else 0
        fresh = [] if after is None else [_event(name, str(number), text) for number, text in things if number > after]
        after = newest if after is None else max(after, newest)
        yield b"".join(fresh)


async def _looks(shared: Shared[Seen]) -> AsyncIterator[Seen]:
    """Looks again and again, until the server is to end."""
    while not _ending():
        yield await shared.now()
        await asyncio.sleep(LOOK_SECS)


def _event(name: str, number: str, text: bytes) -> bytes:
    return b"event: %b\nid: %b\ndata: %b\n\n" % (name.encode(), number.encode(), text)


def _ending() -> bool:
    """Whether the server was asked to stop: it waits for its connections to end, and these would not. uvicorn tells its
    applications nothing of that, but a signal goes to the server, which notes it."""
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return bool(getattr(server, "should_exit", False))


class Clients:
    """Counts who listens, so that there is an end to it."""

    def __init__(self) -> None:
        self.listening = 0

    def require_room(self) -> None:
        """Raises:
        Problem: Too many listen already.
        """
        if self.listening >= MOST_CLIENTS:
            words = f"{MOST_CLIENTS} programs listen already, the most there may be; try again later."
            raise Problem(503, "streams", words, headers={"Retry-After": "10"})


class EventStream(Response):
    """An answer that goes on until the client leaves. Where `events` has nothing to tell, a comment says from time to time
    that the connection lives."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[bytes], clients: Clients) -> None:
        super().__init__(headers={"Cache-Control": "no-store"})
        del self.headers["content-length"]
        self._events = events
        self._clients = clients

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._clients.listening += 1
        try:
            async with anyio.create_task_group() as tasks:

                async def until_gone() -> None:
                    while (await receive())["type"] != "http.disconnect":
                        pass
                    tasks.cancel_scope.cancel()

                tasks.start_soon(until_gone)
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                await self._tell(send, b"retry: 1000\n\n")
                told = time.monotonic()
                async for event in self._events:
                    if not event and time.monotonic() - told < HEARTBEAT_SECS:
                        continue
                    told = time.monotonic()
                    await self._tell(send, event or b": heartbeat\n\n")
                await send({"type": "http.response.body", "body": b""})
                tasks.cancel_scope.cancel()
        except* TimeoutError:
            pass  # it takes nothing any more; the connection ends with this answer
        finally:
            self._clients.listening -= 1

    async def _tell(self, send: Send, event: bytes) -> None:
        with anyio.fail_after(_TAKE_SECS):
            await send({"type": "http.response.body", "body": event, "more_body": True})
