"""Server-sent events: one connection that tells what changes, for as long as the client listens.

All clients of a stream share one read of the desk. A client that does not take what is sent is let go; one that is slow
misses pictures in between and never gets an old one.
"""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable

import anyio
from anyio import to_thread
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from trader.api.problems import Problem

MOST_CLIENTS = 32
LOOK_SECS = 0.25
HEARTBEAT_SECS = 10.0
_TAKE_SECS = 20.0  # for a client to take what was sent


class Shared:
    """What a function tells, asked at most every `LOOK_SECS` however many ask. `look` returns a name of the state and its
    text; it may wait, and runs in a thread."""

    def __init__(self, look: Callable[[], tuple[str, bytes]]) -> None:
        self._look = look
        self._lock = asyncio.Lock()
        self._at = float("-inf")
        self._seen = ("", b"")

    async def now(self) -> tuple[str, bytes]:
        async with self._lock:
            if time.monotonic() - self._at >= LOOK_SECS:
                self._seen = await to_thread.run_sync(self._look)
                self._at = time.monotonic()
            return self._seen


async def changes(shared: Shared, name: str) -> AsyncIterator[bytes]:
    """The state whenever it is another, with a heartbeat between."""
    told, beaten = "", time.monotonic()
    while not _ending():
        state, text = await shared.now()
        if state != told:
            told, beaten = state, time.monotonic()
            yield b"event: %b\nid: %b\ndata: %b\n\n" % (name.encode(), state.encode(), text)
        elif time.monotonic() - beaten >= HEARTBEAT_SECS:
            beaten = time.monotonic()
            yield b": heartbeat\n\n"
        await asyncio.sleep(LOOK_SECS)


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
    """An answer that goes on until the client leaves."""

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
                async for event in self._events:
                    await self._tell(send, event)
                await send({"type": "http.response.body", "body": b""})
                tasks.cancel_scope.cancel()
        except* TimeoutError:
            pass  # it takes nothing any more; the connection ends with this answer
        finally:
            self._clients.listening -= 1

    async def _tell(self, send: Send, event: bytes) -> None:
        with anyio.fail_after(_TAKE_SECS):
            await send({"type": "http.response.body", "body": event, "more_body": True})
